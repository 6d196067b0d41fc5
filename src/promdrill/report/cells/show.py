"""The report of a matrix for people: Markdown for a CI job's page or an issue, plain text for 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from promdrill.core.model import drill_name
from promdrill.report.cells.merge import CellReport, Night
from promdrill.results.expected import as_expected, outcome
from promdrill.results.run import LONGEST_REASON
from promdrill.results.summary import closing_line
from promdrill.results.table import NOTHING, Strong, Table, escape, wrap
from promdrill.results.words import count

LONGEST = 60_000
"""Characters of the Markdown: the text of a GitHub issue may have 65,536, and a job adds a few."""

CUT = "\n\nCut here: summary.json has the rest."


def headline(night: Night) -> str:
    """``2 of 8 cells red``, then how many drills of all cells passed, failed or were skipped."""
    state = f"{len(night.red)} of {count(len(night.cells), 'cell')} red"
    return f"{state}: {closing_line(night.drills, night.skipped)}"


def to_markdown(night: Night) -> str:
    """First what is red, then scenarios by cell, why some were skipped, and the cells; at most `LONGEST` characters."""
    notes = _notes(night)
    out = [f"## promdrill merge: {headline(night)}"]
    red = list(_red_lines(night))
    if red:
        out += ["", "### Red", "", *(f"- {escape(line)}" for line in red)]
    rows = _rows(night)
    if rows:
        table = _scenario_by_cell(night, rows, notes, [cell.id for cell in night.cells])
        out += ["", "### Scenario by cell", "", *table.markdown()]
    out += ["", *(f"- {escape(f'[{number}] {reason}')}" for reason, number in notes.items())] if notes else []
    out += ["", "### Cells", "", *Table(_CELL_HEAD, [_cell_fields(cell) for cell in night.cells]).markdown()]
    return _bounded("\n".join(out))


def to_text(night: Night) -> str:
    """The same in plain text, with numbers for cells, as many side by side as fit; the headline comes last."""
    notes = _notes(night)
    rows = _rows(night)
    parts = [
        [line for lines in _cell_list(night) for line in lines],
        *(block.text() for block in _numbered(night, rows, notes).blocks() if rows),
        [line for reason, number in notes.items() for line in _wrap(f"[{number}] {reason}", 4)],
        [line for each in _red_lines(night) for line in _wrap(f"red: {each}", 4)],
        [headline(night)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _red_lines(night: Night) -> Iterator[str]:
    for cell in night.red:
        yield from (f"{cell.id}: {' '.join(problem.split())}" for problem in cell.problems)
        for drill in cell.drills:
            if not as_expected(drill):
                said = textwrap.shorten(outcome(drill), LONGEST_REASON) or "no reason was given"
                yield f"{cell.id}: {drill.name}: {drill.verdict}: {said}"


def _rows(night: Night) -> list[str]:
    """Names of all drills; each control has its own row, repetitions share one."""
    drilled = {drill_name(drill.scenario, drill.control) for drill in night.drills}
    return sorted(drilled | {skipped.scenario for skipped in night.skipped})


def _notes(night: Night) -> Mapping[str, int]:
    """The reasons for skipping, numbered."""
    reasons = dict.fromkeys(" ".join(skipped.reason.split()) for skipped in night.skipped)
    return {reason: number for number, reason in enumerate(reasons, 1)}


def _scenario_by_cell(night: Night, rows: Sequence[str], notes: Mapping[str, int], heads: Sequence[str]) -> Table:
    fields = [[name, *(_field(cell, name, notes) for cell in night.cells)] for name in rows]
    return Table(["scenario", *heads], fields)


def _numbered(night: Night, rows: Sequence[str], notes: Mapping[str, int]) -> Table:
    return _scenario_by_cell(night, rows, notes, [f"#{number}" for number in range(1, len(night.cells) + 1)])


def _field(cell: CellReport, name: str, notes: Mapping[str, int]) -> str:
    """What one cell says about one scenario; what is red stands out."""
    drills = [drill for drill in cell.drills if drill_name(drill.scenario, drill.control) == name]
    # A control that ended as expected is as good as passed; its verdict alone would look red.
    counted = Counter(
        str(drill.verdict)
        if drill.control is None
        else f"{drill.verdict}, {'as expected' if as_expected(drill) else 'not as expected'}"
        for drill in drills
    )
    said = [word if len(drills) == 1 else f"{number} {word}" for word, number in counted.items()]
    said += [
        f"skipped [{notes[' '.join(skipped.reason.split())]}]" for skipped in cell.skipped if skipped.scenario == name
    ]
    if not cell.runs:
        return Strong("no result")
    words = ", ".join(said) or NOTHING
    return words if all(map(as_expected, drills)) else Strong(words)


_CELL_HEAD = ("cell", "what it is", "Kubernetes", "minutes", "result")


def _cell_fields(cell: CellReport) -> tuple[str, ...]:
    versions = ", ".join(dict.fromkeys(run.kubernetes for run in cell.runs)) or NOTHING
    took = NOTHING if cell.took_s is None else f"{cell.took_s / 60:.1f}"
    came_to = closing_line(cell.drills, cell.skipped) if cell.runs else "no result"
    return cell.id, cell.title, versions, took, f"{'red: ' if cell.red else ''}{came_to}"


def _cell_list(night: Night) -> Iterator[list[str]]:
    for number, cell in enumerate(night.cells, 1):
        id_, title, versions, took, came_to = _cell_fields(cell)
        what = f"{id_}{', ' if title else ''}{title}"
        more = f"; Kubernetes {versions}, {took} min" if cell.runs else ""
        yield _wrap(f"{f'#{number}':<4}{what}: {came_to}{more}", 4)


def _bounded(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - len(CUT)].rpartition("\n")[0] + CUT


def _wrap(text: str, indent: int) -> list[str]:
    return wrap(text, rest=indent)

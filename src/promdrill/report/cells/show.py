"""The report of a matrix for people: Markdown for a CI job's page or an issue, plain text for 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from promdrill.core.model import drill_name
from promdrill.report.cells.merge import Cell, Night
from promdrill.report.compare.markdown import escape, table_row
from promdrill.results.outcome import as_due, outcome
from promdrill.results.run import LONGEST_REASON
from promdrill.results.summary import WIDTH, closing_line

LONGEST = 60_000
"""Characters of the Markdown: the text of a GitHub issue may have 65,536, and a job adds a few of its own."""

CUT = "\n\nCut here: summary.json has the rest."

_NOTHING = "-"
_GAP = "  "


@dataclass(frozen=True, slots=True)
class _Field:
    """What is said of one scenario in one cell."""

    words: str
    red: bool = False


def headline(night: Night) -> str:
    """``2 of 8 cells red``, and then the drills of all cells, counted."""
    state = f"{len(night.red)} of {_count(len(night.cells), 'cell')} red"
    return f"{state}: {closing_line(night.drills, night.skipped)}"


def to_markdown(night: Night) -> str:
    """What is red first, then the table scenario by cell, why what was skipped, and the cells; at most `LONGEST`."""
    notes = _notes(night)
    out = [f"## promdrill stitch: {headline(night)}"]
    red = list(_red_lines(night))
    if red:
        out += ["", "### Red", "", *(f"- {escape(line)}" for line in red)]
    rows = _rows(night)
    if rows:
        out += ["", "### Scenario by cell", "", table_row(["scenario", *(escape(cell.id) for cell in night.cells)])]
        out += [table_row(["---"] * (len(night.cells) + 1))]
        for name in rows:
            fields = [_field(cell, name, notes) for cell in night.cells]
            out += [table_row([escape(name), *(_marked(field) for field in fields)])]
    out += ["", *(f"- {escape(f'[{number}] {reason}')}" for reason, number in notes.items())] if notes else []
    out += ["", "### Cells", "", table_row(_CELL_HEAD), table_row(["---"] * len(_CELL_HEAD))]
    out += [table_row(map(escape, _cell_fields(cell))) for cell in night.cells]
    return _bounded("\n".join(out))


def to_text(night: Night) -> str:
    """The same with numbers for cells, as many of them beside each other as fit; the headline comes last."""
    notes = _notes(night)
    rows = _rows(night)
    parts = [
        [line for lines in _cell_list(night) for line in lines],
        *(_blocks(night, rows, notes) if rows else ()),
        [line for reason, number in notes.items() for line in _wrap(f"[{number}] {reason}", 4)],
        [line for each in _red_lines(night) for line in _wrap(f"red: {each}", 4)],
        [headline(night)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _red_lines(night: Night) -> Iterator[str]:
    for cell in night.red:
        yield from (f"{cell.id}: {' '.join(problem.split())}" for problem in cell.problems)
        for drill in cell.drills:
            if not as_due(drill):
                said = textwrap.shorten(outcome(drill), LONGEST_REASON) or "no reason was given"
                yield f"{cell.id}: {drill.name}: {drill.verdict}: {said}"


def _rows(night: Night) -> list[str]:
    """Names of all drills, each control in a row of its own; repetitions share one."""
    drilled = {drill_name(drill.scenario, drill.control) for drill in night.drills}
    return sorted(drilled | {skipped.scenario for skipped in night.skipped})


def _notes(night: Night) -> Mapping[str, int]:
    """The reasons for skipping, numbered."""
    reasons = dict.fromkeys(" ".join(skipped.reason.split()) for skipped in night.skipped)
    return {reason: number for number, reason in enumerate(reasons, 1)}


def _field(cell: Cell, name: str, notes: Mapping[str, int]) -> _Field:
    drills = [drill for drill in cell.drills if drill_name(drill.scenario, drill.control) == name]
    # A control that ended as due is as good as passed; its verdict alone would look red.
    words = Counter(
        f"{drill.verdict}{'' if drill.control is None else ', as due' if as_due(drill) else ', not as due'}"
        for drill in drills
    )
    said = [word if len(drills) == 1 else f"{number} {word}" for word, number in words.items()]
    said += [
        f"skipped [{notes[' '.join(skipped.reason.split())]}]" for skipped in cell.skipped if skipped.scenario == name
    ]
    if not cell.runs:
        return _Field("no result", red=True)
    return _Field(", ".join(said) or _NOTHING, not all(map(as_due, drills)))


def _marked(field: _Field) -> str:
    return f"**{escape(field.words)}**" if field.red else escape(field.words)


_CELL_HEAD = ("cell", "what it is", "Kubernetes", "minutes", "came to")


def _cell_fields(cell: Cell) -> tuple[str, ...]:
    versions = ", ".join(dict.fromkeys(run.kubernetes for run in cell.runs)) or _NOTHING
    took = _NOTHING if cell.took_s is None else f"{cell.took_s / 60:.1f}"
    came_to = closing_line(cell.drills, cell.skipped) if cell.runs else "no result"
    return cell.id, cell.title, versions, took, f"{'red: ' if cell.red else ''}{came_to}"


def _cell_list(night: Night) -> Iterator[list[str]]:
    for number, cell in enumerate(night.cells, 1):
        id_, title, versions, took, came_to = _cell_fields(cell)
        what = f"{id_}{', ' if title else ''}{title}"
        more = f"; Kubernetes {versions}, {took} min" if cell.runs else ""
        yield _wrap(f"{f'#{number}':<4}{what}: {came_to}{more}", 4)


def _blocks(night: Night, rows: Sequence[str], notes: Mapping[str, int]) -> Iterator[list[str]]:
    columns = [
        [f"#{number}", *(_field(cell, name, notes).words for name in rows)]
        for number, cell in enumerate(night.cells, 1)
    ]
    names = ["scenario", *rows]
    first = max(map(len, names))
    while columns:
        block = [columns.pop(0)]
        while columns and first + sum(len(_GAP) + _width(column) for column in [*block, columns[0]]) <= WIDTH:
            block.append(columns.pop(0))
        yield [
            _padded((name, *fields), (first, *map(_width, block))) for name, *fields in zip(names, *block, strict=True)
        ]


def _padded(fields: Iterable[str], widths: Iterable[int]) -> str:
    return _GAP.join(f"{field:<{width}}" for field, width in zip(fields, widths, strict=True)).rstrip()


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def _bounded(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - len(CUT)].rpartition("\n")[0] + CUT


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _wrap(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False, break_long_words=False)

"""A matrix in the terminal: its cells and, at the end, scenarios by cells. Plain text for 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from promdrill.core.model import DrillResult, Verdict
from promdrill.matrix.cells import Cell
from promdrill.matrix.kept import Last
from promdrill.matrix.running import Outcome, Result
from promdrill.results.expected import as_expected, outcome
from promdrill.results.run import LONGEST_REASON
from promdrill.results.summary import closing_line
from promdrill.results.table import NOTHING, WIDTH, Table, wrap

_WORST = (Verdict.FAILED, Verdict.INVALID, Verdict.ABORTED, Verdict.PASSED)
_WORDS = {**{verdict: str(verdict) for verdict in Verdict}, Verdict.FAILED: "FAILED"}
_LETTERS = {Verdict.PASSED: "p", Verdict.FAILED: "F", Verdict.INVALID: "i", Verdict.ABORTED: "a"}
_KEY = "p passed  F FAILED  i invalid  a aborted  sN skipped, see [N]  - no result"


def listing(cells: Sequence[Cell], last: Mapping[str, Last | None]) -> Iterator[str]:
    """The table of cells.

    Args:
        cells: The cells.
        last: What their folders hold, by cell id.
    """
    rows = [(cell.id, _scenarios(cell), _last(last[cell.id]), cell.title) for cell in cells]
    yield from Table(("id", "scenarios", "last", "what"), rows).text(WIDTH)


def told(last: Last | None) -> str | None:
    """What the folder of a cell holds, in words; None for nothing."""
    if last is None:
        return None
    if last.run is None:
        return "no result"
    counted = closing_line(last.run.drills, last.run.skipped)
    words = counted if last.finished else f"did not finish: {counted}"
    return words if last.same else f"changed since: {words}"


def summary(result: Result) -> Iterator[str]:
    """How the cells ended: a line each, scenarios by cells, the reasons, and one closing line."""
    numbered = list(enumerate(result.outcomes, 1))
    width = max((len(each.cell.id) for each in result.outcomes), default=0)
    yield ""
    for number, each in numbered:
        took = "-" if each.took_s is None else f"{each.took_s:.0f} s"
        indent = 3 + width + 12
        yield from _wrapped(f"{number:>2} {each.cell.id:<{width}} {took:>8}  {'red: ' * each.red}{each.words}", indent)
    notes = _notes(result.outcomes)
    rows = sorted({name for each in result.outcomes for name in _names(each)})
    if rows:
        yield from _scenario_by_cell(rows, result.outcomes, notes)
    for reason, number in notes.items():
        yield from _wrapped(f"[{number}] {reason}", 4)
    red = [line for number, each in numbered for line in _red(number, each)] + [*result.problems]
    if red:
        yield from ("", "red:")
    for line in red:
        yield from _wrapped(f"  {textwrap.shorten(line, LONGEST_REASON)}", 4)
    yield ""
    yield _headline(result)


def _headline(result: Result) -> str:
    number = len(result.outcomes)
    runs = [each.run for each in result.outcomes if each.run is not None]
    counted = closing_line(
        [drill for run in runs for drill in run.drills], [skipped for run in runs for skipped in run.skipped]
    )
    red = sum(each.red for each in result.outcomes)
    return f"{number} cell{'' if number == 1 else 's'}, {red} red: {counted}; {result.took_s:.0f} s in all"


def _scenario_by_cell(rows: Sequence[str], outcomes: Sequence[Outcome], notes: Mapping[str, int]) -> Iterator[str]:
    """In words if all columns fit side by side, else in letters, in blocks of as many columns as fit."""
    fields = [[_field(each, name, notes) for each in outcomes] for name in rows]
    head = ["scenario", *(f"{number}" for number in range(1, len(outcomes) + 1))]
    words = Table(head, [[name, *(field.words for field in row)] for name, row in zip(rows, fields, strict=True)])
    if words.width <= WIDTH:
        yield from ("", *words.text())
    else:
        letters = [[name, *(field.letter for field in row)] for name, row in zip(rows, fields, strict=True)]
        for block in Table(head, letters).blocks():
            yield from ("", *block.text())
        yield _KEY
    yield ""


@dataclass(frozen=True, slots=True)
class _Field:
    """One scenario in one cell."""

    words: str = NOTHING
    letter: str = NOTHING


def _field(each: Outcome, name: str, notes: Mapping[str, int]) -> _Field:
    if each.run is None:
        return _Field()
    drills = [drill for drill in each.run.drills if drill.scenario == name]
    if drills:
        worst = min((drill.verdict for drill in drills), key=_WORST.index)
        share = f" {sum(drill.verdict is worst for drill in drills)}/{len(drills)}" if len(drills) > 1 else ""
        return _Field(f"{_WORDS[worst]}{share}", _LETTERS[worst])
    for skipped in each.run.skipped:
        if skipped.scenario == name:
            number = notes[_line(skipped.reason)]
            return _Field(f"skipped [{number}]", f"s{number}")
    return _Field()


def _names(each: Outcome) -> Iterator[str]:
    if each.run is not None:
        yield from (drill.scenario for drill in each.run.drills)
        yield from (skipped.scenario for skipped in each.run.skipped)


def _notes(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """The reasons for skipping, numbered."""
    runs = (each.run for each in outcomes if each.run is not None)
    reasons = dict.fromkeys(_line(skipped.reason) for run in runs for skipped in run.skipped)
    return {reason: number for number, reason in enumerate(reasons, 1)}


def _red(number: int, each: Outcome) -> Iterator[str]:
    if each.reason is not None:
        yield f"{number} {each.cell.id}: {each.state}: {_line(each.reason)}"
    drills: tuple[DrillResult, ...] = each.run.drills if each.run is not None else ()
    for drill in drills:
        if not as_expected(drill):
            yield f"{number} {each.cell.id}: {drill.name}: {_WORDS[drill.verdict]}: {_line(outcome(drill))}"


def _last(last: Last | None) -> str:
    return told(last) or "never"


def _scenarios(cell: Cell) -> str:
    ids = cell.scenarios
    return "all" if not ids else ids[0] if len(ids) == 1 else str(len(ids))


def _wrapped(text: str, indent: int) -> list[str]:
    return wrap(text, rest=indent)


def _line(text: str) -> str:
    return " ".join(text.split())

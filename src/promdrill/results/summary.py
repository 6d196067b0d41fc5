"""The closing lines of a run: plain text for 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from promdrill.core.model import AT_ONCE, DrillResult, Skipped, Variant
from promdrill.results.alerts.coverage import first_alert
from promdrill.results.expected import as_expected, outcome
from promdrill.results.table import NOTHING, Table, wrap
from promdrill.results.words import seconds

_HEAD = ("verdict", "scenario", "detected", "recovered", "gap")
_INDENT = 9
"""Columns by which a reason is indented: the width of the verdict."""


def lines(
    drills: Sequence[DrillResult], skipped: Sequence[Skipped] = (), *, planned: int = 0, interrupted: bool = False
) -> list[str]:
    """One line per drill with verdict, time to detection and to recovery, and gap; the reason below unless it passed.

    Where rules were evaluated, the first alert follows. Drills whose fault was to grow, and cannot, are named last.

    A dash stands for an unknown figure. Controls and ablations also say whether they ended as expected.

    Args:
        drills: The drills that ended.
        skipped: Scenarios that do not apply.
        planned: How many drills there were to be; 0 for unknown.
        interrupted: Whether the run was interrupted.
    """
    if interrupted:
        of = f" of {planned}" if planned else ""
        return [*lines(drills, skipped), f"interrupted after {len(drills)}{of} drills"]
    if not drills:
        return ["no drill was run", *_left_out(skipped)]
    rows = [
        (
            drill.verdict,
            _name(drill),
            *map(_seconds, (drill.detected_after_s, drill.recovered_after_s, drill.samples.gap_s)),
        )
        for drill in drills
    ]
    said = {number: _below(drill) for number, drill in enumerate(drills)}
    figures = frozenset({2, 3, 4})
    table = Table(_HEAD, rows, figures, said, _INDENT, gap=" ", least={0: _INDENT - 1} | dict.fromkeys(figures, 10))
    return [*table.text(), *_left_out(skipped), *_at_once(drills)]


def closing_line(drills: Sequence[DrillResult], skipped: Sequence[Skipped] = ()) -> str:
    """``N passed, N failed``: controls and ablations that ended as expected count as passed, all others as failed.

    Skipped scenarios, if any, are counted after that.
    """
    passed = sum(as_expected(drill) for drill in drills)
    return f"{passed} passed, {len(drills) - passed} failed" + (f", {len(skipped)} skipped" if skipped else "")


def _below(drill: DrillResult) -> tuple[str, ...]:
    """What stands below a drill's line: why it did not pass, and its first alert."""
    alert = "" if drill.alerts is None else first_alert(drill.alerts)
    return tuple(text for text in (outcome(drill), alert) if text)


def _left_out(skipped: Sequence[Skipped]) -> list[str]:
    """A line for each reason, with the scenarios that were skipped for it."""
    reasons: dict[str, list[str]] = {}
    for each in skipped:
        reasons.setdefault(each.reason, []).append(each.scenario)
    told = (f"skipped  {', '.join(names)}: {reason}" for reason, names in reasons.items())
    return [line for text in told for line in wrap(text, rest=_INDENT)]


def _at_once(drills: Sequence[DrillResult]) -> list[str]:
    """Of which drills the fault was to grow, and cannot; nothing if there is none."""
    names = ", ".join(_name(drill) for drill in drills if AT_ONCE in drill.remarks)
    return wrap(f"at once  {names}: GROWTH did nothing, as these faults do not grow", rest=_INDENT) if names else []


def _name(drill: DrillResult) -> str:
    if drill.left_out is not None:
        return f"{drill.scenario} (without line {drill.left_out.line})"
    label = Variant(drill.control, repetition=drill.repetition).label
    return drill.scenario if label is None else f"{drill.scenario} ({label})"


def _seconds(figure: float | None) -> str:
    return NOTHING if figure is None else seconds(figure)

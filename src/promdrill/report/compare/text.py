"""A comparison as plain text for 80 columns, and as JSON."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from promdrill.core.model import drill_name
from promdrill.report.compare.across import ANY
from promdrill.report.compare.cells import AlertsOfSide, ComparedCell, Side
from promdrill.report.compare.regressions import (
    THRESHOLD,
    AlertTrend,
    Compared,
    ComparedSide,
    Comparison,
    Finding,
    Recovery,
    Trend,
    same_growth,
    same_profile,
)
from promdrill.results.alerts.marks import FROM, Mark, placed
from promdrill.results.table import wrap
from promdrill.results.words import count, span

COMPARISON_SCHEMA = 1
"""Version of the JSON form; raised when a field changes its meaning or goes away."""

NOTHING = "Nothing was compared: no cell has a verdict in both."
PROPOSAL = "To compare these different cells, run:"
UNKNOWN = "?"
"""Stands for what no result has."""

_TITLES = {
    Finding.REGRESSION: ("regression", "regressions"),
    Finding.IMPROVEMENT: ("improvement", "improvements"),
    Finding.CHANGE: (
        "change, neither worse nor better beyond chance",
        "changes, neither worse nor better beyond chance",
    ),
    Finding.SKIPPED: ("cell skipped in NEW, drilled in OLD", "cells skipped in NEW, drilled in OLD"),
    Finding.DRILLED: ("cell drilled in NEW, skipped in OLD", "cells drilled in NEW, skipped in OLD"),
    Finding.NEW: ("new cell, not in OLD", "new cells, not in OLD"),
    Finding.MISSING: ("cell missing in NEW", "cells missing in NEW"),
    Finding.NOT_COMPARED: ("cell not compared", "cells not compared"),
    Finding.UNCHANGED: ("cell unchanged", "cells unchanged"),
}

_BRIEF = (Finding.SKIPPED, Finding.DRILLED, Finding.NEW, Finding.MISSING, Finding.UNCHANGED)


def to_text(comparison: Comparison, old: str, new: str) -> str:
    """Regressions first, each with its old and new state; unchanged cells are only counted.

    Args:
        comparison: What was found.
        old: The name of the first side.
        new: The name of the second.
    """
    out = [*_wrap(source_line("OLD", old, comparison.old)), *_wrap(source_line("NEW", new, comparison.new))]
    if comparison.across:
        out += [across_line(comparison)]
    if nothing_compared(comparison):
        out += ["", NOTHING]
    if comparison.proposal:
        out += [PROPOSAL, f"  {command(comparison, old, new)}"]
    for finding in Finding:
        rows = comparison.of(finding)
        if finding is Finding.UNCHANGED or not (rows or finding is Finding.REGRESSION):
            continue
        out += ["", title(finding, len(rows))]
        for row in rows:
            out += _row(row)
    aborted = aborted_lines(comparison)
    if aborted:
        out += ["", f"{len(aborted)} aborted, which says nothing about the runbook"]
        out += [line for text in aborted for line in _wrap(text, 2)]
    return "\n".join([*out, "", *_wrap(unchanged(comparison))])


def to_json(comparison: Comparison, old: str, new: str) -> str:
    """All cells, regressions first, with every figure; arguments as in `to_text`."""
    data = {
        "schema": COMPARISON_SCHEMA,
        "threshold": comparison.threshold,
        "across": comparison.across,
        "proposal": command(comparison, old, new) if comparison.proposal else None,
        "old": {"path": old, **asdict(comparison.old)},
        "new": {"path": new, **asdict(comparison.new)},
        "counts": {str(finding): len(comparison.of(finding)) for finding in Finding},
        "cells": [{**asdict(row.cell), **_without_cell(row)} for row in comparison.rows],
    }
    return json.dumps(data, indent=2)


def source_line(side: str, path: str, source: ComparedSide) -> str:
    """What one side consists of, and which of its runs are unfinished."""
    line = f"{side}: {path}: {count(source.runs, 'run')}, {count(source.drills, 'drill')}"
    if not source.unfinished:
        return line
    return f"{line}; unfinished, so drills may be missing: {count(len(source.unfinished), 'run')}, started " + (
        ", ".join(source.unfinished)
    )


def title(finding: Finding, number: int) -> str:
    """``2 regressions``, ``1 cell missing in NEW``."""
    return f"{number} {_TITLES[finding][number != 1]}"


def nothing_compared(comparison: Comparison) -> bool:
    """Whether nothing could be said about any cell."""
    return all(row.verdict is None for row in comparison.rows)


def across_line(comparison: Comparison) -> str:
    """Which fields were ignored."""
    return f"Across: {', '.join(comparison.across)}"


def command(comparison: Comparison, old: str, new: str) -> str:
    """The command that ignores the proposed fields."""
    threshold = [] if comparison.threshold == THRESHOLD else ["--threshold", f"{comparison.threshold * 100:g}"]
    return shlex.join(["promdrill", "compare", old, new, "--across", ",".join(comparison.proposal), *threshold])


def cell_line(cell: ComparedCell, old: Side | None = None, new: Side | None = None) -> str:
    """The cell without its scenario and control; ignored fields are shown as they are in OLD and in NEW."""
    both = [_cell_words(cell, side) for side in (old, new) if side] or [_cell_words(cell, None)]
    return ", ".join(_changing([*dict.fromkeys(values)]) for values in zip(*both, strict=True))


def _changing(values: Sequence[tuple[str, str]]) -> str:
    """``Prometheus 2.48.0 -> 3.14.0``; a name that changes too is shown with each value."""
    if len({name for name, _ in values}) == 1:
        return f"{values[0][0]} {' -> '.join(value for _, value in values)}".strip()
    return " -> ".join(f"{name} {value}" for name, value in values)


def _cell_words(cell: ComparedCell, side: Side | None) -> tuple[tuple[str, str], ...]:
    """Name and value of chart, Prometheus, Kubernetes and profile of a cell, as they are on one side."""

    def said(name: str) -> str:
        value: str | None = getattr(cell, name)
        return (side.own.get(name) if side and value == ANY else value) or UNKNOWN

    return (
        (said("chart"), said("chart_version")),
        ("Prometheus", said("app_version")),
        ("Kubernetes", said("kubernetes")),
        ("", said("profile")),
    )


def side_words(side: Side | None, finding: Finding) -> str:
    """The verdicts of one side and one reason, if possible that of a drill that did not end as expected.

    Reasons of controls that ended as expected are left out if nothing changed or there is nothing to compare with.
    """
    if side is None:
        return "no result"
    counts = Counter(map(str, side.verdicts))
    if side.aborted:
        counts["aborted"] = len(side.aborted)
    one = counts.total() == 1
    words = ", ".join(verdict if one else f"{number} {verdict}" for verdict, number in counts.items())
    if side.skipped:
        words = f"skipped: {' '.join(side.skipped[0].split())}"
        return words + (f" (and {count(len(side.skipped) - 1, 'other reason')})" if len(side.skipped) > 1 else "")
    reasons = [" ".join(reason.split()) for reason in side.reasons or (side.aborted if not side.verdicts else ())]
    if reasons and finding in _BRIEF and side.as_expected == len(side.verdicts) > 0:
        words += ", as expected"
    elif reasons:
        words += f": {reasons[0]}"
        words += f" (and {count(len(reasons) - 1, 'other reason')})" if len(reasons) > 1 else ""
    if side.assumed:
        words += f" (versions unknown for {count(side.assumed, 'drill')}: taken to belong to this cell)"
    return words


def recovery_words(old: Side, new: Side, recovery: Recovery) -> str:
    """Both medians with their spread, the change, and how much of a change is noise."""
    both = f"{_figure(old)} -> {_figure(new)}"
    word = {Trend.WORSE: "slower", Trend.BETTER: "faster"}.get(recovery.trend)
    if word is None:
        return f"{both}, within the noise of {recovery.limit_s:.1f} s"
    return f"{both}, {abs(recovery.change_s):.1f} s {word}; noise is up to {recovery.limit_s:.1f} s"


def recovery_line(row: Compared) -> str:
    """What there is to say about a row's recovery; empty if nothing."""
    if row.old is None or row.new is None:
        return ""
    if row.recovery is not None:
        return recovery_words(row.old, row.new, row.recovery)
    if row.verdict is None or row.old.median_s is None or row.new.median_s is None or same_profile(row.old, row.new):
        return ""
    return f"{_figure(row.old)} -> {_figure(row.new)}, not compared: different profiles"


def alert_lines(row: Compared) -> list[str]:
    """A line for each alert that does not fire as it did, or why alerts are not compared."""
    old, new = (None if side is None else side.alerts for side in (row.old, row.new))
    if old is not None and new is not None and not same_growth(old, new):
        return [f"not compared: {_grew(old)} in old, {_grew(new)} in new"]
    return [f"{each.alert} from {FROM[each.evaluator]}: {_alert_words(each)}" for each in row.alerts]


def _grew(alerts: AlertsOfSide) -> str:
    return "the fault took effect at once" if alerts.full_s is None else f"the fault grew for {span(alerts.full_s)}"


def _alert_words(each: AlertTrend) -> str:
    if each.old_s is None:
        return f"fires now, {_after_fault(each.new_s)}; it did not"
    if each.new_s is None:
        return f"no longer fires; it did, {_after_fault(each.old_s)}"
    change_s = each.new_s - each.old_s
    if abs(change_s) <= each.limit_s:
        return f"fired in {each.new} of {each.new_of}; it did in {each.old} of {each.old_of}"
    both = f"{_after_fault(each.old_s)} -> {_after_fault(each.new_s)}"
    return (
        f"{both}, {span(abs(change_s))} {'later' if change_s > 0 else 'earlier'}; noise is up to {span(each.limit_s)}"
    )


def _after_fault(figure_s: float | None) -> str:
    return placed(figure_s or 0.0, Mark.FAULT)


def aborted_lines(comparison: Comparison) -> list[str]:
    """Every aborted drill of both sides, those of NEW first."""
    return [
        f"{name}: {drill_name(row.cell.scenario, row.cell.control)}, {cell_line(row.cell, side)}: "
        f"{' '.join(reason.split())}"
        for name in ("NEW", "OLD")
        for row in comparison.rows
        for side in [row.new if name == "NEW" else row.old]
        for reason in (side.aborted if side else ())
    ]


def unchanged(comparison: Comparison) -> str:
    """How many cells are unchanged, and how many of them are as expected."""
    rows = comparison.of(Finding.UNCHANGED)
    sides = [row.new for row in rows if row.new is not None]
    due = sum(side.as_expected == len(side.verdicts) for side in sides)
    never = sum(side.as_expected == 0 for side in sides)
    line = title(Finding.UNCHANGED, len(rows))
    parts = [(due, "as expected"), (never, "not as expected"), (len(rows) - due - never, "mixed")]
    said = ", ".join(f"{number} {words}" for number, words in parts if number)
    return f"{line}: {said}" if said else line


def _row(row: Compared) -> Iterator[str]:
    yield from _wrap(drill_name(row.cell.scenario, row.cell.control), 2)
    yield from _wrap(cell_line(row.cell, row.old, row.new), 4)
    if row.old is not None:
        yield from _wrap(f"old: {side_words(row.old, row.finding)}", 4)
    if row.new is not None:
        yield from _wrap(f"new: {side_words(row.new, row.finding)}", 4)
    recovery = recovery_line(row)
    if recovery:
        yield from _wrap(f"recovery: {recovery}", 4)
    for line in alert_lines(row):
        yield from _wrap(f"alert: {line}", 4)


def _figure(side: Side) -> str:
    if side.median_s is None:
        return UNKNOWN
    if side.spread_s is None:
        return f"{side.median_s:.1f} s"
    return f"{side.median_s:.1f} s (of {len(side.recovered_s)}, spread {side.spread_s:.1f} s)"


def _without_cell(row: Compared) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name != "cell"}


def _wrap(text: str, indent: int = 0) -> list[str]:
    return wrap(text, first=indent, rest=indent + 2)

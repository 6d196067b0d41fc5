"""The lines that close a run: plain text for 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from promdrill.core.model import DrillResult, Skipped, Variant
from promdrill.results.outcome import as_due, outcome

WIDTH = 80
"""Columns that a line of the summary may take: the narrowest terminal that people still use."""

_WORDS: Mapping[str, Any] = {"break_on_hyphens": False, "break_long_words": False}
_LONGEST_NAME = 32  # what is left of 80 columns beside verdict and figures


def lines(drills: Sequence[DrillResult], skipped: Sequence[Skipped] = ()) -> list[str]:
    """One line per drill with verdict, detection, recovery and gap, in seconds; its reason below unless it passed.

    A dash stands for a figure that is not known. Of controls and ablations it is said whether they ended as due.
    """
    if not drills:
        return ["no drill was run", *_left_out(skipped)]
    names = [_name(drill) for drill in drills]
    width = min(_LONGEST_NAME, max(len("scenario"), *map(len, names)))
    out = [f"{'verdict':<8} {'scenario':<{width}} {'detected':>10} {'recovered':>10} {'gap':>10}"]
    for drill, name in zip(drills, names, strict=True):
        figures = (drill.detected_after_s, drill.recovered_after_s, drill.samples.gap_s)
        out.append(f"{drill.verdict:<8} {name:<{width}} " + " ".join(f"{_seconds(figure):>10}" for figure in figures))
        said = " ".join(outcome(drill).split())
        out += textwrap.wrap(
            said,
            WIDTH,
            initial_indent=" " * 9,
            subsequent_indent=" " * 9,
            **_WORDS,
        )
    return out + _left_out(skipped)


def closing_line(drills: Sequence[DrillResult], skipped: Sequence[Skipped] = ()) -> str:
    """``N passed, N failed``: controls and ablations that ended as due count as passed, all others as failed.

    Scenarios that were skipped are counted behind it, where there are any.
    """
    passed = sum(as_due(drill) for drill in drills)
    return f"{passed} passed, {len(drills) - passed} failed" + (f", {len(skipped)} skipped" if skipped else "")


def _left_out(skipped: Sequence[Skipped]) -> list[str]:
    """A line for each scenario that was skipped; scenarios of one reason share it."""
    reasons: dict[str, list[str]] = {}
    for each in skipped:
        reasons.setdefault(each.reason, []).append(each.scenario)
    told = (f"skipped  {', '.join(names)}: {reason}" for reason, names in reasons.items())
    indent = " " * 9
    return [line for text in told for line in textwrap.wrap(text, WIDTH, subsequent_indent=indent, **_WORDS)]


def _name(drill: DrillResult) -> str:
    if drill.left_out is not None:
        return f"{drill.scenario} (without line {drill.left_out.line})"
    label = Variant(drill.control, repetition=drill.repetition).label
    return drill.scenario if label is None else f"{drill.scenario} ({label})"


def _seconds(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.1f} s"

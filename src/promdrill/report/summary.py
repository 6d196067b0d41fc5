"""The lines that close a run: plain text for 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from promdrill.model import DrillResult
from promdrill.report.due import as_due, outcome

WIDTH = 80
"""Columns that a line of the summary may take: the narrowest terminal that people still use."""

_LONGEST_NAME = 32  # what is left of 80 columns beside verdict and figures


def lines(drills: Sequence[DrillResult]) -> list[str]:
    """One line per drill with verdict, detection, recovery and gap, in seconds; its reason below unless it passed.

    A dash stands for a figure that is not known. Of controls and ablations it is said whether they ended as due.
    """
    if not drills:
        return ["no drill was run"]
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
            break_on_hyphens=False,
            break_long_words=False,
        )
    return out


def closing_line(drills: Sequence[DrillResult]) -> str:
    """``N passed, N failed``: controls and ablations that ended as due count as passed, all others as failed."""
    passed = sum(as_due(drill) for drill in drills)
    return f"{passed} passed, {len(drills) - passed} failed"


def _name(drill: DrillResult) -> str:
    if drill.left_out is not None:
        return f"{drill.scenario} (without line {drill.left_out.line})"
    return drill.scenario if drill.control is None else f"{drill.scenario} ({drill.control})"


def _seconds(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.1f} s"

"""How much of each drill a page shows: all that a person would read, and less where there are many drills."""

from __future__ import annotations

from dataclasses import dataclass

OUTPUTS_CHARS = 2_400_000
"""Of all steps' outputs on one page; with the other shares it leaves room for the timelines below 10 MB."""

VALUES_CHARS = 400_000
"""Of all drills' values."""

LOG_ROWS = 24_000
"""Of all drills' logs."""

STEPS = 12
"""Of a runbook, for sharing `OUTPUTS_CHARS` out: more than most have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one drill may take.

    Attributes:
        output: Characters of one step's output.
        detail: Characters beside a row of the log.
        rows: Of the log.
        values: Characters of its values.
    """

    output: int = 12_000
    detail: int = 600
    rows: int = 400
    values: int = 6_000


def limits(drills: int) -> Limits:
    """The limits of a page with that many drills."""
    most, number = Limits(), max(1, drills)
    output = min(most.output, OUTPUTS_CHARS // (STEPS * number))
    return Limits(
        output=output,
        detail=min(most.detail, output // 4),
        rows=min(most.rows, LOG_ROWS // number),
        values=min(most.values, VALUES_CHARS // number),
    )

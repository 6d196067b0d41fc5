"""How much of each drill a page shows: all that a person would read, and less if there are many drills."""

from __future__ import annotations

from dataclasses import dataclass

OUTPUTS_CHARS = 2_400_000
"""Characters of all steps' output on one page; with the others it leaves space for timelines below 10 MB."""

VALUES_CHARS = 400_000
"""Characters of all drills' values."""

LOG_ROWS = 24_000
"""Characters of all drills' logs."""

ALERT_ROWS = 2_000
"""Alerts of all drills' timelines."""

STEPS = 12
"""Steps of a runbook, for dividing `OUTPUTS_CHARS`: more than most have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one drill may take.

    Attributes:
        output: Characters of one step's output.
        detail: Characters of a log row's detail.
        rows: Rows of the log.
        values: Characters of its values.
        alerts: Alerts in its timeline.
    """

    output: int = 12_000
    detail: int = 600
    rows: int = 400
    values: int = 6_000
    alerts: int = 40


def limits(drills: int) -> Limits:
    """The limits of a page with that many drills."""
    most, number = Limits(), max(1, drills)
    output = min(most.output, OUTPUTS_CHARS // (STEPS * number))
    return Limits(
        output=output,
        detail=min(most.detail, output // 4),
        rows=min(most.rows, LOG_ROWS // number),
        values=min(most.values, VALUES_CHARS // number),
        alerts=min(most.alerts, ALERT_ROWS // number),
    )

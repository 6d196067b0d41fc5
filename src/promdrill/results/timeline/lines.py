"""An event in one line, for a terminal or a pipe."""

from __future__ import annotations

from promdrill.core.events import Ending, PhaseEnded


def phase_line(event: PhaseEnded) -> str:
    """``inject           1.1 s``, and how it ended unless it was done."""
    cut_short = "" if event.ended is Ending.DONE else f"  {event.ended}"
    return f"{event.phase:<12} {event.took_s:>7.1f} s{cut_short}"

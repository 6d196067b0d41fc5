"""The moments of an incident that alerts are compared to, and how the time between is written.

Records hold seconds as measured; people are shown what they stand for: `promdrill.core.alerts.AlertAccount.speed` times
as long.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from promdrill.core.alerts import AlertAccount, AlertMoments, Evaluator
from promdrill.results.words import about, span


class Mark(StrEnum):
    """A moment of an incident, by its name in alerts.toml."""

    FAULT = "fault"
    FULL = "full"
    SIGNATURE = "signature"
    FIRST_LOST = "first-lost-sample"
    CRASH = "crash"
    RECOVERY = "recovery"


HARM = (Mark.FIRST_LOST, Mark.CRASH)
"""What an alert has to come before to be in time."""

NAMES = {
    Mark.FAULT: "the fault",
    Mark.FULL: "the volume was full",
    Mark.SIGNATURE: "the signature",
    Mark.FIRST_LOST: "the first lost sample",
    Mark.CRASH: "the crash",
    Mark.RECOVERY: "recovery",
}
"""The moments in words, after "before" or "after"."""

ABSENT = {
    Mark.FAULT: "there was no fault",
    Mark.FULL: "no volume was filled slowly, with GROWTH, to its end",
    Mark.SIGNATURE: "the signature was not seen",
    Mark.FIRST_LOST: "no sample was lost",
    Mark.CRASH: "the server did not crash",
    Mark.RECOVERY: "recovery was not proven",
}
"""What is said where a moment did not come."""

FROM = {Evaluator.INSIDE: "inside", Evaluator.WITNESS: "the witness"}
"""The evaluators in words, after "from"."""


def at_s(moments: AlertMoments, mark: Mark) -> float | None:
    """When a moment was, in seconds as measured since the fault; None if it did not come."""
    return {
        Mark.FAULT: 0.0,
        Mark.FULL: moments.full_s,
        Mark.SIGNATURE: moments.signature_s,
        Mark.FIRST_LOST: moments.first_lost_s,
        Mark.CRASH: moments.crashed_s,
        Mark.RECOVERY: moments.recovered_s,
    }[mark]


def zero(moments: Collection[str]) -> Mark:
    """The moment that people count from: when a fault that grows had its full effect, or else the fault.

    Args:
        moments: The names of those that came.
    """
    return Mark.FULL if Mark.FULL in moments else Mark.FAULT


def off_s(account: AlertAccount) -> float:
    """How many seconds of the operator's a moment may be off."""
    return account.off_by_s * account.speed


def placed(after_s: float, mark: Mark, off: float = 0.0) -> str:
    """A moment relative to another: ``2 min (±30 s) after the fault``.

    Args:
        after_s: Seconds of the operator's after that moment; negative for before it.
        mark: That moment.
        off: How many seconds of the operator's it may be off.
    """
    if round(after_s, 1) == 0:
        at = "when" if mark is Mark.FULL else "at"
        return f"{at} {NAMES[mark]}" + (f" (±{span(off)})" if off else "")
    return f"{about(abs(after_s), off)} {'after' if after_s > 0 else 'before'} {NAMES[mark]}"

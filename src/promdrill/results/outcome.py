"""Whether a drill ended as it had to: a control that ends as it must counts as passed."""

from __future__ import annotations

from promdrill.core.model import DrillResult, Verdict

# The engine is loaded when there is a drill to judge: a pytest session without one must not pay for it.


def as_due(drill: DrillResult) -> bool:
    """Whether the drill passed, or is a control or an ablation that ended as it must."""
    from promdrill.drill.verdicts import shortfall  # noqa: PLC0415

    return shortfall(drill) is None


def outcome(drill: DrillResult) -> str:
    """What is said after the verdict: the reason; of controls and ablations whether it was due, and what it shows.

    Empty for a drill that passed.
    """
    from promdrill.drill.verdicts import need, shortfall  # noqa: PLC0415

    reason = "" if drill.verdict is Verdict.PASSED else drill.reason or "no reason was given"
    if drill.control is None:
        return reason
    short = shortfall(drill)
    if short is not None:
        return f"not as due: {short}"
    shown = f"as due, {need(drill)}" if drill.left_out is not None else "as due"
    return f"{shown}: {reason}" if reason else shown

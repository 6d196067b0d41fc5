"""Whether a drill ended as it had to: a control that ends as it must counts as passed."""

from __future__ import annotations

from promdrill.model import DrillResult


def as_due(drill: DrillResult) -> bool:
    """Whether the drill passed, or is a control that ended as that control must."""
    # Loaded when there is a drill to judge: a pytest session without one must not pay for the engine.
    from promdrill.drill.verdicts import shortfall  # noqa: PLC0415

    return shortfall(drill) is None

"""Checks of the signature itself: that it means something, and that the incident did not heal unnoticed."""

from __future__ import annotations

from collections.abc import Sequence

from promdrill.drill.plan import Moments, Stage, conditions_of
from promdrill.drill.verdicts import NothingProven
from promdrill.observe.conditions import Condition, Failure, Kind, Seen, all_of
from promdrill.observe.observer import Observer
from promdrill.observe.snapshot import Snapshot
from promdrill.observe.until import until


def refute(observer: Observer, stages: Sequence[Stage], moments: Moments, *, timeout_s: float) -> None:
    """Make sure before the fault that no stage holds as a whole: one that does would prove nothing afterwards.

    Raises:
        NothingProven: A stage holds, or the signature has no stages.
        WaitTimeout: A probe of a stage was not answered within `timeout_s` seconds.
    """
    if not stages:
        raise NothingProven("the signature is empty")
    judged = [(stage, conditions_of(stage.conditions, moments)) for stage in stages]
    probes = tuple(dict.fromkeys(probe for _, conditions in judged for c in conditions for probe in c.probes))

    def answered(snapshot: Snapshot) -> Seen:
        missing = [str(probe) for probe in probes if probe not in snapshot.answers]
        return Seen(holds=not missing, text=f"no answer yet to {', '.join(missing)}" if missing else "all answered")

    asked = Condition("what the signature asks is answered", Kind.HTTP, answered, probes)
    snapshot = until(observer, (asked,), failed=(), timeout_s=timeout_s)
    for stage, conditions in judged:
        if all(condition.judge(snapshot).holds for condition in conditions):
            raise NothingProven(f"the signature's stage {stage.name!r} holds already, before the fault")


def healed(baseline: Sequence[Condition], signature: Sequence[Condition], *, hold_s: float) -> Failure:
    """A failure for an incident that ends without help: the baseline holds again, and the signature does not.

    Args:
        baseline: The baseline's conditions.
        signature: The signature's conditions.
        hold_s: Seconds for which this must last, as for every baseline: a full volume may take another sample or two
            when the file system releases blocks that it had reserved.
    """
    well, ill = all_of(*baseline), all_of(*signature)
    since: float | None = None

    def judge(snapshot: Snapshot) -> Seen:
        nonlocal since
        recovered, symptoms = well.judge(snapshot), ill.judge(snapshot)
        if not recovered.holds or not symptoms.known or symptoms.holds:
            since = None
            return Seen(holds=False, text=symptoms.text)
        since = snapshot.at if since is None else since
        return Seen(holds=snapshot.at - since >= hold_s, text=f"the baseline holds; {symptoms.text}")

    return Failure("it healed by itself", Kind.OBJECT, judge, (*well.probes, *ill.probes))

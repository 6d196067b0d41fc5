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

    What is not known is no proof of that: of each stage one condition must be known not to hold.

    Raises:
        NothingProven: A stage holds, or the signature has no stages, or one without conditions.
        WaitTimeout: Of a stage it was not known within `timeout_s` seconds.
    """
    if not stages:
        raise NothingProven("the signature is empty")
    wholes = [_whole(stage, moments) for stage in stages]
    probes = tuple(dict.fromkeys(probe for whole in wholes for probe in whole.probes))

    def known(snapshot: Snapshot) -> Seen:
        seen = [(whole.name, whole.judge(snapshot)) for whole in wholes]
        open_ = [f"the stage {name!r}: {s.text}" for name, s in seen if not s.known]
        return Seen(holds=not open_, text="; ".join(open_) or "known of each stage", known=not open_)

    decided = Condition("whether the signature holds before the fault is known", Kind.HTTP, known, probes)
    snapshot = until(observer, (decided,), failed=(), timeout_s=timeout_s)
    for whole in wholes:
        if whole.judge(snapshot).holds:
            raise NothingProven(f"the signature's stage {whole.name!r} holds already, before the fault")


def _whole(stage: Stage, moments: Moments) -> Condition:
    """All conditions of a stage as one, which has the stage's name."""
    conditions = conditions_of(stage.conditions, moments)
    if not conditions:
        raise NothingProven(f"the signature's stage {stage.name!r} is empty: it would always hold")
    return all_of(*conditions, name=stage.name)


def healed(baseline: Sequence[Condition], signature: Sequence[Condition], *, hold_s: float) -> Failure:
    """A failure for an incident that ends without help: the baseline holds again, and the signature does not.

    Args:
        baseline: The baseline's conditions.
        signature: The signature's conditions.
        hold_s: Seconds for which this must last, as for every baseline, and after which all that is asked must have
            been asked again: a full volume may take another sample or two when the file system releases blocks that it
            had reserved.
    """
    well, ill = all_of(*baseline), all_of(*signature)
    probes = (*well.probes, *ill.probes)
    since: float | None = None

    def judge(snapshot: Snapshot) -> Seen:
        nonlocal since
        recovered, symptoms = well.judge(snapshot), ill.judge(snapshot)
        if not recovered.holds or not symptoms.known or symptoms.holds:
            since = None
            return Seen(holds=False, text=symptoms.text)
        since = snapshot.at if since is None else since
        held = snapshot.at - since >= hold_s and not snapshot.unanswered(probes, since=since + hold_s)
        return Seen(holds=held, text=f"the baseline holds; {symptoms.text}")

    return Failure("it healed by itself", Kind.OBJECT, judge, probes)

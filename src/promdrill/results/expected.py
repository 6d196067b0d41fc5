"""How a drill has to end, and whether it did: a control that fails as it should counts as passed."""

from __future__ import annotations

from enum import StrEnum

from promdrill.core.choices import ACCEPTED, AS_WRITTEN, NO_FAULT, NO_REMEDY, OTHER_FAULT, REFUSED
from promdrill.core.model import DrillResult, LeftOut, PhaseName, Verdict

_EXPECTED = {
    None: (Verdict.PASSED, None),
    NO_FAULT: (Verdict.INVALID, PhaseName.SIGNATURE),
    NO_REMEDY: (Verdict.FAILED, PhaseName.RECOVERY),
    OTHER_FAULT: (Verdict.INVALID, PhaseName.SIGNATURE),
    AS_WRITTEN: (Verdict.FAILED, None),
    REFUSED: (Verdict.FAILED, PhaseName.RECOVERY),
    ACCEPTED: (Verdict.PASSED, None),
}


class Need(StrEnum):
    """What an ablation shows about the step that it left out.

    `ONLY_VERIFIED`: recovery is proven without it, but a step under Verification fails. `UNKNOWN`: the drill never got
        to the remedy, so nothing was learnt.
    """

    NEEDED = "needed"
    NOT_NEEDED = "not needed"
    ONLY_VERIFIED = "needed only for verification"
    UNKNOWN = "not known"


def as_expected(drill: DrillResult) -> bool:
    """Whether the drill passed, or is a control or an ablation that ended as expected."""
    return shortfall(drill) is None


def outcome(drill: DrillResult) -> str:
    """What follows the verdict: the reason; for controls and ablations also whether it was expected and what it shows.

    Empty for a drill that passed, unless its fault could not be taken back.
    """
    reason = "" if drill.verdict is Verdict.PASSED else drill.reason or "no reason was given"
    if drill.control is None:
        return "; ".join(said for said in (reason, left_changed(drill)) if said)
    short = shortfall(drill)
    if short is not None:
        return f"not as expected: {short}"
    shown = f"as expected, {need(drill)}" if drill.left_out is not None else "as expected"
    return f"{shown}: {reason}" if reason else shown


def left_changed(drill: DrillResult) -> str:
    """What the drill could not take back, in one sentence; empty if the cluster is as it was."""
    return f"the cluster is not as it was; not done: {'; '.join(drill.not_undone)}" if drill.not_undone else ""


def shortfall(result: DrillResult) -> str | None:
    """Why the drill did not end as expected, in one sentence; None if it did.

    Whatever it ends with, it has to take back what it did. A drill has to pass. Its control without the fault has to
    end invalid because the signature was not seen, and so has the one with another scenario's fault, whose incident the
    signature must not accept. Its control without the remedy has to end failed because recovery was not seen. With a
    remedy as written that does not work, it has to end failed as its runbook says; with another repair, failed in
    recovery where that must be refused, passed where it is as good as the runbook's. An ablation has to show that the
    step which it left out is needed, if only for verification; or that it is not, if the runbook marks it optional.
    """
    said = [_verdict_shortfall(result) or (f"{result.scenario} {result.verdict}" if result.not_undone else "")]
    return "; ".join(part for part in (*said, left_changed(result)) if part) or None


def _verdict_shortfall(result: DrillResult) -> str | None:
    found = f"{result.verdict}: {result.reason}" if result.reason else str(result.verdict)
    if result.left_out is not None:
        return _ablation_shortfall(result, result.left_out, found)
    verdict, phase = _EXPECTED[_kind(result.control)]
    if result.verdict is verdict and phase in {None, _ended_in(result)}:
        return None
    if result.control is None:
        return f"{result.scenario} {found}"
    due = f"{verdict} in {phase}" if phase else str(verdict)
    return f"{result.scenario}: the control {result.control} must end {due}; it ended {found}"


def need(result: DrillResult) -> Need:
    """What a drill without one step shows about that step."""
    if result.verdict is Verdict.PASSED:
        return Need.NOT_NEEDED
    if result.verdict is not Verdict.FAILED:
        return Need.UNKNOWN
    recovered = result.recovered_after_s is not None and _ended_in(result) is PhaseName.REMEDIATE
    return Need.ONLY_VERIFIED if recovered else Need.NEEDED


def _ablation_shortfall(result: DrillResult, step: LeftOut, found: str) -> str | None:
    shown = need(result)
    which = f"{result.scenario}: the step at {step.file}:{step.line}"
    if shown is Need.UNKNOWN:
        return f"{which} was not judged; the drill without it ended {found}"
    if shown is Need.NOT_NEEDED and not step.optional:
        return f"{which} is not needed, and not marked optional"
    if shown is not Need.NOT_NEEDED and step.optional:
        return f"{which} is marked optional, but {shown}; without it the drill ended {found}"
    return None


def _ended_in(result: DrillResult) -> PhaseName | None:
    return next((phase.name for phase in reversed(result.phases) if phase.name is not PhaseName.UNDO), None)


def _kind(control: str | None) -> str | None:
    """A control without the name of its repair."""
    kind, colon, _ = (control or "").partition(":")
    return f"{kind}{colon}" if colon else control

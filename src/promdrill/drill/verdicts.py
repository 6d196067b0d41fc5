"""From how a phase ended to a verdict and one sentence."""

from __future__ import annotations

from promdrill.errors import PromdrillError, WaitError, WaitFailed, WaitTimeout
from promdrill.faults.base import FaultNotTaken
from promdrill.model import DrillResult, PhaseName, Verdict
from promdrill.runbook.run import StepFailed

REASON_CHARS = 400
"""A reason is one sentence in a summary line; longer output stands in the journal."""

NO_FAULT, NO_REMEDY = "no-fault", "no-remedy"

_EXPECTED = {
    None: (Verdict.PASSED, None),
    NO_FAULT: (Verdict.INVALID, PhaseName.SIGNATURE),
    NO_REMEDY: (Verdict.FAILED, PhaseName.RECOVERY),
}

_MEANINGS = {
    PhaseName.PROVISION: (Verdict.INVALID, "no baseline"),
    PhaseName.BASELINE: (Verdict.INVALID, "no usable baseline"),
    PhaseName.INJECT: (Verdict.INVALID, "the fault was not confirmed"),
    PhaseName.SIGNATURE: (Verdict.INVALID, "the incident was not observed"),
    PhaseName.PERSISTENCE: (Verdict.INVALID, "the incident did not last"),
    PhaseName.REMEDIATE: (Verdict.FAILED, "the runbook did not get through"),
    PhaseName.RECOVERY: (Verdict.FAILED, "no recovery"),
}


class DrillNotPassed(AssertionError):
    """A drill whose verdict is not the one that was due; `result` holds everything about it."""

    def __init__(self, result: DrillResult, sentence: str) -> None:
        super().__init__(sentence)
        self.result = result


class NothingProven(Exception):
    """A check of the engine itself: the drill goes on no further, because it would prove nothing."""


def judge(phase: PhaseName, error: BaseException) -> tuple[Verdict, str]:
    """The verdict of a drill that `error` ended in `phase`, and its reason in one sentence."""
    verdict, meaning = _MEANINGS.get(phase, (Verdict.ABORTED, ""))
    if isinstance(error, WaitError | FaultNotTaken | NothingProven | StepFailed) and meaning:
        return verdict, _sentence(f"{meaning}: {_words(error)}")
    if not isinstance(error, Exception):
        return Verdict.ABORTED, f"interrupted during {phase}"
    return Verdict.ABORTED, _sentence(f"the harness failed during {phase}: {type(error).__name__}: {_words(error)}")


def shortfall(result: DrillResult) -> str | None:
    """Why the drill did not end as it had to, in one sentence; None when it did.

    A drill has to pass. Its control without the fault has to end invalid because the signature was not seen, and
    its control without the remedy has to end failed because recovery was not.
    """
    verdict, phase = _EXPECTED[result.control]
    ended_in = next((p.name for p in reversed(result.phases) if p.name is not PhaseName.UNDO), None)
    if result.verdict is verdict and phase in {None, ended_in}:
        return None
    found = f"{result.verdict}: {result.reason}" if result.reason else str(result.verdict)
    if result.control is None:
        return f"{result.scenario} {found}"
    return f"{result.scenario}: the control {result.control} must end {verdict} in {phase}; it ended {found}"


def _words(error: BaseException) -> str:
    if isinstance(error, WaitFailed):
        return f"{error.failure}; last seen: {error.last_seen}"
    if isinstance(error, WaitTimeout):
        return f"not seen within {error.waited_s:.0f} s: {error.last_seen or error.wanted}"
    if isinstance(error, StepFailed):
        return error.reason
    return error.message if isinstance(error, PromdrillError) else str(error)


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= REASON_CHARS else line[: REASON_CHARS - 3] + "..."

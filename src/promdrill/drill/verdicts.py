"""From how a phase ended to a verdict and one sentence."""

from __future__ import annotations

import re
import traceback
from enum import StrEnum
from pathlib import Path

from promdrill.core.errors import (
    CommandFailed,
    PromdrillError,
    UsageError,
    WaitError,
    WaitFailed,
    WaitTimeout,
    cause_in,
)
from promdrill.core.model import (
    DrillResult,
    LeftOut,
    PhaseName,
    Verdict,
)
from promdrill.faults.base import FaultNotTaken
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepFailed
from promdrill.runbook.step import STEP_SECTIONS

REASON_CHARS = 400
"""A reason is one sentence in a summary line; longer output stands in the journal."""

NO_FAULT, NO_REMEDY, AS_WRITTEN = "no-fault", "no-remedy", "as-written"

_EXPECTED = {
    None: (Verdict.PASSED, None),
    NO_FAULT: (Verdict.INVALID, PhaseName.SIGNATURE),
    NO_REMEDY: (Verdict.FAILED, PhaseName.RECOVERY),
    AS_WRITTEN: (Verdict.FAILED, None),
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


class Need(StrEnum):
    """What an ablation shows of the step that it left out.

    `ONLY_VERIFIED`: recovery is proven without it, but a step under Verification fails. `UNKNOWN`: the drill came to
    no remedy, so that nothing was learnt.
    """

    NEEDED = "needed"
    NOT_NEEDED = "not needed"
    ONLY_VERIFIED = "needed only for verification"
    UNKNOWN = "not known"


class DrillNotPassed(AssertionError):
    """A drill whose verdict is not the one that was due; `result` holds everything about it."""

    def __init__(self, result: DrillResult, sentence: str) -> None:
        super().__init__(sentence)
        self.result = result


class NothingProven(Exception):
    """A check of the engine itself: the drill goes on no further, because it would prove nothing."""


def judge(phase: PhaseName, error: BaseException, scenario: Path) -> tuple[Verdict, str]:
    """The verdict of a drill that `error` ended in `phase`, and its reason in one sentence.

    Args:
        phase: The last that was begun.
        error: What ended it.
        scenario: The scenario's folder: an error of its own test is told with the line.
    """
    verdict, meaning = _MEANINGS.get(phase, (Verdict.ABORTED, ""))
    if isinstance(error, WaitError | FaultNotTaken | NothingProven | StepFailed) and meaning:
        return verdict, _sentence(f"{meaning}: {_words(error)}")
    if not isinstance(error, Exception):
        return Verdict.ABORTED, f"interrupted during {phase}"
    told = _words(error) if isinstance(error, PromdrillError) else f"{type(error).__name__}: {_words(error)}"
    own = line_in(scenario, error)
    if isinstance(error, UsageError):
        place = f"{own}: " if own else ""
        return Verdict.ABORTED, _sentence(f"bad input, found during {phase}: {place}{_words(error)}")
    if own and not isinstance(error, PromdrillError):
        return Verdict.ABORTED, _sentence(f"the scenario's test failed during {phase}: {own}: {told}")
    return Verdict.ABORTED, _sentence(f"the harness failed during {phase}: {told}")


def as_written(
    verdict: Verdict, reason: str | None, error: BaseException, runbook: Runbook
) -> tuple[Verdict, str | None]:
    """The verdict of the control `as-written`, whose runbook says how it fails: anything else proves nothing of it.

    Args:
        verdict: As from `judge`.
        reason: Likewise.
        error: What ended the drill.
        runbook: The runbook that does not work.

    Returns:
        Both as they are, where the runbook failed as it says, in Mitigation or later; otherwise invalid, and why.
    """
    if verdict is not Verdict.FAILED:
        return verdict, reason
    if not runbook.fails_with:
        why = "its runbook has no fails_with"
    elif isinstance(error, StepFailed) and error.result.step.section == STEP_SECTIONS[0]:
        why = f"the runbook ended in {STEP_SECTIONS[0]}, before its remedy was tried"
    elif not re.search(runbook.fails_with, _evidence(error)):
        why = f"it failed, but not as its fails_with says, /{runbook.fails_with}/"
    else:
        return verdict, reason
    return Verdict.INVALID, _sentence(f"{why}: {reason}")


def _evidence(error: BaseException) -> str:
    """What a failure was seen by: the step's output, or what was last seen of the conditions that are missing."""
    if isinstance(error, StepFailed):
        return f"{error.result.output}\n{error.reason}"
    return error.message if isinstance(error, PromdrillError) else str(error)


def shortfall(result: DrillResult) -> str | None:
    """Why the drill did not end as it had to, in one sentence; None when it did.

    A drill has to pass. Its control without the fault has to end invalid because the signature was not seen, and
    its control without the remedy has to end failed because recovery was not. With the remedy as it was once written
    down, where that does not work, it has to end failed as its runbook says (see `as_written`). An ablation has to show
    that the step which it left out is needed, if only for verification, or, if the runbook marks it optional, that it
    is not.
    """
    found = f"{result.verdict}: {result.reason}" if result.reason else str(result.verdict)
    if result.left_out is not None:
        return _ablation_shortfall(result, result.left_out, found)
    verdict, phase = _EXPECTED[result.control]
    if result.verdict is verdict and phase in {None, _ended_in(result)}:
        return None
    if result.control is None:
        return f"{result.scenario} {found}"
    due = f"{verdict} in {phase}" if phase else str(verdict)
    return f"{result.scenario}: the control {result.control} must end {due}; it ended {found}"


def need(result: DrillResult) -> Need:
    """What the drill, run without one step, shows of that step."""
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


def line_in(scenario: Path, error: BaseException) -> str:
    """Where in the scenario's folder the error came from, as file:line; empty when from nowhere there."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == scenario.absolute()]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def _words(error: BaseException) -> str:
    if isinstance(error, WaitFailed):
        return f"{error.failure}; last seen: {error.last_seen}"
    if isinstance(error, WaitTimeout):
        return f"not seen within {error.waited_s:.0f} s: {error.last_seen or error.wanted}"
    if isinstance(error, StepFailed):
        return error.reason
    if isinstance(error, CommandFailed):
        cause, ended = cause_in(error.output), f"{error.outcome}: {error.paste}"
        return f"{cause} ({ended})" if cause else ended
    return error.message if isinstance(error, PromdrillError) else str(error)


def _sentence(text: str) -> str:
    """The text on one line, cut at its end where it is too long: a cause stands at the beginning."""
    line = " ".join(text.split())
    return line if len(line) <= REASON_CHARS else line[: REASON_CHARS - 3].rpartition(" ")[0] + "..."

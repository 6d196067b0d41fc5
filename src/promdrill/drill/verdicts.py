"""What ended a drill, turned into a verdict and one sentence."""

from __future__ import annotations

import re
import shlex
import traceback
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from promdrill.core.choices import AS_WRITTEN, REFUSED
from promdrill.core.errors import (
    CommandFailed,
    PromdrillError,
    UsageError,
    WaitError,
    WaitFailed,
    WaitTimeout,
    cause_in,
)
from promdrill.core.model import DrillResult, PhaseName, StepRecord, Variant, Verdict
from promdrill.faults.base import FaultNotTaken
from promdrill.kube.client import ApiError
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepFailed
from promdrill.runbook.step import STEP_SECTIONS

NO_SUCH_COMMAND = 127
"""bash's exit code for a command that it does not find: a slip of the pen, never what is wrong with a remedy."""

REASON_CHARS = 400
"""A reason is one sentence in a summary line; the journal has the whole output."""

_REFUSALS = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""With these the API server says what is wrong with an object; with any other, something is wrong with the cluster."""

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
    """A drill that did not end as expected; `result` holds everything about it."""

    def __init__(self, result: DrillResult, sentence: str) -> None:
        super().__init__(sentence)
        self.result = result


class NothingProven(Exception):
    """A drill that would prove nothing if it continued, for example because its signature holds before the fault."""


class WronglyAccepted(Exception):
    """What a scenario takes for its own incident is another one's."""


def judge(phase: PhaseName, error: BaseException, scenario: Path) -> tuple[Verdict, str]:
    """The verdict of a drill that `error` ended in `phase`, and the reason in one sentence.

    Args:
        phase: The last phase that began.
        error: What ended it.
        scenario: The scenario's folder: the reason names the line if the scenario's own test raised the error.
    """
    if isinstance(error, WaitError | FaultNotTaken | NothingProven | StepFailed) and phase in _MEANINGS:
        verdict, meaning = _MEANINGS[phase]
        return verdict, _sentence(f"{meaning}: {_words(error)}")
    if isinstance(error, WronglyAccepted):
        return Verdict.FAILED, _sentence(str(error))
    if not isinstance(error, Exception):
        return Verdict.ABORTED, f"interrupted during {phase}"
    return Verdict.ABORTED, _refusal(error, phase) or _broken(error, phase, scenario)


def _broken(error: Exception, phase: PhaseName, scenario: Path) -> str:
    """What broke: the input, the scenario's test, or promdrill itself."""
    words = _words(error) if isinstance(error, PromdrillError) else f"{type(error).__name__}: {_words(error)}"
    own = line_in(scenario, error)
    if isinstance(error, UsageError):
        place = f"{own}: " if own else ""
        return _sentence(f"bad input, found during {phase}: {place}{_words(error)}")
    if own and not isinstance(error, PromdrillError):
        return _sentence(f"the scenario's test failed during {phase}: {own}: {words}")
    return _sentence(f"the harness failed during {phase}: {words}")


def of_variant(
    variant: Variant,
    ended: tuple[Verdict, str],
    error: BaseException,
    runbook: Runbook | None,
    steps: Sequence[StepRecord],
) -> tuple[Verdict, str]:
    """The verdict of a control or an ablation, which must fail for the right reason. Any other failure proves nothing.

    Args:
        variant: What was run; the verdict of the drill itself is unchanged.
        ended: The verdict from `judge`, and its reason.
        error: What ended it.
        runbook: The runbook that was to be run; None if it could not be read.
        steps: The steps that were run.

    Returns:
        Both unchanged if the conditions that are missing were known not to hold, and `as-written` failed as its runbook
        says, in Mitigation or later; and if a repair that must be refused was carried out, and refused as it says.
        Otherwise aborted or invalid, and why.
    """
    verdict, reason = ended
    if variant.control is None or verdict is Verdict.ABORTED:
        return ended
    if isinstance(error, WaitError) and error.undecided:
        return Verdict.ABORTED, _sentence(f"it is not known whether it ended as it must: {error.undecided}")
    if isinstance(error, FaultNotTaken):
        return Verdict.ABORTED, _sentence(f"the {variant.control} drill could not be carried out: {reason}")
    must_fail = variant.control == AS_WRITTEN or variant.control.startswith(REFUSED)
    if must_fail and verdict is Verdict.FAILED and runbook is not None:
        why = _fails_otherwise(runbook, error, steps)
        return (Verdict.INVALID, _sentence(f"{why}: {reason}")) if why else ended
    return ended


def _fails_otherwise(runbook: Runbook, error: BaseException, steps: Sequence[StepRecord]) -> str:
    """Why a failure is not the one that a runbook that does not work says; empty if it is."""
    if not runbook.fails_with:  # a runbook has both or neither
        return "its runbook lacks fails_because or fails_with"
    if isinstance(error, StepFailed) and error.result.step.section == STEP_SECTIONS[0]:
        return f"the runbook ended in {STEP_SECTIONS[0]}, before its remedy was tried"
    if isinstance(error, StepFailed) and runbook.repairs is not None:
        return "the repair was not carried out"
    if slips(steps):
        return "one of its steps names a command that does not exist"
    quoted = f"it was refused, but for another reason than repairs.md:{runbook.steps[-1].line} quotes"
    otherwise = f"it failed, but not as its fails_with says, /{runbook.fails_with}/"
    shown = re.search(runbook.fails_with, _evidence(error))
    return "" if shown else otherwise if runbook.repairs is None else quoted


def slips(steps: Sequence[StepRecord]) -> bool:
    """Whether one of these steps names a command that does not exist."""
    return any(step.exit_code == NO_SUCH_COMMAND or ": command not found" in step.output for step in steps)


def _evidence(error: BaseException) -> str:
    """What shows a failure: the step's output, or what was last seen of the conditions that do not hold."""
    if isinstance(error, StepFailed):
        return f"{error.result.output}\n{error.reason}"
    return error.message if isinstance(error, PromdrillError) else str(error)


def line_in(scenario: Path, error: BaseException) -> str:
    """The file:line in the scenario's folder that raised the error; empty if it was raised elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == scenario.absolute()]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def _words(error: BaseException) -> str:
    if isinstance(error, FaultNotTaken) and isinstance(error.__cause__, WaitError):
        return _words(error.__cause__)
    if isinstance(error, WaitFailed):
        return f"{error.failure}; last seen: {error.last_seen}"
    if isinstance(error, WaitTimeout):
        return f"not seen within {error.waited_s:.0f} s: {error.last_seen or error.wanted}"
    if isinstance(error, StepFailed):
        return error.reason
    if isinstance(error, CommandFailed):
        return of_command(error)
    return error.message if isinstance(error, PromdrillError) else str(error)


def of_command(error: CommandFailed) -> str:
    """Why a command failed, in its own words, and then which one."""
    cause, ended = cause_in(error.output), f"{error.outcome}: {shlex.join(error.argv)}"
    return f"{cause} ({ended})" if cause else ended


def _refusal(error: BaseException, phase: PhaseName) -> str | None:
    """What the API server or a tool said itself, first and whole: its end may be the cause. None for no refusal."""
    if isinstance(error, ApiError) and error.status in _REFUSALS:
        return " ".join(f"{error.said} (the API server, during {phase}: {error.what})".split())
    if isinstance(error, CommandFailed) and error.refusal:
        command = " ".join((Path(error.argv[0]).name, *error.argv[1:2]))
        return f"{error.refusal} ({command}, during {phase}: {error.outcome})"
    return None


def _sentence(text: str) -> str:
    """The text on one line, cut at the end if it is too long: the cause is at the beginning."""
    line = " ".join(text.split())
    return line if len(line) <= REASON_CHARS else line[: REASON_CHARS - 3].rpartition(" ")[0] + "..."

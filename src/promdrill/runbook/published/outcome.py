"""What a drill says about a published runbook: it cures, it does not, it does harm, or it cannot be carried out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from promdrill.core.model import DrillResult, PhaseName, StepRecord, Verdict

_NO_SUCH_COMMAND = 127
_LOST = re.compile(r"samples from before the fault[^;]*?fewer in \d+ of \d+ series[^;]*")
"""What the condition says that compares what was stored (`promdrill.observe.valid_metrics`), if something is gone."""


class Tried(StrEnum):
    """What became of a runbook that was tried."""

    CURES = "cures"
    DOES_NOT_CURE = "does not cure"
    HARMFUL = "harmful"
    NOT_EXECUTABLE = "cannot be executed"
    NOTHING_LEARNT = "nothing learnt"


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a try, and why.

    Attributes:
        tried: What became of it.
        why: One sentence.
    """

    tried: Tried
    why: str


def of(result: DrillResult, detail: str = "") -> Found:
    """What a drill with a runbook shows about it.

    A runbook is harmful if what Prometheus had stored before the fault is not what it has after the remedy: a pod that
    is ready again on an empty volume looks well, and has lost everything.

    Args:
        result: The drill's result.
        detail: All that was last seen of what is missing; the result's reason may be cut.
    """
    reason = result.reason or ""
    entered = {phase.name for phase in result.phases}
    if result.verdict is Verdict.PASSED:
        return Found(Tried.CURES, _cured(result))
    if result.verdict is not Verdict.FAILED or PhaseName.REMEDIATE not in entered:
        return Found(Tried.NOTHING_LEARNT, f"the drill is {result.verdict}: {reason}")
    last = result.steps[-1] if result.steps else None
    if PhaseName.RECOVERY not in entered:
        if last is not None and _not_carried_out(last):
            return Found(Tried.NOT_EXECUTABLE, f"line {last.line}: {reason}")
        return Found(Tried.DOES_NOT_CURE, f"its remedy ends at line {last.line}: {reason}" if last else reason)
    if lost := _LOST.search(" ".join(f"{reason}; {detail}".split())):
        return Found(Tried.HARMFUL, f"it loses data: {lost[0]}")
    return Found(Tried.DOES_NOT_CURE, reason)


def _cured(result: DrillResult) -> str:
    took = f"recovered after {result.recovered_after_s:.1f} s" if result.recovered_after_s is not None else "recovered"
    lost = result.samples.lost
    return f"{took}, {lost} samples lost while it lasted" if lost else took


def _not_carried_out(step: StepRecord) -> bool:
    unknown = re.search(
        r": command not found|unknown (?:flag|command|shorthand)|the server doesn't have a resource type", step.output
    )
    return step.exit_code == _NO_SUCH_COMMAND or unknown is not None

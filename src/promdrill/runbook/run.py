"""Run a runbook: its steps in one bash, in order, until one of them does not do what the runbook says."""

from __future__ import annotations

import contextlib
import re
import textwrap
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from promdrill.core.clock import Deadline
from promdrill.core.errors import PromdrillError, cause_in, ending
from promdrill.runbook import bash
from promdrill.runbook.expect import mismatch
from promdrill.runbook.parse import Runbook
from promdrill.runbook.step import STEP_SECTIONS, Step

STEP_TIMEOUT_S = 120.0
"""A step's deadline unless its fence has one: as long as a person waits before pressing Ctrl-C."""

_TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step that was started.

    Attributes:
        step: The step.
        exit_code: Its exit code; None if it was ended at its deadline or on request.
        took_s: How long it took, in seconds.
        output: Standard output and standard error, merged in order; beyond 1 MiB the middle is cut out.
    """

    step: Step
    exit_code: int | None
    took_s: float
    output: str


class StepFailed(PromdrillError):
    """A step that did not do what the runbook says; the message names file, line, command, exit code and output.

    Attributes:
        result: How the step ended.
        reason: One sentence: ``file:line``, the section, the cause from the step's output, how it ended.
    """

    def __init__(self, reason: str, result: StepResult, *, hint: str = "") -> None:
        self.result = result
        self.reason = reason
        command = textwrap.indent(result.step.command, "  ", lambda _: True)
        output = result.output.rstrip().split("\n")
        cut = ["..."] if len(output) > _TAIL_LINES else []
        shown = (
            textwrap.indent("\n".join(cut + output[-_TAIL_LINES:]), "  ") if result.output.strip() else "  (no output)"
        )
        super().__init__(f"{reason}\n{command}\n{shown}", hint=hint)


@dataclass(frozen=True, slots=True)
class Steps:
    """A runbook's steps and the bash in which they run, made by `opened`."""

    _runbook: Runbook
    _shell: bash.Bash
    _step_timeout_s: float
    _on_step: Callable[[StepResult], None]
    _on_begin: Callable[[Step, float], None]
    _stop: threading.Event | None
    _leaves_out: Callable[[int], bool]
    _prepared: Callable[[Step], Step]

    def run(self, *, deadline_s: float, sections: Collection[str] = STEP_SECTIONS) -> tuple[StepResult, ...]:
        """Run the steps of some sections; the shell still has what earlier steps left in it.

        Args:
            deadline_s: Seconds for all steps of this call together.
            sections: The sections to run.

        Returns:
            The results, in order.

        Raises:
            StepFailed: A step failed, its output was not as expected, or it took too long; no further step is run.
        """
        total = Deadline.after(deadline_s)
        results: list[StepResult] = []
        for at, written in enumerate(self._runbook.steps):
            if written.section not in sections or self._leaves_out(at):
                continue
            step = self._prepared(written)
            own_s = self._step_timeout_s if step.timeout_s is None else step.timeout_s
            deadline = Deadline.after(min(own_s, total.remaining_s))
            self._on_begin(step, deadline.budget_s)
            ended = self._shell.step(
                step.script(), str(self._runbook.file_of(step)), deadline=deadline, stop=self._stop
            )
            results.append(StepResult(step, ended.exit_code, deadline.elapsed_s, ended.output))
            self._on_step(results[-1])
            if ended.how != "done":
                raise _not_done(self._runbook, results[-1], ended, total if total.passed else deadline)
            _compare(self._runbook, results[-1])
        return tuple(results)


@contextlib.contextmanager
def opened(
    runbook: Runbook,
    *,
    env: Mapping[str, str],
    step_timeout_s: float = STEP_TIMEOUT_S,
    on_step: Callable[[StepResult], None] = lambda _: None,
    on_begin: Callable[[Step, float], None] = lambda _step, _budget_s: None,
    stop: threading.Event | None = None,
    leaves_out: Callable[[int], bool] = lambda _at: False,
    prepared: Callable[[Step], Step] = lambda step: step,
    cwd: Path | None = None,
) -> Iterator[Steps]:
    """Open a bash for a runbook's steps, with errexit, pipefail and inherit_errexit, and empty standard input.

    Variables, functions and the working folder last from step to step. Whatever the steps left running is ended with
    the block.

    Args:
        runbook: What to run.
        env: The whole environment of the steps, as from `promdrill.runbook.environment.environment`.
        step_timeout_s: Seconds for each step whose fence sets no timeout.
        on_begin: Called when a step begins, with the step and the seconds that it has.
        on_step: Called with each step's result when it has ended, even if it failed.
        stop: If set from another thread, the running step is ended as at its deadline.
        leaves_out: Called with a step's index into ``runbook.steps`` just before the step's turn: whether to leave it
            out.
        prepared: Called with each step just before it begins; returns what is run.
        cwd: Where the steps begin; ``HOME`` of `env` by default.

    Raises:
        CommandFailed: bash is missing.
    """
    with bash.start(env, cwd or Path(env["HOME"])) as shell:
        yield Steps(runbook, shell, step_timeout_s, on_step, on_begin, stop, leaves_out, prepared)


def _not_done(runbook: Runbook, result: StepResult, ended: bash.Ended, deadline: Deadline) -> StepFailed:
    step = result.step
    how = "" if ended.exit_code is None else ending(ended.exit_code)
    what = {
        "failed": how,
        "left": f"the shell ended, {how}",
        "returned": "the step returned before its last line",
        "overdue": f"not done within {round(deadline.budget_s, 1):g} s",
        "stopped": f"ended on request after {result.took_s:.0f} s",
    }[ended.how]
    hints = {
        "left": "steps share one shell: none may exit or exec; ${x?}, or set -u with an unset variable, ends it too",
        "returned": "a step must not return outside a function",
        "overdue": "give the step a longer deadline: ```sh timeout=300",
    }
    not_found = 127
    hint = "is its name right?" if ended.exit_code == not_found and ended.how == "failed" else hints.get(ended.how, "")
    command = ended.command.partition("\n")[0] or step.first_line
    file = runbook.file_of(step)
    where = f"{file}:{ended.line or step.line}: {step.section}"
    output = re.sub(rf"^{re.escape(str(file))}: line \d+: ", "", result.output, flags=re.MULTILINE)  # bash's
    if ended.how in {"failed", "left"} and (cause := cause_in(output, complaint=True)):
        return StepFailed(f"{where}: {cause} ({what}: {command})", result, hint=hint)
    last = cause_in(output)
    return StepFailed(f"{where}: {what}: {command}{f'; it last said: {last}' if last else ''}", result, hint=hint)


def _compare(runbook: Runbook, result: StepResult) -> None:
    step = result.step
    if step.expected is None:
        return
    found = mismatch(step.expected, result.output)
    if found is None:
        return
    over = found.index >= len(step.expected)
    line = step.expected_line + min(found.index, max(0, len(step.expected) - 1))
    seen = "the output ended" if found.seen is None else f"the output says {found.seen!r}"
    wanted = "the end of the output" if over else repr(step.expected[found.index].rstrip())
    differs = f"wanted {wanted}, but {seen}"
    reason = (
        f"{runbook.file_of(step)}:{line}: {step.section}: {differs} (output of line {step.line}: {step.first_line})"
    )
    raise StepFailed(reason, result, hint="... stands for any lines, or for any text within a line")

"""``promdrill runbook check FILE``: what a runbook would do, told without a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from promdrill.runbook.parse import Runbook, parse


def check(path: Path) -> str:
    """Check a runbook and describe it in lines for a terminal; nothing of it is run.

    Raises:
        UsageError: ``file:line:column: rule``, for the first rule that it breaks.
        CommandFailed: There is no bash to check the steps with.
    """
    return "\n".join(_describe(parse(path)))


def _describe(runbook: Runbook) -> Iterator[str]:
    yield f"{runbook.path}: a runbook with {len(runbook.steps)} steps"
    yield f"{runbook.id}: {runbook.title}"
    if runbook.data_loss:
        yield f"Loses data: {runbook.data_loss_reason}"
    if runbook.fails_because:
        yield f"Does not work: {runbook.fails_because}"
    for name, value in runbook.variables.items():
        yield f"export {name}={shlex.quote(value)}"
    for step in runbook.steps:
        notes = [step.name] if step.name else []
        notes += ["optional"] if step.optional else []
        notes += ["output is compared"] if step.expected is not None else []
        notes += [f"at most {step.timeout_s:.0f} s"] if step.timeout_s is not None else []
        yield f"{step.line:>5}  {step.section:<12}  {step.first_line}" + (f"  ({', '.join(notes)})" if notes else "")

"""From a judged runbook to the steps of a drill."""

from __future__ import annotations

import re

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.runbook.parse import Runbook
from promdrill.runbook.published import beside
from promdrill.runbook.published.judged import Assessment, Judged, Status
from promdrill.runbook.published.roles import SECTION_OF, Role
from promdrill.runbook.step import Step

MOST_SHOWN = 10
"""Most commands that a refusal names."""


def runbook(found: Assessment) -> Runbook:
    """The runbook that a drill runs: what can be run of Diagnosis and proof, and the whole remedy.

    Raises:
        UsageError: It has no remedy that can be run, or not all of it can; names each command with its line.
    """
    require_runnable(found)
    return Runbook(
        path=found.path,
        id=slug(found.path.stem),
        title=found.title,
        variables={},
        data_loss=False,
        data_loss_reason="",
        optional=(),
        steps=tuple(_step(each) for each in found.of(Status.RUNNABLE) if each.role in SECTION_OF),
    )


def require_runnable(found: Assessment) -> None:
    """Refuse a runbook whose remedy cannot be run.

    Raises:
        UsageError: As `runbook`.
    """
    again = f"{paths.program()} runbook check {found.path}"
    told = beside.of(found.path).name
    blocking = found.blocking
    if not blocking and found.of(Status.RUNNABLE, role=Role.REMEDY):
        return
    if not blocking:
        unplaced = found.of(Status.NOT_PLACED)
        lines = [f"{found.path}:{each.line}: {each.why}" for each in unplaced[:MOST_SHOWN]]
        message = "\n".join([f"{found.path}: no command of a remedy that could be run", *lines])
        raise UsageError(message, hint=f"[sections] in {told} says which part is the remedy; {again}")
    lines = [f"{found.path}:{each.line}: {each.why}: {each.first_line}" for each in blocking[:MOST_SHOWN]]
    if len(blocking) > MOST_SHOWN:
        lines.append(f"{found.path}:{blocking[MOST_SHOWN].line}: {len(blocking) - MOST_SHOWN} more")
    hint = blocking[0].hint or f'[answers] {blocking[0].line} = "..." or skip = [{blocking[0].line}] in {told}'
    raise UsageError("\n".join(lines), hint=f"{hint}; {again}")


def slug(name: str) -> str:
    """A name as a runbook's id: lower case letters, digits and dashes."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", name)
    return re.sub(r"[^a-z0-9]+", "-", apart.lower()).strip("-") or "runbook"


def _step(judged: Judged) -> Step:
    return Step(
        section=SECTION_OF[judged.role],
        line=judged.line,
        column=1,
        command=judged.command,
        fence_line=max(1, judged.line - 1),
        lenient=judged.role is not Role.REMEDY,
    )

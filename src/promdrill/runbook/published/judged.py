"""What becomes of each command of a published runbook: line by line, and of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from promdrill.runbook.published.roles import SECTION_OF, Role


class Status(StrEnum):
    """What becomes of a command."""

    RUNNABLE = "runnable"
    NEEDS_VALUE = "needs a value"
    NOT_RUNNABLE = "not runnable"
    PROSE = "prose only"
    NOT_PLACED = "no section"
    LEFT_OUT = "left out"


FINDINGS = frozenset({Status.NEEDS_VALUE, Status.NOT_RUNNABLE, Status.PROSE, Status.NOT_PLACED})
"""What somebody has to decide about."""


class Outcome(StrEnum):
    """What a published runbook is for a drill, as a whole."""

    RUNNABLE = "runnable"
    RUNNABLE_IN_PART = "remedy runnable"
    NEEDS_VALUES = "needs values"
    NOT_RUNNABLE = "not runnable"
    PROSE = "prose only"
    NO_SECTION = "no section"
    NO_REMEDY = "no remedy"
    NO_COMMANDS = "no commands"


@dataclass(frozen=True, slots=True)
class Judged:
    """One command.

    Attributes:
        line: Its line in the file.
        text: As it is written.
        role: What it is for.
        status: What becomes of it.
        why: Why it is not run; empty if it is.
        hint: What to do about that.
        instead: A command to write instead; empty if none is known.
        notes: What is changed before it is run, in words.
        command: What is run; facts are still ``⟦claim⟧``.
        unbound: Names of placeholders without a value.
        output: What the document shows below it.
        heading: The heading above it.
    """

    line: int
    text: str
    role: Role
    status: Status
    why: str = ""
    hint: str = ""
    instead: str = ""
    notes: tuple[str, ...] = ()
    command: str = ""
    unbound: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    heading: str = ""

    @property
    def first_line(self) -> str:
        """The command's first line."""
        return self.text.strip().partition("\n")[0].strip()


@dataclass(frozen=True, slots=True)
class Assessment:
    """A published runbook, judged.

    Attributes:
        path: The file.
        title: Its first heading, else its name.
        commands: Its commands, in order.
        queries: Blocks of PromQL, by line: read, never run.
    """

    path: Path
    title: str
    commands: tuple[Judged, ...]
    queries: tuple[tuple[int, str], ...] = field(default=())

    def of(self, *statuses: Status, role: Role | None = None) -> tuple[Judged, ...]:
        """The commands with one of these statuses, and with this role if one is given."""
        return tuple(each for each in self.commands if each.status in statuses and (role is None or each.role is role))

    @property
    def findings(self) -> tuple[Judged, ...]:
        """The commands that somebody has to decide about."""
        return self.of(*FINDINGS)

    @property
    def counts(self) -> Counter[Status]:
        """Number of commands by status."""
        return Counter(each.status for each in self.commands)

    @property
    def blocking(self) -> tuple[Judged, ...]:
        """The findings because of which it cannot be drilled: those of the remedy."""
        return tuple(each for each in self.findings if each.role is Role.REMEDY)

    @property
    def outcome(self) -> Outcome:
        """What it is for a drill, as a whole."""
        if not any(each.role in SECTION_OF or each.status in FINDINGS for each in self.commands):
            return Outcome.NO_COMMANDS
        if self.of(Status.RUNNABLE, role=Role.REMEDY) and not self.blocking:
            return Outcome.RUNNABLE_IN_PART if self.findings else Outcome.RUNNABLE
        return _why_not(self.blocking, self.findings)


def _why_not(blocking: Iterable[Judged], findings: Iterable[Judged]) -> Outcome:
    remedy = {each.status for each in blocking}
    if Status.NOT_RUNNABLE in remedy:
        return Outcome.NOT_RUNNABLE
    if Status.NEEDS_VALUE in remedy:
        return Outcome.NEEDS_VALUES
    if Status.PROSE in remedy:
        return Outcome.PROSE
    if any(each.status is Status.NOT_PLACED for each in findings):
        return Outcome.NO_SECTION
    return Outcome.NO_REMEDY

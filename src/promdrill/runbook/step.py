"""The step: what a runbook is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from promdrill.runbook import facts

SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verification")
"""The level-2 headings of every runbook, once each and in this order."""

STEP_SECTIONS = SECTIONS[2:]
"""Those whose ``sh`` blocks are run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fenced block of commands.

    Attributes:
        section: `Diagnosis`, `Mitigation` or `Verification`.
        line: Line of its first command in the file, counted from 1.
        column: Column of that command, counted from 1.
        command: The commands, from the first one on; comments above it are left out.
        expected: The lines of its expected output; None if it has none.
        expected_line: Line of the first of them in the file; 0 if it has none.
        optional: Whether the front matter says that it may be left out.
        name: Its name; empty if it has none.
        timeout_s: Its own deadline in seconds; None for the caller's.
        fence_line: Line of its opening fence.
        lenient: Whether its exit code is only noted: in a runbook that was published, what is looked at does not judge.
    """

    section: str
    line: int
    column: int
    command: str
    expected: tuple[str, ...] | None = None
    expected_line: int = 0
    optional: bool = False
    name: str = ""
    timeout_s: float | None = None
    fence_line: int = 0
    lenient: bool = False

    @property
    def first_line(self) -> str:
        """The first command's first line, for tables and messages."""
        return facts.readable(self.command).partition("\n")[0].strip()

    def script(self) -> str:
        """The commands, led by blank lines, so that bash counts its lines as the runbook does."""
        if self.lenient:
            return "\n" * max(0, self.line - 2) + "{\n" + self.command + "\n} || :\n"
        return "\n" * (self.line - 1) + self.command + "\n"

    def filled(self, known: Mapping[str, str]) -> Step:
        """The same step with the drill's own values where its commands refer to facts.

        Raises:
            UsageError: The drill has no such thing.
        """
        return dataclasses.replace(self, command=facts.filled(self.command, known))

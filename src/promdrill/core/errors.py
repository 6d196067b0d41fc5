"""Every error that promdrill raises on purpose.

    PromdrillError              one clear message, an optional hint with the next move
    +-- UsageError              bad input: nothing was started (exit code 2)
    +-- SupplyError             something needed could not be had or built
    +-- ClusterError            the cluster did not come up, or does not answer
    +-- CommandFailed           a subprocess ended with an exit code that was not expected
    |   +-- CommandTimeout      ... or did not end before its deadline
    +-- WaitError
        +-- WaitFailed          a named failure was seen before the deadline
        +-- WaitTimeout         the deadline passed

Factored out of the modules that raise them so that no import loops arise.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path


class PromdrillError(Exception):
    """A failure with a message for an operator: what is wrong, where, and what to do.

    Args:
        message: What is wrong, in one or a few lines, no trailing period needed.
        hint: The next move, usually a command to type; empty when there is none.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


class UsageError(PromdrillError):
    """Bad input, found before anything was started."""


class SupplyError(PromdrillError):
    """An artefact, a tool or the container engine could not be had."""


class ClusterError(PromdrillError):
    """The cluster could not be created, reached or made ready."""


class CommandFailed(PromdrillError):
    """A subprocess ended with an exit code that was not expected.

    Attributes:
        argv: The command, as given.
        exit_code: Its exit code; negative for a signal, as in ``subprocess``.
        output: Standard output and standard error as captured, in that order.
        outcome: How it ended, in words: "exit code 1".
        paste: The command as a person would paste it, with its variables.
    """

    def __init__(
        self,
        argv: list[str],
        exit_code: int,
        output: str,
        *,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        what: str = "",
        hint: str = "",
    ) -> None:
        self.argv = argv
        self.exit_code = exit_code
        self.output = output
        place = f"(cd {shlex.quote(str(cwd))} && " if cwd else ""
        assigned = " ".join(f"{k}={shlex.quote(v)}" for k, v in sorted((env or {}).items()))
        self.outcome = what or f"exit code {exit_code}"
        self.paste = f"{place}{assigned + ' ' if assigned else ''}{shlex.join(argv)}{')' if cwd else ''}"
        tail = output.strip()[-4000:]
        super().__init__(f"{self.outcome}: {self.paste}" + (f"\n{tail}" if tail else ""), hint=hint)


_COMPLAINT = re.compile(
    r"\b(error|fail|refus|denied|forbidden|unauthorized|not found|no such|cannot|unable|invalid|unknown|timed out)",
    re.IGNORECASE,
)

LONGEST_CAUSE = 240
"""Characters of a cause: it stands in one line of a summary, with the command that it comes from."""


def cause_in(output: str, *, complaint: bool = False) -> str:
    """The line of a command's output that says best why it failed: the last one that complains, else the last one.

    Tools end with advice or with usage, so that the very last line is often not the reason.

    Args:
        output: Standard output and standard error, in whatever order.
        complaint: Whether only a line that complains will do; empty then where there is none.
    """
    lines = [line for line in output.splitlines() if line.strip()]
    found = next((line for line in reversed(lines) if _COMPLAINT.search(line)), "")
    return shortened(found or ("" if complaint or not lines else lines[-1]), LONGEST_CAUSE)


def shortened(text: str, longest: int) -> str:
    """A text on one line, its middle cut out where it is longer than that many characters."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    head = (longest - 3) * 2 // 3
    return f"{line[:head]}...{line[-(longest - 3 - head) :]}"


class CommandTimeout(CommandFailed):
    """A subprocess was ended, with all its children, at its deadline."""


class WaitError(PromdrillError):
    """A wait that did not end in success."""


class WaitFailed(WaitError):
    """A named failure was seen, so that the wait ended before its deadline.

    Args:
        wanted: What was waited for.
        failure: The failure that was seen, by name.
        last_seen: The last observation, in words.
        waited_s: Seconds waited.
        hint: Where to look.
    """

    def __init__(self, wanted: str, failure: str, last_seen: str, waited_s: float, *, hint: str = "") -> None:
        self.wanted, self.failure, self.last_seen, self.waited_s = wanted, failure, last_seen, waited_s
        super().__init__(
            f"{failure} after {waited_s:.1f} s, while waiting for {wanted}; last seen: {last_seen}", hint=hint
        )


class WaitTimeout(WaitError):
    """The deadline passed; arguments as in `WaitFailed`, with the budget in seconds."""

    def __init__(self, wanted: str, budget_s: float, last_seen: str, *, hint: str = "") -> None:
        self.wanted, self.last_seen, self.waited_s = wanted, last_seen, budget_s
        super().__init__(f"not seen within {budget_s:.0f} s: {wanted}; last seen: {last_seen}", hint=hint)

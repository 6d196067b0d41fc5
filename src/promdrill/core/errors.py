"""Every error that promdrill raises on purpose.

    PromdrillError              one clear message, an optional hint with the next move
    +-- UsageError              bad input: nothing was started (exit code 2)
    +-- SupplyError             something that a run needs is not available, or could not be built
    +-- ClusterError            the cluster did not start, or does not answer
    |   +-- NotOurs             ... or is not the one that promdrill made: nothing was done to it
    +-- CommandFailed           a subprocess ended with an unexpected exit code
    |   +-- CommandTimeout      ... or did not end before its deadline
    +-- WaitError
        +-- WaitFailed          a named failure was seen before the deadline
        +-- WaitTimeout         the deadline passed

They are in a module of their own to avoid import cycles.
"""

from __future__ import annotations

import contextlib
import errno
import re
import shlex
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


class PromdrillError(Exception):
    """An error with a message for an operator: what is wrong, where, and what to do.

    Args:
        message: What is wrong, in one or a few lines, without a final period.
        hint: What to do next, usually a command to type; may be empty.
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
    """An artefact, a tool or the container engine is not available."""


class ClusterError(PromdrillError):
    """The cluster could not be created, reached or made ready."""


class NotOurs(ClusterError):
    """What answers is not what promdrill made and recorded, or nothing says so. Nothing was done to it."""


class CommandFailed(PromdrillError):
    """A subprocess ended with an unexpected exit code.

    Attributes:
        argv: The command, as given.
        exit_code: Its exit code; negative for a signal, as in ``subprocess``.
        output: Standard output and standard error as captured, in that order.
        outcome: How it ended, in words: "exit code 1", "killed by SIGKILL".
        paste: The command as a person would paste it, with its variables.
        refusal: The tool's own words for why it refused, whole, if whoever ran it can tell them; else empty.
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
        self.refusal = ""
        self.outcome = what or ending(exit_code)
        self.paste = f"{place}{assigned + ' ' if assigned else ''}{shlex.join(argv)}{')' if cwd else ''}"
        tail = output.strip()[-4000:]
        super().__init__(f"{self.outcome}: {self.paste}" + (f"\n{tail}" if tail else ""), hint=hint)

    @property
    def cause(self) -> str:
        """Why it failed, in one line: the output's, or how it ended if it was killed or says nothing."""
        return self.outcome if self.exit_code < 0 else cause_in(self.output) or self.outcome


def ending(exit_code: int) -> str:
    """How a process ended, in words.

    Args:
        exit_code: Negative for a signal, as in ``subprocess``.
    """
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-exit_code}"


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors of a file system that takes nothing more: it is full, a quota is, or it is read-only."""


@contextlib.contextmanager
def named(file: Path) -> Iterator[None]:
    """Within the block, an error of the operating system that names no file names this one."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(file)
        raise


def no_room(error: BaseException) -> str:
    """What an error says of a file system that takes nothing more, and of which file; empty for any other error."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return ""
    return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)


_COMPLAINT = re.compile(
    r"\b(error|fail|refus|denied|forbidden|unauthorized|not found|no such|cannot|unable|invalid|unknown|timed out)",
    re.IGNORECASE,
)

LONGEST_CAUSE = 240
"""Most characters of a cause, which shares one line of a summary with its command."""


def cause_in(output: str, *, complaint: bool = False) -> str:
    """The line of a command's output that best says why it failed: the last one that complains, else the last one.

    Tools often end with advice or usage, so the very last line may not be the reason.

    Args:
        output: Standard output and standard error, in any order.
        complaint: Whether to accept only a line that complains; the result is empty if there is none.
    """
    lines = [line for line in output.splitlines() if line.strip()]
    found = next((line for line in reversed(lines) if _COMPLAINT.search(line)), "")
    return shortened(found or ("" if complaint or not lines else lines[-1]), LONGEST_CAUSE)


def shortened(text: str, longest: int) -> str:
    """A text on one line; if it is longer than that many characters, its middle is cut out."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    head = (longest - 3) * 2 // 3
    return f"{line[:head]}...{line[-(longest - 3 - head) :]}"


class CommandTimeout(CommandFailed):
    """A subprocess was ended at its deadline, with all its children."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A condition that did not hold when a wait ended.

    Attributes:
        text: Its name, and what was last seen of it.
        known: Whether it was known not to hold; otherwise it may have held unseen.
        asked: Whether all that it asks could be asked. A command in a container that does not run counts as asked.
    """

    text: str
    known: bool = True
    asked: bool = True


class WaitError(PromdrillError):
    """A wait that did not end in success.

    Attributes:
        missing: The conditions that did not hold at its end.
    """

    missing: tuple[Missing, ...] = ()

    @property
    def undecided(self) -> str:
        """Why the conditions may have held all the same, in words; empty if one of them is known not to have held.

        They must hold together, so one that is known not to is enough; but not while a question could not be asked:
        then what is known may be old.
        """
        unasked = [missing.text for missing in self.missing if not missing.asked]
        if unasked or not any(missing.known for missing in self.missing):
            return "; ".join(unasked or [missing.text for missing in self.missing])
        return ""


class WaitFailed(WaitError):
    """A named failure was seen, so the wait ended before its deadline.

    Args:
        wanted: What was waited for.
        failure: The failure that was seen, by name.
        last_seen: The last observation, in words.
        waited_s: Seconds waited.
        hint: Where to look.
        missing: See `WaitError`.
    """

    def __init__(
        self,
        wanted: str,
        failure: str,
        last_seen: str,
        waited_s: float,
        *,
        hint: str = "",
        missing: Sequence[Missing] = (),
    ) -> None:
        self.wanted, self.failure, self.last_seen, self.waited_s = wanted, failure, last_seen, waited_s
        self.missing = tuple(missing)
        super().__init__(
            f"{failure} after {waited_s:.1f} s, while waiting for {wanted}; last seen: {last_seen}", hint=hint
        )


class WaitTimeout(WaitError):
    """The deadline passed; arguments as in `WaitFailed`, with the budget in seconds."""

    def __init__(
        self, wanted: str, budget_s: float, last_seen: str, *, hint: str = "", missing: Sequence[Missing] = ()
    ) -> None:
        self.wanted, self.last_seen, self.waited_s = wanted, last_seen, budget_s
        self.missing = tuple(missing)
        super().__init__(f"not seen within {budget_s:.0f} s: {wanted}; last seen: {last_seen}", hint=hint)

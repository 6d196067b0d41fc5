"""The text of a runbook, and errors that point into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from promdrill.core import paths, reading
from promdrill.core.errors import UsageError

LIMIT_BYTES = 1 << 18
"""Size limit of a runbook: twenty times the longest that promdrill ships, and read in a second whatever it holds."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A runbook's text.

    Attributes:
        path: The file's path, as given; error messages begin with it.
        lines: Its lines without line ends; CRLF and CR count as LF.
    """

    path: Path
    lines: tuple[str, ...]

    def wrong(self, line: int, column: int, rule: str, *, hint: str = "") -> UsageError:
        """An error at a place in the file; line and column count from 1. Without a hint it says how to check again."""
        again = f"{paths.program()} runbook check {self.path}"
        return UsageError(f"{self.path}:{line}:{column}: {rule}", hint=hint or again)

    def column(self, line: int) -> int:
        """Column of the first character of a line (from 1) that is not blank; 1 in a blank line."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return len(text) - len(text.lstrip()) + 1 if text.strip() else 1


def read(path: Path) -> SourceText:
    """Read a file of UTF-8 text.

    Raises:
        Unreadable: It cannot be read, is larger than `LIMIT_BYTES`, or contains bytes that are not text.
    """
    return SourceText(path, tuple(_lines(reading.text_of(path, limit_bytes=LIMIT_BYTES))))


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

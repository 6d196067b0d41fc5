"""Runs to watch: journals of real drills, and others made up.

The real ones are without their steps' output, and were brought to the present form of events: what conditions once said
of pods, volume and samples in words has events of its own in them.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from tests.unit.html_world import BEGAN, Told, condition

from promdrill.core.events import WaitBegan
from promdrill.watch.run import Follower
from promdrill.watch.text import Canvas, Marks
from promdrill.watch.view import Focus, view

REAL = Path(__file__).parent / "data" / "watch"
"""A journal of disk-full that passed, one of retention-size that failed, and so on, named by their verdicts."""


def real(verdict: str) -> str:
    """The journal of a real drill."""
    return (REAL / f"{verdict}.jsonl").read_text(encoding="utf-8")


def put(folder: Path, drill: str, text: str) -> Path:
    """Append to a drill's journal; its path."""
    path = folder / drill / "journal.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
    return path


def at(second: float) -> datetime:
    """A moment of the journals that `Told` makes."""
    return BEGAN.astimezone(UTC) + timedelta(seconds=second)


def followed(folder: Path, **journals: str | Told) -> Follower:
    """A run with these journals, by drill (`_` for `-`), looked at once."""
    for name, journal in journals.items():
        put(folder, name.replace("_", "-"), journal if isinstance(journal, str) else journal.text())
    follower = Follower(folder)
    follower.look()
    return follower


def waits(told: Told, *wanted: str, timeout_s: float = 90.0, hold_s: float = 0.0) -> Told:
    """Begin to wait for conditions."""
    return told.tell(WaitBegan(wanted=wanted, timeout_s=timeout_s, hold_s=hold_s))


def sees(
    told: Told, name: str, text: str, *, holds: bool, kind: str = "pod", after: float = 0.0, known: bool = True
) -> Told:
    """A condition's news."""
    return told.tell(condition(name, text, holds=holds, kind=kind, known=known), after)


def drawn(
    follower: Follower,
    now: datetime,
    *,
    width: int = 80,
    height: int | None = None,
    focus: str | None = None,
    beside_lines: bool = False,
) -> list[str]:
    """The view as the lines that a terminal shows."""
    canvas = Canvas(width, Marks(), height)
    console = Console(record=True, width=width, force_terminal=True, file=io.StringIO())
    console.print(view(follower.run, now, canvas, focus=Focus(focus), beside_lines=beside_lines))
    return [line.rstrip() for line in console.export_text().rstrip("\n").split("\n")]


class Terminal(io.StringIO):
    """A terminal as far as the view needs one; it rejects what it does not know.

    Attributes:
        lines: What was written, line by line, also beyond the screen; the screen's size does not matter to it.
        cursor: Whether the cursor is shown.
        alternate: Whether the alternate screen is shown; what was on it is gone when it is left.
        colours: Whether any colour was asked for.
    """

    _PART = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|([^\x1b\r\n]+)|(\r)|(\n)")

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self.cursor, self.alternate, self.colours = True, False, False
        self._row = self._column = 0
        self._left: tuple[list[str], int] = ([], 0)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        end = 0
        for found in self._PART.finditer(text):
            assert found.start() == end, f"not known: {text[end : found.start()]!r}"
            end = found.end()
            values, command, plain, back, new = found.groups()
            if command:
                self._command(values, command)
            elif plain:
                line = self.lines[self._row].ljust(self._column)
                self.lines[self._row] = line[: self._column] + plain + line[self._column + len(plain) :]
                self._column += len(plain)
            else:
                assert back or new
                self._column = 0
                self._row += new is not None
                self.lines += [""] * (self._row + 1 - len(self.lines))
        assert end == len(text), f"not known: {text[end:]!r}"
        return super().write(text)

    def _command(self, values: str, command: str) -> None:
        if command == "m":
            self.colours = self.colours or any(30 <= int(value or 0) < 50 for value in values.split(";"))
        elif (values, command) in {("?25", "l"), ("?25", "h")}:
            self.cursor = command == "h"
        elif values == "?1049":
            self.alternate = command == "h"
            if self.alternate:
                self._left, self.lines, self._row = (self.lines, self._row), [""], 0
            else:
                self.lines, self._row = self._left
        elif (values, command) == ("", "H"):
            self._row = self._column = 0
        elif (values, command) == ("2", "K"):
            self.lines[self._row] = ""
        elif command == "A":
            self._row -= int(values or 1)
            assert self._row >= 0
        else:
            raise AssertionError(f"not known: {values}{command}")

    @property
    def shown(self) -> list[str]:
        """The lines without what is blank at their ends."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip().split("\n")

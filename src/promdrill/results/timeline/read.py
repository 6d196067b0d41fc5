"""Read journals, in whatever state a kill has left them, and while they are being written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from promdrill.core import collector, reading
from promdrill.core.events import Entry, UnknownEvent, decode
from promdrill.core.reading import Unreadable
from promdrill.core.records import Misfit
from promdrill.results.timeline.drill import Timeline, timelines

LARGEST_BYTES = 64 * 2**20
"""Size limit of a journal, beyond which nothing is read: a hundred times the longest drill's."""

MOST_BYTES = 8 * 2**20
"""Bytes read at a time: more than an hour's journal has, and little enough for a display that looks four times a
second."""


@dataclass(slots=True)
class Skipped:
    """Lines that could not be used.

    Attributes:
        broken: Damaged lines: half a line if the writer was killed.
        unknown: Lines with events that this version does not know.
    """

    broken: int = 0
    unknown: int = 0

    def entry(self, line: bytes) -> Entry | None:
        """The entry in a line; None if there is none, which is counted unless the line is empty."""
        if not line or line.isspace():
            return None
        try:
            return decode(line if line.isascii() else line.decode("utf-8", "replace"))
        except UnknownEvent:
            self.unknown += 1
        except Misfit:
            self.broken += 1
        return None


@dataclass(frozen=True, slots=True)
class Journal:
    """What could be read of a file.

    Attributes:
        drills: Each drill in the file, in order; a drill that is run again is appended to the file.
        skipped: Lines that could not be used.
    """

    drills: tuple[Timeline, ...] = ()
    skipped: Skipped = field(default_factory=Skipped)


def read(path: Path) -> Journal:
    """The journal at `path`; empty if it does not exist or cannot be read."""
    try:
        with reading.opened(path) as file:
            lines = file.read(LARGEST_BYTES).split(b"\n")
    except (OSError, Unreadable):
        return Journal()
    skipped = Skipped()
    with collector.resting():
        entries = [entry for line in lines if (entry := skipped.entry(line)) is not None]
        return Journal(tuple(timelines(entries, folder=path.parent.name)), skipped)


class Tail:
    """The entries of a journal that is being written, each read once.

    Args:
        path: The file; it need not exist yet.

    Attributes:
        skipped: Lines so far that could not be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped = Skipped()
        self._file: tuple[int, int] | None = None
        self._offset = 0
        self._half = b""

    def look(self) -> tuple[bool, list[Entry]]:
        """Whether the file was replaced or truncated, so that everything is new; and the new entries.

        The last line stays unread until its end is written. A file that cannot be read has nothing new.
        """
        try:
            found = self.path.stat()
            fresh = self._file is not None and (
                (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset
            )
            if fresh:
                self._offset, self._half, self.skipped = 0, b"", Skipped()
            self._file = (found.st_dev, found.st_ino)
            if found.st_size == self._offset:
                return fresh, []
            with reading.opened(self.path) as file:
                file.seek(self._offset, os.SEEK_SET)
                new = file.read(MOST_BYTES)
        except (OSError, Unreadable):
            return False, []
        self._offset += len(new)
        *lines, self._half = (self._half + new).split(b"\n")
        return fresh, [entry for line in lines if (entry := self.skipped.entry(line)) is not None]

"""A journal that is being written: what was appended since the last look, in whole lines."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from promdrill.report.html.journal import Entry

MOST_BYTES = 8 * 2**20
"""Read at one look: more than any journal of an hour has, and little enough for a display four times a second."""


class Tail:
    """The lines of one file, each read once.

    Args:
        path: The file; it need not be there yet.

    Attributes:
        broken: Lines so far that are no entries.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = 0
        self._file: tuple[int, int] | None = None
        self._offset = 0
        self._half = b""

    def look(self) -> tuple[bool, list[Entry]]:
        """Whether the file is another one than before, or was cut, so that all is new; and the new entries.

        The last line stays unread until its end is written. A file that cannot be read has nothing new.
        """
        try:
            found = self.path.stat()
            anew = self._file is not None and (
                (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset
            )
            if anew:
                self._offset, self._half, self.broken = 0, b"", 0
            self._file = (found.st_dev, found.st_ino)
            if found.st_size == self._offset:
                return anew, []
            with self.path.open("rb") as file:
                file.seek(self._offset, os.SEEK_SET)
                new = file.read(MOST_BYTES)
        except OSError:
            return False, []
        self._offset += len(new)
        *lines, self._half = (self._half + new).split(b"\n")
        entries = [entry for line in lines if line.strip() and (entry := self._entry(line)) is not None]
        return anew, entries

    def _entry(self, line: bytes) -> Entry | None:
        try:
            data = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            data = None
        event = data.pop("event", None) if isinstance(data, dict) else None
        t = data.pop("t", None) if isinstance(data, dict) else None
        if not isinstance(event, str) or not isinstance(t, int | float) or not math.isfinite(t):
            self.broken += 1
            return None
        return Entry(float(t), str(data.pop("at", "")), event, data)

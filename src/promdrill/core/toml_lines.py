"""Line numbers in a TOML file. Python's parser does not keep them, so they are looked up in the text.

This is a guess, for messages only: text within multi-line strings may be mistaken for a key.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[\[?\s*(\w[\w.-]*)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?(?:\.[\w.-]+)?\s*=""")


class Lines:
    """Finds lines.

    Args:
        text: The text of the file.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        found = ((at, _HEADER.fullmatch(line)) for at, line in enumerate(self._lines))
        self._headers = [(at, match[1]) for at, match in found if match]
        self._of: dict[str, list[int]] = {}
        for position, (_, name) in enumerate(self._headers):
            self._of.setdefault(name, []).append(position)

    def of(self, key: str | None, table: str = "", number: int = 0, needle: str = "") -> int:
        """The line, counted from 1, of a key or of one of its values; if not found, of the nearest thing above it.

        Args:
            key: The key; None for the table's own header.
            table: Name of the table; empty for the keys above all tables.
            number: Which table of that name, counted from 0.
            needle: How the value is written.
        """
        first, last = self._section(table, number)
        if key is None:
            return first + 1
        for at in range(first, last):
            match = _KEY.match(self._lines[at]) or _HEADER.fullmatch(self._lines[at])
            if match and match[1] == key:
                return self._value(at, last, needle) + 1
        return next((self._headers[position][0] for position in self._of.get(key, ())), first) + 1

    def _section(self, table: str, number: int) -> tuple[int, int]:
        """The first line of a table, and the line after its last."""
        if not table:
            return 0, self._start(0)
        of_that_name = self._of.get(table, [])
        if number >= len(of_that_name):
            return 0, len(self._lines)
        position = of_that_name[number]
        return self._start(position), self._start(position + 1)

    def _start(self, position: int) -> int:
        """The line of a header; the end of the file for the one after the last."""
        return self._headers[position][0] if position < len(self._headers) else len(self._lines)

    def _value(self, at: int, last: int, needle: str) -> int:
        """The line of a value that begins at `at` or, in a list, is on its own line below."""
        for below in range(at, last):
            line = self._lines[below]
            if below > at and _KEY.match(line):
                break
            if needle and needle in line.partition("#")[0]:
                return below
        return at

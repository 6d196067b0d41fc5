"""Reading a journal, whatever state a kill has left it in."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JOURNAL = "journal.jsonl"
"""Everything that a drill did and saw, one JSON object a line, written as it happens."""

LARGEST_BYTES = 64 * 2**20
"""Of a journal nothing beyond is read: a hundred times that of the longest drill."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal.

    Attributes:
        t: Seconds since the journal began.
        at: UTC, ISO 8601.
        event: What it tells.
        fields: The rest; nothing is known of their types.
    """

    t: float
    at: str
    event: str
    fields: dict[str, Any]

    def text(self, name: str) -> str:
        """A field as text; empty where it is missing or null."""
        value = self.fields.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> float | None:
        """A field as a finite number; None where it is something else."""
        return _number(self.fields.get(name))

    def items(self, name: str) -> tuple[Any, ...]:
        """A field as a list; empty where it is something else."""
        value = self.fields.get(name)
        return tuple(value) if isinstance(value, list) else ()


@dataclass(frozen=True, slots=True)
class Journal:
    """What could be read of a file.

    Attributes:
        drills: The entries of each drill that the file tells of, in order; a second drill is added to the file.
        broken: Lines that are no entries: half a line, where the writer was killed.
    """

    drills: tuple[tuple[Entry, ...], ...] = ()
    broken: int = 0


def read(path: Path) -> Journal:
    """The journal in `path`; an empty one where there is none or it cannot be read."""
    try:
        with path.open("rb") as file:
            lines = file.read(LARGEST_BYTES).decode("utf-8", "replace").split("\n")
    except OSError:
        return Journal()
    told = [line for line in lines if line.strip()]
    found = [entry for entry in map(_entry, told) if entry is not None]
    return Journal(_drills(found), len(told) - len(found))


def _entry(line: str) -> Entry | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    t, event = _number(data.pop("t", None)), data.pop("event", None)
    if t is None or not isinstance(event, str):
        return None
    return Entry(t, str(data.pop("at", "")), event, data)


def _drills(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], ...]:
    """Cut where the next drill begins: with ``supplied``, or with ``drill-begin`` where that is not said."""
    found: list[list[Entry]] = []
    for entry in entries:
        begins = entry.event == "supplied" or (entry.event == "drill-begin" and _has_begun(found))
        if begins or not found:
            found.append([])
        found[-1].append(entry)
    return tuple(map(tuple, found))


def _has_begun(found: Sequence[Sequence[Entry]]) -> bool:
    return bool(found) and any(entry.event == "drill-begin" for entry in found[-1])


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None

"""The evidence folder: files within one size budget, and an index of what was collected and what was not."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

INDEX = "index.json"
INDEX_SCHEMA = 1

BUDGET_BYTES = 20 * 2**20
"""Bytes for the whole folder, its index included."""

LARGEST_BYTES = 2 * 2**20
"""Bytes for one file: about 15 000 lines of a log, so that a huge one leaves space for nine others."""

LEAST_BYTES = 1024
"""Bytes below which nothing is cut to fit: little would be left beside the note about the cut."""

_RESERVE_BYTES = 64 * 1024
"""Bytes for the index's entries on what did not fit: a few hundred entries, once the space for files is used up."""

_ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class Artefact:
    """Something to keep.

    Attributes:
        path: Its path in the folder, such as `logs/POD/CONTAINER.log`.
        text: Its content, redacted.
        cut: Whether the middle may be cut out: logs stay readable, YAML and JSON would become invalid.
        share: How many of its kind, itself included, are still to come and need space.
    """

    path: str
    text: str
    cut: bool = False
    share: int = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the folder.

    Attributes:
        path: Its path in the folder.
        size: Bytes.
        sha256: SHA-256 of these bytes.
        left_out: Bytes that were cut out of the middle.
    """

    path: str
    size: int
    sha256: str
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that could not be collected.

    Attributes:
        collector: Which collector, or which of its files.
        error: Why, in one line.
    """

    collector: str
    error: str


class Store:
    """Writes files until the budget is used up.

    Args:
        folder: Created with the first file.
        budget_bytes: Size limit for the folder with its index.
    """

    def __init__(self, folder: Path, *, budget_bytes: int = BUDGET_BYTES) -> None:
        self.folder = folder
        self.kept: list[Kept] = []
        self.missing: list[Missing] = []
        self._budget_bytes = budget_bytes
        self._left_bytes = budget_bytes - _RESERVE_BYTES

    def put(self, artefact: Artefact) -> Kept | Missing:
        """Write a file, or say why it did not fit.

        Raises:
            OSError: It could not be written.
        """
        data = artefact.text.encode("utf-8", "replace")
        room = min(LARGEST_BYTES, (self._left_bytes - _entry_bytes(artefact.path)) // artefact.share)
        left_out = 0
        if len(data) > room:
            if not artefact.cut or room < LEAST_BYTES:
                size = f"{len(data)} bytes, but only {max(0, room)} were left"
                return self.miss(artefact.path, f"did not fit: {size}")
            data, left_out = cut_in_the_middle(data, room)
        path = self.folder / artefact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._left_bytes -= len(data) + _entry_bytes(artefact.path)
        self.kept.append(Kept(artefact.path, len(data), hashlib.sha256(data).hexdigest(), left_out))
        return self.kept[-1]

    def miss(self, collector: str, error: str) -> Missing:
        """Record what is missing."""
        line = " ".join(error.split())
        found = Missing(collector, line if len(line) <= _ERROR_CHARS else line[: _ERROR_CHARS - 3] + "...")
        self._left_bytes -= _entry_bytes(collector + found.error)
        self.missing.append(found)
        return found

    def write_index(self, **about: Any) -> Path:
        """Write the index, whole or not at all.

        Args:
            about: Further entries of the index.

        Raises:
            OSError: It could not be written.
        """
        content = {
            "schema": INDEX_SCHEMA,
            **about,
            "budget": self._budget_bytes,
            "size": sum(kept.size for kept in self.kept),
            "artefacts": [asdict(kept) for kept in self.kept],
            "missing": [asdict(missing) for missing in self.missing],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / INDEX
        draft = path.with_name(f".{INDEX}.{os.getpid()}")
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
        return path


def cut_in_the_middle(data: bytes, limit: int) -> tuple[bytes, int]:
    """The beginning and the end of a text, in whole lines if possible, and how many bytes are left out.

    Args:
        data: UTF-8.
        limit: Most bytes of the result, including the note in the middle.
    """
    half = (limit - len(_note(len(data)))) // 2
    head, tail = data[:half], data[-half:]
    head = head[: head.rfind(b"\n") + 1] or head
    tail = tail[tail.find(b"\n") + 1 :] or tail
    head = head.decode("utf-8", "ignore").encode()  # no half characters
    tail = tail.decode("utf-8", "ignore").encode()
    left_out = len(data) - len(head) - len(tail)
    return head + _note(left_out) + tail, left_out


def _note(left_out: int) -> bytes:
    return f"\n[promdrill: {left_out} bytes left out here]\n".encode()


def _entry_bytes(text: str) -> int:
    """An upper bound of what an entry of the index takes."""
    return 256 + len(json.dumps(text))

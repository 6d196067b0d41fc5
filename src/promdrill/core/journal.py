"""The journal: one event per line, written as things happen, so that it survives a killed run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.events import Entry, Event, encode
from promdrill.core.redact import redact_record

JOURNAL = "journal.jsonl"
"""The journal's name in a drill's folder."""


class Journal:
    """An append-only record of one drill, safe to write to from several threads.

    Args:
        path: The file; its folder is created. An existing file is appended to, never truncated.
        clock: Where time comes from.
        listener: Called with each entry after it is written, for live output; must not raise.
    """

    def __init__(self, path: Path, *, clock: Clock = SYSTEM, listener: Callable[[Entry], None] | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._clock = clock
        self._began = clock.monotonic()
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")
        self._listener = listener

    def write(self, event: Event) -> None:
        """Append an event with the current time, without the credentials in it."""
        entry = Entry(self._clock.utc(), self._clock.monotonic() - self._began, redact_record(event))
        line = encode(entry) + "\n"
        with self._lock:
            if not self._file.closed:
                self._file.write(line)
                self._file.flush()
        if self._listener is not None:
            self._listener(entry)

    def close(self) -> None:
        """Close the file; later events still reach the listener."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

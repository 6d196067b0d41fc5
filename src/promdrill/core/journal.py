"""The journal: one event per line, written as things happen, so that it survives a killed run.

An event that announces an act is on the disk before the act is done, so that it survives a power failure too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from promdrill.core import files
from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import named, no_room
from promdrill.core.events import (
    ControlApplied,
    DrillBegan,
    Entry,
    Event,
    FaultApplied,
    LeftoverFound,
    PhaseBegan,
    StepBegan,
    encode,
)
from promdrill.core.redact import redact_record

JOURNAL = "journal.jsonl"
"""The journal's name in a drill's folder."""

ANNOUNCING = (DrillBegan, PhaseBegan, LeftoverFound, FaultApplied, ControlApplied, StepBegan)
"""Events that are written just before something is done to a cluster."""


class Journal:
    """An append-only record of one drill, safe to write to from several threads.

    Args:
        path: The file; its folder is created. An existing file is appended to, never truncated.
        clock: Where time comes from.
        listener: Called with each entry after it is written, for live output; must not raise.
    """

    def __init__(self, path: Path, *, clock: Clock = SYSTEM, listener: Callable[[Entry], None] | None = None) -> None:
        files.make_folder(path.parent)
        self.path = path
        self._clock = clock
        self._began = clock.monotonic()
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")
        files.flush(path.parent)
        self._listener = listener

    def write(self, event: Event) -> None:
        """Append an event with the current time, without its credentials; `ANNOUNCING` are on the disk on return."""
        entry = Entry(self._clock.utc(), self._clock.monotonic() - self._began, redact_record(event))
        line = encode(entry) + "\n"
        with self._lock:
            if not self._file.closed:
                with named(self.path):
                    self._file.write(line)
                    self._file.flush()
                    if isinstance(event, ANNOUNCING):
                        os.fsync(self._file.fileno())
        if self._listener is not None:
            self._listener(entry)

    def close(self) -> None:
        """Close the file; later events still reach the listener.

        On a full disk nothing is raised: whoever wrote what is lost now was told.
        """
        with self._lock:
            try:
                self._file.close()
            except OSError as error:
                if not no_room(error):
                    raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

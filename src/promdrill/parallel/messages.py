"""What a child tells its parent while a drill runs: its output, and states through a named pipe in its outbox.

Results and pytest's reports go into files there, which survive a child that is killed; messages are for what the
parent acts on at once.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from promdrill.core import records

PIPE = "messages"
"""Name of the pipe in the outbox."""


class State(StrEnum):
    """How far a running drill has come.

    `GETTING_READY`: its baseline is not proven yet. Until then it takes most of its processor time.
    `READY`: it waits for its turn, or has it.
    `RECOVERING`: its remedy is carried out, down to Verification. It watches how its Prometheus recovers, and needs its
    turn no longer.
    """

    GETTING_READY = "getting-ready"
    READY = "ready"
    RECOVERING = "recovering"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output.

    Attributes:
        text: The line, without its end.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Reached:
    """A drill has reached a state.

    Attributes:
        state: The state.
    """

    state: State


Message = Line | Reached
"""A message about a running drill; lines come through the child's standard output."""


class Inbox:
    """The parent's end of the pipe: during the block, each message is passed on as it comes.

    Args:
        outbox: The child's outbox.
        on_message: Called with each message, in a separate thread.
    """

    def __init__(self, outbox: Path, on_message: Callable[[Reached], None]) -> None:
        self._path = outbox / PIPE
        self._on_message = on_message
        self._thread = threading.Thread(target=self._listen, name=f"messages-{outbox.name}", daemon=True)

    def __enter__(self) -> Self:
        os.mkfifo(self._path, 0o600)
        self._reading = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)  # or it would wait for a writer
        self._writing = os.open(self._path, os.O_WRONLY)  # or the end would come when the child closes its own
        os.set_blocking(self._reading, True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._writing)
        self._thread.join()

    def _listen(self) -> None:
        with os.fdopen(self._reading, "rb") as pipe:
            for line in pipe:
                self._on_message(records.loads(Reached, line))


def post(outbox: Path, state: State) -> None:
    """Tell the parent. Does nothing if nobody listens, as in a session that works on a standing incident."""
    try:
        pipe = os.open(outbox / PIPE, os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno == errno.ENXIO:  # nobody reads any more
            return
        raise
    try:
        os.write(pipe, records.dumps(Reached(state), indent=None).encode())
    finally:
        os.close(pipe)

"""SIGTERM becomes an exception while a drill runs, so that the drill undoes what it did before it ends."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM was received; like Ctrl-C, it ends the whole run."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Within the block, SIGTERM raises `Terminated`. Does nothing in a thread other than the main one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminated(_number: int, _frame: FrameType | None) -> None:
        raise Terminated("SIGTERM")

    former = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)

"""When a child may go on: the parent holds a file lock until its turn comes.

A child gets ready ahead of its turn: it installs its Prometheus and proves the baseline while other drills are at their
incident. Its own begins when its turn comes.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from types import TracebackType
from typing import Self

from promdrill.core.clock import SYSTEM

TURN = "turn"
"""Name of the locked file in the child's outbox."""


class Turn:
    """A turn that has not come yet: the parent's side. As a context manager, it is given at the end of the block.

    Args:
        outbox: The child's outbox.
    """

    def __init__(self, outbox: Path) -> None:
        self._held = (outbox / TURN).open("wb")
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def give(self) -> None:
        """Let the child continue, whether it waits already or comes later."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.give()


def wait_for(outbox: Path) -> float:
    """Wait until the child with that outbox may continue; returns for how many seconds. Without a parent it may."""
    began_s = SYSTEM.monotonic()
    with (outbox / TURN).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    return SYSTEM.monotonic() - began_s

"""When a child may continue: the parent starts it ahead of time, and holds a file lock until its turn comes.

A child takes two seconds to import what a drill needs; it does so while other drills run. A drill that must run alone
gets as far as its baseline beside others.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from types import TracebackType
from typing import Self

BEGIN, ALONE = "begin", "alone"
"""What a turn allows: to begin the drill; to change what drills share, because nothing else runs."""


class Turn:
    """A turn that has not come yet: the parent's side. As a context manager, it is given at the end of the block.

    Args:
        outbox: The child's outbox.
        what: One of `BEGIN` and `ALONE`.
    """

    def __init__(self, outbox: Path, what: str) -> None:
        self._held = (outbox / what).open("wb")
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def give(self) -> None:
        """Let the child continue, whether it waits already or comes later."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.give()


def wait_for(outbox: Path, what: str) -> bool:
    """Wait until the child with that outbox may continue; returns whether it had to wait. Without a parent it may."""
    with (outbox / what).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(file, fcntl.LOCK_SH)
            return True
    return False

"""How far a child may go: the parent starts it ahead of time, and holds a lock on a file until it may go on.

A child takes two seconds to import what a drill needs; it does so while other drills run. One that is to be alone
comes as far as its baseline beside others.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from types import TracebackType
from typing import Self

BEGIN, ALONE = "begin", "alone"
"""What a child may do: begin its drill; change what drills share, as nothing runs beside it any more."""


class Turn:
    """A turn that has not come yet. The parent's side; it can be left as a context, which gives it as well.

    Args:
        outbox: The child's outbox.
        what: One of `BEGIN` and `ALONE`.
    """

    def __init__(self, outbox: Path, what: str) -> None:
        self._held = (outbox / what).open("wb")
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def give(self) -> None:
        """Let the child go on, which may wait for it, or come later."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.give()


def wait_for(outbox: Path, what: str) -> bool:
    """Return once the child with that outbox may go on; whether it had to wait. Where nobody holds its turn it may."""
    with (outbox / what).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(file, fcntl.LOCK_SH)
            return True
    return False

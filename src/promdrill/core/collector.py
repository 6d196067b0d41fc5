"""Python's collector of circles, out of the way of code that makes very many objects and no circles.

After every 700 new objects that may hold others, the collector looks through the newest, and now and then through all
that there are. Reading a day of events makes a hundred thousand such objects and frees none of them, so each look is
longer than the one before and finds nothing: that was a sixth of the time, and the reason why 24 hours took more than
24 times as long as one. Objects without circles are freed without it, as soon as nobody uses them.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def resting() -> Iterator[None]:
    """Within the block, in all threads, nothing looks for circles; afterwards all is as before."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

"""Work that goes on beside what follows; a command waits for it before it ends.

An interrupt ends the wait, and with the process the work: what is begun here must be something that the next command
can take up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from promdrill.core.say import Say

_PREFIX = "background: "


def begin(what: str, work: Callable[[], object]) -> None:
    """Do some work in a thread of its own.

    Args:
        what: What it does, as a noun: "the deletion of old files".
        work: Does it.
    """
    threading.Thread(target=work, name=f"{_PREFIX}{what}", daemon=True).start()


def wait(*, say: Say = lambda _text: None) -> None:
    """Wait until all work that was begun is done.

    Args:
        say: Called with a line about each thing that is waited for.
    """
    for thread in threading.enumerate():
        if thread.name.startswith(_PREFIX):
            say(f"waiting for {thread.name.removeprefix(_PREFIX)}")
            thread.join()

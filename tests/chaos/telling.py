"""How a proof tells what it does, and how it ends."""

from __future__ import annotations

import signal
from collections.abc import Sequence


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def ends_when_told() -> None:
    """Let SIGINT and SIGTERM end the proof so that it cleans up; a job in the background ignores the former."""
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, signal.default_int_handler)


def told(troubles: Sequence[str], *, of: str = "") -> int:
    """Tell the troubles; returns the exit code.

    Args:
        troubles: What is wrong, a line each.
        of: What was done, for the last line.
    """
    for trouble in troubles:
        say(f"TROUBLE: {trouble}")
    say(f"{of and f'{of}, '}{len(troubles)} troubles")
    return 1 if troubles else 0

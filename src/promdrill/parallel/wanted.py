"""What is asked for: how many drills at once, which of them may not meet, and which are started first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

from promdrill.core.errors import UsageError
from promdrill.request import markers

D = TypeVar("D")

MOST = 16
"""Drills at once. Each has a Prometheus, a pytest process and a Helm; more than this starve each other anywhere."""

MARKERS = tuple(marker.line for marker in markers.SCHEDULING)
"""The markers' lines in ``pytest --markers``."""


def width(text: str) -> int:
    """How many drills may run at once.

    Args:
        text: As typed after JOBS= or --jobs=.

    Raises:
        UsageError: It is not a whole number from 1 to `MOST`.
    """
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST):
        raise UsageError(f"JOBS={text}: not a whole number from 1 to {MOST}", hint="JOBS=2")
    return int(text)


def alone(item: pytest.Item) -> str | None:
    """Why nothing may run beside this drill; None when something may.

    Raises:
        UsageError: It is marked so, but not why.
    """
    return _text(item, "alone", "what the drill changes that others share", '@pytest.mark.alone("all storage classes")')


def exclusive(item: pytest.Item) -> str | None:
    """What this drill uses, so that no other that uses it may run meanwhile; None when any may.

    Raises:
        UsageError: It is marked so, but not with what it uses.
    """
    return _text(item, "exclusive", "what the drill uses", '@pytest.mark.exclusive("custom metrics API")')


def long(item: pytest.Item) -> str | None:
    """What this drill waits for, so that it takes more than a minute; None when it is not said to.

    Raises:
        UsageError: It is marked so, but not why.
    """
    return _text(item, "long", "what the drill waits for", '@pytest.mark.long("a window of a minute passes")')


def longest_first(drills: Iterable[D], took_s: Callable[[D], float | None], long: Callable[[D], bool]) -> list[D]:
    """The order in which drills are started, so that no long one is left for the end, where nothing runs beside it.

    Args:
        drills: In the order of those that are alike.
        took_s: Seconds that a drill took last; None where that is not known, such ones are started first.
        long: Whether a drill is said to be long; of those not known, such ones are started first.
    """

    def known(drill: D) -> tuple[float, bool]:
        seconds = took_s(drill)
        return (float("inf"), long(drill)) if seconds is None else (seconds, False)

    return sorted(drills, key=known, reverse=True)


def _text(item: pytest.Item, name: str, meaning: str, example: str) -> str | None:
    """The one text of a marker, blanks made even; None when the test has no such marker."""
    marks = list(item.iter_markers(name))
    if not marks:
        return None
    args = [arg for mark in marks for arg in mark.args]
    text = " ".join(args[0].split()) if len(args) == 1 and isinstance(args[0], str) else ""
    if not text or len(marks) != 1 or marks[0].kwargs:
        raise UsageError(f"{item.nodeid}: the marker {name} takes one text, {meaning}", hint=example)
    return text

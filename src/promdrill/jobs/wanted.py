"""What is asked for: how many drills at once, and which of them have to be alone."""

from __future__ import annotations

import pytest

from promdrill.errors import UsageError

MOST = 16
"""Drills at once. Each has a Prometheus, a pytest process and a Helm; more than this starve each other anywhere."""

MARKER = 'alone(why): the drill changes what drills share, named by "why"; with --jobs nothing runs beside it'
"""The marker's line in ``pytest --markers``."""


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
    """Why nothing may run beside this drill; None when anything may.

    Raises:
        UsageError: It is marked so, but not why.
    """
    mark = item.get_closest_marker("alone")
    if mark is None:
        return None
    why = " ".join(arg.strip() for arg in mark.args if isinstance(arg, str))
    if not why or len(mark.args) != 1 or mark.kwargs:
        raise UsageError(
            f"{item.nodeid}: the marker alone takes one text, what the drill changes that others share",
            hint='@pytest.mark.alone("default class")',
        )
    return why

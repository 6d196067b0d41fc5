"""Formatting of texts and times in the view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from rich.console import Console

from promdrill.results.words import count, seconds

__all__ = ["Canvas", "Marks", "count", "moment", "passing", "seconds"]

_MINUTE_S = 60
_HOUR_S = 3600
_WHOLE_S = 600


def passing(figure: float) -> str:
    """A running time, without tenths: ``12 s``, from ten minutes on ``10 min 05 s``."""
    whole = max(0, int(figure))
    if whole < _WHOLE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"


def moment(text: str) -> datetime | None:
    """A UTC moment in ISO 8601; None for anything else, including one without a time zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


class Marks:
    """The signs before a line, in ASCII if the terminal has nothing else. A word always says the same.

    Args:
        ascii_only: Whether nothing but ASCII can be shown.
    """

    def __init__(self, *, ascii_only: bool = False) -> None:
        signs = iter("+x!->.-=" if ascii_only else "✓✗!\N{EN DASH}▸·─━")
        self.good, self.bad, self.unsure, self.ended = next(signs), next(signs), next(signs), next(signs)
        self.running, self.waiting, self.rule, self.bar = next(signs), next(signs), next(signs), next(signs)


@dataclass(frozen=True, slots=True)
class Canvas:
    """The space to draw on.

    Attributes:
        width: Columns.
        marks: Signs that can be shown.
        height: The most lines; None for no limit.
    """

    width: int
    marks: Marks
    height: int | None = None

    @classmethod
    def of(cls, console: Console, height: int | None = None) -> Self:
        """The canvas of a console."""
        return cls(console.width, Marks(ascii_only=console.options.ascii_only), height)

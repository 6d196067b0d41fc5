"""How figures and moments are written in reports, in the live view and on the terminal."""

from __future__ import annotations

from datetime import datetime

NOTHING = "\N{EN DASH}"
"""Stands for an unknown figure."""

_SECOND_MS = 1000
_MINUTE_S = 60
_HOUR_S = 3600
_LONG_S = 100.0
_SHORT_S = 10


def seconds(figure: float | None) -> str:
    """``12.3 s``, from 100 s on ``3 min 05 s``, from one hour on ``1 h 02 min``; a dash for None."""
    if figure is None:
        return NOTHING
    if figure < _LONG_S:
        return f"{figure:.1f} s"
    whole = round(figure)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"


def span(figure: float) -> str:
    """How long something took, in whole seconds: ``30 s``, ``2 min``, ``2 min 05 s``, ``1 h 02 min``.

    Below 10 s with a tenth where there is one: ``4.2 s``. Used for the operator's own time, which is mostly minutes.
    """
    if figure < _SHORT_S and round(figure, 1) != round(figure):
        return f"{figure:.1f} s"
    whole = round(figure)
    if whole < _HOUR_S:
        parts = [(whole // _MINUTE_S, "min", "d"), (whole % _MINUTE_S, "s", "02d" if whole >= _MINUTE_S else "d")]
    else:
        minutes = round(figure / _MINUTE_S)
        parts = [(minutes // _MINUTE_S, "h", "d"), (minutes % _MINUTE_S, "min", "02d")]
    return " ".join(f"{number:{form}} {unit}" for number, unit, form in parts if number) or "0 s"


def about(figure: float, off: float) -> str:
    """A time that may be off: ``2 min (±30 s)``; without the second part if it cannot be."""
    return f"{span(figure)} (±{span(off)})" if off else span(figure)


def offset(figure: float) -> str:
    """A moment in a drill, counted from its start: ``0:07.4``."""
    tenths = round(max(0.0, figure) * 10)
    minutes, rest = divmod(tenths, _MINUTE_S * 10)
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"


def delay(figure: float | None) -> str:
    """A short time, in milliseconds below one second: ``3 ms``, ``1.2 s``; a dash for None."""
    if figure is None:
        return NOTHING
    milliseconds = round(figure * 1000)
    return f"{milliseconds} ms" if milliseconds < _SECOND_MS else seconds(figure)


def size(figure: float) -> str:
    """Bytes in binary units with three digits: ``236 MiB``, ``1.95 GiB``."""
    value, units = float(figure), ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(value) >= 1000 and len(units) > 1:  # noqa: PLR2004  1000 MiB has one digit more than 0.98 GiB
        value, units = value / 1024, units[1:]
    return f"{value:.3g} {units[0]}"


def count(number: int, word: str) -> str:
    """``1 drill``, ``2 drills``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def when(text: str | None) -> str:
    """An ISO 8601 time in UTC, for people: ``2026-11-22 11:13:16 UTC``; any other text is returned as it is."""
    try:
        return datetime.fromisoformat(text or "").strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return text or NOTHING


def between(started: str | None, finished: str | None) -> float | None:
    """Seconds between two times in ISO 8601; None if one is missing or invalid."""
    try:
        return (datetime.fromisoformat(finished or "") - datetime.fromisoformat(started or "")).total_seconds()
    except (TypeError, ValueError):
        return None


def cut(text: str, most: int) -> str:
    """The text cut to about `most` characters: its beginning, a note of what is missing, and its end.

    Lines stay whole if there are any.
    """
    if len(text) <= most:
        return text
    head, tail = text[: most // 2], text[-(most // 2) :]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    left = len(text) - len(head) - len(tail)
    glue = "" if head.endswith("\n") else "\n"
    return f"{head}{glue}[… {left} characters left out; journal.jsonl has them …]\n{tail}"

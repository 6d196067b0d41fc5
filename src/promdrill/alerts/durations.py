"""Durations as Prometheus writes them: ``1h30m``, down to a millisecond.

The grammar and the units are those of `ParseDuration` in Prometheus' common/model/time.go: a year has 365 days.
"""

from __future__ import annotations

import re

SMALLEST_S = 0.001
"""The shortest duration that Prometheus knows, in seconds."""

LONGEST_S = (2**63 - 1) // 10**6 / 1000
"""The longest one, in seconds: Go counts nanoseconds in 64 bits."""

_UNITS_MS = {
    "y": 365 * 24 * 3600 * 1000,
    "w": 7 * 24 * 3600 * 1000,
    "d": 24 * 3600 * 1000,
    "h": 3600 * 1000,
    "m": 60 * 1000,
    "s": 1000,
    "ms": 1,
}
_WRITTEN = {unit: length for unit, length in _UNITS_MS.items() if unit not in {"y", "w"}}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,18}}){unit})?" for unit in _UNITS_MS))


def parse(text: str) -> float:
    """Seconds of a duration.

    Raises:
        ValueError: It is none, with the reason.
    """
    if text == "0":
        return 0.0
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError("not a duration, such as 30s, 5m or 1h30m")
    parts = zip(found.groups(default="0"), _UNITS_MS.values(), strict=True)
    total_ms = sum(int(digits) * unit for digits, unit in parts)
    if total_ms / 1000 > LONGEST_S:
        raise ValueError("longer than Prometheus can count (292 years)")
    return total_ms / 1000


def write(seconds: float) -> str:
    """A duration of so many seconds, to the nearest millisecond: ``1h30m``; ``0s`` for none."""
    left_ms = round(seconds * 1000)
    if not left_ms:
        return "0s"
    parts = []
    for unit, length in _WRITTEN.items():
        number, left_ms = divmod(left_ms, length)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)


def divided(seconds: float, by: float) -> float:
    """A duration divided, in whole milliseconds and not below `SMALLEST_S`; none stays none."""
    return max(SMALLEST_S, round(seconds / by, 3)) if seconds else 0.0

"""Read TOML that anybody may have written: what is wrong with it is one error with its line."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from promdrill.core.errors import UsageError

DEEPEST = 100
"""Most levels of tables and lists in each other."""

LARGEST = 1 << 63
"""TOML's integers are below it."""

_DEEP = f"nested more than {DEEPEST} levels deep"
_LARGE = "a number that needs more than 64 bits"
_CHAIN = re.compile(rf"""(?:\.[ \t]*(?:"[^"\n]*"|'[^'\n]*'|[\w-]+)[ \t]*){{{DEEPEST}}}""")
"""A dotted key of that many parts; the time that the parser takes grows with the square of them."""

_DIGITS = re.compile(r"[0-9a-fA-F_]{15,}")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_HINT = "correct it; texts need quotes"


def value_of(text: str, *, said: str) -> dict[str, Any]:
    """What a text says.

    Args:
        text: The TOML.
        said: What messages call it: its file.

    Raises:
        UsageError: It is not TOML, has a number that no computer counts to, or is nested too deeply; with the line.
    """
    chain = _CHAIN.search(text)
    if chain:
        raise _wrong(said, _line(text, chain.start()), _DEEP)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else max(1, len(text.splitlines()))
        raise _wrong(said, line, f"not TOML: {_PLACE.sub('', str(error))}") from error
    except RecursionError as error:
        raise _wrong(said, _crowded(text), _DEEP) from error
    except ValueError as error:  # an integer of thousands of digits, which Python refuses
        raise _wrong(said, _long(text), _LARGE) from error
    trouble = _trouble(data)
    if trouble:
        raise _wrong(said, _crowded(text) if trouble == _DEEP else _long(text), trouble)
    return data


def _wrong(said: str, line: int, what: str) -> UsageError:
    return UsageError(f"{said}:{line}: {what}", hint=_HINT)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _crowded(text: str) -> int:
    """The line with the most brackets: that is where a text is nested too deeply, unless it was made to mislead."""
    counts = [line.count("[") + line.count("{") for line in text.splitlines()]
    return counts.index(max(counts)) + 1


def _long(text: str) -> int:
    """The line of the first number of many digits, hexadecimal ones included."""
    digits = _DIGITS.search(text)
    return _line(text, digits.start() if digits else 0)


def _trouble(data: dict[str, Any]) -> str:
    """What is wrong with data that is TOML nevertheless; empty if nothing is."""
    level: list[Any] = [data]
    for _ in range(DEEPEST):
        below = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
        if any(isinstance(item, int) and abs(item) >= LARGEST for item in below):
            return _LARGE
        level = [item for item in below if isinstance(item, dict | list)]
        if not level:
            return ""
    return _DEEP

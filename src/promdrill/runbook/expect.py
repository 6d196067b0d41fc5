"""Expected output: the lines as a person saw them, with ``...`` for what may differ.

A line that is only ``...`` stands for any number of lines, or none. ``...`` inside a line stands for any text, or none.
Runs of blanks count as one blank, because kubectl's columns are as wide as their widest name; blanks at the end of a
line and empty lines at the end do not count. Everything else must match, in order, and nothing else may be there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

WILDCARD = "..."


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where the output departed from what was expected.

    Attributes:
        index: Which expected line was not met, counted from 0; the number of expected lines if all were met and the
            output continued.
        seen: The line of output found instead; None if the output had ended.
    """

    index: int
    seen: str | None


def mismatch(expected: Sequence[str], output: str) -> Mismatch | None:
    """The furthest point that the output reached, or None if it is as expected."""
    wanted = _tidy(expected)
    anything = [line.strip() == WILDCARD for line in wanted]
    patterns = [_pattern(line) for line in wanted]
    places = _open({0}, anything)
    for line in _tidy(output.split("\n")):
        reached = {at + 1 for at in places if at < len(wanted) and not anything[at] and patterns[at].fullmatch(line)}
        reached |= {at for at in places if at < len(wanted) and anything[at]}
        if not reached:
            return Mismatch(max(places), line)
        places = _open(reached, anything)
    return None if len(wanted) in places else Mismatch(max(places), None)


def _open(places: set[int], anything: Sequence[bool]) -> set[int]:
    """The positions, with those after wildcards that match no line."""
    found = set(places)
    for at in sorted(places):
        ahead = at
        while ahead < len(anything) and anything[ahead]:
            ahead += 1
            found.add(ahead)
    return found


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in line.split(WILDCARD)))


def _tidy(lines: Sequence[str]) -> list[str]:
    tidy = [re.sub(r"[ \t]+", " ", line.replace("\r", "")).rstrip() for line in lines]
    while tidy and not tidy[-1]:
        tidy.pop()
    return tidy

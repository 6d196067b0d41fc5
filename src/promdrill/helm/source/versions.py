"""Versions of charts in the order of semver.org: the newest, and those near to another one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from promdrill.core.errors import UsageError

MOST = 6
"""Versions that a message lists: enough to show the neighbours on one line."""

_SEMVER = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_NUMBERS = re.compile(r"\d+(?:\.\d+){0,2}")

Order = tuple[int, int, int, bool, tuple[tuple[int, int, str], ...]]


def order(version: str) -> Order:
    """A key to sort versions by; anything that is not a version comes first."""
    match = _SEMVER.fullmatch(version)
    if match is None:
        return (-1, 0, 0, False, ())
    major, minor, patch = (int(part or 0) for part in match.groups()[:3])
    early = match[4]
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in (early or "").split(".") if early)
    return (major, minor, patch, early is None, parts)


def newest(versions: Iterable[str]) -> str:
    """The newest version; like Helm, takes a pre-release only if there is nothing else.

    Raises:
        ValueError: There are no versions.
    """
    there = list(versions)
    stable = [version for version in there if order(version)[3]]
    return max(stable or there, key=order)


def near(wanted: str, versions: Iterable[str], most: int = MOST) -> list[str]:
    """The versions around a given one, newest first.

    Args:
        wanted: The version looked for; in anything else (`>=25`), the first numbers count.
        versions: The existing ones.
        most: The most to return.
    """
    there = sorted(set(versions), key=order, reverse=True)
    numbers = _NUMBERS.search(wanted)
    if _SEMVER.fullmatch(wanted) is None and numbers is not None:
        wanted = numbers[0]
    if _SEMVER.fullmatch(wanted) is None:
        return there[:most]
    newer = sum(order(version) > order(wanted) for version in there)
    first = max(0, min(newer - most // 2, len(there) - most))
    return there[first : first + most]


def no_version(version: str, what: str, there: Iterable[str]) -> UsageError:
    """The error for a version that does not exist, with those near it.

    Args:
        version: As typed.
        what: Where it was looked for, in words: "the repository has no such chart".
        there: The existing versions.
    """
    listed = near(version, there)
    close = (difflib.get_close_matches(version, listed, n=1, cutoff=0.0) or listed[:1])[0]
    return UsageError(
        f"CHART_VERSION={version}: {what}; the nearest are {', '.join(listed)}", hint=f"CHART_VERSION={close}"
    )

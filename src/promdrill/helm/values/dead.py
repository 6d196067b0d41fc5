"""Keys of the user's values that no template reads: misplaced, misspelt, or of another version of the chart.

What templates read is found by following them (`promdrill.helm.templates`), which rather counts a key as read than not.
Then the chart is rendered with and without what was found: a key that makes a difference is not dead after all.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.core.errors import UsageError
from promdrill.helm.compatibility import table
from promdrill.helm.compatibility.table import Kind, at, keys, text_of
from promdrill.helm.source import files
from promdrill.helm.templates.reads import reads_of
from promdrill.helm.values.nesting import TELLING
from promdrill.helm.values.user import Keys, Own, leaves

_MAIN = (("server",), ("prometheus", "prometheusSpec"), ("prometheus",))
"""Where the Prometheus server's own values are, in the charts that are known."""

_NOTHING = object()
_ALIKE = 0.75  # difflib's ratio, which "prot" and "port" have
_SHORTEST = 4  # characters of a key that may be the end of a longer one

Render = Callable[[Mapping[str, Any]], object]
"""Renders the chart with these values; the results of two calls can be compared."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A key that has no effect: no template reads it, or the same key follows further down.

    Attributes:
        path: The key, in the notation of Helm's ``--set``.
        place: The file and line that set it.
        belongs: The key that was probably meant; empty where none is known.
        again: The line of the same file that has the key again, and counts; None where no template reads the key.
    """

    path: str
    place: str
    belongs: str
    again: int | None = None


def dead(chart: Path, own: Own, render: Render | None = None) -> tuple[Dead, ...]:
    """The user's keys that have no effect: first those that appear twice, then those that no template reads.

    A key that has the chart's own value there is left out: a copy of values.yaml changes nothing.

    Args:
        chart: The chart's folder or .tgz, with all of its subcharts that are there.
        own: The user's values.
        render: Renders the chart with these values, to prove what was found; None where that is not possible.

    Raises:
        UsageError: There is no chart.
    """
    read, defaults = reads_of(chart, own.values), files.values(chart)
    found: dict[Keys, None] = {}
    for path, theirs in leaves(own.values):
        if not read.has(path) and at(defaults, path, _NOTHING) != theirs:
            depth = next(depth for depth in range(1, len(path) + 1) if not read.has(path[:depth]))
            found[path[:depth]] = None
    proven = _proven(own.values, list(found), render) if found and render is not None else list(found)
    known = frozenset((*read.paths(), *_paths(defaults))) - found.keys()
    followed = table.followed(files.metadata(chart))
    twice = (Dead(text_of(path), place, "", again) for file in own.files for path, place, again in file.repeated())
    return (*twice, *(Dead(text_of(path), own.place(path), _belongs(path, known, followed)) for path in proven))


def refuse_another_charts(own: Own, found: Iterable[Dead], chart: str) -> None:
    """Refuse values of which no template reads anything, because they are written for another chart.

    Args:
        own: The user's values.
        found: Their dead keys.
        chart: Name of the chart whose keys are meant, as from `promdrill.helm.compatibility.table.followed`.

    Raises:
        UsageError: They are those of another chart; names it.
    """
    paths = [keys(each.path) for each in found if each.again is None]
    if any(not any(path[: len(each)] == each for each in paths) for path, _ in leaves(own.values)):
        return
    for other, telling in TELLING.items():
        there = next((path for path in telling if at(own.values, path, _NOTHING) is not _NOTHING), None)
        if other != chart and there is not None:
            what = f"these are values of the chart {other}; no template of {chart} reads any of them"
            raise UsageError(f"{own.place(there)}: {what}", hint=f"CHART=.../{other}, or values for {chart}")


def _proven(values: Mapping[str, Any], paths: list[Keys], render: Render) -> list[Keys]:
    """Those of the keys without which the chart renders as with them."""
    try:
        as_is = render(values)
        if render(values) != as_is:
            return paths  # it renders something new each time

        def idle(some: Sequence[Keys]) -> list[Keys]:
            if not some or render(_without(values, some)) == as_is:
                return list(some)
            half = len(some) // 2
            return [*idle(some[:half]), *idle(some[half:])] if half else []

        return idle(paths)
    except UsageError:  # it does not render with these values: whoever asks for that is told why
        return paths


def _without(values: Mapping[str, Any], paths: Iterable[Keys]) -> dict[str, Any]:
    found = dict(values)
    for path in paths:
        key, rest = path[0], path[1:]
        if rest and isinstance(found.get(key), Mapping):
            found[key] = _without(found[key], [rest])
        else:
            found.pop(key, None)
    return found


def _belongs(path: Keys, known: frozenset[Keys], followed: tuple[str, str]) -> str:
    """The key that was probably meant: renamed, written in another way, beside it, in another place, or misspelt."""
    above, name = path[:-1], path[-1]
    if name == "global":  # Helm's own
        return ""
    beside = sorted(each[-1] for each in known if each[:-1] == above)
    near = {each for each in known if each[-1] == name and (not above or each[0] == path[0])}
    longer = "".join((*above[-1:], name[:1].upper() + name[1:]))
    tried = (
        [_renamed(path, *followed)],
        [(*above, each) for each in beside if each == longer],
        [(*above, each) for each in beside if _plain(each) == _plain(name)],
        [(*above, each) for each in difflib.get_close_matches(name, [e for e in beside if _ends_with(e, name)], 1, 0)],
        sorted(near, key=_rank(path)),
        [(*above, each) for each in difflib.get_close_matches(name, beside, 1, _ALIKE)],
    )
    return next((text_of(some[0]) for some in tried if some and some[0]), "")


def _renamed(path: Keys, chart: str, version: str) -> Keys:
    """The name that the key has in this version, from the table of what was renamed; empty for none."""
    here = set(table.rows(Kind.MOVED, chart, version))
    for row in table.TABLE:
        if row.kind is Kind.MOVED and row.chart == chart:
            new, old = keys(row.what), keys(row.detail)
            wanted, other = (old, new) if row in here else (new, old)
            if path[: len(other)] == other:
                return (*wanted, *path[len(other) :])
            if other[: len(path)] == path:
                return wanted[:-1] if wanted[-1] == other[-1] else wanted
    return ()


def _rank(path: Keys) -> Callable[[Keys], tuple[int, int, int, Keys]]:
    def rank(other: Keys) -> tuple[int, int, int, Keys]:
        shared = next((n for n, pair in enumerate(zip(path, other, strict=False)) if pair[0] != pair[1]), 0)
        main = next((n for n, each in enumerate(_MAIN) if other[: len(each)] == each), len(_MAIN))
        return -shared, main, len(other), other

    return rank


def _paths(values: Mapping[str, Any], above: Keys = ()) -> Iterable[Keys]:
    for key, value in values.items():
        path = (*above, str(key))
        yield path
        if isinstance(value, Mapping):
            yield from _paths(value, path)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _ends_with(name: str, end: str) -> bool:
    """Whether a name is the other one with words before it: `podLabels` and `labels`."""
    return len(end) >= _SHORTEST and name != end and name.endswith(end[0].upper() + end[1:])

"""The layers of Helm values over a scenario's own in one drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.core.merging import merged
from promdrill.helm.chart import ChartRef
from promdrill.helm.compatibility import stack, table
from promdrill.helm.compatibility.table import Kind, at, keys, meant, nested
from promdrill.helm.source import files
from promdrill.helm.values import scrapes
from promdrill.helm.values.edit import read
from promdrill.helm.values.user import Conflict, Keys, Own, Resolved, resolve

_NOTHING = object()
_STATEFUL_SET = ("server", "statefulSet", "enabled")


@dataclass(frozen=True, slots=True)
class Layered:
    """The layers over a scenario's values.

    Attributes:
        layers: Helm values, lowest first.
        conflicts: The user's values that are not used.
        jobs: The scenario's scrape jobs that are added to the user's; none where the scenario's are used instead.
        dropped: What the scenario sets and the drill does not: it stays as the user or the chart has it.
    """

    layers: tuple[Mapping[str, Any], ...]
    conflicts: tuple[Conflict, ...]
    jobs: tuple[Mapping[str, Any], ...] = ()
    dropped: frozenset[Keys] = frozenset()


def layers(
    chart: ChartRef,
    scenario_values: Path,
    own: Own | None,
    plan_values: Mapping[str, Any],
    *,
    keeps_scrapes: bool = False,
) -> Layered:
    """The layers of one drill: the chart's own keys, the user's values, and on top the plan's values for all drills.

    Args:
        chart: The chart.
        scenario_values: The scenario's values.yaml.
        own: The user's values; None for none.
        plan_values: `Plan.values`.
        keeps_scrapes: Whether scrape jobs and intervals are the user's, or else the chart's, and not the scenario's.

    Raises:
        UsageError: The user's values conflict with what the drill needs.
    """
    followed = table.followed(files.metadata(chart.path))
    defaults = files.values(chart.path) if keeps_scrapes else None
    return layered(followed, read(scenario_values), own, plan_values, keeping=defaults)


def layered(
    followed: tuple[str, str],
    scenario: Mapping[str, Any],
    own: Own | None,
    plan_values: Mapping[str, Any],
    *,
    keeping: Mapping[str, Any] | None = None,
) -> Layered:
    """Like `layers`, for values that have been read already.

    Args:
        followed: Name and version of the chart whose keys are meant, as from `table.followed`.
        scenario: The scenario's values.
        own: The user's values.
        plan_values: `Plan.values`.
        keeping: The chart's own values, where the scrape configuration is the user's or the chart's; None where it is
            the scenario's.

    Raises:
        UsageError: The user's values clash with what the drill needs.
    """
    theirs = own.values if own else {}
    jobs = scrapes.Kept() if keeping is None else scrapes.kept_scrapes(followed, scenario, theirs, keeping)
    scenario = scrapes.without(scenario, *jobs.keys)
    renamed = moved(scenario, *followed)
    old = (keys(row.what) for row in table.rows(Kind.MOVED, *followed))
    needed = merged(scrapes.without(scenario, *old), renamed)
    rules_kept = scrapes.kept_rules(needed, theirs)
    needed = scrapes.without(needed, *rules_kept.keys)
    replicas = Kind.ONE if _replicas(followed, scenario, theirs) == 1 else Kind.TOGETHER
    kinds = (Kind.NEED, replicas, Kind.SWITCH, Kind.YIELD)
    implied = list(table.implied(theirs, *followed))
    rules = [*implied, *(row for kind in kinds for row in table.rows(kind, *followed))]
    if keeping is not None:
        rules = [row for row in rules if row.what != stack.JOBS]
    resolved = resolve(needed, theirs, rules, own.place) if own else Resolved({}, ())
    under = defaults(scenario, *followed, keeps_scrapes=keeping is not None)
    for row in implied:
        under = merged(under, nested(keys(row.what), meant(row)))
    found = (under, renamed, resolved.layer, rules_kept.layer, jobs.layer, plan_values)
    return Layered(tuple(layer for layer in found if layer), resolved.conflicts, jobs.jobs, jobs.keys)


def _replicas(followed: tuple[str, str], scenario: Mapping[str, Any], own: Mapping[str, Any]) -> int:
    """How many replicas a drill has: as many as the user asks for, if each of them has a volume of its own."""
    stateful = at(scenario, _STATEFUL_SET, at(own, _STATEFUL_SET))
    if followed[0] != stack.CHART and not stateful:
        return 1
    asked = [at(own, keys(row.what)) for row in table.rows(Kind.ONE, *followed)]
    return max((each for each in asked if isinstance(each, int) and not isinstance(each, bool) and each > 1), default=1)


def moved(scenario: Mapping[str, Any], chart: str, version: str) -> dict[str, Any]:
    """What a scenario sets, under this version of the chart's keys.

    Args:
        scenario: Its values, in the keys of 25.8.0.
        chart: Name as from `table.followed`.
        version: Likewise.
    """
    layer: dict[str, Any] = {}
    for row in table.rows(Kind.MOVED, chart, version):
        value = at(scenario, keys(row.what), _NOTHING)
        if value is not _NOTHING:
            layer = merged(layer, nested(*table.renamed(keys(row.what), value, chart, version)))
    return layer


def defaults(scenario: Mapping[str, Any], chart: str, version: str, *, keeps_scrapes: bool = False) -> dict[str, Any]:
    """Values that make this version of the chart behave like 25.8.0, except where the scenario sets them itself.

    Args:
        scenario: Its values, in the keys of 25.8.0.
        chart: Name as from `table.followed`.
        version: Likewise.
        keeps_scrapes: As in `layers`.
    """
    layer: dict[str, Any] = {}
    kinds = (Kind.DEFAULT,) if keeps_scrapes else (Kind.DEFAULT, Kind.SCRAPES)
    for row in (row for kind in kinds for row in table.rows(kind, chart, version)):
        if at(scenario, keys(row.what), _NOTHING) is _NOTHING:
            layer = merged(layer, nested(keys(row.what), meant(row)))
    return layer

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
from promdrill.helm.values.edit import read
from promdrill.helm.values.user import Conflict, Own, Resolved, resolve

_NOTHING = object()
_STATEFUL_SET = ("server", "statefulSet", "enabled")


@dataclass(frozen=True, slots=True)
class Layered:
    """The layers over a scenario's values.

    Attributes:
        layers: Helm values, lowest first.
        conflicts: The user's values that are not used.
    """

    layers: tuple[Mapping[str, Any], ...]
    conflicts: tuple[Conflict, ...]


def layers(chart: ChartRef, scenario_values: Path, own: Own | None, plan_values: Mapping[str, Any]) -> Layered:
    """The layers of one drill: the chart's own keys, the user's values, and on top the plan's values for all drills.

    Args:
        chart: The chart.
        scenario_values: The scenario's values.yaml.
        own: The user's values; None for none.
        plan_values: `Plan.values`.

    Raises:
        UsageError: The user's values conflict with what the drill needs.
    """
    followed = table.followed(files.metadata(chart.path))
    return layered(followed, read(scenario_values), own, plan_values)


def layered(
    followed: tuple[str, str], scenario: Mapping[str, Any], own: Own | None, plan_values: Mapping[str, Any]
) -> Layered:
    """Like `layers`, for values that have been read already.

    Args:
        followed: Name and version of the chart whose keys are meant, as from `table.followed`.
        scenario: The scenario's values.
        own: The user's values.
        plan_values: `Plan.values`.

    Raises:
        UsageError: The user's values clash with what the drill needs.
    """
    renamed = moved(scenario, *followed)
    kinds = [Kind.NEED, Kind.SWITCH, Kind.YIELD]
    if own is not None:
        kinds.append(Kind.ONE if _replicas(followed, scenario, own.values) == 1 else Kind.TOGETHER)
    rules = [row for kind in kinds for row in table.rows(kind, *followed)]
    resolved = resolve(merged(scenario, renamed), own.values, rules, own.place) if own else Resolved({}, ())
    found = (defaults(scenario, *followed), renamed, resolved.layer, plan_values)
    return Layered(tuple(layer for layer in found if layer), resolved.conflicts)


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


def defaults(scenario: Mapping[str, Any], chart: str, version: str) -> dict[str, Any]:
    """Values that make this version of the chart behave like 25.8.0, except where the scenario sets them itself.

    Args:
        scenario: Its values, in the keys of 25.8.0.
        chart: Name as from `table.followed`.
        version: Likewise.
    """
    layer: dict[str, Any] = {}
    for row in table.rows(Kind.DEFAULT, chart, version):
        if at(scenario, keys(row.what), _NOTHING) is _NOTHING:
            layer = merged(layer, nested(keys(row.what), meant(row)))
    return layer

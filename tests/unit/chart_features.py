"""Check that every chart in a scenario's range has all that the scenario needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from promdrill.helm.compatibility import table
from promdrill.helm.compatibility.table import Kind

SCENARIO_NEEDS = {
    "config-typo": ("promtool-syntax-only",),
    "dashboard-no-data": ("node-exporter-subchart", "kube-state-metrics-subchart"),
    "disk-full-cooldown": ("wal-outlives-full",),
    "inodes-full": ("wal-new-segment",),
    "oom": ("kubernetes-labels", "kube-state-metrics-subchart"),
    "restarts-metric": ("kube-state-metrics-subchart",),
    "wal-corrupt": ("wal-replay-logged",),
}
"""Scenario to the features that its test or its values' templates need, besides those that its keys imply."""

BEYOND = "9999"
"""A version above all others, for ranges without an upper bound."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One version of the chart that is wrongly in the scenario's range.

    Attributes:
        version: The version.
        feature: What the scenario needs and the version lacks.
    """

    version: str
    feature: str

    def __str__(self) -> str:
        exists = table.feature(self.feature)
        return f"{self.version} is in the range, but {self.feature} exists only in {exists}"


def needed(values: Mapping[str, Any], chart: str = "prometheus") -> tuple[str, ...]:
    """Features that a scenario needs because it sets their keys.

    Args:
        values: The content of its values.yaml.
        chart: The chart whose keys these are.
    """
    nothing = object()
    found = [row for row in table.TABLE if row.kind is Kind.FEATURE and row.chart == chart]
    return tuple(row.what for row in found if table.at(values, table.keys(row.detail), nothing) is not nothing)


def of_scenario(scenario: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """All features that a scenario needs: those of its keys, and those in the table.

    Args:
        scenario: Its id.
        values: What its values.yaml holds.
    """
    return tuple(dict.fromkeys((*needed(values), *SCENARIO_NEEDS.get(scenario, ()))))


def check(scenario_needs: Iterable[str], declared: str | SpecifierSet) -> tuple[Disagreement, ...]:
    """Where a scenario's range and the ranges of its features disagree.

    A range may be narrower than necessary, for reasons that no table knows; it must not contain a version that lacks
    what the scenario needs. The examined versions and both sides of every bound are tried.

    Args:
        scenario_needs: Names of features.
        declared: The scenario's range; empty for any version.

    Raises:
        UsageError: There is no such feature.
    """
    exists = {name: table.feature(name) for name in scenario_needs}
    own = SpecifierSet(declared) if isinstance(declared, str) else declared
    tried = sorted({Version(text) for text in (*table.KNOWN, BEYOND)} | _bounds((own, *exists.values())))
    inside = [version for version in tried if own.contains(version)]
    return tuple(
        Disagreement(str(version), name)
        for name, versions in exists.items()
        for version in inside
        if not versions.contains(version)
    )


def _bounds(ranges: Iterable[SpecifierSet]) -> set[Version]:
    """Each version in a range's bounds, and the ones just below and above it."""
    found: set[Version] = set()
    for each in ranges:
        for specifier in each:
            major, minor, patch = (*Version(specifier.version.rstrip(".*")).release, 0, 0)[:3]
            found |= {Version(f"{major}.{minor}.{patch}"), Version(f"{major}.{minor}.{patch + 1}")}
            below = (major, minor, patch - 1) if patch else (major, minor - 1, 999) if minor else (major - 1, 999, 999)
            if min(below) >= 0:
                found.add(Version(".".join(map(str, below))))
    return found

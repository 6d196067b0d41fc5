"""What a request's drills need of their chart: subcharts, values and images, before anything is installed."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from promdrill import paths, supply
from promdrill.charting import Case, Plan, plan
from promdrill.charting.layering import over
from promdrill.install import manifests
from promdrill.install.values import load
from promdrill.scenarios import ScenarioFolder, applies, traits
from promdrill.settings import Settings
from promdrill.supply import subcharts
from promdrill.supply.cache import Cache
from promdrill.supply.chart_files import dependencies, metadata
from promdrill.supply.reference import in_manifests
from promdrill.versions.charts import Kind, rows
from promdrill.versions.charts import followed as followed_by

_OFF = {"enabled": False}


def plan_of(
    wishes: Settings,
    scenarios: tuple[Path, ...],
    helm: Path,
    chart: Path,
    available: tuple[str, ...] | None,
    *,
    fixed: Mapping[str, Any] | None = None,
) -> tuple[Path, Plan | None]:
    """The chart with all that the drills need of it, and their plan; None when none of them installs a chart.

    Args:
        wishes: What was asked for.
        scenarios: The folders of those to be drilled.
        helm: Path of Helm.
        chart: The chart's folder or .tgz.
        available: References of images that can be had; None when all can.
        fixed: The values over all with which a bundle was made.

    Raises:
        UsageError: The chart, its values or its images cannot be used.
        SupplyError: A subchart could not be fetched.
    """
    followed = followed_by(metadata(chart))
    release = "prometheus-{}".format
    cases = [
        Case(folder.name, folder / "values.yaml", release(folder.name))
        for folder in scenarios
        if not traits(ScenarioFolder(folder.name, folder).test).install and applies(folder, *followed) is None
    ]
    usable = subcharts.usable(
        chart,
        off=wishes.subcharts == "off",
        needed=needed(chart, cases),
        fetch=subcharts.by_helm(helm) if _fetches(wishes) else None,
        cache=Cache(paths.cache_dir()),
        say=lambda _text: None,
    )
    if not cases:
        return usable.path, None
    found = plan(
        helm,
        usable.path,
        cases,
        own=wishes.values,
        extra=over(usable.values, fixed or {}),
        app_version=wishes.app_version,
        policy=wishes.images,
        available=available,
        kubernetes=wishes.kubernetes,
    )
    return usable.path, replace(found, remarks=(*usable.notes, *found.remarks))


planned = functools.cache(plan_of)
"""The same, once for each request: before anything is started, and again when everything is supplied."""


def _fetches(wishes: Settings) -> bool:
    """Whether subcharts that a chart lacks may be fetched."""
    return wishes.supply_name() == "registry" or (wishes.bundle is None and wishes.repo is not None)


def beside(scenarios: Sequence[Path], app_version: str) -> tuple[str, ...]:
    """Images of the manifests that scenarios install in place of a chart: those that a registry has."""
    installs = {traits(ScenarioFolder(folder.name, folder).test).install for folder in scenarios} - {""}
    files = [file for name in installs for file in (paths.manifests_dir() / name).glob("*.yaml")]
    theirs, ours = f"{manifests.PROMETHEUS}:v{manifests.APP_VERSION}", f"{manifests.PROMETHEUS}:v{app_version}"
    found = in_manifests(file.read_text(encoding="utf-8") for file in files)
    return tuple(ours if image == theirs else image for image in found if image not in supply.OWN_IMAGES)


def needed(chart: Path, cases: Sequence[Case]) -> frozenset[str]:
    """Names of the subcharts that every drill needs, or of which some drill sets more than that they are off."""
    values = [load(case.values.read_text(encoding="utf-8")) for case in cases]
    fixed = {row.what for row in rows(Kind.NEED, *followed_by(metadata(chart))) if row.detail == "true"}
    used = {
        item.called
        for item in dependencies(chart)
        if subcharts.switch(item) in fixed or any((found.get(item.called) or _OFF) != _OFF for found in values)
    }
    return frozenset(used)

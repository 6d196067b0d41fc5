"""What a request's drills need of their chart: subcharts, values and images, before anything is installed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from promdrill.artefacts.cache import Cache
from promdrill.artefacts.reference import Reference, named_in
from promdrill.cluster import storage
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.helm.compatibility.table import Kind, rows
from promdrill.helm.compatibility.table import followed as followed_by
from promdrill.helm.source import subcharts
from promdrill.helm.source.files import dependencies, metadata
from promdrill.helm.values import Case, Plan, plan
from promdrill.helm.values.edit import load
from promdrill.helm.values.user import over
from promdrill.install import manifests
from promdrill.request.scenarios import ScenarioFolder, applies, traits
from promdrill.request.settings import Settings

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


def images(scenarios: Sequence[Path], app_version: str, provisioner: Path | None) -> tuple[str, ...]:
    """Images of all that a cluster and its drills are made of besides a chart, by name in full, each once.

    Found in the very manifests that are applied: those of storage, of an install without a chart, and of the scenarios
    themselves.

    Args:
        scenarios: The folders of those to be drilled.
        app_version: Version of the Prometheus that stands in the place of the manifests' own.
        provisioner: local-path-provisioner's own manifest; None where it is not there yet.

    Raises:
        UsageError: A scenario names a folder of manifests that is not there.
        SupplyError: A manifest names what is no image.
    """
    found = [*named_in(storage.objects(provisioner))]
    for folder in scenarios:
        told = traits(_test_of(folder))
        values = load((folder / "values.yaml").read_text(encoding="utf-8")) if told.install else {}
        found += named_in(_objects(_install(told.install, values, folder)))
        found += told.images
        found += named_in(_objects(path for path in folder.glob("*.yaml") if path.name != "values.yaml"))
    theirs, ours = f"{manifests.PROMETHEUS}:v{manifests.APP_VERSION}", f"{manifests.PROMETHEUS}:v{app_version}"
    names = dict.fromkeys(Reference.of(text).name for text in found)
    return tuple(dict.fromkeys(ours if name == theirs else name for name in names))


def optional_images(scenarios: Sequence[Path]) -> tuple[str, ...]:
    """Images that drills can do without: of what stands beside Prometheus where it can be had.

    Raises:
        UsageError: A scenario names a folder of manifests that is not there.
        SupplyError: A manifest names what is no image.
    """
    folders = [(name, folder) for folder in scenarios for name in traits(_test_of(folder)).beside]
    found = [text for name, folder in folders for text in named_in(_objects(_shipped(name, folder)))]
    return tuple(dict.fromkeys(Reference.of(text).name for text in found))


def _test_of(folder: Path) -> Path:
    return ScenarioFolder(folder.name, folder).test


def _install(kind: str, values: Mapping[str, Any], scenario: Path) -> Iterator[Path]:
    """The manifests that stand in the place of a chart, those of the folders that values.yaml lists included."""
    if kind:
        for name in (kind, *(f"{kind}/{folder}" for folder in values.get("folders") or ())):
            yield from _shipped(name, scenario)


def _shipped(name: str, scenario: Path) -> list[Path]:
    """The files of a folder in manifests/."""
    found = sorted((paths.manifests_dir() / name).glob("*.yaml"))
    if not found:
        raise UsageError(f"{scenario}: there are no manifests in manifests/{name}", hint=f"ls {paths.manifests_dir()}")
    return found


def _objects(files: Iterable[Path]) -> Iterator[Mapping[str, Any]]:
    """The Kubernetes objects in YAML files. A file that is not YAML has none; a drill that applies it says so."""
    for file in files:
        with contextlib.suppress(yaml.YAMLError):
            found = [*yaml.safe_load_all(file.read_text(encoding="utf-8"))]
            yield from (each for each in found if isinstance(each, Mapping) and "kind" in each)


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

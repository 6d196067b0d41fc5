"""What a request's drills need of their chart: subcharts, values and images, before anything is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promdrill.artefacts import machine
from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import Kind, rows, text_of
from promdrill.helm.compatibility.table import followed as followed_by
from promdrill.helm.source import subcharts
from promdrill.helm.source.files import dependencies, metadata
from promdrill.helm.values import Case, ChartPlan, nesting, plan
from promdrill.helm.values.edit import read
from promdrill.helm.values.images import Available
from promdrill.helm.values.render import NAMESPACE
from promdrill.install.found import server_of
from promdrill.install.needs import Needs, Node, needs_of
from promdrill.install.replicas import one_of, with_service
from promdrill.install.shared import shared
from promdrill.observe.server import Server
from promdrill.request import adopting
from promdrill.request.request import Request
from promdrill.request.scenarios import ScenarioFolder, applies, asks_plainly, keeps_scrapes, traits
from promdrill.request.settings import Settings

_OFF = {"enabled": False}


@dataclass(frozen=True, slots=True)
class Planned:
    """What the drills of a request install.

    Attributes:
        chart: The chart's folder or .tgz, with everything that the drills need from it.
        plan: Their values and images; None if no drill installs a chart.
        needs: Scenario to what its objects need that a new cluster does not have.
        skipped: Scenario to why it is not drilled.
        shared: Scenario to what its objects take of the cluster that another drill could not have beside it, in words.
    """

    chart: Path
    plan: ChartPlan | None
    needs: Mapping[str, Needs] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan_of(
    request: Request,
    scenarios: Sequence[Path],
    helm: Path,
    chart: Path,
    available: Available | None,
    *,
    fixed: Mapping[str, Any] | None = None,
) -> Planned:
    """What the drills of a request install, and from which chart.

    Args:
        request: The request.
        scenarios: The folders of the scenarios to drill.
        helm: Path of Helm.
        chart: The chart's folder or .tgz.
        available: The available images; None when all are.
        fixed: The values with which a bundle was made, which override all others.

    Raises:
        UsageError: The chart, its values or its images cannot be used.
        SupplyError: A subchart could not be fetched.
    """
    refuse_umbrella(chart)
    settings, followed = request.settings, followed_by(metadata(chart))
    release = "prometheus-{}".format
    skipped = {folder.name: why for folder in scenarios if (why := _skipped(folder, followed, settings))}
    cases = [
        Case(folder.name, folder / "values.yaml", release(folder.name))
        for folder in scenarios
        if not traits(ScenarioFolder(folder.name, folder).test).install and folder.name not in skipped
    ]
    usable = subcharts.usable(
        chart,
        off=settings.subcharts == "off",
        needed=needed(chart, cases),
        fetch=subcharts.by_helm(helm) if _fetches(request) else None,
        cache=Cache(paths.cache_dir()),
        say=lambda _text: None,
    )
    if not cases:
        return Planned(usable.path, None, skipped=skipped)
    adopts = request.cluster.adopt
    found = plan(
        helm,
        usable.path,
        cases,
        own=request.values,
        extra=merged(merged(usable.values, fixed or {}), adopting.VALUES if adopts else {}),
        app_version=settings.app_version,
        policy=settings.images,
        available=available,
        kubernetes=settings.kubernetes,
        look=adopting.inspect if adopts else None,
        whole=chart,
        keeps_scrapes=settings.keeps_scrapes,
    )
    first: dict[int, str] = {}  # drills with the same values share what was rendered, under the first one's release
    needs = {
        name: _needs(objects, chart, first.setdefault(id(objects), release(name)))
        for name, objects in found.rendered.items()
    }
    _refuse(needs, request)
    if adopts:
        adopting.refuse_needs(needs)
    # As the chart cuts them: in a drill, `Stack` gives it names that it need not cut.
    own = [case.release[: stack.LONGEST_FULLNAME] if followed[0] == stack.CHART else case.release for case in cases]
    taken = {name: shared(objects, own, NAMESPACE) for name, objects in found.rendered.items()}
    _refuse_kept(taken, request)
    remarked = replace(found, remarks=(*usable.notes, *found.remarks))
    there = {name: each for name, each in taken.items() if each}
    return Planned(usable.path, remarked, needs, skipped, there)


def refuse_umbrella(chart: Path) -> None:
    """Refuse a chart around one that is drilled.

    Args:
        chart: The chart's folder or .tgz.

    Raises:
        UsageError: It is one; names the chart in it.
    """
    for item in dependencies(chart):
        if item.name in nesting.TELLING:
            version = f" CHART_VERSION={item.version}" if item.version else ""
            hint = f"CHART=prometheus-community/{item.name}{version}; VALUES may stay those of the umbrella chart"
            raise UsageError(
                f"CHART={chart}: an umbrella chart; {item.name}, the chart in it, can be drilled", hint=hint
            )


def _skipped(scenario: Path, followed: tuple[str, str], settings: Settings) -> str | None:
    """Why a scenario is not drilled; None if it is."""
    why = applies(scenario, *followed)
    if why is None and settings.keeps_scrapes:
        why = keeps_scrapes(scenario)
    if why is None and settings.runbook is None and settings.by_tls:
        why = asks_plainly(scenario, followed[0])
    return why


def _needs(objects: Sequence[Mapping[str, Any]], chart: Path, release: str) -> Needs:
    server = one_of(server_of(objects, Server.of("", release)), objects)
    return with_service(needs_of(objects, chart, node(), release), server)


def node() -> Node:
    """The cluster's node, which is this machine."""
    return Node(os.cpu_count() or 1, machine.memory_bytes(), machine.examine().architecture)


def _refuse(needs: Mapping[str, Needs], request: Request) -> None:
    """Refuse what no cluster of promdrill has, with the user's value that asks for it."""
    wrong: dict[str, str] = {}
    for each in (refused for found in needs.values() for refused in found.refused):
        path = request.values.path_of(each.value) if request.values is not None else None
        place = f"{request.values.place(path)}: {text_of(path)}: " if path and request.values is not None else ""
        wrong[f"{place}{each.what}"] = f"SET={text_of(path)}=null, which gives the chart's own" if path else ""
    if wrong:
        raise UsageError("\n".join(wrong), hint=next(filter(None, wrong.values()), "other values"))


def _refuse_kept(shared: Mapping[str, Sequence[str]], request: Request) -> None:
    """Refuse to keep several drills that take the same of what the cluster has only once: the second would not fit."""
    if not request.cluster.keep:
        return
    again = request.variants is not None or request.settings.repeat > 1
    for scenario, names in shared.items():
        for name in names:
            rest = [other for other, theirs in shared.items() if other != scenario and name in theirs]
            if rest or again:
                what = f"KEEP=1: {scenario} would keep {name}, which {', '.join(rest) or 'its next drill'} needs too"
                raise UsageError(what, hint="one drill, or values that leave this name or port to the chart")


def _fetches(request: Request) -> bool:
    """Whether subcharts that a chart lacks may be fetched."""
    supply = request.supply_name()
    return supply == "registry" or (supply != "bundle" and request.settings.repo is not None)


def needed(chart: Path, cases: Sequence[Case]) -> frozenset[str]:
    """Names of the subcharts that every drill needs, or that some drill configures beyond switching them off."""
    values = [read(case.values) for case in cases]
    fixed = {row.what for row in rows(Kind.NEED, *followed_by(metadata(chart))) if row.detail == "true"}
    used = {
        item.called
        for item in dependencies(chart)
        if subcharts.switch(item) in fixed or any((found.get(item.called) or _OFF) != _OFF for found in values)
    }
    return frozenset(used)

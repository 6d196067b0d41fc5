"""Plan a run before anything is installed: what each drill's chart renders to, its images, and its remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from promdrill.artefacts.reference import PROMETHEUS
from promdrill.core.choices import VERSION
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.compatibility import stack, table
from promdrill.helm.compatibility.table import Kind, at, keys, nested, text_of
from promdrill.helm.source import files, subcharts
from promdrill.helm.values import scrapes
from promdrill.helm.values.dead import Dead, dead, refuse_another_charts
from promdrill.helm.values.edit import read
from promdrill.helm.values.image_layer import Chart, ImageRules, Layout, Objects, settle, uses
from promdrill.helm.values.images import Available, Image, is_of
from promdrill.helm.values.layers import layered, moved
from promdrill.helm.values.render import NAMESPACE, Renderer
from promdrill.helm.values.user import Conflict, Own, leaves

_CLASS_KEY = ("server", "persistentVolume", "storageClass")
_CLASS = nested(_CLASS_KEY, "promdrill")
"""The storage class, which each drill sets to its own."""

_WEBHOOKS_IN = keys(stack.WEBHOOKS_IN)

_RELEASE = "prometheus"
"""A release's name where none is meant."""

ADDED_JOBS = "scrape jobs"
"""What the jobs that a drill adds to the user's are called: their key is the chart's own affair."""

_ON = ("enabled", "create", "selfMonitor")
"""Last keys of values that turn on a part of kube-prometheus-stack."""

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Case:
    """One drill to be planned.

    Attributes:
        scenario: The scenario's id.
        values: Its values.yaml.
        release: Name of its release.
    """

    scenario: str
    values: Path
    release: str


class Why(Enum):
    """Why a drill sets a value."""

    SCENARIO = "the scenario sets it"
    RELIED_ON = "drills rely on it"
    JOBS = "your configuration has no jobs of these names"
    OFF = "no drill looks at it"


@dataclass(frozen=True, slots=True)
class Added:
    """A value that a drill sets where the user sets none.

    Attributes:
        value: The value.
        why: Why.
    """

    value: Any
    why: Why


@dataclass(frozen=True, slots=True)
class ChartPlan:
    """What is the same for all drills of a run.

    Attributes:
        app_version: Version of the Prometheus that is installed, without a leading v.
        values: The topmost layer of Helm values, the same for all drills.
        references: All required images, by their full names.
        remarks: What runs instead of what, a sentence each.
        conflicts: Scenario to the user's values that its drill does not use; only scenarios that have any.
        dead: The user's keys that no template reads.
        added: Scenario to the values that its drill sets and the user does not, by their keys.
        rendered: Scenario to the objects that its drill installs.
    """

    app_version: str
    values: Mapping[str, Any]
    references: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    conflicts: Mapping[str, tuple[Conflict, ...]] = field(default_factory=dict)
    dead: tuple[Dead, ...] = ()
    added: Mapping[str, Mapping[str, Added]] = field(default_factory=dict)
    rendered: Mapping[str, Objects] = field(default_factory=dict, repr=False, compare=False)


def plan(
    helm: Path,
    chart: Path,
    cases: Sequence[Case],
    *,
    own: Own | None = None,
    extra: Mapping[str, Any] | None = None,
    app_version: str | None = None,
    policy: str = "nearest",
    available: Available | None = None,
    kubernetes: str,
    look: Callable[[str, Sequence[Mapping[str, Any]]], None] | None = None,
    whole: Path | None = None,
    keeps_scrapes: bool = False,
) -> ChartPlan:
    """Render all drills in parallel, and choose their images.

    Args:
        helm: Path of Helm.
        chart: The chart's folder or .tgz, its subcharts vendored.
        cases: The drills; at least one.
        own: The user's values.
        extra: Values over all others, as of SUBCHARTS=off; without the switches of anything that a case uses.
        app_version: Version of Prometheus to use instead of the chart's, with or without a leading v.
        policy: One of `images.POLICIES`.
        available: The available images; None if all are.
        kubernetes: Version of the cluster, without a leading v.
        look: Called with each scenario and all objects that its drill would install; may refuse them.
        whole: The chart with all of its subcharts, if some were removed from `chart`.
        keeps_scrapes: Whether scrape jobs and intervals are the user's, or else the chart's, and not the scenarios'.

    Raises:
        UsageError: The chart does not render with these values, or images are not available: names them all.
    """
    if app_version is not None and VERSION.fullmatch(app_version.removeprefix("v")) is None:
        raise UsageError(f"APP_VERSION={app_version}: not a version of Prometheus", hint="APP_VERSION=3.14.0")
    followed = table.followed(files.metadata(chart))
    asked = _chart(helm, chart, own, kubernetes, followed)
    layouts = [_layout(case, followed, own, asked.defaults, keeps_scrapes=keeps_scrapes) for case in cases]
    top = _unused(extra or {}, [layout.needed for layout in layouts], asked.conditions)
    rules = ImageRules(available, policy, app_version.removeprefix("v") if app_version else None)
    found = settle(asked, layouts, top, rules)
    unread: tuple[Dead, ...] = ()
    if own is not None:
        unread = dead(whole or chart, own, lambda values: asked.renderer.objects(_RELEASE, values))
        refuse_another_charts(own, unread, followed[0])
    if look is not None:
        for layout in layouts:
            values = merged(layout.values, found.values)
            look(layout.scenario, asked.renderer.objects(layout.release, values, crds=True))
    return ChartPlan(
        _app_version(found.images, chart),
        found.values,
        tuple(sorted({_full(image) for image in found.images})),
        found.remarks,
        {layout.scenario: layout.conflicts for layout in layouts if layout.conflicts},
        unread,
        {layout.scenario: _added(layout, own, asked.defaults, followed) for layout in layouts},
        found.rendered,
    )


def _added(layout: Layout, own: Own | None, defaults: Mapping[str, Any], followed: tuple[str, str]) -> dict[str, Added]:
    """What a drill sets where the user sets nothing and the chart something else; of scrape jobs, the names.

    Not a key that the chart has renamed: it has no effect.
    """
    theirs = own.values if own is not None else {}
    unsaid = [_CLASS_KEY, _WEBHOOKS_IN, *([scrapes.WRITTEN] if layout.jobs else [])]
    unsaid += [keys(row.what) for row in table.rows(Kind.MOVED, *followed)]
    switches = {keys(row.what) for row in table.rows(Kind.SWITCH, *followed)}
    found: dict[str, Added] = {}
    for path, value in leaves(layout.values):
        if any(path[: len(each)] == each for each in unsaid):
            continue
        if at(theirs, path, _NOTHING) is _NOTHING and at(defaults, path) != value:
            ours = at(layout.needed, path, _NOTHING) is not _NOTHING
            off = value is False and (path in switches or (not ours and path[-1] in _ON))
            found[text_of(path)] = Added(value, Why.OFF if off else Why.SCENARIO if ours else Why.RELIED_ON)
    jobs = [str(job.get("job_name")) for job in layout.jobs]
    return found | ({ADDED_JOBS: Added(jobs, Why.JOBS)} if jobs else {})


def _chart(helm: Path, chart: Path, own: Own | None, kubernetes: str, followed: tuple[str, str]) -> Chart:
    named = files.dependencies(chart)
    defaults = files.values(chart)
    if own is not None:
        own.fits(defaults)
    called = {item.name: item.called for item in named}
    return Chart(
        Renderer(helm, chart, files.metadata(chart)["name"], own, kubernetes, called),
        defaults,
        {item.called: subcharts.switch(item) for item in named if subcharts.switch(item)},
        frozenset(row.what for row in table.rows(Kind.NEED, *followed)),
        {row.what: keys(row.detail) for row in table.rows(Kind.SWITCH, *followed)},
        dict(table.implying(*followed)),
    )


def _layout(
    case: Case, followed: tuple[str, str], own: Own | None, defaults: Mapping[str, Any], *, keeps_scrapes: bool
) -> Layout:
    scenario = read(case.values)
    found = layered(followed, scenario, own, {}, keeping=defaults if keeps_scrapes else None)
    scenario = scrapes.without(scenario, *found.dropped)
    values: Mapping[str, Any] = scenario
    apart: dict[str, Any] = {}
    if followed[0] == stack.CHART:
        values, apart = stack.shared(scenario, defaults), nested(_WEBHOOKS_IN, stack.webhooks_in(NAMESPACE))
    for layer in (*found.layers, _CLASS, apart):
        values = merged(values, layer)
    needed = merged(scenario, moved(scenario, *followed))
    return Layout(case.scenario, case.release, needed, values, found.conflicts, found.jobs)


def _unused(
    extra: Mapping[str, Any], needed: Sequence[Mapping[str, Any]], conditions: Mapping[str, str]
) -> dict[str, Any]:
    """The values over all others, without the switches of components that a drill uses."""
    kept: dict[str, Any] = {}
    for path, value in leaves(extra):
        below = [path[:-1], *((name,) for name, condition in conditions.items() if keys(condition) == path)]
        used = any(uses(values, place, path) for values in needed for place in below if place)
        if value is not False or not used:
            kept = merged(kept, nested(path, value))
    return kept


def _app_version(found: Iterable[Image], chart: Path) -> str:
    """Version of the rendered Prometheus; the values count, not Chart.yaml."""
    servers = [image for image in found if is_of(image, PROMETHEUS) or image.title == "prometheus"]
    versions = sorted({str(image.version) if image.version else "" for image in servers})
    if len(versions) == 1 and versions[0]:
        return versions[0]
    said = ", ".join(image.text for image in servers) or "none"
    raise UsageError(
        f"CHART={chart}: cannot tell which version of Prometheus it installs; its images are {said}",
        hint="APP_VERSION=3.14.0, or a version tag on the image in VALUES",
    )


def _full(image: Image) -> str:
    if image.digest:
        return f"{image.name}:{image.tag}@sha256:{image.digest}" if image.tag else f"{image.name}@sha256:{image.digest}"
    return f"{image.name}:{image.tag or 'latest'}"

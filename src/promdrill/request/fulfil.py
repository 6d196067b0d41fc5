"""From a request to a cluster and to a drill: what the fixtures do, without pytest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from promdrill import supply
from promdrill.artefacts.cache import Cache
from promdrill.artefacts.reference import Reference, named_in
from promdrill.cluster import adoption, kind, lease, lifecycle, loading, on_node, owners, sweep, vitals
from promdrill.cluster.adoption import AdoptedCluster
from promdrill.cluster.kind import PinnedKindCluster
from promdrill.core import login, paths, scratch
from promdrill.core.choices import AS_WRITTEN, OTHER_FAULT
from promdrill.core.errors import SupplyError, UsageError
from promdrill.core.events import SupplyChosen
from promdrill.core.merging import merged
from promdrill.core.model import INSTALLS, Variant
from promdrill.core.say import Say
from promdrill.drill import Drill, Site
from promdrill.drill.site import Cluster, Drilled, Execution, Recording, namespace_of
from promdrill.drill.variants import ablations, controls, other_repairs
from promdrill.helm.chart import ChartRef
from promdrill.helm.command import Helm
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import followed as followed_by
from promdrill.helm.source.files import metadata
from promdrill.helm.values import ChartPlan, Layered, layers
from promdrill.install import legacy, manifests
from promdrill.kube.client import Kube
from promdrill.kube.expected import Expected
from promdrill.request import adopting, alerting, as_rendered, changes, needed_images, planning
from promdrill.request.planning import Planned
from promdrill.request.request import KindOptions, Request, chart_named
from promdrill.request.scenarios import ScenarioFolder, look_alike, traits
from promdrill.request.settings import Settings
from promdrill.results.run import Run
from promdrill.runbook import load as runbooks
from promdrill.supply.bundle import unpack
from promdrill.supply.bundle.origin import references
from promdrill.supply.bundle.unpack import Opened
from promdrill.supply.supplied import Supplied, SupplyRequest
from promdrill.witness.place import FASTER_VOLUMES, Witness
from promdrill.witness.place import objects as witness_objects


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the checks before the start found out; `provide` continues from there.

    Attributes:
        bundle: The request's bundle, unpacked.
        planned: What its drills install; None if that was not examined.
    """

    bundle: Opened | None = None
    planned: Planned | None = None


def prepare(request: Request, *, say: Say) -> tuple[Request, Preflight]:
    """Check everything that can be checked before an engine, a cluster or a long build is started.

    Args:
        request: The request; its scenarios will be drilled.
        say: Called with a line about each thing that happens.

    Returns:
        The request with the exact version of Kubernetes that its supply has, and what was found out.

    Raises:
        UsageError: It cannot be drilled as requested, or not on this machine.
        SupplyError: Something could not be fetched or built.
    """
    if request.cluster.adopt:
        adopting.refuse(request.needed(request.scenarios))
        adoption.require_foreign(request.cluster.name or "")
    request = request.with_supply()
    request.require_machine()
    settled = request.settled(say=say)
    return settled, preflight(settled, say=say)


def preflight(request: Request, *, say: Say) -> Preflight:
    """Refuse what cannot be drilled before an engine, a cluster or a long build is started.

    A request without a chart, values or version of the user's own needs no check, except for an adopted cluster.

    Args:
        request: The request; its scenarios will be drilled.
        say: Told what happens.

    Raises:
        UsageError: The chart, its version, its values or its images cannot be used.
        SupplyError: Something could not be fetched or built.
    """
    settings = request.settings
    own = (settings.chart, settings.chart_version, settings.repo, request.values, settings.app_version)
    if settings.bundle is not None:
        return Preflight(bundle=_unpacked(settings.bundle, request, say))
    if not any((*own, request.cluster.adopt)) and (settings.subcharts, settings.images) == ("on", "nearest"):
        return Preflight()
    return Preflight(planned=_looked_at(request, request.needed(request.scenarios), say))


def planned(request: Request, *, say: Say) -> Planned:
    """What a request's drills install, without a machine that could run them.

    Args:
        request: The request; its scenarios would be drilled.
        say: Told what happens.

    Raises:
        UsageError: The chart, its version, its values or its images cannot be used.
        SupplyError: Something could not be fetched or built.
    """
    settled = request.with_supply().settled(say=say)
    return _looked_at(settled, settled.needed(settled.scenarios), say)


def _looked_at(request: Request, scenarios: Sequence[Path], say: Say, *, before_cluster: bool = False) -> Planned:
    asked = request.of_supply()
    helm = supply.helm(asked, on_event=say, before_cluster=before_cluster)
    chart = supply.chart(asked, helm, on_event=say)
    return planning.plan_of(request, scenarios, helm, chart, supply.available(asked, on_event=say))


def _unpacked(file: Path, request: Request, say: Say) -> Opened:
    asked, version = request.of_supply(), request.settings.app_version
    cache = Cache(paths.cache_dir())
    return unpack.unpacked(file, asked, cache=cache, say=say, app_version=version, listed=request.bundle)


def provide(
    request: Request, scenarios: Sequence[Path], *, say: Say, found: Preflight = Preflight(), more_follows: bool = False
) -> Supplied:
    """Provide everything that a cluster and its drills need.

    Args:
        request: The request.
        scenarios: The folders of the scenarios to drill; empty for a cluster alone.
        say: Called with a line about each thing that happens, and about each image that replaces another.
        found: What `preflight` found out.
        more_follows: Whether more is provided soon, so that what only builds need stays until then.

    Raises:
        UsageError: The chart, its values or its images cannot be used.
        SupplyError: Something could not be fetched or built.
    """
    settings, asked = request.settings, request.of_supply()
    supplied = None
    if settings.bundle is not None:
        opened = found.bundle or _unpacked(settings.bundle, request, say)
        supplied = supply.provide(asked, on_event=say, opened=opened)
        planned = found.planned or _of_bundle(request, scenarios, supplied)
    else:
        say(f"supply: {asked.chosen.name}. {asked.chosen.why}")
        planned = found.planned or _looked_at(request, scenarios, say, before_cluster=True)
    plan = planned.plan
    if plan is None:  # only our own manifests are installed, if anything is
        packed = supplied.app_version if supplied is not None else ""
        app_version = settings.app_version or packed or manifests.APP_VERSION
        plan = ChartPlan(app_version, {}, (f"{manifests.PROMETHEUS}:v{app_version}",) if scenarios else ())
    shown = [each for each in changes.changes(planned, request.values) if each.kind is not changes.Kind.ADDED]
    for line in changes.lines(shown):
        say(line)
    alerts = alerting.wanted(settings)
    beside = _names(witness_objects(alerting.image(plan.app_version))) if alerts is not None else ()
    drilled = (*needed_images.drilled_images(scenarios, plan.app_version), *plan.references)
    if supplied is None:
        supplied = supply.provide(asked, (*drilled, *beside), on_event=say)
    wanted = (*needed_images.storage_images(supplied.provisioner), *drilled, *beside)
    supplied = supply.completed(supplied, asked, wanted, on_event=say)
    further = dict(_optional(asked, supplied, needed_images.optional_images(scenarios), say=say))
    if not more_follows:
        supply.settle(on_event=say)
    return replace(
        supplied,
        chart=planned.chart,
        app_version=plan.app_version,
        image_values=plan.values,
        remarks=(*supplied.remarks, *plan.remarks),
        archives=(*supplied.archives, *further.values()),
        images=(*supplied.images, *further),
        drilled=drilled,
        shared=planned.shared,
        kind_patch=merged(supplied.kind_patch, FASTER_VOLUMES, lists_grow=True) if alerts else supplied.kind_patch,
    )


def witness(request: Request, supplied: Supplied, made: PinnedKindCluster, *, say: Say) -> None:
    """Make the witness of a cluster, if rules are asked for; one that is there gets the files of this run.

    Args:
        request: The request.
        supplied: What the cluster was made of.
        made: The cluster.
        say: Called with a line about it.

    Raises:
        UsageError: The rules, or Alertmanager's configuration, cannot be read.
        ClusterError: It did not become ready.
    """
    found = alerting.wanted(request.settings)
    if found is None:
        return
    recorded = made.recorded
    run_speed = alerting.speed(request, supplied.chart)
    with contextlib.closing(Kube(made.kubeconfig_path, expected=recorded.expected)) as kube:
        beside = Witness(kube, next(iter(recorded.nodes.values())))
        beside.install(alerting.image(supplied.app_version), alerting.witness_files(found, run_speed), run_speed)
    say(f"the witness is ready; one second of a drill stands for {run_speed:g} s of the rules'")


def _of_bundle(request: Request, scenarios: Sequence[Path], supplied: Supplied) -> Planned:
    chart, fixed = supplied.chart, supplied.image_values
    return planning.plan_of(request, scenarios, supplied.tools.helm, chart, supplied.available, fixed=fixed)


def _names(objects: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(Reference.of(text).name for text in named_in(objects)))


def _optional(
    request: SupplyRequest, supplied: Supplied, names: Sequence[str], *, say: Say
) -> Iterator[tuple[str, Path]]:
    """Archives of the optional images, as far as they are available."""
    for name in names:
        if name in supplied.images or (supplied.available is not None and name not in supplied.available):
            continue
        try:
            found = supply.archives(request, [name], on_event=say)
        except SupplyError as error:
            say(f"{error.message}. The drills run without it.")
        else:
            yield from ((name, path) for path in found)


def load(supplied: Supplied, made: PinnedKindCluster) -> None:
    """Load the supplied images into a cluster that was made without them."""
    loading.load(made, supplied.archives)


@contextlib.contextmanager
def cluster(supplied: Supplied, options: KindOptions, *, profile: str, say: Say) -> Iterator[PinnedKindCluster]:
    """A ready cluster of supplied parts, under a name that no other run uses. What killed runs have left goes first.

    Args:
        supplied: What to make it from.
        options: pytest-kind's options.
        profile: `fast` or `as-shipped`.
        say: Called with a line about each thing that happens.

    Raises:
        UsageError: Another run uses the name.
        ClusterError: It did not come up.
    """
    for gone in sweep.remove_abandoned():
        say(f"deleted cluster {gone}, which a killed run had left")
    adoption.remove_left(engine=True, say=say)
    with (
        lease.this_name(options.name) if options.name else lease.any_name(_taken()) as name,
        lifecycle.cluster(
            name=name,
            profile=profile,
            image=options.image or supplied.node_image,
            kind_path=options.kind or supplied.tools.kind,
            kubectl_path=options.kubectl or supplied.tools.kubectl,
            provisioner=supplied.provisioner,
            archives=supplied.archives,
            kind_patch=supplied.kind_patch,
            keep=options.keep,
            reuse=options.name is not None,
            kubeconfig=options.kubeconfig,
            on_event=say,
        ) as made,
    ):
        yield made


@contextlib.contextmanager
def adopted(supplied: Supplied, options: KindOptions, *, say: Say) -> Iterator[AdoptedCluster]:
    """The cluster of that name, which promdrill did not make. What killed runs have left goes first.

    Args:
        supplied: The tools, and the images that its nodes must have.
        options: pytest-kind's options, with a name.
        say: Called with a line about each thing that happens.

    Raises:
        UsageError: There is no such cluster, another run uses it, or it would have to be changed.
        SupplyError: An archive of an image cannot be read.
        ClusterError: It does not answer.
    """
    for gone in sweep.remove_abandoned():
        say(f"deleted cluster {gone}, which a killed run had left")
    with adoption.adopted(
        options.name or "",
        kind_path=options.kind or supplied.tools.kind,
        kubectl_path=options.kubectl or supplied.tools.kubectl,
        images=supplied.drilled,
        archives={name: archive for archive in supplied.archives for name in references(archive)},
        say=say,
    ) as made:
        yield made


def variants(kind: str, scenario: Path, settings: Settings) -> tuple[Variant, ...]:
    """The variants to run instead of a scenario's drill.

    Args:
        kind: One of `promdrill.core.choices.VARIANTS`.
        scenario: The scenario's folder.
        settings: Those of the run, which may name a runbook instead of the scenario's own.

    Raises:
        UsageError: The steps to leave out, or the other repairs, cannot be read; or the scenario that looks like it
            does not exist.
    """
    folder = ScenarioFolder(scenario.name, scenario)
    if kind == "controls":
        return controls(folder.as_written, look_alike=look_alike(scenario) is not None)
    if kind == "repairs":
        return other_repairs(folder.repairs)
    own = settings.runbook
    if own is not None:
        return ablations(runbooks.load(own, settings.bound))
    stacked = folder.stack_runbook.is_file() and chart_named(settings) == stack.CHART
    return ablations(runbooks.strictly(folder.stack_runbook if stacked else folder.runbook))


@contextlib.contextmanager
def drill(
    scenario: Path,
    supplied: Supplied,
    made: PinnedKindCluster,
    *,
    variant: Variant,
    install: str,
    run: Run,
    request: Request,
    until_turn: Callable[[], float] = lambda: 0.0,
    turn_over: Callable[[], None] = lambda: None,
) -> Iterator[Drill]:
    """One drill of a scenario, with its journal and its connections open during the block.

    Args:
        scenario: The scenario's folder; its name is the scenario's id.
        supplied: Tools, chart and images.
        made: The cluster.
        variant: Which variant of the scenario to run; with the scenario's id it names the drill.
        install: How Prometheus is installed, one of `promdrill.core.model.INSTALLS`.
        run: The run that records the result.
        request: The request; with `KindOptions.keep` everything in the cluster stays as the drill leaves it.
        until_turn: As in `promdrill.drill.site.Execution`.
        turn_over: Likewise.

    Raises:
        UsageError: The chart does not render with the user's values, or the file with a login is gone.
    """
    settings, folder = request.settings, run.folder_of(scenario.name, variant)
    asked_for = login.read(settings.login) if settings.login is not None else None
    written = (folder, paths.state_dir(), paths.cache_dir())
    with (
        run.journal(scenario.name, variant) as journal,
        _reached(made, namespace_of(scenario.name, variant)) as reached,
        contextlib.closing(
            Kube(
                reached.kubeconfig,
                expected=reached.expected,
                on_node=partial(on_node.run, reached.nodes),
                login=asked_for,
            )
        ) as kube,
        scratch.folder("helm") as helm_home,
        contextlib.ExitStack() as opened,
    ):
        version = reached.kubernetes or supplied.kubernetes
        journal.write(SupplyChosen(supply=supplied.name, why=supplied.why, kubernetes=version))
        chart = chart_of(supplied.chart, supplied.app_version)
        other = _other(scenario, variant)
        tools = replace(supplied.tools, helm=legacy.helm_for(chart, supplied.tools.helm, helm_home))

        def drilled(folder: Path, install: str) -> tuple[Drilled, tuple[str, ...]]:
            layered = _layers(folder, install, chart, request, supplied.image_values)
            what = Drilled(
                scenario=scenario.name,
                scenario_dir=folder,
                chart=chart,
                install=install,
                crds=supplied.crds,
                values=layered.layers,
                keeps_scrapes=settings.keeps_scrapes and install == INSTALLS[0],
                added_jobs=layered.jobs,
                dropped=layered.dropped,
                login=asked_for if install == INSTALLS[0] else None,
            )
            return what, tuple(map(str, layered.conflicts))

        own, said = drilled(scenario, install)
        alerts = alerting.wanted(settings)
        site = Site(
            cluster=Cluster(
                kube=kube,
                helm=Helm(tools.helm, reached.kubeconfig, helm_home, before=kube.require_expected),
                kubeconfig=reached.kubeconfig,
                nodes=reached.nodes,
                leave=reached.leave,
                private=made.path,
                tools=tools,
                images=supplied.images,
                trouble=lambda since: vitals.trouble(made.name, kube, written, since=since),
            ),
            drilled=own,
            execution=Execution(
                profile=settings.profile,
                variant=variant,
                runbook=_runbook(scenario, variant, settings),
                bound={} if variant.control == AS_WRITTEN else settings.bound,
                until_turn=until_turn,
                turn_over=turn_over,
                evidence=settings.evidence,
                keep=request.cluster.keep,
            ),
            recording=Recording(
                folder=folder,
                journal=journal,
                remarks=(*supplied.remarks, *legacy.remarks(chart), *said),
                on_result=run.record,
            ),
            other=drilled(other.folder, traits(other.test).install or INSTALLS[0])[0] if other else None,
        )
        if request.values is not None or settings.chart is not None or settings.keeps_scrapes:
            site = as_rendered.of(site, request.values, kubernetes=version)
        if alerts is not None:
            beside = opened.enter_context(contextlib.closing(Kube(reached.kubeconfig, expected=reached.expected)))
            node = next(iter(reached.nodes.values()))
            site = alerting.of(site, request, alerts, Witness(beside, node), kubernetes=version)
        yield Drill(site)


@dataclass(frozen=True, slots=True)
class _Reached:
    """How a drill reaches its cluster, and what it may do there; see `promdrill.drill.site.Cluster`.

    Attributes:
        kubernetes: The cluster's version of Kubernetes; empty for the supplied one.
    """

    kubeconfig: Path
    expected: Expected
    nodes: Mapping[str, str]
    leave: Callable[[], None] | None = None
    kubernetes: str = ""


@contextlib.contextmanager
def _reached(made: PinnedKindCluster, namespace: str) -> Iterator[_Reached]:
    """A cluster of promdrill's own as it is; in an adopted one, a namespace that is made for the drill."""
    if isinstance(made, AdoptedCluster):
        with made.namespace(namespace) as space:
            yield _Reached(space.kubeconfig, space.expected, {}, space.remove, made.version)
        return
    recorded = made.recorded
    yield _Reached(made.kubeconfig_path, recorded.expected, recorded.nodes)


def _other(scenario: Path, variant: Variant) -> ScenarioFolder | None:
    """The scenario whose incident is made instead, in the control `other-fault`; None in all others."""
    if variant.control != OTHER_FAULT:
        return None
    other = look_alike(scenario)
    if other is None:
        message = f"CONTROL={OTHER_FAULT}: {scenario.name} names no scenario that looks like it"
        raise UsageError(message, hint='@pytest.mark.looks_like("disk-full")')
    return other


def _runbook(scenario: Path, variant: Variant, settings: Settings) -> Path | None:
    if variant.control != AS_WRITTEN:
        return settings.runbook
    written = ScenarioFolder(scenario.name, scenario).as_written
    if not written.is_file():
        raise UsageError(f"CONTROL={AS_WRITTEN}: {scenario.name} has no {written.name}", hint="CONTROL=no-remedy")
    return written


def chart_of(path: Path, app_version: str = "") -> ChartRef:
    """A chart's name and versions, from its own metadata.

    Args:
        path: Its folder or .tgz.
        app_version: Version of Prometheus that it installs, if values change it; empty for the chart's own.

    Raises:
        UsageError: It is not a chart.
    """
    found = metadata(path)
    own = str(found.get("appVersion", "")).lstrip("v")
    return ChartRef(path, str(found["name"]), found["version"], app_version or own, followed_by(found))


def _layers(scenario: Path, install: str, chart: ChartRef, request: Request, planned: Mapping[str, Any]) -> Layered:
    """Helm values over the scenario's own; none where no chart is installed."""
    if install != INSTALLS[0]:
        return Layered((), ())
    keeps = request.settings.keeps_scrapes
    return layers(chart, scenario / "values.yaml", request.values, planned, keeps_scrapes=keeps)


def _taken() -> set[str]:
    """Names of the clusters that are recorded, for whatever reason, and of those that the engine has."""
    sweep.forget_gone()
    return {folder.name for folder in owners.recorded()} | kind.names()

"""From a pytest session's wishes to a cluster and to the site of a drill: what the fixtures do, without pytest."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill import supply
from promdrill.cluster import lease, lifecycle, owners
from promdrill.cluster.helm import Helm
from promdrill.cluster.kind import PinnedKindCluster
from promdrill.cluster.kube import Kube
from promdrill.drill import Drill, Site
from promdrill.drill.variants import ablations, controls
from promdrill.drill.verdicts import AS_WRITTEN
from promdrill.errors import UsageError
from promdrill.install.release import ChartRef
from promdrill.model import Variant
from promdrill.report.run import Run, Say
from promdrill.scenarios import ScenarioFolder
from promdrill.settings import Settings, chart_metadata
from promdrill.supply.supplied import Supplied, SupplyRequest


@dataclass(frozen=True, slots=True)
class KindOptions:
    """pytest-kind's options.

    Attributes:
        name: Of the cluster; None for one that is free.
        keep: Leave the cluster when the session ends.
        kubeconfig: Where the kubeconfig is written; None for a private folder.
        image: Node image in place of the supplied one.
        kind: Path of kind in place of the supplied one.
        kubectl: Path of kubectl in place of the supplied one.
    """

    name: str | None = None
    keep: bool = False
    kubeconfig: Path | None = None
    image: str | None = None
    kind: Path | None = None
    kubectl: Path | None = None


def provide(request: SupplyRequest, *, say: Say) -> Supplied:
    """Everything that a cluster and its drills are made of.

    Raises:
        SupplyError: Something could not be had.
    """
    return supply.provide(request, on_event=say)


@contextlib.contextmanager
def cluster(supplied: Supplied, options: KindOptions, *, profile: str, say: Say) -> Iterator[PinnedKindCluster]:
    """A ready cluster of supplied parts, under a name that no other run has.

    Args:
        supplied: What it is made of.
        options: What pytest-kind's options say.
        profile: Kind configuration.
        say: Told what happens.

    Raises:
        UsageError: Another run uses the name.
        ClusterError: It did not come up.
    """
    with (
        lease.this_name(options.name) if options.name else lease.any_name(_kept()) as name,
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


def variants(kind: str, scenario: Path, runbook: Path | None) -> tuple[Variant, ...]:
    """What is run in place of a scenario's drill.

    Args:
        kind: `controls` or `ablate`.
        scenario: The scenario's folder.
        runbook: A runbook in place of the scenario's own.

    Raises:
        UsageError: The steps to leave out cannot be read.
    """
    folder = ScenarioFolder(scenario.name, scenario)
    return controls(folder.as_written) if kind == "controls" else ablations(runbook or folder.runbook)


@contextlib.contextmanager
def drill(
    scenario: Path,
    supplied: Supplied,
    made: PinnedKindCluster,
    *,
    variant: Variant,
    install: str,
    run: Run,
    wishes: Settings,
    keep: bool,
) -> Iterator[Drill]:
    """One drill of a scenario, its journal and its connections open for as long as the block lasts.

    Args:
        scenario: The scenario's folder; its name is the scenario's id.
        supplied: Tools, chart and images.
        made: The cluster.
        variant: Which run of the scenario it is; with the scenario's id it names the drill.
        install: How Prometheus is installed, one of `promdrill.model.INSTALLS`.
        run: Takes the result.
        wishes: What was asked for.
        keep: Leave everything in the cluster as the drill leaves it.
    """
    folder = run.folder_of(scenario.name, variant.control)
    with (
        run.journal(scenario.name, variant.control) as journal,
        contextlib.closing(Kube(made.kubeconfig_path)) as kube,
        tempfile.TemporaryDirectory(prefix="promdrill-helm-") as helm_home,
    ):
        journal.note("supplied", supply=supplied.name, why=supplied.why, kubernetes=supplied.kubernetes)
        yield Drill(
            Site(
                scenario=scenario.name,
                scenario_dir=scenario,
                folder=folder,
                kube=kube,
                helm=Helm(supplied.tools.helm, made.kubeconfig_path, Path(helm_home)),
                kubeconfig=made.kubeconfig_path,
                tools=supplied.tools,
                chart=chart_of(supplied.chart),
                profile=wishes.profile,
                journal=journal,
                install=install,
                images=supplied.images,
                crds=supplied.crds,
                values=layers(supplied.image_values, wishes.values),
                runbook=_runbook(scenario, variant, wishes),
                control=variant.control,
                skip_steps=variant.skip,
                left_out=variant.left_out,
                evidence=wishes.evidence,
                keep=keep,
                on_result=run.record,
            )
        )


def _runbook(scenario: Path, variant: Variant, wishes: Settings) -> Path | None:
    if variant.control != AS_WRITTEN:
        return wishes.runbook
    written = ScenarioFolder(scenario.name, scenario).as_written
    if not written.is_file():
        raise UsageError(f"CONTROL={AS_WRITTEN}: {scenario.name} has no {written.name}", hint="CONTROL=no-remedy")
    return written


def chart_of(path: Path) -> ChartRef:
    """What a chart says of itself.

    Raises:
        UsageError: It is no chart.
    """
    metadata = chart_metadata(path)
    return ChartRef(path, str(metadata["name"]), metadata["version"], str(metadata.get("appVersion", "")).lstrip("v"))


def layers(image_values: Mapping[str, Any], own: Path | None) -> list[Path | Mapping[str, Any]]:
    """Helm values over the scenario's own, lowest first: the user's, then the images that are there."""
    return [*([own] if own is not None else []), image_values]


def _kept() -> set[str]:
    """Names of the clusters that were kept on purpose."""
    return {folder.name for folder, owner in owners.recorded().items() if owner is not None and owner.kept}

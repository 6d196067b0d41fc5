"""The request to a supply, and what it provides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promdrill.core.choices import DEFAULT_HELM, DEFAULT_KUBERNETES
from promdrill.helm.source.find import ChartRequest
from promdrill.supply import choose
from promdrill.supply.choose import Choice


@dataclass(frozen=True, slots=True)
class SupplyRequest:
    """What a run needs.

    Attributes:
        supply: `auto`, `source` or `registry`.
        kubernetes: Version of the cluster, without a leading v.
        helm: Major version of Helm, `4` or `3`.
        chart: The chart, as it was typed.
        subcharts: `on`, or `off` to remove those that no drill needs.
        mirror: Image registry to use instead of the public ones; None for those, or the one that the environment names.
        bundle: File of ``make bundle`` that everything comes from; None for the supply.
        choice: The supply that was chosen; None if it has not been chosen yet.
    """

    supply: str = "auto"
    kubernetes: str = DEFAULT_KUBERNETES
    helm: str = DEFAULT_HELM
    chart: ChartRequest = ChartRequest()  # noqa: RUF009  frozen
    subcharts: str = "on"
    mirror: str | None = None
    bundle: Path | None = None
    choice: Choice | None = None

    @property
    def chosen(self) -> Choice:
        """The supply; chosen now if it has not been yet."""
        return self.choice or choose.chosen(self.supply, self.mirror)


@dataclass(frozen=True, slots=True)
class Tools:
    """Paths of the pinned tools."""

    kind: Path
    kubectl: Path
    helm: Path


@dataclass(frozen=True, slots=True)
class Supplied:
    """Everything a cluster and its drills are made of, present and checked.

    Attributes:
        name: `source` or `registry`.
        why: Why this supply was chosen, in one sentence.
        tools: The pinned tools.
        kubernetes: Version of the cluster, without a leading v.
        node_image: Reference of the node image, present in the engine.
        chart: Folder or .tgz of the chart to drill.
        provisioner: Manifest of local-path-provisioner, as its project ships it.
        crds: Manifest with the Prometheus operator's custom resource definitions, likewise.
        archives: Docker archives to load into a new cluster: images that are not in the node image.
        image_values: Helm values that point the chart at the available images.
        app_version: Version of the Prometheus that the chart then installs; empty until that is known.
        available: References of further available images; None if any can be had.
        remarks: Remarks for a result about where things come from, a sentence each.
        images: References of the images that are in every cluster: of the node image, and of the archives.
        kind_patch: What a kind configuration needs on this host and with this node image, merged over it.
        drilled: References of the images that the drills themselves run.
        shared: Scenario to what its install takes of the cluster that another drill could not have beside it, in words.
    """

    name: str
    why: str
    tools: Tools
    kubernetes: str
    node_image: str
    chart: Path
    provisioner: Path
    crds: Path
    archives: tuple[Path, ...] = ()
    image_values: Mapping[str, Any] = field(default_factory=dict)
    kind_patch: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    app_version: str = ""
    available: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    drilled: tuple[str, ...] = ()
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

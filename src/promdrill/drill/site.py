"""Where a drill takes place: the cluster, the chart, and what the run asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promdrill.artefacts.reference import Reference, named_in
from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import UsageError
from promdrill.core.journal import Journal
from promdrill.core.model import INSTALLS, DrillResult, LeftOut
from promdrill.drill.part import WHOLE, Part
from promdrill.evidence import FAILURE
from promdrill.helm.command import Helm
from promdrill.helm.values import edit as editing
from promdrill.install import (
    ChartRef,
    Installation,
    Manual,
    Operator,
    release,
)
from promdrill.kube.client import Kube
from promdrill.observe.server import Server
from promdrill.runbook.environment import Tools

STATEFUL_CLAIM = "storage-volume"
"""Name of the claim template of prometheus-community/prometheus' StatefulSet, where the values give it no other."""

LONGEST_RELEASE = 53
"""Characters of a release's name: Helm's own limit, so that what charts append fits Kubernetes' 63."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a drill takes place, and with what.

    Attributes:
        scenario: The scenario's id.
        scenario_dir: Its folder, with values.yaml and runbook.md.
        folder: Where this drill's journal and values are kept; made when missing.
        kube: The cluster's API server.
        helm: Helm, pointed at it.
        kubeconfig: The cluster's private kubeconfig, for the runbook.
        tools: The pinned tools, for the runbook.
        chart: What is drilled.
        profile: Kind configuration of the cluster: `fast` or `as-shipped`.
        journal: The drill's journal.
        install: How Prometheus is installed, one of `promdrill.core.model.INSTALLS`.
        crds: Manifest with the Prometheus operator's definitions; only its install reads it.
        images: References of the images that are in the cluster: nothing is pulled during a drill.
        values: Helm values over the scenario's own, lowest first: images, profile, the user's.
        runbook: A runbook in place of the scenario's own.
        control: What is left out on purpose, as in `DrillResult`; None for the drill itself.
        skip_steps: Runbook steps left out, by their index in `Runbook.steps` (ablation).
        left_out: What is told of them; None when all are run.
        repetition: As in `DrillResult`.
        remarks: What the result says besides what the plan does.
        keep: Leave everything as it is at the end.
        part: Which part of the drill is run; by default all of it.
        until_alone: Returns once the drill may change what other drills share, and whether it had to wait for that.
        evidence: When it is taken: `failure` or `always`, see `promdrill.evidence.POLICIES`.
        on_result: Called once with the result, however the drill ended.
        clock: Where time comes from.
    """

    scenario: str
    scenario_dir: Path
    folder: Path
    kube: Kube
    helm: Helm
    kubeconfig: Path
    tools: Tools
    chart: ChartRef
    profile: str
    journal: Journal
    install: str = INSTALLS[0]
    crds: Path = Path()
    images: tuple[str, ...] = ()
    values: Sequence[Path | Mapping[str, Any]] = ()
    runbook: Path | None = None
    control: str | None = None
    skip_steps: frozenset[int] = field(default_factory=frozenset)
    left_out: LeftOut | None = None
    repetition: int | None = None
    remarks: tuple[str, ...] = ()
    keep: bool = False
    part: Part = WHOLE
    until_alone: Callable[[], bool] = lambda: False
    evidence: str = FAILURE
    on_result: Callable[[DrillResult], None] = lambda _result: None
    clock: Clock = SYSTEM

    @property
    def name(self) -> str:
        """The drill's name in the cluster, where others may go on: `toy`, `toy-no-fault`, `toy-without-42`, `toy-2`."""
        variant = self.control if self.left_out is None else f"without-{self.left_out.line}"
        number = self.repetition and str(self.repetition)
        return "-".join(part for part in (self.scenario, variant, number) if part)

    def has_image(self, reference: str) -> bool:
        """Whether the cluster can run an image, without pulling anything."""
        return reference in self.images

    def require_images(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Refuse objects that the cluster would have to pull an image for: a drill never waits for a pull.

        Raises:
            UsageError: One runs an image that nothing has brought into the cluster.
        """
        for text in named_in(objects):
            self.require_image(text)

    def require_image(self, text: str) -> None:
        """Refuse an image that the cluster would have to pull.

        Raises:
            UsageError: No step loads it into the cluster.
        """
        if not self.has_image(Reference.of(text).name):
            raise UsageError(
                f"{self.scenario_dir}: no step loads the image {text} into the cluster before the drill",
                hint=f'@pytest.mark.images("{text}"), or a manifest in the scenario\'s folder that runs it',
            )

    @property
    def namespace(self) -> str:
        """Namespace of the drill, and name of its StorageClass."""
        return f"drill-{self.name}"

    @property
    def release_name(self) -> str:
        """The Helm release: its own too, because the chart's ClusterRole is named after it.

        Raises:
            UsageError: The scenario's id is too long for a release to be named after it.
        """
        release = f"prometheus-{self.name}"
        if len(release) > LONGEST_RELEASE:
            raise UsageError(
                f"release {release} would have {len(release)} characters, Helm takes {LONGEST_RELEASE}",
                hint=f"a shorter name for the folder {self.scenario_dir}",
            )
        return release

    @property
    def server(self) -> Server:
        """The names of the drilled Prometheus; its claim is that of a StatefulSet where the values ask for one."""
        server, override = self.installation.server, self._value("server.persistentVolume.statefulSetNameOverride")
        if self.install != "helm" or server.claim_name or not self._value("server.statefulSet.enabled"):
            return server
        return replace(server, claim_name=f"{override or STATEFUL_CLAIM}-{server.fullname}-0")

    def _value(self, path: str) -> Any:
        """What the scenario's values, and the layers over them, say at a dotted path; None for nothing."""
        found = None
        for layer in (self.scenario_dir / "values.yaml", *self.values):
            text = layer.read_text(encoding="utf-8") if isinstance(layer, Path) and layer.is_file() else ""
            found = editing.lookup(layer if isinstance(layer, Mapping) else editing.load(text), path, found)
        return found

    @property
    def values_file(self) -> Path:
        """The runbook's $VALUES."""
        return self.folder / "values.yaml"

    @property
    def runbook_file(self) -> Path:
        """The runbook that is run."""
        return self.runbook or self.scenario_dir / "runbook.md"

    def keep_runbook(self) -> None:
        """Copy the runbook into the drill's folder, for a report that is read when the scenario has changed."""
        shutil.copyfile(self.runbook_file, self.folder / self.runbook_file.name)

    @property
    def installation(self) -> Installation:
        """The Prometheus to be drilled.

        Raises:
            UsageError: There is no such way to install one.
        """
        if self.install == "helm":
            return release(self.chart, self.helm, self.release_name, self.namespace, self.values_file)
        if self.install == "manual":
            return Manual(self.kube, self.namespace, self.folder / "manifests", app_version=self.chart.app_version)
        if self.install == "operator":
            folder, kubectl = self.folder / "manifests", self.tools.kubectl
            return Operator(
                self.kube,
                self.namespace,
                folder,
                kubectl,
                self.kubeconfig,
                self.crds,
                app_version=self.chart.app_version,
            )
        raise UsageError(f"{self.scenario_dir}: install({self.install!r}): not one of {', '.join(INSTALLS)}")

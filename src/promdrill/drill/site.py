"""Where a drill takes place: the cluster, what is drilled in it, how the drill is run, and what records it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from promdrill.artefacts.reference import Reference, named_in
from promdrill.cluster.owners import RUNBOOKS, VALUES
from promdrill.core import files
from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import UsageError
from promdrill.core.journal import Journal
from promdrill.core.login import Login
from promdrill.core.model import INSTALLS, DrillResult, Variant
from promdrill.core.redact import redact_lines, redact_text
from promdrill.drill.alerts import AlertPlan
from promdrill.drill.own_names import named, with_login
from promdrill.drill.part import Part, Whole
from promdrill.evidence import FAILURE
from promdrill.helm.command import Helm
from promdrill.helm.compatibility import stack
from promdrill.helm.values import edit as editing
from promdrill.install import ChartRef, Installation, Manual, Operator, release
from promdrill.install.needs import Needs
from promdrill.kube.client import Kube
from promdrill.observe.server import Server
from promdrill.observe.targets import DRILLS
from promdrill.runbook import repairs
from promdrill.runbook.environment import Tools
from promdrill.runbook.lint import lint
from promdrill.runbook.load import load, strictly
from promdrill.runbook.parse import Runbook

STATEFUL_CLAIM = "storage-volume"
"""Name of the claim template of prometheus-community/prometheus' StatefulSet, unless the values name another."""

LONGEST_RELEASE = 53
"""Characters of a release's name: Helm's own limit, so that what charts append fits Kubernetes' 63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster of a drill, and what reaches it.

    Attributes:
        kube: Its API server.
        helm: Helm, pointed at it.
        kubeconfig: Its private kubeconfig, for the runbook.
        tools: The pinned tools, for the runbook.
        nodes: Ids of its nodes' containers by the nodes' names.
        private: Folder of what must not be published; it goes with the cluster.
        images: References of the images that are in it: nothing is pulled during a drill.
        trouble: What became of it or of what it runs on since a moment, in one sentence; empty if all is well.
        leave: In a cluster that promdrill did not make: removes the drill's namespace, which was made before it, and
            outside which nothing can be changed. None in a cluster of promdrill's own.
    """

    kube: Kube
    helm: Helm
    kubeconfig: Path
    private: Path
    tools: Tools
    nodes: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    trouble: Callable[[datetime], str] = lambda _since: ""
    leave: Callable[[], None] | None = None


def _name_of(scenario: str, variant: Variant) -> str:
    """A drill's name, unlike that of any drill beside it: `toy`, `toy-no-fault`, `toy-repair-9`, `toy-2`."""
    what = variant.control if variant.left_out is None else f"without-{variant.left_out.line}"
    what = what if variant.repair_line is None else f"repair-{variant.repair_line}"
    number = variant.repetition and str(variant.repetition)
    return "-".join(part for part in (scenario, what, number) if part)


def namespace_of(scenario: str, variant: Variant) -> str:
    """The namespace of a drill."""
    return f"{DRILLS}{_name_of(scenario, variant)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What is drilled: a scenario, and the Prometheus that it needs.

    Attributes:
        scenario: The scenario's id.
        scenario_dir: Its folder, with values.yaml and runbook.md.
        chart: The chart; other installs take only the version of Prometheus from it.
        install: How Prometheus is installed, one of `promdrill.core.model.INSTALLS`.
        crds: Manifest with the Prometheus operator's definitions; only its install reads it.
        values: Helm values over the scenario's own, lowest first: images, profile, the user's.
        needs: What the chart's objects need that a new cluster does not have.
        server: The names of the Prometheus, if they were found in what the chart renders to; None for the usual ones.
        keeps_scrapes: Whether the scrape jobs are the user's, or else the chart's. Which of their targets are up is
            then learnt at the baseline.
        added_jobs: The scenario's own jobs that are added to those.
        dropped: What the scenario's values.yaml says and does not count, by its keys.
        login: The login of the Prometheus, if it asks for one.
    """

    scenario: str
    scenario_dir: Path
    chart: ChartRef
    install: str = INSTALLS[0]
    crds: Path = Path()
    values: Sequence[Path | Mapping[str, Any]] = ()
    needs: Needs = Needs()  # noqa: RUF009  frozen
    server: Server | None = None
    keeps_scrapes: bool = False
    added_jobs: Sequence[Mapping[str, Any]] = ()
    dropped: Collection[tuple[str, ...]] = ()
    login: Login | None = None

    @property
    def on_stack(self) -> bool:
        """Whether kube-prometheus-stack is drilled, whose operator makes the server."""
        return self.install == INSTALLS[0] and self.chart.name == stack.CHART

    @property
    def runbook(self) -> Path:
        """The scenario's runbook for this chart."""
        own = self.scenario_dir / stack.RUNBOOK
        return own if self.on_stack and own.is_file() else self.scenario_dir / "runbook.md"

    def value(self, path: str) -> Any:
        """What the scenario's values, and those over them, have at a dotted path; None for nothing."""
        found = None
        for layer in (self.scenario_dir / "values.yaml", *self.values):
            text = layer.read_text(encoding="utf-8") if isinstance(layer, Path) and layer.is_file() else ""
            found = editing.lookup(layer if isinstance(layer, Mapping) else editing.load(text), path, found)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a drill is run.

    Attributes:
        profile: Kind configuration of the cluster: `fast` or `as-shipped`.
        variant: The drill itself, a control or an ablation, and which repetition of it.
        part: Which part of the drill is run.
        runbook: A runbook instead of the scenario's own.
        bound: Values for its placeholders, by name.
        until_turn: Returns once the drill may make its incident, and change what it shares with others if it does;
            the seconds that it waited for that.
        turn_over: Called when the runbook has come to Verification, or to its end, and perhaps again: from then on the
            drill only waits and watches, so that another may make its incident.
        evidence: When it is collected: `failure` or `always`, see `promdrill.evidence.POLICIES`.
        keep: Leave everything as it is at the end.
    """

    profile: str
    variant: Variant = Variant()  # noqa: RUF009  frozen
    part: Part = Whole()  # noqa: RUF009  frozen
    runbook: Path | None = None
    bound: Mapping[str, str] = field(default_factory=dict)
    until_turn: Callable[[], float] = lambda: 0.0
    turn_over: Callable[[], None] = lambda: None
    evidence: str = FAILURE
    keep: bool = False

    @property
    def ablates(self) -> bool:
        """Whether steps of the runbook are left out."""
        return bool(self.variant.skip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What records a drill.

    Attributes:
        folder: Where the drill's journal, evidence, and a copy of its values are kept; created if missing.
        journal: The drill's journal.
        remarks: Remarks for a reader of the result, besides those of the plan.
        on_result: Called once with the result, however the drill ended.
        clock: Where time comes from.
    """

    folder: Path
    journal: Journal
    remarks: tuple[str, ...] = ()
    on_result: Callable[[DrillResult], None] = lambda _result: None
    clock: Clock = SYSTEM


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a drill takes place, and with what.

    Attributes:
        cluster: The cluster.
        drilled: What is drilled in it.
        execution: How the drill is run.
        recording: What records it.
        other: For the control `other-fault`: what is installed and broken instead, under this drill's name.
        alerts: What is done about alerts; None where no rules were given.
    """

    cluster: Cluster
    drilled: Drilled
    execution: Execution
    recording: Recording
    other: Drilled | None = None
    alerts: AlertPlan | None = None

    @property
    def incident(self) -> Site:
        """The site whose incident is made: of the other scenario in the control `other-fault`, else this one."""
        return self if self.other is None else replace(self, drilled=self.other, other=None)

    # --- what a scenario's test asks ----------------------------------------------------------------------------

    @property
    def kube(self) -> Kube:
        """The cluster's API server."""
        return self.cluster.kube

    @property
    def scenario_dir(self) -> Path:
        """The scenario's folder."""
        return self.drilled.scenario_dir

    @property
    def folder(self) -> Path:
        """Where this drill's files are kept."""
        return self.recording.folder

    def has_image(self, reference: str) -> bool:
        """Whether the cluster can run an image without pulling anything."""
        return reference in self.cluster.images

    # --- names --------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The drill's name, unlike that of any drill beside it."""
        return _name_of(self.drilled.scenario, self.execution.variant)

    @property
    def namespace(self) -> str:
        """Namespace of the drill, and name of its StorageClass."""
        return namespace_of(self.drilled.scenario, self.execution.variant)

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
        if self.drilled.server is not None:
            return self.drilled.server
        drilled, server = self.drilled, self.installation.server
        if drilled.install != "helm" or server.claim_name or not drilled.value("server.statefulSet.enabled"):
            return server
        template = drilled.value("server.persistentVolume.statefulSetNameOverride") or STATEFUL_CLAIM
        return replace(server, claim_name=f"{template}-{server.fullname}-0")

    # --- the install and the runbook ----------------------------------------------------------------------------

    @property
    def installation(self) -> Installation:
        """The Prometheus to be drilled.

        Raises:
            UsageError: There is no such way to install one.
        """
        cluster, drilled, version = self.cluster, self.drilled, self.drilled.chart.app_version
        manifests = self.folder / "manifests"
        if drilled.install == "helm":
            where = (self.release_name, self.namespace, self.values_file)
            return release(drilled.chart, cluster.helm, *where, kube=cluster.kube)
        if drilled.install == "manual":
            return Manual(cluster.kube, self.namespace, manifests, nodes=cluster.nodes, app_version=version)
        if drilled.install == "operator":
            return Operator(
                cluster.kube,
                self.namespace,
                manifests,
                cluster.tools.kubectl,
                cluster.kubeconfig,
                drilled.crds,
                app_version=version,
            )
        raise UsageError(f"{self.scenario_dir}: install({drilled.install!r}): not one of {', '.join(INSTALLS)}")

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that tell a runbook's steps where the Prometheus is, and its login, which is written nowhere.

        Raises:
            UsageError: There is no such way to install one.
        """
        login = self.drilled.login
        return {**self.installation.environment, **(login.variables if login is not None else {})}

    @property
    def values_file(self) -> Path:
        """The runbook's $VALUES, which may hold the user's credentials."""
        return self.cluster.private / VALUES / self.name / "values.yaml"

    @property
    def scenario_values(self) -> Path:
        """The scenario's values.yaml, or a copy without what stays as the user has it.

        Raises:
            UsageError: It cannot be taken out of the text.
        """
        file, dropped = self.scenario_dir / "values.yaml", self.drilled.dropped
        if not dropped:
            return file
        copy = self.values_file.with_name("scenario.yaml")
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(copy, editing.remove(file.read_text(encoding="utf-8"), *sorted(dropped)))
        return copy

    @property
    def runbook_file(self) -> Path:
        """The runbook that is run: another one, the scenario's, or a copy of that with this Prometheus' names."""
        found, server, login = self.execution.runbook or self.drilled.runbook, self.drilled.server, self.drilled.login
        if (server is None and login is None) or found.parent != self.scenario_dir:
            return found
        text = found.read_text(encoding="utf-8")
        adapted = text if server is None else named(text, server, self.installation.server)
        if login is not None and login.user:
            adapted = with_login(adapted, self.server)
        if adapted == text:
            return found
        copy = self.cluster.private / RUNBOOKS / self.name / found.name
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(copy, adapted)
        return copy

    def runbook(self) -> Runbook:
        """What is carried out: the runbook, or its Diagnosis and another repair.

        Raises:
            UsageError: A file breaks a rule, or a step is not a complete command.
            CommandFailed: There is no bash to check the steps with.
        """
        file, line = self.runbook_file, self.execution.variant.repair_line
        found = strictly(file) if self.execution.runbook is None else load(file, self.execution.bound)
        if line is None:
            return found
        repaired = repairs.at_line(self._repairs_file, line).instead(found)
        lint(repaired)
        return repaired

    def keep_runbook(self) -> None:
        """Copy what is carried out into the drill's folder, for a report that is read after the scenario has changed.

        A user's own may hold credentials; they are left out.
        """
        another = self.execution.variant.repair_line is not None
        for file in (self.runbook_file, *([self._repairs_file] if another else [])):
            _copy(file, self.folder / file.name, redact_lines)

    @property
    def _repairs_file(self) -> Path:
        return self.scenario_dir / "repairs.md"

    def keep_values(self) -> None:
        """Copy the values as they are now into the drill's folder, without credentials."""
        if self.values_file.is_file():
            _copy(self.values_file, self.folder / "values.yaml", redact_text)

    def require_images(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Refuse objects that the cluster would have to pull an image for: a drill never waits for a pull.

        Raises:
            UsageError: No step loads the image of one of them into the cluster.
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


def _copy(file: Path, copy: Path, redacted: Callable[[str], str]) -> None:
    files.write(copy, redacted(file.read_text(encoding="utf-8", errors="replace")))

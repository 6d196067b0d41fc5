"""The incidents that `promdrill reproduce` left standing: their records in the clusters' folders, and their locks."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from promdrill.cluster import lease, owners, sweep
from promdrill.cluster.address import Address
from promdrill.core import files, login, paths
from promdrill.core.errors import ClusterError, NotOurs, UsageError
from promdrill.drill.incident import FILE, Incident
from promdrill.parallel.joining import Joined
from promdrill.runbook.environment import environment

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.request.request import Request
    from promdrill.supply.supplied import Supplied

VARIABLE = "PROMDRILL_DRILL"
"""Set by promdrill in its shell: names the incident where no argument does."""

ANSWERS_S = 10.0
"""Seconds to wait for a cluster to answer; it normally takes milliseconds."""

_JOIN = "join.json"


@dataclass(frozen=True, slots=True)
class StandingIncident:
    """An incident that was left standing, and where it is.

    Attributes:
        cluster: Name of its cluster.
        folder: The folder of its files.
        incident: What the drill recorded.
        joined: What a session that joins its cluster is given.
    """

    cluster: str
    folder: Path
    incident: Incident
    joined: Joined

    @property
    def home(self) -> Path:
        """HOME of its shells."""
        return self.folder / "home"

    @property
    def kubeconfig(self) -> Path:
        """A copy of the cluster's kubeconfig for its shells alone, with the drill's namespace as the default."""
        return self.folder / "kubeconfig"

    @property
    def namespace(self) -> str:
        """The drill's namespace."""
        return self.incident.server["namespace"]

    @property
    def again(self) -> str:
        """The commands that reproduce the incident again."""
        return f"{clean(self.cluster)}, then {_reproduce(self.incident.scenario)}"

    def environment(self) -> dict[str, str]:
        """The whole environment of its shells: that of the runbook's steps, with the drill's namespace as the default.

        Raises:
            UsageError: A pinned tool is gone, or the file with the drilled Prometheus' login.
            CommandFailed: Helm does not run.
        """
        from promdrill.install import legacy  # noqa: PLC0415  as above
        from promdrill.request import fulfil  # noqa: PLC0415  slow to import, so only when needed

        supplied = self.joined.supplied
        self.home.mkdir(parents=True, exist_ok=True)
        self._write_kubeconfig()
        chart = fulfil.chart_of(supplied.chart, supplied.app_version)
        tools = _Tools(supplied.tools.kubectl, legacy.helm_for(chart, supplied.tools.helm, self.home / "legacy-helm"))
        env = environment(
            tools=tools,
            kubeconfig=self.kubeconfig,
            given={**self.incident.environment, **self._login()},
            home=self.home,
            variables={},
        )
        ours = Path(sys.argv[0]).absolute()
        if ours.name == "promdrill" and ours.is_file():
            link = self.home / "bin" / ours.name
            link.unlink(missing_ok=True)
            link.symlink_to(ours)
        further = {
            "HELM_NAMESPACE": self.namespace,
            VARIABLE: self.cluster,
            paths.STATE_VARIABLE: str(
                paths.state_dir().absolute()
            ),  # their defaults lie below HOME, which is different in the shell
            paths.CACHE_VARIABLE: str(paths.cache_dir().absolute()),
        }
        return {**env, **further}

    def _login(self) -> dict[str, str]:
        """The variable with the login of the drilled Prometheus, which the record of the incident does not have."""
        file = self.joined.request.settings.login
        return login.read(file).variables if file is not None else {}

    def _write_kubeconfig(self) -> None:
        content = yaml.safe_load(self.joined.address.kubeconfig.read_text(encoding="utf-8"))
        for each in content["contexts"]:
            each["context"]["namespace"] = self.namespace
        files.write(self.kubeconfig, yaml.safe_dump(content, sort_keys=False))


@dataclass(frozen=True, slots=True)
class _Tools:
    kubectl: Path
    helm: Path


def clean(cluster: str) -> str:
    """The command that deletes one cluster."""
    return f"{paths.program()} clean {cluster}"


def _reproduce(scenario: str) -> str:
    return paths.command("reproduce", SCENARIO=scenario or "disk-full")


def leave(incident: Incident, request: Request, made: PinnedKindCluster, supplied: Supplied) -> StandingIncident:
    """Record an incident that is left standing, in its cluster's folder; an earlier record there is replaced."""
    folder = made.path / owners.INCIDENT
    shutil.rmtree(folder, ignore_errors=True)
    joined = Joined(request, supplied, Address.of(made), incident.folder, folder)
    joined.write()
    incident.write(folder)
    return StandingIncident(made.name, folder, incident, joined)


def forget(made: PinnedKindCluster) -> None:
    """Take back what `leave` wrote: neither the incident nor its cluster stays."""
    owners.claim(made.path, kept=False)
    shutil.rmtree(made.path / owners.INCIDENT, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A standing incident by its record alone.

    Attributes:
        cluster: Name of its cluster.
        folder: Where its files lie.
        scenario: The scenario's id; empty where the record cannot be read.
    """

    cluster: str
    folder: Path
    scenario: str

    @property
    def words(self) -> str:
        """What it is, and where."""
        return f"{self.scenario or 'one that cannot be read'} (cluster {self.cluster})"

    @property
    def gone(self) -> ClusterError:
        """Its cluster is gone, and its record with it."""
        what = self.scenario or "an incident that cannot be read"
        message = f"{what} is gone with its cluster {self.cluster}; its record was removed"
        return ClusterError(message, hint=_reproduce(self.scenario))

    def open(self) -> StandingIncident:
        """Read it whole.

        Raises:
            UsageError: A file of the record is damaged.
        """
        incident = Incident.read(self.folder)
        try:
            return StandingIncident(self.cluster, self.folder, incident, Joined.read(self.folder / _JOIN))
        except UsageError as error:
            message = f"{self.folder / _JOIN}: cannot be read: {error.message.partition(' (')[2].rstrip(')')}"
            raise UsageError(message, hint=clean(self.cluster)) from error


def survey() -> tuple[list[Found], list[Found]]:
    """The standing incidents, and those whose clusters are gone; the records of the latter are removed."""
    recorded = [(folder.name, folder / owners.INCIDENT) for folder in owners.recorded()]
    found = [Found(name, place, _scenario(place)) for name, place in recorded if (place / FILE).is_file()]
    gone = set(sweep.forget_gone())
    return [each for each in found if each.cluster not in gone], [each for each in found if each.cluster in gone]


def choose(name: str | None, *, command: str, warn: Callable[[ClusterError], None]) -> StandingIncident:
    """The incident to work on.

    Args:
        name: A scenario's id or a cluster's name; None for the one that `VARIABLE` names, else the only one.
        command: The command, for the hint, such as `verify`.
        warn: Called for each other incident that is gone.

    Raises:
        UsageError: There is none, there are several, or its record is damaged.
        ClusterError: It is gone with its cluster; its record was removed.
    """
    standing, gone = survey()
    wanted = name or os.environ.get(VARIABLE)

    def fitting(found: Sequence[Found]) -> list[Found]:
        return [each for each in found if wanted in {None, each.cluster, each.scenario}]

    fits, lost = fitting(standing), fitting(gone)
    meant = lost[0] if lost and not fits else None
    for each in gone:
        if each is not meant:
            warn(each.gone)
    if meant is not None:
        raise meant.gone
    if not standing:
        raise UsageError("there is no standing incident", hint=_reproduce(""))
    if not fits:
        there = "there is only" if len(standing) == 1 else "there are"
        message = f"no standing incident {wanted}; {there} {_listed(standing)}"
        raise UsageError(message, hint=_named(command, standing[0]))
    if len(fits) > 1:
        raise UsageError(f"{len(fits)} incidents are standing: {_listed(fits)}", hint=_named(command, fits[0]))
    return fits[0].open()


def _scenario(folder: Path) -> str:
    try:
        return Incident.read(folder).scenario
    except UsageError:
        return ""


def _listed(found: Sequence[Found]) -> str:
    return ", ".join(each.words for each in found)


def _named(command: str, found: Found) -> str:
    return f"{paths.program()} {command} {found.cluster}"


def require_there(standing: StandingIncident) -> None:
    """Make sure that the incident's cluster answers and has its namespace.

    Raises:
        NotOurs: Another cluster answers in its place.
        ClusterError: The cluster does not answer, or the drill's namespace is gone.
    """
    from promdrill.kube.client import Kube, NotFound  # noqa: PLC0415  slow to import, so only when needed

    cluster, namespace = standing.cluster, standing.namespace
    try:
        address = standing.joined.address
        with Kube(address.kubeconfig, expected=address.identity.expected) as kube:
            kube.require_expected()
            kube.get(f"/api/v1/namespaces/{namespace}", timeout_s=ANSWERS_S)
    except NotOurs:
        raise
    except NotFound as error:
        raise ClusterError(f"namespace {namespace} is gone from cluster {cluster}", hint=standing.again) from error
    except ClusterError as error:
        first = error.message.split("\n", 1)[0]
        raise ClusterError(f"cluster {cluster} does not answer: {first}", hint=standing.again) from error


@contextlib.contextmanager
def at_work(standing: StandingIncident) -> Iterator[None]:
    """Lock the cluster during the block: nobody else works on the incident, or deletes the cluster.

    Raises:
        UsageError: Another process is working on it.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lease.this_name(standing.cluster))
        except UsageError as error:
            message = f"another promdrill is working on {standing.incident.scenario} in cluster {standing.cluster}"
            raise UsageError(message, hint="wait for it to end") from error
        owners.claim(paths.clusters_dir() / standing.cluster, kept=True)
        yield

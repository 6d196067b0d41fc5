"""The drills that `promdrill reproduce` left: written into their clusters' state folders, found, and worked on."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from promdrill.cluster import lease, owners
from promdrill.core import paths
from promdrill.core.errors import ClusterError, UsageError
from promdrill.drill.kept import FILE, Kept
from promdrill.parallel.joining import Address, Joined
from promdrill.runbook.environment import environment

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.supply.supplied import Supplied

VARIABLE = "PROMDRILL_DRILL"
"""Set by promdrill in its shell: names the drill where no argument does, so that what is typed there is for it."""

ANSWERS_S = 10.0
"""Seconds for a cluster to answer at all: it takes milliseconds, or never."""

_FOLDER = "drill"
_JOIN = "join.json"


@dataclass(frozen=True, slots=True)
class KeptDrill:
    """A kept drill, and where it is.

    Attributes:
        cluster: Name of its cluster.
        folder: Where its files lie.
        kept: What the engine left.
        joined: What a session is given that joins its cluster.
    """

    cluster: str
    folder: Path
    kept: Kept
    joined: Joined

    @property
    def home(self) -> Path:
        """HOME of its shells."""
        return self.folder / "home"

    @property
    def again(self) -> str:
        """What makes the incident happen anew."""
        return f"{paths.command('clean')}, then {paths.command('reproduce', SCENARIO=self.kept.scenario)}"

    def environment(self) -> dict[str, str]:
        """The whole environment of its shells: that of the runbook's steps, and the way back to promdrill's state.

        Raises:
            UsageError: A pinned tool is not there any more.
            CommandFailed: Helm does not run.
        """
        from promdrill.install import legacy  # noqa: PLC0415  as above
        from promdrill.request import fulfil  # noqa: PLC0415  only a shell pays for its modules

        supplied, kept = self.joined.supplied, self.kept
        self.home.mkdir(parents=True, exist_ok=True)
        chart = fulfil.chart_of(supplied.chart, supplied.app_version)
        tools = _Tools(supplied.tools.kubectl, legacy.helm_for(chart, supplied.tools.helm, self.home / "legacy-helm"))
        env = environment(
            tools=tools,
            kubeconfig=self.joined.address.kubeconfig,
            given=kept.environment,
            home=self.home,
            variables={},
        )
        ours = Path(sys.argv[0]).absolute()
        if ours.name == "promdrill" and ours.is_file():
            link = self.home / "bin" / ours.name
            link.unlink(missing_ok=True)
            link.symlink_to(ours)
        back = {
            VARIABLE: self.cluster,
            paths.STATE_VARIABLE: str(paths.state_dir().absolute()),  # they lie below a HOME that is not the shell's
            paths.CACHE_VARIABLE: str(paths.cache_dir().absolute()),
        }
        return {**env, **back}


@dataclass(frozen=True, slots=True)
class _Tools:
    kubectl: Path
    helm: Path


def leave(kept: Kept, made: PinnedKindCluster, supplied: Supplied) -> KeptDrill:
    """Write down a drill that stays, in its cluster's folder; what an earlier one left there is replaced."""
    folder = made.path / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    joined = Joined(supplied, Address.of(made), kept.folder, folder)
    joined.write().rename(folder / _JOIN)
    kept.write(folder)
    return KeptDrill(made.name, folder, kept, joined)


def forget(made: PinnedKindCluster) -> None:
    """Take back what `leave` wrote: the drill does not stay after all, and neither does its cluster."""
    owners.claim(made.path, kept=False)
    shutil.rmtree(made.path / _FOLDER, ignore_errors=True)


def choose(name: str | None, *, command: str) -> KeptDrill:
    """The kept drill that is meant.

    Args:
        name: A scenario's id or a cluster's name; None for `VARIABLE`'s, else for the only one that there is.
        command: What was typed, for the hint: `verify`.

    Raises:
        UsageError: There is none, there are several, or what was left of it cannot be read.
    """
    found = _found()
    if not found:
        raise UsageError("no reproduced incident is kept", hint=paths.command("reproduce", SCENARIO="disk-full"))
    wanted = name or os.environ.get(VARIABLE)
    fits = [each for each in found if wanted in {None, each.cluster, each.scenario}]
    if not fits:
        raise UsageError(f"no drill {wanted} is kept; there are {_listed(found)}", hint=_named(command, found[0]))
    if len(fits) > 1:
        raise UsageError(f"{len(fits)} drills are kept: {_listed(fits)}", hint=_named(command, fits[0]))
    return fits[0].open()


@dataclass(frozen=True, slots=True)
class _Found:
    """A cluster's folder that holds a kept drill; `scenario` is empty where the file cannot be read."""

    cluster: str
    folder: Path
    scenario: str

    def open(self) -> KeptDrill:
        kept = Kept.read(self.folder)
        try:
            return KeptDrill(self.cluster, self.folder, kept, Joined.read(self.folder / _JOIN))
        except UsageError as error:
            message = f"{self.folder / _JOIN}: cannot be read: {error.message.partition(' (')[2].rstrip(')')}"
            raise UsageError(message, hint=paths.command("clean")) from error


def _found() -> list[_Found]:
    folders = [(folder.name, folder / _FOLDER) for folder in owners.recorded()]
    return [_Found(name, place, _scenario(place)) for name, place in folders if (place / FILE).is_file()]


def _scenario(folder: Path) -> str:
    try:
        return Kept.read(folder).scenario
    except UsageError:
        return ""


def _listed(found: Sequence[_Found]) -> str:
    return ", ".join(f"{each.scenario or 'one that cannot be read'} (cluster {each.cluster})" for each in found)


def _named(command: str, found: _Found) -> str:
    return f"{paths.program()} {command} {found.cluster}"


def require_there(drill: KeptDrill) -> None:
    """Make sure that there is something to work on.

    Raises:
        ClusterError: The cluster does not answer, or the drill's namespace is gone.
    """
    from promdrill.kube.client import Kube, NotFound  # noqa: PLC0415  `--help` does not pay for it

    namespace = drill.kept.server["namespace"]
    try:
        with Kube(drill.joined.address.kubeconfig) as kube:
            kube.get(f"/api/v1/namespaces/{namespace}", timeout_s=ANSWERS_S)
    except NotFound as error:
        raise ClusterError(f"namespace {namespace} is gone from cluster {drill.cluster}", hint=drill.again) from error
    except ClusterError as error:
        first = error.message.split("\n", 1)[0]
        raise ClusterError(f"cluster {drill.cluster} does not answer: {first}", hint=drill.again) from error


@contextlib.contextmanager
def at_work(drill: KeptDrill) -> Iterator[None]:
    """The cluster is ours for as long as the block lasts: nobody else works on the drill, or deletes the cluster.

    Raises:
        UsageError: Another process is at work on it.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lease.this_name(drill.cluster))
        except UsageError as error:
            message = f"another promdrill is at work on {drill.kept.scenario} in cluster {drill.cluster}"
            raise UsageError(message, hint="wait until it has ended") from error
        owners.claim(owners.clusters_dir() / drill.cluster, kept=True)
        yield

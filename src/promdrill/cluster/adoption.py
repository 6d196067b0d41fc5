"""Adopt a kind cluster that promdrill did not make: drills run in namespaces of their own there, and nowhere else.

Whoever asks for it names the cluster and says so. What is adopted is recorded: the engine, the nodes' containers, the
address and UID of the API server, and each namespace before it is made. The record lies apart from those of promdrill's
own clusters, so that nothing that deletes or changes these can ever see it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

from promdrill.artefacts.reference import Reference
from promdrill.cluster import lease, owners, rights
from promdrill.cluster.identity import Identity, engine, nodes, own_nodes
from promdrill.cluster.kind import LIST_TIMEOUT_S, PinnedKindCluster
from promdrill.cluster.storage import CLASSES, is_default
from promdrill.cluster.sweep import Swept
from promdrill.core import files, paths, records
from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError, NotOurs, PromdrillError, UsageError
from promdrill.core.processes import start_of
from promdrill.core.say import Say
from promdrill.kube import client
from promdrill.kube.client import ApiError, Kube, NotFound
from promdrill.kube.expected import PLACE, Expected, server_of
from promdrill.kube.gone import wait_until_gone

GONE_S = 120.0
"""Seconds for a namespace to disappear, and for each of its volumes: Prometheus may take 30 s to end."""

_FILE, _NAMESPACES = "adopted.json", "namespaces"
_FOLDERS = ("kube-cache", _NAMESPACES, owners.VALUES, owners.RUNBOOKS)
_FILES = ("kubeconfig", "kubeconfig.lock", _FILE)  # the record goes last


@dataclass(frozen=True, slots=True)
class Adopted:
    """The record of an adopted cluster.

    Attributes:
        pid: Id of the process that adopted it.
        started: Distinguishes that process from a later one with the same id.
        identity: Which cluster it is.
        run: What its namespaces are annotated with, see `rights.RUN`.
        namespaces: Names of the namespaces that are made in it, with their UIDs; without one until that is known.
    """

    pid: int
    started: str | None
    identity: Identity
    run: str
    namespaces: Mapping[str, str] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether that process is still running."""
        return self.started is not None and start_of(self.pid) == self.started


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace that was made in an adopted cluster.

    Attributes:
        kubeconfig: Leads there, as an account that may do nothing outside it.
        expected: What the API server must say, as far as that account can ask.
        remove: Removes it, with everything in it, and returns when it is gone; more than once is fine.
    """

    kubeconfig: Path
    expected: Expected
    remove: Callable[[], None]


class AdoptedCluster(PinnedKindCluster):
    """A cluster that somebody else made. It is read; namespaces are made in it, and these are removed again.

    Args:
        name: Its name.
        kind_path: Path of kind.
        kubectl_path: Path of kubectl.
    """

    def __init__(self, name: str, *, kind_path: Path, kubectl_path: Path) -> None:
        super().__init__(name, folder=_folder(name), image=None, kind_path=kind_path, kubectl_path=kubectl_path)

    @cached_property
    def api(self) -> Any:
        """None: pytest-kind's client could change anything.

        Raises:
            NotOurs: Always.
        """
        raise self._refusal("gets no client that may change anything")

    def create(self, config_file: str | Path | None = None) -> None:
        """Never: it exists."""
        raise self._refusal(f"is not created{f' from {config_file}' if config_file else ''}")

    def delete(self) -> None:
        """Never: it is somebody's."""
        raise self._refusal("is not deleted")

    def load_docker_image(self, docker_image: str) -> None:
        """Never: its nodes are left alone."""
        raise self._refusal(f"gets no image loaded ({docker_image})")

    def load_archive(self, archive: Path) -> None:
        """Never: its nodes are left alone."""
        raise self._refusal(f"gets no image loaded ({archive})")

    def kubectl(
        self, *args: str, timeout_s: float = 120.0, stdin: str | None = None, reads: bool = False, **_: object
    ) -> str:
        """As for other clusters, but only to read."""
        if not reads:
            raise self._refusal(f"is only read: kubectl {' '.join(args)}")
        return super().kubectl(*args, timeout_s=timeout_s, stdin=stdin, reads=True)

    @property
    def version(self) -> str:
        """Its version of Kubernetes, without a leading v."""
        with self._kube() as kube:
            return str(kube.get("/version").get("gitVersion", "")).removeprefix("v")

    def begin(self) -> None:
        """Find out which cluster it is, and record that. Nothing in it is changed.

        Raises:
            UsageError: The engine has no kind cluster of that name, or promdrill made it.
            ClusterError: It does not answer, or an earlier run has left something in it.
            CommandFailed: No engine answers, or kind does not know the cluster.
        """
        require_foreign(self.name)
        if (self.path / _FILE).exists():
            raise ClusterError(
                f"cluster {self.name}: what an earlier run made in it is not removed yet, see {self.path / _FILE}",
                hint=f"{paths.program()} clean",
            )
        files.make_folder(self.path)
        found = Identity(engine(), "", nodes()[self.name])
        files.write(self.kubeconfig_path, self._kind(["get", "kubeconfig", f"--name={self.name}"], LIST_TIMEOUT_S))
        with client.Kube(self.kubeconfig_path) as kube:
            uid = str(kube.get(PLACE)["metadata"]["uid"])
        self.identity = replace(found, server=server_of(self.kubeconfig_path), uid=uid)
        _write(self.path, Adopted(os.getpid(), start_of(os.getpid()), self.identity, secrets.token_hex(8)))

    def require_fit(self, images: Collection[str], archives: Mapping[str, Path]) -> None:
        """Refuse a cluster that would have to be changed for the drills.

        Args:
            images: References of the images that the drills run.
            archives: Docker archives that hold some of them, by reference.

        Raises:
            UsageError: A node lacks an image, or the default storage class would leave volumes behind.
        """
        said = f"CLUSTER={self.name}"
        with self._kube() as kube:
            classes = [each for each in kube.get(CLASSES).get("items", ()) if is_default(each)]
            there = kube.get("/api/v1/nodes").get("items", ())
        if len(classes) != 1 or classes[0].get("reclaimPolicy", "Delete") != "Delete":
            found = ", ".join(f"{each['metadata']['name']} ({each.get('reclaimPolicy')})" for each in classes) or "none"
            raise UsageError(
                f"{said}: drills take volumes of its default storage class, which must be one that deletes them with "
                f"their claims; found: {found}",
                hint="kubectl get storageclass",
            )
        for node in there:
            missing = sorted({Reference.of(each).name for each in images} - _images_on(node))
            if missing:
                raise UsageError(
                    f"{said}: node {node['metadata']['name']} does not have {', '.join(missing)}, "
                    "and promdrill loads nothing into a node that is not its own",
                    hint=self._loads(missing, archives),
                )

    @contextlib.contextmanager
    def namespace(self, name: str) -> Iterator[Space]:
        """A namespace of that name, and an account for it; removed when the block ends, however it ends.

        Args:
            name: Its name.

        Raises:
            NotOurs: There is one of that name already, or the cluster is not the adopted one.
            ClusterError: The API server refused, or it does not disappear.
        """
        self.require_nodes()
        path = f"/api/v1/namespaces/{name}"
        with self._kube() as kube:
            self._note(name, "")
            try:
                uid = self._made(kube, name)
                self._note(name, uid)
                for obj in rights.account(name):
                    kube.create(obj)
                token = _token(kube, f"{path}/serviceaccounts/{rights.ACCOUNT}/token")
                kubeconfig = files.make_folder(self.path / _NAMESPACES / name) / "kubeconfig"
                files.write(kubeconfig, rights.kubeconfig(self.kubeconfig_path, name, token))
                expected = Expected(self.recorded.server, uid, path)
                yield Space(kubeconfig, expected, lambda: self._remove(kube, name))
            finally:
                with contextlib.suppress(PromdrillError):  # it stays recorded: `end` tries again, and says why
                    self._remove(kube, name)

    def end(self, say: Say) -> None:
        """Remove the namespaces that are left, and the record. What cannot be removed stays recorded.

        Args:
            say: Called with a line about each namespace that stays.
        """
        try:
            _clean(self.path)
        except PromdrillError as error:
            say(f"cluster {self.name}: {error.message}; the next run, or `{paths.program()} clean`, tries again")

    def _kube(self) -> Kube:
        return client.Kube(self.kubeconfig_path, expected=self.recorded.expected)

    def _made(self, kube: Kube, name: str) -> str:
        """Make the namespace, and return its UID."""
        try:
            return str(kube.create(rights.namespace(name, _known(self.path).run))["metadata"]["uid"])
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            raise NotOurs(
                f"cluster {self.name} has a namespace {name} already, and promdrill uses only those that it makes; "
                "nothing was done",
                hint=f"kubectl get namespace {name} -o yaml",
            ) from error

    def _note(self, name: str, uid: str) -> None:
        record = _known(self.path)
        _write(self.path, replace(record, namespaces={**record.namespaces, name: uid}))

    def _remove(self, kube: Kube, name: str) -> None:
        if name in _known(self.path).namespaces:
            own_nodes(self.name, self.recorded)
            _take_back(kube, self.path, name)

    def _loads(self, missing: Sequence[str], archives: Mapping[str, Path]) -> str:
        """The commands that load images into the nodes: from an archive, where one holds it, else from the engine."""
        held = {Reference.of(each).name: archive for each, archive in archives.items()}
        packed = dict.fromkeys(held[each] for each in missing if each in held)
        in_engine = [each for each in missing if each not in held]
        load, name = ("kind", "load"), f"--name={self.name}"
        commands = [[*load, "image-archive", name, str(archive)] for archive in packed]  # kind loads one at a time
        commands += [[*load, "docker-image", name, *in_engine]] if in_engine else []
        return " && ".join(map(shlex.join, commands))

    def _refusal(self, what: str) -> NotOurs:
        return NotOurs(f"cluster {self.name} was not made by promdrill and {what}", hint="leave --adopt out")


@contextlib.contextmanager
def adopted(
    name: str,
    *,
    kind_path: Path,
    kubectl_path: Path,
    images: Collection[str],
    archives: Mapping[str, Path],
    say: Say,
) -> Iterator[AdoptedCluster]:
    """A cluster that somebody else made, for as long as the block lasts. What a killed run left in it goes first.

    Args:
        name: Its name.
        kind_path: Path of kind.
        kubectl_path: Path of kubectl.
        images: References of the images that the drills run.
        archives: Docker archives that hold some of them, by reference.
        say: Called with a line about each thing that happens.

    Raises:
        UsageError: There is no such cluster, it is in use, or it would have to be changed for the drills.
        ClusterError: It does not answer.
    """
    remove_left(engine=True, say=say)
    made = AdoptedCluster(name, kind_path=kind_path, kubectl_path=kubectl_path)
    with lease.this_name(name):
        made.begin()
        try:
            made.require_fit(images, archives)
            say(f"using cluster {name}, which promdrill did not make: only in namespaces of the drills' own")
            yield made
        finally:
            made.end(say)


def require_foreign(name: str) -> None:
    """Refuse a name that is not that of a kind cluster which somebody else made.

    Raises:
        UsageError: promdrill made it, or the engine has none of that name.
        CommandFailed: No engine answers.
    """
    said = f"CLUSTER={name}"
    lease.require_name(name)
    if paths.clusters_dir() / name in owners.recorded():
        raise UsageError(f"{said}: promdrill made this cluster, so it is not adopted", hint="leave ADOPT out")
    there = nodes()
    if name not in there:
        found = ", ".join(sorted(there)) or "none"
        raise UsageError(
            f"{said}: the container engine that answers has no kind cluster of that name; it has: {found}",
            hint="docker context ls",
        )


def in_use() -> dict[str, int]:
    """Names of adopted clusters in use, with the process id of who uses each one."""
    found = {folder.name: _of(folder) for folder in _folders()}
    return {name: record.pid for name, record in found.items() if record is not None and record.alive}


def recorded() -> frozenset[str]:
    """Names of the clusters that have a record of an adoption, in use or left by a killed run."""
    return frozenset(folder.name for folder in _folders())


def remove_left(*, engine: bool, say: Say, only: str = "") -> Swept:
    """Remove the namespaces that killed runs have left in adopted clusters, with the records.

    Args:
        only: Name of the one cluster to do so in; empty for all of them.
        engine: Whether a container engine answers; without one nothing can be removed.
        say: Called with a line for each cluster.

    Returns:
        Names of the clusters in which nothing is left, as if they had been deleted, and of those in which something is.
    """
    cleaned, left = [], []
    for folder in _folders():
        record = _of(folder)
        if (record is not None and record.alive) or only not in {"", folder.name}:
            continue
        try:
            with lease.this_name(folder.name):
                if not engine:
                    raise ClusterError("no container engine answers")
                removed = _clean(folder)
        except PromdrillError as error:
            left.append(folder.name)
            say(f"cluster {folder.name}, adopted: {error.message}; its record stays in {folder}")
        else:
            cleaned.append(folder.name)
            what = ", ".join(removed) or "none"
            say(f"cluster {folder.name} is as it was; namespaces that a killed run had made and are gone: {what}")
    return Swept(tuple(cleaned), tuple(left))


def _clean(folder: Path) -> tuple[str, ...]:
    """Remove all recorded namespaces, then the record; if the cluster itself is gone, only that.

    Raises:
        NotOurs: The record cannot be read, or another cluster answers.
        ClusterError: A namespace does not disappear, or nobody answers.
        CommandFailed: No engine answers.
    """
    record = _known(folder) if (folder / _FILE).exists() else None  # nothing is made before there is a record
    found = tuple(record.namespaces) if record is not None else ()
    if record is not None and found and own_nodes(folder.name, record.identity):
        with client.Kube(folder / "kubeconfig", expected=record.identity.expected) as kube:
            for name in found:
                _take_back(kube, folder, name)
    for each in _FOLDERS:
        shutil.rmtree(folder / each, ignore_errors=True)
    for each in _FILES:
        (folder / each).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a person's files stay, with the folder
        folder.rmdir()
    return found


def _take_back(kube: Kube, folder: Path, name: str) -> None:
    """Remove a namespace that is recorded, wait until it and its volumes are gone, and forget it.

    One that has the same name and was made by somebody else is left alone.
    """
    record, path = _known(folder), f"/api/v1/namespaces/{name}"
    with contextlib.suppress(NotFound):
        about = kube.get(path)["metadata"]
        own = (about.get("annotations") or {}).get(rights.RUN) == record.run
        if own and record.namespaces[name] in ("", about["uid"]):
            if not about.get("deletionTimestamp"):
                kube.delete(path, uid=about["uid"])
            wait_until_gone(kube, path, Deadline.after(GONE_S))
            for volume in _volumes_of(kube, name):  # the cluster's own provisioner deletes them
                wait_until_gone(kube, volume, Deadline.after(GONE_S))
    shutil.rmtree(folder / _NAMESPACES / name, ignore_errors=True)
    _write(folder, replace(record, namespaces={each: uid for each, uid in record.namespaces.items() if each != name}))


def _volumes_of(kube: Kube, namespace: str) -> list[str]:
    """Paths of the PersistentVolumes that were made for claims of a namespace."""
    listed = kube.get("/api/v1/persistentvolumes").get("items") or ()
    claimed = [each for each in listed if (each["spec"].get("claimRef") or {}).get("namespace") == namespace]
    return [f"/api/v1/persistentvolumes/{each['metadata']['name']}" for each in claimed]


def _images_on(node: Mapping[str, Any]) -> set[str]:
    """The images that a node reports, by their full names."""
    named = [name for image in node["status"].get("images") or () for name in image.get("names") or ()]
    return {Reference.of(name).name for name in named if "@" not in name}


def _token(kube: Kube, path: str) -> str:
    answer = kube.request("POST", path, body=rights.token_request())
    if answer.status != HTTPStatus.CREATED:
        raise ApiError(f"POST {path}", answer.status, answer.text)
    return str(json.loads(answer.text)["status"]["token"])


def _root() -> Path:
    return paths.state_dir() / "adopted"


def _folder(name: str) -> Path:
    lease.require_name(name)
    return _root() / name


def _folders() -> list[Path]:
    return [folder for folder in sorted(_root().glob("*")) if any((folder / name).exists() for name in _FILES)]


def _of(folder: Path) -> Adopted | None:
    """The record in a folder; None if there is no readable one."""
    try:
        return records.loads(Adopted, (folder / _FILE).read_bytes(), exact=True)
    except (OSError, records.Misfit):
        return None


def _known(folder: Path) -> Adopted:
    record = _of(folder)
    if record is None:
        raise NotOurs(
            f"{folder / _FILE} cannot be read, so nobody knows what promdrill made in cluster {folder.name}",
            hint=f"kubectl get namespace -l app.kubernetes.io/managed-by=promdrill; then rm -r {folder}",
        )
    return record


def _write(folder: Path, record: Adopted) -> None:
    files.write(files.make_folder(folder) / _FILE, records.dumps(record, indent=None))

"""Delete promdrill's clusters. The state folder records each of them, before it is created.

This works without kind: like ``kind delete cluster``, it asks the engine to remove the containers with the cluster's
label, and their volumes. A cluster is left alone while a run uses it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from promdrill.cluster import kind, lease, owners
from promdrill.cluster.kind import LABEL
from promdrill.cluster.lifecycle import NETWORK
from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError, PromdrillError, UsageError

DOCKER_TIMEOUT_S = 60.0
"""Seconds for one docker command; removing a node takes 3 s."""

ANSWER_TIMEOUT_S = 3.0
"""Seconds for an API server to answer: it takes milliseconds, or never happens."""


def in_use() -> dict[str, int]:
    """Names of clusters in use, with the process id of each one's owner."""
    found = {folder.name: owner for folder, owner in owners.recorded().items()}
    return {name: owner.pid for name, owner in found.items() if owner is not None and owner.alive}


def delete_clusters(*, engine: bool, say: Callable[[str], None]) -> list[str]:
    """Delete all of promdrill's clusters that are not in use, including kept ones, with their records.

    Args:
        engine: Whether a container engine answers; without one only the records are removed.
        say: Called with a line for each cluster.

    Returns:
        The names of the deleted clusters.

    Raises:
        CommandFailed: The engine refused.
    """
    left_alone = in_use()
    deleted = [folder for folder in owners.recorded() if folder.name not in left_alone]
    _delete(deleted, engine=engine, say=say)
    return [folder.name for folder in deleted]


def delete_cluster(name: str, *, engine: bool, say: Callable[[str], None]) -> None:
    """Delete one of promdrill's clusters, with its record; the engine and other clusters are left alone.

    Args:
        name: Name of a recorded cluster.
        engine: Whether a container engine answers; without one only the record is removed.
        say: Called with a line once it is deleted.

    Raises:
        UsageError: A run uses it.
        CommandFailed: The engine refused.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lease.this_name(name))
        except UsageError as error:
            raise UsageError(
                f"cluster {name} is in use by another run", hint="wait until that run has ended"
            ) from error
        _delete([paths.clusters_dir() / name], engine=engine, say=say)


def _delete(folders: Sequence[Path], *, engine: bool, say: Callable[[str], None]) -> None:
    nodes: Mapping[str, list[str]] = _nodes() if engine else {}
    for folder in folders:
        if folder.name in nodes:
            shell.run(["docker", "rm", "--force", "--volumes", *nodes[folder.name]], timeout_s=DOCKER_TIMEOUT_S)
        shutil.rmtree(folder)
        say(f"deleted cluster {folder.name}")
    if folders and engine and not _nodes():
        shell.run(["docker", "network", "rm", NETWORK], timeout_s=DOCKER_TIMEOUT_S, ok=(0, 1))  # 1: no such network


def forget_gone() -> list[str]:
    """Remove the records of kept clusters that no longer exist: deleted by other means, or with their engine.

    That is so if the engine has no node of the cluster and its API server does not answer either: another engine may
    have it. If no engine answers, nothing is known and nothing is removed.

    Returns:
        The clusters' names.
    """
    kept = [folder for folder, owner in owners.recorded().items() if owner is not None and owner.kept]
    if not kept:
        return []
    try:
        there = kind.names()
    except PromdrillError:
        return []
    return [folder.name for folder in kept if folder.name not in there and _forgotten(folder)]


def _forgotten(folder: Path) -> bool:
    """Forget a cluster that the engine does not have, unless a run uses its name or its API server answers."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lease.this_name(folder.name))
        except UsageError:
            return False
        if _answers(folder / "kubeconfig"):
            return False
        owners.forget(folder)
    return True


def _answers(kubeconfig: Path) -> bool:
    from promdrill.kube.client import Kube  # noqa: PLC0415  only needed if a cluster seems to be gone

    if not kubeconfig.is_file():
        return False
    try:
        with Kube(kubeconfig) as kube:
            kube.get("/version", timeout_s=ANSWER_TIMEOUT_S)
    except ClusterError:
        return False
    return True


def delete_images(repository: str) -> int:
    """Delete the engine's images of a repository, with all their tags.

    Returns:
        The number of deleted images.

    Raises:
        CommandFailed: The engine refused, for example because a container uses an image.
    """
    argv = ["docker", "images", "--quiet", "--no-trunc", repository]
    found = set(shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.split())
    if found:
        shell.run(["docker", "rmi", "--force", *sorted(found)], timeout_s=DOCKER_TIMEOUT_S)
    return len(found)


def _nodes() -> dict[str, list[str]]:
    """Container ids of all kind nodes in the engine, running or not, by cluster."""
    template = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
    argv = ["docker", "ps", "--all", "--no-trunc", "--filter", f"label={LABEL}", "--format", template]
    found: dict[str, list[str]] = {}
    for line in shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.splitlines():
        container, name = line.split()
        found.setdefault(name, []).append(container)
    return found

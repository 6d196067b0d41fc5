"""Clearing away: clusters of ours, by what the state folder records; a cluster is recorded before it is created.

Works without kind: what ``kind delete cluster`` asks of an engine is to remove the containers that bear the cluster's
label, with their volumes. Clusters of a run that still goes on are left alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from promdrill.cluster import owners
from promdrill.cluster.kind import LABEL
from promdrill.cluster.lifecycle import NETWORK
from promdrill.core import shell

DOCKER_TIMEOUT_S = 60.0
"""For one docker command; removing a node takes 3 s."""


def in_use() -> dict[str, int]:
    """Names of clusters whose makers still run, each with the maker's process id."""
    found = {folder.name: owner for folder, owner in owners.recorded().items()}
    return {name: owner.pid for name, owner in found.items() if owner is not None and owner.alive}


def delete_clusters(*, engine: bool, say: Callable[[str], None]) -> list[str]:
    """Delete all clusters of ours that are not in use, kept ones too, and forget about them.

    Args:
        engine: Whether a container engine answers; without one only the records go.
        say: Told each cluster's name.

    Returns:
        The names of those deleted.

    Raises:
        CommandFailed: The engine refused.
    """
    left_alone = in_use()
    recorded = {folder.name: folder for folder in owners.recorded()}
    nodes = _nodes() if engine else {}
    deleted = sorted(recorded.keys() - left_alone.keys())
    for name in deleted:
        if name in nodes:
            shell.run(["docker", "rm", "--force", "--volumes", *nodes[name]], timeout_s=DOCKER_TIMEOUT_S)
        shutil.rmtree(recorded[name])
        say(f"deleted cluster {name}")
    if deleted and engine and not _nodes():
        shell.run(["docker", "network", "rm", NETWORK], timeout_s=DOCKER_TIMEOUT_S, ok=(0, 1))  # 1: not there
    return deleted


def delete_images(repository: str) -> int:
    """Delete the engine's images of a repository, with all their tags.

    Returns:
        How many there were.

    Raises:
        CommandFailed: The engine refused, as for an image that a container uses.
    """
    argv = ["docker", "images", "--quiet", "--no-trunc", repository]
    found = set(shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.split())
    if found:
        shell.run(["docker", "rmi", "--force", *sorted(found)], timeout_s=DOCKER_TIMEOUT_S)
    return len(found)


def _nodes() -> dict[str, list[str]]:
    """Ids of all kind nodes in the engine, running or not, by cluster."""
    template = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
    argv = ["docker", "ps", "--all", "--no-trunc", "--filter", f"label={LABEL}", "--format", template]
    found: dict[str, list[str]] = {}
    for line in shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.splitlines():
        container, name = line.split()
        found.setdefault(name, []).append(container)
    return found

"""Remove a cluster: exactly the containers that promdrill recorded, then a network that nobody uses, then the records.

This works without kind: like ``kind delete cluster``, it asks the engine to remove the containers, and their volumes.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from promdrill.cluster import network, owners
from promdrill.cluster.identity import own_nodes
from promdrill.core import shell
from promdrill.core.errors import NotOurs

REMOVE_TIMEOUT_S = 60.0
"""Seconds for the engine to end the nodes of a cluster, and to remove them; one takes 3 s, or 20 on a busy machine."""


def remove(folder: Path) -> None:
    """Remove the cluster that is recorded in `folder`, with its record; containers that are gone are not an error.

    Raises:
        NotOurs: Nothing says that the cluster, or what has its name now, is promdrill's. It is left alone.
        CommandFailed: The engine refused, or does not answer; the record stays.
    """
    owner, name = owners.of(folder), folder.name
    if owner is None or owner.identity is None:
        file = folder / owners.FILE_NAME
        why = f"{file} is missing or cannot be read" if owner is None else f"{file} does not say which containers it is"
        raise NotOurs(
            f"cluster {name} was left alone: {why}, so it may be somebody's",
            hint=f"if nobody needs it: kind delete cluster --name {name}; rm -r {shlex.quote(str(folder))}",
        )
    found = own_nodes(name, owner.identity)
    if found:
        _remove(list(found.values()))
    network.remove_unused(owner.identity.engine)
    owners.forget(folder)


def _remove(containers: Sequence[str]) -> None:
    """Kill them, wait until they have ended, remove them.

    ``docker rm --force`` alone, and ``docker kill``, give up ten seconds after the kill if the container has not ended
    by then ("did not receive an exit event"), although it is about to: a node on a busy machine takes longer.
    """
    shell.run(["docker", "kill", *containers], timeout_s=REMOVE_TIMEOUT_S, ok=(0, 1))  # 1: ended, or about to
    shell.run(["docker", "wait", *containers], timeout_s=REMOVE_TIMEOUT_S)
    shell.run(["docker", "rm", "--force", "--volumes", *containers], timeout_s=REMOVE_TIMEOUT_S)

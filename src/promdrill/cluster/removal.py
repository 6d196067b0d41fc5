"""Remove a cluster: exactly the containers that promdrill recorded, then a network that nobody uses, then the records.

This works without kind: like ``kind delete cluster``, it asks the engine to remove the containers, and their volumes.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from promdrill.cluster import network, owners
from promdrill.cluster.identity import own_nodes
from promdrill.core import shell
from promdrill.core.errors import NotOurs

REMOVE_TIMEOUT_S = 60.0
"""Seconds for the engine to remove the nodes of a cluster; one takes 3 s."""


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
        shell.run(["docker", "rm", "--force", "--volumes", *found.values()], timeout_s=REMOVE_TIMEOUT_S)
    network.remove_unused(owner.identity.engine)
    owners.forget(folder)

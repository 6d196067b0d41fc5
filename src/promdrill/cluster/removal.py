"""Remove a cluster: the containers and volumes that promdrill recorded, a network that nobody uses, and the records.

This works without kind: like ``kind delete cluster``, it asks the engine to remove the containers, and their volumes.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from promdrill.cluster import network, owners
from promdrill.cluster.identity import own_nodes
from promdrill.core import shell
from promdrill.core.errors import NotOurs, no_room

REMOVE_TIMEOUT_S = 60.0
"""Seconds for the engine to end the nodes of a cluster, and to remove them; one takes 3 s, or 20 on a busy machine."""

FREEZER = Path("/sys/fs/cgroup/freezer")
"""Where cgroup v1 has its freezer, with a folder for each container below the engine's."""


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
    identity = owner.identity
    found = own_nodes(name, identity)
    if found:
        identity = identity.with_volumes(found.values())
        try:
            owners.write(folder, replace(owner, identity=identity))  # an engine that dies now forgets whose they were
        except OSError as error:
            if not no_room(error):  # a full disk is no reason to leave a cluster behind
                raise
        _remove(list(found.values()))
    if identity.volumes:
        shell.run(["docker", "volume", "rm", "--force", *identity.volumes], timeout_s=REMOVE_TIMEOUT_S)
    network.remove_unused(identity.engine)
    owners.forget(folder)


def _remove(containers: Sequence[str]) -> None:
    """Kill them, wait until they have ended, remove them.

    ``docker rm --force`` alone, and ``docker kill``, give up ten seconds after the kill if a container has not ended by
    then ("did not receive an exit event"). A node on a busy machine may take longer, or have to be thawed first.
    """
    shell.run(["docker", "kill", *containers], timeout_s=REMOVE_TIMEOUT_S, ok=(0, 1))  # 1: ended, or about to
    for each in containers:
        thaw(each)
    shell.run(["docker", "wait", *containers], timeout_s=REMOVE_TIMEOUT_S)
    shell.run(["docker", "rm", "--force", "--volumes", *containers], timeout_s=REMOVE_TIMEOUT_S)


def thaw(container: str) -> None:
    """Thaw what is frozen in a container, so that it can end.

    With cgroup v1 a kill does not reach a frozen process. runc freezes a pod's container while it changes it; a runc
    that is killed at that moment, with its node, leaves it frozen for ever. With cgroup v2 there is no such folder.

    Args:
        container: Its id.
    """
    for folder in (FREEZER / container, *FREEZER.glob(f"*/{container}")):
        for state in folder.rglob("freezer.state"):
            with contextlib.suppress(OSError):  # it ended meanwhile; or whoever may use Docker is not root
                if state.read_text(encoding="ascii").strip() != "THAWED":
                    state.write_text("THAWED", encoding="ascii")

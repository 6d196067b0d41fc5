"""Whether what a drill stands on is still there: disk, engine, node and API server.

A drill that ends because one of them is gone says nothing about its incident or its remedy. Whoever judges it asks here
first, and names the cause instead of what followed from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from promdrill.cluster import identity
from promdrill.core import shell
from promdrill.core.errors import ClusterError, CommandFailed
from promdrill.kube.client import ApiError, Kube

ENGINE_S, SERVER_S = 20.0, 10.0
"""Seconds for the engine and for the API server to answer: milliseconds, or a few seconds on a busy machine."""

LEAST_BYTES = 1 << 20
"""Bytes without which a file system is full: a drill's journal alone takes a quarter of that."""


def trouble(name: str, kube: Kube, folders: Iterable[Path], *, since: datetime) -> str:
    """What became of the ground of a drill, in one sentence; empty if all of it is well.

    Args:
        name: Name of the kind cluster.
        kube: Its API server.
        folders: Where the drill writes, on this machine.
        since: When the drill began: a node that was started later lost what ran in it.
    """
    return _full_disk(folders) or _node_trouble(name, since) or _server_trouble(kube)


def _full_disk(folders: Iterable[Path]) -> str:
    for folder in folders:
        try:
            found = os.statvfs(folder)
        except OSError as error:
            return f"{folder} cannot be read: {error.strerror}"
        if found.f_bavail * found.f_frsize < LEAST_BYTES:
            return f"no space left on the disk of {folder}"
    return ""


def _node_trouble(name: str, since: datetime) -> str:
    try:
        nodes = _nodes(name)
    except CommandFailed as error:
        return f"the container engine does not answer: {error.cause}"
    if not nodes:
        return f"the container engine has no node of cluster {name} any more"
    return next((said for node in nodes if (said := _of_node(node, since))), "")


def _nodes(name: str) -> Sequence[dict[str, Any]]:
    found = identity.nodes().get(name, {})
    if not found:
        return []
    told = shell.run(["docker", "inspect", *found.values()], timeout_s=ENGINE_S).stdout
    nodes: list[dict[str, Any]] = json.loads(told)
    return nodes


def _of_node(node: dict[str, Any], since: datetime) -> str:
    container, state = f"node container {node['Name'].lstrip('/')}", node["State"]
    if state["Status"] != "running":
        return f"{container} is {state['Status']}, exit code {state['ExitCode']}, since {state['FinishedAt'][:19]}Z"
    started = datetime.fromisoformat(f"{state['StartedAt'][:19]}+00:00")
    if started > since:
        return f"{container} was started again at {state['StartedAt'][:19]}Z, during the drill"
    return ""


def _server_trouble(kube: Kube) -> str:
    try:
        kube.get("/version", timeout_s=SERVER_S)
    except ApiError as error:
        return f"the API server refuses: {error.message}"
    except ClusterError as error:
        return f"the API server does not answer: {error.message}"
    return ""

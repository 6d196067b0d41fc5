"""Wait until an object is gone, until the kind that it defines is served, or until it is as wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.kube.client import Kube, NotFound

_RELIST_S = 0.2  # between two attempts to watch an object, if the stream ends early


def wait_until_gone(kube: Kube, path: str, deadline: Deadline) -> None:
    """Return once there is no object at `path` any more.

    Raises:
        ClusterError: It is still there at the deadline.
    """
    while not _gone(kube, path, deadline):
        if deadline.passed:
            kind, name = path.split("/")[-2:]
            raise ClusterError(
                f"{kind} {name} is still there after {deadline.budget_s:.0f} s",
                hint=f"kubectl get {kind} {name} -o yaml",
            )
        threading.Event().wait(_RELIST_S)


def wait_until_established(kube: Kube, path: str, deadline: Deadline) -> None:
    """Return once the API server serves the kind that a CustomResourceDefinition defines.

    Raises:
        ClusterError: It does not at the deadline.
    """
    while not _established(kube, path, deadline):
        if deadline.passed:
            name = path.rpartition("/")[2]
            raise ClusterError(
                f"{name} is not served after {deadline.budget_s:.0f} s", hint=f"kubectl describe crd {name}"
            )
        threading.Event().wait(_RELIST_S)


def wait_until(
    kube: Kube,
    path: str,
    wanted: Callable[[Mapping[str, Any]], bool],
    deadline: Deadline,
    why_not: Callable[[], str],
) -> None:
    """Return once the object at `path` is as wanted.

    Args:
        kube: The API server.
        path: Of the object, which exists.
        wanted: Whether an object is.
        deadline: For it.
        why_not: Says in words what is missing; asked at the deadline.

    Raises:
        ClusterError: It is not at the deadline.
    """
    while not _wanted(kube, path, wanted, deadline):
        if deadline.passed:
            kind, name = path.split("/")[-2:]
            raise ClusterError(
                f"{kind} {name} is not ready after {deadline.budget_s:.0f} s: {why_not()}",
                hint=f"kubectl describe {kind} {name}",
            )
        threading.Event().wait(_RELIST_S)


def _wanted(kube: Kube, path: str, wanted: Callable[[Mapping[str, Any]], bool], deadline: Deadline) -> bool:
    found = kube.get(path)
    return wanted(found) or any(wanted(event["object"]) for event in _changes(kube, path, found, deadline))


def _gone(kube: Kube, path: str, deadline: Deadline) -> bool:
    """Whether the object is gone, or disappears while it is watched."""
    try:
        found = kube.get(path)
    except NotFound:
        return True
    return any(event["type"] == "DELETED" for event in _changes(kube, path, found, deadline))


def _established(kube: Kube, path: str, deadline: Deadline) -> bool:
    return _wanted(kube, path, _serves, deadline)


def _serves(definition: Mapping[str, Any]) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Established" and each.get("status") == "True" for each in conditions)


def _changes(kube: Kube, path: str, found: Mapping[str, Any], deadline: Deadline) -> Iterator[dict[str, Any]]:
    """What happens to an object from now to the deadline."""
    collection, _, name = path.rpartition("/")
    return kube.watch(
        collection,
        resource_version=found["metadata"]["resourceVersion"],
        stop=threading.Event(),
        timeout_s=max(1.0, deadline.remaining_s),
        params={"fieldSelector": f"metadata.name={name}"},
    )

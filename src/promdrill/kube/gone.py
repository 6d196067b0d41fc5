"""Wait until an object is gone."""

from __future__ import annotations

import threading

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


def _gone(kube: Kube, path: str, deadline: Deadline) -> bool:
    """Whether the object is gone, or disappears while it is watched."""
    try:
        found = kube.get(path)
    except NotFound:
        return True
    collection, _, name = path.rpartition("/")
    events = kube.watch(
        collection,
        resource_version=found["metadata"]["resourceVersion"],
        stop=threading.Event(),
        timeout_s=max(1.0, deadline.remaining_s),
        params={"fieldSelector": f"metadata.name={name}"},
    )
    return any(event["type"] == "DELETED" for event in events)

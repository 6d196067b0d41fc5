"""The ground that a drill stands on: a namespace, a StorageClass and a release of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promdrill.clock import SYSTEM, Clock, Deadline
from promdrill.cluster.kube import Kube, NotFound
from promdrill.errors import ClusterError
from promdrill.faults.base import Undo
from promdrill.faults.release import Release
from promdrill.journal import Journal

MANAGED_BY = {"app.kubernetes.io/managed-by": "promdrill"}
"""Label of every object that promdrill makes, and the licence to remove it."""

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

_RELIST_S = 0.2  # between two tries to watch a namespace go, when the stream ends early
_COPIED = (
    "provisioner",
    "parameters",
    "reclaimPolicy",
    "mountOptions",
    "volumeBindingMode",
    "allowVolumeExpansion",
    "allowedTopologies",
)
_NOT_COPIED = (DEFAULT_CLASS, "kubectl.kubernetes.io/last-applied-configuration")


def prepare(
    kube: Kube, release: Release, undo: Undo, *, storage: Mapping[str, Any], journal: Journal, timeout_s: float
) -> None:
    """Make the namespace and the StorageClass, in which then a release can be installed.

    What a killed drill left under the same names is removed first.

    Args:
        kube: The API server.
        release: The release to come; its namespace's name is also the class's.
        undo: Learns how to remove what is made here.
        storage: Fields laid over the class, as `{"allowVolumeExpansion": False}`.
        journal: The drill's journal.
        timeout_s: For a leftover to go.

    Raises:
        ClusterError: The namespace is not ours, or does not go; there is no default class.
    """
    namespace = release.namespace
    remove_leftover(kube, release, journal=journal, timeout_s=timeout_s)
    undo.register(f"delete namespace {namespace}", lambda: kube.delete(f"/api/v1/namespaces/{namespace}"))
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": dict(MANAGED_BY)}})
    classes = kube.get(CLASSES).get("items", ())
    copy = storage_class(classes, namespace, storage)
    undo.register(f"delete StorageClass {namespace}", lambda: kube.delete(f"{CLASSES}/{namespace}"))
    if any(found["metadata"]["name"] == namespace for found in classes):
        kube.delete(f"{CLASSES}/{namespace}")  # left by a killed run; parameters cannot be changed, only made anew
    kube.apply(copy)


def storage_class(classes: Sequence[Mapping[str, Any]], name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the default class under another name, not the default, with `changes` laid over it.

    Raises:
        ClusterError: No class is the default.
    """
    default = next((c for c in classes if _annotations(c).get(DEFAULT_CLASS) == "true"), None)
    if default is None:
        raise ClusterError("no StorageClass is the default", hint="kubectl get storageclass")
    annotations = {key: value for key, value in _annotations(default).items() if key not in _NOT_COPIED}
    copy = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "labels": dict(MANAGED_BY), "annotations": annotations},
        **{field: default[field] for field in _COPIED if field in default},
    }
    return _over(copy, changes)


def remove_leftover(kube: Kube, release: Release, *, journal: Journal, timeout_s: float, clock: Clock = SYSTEM) -> None:
    """Remove the namespace of an earlier drill, with its release, and return when it is gone.

    Raises:
        ClusterError: The namespace is not ours, or is still there after `timeout_s` seconds.
    """
    path = f"/api/v1/namespaces/{release.namespace}"
    try:
        found = kube.get(path)
    except NotFound:
        return
    if not MANAGED_BY.items() <= (found["metadata"].get("labels") or {}).items():
        raise ClusterError(
            f"namespace {release.namespace} exists and is not promdrill's",
            hint=f"kubectl delete namespace {release.namespace}",
        )
    journal.note("leftover", namespace=release.namespace)
    if not found["metadata"].get("deletionTimestamp"):
        release.uninstall()
        kube.delete(path)
    deadline = Deadline.after(timeout_s, clock)
    while not _gone(kube, release.namespace, deadline):
        if deadline.passed:
            raise ClusterError(
                f"namespace {release.namespace} of an earlier drill is still there after {timeout_s:.0f} s",
                hint=f"kubectl get namespace {release.namespace} -o yaml",
            )
        threading.Event().wait(_RELIST_S)


def _gone(kube: Kube, namespace: str, deadline: Deadline) -> bool:
    """Whether the namespace is gone, or goes while it is watched."""
    try:
        found = kube.get(f"/api/v1/namespaces/{namespace}")
    except NotFound:
        return True
    events = kube.watch(
        "/api/v1/namespaces",
        resource_version=found["metadata"]["resourceVersion"],
        stop=threading.Event(),
        timeout_s=max(1.0, deadline.remaining_s),
        params={"fieldSelector": f"metadata.name={namespace}"},
    )
    return any(event["type"] == "DELETED" for event in events)


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return obj["metadata"].get("annotations") or {}


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _over(below, value)
        else:
            merged[key] = value
    return merged


def values_layers(
    scenario: Path, layers: Sequence[Path | Mapping[str, Any]], storage_class_name: str
) -> list[Path | Mapping[str, Any]]:
    """The layers of $VALUES, lowest first: the scenario's own, what the run adds, and the drill's StorageClass."""
    pinned = {"server": {"persistentVolume": {"storageClass": storage_class_name}}}
    return [scenario, *layers, pinned]

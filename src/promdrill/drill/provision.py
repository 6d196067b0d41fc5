"""What a drill has to itself before Prometheus is installed: a namespace and a StorageClass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from promdrill.cluster.storage import CLASSES, DEFAULT_CLASS, STANDARD
from promdrill.core.clock import SYSTEM, Clock, Deadline
from promdrill.core.errors import ClusterError, UsageError
from promdrill.core.events import LeftoverFound
from promdrill.core.journal import Journal
from promdrill.core.merging import merged
from promdrill.faults.base import NAMESPACE, Undo
from promdrill.install import Installation
from promdrill.install.needs import CLAIM, Needs
from promdrill.kube.client import MANAGED_BY, Kube, NotFound, object_path
from promdrill.kube.gone import wait_until_established, wait_until_gone

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
    kube: Kube,
    installation: Installation,
    undo: Undo,
    *,
    storage: Mapping[str, Any],
    beside: Sequence[Mapping[str, Any]],
    needs: Needs,
    nodes: Iterable[str],
    journal: Journal,
    timeout_s: float,
) -> None:
    """Create the namespace and the StorageClass in which Prometheus is then installed.

    Whatever a killed drill left under the same names is removed first.

    Args:
        kube: The API server.
        installation: What will be installed; the class has the name of its namespace.
        undo: Learns how to remove what is created here.
        storage: Fields merged into the class, for example `{"allowVolumeExpansion": False}`.
        beside: Further objects for the namespace, applied in this order.
        needs: What the installation needs, made before all else. What is the whole cluster's stays when the drill ends,
            for the drills beside it.
        nodes: Names of the cluster's nodes.
        journal: The drill's journal.
        timeout_s: Seconds for a leftover namespace to disappear.

    Raises:
        ClusterError: The namespace is not promdrill's or does not disappear, or there is no class to copy.
    """
    namespace = installation.namespace
    remove_leftover(kube, installation, journal=journal, timeout_s=timeout_s)
    removed = f"/api/v1/namespaces/{namespace}"
    undo.register(f"delete namespace {namespace}", lambda: kube.delete(removed), ends=NAMESPACE)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": dict(MANAGED_BY)}})
    classes = kube.get(CLASSES).get("items", ())
    copy = storage_class(classes, namespace, storage)
    undo.register(f"delete StorageClass {namespace}", lambda: kube.delete(f"{CLASSES}/{namespace}"))
    if any(found["metadata"]["name"] == namespace for found in classes):
        kube.delete(f"{CLASSES}/{namespace}")  # left by a killed run; its parameters cannot be changed
    kube.apply(copy)
    supply(kube, needs, namespace, nodes, Deadline.after(timeout_s), storage_class=namespace)
    _apply_beside(kube, namespace, beside)


def prepare_adopted(
    kube: Kube,
    namespace: str,
    undo: Undo,
    *,
    storage: Mapping[str, Any],
    beside: Sequence[Mapping[str, Any]],
    needs: Needs,
    leave: Callable[[], None],
    timeout_s: float,
) -> None:
    """As `prepare`, in a cluster that promdrill did not make: the namespace is there, and the class is the default one.

    Args:
        kube: The API server, as an account that may do nothing outside the namespace.
        namespace: The namespace.
        undo: Learns how to remove it.
        storage: As in `prepare`; there must be none.
        beside: As in `prepare`.
        needs: As in `prepare`; nothing of it may be the whole cluster's.
        leave: Removes the namespace.
        timeout_s: Seconds for what is made.

    Raises:
        UsageError: The drill needs a class of its own.
    """
    undo.register(f"delete namespace {namespace}", leave, ends=NAMESPACE)
    if storage:
        what = "the drill needs a storage class of its own, and an adopted cluster gets none"
        raise UsageError(what, hint='@pytest.mark.cluster_wide("its own storage class")')
    supply(kube, needs, namespace, (), Deadline.after(timeout_s), storage_class="")
    _apply_beside(kube, namespace, beside)


def _apply_beside(kube: Kube, namespace: str, beside: Sequence[Mapping[str, Any]]) -> None:
    for obj in beside:
        kube.apply({**obj, "metadata": {**obj["metadata"], "namespace": namespace}})


def supply(
    kube: Kube, needs: Needs, namespace: str, nodes: Iterable[str], deadline: Deadline, *, storage_class: str
) -> None:
    """Make what an installation needs and the cluster does not have.

    Args:
        kube: The API server.
        needs: What it needs.
        namespace: Where to make what is not the whole cluster's.
        nodes: The nodes that get labels.
        deadline: For new kinds to be served.
        storage_class: Of claims; empty for the cluster's default.

    Raises:
        ClusterError: A definition of a kind was not served in time.
    """
    for each in needs.made:
        metadata = {**each.body["metadata"], "labels": dict(MANAGED_BY)}
        obj = {**each.body, "metadata": metadata if each.shared else {**metadata, "namespace": namespace}}
        if obj["kind"] == CLAIM and storage_class:
            obj["spec"] = {**obj["spec"], "storageClassName": storage_class}
        path = object_path(obj)
        if each.shared and _exists(kube, path):
            continue
        kube.apply(obj)
        if obj["kind"] == "CustomResourceDefinition":
            wait_until_established(kube, path, deadline)
    if needs.labels:
        labels = {label: value for label, (value, _) in needs.labels.items()}
        for node in nodes:
            kube.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": labels}})


def _exists(kube: Kube, path: str) -> bool:
    try:
        kube.get(path)
    except NotFound:
        return False
    return True


def storage_class(classes: Sequence[Mapping[str, Any]], name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `STANDARD` under another name, with `changes` merged into it. It is not the default class.

    Raises:
        ClusterError: There is no `STANDARD` class.
    """
    standard = next((found for found in classes if found["metadata"]["name"] == STANDARD), None)
    if standard is None:
        raise ClusterError(f"no StorageClass is named {STANDARD}", hint="kubectl get storageclass")
    annotations = {key: value for key, value in _annotations(standard).items() if key not in _NOT_COPIED}
    copy = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "labels": dict(MANAGED_BY), "annotations": annotations},
        **{field: standard[field] for field in _COPIED if field in standard},
    }
    return merged(copy, changes)


def remove_leftover(
    kube: Kube, installation: Installation, *, journal: Journal, timeout_s: float, clock: Clock = SYSTEM
) -> None:
    """Remove an earlier drill's namespace and release, and return when they are gone.

    Raises:
        ClusterError: The namespace is not promdrill's, or still exists after `timeout_s` seconds.
    """
    path = f"/api/v1/namespaces/{installation.namespace}"
    try:
        found = kube.get(path)
    except NotFound:
        return
    if not MANAGED_BY.items() <= (found["metadata"].get("labels") or {}).items():
        raise ClusterError(
            f"namespace {installation.namespace} exists and is not promdrill's",
            hint=f"kubectl delete namespace {installation.namespace}",
        )
    journal.write(LeftoverFound(namespace=installation.namespace))
    if not found["metadata"].get("deletionTimestamp"):
        installation.uninstall()
        kube.delete(path)
    wait_until_gone(kube, path, Deadline.after(timeout_s, clock))


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return obj["metadata"].get("annotations") or {}

"""Storage in a cluster: local-path-provisioner from its own manifest, with volumes that have a real size and can grow.

manifests/storage/README.md says what replaces what.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from promdrill.cluster import node_units
from promdrill.core import paths
from promdrill.core.errors import ClusterError

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster

NAMESPACE = "local-path-storage"
PROVISIONER = "local-path-provisioner"
AGENT = "volume-agent"
"""Names in the provisioner's own manifest and in promdrill's."""

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
"""API path of the StorageClasses."""

STANDARD = "standard"
"""The default storage class of every cluster that promdrill makes, which drills copy."""

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

_REPLACED = {("ConfigMap", "local-path-config"), ("StorageClass", "local-path")}
"""Objects of the provisioner's manifest that promdrill's own replace."""

_FIRST = ("Namespace", "ConfigMap")
"""Kinds to apply before the rest: the provisioner reads its configuration when it starts."""

_UNIT = "promdrill-volumes.service"


def install(made: PinnedKindCluster, provisioner: Path) -> None:
    """Install the restore unit in each node, then the provisioner, its configuration, the classes and the agent.

    Args:
        made: The cluster.
        provisioner: local-path-provisioner's own manifest.

    Raises:
        CommandFailed: A node or the API server refused.
    """
    for container in made.recorded.nodes.values():
        node_units.install(container, paths.manifests_dir() / "storage" / "node", _UNIT)
    # A stock node image has a provisioner under the same names, which kind has applied: this one replaces it.
    made.apply(yaml.safe_dump_all(objects(provisioner), sort_keys=False))


def objects(provisioner: Path | None) -> list[dict[str, Any]]:
    """All objects in the order to apply them; without a provisioner's manifest, only promdrill's own."""
    manifest = _read(provisioner) if provisioner is not None else []
    theirs = [item for item in manifest if (item["kind"], item["metadata"]["name"]) not in _REPLACED]
    ours = [item for path in sorted((paths.manifests_dir() / "storage").glob("*.yaml")) for item in _read(path)]
    return sorted(theirs + ours, key=lambda item: _FIRST.index(item["kind"]) if item["kind"] in _FIRST else len(_FIRST))


def require_default_class(made: PinnedKindCluster) -> None:
    """Check that exactly one class is the default, and that it is `STANDARD`.

    Raises:
        ClusterError: There is no default, another one, or more than one.
    """
    listed = json.loads(made.kubectl("get", "storageclass", "--output", "json", reads=True))["items"]
    default = [item["metadata"]["name"] for item in listed if is_default(item)]
    if default != [STANDARD]:
        found = ", ".join(default) or "none"
        raise ClusterError(f"cluster {made.name}: expected {STANDARD} to be the default storage class, found {found}")


def is_default(storage_class: Mapping[str, Any]) -> bool:
    """Whether a StorageClass is the default."""
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"


def _read(path: Path) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(path.read_text(encoding="utf-8")) if item]

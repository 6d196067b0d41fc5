"""The loss of a cluster's storage: no class, and nothing that makes volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from promdrill.cluster.storage import CLASSES, DEFAULT_CLASS, NAMESPACE, PROVISIONER
from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.observe.conditions import Condition
from promdrill.observe.others import object_shows

DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{PROVISIONER}"
OWN_CLASS = "local-path"
"""The class in the provisioner's own manifest."""

_FROM_THE_SERVER = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
_KEPT = ("name", "namespace", "labels", "annotations")


def default_class(*, default: bool) -> Mapping[str, Any]:
    """The patch that makes a StorageClass the default, or no longer the default."""
    return {"metadata": {"annotations": {DEFAULT_CLASS: "true" if default else None}}}


def no_class() -> Condition:
    """The cluster has no StorageClass."""
    return _nothing(CLASSES, "no StorageClass")


@dataclass(frozen=True)
class RemoveStorage(Fault):
    """Deletes every StorageClass and the provisioner's Deployment; the undo applies them again as they were.

    Everything else of the provisioner stays, and so do volumes and the agent that grows them. This affects the whole
    cluster: no other drill can run at the same time.

    Attributes:
        manifest: The manifest with the provisioner's Deployment and its own class, to install them from.
    """

    manifest: Path

    @property
    def name(self) -> str:
        return "delete all storage classes and the provisioner"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("every StorageClass of the cluster", f"Deployment {NAMESPACE}/{PROVISIONER}")

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        kube = ground.kube
        names = [item["metadata"]["name"] for item in kube.get(CLASSES)["items"]]
        found = {path: _bare(kube.get(path)) for path in (*(f"{CLASSES}/{name}" for name in names), DEPLOYMENT)}
        own = found.get(f"{CLASSES}/{OWN_CLASS}")
        if own is None:
            raise FaultNotTaken(f"no StorageClass {OWN_CLASS} to install again")
        self.manifest.parent.mkdir(parents=True, exist_ok=True)
        self.manifest.write_text(yaml.safe_dump_all([found[DEPLOYMENT], own], sort_keys=False), encoding="utf-8")
        for path, obj in found.items():
            undo.register(f"apply {path} again", partial(kube.apply, obj))
            kube.delete(path, missing_ok=False)
        return (no_class(), _nothing(_pods(found[DEPLOYMENT]), "no provisioner runs"))


def _bare(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object without the fields that the API server added."""
    about = {key: value for key, value in obj["metadata"].items() if key in _KEPT}
    if "annotations" in about:
        about["annotations"] = {k: v for k, v in about["annotations"].items() if k not in _FROM_THE_SERVER}
    return {key: about if key == "metadata" else value for key, value in obj.items() if key != "status"}


def _nothing(path: str, text: str) -> Condition:
    def names(found: Mapping[str, Any]) -> str:
        return ", ".join(item["metadata"]["name"] for item in found["items"]) or "none"

    return object_shows(path, lambda found: not found["items"], text, show=names)


def _pods(deployment: Mapping[str, Any]) -> str:
    labels = deployment["spec"]["selector"]["matchLabels"].items()
    selector = ",".join(f"{key}={value}" for key, value in labels)
    return f"/api/v1/namespaces/{NAMESPACE}/pods?{urlencode({'labelSelector': selector})}"

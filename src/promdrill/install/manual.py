"""The manual install: manifests/manual with the drill's own names, applied object by object."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from promdrill.core import paths, shell
from promdrill.core.clock import Deadline
from promdrill.core.errors import NotOurs
from promdrill.install.base import DEFAULT_SCRAPE_INTERVAL
from promdrill.install.manifests import Manifests
from promdrill.kube.client import object_path
from promdrill.kube.gone import wait_until_gone
from promdrill.observe.quantity import duration_s
from promdrill.observe.server import Server

NAMESPACE = "monitoring"
"""The word in manifests/manual that stands for the namespace, in cluster-wide names too."""

NODE = "promdrill-control-plane"
"""The word that stands for the node that has the volume."""

JOBS = (
    "prometheus",
    "kube-state-metrics",
    "kubernetes-apiservers",
    "kubernetes-nodes",
    "kubernetes-nodes-cadvisor",
    "kubernetes-service-endpoints",
)
"""The scrape jobs of manifests/manual; each has a target in every cluster."""

GONE_S = 60.0
"""Seconds for a PersistentVolume to be deleted: at once, or when the claim's last pod has ended."""


@dataclass(frozen=True)
class Manual(Manifests):
    """One manual install.

    Attributes:
        nodes: Ids of the nodes' containers by the nodes' names.
    """

    nodes: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    @property
    def name(self) -> str:
        """The Deployment."""
        return "prometheus"

    @property
    def server(self) -> Server:
        """The names in manifests/manual."""
        return Server(
            self.namespace,
            self.name,
            self.name,
            container="prometheus",
            reloader="",
            port=8080,
            service_name="prometheus-service",
            containers=1,
            labels=(("app", "prometheus-server"),),
        )

    @property
    def scrape_interval_s(self) -> float:
        """Seconds between two scrapes.

        Raises:
            UsageError: It is not a duration.
        """
        config = next(obj["data"]["prometheus.yml"] for obj in self.objects() if obj["kind"] == "ConfigMap")
        stated = yaml.safe_load(config).get("global") or {}
        return duration_s(str(stated.get("scrape_interval", DEFAULT_SCRAPE_INTERVAL)), "scrape_interval")

    def install(self) -> None:
        """Create the volume's empty folder on the node as manifests/manual/README.md says, and apply all objects."""
        self._remove_volumes()
        for folder in self._host_paths():
            made = f"rm -rf {folder} && mkdir -p {folder} && chown 65534:65534 {folder} && chmod 0750 {folder}"
            self._on_node(made)
        self.upgrade()

    def upgrade(self) -> None:
        """Apply all objects in the current files."""
        for obj in self.objects():
            self.kube.apply(obj)

    def uninstall(self) -> None:
        """Delete all objects in reverse order, and the volume's folder on the node once no pod writes to it.

        Raises:
            ClusterError: A pod did not end in time; the folder was removed anyway.
        """
        for obj in reversed(self.objects()):
            self.kube.delete(object_path(obj))
        try:
            self._remove_volumes()
        finally:
            for folder in self._host_paths():
                self._on_node(f"rm -rf {folder}")

    def _remove_volumes(self) -> None:
        """Delete each volume and wait until it is gone, which happens once its claim's last pod has ended.

        A volume that was bound is never bound again; only a new object of its name is.
        """
        for obj in self.objects():
            if obj["kind"] == "PersistentVolume":
                self.kube.delete(object_path(obj))
                wait_until_gone(self.kube, object_path(obj), Deadline.after(GONE_S))

    def _host_paths(self) -> Iterator[str]:
        for obj in self.objects():
            if obj["kind"] != "PersistentVolume":
                continue
            path = str((obj["spec"].get("hostPath") or {}).get("path", ""))
            parts = PurePosixPath(path).parts
            if self.namespace in parts and ".." not in parts:  # only the drill's own folder may be touched
                yield shlex.quote(path)

    def _shipped(self, _wanted: Mapping[str, Any], _values: Path) -> Sequence[Path]:
        return sorted((paths.manifests_dir() / "manual").glob("*.yaml"))

    def _names(self, _storage_class: str) -> Mapping[str, str]:
        return {NAMESPACE: self.namespace, NODE: self._node()}

    def _node(self) -> str:
        """The first node."""
        return str(self.kube.get("/api/v1/nodes")["items"][0]["metadata"]["name"])

    def _on_node(self, script: str) -> None:
        """Run a script on the node, whose container is named by the recorded id: anybody may have its name."""
        node = self._node()
        if node not in self.nodes:
            raise NotOurs(f"node {node} is none that promdrill made; nothing was done to it")
        shell.run(["docker", "exec", self.nodes[node], "sh", "-c", script], timeout_s=30)

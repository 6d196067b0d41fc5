"""The operator's install: manifests/operator with the drill's own names, applied with kubectl as a person would.

Its custom resource definitions belong to the whole cluster and come first. There is one version of them, so parallel
drills share them, and they stay: deleting them would delete every Prometheus in every namespace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promdrill.core import paths, scratch, shell
from promdrill.core.errors import UsageError
from promdrill.install.manifests import Manifests
from promdrill.kube.client import object_path
from promdrill.observe.quantity import duration_s
from promdrill.observe.server import Server

NAMESPACE = "observability"
"""The word in manifests/operator that stands for the namespace, in cluster-wide names too."""

STORAGE_CLASS = "storageClassName: standard"
"""The line in manifests/operator that names the class of the volume."""

KUBECTL_S = 120.0
"""Seconds for one kubectl: 3 to 5 for the definitions, 2.7 MB of them, more on a busy machine."""

ESTABLISHED_S = 60
"""Seconds for the API server to serve new definitions: it takes one or two."""

AVAILABLE_S = 90
"""Seconds for the Deployments behind an APIService: two to five, more on a busy machine."""


@dataclass(frozen=True)
class Operator(Manifests):
    """One operator with one Prometheus.

    Attributes:
        kubectl: The pinned kubectl.
        kubeconfig: The cluster's private kubeconfig.
        crds: A manifest with the operator's custom resource definitions; everything else in it is ignored.
    """

    kubectl: Path
    kubeconfig: Path
    crds: Path

    @property
    def name(self) -> str:
        """The Prometheus object."""
        return "main"

    @property
    def server(self) -> Server:
        """The names that the operator gives."""
        stateful_set = f"prometheus-{self.name}"
        return Server(
            self.namespace,
            self.name,
            stateful_set,
            container="prometheus",
            reloader="config-reloader",
            port=9090,
            service_name="prometheus",
            claim_name=f"{stateful_set}-db-{stateful_set}-0",
            labels=(("operator.prometheus.io/name", self.name),),
        )

    @property
    def scrape_interval_s(self) -> float:
        """Seconds between two scrapes.

        Raises:
            UsageError: It is not a duration.
        """
        spec = next(obj["spec"] for obj in self.objects() if obj["kind"] == "Prometheus")
        return duration_s(str(spec.get("scrapeInterval", "30s")), "scrapeInterval")

    def install(self) -> None:
        """Apply the definitions, wait until they are served, and apply all objects.

        Raises:
            CommandFailed: kubectl failed, or the definitions were not served in time.
        """
        definitions = definitions_in(self.crds.read_text(encoding="utf-8"))
        # Server-side: the larger ones do not fit into the annotation that client-side apply would keep them in.
        self._kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=definitions)
        self._kubectl("wait", "--for=condition=Established", f"--timeout={ESTABLISHED_S}s", "--filename=-",
                      stdin=definitions)  # fmt: skip
        self.upgrade()

    def upgrade(self) -> None:
        """Apply all objects in the current files, an APIService only once its group's service is up.

        The API server connects to an APIService's service at once, and keeps the connection. One that was made before
        the node's rules had the service's address has been seen to lead out of the cluster forever.

        Raises:
            CommandFailed: kubectl failed, or a Deployment was not available in time.
        """
        objects = self.objects()
        groups = [obj for obj in objects if obj["kind"] == "APIService"]
        self._apply([obj for obj in objects if obj not in groups])
        if groups:
            wait = ("wait", "--for=condition=Available", f"--timeout={AVAILABLE_S}s", f"--namespace={self.namespace}")
            self._kubectl(*wait, "deployment", "--all", stdin="")
            self._apply(groups)

    def uninstall(self) -> None:
        """Delete all objects in reverse order; the definitions stay, and so does the claim."""
        for obj in reversed(self.objects()):
            self.kube.delete(object_path(obj))

    def _apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        text = yaml.safe_dump_all([dict(obj) for obj in objects], sort_keys=False)
        # No validation: it needs the schemas of all kinds, megabytes for these definitions and seconds for each apply.
        self._kubectl("apply", "--validate=false", "--openapi-patch=false", "--filename=-", stdin=text)

    def _kubectl(self, *args: str, stdin: str) -> None:
        self.kube.require_expected()
        with scratch.folder("kubectl") as home:  # for its caches, and without the user's settings
            env = {"HOME": str(home), "KUBECACHEDIR": f"{home}/cache"}
            argv: list[str | Path] = [self.kubectl, f"--kubeconfig={self.kubeconfig}", *args]
            shell.run(argv, timeout_s=KUBECTL_S, env=env, stdin=stdin)

    def _shipped(self, wanted: Mapping[str, Any], values: Path) -> Sequence[Path]:
        """The manifests in manifests/operator, and in its folders that values.yaml lists under `folders`."""
        base = paths.manifests_dir() / "operator"
        found = sorted(base.glob("*.yaml"))
        for name in wanted.get("folders") or ():
            inside = sorted((base / str(name)).glob("*.yaml"))
            if not inside:
                there = sorted(path.name for path in base.iterdir() if path.is_dir())
                raise UsageError(f"{values}: folders: no manifests in {base / str(name)}", hint=", ".join(there))
            found += inside
        return found

    def _names(self, storage_class: str) -> Mapping[str, str]:
        return {NAMESPACE: self.namespace, STORAGE_CLASS: f"storageClassName: {storage_class}"}


def definitions_in(manifest: str) -> str:
    """The custom resource definitions of a manifest, as text: they contain a bare ``=``, which PyYAML cannot read.

    Raises:
        UsageError: There are none.
    """
    documents = re.split(r"^---$", manifest, flags=re.MULTILINE)
    found = [text for text in documents if re.search(r"^kind: CustomResourceDefinition$", text, re.MULTILINE)]
    if not found:
        raise UsageError("the operator's manifest has no custom resource definitions")
    return "---".join(found)

"""The operator's install: manifests/operator under the drill's own names, applied with kubectl as a person would.

Its custom resource definitions belong to the whole cluster and come first. They are of one version, so that drills side
by side share them, and they stay: deleting them would delete every Prometheus of every namespace.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promdrill.core import paths, shell
from promdrill.core.errors import UsageError
from promdrill.install.base import duration_s
from promdrill.install.manifests import Manifests
from promdrill.kube.client import object_path
from promdrill.observe.server import Server

NAMESPACE = "observability"
"""The word in manifests/operator that stands for the namespace, in cluster-wide names too."""

STORAGE_CLASS = "storageClassName: standard"
"""Where manifests/operator names the class of the volume."""

KUBECTL_S = 120.0
"""Seconds for one kubectl: 3 to 5 for the definitions, 2.7 MB of them, more on a busy machine."""

ESTABLISHED_S = 60
"""Seconds for the API server to serve what was defined: it takes one or two."""

AVAILABLE_S = 90
"""Seconds for the Deployments behind an APIService: two to five, more on a busy machine."""


@dataclass(frozen=True)
class Operator(Manifests):
    """One operator with one Prometheus.

    Attributes:
        kubectl: The pinned kubectl.
        kubeconfig: The cluster's private kubeconfig.
        crds: A manifest that holds the operator's custom resource definitions; what else it holds is left out.
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
            UsageError: It is no duration.
        """
        spec = next(obj["spec"] for obj in self.objects() if obj["kind"] == "Prometheus")
        return duration_s(str(spec.get("scrapeInterval", "30s")), "scrapeInterval")

    def install(self) -> None:
        """Apply the definitions, wait until they are served, and apply all objects.

        Raises:
            CommandFailed: kubectl was refused, or the definitions are not served in time.
        """
        definitions = definitions_in(self.crds.read_text(encoding="utf-8"))
        # On the server's side: the larger ones do not fit into the annotation that kubectl would keep them in.
        self._kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=definitions)
        self._kubectl("wait", "--for=condition=Established", f"--timeout={ESTABLISHED_S}s", "--filename=-",
                      stdin=definitions)  # fmt: skip
        self.upgrade()

    def upgrade(self) -> None:
        """Apply all objects as the files have them now, an APIService once there is somebody to serve its group.

        The API server asks the service of an APIService at once, and keeps the connection: one that was made before the
        service had an address in the node's rules has been seen to lead out of the cluster for good.

        Raises:
            CommandFailed: kubectl was refused, or a Deployment is not available in time.
        """
        objects = self.objects()
        groups = [obj for obj in objects if obj["kind"] == "APIService"]
        self._apply([obj for obj in objects if obj not in groups])
        if groups:
            wait = ("wait", "--for=condition=Available", f"--timeout={AVAILABLE_S}s", f"--namespace={self.namespace}")
            self._kubectl(*wait, "deployment", "--all", stdin="")
            self._apply(groups)

    def uninstall(self) -> None:
        """Delete all objects, the last applied first; the definitions stay, and so does the claim."""
        for obj in reversed(self.objects()):
            self.kube.delete(object_path(obj))

    def _apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        text = yaml.safe_dump_all([dict(obj) for obj in objects], sort_keys=False)
        # Without the schemas of all kinds, which for these definitions are megabytes: seconds of work for each apply.
        self._kubectl("apply", "--validate=false", "--openapi-patch=false", "--filename=-", stdin=text)

    def _kubectl(self, *args: str, stdin: str) -> None:
        with tempfile.TemporaryDirectory(prefix="promdrill-kubectl-") as home:  # for its caches, and free of settings
            env = {"HOME": home, "KUBECACHEDIR": f"{home}/cache"}
            argv: list[str | Path] = [self.kubectl, f"--kubeconfig={self.kubeconfig}", *args]
            shell.run(argv, timeout_s=KUBECTL_S, env=env, stdin=stdin)

    def _shipped(self, wanted: Mapping[str, Any], values: Path) -> Sequence[Path]:
        """The manifests in manifests/operator, and in those of its folders that values.yaml lists under `folders`."""
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
    """The custom resource definitions of a manifest, as text: they have a bare ``=``, which PyYAML cannot read.

    Raises:
        UsageError: There are none.
    """
    documents = re.split(r"^---$", manifest, flags=re.MULTILINE)
    found = [text for text in documents if re.search(r"^kind: CustomResourceDefinition$", text, re.MULTILINE)]
    if not found:
        raise UsageError("the operator's manifest holds no custom resource definitions")
    return "---".join(found)

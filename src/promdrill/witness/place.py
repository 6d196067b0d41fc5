"""The witness in a cluster: made ready once, and given the files of each drill."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import yaml

from promdrill.core import paths, shell
from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.kube.client import MANAGED_BY, Kube
from promdrill.kube.gone import wait_until

NAMESPACE = "promdrill-witness"
"""Namespace of the witness; `manifests/witness` has it, too."""

NAME = "witness"
"""Name of its Deployment and its Service."""

ON_NODE = "/var/lib/promdrill/witness"
"""Folder of its files on the node; `manifests/witness` mounts it."""

ALERTMANAGER = f"{NAME}.{NAMESPACE}.svc:9093"
"""Where drilled Prometheus send their alerts."""

RECEIVER = "receiver"
"""Name of the container that writes down notifications."""

READY_S = 90.0
"""Seconds until a new witness must be ready; it takes five to ten."""

_ERROR = re.compile(r'\berr="((?:[^"\\]|\\.)*)"')
"""The first error in Prometheus' log, as it is quoted there."""

_SHOWN_CHARS = 500

_CHECKS = {"prometheus": "promtool check rules FILE", "alertmanager": "amtool check-config FILE"}
"""What an operator can type to see the same."""

FASTER_VOLUMES = {"kubeadmConfigPatches": ["kind: KubeletConfiguration\nvolumeStatsAggPeriod: 2s\n"]}
"""Merged over the kind configuration: the kubelet measures volumes every 2 s, as all else in the profile fast, and not
once a minute (`volumeStatsAggPeriod` of KubeletConfiguration)."""

_PORTS = {"prometheus": 9090, "alertmanager": 9093}
_PROMETHEUS = "quay.io/prometheus/prometheus"
_COMMAND_S = 30.0


RESEND_S = 60.0
"""Seconds until Prometheus tells Alertmanager of an alert again, and a quarter of those after which one that is no
longer told of counts as resolved (cmd/prometheus/main.go, `--rules.alert.resend-delay`)."""

LOOKBACK_S = 300.0
"""Seconds for which Prometheus takes a sample for current (`--query.lookback-delta`)."""

_LEAST_LOOKBACK_S = 10.0  # five scrapes of the kubelet


def objects(image: str, speed: float = 1.0) -> list[dict[str, Any]]:
    """The objects of the witness, in the order to apply them.

    Args:
        image: The image of its Prometheus.
        speed: How many seconds of the operator's one second stands for: what is true only for a while is, likewise.
    """
    delays = (
        f"--rules.alert.resend-delay={round(1000 * RESEND_S / speed)}ms",
        f"--query.lookback-delta={round(1000 * max(_LEAST_LOOKBACK_S, LOOKBACK_S / speed))}ms",
    )
    files = sorted((paths.manifests_dir() / "witness").glob("*.yaml"))
    found = [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
    for each in found:
        labels = {**(each["metadata"].get("labels") or {}), **MANAGED_BY}
        each["metadata"]["labels"] = labels
        if each["kind"] == "Deployment":
            for container in each["spec"]["template"]["spec"]["containers"]:
                if container["image"].rpartition(":")[0] == _PROMETHEUS:
                    container["image"] = image
                    container["args"] += delays
    return found


@dataclass(frozen=True, slots=True)
class Witness:
    """The witness of a cluster.

    Attributes:
        kube: The cluster's API server.
        node: Id of the container of the node that it runs on.
    """

    kube: Kube
    node: str

    def install(self, image: str, files: Mapping[str, str], speed: float) -> None:
        """Make it, or give the one of a kept cluster these files; returns once it is ready.

        Args:
            image: The image of its Prometheus.
            files: Its own files by name.
            speed: As in `objects`.

        Raises:
            ClusterError: It did not become ready, with what its containers say.
            CommandFailed: The node refused.
        """
        self._on_node(f"mkdir -p {ON_NODE}/drills")
        self.write(files)
        for each in objects(image, speed):
            self.kube.apply(each)
        self._wait_ready(Deadline.after(READY_S))
        for name in _PORTS:
            self._reload(name)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, each whole or not at all; names are relative to its folder.

        Raises:
            CommandFailed: The node refused.
        """
        for name, text in files.items():
            target = f"{ON_NODE}/{name}"
            self._on_node(f"cat >{target}.new && mv {target}.new {target}", text)

    def remove(self, names: Sequence[str]) -> bool:
        """Remove files; missing ones are no error.

        Returns:
            Whether files of other drills are left.

        Raises:
            CommandFailed: The node refused.
        """
        gone = " ".join(f"{ON_NODE}/{name}" for name in names)
        return bool(self._on_node(f"rm -f {gone} && ls {ON_NODE}/drills").strip())

    def reload(self) -> None:
        """Have its Prometheus take over changed files; Alertmanager's are those of the run, and do not change.

        It is not done needlessly: up to 2.54 at least, a Prometheus that reloads has no Alertmanager for up to 5 s, and
        drops what it would tell. 3.5 keeps them. (ApplyConfig in its notifier, `updatert` in its discovery/manager.go)

        Raises:
            ClusterError: They are refused, in Prometheus' words.
        """
        self._reload("prometheus")

    def _reload(self, name: str) -> None:
        answer = self.kube.request("POST", self.path(name, "/-/reload"), timeout_s=_COMMAND_S)
        if answer.status != HTTPStatus.OK:
            why = self._refused(name) or answer.text.strip()[:_SHOWN_CHARS]
            raise ClusterError(f"the witness' {name} refuses what it was given: {why}", hint=_CHECKS[name])

    def _refused(self, name: str) -> str:
        """Why it refused its files: the answer to a reload does not say, the first error in its log since does."""
        log = f"/api/v1/namespaces/{NAMESPACE}/pods/{self.pod()}/log?container={name}&sinceSeconds=5"
        found = _ERROR.search(self.kube.request("GET", log, timeout_s=_COMMAND_S).text)
        return "" if found is None else re.sub(r"\\(.)", r"\1", found[1])[:_SHOWN_CHARS]

    def path(self, of: str, page: str) -> str:
        """The API path of a page of its `prometheus` or `alertmanager`."""
        return f"/api/v1/namespaces/{NAMESPACE}/services/{NAME}:{_PORTS[of]}/proxy{page}"

    def ask(self, of: str, page: str, timeout_s: float) -> Any:
        """The JSON of a page.

        Raises:
            ClusterError: Nobody answered, or not with JSON.
        """
        answer = self.kube.request("GET", self.path(of, page), timeout_s=timeout_s)
        try:
            if answer.status == HTTPStatus.OK:
                return json.loads(answer.text)
        except ValueError:
            pass
        raise ClusterError(f"the witness' {of} answers {page} with HTTP {answer.status}: {answer.text.strip()[:200]}")

    def pod(self) -> str:
        """Name of its newest pod.

        Raises:
            ClusterError: There is none.
        """
        listed = self.kube.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{NAME}")["items"]
        found = [each["metadata"] for each in listed if not each["metadata"].get("deletionTimestamp")]
        if not found:
            raise ClusterError("the witness has no pod", hint=f"kubectl get all --namespace {NAMESPACE}")
        return str(max(found, key=lambda each: each["creationTimestamp"])["name"])

    def _wait_ready(self, deadline: Deadline) -> None:
        """Wait for its Deployment, through a watch."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}"
        wait_until(self.kube, path, _available, deadline, self._why)

    def _why(self) -> str:
        """What its containers wait for."""
        listed = self.kube.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{NAME}")["items"]
        return "; ".join(_states(each) for each in listed) or "it has no pod"

    def _on_node(self, script: str, stdin: str | None = None) -> str:
        argv = ["docker", "exec", *(["-i"] if stdin is not None else []), self.node, "sh", "-c", script]
        return shell.run(argv, timeout_s=_COMMAND_S, stdin=stdin).stdout


def _available(deployment: Mapping[str, Any]) -> bool:
    status = deployment.get("status") or {}
    generation = (deployment.get("metadata") or {}).get("generation")
    counts = {status.get(f"{which}eplicas") for which in ("availableR", "r", "updatedR")}
    return generation is not None and status.get("observedGeneration") == generation and counts == {1}


def _states(pod: Mapping[str, Any]) -> str:
    """Its containers that are not ready, and why, in words."""
    found = []
    for each in (pod.get("status") or {}).get("containerStatuses") or ():
        if not each.get("ready"):
            state, about = next(iter((each.get("state") or {"waiting": {}}).items()))
            found.append(f"{each['name']} {state} {about.get('reason', '')} {about.get('message', '')}".strip())
    return ", ".join(found) or str((pod.get("status") or {}).get("phase"))

"""Where evidence comes from: the API server, kubectl and Helm, all of them the drill's own."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from promdrill.cluster import on_node
from promdrill.core import shell
from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError, CommandFailed, PromdrillError
from promdrill.core.login import Login
from promdrill.evidence.store import Artefact, Missing
from promdrill.helm.command import Helm
from promdrill.kube.client import Kube
from promdrill.observe.server import Server

LEAST_S = 0.1
"""Seconds for a request whose collector's deadline has just passed; some clients take zero as no limit."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What evidence is collected of, and with which tools.

    Attributes:
        scenario: The scenario's id.
        server: The names of the drilled Prometheus: namespace, release, service, container.
        kubeconfig: The cluster's private kubeconfig.
        helm: Helm as the drill uses it; its environment also keeps kubectl within the drill's folders.
        kubectl_binary: Path of the pinned kubectl.
        helm_binary: Path of the pinned Helm.
        nodes: Ids of the cluster's nodes by their names, where they are promdrill's.
        login: The login of the drilled Prometheus, if it asks for one.
    """

    scenario: str
    server: Server
    kubeconfig: Path
    helm: Helm
    kubectl_binary: Path
    helm_binary: Path
    nodes: Mapping[str, str] = field(default_factory=dict)
    login: Login | None = None


class Sources:
    """The sources, opened. They have their own client, so that their requests do not count as the drill's.

    Args:
        subject: What to collect evidence of.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.server = subject.server
        self.namespace = subject.server.namespace
        self._kube: Kube | ClusterError | None = None
        self._lists: dict[str, list[dict[str, Any]]] = {}

    @property
    def kube(self) -> Kube:
        """The API server.

        Raises:
            ClusterError: The kubeconfig is not usable.
        """
        if self._kube is None:
            try:
                self._kube = Kube(
                    self.subject.kubeconfig,
                    on_node=partial(on_node.run, self.subject.nodes),
                    login=self.subject.login,
                )
            except ClusterError as error:
                self._kube = error
        if isinstance(self._kube, ClusterError):
            raise self._kube
        return self._kube

    def items(self, path: str, deadline: Deadline) -> list[dict[str, Any]]:
        """The objects of a list, complete with their kind; asked for once.

        Raises:
            ClusterError: The API server did not answer, or refused.
        """
        if path not in self._lists:
            answer = self.kube.get(path, timeout_s=left_s(deadline))
            about = {"apiVersion": answer.get("apiVersion"), "kind": str(answer.get("kind", "")).removesuffix("List")}
            self._lists[path] = [{**about, **item} for item in answer.get("items") or ()]
        return self._lists[path]

    def pods(self, deadline: Deadline) -> list[dict[str, Any]]:
        """The namespace's pods, the drilled server's first.

        Raises:
            ClusterError: The API server did not answer, or refused.
        """
        pods = self.items(f"/api/v1/namespaces/{self.namespace}/pods", deadline)
        return sorted(pods, key=lambda pod: self.server.container not in containers(pod))

    def volumes(self, deadline: Deadline) -> list[dict[str, Any]]:
        """The persistent volumes that are bound to the namespace's claims.

        Raises:
            ClusterError: The API server did not answer, or refused.
        """
        found = self.items("/api/v1/persistentvolumes", deadline)
        return [v for v in found if (v["spec"].get("claimRef") or {}).get("namespace") == self.namespace]

    def kubectl(self, *argv: str, deadline: Deadline) -> str:
        """The output of a kubectl command.

        Raises:
            CommandFailed: It failed, or took too long.
        """
        target = ["--kubeconfig", str(self.subject.kubeconfig), "--namespace", self.namespace]
        return self._run([self.subject.kubectl_binary, *argv, *target], deadline)

    def helm(self, *argv: str, deadline: Deadline) -> str:
        """The output of a Helm command. Errors as in `kubectl`."""
        target = ["--kubeconfig", str(self.subject.kubeconfig), "--namespace", self.namespace]
        return self._run([self.subject.helm_binary, *argv, *target], deadline)

    def close(self) -> None:
        """Close the connections."""
        if isinstance(self._kube, Kube):
            self._kube.close()

    def _run(self, argv: Sequence[str | Path], deadline: Deadline) -> str:
        done = shell.run(argv, timeout_s=left_s(deadline), env=self.subject.helm.env)
        return done.stdout or done.stderr  # "No resources found" goes to standard error


@dataclass(frozen=True, slots=True)
class Collector:
    """One part of the evidence.

    Attributes:
        name: Its name in the index and the journal.
        timeout_s: Its deadline in seconds.
        gather: Yields what it finds as it finds it; what it raises is recorded.
    """

    name: str
    timeout_s: float
    gather: Callable[[Sources, Deadline], Iterable[Artefact | Missing]]


def left_s(deadline: Deadline) -> float:
    """Seconds left for one request."""
    return max(LEAST_S, deadline.remaining_s)


def containers(pod: Mapping[str, Any]) -> list[str]:
    """Names of a pod's containers, in the order in which they start."""
    spec = pod.get("spec") or {}
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [str(container["name"]) for kind in kinds for container in spec.get(kind) or ()]


def words(error: BaseException) -> str:
    """An error in words: for a command its output rather than its environment."""
    if isinstance(error, CommandFailed):
        outcome = error.message.partition(":")[0]
        return f"{outcome}: {shlex.join(error.argv[1:])}: {error.output.strip()[-300:]}"
    return error.message if isinstance(error, PromdrillError) else f"{type(error).__name__}: {error}"

"""What a cluster is, whatever its name: recorded when promdrill makes it, compared before anything is done to it.

A name proves nothing: another person, another engine or another promdrill may have a cluster of the same name. So a
cluster is known by the engine that has it, by the containers that are its nodes, and by its API server. Containers are
acted upon by their ids. Until kind is done, and no id is known, a mark tells them: each node is created with it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promdrill.core import shell
from promdrill.core.errors import ClusterError, NotOurs
from promdrill.kube.expected import Expected, server_of

LABEL = "io.x-k8s.kind.cluster"
"""Label of a node's container; its value is the cluster's name."""

DOCKER_TIMEOUT_S = 30.0
"""Seconds for a question to the engine; it answers in a tenth of one."""

_VOLUMES = '{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}'
_MARKED = "/promdrill"
_MOUNTED = "/lib/modules"
"""Folder of the engine's machine that carries the mark into a node: kind mounts it into every node anyway."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What promdrill made.

    Attributes:
        engine: Id of the container engine.
        mark: What each node's container is created with.
        nodes: Ids of the nodes' containers by their names; empty until kind is done.
        server: Address of the API server; empty likewise.
        uid: UID of its namespace kube-system; empty likewise.
        volumes: Names of the volumes that the engine made for the nodes; empty likewise.
    """

    engine: str
    mark: str
    nodes: Mapping[str, str] = field(default_factory=dict)
    server: str = ""
    uid: str = ""
    volumes: tuple[str, ...] = ()

    @classmethod
    def begun(cls) -> Identity:
        """Of a cluster that will be made in the engine that answers now.

        Raises:
            ClusterError: The engine has no id.
            CommandFailed: No engine answers.
        """
        return cls(engine(), secrets.token_hex(8))

    def made(self, cluster: str, kubeconfig: Path, uid: str) -> Identity:
        """Of the cluster, now that kind is done.

        Args:
            cluster: Its name.
            kubeconfig: Its kubeconfig.
            uid: UID of its namespace kube-system.

        Raises:
            NotOurs: A container of the cluster is not promdrill's.
            ClusterError: It has no container, or its kubeconfig names no server.
            CommandFailed: The engine does not answer.
        """
        nodes = own_nodes(cluster, self)
        if not nodes or not uid:
            raise ClusterError(f"cluster {cluster}: kind made it, but it has no {'UID' if nodes else 'node'}")
        return replace(self, nodes=nodes, server=server_of(kubeconfig), uid=uid).with_volumes(nodes.values())

    def with_volumes(self, containers: Iterable[str]) -> Identity:
        """The same with the volumes of these containers of its.

        Raises:
            CommandFailed: The engine does not answer, or has no such container.
        """
        argv = ["docker", "inspect", "--format", _VOLUMES, *containers]
        found = shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.split()
        return replace(self, volumes=tuple(dict.fromkeys((*self.volumes, *found))))

    @property
    def expected(self) -> Expected:
        """What its API server must say."""
        return Expected(self.server, self.uid)

    def marking(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """A kind configuration whose nodes carry the mark."""
        mount = {"hostPath": _MOUNTED, "containerPath": f"{_MARKED}/{self.mark}", "readOnly": True}
        nodes = configuration.get("nodes") or [{"role": "control-plane"}]
        marked = [{**node, "extraMounts": [*node.get("extraMounts", ()), mount]} for node in nodes]
        return {**configuration, "nodes": marked}


def engine() -> str:
    """Id of the container engine that answers the docker command.

    Raises:
        ClusterError: It has none.
        CommandFailed: No engine answers.
    """
    found = shell.run(["docker", "info", "--format", "{{.ID}}"], timeout_s=DOCKER_TIMEOUT_S).stdout.strip()
    if not found:
        raise ClusterError("the container engine does not say its id", hint="docker info")
    return found


def nodes() -> dict[str, dict[str, str]]:
    """Ids of the containers of all kind clusters in the engine, running or not: by cluster, then by container's name.

    Raises:
        CommandFailed: No engine answers.
    """
    template = f'{{{{.ID}}}} {{{{.Names}}}} {{{{.Label "{LABEL}"}}}}'
    argv = ["docker", "ps", "--all", "--no-trunc", "--filter", f"label={LABEL}", "--format", template]
    found: dict[str, dict[str, str]] = {}
    for line in shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.splitlines():
        container, name, cluster = line.split()
        found.setdefault(cluster, {})[name] = container
    return found


def own_nodes(cluster: str, recorded: Identity) -> dict[str, str]:
    """Ids of the cluster's containers by their names; none if the engine has none of them.

    Raises:
        NotOurs: Another engine answers than the recorded one, or one of the containers is not promdrill's.
        CommandFailed: No engine answers.
    """
    there = nodes().get(cluster, {})
    if not (there and recorded.nodes):
        answers = engine()
        if answers != recorded.engine:
            raise NotOurs(
                f"cluster {cluster} was made in the container engine {recorded.engine}, and {answers} answers now; "
                "nothing was done",
                hint="docker context ls, or start that engine",
            )
    known = set(recorded.nodes.values()) or _marked(there, recorded.mark)
    for name, container in there.items():
        if container not in known:
            made = ", ".join(each[:12] for each in recorded.nodes.values()) or f"none with the mark {recorded.mark}"
            raise NotOurs(
                f"cluster {cluster} is not the one that promdrill made: its node {name} is container "
                f"{container[:12]}, recorded: {made}; nothing was done",
                hint=f"docker inspect {container[:12]}",
            )
    return there


def _marked(containers: Mapping[str, str], mark: str) -> set[str]:
    """The ids of those that carry the mark."""
    if not containers:
        return set()
    argv = ["docker", "inspect", "--format", "{{.Id}} {{json .HostConfig.Binds}}", *containers.values()]
    lines = shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.splitlines()
    found = {container: json.loads(binds) or [] for container, _, binds in (line.partition(" ") for line in lines)}
    return {each for each, binds in found.items() if any(f":{_MARKED}/{mark}" in bind for bind in binds)}

"""Faults by command: a script in a container, or on the node."""

from __future__ import annotations

from dataclasses import dataclass

from promdrill.core import shell
from promdrill.core.errors import NotOurs
from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.observe.conditions import Condition
from promdrill.observe.snapshot import name_of

COMMAND_TIMEOUT_S = 60.0
"""Seconds for each script: they move or corrupt a few megabytes."""


@dataclass(frozen=True, eq=False)
class RunIn(Fault):
    """Runs a script in a container with sh.

    Attributes:
        what: The fault in words: "kill nginx' main process".
        script: What is run.
        back: A script that undoes it; empty if the change goes with the pod or its volume.
        pod: Prefix of the pod's name; if empty, the server's pod.
        container: Its container; if empty, the server's.
        exit_codes: Exit codes with which either script may end; a script that kills its own container may end with any.
        proof: Conditions that must hold afterwards, all at once.
    """

    what: str
    script: str
    back: str = ""
    pod: str = ""
    container: str = ""
    exit_codes: tuple[int, ...] = (0,)
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        return self.what

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (f"container {self.container or 'of the drilled server'}", "what it has mounted")

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        if self.back:
            undo.register(f"take back: {self.what}", lambda: self._run(ground, self.back))
        self._run(ground, self.script)
        return self.proof

    def _run(self, ground: Ground, script: str) -> None:
        pod = ground.observer.snapshot().pod(self.pod) if self.pod else ground.pod()
        if pod is None:
            raise FaultNotTaken(f"{self.what}: no pod {self.pod}*")
        container, argv = self.container or ground.server.container, ["sh", "-c", script]
        code, output = ground.kube.exec(
            ground.server.namespace, name_of(pod), container, argv, timeout_s=COMMAND_TIMEOUT_S
        )
        if code not in self.exit_codes:
            raise FaultNotTaken(f"{self.what}: exit code {code}: {output.strip()[-300:]}")


@dataclass(frozen=True, eq=False)
class OnNode(Fault):
    """Runs a script as root on the node of the server's pod, as an administrator would.

    Attributes:
        what: The fault in words: "give the folder to root".
        script: What is run with sh.
        back: A script that undoes it; empty if nothing has to be undone.
        proof: Conditions that must hold afterwards, all at once.
    """

    what: str
    script: str
    back: str = ""
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        return self.what

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the node's files that the script names",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        node = ground.pod()["spec"].get("nodeName")
        if not node:
            raise FaultNotTaken(f"{self.what}: the server's pod is on no node")
        if self.back:
            undo.register(f"take back: {self.what}", lambda: _on_node(ground, node, self.back))
        _on_node(ground, node, self.script)
        return self.proof


def _on_node(ground: Ground, node: str, script: str) -> None:
    """A kind node is a container; it is named by the id that was recorded, because anybody may have its name."""
    if node not in ground.nodes:
        raise NotOurs(f"node {node} is none that promdrill made; nothing was done to it")
    shell.run(["docker", "exec", ground.nodes[node], "sh", "-c", script], timeout_s=COMMAND_TIMEOUT_S)

"""Faults of pods: deleting them."""

from __future__ import annotations

from dataclasses import dataclass, field

from promdrill.faults.base import Fault, Ground, Undo
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Snapshot, container_status, name_of


@dataclass(frozen=True, eq=False)
class DeleteServerPod(Fault):
    """Deletes the server's pod; its controller may or may not replace it.

    Attributes:
        proof: Conditions that must hold afterwards, all at once.
    """

    proof: tuple[Condition, ...]

    @property
    def name(self) -> str:
        return "delete the server's pod"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the pod of the drilled server",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        name = name_of(ground.pod())
        undo.register(f"nothing to take back: replacing {name} is up to its controller", lambda: None)
        ground.kube.delete(f"/api/v1/namespaces/{ground.server.namespace}/pods/{name}")
        return self.proof


@dataclass(frozen=True, eq=False)
class RestartServer(DeleteServerPod):
    """Deletes the server's pod, as an eviction or a node drain would; its controller makes another one."""

    proof: tuple[Condition, ...] = field(default=(), init=False)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        uid = str(ground.pod()["metadata"]["uid"])
        super().apply(ground, undo)
        return (replaced(ground.server, uid),)


def replaced(server: Server, uid: str) -> Condition:
    """Another server pod has replaced the one with this UID."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.pods(snapshot)
        new = [pod for pod in pods if pod["metadata"]["uid"] != uid]
        gone = len(new) == len(pods)
        text = ", ".join(name_of(pod) for pod in pods) or "no server pod"
        return Seen(holds=bool(new) and gone, text=text)

    return Condition("another server pod in its place", Kind.POD, judge)


def untouched(server: Server, uid: str, restarts: int) -> Condition:
    """The newest server pod is the one with this UID, and its server container was not restarted since."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.pods(snapshot)
        if not pods:
            return Seen(holds=False, text="no server pod")
        status = container_status(pods[0], server.container)
        count = int(status["restartCount"]) if status else 0
        same = pods[0]["metadata"]["uid"] == uid and count == restarts
        return Seen(holds=same, text=f"{name_of(pods[0])}, {count} restarts")

    return Condition("the same pod, not restarted", Kind.POD, judge)

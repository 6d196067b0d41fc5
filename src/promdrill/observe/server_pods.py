"""Conditions on the server's pods that go beyond readiness: their arguments, no pod at all, or two at once."""

from __future__ import annotations

from promdrill.observe import judges
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Object, Snapshot, name_of


def flag_given(server: Server, flag: str, times: int) -> Condition:
    """The flag appears this many times among the arguments of the server's container in its newest pod.

    Args:
        server: The drilled server.
        flag: Its name without dashes, such as `web.enable-lifecycle`; it may have a value or not.
        times: How many times.
    """

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.pods(snapshot)
        if not pods:
            return Seen(holds=False, text="no server pod")
        containers = (c for c in pods[0]["spec"]["containers"] if c["name"] == server.container)
        given = [arg for c in containers for arg in c.get("args") or () if arg.partition("=")[0] == f"--{flag}"]
        return Seen(holds=len(given) == times, text=f"{name_of(pods[0])}: {' '.join(given) or f'no --{flag}'}")

    return Condition(f"flag {flag} given {times} times", Kind.POD, judge)


def no_server_pod(server: Server) -> Condition:
    """No server pod exists, not even one that is being deleted."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.pods(snapshot, leaving=True)
        return Seen(holds=not pods, text=_words(pods))

    return Condition("no server pod at all", Kind.POD, judge)


def unscheduled(server: Server) -> Condition:
    """There is a server pod, and it is not assigned to a node."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.pods(snapshot)
        waiting = all(pod["status"].get("phase") == "Pending" and not pod["spec"].get("nodeName") for pod in pods)
        return Seen(holds=bool(pods) and waiting, text=_words(pods))

    return Condition("server pod Pending, on no node", Kind.POD, judge)


def old_pod_beside_new(server: Server) -> Condition:
    """There are two server pods: the older is ready in all its containers, the newer is not."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.pods(snapshot, leaving=True)
        holds = len(pods) == 2 and _is_ready(pods[1], server) and not _is_ready(pods[0], server)  # noqa: PLR2004
        return Seen(holds=holds, text=_words(pods))

    return Condition("an old server pod that is ready beside a new one that is not", Kind.POD, judge)


def _is_ready(pod: Object, server: Server) -> bool:
    return judges.readiness((pod,), server.containers, server.containers).holds


def _words(pods: tuple[Object, ...]) -> str:
    return "; ".join(judges.pod_words(pod) for pod in pods) or "no server pod"

"""That the server runs on: what tells a recovery from a crash loop between two crashes.

The baseline's conditions cannot: a container that crashes again and again may be ready, and its metrics valid, for as
long as each of its runs lasts. So recovery also says that nothing was restarted since the remedy, and that each
container of the server's pod has been running for longer than it did when it crashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from promdrill.observe.conditions import Condition, Failure, Kind, Seen
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Object, Snapshot, container_status, is_leaving, moment, name_of

CRASH_RUNS = 2
"""A container must run for this many times as long as it did before it crashed: no two runs take equally long."""

WHOLE_SECOND_S = 1.0
"""Kubernetes cuts times to the second, so a run may be this much shorter than it looks."""


@dataclass(frozen=True, slots=True)
class Run:
    """The server's pod as it was at one moment, ready.

    Attributes:
        uid: Its UID.
        restarts: Restart counts by container.
    """

    uid: str
    restarts: Mapping[str, int]

    @classmethod
    def of(cls, server: Server, snapshot: Snapshot) -> Self | None:
        """The run of the server's only pod; None unless all its containers are ready."""
        if not server.ready().judge(snapshot).holds:
            return None
        pod = server.pods(snapshot)[0]
        return cls(_uid(pod), _restarts(pod))


def not_restarted_since(server: Server, run: Run, what: str) -> Condition:
    """The server's pod is still the one of that run, and no container of it has been restarted.

    Args:
        server: The server, or a replica of it.
        run: What ran.
        what: What had just ended when that ran: ``the remedy``.
    """

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.pods(snapshot)
        if not pods:
            return Seen(holds=False, text="no server pod")
        name, now = name_of(pods[0]), _restarts(pods[0])
        if _uid(pods[0]) != run.uid:
            return Seen(holds=False, text=f"{name} has replaced the pod that was ready when {what} ended")
        more = [f"{c} {n - run.restarts.get(c, 0)} times" for c, n in now.items() if n > run.restarts.get(c, 0)]
        return Seen(holds=not more, text=f"{name}: restarted since: {', '.join(more) or 'nothing'}")

    which = f" in {server.pod_prefix}" if server.replicas > 1 else ""
    return Condition(f"nothing restarted since {what}{which}", Kind.POD, judge)


def restarted_since(server: Server, run: Run, what: str) -> Failure:
    """The opposite of `not_restarted_since`, for a wait that it ends."""
    still = not_restarted_since(server, run, what)

    def judge(snapshot: Snapshot) -> Seen:
        seen = still.judge(snapshot)
        return replace(seen, holds=not seen.holds)

    return Failure(f"the server was restarted after {what}", still.kind, judge)


def passed(since: datetime, for_s: float) -> Condition:
    """So many seconds have passed since a moment, UTC."""

    def judge(snapshot: Snapshot) -> Seen:
        passed_s = (snapshot.utc - since).total_seconds()
        return Seen(holds=passed_s >= for_s, text=f"{passed_s:.0f} s have passed")

    return Condition(f"{for_s:g} s have passed", Kind.OBJECT, judge)


def running_for(server: Server, for_s: float) -> Condition:
    """Each container of the newest server pod, or of all replicas, has been running for more than `for_s` seconds."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = server.whole.pods(snapshot)[: server.replicas]
        if not pods:
            return Seen(holds=False, text="no server pod")
        shortest_s, name = min((_runs_s(pod, snapshot), name_of(pod)) for pod in pods)
        return Seen(holds=shortest_s > for_s, text=f"{name} has been running for {shortest_s:.0f} s")

    return Condition(f"the server has been running for more than {for_s:g} s", Kind.POD, judge)


def _runs_s(pod: Object, snapshot: Snapshot) -> float:
    """Seconds for which all containers of a pod have been running; 0.0 if one is not."""
    began = [_running_since(status) for status in _statuses(pod)]
    runs_s = [(snapshot.utc - at).total_seconds() - WHOLE_SECOND_S for at in began if at is not None]
    return max(0.0, min(runs_s)) if runs_s and len(runs_s) == len(began) else 0.0


def crashed_after_s(server: Server, snapshot: Snapshot) -> float:
    """Seconds for which a server's container ran before its last crash, in any replica; 0.0 if none has crashed."""
    pods = [pod for pod in server.whole.pods(snapshot) if not is_leaving(pod)]
    ended = [
        (state["terminated"], pod)
        for pod in pods
        for state in _states(container_status(pod, server.container))
        if "terminated" in state
    ]
    return max((_took_s(run, pod) for run, pod in ended if run.get("exitCode")), default=0.0)


def _took_s(run: Object, pod: Object) -> float:
    """Seconds that a run took, at most; 0.0 for one that the runtime could not start: its times say nothing."""
    created, began = moment(pod["metadata"].get("creationTimestamp")), moment(run.get("startedAt"))
    ended = moment(run.get("finishedAt"))
    if began is None or ended is None or created is None or began < created:
        return 0.0
    return (ended - began).total_seconds() + WHOLE_SECOND_S


def _states(status: Object | None) -> Sequence[Object]:
    return [(status or {}).get(key) or {} for key in ("state", "lastState")]


def _statuses(pod: Object) -> Sequence[Object]:
    """Status entries of the pod's containers; init containers come and go before them."""
    return (pod.get("status") or {}).get("containerStatuses") or ()


def _running_since(status: Object) -> datetime | None:
    return moment(((status.get("state") or {}).get("running") or {}).get("startedAt"))


def _restarts(pod: Object) -> dict[str, int]:
    return {str(status["name"]): int(status.get("restartCount") or 0) for status in _statuses(pod)}


def _uid(pod: Object) -> str:
    return str(pod["metadata"].get("uid", ""))

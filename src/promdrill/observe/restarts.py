"""When a container was restarted, and how soon Prometheus counts it: the pod's status and kube-state-metrics' samples.

Restarts are recognised by their time and not by their number: a healthy pod's container may already have some, for
instance because a busy node's runtime could not start it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from promdrill.observe import judges
from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.observe.probes import QueryProbe
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Object, Snapshot, container_status, moment, name_of

RESTARTS = "kube_pod_container_status_restarts_total"
"""kube-state-metrics: restartCount of each container."""

WHOLE_SECOND_S = 1.0
"""Kubernetes cuts times to the second: samples from then on were certainly scraped after the moment itself."""


def not_restarted(selector: Mapping[str, str], container: str, *, since: datetime) -> Condition:
    """The container of the newest such pod is running, and its run began before `since`."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = snapshot.select(selector)
        began = _running_since(pods[0], container) if pods else None
        return Seen(holds=began is not None and began < since, text=_words(pods, began))

    return Condition(f"{container} not restarted", Kind.POD, judge)


def restart_counted(
    server: Server, selector: Mapping[str, str], container: str, *, since: datetime, scrapes: int
) -> Condition:
    """The newest such pod's container was restarted, and one of the next `scrapes` samples counts it.

    The restart counts from the moment at which the kubelet reported the pod ready again, in the same update in which it
    raised restartCount: kube-state-metrics could not know of it before.

    Args:
        server: The Prometheus that scrapes kube-state-metrics.
        selector: Labels of the pod.
        container: The container.
        since: UTC time after which it was restarted.
        scrapes: How many samples may pass until one has the new count, itself included.
    """
    promql = f'{RESTARTS}{{namespace="{server.namespace}", container="{container}"}}[5m]'
    probe = QueryProbe(server.query_service, server.port, promql, prefix=server.prefix)

    def judge(snapshot: Snapshot) -> Seen:
        pods = snapshot.select(selector)
        began = _running_since(pods[0], container) if pods else None
        if began is None or began < since.replace(microsecond=0):
            return Seen(holds=False, text=_words(pods, began))
        count = int((container_status(pods[0], container) or {}).get("restartCount", 0))
        ready_s = _ready_since_s(pods[0])
        if not count or ready_s is None:
            return Seen(holds=False, text=_words(pods, began))
        answer = judges.answer_of(snapshot, probe)
        if isinstance(answer, Seen):
            return answer
        samples = _samples(answer.json(), name_of(pods[0]))
        if any(value >= count for at_s, value in samples if at_s < ready_s + WHOLE_SECOND_S):
            return Seen(holds=True, text=f"{count} restarts, counted within the second of the restart")
        after = [value for at_s, value in samples if at_s >= ready_s + WHOLE_SECOND_S]
        late = next((n for n, value in enumerate(after) if value >= count), None)
        if late is None:
            return unknown(f"{count} restarts, not yet counted by {len(after)} samples")
        return Seen(holds=late < scrapes, text=f"{count} restarts, counted by sample {late + 1} after it")

    return Condition(f"counted within {scrapes} scrapes of the restart", Kind.METRIC, judge, (probe,))


def _running_since(pod: Object, container: str) -> datetime | None:
    """When the container's run began; None while it is not running."""
    state = (container_status(pod, container) or {}).get("state") or {}
    return moment((state.get("running") or {}).get("startedAt"))


def _words(pods: Sequence[Object], began: datetime | None) -> str:
    words = "; ".join(map(judges.pod_words, pods)) or "no such pod"
    return f"{words}, running since {began:%H:%M:%SZ}" if began else words


def _ready_since_s(pod: Object) -> float | None:
    """Unix time in seconds at which the pod became ready; None while it is not."""
    found = (c for c in (pod.get("status") or {}).get("conditions") or () if c["type"] == "Ready")
    since = next((moment(c.get("lastTransitionTime")) for c in found if c["status"] == "True"), None)
    return since.timestamp() if since else None


def _samples(body: Any, pod: str) -> Sequence[tuple[float, float]]:
    """The pod's samples in a range selector's answer, oldest first; empty if there is no such answer."""
    if not isinstance(body, dict) or body.get("status") != "success":
        return ()
    series = (item for item in body["data"]["result"] if item["metric"].get("pod") == pod)
    return [(float(at_s), float(value)) for item in series for at_s, value in item["values"]]

"""Conditions on everything else: other pods, claims, any object, exporters, commands in containers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from promdrill.observe import judges, looked
from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.observe.probes import ExecProbe, HttpProbe, MetricsProbe, ObjectProbe
from promdrill.observe.snapshot import EPOCH, Object, Snapshot, container_status, name_of

Selector = Mapping[str, str]
"""Labels that pods carry."""


def object_shows(
    path: str, predicate: Callable[[Object], bool], text: str, *, show: Callable[[Object], str] | None = None
) -> Condition:
    """The API server has an object at `path` for which `predicate` holds.

    Args:
        path: API path, as in ``/api/v1/namespaces/x/services/y``.
        predicate: What is asked of the object, or of the list.
        text: The condition's name.
        show: Puts the object into words; by default, the parts that the predicate read are shown.
    """
    probe = ObjectProbe(path)

    def judge(snapshot: Snapshot) -> Seen:
        answer = judges.answer_of(snapshot, probe)
        if isinstance(answer, Seen):
            return answer
        body = answer.json()
        if answer.status == HTTPStatus.NOT_FOUND:
            return Seen(holds=False, text=f"no {path}")
        if answer.status != HTTPStatus.OK or not isinstance(body, dict):
            return unknown(judges.status_words(answer))
        seen = looked.judged(predicate, body, show)
        return replace(seen, text=seen.text[: judges.LONGEST_QUOTE])

    return Condition(text, Kind.OBJECT, judge, (probe,))


def pods_ready(selector: Selector, n: int) -> Condition:
    """Exactly `n` pods carry the labels, all of them running and ready in every container."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = snapshot.select(selector, leaving=True)
        good = [pod for pod in pods if _is_ready(pod)]
        return Seen(holds=len(good) == len(pods) == n, text=_words(pods))

    return Condition(f"{n} pods ready of {_named(selector)}", Kind.POD, judge)


def no_pod(selector: Selector) -> Condition:
    """No pod carries the labels, not even one that is being deleted."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = snapshot.select(selector, leaving=True)
        return Seen(holds=not pods, text=_words(pods))

    return Condition(f"no pod of {_named(selector)}", Kind.POD, judge)


def ended_with(selector: Selector, container: str, reason: str) -> Condition:
    """A run of the container ended for that reason, such as `OOMKilled`, in the newest such pod."""

    def judge(snapshot: Snapshot) -> Seen:
        pods = snapshot.select(selector)
        status = container_status(pods[0], container) if pods else None
        states = [(status or {}).get(key) or {} for key in ("state", "lastState")]
        ended = [state["terminated"] for state in states if "terminated" in state]
        text = ", ".join(f"{e.get('reason')} (exit code {e.get('exitCode')})" for e in ended) or _words(pods)
        return Seen(holds=any(e.get("reason") == reason for e in ended), text=text)

    return Condition(f"{container} ended: {reason}", Kind.POD, judge)


def claim_phase(name: str, phase: str) -> Condition:
    """The claim is in that phase: `Pending`, `Bound`, `Lost`."""

    def judge(snapshot: Snapshot) -> Seen:
        claim = snapshot.claims.get(name)
        seen = str((claim.get("status") or {}).get("phase")) if claim else "does not exist"
        return Seen(holds=seen == phase, text=f"claim {name}: {seen}")

    return Condition(f"claim {name} {phase}", Kind.VOLUME, judge)


def no_claim(name: str) -> Condition:
    """No claim has that name, not even one that is being deleted."""
    return Condition(
        f"no claim {name}",
        Kind.VOLUME,
        lambda snapshot: Seen(
            holds=name not in snapshot.claims, text=", ".join(map(name_of, snapshot.claims.values())) or "no claims"
        ),
    )


def no_volume(name: str) -> Condition:
    """No volume in the cluster has that name, not even one that is being deleted."""
    return Condition(
        f"no volume {name}",
        Kind.VOLUME,
        lambda snapshot: Seen(
            holds=name not in snapshot.volumes, text=", ".join(map(name_of, snapshot.volumes.values())) or "no volumes"
        ),
    )


def exporter_metric(
    service: str, port: int | str, name: str, predicate: Callable[[float], bool], text: str, **labels: str
) -> Condition:
    """`predicate` holds for the sum of a metric on a Service's /metrics page: the exporter itself is asked."""
    probe = MetricsProbe(service, port, names=frozenset({name}))
    return Condition(
        text, Kind.METRIC, lambda snapshot: judges.metric_value(snapshot, probe, name, predicate, labels), (probe,)
    )


def http_answer(service: str, port: int | str, path: str, status: int, *, pattern: str, text: str) -> Condition:
    """A Service answers GET `path` with that status and a body that matches the pattern."""
    probe, found = HttpProbe(service, port, "GET", path), re.compile(pattern)

    def judge(snapshot: Snapshot) -> Seen:
        answer = judges.answer_of(snapshot, probe)
        if isinstance(answer, Seen):
            return answer
        holds = answer.status == status and found.search(answer.text) is not None
        return Seen(holds=holds, text=judges.status_words(answer))

    return Condition(text, Kind.HTTP, judge, (probe,))


def says(pod: str, container: str, pattern: str, *, since: datetime | None = None) -> Condition:
    """A log line of a container, in a pod whose name has that prefix, matches the pattern; from `since` on."""
    found = re.compile(pattern)

    def judge(snapshot: Snapshot) -> Seen:
        return judges.log_line(
            snapshot,
            pod,
            container,
            lambda text: found.search(text) is not None,
            since=since or EPOCH,
            restart=None,
        )

    return Condition(f"log of {pod}*/{container} has /{pattern}/", Kind.LOG, judge)


def command(
    text: str, pod: str, container: str, argv: Sequence[str], *, exit_code: int = 0, pattern: str = ""
) -> Condition:
    """A read-only command, run in a container, ends with that exit code and its output matches the pattern."""
    probe, found = ExecProbe(pod, container, tuple(argv)), re.compile(pattern, re.MULTILINE)

    def judge(snapshot: Snapshot) -> Seen:
        answer = judges.answer_of(snapshot, probe)
        if isinstance(answer, Seen):
            return answer
        if answer.status is None:
            return unknown(answer.error)
        said = " ".join(answer.text.split())[: judges.LONGEST_QUOTE]
        holds = answer.status == exit_code and found.search(answer.text) is not None
        return Seen(holds=holds, text=f"exit code {answer.status}: {said}")

    return Condition(text, Kind.OBJECT, judge, (probe,))


def _is_ready(pod: Object) -> bool:
    status: dict[str, Any] = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    leaving = pod["metadata"].get("deletionTimestamp")
    return bool(containers) and not leaving and all(c.get("ready") for c in containers)


def _words(pods: Sequence[Object]) -> str:
    return "; ".join(judges.pod_words(pod) for pod in pods) or "no such pod"


def _named(selector: Selector) -> str:
    return ",".join(f"{key.rpartition('/')[2]}={value}" for key, value in selector.items())

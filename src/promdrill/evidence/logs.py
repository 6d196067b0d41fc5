"""The logs of every container of every pod: of its current run, and of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.core.redact import redact_lines
from promdrill.evidence.sources import Collector, Sources, containers, left_s
from promdrill.evidence.store import Artefact, Missing
from promdrill.observe.snapshot import container_status

LOGS_S = 20.0
"""Seconds for all logs; the kubelet keeps at most 10 MiB of each, which take a second."""

LOG_S = 5.0
"""Seconds for one log."""


def collectors() -> tuple[Collector, ...]:
    """One collector for all logs, so that they share the space that is left."""
    return (Collector("logs", LOGS_S, _logs),)


def _logs(sources: Sources, deadline: Deadline) -> Iterator[Artefact | Missing]:
    wanted = [
        (pod["metadata"]["name"], container, previous)
        for pod in sources.pods(deadline)
        for container in containers(pod)
        for previous in _runs(pod, container)
    ]
    for index, (pod, container, previous) in enumerate(wanted):
        path = f"logs/{pod}/{container}{'.previous' if previous else ''}.log"
        if deadline.passed:
            yield Missing(path, f"no time was left after {deadline.budget_s:.0f} s")
            continue
        try:
            text = _read(sources, deadline, pod, container, previous=previous)
        except ClusterError as error:
            yield Missing(path, error.message)
        else:
            yield Artefact(path, redact_lines(text), cut=True, share=len(wanted) - index)


def _runs(pod: Mapping[str, Any], container: str) -> list[bool]:
    """Which logs exist: the current run's (False) once there was one, the previous run's (True) after a restart."""
    status = container_status(dict(pod), container) or {}
    ended_before = bool((status.get("lastState") or {}).get("terminated"))
    began = bool(status.get("containerID")) or ended_before
    return [*([False] if began else []), *([True] if ended_before else [])]


def _read(sources: Sources, deadline: Deadline, pod: str, container: str, *, previous: bool) -> str:
    asked = {"container": container, "timestamps": "true", **({"previous": "true"} if previous else {})}
    path = f"/api/v1/namespaces/{sources.namespace}/pods/{pod}/log?{urlencode(asked)}"
    answer = sources.kube.request("GET", path, timeout_s=min(LOG_S, left_s(deadline)), retry=False)
    if answer.status != HTTPStatus.OK:
        raise ClusterError(f"HTTP {answer.status}: {answer.text.strip()[:300]}")
    return answer.text

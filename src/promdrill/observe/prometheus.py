"""Questions that Prometheus is asked once, outside of waits: for sample accounting, and to compare before and after."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from promdrill.core.errors import ClusterError
from promdrill.kube.client import Kube
from promdrill.observe.probes import Labels, query_path
from promdrill.observe.server import Server

Series: TypeAlias = dict[Labels, list[tuple[float, float]]]
"""Samples by labels: (Unix seconds, value), oldest first."""

QUERY_TIMEOUT_S = 10.0
"""Seconds for one query: a drill's database holds minutes, and answers in milliseconds."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A query's answer, for comparison with a later one.

    Attributes:
        promql: The expression.
        at_s: Evaluation time in Unix seconds.
        result: Labels and value of each element.
    """

    promql: str
    at_s: float
    result: frozenset[tuple[Labels, float]]


def remember(kube: Kube, server: Server, promql: str, at_s: float) -> Remembered:
    """Evaluate a query for one moment, so that the same query can be asked again after the incident.

    Raises:
        ClusterError: It was not answered, or the result is empty, which would prove nothing later.
    """
    result = instant(kube, server, promql, at_s)
    if not result:
        raise ClusterError(f"the query {promql} has an empty result at {at_s:.3f}: nothing to remember")
    return Remembered(promql, at_s, frozenset(result.items()))


def instant(kube: Kube, server: Server, promql: str, at_s: float | None = None) -> dict[Labels, float]:
    """Result of an instant query (a vector, or a scalar without labels), at Unix second `at_s` or now.

    Raises:
        ClusterError: The query was not answered, or failed.
    """
    data = _ask(kube, server, query_path(promql, at_s))
    if data["resultType"] == "scalar":
        return {frozenset(): float(data["result"][1])}
    return {frozenset(item["metric"].items()): float(item["value"][1]) for item in data["result"]}


def samples(kube: Kube, server: Server, selector: str, *, start_s: float, end_s: float) -> Series:
    """The stored samples of a selector after `start_s` up to `end_s`, each with its own time; nothing is filled in.

    Raises:
        ClusterError: The query was not answered, or failed.
    """
    span_ms = max(1, round((end_s - start_s) * 1000))
    return _series(_ask(kube, server, query_path(f"{selector}[{span_ms}ms]", end_s)))


def buildinfo(kube: Kube, server: Server) -> dict[str, str]:
    """The running server's own build information: version, revision, goVersion and so on.

    Raises:
        ClusterError: The query was not answered, or failed.
    """
    try:
        return {str(k): str(v) for k, v in _ask(kube, server, "/api/v1/status/buildinfo").items()}
    except _NotServed:  # before Prometheus 2.14 there is only the metric
        found = instant(kube, server, "prometheus_build_info")
        return dict(next(iter(found), frozenset()))


class _NotServed(ClusterError):
    """Raised for status 404: this version does not have the page."""


def _ask(kube: Kube, server: Server, path: str) -> Any:
    place = f"/api/v1/namespaces/{server.namespace}/services/{server.service}:{server.port}/proxy"
    answer = kube.request("GET", f"{place}{path}", timeout_s=QUERY_TIMEOUT_S)
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status == HTTPStatus.OK and isinstance(body, dict) and body.get("status") == "success":
        return body["data"]
    error = _NotServed if answer.status == HTTPStatus.NOT_FOUND else ClusterError
    raise error(
        f"Prometheus ({server.service}) does not answer {path}: HTTP {answer.status} {answer.text[:500].strip()}"
    )


def _series(data: Any) -> Series:
    if data["resultType"] != "matrix":
        raise ClusterError(f"expected a matrix, not a {data['resultType']}")
    return {
        frozenset(item["metric"].items()): [(float(t), float(v)) for t, v in item["values"]] for item in data["result"]
    }

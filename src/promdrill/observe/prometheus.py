"""Questions that Prometheus is asked once, outside of waits: for sample accounting, and to compare before and after."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

import yaml

from promdrill.core.errors import ClusterError
from promdrill.kube.client import Answer, Kube
from promdrill.observe.poll import parse_metrics
from promdrill.observe.probes import Labels, query_path
from promdrill.observe.quantity import duration_s
from promdrill.observe.server import Server
from promdrill.observe.targets import ACTIVE, Target, of_drill

Series: TypeAlias = dict[Labels, list[tuple[float, float]]]
"""Samples by labels: (Unix seconds, value), oldest first."""

QUERY_TIMEOUT_S = 10.0
"""Seconds for one query: a drill's database holds minutes, and answers in milliseconds."""

OLDEST = "prometheus_tsdb_lowest_timestamp_seconds"
"""Where the oldest block begins, or the head where there is no block, in Unix seconds; in all of 2.x and 3.x."""

HEAD_BEGINS = "prometheus_tsdb_head_min_time_seconds"
"""Where the head begins; what is older is in blocks."""

BLOCKS = "prometheus_tsdb_blocks_loaded"
"""Number of blocks."""

UP = 1.0
"""Value of ``up`` when the target was scraped. A failed scrape stores ``up`` too: that is no sample of the target."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """How many samples were stored in a stretch of time, for comparison with a later count.

    Attributes:
        promql: The expression that counts them.
        at_s: Evaluation time in Unix seconds: the end of the stretch.
        result: Labels and count of each series.
    """

    promql: str
    at_s: float
    result: frozenset[tuple[Labels, float]]


def history(kube: Kube, server: Server, *, since_s: float, until_s: float, stretch_s: float) -> tuple[Remembered, ...]:
    """What is stored up to a moment: counts of samples over stretches of time that leave nothing out.

    All that is in blocks is one stretch, so that a block that cannot be read is noticed, whichever it is. What is in
    the head, which is everything as long as there is no block, is two if it is long enough.

    Args:
        kube: The API server.
        server: The drilled server.
        since_s: Where the first stretch begins if the server does not say what its oldest sample is, in Unix seconds.
        until_s: Where the last one ends, in Unix seconds.
        stretch_s: The least seconds of each of the last two.

    Raises:
        ClusterError: A query was not answered, or nothing is stored in the last stretch, which proves nothing later.
    """
    page = _page(kube, server, frozenset({OLDEST, HEAD_BEGINS, BLOCKS}))
    began_s, head_s = page.get(OLDEST, since_s), page.get(HEAD_BEGINS, since_s)
    first_s = began_s if began_s < until_s else since_s
    cuts_s = [first_s]
    if page.get(BLOCKS) and first_s < head_s < until_s:
        cuts_s.append(head_s)
    if (half_s := (until_s - cuts_s[-1]) / 2) >= stretch_s:
        cuts_s.append(cuts_s[-1] + half_s)
    cuts_s.append(until_s)
    found = tuple(_counted(kube, server, *stretch) for stretch in itertools.pairwise(cuts_s))
    if not found[-1].result:
        raise ClusterError(f"the query {found[-1].promql} has an empty result at {until_s:.3f}: nothing to remember")
    return tuple(remembered for remembered in found if remembered.result)


def _counted(kube: Kube, server: Server, begin_s: float, end_s: float) -> Remembered:
    promql = f"count_over_time(up[{math.ceil((end_s - begin_s) * 1000) + 1}ms])"  # from 3.0 on, begin is not included
    return Remembered(promql, end_s, frozenset(instant(kube, server, promql, end_s).items()))


def targets(kube: Kube, server: Server, *, since_s: float, until_s: float, interval_s: float) -> tuple[Target, ...]:
    """The active targets of the drill: how often each is scraped, and its first sample between two moments.

    Args:
        kube: The API server.
        server: The drilled server.
        since_s: The earlier moment, in Unix seconds.
        until_s: The later one.
        interval_s: Scrape interval of a target of which the server does not say it.

    Raises:
        ClusterError: A question was not answered.
        UsageError: An interval is not a duration.
    """
    active = of_drill(_ask(kube, server, ACTIVE)["activeTargets"], server.namespace)
    of_job = {} if all(each.get("scrapeInterval") for each in active) else _intervals(kube, server)
    first_s = {
        labels - {("__name__", "up")}: at_s
        for labels, points in samples(kube, server, "up", start_s=since_s, end_s=until_s).items()
        for at_s, value in reversed(points)
        if value == UP
    }

    def target(each: dict[str, Any]) -> Target:
        labels = frozenset(each["labels"].items())
        stated = each.get("scrapeInterval") or of_job.get((each.get("discoveredLabels") or {}).get("job", ""))
        every_s = duration_s(stated, f"scrape interval of {each['labels'].get('job')}") if stated else interval_s
        return Target(labels, every_s, first_s.get(labels))

    return tuple(map(target, active))


def _intervals(kube: Kube, server: Server) -> dict[str, str]:
    """The scrape interval of each job by its name, from the running configuration: targets have one from 2.30 on."""
    running = yaml.safe_load(_ask(kube, server, "/api/v1/status/config")["yaml"])
    jobs = (running or {}).get("scrape_configs") or []
    return {str(job["job_name"]): str(job["scrape_interval"]) for job in jobs if "scrape_interval" in job}


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


def _get(kube: Kube, server: Server, path: str) -> Answer:
    place = f"/api/v1/namespaces/{server.namespace}/services/{server.query_service}:{server.port}/proxy{server.prefix}"
    return kube.request("GET", f"{place}{path}", timeout_s=QUERY_TIMEOUT_S)


def _ask(kube: Kube, server: Server, path: str) -> Any:
    answer = _get(kube, server, path)
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status == HTTPStatus.OK and isinstance(body, dict) and body.get("status") == "success":
        return body["data"]
    raise _unanswered(server, path, answer)


def _page(kube: Kube, server: Server, names: frozenset[str]) -> dict[str, float]:
    """The values of metrics without labels, from the server's /metrics; without those that it does not have."""
    answer = _get(kube, server, "/metrics")
    if answer.status != HTTPStatus.OK:
        raise _unanswered(server, "/metrics", answer)
    try:
        return {name: value for (name, _), value in parse_metrics(answer.text, names).items()}
    except ValueError as error:
        raise ClusterError(f"Prometheus ({server.query_service}): /metrics is no page of metrics: {error}") from error


def _unanswered(server: Server, path: str, answer: Answer) -> ClusterError:
    error = _NotServed if answer.status == HTTPStatus.NOT_FOUND else ClusterError
    return error(
        f"Prometheus ({server.query_service}) does not answer {path}: HTTP {answer.status} {answer.text[:500].strip()}"
    )


def _series(data: Any) -> Series:
    if data["resultType"] != "matrix":
        raise ClusterError(f"expected a matrix, not a {data['resultType']}")
    return {
        frozenset(item["metric"].items()): [(float(t), float(v)) for t, v in item["values"]] for item in data["result"]
    }

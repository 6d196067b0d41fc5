"""What the drilled Prometheus says about itself, and how full its volumes are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.core.redact import redact, redact_lines, redact_text
from promdrill.evidence.sources import Collector, Sources, containers, left_s
from promdrill.evidence.store import Artefact, Missing
from promdrill.observe import df

DF_S = 5.0
"""Seconds for `df`, which answers in milliseconds unless its file system hangs."""

PAGES_S = 12.0
"""Seconds for all pages of Prometheus."""

PAGE_S = 3.0
"""Seconds for one page by one route: the database has only minutes of data."""

PAGES = {
    "buildinfo": "/api/v1/status/buildinfo",
    "runtimeinfo": "/api/v1/status/runtimeinfo",
    "targets": "/api/v1/targets",
    "rules": "/api/v1/rules",
    "config": "/api/v1/status/config",
    "flags": "/api/v1/status/flags",
    "tsdb": "/api/v1/status/tsdb",
}


def collectors() -> tuple[Collector, ...]:
    """Two collectors: `df`, and Prometheus' pages."""
    return (Collector("df", DF_S, _df), Collector("prometheus", PAGES_S, _pages))


def _df(sources: Sources, deadline: Deadline) -> Iterator[Artefact | Missing]:
    container = sources.server.container
    pods = _server_pods(sources, deadline)
    if not pods:
        yield Missing("df", f"no pod has a container {container}")
    for pod in pods:
        said = []
        try:
            for argv in (df.BYTES, df.INODES):
                left = left_s(deadline)
                exit_code, output = sources.kube.exec(
                    sources.namespace, pod, container, argv, timeout_s=left, reads=True
                )
                said.append(f"$ {' '.join(argv)}  # exit code {exit_code}\n{output}")
        except ClusterError as error:
            yield Missing(f"df/{pod}", error.message)
        if said:
            yield Artefact(f"df/{pod}.txt", redact_lines("\n".join(said)), cut=True)


def _pages(sources: Sources, deadline: Deadline) -> Iterator[Artefact | Missing]:
    routes = _routes(sources, deadline)
    for name, path in PAGES.items():
        try:
            data, route = _ask(sources, deadline, routes, path)
        except ClusterError as error:
            yield Missing(f"prometheus/{name}", error.message)
            continue
        routes.sort(key=lambda known: known != route)  # the one that answered comes first
        yield _page(name, data)


def _page(name: str, data: Any) -> Artefact:
    if name == "config" and isinstance(data, dict) and isinstance(data.get("yaml"), str):
        return Artefact("prometheus/config.yaml", redact_text(data["yaml"]))
    return Artefact(f"prometheus/{name}.json", json.dumps(redact(data), indent=2) + "\n")


def _routes(sources: Sources, deadline: Deadline) -> list[str]:
    """The service's proxy, which serves ready pods only, then the pods' own."""
    server = sources.server
    space = f"/api/v1/namespaces/{sources.namespace}"
    service = f"{space}/services/{server.query_service}:{server.port}/proxy{server.prefix}"
    try:
        pods = _server_pods(sources, deadline)
    except ClusterError:
        return [service]  # the missing pods are recorded where they are listed
    return [service, *(f"{space}/pods/{pod}:{server.pod_port}/proxy{server.prefix}" for pod in pods)]


def _ask(sources: Sources, deadline: Deadline, routes: list[str], path: str) -> tuple[Any, str]:
    """The data of a page, and the route by which it came.

    Raises:
        ClusterError: No route worked.
    """
    errors = []
    for route in routes:
        if deadline.passed:
            errors.append(f"no time was left after {deadline.budget_s:.0f} s")
            break
        place = "/".join(route.split("/")[-3:-1])
        try:
            answer = sources.kube.request("GET", f"{route}{path}", timeout_s=min(PAGE_S, left_s(deadline)), retry=False)
            body = answer.json()
        except ClusterError as error:
            errors.append(f"{place}: {error.message}")
        except ValueError:
            errors.append(f"{place}: HTTP {answer.status}: {answer.text.strip()[:200]}")
        else:
            if answer.status == HTTPStatus.OK and isinstance(body, dict) and body.get("status") == "success":
                return body.get("data"), route
            errors.append(f"{place}: HTTP {answer.status}: {answer.text.strip()[:200]}")
    raise ClusterError("; ".join(errors))


def _server_pods(sources: Sources, deadline: Deadline) -> list[str]:
    return [pod["metadata"]["name"] for pod in sources.pods(deadline) if sources.server.container in containers(pod)]

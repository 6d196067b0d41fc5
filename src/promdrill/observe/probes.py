"""What is asked of Prometheus, of containers and of the API server: frozen, hashable questions, and their answers.

Questions travel through the API server's proxy. By default the service is asked, as any client in the cluster would ask
it; a service without a ready pod answers 503, which is an answer. A question with `pod` goes to the newest pod whose
name starts with it, ready or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlencode

from promdrill.kube.answer import speaks_tls

Labels: TypeAlias = frozenset[tuple[str, str]]
"""A metric's labels."""

AGE_QUERY = "time() - max(timestamp(up))"
"""Age of the newest stored sample in seconds. A query still sees a sample for five minutes (the lookback), so `up`
alone looks healthy for a while on a full volume; its timestamp does not."""

LOGIN_WANTED = "it asks for a login, and LOGIN=FILE names none, or a wrong one"
"""What is said of an answer with status 401 that is Prometheus' own."""

TLS_WANTED = "it speaks TLS, and LOGIN=FILE names no authority for it (ca = FILE)"
"""What is said of the answer of a server that speaks TLS."""

Vector: TypeAlias = Mapping[Labels, float]
"""Values by labels."""


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """One HTTP request; a non-2xx status is an answer like any other.

    Attributes:
        service: Name of the Service in the drill's namespace.
        port: Port of the Service, by number or name.
        method: HTTP method.
        path: Path and query, as Prometheus sees them.
        pod: If set, the newest pod whose name starts with it is asked instead of the service.
        pod_port: Port of the pod, used with `pod`.
    """

    service: str
    port: int | str
    method: str
    path: str
    pod: str = ""
    pod_port: int = 9090


@dataclass(frozen=True, slots=True)
class QueryProbe:
    """One instant PromQL query.

    Attributes:
        service: See `HttpProbe`.
        port: See `HttpProbe`.
        promql: The expression.
        at_s: Evaluation time in Unix seconds; now when None.
        prefix: Path under which the service passes queries on to Prometheus, as a Grafana data source does.
    """

    service: str
    port: int | str
    promql: str
    at_s: float | None = None
    prefix: str = ""

    @property
    def path(self) -> str:
        """Path and query of the request."""
        return f"{self.prefix}{query_path(self.promql, self.at_s)}"


@dataclass(frozen=True, slots=True)
class MetricsProbe:
    """One reading of a /metrics page. It bypasses the database, so it works when nothing can be stored.

    Attributes:
        service: See `HttpProbe`.
        port: See `HttpProbe`.
        path: Path of the page.
        names: Sample names to keep; all when empty.
        pod: See `HttpProbe`.
        pod_port: See `HttpProbe`.
    """

    service: str
    port: int | str
    path: str = "/metrics"
    names: frozenset[str] = frozenset()
    pod: str = ""
    pod_port: int = 9090


@dataclass(frozen=True, slots=True)
class ExecProbe:
    """One command run in a container; it must only read.

    Attributes:
        pod: The pod's name.
        container: The container's name.
        argv: The command.
    """

    pod: str
    container: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ObjectProbe:
    """One reading of an object, or of a page, that the API server itself serves.

    Attributes:
        path: Path and query, as in ``/api/v1/namespaces/x/services/y``.
    """

    path: str


Probe: TypeAlias = HttpProbe | QueryProbe | MetricsProbe | ExecProbe | ObjectProbe


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What came back, or why nothing did. An answer never raises.

    Attributes:
        sent_s: Monotonic seconds when the question left.
        answered_s: Monotonic seconds when the answer arrived.
        utc: UTC time of the answer.
        status: HTTP status, or the exit code of an `ExecProbe`; None when nobody answered.
        text: Body or output.
        metrics: Of a `MetricsProbe` with status 200: values by (sample name, labels).
        error: Why there is no usable answer, in words; empty when there is one.
        refused: Whether the question never reached Prometheus, because the API server refused or did not answer.
        untrusted: Whether it was not asked, because it shows a certificate that nobody trusts; `error` says so.
    """

    sent_s: float
    answered_s: float
    utc: datetime
    status: int | None
    text: str = ""
    metrics: Mapping[tuple[str, Labels], float] | None = None
    error: str = ""
    refused: bool = False
    untrusted: bool = False

    @property
    def from_no_pod(self) -> bool:
        """Whether no pod answered: nobody did, or the API server did instead."""
        body = self.json()
        return self.status is None or (isinstance(body, dict) and body.get("kind") == "Status" and "apiVersion" in body)

    @property
    def wants_login(self) -> bool:
        """Whether Prometheus, and not the API server, refused for want of a login, or of the right one."""
        return self.status == HTTPStatus.UNAUTHORIZED and not self.from_no_pod

    @property
    def wants_tls(self) -> bool:
        """Whether Prometheus was asked without TLS, which it speaks."""
        return speaks_tls(self.status, self.text)

    def json(self) -> Any:
        """The body as JSON; None if it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    def vector(self) -> dict[Labels, float] | None:
        """A query's result by labels (a scalar has none); None if the query was not answered."""
        body = self.json()
        if self.status != HTTPStatus.OK or not isinstance(body, dict) or body.get("status") != "success":
            return None
        data = body["data"]
        if data["resultType"] == "scalar":
            return {frozenset(): float(data["result"][1])}
        return {frozenset(item["metric"].items()): float(item["value"][1]) for item in data["result"]}

    def total(self, name: str, **labels: str) -> float | None:
        """Sum of a metric's samples that carry `labels`; None if there is none."""
        wanted = frozenset(labels.items())
        values = [v for (n, has), v in (self.metrics or {}).items() if n == name and wanted <= has]
        return sum(values) if values else None


def query_path(promql: str, at_s: float | None = None) -> str:
    """Path and query of an instant query."""
    asked = {"query": promql} if at_s is None else {"query": promql, "time": f"{at_s:.3f}"}
    return f"/api/v1/query?{urlencode(asked)}"

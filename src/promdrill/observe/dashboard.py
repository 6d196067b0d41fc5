"""Dashboards: from a dashboard's JSON to its panels' queries, as Grafana would send them, and whether they have data.

If a Grafana runs beside the drilled Prometheus, queries go through its data source proxy, as a panel's do; otherwise
they go to Prometheus itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from promdrill.core import paths
from promdrill.core.errors import ClusterError, PromdrillError, UsageError
from promdrill.observe import judges
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.others import pods_ready
from promdrill.observe.probes import QueryProbe, Vector
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Object, Snapshot

__all__ = ["GRAFANA_IMAGE", "Panel", "Source", "config_map", "panels", "provisioned", "shipped"]

GRAFANA_IMAGE = "docker.io/grafana/grafana:10.4.0"
"""The one of manifests/grafana: what kube-prometheus-stack 57.1.0 brings."""

GRAFANA_SERVICE, GRAFANA_PORT = "grafana", 3000
"""The Service of manifests/grafana."""

DATA_SOURCE = "prometheus"
"""UID of the data source that manifests/grafana provisions."""

SHIPPED_URL = "http://prometheus-server:80"
"""Address of Prometheus in manifests/grafana: that of a release named prometheus."""

LABEL = {"grafana_dashboard": "1"}
"""Label of a ConfigMap that holds a dashboard: the sidecar of Grafana's chart looks for it."""

RATE_SCRAPES = 4
"""Grafana's documentation, Prometheus template variables: $__rate_interval is the larger of $__interval plus the scrape
interval, and four times the scrape interval; the latter while $__interval is at its least, the scrape interval."""

_VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+)\]\]|\$\{(\w+)(?::\w+)?\}")
"""Grafana's documentation, variable syntax: $name, [[name]], ${name} and ${name:format}."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One query of a panel.

    Attributes:
        title: The panel's title.
        promql: The expression, variables filled in.
    """

    title: str
    promql: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the queries of panels go.

    Attributes:
        service: Name of the Service.
        port: Its port.
        prefix: See `QueryProbe`.
        words: Who answers them: "Prometheus itself".
    """

    service: str
    port: int | str
    prefix: str
    words: str

    @classmethod
    def of(cls, server: Server, *, grafana: bool) -> Source:
        """Grafana's data source proxy (``GET /api/datasources/proxy/uid/:uid/*`` of its HTTP API), or Prometheus."""
        if grafana:
            prefix = f"/api/datasources/proxy/uid/{DATA_SOURCE}"
            return cls(GRAFANA_SERVICE, GRAFANA_PORT, prefix, f"Grafana's data source {DATA_SOURCE}")
        return cls(server.query_service, server.port, server.prefix, "Prometheus itself")

    @property
    def remark(self) -> str:
        """For the result: who answered the panels' queries."""
        return f"panel queries asked {self.words}"

    @property
    def ready(self) -> tuple[Condition, ...]:
        """What must hold before it can be asked, apart from Prometheus being ready."""
        return (pods_ready({"app": GRAFANA_SERVICE}, 1),) if self.service == GRAFANA_SERVICE else ()

    def objects(self, server: Server) -> list[Object]:
        """What has to run beside Prometheus: manifests/grafana, its data source pointed at this Prometheus."""
        if self.service != GRAFANA_SERVICE:
            return []
        files = sorted((paths.manifests_dir() / "grafana").glob("*.yaml"))
        url = f"http://{server.query_service}:{server.port}{server.prefix}"
        texts = [file.read_text(encoding="utf-8").replace(SHIPPED_URL, url) for file in files]
        return [obj for text in texts for obj in yaml.safe_load_all(text)]

    def query(self, promql: str, predicate: Callable[[Vector], bool], text: str) -> Condition:
        """`predicate` holds for the result of an instant query now, even an empty one."""
        probe = self._probe(promql)
        return Condition(text, Kind.METRIC, lambda snapshot: judges.vector_of(snapshot, probe, predicate), (probe,))

    def each_answers(self, panels: Sequence[Panel], of: str) -> Condition:
        """Each panel `of` a dashboard has data: its query has a result that is not empty."""
        return self._panels(panels, f"data in each panel of {of}", wanted=True)

    def none_answers(self, panels: Sequence[Panel], of: str) -> Condition:
        """No panel `of` a dashboard has data, although each query is answered: Grafana shows "No data"."""
        return self._panels(panels, f"no data in any panel of {of}", wanted=False)

    def dashboard_answers(self, configmap: Object, *, scrape_interval_s: float, at_least: int) -> Condition:
        """Each panel of the dashboard in a ConfigMap has data, and there are at least `at_least` panels.

        It does not hold for a dashboard that cannot be read or has too few panels: the correction may have broken it.
        """
        name = configmap["metadata"]["name"]
        try:
            found = panels(provisioned(configmap), scrape_interval_s=scrape_interval_s)
        except PromdrillError as error:
            return _never(f"data in each panel of {name}", error.message)
        if len(found) < at_least:
            return _never(f"data in each panel of {name}", f"only {len(found)} panels, not {at_least}")
        return self.each_answers(found, name)

    def _panels(self, panels: Sequence[Panel], name: str, *, wanted: bool) -> Condition:
        if not panels:
            raise ValueError("a dashboard without panels would always, or never, have data")
        probes = {panel: self._probe(panel.promql) for panel in panels}

        def judge(snapshot: Snapshot) -> Seen:
            seen = {p: judges.vector_of(snapshot, probe, bool) for p, probe in probes.items()}
            unlike = {p: s for p, s in seen.items() if not s.known or s.holds is not wanted}
            known = not unlike or any(s.known for s in unlike.values())
            words = "; ".join(f"{p.title}: {s.text[:80]}" for p, s in (unlike or seen).items())
            return Seen(holds=not unlike, text=words, known=known)

        return Condition(name, Kind.METRIC, judge, tuple(dict.fromkeys(probes.values())))

    def _probe(self, promql: str) -> QueryProbe:
        return QueryProbe(self.service, self.port, promql, prefix=self.prefix)


def _never(name: str, why: str) -> Condition:
    return Condition(name, Kind.METRIC, lambda _: Seen(holds=False, text=why))


def panels(dashboard: Mapping[str, Any], *, scrape_interval_s: float) -> tuple[Panel, ...]:
    """The queries of a dashboard's panels, including those in rows, without hidden ones.

    Args:
        dashboard: The dashboard's JSON.
        scrape_interval_s: The scrape interval that is set in the data source, in seconds.

    Raises:
        UsageError: It has none.
    """
    values = _values(dashboard, scrape_interval_s)
    found = tuple(
        Panel(str(panel.get("title", "")), _filled(str(target["expr"]), values))
        for panel in _panels_of(dashboard)
        for target in panel.get("targets") or ()
        if target.get("expr") and not target.get("hide")
    )
    if not found:
        raise UsageError(f"dashboard {dashboard.get('title')!r} has no panel with a query")
    return found


def provisioned(configmap: Object) -> dict[str, Any]:
    """The dashboard that a ConfigMap holds.

    Raises:
        ClusterError: It does not hold exactly one dashboard, or that is not JSON.
    """
    name = configmap["metadata"]["name"]
    texts = [text for file, text in (configmap.get("data") or {}).items() if file.endswith(".json")]
    if len(texts) != 1:
        raise ClusterError(f"ConfigMap {name} holds {len(texts)} dashboards, not one")
    try:
        dashboard = json.loads(texts[0])
    except ValueError as error:
        raise ClusterError(f"the dashboard of ConfigMap {name} is not JSON: {error}") from error
    if not isinstance(dashboard, dict):
        raise ClusterError(f"the dashboard of ConfigMap {name} is not an object")
    return dashboard


def shipped(file: str) -> str:
    """Text of a dashboard in manifests/dashboards."""
    return (paths.manifests_dir() / "dashboards" / file).read_text(encoding="utf-8")


def config_map(name: str, file: str, text: str) -> Object:
    """A ConfigMap from which Grafana takes a dashboard."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": dict(LABEL)},
        "data": {file: text},
    }


def _panels_of(within: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for panel in within.get("panels") or ():
        yield panel
        yield from _panels_of(panel)


def _values(dashboard: Mapping[str, Any], scrape_interval_s: float) -> dict[str, str]:
    """What Grafana replaces each variable with: its own ones, and the dashboard's with their current values."""
    variables = (dashboard.get("templating") or {}).get("list") or ()
    current = {str(v["name"]): (v.get("current") or {}).get("value", "") for v in variables}
    return {
        "__interval": _duration(scrape_interval_s),
        "__rate_interval": _duration(RATE_SCRAPES * scrape_interval_s),
        **{name: f"({'|'.join(value)})" if isinstance(value, list) else str(value) for name, value in current.items()},
    }


def _filled(promql: str, values: Mapping[str, str]) -> str:
    """The expression with its variables filled in; one that the dashboard does not define stays as it is.

    That is what Grafana's templating service does (@grafana/runtime, TemplateSrv: "equal match when variable not
    found"), so that a matcher on such a variable asks for a label with a dollar sign in its value.
    """
    return _VARIABLE.sub(lambda found: values.get(next(filter(None, found.groups())), found[0]), promql)


def _duration(seconds: float) -> str:
    return f"{seconds:g}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"

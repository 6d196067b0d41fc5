"""kube-prometheus-stack: a Helm release whose Prometheus is made by the operator that comes with it.

Scenarios are written for prometheus 25.8.0. Most of their values have other keys in this chart, listed in
`promdrill.helm.compatibility.stack`. What has another form here is added below: the release's own names, its class, the
scrape jobs, the rules and the flags. The values file then says nothing in the other chart's keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.chart import ChartRef
from promdrill.helm.command import Helm
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at, keys, nested
from promdrill.helm.source import files as charts
from promdrill.helm.values import edit as editing
from promdrill.install.itself import scraping_itself
from promdrill.install.operated import NAME_LABEL, PORT, prefix_of
from promdrill.install.release import Release
from promdrill.kube.client import Kube
from promdrill.observe.quantity import duration_s
from promdrill.observe.server import Server

OPERATORS_SCRAPE_INTERVAL = "30s"
"""What the operator writes into the configuration where the Prometheus object names none."""

_HASHED = 6
_TEMPLATE = re.compile(r"{{-? *\.Release\.(Name|Namespace) *-?}}")
_LISTED, _WRITTEN = ("serverFiles", "prometheus.yml", "scrape_configs"), ("extraScrapeConfigs",)
_RULES = (("serverFiles", "recording_rules.yml"), ("serverFiles", "alerting_rules.yml"))
_FLAGS = ("server", "extraArgs")
_HEADER = "# The scenario's values, in the keys of kube-prometheus-stack.\n"


@dataclass(frozen=True)
class Stack(Release):
    """One release of kube-prometheus-stack."""

    @property
    def fullname(self) -> str:
        """The full name that the chart's objects, and ClusterRoles, derive from: the release, shortened uniquely."""
        return _shortened(self.name)

    @property
    def server(self) -> Server:
        """The names that the chart gives to the Prometheus object, and the operator to the objects that it makes.

        Those where the values change nothing; `promdrill.install.operated` finds the others.
        """
        prometheus = f"{self.fullname}-prometheus"
        stateful_set = f"prometheus-{prometheus}"
        return Server(
            self.namespace,
            self.name,
            stateful_set,
            container="prometheus",
            reloader="config-reloader",
            port=PORT,
            service_name=prometheus,
            claim_name=f"{stateful_set}-db-{stateful_set}-0",
            labels=((NAME_LABEL, prometheus),),
            data="/prometheus",
            workload="statefulset",
        )

    @property
    def scrape_interval_s(self) -> float:
        """Seconds between two scrapes, from the values.

        Raises:
            UsageError: They contain something that is not a duration.
        """
        where = f"{stack.SPEC}.scrapeInterval"
        return duration_s(str(self.value(where, None) or OPERATORS_SCRAPE_INTERVAL), where)

    def setting(self, path: tuple[str, ...], value: Any) -> tuple[tuple[str, ...], Any]:
        """As `Release.setting`. The operator's kinds take no null: such a key is left out."""
        here, said = super().setting(path, value)
        if said is not None or value is None:
            return here, said
        above = here[:-1]
        return above, {key: each for key, each in at(editing.load(self.read()), above, {}).items() if key != here[-1]}

    def compose(self, values: Path, layers: Sequence[Path | Mapping[str, Any]], storage_class: str) -> None:
        """Write the values file: `composed`.

        Raises:
            UsageError: As `composed`.
        """
        written = self.composed(values, layers, storage_class)
        self.write(_HEADER + yaml.safe_dump(written, sort_keys=False, allow_unicode=True))

    def composed(self, values: Path, layers: Sequence[Path | Mapping[str, Any]], storage_class: str) -> dict[str, Any]:
        """The values: what the scenario says to both charts, the layers, and what has another form here.

        Raises:
            UsageError: As `Release.composed`; or a job is a template with anything but the release's name or namespace.
        """
        scenario = editing.load(values.read_text(encoding="utf-8"))
        placed: dict[str, Any] = {
            f"{stack.CLAIM}.storageClassName": storage_class,
            stack.RULES: _rules(scenario),
        }
        written: Mapping[str, Any] = stack.shared(scenario, charts.values(self.chart))
        for layer in layers:
            added = editing.load(layer.read_text(encoding="utf-8")) if isinstance(layer, Path) else layer
            written = merged(written, added)
        server = replace(self.server, prefix=prefix_of(at(written, keys(f"{stack.SPEC}.routePrefix"))))
        jobs = self._jobs(scenario, values)
        placed[stack.JOBS] = _after(at(written, keys(stack.JOBS)) or (), scraping_itself(jobs, server) or jobs)
        placed["fullnameOverride"] = written.get("fullnameOverride") or self._fullname_with(written.get("nameOverride"))
        placed[stack.FLAGS] = _flags(scenario, at(written, keys(stack.FLAGS)) or ())
        placed[stack.WEBHOOKS_IN] = stack.webhooks_in(self.namespace)
        for path, value in placed.items():
            written = merged(written, nested(keys(path), value)) if value else written
        return dict(written)

    def _fullname_with(self, name: str | None) -> str:
        """As `fullname`, with the user's `nameOverride` after the release unless that contains it, as in the chart."""
        return _shortened(self.name if not name or name in self.name else f"{self.name}-{name}")

    def _jobs(self, scenario: Mapping[str, Any], values: Path) -> list[Any]:
        """The scenario's scrape jobs as one list; their templates are filled in, which not every version does."""
        names = {"Name": self.name, "Namespace": self.namespace}
        written = _TEMPLATE.sub(lambda match: names[match[1]], str(at(scenario, _WRITTEN) or ""))
        if "{{" in written:
            message = (
                f"{values}: extraScrapeConfigs: the only templates allowed are .Release.Name and .Release.Namespace"
            )
            raise UsageError(f"{message} with {stack.CHART}")
        return [*(at(scenario, _LISTED) or ()), *(yaml.safe_load(written) or ())]


def _shortened(name: str) -> str:
    """A name that the chart does not cut, so that no two drills have the same."""
    if len(name) <= stack.LONGEST_FULLNAME:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:_HASHED]
    return f"{name[: stack.LONGEST_FULLNAME - _HASHED - 1].rstrip('-')}-{mark}"


def _rules(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """The scenario's rules as the chart takes them: it makes a PrometheusRule of each."""
    groups = [group for path in _RULES for group in (at(scenario, path) or {}).get("groups") or ()]
    return {"drill": {"groups": groups}} if groups else {}


def _after(theirs: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The user's scrape jobs, where they are kept, and the scenario's that have other names."""
    names = {job.get("job_name") for job in theirs}
    return [*theirs, *(job for job in ours if job.get("job_name") not in names)]


def _flags(scenario: Mapping[str, Any], theirs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The scenario's flags as the chart takes them, after the user's own; of a flag that both set, the scenario's."""
    ours = {name: str(value) for name, value in (at(scenario, _FLAGS) or {}).items()}
    kept = [each for each in theirs if each.get("name") not in ours]
    return [*kept, *({"name": name, "value": value} for name, value in ours.items())]


def release(
    chart: ChartRef, helm: Helm, name: str, namespace: str, values: Path, *, kube: Kube | None = None
) -> Release:
    """The release of a chart: kube-prometheus-stack's is a `Stack`.

    Args:
        chart: The chart; its name decides.
        helm: Helm, pointed at the drill's cluster.
        name: The release.
        namespace: Its namespace.
        values: The writable values file.
        kube: The API server of that cluster; None where nothing is uninstalled.
    """
    kind = Stack if chart.name == stack.CHART else Release
    return kind(helm, name, namespace, chart.path, values, kube=kube)

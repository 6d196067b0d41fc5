"""kube-prometheus-stack: a Helm release whose Prometheus is made by the operator that comes with it.

Scenarios are written for prometheus 25.8.0. Most of their values have other keys in this chart, listed in
`promdrill.helm.compatibility.stack`; the release's own names, its class and the scrape jobs are added here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promdrill.core.errors import UsageError
from promdrill.helm.chart import ChartRef
from promdrill.helm.command import Helm
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at, keys, nested
from promdrill.helm.values import edit as editing
from promdrill.install.release import Release
from promdrill.observe.server import Server

LONGEST_FULLNAME = 26
"""Characters to which the chart cuts a full name (templates/_helpers.tpl); it adds up to 37."""

_HASHED = 6
_TEMPLATE = re.compile(r"{{-? *\.Release\.(Name|Namespace) *-?}}")
_LISTED, _WRITTEN = ("serverFiles", "prometheus.yml", "scrape_configs"), ("extraScrapeConfigs",)


@dataclass(frozen=True)
class Stack(Release):
    """One release of kube-prometheus-stack."""

    @property
    def fullname(self) -> str:
        """The full name that the chart's objects, and ClusterRoles, derive from: the release, shortened uniquely."""
        if len(self.name) <= LONGEST_FULLNAME:
            return self.name
        mark = hashlib.sha256(self.name.encode()).hexdigest()[:_HASHED]
        return f"{self.name[: LONGEST_FULLNAME - _HASHED - 1].rstrip('-')}-{mark}"

    @property
    def server(self) -> Server:
        """The names that the chart gives to the Prometheus object, and the operator to the objects that it makes."""
        prometheus = f"{self.fullname}-prometheus"
        stateful_set = f"prometheus-{prometheus}"
        return Server(
            self.namespace,
            self.name,
            stateful_set,
            container="prometheus",
            reloader="config-reloader",
            port=9090,
            service_name=prometheus,
            claim_name=f"{stateful_set}-db-{stateful_set}-0",
            labels=(("operator.prometheus.io/name", prometheus),),
        )

    def compose(self, values: Path, layers: Sequence[Path | Mapping[str, Any]], storage_class: str) -> None:
        """As `Release.compose`, with the names, the class and the jobs under the keys of this chart.

        Raises:
            UsageError: As there; or a job is a template with anything but the release's name or namespace.
        """
        own = {"fullnameOverride": self.fullname}
        jobs = self._jobs(editing.load(values.read_text(encoding="utf-8")), values)
        placed = ((stack.JOBS, jobs), (f"{stack.CLAIM}.storageClassName", storage_class))
        super().compose(values, (*layers, own, *(nested(keys(path), value) for path, value in placed)), storage_class)

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


def release(chart: ChartRef, helm: Helm, name: str, namespace: str, values: Path) -> Release:
    """The release of a chart: kube-prometheus-stack's is a `Stack`.

    Args:
        chart: The chart; its name decides.
        helm: Helm, pointed at the drill's cluster.
        name: The release.
        namespace: Its namespace.
        values: The writable values file.
    """
    kind = Stack if chart.name == stack.CHART else Release
    return kind(helm, name, namespace, chart.path, values)

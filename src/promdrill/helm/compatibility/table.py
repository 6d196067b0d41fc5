"""The differences between charts and their versions, in one table.

Scenarios are written for prometheus-community/prometheus 25.8.0: its value keys and its behaviour. A chart that renames
a key, lacks something or has it on by default is one more row here, not an `if` elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from promdrill.core.errors import UsageError
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.rows import Difference, Kind
from promdrill.helm.compatibility.rows import row as _row

__all__ = [
    "FOLLOWS",
    "KNOWN",
    "RELOADER_OF",
    "TABLE",
    "Difference",
    "Kind",
    "at",
    "feature",
    "followed",
    "implied",
    "keys",
    "meant",
    "nested",
    "number",
    "reloader_of",
    "renamed",
    "rows",
    "text_of",
]

FOLLOWS = "promdrill/value-compatible-with"
"""Annotation in a Chart.yaml: repository/name and version of the chart whose values it accepts."""

_NAME_AND_VERSION = 2

_PACE = (
    *("readinessProbeInitialDelay", "readinessProbePeriodSeconds", "terminationGracePeriodSeconds", "retention"),
    *("livenessProbeInitialDelay", "livenessProbePeriodSeconds"),
)


_README = "the chart's README, upgrading"
_DIFF = "difference of values.yaml or of templates"
_NODE = "the drill's node has another name"
_EXPORTER = "Chart.yaml, condition"
_ONE_VOLUME = "one has to run, and no more than one can where all share a volume, as a Deployment's replicas do"
_APART = "podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"

# For scraping kubelets through the API server, as the chart's own jobs did before; tpl is run over each of the texts.
_ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: '{{ template "prometheus.server.fullname" . }}-kubelets'
rules:
  - {apiGroups: [""], resources: [nodes/proxy], verbs: [get]}
"""
_BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: '{{ template "prometheus.server.fullname" . }}-kubelets'
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: '{{ template "prometheus.server.fullname" . }}-kubelets'
subjects:
  - kind: ServiceAccount
    name: '{{ default (include "prometheus.server.fullname" .) .Values.serviceAccounts.server.name }}'
    namespace: '{{ .Release.Namespace }}'
"""
_READS_KUBELETS = yaml.safe_dump([_ROLE, _BINDING])

TABLE = (
    # --- keys that had other names; newest change first -------------------------------------------------------------
    _row("<19", Kind.MOVED, "kube-state-metrics.enabled", "kubeStateMetrics.enabled", f"{_README} to 19.0"),
    _row("<17", Kind.MOVED, "prometheus-pushgateway", "pushgateway", f"{_README} to 17.0"),
    _row("<16", Kind.MOVED, "prometheus-node-exporter", "nodeExporter", f"{_README} to 16.0"),
    _row("<18", Kind.MOVED, "alertmanager.config", r"alertmanagerFiles.alertmanager\.yml", f"{_README} to 18.0"),
    _row("<10.6", Kind.MOVED, "configmapReload.prometheus", "configmapReload", f"{_DIFF} of 10.6.0"),
    # Files under other names are rendered too, but the default rule_files do not list them.
    # 9.3.1 is the newest that was seen without them.
    _row(
        "<9.4", Kind.MOVED, r"serverFiles.recording_rules\.yml", "serverFiles.rules", "helm/charts pull request 19472"
    ),
    _row(
        "<9.4", Kind.MOVED, r"serverFiles.alerting_rules\.yml", "serverFiles.alerts", "helm/charts pull request 19472"
    ),
    # --- what drills rely on ----------------------------------------------------------------------------------------
    # Without it an upgrade rolls, and the new pod waits forever for the old one's lock: only rolling-lock wants that.
    _row("<19", Kind.DEFAULT, "server.strategy.type", "Recreate", f"{_README} to 19.0"),
    # If this map is set, its jobs are added to those of serverFiles; scenarios already have all their jobs.
    _row(">=28", Kind.SCRAPES, "scrapeConfigs", "null", f"{_README} to 28.0"),
    # Which 28.x removed the right from the chart's own role is unknown; having it twice does no harm.
    _row(">=28", Kind.DEFAULT, "extraManifests", _READS_KUBELETS, "prometheus-community/helm-charts pull request 6533"),
    _row(">=28", Kind.NEED, "extraManifests", "", "any other list would refuse the drill's targets"),
    # Under a quota a pod is only created if each of its containers, init containers included, states its requests.
    _row(
        "<8.15",
        Kind.DEFAULT,
        "initChownData.resources",
        "{requests: {memory: 16Mi}, limits: {memory: 64Mi}}",
        f"{_DIFF} of 8.15.0",
    ),
    _row(">=0", Kind.NEED, "forceNamespace", '""', "each drill has a namespace of its own"),
    _row(">=0", Kind.ONE, "server.replicaCount", "1", _ONE_VOLUME),
    _row(">=0", Kind.TOGETHER, f"server.affinity.{_APART}", "[]", "the drill's cluster has one node"),
    _row(">=0", Kind.NEED, "server.service.enabled", "true", "the drill asks Prometheus by way of its Service"),
    _row(">=0", Kind.NEED, "server.persistentVolume.enabled", "true", "most drills are about it"),
    _row(">=0", Kind.NEED, "server.persistentVolume.storageClass", "", "each drill has a class of its own"),
    _row(">=0", Kind.NEED, r"server.nodeSelector.kubernetes\.io/hostname", "null", _NODE),
    _row(">=9,<19", Kind.NEED, "server.enabled", "true", f"{_README} to 9.0"),
    # --- what scenarios set to be quick, and need not ---------------------------------------------------------------
    *(_row(">=0", Kind.YIELD, f"server.{name}", "", "scenarios/*/values.yaml") for name in _PACE),
    # --- components that can be turned off --------------------------------------------------------------------------
    _row(">=0", Kind.SWITCH, "alertmanager.enabled", "alertmanager", "values.yaml"),
    _row(">=19", Kind.SWITCH, "kube-state-metrics.enabled", "kube-state-metrics", f"{_README} to 19.0"),
    _row(">=11,<19", Kind.SWITCH, "kubeStateMetrics.enabled", "kube-state-metrics", _EXPORTER),
    _row("<11", Kind.SWITCH, "kubeStateMetrics.enabled", "kubeStateMetrics", "values.yaml"),
    _row(">=16", Kind.SWITCH, "prometheus-node-exporter.enabled", "prometheus-node-exporter", f"{_README} to 16.0"),
    _row("<16", Kind.SWITCH, "nodeExporter.enabled", "nodeExporter", "values.yaml"),
    _row(">=17", Kind.SWITCH, "prometheus-pushgateway.enabled", "prometheus-pushgateway", f"{_README} to 17.0"),
    _row("<17", Kind.SWITCH, "pushgateway.enabled", "pushgateway", "values.yaml"),
    # An init container that runs as root, for volumes with the wrong owner; local ones have the right one.
    _row("<8.15", Kind.SWITCH, "initChownData.enabled", "initChownData", f"{_DIFF} of 8.15.0"),
    # --- what a scenario may need -----------------------------------------------------------------------------------
    _row("<19", Kind.FEATURE, "strategy-rolling", "an upgrade rolls unless told otherwise", f"{_README} to 19.0"),
    _row(">=8.11.4", Kind.FEATURE, "strategy-key", "server.strategy", "values.yaml"),
    _row(">=8.11.4", Kind.FEATURE, "statefulset", "server.statefulSet", "values.yaml"),
    _row(">=9.7.3", Kind.FEATURE, "lifecycle-extra-flags", "server.extraFlags", f"{_DIFF} of 9.7.3"),
    _row(">=11", Kind.FEATURE, "probe-settings", "the interval of the readiness probe can be set", "fixed in 8.11.4"),
    # A subchart since 11.0.0; the collectors are a list in its 3.x, which 14.12.0 was the first to use.
    _row(
        ">=14.12", Kind.FEATURE, "kube-state-metrics-subchart", "kube-state-metrics.collectors", f"{_DIFF} of 14.12.0"
    ),
    # What the chart's Prometheus can do. The versions are the first of the examined charts that have it.
    _row(">=11", Kind.FEATURE, "wal-new-segment", "each start makes a file: 2.11", "8.11.4 has 2.9.2"),
    _row(">=11", Kind.FEATURE, "wal-replay-logged", "2.12: TSDB pull request 662", "8.11.4 has 2.9.2"),
    _row(">=13.8", Kind.FEATURE, "wal-outlives-full", "stores again without a restart: 2.23", "11.16.9 has 2.21.0"),
    _row(">=15.18", Kind.FEATURE, "promtool-syntax-only", "2.33: pull request 9909", "14.12.0 has 2.31.1"),
    _row(
        ">=14.12",
        Kind.FEATURE,
        "chunk-segment-size",
        r"server.extraArgs.storage\.tsdb\.max-block-chunk-segment-size",
        "prometheus/prometheus pull request 8478",
    ),
    _row(">=16", Kind.FEATURE, "node-exporter-subchart", "the Service <release>-prometheus-node-exporter", _README),
    _row(">=20", Kind.FEATURE, "config-reloader", "the reloader is prometheus-config-reloader", f"{_DIFF} of 20.0.0"),
    _row(">=21", Kind.FEATURE, "kubernetes-labels", "pods have app.kubernetes.io/... labels", f"{_README} to 21.0"),
    _row(">=25.6.0", Kind.FEATURE, "retention-size", "server.retentionSize", f"{_DIFF} of 25.6.0"),
    _row(">=25.20.2", Kind.FEATURE, "bare-flags", "an empty value in extraArgs is a bare flag", "pull request 4508"),
    _row(">=25.23.0", Kind.FEATURE, "reloader-listens", "the reloader has a port and probes", f"{_DIFF} of 25.23.0"),
    _row(">=28", Kind.FEATURE, "scrape-jobs-map", "scrape jobs are a map of their own", f"{_README} to 28.0"),
    *stack.ROWS,
)

KNOWN = (
    *("8.11.4", "11.16.9", "13.8.0", "14.12.0", "15.18.0", "16.0.0", "17.0.2", "18.4.0", "19.7.2", "22.7.0", "25.8.0"),
    *("25.30.0", "25.30.2", "26.1.0", "27.52.0", "28.16.0", "29.27.0"),
)
"""Versions of prometheus-community/prometheus that were examined for the table."""

RELOADER_OF = {"2.48": "0.69.1", "2.55": "0.78.2", "3.8": "0.87.1", "3.14": "0.93.1"}
"""Prometheus' minor version to the prometheus-config-reloader of the same time, for those that matrix.toml names."""


def followed(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Name and version of the chart whose values a chart accepts: from its annotation, else its own.

    Args:
        metadata: Its Chart.yaml.
    """
    said = str((metadata.get("annotations") or {}).get(FOLLOWS, "")).split()
    if len(said) == _NAME_AND_VERSION:
        return said[0].rpartition("/")[2], said[1]
    return str(metadata["name"]), str(metadata["version"])


def number(text: str) -> Version | None:
    """The version at the beginning of a text, with or without a `v`, without Helm's and Docker's suffixes."""
    match = re.match(r"v?(\d+(\.\d+)*)", text)
    return Version(match[1]) if match else None


def rows(kind: Kind, chart: str, version: str) -> Iterator[Difference]:
    """The rows of one kind that apply to a chart.

    Args:
        kind: Which rows.
        chart: Name as from `followed`.
        version: Likewise; anything that is not a version matches nothing.
    """
    found = number(version)
    for row in TABLE:
        if row.kind is kind and row.chart == chart and found is not None and row.versions.contains(found):
            yield row


def keys(path: str) -> tuple[str, ...]:
    """The keys of a path in the table's notation, outermost first."""
    return tuple(key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", path))


def text_of(path: tuple[str, ...]) -> str:
    """A path in the table's notation."""
    return ".".join(key.replace(".", "\\.") for key in path)


def at(values: Mapping[str, Any], path: tuple[str, ...], default: Any = None) -> Any:
    """The value at a path, or the default if a key is missing."""
    here: Any = values
    for key in path:
        if not isinstance(here, Mapping) or key not in here:
            return default
        here = here[key]
    return here


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Values with one value at a path."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def feature(name: str, chart: str = "prometheus") -> SpecifierSet:
    """The versions of a chart that have a feature.

    Raises:
        UsageError: The table has no such feature.
    """
    found = {row.what: row.versions for row in TABLE if row.kind is Kind.FEATURE and row.chart == chart}
    if name not in found:
        raise UsageError(
            f"no feature of {chart} is called {name!r}", hint=f"known features: {', '.join(sorted(found))}"
        )
    return found[name]


def meant(row: Difference) -> Any:
    """The value of a row's detail, which is YAML."""
    return yaml.safe_load(row.detail)


def renamed(path: tuple[str, ...], value: Any, chart: str, version: str) -> tuple[tuple[str, ...], Any]:
    """A setting of 25.8.0 as this version of the chart has it: its keys, and its value.

    Args:
        path: Its keys in 25.8.0, outermost first.
        value: Its value there.
        chart: Name as from `followed`.
        version: Likewise.
    """
    for row in rows(Kind.SAID, chart, version):
        what, said = _setting(row.what)
        if (what, said) == (path, value):
            return _setting(row.detail)
    for row in rows(Kind.MOVED, chart, version):
        what = keys(row.what)
        if path[: len(what)] == what:
            return (*keys(row.detail), *path[len(what) :]), value
    return path, value


def _setting(text: str) -> tuple[tuple[str, ...], Any]:
    """The keys and the value of a row that has both."""
    path, _, value = text.rpartition(": ")
    return keys(path), yaml.safe_load(value)


def implied(own: Mapping[str, Any], chart: str, version: str) -> Iterator[Difference]:
    """What the user's values lead to: rows of the kind `Kind.NEED`.

    Args:
        own: The user's values.
        chart: Name as from `followed`.
        version: Likewise.
    """
    for row in rows(Kind.IMPLIED, chart, version):
        path, said = _setting(row.what)
        if at(own, path) == said:
            what, _, detail = row.detail.rpartition(": ")
            yield replace(row, kind=Kind.NEED, what=what, detail=detail)


def implying(chart: str, version: str) -> Iterator[tuple[str, str]]:
    """The keys of `implied`: each that is led to, and the one that leads to it.

    Args:
        chart: Name as from `followed`.
        version: Likewise.
    """
    for row in rows(Kind.IMPLIED, chart, version):
        yield row.detail.rpartition(": ")[0], row.what.rpartition(": ")[0]


def reloader_of(prometheus: str) -> str:
    """The prometheus-config-reloader for a Prometheus: that of the newest known Prometheus that is not newer.

    Args:
        prometheus: Prometheus' version.

    Raises:
        UsageError: It is not a version.
    """
    try:
        wanted = Version(prometheus)
    except InvalidVersion as error:
        raise UsageError(f"{prometheus!r} is not a version of Prometheus", hint="for example 3.14.0") from error
    minors = sorted(RELOADER_OF, key=Version)
    not_newer = [minor for minor in minors if (wanted.major, wanted.minor) >= Version(minor).release[:2]]
    return RELOADER_OF[(not_newer or minors)[-1 if not_newer else 0]]

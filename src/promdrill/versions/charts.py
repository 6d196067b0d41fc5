"""What differs between the charts and their versions: one table that everything else asks.

Scenarios are written with the value keys of prometheus-community/prometheus 25.8.0, and for what that version does. A
chart that calls a key otherwise, lacks something or has it on by itself is one more row here, not an `if` elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from promdrill.errors import UsageError

FOLLOWS = "promdrill/value-compatible-with"
"""Annotation in a Chart.yaml: repository/name and version of the chart whose values it takes."""

_NAME_AND_VERSION = 2


class Kind(Enum):
    """What a row tells, and how its `what` and `detail` are read."""

    MOVED = "moved"
    """`what` (a key of 25.8.0, with all below it) is called `detail` there; both are set."""
    DEFAULT = "default"
    """`what` has to be `detail` (YAML) there for drills to work as in 25.8.0; scenario and user may say otherwise."""
    NEED = "need"
    """`what` has to stay `detail` (YAML; no text after it for "the chart's own") in every drill: names, places."""
    SWITCH = "switch"
    """`what` turns a component on or off; its other values lie below `detail`."""
    FEATURE = "feature"
    """The feature `what` exists there; `detail` is the value key that needs it, or words where no key does."""


@dataclass(frozen=True, slots=True)
class Row:
    r"""One row of the table.

    Attributes:
        chart: Name of the chart.
        versions: Versions of it that the row is true of.
        kind: How `what` and `detail` are read.
        what: A value key (dots within a name as ``\.``, as Helm's --set has it), or the name of a feature.
        detail: As `kind` has it.
        source: Where this is known from.
    """

    chart: str
    versions: SpecifierSet
    kind: Kind
    what: str
    detail: str
    source: str


def _row(versions: str, kind: Kind, what: str, detail: str, source: str, *, chart: str = "prometheus") -> Row:
    return Row(chart, SpecifierSet(versions), kind, what, detail, source)


_README = "the chart's README, upgrading"
_DIFF = "difference of values.yaml or of templates"
_NAMES = "promdrill.observe.server finds it by this"
_NODE = "a kind node has no such label, taint or class"
_STACK = "kube-prometheus-stack"

TABLE = (
    # --- keys that had other names; newest change first -------------------------------------------------------------
    _row("<19", Kind.MOVED, "kube-state-metrics.enabled", "kubeStateMetrics.enabled", f"{_README} to 19.0"),
    _row("<17", Kind.MOVED, "prometheus-pushgateway", "pushgateway", f"{_README} to 17.0"),
    _row("<16", Kind.MOVED, "prometheus-node-exporter", "nodeExporter", f"{_README} to 16.0"),
    _row("<10.6", Kind.MOVED, "configmapReload.prometheus", "configmapReload", f"{_DIFF} of 10.6.0"),
    # Files under other names are rendered too, but the default rule_files do not list them.
    _row("<9", Kind.MOVED, r"serverFiles.recording_rules\.yml", "serverFiles.rules", "helm/charts pull request 19472"),
    _row("<9", Kind.MOVED, r"serverFiles.alerting_rules\.yml", "serverFiles.alerts", "helm/charts pull request 19472"),
    # --- what drills take for granted -------------------------------------------------------------------------------
    # Without it an upgrade rolls, and the new pod waits for the old one's lock for ever: rolling-lock's drill alone.
    _row("<19", Kind.DEFAULT, "server.strategy.type", "Recreate", f"{_README} to 19.0"),
    # Where this map is set, its jobs are added to those of serverFiles; scenarios bring all their jobs along.
    _row(">=28", Kind.DEFAULT, "scrapeConfigs", "null", f"{_README} to 28.0"),
    _row(">=0", Kind.NEED, "nameOverride", '""', _NAMES),
    _row(">=0", Kind.NEED, "forceNamespace", '""', _NAMES),
    _row(">=0", Kind.NEED, "server.name", "server", _NAMES),
    _row(">=0", Kind.NEED, "server.fullnameOverride", '""', _NAMES),
    _row(">=0", Kind.NEED, "server.replicaCount", "1", _NAMES),
    _row(">=0", Kind.NEED, "server.statefulSet.enabled", "false", _NAMES),
    _row(">=0", Kind.NEED, "server.service.enabled", "true", _NAMES),
    _row(">=0", Kind.NEED, "server.service.servicePort", "80", _NAMES),
    _row(">=0", Kind.NEED, "server.prefixURL", '""', _NAMES),
    _row(">=0", Kind.NEED, "server.persistentVolume.enabled", "true", "most drills are about it"),
    _row(">=0", Kind.NEED, "server.persistentVolume.existingClaim", '""', _NAMES),
    _row(">=0", Kind.NEED, "server.persistentVolume.mountPath", "/data", "faults and runbooks say /data"),
    _row(">=0", Kind.NEED, "server.persistentVolume.storageClass", "", "each drill has a class of its own"),
    _row(">=0", Kind.NEED, "server.nodeSelector", "{}", _NODE),
    _row(">=0", Kind.NEED, "server.affinity", "{}", _NODE),
    _row(">=0", Kind.NEED, "server.priorityClassName", '""', _NODE),
    _row(">=9,<19", Kind.NEED, "server.enabled", "true", f"{_README} to 9.0"),
    _row(">=10.6", Kind.NEED, "configmapReload.prometheus.enabled", "true", "recovery is 2/2"),
    _row(">=10.6", Kind.NEED, "configmapReload.prometheus.name", "configmap-reload", _NAMES),
    _row("<10.6", Kind.NEED, "configmapReload.name", "configmap-reload", _NAMES),
    # --- components that can be turned off --------------------------------------------------------------------------
    _row(">=0", Kind.SWITCH, "alertmanager.enabled", "alertmanager", "values.yaml"),
    _row(">=19", Kind.SWITCH, "kube-state-metrics.enabled", "kube-state-metrics", f"{_README} to 19.0"),
    _row(">=11,<19", Kind.SWITCH, "kubeStateMetrics.enabled", "kube-state-metrics", "Chart.yaml, condition"),
    _row("<11", Kind.SWITCH, "kubeStateMetrics.enabled", "kubeStateMetrics", "values.yaml"),
    _row(">=16", Kind.SWITCH, "prometheus-node-exporter.enabled", "prometheus-node-exporter", f"{_README} to 16.0"),
    _row("<16", Kind.SWITCH, "nodeExporter.enabled", "nodeExporter", "values.yaml"),
    _row(">=17", Kind.SWITCH, "prometheus-pushgateway.enabled", "prometheus-pushgateway", f"{_README} to 17.0"),
    _row("<17", Kind.SWITCH, "pushgateway.enabled", "pushgateway", "values.yaml"),
    # An init container of root, for volumes that come with the wrong owner; local ones do not.
    _row("<8.15", Kind.SWITCH, "initChownData.enabled", "initChownData", f"{_DIFF} of 8.15.0"),
    _row(">=0", Kind.SWITCH, "alertmanager.enabled", "alertmanager", "values.yaml", chart=_STACK),
    _row(">=0", Kind.SWITCH, "grafana.enabled", "grafana", "values.yaml", chart=_STACK),
    _row(">=0", Kind.SWITCH, "kubeStateMetrics.enabled", "kube-state-metrics", "Chart.yaml, condition", chart=_STACK),
    _row(">=0", Kind.SWITCH, "nodeExporter.enabled", "prometheus-node-exporter", "Chart.yaml, condition", chart=_STACK),
    _row(
        ">=0",
        Kind.SWITCH,
        "prometheusOperator.admissionWebhooks.enabled",
        "prometheusOperator.admissionWebhooks",
        "values.yaml",
        chart=_STACK,
    ),
    # --- what a scenario may need -----------------------------------------------------------------------------------
    _row("<19", Kind.FEATURE, "strategy-rolling", "an upgrade rolls unless told otherwise", f"{_README} to 19.0"),
    _row(">=8.11.4", Kind.FEATURE, "strategy-key", "server.strategy", "values.yaml"),
    _row(">=8.11.4", Kind.FEATURE, "statefulset", "server.statefulSet", "values.yaml"),
    _row(">=9.7.3", Kind.FEATURE, "lifecycle-extra-flags", "server.extraFlags", f"{_DIFF} of 9.7.3"),
    _row(">=11", Kind.FEATURE, "probe-settings", "readiness is asked for as often as one likes", "fixed in 8.11.4"),
    _row(
        ">=11", Kind.FEATURE, "kube-state-metrics-subchart", "kube-state-metrics.collectors", "helm/charts c38f752d85"
    ),
    # Of the charts that were read, 14.12.0 is the first whose Prometheus has the flag.
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
)

KNOWN = (
    *("8.11.4", "11.16.9", "13.8.0", "14.12.0", "15.18.0", "16.0.0", "17.0.2", "18.4.0", "19.7.2", "22.7.0", "25.8.0"),
    *("25.30.0", "25.30.2", "26.1.0", "27.52.0", "28.16.0", "29.27.0"),
)
"""Versions of prometheus-community/prometheus that were read when the table was written."""

RELOADER_OF = {"2.48": "0.69.1", "2.55": "0.78.2", "3.8": "0.87.1", "3.14": "0.93.1"}
"""Prometheus' minor version to prometheus-config-reloader's of the same time, those that images/catalogue.toml has."""


SCENARIO_NEEDS = {
    "dashboard-no-data": ("node-exporter-subchart", "kube-state-metrics-subchart"),
    "oom": ("kubernetes-labels", "node-exporter-subchart", "kube-state-metrics-subchart"),
    "restarts-metric": ("kube-state-metrics-subchart",),
}
"""Scenario to the features that its test or its values' templates rely on; those that its keys tell are not listed."""


def followed(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Name and version of the chart whose values a chart takes: what its annotation says, else its own.

    Args:
        metadata: What its Chart.yaml says.
    """
    said = str((metadata.get("annotations") or {}).get(FOLLOWS, "")).split()
    if len(said) == _NAME_AND_VERSION:
        return said[0].rpartition("/")[2], said[1]
    return str(metadata["name"]), str(metadata["version"])


def number(text: str) -> Version | None:
    """The version that a text begins with, behind a `v` or not; Helm's and Docker's suffixes are left out."""
    match = re.match(r"v?(\d+(\.\d+)*)", text)
    return Version(match[1]) if match else None


def rows(kind: Kind, chart: str, version: str) -> Iterator[Row]:
    """The rows of one kind that are true of a chart.

    Args:
        kind: Which rows.
        chart: Name as from `followed`.
        version: Likewise; one that is no version matches nothing.
    """
    found = number(version)
    for row in TABLE:
        if row.kind is kind and row.chart == chart and found is not None and row.versions.contains(found):
            yield row


def keys(path: str) -> tuple[str, ...]:
    """The keys of a path as the table writes it, outermost first."""
    return tuple(key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", path))


def text_of(path: tuple[str, ...]) -> str:
    """A path as the table writes it."""
    return ".".join(key.replace(".", "\\.") for key in path)


def at(values: Mapping[str, Any], path: tuple[str, ...], default: Any = None) -> Any:
    """The value at a path, or the default where a key is missing."""
    here: Any = values
    for key in path:
        if not isinstance(here, Mapping) or key not in here:
            return default
        here = here[key]
    return here


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Values that hold one value at a path."""
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
        raise UsageError(f"no feature of {chart} is called {name!r}", hint=f"there are {', '.join(sorted(found))}")
    return found[name]


def meant(row: Row) -> Any:
    """The value that a row's detail says in YAML."""
    return yaml.safe_load(row.detail)


def reloader_of(prometheus: str) -> str:
    """Version of prometheus-config-reloader of the time of a Prometheus: of the newest known one that is not newer.

    Args:
        prometheus: Prometheus' version.

    Raises:
        UsageError: It is none.
    """
    try:
        wanted = Version(prometheus)
    except InvalidVersion as error:
        raise UsageError(f"{prometheus!r} is not a version of Prometheus", hint="for example 3.14.0") from error
    minors = sorted(RELOADER_OF, key=Version)
    not_newer = [minor for minor in minors if (wanted.major, wanted.minor) >= Version(minor).release[:2]]
    return RELOADER_OF[(not_newer or minors)[-1 if not_newer else 0]]

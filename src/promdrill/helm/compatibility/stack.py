"""The rows of kube-prometheus-stack, which translate scenarios written for prometheus 25.8.0 to the operator's chart.

Read in 57.1.0 (operator 0.72.0) and 88.5.3 (operator 0.93.1), where the operator and not the chart makes the server.
Everything that depends on the release's name is in `promdrill.install.stack`: names, class and scrape jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from promdrill.helm.compatibility.rows import Kind, row

CHART = "kube-prometheus-stack"
"""The chart's name."""

RUNBOOK = "runbook.stack.md"
"""Name of a scenario's runbook for this chart, where the remedy for its operator is another."""

LONGEST_FULLNAME = 26
"""Characters to which the chart cuts a full name (templates/_helpers.tpl); it adds up to 37."""

SPEC = "prometheus.prometheusSpec"
"""Key of the Prometheus object's fields in the values."""

CLAIM = f"{SPEC}.storageSpec.volumeClaimTemplate.spec"
"""Key of the claim's fields."""

JOBS = f"{SPEC}.additionalScrapeConfigs"
"""Key of scrape jobs in Prometheus' own format, beside those that the operator makes from ServiceMonitors."""

PROMETHEUS_3 = "prometheus-3"
"""The feature that the chart's operator takes Prometheus 3: 0.76.1 has "unsupported Prometheus major version"."""

RULES = "additionalPrometheusRulesMap"
"""Key of rules: of each name in it the chart makes a PrometheusRule, which the operator loads."""

FLAGS = f"{SPEC}.additionalArgs"
"""Key of the server's further flags: a list of names and values."""

WEBHOOKS_IN = "prometheusOperator.admissionWebhooks.namespaceSelector.matchLabels"
"""Key of the labels of the namespaces whose objects the operator's webhooks judge."""

_NAMESPACE = "kubernetes.io/metadata.name"  # the label with a namespace's own name, which every namespace has

_row = partial(row, chart=CHART)
_VALUES = "values.yaml"
_TEMPLATE = "templates/prometheus"
_ASKED = "the drill asks Prometheus by way of its Service"
_VOLUME = "most drills are about the volume"
_NAMESPACES = "prometheusOperator.namespaces.releaseNamespace"
_SHARED = "parallel drills share the cluster"
_QUIET = "the scenario has its own jobs; a second job for the same target would count everything twice"
_WEBHOOKS = "prometheusOperator.admissionWebhooks"
_NO_ISSUER = "the drill's cluster has no cert-manager; the chart's own job makes the certificate"
_NO_CERTIFICATE = "the job that makes its certificate goes with the webhooks"
_NO_PROXY = "templates/prometheus/clusterrole.yaml has no nodes/proxy; scenarios ask kubelets by way of the API server"
_READ_KUBELETS = '[{apiGroups: [""], resources: [nodes/proxy], verbs: [get]}]'
_RELOADER = "prometheusOperator.prometheusConfigReloader.resources"
_EXPORTERS = "kube-state-metrics", "prometheus-node-exporter"
_CONTROL_PLANE = (
    *("kubeApiServer", "kubelet", "kubeControllerManager", "coreDns", "kubeDns", "kubeEtcd", "kubeScheduler"),
    *("kubeProxy", "windowsMonitoring"),
)
_ONE_NODE = "the drill's cluster has one node"
_APART = "podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"
_SELECTORS = ("serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig")

ROWS = (
    # --- what scenarios set for the server --------------------------------------------------------------------------
    _row(">=0", Kind.MOVED, "server.global.scrape_interval", f"{SPEC}.scrapeInterval", _TEMPLATE),
    _row(">=0", Kind.MOVED, "server.global.scrape_timeout", f"{SPEC}.scrapeTimeout", _TEMPLATE),
    _row(">=0", Kind.MOVED, "server.global.evaluation_interval", f"{SPEC}.evaluationInterval", _TEMPLATE),
    _row(">=0", Kind.MOVED, "server.retention", f"{SPEC}.retention", _TEMPLATE),
    _row(">=0", Kind.MOVED, "server.retentionSize", f"{SPEC}.retentionSize", _TEMPLATE),
    _row(">=0", Kind.MOVED, "server.resources", f"{SPEC}.resources", _TEMPLATE),
    _row(">=0", Kind.MOVED, "server.persistentVolume.size", f"{CLAIM}.resources.requests.storage", _TEMPLATE),
    _row(">=0", Kind.MOVED, "server.persistentVolume.storageClass", f"{CLAIM}.storageClassName", _TEMPLATE),
    # An empty name would be the class of that name, which is none; the other chart leaves an empty name out.
    _row(">=0", Kind.SAID, 'server.persistentVolume.storageClass: ""', f"{CLAIM}.storageClassName: null", _TEMPLATE),
    _row(">=0", Kind.SAID, "server.persistentVolume.enabled: false", f"{SPEC}.storageSpec: null", _TEMPLATE),
    _row(">=0", Kind.MOVED, "configmapReload.prometheus.resources", _RELOADER, "templates/prometheus-operator"),
    _row(">=0", Kind.MOVED, "kube-state-metrics.enabled", "kubeStateMetrics.enabled", "Chart.yaml, condition"),
    _row(">=0", Kind.MOVED, "prometheus-node-exporter.enabled", "nodeExporter.enabled", "Chart.yaml, condition"),
    # --- what drills rely on ----------------------------------------------------------------------------------------
    _row(">=0", Kind.DEFAULT, f"{CLAIM}.accessModes", "[ReadWriteOnce]", "the claim's template is the only setting"),
    _row(">=0", Kind.DEFAULT, "prometheus.additionalRulesForClusterRole", _READ_KUBELETS, _NO_PROXY),
    _row(">=0", Kind.SCRAPES, "prometheus.serviceMonitor.selfMonitor", "false", _QUIET),
    _row(">=0", Kind.SCRAPES, "prometheusOperator.serviceMonitor.selfMonitor", "false", _QUIET),
    *(_row(">=0", Kind.SCRAPES, f"{name}.prometheus.monitor.enabled", "false", _QUIET) for name in _EXPORTERS),
    *(_row(">=0", Kind.SCRAPES, f"{name}.enabled", "false", _QUIET) for name in _CONTROL_PLANE),
    # Two operators that watch the same namespace would both write to the same StatefulSet.
    _row(">=0", Kind.DEFAULT, _NAMESPACES, "true", _SHARED),
    _row(">=0", Kind.DEFAULT, "prometheusOperator.kubeletService.enabled", "false", "it outlives the release"),
    _row(">=0", Kind.DEFAULT, "defaultRules.create", "false", "no drill needs them, and most find no metrics"),
    _row(">=0", Kind.DEFAULT, "grafana.enabled", "false", "no drill needs it; manifests/grafana is used"),
    *(_row(">=0", Kind.DEFAULT, f"{SPEC}.{name}SelectorNilUsesHelmValues", "false", _VALUES) for name in _SELECTORS),
    # --- what must stay as it is ------------------------------------------------------------------------------------
    _row(">=0", Kind.NEED, _NAMESPACES, "true", _SHARED),
    _row(">=0", Kind.NEED, "prometheusOperator.enabled", "true", "it makes the server"),
    _row(">=0", Kind.NEED, "crds.enabled", "true", "a new cluster has none of its kinds (Chart.yaml, condition)"),
    _row(">=0", Kind.NEED, f"{_WEBHOOKS}.certManager.enabled", "false", _NO_ISSUER),
    _row(">=0", Kind.NEED, f"{_WEBHOOKS}.patch.enabled", "true", _NO_ISSUER),
    _row(">=0", Kind.IMPLIED, f"{_WEBHOOKS}.enabled: false", "prometheusOperator.tls.enabled: false", _NO_CERTIFICATE),
    _row(">=0", Kind.NEED, rf"{WEBHOOKS_IN}.kubernetes\.io/metadata\.name", "", "each drill has its own namespace"),
    _row(">=0", Kind.NEED, "prometheus.enabled", "true", "the drills are about it"),
    _row(">=0", Kind.NEED, "prometheus.agentMode", "false", "an agent answers no query"),
    _row(">=0", Kind.NEED, "namespaceOverride", '""', "each drill has a namespace of its own"),
    _row(">=0", Kind.NEED, "prometheus.service.enabled", "true", _ASKED),
    _row(">=0", Kind.NEED, f"{SPEC}.listenLocal", "false", _ASKED),
    *(_row(">=0", Kind.NEED, f"{SPEC}.storageSpec.{name}", "null", _VOLUME) for name in ("emptyDir", "ephemeral")),
    _row(">=0", Kind.ONE, f"{SPEC}.replicas", "1", "one has to run"),
    _row(">=0", Kind.TOGETHER, f"{SPEC}.podAntiAffinity", "soft", _ONE_NODE),
    _row(">=0", Kind.TOGETHER, f"{SPEC}.affinity.{_APART}", "[]", _ONE_NODE),
    _row(">=0", Kind.NEED, f"{SPEC}.shards", "1", "each shard is a StatefulSet with targets of its own"),
    _row(">=0", Kind.NEED, JOBS, "", "each drill has jobs of its own"),
    _row(">=0", Kind.NEED, f"{CLAIM}.storageClassName", "", "each drill has a class of its own"),
    _row(
        ">=0", Kind.NEED, rf"{SPEC}.nodeSelector.kubernetes\.io/hostname", "null", "the drill's node has another name"
    ),
    # --- what scenarios set to be quick, and need not ---------------------------------------------------------------
    _row(">=0", Kind.YIELD, f"{SPEC}.retention", "", "scenarios/*/values.yaml"),
    # --- what a scenario may need -----------------------------------------------------------------------------------
    _row(">=65", Kind.FEATURE, PROMETHEUS_3, "operator 0.77.0 and newer: pull request 6940", "64.0.0 has 0.76.1"),
    # --- components that can be turned on ---------------------------------------------------------------------------
    _row(">=0", Kind.SWITCH, "alertmanager.enabled", "alertmanager", _VALUES),
    _row(">57.1", Kind.SWITCH, "crds.upgradeJob.enabled", "crds.upgradeJob", f"{_VALUES} of 88.5.3; 57.1.0 has none"),
    _row(">=0", Kind.SWITCH, "grafana.enabled", "grafana", _VALUES),
    _row(">=0", Kind.SWITCH, "kubeStateMetrics.enabled", "kube-state-metrics", "Chart.yaml, condition"),
    _row(">=0", Kind.SWITCH, "nodeExporter.enabled", "prometheus-node-exporter", "Chart.yaml, condition"),
)
"""The rows, to be read as those in `promdrill.helm.compatibility.table`."""


def shared(scenario: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a scenario says under keys that this chart has too; the rows say the rest.

    Args:
        scenario: Its values, in the keys of prometheus 25.8.0.
        defaults: The chart's own values.
    """
    return {key: value for key, value in scenario.items() if key in defaults}


def webhooks_in(namespace: str) -> dict[str, str]:
    """The labels, for `WEBHOOKS_IN`, by which webhooks judge the objects of one namespace alone.

    The chart has them judge those of the whole cluster, also where the operator keeps to its own namespace, and another
    drill's operator would answer for them, or not at all.

    Args:
        namespace: The namespace.
    """
    return {_NAMESPACE: namespace}


def refusal(version: str, app_version: str) -> str | None:
    """Why a version of the chart does not support a version of Prometheus; None if it does.

    Args:
        version: Of the chart.
        app_version: Without a leading v; empty if unknown.
    """
    (three,) = (row for row in ROWS if row.what == PROMETHEUS_3)
    if not app_version or three.versions.contains(version, prereleases=True) or app_version.partition(".")[0] == "2":
        return None
    return f"the operator of {CHART} {version} supports Prometheus up to version 2, not {app_version}"

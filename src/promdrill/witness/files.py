"""The files of the witness: its own configuration, and what each drill adds to it. Only text; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from promdrill.core.alerts import DRILL_LABEL, EVALUATOR_LABEL, OWN_LABELS, Evaluator
from promdrill.observe.server import Server
from promdrill.observe.targets import DRILLS

PLACE = "/etc/witness"
"""Where the witness sees its files."""

KUBELET_S = 2.0
"""Seconds between two scrapes of the kubelet: how often it measures volumes and containers in the profile fast."""

_OF_DRILL = [{"source_labels": ["namespace"], "regex": f"({DRILLS}.+)", "target_label": DRILL_LABEL}]
_TOKEN = {
    "authorization": {"credentials_file": "/var/run/secrets/kubernetes.io/serviceaccount/token"},
    "tls_config": {"ca_file": "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"},
}


def prometheus_yml(interval_s: float) -> str:
    """The configuration of the witness' Prometheus.

    Jobs have the names that kube-prometheus-stack's rules ask for.

    Args:
        interval_s: Seconds between two scrapes, and between two evaluations of rules that name none.
    """
    every = f"{round(interval_s * 1000)}ms"
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [f"{PLACE}/drills/*.rules.yml"],
        "scrape_config_files": [f"{PLACE}/drills/*.scrape.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["localhost:9093"]}]}]},
        "scrape_configs": [
            {
                "job_name": "kube-state-metrics",
                "honor_labels": True,
                "static_configs": [{"targets": ["localhost:8080"]}],
                "metric_relabel_configs": _OF_DRILL,
            },
            {"job_name": "node-exporter", "static_configs": [{"targets": ["localhost:9100"]}]},
            _kubelet("kubelet", "/metrics", interval_s),
            _kubelet("kubelet/cadvisor", "/metrics/cadvisor", interval_s),
        ],
    }
    return yaml.safe_dump(config, sort_keys=False)


def scrape_yml(server: Server, job: str, interval_s: float) -> str:
    """What the witness scrapes of one drill: the drilled Prometheus, its reloader, and whether its Service leads to it.

    Args:
        server: The drilled Prometheus.
        job: The name that its own rules know it by. The Service has a job of its own, so that rules which count the
            targets of this one count right.
        interval_s: Seconds between two scrapes.
    """
    every = f"{round(interval_s * 1000)}ms"
    whole = server.whole
    kept = [
        {
            "source_labels": [f"__meta_kubernetes_pod_label_{_as_label(name)}"],
            "regex": value,
            "action": "keep",
        }
        for name, value in sorted(whole.selector.items())
    ]
    labels = [
        {"target_label": "job", "replacement": job},
        {"target_label": DRILL_LABEL, "replacement": server.namespace},
        {"target_label": "service", "replacement": server.service},
        *(
            {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": target}
            for source, target in (("namespace", "namespace"), ("pod_name", "pod"), ("pod_container_name", "container"))
        ),
    ]
    discovery = {"role": "pod", "namespaces": {"names": [server.namespace]}}

    def one(name: str, container: str, place: Mapping[str, Any], path: str) -> dict[str, Any]:
        here = [
            {"source_labels": ["__meta_kubernetes_pod_container_name"], "regex": container, "action": "keep"},
            *([{**place, "action": "keep"}] if "regex" in place else []),
            {"replacement": "$1:$2", **place, "target_label": "__address__"},
        ]
        return {
            "job_name": f"{server.namespace}/{name}",
            "scrape_interval": every,
            "scrape_timeout": every,
            "metrics_path": path,
            "kubernetes_sd_configs": [discovery],
            "relabel_configs": [*kept, *here, *labels],
        }

    at_port = {"source_labels": ["__meta_kubernetes_pod_ip"], "replacement": f"$1:{server.pod_port}"}
    jobs = [one("server", server.container, at_port, f"{server.prefix}/metrics"), _through_service(server, job, every)]
    if server.reloader:  # of which some have a port for metrics, and then say so
        said = ["__meta_kubernetes_pod_ip", "__meta_kubernetes_pod_container_port_number"]
        jobs.append(one("reloader", server.reloader, {"source_labels": said, "regex": "(.+);(.+)"}, "/metrics"))
    return yaml.safe_dump({"scrape_configs": jobs}, sort_keys=False)


def _through_service(server: Server, job: str, every: str) -> dict[str, Any]:
    """A job that scrapes as users ask, and keeps only whether that was answered: the pods' own job has the samples."""
    labels = {
        "job": f"{job}-service",
        DRILL_LABEL: server.namespace,
        "namespace": server.namespace,
        "service": server.service,
    }
    return {
        "job_name": f"{server.namespace}/service",
        "scrape_interval": every,
        "scrape_timeout": every,
        "metrics_path": f"{server.prefix}/metrics",
        "static_configs": [{"targets": [f"{server.service}.{server.namespace}.svc:{server.port}"], "labels": labels}],
        "metric_relabel_configs": [{"action": "drop", "source_labels": ["__name__"], "regex": ".+"}],
    }


def own(labels: Mapping[str, str]) -> dict[str, str]:
    """An alert's labels as people see them: without its name, and without those that promdrill added."""
    return {name: value for name, value in labels.items() if name != "alertname" and name not in OWN_LABELS}


def is_of(labels: Mapping[str, str], drill: str) -> bool:
    """Whether an alert is one of that drill.

    A drilled Prometheus may scrape the whole node, and so see what another drill does in its namespace beside it. What
    it says of that is of no drill.

    Args:
        labels: The alert's labels, promdrill's own included.
        drill: The drill's namespace.
    """
    namespace = labels.get("namespace", drill)
    return labels.get(DRILL_LABEL) == drill and (namespace == drill or not namespace.startswith(DRILLS))


def evaluator(labels: Mapping[str, str]) -> Evaluator:
    """Which Prometheus evaluated an alert; the witness, if it does not say."""
    return Evaluator.INSIDE if labels.get(EVALUATOR_LABEL) == Evaluator.INSIDE else Evaluator.WITNESS


def inside_alertmanagers(address: str) -> Sequence[Mapping[str, Any]]:
    """What a drilled Prometheus is configured with to send its alerts to the witness' Alertmanager."""
    return [{"static_configs": [{"targets": [address]}]}]


def _kubelet(name: str, path: str, interval_s: float) -> dict[str, Any]:
    every = f"{round(max(KUBELET_S, interval_s) * 1000)}ms"
    return {
        "job_name": name,
        "scrape_interval": every,
        "scrape_timeout": every,
        "honor_labels": True,
        "scheme": "https",
        **_TOKEN,
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [
            {"target_label": "job", "replacement": "kubelet"},
            {"target_label": "metrics_path", "replacement": path},
            {"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"},
            {"target_label": "__address__", "replacement": "kubernetes.default.svc:443"},
            {
                "source_labels": ["__meta_kubernetes_node_name"],
                "target_label": "__metrics_path__",
                "replacement": f"/api/v1/nodes/$1/proxy{path}",
            },
        ],
        "metric_relabel_configs": _OF_DRILL,
    }


def _as_label(name: str) -> str:
    """A Kubernetes label's name as Prometheus' discovery writes it (its documentation of `kubernetes_sd_config`)."""
    return "".join(character if character.isascii() and character.isalnum() else "_" for character in name)

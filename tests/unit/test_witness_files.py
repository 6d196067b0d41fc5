"""The files of the witness: what it scrapes, under which names, and how drills are kept apart."""

import re
from typing import Any

import pytest
import yaml

from promdrill.core.alerts import DRILL_LABEL, EVALUATOR_LABEL, Evaluator
from promdrill.observe.server import POD_NAME, Server
from promdrill.witness import files, place

SERVER = Server.of("drill-disk-full", "prometheus-disk-full")


def _jobs(text: str) -> dict[str, Any]:
    return {job["job_name"]: job for job in yaml.safe_load(text)["scrape_configs"]}


def _relabelled(job: dict[str, Any], meta: dict[str, str]) -> dict[str, str] | None:
    """What Prometheus makes of a discovered target, by the rules that are used here; None if it is dropped."""
    labels = dict(meta)
    for rule in job["relabel_configs"]:
        value = ";".join(labels.get(name, "") for name in rule.get("source_labels", ()))
        found = re.fullmatch(rule.get("regex", "(.*)"), value)
        if rule.get("action", "replace") == "keep":
            if found is None:
                return None
        elif found is not None:
            labels[rule["target_label"]] = found.expand(re.sub(r"\$(\d)", r"\\\1", rule.get("replacement", "$1")))
    return {name: value for name, value in labels.items() if not name.startswith("__meta")}


def _pod(container: str, **labels: str) -> dict[str, str]:
    found = {"app_kubernetes_io_instance": SERVER.release, "app_kubernetes_io_component": "server", **labels}
    return {
        "__meta_kubernetes_namespace": SERVER.namespace,
        "__meta_kubernetes_pod_name": "server-1",
        "__meta_kubernetes_pod_ip": "10.244.0.7",
        "__meta_kubernetes_pod_container_name": container,
        **{f"__meta_kubernetes_pod_label_{name}": value for name, value in found.items()},
    }


def test_the_drilled_prometheus_is_scraped_under_the_name_its_rules_know() -> None:
    jobs = _jobs(files.scrape_yml(SERVER, "prometheus", 1.0))
    names = {f"drill-disk-full/{name}" for name in ("server", "service", "reloader")}
    assert set(jobs) == names, "a job's name is there once"
    server = jobs["drill-disk-full/server"]
    assert _relabelled(server, _pod(SERVER.container)) == {
        "__address__": "10.244.0.7:9090",
        "job": "prometheus",
        DRILL_LABEL: "drill-disk-full",
        "namespace": "drill-disk-full",
        "service": SERVER.service,
        "pod": "server-1",
        "container": SERVER.container,
    }
    assert _relabelled(server, _pod(SERVER.reloader)) is None
    assert _relabelled(server, _pod(SERVER.container, app_kubernetes_io_instance="another")) is None
    assert _relabelled(jobs["drill-disk-full/reloader"], _pod(SERVER.reloader)) is None, "it says no port"
    pod = {**_pod(SERVER.reloader), "__meta_kubernetes_pod_container_port_number": "8080"}
    reloader = _relabelled(jobs["drill-disk-full/reloader"], pod)
    assert reloader is not None
    assert reloader["__address__"] == "10.244.0.7:8080"
    assert (server["scrape_interval"], server["metrics_path"]) == ("1000ms", "/metrics")


def test_a_prefix_a_port_and_all_replicas_are_known() -> None:
    labels = (("app", "prometheus"), (POD_NAME, "server-1"))
    server = Server("drill-x", "x", "server", reloader="", pod_port=9999, prefix="/prom", labels=labels, replicas=2)
    job, service = _jobs(files.scrape_yml(server, "prometheus", 0.25)).values()
    assert (service["metrics_path"], service["scrape_interval"]) == ("/prom/metrics", "250ms")
    assert (job["metrics_path"], job["scrape_interval"]) == ("/prom/metrics", "250ms")
    kept = [rule["source_labels"] for rule in job["relabel_configs"] if rule.get("action") == "keep"]
    assert ["__meta_kubernetes_pod_label_app"] in kept
    assert not any("pod_name" in name for (name,) in kept), "the other replica is no drill of its own"


def test_whether_the_service_leads_to_prometheus_is_known_and_its_samples_are_there_once() -> None:
    server = Server("drill-x", "x", "x-server", service_name="prom", port=81, pod_port=9099, own_service="drilled")
    job = _jobs(files.scrape_yml(server, "monitoring", 1.0))["drill-x/service"]
    (target,) = job["static_configs"]
    assert target["targets"] == ["prom.drill-x.svc:81"], "as users ask: not the drill's own Service, nor the pod's port"
    labels = {"job": "monitoring-service", DRILL_LABEL: "drill-x", "namespace": "drill-x", "service": "prom"}
    assert target["labels"] == labels
    (dropped,) = job["metric_relabel_configs"]
    assert (dropped["action"], dropped["source_labels"]) == ("drop", ["__name__"])
    assert re.fullmatch(dropped["regex"], "prometheus_build_info")
    assert (job["scrape_interval"], job["scrape_timeout"]) == ("1000ms", "1000ms")


def test_what_belongs_to_a_drill_says_so_and_what_is_shared_does_not() -> None:
    jobs = _jobs(files.prometheus_yml(1.0))
    for name in ("kube-state-metrics", "kubelet", "kubelet/cadvisor"):
        (rule,) = jobs[name]["metric_relabel_configs"]
        assert rule["target_label"] == DRILL_LABEL
        assert re.fullmatch(rule["regex"], "drill-disk-full")
        assert not re.fullmatch(rule["regex"], "kube-system")
        assert jobs[name]["honor_labels"], "the namespace is that of the object, not of who tells it"
    assert "metric_relabel_configs" not in jobs["node-exporter"]


def test_the_kubelet_is_asked_through_the_api_server_under_the_name_of_the_stacks_rules() -> None:
    jobs = _jobs(files.prometheus_yml(1.0))
    found = _relabelled(jobs["kubelet/cadvisor"], {"__meta_kubernetes_node_name": "node-1"})
    assert found == {
        "job": "kubelet",
        "metrics_path": "/metrics/cadvisor",
        "node": "node-1",
        "__address__": "kubernetes.default.svc:443",
        "__metrics_path__": "/api/v1/nodes/node-1/proxy/metrics/cadvisor",
    }
    assert jobs["kubelet"]["scrape_interval"] == "2000ms"
    assert _jobs(files.prometheus_yml(30.0))["kubelet"]["scrape_interval"] == "30000ms"


def test_the_files_of_drills_are_read_from_where_they_are_written() -> None:
    config = yaml.safe_load(files.prometheus_yml(1.0))
    assert config["rule_files"] == ["/etc/witness/drills/*.rules.yml"]
    assert config["scrape_config_files"] == ["/etc/witness/drills/*.scrape.yml"]
    (deployment,) = (each for each in place.objects("p:1") if each["kind"] == "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    (mounted,) = (each for each in spec["volumes"] if each["name"] == "files")
    assert mounted["hostPath"]["path"] == place.ON_NODE
    for container in spec["containers"][:2]:
        mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert mounts["files"] == files.PLACE
        assert any(argument.startswith(f"--config.file={files.PLACE}/") for argument in container["args"])


def test_the_witness_is_promdrills_and_has_the_image_that_is_asked_for() -> None:
    objects = place.objects("quay.io/prometheus/prometheus:v3.1.0")
    assert all(each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "promdrill" for each in objects)
    assert objects[0]["kind"] == "Namespace"
    assert objects[0]["metadata"]["name"] == place.NAMESPACE
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    images = [each["image"] for each in deployment["spec"]["template"]["spec"]["containers"]]
    assert images[0] == "quay.io/prometheus/prometheus:v3.1.0"
    assert not any("/prometheus:" in image for image in images[1:])
    verbs = {
        verb for each in objects if each["kind"] == "ClusterRole" for rule in each["rules"] for verb in rule["verbs"]
    }
    assert verbs == {"get", "list", "watch"}, "it changes nothing"


@pytest.mark.parametrize(
    ("labels", "evaluator"),
    [
        ({EVALUATOR_LABEL: "inside"}, Evaluator.INSIDE),
        ({EVALUATOR_LABEL: "witness"}, Evaluator.WITNESS),
        ({}, Evaluator.WITNESS),
    ],
)
def test_labels_of_promdrills_are_taken_off(labels: dict[str, str], evaluator: Evaluator) -> None:
    given = {"alertname": "Full", "pod": "a", DRILL_LABEL: "drill-x", **labels}
    assert files.own(given) == {"pod": "a"}
    assert files.evaluator(given) is evaluator

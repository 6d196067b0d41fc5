"""A runbook against a rendered chart: what its commands name that the chart does not make."""

from __future__ import annotations

import re
from typing import Any

import pytest

from promdrill.runbook.published import places
from promdrill.runbook.published.against import FLAGS, Rendered, missing


def workload(kind: str, name: str, *containers: str, **spec: Any) -> dict[str, Any]:
    inside = {"containers": [{"name": each, "args": []} for each in containers]}
    return {"kind": kind, "metadata": {"name": name}, "spec": {"template": {"spec": inside}, **spec}}


def chart(*more: dict[str, Any], version: str = "2.48.0") -> Rendered:
    objects = (
        workload("Deployment", "prometheus-server", "prometheus-server", "reload"),
        {"kind": "PersistentVolumeClaim", "metadata": {"name": "prometheus-server"}},
        {"kind": "Service", "metadata": {"name": "prometheus-server"}},
        *more,
    )
    values = {"server": {"retention": "15d", "persistentVolume": {"size": "8Gi"}, "extraFlags": [], "podLabels": {}}}
    return Rendered("prometheus 25.8.0", "monitoring", objects, values, version, frozenset({"kube-state-metrics"}))


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("kubectl -n infra get pods", "namespace infra"),
        ("kubectl rollout restart deployment prometheus", "Deployment prometheus: "),
        ("kubectl rollout restart deploy/prometheus", "Deployment prometheus: "),
        ("kubectl delete pvc data", "PersistentVolumeClaim data: "),
        ("kubectl delete pvc prometheus-server data", "PersistentVolumeClaim data: "),
        ("kubectl label pvc prometheus-server data a=b old-", "PersistentVolumeClaim data: "),
        ("kubectl annotate pvc data a=b", "PersistentVolumeClaim data: "),
        ("kubectl get sts prometheus-server", "StatefulSet prometheus-server: "),
        ("kubectl logs x -c prometheus", "container prometheus: "),
        ("kubectl exec x --container=prometheus -- df", "container prometheus: "),
        ("echo --storage.tsdb.retension.time=1d", "flag --storage.tsdb.retension.time: "),
        ("helm upgrade a b --set server.retntion=1d", "value server.retntion: "),
        ("helm upgrade a b --set-string=server.persistentVolume.sizes=1Gi", "value server.persistentVolume.sizes: "),
        ("promtool query instant http://x kube_pod_info", "metric kube_pod_info: "),
        ("curl 'localhost/api/v1/query?query=node_load1'", "metric node_load1: "),
        ("oc delete pvc data", "PersistentVolumeClaim data: "),
        ("helm upgrade a b --set-json server.retntion=1", "value server.retntion: "),
        ("kubectl get svc prometheus-server; kubectl get svc a; kubectl get svc a", "Service a: "),
    ],
)
def test_what_is_not_there(command: str, what: str) -> None:
    (found,) = missing([(7, command)], (), chart())
    assert found.line == 7
    assert found.what.startswith(what)


@pytest.mark.parametrize(
    "command",
    [
        "kubectl -n monitoring rollout restart deploy/prometheus-server",
        "kubectl -n kube-system get deploy coredns",
        "kubectl delete pvc ⟦claim⟧ -n ⟦namespace⟧",
        "kubectl get pod web-0",
        "kubectl delete pod $POD",
        "kubectl logs x -c reload",
        "kubectl create configmap a --from-literal=b=c; kubectl get configmap a",
        "echo --storage.tsdb.retention.time=1d --web.enable-lifecycle",
        "helm upgrade a b --set server.retention=1d,server.podLabels.a=b --set server.extraFlags[0]=c",
        "helm upgrade a b --set kube-state-metrics.anything=1",
        "grep kube_pod_info x",
        "kubectl get routes a",
        "kubectl get deploy",
        "kubectl exec deploy/x -- df",
        "kubectl create namespace infra; kubectl -n infra get pods",
        "kubectl logs x -c $C",
        "kubectl -n kube-system logs x -c y",
        "kubectl cp a b -c x",
        "helm --set=serverr=1",
        "helm upgrade a b --set",
        "helm upgrade a b --set server.retention.days=1",
        "promtool query instant http://x kube_config",
    ],
)
def test_what_is_there_or_may_be(command: str) -> None:
    assert missing([(1, command)], (), chart()) == ()


def test_the_nearest_name_is_the_hint() -> None:
    (found,) = missing([(1, "helm upgrade a b --set server.retntion=1d")], (), chart())
    assert found.hint == "server.retention"
    (found,) = missing([(1, "kubectl get svc prometheus")], (), chart())
    assert found.hint == "it makes prometheus-server"
    (found,) = missing([(1, "kubectl get sts prometheus")], (), chart())
    assert found.hint == "it makes no StatefulSet"
    (found,) = missing([(1, "helm upgrade a b --set server.persistentVolume.sizes=1Gi")], (), chart())
    assert found.hint == "server.persistentVolume.size"
    (found,) = missing([(1, "echo --storage.tsdb.retension.time=1d")], (), chart())
    assert found.hint == "--storage.tsdb.retention.time"
    many = chart(workload("Deployment", "many", *(f"c{number}" for number in range(9))))
    (found,) = missing([(1, "kubectl logs x -c d")], (), many)
    assert found.hint == f"it has {', '.join(f'c{number}' for number in range(8))}"


def test_flags_that_the_third_version_lost() -> None:
    command = [(1, "echo --storage.tsdb.retention=1d")]
    assert missing(command, (), chart()) == ()
    (found,) = missing(command, (), chart(version="3.1.0"))
    assert (found.what, found.hint) == (
        "flag --storage.tsdb.retention: Prometheus 3.1.0 no longer has it",
        "--storage.tsdb.retention.time",
    )


def test_of_a_flag_that_is_gone_for_good_there_is_no_hint() -> None:
    command = [(1, "echo --storage.tsdb.allow-overlapping-blocks")]
    (found,) = missing(command, (), chart(version="3.1.0"))
    assert found.hint == ""
    assert missing(command, (), chart(version="")) == ()


def test_what_is_missing_is_told_in_the_order_of_the_lines() -> None:
    commands = [(5, "kubectl get svc a"), (2, "kubectl get svc b")]
    assert [each.line for each in missing(commands, [(3, "node_load1")], chart())] == [2, 3, 5]


def test_namespaces_and_containers_that_the_chart_makes() -> None:
    pod = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}]}
    job = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}
    own = chart({"kind": "Namespace", "metadata": {"name": "infra"}}, job, {"kind": "CronJob"}, {})
    commands = [(1, "kubectl -n infra logs x -c c"), (2, "kubectl -n infra logs x -c i")]
    assert missing(commands, (), own) == ()


def test_a_metric_is_there_with_its_component() -> None:
    query = [(3, "sum(kube_pod_info) by (node)")]
    assert [each.line for each in missing((), query, chart())] == [3]
    assert missing((), query, chart(workload("Deployment", "x-kube-state-metrics", "kube-state-metrics"))) == ()


def test_what_the_operator_makes_of_its_objects_is_there() -> None:
    stack = chart({"kind": "Prometheus", "metadata": {"name": "main"}, "spec": {}})
    commands = [
        (1, "kubectl get sts prometheus-main"),
        (2, "kubectl logs x -c config-reloader"),
        (3, "kubectl get pvc prometheus-main-db-prometheus-main-0"),
        (4, "kubectl get svc prometheus-operated"),
        (5, "kubectl get secret prometheus-main"),
        (6, "kubectl logs x -c prometheus"),
    ]
    assert missing(commands, (), stack) == ()


def test_claims_of_a_template_are_there() -> None:
    template = [{"metadata": {"name": "storage-volume"}}]
    found = chart(workload("StatefulSet", "prometheus-server", "a", volumeClaimTemplates=template))
    assert missing([(1, "kubectl get pvc storage-volume-prometheus-server-0")], (), found) == ()


def test_a_placeholder_is_no_name() -> None:
    command = places.unsaid("kubectl -n <my-namespace> edit pvc <my-pvc> -c [container-name]")
    assert missing([(1, command)], (), chart()) == ()


def test_every_known_flag_is_a_whole_name() -> None:
    """A list that is written over several lines is easily broken within a name."""
    assert [flag for flag in FLAGS if not re.fullmatch(r"[a-z]+(?:\.[a-z]+(?:-[a-z]+)*)+", flag)] == []


@pytest.mark.parametrize("flag", ["web.max-connections", "storage.tsdb.no-lockfile", "query.max-concurrency"])
def test_a_flag_with_a_dash_is_known(flag: str) -> None:
    assert missing([(1, f"grep -e --{flag}=1 args")], (), chart()) == ()

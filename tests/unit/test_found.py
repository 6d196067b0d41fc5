"""The names of a Prometheus, found in what a chart renders to, and a runbook with them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from promdrill.core.login import Login
from promdrill.drill import own_names
from promdrill.drill.timings import timings
from promdrill.install.found import server_of
from promdrill.install.itself import scraping_itself
from promdrill.observe.server import Server

USUAL = Server.of("drill-x", "prom-x")


def rendered(
    *,
    kind: str = "Deployment",
    name: str = "prom-x-server",
    args: str = "",
    reloader: bool = True,
    more: int = 0,
    mount: str = "/data",
    claim: str = "prom-x-server",
    component: str = "server",
) -> list[dict[str, Any]]:
    """What a chart renders to: a server with its service, and another workload."""
    path = f"{mount}/inside"
    server = {
        "name": "mon-server",
        "args": [f"--storage.tsdb.path={path}", "--config.file=/etc/config/prometheus.yml", *args.split()],
        "ports": [{"containerPort": 9090, "name": "http"}],
        "volumeMounts": [{"name": "etc", "mountPath": "/etc"}, {"name": "vol", "mountPath": mount}],
        "readinessProbe": {"initialDelaySeconds": 800},
    }
    others = [{"name": "watcher", "args": ["--reload-url=http://localhost/-/reload"]}] if reloader else []
    others += [{"name": f"sidecar-{number}"} for number in range(more)]
    labels = {"app.kubernetes.io/component": component, "app.kubernetes.io/instance": "prom-x"}
    spec: dict[str, Any] = {"containers": [*others, server], "volumes": [{"name": "etc", "configMap": {"name": "c"}}]}
    workload: dict[str, Any] = {
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": {**labels, "team/of": "us"}}, "spec": spec},
        },
    }
    if kind == "StatefulSet":
        workload["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "vol"}}]
    elif claim:
        spec["volumes"].append({"name": "vol", "persistentVolumeClaim": {"claimName": claim}})
    ports = [{"port": 8080, "targetPort": 8080}, {"port": 9191, "targetPort": "http"}]
    return [
        {"kind": "Deployment", "metadata": {"name": "other"}, "spec": {"template": {"spec": {"containers": [{}]}}}},
        workload,
        {"kind": "Service", "metadata": {"name": "none"}, "spec": {"selector": {"x": "y"}, "ports": ports}},
        {
            "kind": "Service",
            "metadata": {"name": "headless"},
            "spec": {"clusterIP": "None", "selector": labels, "ports": [{"port": 80, "targetPort": 9090}]},
        },
        {"kind": "Service", "metadata": {"name": "front"}, "spec": {"selector": labels, "ports": ports}},
    ]


def test_the_names_are_those_of_the_objects() -> None:
    found = server_of(rendered(), USUAL)
    assert (found.namespace, found.release, found.fullname) == ("drill-x", "prom-x", "prom-x-server")
    assert (found.container, found.reloader, found.containers) == ("mon-server", "watcher", 2)
    assert (found.service, found.port, found.pod_port) == ("front", 9191, 9090)
    assert (found.claim, found.data, found.workload, found.component) == (
        "prom-x-server", "/data", "deployment", "server"
    )  # fmt: skip
    assert found.labels == (("app.kubernetes.io/component", "server"), ("app.kubernetes.io/instance", "prom-x"))
    assert (found.prefix, found.ready_after_s) == ("", 800.0)


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"reloader": False}, "reloader", ""),
        ({"reloader": False}, "containers", 1),
        ({"more": 1}, "containers", 3),
        ({"kind": "StatefulSet"}, "workload", "statefulset"),
        ({"kind": "StatefulSet"}, "claim", "vol-prom-x-server-0"),
        ({"claim": "theirs"}, "claim", "theirs"),
        ({"mount": "/prometheus"}, "data", "/prometheus"),
        ({"component": "mon"}, "component", "mon"),
        ({"args": "--web.route-prefix=/prom/"}, "prefix", "/prom"),
        ({"args": "--web.external-url=https://x.example/prom"}, "prefix", "/prom"),
        ({"args": "--web.external-url=https://x.example/prom --web.route-prefix=/"}, "prefix", ""),
        ({"args": "--web.listen-address=0.0.0.0:9999"}, "pod_port", 9999),
        ({"name": "mine"}, "fullname", "mine"),
    ],
)
def test_whatever_values_call_them(options: dict[str, Any], field: str, value: object) -> None:
    assert getattr(server_of(rendered(**options), USUAL), field) == value


def test_without_a_server_the_names_are_the_usual_ones() -> None:
    assert server_of(rendered()[:1], USUAL) == USUAL


def test_questions_go_below_the_prefix() -> None:
    server = server_of(rendered(args="--web.route-prefix=/prom"), USUAL)
    probes = [
        *server.http("POST", "/-/reload", 200).probes,
        *server.flag("a", "b").probes,
        *server.query("up", bool, "up").probes,
        *server.stale(5.0).probes,
        server.metrics_probe(frozenset()),
    ]
    assert all(str(probe.path).startswith("/prom/") for probe in probes)  # type: ignore[union-attr]


RUNBOOK = """\
Look at prometheus-server, which is 1/2 and a deployment.

```sh
kubectl rollout status deployment --selector "$SELECTOR"
kubectl get deployment shop; kubectl get pod --selector component=server
kubectl logs --container prometheus-server-configmap-reload
kubectl exec --container prometheus-server -- df -P /data | grep /data-not
wget http://localhost:9090/-/reload
kubectl get --raw /api/v1/namespaces/x/pods/y:9090/proxy/api/v1/targets
```

```console
...  1/2  0/2  2/2  11/20
```
"""


def test_a_runbook_with_other_names() -> None:
    server = server_of(
        rendered(kind="StatefulSet", mount="/prom", component="mon", more=1, args="--web.route-prefix=/p"), USUAL
    )
    assert own_names.named(RUNBOOK, server, USUAL).splitlines() == [
        "Look at prometheus-server, which is 1/2 and a deployment.",
        "",
        "```sh",
        'kubectl rollout status statefulset --selector "$SELECTOR"',
        "kubectl get deployment shop; kubectl get pod --selector component=mon",
        "kubectl logs --container watcher",
        "kubectl exec --container mon-server -- df -P /prom | grep /data-not",
        "wget http://localhost:9090/p/-/reload",
        "kubectl get --raw /api/v1/namespaces/x/pods/y:9090/proxy/p/api/v1/targets",
        "```",
        "",
        "```console",
        "...  2/3  0/3  3/3  11/20",
        "```",
    ]
    (said,) = own_names.remarks(server, USUAL)
    assert "mon-server for prometheus-server, watcher for prometheus-server-configmap-reload, /prom for /data" in said


def test_a_runbook_with_the_usual_names_stays_as_it_is() -> None:
    assert own_names.named(RUNBOOK, USUAL, USUAL) == RUNBOOK
    assert own_names.remarks(USUAL, USUAL) == ()


def test_where_there_is_no_reloader_its_name_stays_and_the_reader_is_told() -> None:
    server = server_of(rendered(reloader=False), USUAL)
    assert "--container prometheus-server-configmap-reload\n" in own_names.named(RUNBOOK, server, USUAL)
    (said,) = own_names.remarks(server, USUAL)
    assert "no reloader for prometheus-server-configmap-reload" in said
    assert "1/1 for 2/2" in said


def test_the_jobs_of_a_scenario_scrape_the_server_where_it_is() -> None:
    text = """
    - job_name: prometheus
      static_configs: [{targets: ["localhost:9090"]}]
    - job_name: shop
      static_configs: [{targets: ["shop:8080"]}]
    """
    jobs = yaml.safe_load(text)
    assert scraping_itself(jobs, USUAL) == []
    own, shop = scraping_itself(jobs, server_of(rendered(args="--web.route-prefix=/p --web.listen-address=:99"), USUAL))
    assert (own["metrics_path"], own["static_configs"]) == ("/p/metrics", [{"targets": ["localhost:99"]}])
    assert shop == jobs[1]


def test_what_a_job_says_itself_stays() -> None:
    own = {"scheme": "https", "tls_config": {"ca_file": "/ca"}, "basic_auth": {"username": "me"}}
    job = {"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]}
    plain, mine = scraping_itself([job, {**job, **own}], USUAL, Login("drill", "a b", "PEM"))
    assert own.items() <= mine.items()
    assert plain["basic_auth"] == {"username": "drill", "password": "a b"}
    assert (plain["scheme"], plain["tls_config"]) == ("https", {"insecure_skip_verify": True})


def test_a_long_delay_gives_more_time() -> None:
    usual, long = timings("fast", 1.0, 30.0), timings("fast", 1.0, 830.0)
    assert usual == timings("fast", 1.0)
    assert long.baseline_s == usual.baseline_s + 800.0
    assert long.recovery_s == usual.recovery_s + 800.0
    assert long.remediate_s == usual.remediate_s + 1600.0
    assert long.recovery_hold_s == usual.recovery_hold_s

"""restarts-metric: the kubelet kills a container again and again; the pod looks well in between, a metric names it."""

from typing import Any

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Patched
from promdrill.observe import Vector, dashboard, ended_with, not_restarted, object_shows, pods_ready

INCREASE = "sum(increase(kube_pod_container_status_restarts_total[1m])) by (namespace, pod)"
NGINX = {"app": "nginx"}
PORT, NO_PORT = 80, 8080  # nginx listens on the first; on the other, nothing does
LONGER_THAN_A_RUN_S = 15.0  # with the wrong port a run ends after 4 s, and the next one begins seconds later


@pytest.mark.charts(">=15", stack=">=57")
@pytest.mark.beside("grafana")
@pytest.mark.long("a window of a minute passes")
@pytest.mark.touches("a liveness probe")
@pytest.mark.cluster_wide("a ClusterRole, for kube-state-metrics")
@pytest.mark.own_scrapes("the query counts restarts within a minute")
@pytest.mark.looks_like("cpu-throttled")
def test_restarts_metric(drill: Drill) -> None:
    """A liveness probe asks the wrong port; the runbook finds out which pod, how it ended and why, and corrects it."""
    server = drill.server
    source = dashboard.Source.of(server, grafana=drill.site.has_image(dashboard.GRAFANA_IMAGE))
    path = f"/apis/apps/v1/namespaces/{server.namespace}/deployments/nginx"
    probing = [{"name": "nginx", "livenessProbe": {"tcpSocket": {"port": NO_PORT}}}]
    named = source.query(f"{INCREASE} > 0", _nginx_alone, "increase > 0 for nginx alone")
    unhealthy = server.event("Unhealthy", "nginx-", f"Liveness probe failed: .*:{NO_PORT}: connect: connection refused")
    drill.run(
        fault=Patched(
            f"let nginx' liveness probe ask port {NO_PORT}",
            path,
            {"spec": {"template": {"spec": {"containers": probing}}}},
            kind="strategic",
        ),
        signature=(
            Stage(
                "one pod has restarted, and the metric names it",
                (server.ready(), ended_with(NGINX, "nginx", "Completed"), named),
            ),
            Stage("again and again, for its liveness probe fails", (server.ready(), named, unhealthy)),
        ),
        persistence=Persistence(hold_s=LONGER_THAN_A_RUN_S),
        recovery=lambda at: (
            source.query(INCREASE, lambda v: any(_of_nginx(v)), "nginx is still counted"),
            not_restarted(NGINX, "nginx", since=at.remediated or at.began),
            object_shows(
                path,
                lambda found: _probed(found) == PORT,
                f"the liveness probe asks port {PORT}",
                show=lambda found: str(_probed(found)),
            ),
        ),
        recovery_hold_s=LONGER_THAN_A_RUN_S,
        jobs=("prometheus", "kube-state-metrics"),
        variables={"PROBE_PORT": str(PORT)},
        beside=[*drill.manifest("nginx.yaml"), *source.objects(server)],
        beside_ready=(
            pods_ready(NGINX, 1),
            source.query(f"{INCREASE} > 0", lambda v: not v, "no increase > 0"),
            *source.ready,
        ),
        remarks=(source.remark,),
    )


def _probed(deployment: dict[str, Any]) -> object:
    (nginx,) = deployment["spec"]["template"]["spec"]["containers"]
    return nginx.get("livenessProbe", {}).get("tcpSocket", {}).get("port")


def _of_nginx(vector: Vector) -> list[bool]:
    return [dict(labels).get("pod", "").startswith("nginx-") for labels in vector]


def _nginx_alone(vector: Vector) -> bool:
    return _of_nginx(vector) == [True]

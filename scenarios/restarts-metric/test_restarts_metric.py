"""restarts-metric: nginx' main process is killed in its pod; the metric of restarts names that pod and no other."""

import pytest

from promdrill.drill import Drill, Stage
from promdrill.faults import Patched, RunIn
from promdrill.observe import Vector, dashboard, ended_with, not_restarted, pods_ready, restart_counted

INCREASE = "sum(increase(kube_pod_container_status_restarts_total[1m])) by (namespace, pod)"
NGINX = {"app": "nginx"}


@pytest.mark.charts(">=15", stack=">=57,<58")
@pytest.mark.beside("grafana")
@pytest.mark.long("a window of a minute passes")
@pytest.mark.touches("a container's main process")
def test_restarts_metric(drill: Drill) -> None:
    """The process is killed once and its container restarted; the runbook finds out which, why, and how often."""
    server = drill.server
    source = dashboard.Source.of(server, grafana=drill.site.has_image(dashboard.GRAFANA_IMAGE))
    path = f"/apis/apps/v1/namespaces/{server.namespace}/deployments/nginx"
    ending = [{"name": "nginx", "command": ["sh", "-c", "exit 3"]}]
    drill.run(
        fault=RunIn(
            "kill nginx' main process",
            "kill 1",
            pod="nginx-",
            container="nginx",
            exit_codes=(0, 137),  # the shell may end before its container does, or with it
        ),
        signature=(
            Stage(
                "one pod has restarted, and the metric names it",
                lambda at: (
                    server.ready(),
                    ended_with(NGINX, "nginx", "Completed"),
                    restart_counted(server, NGINX, "nginx", since=at.baseline or at.began, scrapes=2),
                    source.query(f"{INCREASE} > 0", _nginx_alone, "increase > 0 for nginx alone"),
                ),
            ),
        ),
        persistence=None,
        recovery=lambda at: (
            source.query(INCREASE, lambda v: any(_of_nginx(v)), "nginx' increase is still there"),
            not_restarted(NGINX, "nginx", since=at.remediating or at.began),
        ),
        jobs=("prometheus", "kube-state-metrics"),
        breaking=Patched(
            "make nginx end again and again",
            path,
            {"spec": {"template": {"spec": {"containers": ending}}}},
            kind="strategic",
        ),
        beside=[*drill.manifest("nginx.yaml"), *source.objects(server)],
        beside_ready=(
            pods_ready(NGINX, 1),
            source.query(f"{INCREASE} > 0", lambda v: not v, "no increase > 0"),
            *source.ready,
        ),
        remarks=(source.remark,),
    )


def _of_nginx(vector: Vector) -> list[bool]:
    return [dict(labels).get("pod", "").startswith("nginx-") for labels in vector]


def _nginx_alone(vector: Vector) -> bool:
    return _of_nginx(vector) == [True]

"""cpu-throttled: a busy pod's CPU limit is too low; it is ready, was not restarted, and is many times slower."""

from collections.abc import Mapping
from typing import Any

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Patched
from promdrill.observe import object_shows, pods_ready, says

TOO_LOW, NEW_LIMIT = "20m", "400m"
BUSY = {"app": "busy"}
PERIODS = 'container_cpu_cfs_periods_total{container="busy"}'
THROTTLED = 'container_cpu_cfs_throttled_periods_total{container="busy"}'
RISING = f"rate({THROTTLED}[30s]) / rate({PERIODS}[30s])"
SINCE_START = f"{THROTTLED} / ({PERIODS} > 30)"  # 30 periods with work in them: some three seconds
MOST, HARDLY_ANY = 0.5, 0.1


@pytest.mark.charts(">=8.11.4", stack=">=57")
@pytest.mark.touches("a Deployment's CPU limit")
@pytest.mark.cluster_wide("a ClusterRole, to scrape the nodes")
@pytest.mark.own_scrapes("its remedy is read from metrics that are scraped every two seconds")
@pytest.mark.looks_like("restarts-metric")
def test_cpu_throttled(drill: Drill) -> None:
    """The limit of a worker beside Prometheus is lowered; the runbook raises it."""
    server = drill.server
    path = f"/apis/apps/v1/namespaces/{server.namespace}/deployments/busy"
    containers = [{"name": "busy", "resources": {"limits": {"cpu": TOO_LOW}}}]
    one_ready = pods_ready(BUSY, 1)
    drill.run(
        fault=Patched(
            f"lower the CPU limit of busy to {TOO_LOW}",
            path,
            {"spec": {"template": {"spec": {"containers": containers}}}},
            kind="strategic",
            proof=(object_shows(path, _rolled_out, "the pod with the new limit is available", show=_status),),
        ),
        signature=(
            Stage(
                "ready, but throttled in most periods, and slow",
                lambda at: (
                    server.ready(),
                    one_ready,
                    server.query(RISING, lambda v: max(v.values(), default=0) > MOST, "throttled periods rise"),
                    says("busy-", "busy", r"took ([4-9]|\d\d+)\.\d s", since=at.began),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=lambda at: (
            says("busy-", "busy", r"took [0-3]\.\d s", since=at.remediating),
            server.query(SINCE_START, lambda v: [x < HARDLY_ANY for x in v.values()] == [True], "hardly throttled"),
        ),
        jobs=("prometheus", "kubernetes-nodes-cadvisor"),
        variables={
            "APP_NAMESPACE": server.namespace,
            "DEPLOYMENT": "busy",
            "CONTAINER": "busy",
            "NEW_LIMIT": NEW_LIMIT,
            "WINDOW": "30s",
        },
        beside=drill.manifest("busy.yaml"),
        beside_ready=(one_ready,),
    )


def _rolled_out(deployment: Mapping[str, Any]) -> bool:
    status = deployment.get("status") or {}
    counts = [status.get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == [1, 1, 1]


def _status(deployment: Mapping[str, Any]) -> str:
    return str(deployment.get("status"))

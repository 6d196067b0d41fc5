"""hpa-custom-metric: a ServiceMonitor matches no Service; the autoscaler's metric is <unknown>, nothing scales."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Applied, Edited, Patched, Replace
from promdrill.observe import Condition, exporter_metric, object_shows, pods_ready

APP = "demo-app"
MOST = 3  # maxReplicas in manifests/operator/custom-metrics
SOME_REQUESTS = 40  # two seconds of load.yaml; one pod is to have at most two a second
THREE_LOOKS_S = 6.0  # the autoscaler looks every 2 s


@pytest.mark.install("operator")
@pytest.mark.exclusive("custom metrics API")
@pytest.mark.long("the autoscaler scales up, and down again")
@pytest.mark.touches("ServiceMonitor", "autoscaler")
@pytest.mark.looks_like("target-typo")
def test_hpa_custom_metric(drill: Drill) -> None:
    """A label is misspelt, then load arrives; the runbook corrects it, and pods come and go with the load."""
    server, space = drill.server, drill.server.namespace
    (load,) = drill.manifest("load.yaml")
    no_target = server.query(f'up{{job="{APP}"}}', lambda vector: not vector, f"no target of job {APP}")
    unknown, known = scaling(space, "False", "FailedGetPodsMetric"), scaling(space, "True", "ValidMetricFound")
    end_load = Patched("end the load", f"/apis/apps/v1/namespaces/{space}/deployments/load", {"spec": {"replicas": 0}})
    one_pod = pods_ready({"app": APP}, 1)
    requests = exporter_metric(APP, 8080, "demo_requests_total", lambda n: n >= SOME_REQUESTS, "requests come")
    drill.run(
        fault=Edited((Replace(f"app: {APP} # the Service's", "app: demo # the Service's"),), proof=()),
        signature=(
            Stage("2/2, but a target is gone, and so is the autoscaler's metric", (server.ready(), no_target, unknown)),
            Stage("load arrives, and one pod has to bear it", (requests, one_pod, unknown), before=Applied(load)),
        ),
        persistence=Persistence(hold_s=THREE_LOOKS_S),
        recovery=(pods_ready({"app": APP}, MOST),),
        afterwards=(Stage("the load ends, and the additional pods go", (one_pod, known), before=end_load),),
        jobs=("prometheus", APP),
        beside_ready=(known,),
    )


def scaling(namespace: str, status: str, reason: str) -> Condition:
    """The autoscaler's condition ScalingActive has that status for that reason."""

    def found(autoscaler: dict[str, dict[str, list[dict[str, str]]]]) -> dict[str, str]:
        conditions = autoscaler.get("status", {}).get("conditions") or []
        return next((each for each in conditions if each["type"] == "ScalingActive"), {})

    return object_shows(
        f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{APP}",
        lambda obj: (found(obj).get("status"), found(obj).get("reason")) == (status, reason),
        f"ScalingActive {status}, {reason}",
        show=lambda obj: f"{found(obj).get('status')}: {found(obj).get('message')}",
    )

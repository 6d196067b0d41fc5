"""quota: the namespace's quota is below what the pod requests; once the pod is gone, it cannot be replaced."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Applied, DeleteServerPod, InOrder
from promdrill.observe import no_server_pod, object_shows

NEW_HARD_MIB = 256  # for each replica, whose containers request 208Mi
LIMITS_GIB = 2  # for each replica; never used up


@pytest.mark.charts(">=8.11.4", stack=">=57")
@pytest.mark.touches("quota", "pod")
@pytest.mark.looks_like("claim-mismatch")
def test_quota(drill: Drill) -> None:
    """A quota is set and the pod deleted, as by an eviction; the runbook raises the quota."""
    server = drill.server
    new_hard = f"{NEW_HARD_MIB * server.replicas}Mi"
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team-monitoring", "namespace": ""},
        "spec": {"hard": {"requests.memory": "128Mi", "limits.memory": f"{LIMITS_GIB * server.replicas}Gi"}},
    }
    path = f"/api/v1/namespaces/{server.namespace}/resourcequotas/team-monitoring"
    # Until the usage is counted, pods are refused with another message.
    counted = object_shows(path, lambda quota: "used" in quota.get("status", {}), "the quota counts")
    raised = object_shows(
        path, lambda quota: quota["spec"]["hard"]["requests.memory"] == new_hard, "the quota is raised"
    )
    drill.run(
        fault=InOrder((Applied(quota, proof=(counted,)), DeleteServerPod(proof=(no_server_pod(server),)))),
        signature=(
            Stage(
                "no pod at all, and an event says why",
                (
                    no_server_pod(server),
                    server.event("FailedCreate", server.fullname, "exceeded quota: team-monitoring"),
                    server.http("GET", "/-/ready", 503),
                ),
            ),
        ),
        persistence=Persistence(hold_s=5.0),
        recovery=(raised,),
        variables={"NEW_HARD": new_hard},
    )

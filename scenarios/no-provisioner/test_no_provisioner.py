"""no-provisioner: the cluster has no storage class and nothing that makes volumes; the claim names a class."""

from collections.abc import Mapping
from typing import Any

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import OWN_CLASS, Reinstall, RemoveStorage, Set, no_class
from promdrill.observe import Condition, Server, claim_phase, no_server_pod, object_shows, unscheduled

ELSEWHERE = "gp2"  # values that were written for another cluster


@pytest.mark.charts(">=8.11.4", stack=">=57")
@pytest.mark.touches("storage classes", "provisioner")
@pytest.mark.cluster_wide(
    "all storage classes and the provisioner, which it removes", "a ClusterRole, to scrape the nodes"
)
@pytest.mark.looks_like("no-default-class")
@pytest.mark.alone("all storage classes and the provisioner")
def test_no_provisioner(drill: Drill) -> None:
    """Prometheus is installed where nothing makes volumes; the runbook installs a provisioner and names its class."""
    server = drill.server
    manifest = drill.site.folder.absolute() / "local-path-storage.yaml"
    of_class = object_shows(
        f"/api/v1/namespaces/{server.namespace}/persistentvolumeclaims/{server.claim}",
        lambda claim: claim["spec"].get("storageClassName") == OWN_CLASS,
        f"the claim is of class {OWN_CLASS}",
        show=lambda claim: str(claim["spec"].get("storageClassName")),
    )
    drill.run(
        fault=Reinstall(
            edits=(Set("server.persistentVolume.storageClass", ELSEWHERE),), acts=(RemoveStorage(manifest),)
        ),
        signature=(
            Stage(
                "the operator makes no server, and its object says that the class does not exist",
                (no_server_pod(server), no_class(), _not_reconciled(server)),
            )
            if drill.on_stack
            else Stage(
                "claim and pod wait, and the event says that the class does not exist",
                lambda at: (
                    unscheduled(server),
                    no_class(),
                    claim_phase(server.claim, "Pending"),
                    server.event("ProvisioningFailed", server.claim, f'"{ELSEWHERE}" not found', since=at.baseline),
                    server.event("FailedScheduling", server.fullname, "unbound immediate", since=at.baseline),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=(server.claim_size("300Mi"), server.volume_size("300Mi"), of_class),
        variables={"PROVISIONER": str(manifest)},
    )


def _not_reconciled(server: Server) -> Condition:
    """The Prometheus object of kube-prometheus-stack says why there is no server."""
    name = server.fullname.removeprefix("prometheus-")  # which the operator puts before it
    path = f"/apis/monitoring.coreos.com/v1/namespaces/{server.namespace}/prometheuses/{name}"

    def why(found: Mapping[str, Any]) -> str:
        said = (found.get("status") or {}).get("conditions") or ()
        return "; ".join(str(each.get("message", "")) for each in said if each["type"] == "Reconciled")

    return object_shows(
        path,
        lambda found: f'storage class "{ELSEWHERE}" does not exist' in why(found),
        f"the operator finds no class {ELSEWHERE}",
        show=why,
    )

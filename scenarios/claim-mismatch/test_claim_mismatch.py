"""claim-mismatch: the claim asks for a label that no volume has; it waits beside a free one, and so does Prometheus."""

import pytest

from promdrill.drill import MANUAL_JOBS, Drill, Persistence, Stage
from promdrill.faults import Deleted, Edited, InOrder, Replace
from promdrill.observe import claim_phase, no_claim, no_server_pod, no_volume, object_shows, unscheduled


@pytest.mark.install("manual")
@pytest.mark.touches("claim", "volume", "deployment")
@pytest.mark.looks_like("no-default-class")
def test_claim_mismatch(drill: Drill) -> None:
    """Volume, claim and server are created again, with a typing error in the claim; the runbook corrects it."""
    server = drill.server
    volume, path = f"prometheus-{server.namespace}", f"namespaces/{server.namespace}"
    free = object_shows(
        f"/api/v1/persistentvolumes/{volume}",
        lambda found: found["status"]["phase"] == "Available",
        "the volume is free",
        show=lambda found: str(found["status"]["phase"]),
    )
    drill.run(
        fault=InOrder(
            (
                Deleted(f"/apis/apps/v1/{path}/deployments/{server.fullname}", proof=(no_server_pod(server),)),
                Deleted(f"/api/v1/{path}/persistentvolumeclaims/{server.claim}", proof=(no_claim(server.claim),)),
                Deleted(f"/api/v1/persistentvolumes/{volume}", proof=(no_volume(volume),)),
                Edited((Replace("volume: prometheus-data # as", "volume: prometheus # as"),), proof=()),
            )
        ),
        signature=(
            Stage(
                "the claim waits beside a free volume of its class and size, and the event blames the class",
                lambda at: (
                    claim_phase(server.claim, "Pending"),
                    free,
                    server.event("ProvisioningFailed", server.claim, f'"manual-{server.namespace}" not found'),
                    unscheduled(server),
                    server.event(
                        "FailedScheduling",
                        server.fullname,
                        "unbound immediate PersistentVolumeClaims",
                        since=at.baseline,
                    ),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=(server.claim_size("5Gi"), server.volume_size("5Gi")),
        jobs=MANUAL_JOBS,
    )

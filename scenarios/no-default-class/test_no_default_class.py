"""no-default-class: there are storage classes, but none is the default, and the claim names none."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import STORAGE_CLASSES, Patched, Reinstall, Set, default_class, is_default_class
from promdrill.observe import claim_phase, name_of, object_shows, unscheduled

CLASS = "standard"  # of every cluster that promdrill makes


@pytest.mark.charts(">=8.11.4", stack=">=57")
@pytest.mark.touches("default storage class", "release", "claim")
@pytest.mark.cluster_wide("the default storage class, which it changes", "a ClusterRole, to scrape the nodes")
@pytest.mark.looks_like("no-provisioner")
@pytest.mark.exclusive("default storage class")
def test_no_default_class(drill: Drill) -> None:
    """Prometheus is installed without naming a class while none is the default; the runbook makes one the default."""
    server = drill.server
    lost = Patched(
        f"make {CLASS} no longer the default",
        f"{STORAGE_CLASSES}/{CLASS}",
        default_class(default=False),
        default_class(default=True),
    )
    bound_of_class = object_shows(
        f"/api/v1/namespaces/{server.namespace}/persistentvolumeclaims/{server.claim}",
        lambda claim: claim["spec"].get("storageClassName") == CLASS,
        f"the claim is of class {CLASS}",
    )
    no_default = object_shows(
        STORAGE_CLASSES,
        lambda found: bool(found["items"]) and not any(map(is_default_class, found["items"])),
        "there are classes, none of them the default",
        show=lambda found: ", ".join(name_of(item) for item in found["items"]),
    )
    drill.run(
        fault=Reinstall(edits=(Set("server.persistentVolume.storageClass", ""),), acts=(lost,)),
        signature=(
            Stage(
                "claim and pod wait, and the event says that there is no class",
                lambda at: (
                    unscheduled(server),
                    no_default,
                    claim_phase(server.claim, "Pending"),
                    server.event("FailedBinding", server.claim, "no storage class is set", since=at.baseline),
                    server.event("FailedScheduling", server.fullname, "unbound immediate", since=at.baseline),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=(server.claim_size("300Mi"), server.volume_size("300Mi"), bound_of_class),
        variables={"CLASS": CLASS},
    )

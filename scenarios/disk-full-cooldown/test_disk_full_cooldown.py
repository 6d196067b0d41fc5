"""disk-full-cooldown: the volume is full again soon after it grew, and may not grow again yet."""

from typing import Any

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import FillVolume, GrowVolume, InOrder, volume_shows
from promdrill.observe import object_shows

SMALL, LARGE = "350Mi", "450Mi"
COOLDOWN_S = 75  # hours on EBS; the remedy takes 17 s of it, and the drill waits for the rest
WAITS = f"{LARGE} asked for, {SMALL} there"
NO_SAMPLE_FOR_S = 5.0  # five scrapes of this scenario's values
# A snapshot that nobody deleted: its files are hard links, which keep blocks that Prometheus has deleted since.
SNAPSHOT = "snapshots/20261101T000000Z-0123456789abcdef/01KAZ5D0G0000000000000000A/chunks/000001"


@pytest.mark.images("docker.io/library/busybox:1.37.0")
@pytest.mark.charts(">=15", stack=">=57")
@pytest.mark.long("the cool-down passes")
@pytest.mark.touches("volume", "claim", "release")
@pytest.mark.cluster_wide("its own storage class, for volumes of a fixed size", "a ClusterRole, to scrape the nodes")
@pytest.mark.own_scrapes("it must be seen to store again before the cool-down has passed")
@pytest.mark.looks_like("disk-full")
def test_disk_full_cooldown(drill: Drill) -> None:
    """The volume grew, is full again, and may not grow yet; the runbook frees space and leaves the request standing.

    In the end the volume grows without help. Recovery therefore proves that Prometheus stores again before that, on a
    volume of the old size: so the control without a remedy fails, however short the cool-down is. After recovery the
    drill waits for the growth itself, rather than taking it on trust.
    """
    server = drill.server
    cooldown = f"{COOLDOWN_S + drill.hold_s:.0f}s"  # an incident that is held must not end by itself
    claim = f"/api/v1/namespaces/{server.namespace}/persistentvolumeclaims/{server.claim}"

    refused = (
        object_shows(claim, lambda obj: sizes(obj) == WAITS, f"the claim: {WAITS}", show=sizes),
        server.event("VolumeResizeFailed", server.claim, r"next change is allowed at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    )
    not_stored = (server.ready(), server.logs(drill.wording("scrape-commit-failed")), server.stale(NO_SAMPLE_FOR_S))
    drill.run(
        fault=InOrder((GrowVolume(SMALL, proof=(server.claim_size(SMALL),)), FillVolume(server.data, inside=SNAPSHOT))),
        signature=(
            Stage("2/2, but nothing is stored", not_stored),
            Stage("the next growth is refused, until a time", (*not_stored, *refused), before=GrowVolume(LARGE)),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=refused,
        afterwards=(
            Stage(
                "the volume has grown, without further help",
                lambda at: (
                    server.claim_size(LARGE),
                    server.volume_size(LARGE),
                    volume_shows(server, at.pod, server.data, LARGE),
                    server.fresh(NO_SAMPLE_FOR_S),
                ),
            ),
        ),
        storage={
            "allowVolumeExpansion": True,
            "metadata": {"annotations": {"promdrill.io/modification-cooldown": cooldown}},
        },
    )


def sizes(claim: dict[str, Any]) -> str:
    """What a claim asks for, and what it has."""
    has = (claim.get("status") or {}).get("capacity") or {}
    return f"{claim['spec']['resources']['requests']['storage']} asked for, {has.get('storage', 'nothing')} there"

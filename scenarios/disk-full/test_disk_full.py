"""disk-full: the server's volume is full; it stores nothing while 2/2, and after a restart it does not start again."""

import pytest

from promdrill.drill import NO_SPACE, Drill, Persistence, Stage
from promdrill.faults import FEW_INODES, FillVolume, RestartServer, volume_shows

NEW_SIZE = "450Mi"
MISSED = 5  # scrapes


@pytest.mark.images("docker.io/library/busybox:1.37.0")
@pytest.mark.charts(">=8.11.4", stack=">=57")
@pytest.mark.touches("volume", "claim", "storage class", "release")
@pytest.mark.cluster_wide("its own storage class, for volumes of a fixed size", "a ClusterRole, to scrape the nodes")
@pytest.mark.looks_like("inodes-full")
def test_disk_full(drill: Drill) -> None:
    """The volume is filled and the server restarted; the runbook grows the volume."""
    server = drill.server
    commit_failed = server.logs(drill.wording("scrape-commit-failed"))
    not_opened = server.logs(drill.wording("storage-not-opened-no-space"))
    drill.run(
        fault=FillVolume(server.data, inodes=True),  # on ext4, using up the bytes alone does not keep it from starting
        signature=(
            Stage(
                "2/2, but nothing is stored",
                lambda at: (server.ready(), commit_failed, server.stale(for_s=MISSED * at.interval_s)),
            ),
            Stage("1/2, it does not start again", (server.crash_looping(), not_opened), before=RestartServer()),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (
            server.claim_size(NEW_SIZE),
            server.volume_size(NEW_SIZE),
            volume_shows(server, at.pod, server.data, NEW_SIZE),
            server.no_logs(NO_SPACE, this_restart=True),
        ),
        storage={"allowVolumeExpansion": False, **FEW_INODES},
        variables={"NEW_SIZE": NEW_SIZE},
    )

"""inodes-full: no inode is left on the server's volume though bytes are; it keeps running, but does not start again."""

import pytest

from promdrill.drill import NO_SPACE, Drill, Persistence, Stage
from promdrill.faults import FEW_INODES, FillInodes, RestartServer, inodes_full
from promdrill.observe import negate

FOLDER = "backup"  # a job that copies metrics out of Prometheus, file by file, and never tidies up


@pytest.mark.images("docker.io/library/busybox:1.37.0")
@pytest.mark.charts(">=15", stack=">=57")
@pytest.mark.touches("volume")
@pytest.mark.cluster_wide("its own storage class, for volumes of a fixed size", "a ClusterRole, to scrape the nodes")
@pytest.mark.looks_like("disk-full")
def test_inodes_full(drill: Drill) -> None:
    """Small files use every inode and the server is restarted; the runbook removes them through a copy of its pod."""
    server = drill.server
    drill.run(
        fault=FillInodes(server.data, inside=FOLDER),
        signature=(
            Stage(
                "df -i shows nothing left, df shows space, and the pod is 2/2 as before",
                lambda at: (inodes_full(server, at.pod, server.data), server.ready()),
            ),
            Stage(
                "1/2, it does not start again",
                (server.crash_looping(), server.logs(drill.wording("storage-not-opened-no-space"))),
                before=RestartServer(),
            ),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (
            negate(inodes_full(server, at.pod, server.data), f"df -i: inodes are left on {server.data}"),
            server.no_logs(NO_SPACE, this_restart=True),
        ),
        storage=FEW_INODES,
        variables={"FOLDER": FOLDER},
    )

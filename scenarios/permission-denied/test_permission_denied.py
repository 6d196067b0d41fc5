"""permission-denied: the volume's folder belongs to root; Prometheus, which is not root, does not start again."""

import pytest

from promdrill.drill import MANUAL_JOBS, PERMISSION_DENIED, Drill, Persistence, Stage
from promdrill.faults import OnNode, RestartServer
from promdrill.observe import command, no_pod

DEBUG_IMAGE = "docker.io/library/busybox:1.37.0"
HELPERS = {"app.kubernetes.io/managed-by": "kubectl-debug"}


@pytest.mark.images("docker.io/library/busybox:1.37.0")
@pytest.mark.install("manual")
@pytest.mark.touches("node", "volume")
@pytest.mark.looks_like("service-port")
def test_permission_denied(drill: Drill) -> None:
    """The folder is given to root and the server restarted; the runbook gives it back, on the node, through the API."""
    server = drill.server
    folder = f"/opt/prometheus/{server.namespace}"
    drill.run(
        fault=OnNode(f"give {folder} to root", f"chown -R root:root {folder} && chmod -R u=rwX,go=rX {folder}"),
        signature=(
            Stage(
                "0/1, it does not start again",
                (server.crash_looping(), server.logs(drill.wording("file-denied"))),
                before=RestartServer(),
            ),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (
            command(
                "the folder is Prometheus'",
                at.pod,
                server.container,
                ("stat", "-c", "%u:%g", "/prometheus"),
                pattern="^65534:65534$",
            ),
            server.no_logs(PERMISSION_DENIED, this_restart=True),
            no_pod(HELPERS),
        ),
        jobs=MANUAL_JOBS,
        variables={"DEBUG_IMAGE": drill.image(DEBUG_IMAGE)},
    )

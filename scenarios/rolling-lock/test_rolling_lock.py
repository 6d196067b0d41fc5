"""rolling-lock: a rolling update on one volume; the new pod waits forever for the old one's lock."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import ValuesEdit
from promdrill.observe import object_shows, old_pod_beside_new

ANNOTATIONS = {"example.com/team": "monitoring"}


@pytest.mark.charts(">=8.11.4")
@pytest.mark.touches("release", "deployment strategy")
@pytest.mark.looks_like("flag-repeated")
def test_rolling_lock(drill: Drill) -> None:
    """A harmless change of the pod is rolled out; with the runbook the old pod ends before the new one starts."""
    server = drill.server
    locked = drill.wording("storage-locked")
    recreated = object_shows(
        f"/apis/apps/v1/namespaces/{server.namespace}/deployments/{server.fullname}",
        lambda deployment: deployment["spec"]["strategy"] == {"type": "Recreate"},
        "strategy Recreate",
        show=lambda deployment: str(deployment["spec"]["strategy"]),
    )
    drill.run(
        fault=ValuesEdit("server.podAnnotations", ANNOTATIONS, proof=(old_pod_beside_new(server),)),
        signature=(
            Stage(
                "the new pod crashes, the old one keeps serving",
                (old_pod_beside_new(server), server.crash_looping(), server.logs(locked), server.fresh(3.0)),
            ),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (recreated, server.no_logs(locked, since=at.remediated)),
    )

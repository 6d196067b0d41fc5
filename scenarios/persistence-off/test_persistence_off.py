"""persistence-off: persistence is disabled; the pod is 2/2 all the time, and each restart begins with no samples."""

from datetime import datetime

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import RestartServer, ValuesEdit
from promdrill.observe import Condition, Server, no_claim


def up_at(server: Server, at: datetime | None, *, stored: bool) -> Condition:
    """Whether samples of a moment are still stored; a query also sees those of the five minutes before it."""
    assert at is not None
    text = f"samples of {at:%H:%M:%S} are {'still stored' if stored else 'gone'}"
    return server.query("up", lambda found: bool(found) is stored, text, at_s=at.timestamp())


@pytest.mark.charts(">=8.11.4")
@pytest.mark.touches("claim", "volume", "release")
@pytest.mark.cluster_wide("the right to list the volumes of all namespaces, for its runbook")
@pytest.mark.looks_like("stale-claim")
def test_persistence_off(drill: Drill) -> None:
    """An upgrade takes the volume away; the runbook gives Prometheus a volume again."""
    server = drill.server
    drill.run(
        fault=ValuesEdit("server.persistentVolume.enabled", value=False, proof=(no_claim(server.claim),)),
        signature=(
            Stage(
                "2/2, but what was stored is gone, and so is the volume",
                lambda at: (server.ready(), no_claim(server.claim), up_at(server, at.baseline, stored=False)),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=(server.claim_size("300Mi"),),
        afterwards=(
            Stage(
                "samples outlive a restart",
                lambda at: (server.ready(), up_at(server, at.began, stored=True)),
                before=RestartServer(),
            ),
        ),
    )

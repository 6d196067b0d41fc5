"""lifecycle-flag: server.extraFlags emptied; the reloader gets 403 and a changed setting is not taken over."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import TouchConfig, ValuesEdit
from promdrill.observe import negate

TWO_TRIES_S = 11.0  # the reloader tries again every 5 s


@pytest.mark.charts(">=15")
@pytest.mark.long("the kubelet updates a ConfigMap in the pod, twice")
@pytest.mark.touches("release", "configuration")
@pytest.mark.cluster_wide("a ClusterRole, to scrape the nodes")
@pytest.mark.looks_like("target-typo")
def test_lifecycle_flag(drill: Drill) -> None:
    """The flag is dropped and a setting changed; the runbook restores the flag and asks for a reload."""
    server = drill.server
    forbidden, loaded = drill.wording("reload-forbidden"), drill.wording("configuration-loaded")
    first, second = TouchConfig("during-the-incident"), TouchConfig("after-the-recovery")
    no_flag = (server.ready(), server.flag("web.enable-lifecycle", "false"))
    drill.run(
        fault=ValuesEdit("server.extraFlags", [], proof=no_flag),
        signature=(
            Stage(
                "2/2, but a changed setting has no effect",
                lambda at: (
                    server.ready(),
                    server.logs(forbidden, container=server.reloader, since=at.began),
                    server.http("POST", "/-/reload", 403),
                    negate(first.live(server), "the changed setting is not live"),
                    server.metric("prometheus_config_last_reload_successful", lambda value: value == 1, "still 1"),
                ),
                before=first,
            ),
        ),
        persistence=Persistence(hold_s=TWO_TRIES_S),
        recovery=lambda at: (server.logs(loaded, since=at.remediating), first.live(server)),
        afterwards=(
            Stage(
                "the next change is live without a restart, and there is no more 403",
                lambda at: (
                    second.live(server),
                    drill.same_pod(at),
                    server.no_logs(forbidden, container=server.reloader, since=at.remediated),
                ),
                before=second,
                hold_s=TWO_TRIES_S,
            ),
        ),
    )

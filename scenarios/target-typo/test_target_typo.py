"""target-typo: a target's host is misspelt; the pod is healthy, the reload was successful, and the target is down."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Edited, Replace

RIGHT, WRONG = "localhost:9090", "locaslhost:9090"


@pytest.mark.charts(">=8.11.4", stack=">=57")
@pytest.mark.touches("scrape configuration", "release")
@pytest.mark.cluster_wide("a ClusterRole, to scrape the nodes")
@pytest.mark.own_scrapes("the fault misspells a target of one")
@pytest.mark.looks_like("lifecycle-flag")
def test_target_typo(drill: Drill) -> None:
    """A target gets one letter too many; the runbook corrects it and asks for a reload."""
    server = drill.server
    up_is = {target: f'up{{instance="{target}"}}' for target in (RIGHT, WRONG)}
    drill.run(
        fault=Edited((Replace(RIGHT, WRONG),), proof=(server.config_has(WRONG),)),
        signature=(
            Stage(
                "2/2 and reloaded without errors, but one target is down",
                (
                    server.ready(),
                    server.metric("prometheus_config_last_reload_successful", lambda value: value == 1, "reload is 1"),
                    server.query(up_is[WRONG], lambda found: [*found.values()] == [0], f"{WRONG} is down"),
                    server.query(up_is[RIGHT], lambda found: not found, f"{RIGHT} is not scraped"),
                    server.targets_up(("kubernetes-nodes",)),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=lambda at: (
            server.logs(drill.wording("configuration-loaded"), since=at.remediating),
            server.query(up_is[RIGHT], lambda found: [*found.values()] == [1], f"{RIGHT} is up"),
            server.query(up_is[WRONG], lambda found: not found, f"{WRONG} is gone"),
            server.metric(
                "process_start_time_seconds",
                lambda started_s: at.baseline is not None and started_s < at.baseline.timestamp(),
                "no restart since the baseline",
            ),
        ),
    )

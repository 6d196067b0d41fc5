"""watchdog-silent: the alert that always fires does not, because a label in its rule is misspelt; nothing says so."""

from typing import Any

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Edited, Replace
from promdrill.observe import Condition, Server

RIGHT, WRONG = 'job="prometheus"', 'job="promethues"'
FIRING = 'ALERTS{alertname="Watchdog", alertstate="firing"}'


def rule(server: Server, label: str) -> Condition:
    """Prometheus has the alert's rule with this label, and evaluates it without an error."""

    def healthy(body: Any) -> bool:
        rules = [each for group in body["data"]["groups"] for each in group["rules"]]
        return any(label in each["query"] and each["health"] == "ok" for each in rules)

    return server.json("/api/v1/rules", healthy, f"a rule with {label} is evaluated")


@pytest.mark.looks_like("target-typo")
@pytest.mark.charts(">=15")
@pytest.mark.touches("alerting rules", "release")
def test_watchdog_silent(drill: Drill) -> None:
    """Two letters change places in the rule; the runbook finds the label that no series has, and corrects it."""
    server = drill.server
    fires = server.query(FIRING, lambda found: len(found) == 1, "Watchdog fires")
    drill.run(
        fault=Edited((Replace(RIGHT, WRONG),), proof=(rule(server, WRONG),)),
        signature=(
            Stage(
                "2/2 and well reloaded, but Watchdog does not fire",
                (
                    server.ready(),
                    server.metric("prometheus_config_last_reload_successful", lambda value: value == 1, "reload is 1"),
                    rule(server, WRONG),
                    server.query(FIRING, lambda found: not found, "Watchdog does not fire"),
                ),
            ),
        ),
        persistence=Persistence(hold_s=5.0),
        beside_ready=(fires,),  # at the baseline, and again at recovery
        recovery=lambda at: (rule(server, RIGHT), drill.same_pod(at)),
    )

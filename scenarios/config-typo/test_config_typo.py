"""config-typo: two typing errors in prometheus.yml; no reload works, and the server does not survive a restart."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Edited, Replace, RestartServer
from promdrill.observe import object_shows

TYPOS = {"scrape_interval: 1s": "srcrape_interval: 1s", "scrape_configs:": "scrape+configs:"}


@pytest.mark.charts(">=15.18")
@pytest.mark.touches("configuration", "release")
@pytest.mark.own_scrapes("the fault misspells the key of their list")
@pytest.mark.looks_like("lifecycle-flag")
def test_config_typo(drill: Drill) -> None:
    """The configuration gets two unknown fields; the runbook has promtool name them, corrects them and reloads."""
    server = drill.server
    successful = "prometheus_config_last_reload_successful"
    refused, not_loaded = drill.wording("reload-refused"), drill.wording("configuration-not-loaded")
    in_configmap = object_shows(
        f"/api/v1/namespaces/{server.namespace}/configmaps/{server.fullname}",
        lambda config: all(typo in config["data"]["prometheus.yml"] for typo in TYPOS.values()),
        "the ConfigMap has the typos",
    )
    drill.run(
        fault=Edited(tuple(Replace(right, wrong) for right, wrong in TYPOS.items()), proof=(in_configmap,)),
        signature=(
            Stage(
                "2/2 with the old configuration, no reload is taken",
                lambda at: (
                    server.ready(),
                    server.http("POST", "/-/reload", 500),
                    server.logs(refused, container=server.reloader, since=at.began),
                    server.metric(successful, lambda value: value == 0, "reload is 0"),
                    server.config_has(r"^  scrape_interval: 1s$"),
                    server.targets_up(),
                    server.fresh(3.0),
                ),
            ),
            Stage(
                "1/2, it does not start with the new one",
                (server.crash_looping(), server.logs(not_loaded)),
                before=RestartServer(),
            ),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (
            server.http("POST", "/-/reload", 200),
            server.metric(successful, lambda value: value == 1, "reload is 1"),
            server.config_has(r"^  scrape_interval: 1s$"),
            server.no_logs(not_loaded, since=at.remediated),
        ),
    )

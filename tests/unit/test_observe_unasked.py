"""What could not be asked is not known: no condition takes it for proof, and neither does its opposite."""

from __future__ import annotations

import pytest
from tests.unit.observe_world import NAMESPACE, NOW, SERVER, answered, said

from promdrill.faults.df import inodes_full, volume_below, volume_full, volume_shows
from promdrill.observe.conditions import Condition, all_of, any_of, negate
from promdrill.observe.others import command, exporter_metric, http_answer, object_shows
from promdrill.observe.prometheus import Remembered
from promdrill.observe.server import Server
from promdrill.observe.valid_metrics import valid_metrics

DRILLED = Server.of(NAMESPACE, "prometheus")
EARLY = Remembered("up", 1.0, frozenset({(frozenset(), 1.0)}))

ASKING = (
    DRILLED.http("GET", "/-/ready", 200),
    DRILLED.json("/api/v1/rules", lambda _: True, "json"),
    DRILLED.flag("web.enable-lifecycle", "true"),
    DRILLED.config_has("global"),
    DRILLED.stale(3),
    DRILLED.fresh(3),
    DRILLED.targets_up(),
    DRILLED.query("up", lambda _: True, "query"),
    DRILLED.metric("up", lambda _: True, "metric"),
    DRILLED.not_rising("up", 3),
    object_shows("/api/v1/nodes", lambda _: True, "object"),
    exporter_metric("s", 80, "up", lambda _: True, "exporter"),
    http_answer("s", 80, "/", 200, pattern="", text="answer"),
    command("command", "p", SERVER, ("true",)),
    volume_full(DRILLED, "p", "/data"),
    volume_shows(DRILLED, "p", "/data", "1Gi"),
    volume_below(DRILLED, "p", "/data", 0.8),
    inodes_full(DRILLED, "p", "/data"),
    *valid_metrics(DRILLED, since=NOW, scrape_interval_s=1, jobs={"prometheus": 1}, early=(EARLY,)),
)
"""Every kind of condition that asks."""


@pytest.mark.parametrize("condition", ASKING, ids=lambda condition: condition.name)
def test_what_could_not_be_asked_is_not_known(condition: Condition) -> None:
    assert condition.probes
    refused = said(None, error="connection refused", refused=True)
    nobody, unasked = answered(dict.fromkeys(condition.probes, refused)), answered({})
    same = (condition, negate(condition, "not"), all_of(condition), any_of(condition))
    for each in (seen for one in same for seen in (one.judge(nobody), one.judge(unasked))):
        assert (each.holds, each.known) == (False, False), each.text
    assert "connection refused" in condition.judge(nobody).text

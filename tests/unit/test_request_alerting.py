"""RULES, ALERT_SPEED, ALERTMANAGER, HOLD, GROWTH and ALERTS: what a run makes of them, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit import charts_world

from promdrill.alerts import rules
from promdrill.alerts.scale import scaled
from promdrill.core import paths
from promdrill.core.alerts import Evaluator
from promdrill.core.errors import UsageError
from promdrill.helm.values.user import Own
from promdrill.request import alerting
from promdrill.request.request import Request, make
from promdrill.request.settings import Settings

RULES = """\
groups:
  - name: mine
    rules:
      - alert: Full
        expr: disk_free / disk_size < 0.05 and on () node_load1 < 10
        for: 15m
        labels: {severity: critical}
        annotations: {summary: it is full, runbook_url: https://runbooks.example/full}
      - alert: Late
        expr: time() - prometheus_build_time > 3600
      - record: job:disk:rate5m
        expr: rate(disk_free[5m])
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "rules.yaml"
    made.write_text(RULES)
    return made


def test_settings_are_read_once(file: Path) -> None:
    (file.parent / "am.yaml").write_text("route: {receiver: a}\nreceivers: [{name: a}]\n")
    (file.parent / "alerts.toml").write_text('[[expect]]\nscenario = "disk-full"\nalert = "Full"\n')
    given = {
        "RULES": "rules.yaml, own,chart",
        "ALERT_SPEED": "30",
        "HOLD": "20m",
        "GROWTH": "1h30m",
        "ALERTMANAGER": "am.yaml",
        "ALERTS": "alerts.toml",
    }
    settings = make(given, folder=file.parent).settings
    assert settings.rules == f"{file},own,chart"
    assert (settings.alert_speed, settings.hold_s, settings.growth_s) == (30.0, 1200.0, 5400.0)
    said = settings.changed()
    assert (said["HOLD"], said["GROWTH"]) == ("20m", "1h30m"), "as they can be typed again"
    assert make({"RULES": "own", **{name: said[name] for name in ("HOLD", "GROWTH")}}).settings.growth_s == 5400.0
    assert {"HOLD", "GROWTH"}.isdisjoint(Settings(rules="own").changed())
    found = alerting.wanted(settings)
    assert found is not None
    assert found.of_chart
    assert {group.name for group in found.groups} >= {"mine", "promdrill-inside"}
    assert found.alertmanager == file.parent / "am.yaml"
    assert [each.alert for each in found.expectations] == ["Full"]
    assert alerting.wanted(Settings()) is None


@pytest.mark.parametrize(
    ("given", "said", "hint"),
    [
        ({"RULES": "none.yaml"}, r"RULES=.*none\.yaml: no such file", ""),
        ({"RULES": "own", "ALERT_SPEED": "0.5"}, "ALERT_SPEED=0.5: not a number from 1 to 86400", "ALERT_SPEED=30"),
        ({"RULES": "own", "ALERT_SPEED": "fast"}, "ALERT_SPEED=fast: not a number", "ALERT_SPEED=30"),
        ({"RULES": "own", "HOLD": "soon"}, "HOLD=soon", ""),
        ({"ALERT_SPEED": "30"}, "ALERT_SPEED: there are no RULES that it could be for", "RULES=own"),
        ({"HOLD": "5m"}, "HOLD: there are no RULES", "RULES=own"),
        ({"RULES": "own", "GROWTH": "slow"}, "GROWTH=slow: 'slow' is not a duration", ""),
        ({"GROWTH": "40m"}, "GROWTH: there are no RULES", "RULES=own"),
        ({"ALERTMANAGER": "rules.yaml"}, "ALERTMANAGER: there are no RULES", "RULES=own"),
        ({"ALERTS": "rules.yaml"}, "ALERTS: there are no RULES", "RULES=own"),
        ({"RULES": "bad.yaml"}, r"bad\.yaml:5:\d+: expr of Down is not PromQL", ""),
        ({"RULES": "own", "ALERTMANAGER": "rules.yaml"}, r"ALERTMANAGER=.*rules\.yaml", ""),
        ({"RULES": "own", "ALERTS": "rules.yaml"}, r"rules\.yaml", ""),
        ({"RULES": "own", "CLUSTER": "theirs", "ADOPT": "1"}, "RULES: not with ADOPT=1", "leave RULES out"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_started(
    file: Path, given: dict[str, str], said: str, hint: str
) -> None:
    bad = "groups:\n  - name: a\n    rules:\n      - alert: Down\n        expr: up ==\n"
    (file.parent / "bad.yaml").write_text(bad)
    with pytest.raises(UsageError, match=said) as caught:
        make(given, folder=file.parent)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("version", "image"),
    [("2.51.0", "v2.51.0"), ("2.43.0", "v2.43.0"), ("2.42.0", "v2.48.0"), ("3.14.0", "v3.14.0"), ("main", "v2.48.0")],
)
def test_the_witness_is_of_the_drilled_version_unless_that_is_too_old(version: str, image: str) -> None:
    assert alerting.image(version) == f"quay.io/prometheus/prometheus:{image}"


def _request(own: str = "", **settings: Any) -> Request:
    values = Own((), (), yaml.safe_load(own)) if own else None
    return Request(replace(Settings(rules="own"), **settings), values=values)


@pytest.mark.parametrize(
    ("name", "chart", "own", "settings", "speed"),
    [
        ("prometheus", "server: {global: {scrape_interval: 1m}}", "", {}, 60.0),
        ("prometheus", "", "", {}, 60.0),
        ("prometheus", "", "server: {global: {scrape_interval: 15s}}", {}, 15.0),
        ("prometheus", "", "server: {global: {scrape_interval: 500ms}}", {}, 1.0),
        ("prometheus", "", "", {"alert_speed": 7.0}, 7.0),
        ("prometheus", "", "", {"scrapes": "yours"}, 1.0),
        ("kube-prometheus-stack", "", "", {}, 30.0),
        ("kube-prometheus-stack", "", "prometheus: {prometheusSpec: {scrapeInterval: 10s}}", {}, 10.0),
    ],
)
def test_a_second_of_a_drill_stands_for_the_operators_interval(
    tmp_path: Path, *, name: str, chart: str, own: str, settings: dict[str, Any], speed: float
) -> None:
    version = "88.5.3" if name != "prometheus" else "25.8.0"
    made = charts_world.chart(tmp_path / "chart", name, version, values=chart)
    assert alerting.speed(_request(own, **settings), made) == speed


def test_the_record_has_the_rules_as_they_are_written(file: Path) -> None:
    groups = rules.read(file)
    full, late = alerting._told(groups, scaled(groups, 30.0), inside=True)
    assert (full.alert, full.for_s, full.severity) == ("Full", 900.0, "critical")
    assert full.runbook_url == "https://runbooks.example/full"
    assert full.place == f"{file}:4"
    assert full.evaluators == (Evaluator.INSIDE, Evaluator.WITNESS)
    assert not full.unscaled
    assert full.reads_series
    always = rules.read_text("groups: [{name: g, rules: [{alert: W, expr: vector(1)}]}]", said="x")
    assert not alerting._told(always, scaled(always, 30.0), inside=True)[0].reads_series, "a dead man's switch"
    assert len(late.unscaled) == 1
    assert "seconds by the clock" in late.unscaled[0]
    assert alerting._told(groups, scaled(groups, 30.0), inside=False)[0].evaluators == (Evaluator.WITNESS,)
    assert alerting._reads(groups) == {
        "Full": frozenset({"disk_free", "disk_size", "node_load1"}),
        "Late": frozenset({"prometheus_build_time"}),
    }


def test_alerts_say_who_evaluates_them_and_recorded_series_do_not(file: Path) -> None:
    (group,) = alerting._labelled(rules.read(file), "drill-x", Evaluator.INSIDE)
    assert group.rules[0].labels == {
        "severity": "critical",
        "promdrill_evaluator": "inside",
        "promdrill_drill": "drill-x",
    }
    assert group.rules[2].labels == {}
    (group,) = alerting._labelled(rules.read(file), "", Evaluator.WITNESS)
    assert "promdrill_drill" not in group.rules[0].labels, "apart adds it with its matchers"


def test_rendered_rules_ask_for_the_namespace_of_the_drill() -> None:
    rendered = {"spec": {"groups": [{"rules": [{"expr": 'up{namespace="promdrill"} == 0', "for": "1m"}]}]}}
    found = alerting._in_namespace(rendered, "drill-x")
    assert found == {"spec": {"groups": [{"rules": [{"expr": 'up{namespace="drill-x"} == 0', "for": "1m"}]}]}}


def test_promdrills_own_rules_are_there() -> None:
    assert paths.rules_file().is_file()


def test_groups_get_names_that_no_group_beside_them_has(file: Path) -> None:
    """The same rules may be in the values already; Prometheus takes no file with a name twice."""
    (group,) = alerting._as_data(rules.read(file), taken=["mine", "mine (2)"])
    assert group["name"] == "mine (3)"
    (group,) = alerting._as_data(rules.read(file))
    assert group["name"] == "mine"

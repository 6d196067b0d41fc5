"""rules/promdrill.yaml: promdrill's own alerts, as far as they can be judged without a cluster."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from promdrill.alerts.expressions import Range, Selector, walk
from promdrill.alerts.rules import Rule, read
from promdrill.alerts.scale import DEFAULT_SPEED, scaled
from promdrill.core import paths
from promdrill.request import scenarios
from promdrill.request.scenarios import ScenarioFolder
from promdrill.runbook.front import RunbookAlert
from promdrill.runbook.parse import parse

FILE = paths.project_dir() / "rules" / "promdrill.yaml"
GROUPS = read(FILE)
ALERTS = [rule for group in GROUPS for rule in group.rules]

BASE = "https://promdrill.invalid/incidents/"
GENERAL = "alerts"
"""The page for an alert that does not know which of several incidents it is."""

CASES = yaml.safe_load((paths.project_dir() / "tests" / "rules" / "own.yaml").read_text(encoding="utf-8"))
"""The unit tests that promtool runs (`make test-rules`)."""

EARLY = {"VolumeFillsUp"}
"""Alerts that tell of what will be, and so may take their time."""

LATEST_S = 120.0


def told(alert: Rule) -> list[str]:
    """The incidents that an alert tells of."""
    return re.split(r",\s*", alert.annotations["incidents"])


def known() -> set[str]:
    return {scenario.id for scenario in scenarios.find_all()}


def test_every_incident_is_told_of() -> None:
    assert {each for alert in ALERTS for each in told(alert)} == known()


def test_names_are_there_once_and_all_are_alerts() -> None:
    names = [alert.name for alert in ALERTS]
    assert len(set(names)) == len(names)
    assert all(alert.is_alert for alert in ALERTS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_says_what_it_is_and_where_to_read_on(alert: Rule) -> None:
    assert alert.labels["severity"] in {"critical", "warning", "info"}
    assert set(alert.annotations) == {"summary", "description", "incidents", "runbook_url"}
    assert "{{" not in alert.annotations["summary"]
    assert "{{ $labels." in alert.annotations["description"]
    page = alert.annotations["runbook_url"].removeprefix(BASE).removesuffix(".html")
    assert page in told(alert) or page == GENERAL


@pytest.mark.parametrize("scenario", scenarios.find_all(), ids=lambda scenario: scenario.id)
def test_the_alerts_that_lead_to_a_runbook_are_those_that_tell_of_its_incident(scenario: ScenarioFolder) -> None:
    """Both ways: an alert whose page is an incident's tells of that incident, as the test above says."""
    leading = [RunbookAlert(alert.name, 0) for alert in ALERTS if scenario.id in told(alert)]
    for file in (scenario.runbook, scenario.stack_runbook):
        if file.exists():
            assert [replace(each, line=0) for each in parse(file).alerts] == leading, f"{file}: alerts"
    if scenario.as_written.exists():
        assert parse(scenario.as_written).alerts == (), "nobody is led to what does not work"


@pytest.mark.parametrize("alert", [each for each in ALERTS if each.name not in EARLY], ids=lambda alert: alert.name)
def test_an_alert_is_pending_for_less_than_two_minutes(alert: Rule) -> None:
    waits_s = max((each.range_s for each in walk(alert.expr) if isinstance(each, Range)), default=0.0)
    fills = alert.name == "PrometheusStoresNothing"  # true only when nothing was stored for its whole range
    assert alert.for_s + (waits_s if fills else 0.0) < LATEST_S


def test_all_of_it_can_be_made_faster() -> None:
    found = scaled(GROUPS, DEFAULT_SPEED)
    assert found.left == ()
    assert found.changes


def asked(name: str) -> list[dict[str, Any]]:
    """What promtool is asked of an alert."""
    return [each for case in CASES["tests"] for each in case["alert_rule_test"] if each["alertname"] == name]


def test_promtools_tests_are_of_these_rules_and_of_no_other_alert() -> None:
    assert CASES["rule_files"] == ["../../rules/promdrill.yaml"]
    names = {each["alertname"] for case in CASES["tests"] for each in case["alert_rule_test"]}
    assert names == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_promtool_sees_it_fire_with_all_that_it_says_and_not_fire(alert: Rule) -> None:
    expected = [each["exp_alerts"] for each in asked(alert.name)]
    assert [] in expected, "a case in which it does not fire"
    fired = [each for alerts in expected for each in alerts]
    assert fired, "a case in which it fires"
    for each in fired:
        assert each["exp_labels"]["severity"] == alert.labels["severity"]
        assert set(each["exp_annotations"]) == set(alert.annotations)
        assert "{{" not in str(each)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_promtool_is_given_all_that_an_alert_reads(alert: Rule) -> None:
    """A case without the metric would pass, whatever the rule says of it."""
    read = {each.metric for each in walk(alert.expr) if isinstance(each, Selector)}
    cases = [case for case in CASES["tests"] if any(each in case["alert_rule_test"] for each in asked(alert.name))]
    assert read <= {series["series"].partition("{")[0] for case in cases for series in case["input_series"]}

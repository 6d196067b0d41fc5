"""The unit tests of our alerts in which a scrape fails, as promtool gets them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.rules import failed_scrapes, prove

FIRES = {"alertname": "Down", "eval_time": "1m", "exp_alerts": [{"exp_labels": {}}]}
RESTS = {"alertname": "Down", "eval_time": "30s", "exp_alerts": []}


def made(values: dict[str, str], *asked: dict[str, Any]) -> list[dict[str, Any]]:
    series = [{"series": name, "values": each} for name, each in values.items()]
    case = {"name": "it is down", "interval": "30s", "input_series": series, "alert_rule_test": [*asked]}
    given = {"evaluation_interval": "30s", "rule_files": ["own.yaml"], "tests": [case]}
    written = failed_scrapes.unit_tests(given, "/rules.yaml")
    assert (written["rule_files"], written["evaluation_interval"]) == (["/rules.yaml"], "30s")
    return list(written["tests"])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1x2", "1 1 1"),
        ("_x2 7", "_ _ 7"),
        ("0+1.5x3", "0 1.5 3 4.5"),
        ("140-0.5x2", "140 139.5 139"),
        ("1 stale _ 0x0", "1 stale _ 0"),
        ("100000000+1x1", "100000000 100000001"),
    ],
)
def test_promtools_short_form_is_read_as_promtool_reads_it(written: str, read: str) -> None:
    assert failed_scrapes.expanded(written) == read.split()


def test_each_scrape_until_the_alert_fires_fails_once_and_ends_all_series_but_up() -> None:
    tests = made({'up{job="a"}': "1x3", "b{}": "5x3", "c": "_ 6"}, RESTS, FIRES)
    assert [[each["values"] for each in test["input_series"]] for test in tests] == [
        ["0 1 1 1", "stale 5 5 5", "_ 6"],
        ["1 0 1 1", "5 stale 5 5", "_ stale"],
        ["1 1 0 1", "5 5 stale 5", "_ 6"],
    ]
    assert {test["name"] for test in tests} == {f"it is down; scrape {number} fails" for number in range(3)}


def test_what_is_asked_is_that_it_fires_all_the_same() -> None:
    later = {**FIRES, "eval_time": "2m", "exp_alerts": [{}, {}]}
    asked = [[each["eval_time"] for each in test["promql_expr_test"]] for test in made({"b": "1x9"}, FIRES, later)]
    assert asked == [["1m", "2m"]] * 3 + [["2m"]] * 2, "not of a moment before the failure"
    (first, second) = made({"b": "1x9"}, FIRES, later)[0]["promql_expr_test"]
    assert first["expr"] == 'count(ALERTS{alertname="Down",alertstate="firing"})'
    assert (first["exp_samples"], second["exp_samples"]) == (
        [{"labels": "{}", "value": 1}],
        [{"labels": "{}", "value": 2}],
    )


def test_of_a_long_wait_only_the_last_scrapes_fail() -> None:
    tests = made({"b": "1x99"}, {**FIRES, "eval_time": "20m"})
    assert [test["input_series"][0]["values"].split().index("stale") for test in tests] == list(range(35, 41))


def test_a_case_in_which_nothing_fires_says_nothing() -> None:
    assert made({"b": "1x9"}, RESTS) == []


def test_our_own_values_are_texts() -> None:
    """YAML takes ``0x40`` without quotes for 64, which promtool does not."""
    cases = yaml.safe_load(prove.OWN.read_text(encoding="utf-8"))["tests"]
    assert all(isinstance(series["values"], str) for case in cases for series in case["input_series"])

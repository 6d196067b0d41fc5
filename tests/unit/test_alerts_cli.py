"""``promdrill alerts``: the rules that a drill loads on standard output, what became of them on standard error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.test_alerts_rules import GOOD

from promdrill.alerts.rules import read_text
from promdrill.alerts.scale import scaled
from promdrill.cli.main import main

RULES = """\
groups:
- name: mine
  rules:
  - alert: Old
    expr: time() - x > 3600 and rate(y[5m]) > 0
    for: 15m
  - record: y:rate5m
    expr: rate(y[5m])
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def test_the_rules_are_printed_as_a_drill_loads_them(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "scale", str(file)]) == 0
    out, err = capsys.readouterr()
    assert read_text(out, said="x") == scaled(read_text(RULES, said="x"), 30).groups
    assert err.splitlines() == [
        f"{file}:4: Old: for 15m is 30s, range 5m is 10s",
        f"{file}:7: y:rate5m: range 5m is 10s",
        f"{file}:4: Old: left: time() - x > 3600: these are seconds by the clock, which does not run faster in a drill",
        f"{file}:7: y:rate5m: left: its name: it stays, and the range that it states is no longer 5m",
        "1 alert rule and 1 recording rule, 30 times as fast; 3 durations divided, 2 rules with something left",
    ]


def test_speed_and_interval_are_options(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "scale", str(file), "--speed", "1"]) == 0
    out, err = capsys.readouterr()
    assert read_text(out, said="x") == read_text(RULES, said="x")
    assert (
        err == "1 alert rule and 1 recording rule, 1 times as fast; 0 durations divided, 0 rules with something left\n"
    )
    assert main(["alerts", "scale", str(file), "--speed", "2.5", "--scrape-interval", "100"]) == 0
    assert "shorter than two scrapes (3m20s)" in capsys.readouterr().err


def test_json_has_everything(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "scale", str(file), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert (found["speed"], found["scrape_interval_s"]) == (30, 1)
    assert read_text(found["rules"], said="x") == scaled(read_text(RULES, said="x"), 30).groups
    assert found["changed"][0] == {
        "rule": "Old",
        "place": f"{file}:4",
        "what": "for",
        "before": "15m",
        "after": "30s",
    }
    assert [(each["kind"], each["what"]) for each in found["left"]] == [
        ("seconds", "time() - x > 3600"),
        ("name", "its name"),
    ]


def test_a_credential_is_not_printed_and_the_file_is_said_to_be_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES.replace("x > 3600", 'x{password="hunter2"} > 3600'))
    for how in ([], ["--json"]):
        assert main(["alerts", "scale", str(file), *how]) == 0
        out, err = capsys.readouterr()
        assert "hunter2" not in out + err
        assert "what looks like a credential is not shown, so this is not the whole file" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--speed", "fast"], "--speed fast: not a number"),
        (["--speed", "0.5"], "speed 0.5: not a number from 1 to 86400"),
        (["--speed", "nan"], "speed nan: not a number from 1 to 86400"),
        (["--scrape-interval", "1s"], "--scrape-interval 1s: not a number"),
        (["--scrape-interval", "0"], "scrape interval 0: not a number of seconds from 0.001"),
    ],
)
def test_bad_options_are_one_error(
    file: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alerts", "scale", str(file), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"promdrill: {message}\nHint: ")


def test_a_bad_rule_is_one_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("up == 0", "up = 0"))
    assert main(["alerts", "scale", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"promdrill: {file}:9:18: expr of Down is not PromQL: invalid promql query, at =\nHint: ")

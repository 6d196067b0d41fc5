"""The same as Markdown, for the summary page of a CI job; and the command that makes a drill happen again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.compare_world import without
from tests.unit.html_world import Told, a_journal, a_run, result

from promdrill.core import paths
from promdrill.core.model import StepRecord, Verdict
from promdrill.report.html.commands import reproduce
from promdrill.report.html.load import Column, Drill, load
from promdrill.report.markdown import to_markdown


def column(tmp_path: Path, drill: object, options: dict[str, str] | None = None) -> tuple[Drill, Column]:
    place = a_run(tmp_path / "run", drill)  # type: ignore[arg-type]
    (found,) = load([place])
    assert found.run is not None
    return found.drills[0], replace(found, run=replace(found.run, options=options or {}))


def test_a_run_in_markdown(tmp_path: Path) -> None:
    a_run(tmp_path / "1", result(recovered_after_s=11.0), started="2026-01-01")
    wrong = result(scenario="oom", verdict=Verdict.FAILED, reason="a | b <c>", recovered_after_s=None)
    place = a_run(tmp_path / "2", result(), wrong, started="2026-01-02")
    assert to_markdown([place]) == (
        "## promdrill: 1 of 2 drills did not end as expected\n"
        "\n"
        "- ❌ failed **oom** (2): a \\| b &lt;c&gt;\n"
        "  <br>`make test-scenarios SCENARIO=oom KUBE_VERSION=1.36.3 SUPPLY=source`\n"
        "\n"
        "### 2: 2 drills, 0.0 s\n"
        "\n"
        "| drill | verdict | detected | recovered | gap | lost |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| disk-full | ✅ passed | - | 12.0 s (was 11.0 s) | 14.0 s | 14 |\n"
        "| oom | ❌ failed | - | - | 14.0 s | 14 |\n"
    ).replace("| - ", "| \N{EN DASH} ")


def test_several_runs_are_folded_where_all_is_well(tmp_path: Path) -> None:
    a_run(tmp_path / "a", result(), kubernetes="1.34.4")
    a_run(tmp_path / "b", kubernetes="1.36.3", finished=False)
    a_journal(tmp_path / "b" / "oom", Told("oom").text())
    found = to_markdown([tmp_path])
    assert "<summary>Kubernetes 1.34.4: 1 drill, 24 h 00 min</summary>" in found
    assert "> Kubernetes 1.36.3 did not finish." in found
    assert "- ⏳ unfinished **oom** (Kubernetes 1.36.3): no result: interrupted, or still running" in found


def test_nothing_in_markdown(tmp_path: Path) -> None:
    assert to_markdown([a_run(tmp_path / "run")]).startswith("## promdrill: no drill was run\n")


@pytest.mark.parametrize(
    ("ended", "line"),
    [
        (result(), "make test-scenarios SCENARIO=disk-full KUBE_VERSION=1.36.3 SUPPLY=source"),
        (
            result(scenario="oom", control="no-remedy", verdict=Verdict.FAILED, profile="as-shipped"),
            "make test-scenarios SCENARIO=oom CONTROL=no-remedy KUBE_VERSION=1.36.3 PROFILE=as-shipped SUPPLY=source",
        ),
        (
            result(scenario="oom", steps=(StepRecord("/home/me/own.md", 3, "Mitigation", "true", 0, 1.0, ""),)),
            "make test-scenarios SCENARIO=oom KUBE_VERSION=1.36.3 RUNBOOK=/home/me/own.md SUPPLY=source",
        ),
        (
            result(control="refused:emptied", verdict=Verdict.FAILED),
            "make repairs SCENARIO=disk-full KUBE_VERSION=1.36.3 SUPPLY=source",
        ),
        (without(42, "x"), "make ablate SCENARIO=disk-full KUBE_VERSION=1.36.3 SUPPLY=source"),
    ],
)
def test_the_command_says_what_the_result_says(tmp_path: Path, ended: object, line: str) -> None:
    assert reproduce(*column(tmp_path, ended)) == line


def test_the_command_repeats_the_options_and_quotes_them(tmp_path: Path) -> None:
    options = {"CHART": "my chart", "REPEAT": "5", "JOBS": "2", "SCENARIO": "a,b", "HELM_VERSION": "4"}
    assert reproduce(*column(tmp_path, result(), options)) == (
        "make test-scenarios SCENARIO=disk-full 'CHART=my chart' HELM_VERSION=4 KUBE_VERSION=1.36.3 SUPPLY=source"
    )


def test_outside_a_checkout_the_command_needs_no_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "in_checkout", lambda: False)
    line = "promdrill run --scenario disk-full --kube-version 1.36.3 --scenarios 'my drills' --supply source"
    assert reproduce(*column(tmp_path, result(), {"SCENARIOS": "my drills"})) == line


def test_options_are_read_from_the_results(tmp_path: Path) -> None:
    place = a_run(tmp_path / "run", result())
    data = json.loads((place / "results.json").read_text(encoding="utf-8"))
    data["options"] = {"HELM_VERSION": "4"}
    (place / "results.json").write_text(json.dumps(data), encoding="utf-8")
    assert load([place])[0].options == {"HELM_VERSION": "4"}

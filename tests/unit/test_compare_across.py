"""Cells compared though they are not equal in everything, and scenarios that were skipped on one side."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.compare_world import UNTOLD, aborted, drill, failed, passed, run

from promdrill.cli import main
from promdrill.core.errors import UsageError
from promdrill.core.model import RunResult, Skipped
from promdrill.report.compare.across import Axis
from promdrill.report.compare.markdown import to_markdown
from promdrill.report.compare.regressions import Comparison, Finding, compare
from promdrill.report.compare.text import PROPOSAL, to_json, to_text

NEXT: dict[str, Any] = {"chart_version": "27.52.0"}
NEXT_BOTH: dict[str, Any] = {**NEXT, "app_version": "2.55.1"}


def skipping(
    *drills: Any, reason: str = "chart 8.11.4 is not in >=15", scenario: str = "oom", **more: Any
) -> RunResult:
    """A run that skipped one scenario."""
    return replace(run(*drills, **more), skipped=(Skipped(scenario, reason),))


def findings(result: Comparison) -> list[tuple[str, str]]:
    return [(row.cell.scenario, str(row.finding)) for row in result.rows]


@pytest.mark.parametrize(
    ("axis", "other", "shown"),
    [
        (Axis.CHART, NEXT, "prometheus 25.8.0 -> 27.52.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast"),
        (
            Axis.CHART,
            {"chart": "kube-prometheus-stack", "chart_version": "57.1.0"},
            "prometheus 25.8.0 -> kube-prometheus-stack 57.1.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast",
        ),
        (
            Axis.PROMETHEUS,
            {"app_version": "3.8.1"},
            "prometheus 25.8.0, Prometheus 2.48.0 -> 3.8.1, Kubernetes 1.36.3, fast",
        ),
        (
            Axis.PROFILE,
            {"profile": "as-shipped"},
            "prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast -> as-shipped",
        ),
    ],
)
def test_what_is_left_out_need_not_be_equal(axis: Axis, other: dict[str, Any], shown: str) -> None:
    old, new = [run(drill(), drill("oom"))], [run(failed(**other), drill("oom", **other))]
    result = compare(old, new, across=[axis])
    assert findings(result) == [("disk-full", "regression"), ("oom", "unchanged")]
    text = to_text(result, "a", "b")
    assert shown in " ".join(text.split())
    assert f"Across: {axis}" in text.splitlines()
    assert f"- Across: {axis}" in to_markdown(result, "a", "b").splitlines()
    for rest in set(Axis) - {axis}:
        assert not compare(old, new, across=[rest]).regressed


def test_across_kubernetes() -> None:
    result = compare([run(drill())], [run(failed(), kubernetes="1.34.4")], across=[Axis.KUBERNETES])
    assert findings(result) == [("disk-full", "regression")]
    assert "Kubernetes 1.36.3 -> 1.34.4" in to_text(result, "a", "b")


def test_nothing_is_left_out_that_was_not_asked_for() -> None:
    result = compare([run(drill())], [run(failed(**NEXT_BOTH))], across=[Axis.CHART])
    assert {row.finding for row in result.rows} == {Finding.NEW, Finding.MISSING}
    assert compare([run(drill())], [run(failed(**NEXT_BOTH))], across=[Axis.PROMETHEUS, Axis.CHART]).regressed


def test_equal_ones_are_shown_once_and_json_tells_both() -> None:
    result = compare([run(drill())], [run(failed())], across=[Axis.CHART])
    assert "prometheus 25.8.0, Prometheus" in to_text(result, "a", "b")
    (cell,) = json.loads(to_json(result, "a", "b"))["cells"]
    assert (cell["chart"], cell["chart_version"], cell["app_version"]) == ("*", "*", "2.48.0")
    assert cell["old"]["own"] == cell["new"]["own"] == {"chart": "prometheus", "chart_version": "25.8.0"}
    assert json.loads(to_json(result, "a", "b"))["across"] == ["chart"]


def test_recovery_times_of_two_profiles_are_not_compared() -> None:
    other = drill(took_s=300.0, profile="as-shipped")
    result = compare([run(drill())], [run(other)], across=[Axis.PROFILE])
    (row,) = result.rows
    assert (row.finding, row.recovery) == (Finding.UNCHANGED, None)
    worse = compare([run(drill(), drill())], [run(other, failed(profile="as-shipped"))], across=[Axis.PROFILE])
    said = "recovery: 12.0 s (of 2, spread 0.0 s) -> 300.0 s, not compared: different profiles"
    assert said in " ".join(to_text(worse, "a", "b").split())
    same = compare([run(drill())], [run(drill(took_s=300.0))], across=[Axis.PROFILE])
    assert same.regressed


def test_several_cells_for_one_are_refused() -> None:
    two = [run(drill(), drill("oom"), drill("wal")), run(drill(**NEXT), drill("oom", **NEXT), drill("wal", **NEXT))]
    one = [run(drill(), drill("oom"))]
    for old, new, side in ((two, one, "OLD"), (one, two, "NEW")):
        with pytest.raises(UsageError) as caught:
            compare(old, new, across=[Axis.CHART])
        assert caught.value.message == (
            f"--across chart: {side} has several cells that would count as one: disk-full with "
            "chart prometheus 25.8.0; chart prometheus 27.52.0 (and so for 1 more)"
        )
        assert side in caught.value.hint
    with pytest.raises(UsageError, match=r"25\.8\.0, prometheus 2\.48\.0; chart prometheus 27\.52\.0, "):
        compare(two, one, across=[Axis.PROMETHEUS, Axis.CHART])
    assert findings(compare(two, one, across=[Axis.PROMETHEUS]))[0] == ("disk-full", "missing"), "apart by chart"
    assert findings(compare(two, [run(drill("other"))], across=[Axis.CHART]))[0][1] == "new", "nothing to mix up with"


def test_a_prometheus_that_does_not_start_on_the_next_chart_is_a_regression() -> None:
    broken = failed(chart_version="27.52.0", app_version=None)
    result = compare([run(drill())], [run(broken, aborted(chart=None, **UNTOLD))], across=[Axis.CHART])
    assert findings(result) == [("disk-full", "regression")]
    assert result.rows[0].new is not None
    assert result.rows[0].new.own == {"chart": "prometheus", "chart_version": "27.52.0"}


@pytest.mark.parametrize(
    ("other", "proposal"),
    [
        (NEXT, "chart"),
        ({"app_version": "3.8.1"}, "prometheus"),
        ({"profile": "as-shipped"}, "profile"),
        (NEXT_BOTH, "chart,prometheus"),
        ({**NEXT_BOTH, "profile": "as-shipped"}, "chart,prometheus,profile"),
    ],
)
def test_what_would_be_compared_is_proposed(other: dict[str, Any], proposal: str) -> None:
    result = compare([run(drill())], [run(failed(**other))], threshold=0.125)
    command = f"promdrill compare 'my reports' b --across {proposal} --threshold 12.5"
    lines = to_text(result, "my reports", "b").splitlines()
    assert lines[lines.index(PROPOSAL) + 1] == f"  {command}"
    assert f"    {command}" in to_markdown(result, "my reports", "b").splitlines()
    assert json.loads(to_json(result, "my reports", "b"))["proposal"] == command
    assert compare([run(drill())], [run(failed(**other))], across=[*map(Axis, proposal.split(","))]).proposal == ()


def test_nothing_is_proposed_where_nothing_helps() -> None:
    assert compare([run(drill())], [run(drill("oom", **NEXT))]).proposal == ()
    assert compare([run(drill())], [run(aborted(**NEXT))]).proposal == ()
    assert compare([run(drill())], [run(drill())]).proposal == ()
    two = run(drill(**NEXT), drill(chart_version="29.27.0"))
    assert compare([run(drill())], [two]).proposal == (), "it would be refused"
    both = compare([run(drill())], [run(drill(**NEXT_BOTH))], across=[Axis.CHART])
    assert both.proposal == (Axis.CHART, Axis.PROMETHEUS)
    assert PROPOSAL not in to_text(compare([run(drill())], [run(drill())]), "a", "b")


def test_repetitions_of_a_session_are_repeats_of_one_cell() -> None:
    old = [replace(each, repetition=number) for number, each in enumerate(passed(10, 12, 14), 1)]
    (row,) = compare([run(*old)], [run(*passed(13))]).rows
    assert row.old is not None
    assert (row.old.recovered_s, row.finding) == ((10.0, 12.0, 14.0), Finding.UNCHANGED)


def test_drilled_before_and_skipped_now_and_the_reverse() -> None:
    old = [run(drill(), drill("oom")), skipping(drill("wal"), scenario="quota", reason="no  quota\nhere")]
    result = compare(old, [skipping(drill(), drill("quota"))])
    assert findings(result) == [
        ("oom", "skipped"),
        ("quota", "drilled"),
        ("wal", "missing"),
        ("disk-full", "unchanged"),
    ]
    assert not result.regressed
    text = to_text(result, "a", "b")
    assert "1 cell skipped in NEW, drilled in OLD\n  oom\n" in text
    assert "    old: passed\n    new: skipped: chart 8.11.4 is not in >=15\n" in text
    assert "1 cell drilled in NEW, skipped in OLD\n  quota\n" in text
    assert "    old: skipped: no quota here\n    new: passed\n" in text
    assert "| skipped: chart 8.11.4 is not in &gt;=15 |" in to_markdown(result, "a", "b")
    counts = json.loads(to_json(result, "a", "b"))["counts"]
    assert (counts["skipped"], counts["drilled"], counts["missing"]) == (1, 1, 1)


def test_what_was_skipped_in_one_run_and_drilled_in_another_was_drilled() -> None:
    result = compare([run(drill("oom"))], [skipping(drill()), run(failed("oom"))])
    assert findings(result)[0] == ("oom", "regression")


def test_a_skip_belongs_to_the_versions_of_its_run() -> None:
    old = [run(drill("oom"), drill()), run(drill("oom", **NEXT), drill(**NEXT))]
    result = compare(old, [skipping(drill(**NEXT)), run(drill())])
    assert [(row.cell.chart_version, str(row.finding)) for row in result.rows if row.cell.scenario == "oom"] == [
        ("27.52.0", "skipped"),
        ("25.8.0", "missing"),
    ]
    for other in ({"kubernetes": "1.34.4"}, {"scenario": "quota"}):
        assert "skipped" not in dict(findings(compare(old, [skipping(drill(), **other)]))).values()


def test_a_run_that_skipped_all_there_was_is_not_guessed() -> None:
    only, both = [run(drill("oom"))], [run(drill("oom"), drill("oom", **NEXT))]
    assert findings(compare(only, [skipping()])) == [("oom", "skipped")]
    assert {finding for _, finding in findings(compare(both, [skipping()]))} == {"missing"}
    lost = skipping(aborted(chart=None, **UNTOLD))
    assert findings(compare(both, [lost])).count(("oom", "skipped")) == 0


def test_a_skip_is_found_across_and_tells_the_other_version() -> None:
    result = compare([run(drill("oom"), drill())], [skipping(drill(**NEXT))], across=[Axis.CHART])
    assert findings(result) == [("oom", "skipped"), ("disk-full", "unchanged")]
    assert "prometheus 25.8.0 -> 27.52.0, Prometheus 2.48.0" in to_text(result, "a", "b")
    nothing = compare([run(drill("oom"))], [skipping(kubernetes="1.34.4")], across=[Axis.KUBERNETES])
    assert "Kubernetes 1.36.3 -> 1.34.4" in to_text(nothing, "a", "b")


def test_several_reasons() -> None:
    result = compare([run(drill("oom"))], [skipping(started="1"), skipping(started="2"), skipping(reason="other")])
    assert "new: skipped: chart 8.11.4 is not in >=15 (and 1 other reason)" in to_text(result, "a", "b")


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nights, each with a folder for its cell of the matrix: another chart, and a failed drill on it."""
    monkeypatch.chdir(tmp_path)
    for place, each in (("matrix-before/k-h4", drill()), ("matrix/k-next-h4", failed(**NEXT))):
        folder = Path("reports", place)
        (folder / "disk-full").mkdir(parents=True)
        (folder / "cell.json").write_text("{}")
        (folder / "results.json").write_text(json.dumps(run(each).to_json()))


@pytest.mark.usefixtures("nights")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("reports/matrix-before", "reports/matrix"),
        ("reports/matrix-before/k-h4", "reports/matrix/k-next-h4"),
        ("reports/matrix-before", "reports/matrix/k-next-h4/results.json"),
    ],
)
def test_folders_of_cells_and_single_ones(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["compare", old, new]) == 0
    lines = capsys.readouterr().out.splitlines()
    proposed = shlex.split(lines[lines.index(PROPOSAL) + 1])
    assert proposed == ["promdrill", "compare", old, new, "--across", "chart"]
    assert main.main(proposed[1:]) == 1
    assert "1 regression\n  disk-full\n" in capsys.readouterr().out


@pytest.mark.usefixtures("nights")
def test_the_option_takes_commas_and_may_stand_again(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compare", "reports/matrix-before", "reports/matrix"]
    assert main.main([*command, "--across", "profile, chart", "--across", "kubernetes"]) == 1
    assert "Across: chart, kubernetes, profile\n" in capsys.readouterr().out
    assert main.main([*command[:2], "reports", "--across=chart"]) == 2
    assert "promdrill: --across chart: NEW has several cells that would count as one" in capsys.readouterr().err


@pytest.mark.usefixtures("nights")
@pytest.mark.parametrize(("wrong", "meant"), [("charts", "chart"), ("kube", "kubernetes"), ("chart,Profil", "profile")])
def test_a_field_that_there_is_not(wrong: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(["compare", "reports/matrix-before", "reports/matrix", "--across", wrong])
    assert caught.value.code == 2
    assert f"is not one of chart, prometheus, kubernetes, profile; did you mean {meant}?" in capsys.readouterr().err

"""The table of what becomes of the user's values, and the command that shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promdrill.cli import main
from promdrill.core.errors import UsageError
from promdrill.helm.values import Added, ChartPlan, Conflict, Dead, Why
from promdrill.helm.values.user import Own
from promdrill.install.needs import Made, Needs
from promdrill.request import changes, fulfil
from promdrill.request.changes import Change, Kind
from promdrill.request.planning import Planned
from promdrill.request.request import Request

SIZE = Conflict("server.persistentVolume.size", "50Gi", "300Mi", "VALUES=my.yaml:7", "the scenario sets it")
PLAN = ChartPlan(
    "3.14.0",
    {},
    (),
    remarks=("node-exporter v1.9.1 runs instead.",),
    conflicts={"one": (SIZE,), "two": (SIZE, replace(SIZE, drills="32Mi"))},
    dead=(Dead("nodeSelector", "VALUES=my.yaml:1", "server.nodeSelector"), Dead("odd", "SET=odd", "")),
    added={
        "one": {"a": Added(1, Why.SCENARIO)},
        "two": {"a": Added(1, Why.SCENARIO), "grafana.adminPassword": Added("hunter2", Why.RELIED_ON)},
    },
)
NEEDS = {
    "one": Needs(made=(Made({"kind": "Secret", "metadata": {"name": "web"}}, "a pod names it"),)),
    "two": Needs(labels={"disk": ("ssd", "a pod asks for it")}),
}
ROWS = changes.changes(Planned(Path("chart"), PLAN, NEEDS), None)


def test_each_change_is_one_row() -> None:
    assert (
        Change(Kind.OVERRIDDEN, SIZE.path, "50Gi", "300Mi", SIZE.place, SIZE.why),
        Change(Kind.OVERRIDDEN, SIZE.path, "50Gi", "32Mi", SIZE.place, SIZE.why, ("two",)),
        Change(
            Kind.DEAD,
            "nodeSelector",
            drills="server.nodeSelector",
            place="VALUES=my.yaml:1",
            why="no template reads it; did you mean server.nodeSelector?",
        ),
        Change(Kind.DEAD, "odd", place="SET=odd", why="no template reads it"),
        Change(Kind.MADE, "Secret web", why="a pod names it", scenarios=("one",)),
        Change(Kind.MADE, "node label disk", drills="ssd", why="a pod asks for it", scenarios=("two",)),
        Change(Kind.REPLACED, why="node-exporter v1.9.1 runs instead."),
        Change(Kind.ADDED, "a", drills="1", why="the scenario sets it"),
        Change(Kind.ADDED, "grafana.adminPassword", drills="REDACTED", why="drills rely on it", scenarios=("two",)),
    ) == ROWS


def test_the_table() -> None:
    lines = changes.lines(ROWS)
    assert lines[0].split() == ["key", "yours", "the", "drill's", "where", "why"]
    assert lines[1].split(maxsplit=5) == [
        *("overridden", SIZE.path, "50Gi", "300Mi", "my.yaml:7", "the scenario sets it"),
    ]
    assert lines[2].endswith("two: the scenario sets it")
    assert "node-exporter v1.9.1 runs instead." in lines
    many = Change(Kind.MADE, "a", scenarios=("1", "2", "3", "4"), why="why")
    assert changes.lines([many])[1].endswith("4 scenarios: why")
    assert changes.lines([]) == []


def test_a_row_that_is_too_wide_is_a_paragraph() -> None:
    assert changes.lines(ROWS, 80)[:2] == [
        f"overridden  {SIZE.path}",
        "    my.yaml:7; yours: 50Gi; the drill's: 300Mi; the scenario sets it",
    ]
    assert changes.lines([Change(Kind.REPLACED, why="word " * 30)], 80)[1].startswith("word")


def test_what_is_added_is_short() -> None:
    """One line for keys that have the same value, and one list of all that is off."""
    spec = "prometheus.prometheusSpec"
    off = [Change(Kind.ADDED, f"{name}.enabled", drills="false", why=Why.OFF.value) for name in ("grafana", "kubelet")]
    rows = [
        *off,
        Change(Kind.ADDED, "kubeStateMetrics.enabled", drills="false", why=Why.OFF.value, scenarios=("a", "b")),
        Change(Kind.ADDED, f"{spec}.retention", drills="2d", why=Why.SCENARIO.value, scenarios=("a",)),
        Change(Kind.ADDED, f"{spec}.scrapeInterval", drills="1s", why=Why.SCENARIO.value),
        Change(Kind.ADDED, f"{spec}.scrapeTimeout", drills="1s", why=Why.SCENARIO.value),
        Change(Kind.ADDED, r"files.prometheus\.yml", drills="null", why=Why.RELIED_ON.value),
        Change(Kind.ADDED, "top", drills="1", why=Why.RELIED_ON.value),
    ]
    assert changes.lines(rows, 80) == [
        "added, where you set nothing:",
        "  as the scenario sets it:",
        f"    {spec}.{{scrapeInterval, scrapeTimeout}}: 1s",
        f"    {spec}.retention: 2d (a)",
        "  as drills rely on it:",
        r"    files.prometheus\.yml: null",
        "    top: 1",
        "  off, as no drill looks at it:",
        "    grafana, kubelet, kubeStateMetrics (a, b)",
    ]
    assert all(len(line) <= 80 for line in changes.lines(off * 20, 80))


def test_which_drills_cannot_run_at_once() -> None:
    assert changes.one_at_a_time([("ClusterRole a", "port 1 of the node"), ("ClusterRole a",), ()]) == (
        "2 drills run one after the other: each takes ClusterRole a, which there is once."
    )
    both = ("ClusterRole a", "port 1 of the node")
    assert "each takes ClusterRole a and 1 more, which" in str(changes.one_at_a_time([both, both]))
    assert changes.one_at_a_time([("ClusterRole a",), ("ClusterRole b",)]) is None


def test_how_many_there_are() -> None:
    assert changes.counted(ROWS) == "2 overridden, 2 dead, 1 replaced, 2 made, 2 added"
    assert "as they are" in changes.counted(())


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `fulfil.planned` was asked, and what it is to answer."""
    told: dict[str, Any] = {"plan": PLAN}

    def planned(request: Request, **_: object) -> Planned:
        told["request"] = request
        if isinstance(told["plan"], UsageError):
            raise told["plan"]
        return Planned(Path("chart"), told["plan"], shared=told.get("shared", {}))

    monkeypatch.setattr(fulfil, "planned", planned)
    return told


def test_the_command(plan: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        file.write_text("a: 1\n")
    argv = ["plan", "--scenario=disk-full", *(f"--values={file}" for file in files), "--set=x=1", "--set=y=2"]
    assert main.main(argv) == 0
    settings = plan["request"].settings
    assert (settings.values, settings.assigned) == (tuple(files), "x=1,y=2")
    assert capsys.readouterr().out.endswith("2 overridden, 2 dead, 1 replaced, 2 added\n")
    assert main.main([*argv, "--json", "--strict"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["app_version"] == "3.14.0"
    assert found["changes"][1] == {
        "kind": "overridden",
        "key": SIZE.path,
        "yours": "50Gi",
        "drills": "32Mi",
        "place": SIZE.place,
        "why": SIZE.why,
        "scenarios": ["two"],
    }


def test_the_command_says_which_drills_run_one_after_the_other(
    plan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    plan["shared"] = {"one": ("ClusterRole mon",), "two": ("ClusterRole mon",)}
    assert main.main(["plan", "--scenario=disk-full"]) == 0
    said = "With JOBS, 2 drills run one after the other: each takes ClusterRole mon, which there is once.\n"
    assert capsys.readouterr().out.endswith(said)
    assert main.main(["plan", "--scenario=disk-full", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["one_at_a_time"]["two"] == ["ClusterRole mon"]


def test_strict_accepts_what_the_user_did_not_set(plan: dict[str, Any]) -> None:
    plan["plan"] = replace(PLAN, conflicts={}, dead=())
    assert main.main(["plan", "--scenario=disk-full", "--strict"]) == 0
    plan["plan"] = replace(PLAN, conflicts={})
    assert main.main(["plan", "--scenario=disk-full", "--strict"]) == 1
    assert main.main(["plan", "--scenario=disk-full"]) == 0


def test_without_a_chart_there_are_no_values(plan: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    plan["plan"] = None
    assert main.main(["plan", "--scenario=disk-full", "--strict"]) == 0
    assert "no values" in capsys.readouterr().out
    assert main.main(["plan", "--scenario=disk-full", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "app_version": None,
        "changes": [],
        "skipped": {},
        "one_at_a_time": {},
    }


def test_what_cannot_be_drilled_is_said(plan: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    plan["plan"] = UsageError("it does not render", hint="mend it")
    assert main.main(["plan", "--scenario=disk-full"]) == 2
    assert "it does not render\nHint: mend it" in capsys.readouterr().err


def test_what_is_made_has_the_place_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("server:\n  mounts:\n    - {name: x, secretName: web}\n  nodeSelector: {disk: ssd}\n")
    own = Own.read(file, assigned="token=made")
    found = changes.changes(Planned(Path("chart"), PLAN, NEEDS), own)
    assert [each.place for each in found if each.kind is Kind.MADE] == [f"VALUES={file}:3", f"VALUES={file}:4"]
    assert own.place_of("made") == "SET=token"
    assert own.place_of("nowhere") == ""

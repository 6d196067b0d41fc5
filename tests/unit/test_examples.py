"""The example repositories: what they hold is checked, can be drilled, and says of promdrill what is true."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.observe_world import answered, said
from tests.unit.test_drill_scenarios import IMAGES, MOMENTS, NONE, stated

from promdrill.authoring.check import check
from promdrill.cli import main
from promdrill.core import paths, shell
from promdrill.drill.plan import conditions_of
from promdrill.faults import Edited, Replace
from promdrill.install import Release
from promdrill.observe.conditions import Condition
from promdrill.request import scenarios
from promdrill.runbook.parse import parse

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
GITHUB, GITLAB = EXAMPLES / "github", EXAMPLES / "gitlab"
OURS = [(repository, folder) for repository in (GITHUB, GITLAB) for folder in sorted((repository / "drills").iterdir())]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())


@pytest.fixture(params=OURS, ids=lambda pair: f"{pair[0].name}/{pair[1].name}")
def own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> scenarios.ScenarioFolder:
    """A scenario of an example, found beside promdrill's as a user's would be."""
    repository, folder = request.param
    found = {each.id: each for each in scenarios.find_all(further=[repository / "drills"])}
    monkeypatch.setattr(paths, "scenarios_dir", lambda: repository / "drills")
    return found[folder.name]


def files(folder: Path) -> dict[Path, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in found}


def test_both_repositories_hold_the_same_scenario_and_values() -> None:
    assert OURS
    assert files(GITHUB / "drills") == files(GITLAB / "drills")
    for name in ("values.yaml", "matrix.toml"):
        assert (GITHUB / name).read_bytes() == (GITLAB / name).read_bytes()


def test_a_scenario_keeps_the_rules_for_scenarios(
    own: scenarios.ScenarioFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # promdrill's own scenarios are there too: one of them looks like this one
    notes: list[str] = []
    assert check([own.folder], note=notes.append, with_tools=False) == ()
    assert notes == [], "and all of it could be checked"


def test_a_fault_changes_the_values_and_the_runbook_changes_them_back(
    own: scenarios.ScenarioFolder, tmp_path: Path
) -> None:
    """In the file as a drill has it, with the operator's own values in it."""
    fault = stated(own.id).plan.fault
    assert isinstance(fault, Edited)
    release = Release(NONE, "prometheus", "drill-x", tmp_path, tmp_path / "values.yaml")
    release.compose(own.folder / "values.yaml", [own.folder.parents[1] / "values.yaml", IMAGES], "drill-x")
    right = release.read()
    assert "example.org/team" in right
    (slip,) = fault.edits
    assert isinstance(slip, Replace)
    assert (right.count(slip.old), right.count(slip.new)) == (1, 0)
    release.write(slip.changed(right))
    runbook = parse(own.runbook)
    correct = next(step for step in runbook.steps if step.section == "Mitigation")
    given = {**runbook.variables, "VALUES": str(release.values)}
    shell.run(["bash", "-euo", "pipefail", "-c", correct.command], timeout_s=10, env=given)
    assert release.read() == right


# watchdog-silent


def rules(query: str, health: str = "ok") -> str:
    alert = {"state": "inactive", "name": "Watchdog", "query": query, "health": health, "type": "alerting"}
    return json.dumps({"status": "success", "data": {"groups": [{"name": "watchdog", "rules": [alert]}]}})


def vector(*values: str) -> str:
    result = [{"metric": {"alertname": "Watchdog"}, "value": [0, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def holds(condition: Condition, text: str) -> bool:
    (probe,) = condition.probes
    return condition.judge(answered(probe, said(200, text))).holds


def test_what_watchdog_silent_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "scenarios_dir", lambda: GITHUB / "drills")
    plan = stated("watchdog-silent").plan
    *_, rule, silent = conditions_of(plan.signature[0].conditions, MOMENTS)
    (fires,) = plan.beside_ready
    corrected = conditions_of(plan.recovery, MOMENTS)[0]
    right, wrong = 'up{job="prometheus"} == 1', 'up{job="promethues"} == 1'
    assert [holds(rule, rules(query)) for query in (right, wrong)] == [False, True]
    assert [holds(corrected, rules(query)) for query in (right, wrong)] == [True, False]
    assert [holds(rule, rules(wrong, health)) for health in ("unknown", "err")] == [False, False]
    assert [holds(silent, vector(*values)) for values in ((), ("1",))] == [True, False]
    assert [holds(fires, vector(*values)) for values in ((), ("1",))] == [False, True]


# GitHub


def test_the_workflow_asks_the_action_for_what_there_is() -> None:
    workflow = yaml.safe_load((GITHUB / ".github/workflows/drills.yml").read_text())
    (job,) = workflow["jobs"].values()
    (asked,) = [step["with"] for step in job["steps"] if step["uses"].startswith("promdrill/promdrill@")]
    assert set(asked) <= set(ACTION["inputs"])
    known = {each.id for each in scenarios.find_all(further=[GITHUB / asked["scenarios"]])}
    assert set(asked["scenario"].split(",")) <= known
    assert (GITHUB / asked["values"]).is_file()
    assert job["timeout-minutes"] <= 60
    assert (workflow["permissions"], job["permissions"]) == ({}, {"contents": "read"})


def test_the_workflow_has_the_same_actions_as_ours() -> None:
    workflows = "".join(file.read_text() for file in (GITHUB / ".github/workflows").glob("*.yml"))
    used = re.findall(r"uses: (?!promdrill/)(.*)", workflows)
    ours = "".join(file.read_text() for file in (ROOT / ".github/workflows").glob("*.yml"))
    assert used
    assert [line for line in used if f"uses: {line}\n" not in ours] == []


def test_the_cells_of_the_matrix_are_run_with_what_was_kept_for_them() -> None:
    """Each job names the cache by the key that the first one printed, and all commands are promdrill's."""
    jobs = yaml.safe_load((GITHUB / ".github/workflows/matrix.yml").read_text())["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    keys = {step["with"]["key"] for step in steps if step.get("uses", "").startswith("actions/cache/")}
    assert keys == {"${{ steps.kept.outputs.key }}", "${{ needs.plan.outputs.key }}"}
    assert jobs["plan"]["outputs"]["key"] == "${{ steps.kept.outputs.key }}"
    typed = [line for step in steps for line in step.get("run", "").splitlines() if "promdrill m" in line]
    assert len(typed) == 5
    for line in typed:
        words = shlex.split(line.partition("$(")[2].rstrip(")") or line.partition(">>")[0])
        assert words[0] == "promdrill"
        main.build_parser().parse_args(words[1:])


# GitLab


def scripts(pipeline: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every line of every job's script, by the job's name."""
    for name, job in pipeline.items():
        if isinstance(job, dict) and "script" in job:
            yield from ((name, line) for line in job["script"])


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """The child pipeline, made by the job `plan` in a checkout of the example."""
    checkout, tools = tmp_path / "checkout", tmp_path / "bin"
    shutil.copytree(GITLAB, checkout, ignore=shutil.ignore_patterns("__pycache__"))
    tools.mkdir()
    (tools / "promdrill").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m promdrill.cli.main "$@"\n')
    (tools / "promdrill").chmod(0o755)
    plan = yaml.safe_load((GITLAB / ".gitlab-ci.yml").read_text())["plan"]
    script = "\n".join(plan["script"])
    env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", **dict.fromkeys(("CELL", "JOBS", "SUPPLY"), "")}
    shell.run(["bash", "-eo", "pipefail", "-c", script], timeout_s=60, cwd=checkout, env=env)
    (artifact,) = plan["artifacts"]["paths"]
    return checkout / str(artifact)


def test_the_child_pipeline_is_what_gitlab_takes(cells: Path) -> None:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(cells)]
    shell.run(argv, timeout_s=60)
    pipeline = yaml.safe_load(cells.read_text())
    assert pipeline["default"] == yaml.safe_load((GITLAB / "runner.yml").read_text())["default"]
    assert [name for name, _ in scripts(pipeline)][-1] == "merge"
    cells_named = [name for name, _ in scripts(pipeline) if name != "merge"]
    assert len(cells_named) == 2
    assert all("prometheus-25." in name for name in cells_named)


def test_a_file_that_gitlab_would_refuse_is_seen(cells: Path) -> None:
    text = cells.read_text()
    assert "when: always" in text
    cells.write_text(text.replace("when: always", "when: sometimes"))
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(cells)]
    assert "sometimes" in shell.run(argv, timeout_s=60, ok=(1,)).stdout


def test_the_parent_pipeline_starts_what_its_job_writes() -> None:
    pipeline = yaml.safe_load((GITLAB / ".gitlab-ci.yml").read_text())
    (started,) = pipeline["drills"]["trigger"]["include"]
    assert started["job"] == "plan"
    assert started["artifact"] in pipeline["plan"]["artifacts"]["paths"]
    assert pipeline["plan"]["script"][-1].endswith(f">{started['artifact']}")
    assert [entry["local"] for entry in pipeline["include"]] == ["runner.yml"]


# README


def test_the_page_names_what_there_is() -> None:
    text = (EXAMPLES / "README.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert len(rows) == 8
    for row in rows:
        assert (EXAMPLES / row).exists() or all((repository / row).exists() for repository in (GITHUB, GITLAB)), row
    commands = re.findall(r"^ {4}promdrill (.*)$", text, re.MULTILINE) + re.findall(r"`promdrill (new [^`]+)`", text)
    assert len(commands) == 3
    for command in commands:
        main.build_parser().parse_args(shlex.split(command))

"""The shipped scenarios state plans that the engine can wait for, and values that their runbooks can edit."""

import importlib.util
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from promdrill import paths
from promdrill.drill import Drill, Moments, Stage
from promdrill.drill.baseline import Baseline
from promdrill.drill.plan import Plan, conditions_of
from promdrill.faults import Release, ValuesEdit
from promdrill.faults.values import set_value
from promdrill.observe.conditions import Condition
from promdrill.observe.server import Server

SCENARIOS = sorted(path.parent.name for path in paths.scenarios_dir().glob("*/test_*.py"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = Moments(began=NOW, injected=NOW, remediating=NOW, remediated=NOW, pod="p", pod_uid="u", restarts=1)
IMAGES = {"server": {"image": {"repository": "x/y", "tag": "z"}}, "configmapReload": {"prometheus": {"image": {}}}}


class Stated(Drill):
    """A drill that keeps what it was asked to run."""

    def __init__(self) -> None:
        self.server = Server.of("drill-x", "prometheus")
        self.plan: Plan

    def wording(self, meaning: str) -> str:
        return meaning

    def run(self, **plan: Any) -> Any:
        self.plan = Plan(**plan)


def stated(scenario: str) -> Stated:
    """What the scenario's test states."""
    name = f"test_{scenario.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, paths.scenarios_dir() / scenario / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drill = Stated()
    getattr(module, name)(drill)
    return drill


def names(*conditions: Condition) -> list[str]:
    return [condition.name for condition in conditions]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_wait_has_conditions_with_names_of_their_own(scenario: str) -> None:
    drill = stated(scenario)
    kube: Any = None
    baseline = Baseline(kube, drill.server, 1.0, drill.plan.jobs).conditions(since=NOW)
    waits = [names(*baseline, *conditions_of(drill.plan.recovery, MOMENTS))]
    stages: list[Stage] = [*drill.plan.signature, *drill.plan.afterwards]
    waits += [names(*conditions_of(stage.conditions, MOMENTS)) for stage in stages]
    for wait in waits:
        assert wait
        assert len(set(wait)) == len(wait)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_signature_looks_from_more_than_one_side(scenario: str) -> None:
    conditions = [c for stage in stated(scenario).plan.signature for c in conditions_of(stage.conditions, MOMENTS)]
    assert len({condition.kind for condition in conditions}) > 1


def test_the_fault_of_lifecycle_flag_writes_the_line_that_its_runbook_repairs(tmp_path: Path) -> None:
    fault = stated("lifecycle-flag").plan.fault
    assert isinstance(fault, ValuesEdit)
    helm: Any = None
    release = Release(helm, "prometheus", "drill-x", tmp_path, tmp_path / "values.yaml")
    release.compose([paths.scenarios_dir() / "lifecycle-flag" / "values.yaml", IMAGES])
    assert re.search(r"^ *extraFlags: \[web\.enable-lifecycle\]$", release.read(), re.MULTILINE)
    broken = set_value(release.read(), fault.path.split("."), fault.value)
    assert re.search(r"^ *extraFlags: \[\] *$", broken, re.MULTILINE)

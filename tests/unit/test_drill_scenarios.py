"""The shipped scenarios state plans that the engine can wait for, and values that their runbooks can edit."""

import re
from pathlib import Path
from typing import Any

import pytest

from promdrill.authoring import stated as stating
from promdrill.authoring.check import check
from promdrill.authoring.stated import MOMENTS, Stated
from promdrill.core import paths
from promdrill.faults import Set, ValuesEdit
from promdrill.install import Release
from promdrill.request import scenarios
from promdrill.request.scenarios import ScenarioFolder

__all__ = ["MOMENTS", "Stated"]

NONE: Any = None
IMAGES = {"server": {"image": {"repository": "x/y", "tag": "z"}}, "configmapReload": {"prometheus": {"image": {}}}}


def stated(scenario: str) -> Stated:
    """What the scenario's test states."""
    return stating.stated(ScenarioFolder(scenario, paths.scenarios_dir() / scenario))


@pytest.mark.parametrize("scenario", scenarios.find_all(), ids=lambda scenario: scenario.id)
def test_a_shipped_scenario_keeps_the_rules_for_scenarios(scenario: ScenarioFolder) -> None:
    """Those of `promdrill check`: test, markers, plan, runbooks, values; ruff and mypy are asked by make lint."""
    notes: list[str] = []
    assert check([scenario.folder], note=notes.append, with_tools=False) == ()
    assert notes == [], "and all of it could be checked"


def test_the_fault_of_lifecycle_flag_writes_the_line_that_its_runbook_repairs(tmp_path: Path) -> None:
    fault = stated("lifecycle-flag").plan.fault
    assert isinstance(fault, ValuesEdit)
    release = Release(NONE, "prometheus", "drill-x", tmp_path, tmp_path / "values.yaml")
    release.compose(paths.scenarios_dir() / "lifecycle-flag" / "values.yaml", [IMAGES], "drill-x")
    assert re.search(r"^ *extraFlags: \[web\.enable-lifecycle\]$", release.read(), re.MULTILINE)
    broken = Set(fault.path, fault.value).changed(release.read())
    assert re.search(r"^ *extraFlags: \[\] *$", broken, re.MULTILINE)

"""The shipped scenarios state plans that the engine can wait for, and values that their runbooks can edit."""

import importlib.util
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from promdrill.core import paths
from promdrill.drill import (
    Drill,
    Moments,
    Site,
    Stage,
)
from promdrill.drill.baseline import Baseline
from promdrill.drill.plan import Plan, conditions_of
from promdrill.faults import Set, ValuesEdit
from promdrill.helm.chart import ChartRef
from promdrill.install import Release
from promdrill.kube.client import object_path
from promdrill.observe.conditions import Condition
from promdrill.request import scenarios
from promdrill.request.scenarios import ScenarioFolder
from promdrill.supply.supplied import Tools

SCENARIOS = sorted(path.parent.name for path in paths.scenarios_dir().glob("*/test_*.py"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = Moments(
    began=NOW, baseline=NOW, injected=NOW, remediating=NOW, remediated=NOW, pod="p", pod_uid="u", restarts=1
)
NONE: Any = None
IMAGES = {"server": {"image": {"repository": "x/y", "tag": "z"}}, "configmapReload": {"prometheus": {"image": {}}}}


class Cluster:
    """What a scenario may look up when it makes its conditions: nodes, a Service, and what it has beside."""

    def __init__(self) -> None:
        self.beside: dict[str, Any] = {}

    def get(self, path: str) -> dict[str, Any]:
        if path == "/api/v1/nodes":
            addresses = [{"type": "Hostname", "address": "node-1"}, {"type": "InternalIP", "address": "10.0.0.1"}]
            return {"items": [{"metadata": {"name": "node-1"}, "status": {"addresses": addresses}}]}
        if "/services/" not in path:
            found: dict[str, Any] = self.beside[path]
            return found
        return {"spec": {"clusterIP": "10.1.0.1", "ports": [{"port": 80, "nodePort": 30080}]}}


class Stated(Drill):
    """A drill that keeps what it was asked to run."""

    def __init__(self, scenario: str, install: str) -> None:
        self.cluster = Cluster()
        super().__init__(
            Site(
                scenario=scenario,
                scenario_dir=paths.scenarios_dir() / scenario,
                folder=Path("reports"),
                kube=cast(Any, self.cluster),
                helm=NONE,
                kubeconfig=Path("kubeconfig"),
                tools=Tools(kind=Path("kind"), kubectl=Path("kubectl"), helm=Path("helm")),
                chart=ChartRef(Path("chart"), "prometheus", "25.8.0", "2.48.0"),
                profile="fast",
                journal=NONE,
                install=install,
                images=scenarios.traits(ScenarioFolder(scenario, paths.scenarios_dir() / scenario).test).images,
            )
        )
        self.plan: Plan

    def run(self, **plan: Any) -> Any:
        self.plan = Plan(**plan)
        for obj in self.plan.beside:
            named = {**obj, "metadata": {**obj["metadata"], "namespace": self.site.namespace}}
            self.cluster.beside[object_path(named)] = named


def stated(scenario: str) -> Stated:
    """What the scenario's test states."""
    name = f"test_{scenario.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, paths.scenarios_dir() / scenario / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    test = getattr(module, name)
    installs = [mark.args[0] for mark in getattr(test, "pytestmark", ()) if mark.name == "install"]
    drill = Stated(scenario, *(installs or ["helm"]))
    test(drill)
    return drill


def names(*conditions: Condition) -> list[str]:
    return [condition.name for condition in conditions]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_wait_has_conditions_with_names_of_their_own(scenario: str) -> None:
    drill = stated(scenario)
    baseline = Baseline(NONE, drill.server, 1.0, drill.plan.jobs).conditions(since=NOW)
    waits = [names(*baseline, *drill.plan.beside_ready, *conditions_of(drill.plan.recovery, MOMENTS))]
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
    release = Release(NONE, "prometheus", "drill-x", tmp_path, tmp_path / "values.yaml")
    release.compose(paths.scenarios_dir() / "lifecycle-flag" / "values.yaml", [IMAGES], "drill-x")
    assert re.search(r"^ *extraFlags: \[web\.enable-lifecycle\]$", release.read(), re.MULTILINE)
    broken = Set(fault.path, fault.value).changed(release.read())
    assert re.search(r"^ *extraFlags: \[\] *$", broken, re.MULTILINE)

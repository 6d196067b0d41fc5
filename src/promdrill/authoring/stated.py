"""The plan in a scenario's test, found by calling the test with a drill that runs nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from promdrill.core.errors import UsageError
from promdrill.core.model import INSTALLS
from promdrill.drill import Drill, Moments, Plan, Site
from promdrill.drill.site import Cluster, Drilled, Execution, Recording
from promdrill.drill.stating import call_test
from promdrill.install import ChartRef
from promdrill.kube.client import object_path
from promdrill.request import markers, scenarios
from promdrill.request.scenarios import ScenarioFolder

NOW = datetime(2026, 1, 1, tzinfo=UTC)

MOMENTS = Moments(
    began=NOW, baseline=NOW, injected=NOW, remediating=NOW, remediated=NOW, pod="p", pod_uid="u", restarts=1
)
"""Moments of a finished drill, for conditions that are made from them."""

CHART = ChartRef(Path("chart"), "prometheus", "25.8.0", "2.48.0")
"""The chart that the drill pretends to use."""


class Unanswerable(Exception):
    """The test asks for something that only a cluster knows."""


class _Nobody:
    """Takes the place of a cluster, and cannot answer anything."""

    def __getattr__(self, name: str) -> Any:
        raise Unanswerable(f"it asks for {name}")


class StandIn(_Nobody):
    """What a test may look up in the cluster to make its conditions: nodes, a Service, objects beside Prometheus.

    Attributes:
        beside: Objects by their API path.
    """

    def __init__(self) -> None:
        self.beside: dict[str, Any] = {}

    def get(self, path: str) -> dict[str, Any]:
        """The object or list at a path.

        Raises:
            Unanswerable: Only a cluster has it.
        """
        if path == "/api/v1/nodes":
            addresses = [{"type": "Hostname", "address": "node-1"}, {"type": "InternalIP", "address": "10.0.0.1"}]
            return {"items": [{"metadata": {"name": "node-1"}, "status": {"addresses": addresses}}]}
        if "/services/" in path:
            return {"spec": {"clusterIP": "10.1.0.1", "ports": [{"port": 80, "nodePort": 30080}]}}
        if path not in self.beside:
            raise Unanswerable(f"it asks the cluster for {path}")
        return cast(dict[str, Any], self.beside[path])


class Stated(Drill):
    """A drill that keeps what it was asked to run, and runs nothing."""

    def __init__(self, scenario: ScenarioFolder, *, install: str, images: tuple[str, ...]) -> None:
        self.cluster = StandIn()
        super().__init__(
            Site(
                cluster=Cluster(
                    kube=cast(Any, self.cluster),
                    helm=cast(Any, _Nobody()),
                    kubeconfig=Path("kubeconfig"),
                    private=Path("private"),
                    tools=cast(Any, SimpleNamespace(kind=Path("kind"), kubectl=Path("kubectl"), helm=Path("helm"))),
                    images=images,
                ),
                drilled=Drilled(scenario=scenario.id, scenario_dir=scenario.folder, chart=CHART, install=install),
                execution=Execution(profile="fast"),
                recording=Recording(folder=Path("reports"), journal=cast(Any, _Nobody())),
            )
        )
        self._plan: Plan | None = None

    @property
    def plan(self) -> Plan:
        """The plan that it was asked to run.

        Raises:
            UsageError: The test did not call `run`.
        """
        if self._plan is None:
            raise UsageError("the test did not call drill.run", hint="drill.run(fault=..., signature=..., ...)")
        return self._plan

    def _run(self, plan: Plan) -> Any:
        """Keep the plan, and run nothing."""
        self._plan = plan
        for obj in plan.beside:
            named = {**obj, "metadata": {**obj["metadata"], "namespace": self.site.namespace}}
            self.cluster.beside[object_path(named)] = named


def stated(scenario: ScenarioFolder) -> Stated:
    """Call a scenario's test with a drill that runs nothing. The code of the test is executed; no cluster is touched.

    Raises:
        Unanswerable: The test asks for what only a cluster knows.
        Exception: Whatever the test raises.
    """
    said = markers.read(scenarios.test_in(scenario.test)).texts
    install = " ".join(said.get("install", INSTALLS[:1]))
    drill = Stated(scenario, install=install, images=said.get("images", ()))
    call_test(scenario.folder, drill)
    return drill

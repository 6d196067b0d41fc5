"""A machine on which `reproduce`, `remedy`, `verify` and `shell` can be tried: the toy scenario, in the fake world.

What makes clusters and asks API servers is replaced, and refuses what it does not expect; pytest's sessions, the
engine, the files that are kept and the runbook's bash are real.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest
from tests.unit.cluster_world import IDENTITY
from tests.unit.drill_toy import RUNBOOK
from tests.unit.drill_world import World

from promdrill import doctor
from promdrill.cli import main
from promdrill.cluster import identity, kind, owners
from promdrill.core import paths
from promdrill.core.errors import ClusterError, NotOurs
from promdrill.core.model import Variant
from promdrill.drill import Drill, Site
from promdrill.drill.site import Cluster, Drilled, Execution, Recording
from promdrill.helm.chart import ChartRef
from promdrill.kube import client
from promdrill.kube.client import NotFound
from promdrill.kube.expected import Expected
from promdrill.request import fulfil
from promdrill.request.request import Request
from promdrill.results.run import Run
from promdrill.supply.supplied import Supplied, Tools

TEST = """
from tests.unit.drill_toy import Break
from tests.unit.drill_world import ALWAYS, DOWN, condition

from promdrill.drill import Persistence, Stage


def test_toy(drill):
    world = drill.site.kube
    large = condition("size is large", lambda _: "size: large" in world.values.read_text())
    drill.run(
        fault=Break(world),
        signature=(Stage("it is down", (DOWN,)),),
        persistence=Persistence(more_restarts=2),
        recovery=(large,),
        afterwards=(Stage("it stays so", (ALWAYS,)),),
        variables={"NEW_SIZE": "large"},
    )
"""

KUBECONFIG = """\
current-context: kind-promdrill
contexts:
- name: kind-promdrill
  context: {cluster: kind-promdrill, user: kind-promdrill}
"""

REMEDY = 'sed -i "s/small/$NEW_SIZE/" "$VALUES"'


@dataclass
class Machine:
    """The machine.

    Attributes:
        folder: All its files.
        world: The fake cluster.
        log: What was made and deleted, in order.
        answers: Whether clusters answer.
        deleted: Clusters that were deleted by other means.
        namespace_gone: Whether the drill's namespace was deleted.
        replaced: Whether another cluster answers at the address.
        engine: Id of the engine that answers.
        clusters: How many were made.
    """

    folder: Path
    world: World
    log: list[str] = field(default_factory=list)
    answers: bool = True
    deleted: set[str] = field(default_factory=set)
    namespace_gone: bool = False
    replaced: bool = False
    engine: str = IDENTITY.engine
    clusters: int = 0

    @property
    def values(self) -> Path:
        return self.world.values

    @property
    def reports(self) -> Path:
        assert isinstance(self.world, KeptWorld)
        return self.world.reports

    def repair(self, old: str, new: str) -> None:
        """What a person does by hand."""
        text = self.values.read_text()
        assert old in text
        self.values.write_text(text.replace(old, new))

    def promdrill(self, *argv: str) -> int:
        """A command typed; the exit code."""
        for name in [name for name in sys.modules if name == "test_toy"]:
            del sys.modules[name]  # each command is a process of its own
        return main.main(argv)

    def names(self) -> set[str]:
        """What the engine has."""
        return {folder.name for folder in owners.recorded()} - self.deleted

    def provide(self, request: Request, folders: Sequence[Path], *, say: Any, found: Any) -> Supplied:
        assert found == fulfil.Preflight()
        assert [folder.name for folder in folders] == ["toy"]
        say("everything is there")
        self.log.append(f"provided {request.settings.subcharts}")
        tool = Path("/bin/true")
        chart, rest = self.folder / "chart", self.folder / "none.yaml"
        return Supplied("source", "told", Tools(tool, tool, tool), "1.36.3", "node:1", chart, rest, rest)

    @contextlib.contextmanager
    def cluster(self, _supplied: Supplied, options: Any, *, profile: str, say: Any) -> Iterator[Any]:
        assert (options.keep, options.name, profile) == (True, None, "fast")
        self.clusters += 1
        name = f"promdrill-{self.clusters}"
        folder = paths.clusters_dir() / name
        owners.claim(folder, kept=options.keep, identity=IDENTITY)
        (folder / "kubeconfig").write_text(KUBECONFIG)
        tool = Path("/bin/true")
        yield SimpleNamespace(
            name=name,
            path=folder,
            kubeconfig_path=folder / "kubeconfig",
            image="node:1",
            kind_path=tool,
            kubectl_path=tool,
            recorded=IDENTITY,
        )
        owner = owners.of(folder)
        assert owner is not None
        self.log.append(f"{'kept' if owner.kept else 'deleted'} {name}")
        say(self.log[-1])

    @contextlib.contextmanager
    def drill(
        self,
        scenario: Path,
        supplied: Supplied,
        made: Any,
        *,
        variant: Variant,
        install: str,
        run: Run,
        request: Request,
        until_turn: Callable[[], float],
        turn_over: Callable[[], None],
    ) -> Iterator[Drill]:
        settings, keep = request.settings, request.cluster.keep
        assert (variant, install, settings.profile) == (Variant(), "helm", "fast")
        assert until_turn() < 1.0, "nothing runs beside it"
        turn_over()
        self.log.append(f"drill in {made.name}, keep {keep}, values {settings.values}")
        with run.journal(scenario.name, variant) as journal:
            site = Site(
                cluster=Cluster(
                    kube=cast(Any, self.world),
                    helm=cast(Any, self.world),
                    kubeconfig=made.kubeconfig_path,
                    private=made.path,
                    tools=supplied.tools,
                ),
                drilled=Drilled(
                    scenario=scenario.name,
                    scenario_dir=scenario,
                    chart=ChartRef(supplied.chart, "prometheus", "25.8.0", "2.48.0"),
                ),
                execution=Execution(profile=settings.profile, keep=keep),
                recording=Recording(
                    folder=run.folder_of(scenario.name, variant),
                    journal=journal,
                    clock=self.world.clock,
                    on_result=run.record,
                ),
            )
            if keep:
                assert isinstance(self.world, KeptWorld)
                self.world.file, self.world.reports = site.values_file, site.folder
            yield Drill(site)

    def kube(self, kubeconfig: Path, *, expected: Expected) -> Any:
        assert kubeconfig.read_text() == KUBECONFIG
        assert expected == IDENTITY.expected
        machine = self

        class Answering:
            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None: ...

            def require_expected(self) -> None:
                if not machine.answers:
                    raise ClusterError("connection refused\nmore of it")
                if machine.replaced:
                    raise NotOurs("another cluster answers; nothing was done")

            def get(self, path: str, *, timeout_s: float) -> dict[str, Any]:
                assert (path, timeout_s) == ("/api/v1/namespaces/drill-toy", 10.0)
                if machine.namespace_gone:
                    raise NotFound(path, 404, "")
                return {}

        return Answering()


class KeptWorld(World):
    """A world whose values lie in the cluster's folder, and whose reports are kept."""

    file: Path = Path()
    reports: Path = Path()

    @property
    def values(self) -> Path:
        return self.file


@pytest.fixture
def machine(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with one scenario, on which nothing was reproduced yet."""
    world.__class__ = KeptWorld
    made = Machine(tmp_path, world)
    toy = tmp_path / "scenarios" / "toy"
    toy.mkdir(parents=True)
    (toy / "test_toy.py").write_text(TEST)
    (toy / "values.yaml").write_text("server:\n  size: small\n  global: {scrape_interval: 1s}\n")
    (toy / "runbook.md").write_text(
        RUNBOOK.format(remedy=REMEDY, verification='grep "size: large" "$VALUES"', data_loss="false").replace(
            "title: it is small\n", "title: it is small\nvariables: {NEW_SIZE: none, VALUES: values.yaml}\n"
        )
    )
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "Chart.yaml").write_text("name: prometheus\nversion: 25.8.0\nappVersion: v2.48.0\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv("PYTEST_ADDOPTS", "")
    monkeypatch.setenv("SUPPLY", "source")
    monkeypatch.delenv("PROMDRILL_DRILL", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(paths, "scenarios_dir", lambda: tmp_path / "scenarios")
    monkeypatch.setattr(paths, "reports_dir", lambda: tmp_path / "here" / "reports")
    monkeypatch.setattr(doctor, "require", lambda **_: None)
    monkeypatch.setattr(fulfil, "preflight", lambda *_, **_k: fulfil.Preflight())
    monkeypatch.setattr(fulfil, "provide", made.provide)
    monkeypatch.setattr(fulfil, "cluster", made.cluster)
    monkeypatch.setattr(fulfil, "drill", made.drill)
    monkeypatch.setattr(client, "Kube", made.kube)
    monkeypatch.setattr(kind, "names", made.names)
    monkeypatch.setattr(identity, "engine", lambda: made.engine)
    return made

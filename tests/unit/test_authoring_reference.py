"""The public names, and the list of them that the reference page is made of."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from pathlib import Path

import pytest

from promdrill.authoring import reference
from promdrill.authoring.reference import PUBLIC, Kind, attributes, entries
from promdrill.cli import main
from promdrill.core import paths, shell
from promdrill.drill import Moments, Plan
from promdrill.faults import Fault
from promdrill.observe import Server
from promdrill.observe.log_patterns import TABLE
from promdrill.request import markers
from promdrill.runbook.front import KEYS

ROOT = Path(__file__).parents[2]
SCENARIOS = [*sorted(paths.scenarios_dir().glob("*/test_*.py")), *sorted(ROOT.glob("examples/*/drills/*/test_*.py"))]
ENTRIES = entries()
SERVER = Server.of("drill-x", "prometheus")


def of(kind: Kind) -> dict[str, reference.Item]:
    return {entry.name: entry for entry in ENTRIES if entry.kind is kind}


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_a_scenario_imports_public_names_and_no_others(file: Path) -> None:
    public = {module.__name__: vars(module)["__all__"] for module in PUBLIC}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("promdrill") for alias in node.names)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("promdrill"):
            assert node.module in public
            assert {alias.name for alias in node.names} <= set(public[str(node.module)])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.signature)
def test_everything_public_says_in_a_line_what_it_is(entry: reference.Item) -> None:
    assert len(entry.summary) > 8, "a docstring, or a string below the constant"
    assert "\n" not in entry.summary
    documented = {
        Kind.NAME,
        Kind.RUNBOOK,
        Kind.PLAN,
        Kind.MOMENT,
        Kind.FAULT,
        Kind.EDIT,
        Kind.CONDITION,
        Kind.DRILL,
        Kind.OTHER,
    }
    assert entry.summary.endswith(".") or entry.kind not in documented


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_each_public_name_is_listed_once(module: object) -> None:
    names = [name for name in vars(module)["__all__"] if not inspect.ismodule(vars(module)[name])]
    listed = [entry.name for entry in ENTRIES if entry.home == module.__name__]  # type: ignore[attr-defined]
    for name in names:
        assert listed.count(name) == 1, name


def test_each_kind_is_complete() -> None:
    faults = {name for name, thing in vars(PUBLIC[1]).items() if inspect.isclass(thing) and issubclass(thing, Fault)}
    assert set(of(Kind.FAULT)) == faults - {"Fault"}
    assert {"server.ready", "server.fresh", "drill.same_pod", "object_shows", "volume_full"} <= set(of(Kind.CONDITION))
    assert set(of(Kind.EDIT)) == {"Set", "Replace"}
    assert list(of(Kind.PLAN)) == list(inspect.signature(Plan).parameters)
    assert set(of(Kind.MOMENT)) == {f"at.{name}" for name in inspect.signature(Moments).parameters}
    assert set(of(Kind.MARKER)) == {marker.name for marker in markers.ALL}
    assert tuple(of(Kind.RUNBOOK)) == KEYS
    assert "storage-volume-<fullname>-0" in of(Kind.NAME)["server.claim"].summary
    assert all(hasattr(SERVER, name.removeprefix("server.")) for name in of(Kind.NAME))
    wordings = [entry.signature for entry in ENTRIES if entry.kind is Kind.WORDING]
    assert wordings == sorted({f'drill.wording("{row.meaning}")' for row in TABLE})
    assert "docker.io/library/busybox:1.37.0" in of(Kind.IMAGE)
    assert "quay.io/prometheus/prometheus:v<version>" in of(Kind.IMAGE)
    assert not any("kube-apiserver" in name for name in of(Kind.IMAGE)), "Kubernetes' own"


def test_signatures_are_as_typed() -> None:
    assert of(Kind.CONDITION)["server.logs"].signature == (
        "server.logs(pattern, *, container=None, since=None, this_restart=False)"
    )
    assert of(Kind.CONDITION)["server.metric"].signature == "server.metric(name, predicate, text, **labels)"
    assert of(Kind.FAULT)["RestartServer"].signature == "RestartServer()"
    assert of(Kind.OTHER)["Kind"].signature == "Kind"


def test_attributes_of_a_docstring() -> None:
    class Documented:
        """One line.

        Attributes:
            first: The first,
                on two lines.
            second: The second: with a colon.

        More text.
        """

    assert attributes(Documented) == {"first": "The first, on two lines.", "second": "The second: with a colon."}


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["reference", "marker", "moment"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^moment  \(import from promdrill.drill\)\n  at\.baseline\n      UTC moment", said)
    assert "\nmarker\n  alone(why)\n" in said
    assert main.main(["reference", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(ENTRIES)
    assert main.main(["reference", "falt"]) == 2
    assert "one of drill, plan, fault, " in capsys.readouterr().err


def test_what_a_scenario_imports_loads_nothing_of_supply() -> None:
    code = "import sys, promdrill.drill, promdrill.faults, promdrill.observe; print(*sys.modules)"
    loaded = shell.run([sys.executable, "-c", code], timeout_s=30).stdout.split()
    heavy = ("promdrill.supply", "promdrill.report", "promdrill.cli", "promdrill.matrix", "rich", "matplotlib")
    assert [name for name in loaded if name.startswith(heavy)] == []

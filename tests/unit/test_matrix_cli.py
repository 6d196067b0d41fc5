"""``promdrill matrix``: what it lists, what it refuses, what it hands to the runner, how it ends."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.cluster_world import IDENTITY
from tests.unit.matrix_world import drill, ran, write

from promdrill import doctor
from promdrill.cli import main, matrix
from promdrill.cli.parser import Parser
from promdrill.core.errors import SupplyError
from promdrill.core.model import Verdict
from promdrill.matrix import child
from promdrill.matrix.cells import VARIABLES
from promdrill.matrix.child import Ended
from promdrill.request import fulfil
from promdrill.request.options import OPTIONS, SESSION
from promdrill.request.request import KindOptions, Request

TEXT = 'app_version = ["2.48.0", "3.14.0"]\nscenarios = ["disk-full"]\n'
FIRST, SECOND = "k1.36.3-p2.48.0-h4-disk-full", "k1.36.3-p3.14.0-h4-disk-full"
SET_BESIDE = ("CELL", "RESUME", "REPORTS", "REGISTRY_MIRROR", "BUNDLE", "REPEAT", "EVIDENCE")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the outside comes in, nothing of the user's is touched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMDRILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PROMDRILL_CACHE_DIR", str(tmp_path / "cache"))
    for variable in (*child.environment(), *SET_BESIDE):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "mine.toml").write_text(TEXT)


class World:
    """What `--run` reaches, replaced: cells pass at once unless `codes` says otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.codes: dict[str, int] = {}
        self.interrupt: str | None = None
        self.log: list[str] = []
        self.cells: list[Request] = []
        self.requests: list[Request] = []
        self.required: list[dict[str, Any]] = []

    def require(self, **asked: Any) -> None:
        self.required.append(asked)

    def provide(self, request: Request, scenarios: Any, *, say: Any, more_follows: bool) -> Any:
        assert (list(scenarios), more_follows) == ([], True)
        assert say
        self.requests.append(request)
        return SimpleNamespace(name="source")

    @contextlib.contextmanager
    def cluster(self, supplied: Any, options: KindOptions, *, profile: str, say: Any) -> Iterator[Any]:
        assert (supplied.name, options, profile, bool(say)) == ("source", KindOptions(), "fast", True)
        self.log.append("created")
        places = {"kubeconfig_path": "kubeconfig", "kind_path": "kind", "kubectl_path": "kubectl", "path": "."}
        try:
            yield SimpleNamespace(
                name="mine",
                image="node:1",
                recorded=IDENTITY,
                **{key: self.folder / place for key, place in places.items()},
            )
        finally:
            self.log.append("deleted")

    def child(self, argv: list[str], on_line: Callable[[str], None]) -> Ended:
        *_, command, option = argv
        request = Request.read(Path(option.removeprefix("--request=")))
        assert (command, request.joins is not None) == ("run", True)
        assert request.joins is not None
        assert (request.joins.name, request.joins.kubeconfig) == ("mine", self.folder / "kubeconfig")
        self.cells.append(request)
        folder = request.reports or Path()
        on_line("drilling")
        if folder.name == self.interrupt:
            write(folder, ran(finished=False))
            return Ended(130, "interrupted", interrupted=True)
        code = self.codes.get(folder.name, 0)
        write(folder, ran(drill(verdict=Verdict.FAILED if code else Verdict.PASSED)))
        return Ended(code, "")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(doctor, "require", made.require)
    monkeypatch.setattr(fulfil, "provide", made.provide)
    monkeypatch.setattr(fulfil, "cluster", made.cluster)
    monkeypatch.setattr(child, "run", made.child)
    monkeypatch.setattr(matrix, "settle", lambda **_: made.log.append("settled"))
    return made


def run(*arguments: str) -> int:
    return main.main(["matrix", "--file=mine.toml", *arguments])


Captured = pytest.CaptureFixture[str]


def test_cells_are_listed_with_what_came_of_them_last(capsys: Captured) -> None:
    assert run() == 0
    assert capsys.readouterr().out.count("never") == 2
    write(Path("reports/matrix") / FIRST, ran(drill()))
    assert run("--cell", FIRST) == 0
    out = capsys.readouterr().out
    assert "changed since: 1 passed, 0 failed" in out
    assert SECOND not in out


def test_cells_as_json(capsys: Captured) -> None:
    assert run("--format=json") == 0
    entries = json.loads(capsys.readouterr().out)
    assert [(entry["id"], entry["last"], entry["variables"]["APP_VERSION"]) for entry in entries] == [
        (FIRST, None, "2.48.0"),
        (SECOND, None, "3.14.0"),
    ]


def test_cells_for_github_are_one_line(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELL", f" {SECOND} ,")
    assert run("--format=github") == 0
    (line,) = capsys.readouterr().out.splitlines()
    (entry,) = json.loads(line)["include"]
    assert (entry["id"], entry["scenario"]) == (SECOND, "disk-full")
    assert all(isinstance(text, str) for text in entry.values())


def test_the_shipped_matrix_is_the_default(capsys: Captured) -> None:
    assert main.main(["matrix", "--format=github"]) == 0
    found = json.loads(capsys.readouterr().out)["include"]
    assert len(found) > 40
    assert len({entry["id"] for entry in found}) == len(found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cell=k1"], "CELL=k1: no such cell"),
        (["--file=nope.toml"], "cannot read nope.toml"),
        (["--run", "--jobs=0"], "JOBS=0: not a whole number from 1 to 16"),
        (["--run", "--resume=yes"], "RESUME=yes: not one of 0, 1"),
        (["--run", "--supply=moon"], "SUPPLY=moon: not one of"),
    ],
)
def test_bad_input_starts_nothing(world: World, capsys: Captured, arguments: list[str], message: str) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
    assert (world.log, world.requests, Path("reports").exists()) == ([], [], False)


@pytest.mark.parametrize(
    "name", ["SCENARIO", "CHART", "KEEP", "CLUSTER", "CONTROL", "RUNBOOK", "BIND", "IMAGES", "LOGIN"]
)
def test_a_variable_that_would_be_set_in_vain_is_refused(
    world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    for what in ("--run", "--fetch"):
        assert run(what) == 2
        assert f"{name}=x: not allowed with a matrix: " in capsys.readouterr().err
    assert world.log == []
    assert run() == 0, "to list cells is no harm"


def test_format_and_run_exclude_each_other(capsys: Captured) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("--run", "--format=json")
    assert "not allowed with" in capsys.readouterr().err


def test_the_doctor_is_asked_first(world: World, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    def refuse(**_: Any) -> None:
        raise SupplyError("3 GiB free, 25 needed")

    monkeypatch.setattr(doctor, "require", refuse)
    assert run("--run", "--supply=source") == 2
    assert "3 GiB free" in capsys.readouterr().err
    assert world.log == []


def test_cells_are_run(world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", "2")
    monkeypatch.setenv("REPORTS", "elsewhere")
    assert run("--run", "--supply=source") == 0
    assert world.log == ["created", "deleted", "settled"]
    assert world.required == [{"supply": "source", "cached": doctor.Cached.NOTHING}]
    (of_cluster,) = [request.settings for request in world.requests]
    assert (of_cluster.kubernetes, of_cluster.profile, of_cluster.supply) == ("1.36.3", "fast", "source")
    first, second = world.cells
    assert (first.jobs, first.settings.supply, first.settings.app_version) == (2, "source", "2.48.0")
    assert [folder.name for folder in first.scenarios] == ["disk-full"]
    assert second.reports == Path(f"elsewhere/matrix/{SECOND}")
    out = capsys.readouterr().out
    assert f"cell 2 of 2: {SECOND}: Prometheus 3.14.0" in out
    assert f"{SECOND}: drilling" in out
    assert out.splitlines()[-1].startswith("2 cells, 0 red: 2 passed, 0 failed; ")
    assert json.loads(Path(f"elsewhere/matrix/{FIRST}/cell.json").read_text())["id"] == FIRST


def test_what_cells_need_is_fetched_and_none_is_run(
    world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[tuple[str | None, str, list[str]]] = []

    def provide(
        request: Request, scenarios: list[Path], *, say: Callable[[str], None], found: str, more_follows: bool
    ) -> None:
        settings = request.settings
        assert more_follows, "one build after the other has use for Go's caches"
        say(f"Prometheus {settings.app_version} is pulled, {found}")
        fetched.append((settings.app_version, settings.supply, [folder.name for folder in scenarios]))

    monkeypatch.setattr(fulfil, "provide", provide)
    monkeypatch.setattr(fulfil, "preflight", lambda _request, *, say: say("checked") or "as checked")
    assert run("--fetch", "--supply=source") == 0
    assert fetched == [("2.48.0", "source", ["disk-full"]), ("3.14.0", "source", ["disk-full"])]
    assert [asked["supply"] for asked in world.required] == ["source"]
    assert (world.log, world.cells, Path("reports").exists()) == (["settled"], [], False)
    said = capsys.readouterr().out.splitlines()
    assert said[1:3] == ["checked", "Prometheus 2.48.0 is pulled, as checked"]
    assert said[-1] == "everything is ready for 2 cells"


def test_what_cannot_be_had_for_one_cell_is_said(
    world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provide(*_: Any, **__: Any) -> None:
        raise SupplyError("the registry has no such image")

    monkeypatch.setattr(fulfil, "provide", provide)
    monkeypatch.setattr(fulfil, "preflight", lambda *_, **__: None)
    assert run("--fetch", "--supply=source") == 1
    said = capsys.readouterr()
    assert "the registry has no such image" in said.err
    assert f"cell 1 of 2: {FIRST}" in said.out
    assert "all is there" not in said.out
    assert world.log == []


def test_one_red_cell_makes_it_red(world: World, capsys: Captured) -> None:
    world.codes[FIRST] = 1
    assert run("--run", "--supply=source") == 1
    assert f"1 {FIRST}: disk-full: FAILED: not seen within 90 s" in " ".join(capsys.readouterr().out.split())


def test_a_cell_that_is_refused_before_it_starts(world: World, capsys: Captured) -> None:
    Path("mine.toml").write_text(TEXT + '[[include]]\nvalues = "nope.yaml"\napp_version = "3.14.0"\n')
    assert run("--run", "--supply=source") == 1
    assert len(world.cells) == 1
    assert "VALUES=nope.yaml: no such file" in capsys.readouterr().out


def test_an_interruption_says_how_to_go_on_and_going_on_does(
    world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "DEFAULT", Path("matrix.toml"))
    Path("matrix.toml").write_text(TEXT)
    world.interrupt = SECOND
    assert main.main(["matrix", "--run", "--supply=source", "--jobs=2"]) == 130
    said = capsys.readouterr()
    assert said.err == "promdrill: interrupted\nHint: make matrix RESUME=1 JOBS=2 SUPPLY=source\n"
    assert "red: interrupted" in said.out
    assert world.log == ["created", "deleted"]
    world.interrupt = None
    monkeypatch.setenv("RESUME", "1")
    assert main.main(["matrix", "--run", "--supply=source"]) == 0
    assert [[folder.name for folder in request.scenarios] for request in world.cells] == [["disk-full"]] * 3
    assert "kept from before: 1 passed, 0 failed" in capsys.readouterr().out


def test_going_on_with_a_file_of_ones_own(world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["promdrill"])
    world.interrupt = FIRST
    assert run("--run", "--supply=source", "--cell", FIRST) == 130
    hint = f"Hint: RESUME=1 CELL={FIRST} SUPPLY=source promdrill matrix --run --file mine.toml"
    assert hint in capsys.readouterr().err


def test_folders_of_no_cell_are_named(world: World, capsys: Captured) -> None:
    Path("reports/matrix/k1.30.0-gone").mkdir(parents=True)
    assert run("--run", "--supply=source", "--cell", FIRST) == 0
    assert "left reports/matrix/k1.30.0-gone alone: it is not a cell of mine.toml" in capsys.readouterr().out
    assert len(world.cells) == 1


def test_every_variable_of_a_cell_is_one_of_run() -> None:
    """The contract with `promdrill run`: what a cell says, a request is made of; and it takes the request's file."""
    assert set(VARIABLES) <= {option.variable for option in (*SESSION, *OPTIONS)}
    parser: Parser = main.build_parser()
    arguments = parser.parse_args(["run", "--request=a", "--in-cluster=b", "--report-dir=c"])
    assert (arguments.request, arguments.in_cluster, arguments.report_dir) == (Path("a"), Path("b"), Path("c"))


def test_a_part_of_the_cells_is_run(world: World, capsys: Captured) -> None:
    assert run("--run", "--supply=source", "--shard=2/2") == 0
    assert [(request.reports or Path()).name for request in world.cells] == [SECOND]
    world.interrupt = SECOND
    assert run("--run", "--supply=source", "--shard=2/2") == 130
    assert "--file mine.toml --shard 2/2" in capsys.readouterr().err


def test_the_key_of_a_cache_is_that_of_its_cells(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(*arguments: str) -> str:
        assert run("--key", "--supply=source", *arguments) == 0
        found, place = capsys.readouterr().out.splitlines()
        assert place == f"path={tmp_path / 'cache'}"
        assert re.fullmatch(r"key=promdrill-[a-z]+-[a-z0-9]+-[0-9a-f]{32}", found)
        return found

    assert key() == key()
    one, other = key("--shard=1/2"), key("--shard=2/2")
    assert len({key(), one, other}) == 3
    monkeypatch.setenv("RULES", "own")
    assert key("--shard=1/2") != one

"""``make bench``: its steps, what a failed one leaves, and what is written. promdrill's own command is a fake one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.unit.test_bench import drill, run
from tests.unit.test_bench_quick import BENCH, MACHINE

from bench import __main__ as program
from bench import bare, cores, drills, fleet, jobs, quick, record, runs, show, whole
from bench.cores import Cores, Used, Watched
from bench.measure import Sample
from bench.record import Growth, Point
from bench.whole import Step, Whole, in_order
from promdrill.core import records
from promdrill.core.errors import ClusterError, UsageError
from promdrill.core.model import RunResult, Verdict
from promdrill.matrix import child
from promdrill.matrix.child import Ended
from promdrill.request import options
from promdrill.request.scenarios import find_all
from promdrill.results import store

CORES = Cores(
    of="the book, JOBS=2",
    took_s=100.0,
    cores=2,
    used=(Used("API server", 50.0), Used(cores.UNKNOWN, 10.0)),
    busy_s=60.0,
    idle_s=140.0,
    waited_s=5.0,
    stolen_s=0.0,
)


def growth(*points: tuple[int, float]) -> Growth:
    return jobs.growth(tuple(Point(size=size, wall_s=(wall_s,), cpu_s=(wall_s,)) for size, wall_s in points))


def found(**fields: object) -> Whole:
    made = Whole(
        schema=whole.SCHEMA,
        started="2026-11-30T12:00:00.000Z",
        took_s=3000.4,
        commit="0123456789ab",
        machine=MACHINE,
        steps=(Step("the book", 600.0, ""), Step("the bare script", 3.0, "no cluster")),
        cores=CORES,
        warm=(replace(BENCH.timed[0], id="new", what="disk-full, from nothing running", bound_s=50.0, wall_s=(77.0,)),),
        jobs=growth((1, 288.0), (2, 144.0), (4, 96.0)),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


# --- steps -------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that each call moves on by two seconds."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 2.0
        return self.now


def test_a_step_that_fails_is_named_and_the_others_go_on() -> None:
    done: list[str] = []

    def fails() -> None:
        raise ClusterError(f"{record.ROOT}/node is gone\nsince noon")

    def is_wrong() -> None:
        raise KeyError("x")

    told: list[str] = []
    steps = {"a": fails, "b": lambda: done.append("b"), "c": is_wrong, "d": lambda: done.append("d")}
    took = list(in_order(steps, tell=told.append, clock=Clock()))  # type: ignore[arg-type]
    assert took == [
        Step("a", 2.0, "node is gone"),
        Step("b", 2.0, ""),
        Step("c", 2.0, "KeyError: 'x'"),
        Step("d", 2.0, ""),
    ]
    assert done == ["b", "d"]
    assert told[0] == "a: begins"
    assert told[1].endswith("node is gone\nsince noon"), "it is told in full"
    assert told[2:5] == ["a: FAILED after 2 s: node is gone", "b: begins", "b: done in 2 s"]
    assert "Traceback" in told[6], "a mistake of ours too"


def test_an_interrupt_ends_all_steps() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order({"a": interrupted, "b": lambda: pytest.fail("went on")}, tell=lambda _: None))


def test_variables_that_would_make_it_another_benchmark_are_refused() -> None:
    whole.refuse_variables({"PATH": "/bin", "SCENARIO": ""})
    with pytest.raises(UsageError, match="SUPPLY=registry: not allowed here") as error:
        whole.refuse_variables({"SUPPLY": "registry"})
    assert error.value.hint == "leave SUPPLY out; promdrill bench takes --supply"


# --- the whole, with a fake promdrill ----------------------------------------------------------------------------


@dataclass
class World:
    """A promdrill that writes results, and what it was asked.

    Attributes:
        asked: The arguments of each command.
        red: The verdict is `FAILED` in commands with this argument.
        interrupted: A command with this argument is interrupted.
    """

    asked: list[list[str]] = field(default_factory=list)
    red: str = "nothing"
    interrupted: str = "nothing"

    def run(self, argv: list[str], on_line: Callable[[str], None], *, timeout_s: float) -> Ended:
        assert timeout_s > 0
        assert argv[1:3] == ["-m", "promdrill.cli.main"]
        words = argv[3:]
        self.asked.append(words)
        given = dict(re.findall(r"--([a-z-]+)=(\S*)", " ".join(words)))
        if "report-dir" in given:
            self._write(Path(given["report-dir"]), self._results(given["scenario"].split(","), words))
        if "reports" in given:
            self._write(Path(given["reports"], "run-1"), self._results(["disk-full", "oom"], words))
        on_line("working")
        if "--keep=1" in words:
            on_line("12:00:00 cluster promdrill-7 is kept: export KUBECONFIG=/x")
        interrupted = self.interrupted in words
        return Ended(130 if interrupted else int(self.red in words), "", interrupted=interrupted)

    def _results(self, scenarios: Sequence[str], words: Sequence[str]) -> RunResult:
        verdict = Verdict.FAILED if self.red in words else Verdict.PASSED
        return run(*(drill(name, 1.0, verdict=verdict, reason="no recovery") for name in scenarios))

    @staticmethod
    def _write(folder: Path, result: RunResult) -> None:
        folder.mkdir(parents=True)
        (folder / store.RESULTS).write_text(json.dumps(result.to_json()), encoding="utf-8")


class Kept(runs.Kept):
    """A kept cluster that needs no supply, and in which no namespace is left."""

    def __init__(self, name: str, home: Path, *, tell: Callable[[str], None]) -> None:
        self.name = name
        tell(f"{home.name} is there")

    def drilled(self, report: Path, scenarios: Sequence[str], *options: str, tell: Callable[[str], None]) -> runs.Ran:
        return runs.drilled(report, scenarios, f"--cluster={self.name}", *options, tell=tell)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    for option in (*options.SESSION, *options.OPTIONS):
        monkeypatch.delenv(option.variable, raising=False)
    monkeypatch.setattr(child, "run", made.run)
    monkeypatch.setattr(runs, "Kept", Kept)
    machines, commits = iter([replace(MACHINE, load=1.5)]), iter(["0123"])
    monkeypatch.setattr(record, "machine", lambda: next(machines))
    monkeypatch.setattr(record, "commit", lambda: next(commits))
    monkeypatch.setattr(quick, "measure", lambda *_: BENCH)

    def pages_of_drills(placed: Mapping[RunResult, Path], folder: Path, *, commit: str) -> None:
        assert placed
        assert commit == "0123"
        (folder / drills.PAGE).write_text("# Drills\n", encoding="utf-8")

    def measured(cluster: str, *, build: Path, tell: Callable[[str], None]) -> bare.Bare:
        assert (cluster, build.name) == ("promdrill-7", "bare")
        tell("pair 1 of 1")
        pair = bare.Pair(promdrill={"provision": 2.0}, bare={"provision": 2.0})
        return bare.Bare(started="2026-11-30T12:00:00.000Z", commit="x", machine=MACHINE, pairs=(pair,))

    class Watching:
        def __init__(self, of: str) -> None:
            self._of, self._seen = of, Watched()

        def __enter__(self) -> Watched:
            return self._seen

        def __exit__(self, *_: object) -> None:
            self._seen.cores = replace(CORES, of=self._of)

    monkeypatch.setattr(drills, "write", pages_of_drills)
    monkeypatch.setattr(bare, "measure", measured)
    monkeypatch.setattr(whole, "watching", Watching)
    monkeypatch.setattr(jobs, "watching", Watching)
    return made


BENCH_WORDS = "bench --runs=3 --jobs=2"
FEW = ",".join(jobs.DRILLS)


def test_everything_is_measured_in_order_and_the_cluster_is_deleted(world: World, tmp_path: Path) -> None:
    build, docs = tmp_path / "build", tmp_path / "docs"
    for left in (docs, build / "runs" / "book" / "run-1", build / "runs" / "new"):  # the last ones by an earlier run
        left.mkdir(parents=True)
    assert program.main(["--all", "--runs", "3", "--write-docs"], build=build, docs=docs) == 0
    assert [re.sub(r" --report\S*", "", " ".join(words)) for words in world.asked] == [
        BENCH_WORDS,
        "run --scenario=disk-full --keep=1",
        *["run --scenario=disk-full --cluster=promdrill-7"] * whole.AGAIN,
        *(f"run --scenario={FEW} --cluster=promdrill-7 --jobs={number}" for number in (8, *jobs.JOBS)),
        "clean promdrill-7",
    ]
    made = {
        *("bench.json", "cores.md", "warm.md", "jobs.md", "jobs.svg", "book.json", "drills.md"),
        *("bare.json", "bare.md", "harness.json", "harness.md", "plan.svg", "fleet.md"),
    }
    assert {file.name for file in docs.iterdir()} == made
    assert {file.name for file in build.iterdir()} == {*made, "runs"}
    written = records.read(Whole, docs / whole.RECORD, wrong="x")
    assert [step.what for step in written.steps if not step.failed] == [step.what for step in written.steps]
    assert [(each.id, len(each.wall_s), each.bound_s) for each in written.warm] == [
        ("new", 1, 50.0),
        ("again", 2, 35.0),
    ]
    assert written.cores == CORES
    compared, harness = records.read(bare.Bare, docs / bare.RECORD, wrong="x"), record.read(docs / show.RECORD)
    assert compared.machine == harness.machine == written.machine == replace(MACHINE, load=1.5), "as it was at first"
    assert compared.commit == harness.commit == written.commit == "0123"
    assert written.jobs is not None
    assert [(point.size, point.cpu_s) for point in written.jobs.points] == [(number, (60.0,)) for number in jobs.JOBS]
    assert json.loads((docs / whole.BOOK).read_text(encoding="utf-8"))["schema"] == 1
    assert (docs / fleet.PAGE).read_text(encoding="utf-8") == fleet.page(fleet.load())


def test_without_docs_only_the_build_folder_is_written(world: World, tmp_path: Path) -> None:
    assert program.main(["--all"], build=tmp_path / "build", docs=tmp_path / "docs") == 0
    assert world.asked[0][:2] == ["bench", "--runs=1"]
    assert not (tmp_path / "docs").exists()
    assert world.asked[-1] == ["clean", "promdrill-7"]


def test_a_red_book_leaves_the_documented_figures_and_the_rest_is_measured(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.red = "bench"
    assert program.main(["--all"], build=tmp_path, docs=tmp_path / "docs") == 1
    assert not (tmp_path / whole.BOOK).exists()
    written = records.read(Whole, tmp_path / whole.RECORD, wrong="x")
    assert [(step.what, bool(step.failed)) for step in written.steps][:2] == [
        ("the book", True),
        ("disk-full from nothing running", False),
    ]
    assert written.cores is not None, "the cores did what they did"
    assert re.search(
        r"^the book +\d+ +promdrill bench --runs=1 .* ended with 1$", capsys.readouterr().out, re.MULTILINE
    )


def test_a_drill_that_does_not_pass_counts_nowhere_and_its_cluster_is_deleted(world: World, tmp_path: Path) -> None:
    world.red = "--keep=1"
    assert program.main(["--all"], build=tmp_path, docs=tmp_path / "docs") == 1
    written = records.read(Whole, tmp_path / whole.RECORD, wrong="x")
    assert [(each.id, len(each.wall_s)) for each in written.warm] == [("again", 2)]
    assert {step.what: step.failed for step in written.steps if step.failed} == {
        "disk-full from nothing running": "disk-full: failed: no recovery"
    }
    assert world.asked[-1] == ["clean", "promdrill-7"]


def test_one_of_jobs_that_does_not_pass_leaves_the_others(world: World, tmp_path: Path) -> None:
    world.red = "--jobs=4"
    assert program.main(["--all"], build=tmp_path, docs=tmp_path / "docs") == 1
    written = records.read(Whole, tmp_path / whole.RECORD, wrong="x")
    assert written.jobs is not None
    assert [point.size for point in written.jobs.points] == [1, 2, 8]
    (failed,) = (step for step in written.steps if step.failed)
    assert failed.failed.startswith("JOBS=4: service-port: failed: no recovery; claim-mismatch: failed")


def test_without_a_cluster_what_needs_it_says_so(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_KEPT", re.compile("never said of (.*)"))
    assert program.main(["--all"], build=tmp_path, docs=tmp_path / "docs") == 1
    written = records.read(Whole, tmp_path / whole.RECORD, wrong="x")
    failed = {step.what: step.failed for step in written.steps if step.failed}
    assert set(failed) == {"disk-full again", "growth over JOBS", "the bare script"}
    assert set(failed.values()) == {"there is no cluster, because the step that makes it failed"}
    assert world.asked[-1][0] == "run", "nothing is there to be deleted"
    assert written.jobs is None


def test_a_drill_that_did_not_take_place_did_not_pass() -> None:
    ran = runs.Ran(("oom", "quota"), run(drill("oom", 1.0)), Sample(1.0, 1.0))
    assert ran.not_passed == "quota: not drilled"
    assert replace(ran, asked=("oom",)).not_passed == ""


def test_a_run_without_results_is_an_error(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "_write", lambda *_: None)
    with pytest.raises(ClusterError, match=r"promdrill run --scenario=oom --report-dir=\S+ ended with 0: working"):
        runs.drilled(tmp_path / "report", ["oom"], tell=lambda _: None)


@pytest.mark.parametrize("words", ["--keep=1", "--jobs=4"])
def test_an_interrupt_deletes_the_cluster(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    world.interrupted = words
    assert program.main(["--all"], build=tmp_path, docs=tmp_path / "docs") == 130
    assert world.asked[-1] == ["clean", "promdrill-7"]
    assert capsys.readouterr().out.endswith("interrupted\n")


@pytest.mark.parametrize(("books", "version"), [("0", ""), ("1", "1.36.3")])
def test_what_cannot_be_measured_starts_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, books: str, version: str
) -> None:
    monkeypatch.setenv("KUBE_VERSION", version)
    with pytest.raises(SystemExit, match="2"):
        program.main(["--all", "--runs", books], build=tmp_path / "build", docs=tmp_path / "docs")
    assert (world.asked, list(tmp_path.iterdir())) == ([], [])


# --- a cluster that was kept -------------------------------------------------------------------------------------


def test_drills_begin_once_the_namespaces_of_those_before_are_deleted(world: World, tmp_path: Path) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\necho "$*" >>"$LOG"\n', encoding="utf-8")
    kubectl.chmod(0o755)
    kept = object.__new__(RUNS_KEPT)
    kept.name, kept.env = "promdrill-7", {"LOG": str(tmp_path / "log")}
    kept.supplied = type("Supplied", (), {"tools": type("Tools", (), {"kubectl": kubectl})})  # type: ignore[assignment]
    ran = kept.drilled(tmp_path / "report", ["oom", "quota"], "--jobs=2", tell=lambda _: None)
    assert (tmp_path / "log").read_text(encoding="utf-8").splitlines() == [
        "delete namespace drill-oom drill-quota --ignore-not-found --wait --timeout=90s"
    ]
    assert [each.scenario for each in ran.result.drills] == ["oom", "quota"]
    assert world.asked[-1][-2:] == ["--cluster=promdrill-7", "--jobs=2"]


RUNS_KEPT = runs.Kept
"""The real one, before a test replaces it."""


# --- what is shown -----------------------------------------------------------------------------------------------


def test_the_drills_of_jobs_are_in_the_book_and_share_nothing() -> None:
    texts = {each.id: each.folder for each in find_all()}
    assert len(set(jobs.DRILLS)) == len(jobs.DRILLS) == max(jobs.JOBS)
    for name in jobs.DRILLS:
        (test,) = texts[name].glob("test_*.py")
        assert not re.search(r"mark\.(alone|exclusive)", test.read_text(encoding="utf-8")), name


def test_jobs_are_compared_with_the_first() -> None:
    made = growth((1, 288.0), (2, 144.0), (4, 96.0))
    assert [list(row) for row in jobs.table(made, 2).rows] == [
        ["1", "288", "100", "1.00", "50"],
        ["2", "144", "200", "2.00", "50"],
        ["4", "96", "300", "3.00", "50"],
    ]
    unseen = jobs.growth((Point(size=1, wall_s=(288.0,), cpu_s=()),))
    assert jobs.table(unseen, 2).rows[0][-1] == "-"


def test_the_picture_of_jobs_has_axes_with_units() -> None:
    svg = ET.fromstring(jobs.picture(growth((1, 288.0), (2, 144.0), (8, 96.0))))  # noqa: S314  our own text
    name = "{http://www.w3.org/2000/svg}"
    assert [each.text for each in svg.iter(f"{name}text")] == [
        "8 drills in one kept cluster",
        *("100", "1000"),
        *("1", "2", "8"),
        "drills at once, JOBS (dashed: linear growth)",
        "drills an hour",
    ]
    assert len(list(svg.iter(f"{name}circle"))) == 3


def test_pages_are_of_what_was_measured() -> None:
    made = whole.pages(found())
    assert list(made) == [cores.PAGE, whole.WARM_PAGE, whole.JOBS_PAGE]
    for text in made.values():
        assert whole.MADE in text
        assert "Commit 0123456789ab, 2026-11-30, in 3000 s, on 2 cores (A CPU)" in text
    assert "| API server | 50.0 | 50.0 | 25.0 |" in made[cores.PAGE]
    assert "| disk-full, from nothing running | 77 (77 to 77) |" in made[whole.WARM_PAGE]
    assert "50 s, above the bound" in made[whole.WARM_PAGE]
    assert made[whole.JOBS_PAGE].endswith("\n![8 drills in one kept cluster: drills an hour by JOBS](jobs.svg)\n")
    assert whole.pages(found(cores=None, warm=(), jobs=None)) == {}


def test_the_end_says_how_each_step_went_and_what_was_not_measured() -> None:
    lines = list(whole.text(found(cores=None, warm=())))
    assert lines[:3] == [
        "step             seconds  how",
        "the book             600  done",
        "the bare script        3  no cluster",
    ]
    assert "processor time: not measured" in lines
    assert "warm: not measured" in lines
    assert "JOBS" in lines
    assert found().failed


def test_the_documentation_is_what_was_measured() -> None:
    """The pages are made, and nobody edits them."""
    file = program.DOCS / whole.RECORD
    if file.is_file():
        for name, text in whole.pages(records.read(Whole, file, wrong=str(file))).items():
            assert (program.DOCS / name).read_text(encoding="utf-8") == text

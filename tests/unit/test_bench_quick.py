"""``python -m bench``: samples, exponents, what is written and shown, and the inputs. No test asserts a time."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import __main__ as program
from bench import fit, harness, measure, peak, plot, quick, record, show, synthetic
from bench.measure import Sample
from bench.record import Bench, Growth, Machine, Point, Timed
from promdrill.core import shell
from promdrill.core.errors import CommandFailed, PromdrillError, UsageError
from promdrill.core.journal import JOURNAL
from promdrill.core.model import Verdict
from promdrill.matrix.cells import expand
from promdrill.matrix.reading import Known, read
from promdrill.report.html.load import load, opened
from promdrill.request.scenarios import find_all
from promdrill.results.expected import as_expected
from promdrill.results.timeline import read as journals
from promdrill.results.timeline.read import Skipped
from promdrill.supply.kubernetes import Offer

MACHINE = Machine(cpu="A CPU", cores=2, memory_bytes=2**33, kernel="Linux 6.1", python="3.11.7", load=1.0)


def timed(name: str, *wall_s: float, **fields: object) -> Timed:
    made = Timed(id=name, what=f"what {name} does", command=f"promdrill {name}", wall_s=wall_s, cpu_s=wall_s)
    return replace(made, **fields)  # type: ignore[arg-type]


def growth(*points: tuple[int, tuple[float, ...]], floor: str = "") -> Growth:
    made = tuple(Point(size=size, wall_s=cpu_s, cpu_s=cpu_s) for size, cpu_s in points)
    return Growth(id="plan", what="Planning & more", of="cells", points=made, floor=floor)


def bench(*all_timed: Timed, growths: tuple[Growth, ...] = (), machine: Machine = MACHINE) -> Bench:
    return Bench(
        schema=record.SCHEMA,
        started="2026-11-30T12:00:00.000Z",
        took_s=240.4,
        commit="0123456789ab",
        machine=machine,
        timed=all_timed,
        growths=growths,
    )


BENCH = bench(
    timed("python", 0.02, 0.04, 0.01),
    timed("help", 0.2, 0.1, 0.3, bound_s=0.2, against="python"),
    timed("page", 6.0, 12.34, peak_bytes=(2**20, 3 * 2**20), bound_s=5.0, bound_bytes=2**20),
    growths=(
        growth((1, (0.5, 0.7, 0.9)), (4, (2.5, 2.9, 3.0)), (1024, (700.0,))),
        replace(growth((1, (0.01,)), (2, (0.02,)), floor="python"), id="none"),
    ),
)


# --- samples -----------------------------------------------------------------------------------------------------


class Clock:
    """A clock that each call moves on."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 2.0
        return self.now


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at a clock, or at the processor time of ours or of children, finds more."""
    spent = {resource.RUSAGE_SELF: 1.0, resource.RUSAGE_CHILDREN: 10.0}

    def cpu_s(who: int) -> float:
        spent[who] *= 3
        return spent[who]

    monkeypatch.setattr(measure, "SYSTEM", Clock())
    monkeypatch.setattr(measure, "_cpu_s", cpu_s)


@pytest.mark.usefixtures("used")
def test_a_call_has_its_own_time_and_its_childrens() -> None:
    done: list[int] = []
    assert measure.of_call(lambda: done.append(1)) == Sample(2.0, (9 - 3) + (90 - 30))
    assert done == [1]


@pytest.mark.usefixtures("used")
def test_a_command_has_its_own_time_and_says_its_peak() -> None:
    def sample(text: str, *, tells_peak: bool = True) -> Sample:
        return measure.of_command([sys.executable, "-c", f"print({text!r})"], env={}, tells_peak=tells_peak)

    first = sample("report: x\n4096")
    assert (first.cpu_s, first.peak_bytes) == (90 - 30, 4096)
    assert sample("4096", tells_peak=False).peak_bytes is None


def test_a_command_has_a_clock_of_its_own_and_its_variables() -> None:
    done = measure.of_command(
        [sys.executable, "-c", "import os; print(os.environ['X'])"], env={"X": "7"}, tells_peak=True
    )
    assert done.peak_bytes == 7
    assert done.wall_s > 0
    assert done.cpu_s > 0


def test_a_command_that_fails_is_not_measured() -> None:
    with pytest.raises(CommandFailed):
        measure.of_command([sys.executable, "-c", "raise SystemExit(3)"], env={})


def test_jobs_take_turns_and_what_warms_does_not_count() -> None:
    order: list[str] = []

    def job(name: str) -> Callable[[], Sample]:
        def done() -> Sample:
            order.append(name)
            return Sample(len(order), 0.0)

        return done

    found = measure.in_turn({"a": job("a"), "b": job("b")}, 2, warm=["b"])
    assert order == ["b", "a", "b", "a", "b"]
    assert {name: [each.wall_s for each in samples] for name, samples in found.items()} == {"a": [2, 4], "b": [3, 5]}


def test_what_processes_have_together_is_counted_once_and_without_the_one_that_looks(tmp_path: Path) -> None:
    for pid, children, kilobytes in ((10, "11 12 ", 100), (11, "", 7), (12, "13 ", 20), (13, "", 3)):
        (tmp_path / f"{pid}/task/{pid}").mkdir(parents=True)
        (tmp_path / f"{pid}/task/{pid}/children").write_text(children, encoding="ascii")
        rollup = f"00400000-7ffe [rollup]\nRss:  9999 kB\nPss:      {kilobytes} kB\nPss_Dirty:  1 kB\n"
        (tmp_path / f"{pid}/smaps_rollup").write_text(rollup, encoding="ascii")
    assert peak.together(10, without=11, proc=tmp_path) == 123 * 1024
    assert peak.together(99, without=11, proc=tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what several processes share")
def test_the_memory_of_this_process_is_known() -> None:
    assert peak.together(os.getpid(), without=0) > 2**20


def test_the_peak_is_on_the_last_line() -> None:
    done = shell.run([sys.executable, "-m", "bench.peak", "list"], timeout_s=60, cwd=record.ROOT)
    *_, last = done.stdout.splitlines()
    assert "disk-full" in done.stdout
    assert int(last) > 2**20
    shell.run([sys.executable, "-m", "bench.peak", "lst"], timeout_s=60, cwd=record.ROOT, ok=[2])


# --- exponents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("power", "linear"), [(0.5, True), (1.0, True), (1.15, True), (1.2, False), (2.0, False)])
def test_the_exponent_is_that_of_the_growth(power: float, linear: bool) -> None:
    found = fit.fit([(size, 0.3 * size**power) for size in (1, 4, 16, 64)])
    assert found is not None
    assert (round(found.overall, 6), round(found.last, 6)) == (power, power)
    assert replace(found, overall=power, last=power).linear == linear


def test_the_end_of_the_growth_counts_too() -> None:
    """What is the same for every size hides a square in the fit of all, but less in the last two."""
    found = fit.fit([(size, 1000 + size**2) for size in (1, 4, 16, 64, 256)])
    assert found is not None
    assert found.overall < 1 < fit.LINEAR < found.last
    assert not found.linear
    assert not fit.Fit(overall=1.2, last=1.0).linear


def test_one_point_is_no_growth() -> None:
    assert fit.fit([(1, 0.0), (2, -0.1), (3, 0.5)]) is None
    two = fit.fit([(2, -0.1), (3, 0.5), (6, 1.0)])
    assert two is not None
    assert (two.overall, two.last) == pytest.approx((1.0, 1.0))


def test_the_start_of_a_command_is_not_its_work() -> None:
    assert fit.work(growth((24, (3.0, 1.0, 2.0)), (48, (5.0,))), 0.5) == [(24, 1.5), (48, 4.5)]


# --- bench.json --------------------------------------------------------------------------------------------------


def test_what_is_written_is_read(tmp_path: Path) -> None:
    record.write(tmp_path / "bench.json", BENCH)
    assert record.read(tmp_path / "bench.json") == BENCH
    data = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert data["timed"][2]["peak_bytes"] == [2**20, 3 * 2**20]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 2}, "has schema 2; this is 1"),
        ({"schema": "1"}, "is not what `python -m bench --quick` writes: schema: expected"),
        ({"more": 1}, "is not what `python -m bench --quick` writes: more: there is no such field"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, change: Mapping[str, object], why: str) -> None:
    file = tmp_path / "bench.json"
    record.write(file, BENCH)
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        record.read(file)
    assert refused.value.message.startswith(f"{file} {why}")
    assert refused.value.hint == "make bench-quick"


def test_the_machine_says_what_it_is(tmp_path: Path) -> None:
    found = record.machine()
    assert found.cores >= 1
    assert found.memory_bytes > 2**28
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.load >= 0
    assert " " in found.kernel
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: B\n", encoding="utf-8")
    assert record._cpu_model(info) == "A CPU @ 2 GHz"
    assert record._cpu_model(tmp_path / "none") == platform.processor()


@pytest.mark.parametrize(("load", "quiet"), [(0.0, True), (1.0, True), (1.01, False)])
def test_a_machine_is_quiet_below_half_its_cores(load: float, quiet: bool) -> None:
    assert replace(MACHINE, load=load).quiet == quiet


def test_the_commit_is_that_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        me = ("-c", "user.name=me", "-c", "user.email=me@example.invalid")
        return shell.run(["git", *me, *words], timeout_s=20, cwd=tmp_path).stdout

    monkeypatch.setattr(record, "ROOT", tmp_path)
    assert record.commit() == "", "a source archive has none"
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    (tmp_path / "file").write_text("a")
    git("add", "file")
    assert record.commit() == f"{git('rev-parse', '--short=12', 'HEAD').strip()}-dirty"
    git("commit", "--quiet", "--message", "second")
    assert record.commit() == git("rev-parse", "--short=12", "HEAD").strip()


# --- what is shown -----------------------------------------------------------------------------------------------


def test_samples_have_two_digits() -> None:
    assert show.spread([]) == "-"
    assert show.spread([0.1234, 0.0567, 0.9]) == "0.12 (0.057 to 0.9)"
    assert show.spread([9.96, 123.4]) == "67 (10 to 123)"


def test_each_command_is_a_row() -> None:
    table = show.commands(BENCH.timed)
    assert [list(row) for row in table.rows] == [
        ["what python does", "0.02 (0.01 to 0.04)", "0.02 (0.01 to 0.04)", "-", "-", "-", "3"],
        [
            "what help does",
            "0.2 (0.1 to 0.3)",
            "0.2 (0.1 to 0.3)",
            "10 (2.5 to 30) of what python does",
            "-",
            "0.2 s",
            "3",
        ],
        [
            "what page does",
            "9.2 (6 to 12)",
            "9.2 (6 to 12)",
            "-",
            "2 (1 to 3)",
            "5 s, above the bound; 1 MiB, above the bound",
            "2",
        ],
    ]
    assert len(table.head) == 7
    assert table.right == {1, 2, 3, 4, 6}


def test_memory_that_was_not_measured_has_no_bound() -> None:
    (row,) = show.commands([timed("page", 1.0, bound_bytes=2**20)]).rows
    assert row[5] == "-"
    (row,) = show.commands([timed("page", 1.0, bound_bytes=2**20, peak_bytes=(2**20,))]).rows
    assert row[5] == "1 MiB"


def test_each_size_is_a_row() -> None:
    first, second = BENCH.growths
    assert [list(row) for row in show.growth(BENCH, first).rows] == [
        ["1", "0.7", "3"],
        ["4", "2.9", "3"],
        ["1,024", "700", "1"],
    ]
    assert [list(row) for row in show.growth(BENCH, second).rows] == [["1", "-", "1"], ["2", "-", "1"]]
    assert show.growth(BENCH, first).head == ("cells", "processor, s", "runs")


def test_growth_is_judged() -> None:
    assert show.judged(None) == "It took too little time to tell how it grows."
    assert show.judged(fit.Fit(0.98, 1.0)) == "Exponent 0.98, between the two largest 1.00: linear or better."
    assert show.judged(fit.Fit(1.0, 1.5)) == "Exponent 1.00, between the two largest 1.50: worse than linear."


def test_the_terminal_gets_all_tables() -> None:
    lines = list(show.text(BENCH))
    assert lines[0].split()[:2] == ["what", "wall,"]
    assert "Planning & more. Exponent 0.99, between the two largest 0.99: linear or better." in lines
    assert "Planning & more. It took too little time to tell how it grows." in lines


def test_the_page_has_all_tables_and_pictures() -> None:
    text = show.page(BENCH)
    assert text.startswith(
        f"# The harness itself\n\n{show.MADE}\n\n{show.LEAD}\n\nCommit 0123456789ab, 2026-11-30, in "
    )
    assert "in 240 s, on 2 cores (A CPU) with 8.0 GiB, Linux 6.1, Python 3.11.7.\n" in text
    assert "- what help does: `promdrill help`\n" in text
    assert "\n![Planning & more: processor time by number of cells](plan.svg)\n" in text
    assert "none.svg" not in text
    assert "grows. Without the start: that is `promdrill python`.\n" in text
    assert text.count("\n| cells | processor, s | runs |\n| --: | --: | --: |\n") == 2
    assert "busy" not in text


def test_a_busy_machine_is_named() -> None:
    text = show.page(bench(machine=replace(MACHINE, load=6.5, cpu="")))
    assert "(model unknown)" in text
    assert "**The machine was busy (load 6.5 on 2 cores), so all seconds are too many.**" in text


def test_the_picture_has_axes_with_units_and_a_line_of_linear_growth() -> None:
    found = growth((1, (0.5, 0.7, 0.9)), (4, (2.5, 2.9, 3.0)), (100, (70.0,)))
    svg = ET.fromstring(plot.picture(found, 0.0))  # noqa: S314  our own text
    name = "{http://www.w3.org/2000/svg}"
    words = [each.text for each in svg.iter(f"{name}text")]
    assert words == [
        "Planning & more",
        *("0.1 s", "1 s", "10 s", "100 s"),
        *("1", "10", "100"),
        "cells (dashed: linear growth)",
        "processor time, s",
    ]
    paths: dict[str, list[str]] = {}
    for each in svg.iter(f"{name}path"):
        paths.setdefault(each.attrib["class"], []).append(each.attrib["d"])
    assert {kind: len(drawn) for kind, drawn in paths.items()} == {"grid": 7, "linear": 1, "work": 1, "spread": 3}
    points = [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in svg.iter(f"{name}circle")]
    assert [x for x, _ in points] == [plot.LEFT, pytest.approx(249.6, abs=0.1), plot.WIDTH - plot.RIGHT]
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    assert paths["linear"][0].endswith(f" {points[-1][1]:g}") or points[-1][1] == pytest.approx(61.2, abs=0.1)


def test_the_picture_leaves_out_what_took_no_time() -> None:
    svg = plot.picture(growth((1, (0.5,)), (2, (0.7, 0.8)), (4, (0.9, 1.0))), 0.6)
    assert svg.count("<circle") == 2


def test_an_axis_goes_from_one_power_of_ten_to_another() -> None:
    axis = plot.Axis([0.02, 5.0], 0, 300)
    assert axis.powers == [0.01, 0.1, 1.0, 10.0]
    assert [axis.at(value) for value in axis.powers] == pytest.approx([0, 100, 200, 300])
    assert plot.Axis([1.0], 0, 300).powers == [1.0, 10.0]


# --- inputs ------------------------------------------------------------------------------------------------------

FEW = find_all()[:2]


@pytest.mark.parametrize("alerts", [False, True])
def test_drills_are_read_as_those_of_a_run(tmp_path: Path, alerts: bool) -> None:
    book = [synthetic.drilled(scenario, alerts=alerts) for scenario in FEW]
    synthetic.write_runs(tmp_path, 5, book)
    columns = load([tmp_path])
    assert [column.folder.name for column in columns] == ["run-001", "run-002", "run-003"]
    assert [[drill.scenario for drill in column.drills] for column in columns] == [
        [each.id for each in FEW],
        [each.id for each in FEW],
        [FEW[0].id],
    ]
    for column in columns:
        assert column.finished
        for drill in map(opened, column.drills):
            assert drill.result is not None
            assert as_expected(drill.result)
            assert (drill.timeline.verdict, drill.skipped) == (Verdict.PASSED, Skipped())
            assert len(drill.timeline.phases) == 8
            assert len(drill.timeline.steps) == len(drill.result.steps) > 3
            assert {file.name for file in drill.folder.iterdir()} == {JOURNAL, "runbook.md", "values.yaml"}
            assert (drill.result.alerts is not None) == alerts
            if drill.result.alerts is not None:
                assert len(drill.result.alerts.rules) == synthetic.RULES
                assert len(drill.result.alerts.alerts) == synthetic.ALERTS
    pods = {opened(drill).timeline.containers[0].pod for column in columns for drill in column.drills}
    assert len(pods) == 5


def test_results_alone_have_no_journals(tmp_path: Path) -> None:
    synthetic.write_runs(tmp_path, 2, [synthetic.drilled(FEW[0], alerts=False)], journals=False)
    assert [str(file.relative_to(tmp_path)) for file in sorted(tmp_path.rglob("*")) if file.is_file()] == [
        "run-001/results.json",
        "run-002/results.json",
    ]


def test_a_journal_of_hours_lasts_that_long(tmp_path: Path) -> None:
    for hours in (1, 2):
        (drill,) = journals.read(synthetic.write_hours(tmp_path / str(hours), hours)).drills
        assert hours * 3600 <= drill.length_s <= hours * 3600 + 60
        assert drill.containers[0].restarts == hours * 12 - 1
        assert len(drill.ages) == pytest.approx(hours * 2400, rel=0.02)


def test_copies_of_scenarios_are_sound(tmp_path: Path) -> None:
    synthetic.write_copies(tmp_path, FEW, 2)
    found = find_all(further=[tmp_path])
    assert {each.id for each in found} == {
        *(each.id for each in find_all()),
        *(f"{each.id}-{number}" for each in FEW for number in (2, 3)),
    }
    quick._sound([tmp_path])


def test_scenarios_that_are_not_sound_are_refused(tmp_path: Path) -> None:
    synthetic.write_copies(tmp_path, FEW[:1], 1)
    (copy,) = tmp_path.iterdir()
    (copy / "runbook.md").unlink()
    with pytest.raises(PromdrillError, match=r"runbook\.md"):
        quick._sound([tmp_path])


@pytest.mark.parametrize("cells", quick.QUICK.cells)
def test_a_matrix_has_as_many_cells_as_asked_for(tmp_path: Path, cells: int) -> None:
    file = tmp_path / "matrix.toml"
    file.write_text(synthetic.matrix(cells), encoding="utf-8")
    assert len(expand(read(file, Known(Offer(("1.36.3",)), ("4",), ("oom",)))).cells) == cells


# --- what is measured, and where it goes -------------------------------------------------------------------------

SMALL = quick.Sizes(starts=2, pages=1, works=1, drills=3, cells=(1, 4), hours=(1, 2), copies=(0, 1))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that were run, without running them."""
    found: list[str] = []

    def of_command(argv: Sequence[str], *, env: Mapping[str, str], tells_peak: bool = False) -> Sample:
        assert {"PROMDRILL_CACHE_DIR", "PROMDRILL_STATE_DIR"} <= set(env)
        found.append(" ".join(argv))
        return Sample(0.5, 0.25, 2**20 if tells_peak else None)

    monkeypatch.setattr(quick, "of_command", of_command)

    def check(folders: Sequence[Path], **_: object) -> tuple[()]:
        found.append(f"check {len(folders)}")
        return ()

    monkeypatch.setattr(quick, "check", check)
    return found


def test_everything_is_measured(tmp_path: Path, ran: list[str]) -> None:
    told: list[str] = []
    found = quick.measure(SMALL, tmp_path, told.append)
    assert [(each.id, len(each.wall_s), len(each.peak_bytes)) for each in found.timed] == [
        *((name, 2, 0) for name in ("python", "help", "list", "pytest", "collect")),
        *((name, 1, 1) for name in ("page", "page-alerts")),
    ]
    assert [(each.id, [point.size for point in each.points]) for each in found.growths] == [
        ("matrix", [1, 4]),
        ("merge", [1, 4]),
        ("journal", [1, 2]),
        ("follow", [1, 2]),
        ("list-growth", [24, 48]),
        ("check-growth", [24, 48]),
        ("collect-growth", [24, 48]),
    ]
    assert all(len(point.cpu_s) == len(point.wall_s) == 1 for each in found.growths for point in each.points)
    assert {each.id: each.bound_s for each in found.timed if each.bound_s} == {
        "help": 0.2,
        "list": 0.4,
        "collect": 1.0,
        "page": 5.0,
        "page-alerts": 5.0,
    }
    assert {each.id: each.against for each in found.timed if each.against} == {
        "help": "python",
        "list": "python",
        "collect": "pytest",
    }
    assert {each.bound_bytes for each in found.timed} == {None, 300 * 2**20}
    assert [each.floor for each in found.growths] == ["", "", "", "", "", "", "pytest"]
    assert len(load([tmp_path / "page"])) == len(load([tmp_path / "page-alerts"])) == 1
    assert sum(" --help" in each for each in ran) == 3
    assert [each for each in ran if each.startswith("check")] == ["check 1", "check 1", "check 2"]
    collected = [each for each in ran if each.endswith("copies-1")]
    assert len(collected) == 1
    assert "/scenarios " in collected[0]
    assert told[0] == "commands that start, 2 times each"
    assert "Planning a matrix: 1, 4 cells, 1 times each" in told


def test_a_command_that_fails_ends_it(tmp_path: Path) -> None:
    with pytest.raises(PromdrillError, match=r"promdrill merge .* ended with 2"):
        quick._quietly("merge", str(tmp_path))


def test_it_writes_all_and_puts_it_into_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(_sizes: quick.Sizes, work: Path, tell: Callable[[str], None]) -> Bench:
        (work / "input").write_text("x", encoding="utf-8")
        tell("a step")
        return BENCH

    monkeypatch.setattr(quick, "measure", measured)
    build, docs = tmp_path / "build", tmp_path / "docs"
    assert program.main(["--quick"], build=build, docs=docs) == 0
    assert sorted(file.name for file in build.iterdir()) == ["harness.json", "harness.md", "plan.svg"]
    said = capsys.readouterr().out
    assert said.startswith("[   0 s] a step\nwhat")
    assert "above the bound" in said
    assert not docs.exists()
    assert program.main(["--write-docs"], build=build, docs=docs) == 0
    assert sorted(file.name for file in docs.iterdir()) == ["harness.json", "harness.md", "plan.svg"]
    assert (docs / "harness.md").read_text(encoding="utf-8") == show.page(BENCH)
    assert record.read(docs / "harness.json") == BENCH
    assert capsys.readouterr().out == f"written: {docs / 'harness.md'}\n"


def test_nothing_to_do_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, why in (([], "nothing to do"), (["--write-docs"], "Hint: make bench-quick")):
        with pytest.raises(SystemExit) as ended:
            program.main(words, build=tmp_path / "build", docs=tmp_path / "docs")
        assert ended.value.code == 2
        assert why in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()


def test_the_documentation_is_what_was_measured() -> None:
    """The page is made, and nobody edits it."""
    if (program.DOCS / show.RECORD).is_file():
        written = record.read(program.DOCS / show.RECORD)
        assert (program.DOCS / harness.PAGE).read_text(encoding="utf-8") == show.page(written)

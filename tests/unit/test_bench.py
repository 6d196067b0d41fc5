"""``promdrill bench``: the seconds of runs taken apart, how they are shown, and how the runs are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.compare_world import no_fault
from tests.unit.matrix_world import write

from promdrill.cli import bench as command
from promdrill.cli import main
from promdrill.core.clock import iso
from promdrill.core.errors import UsageError
from promdrill.core.events import ConditionChanged, DrillBegan, Entry, WaitBegan, encode
from promdrill.core.journal import JOURNAL
from promdrill.core.model import (
    DrillResult,
    ObserverFigures,
    PhaseName,
    PhaseRecord,
    ProcessFigures,
    RunResult,
    Skipped,
    Verdict,
)
from promdrill.matrix import child
from promdrill.matrix.child import Ended
from promdrill.report.bench import show
from promdrill.report.bench.detection import Change
from promdrill.report.bench.figures import Bench, Middle, changes_in
from promdrill.report.bench.figures import bench as bench_of
from promdrill.report.bench.run import Outside, workers

BEGAN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
ONE = (1.0, 10.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5)
"""Seconds of the phases of a drill: 31.5 together."""


def at(offset_s: float) -> str:
    return iso(BEGAN + timedelta(seconds=offset_s))


def drill(scenario: str, began_s: float, phases_s: Sequence[float] = ONE, **fields: Any) -> DrillResult:
    """A drill that passed, unless `fields` say something else, with its phases from `began_s` on."""
    phases = tuple(
        PhaseRecord(name, at(began_s + sum(phases_s[:number])), took_s)
        for number, (name, took_s) in enumerate(zip(PhaseName, phases_s, strict=False))
    )
    passed = DrillResult(scenario, "prometheus", "0.1.0", "2.48.0", "fast", None, Verdict.PASSED, None, phases)
    return replace(passed, **fields)


def run(*drills: DrillResult, took_s: float | None = 100.0, **fields: Any) -> RunResult:
    ended = None if took_s is None else at(took_s)
    return replace(RunResult(at(0), ended, "source", "1.36.3", drills), **fields)


def later(seconds: float, *drills: DrillResult, took_s: float = 100.0) -> RunResult:
    """Another run, of which only the seconds in all matter."""
    return run(*drills, started=at(seconds), finished=at(seconds + took_s))


def bench(runs: Sequence[RunResult]) -> Bench:
    """The figures of runs without journals."""
    return bench_of({each: Path("nowhere") for each in runs})


def write_journal(folder: Path) -> None:
    """A journal with one change, of which the drill knew after 0.25 s."""
    folder.mkdir(parents=True)
    change = ConditionChanged(
        condition="a", kind="pod", holds=True, text="x", changed=BEGAN, knew=BEGAN, detected_after_s=0.25
    )
    told = (DrillBegan(scenario=folder.name, profile="fast"), WaitBegan(wanted=("a",), timeout_s=60), change)
    lines = [encode(Entry(BEGAN, 0.0, event)) for event in told]
    (folder / JOURNAL).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def observer(detect_p95_s: float | None, requests: int) -> ObserverFigures:
    return ObserverFigures(detect_p95_s, 7, requests, 200, 0)


# --- figures -----------------------------------------------------------------------------------------------------


def test_medians_of_each_phase_and_the_spread_in_all() -> None:
    slow = (1.0, 12.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5)
    slower = (4.0, 13.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5)
    told = bench([run(drill("oom", 30)), later(200, drill("oom", 30, slower)), later(400, drill("oom", 30, slow))])
    (row,) = told.rows
    assert list(row.phases_s.items()) == list(zip(PhaseName, slow, strict=True))
    assert row.all_s == Middle(least=31.5, median=33.5, most=37.5, count=3)
    assert row.all_s.spread == 6.0


def test_a_phase_gone_through_twice_is_one_figure() -> None:
    twice = drill("oom", 30)
    again = PhaseRecord(PhaseName.BASELINE, at(90), 3.0)
    (row,) = bench([run(replace(twice, phases=(*twice.phases, again)))]).rows
    assert row.phases_s[PhaseName.BASELINE] == ONE[1] + 3.0


def test_rows_are_in_the_order_of_ids_and_repeats_go_together() -> None:
    repeats = (drill("oom", 70, repetition=1), drill("oom", 110, repetition=2))
    told = bench([run(drill("quota", 30), *repeats, drill("block-corrupt", 30))])
    assert [(row.scenario, row.all_s.count) for row in told.rows] == [("block-corrupt", 1), ("oom", 2), ("quota", 1)]


def test_seconds_in_all_over_the_runs_whatever_their_order() -> None:
    one = drill("oom", 30)
    told = bench([later(900, one, took_s=130), run(one, took_s=100), later(300, one, took_s=110)])
    assert [ran.took_s for ran in told.runs] == [100.0, 110.0, 130.0]
    assert told.took_s == Middle(100.0, 110.0, 130.0, 3)
    assert (told.alike, told.as_expected) == (True, True)


def test_what_is_not_drilling() -> None:
    """Two side by side from 30 s on, one alone after them from 65 s to 96.5 s, the end at 100 s."""
    (ran,) = bench([run(drill("a", 30), drill("b", 32), drill("c", 65))]).runs
    assert (ran.jobs, ran.drilled_s, ran.packed_s) == (2, 94.5, 31.5)
    assert ran.outside == Outside(all_s=68.5, before_s=30.0, between_s=35.0, after_s=3.5)
    assert ran.took_s == ran.packed_s + ran.outside.all_s


def test_nothing_is_packed_tighter_than_the_longest_drill() -> None:
    (ran,) = bench([run(drill("a", 30), options={"JOBS": "2"})]).runs
    assert (ran.packed_s, ran.outside) == (31.5, Outside(68.5, 30.0, 0.0, 38.5))


def test_drills_get_ready_and_recover_beside_others_where_there_are_several_workers() -> None:
    """Each takes 41.5 s, 24 of them between baseline and recovery; a baseline that is proven again is of those."""
    many = [drill(name, 30, (1.0, 10.0, 2.0, 13.0, 4.0, 5.0, 6.0, 0.5)) for name in "abcdefgh"]
    assert bench([run(*many, options={"JOBS": "2"})]).runs[0].packed_s == 8 * 24 / 2
    assert bench([run(*many, options={"JOBS": "1"})]).runs[0].packed_s == 8 * 41.5
    provision, baseline, *rest = many[0].phases
    again = replace(many[0], phases=(provision, baseline, baseline, *rest))
    assert bench([run(again, *many[1:], options={"JOBS": "2"})]).runs[0].packed_s == (8 * 24 + 10) / 2


def test_twice_as_many_drills_as_workers_are_there_at_most() -> None:
    many = [drill(name, 30) for name in "abcdefgh"]  # 14 of 31.5 s are the incident
    assert bench([run(*many, options={"JOBS": "2"})]).runs[0].packed_s == 8 * 31.5 / 4


def test_places_are_those_that_were_asked_for_or_seen() -> None:
    three = (drill("a", 30), drill("b", 61.5), drill("c", 40))
    assert workers(run(*three)) == 2, "the second begins in the moment in which the first ends"
    assert workers(run(*three, options={"JOBS": "3", "PROFILE": "fast"})) == 3
    assert workers(run(*three, options={"JOBS": "1"})) == 1, "others may be there that get ready"
    assert workers(run(*three, options={"JOBS": "many"})) == 2
    assert workers(run(*three[:2])) == workers(run(drill("a", 30, ()))) == 1
    (told,) = bench([run(*three, options={"JOBS": "3", "PROFILE": "fast"})]).runs
    assert (told.jobs, told.options) == (3, {"PROFILE": "fast"})


def test_a_drill_that_did_not_pass_is_named_and_in_no_median_but_takes_its_place() -> None:
    red = drill("oom", 65, (1.0, 90.0), verdict=Verdict.INVALID, reason="no usable\n baseline: 1/2")
    told = bench([run(drill("disk-full", 30), red, took_s=200)])
    assert [row.scenario for row in told.rows] == ["disk-full"]
    (left,) = told.not_passed
    assert (left.name, left.verdict, left.said, left.as_expected) == (
        "oom",
        "invalid",
        "no usable baseline: 1/2",
        False,
    )
    assert told.runs[0].drilled_s == 122.5
    assert told.runs[0].verdicts == {"passed": 1, "invalid": 1}
    assert (told.as_expected, told.runs[0].as_expected) == (False, False)


def test_a_control_that_ended_as_expected_is_in_no_median_and_is_no_harm() -> None:
    control = no_fault(chart_version="0.1.0")
    told = bench([run(drill("oom", 30), control)])
    assert [row.scenario for row in told.rows] == ["oom"]
    assert [(left.name, left.as_expected) for left in told.not_passed] == [("disk-full[no-fault]", True)]
    assert told.as_expected


def test_an_unneeded_step_is_a_red_ablation_and_in_no_median() -> None:
    passed = no_fault(chart_version="0.1.0", verdict=Verdict.PASSED, reason=None)
    told = bench([run(drill("oom", 30), passed)])
    assert [row.scenario for row in told.rows] == ["oom"]
    assert not told.as_expected


def test_a_run_that_did_not_end() -> None:
    told = bench([run(drill("oom", 30), took_s=None), later(300, drill("oom", 330))])
    assert [(ran.took_s, ran.outside is None, ran.as_expected) for ran in told.runs] == [
        (None, True, False),
        (100, False, True),
    ]
    assert told.took_s == Middle(100.0, 100.0, 100.0, 1)
    assert not told.as_expected


@pytest.mark.parametrize(
    "other",
    [
        (drill("oom", 30), drill("quota", 70)),
        (drill("quota", 30),),
        (drill("oom", 30, repetition=1), drill("oom", 70, repetition=2)),
    ],
    ids=["one more", "another", "twice"],
)
def test_seconds_in_all_of_other_drills_are_not_put_together(other: tuple[DrillResult, ...]) -> None:
    told = bench([run(drill("oom", 30)), later(300, *other)])
    assert (told.alike, told.took_s) == (False, None)
    assert show.ONE_KIND in show.to_markdown(told)


def test_seconds_in_all_on_other_places_are_not_put_together() -> None:
    beside = later(300, drill("a", 330), drill("b", 330))
    assert not bench([run(drill("a", 30), drill("b", 70)), beside]).alike
    assert bench([run(drill("a", 30), drill("b", 70), options={"JOBS": "2"}), beside]).alike


def test_observation_is_the_median_over_drills() -> None:
    figures = [observer(0.002, 10), observer(0.040, 30), observer(None, 50), None]
    told = bench([run(*(drill(f"s{number}", 30, observer=each) for number, each in enumerate(figures)))])
    assert told.observed == {
        "detect_p95_s": Middle(0.002, 0.021, 0.04, 2),
        "detections": Middle(7, 7, 7, 3),
        "api_requests": Middle(10, 30, 50, 3),
        "prometheus_questions": Middle(200, 200, 200, 3),
        "relists": Middle(0, 0, 0, 3),
    }
    assert told.above == {"detect_p95_s": 0, "api_requests": 2}
    assert bench([run(drill("oom", 30))]).observed == {}


def test_processor_time_is_a_share_of_the_drills_phases() -> None:
    used = ProcessFigures(cpu_s=0.63, commands_cpu_s=3.15, start_cpu_s=1.26, peak_bytes=200 * 2**20)
    told = bench([run(drill("oom", 30, process=used), drill("quota", 70, process=ProcessFigures(peak_bytes=2**20)))])
    assert told.observed == {
        "cpu_percent": Middle(2, 2, 2, 1),
        "with_start_percent": Middle(6, 6, 6, 1),
        "commands_percent": Middle(10, 10, 10, 1),
        "peak_bytes": Middle(2**20, 100.5 * 2**20, 200 * 2**20, 2),
    }
    assert told.above == {"cpu_percent": 0, "peak_bytes": 1}


def test_a_drill_without_seconds_has_no_share_of_them() -> None:
    used = ProcessFigures(cpu_s=0.63, commands_cpu_s=3.15, start_cpu_s=1.26)
    assert bench([run(drill("oom", 30, (), process=used))]).observed == {}


def test_changes_are_those_of_the_drills_that_count(tmp_path: Path) -> None:
    red = drill("quota", 30, verdict=Verdict.FAILED, reason="x")
    write_journal(tmp_path / "oom")
    write_journal(tmp_path / "quota")
    told = {run(drill("oom", 30), red): tmp_path}
    assert changes_in(told) == [Change("oom", "pod", 0.25, 0.0)]
    assert bench_of(told).delays["recorded"].p95_s == 0.25
    assert bench([run(drill("oom", 30), red)]).delays == {}


UNLIKE = [
    ({"chart_version": "25.8.0"}, {}, "different charts: prometheus 0.1.0 .*and prometheus 25.8.0"),
    ({"app_version": "3.14.0"}, {}, r"versions of Prometheus: 2.48.0 \(run of .*06:00:00.000Z\) and 3.14.0"),
    ({}, {"kubernetes": "1.34.4"}, "versions of Kubernetes: 1.36.3 .*and 1.34.4"),
    ({"profile": "as-shipped"}, {}, "different profiles: fast .*and as-shipped"),
]


@pytest.mark.parametrize(("of_drill", "of_run", "message"), UNLIKE)
def test_unlike_runs_are_refused(of_drill: dict[str, Any], of_run: dict[str, Any], message: str) -> None:
    other = replace(later(300, drill("oom", 330, **of_drill)), **of_run)
    with pytest.raises(UsageError, match=message) as refused:
        bench([run(drill("oom", 30)), other])
    assert refused.value.hint.startswith("promdrill compare")


def test_a_drill_that_does_not_know_its_versions_is_of_no_other_kind() -> None:
    untold = drill("quota", 70, (1.0,), verdict=Verdict.ABORTED, reason="x", chart_version=None, app_version=None)
    ground = bench([run(drill("oom", 30), untold)]).ground
    assert (ground.chart, ground.app_version, ground.kubernetes, ground.profile) == (
        "prometheus 0.1.0",
        "2.48.0",
        "1.36.3",
        "fast",
    )


def test_results_without_a_drill_are_refused() -> None:
    with pytest.raises(UsageError, match="these results contain no drills"):
        bench([run(), later(300)])


@pytest.mark.parametrize("figure", ["3", -1.0, float("nan"), float("inf"), True])
def test_what_is_no_figure_is_refused(figure: Any) -> None:
    phases = (PhaseRecord(PhaseName.BASELINE, at(30), figure),)
    with pytest.raises(UsageError, match=r"oom: seconds of baseline: .* is not a number"):
        bench([run(drill("oom", 30, phases=phases))])
    with pytest.raises(UsageError, match=r"oom: api_requests: .* is not a number"):
        bench([run(drill("oom", 30, observer=observer(0.1, figure)))])
    with pytest.raises(UsageError, match=r"oom: cpu_s: .* is not a number"):
        bench([run(drill("oom", 30, process=ProcessFigures(cpu_s=figure)))])


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T06:00:30"])
def test_moments_that_are_none_leave_out_what_is_made_of_them(text: str) -> None:
    odd = replace(drill("oom", 30), phases=(PhaseRecord(PhaseName.BASELINE, text, 3.0),))
    (ran,) = bench([run(odd)]).runs
    assert (ran.took_s, ran.drilled_s, ran.outside) == (100.0, 3.0, None)
    assert bench([run(drill("quota", 30), odd)]).runs[0].outside is None, "one such drill is enough"


# --- as it is shown ----------------------------------------------------------------------------------------------


def three() -> list[RunResult]:
    seen = observer(0.004, 20)
    drills = (drill("disk-full-cooldown", 30, observer=seen), drill("oom", 32, observer=seen))
    red = drill("oom", 232, (1.0, 90.0), verdict=Verdict.FAILED, reason="no recovery: " + "the pod is 1/2, " * 13)
    return [
        run(*drills),
        later(200, drill("disk-full-cooldown", 230, (1.0, 20.0, *ONE[2:])), red, took_s=130),
        run(*drills, started=at(400), finished=at(512), options={"HELM_VERSION": "3"}, skipped=(Skipped("hpa", "x"),)),
    ]


def test_as_text() -> None:
    lines = show.to_text(bench(three())).splitlines()
    assert lines[0] == "3 runs: prometheus 0.1.0, Prometheus 2.48.0, Kubernetes 1.36.3, profile fast"
    assert max(map(len, lines)) <= 80
    start = lines.index("run  started (UTC)            in all  drills  ended")
    assert lines[start + 1 : start + 6] == [
        "1    2026-11-22 06:00:00  1 min 40 s       2  2 passed",
        "2    2026-11-22 06:03:20  2 min 10 s       2  1 passed, 1 failed",
        "3    2026-11-22 06:06:40  1 min 52 s       2  2 passed, 1 skipped",
        "In all: 1 min 40 s at least, 1 min 52 s median, 2 min 10 s at most.",
        "Run 3 had the settings HELM_VERSION=3.",
    ]
    start = lines.index("Medians of the drills that passed, in seconds; in parentheses the longest minus")
    assert lines[start + 2 : start + 7] == [
        "                   provi- base-        signa- persis- reme- reco-",
        "id                   sion  line inject   ture   tence diate  very undo  in all",
        "disk-full-cooldown      1    10      2      3       4     5     6    0 32 (10)",
        "oom                     1    10      2      3       4     5     6    0  32 (0)",
        "sum                     2    20      4      6       8    10    12    1      63",
    ]
    start = lines.index("run  in all  drilling  workers  packed  rest  before  between  after")
    assert lines[start + 1] == "1       100        63        2      32    68      30        2     36"
    start = lines.index("observation                     median  most  drills   bound  above")
    assert lines[start + 1] == "time to notice 95 % of changes    4 ms  4 ms       4  100 ms      0"
    start = lines.index("1 drill did not pass, and is not in any median:")
    assert lines[start + 1].startswith("  run 2: oom: failed, no recovery: the pod is 1/2, ")
    assert lines[-1].endswith("1/2, the pod ..."), "a long reason is cut"
    assert not any("seen to run at once" in line for line in lines)


def test_what_processes_used_and_how_soon_changes_were_known(tmp_path: Path) -> None:
    used = ProcessFigures(cpu_s=0.63, commands_cpu_s=3.15, start_cpu_s=1.26, peak_bytes=200 * 2**20)
    write_journal(tmp_path / "oom")
    lines = show.to_text(bench_of({run(drill("oom", 30, process=used)): tmp_path})).splitlines()
    assert max(map(len, lines)) <= 80
    start = lines.index("observation               median     most  drills    bound  above")
    assert lines[start + 1 : start + 5] == [
        "its process, of a core       2 %      2 %       1      3 %      0",
        "the same with its start      6 %      6 %       1        -      -",
        "its commands, of a core     10 %     10 %       1        -      -",
        "memory of its process    200 MiB  200 MiB       1  150 MiB      1",
    ]
    start = lines.index("From a change in the cluster until it was known, 1 change of the drills that")
    assert lines[start + 2 : start + 8] == [
        "until known               50 %    95 %    99 %     all    mean  not seen",
        "the drill, as recorded  250 ms  250 ms  250 ms  250 ms  250 ms         -",
        "what streams bring      250 ms  250 ms  250 ms  250 ms  250 ms         -",
        "the drill, in full      250 ms  250 ms  250 ms  250 ms  250 ms         -",
        "a poll every 1 s        500 ms  950 ms  990 ms   1.0 s  500 ms         -",
        "a poll every 2 s         1.0 s   1.9 s   2.0 s   2.0 s   1.0 s         -",
    ]


def test_one_run_has_no_figures_over_runs_and_no_spread() -> None:
    one, several = (show.to_text(bench(runs)) for runs in (three()[:1], three()))
    assert one.startswith("1 run: ")
    for only_of_several in ("In all: ", "in parentheses", " (0)\n"):
        assert only_of_several in several
        assert only_of_several not in one


def test_the_markdown_has_a_column_for_each_phase() -> None:
    head = f"| id | {' | '.join(PhaseName)} | in all |"
    lines = show.to_markdown(bench(three()[:1])).splitlines()
    start = lines.index(head)
    assert lines[start + 1].count("--:") == 9
    assert lines[start + 2] == "| disk-full-cooldown | 1 | 10 | 2 | 3 | 4 | 5 | 6 | 0 | 32 |"
    assert lines[start - 1] == "", "or it is no table"


def test_an_id_becomes_no_markup() -> None:
    assert "| \\_mine\\_ | 1 | 10 |" in show.to_markdown(bench([run(drill("_mine_", 30))]))


def test_what_a_drill_says_becomes_no_markup() -> None:
    red = drill("oom", 30, verdict=Verdict.FAILED, reason="no | recovery of *that* <pod>")
    text = show.to_markdown(bench([run(red)]))
    assert text.endswith("- run 1: oom: failed, no \\| recovery of \\*that\\* &lt;pod&gt;")
    assert "| id |" not in text, "no drill passed"


def test_as_json() -> None:
    data = json.loads(show.to_json(bench(three())))
    assert (data["schema"], data["as_expected"], data["alike"]) == (1, False, True)
    assert data["took_s"] == {"least": 100.0, "median": 112.0, "most": 130.0, "count": 3}
    assert data["rows"][1]["phases_s"]["baseline"] == 10.0
    assert data["runs"][0]["outside"] == {"all_s": 68.5, "before_s": 30.0, "between_s": 2.0, "after_s": 36.5}
    assert data["not_passed"][0]["verdict"] == "failed"
    assert data["observed"]["api_requests"]["median"] == 20


# --- the command -------------------------------------------------------------------------------------------------

Captured = pytest.CaptureFixture[str]


class World:
    """What running reaches, replaced: each run leaves the next of `runs`, and ends with the next of `ends`."""

    def __init__(self) -> None:
        self.argvs: list[list[str]] = []
        self.runs: list[RunResult | None] = []
        self.ends: list[Ended] = []

    def child(self, argv: list[str], on_line: Callable[[str], None]) -> Ended:
        self.argvs.append(argv)
        left = self.runs.pop(0)
        on_line("oom: passed")
        if left is not None:
            folder = Path("reports", str(len(self.argvs)))
            write(folder, left)
            on_line(f"report: {folder}")
        return self.ends.pop(0)


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """No variable of the outside comes in, and no drill is ever started."""
    made = World()
    monkeypatch.chdir(tmp_path)
    for variable in (*command.OPTIONS, *command.WITHOUT):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(child, "run", made.child)
    return made


def promdrill(*arguments: str) -> int:
    return main.main(["bench", *arguments])


def test_three_runs_of_two_drills_side_by_side(world: World, capsys: Captured) -> None:
    world.runs, world.ends = [*three()[:1], later(200, *three()[0].drills), three()[2]], [Ended(0, "")] * 3
    assert promdrill() == 0
    assert [argv[3:] for argv in world.argvs] == [["run", "--reports=reports", "--jobs=2"]] * 3
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[:4] == ["run 1 of 3", "oom: passed", "report: reports/1", "run 2 of 3"]
    assert lines[9].startswith("3 runs: prometheus 0.1.0")
    again = "to see these figures again: .venv/bin/promdrill bench reports/1 reports/2 reports/3"
    assert said.err == f"{again}\n"


def test_the_options_of_a_run_are_passed_on_and_it_takes_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.runs, world.ends = [*three()[:1]], [Ended(0, "")]
    monkeypatch.setenv("JOBS", "3")
    monkeypatch.setenv("SCENARIO", "disk-full,oom")
    monkeypatch.setenv("PROFILE", "fast")
    given = ["--profile=as-shipped", "--values=a b.yaml", "--evidence", "always", "--reports=elsewhere"]
    assert promdrill("--runs=1", *given) == 0
    (argv,) = world.argvs
    taken = main.build_parser().parse_args(argv[3:])
    assert (taken.jobs, taken.scenario, taken.profile) == ("3", "disk-full,oom", "as-shipped")
    assert (taken.values, taken.evidence, taken.reports) == (["a b.yaml"], "always", Path("elsewhere"))


def test_every_option_is_one_of_run() -> None:
    argv = [f"--{name.lower().replace('_', '-')}=x" for name in command.OPTIONS]
    taken = vars(main.build_parser().parse_args(["run", *argv]))
    assert [taken[name.lower()] for name in command.OPTIONS if taken[name.lower()] not in ("x", ["x"])] == []


def test_a_red_run_is_gone_on_from(world: World, capsys: Captured) -> None:
    world.runs, world.ends = [*three()], [Ended(0, ""), Ended(1, ""), Ended(0, "")]
    assert promdrill() == 1
    assert "1 drill did not pass" in capsys.readouterr().out


def test_a_run_that_is_red_though_its_drills_passed(world: World) -> None:
    world.runs, world.ends = [*three()[:1]], [Ended(1, "the cluster could not be deleted")]
    assert promdrill("--runs=1") == 1


def test_a_run_that_is_refused_ends_it(world: World, capsys: Captured) -> None:
    world.runs, world.ends = [None], [Ended(2, "SCENARIO=x: no such scenario")]
    assert promdrill("--scenario=x") == 2
    said = capsys.readouterr()
    assert said.err == "promdrill: run 1 of 3 left no results; its exit code is 2\n"
    assert "runs:" not in said.out


def test_a_run_whose_scenarios_cannot_be_imported_ends_it(world: World, capsys: Captured) -> None:
    world.runs, world.ends = [run()], [Ended(2, "1 error during collection")]
    assert promdrill() == 2
    assert "run 1 of 3 left no results; its exit code is 2" in capsys.readouterr().err


@pytest.mark.parametrize("ended", [Ended(130, "", interrupted=True), Ended(130, "")], ids=["both", "the run alone"])
def test_an_interruption_names_what_there_is(world: World, capsys: Captured, ended: Ended) -> None:
    world.runs, world.ends = [*three()[:2]], [Ended(0, ""), ended]
    assert promdrill("--jobs", "2") == 130
    said = capsys.readouterr()
    assert "promdrill: interrupted in run 2 of 3" in said.err
    assert said.err.endswith("promdrill bench reports/1\n")
    assert "Runs" not in said.out


def test_a_run_that_leaves_nothing_ends_it(world: World, capsys: Captured) -> None:
    world.runs, world.ends = [None], [Ended(-9, "no output")]
    assert promdrill() == 1
    assert "run 1 of 3 left no results; its exit code is -9" in capsys.readouterr().err


def test_what_a_program_reads_is_nothing_but_the_answer(world: World, capsys: Captured) -> None:
    world.runs, world.ends = [*three()[:1]], [Ended(0, "")]
    assert promdrill("--runs=1", "--format=json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["as_expected"] is True
    assert "run 1 of 1\noom: passed\n" in said.err


def test_results_are_only_told_of(world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, each in enumerate(three()):
        write(Path("reports", str(number)), each)
    Path("reports/latest").symlink_to("2")
    monkeypatch.setenv("SCENARIO", "of make")
    assert promdrill("reports/0", "reports/2/results.json", "reports/latest") == 0
    assert capsys.readouterr().out.startswith("2 runs: "), "a run that is named twice is one"
    assert promdrill("reports") == 1
    assert "1 drill did not pass" in capsys.readouterr().out
    assert world.argvs == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "cannot read nowhere: No such file or directory"),
        (["empty"], "no results.json in empty"),
        (["broken.json"], "broken.json is not JSON"),
        (["one", "other"], "cannot combine runs with different versions of Kubernetes"),
        (["none"], "these results contain no drills"),
        (["one", "--jobs=1"], "--jobs: not allowed with RESULTS, because nothing is run"),
        (["one", "--scenario=oom"], "--scenario: not allowed with RESULTS, because nothing is run"),
        (["one", "--runs=2"], "--runs: not allowed with RESULTS, because nothing is run"),
        (["one", "--reports=x"], "--reports: not allowed with RESULTS, because nothing is run"),
        (["--jobs=0"], "JOBS=0: not a whole number from 1 to 16"),
    ],
)
def test_bad_input_starts_nothing(world: World, capsys: Captured, arguments: list[str], message: str) -> None:
    Path("empty").mkdir()
    Path("broken.json").write_text("{")
    write(Path("one"), three()[0])
    write(Path("other"), replace(three()[0], kubernetes="1.34.4"))
    write(Path("none"), run())
    assert promdrill(*arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"promdrill: {message}")
    assert (said.out, world.argvs) == ("", [])


@pytest.mark.parametrize("number", ["0", "101", "-1", "two", "1.5"])
def test_a_number_of_runs_that_is_none(world: World, capsys: Captured, number: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        promdrill(f"--runs={number}")
    assert f"{number!r} is not a whole number from 1 to 100" in capsys.readouterr().err
    assert world.argvs == []


@pytest.mark.parametrize(("name", "value"), [("KEEP", "1"), ("CLUSTER", "promdrill-2"), ("CONTROL", "no-fault")])
def test_a_variable_that_would_be_set_in_vain_is_refused(
    world: World, capsys: Captured, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert promdrill() == 2
    assert f"{name}={value}: not allowed with bench" in capsys.readouterr().err
    assert world.argvs == []

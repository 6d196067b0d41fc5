"""What is read of journals while they are written, and what is known of a run then."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.compare_world import aborted, drill, run
from tests.unit.html_world import Told, a_run, container, pod
from tests.unit.watch_world import at, followed, put, real, sees, waits

from promdrill.core.errors import UsageError
from promdrill.core.events import (
    FaultApplied,
    FaultFull,
    FaultGrows,
    FreshnessAsked,
    PhaseBegan,
    PodChanged,
    PodGone,
    StepBegan,
    StepEnded,
    VerdictReached,
    VolumeMeasured,
)
from promdrill.core.model import PhaseName, StepRecord, Variant, Verdict
from promdrill.core.model import Skipped as Skip
from promdrill.results.folder import of_result
from promdrill.results.run import Run
from promdrill.results.store import Results
from promdrill.results.timeline.drill import Instant
from promdrill.results.timeline.read import Skipped, Tail
from promdrill.watch.choose import choose
from promdrill.watch.rows import Status, rows
from promdrill.watch.run import OVERDUE_S, SILENT_S, Ending, Follower
from promdrill.watch.words import age_words, pod_words, volume_words

LINE = '{"at": "2026-01-02T03:04:05.000Z", "t": 1, "event": "phase-begin", "phase": "inject"}\n'


def test_each_line_is_told_once_and_half_a_line_waits(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "a" / "journal.jsonl")
    assert tail.look() == (False, [])
    put(tmp_path, "a", LINE + LINE[:20])
    assert [entry.event for entry in tail.look()[1]] == [PhaseBegan(phase=PhaseName.INJECT)]
    assert tail.look() == (False, [])
    put(tmp_path, "a", LINE[20:])
    assert [entry.event for entry in tail.look()[1]] == [PhaseBegan(phase=PhaseName.INJECT)]
    assert tail.skipped == Skipped()


@pytest.mark.parametrize("broken", ["half\n", "[]\n", '{"t": 1}\n', '{"event": "a", "t": "x"}\n', "\xff\xfe\n"])
def test_a_line_that_is_no_entry_is_counted(tmp_path: Path, broken: str) -> None:
    tail = Tail(put(tmp_path, "a", LINE + broken + LINE))
    assert len(tail.look()[1]) == 2
    assert tail.skipped == Skipped(broken=1)


def test_an_event_that_is_not_known_is_counted(tmp_path: Path) -> None:
    tail = Tail(put(tmp_path, "a", LINE + LINE.replace("phase-begin", "lunch") + LINE))
    assert len(tail.look()[1]) == 2
    assert tail.skipped == Skipped(unknown=1)


def test_a_file_that_was_replaced_or_cut_is_read_anew(tmp_path: Path) -> None:
    path = put(tmp_path, "a", LINE * 3)
    tail = Tail(path)
    assert len(tail.look()[1]) == 3
    path.write_text(LINE, encoding="utf-8")
    anew, entries = tail.look()
    assert (anew, len(entries)) == (True, 1)
    path.with_name("other").write_text(LINE * 2, encoding="utf-8")
    path.with_name("other").replace(path)
    anew, entries = tail.look()
    assert (anew, len(entries)) == (True, 2)


def test_an_entry_without_a_moment_changes_nothing(tmp_path: Path) -> None:
    follower = followed(tmp_path, a=LINE.replace("2026-01-02T03:04:05.000Z", "noon"))
    assert follower.run.drills == {}


def test_a_second_drill_in_the_same_journal_takes_the_place_of_the_first(tmp_path: Path) -> None:
    first = Told().phase(PhaseName.PROVISION).tell(VerdictReached(verdict=Verdict.FAILED, reason="x"))
    second = Told().tell(PhaseBegan(phase=PhaseName.PROVISION))
    follower = followed(tmp_path, disk_full=first.text() + second.text())
    found = follower.run.drills["disk-full"]
    assert (found.verdict, [phase.ended for phase in found.phases]) == (None, [None])


@pytest.mark.parametrize(
    ("verdict", "phases", "wait", "faults"),
    [
        ("passed", 8, "done", 2),
        ("failed", 7, "done", 1),
        ("invalid", 5, "timeout", 1),
    ],
)
def test_real_journals(tmp_path: Path, verdict: str, phases: int, wait: str, faults: int) -> None:
    found = followed(tmp_path, it=real(verdict)).run.drills["it"]
    assert (found.verdict, bool(found.reason)) == (verdict, verdict != "passed")
    assert (len(found.phases), len(found.faults)) == (phases, faults)
    assert found.wait is not None
    assert found.wait.ended == wait
    assert age_words(found.ages[-1]).startswith("newest sample is")
    assert all("not answered" not in volume_words(seen) for seen in found.volume.values())


def test_a_killed_drill_is_told_from_a_running_one(tmp_path: Path) -> None:
    follower = followed(tmp_path, persistence_off=real("interrupted"))
    [found] = follower.run.open
    assert found.last is not None
    assert found.phase is not None
    assert found.phase.name == "undo"
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, 0))
    os.utime(tmp_path, (0, 0))
    follower.look()
    now = found.last.at
    assert follower.run.ending(now + timedelta(seconds=SILENT_S - 1)) is Ending.RUNNING
    late = now + timedelta(seconds=SILENT_S + 1)
    assert follower.run.ending(late) is Ending.CUT_SHORT
    [row] = rows(follower.run, late)
    assert (row.status, row.word) == (Status.LOST, "cut short")


def _silent(folder: Path, told: Told) -> Follower:
    follower = followed(folder, a=told)
    follower.run.written = at(told.now)  # the folder itself is of today
    return follower


def test_a_wait_that_outlives_its_deadline_has_nobody_who_waits(tmp_path: Path) -> None:
    told = waits(Told("a").tell(PhaseBegan(phase=PhaseName.BASELINE)), "x", timeout_s=90.0)
    follower = _silent(tmp_path, told)
    assert follower.run.ending(at(told.now + 90 + OVERDUE_S - 1)) is Ending.RUNNING
    assert follower.run.ending(at(told.now + 90 + OVERDUE_S + 1)) is Ending.CUT_SHORT


def test_a_step_that_is_told_of_when_it_begins_has_a_deadline_too(tmp_path: Path) -> None:
    told = Told("a").tell(PhaseBegan(phase=PhaseName.REMEDIATE))
    command = "\n  grow\nand more"
    told.tell(StepBegan(file="runbook.md", line=7, section="Mitigation", command=command, timeout_s=2000.0))
    follower = _silent(tmp_path, told)
    assert follower.run.ending(at(told.now + 2000)) is Ending.RUNNING
    [row] = rows(follower.run, at(told.now + 5))
    assert row.said == "runs runbook.md:7 grow"
    told.tell(StepEnded(step=StepRecord("runbook.md", 7, "Mitigation", command, 0, 3.0, "")), 3.0)
    put(tmp_path, "a", told.last_line())
    follower.look()
    [step] = follower.run.drills["a"].steps
    assert step.record is not None
    assert (step.ended is not None, step.record.exit_code, step.record.took_s) == (True, 0, 3.0)


@pytest.mark.parametrize(
    ("ended", "silent_s", "ending"),
    [
        (drill(), 60.0, Ending.RUNNING),
        (aborted(), 10.0, Ending.RUNNING),
        (aborted(), 60.0, Ending.CUT_SHORT),
    ],
    ids=["deleting the cluster", "interrupted just now", "interrupted"],
)
def test_between_drills(tmp_path: Path, ended: object, silent_s: float, ending: Ending) -> None:
    follower = Follower(a_run(tmp_path / "run", ended, finished=False))  # type: ignore[arg-type]
    follower.look()
    follower.run.written = at(0)
    assert follower.run.ending(at(silent_s)) is ending


def test_a_finished_run_has_ended_however_long_ago(tmp_path: Path) -> None:
    follower = Follower(a_run(tmp_path / "run", drill()))
    follower.look()
    assert follower.run.ending(at(10**6)) is Ending.FINISHED


def test_results_are_read_again_when_they_change_and_only_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_run(tmp_path / "run", finished=False)
    follower = Follower(folder)
    follower.look()
    assert [row.name for row in rows(follower.run, at(0))] == []
    a_run(folder, drill("oom"), finished=False)
    follower.look()
    assert [row.name for row in rows(follower.run, at(0))] == ["oom"]

    def refuse(_path: Path) -> None:
        raise AssertionError("nothing has changed")

    monkeypatch.setattr("promdrill.watch.run.store.read", refuse)
    follower.look()


def test_what_is_planned_waits(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run", drill("oom"), finished=False)
    written = Results(folder, supply="source", kubernetes="1.36.3")
    written.plan(["oom", "quota", "disk-full", "disk-full[no-fault]"])
    written.add(drill("oom"))
    written.skip(Skip("quota", "no"))
    follower = Follower(folder)
    follower.look()
    follower.run.written = at(0)
    assert [(row.name, row.status) for row in rows(follower.run, at(1))] == [
        ("oom", Status.ENDED),
        ("disk-full", Status.WAITING),
        ("disk-full[no-fault]", Status.WAITING),
    ]


@pytest.mark.parametrize(
    "variant",
    [Variant(), Variant("no-fault"), Variant("without:runbook.md:30"), Variant(None, repetition=2), Variant("a", None)],
)
def test_a_result_finds_its_folder(tmp_path: Path, variant: Variant) -> None:
    made = Run(tmp_path, supply="source", kubernetes="1", say=lambda _line: None).folder_of("disk-full", variant)
    result = drill(control=variant.control, repetition=variant.repetition)
    assert of_result(result) == made.name


def test_of_a_control_only_its_result_says_whether_it_was_expected(tmp_path: Path) -> None:
    told = Told("disk-full", "no-fault").phase(PhaseName.SIGNATURE)
    told.tell(VerdictReached(verdict=Verdict.INVALID, reason="not seen"))
    folder = a_run(tmp_path / "run", finished=False, journals=[("disk-full.no-fault", told)])
    follower = Follower(folder)
    follower.look()
    [row] = rows(follower.run, at(1))
    assert (row.name, row.word, row.good) == ("disk-full[no-fault]", "invalid", None)
    invalid = drill(control="no-fault", verdict=Verdict.INVALID, reason="not seen", phases=drill().phases[:4])
    a_run(folder, invalid, finished=False)
    follower.look()
    [row] = rows(follower.run, at(1))
    assert (row.word, row.good) == ("invalid", True)


def _at(when: Instant | None) -> datetime | None:
    return None if when is None else when.at


def test_conditions_of_a_wait(tmp_path: Path) -> None:
    told = waits(Told("a").tell(PhaseBegan(phase=PhaseName.RECOVERY)), "pod", "fresh", hold_s=3.0)
    sees(told, "pod", "it 2/2 Running", holds=True)
    follower = followed(tmp_path, a=told)
    wait = follower.run.drills["a"].wait
    assert wait is not None
    assert (wait.missing, _at(wait.held)) == (("fresh",), None)
    sees(told, "fresh", "newest sample is 0.3 s old", holds=True, kind="metric", after=2.0)
    put(tmp_path, "a", told.last_line())
    follower.look()
    assert (wait.missing, _at(wait.held)) == ((), at(told.now))
    [row] = rows(follower.run, at(told.now + 1))
    assert row.said == "87 s left: all hold, for 1 of 3 s"
    sees(told, "pod", "it 1/2 Running", holds=False, after=1.0)
    put(tmp_path, "a", told.last_line())
    follower.look()
    assert (wait.missing, _at(wait.held)) == (("pod",), None)


def test_a_fault_that_grows_says_how_far_it_is_by_now(tmp_path: Path) -> None:
    told = Told("a").tell(PhaseBegan(phase=PhaseName.INJECT)).tell(FaultApplied(fault="fill /data"))
    follower = followed(tmp_path, a=told)

    def said(after: float) -> str:
        put(tmp_path, "a", told.last_line())
        follower.look()
        [row] = rows(follower.run, at(told.now + after))
        return row.said

    assert said(1) == "fill /data"
    told.tell(FaultGrows(fault="fill /data", used=0.9, left_s=90.0), 10.0)
    assert said(0) == "fill /data: 90 % used, full in 1 min 30 s"
    assert said(15) == "fill /data: 90 % used, full in 1 min 15 s"
    assert said(100) == "fill /data: 90 % used, full in 0 s"
    told.tell(FaultFull(fault="fill /data"), 95.0)
    assert said(0) == "fill /data"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (pod("p", container("a", ready=True), container("b", ready=True)), "2/2 Running"),
        (
            pod("p", container("a", "waiting", reason="CrashLoopBackOff", restarts=3)),
            "0/1 Running, a CrashLoopBackOff (3 restarts)",
        ),
        (
            pod("p", container("a", "terminated", reason="OOMKilled", exit_code=137)),
            "0/1 Running, a ended with exit code 137 (OOMKilled)",
        ),
        (pod("p", container("a"), leaving=True), "0/1 being deleted, a running, not ready"),
        (pod("p", phase="Pending"), "0/0 Pending"),
        (pod("p", container("a\x1b[2J")), "0/1 Running, a running, not ready"),
    ],
)
def test_pods_in_words(tmp_path: Path, changed: PodChanged, text: str) -> None:
    follower = followed(tmp_path, a=Told("a").tell(changed))
    assert [pod_words(pod) for pod in follower.run.drills["a"].pods.values()] == [text]


def test_a_pod_is_gone_by_its_uid(tmp_path: Path) -> None:
    told = Told("a").tell(pod("server-0", uid="1")).tell(pod("server-0", uid="2", phase="Pending"))
    told.tell(PodGone(pod="server-0", uid="1"))
    assert list(followed(tmp_path, a=told).run.drills["a"].pods) == ["2"]


def test_volume_and_freshness_entries(tmp_path: Path) -> None:
    told = Told("a").tell(VolumeMeasured(path="/data", used_bytes=60 * 2**20, size_bytes=64 * 2**20))
    told.tell(FreshnessAsked(age_s=0.4)).tell(FreshnessAsked(age_s=None))
    found = followed(tmp_path, a=told).run.drills["a"]
    assert [volume_words(seen) for seen in found.volume.values()] == ["60 of 64 MiB, 4096 KiB left"]
    assert list(map(age_words, found.ages)) == ["newest sample is 0.4 s old", "no sample"]


def test_the_run_that_goes_on_is_chosen_then_the_newest(tmp_path: Path) -> None:
    old = a_run(tmp_path / "2026-01-01T00-00-00Z", drill())
    new = a_run(tmp_path / "2026-01-02T00-00-00Z", drill())
    cell = a_run(tmp_path / "matrix" / "k1", drill(), finished=False)
    history = a_run(tmp_path / "matrix-before" / "k1", drill(), finished=False)
    (tmp_path / "latest").symlink_to(old.name)
    for folder, second in ((old, 10), (new, 30), (cell, 20), (history, 40)):
        os.utime(folder / "results.json", (second, second))
    now = at(0).fromtimestamp(50, at(0).tzinfo)
    assert choose(tmp_path, now) == cell
    assert choose(tmp_path / "matrix", now) == cell
    assert choose(tmp_path, now.replace(year=2000)) == new
    assert choose(history, now) == history
    assert choose(tmp_path / "latest", now) == old  # not the link: it will point elsewhere


def test_a_run_that_has_written_nothing_yet_is_latest(tmp_path: Path) -> None:
    a_run(tmp_path / "2026-01-01T00-00-00Z", drill())
    os.utime(tmp_path / "2026-01-01T00-00-00Z" / "results.json", (10, 10))
    (tmp_path / "2026-01-02T00-00-00Z").mkdir()
    (tmp_path / "latest").symlink_to("2026-01-02T00-00-00Z")
    assert choose(tmp_path, at(0)).name == "2026-01-02T00-00-00Z"


def test_without_a_run_the_next_move_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run in") as refused:
        choose(tmp_path / "none", at(0))
    assert refused.value.hint.startswith("promdrill run")


def test_results_of_a_newer_promdrill_do_not_stop_the_view(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps({**run().to_json(), "schema": 99}), encoding="utf-8")
    follower = followed(tmp_path, disk_full=real("passed"))
    assert follower.run.results is None
    assert [row.word for row in rows(follower.run, at(0))] == ["passed"]

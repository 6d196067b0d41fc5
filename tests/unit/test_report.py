"""What a run leaves behind: results.json, junit.xml, the summary, the folder."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from promdrill.core.errors import UsageError
from promdrill.core.events import FaultFull, FaultGrows, PhaseEnded
from promdrill.core.model import (
    DrillResult,
    JobSamples,
    LeftOut,
    ObserverFigures,
    PhaseName,
    PhaseRecord,
    SampleAccount,
    StepRecord,
    Variant,
    Verdict,
)
from promdrill.results import folder, store, summary, variants
from promdrill.results.expected import as_expected, outcome
from promdrill.results.junit import to_junit
from promdrill.results.run import Run
from promdrill.results.table import WIDTH

MOMENT = datetime(2025, 11, 22, 5, 10, 5, tzinfo=UTC)

PASSED = DrillResult(
    scenario="disk-full",
    chart="prometheus",
    chart_version="25.8.0",
    app_version="2.48.0",
    profile="fast",
    control=None,
    verdict=Verdict.PASSED,
    reason=None,
    phases=(PhaseRecord(PhaseName.PROVISION, "2025-11-22T05:10:05.000Z", 7.25),),
    detected_after_s=11.25,
    recovered_after_s=15.5,
    samples=SampleAccount(gap_s=24.0, lost=288, jobs=(JobSamples("prometheus", 24.0, 300, 12, 288),)),
    steps=(StepRecord("runbook.md", 31, "Mitigation", "true", 0, 0.5, ""),),
    observer=ObserverFigures(0.12, 31, 14, 120, 0),
    remarks=("The chart is older than the incident.", "Its volume was made by hand."),
)
FAILED = replace(
    PASSED,
    scenario="lifecycle-flag",
    verdict=Verdict.FAILED,
    reason="not seen within 60 s: no further 403; last seen: received 403 from /-/reload " + "again and " * 9 + "again",
    recovered_after_s=None,
    samples=SampleAccount(),
    remarks=(),
)


PHASES = tuple(PhaseRecord(name, "", 1.0) for name in PhaseName)
NO_FAULT = replace(
    PASSED,
    control="no-fault",
    verdict=Verdict.INVALID,
    reason="the incident was not observed: not seen within 98 s",
    phases=(*PHASES[:4], PHASES[-1]),
    samples=SampleAccount(),
)
NO_REMEDY = replace(PASSED, control="no-remedy", verdict=Verdict.FAILED, reason="no recovery: 1/2", phases=PHASES)


def without(line: int, command: str, *, optional: bool = False, **fields: Any) -> DrillResult:
    """A drill without one step; needed unless `fields` say something else."""
    step = LeftOut("runbook.md", line, command, optional)
    needed = replace(NO_REMEDY, control=f"without:runbook.md:{line}", left_out=step, recovered_after_s=None)
    return replace(needed, **fields)


def not_needed(line: int, command: str, *, optional: bool) -> DrillResult:
    return without(line, command, optional=optional, verdict=Verdict.PASSED, reason=None)


LEFT = ("make standard the default: ClusterError: refused",)
CHANGED = "the cluster is not as it was; not done: make standard the default: ClusterError: refused"


@pytest.mark.parametrize("ended", [PASSED, FAILED, NO_FAULT, NO_REMEDY, without(98, "sed")])
def test_no_drill_that_was_not_taken_back_is_as_expected_and_everything_says_so(
    tmp_path: Path, ended: DrillResult
) -> None:
    left = replace(ended, not_undone=LEFT)
    assert not as_expected(left)
    assert outcome(left).endswith(CHANGED)
    assert summary.closing_line([left]) == "0 passed, 1 failed"
    told = " ".join(" ".join(summary.lines([left])).split())
    assert CHANGED in told
    run = written(tmp_path, left)
    (stored,) = json.loads((tmp_path / "results.json").read_text())["drills"]
    assert stored["not_undone"] == list(LEFT)
    assert store.read(tmp_path).drills == (left,)
    (case,) = ET.fromstring(to_junit(run.run)).iter("testcase")  # noqa: S314  our own text
    assert CHANGED in str(case.find("failure").text)  # type: ignore[union-attr]


class StoppedClock:
    """A clock that stands still."""

    def monotonic(self) -> float:
        return 0.0

    def utc(self) -> datetime:
        return MOMENT


def written(tmp_path: Path, *drills: DrillResult) -> store.Results:
    run = store.Results(tmp_path, supply="auto", kubernetes="1.36.3", clock=StoppedClock())
    for drill in drills:
        run.add(drill)
    return run


def test_results_are_there_from_the_start_and_unfinished(tmp_path: Path) -> None:
    written(tmp_path)
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored == {
        "schema": 1,
        "started": "2025-11-22T05:10:05.000Z",
        "finished": None,
        "supply": "auto",
        "kubernetes": "1.36.3",
        "drills": [],
        "skipped": [],
        "options": {},
        "planned": [],
    }


def test_a_full_disk_loses_no_result_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written is written with the next change; until then the results say so."""
    run, write = written(tmp_path), folder.write_atomically

    def full(_path: Path, _text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_atomically", full)
    run.add(PASSED)
    assert run.unwritten == f"{tmp_path / 'results.json'}: No space left on device"
    assert store.read(tmp_path).drills == ()
    monkeypatch.setattr(store, "write_atomically", write)
    run.finish()
    assert run.unwritten == ""
    assert store.read(tmp_path).drills == (PASSED,)
    monkeypatch.setattr(store, "write_atomically", full)
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path)


def test_a_file_that_cannot_be_written_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "results.json").write_text("old")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        folder.write_atomically(tmp_path / "results.json", "new")
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]


def test_results_have_the_schema_of_the_readme(tmp_path: Path) -> None:
    run = written(tmp_path, PASSED)
    run.supplied(supply="source", kubernetes="1.34.4")
    run.finish()
    stored = json.loads((tmp_path / "results.json").read_text())
    assert (stored["supply"], stored["kubernetes"]) == ("source", "1.34.4")
    assert stored["finished"] == "2025-11-22T05:10:05.000Z"
    (drill,) = stored["drills"]
    assert drill["verdict"] == "passed"
    assert drill["phases"] == [{"name": "provision", "started": "2025-11-22T05:10:05.000Z", "took_s": 7.25}]
    job = {"job": "prometheus", "gap_s": 24.0, "expected": 300, "stored": 12, "lost": 288, "gap_began": None}
    assert drill["samples"] == {"gap_s": 24.0, "lost": 288, "jobs": [job]}
    assert drill["observer"] == {
        "detect_p95_s": 0.12,
        "detections": 31,
        "api_requests": 14,
        "prometheus_questions": 120,
        "relists": 0,
    }
    assert drill["left_out"] is None
    assert drill["remarks"] == ["The chart is older than the incident.", "Its volume was made by hand."]
    told = {"file": "runbook.md", "line": 31, "section": "Mitigation", "command": "true", "output": ""}
    assert drill["steps"] == [{**told, "exit_code": 0, "took_s": 0.5}]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    run = written(tmp_path, PASSED, FAILED, NO_FAULT, without(98, "sed"))
    assert store.read(tmp_path) == run.run
    assert store.read(tmp_path / "results.json") == run.run


def stored(fields: dict[str, Any]) -> dict[str, Any]:
    """A results.json with as little as there may be in it."""
    bare = ("chart", "chart_version", "app_version", "control", "reason")
    drill = {"scenario": "disk-full", "profile": "fast", "verdict": "failed", **dict.fromkeys(bare), **fields}
    about = {"schema": 1, "started": "x", "finished": None, "supply": "source", "kubernetes": "1.34.4"}
    return {**about, "drills": [drill]}


def test_a_field_that_is_not_known_is_ignored_and_one_with_a_default_may_be_missing(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    samples = {"gap_s": 19.5, "lost": 25}
    file.write_text(json.dumps(stored({"gone_since": 1, "samples": samples})))
    (read,) = store.read(file).drills
    assert (read.profile, read.chart, read.verdict, read.steps) == ("fast", None, Verdict.FAILED, ())
    assert read.samples == SampleAccount(19.5, 25, ())
    assert (read.observer, read.left_out, read.remarks) == (None, None, ())


def test_figures_that_an_observer_did_not_have_are_unknown(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps(stored({"observer": {"detections": 3, "gone_since": 1}})))
    (read,) = store.read(file).drills
    assert read.observer == ObserverFigures(detections=3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "no schema number"),
        ('{"schema": 2}', "has schema 2; this promdrill reads up to 1"),
        ('{"schema": 1}', "does not follow the schema"),
        (
            json.dumps(stored({"verdict": "won"})),
            "does not follow the schema of results.json: drills[0].verdict: invalid enum value 'won'",
        ),
    ],
)
def test_what_is_not_results_json_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        store.read(file)
    assert complaint in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*results\.json"):
        store.read(tmp_path / "results.json")


def test_nothing_but_the_two_files_is_left(tmp_path: Path) -> None:
    written(tmp_path, PASSED, FAILED).finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junit.xml", "results.json"]


def test_junit_says_the_same(tmp_path: Path) -> None:
    aborted = replace(PASSED, verdict=Verdict.ABORTED, reason="the engine\x1b[0m went away", control="no-fault")
    written(tmp_path, PASSED, FAILED, aborted)
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]  # noqa: S314  our own file
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
        "skipped": "0",
    }
    passed, failed, broken = suite.findall("testcase")
    assert passed.find("failure") is None
    assert passed.find("error") is None
    values = {item.get("name"): item.get("value") for item in passed.iter("property")}
    assert values["verdict"] == "passed"
    assert values["gap_s"] == "24.0"
    assert values["remarks"] == "The chart is older than the incident. Its volume was made by hand."
    assert "control" not in values
    assert "remarks" not in {item.get("name") for item in failed.iter("property")}
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == FAILED.reason
    assert broken.get("name") == "disk-full[no-fault]"
    error = broken.find("error")
    assert error is not None
    assert str(error.text).endswith("it ended aborted: the engine?[0m went away")


def test_junit_of_an_empty_run(tmp_path: Path) -> None:
    suite = ET.fromstring(to_junit(written(tmp_path).run))[0]  # noqa: S314  our own text
    assert suite.get("tests") == "0"


def test_summary_has_a_line_per_drill_within_80_columns() -> None:
    out = summary.lines([PASSED, FAILED, replace(PASSED, verdict=Verdict.INVALID, reason=None)])
    assert out[0].split() == ["verdict", "scenario", "detected", "recovered", "gap"]
    assert out[1].split() == ["passed", "disk-full", "11.2", "s", "15.5", "s", "24.0", "s"]
    assert out[2].split() == ["failed", "lifecycle-flag", "11.2", "s", "-", "-"]
    reason = " ".join(line.strip() for line in out[3:-2])
    assert reason == FAILED.reason
    assert out[-1].strip() == "no reason was given"
    assert max(map(len, out)) <= WIDTH


def test_summary_says_of_controls_and_ablations_whether_they_ended_as_expected() -> None:
    drills = [
        NO_FAULT,
        replace(NO_REMEDY, verdict=Verdict.PASSED, reason=None),
        without(166, "kubectl", scenario="restarts-metric"),
        not_needed(171, "sed", optional=True),
        not_needed(188, "wget", optional=False),
    ]
    out = summary.lines(drills)
    assert max(map(len, out)) <= WIDTH
    text = " ".join(" ".join(line.split()) for line in out)
    for said in (
        "invalid disk-full (no-fault) 11.2 s 15.5 s - as expected: the incident was not observed: not seen within 98 s",
        "passed disk-full (no-remedy) 11.2 s 15.5 s 24.0 s not as expected: disk-full: the control no-remedy must end",
        "failed restarts-metric (without line 166) 11.2 s - 24.0 s as expected, needed: no recovery: 1/2",
        "passed disk-full (without line 171) 11.2 s - 24.0 s as expected, not needed passed",
        "not as expected: disk-full: the step at runbook.md:188 is not needed, and not marked optional",
    ):
        assert said in text


def test_the_table_of_controls_is_scenario_by_control() -> None:
    caught = replace(NO_REMEDY, scenario="lifecycle-flag", verdict=Verdict.PASSED, reason=None)
    out = variants.lines([NO_FAULT, NO_REMEDY, caught], "controls")
    assert out == [
        "",
        "scenario        no-fault              no-remedy",
        "disk-full       invalid, as expected  failed, as expected",
        "lifecycle-flag  -                     passed, NOT AS EXPECTED",
    ]


def test_the_table_of_an_ablation_is_step_by_step() -> None:
    drills = [
        without(98, 'kubectl patch storageclass "$CLASS" --patch'),
        not_needed(106, "sed", optional=True),
        not_needed(1066, "sed", optional=False),
        without(114, "x", phases=(*PHASES[:-1], PHASES[5], PHASES[-1]), recovered_after_s=3.0),
        without(114, "x", optional=True, scenario="lifecycle-flag", reason="no recovery"),
        without(120, "y", scenario="lifecycle-flag", verdict=Verdict.ABORTED, reason="interrupted"),
    ]
    assert variants.lines(drills, "ablate") == [
        "",
        "disk-full: each step of its Mitigation left out once",
        "line  step                              the step is",
        '  98  kubectl patch storageclass "$...  needed',
        " 106  sed                               not needed, optional",
        " 114  x                                 needed only for verification",
        "1066  sed                               not needed",
        "      NOT AS EXPECTED: disk-full: the step at runbook.md:1066 is not needed, and",
        "      not marked optional",
        "lifecycle-flag: each step of its Mitigation left out once",
        "line  step                              the step is",
        " 114  x                                 needed, optional",
        "      NOT AS EXPECTED: lifecycle-flag: the step at runbook.md:114 is marked",
        "      optional, but needed; without it the drill ended failed: no recovery",
        " 120  y                                 not known",
        "      NOT AS EXPECTED: lifecycle-flag: the step at runbook.md:120 was not",
        "      judged; the drill without it ended aborted: interrupted",
    ]


def test_the_table_of_other_repairs_says_what_each_must_be() -> None:
    failed = replace(NO_REMEDY, scenario="oom", control="refused:limit-removed")
    passed = replace(failed, verdict=Verdict.PASSED, reason=None)
    drills = [failed, replace(passed, control="accepted:by-hand"), replace(passed, scenario="disk-full")]
    assert variants.lines(drills, "repairs") == [
        "",
        "scenario   repair         must be   ended",
        "disk-full  limit-removed  refused   passed, NOT AS EXPECTED",
        "oom        limit-removed  refused   failed, as expected",
        "oom        by-hand        accepted  passed, as expected",
    ]


def test_no_table_where_none_was_asked_for() -> None:
    assert variants.lines([PASSED], None) == []
    assert variants.lines([], "controls") == []


def test_closing_line_counts_all_that_is_not_passed_as_failed() -> None:
    invalid = replace(PASSED, verdict=Verdict.INVALID)
    assert summary.closing_line([PASSED, FAILED, invalid]) == "1 passed, 2 failed"
    assert summary.closing_line([]) == "0 passed, 0 failed"


def test_a_control_that_ended_as_it_must_is_no_failure(tmp_path: Path) -> None:
    phases = (PhaseRecord(PhaseName.SIGNATURE, "", 1.0), PhaseRecord(PhaseName.UNDO, "", 1.0))
    control = replace(PASSED, control="no-fault", verdict=Verdict.INVALID, reason="not observed", phases=phases)
    assert summary.closing_line([control]) == "1 passed, 0 failed"
    assert "<failure" not in to_junit(written(tmp_path, control).run)
    caught = replace(control, verdict=Verdict.PASSED)
    assert summary.closing_line([caught]) == "0 passed, 1 failed"
    assert 'message="not as expected: disk-full: the control no-fault must end' in to_junit(
        written(tmp_path, caught).run
    )


def test_each_variant_has_a_case_of_its_own(tmp_path: Path) -> None:
    wrong = not_needed(28, "true", optional=False)
    suite = ET.fromstring(to_junit(written(tmp_path, NO_FAULT, NO_REMEDY, wrong).run))[0]  # noqa: S314  our own text
    assert [case.get("name") for case in suite.findall("testcase")] == [
        "disk-full[no-fault]",
        "disk-full[no-remedy]",
        "disk-full[without:runbook.md:28]",
    ]
    assert suite.get("failures") == "1"


def test_a_drill_is_known_by_scenario_and_variant(tmp_path: Path) -> None:
    said: list[str] = []
    run = Run(tmp_path, supply="auto", kubernetes="1.36.3", say=said.append)
    run.record(NO_FAULT)
    assert run.result("disk-full", Variant("no-fault")) == NO_FAULT
    assert run.result("disk-full", Variant()) is None
    assert run.result("disk-full", Variant("no-remedy")) is None
    with run.journal("disk-full", Variant("no-fault")) as journal:
        journal.write(PhaseEnded(phase=PhaseName.UNDO, took_s=1.0))
        journal.write(FaultGrows(fault="fill /data", used=0.9, left_s=720.0))
        journal.write(FaultFull(fault="fill /data"))
    left_out = LeftOut("runbook.md", 28, "true", optional=True)
    variant = Variant("without:my runbook.md:28", left_out, frozenset({3}))
    run.aborted("disk-full", variant, profile="fast", reason="no engine\n...")
    run.aborted("disk-full", variant, profile="fast", reason="again")
    (aborted,) = run.drills[1:]
    assert (aborted.name, aborted.left_out) == ("disk-full[without:my runbook.md:28]", left_out)
    assert run.folder_of("disk-full", variant).name == "disk-full.without-my-runbook.md-28"
    assert run.folder_of("disk-full", Variant()).name == "disk-full"
    assert (tmp_path / "disk-full.no-fault/journal.jsonl").is_file()
    assert said[:3] == [
        "disk-full[no-fault]: invalid, as expected: the incident was not observed: not seen within 98 s",
        "disk-full[no-fault]: undo             1.0 s",
        "disk-full[no-fault]: fill /data: 90 % used, full in 12 min",
    ]


def test_summary_of_nothing() -> None:
    assert summary.lines([]) == ["no drill was run"]


def test_an_interrupted_run_says_so_last() -> None:
    assert summary.lines([], interrupted=True) == ["no drill was run", "interrupted after 0 drills"]
    assert summary.lines([PASSED], planned=3, interrupted=True)[-1] == "interrupted after 1 of 3 drills"


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    base = tmp_path / "reports"
    first = folder.create(base, clock=StoppedClock())
    second = folder.create(base, clock=StoppedClock())
    assert (first.name, second.name) == ("2025-11-22T05-10-05Z", "2025-11-22T05-10-05Z-2")
    assert (base / "latest").resolve() == second.resolve()
    assert (base / "latest").readlink() == Path(second.name)


def test_reports_that_cannot_be_written_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(UsageError, match="cannot write reports"):
        folder.create(tmp_path / "reports")


def test_a_named_folder_is_not_shared_with_another_run(tmp_path: Path) -> None:
    named = folder.use(tmp_path / "mine")
    written(named)
    with pytest.raises(UsageError, match="another run"):
        folder.use(named)

"""What a run leaves behind: results.json, junit.xml, the summary, the folder."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from promdrill.errors import UsageError
from promdrill.model import DrillResult, PhaseName, PhaseRecord, SampleAccount, StepRecord, Verdict
from promdrill.report import folder, results, summary
from promdrill.report.junit import to_junit

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
    samples=SampleAccount(gap_s=24.0, lost=288),
    steps=(StepRecord("runbook.md", 31, 0, 0.5),),
)
FAILED = replace(
    PASSED,
    scenario="lifecycle-flag",
    verdict=Verdict.FAILED,
    reason="not seen within 60 s: no further 403; last seen: received 403 from /-/reload " + "again and " * 9 + "again",
    recovered_after_s=None,
    samples=SampleAccount(),
)


class StoppedClock:
    """A clock that stands still."""

    def monotonic(self) -> float:
        return 0.0

    def utc(self) -> datetime:
        return MOMENT


def written(tmp_path: Path, *drills: DrillResult) -> results.Results:
    run = results.Results(tmp_path, supply="auto", kubernetes="1.36.3", clock=StoppedClock())
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
    }


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
    assert drill["samples"] == {"gap_s": 24.0, "lost": 288}
    assert drill["steps"] == [{"file": "runbook.md", "line": 31, "exit_code": 0, "took_s": 0.5}]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    run = written(tmp_path, PASSED, FAILED)
    assert results.read(tmp_path) == run.run
    assert results.read(tmp_path / "results.json") == run.run


def test_an_older_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    drill = {"scenario": "disk-full", "verdict": "failed", "gone_since": 1}
    run = {"schema": 1, "started": "x", "supply": "source", "kubernetes": "1.34.4", "drills": [drill]}
    file.write_text(json.dumps(run))
    (read,) = results.read(file).drills
    assert (read.profile, read.chart, read.verdict, read.steps) == ("unknown", None, Verdict.FAILED, ())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "no schema number"),
        ('{"schema": 2}', "has schema 2; this promdrill reads up to 1"),
        ('{"schema": 1}', "does not follow the schema"),
        (
            '{"schema": 1, "started": "", "supply": "", "kubernetes": "", "drills": [{"verdict": "won"}]}',
            "does not follow the schema of results.json: 'won'",
        ),
    ],
)
def test_what_is_not_results_json_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        results.read(file)
    assert complaint in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*results\.json"):
        results.read(tmp_path / "results.json")


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
    assert "control" not in values
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == FAILED.reason
    assert broken.get("name") == "disk-full[no-fault]"
    error = broken.find("error")
    assert error is not None
    assert error.text == "the engine?[0m went away"


def test_junit_of_an_empty_run(tmp_path: Path) -> None:
    suite = ET.fromstring(to_junit(written(tmp_path).run))[0]  # noqa: S314  our own text
    assert suite.get("tests") == "0"


def test_summary_has_a_line_per_drill_within_80_columns() -> None:
    out = summary.lines([PASSED, FAILED, replace(PASSED, control="no-fault", verdict=Verdict.INVALID, reason=None)])
    assert out[0].split() == ["verdict", "scenario", "detected", "recovered", "gap"]
    assert out[1].split() == ["passed", "disk-full", "11.2", "s", "15.5", "s", "24.0", "s"]
    assert out[2].split() == ["failed", "lifecycle-flag", "11.2", "s", "-", "-"]
    reason = " ".join(line.strip() for line in out[3:-2])
    assert reason == FAILED.reason
    assert "disk-full (no-fault)" in out[-2]
    assert out[-1].strip() == "no reason was given"
    assert max(map(len, out)) <= summary.WIDTH


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


def test_summary_of_nothing() -> None:
    assert summary.lines([]) == ["no drill was run"]


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

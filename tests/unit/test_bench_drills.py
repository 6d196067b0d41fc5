"""The page of what whole drills show: how soon changes are known, and what observing costs."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.unit.matrix_world import write
from tests.unit.test_bench import drill, later, observer, run, write_journal

from bench import __main__ as program
from bench import delays, drills
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, ProcessFigures, RunResult
from promdrill.report.bench.detection import Change, recorded, with_questions

USED = ProcessFigures(cpu_s=0.63, commands_cpu_s=3.15, start_cpu_s=1.26, peak_bytes=200 * 2**20)


def made(folder: Path, *drilled: DrillResult) -> dict[RunResult, Path]:
    """A run of these drills, whose journals have a change each."""
    for each in drilled:
        write_journal(folder / each.scenario)
    return {run(*drilled): folder}


def test_the_page_has_delays_by_evidence_and_costs(tmp_path: Path) -> None:
    runs = made(tmp_path / "run", drill("oom", 30, observer=observer(0.25, 30), process=USED))
    drills.write(runs, tmp_path / "docs", commit="1a2b3c4")
    text = (tmp_path / "docs" / drills.PAGE).read_text(encoding="utf-8")
    assert (
        "1 drill that passed, of 1 scenario, in 1 run from 2026-11-22 06:00:00 UTC on, JOBS=1, commit 1a2b3c4" in text
    )
    assert "95 % of 1 changes were known within 250 ms of their message or answer" in text
    assert "| a poll every 15 s | 7.5 s | 14.2 s | 14.8 s | 15.0 s | 7.5 s | - |" in text
    assert "| pod, 1 | 250 ms | 250 ms | 250 ms | 250 ms | 250 ms | - |" in text
    assert "| memory of its process | 200 MiB | 200 MiB | 1 | 150 MiB | 1 |" in text
    assert "Requests to the API server of the drills above the bound: oom 30." in text
    assert drills.UNUSED not in text
    data = json.loads((tmp_path / "docs" / drills.RECORD).read_text(encoding="utf-8"))
    assert (data["commit"], data["delays"]["recorded"]["p95_s"]) == ("1a2b3c4", 0.25)
    change = {"scenario": "oom", "kind": "pod", "after_s": 0.25, "asked_every_s": 0.0, "lasted_s": None}
    assert data["changes"] == [change]


def test_drills_of_before_did_not_record_what_they_used(tmp_path: Path) -> None:
    drills.write(made(tmp_path / "run", drill("oom", 30)), tmp_path / "docs", commit="x")
    text = (tmp_path / "docs" / drills.PAGE).read_text(encoding="utf-8")
    assert drills.UNUSED in text
    assert drills.BEYOND not in text


def test_the_scenarios_that_ask_most_come_first() -> None:
    runs = [
        run(drill("oom", 30, observer=observer(None, 25)), drill("quota", 30, observer=observer(None, 20))),
        later(300, drill("oom", 330, observer=observer(None, 22)), drill("hpa", 330, observer=observer(None, 139))),
        run(drill("dead", 30, control="no-fault", observer=observer(None, 99)), drill("blind", 30)),
    ]
    assert drills.asking_much(runs) == {"hpa": 139, "oom": 25}
    assert list(drills.asking_much(runs)) == ["hpa", "oom"]


def test_runs_without_a_change_make_no_page(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no journal of these runs has a change"):
        drills.write({run(drill("oom", 30)): tmp_path}, tmp_path / "docs", commit="x")
    assert not (tmp_path / "docs").exists()


def test_the_program_reads_a_folder_of_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = made(tmp_path / "reports" / "one", drill("oom", 30))
    write(tmp_path / "reports" / "one", found)
    docs = tmp_path / "docs"
    words = ["--drills", str(tmp_path / "reports"), "--commit", "1a2b3c4"]
    assert program.main(words, build=tmp_path / "build", docs=docs) == 0
    assert sorted(file.name for file in docs.iterdir()) == [drills.PICTURE, drills.RECORD, drills.PAGE]
    assert capsys.readouterr().out == f"written: {docs / drills.PAGE}\n"
    with pytest.raises(SystemExit, match="2"):
        program.main(["--drills", str(tmp_path / "nowhere")], build=tmp_path / "build", docs=docs)
    assert "cannot read" in capsys.readouterr().err


def test_the_picture_has_a_line_for_each_and_axes_with_units() -> None:
    changes = [Change("oom", "http", 0.01, 0.5), Change("oom", "pod", 0.002, 0.0)]
    spreads = {"a": recorded(changes), "b": with_questions(changes)}
    text = delays.picture(spreads, words={"a": "as recorded", "b": "in full"}, bound_s=0.1, title="Two & more")
    svg = ET.fromstring(text)  # noqa: S314  our own text
    name = "{http://www.w3.org/2000/svg}"
    assert [each.text for each in svg.iter(f"{name}text")] == [
        "Two & more",
        *("0 %", "20 %", "40 %", "60 %", "80 %", "100 %"),
        *("0.001 s", "0.01 s", "0.1 s", "1 s", "10 s", "100 s"),
        "time since the change (dashed: 95 %, and its bound)",
        "changes known, %",
        "as recorded",
        "in full",
    ]
    lines = [each for each in svg.iter(f"{name}path") if "style" in each.attrib]
    assert len(lines) == 4, "a line and its key for each"

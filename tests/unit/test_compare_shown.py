"""A comparison: what is read for it, how it is shown, how the command ends."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.unit.compare_world import UNTOLD, aborted, drill, failed, no_fault, passed, run

from promdrill.cli import main
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, Verdict
from promdrill.report.compare.markdown import to_markdown
from promdrill.report.compare.read import read_all
from promdrill.report.compare.regressions import Comparison, compare
from promdrill.report.compare.text import to_json, to_text

LONG = 'no recovery: server pod 2/2: prometheus-server CrashLoopBackOff | log says "no space left on device" <twice>'


@pytest.fixture
def both() -> Comparison:
    """A comparison with some of everything."""
    old = [
        run(*passed(11.5, 11.7, 12.1), no_fault(), drill("oom", 30.0), failed("typo"), drill("gone"), drill("wal")),
        run(drill("lifecycle-flag", 26.0), failed("never"), kubernetes="1.34.4"),
        run(drill("port"), failed("port"), no_fault(scenario="same")),
    ]
    new = [
        run(drill(took_s=12.0), failed(reason=LONG), failed(reason="no recovery: other"), drill("oom", 45.25)),
        run(no_fault(verdict=Verdict.PASSED, reason=None), drill("typo", 9.0), aborted("wal", chart=None, **UNTOLD)),
        run(drill("lifecycle-flag", 27.0), failed("never"), kubernetes="1.34.4", started="2026-01-03", finished=False),
        run(failed("port"), no_fault(scenario="same"), no_fault(scenario="fresh")),
    ]
    return compare(old, new)


TEXT = """\
OLD: reports/old: 3 runs, 13 drills
NEW: reports/new: 4 runs, 12 drills; unfinished, so drills may be missing: 1
  run, started 2026-01-03

3 regressions
  disk-full
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    old: 3 passed
    new: 1 passed, 2 failed: no recovery: server pod 2/2: prometheus-server
      CrashLoopBackOff | log says "no space left on device" <twice> (and 1 other
      reason)
    recovery: 11.7 s (of 3, spread 0.3 s) -> 12.0 s, within the noise of 5.0 s
  disk-full[no-fault]
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    old: invalid: as expected: the incident was not observed
    new: passed: not as expected: disk-full: the control no-fault must end
      invalid in signature; it ended passed
  oom
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    old: passed
    new: passed
    recovery: 30.0 s -> 45.2 s, 15.2 s slower; noise is up to 7.5 s

1 improvement
  typo
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    old: failed: no recovery: 1/2
    new: passed

1 change, neither worse nor better beyond chance
  port
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    old: 1 passed, 1 failed: no recovery: 1/2
    new: failed: no recovery: 1/2

1 new cell, not in OLD
  fresh[no-fault]
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    new: invalid, as expected

1 cell missing in NEW
  gone
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    old: passed

1 cell not compared
  wal
    prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast
    old: passed
    new: aborted: interrupted during inject

1 aborted, which says nothing about the runbook
  NEW: wal, prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast:
    interrupted during inject

3 cells unchanged: 2 as expected, 1 not as expected"""


def test_text(both: Comparison) -> None:
    text = to_text(both, "reports/old", "reports/new")
    assert text == TEXT
    assert max(map(len, text.splitlines())) <= 80


SAID = "no recovery: server pod 2/2: prometheus-server CrashLoopBackOff \\| log says"
MARKDOWN = f"""\
## promdrill compare: 3 regressions

- OLD: reports/old: 3 runs, 13 drills
- NEW: reports/new: 4 runs, 12 drills; unfinished, so drills may be missing: 1 run, started 2026-01-03

| finding | drill | cell | old | new | recovery |
| --- | --- | --- | --- | --- | --- |
| regression | disk-full | CELL | 3 passed | 1 passed, 2 failed: {SAID} "no space left on device" &lt;twice&gt; \
(and 1 other reason) | 11.7 s (of 3, spread 0.3 s) -&gt; 12.0 s, within the noise of 5.0 s |
| regression | disk-full\\[no-fault\\] | CELL | invalid: as expected: the incident was not observed | \
passed: not as expected: disk-full: the control no-fault must end invalid in signature; it ended passed |  |
| regression | oom | CELL | passed | passed | 30.0 s -&gt; 45.2 s, 15.2 s slower; noise is up to 7.5 s |

Aborted, which says nothing about the runbook:

- NEW: wal, CELL: interrupted during inject

<details>
<summary>1 improvement, 1 change, neither worse nor better beyond chance, 1 new cell, not in OLD, \
1 cell missing in NEW, 1 cell not compared, 3 cells unchanged</summary>

| finding | drill | cell | old | new | recovery |
| --- | --- | --- | --- | --- | --- |
| improvement | typo | CELL | failed: no recovery: 1/2 | passed |  |
| change | port | CELL | 1 passed, 1 failed: no recovery: 1/2 | failed: no recovery: 1/2 |  |
| new | fresh\\[no-fault\\] | CELL | no result | invalid, as expected |  |
| missing | gone | CELL | passed | no result |  |
| not-compared | wal | CELL | passed | aborted: interrupted during inject |  |
| unchanged | lifecycle-flag | 1.34 | passed | passed | 26.0 s -&gt; 27.0 s, within the noise of 6.5 s |
| unchanged | never | 1.34 | failed: no recovery: 1/2 | failed: no recovery: 1/2 |  |
| unchanged | same\\[no-fault\\] | CELL | invalid, as expected | invalid, as expected |  |

</details>"""
CELLS = {"CELL": "Kubernetes 1.36.3, fast", "1.34 ": "Kubernetes 1.34.4, fast "}


def test_markdown(both: Comparison) -> None:
    golden = MARKDOWN
    for short, full in CELLS.items():
        golden = golden.replace(short, f"prometheus 25.8.0, Prometheus 2.48.0, {full}")
    assert to_markdown(both, "reports/old", "reports/new") == golden


JSON = """\
{
  "schema": 1,
  "threshold": 0.25,
  "across": [],
  "proposal": null,
  "old": {"path": "a", "runs": 1, "drills": 3, "unfinished": []},
  "new": {"path": "b", "runs": 1, "drills": 1, "unfinished": ["2026-01-01"]},
  "counts": {
    "regression": 1,
    "improvement": 0,
    "change": 0,
    "skipped": 0,
    "drilled": 0,
    "new": 0,
    "missing": 1,
    "not-compared": 0,
    "unchanged": 0
  },
  "cells": [
    {
      "scenario": "disk-full",
      "control": null,
      "chart": "prometheus",
      "chart_version": "25.8.0",
      "app_version": "2.48.0",
      "kubernetes": "1.36.3",
      "profile": "fast",
      "finding": "regression",
      "old": {
        "verdicts": ["passed", "passed"],
        "as_expected": 2,
        "reasons": [],
        "aborted": [],
        "recovered_s": [12.0, 13.0],
        "median_s": 12.5,
        "spread_s": 0.741,
        "assumed": 0,
        "skipped": [],
        "own": {},
        "alerts": null
      },
      "new": {
        "verdicts": ["passed"],
        "as_expected": 1,
        "reasons": [],
        "aborted": [],
        "recovered_s": [20.0],
        "median_s": 20.0,
        "spread_s": null,
        "assumed": 0,
        "skipped": [],
        "own": {},
        "alerts": null
      },
      "verdict": "same",
      "recovery": {"change_s": 7.5, "limit_s": 5.0, "trend": "worse"},
      "alerts": []
    },
    {
      "scenario": "disk-full",
      "control": "no-fault",
      "chart": "prometheus",
      "chart_version": "25.8.0",
      "app_version": "2.48.0",
      "kubernetes": "1.36.3",
      "profile": "fast",
      "finding": "missing",
      "old": {
        "verdicts": ["invalid"],
        "as_expected": 1,
        "reasons": ["as expected: the incident was not observed"],
        "aborted": [],
        "recovered_s": [],
        "median_s": null,
        "spread_s": null,
        "assumed": 0,
        "skipped": [],
        "own": {},
        "alerts": null
      },
      "new": null,
      "verdict": null,
      "recovery": null,
      "alerts": []
    }
  ]
}"""


def test_json() -> None:
    result = compare([run(*passed(12.0, 13.0), no_fault())], [run(drill(took_s=20.0), finished=False)])
    said = to_json(result, "a", "b")
    assert json.dumps(json.loads(said)) == json.dumps(json.loads(JSON)), "the order of the keys is part of it"
    assert '\n  "schema": 1,\n' in said


def test_nothing_in_common_is_said_and_is_no_regression() -> None:
    result = compare([run(drill())], [run(failed(chart_version="27.52.0"))])
    line = "Nothing was compared: no cell has a verdict in both."
    assert line in to_text(result, "a", "b").splitlines()
    assert f"**{line}**" in to_markdown(result, "a", "b").splitlines()
    assert to_text(result, "a", "b").splitlines()[-1] == "0 cells unchanged"
    assert "Nothing" not in to_text(compare([run(drill())], [run(drill())]), "a", "b")


def test_what_is_unknown_or_assumed_is_said() -> None:
    result = compare([run(drill())], [run(failed(app_version=None))])
    said = " ".join(to_text(result, "a", "b").split())
    assert "new: failed: no recovery: 1/2 (versions unknown for 1 drill: taken to belong to this cell)" in said
    unknown = drill(chart=None, **UNTOLD)
    said = to_text(compare([run(unknown)], [run(failed(chart=None, **UNTOLD))]), "a", "b")
    assert "    ? ?, Prometheus ?, Kubernetes 1.36.3, fast\n" in said


def test_aborted_drills_of_both_sides_are_listed() -> None:
    result = compare([run(aborted(), drill(), aborted("oom"))], [run(aborted(), drill())])
    lines = to_text(result, "a", "b").splitlines()
    assert "3 aborted, which says nothing about the runbook" in lines
    assert [line.split(",")[0].strip() for line in lines if line.startswith(("  NEW:", "  OLD:"))] == [
        "NEW: disk-full",
        "OLD: oom",
        "OLD: disk-full",
    ]


def test_markdown_without_anything_to_fold_away() -> None:
    said = to_markdown(compare([run(drill())], [run(failed(reason="a\n`b`_c_ &"))]), "a", "b")
    assert "details" not in said
    assert "| failed: a \\`b\\`\\_c\\_ &amp; |" in said


def write(folder: Path, *drills: DrillResult, **options: Any) -> Path:
    folder.mkdir(parents=True)
    file = folder / "results.json"
    file.write_text(json.dumps(run(*drills, **options).to_json()))
    return file


def test_a_file_a_folder_and_a_folder_of_folders(tmp_path: Path) -> None:
    file = write(tmp_path / "b/reports/1", drill())
    write(tmp_path / "a", failed())
    write(tmp_path / "a/disk-full/inner", drill("inside of a run"))
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert read_all(file) == read_all(file.parent) == [run(drill())]
    assert read_all(tmp_path) == [run(failed()), run(drill())]
    assert read_all(tmp_path / "c") == [run(failed())], "a link that is named itself, such as reports/latest"


def test_a_copy_of_a_run_is_no_repeat(tmp_path: Path) -> None:
    write(tmp_path / "a", drill(), drill())
    write(tmp_path / "b", drill(), drill())
    write(tmp_path / "c", drill(), drill(), started="2026-01-02")
    assert [len(each.drills) for each in read_all(tmp_path)] == [2, 2]


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*/none: No such file"):
        read_all(tmp_path / "none")
    with pytest.raises(UsageError, match=r"no results\.json in "):
        read_all(tmp_path)
    write(tmp_path / "good", drill())
    write(tmp_path / "bad", drill()).write_text("{")
    with pytest.raises(UsageError, match=r"bad/results\.json is not JSON"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"recovered_after_s": "12"}, "drills[0].recovered_after_s: expected float | null, got str"),
        ({"recovered_after_s": True}, "drills[0].recovered_after_s: expected float | null, got bool"),
        ({"recovered_after_s": -1}, "drills[0].recovered_after_s: -1 is below zero"),
        ({"scenario": ["disk-full"]}, "drills[0].scenario: expected str, got array"),
        ({"verdict": None}, "drills[0].verdict: expected str, got null"),
        ({"repetition": "2"}, "drills[0].repetition: expected int | null, got str"),
        ({"remarks": [["x"]]}, "drills[0].remarks[0]: expected str, got array"),
        ({"observer": {"detections": {}}}, "drills[0].observer.detections: expected int | null, got object"),
        ({"chart_version": 25.8}, "drills[0].chart_version: expected str | null, got float"),
        ({"reason": {}}, "drills[0].reason: expected str | null, got object"),
        ({"control": "no-runbook"}, "drills[0].control: unknown control 'no-runbook'"),
        (
            {"left_out": {"file": "runbook.md", "line": "3", "command": "ls", "optional": False}},
            "drills[0].left_out.line: expected int, got str",
        ),
        ({"verdict": "skipped"}, "drills[0].verdict: invalid enum value 'skipped'"),
    ],
)
def test_values_that_a_comparison_would_trip_over(fields: dict[str, Any], why: str, tmp_path: Path) -> None:
    data = run(drill()).to_json()
    data["drills"] = [{**data["drills"][0], **fields}]
    file = tmp_path / "results.json"
    file.write_text(json.dumps(data))
    with pytest.raises(UsageError) as caught:
        read_all(file)
    assert caught.value.message == f"{file} does not follow the schema of results.json: {why}"


def test_a_number_that_nothing_can_hold_is_refused_before_the_schema_is_asked(tmp_path: Path) -> None:
    data = run(drill()).to_json()
    data["drills"][0]["recovered_after_s"] = 10**400
    file = tmp_path / "results.json"
    file.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="a number beyond 9007199254740992"):
        read_all(file)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"drills": ["x"]}, "drills[0]: expected object, got str"),
        ({"drills": None}, "drills: expected array, got null"),
        ({"drills": {"a": 1}}, "drills: expected array, got object"),
        ({"drills": [{"scenario": "oom"}]}, "drills[0].chart is missing"),
        ({"skipped": [{"scenario": "oom", "reason": ["x"]}]}, "skipped[0].reason: expected str, got array"),
        ({"skipped": "oom"}, "skipped: expected array, got str"),
        ({"kubernetes": None}, "kubernetes: expected str, got null"),
        ({"started": 1}, "started: expected str, got int"),
        ({"finished": 1}, "finished: expected str | null, got int"),
    ],
)
def test_a_run_of_other_types(change: dict[str, Any], why: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps({**run(drill()).to_json(), **change}))
    with pytest.raises(UsageError) as caught:
        read_all(tmp_path)
    assert caught.value.message == f"{file} does not follow the schema of results.json: {why}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not JSON: "),
        ("[]", "is not a results.json: no schema number"),
        ("null", "is not a results.json: no schema number"),
        ('{"schema": "1"}', "is not a results.json: no schema number"),
        ('{"schema": 99}', "has schema 99; this promdrill reads up to 1"),
        ('{"schema": 1}', "does not follow the schema of results.json: started is missing"),
        ("[" * 200_000, "is nested too deeply"),
        ('{"schema": 1, "started": NaN}', "has NaN instead of a number"),
        ('{"schema": 1, "started": 1e999}', "has 1e999 instead of a number"),
    ],
)
def test_json_that_is_none_of_ours(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_all(file)
    assert caught.value.message.startswith(f"{file} {why}")


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes(b'{"schema": "\xff"}')
    with pytest.raises(UsageError, match=r"results\.json is not JSON: 'utf-8' codec"):
        read_all(tmp_path)


def test_what_has_a_default_may_be_left_out(tmp_path: Path) -> None:
    data = run(drill("oom")).to_json()
    for name in ("skipped", "options", "planned"):
        del data[name]
    for name in ("steps", "samples", "observer", "remarks", "recovered_after_s", "interrupted"):
        del data["drills"][0][name]
    (tmp_path / "results.json").write_text(json.dumps(data))
    (found,) = read_all(tmp_path)
    assert found == run(drill("oom", took_s=None))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs: the second is 6 s slower than the first, the third failed."""
    monkeypatch.chdir(tmp_path)
    for name, result in (("first", drill()), ("slower", drill(took_s=18.0)), ("red", failed())):
        write(Path(name), result)


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["first", "first"], 0),
        (["first", "red"], 1),
        (["red", "first"], 0),
        (["first", "slower"], 1),
        (["slower", "first"], 0),
        (["first", "slower", "--threshold=50"], 0),
        (["first", "slower", "--threshold=0"], 1),
        (["first", "red", "--format=json"], 1),
        (["first", "red", "--format=markdown"], 1),
        (["first", "none"], 2),
    ],
)
def test_exit_codes(arguments: list[str], code: int) -> None:
    assert main.main(["compare", *arguments]) == code


@pytest.mark.usefixtures("folders")
def test_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["compare", "first", "red/results.json"])
    cell = "prometheus 25.8.0, Prometheus 2.48.0, Kubernetes 1.36.3, fast"
    assert capsys.readouterr().out == textwrap.dedent(f"""\
        OLD: first: 1 run, 1 drill
        NEW: red/results.json: 1 run, 1 drill

        1 regression
          disk-full
            {cell}
            old: passed
            new: failed: no recovery: 1/2

        0 cells unchanged
        """)
    main.main(["compare", "first", "red", "--format=json", "--threshold=12.5"])
    data = json.loads(capsys.readouterr().out)
    assert (data["old"]["path"], data["new"]["path"], data["threshold"]) == ("first", "red", 0.125)
    main.main(["compare", "first", "red", "--format=markdown"])
    assert capsys.readouterr().out.startswith("## promdrill compare: 1 regression\n\n- OLD: first: 1 run")


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("percent", ["-1", "nan", "inf", "much"])
def test_a_threshold_that_is_none(percent: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(["compare", "first", "red", f"--threshold={percent}"])
    assert caught.value.code == 2
    assert f"argument --threshold: '{percent}' is not a percentage such as 25" in capsys.readouterr().err

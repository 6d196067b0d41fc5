"""``promdrill alerts``: what it reads, what it prints, how it ends; and the lines that events of alerts are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.alerts_world import FULL, alert, alerted
from tests.unit.compare_world import drill
from tests.unit.html_world import a_run

from promdrill.cli import main
from promdrill.core import paths
from promdrill.core.alerts import AlertRule, AlertState, Evaluator
from promdrill.core.events import (
    AlertChanged,
    AlertMuted,
    AlertNotified,
    AlertRuleJudged,
    AlertRulesLoaded,
    AlertsUnknown,
    FaultFull,
    FaultGrows,
)
from promdrill.results.alerts.expectations import read
from promdrill.results.timeline.lines import LogRow, line_of, row_of


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The folder of a run with two incidents."""
    return a_run(tmp_path / "reports" / "one", alerted("disk-full", alert()), alerted("oom"))


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, and what was printed."""
    code = main.main(["alerts", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_show_may_be_left_out(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = typed(capsys, str(report))
    assert code == 0
    assert " ".join(said.split()).startswith(f"{report}: 2 incidents, 1 alerting rule, 1 of which nobody was told")
    assert typed(capsys, "show", str(report)) == (0, said, "")
    assert typed(capsys, str(report / "results.json"))[0] == 0


def test_the_newest_run_is_the_default(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "reports_dir", lambda: report.parent)
    (report.parent / "latest").symlink_to(report.name)
    assert " ".join(typed(capsys)[1].split()).startswith(f"{report.parent / 'latest'}: 2 incidents")
    assert typed(capsys, "--format", "markdown")[1].startswith("## promdrill alerts: 2 incidents")
    found = json.loads(typed(capsys, "show", "--format=json")[1])
    assert [each["drill"] for each in found["incidents"]] == ["disk-full", "oom"]
    assert typed(capsys, "propose")[0] == 0


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, wrong = typed(capsys, str(tmp_path / "nowhere"))
    assert (code, said) == (2, "")
    assert "nowhere" in wrong
    with pytest.raises(SystemExit) as caught:
        typed(capsys, "show", "--format=pdf")
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith("Hint: promdrill alerts show --help\n")


def test_help_lists_the_actions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        typed(capsys, "--help")
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "    show " in said
    assert "    propose " in said


def test_a_proposal_is_written_and_can_be_read(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "alerts.toml"
    assert typed(capsys, "propose", str(report), "--out", str(out)) == (
        *(0, f"{out}: 1 expectation; no alert named 1 incident\n"),
        "oom: no alert fired\n",
    )
    assert [each.alert for each in read(out)] == [FULL]
    code, said, _ = typed(capsys, "propose", str(report))
    assert (code, said) == (0, out.read_text(encoding="utf-8"))
    code, _, wrong = typed(capsys, "propose", str(report), "--out", str(out))
    assert (code, f"--out {out}: it exists" in wrong) == (2, True)


def test_a_proposal_that_cannot_be_written_is_refused(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, wrong = typed(capsys, "propose", str(report), "--out", str(tmp_path / "no" / "alerts.toml"))
    assert (code, "No such file or directory" in wrong) == (2, True)


@pytest.mark.parametrize(
    ("results", "why"),
    [([drill()], "it has no drill that passed and had rules"), ([alerted("oom")], "no alert named any incident")],
)
def test_a_run_that_says_nothing_proposes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], results: list[Any], why: str
) -> None:
    folder = a_run(tmp_path / "one", *results)
    code, said, wrong = typed(capsys, "propose", str(folder))
    assert (code, said) == (2, "")
    assert why in wrong
    assert f"Hint: promdrill alerts {folder}" in wrong


# --- lines -----------------------------------------------------------------------------------------------------------


WHO: dict[str, Any] = {"alert": FULL, "labels": {"pod": "p"}, "evaluator": Evaluator.WITNESS}
SENT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "line", "row"),
    [
        (
            AlertRulesLoaded(speed=30.0, off_by_s=1.0, rules=(AlertRule(alert=FULL),)),
            "1 alerting rule loaded, 30 times as fast",
            LogRow("rules", "1 alerting rule, 30 times as fast"),
        ),
        (
            AlertRulesLoaded(speed=1.0, off_by_s=1.0, not_inside="too old"),
            "0 alerting rules loaded",
            LogRow("rules", "0 alerting rules", "too old"),
        ),
        (
            AlertChanged(**WHO, state=AlertState.FIRING, summary="It fills."),
            f"alert {FULL} (witness) fires",
            LogRow("alert", f"{FULL} (witness): firing", 'It fills.  {pod="p"}'),
        ),
        (
            AlertChanged(**{**WHO, "labels": {}}, state=AlertState.PENDING),
            None,
            LogRow("alert", f"{FULL} (witness): pending"),
        ),
        (
            AlertNotified(**WHO, receiver="pager", resolved=False, sent=SENT),
            f"alert {FULL} (witness): pager notified",
            LogRow("notified", f"{FULL} (witness)", "pager notified"),
        ),
        (
            AlertNotified(**WHO, receiver="pager", resolved=True, sent=SENT),
            f"alert {FULL} (witness): pager notified that it is resolved",
            LogRow("notified", f"{FULL} (witness)", "pager notified that it is resolved"),
        ),
        (
            AlertMuted(**WHO, why="inhibited by X"),
            f"alert {FULL} (witness): nobody is notified: inhibited by X",
            LogRow("muted", f"{FULL} (witness)", "inhibited by X"),
        ),
        (
            AlertRuleJudged(alert=FULL, unknown_metrics=("a", "b"), error="bad"),
            None,
            LogRow("rule", FULL, "bad; reads a, b, of which nothing is stored"),
        ),
        (AlertRuleJudged(alert=FULL), None, None),
        (
            FaultGrows(fault="fill /data", used=0.906, left_s=720.0),
            "fill /data: 91 % used, full in 12 min",
            LogRow("grows", "fill /data: 91 % used, full in 12 min"),
        ),
        (FaultFull(fault="fill /data"), "full effect: fill /data", LogRow("full effect", "fill /data")),
        (AlertsUnknown(error="gone"), "alerts can no longer be watched: gone", LogRow("alerts", "gone")),
    ],
)
def test_events_of_alerts_are_lines_and_rows(event: Any, line: str | None, row: LogRow | None) -> None:
    assert (line_of(event), row_of(event)) == (line, row)

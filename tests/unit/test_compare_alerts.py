"""Two sets of results, by their alerts: what no longer fires, what fires later than noise explains."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.alerts_world import FULL, LOOPS, account, alert, alerted, moments
from tests.unit.compare_world import drill, no_fault, run

from promdrill.core.alerts import Evaluator
from promdrill.core.model import DrillResult, Verdict
from promdrill.report.compare.across import Axis
from promdrill.report.compare.markdown import to_markdown
from promdrill.report.compare.regressions import AlertTrend, Comparison, Finding, Trend, compare
from promdrill.report.compare.text import to_json, to_text

SURE_S = 150.0
"""Seconds of the operator's that a change must exceed, where nothing else says more: 5 s of a drill, 30 times."""


def fired(*times: float | None, **fields: Any) -> list[DrillResult]:
    """A drill for each time in seconds as measured at which the alert fired; None for a drill in which it did not."""
    return [alerted("disk-full", *([] if at is None else [alert(firing=[(at, None)])]), **fields) for at in times]


def compared(old: list[DrillResult], new: list[DrillResult], **fields: Any) -> Comparison:
    return compare([run(*old)], [run(*new)], **fields)


def trends(old: list[DrillResult], new: list[DrillResult]) -> tuple[Finding, tuple[AlertTrend, ...]]:
    """What is found about the only cell."""
    (row,) = compared(old, new).rows
    return row.finding, row.alerts


def test_an_alert_that_no_longer_fires_is_a_regression() -> None:
    finding, (found,) = trends(fired(4.0), fired(None))
    assert finding is Finding.REGRESSION
    assert found == AlertTrend(
        alert=FULL,
        evaluator=Evaluator.WITNESS,
        trend=Trend.WORSE,
        old=1,
        old_of=1,
        new=0,
        new_of=1,
        old_s=120.0,
        new_s=None,
        limit_s=SURE_S,
    )


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ([4.0], [4.0], Finding.UNCHANGED),
        ([4.0], [9.0], Finding.UNCHANGED),
        ([4.0], [9.1], Finding.REGRESSION),
        ([9.1], [4.0], Finding.IMPROVEMENT),
        ([4.0, 4.0, 4.0], [4.0, 4.0, 10.0], Finding.UNCHANGED),
        ([4.0, 8.0, 12.0], [14.0, 16.0, 18.0], Finding.UNCHANGED),
        ([4.0, None, None], [None, None, None], Finding.UNCHANGED),
        ([4.0, 4.0, 4.0], [4.0, 4.0, None], Finding.REGRESSION),
        ([None], [4.0], Finding.CHANGE),
        ([None, None], [4.0, None], Finding.UNCHANGED),
        ([None], [None], Finding.UNCHANGED),
    ],
)
def test_only_what_noise_does_not_explain_counts(
    old: list[float | None], new: list[float | None], finding: Finding
) -> None:
    assert trends(fired(*old), fired(*new))[0] is finding


def test_what_times_may_be_off_by_counts_as_noise() -> None:
    assert trends(fired(4.0), fired(10.0))[0] is Finding.REGRESSION
    assert trends(fired(4.0, off_by_s=4.0), fired(10.0))[0] is Finding.REGRESSION
    assert trends(fired(4.0, off_by_s=5.0), fired(10.0))[0] is Finding.UNCHANGED


def test_each_prometheus_is_compared_with_itself() -> None:
    inside = alerted("disk-full", alert(evaluator=Evaluator.INSIDE), alert())
    finding, (found,) = trends([inside], fired(4.0))
    assert (finding, found.evaluator, found.trend) == (Finding.REGRESSION, Evaluator.INSIDE, Trend.WORSE)


def test_false_alarms_and_what_fires_after_recovery_are_no_warnings() -> None:
    alarm = [alerted("disk-full", alert(firing=[(-3.0, None)]))]
    after = [alerted("disk-full", alert(firing=[(50.0, None)]))]
    assert trends(alarm, fired(None)) == trends(after, fired(None)) == (Finding.UNCHANGED, ())
    assert trends(fired(4.0), alarm)[0] is Finding.REGRESSION


@pytest.mark.parametrize("unsaid", [drill("disk-full"), alerted("disk-full", unknown="the witness is gone")])
def test_where_one_side_watched_no_alerts_nothing_is_said(unsaid: DrillResult) -> None:
    assert trends(fired(4.0), [unsaid]) == trends([unsaid], fired(4.0)) == (Finding.UNCHANGED, ())


def test_controls_are_not_asked_for_alerts() -> None:
    old, new = no_fault(alerts=account(alert())), no_fault(alerts=account())
    assert trends([old], [new]) == (Finding.UNCHANGED, ())


def test_where_faults_grew_for_another_time_alerts_are_not_compared() -> None:
    slow = fired(40.0, 40.0, moments=moments(full_s=48.0))
    assert trends(fired(4.0), slow) == trends(slow, fired(4.0)) == (Finding.UNCHANGED, ())
    assert trends(slow, fired(None, moments=moments(full_s=60.0)))[0] is Finding.REGRESSION, "about as long"
    assert trends(slow, fired(None, moments=moments(full_s=60.1))) == (Finding.UNCHANGED, ())
    assert trends(fired(None, moments=moments(full_s=60.1)), slow) == (Finding.UNCHANGED, ())
    said = " ".join(to_text(compared(fired(4.0), slow), "a", "b").split())
    assert said.count("alert: not compared") == 0, "unchanged cells are only counted"
    worse = [replace(slow[0], verdict=Verdict.FAILED)]
    said = " ".join(to_text(compared(fired(4.0), worse), "a", "b").split())
    assert "alert: not compared: the fault took effect at once in old, the fault grew for 24 min in new" in said
    (cell,) = json.loads(to_json(compared(fired(4.0), slow), "a", "b"))["cells"]
    assert (cell["old"]["alerts"]["full_s"], cell["new"]["alerts"]["full_s"]) == (None, 1440.0)


def test_across_profiles_alerts_are_not_compared() -> None:
    slow = fired(None)[0]
    (row,) = compared(fired(4.0), [replace(slow, profile="as-shipped")], across=[Axis.PROFILE]).rows
    assert (row.finding, row.alerts) == (Finding.UNCHANGED, ())
    (row,) = compared(fired(4.0), [slow], across=[Axis.PROFILE]).rows
    assert row.finding is Finding.REGRESSION, "the profile is equal all the same"


def test_it_is_shown_with_both_times() -> None:
    old = [alerted("disk-full", alert(), alert(LOOPS, firing=[(20.0, None)]), alert("Early", firing=[(20.0, None)]))]
    new = [
        alerted("disk-full", alert("New"), alert(LOOPS, firing=[(26.0, None)]), alert("Early", firing=[(1.0, None)])),
    ]
    result = compared(old, new)
    text = " ".join(to_text(result, "a", "b").split())
    for line in (
        "Early from the witness: 10 min after the fault -> 30 s after the fault, 9 min 30 s earlier; noise is up",
        f"{FULL} from the witness: no longer fires; it did, 2 min after the fault",
        f"{LOOPS} from the witness: 10 min after the fault -> 13 min after the fault, 3 min later; noise is up",
        "New from the witness: fires now, 2 min after the fault; it did not",
    ):
        assert f" alert: {line}" in text
    (first, *_) = [line for line in to_markdown(result, "a", "b").splitlines() if line.startswith("| regression")]
    assert "| finding | drill | cell | old | new | recovery | alerts |" in to_markdown(result, "a", "b")
    assert "KubePodCrashLooping from the witness: 10 min after the fault -&gt; 13 min after the fault" in first
    (cell,) = json.loads(to_json(result, "a", "b"))["cells"]
    assert [each["trend"] for each in cell["alerts"]] == ["better", "worse", "worse", "other"]
    assert cell["old"]["alerts"]["figures"][0] == {"alert": "Early", "evaluator": "witness", "fired_s": [600.0]}


def test_an_alert_that_fires_less_often_says_in_how_many() -> None:
    old, new = fired(4.0, 4.0, 4.0), fired(4.0, 4.0, None)
    text = " ".join(to_text(compared(old, new), "a", "b").split())
    assert f"alert: {FULL} from the witness: fired in 2 of 3; it did in 3 of 3" in text

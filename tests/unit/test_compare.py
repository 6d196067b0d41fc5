"""Comparing two sets of results: what is worse, what better, and what is only noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.compare_world import PHASES, UNTOLD, aborted, drill, failed, no_fault, passed, run, without

from promdrill.core.model import DrillResult, Verdict
from promdrill.report.compare.regressions import Compared, Finding, Trend, compare


def only(old: Sequence[DrillResult], new: Sequence[DrillResult], **options: Any) -> Compared:
    """The one row that comparing two runs gives."""
    (row,) = compare([run(*old)], [run(*new)], **options).rows
    return row


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("P", "P", "unchanged"),
        ("P", "F", "regression"),
        ("PPP", "FFF", "regression"),
        ("PPP", "PPI", "regression"),  # flips now
        ("P", "I", "regression"),
        ("F", "P", "improvement"),
        ("FFF", "PPP", "improvement"),
        ("F", "F", "unchanged"),
        ("F", "I", "change"),
        ("FF", "PF", "change"),  # better, but it flips
        ("PF", "PF", "unchanged"),  # it flipped before
        ("PF", "F", "change"),  # a coin that falls like that once
        ("PF", "FFFF", "change"),  # 1/16 is not odd enough
        ("PF", "FFFFF", "regression"),  # 1/32 is
        ("PF", "P", "change"),
        ("PF", "PPPP", "change"),
        ("PF", "PPPPP", "improvement"),
        ("PPPPPPPPPF", "PPFFF", "regression"),
        ("PA", "PA", "unchanged"),
        ("PPA", "AAF", "regression"),  # what was aborted does not count, the rest does
        ("P", "A", "not-compared"),
        ("A", "F", "not-compared"),
        ("A", "A", "not-compared"),
    ],
)
def test_verdicts(old: str, new: str, finding: str) -> None:
    kinds = {"P": drill(), "F": failed(), "I": failed(verdict=Verdict.INVALID), "A": aborted()}
    row = only([kinds[letter] for letter in old], [kinds[letter] for letter in new])
    assert row.finding == finding
    assert row.recovery is None or row.recovery.trend is Trend.SAME


@pytest.mark.parametrize(
    ("old", "new", "finding", "limit_s"),
    [
        ([8], [13], "unchanged", 5.0),  # not more than the resolution
        ([8], [13.1], "regression", 5.0),
        ([8], [2.9], "improvement", 5.0),
        ([11.5, 11.5, 11.7, 11.7, 12.1, 14.9], [15.3], "unchanged", 5.0),  # as disk-full was seen, unchanged
        ([40], [50], "unchanged", 10.0),  # not more than a quarter
        ([40], [50.1], "regression", 10.0),
        ([40], [29.9], "improvement", 10.0),
        ([12, 12, 12], [17.1, 17.1, 17.1], "regression", 5.0),  # equal repeats are not without noise
        ([10, 12, 14], [17, 19, 21], "unchanged", 12.579),  # 3 x 1.4826 x root of (2 x 2 + 2 x 2)
        ([10, 12, 14], [23, 25, 27], "regression", 12.579),
        ([10, 12, 14], [20], "unchanged", 12.579),  # the one without repeats is taken to be as noisy
        ([20], [10, 12, 14], "unchanged", 12.579),
        ([12, 12, 12, 12, 40], [12, 12, 12], "unchanged", 5.0),  # one that is far off does not matter
        ([12, 12, 12], [12, 12, 40], "unchanged", 5.0),
        ([10, 20], [25], "unchanged", 31.451),  # two repeats count where they make it larger
        ([22, 22, 26, 26, 24], [32, 32, 32, 32, 32], "unchanged", 8.895),
        ([22, 22, 26, 26, 24], [33, 33, 33], "regression", 8.895),
    ],
)
def test_recovery_passed(old: list[float], new: list[float], finding: str, limit_s: float) -> None:
    row = only(passed(*old), passed(*new))
    assert row.recovery is not None
    assert (row.finding, row.recovery.limit_s) == (finding, limit_s)
    assert row.verdict is Trend.SAME


def test_the_threshold_is_the_relative_part() -> None:
    assert only(passed(40), passed(46), threshold=0.0).finding is Finding.REGRESSION
    assert only(passed(40), passed(45), threshold=0.0).finding is Finding.UNCHANGED, "the resolution stays"
    assert only(passed(40), passed(59), threshold=0.5).finding is Finding.UNCHANGED
    assert only(passed(40), passed(61), threshold=0.5).finding is Finding.REGRESSION


def test_only_drills_that_passed_have_a_recovery_time() -> None:
    late = failed(recovered_after_s=200.0)  # recovered, but a step under Verification failed
    row = only([drill(), late, aborted()], [drill(), replace(late, recovered_after_s=999.0)])
    assert row.old is not None
    assert row.old.recovered_s == (12.0,)
    assert row.finding is Finding.UNCHANGED
    assert only([no_fault(recovered_after_s=1.0)], [no_fault(recovered_after_s=99.0)]).recovery is None
    assert only([drill(took_s=None)], [drill()]).recovery is None


def test_slower_outweighs_a_better_verdict() -> None:
    row = only([*passed(12), failed()], passed(60, 60, 60, 60, 60))
    assert (row.verdict, row.finding) == (Trend.BETTER, Finding.REGRESSION)


def test_a_control_that_ends_no_longer_as_expected_is_a_regression() -> None:
    passed = no_fault(verdict=Verdict.PASSED, reason=None, phases=PHASES)
    too_early = no_fault(phases=PHASES[:2], reason="no usable baseline")  # the same verdict for another reason
    assert only([no_fault()], [no_fault()]).finding is Finding.UNCHANGED
    assert only([no_fault()], [passed]).finding is Finding.REGRESSION
    assert only([no_fault()], [too_early]).finding is Finding.REGRESSION
    assert only([passed], [no_fault()]).finding is Finding.IMPROVEMENT


def test_a_control_that_was_now_due_and_now_not_is_said_to_have_changed() -> None:
    too_early = no_fault(phases=PHASES[:2], reason="no usable baseline")
    row = only([no_fault(), too_early], [no_fault()])
    assert row.finding is Finding.CHANGE
    assert row.old is not None
    assert [reason.split(":")[0] for reason in row.old.reasons] == ["not as expected", "as expected"], (
        "what is wrong comes first"
    )


def test_an_ablation_whose_step_is_no_longer_needed_is_a_regression() -> None:
    assert only([without(31, "helm upgrade")], [without(31, "helm upgrade")]).finding is Finding.UNCHANGED
    idle = without(31, "helm upgrade", verdict=Verdict.PASSED, reason=None)
    assert only([without(31, "helm upgrade")], [idle]).finding is Finding.REGRESSION


def test_steps_are_the_same_though_their_lines_moved() -> None:
    first = without(20, "helm upgrade", verdict=Verdict.PASSED)
    old = [without(31, "helm upgrade"), first, without(40, "kubectl get")]
    again, idle = (without(line, "helm upgrade", verdict=Verdict.PASSED) for line in (25, 36))
    new = [again, idle, without(45, "kubectl get")]
    rows = compare([run(*old)], [run(*new)]).rows
    assert [(row.cell.control, row.finding) for row in rows] == [
        ("without runbook.md: helm upgrade (occurrence 2)", Finding.REGRESSION),
        ("without runbook.md: helm upgrade", Finding.UNCHANGED),
        ("without runbook.md: kubectl get", Finding.UNCHANGED),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"scenario": "lifecycle-flag"},
        {"control": "no-remedy"},
        {"chart": "kube-prometheus-stack"},
        {"chart_version": "27.52.0"},
        {"app_version": "3.8.1"},
        {"profile": "as-shipped"},
    ],
)
def test_only_like_is_compared_with_like(other: dict[str, str]) -> None:
    result = compare([run(drill())], [run(failed(**other))])
    assert {row.finding for row in result.rows} == {Finding.NEW, Finding.MISSING}
    assert not result.regressed


def test_kubernetes_versions_are_kept_apart() -> None:
    result = compare(
        [run(drill()), run(drill(), kubernetes="1.34.4")], [run(drill()), run(failed(), kubernetes="1.34.4")]
    )
    assert [(row.cell.kubernetes, row.finding) for row in result.rows] == [
        ("1.34.4", Finding.REGRESSION),
        ("1.36.3", Finding.UNCHANGED),
    ]


def test_repeats_may_be_in_several_files() -> None:
    old = [run(drill(took_s=figure), started=f"2026-01-{figure:.0f}") for figure in (14.0, 10.0, 12.0)]
    (row,) = compare(old, [run(*passed(25, 25))]).rows
    assert row.old is not None
    assert row.new is not None
    assert (row.old.recovered_s, row.old.median_s, row.old.spread_s) == ((10.0, 12.0, 14.0), 12.0, 2.965)
    assert (row.new.median_s, row.new.spread_s) == (25.0, 0.0)


def test_a_prometheus_that_no_longer_starts_is_not_a_missing_cell() -> None:
    broken = failed(verdict=Verdict.INVALID, reason="no usable baseline", app_version=None)
    row = only([drill()], [broken])
    assert row.finding is Finding.REGRESSION
    assert row.new is not None
    assert row.new.assumed == 1


def test_untold_versions_are_first_looked_for_in_the_same_run() -> None:
    other = drill(chart_version="27.52.0", app_version="3.8.1")
    result = compare([run(drill()), run(other)], [run(other, failed(**UNTOLD)), run(drill())])
    assert [(row.cell.chart_version, row.finding) for row in result.rows] == [
        ("27.52.0", Finding.REGRESSION),
        ("25.8.0", Finding.UNCHANGED),
    ]


def test_untold_versions_are_not_guessed() -> None:
    other = drill(chart_version="27.52.0", app_version="3.8.1")
    for told in ({"scenario": "oom"}, {"profile": "as-shipped"}, {"chart": "kube-prometheus-stack"}):
        assert Finding.NEW in {row.finding for row in compare([run(drill())], [run(failed(**{**UNTOLD, **told}))]).rows}
    result = compare([run(drill()), run(other)], [run(drill(), started="1"), run(other), run(failed(**UNTOLD))])
    assert [row.finding for row in result.rows] == [Finding.NEW, Finding.UNCHANGED, Finding.UNCHANGED]
    assert result.rows[0].cell.chart_version is None


def test_an_aborted_drill_knows_no_chart_and_is_found_all_the_same() -> None:
    row = only([drill()], [drill(), aborted(chart=None, **UNTOLD)])
    assert row.finding is Finding.UNCHANGED
    assert row.new is not None
    assert (row.new.aborted, row.new.assumed) == (("interrupted during inject",), 0)


def test_rows_are_in_the_order_of_findings_and_then_of_versions() -> None:
    versions = ("25.8.0", "8.11.4", "15.18.0")
    old = [drill(chart_version=version) for version in versions] + [drill("b"), failed("a"), drill("oom")]
    new = [drill(chart_version=version) for version in versions] + [failed("b"), drill("a"), drill("wal")]
    rows = compare([run(*old)], [run(*new)]).rows
    assert [(row.finding.value, row.cell.scenario, row.cell.chart_version) for row in rows] == [
        ("regression", "b", "25.8.0"),
        ("improvement", "a", "25.8.0"),
        ("new", "wal", "25.8.0"),
        ("missing", "oom", "25.8.0"),
        ("unchanged", "disk-full", "8.11.4"),
        ("unchanged", "disk-full", "15.18.0"),
        ("unchanged", "disk-full", "25.8.0"),
    ]
    assert only([drill(chart_version="2²")], [drill(chart_version="2²")]).finding is Finding.UNCHANGED

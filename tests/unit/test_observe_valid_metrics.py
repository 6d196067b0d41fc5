"""The definition of valid metrics: each part holds on a sound server, and each fails on its own.

docs/explanation/valid-metrics.md says what it means, clause by clause.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.observe_world import NAMESPACE, NOW, FakeClock, said, snapshot

from promdrill.core import paths
from promdrill.observe import valid_metrics as valid
from promdrill.observe.conditions import Seen
from promdrill.observe.judges import STARTED
from promdrill.observe.probes import AGE_QUERY, Labels, MetricsProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.prometheus import Remembered
from promdrill.observe.server import Server
from promdrill.observe.snapshot import EPOCH, Snapshot
from promdrill.observe.store import ANSWERS_KEPT, Store
from promdrill.observe.targets import Demand
from promdrill.observe.valid_metrics import valid_metrics

SERVER = Server.of(NAMESPACE, "prometheus")
SINCE = NOW - timedelta(seconds=20)
BEFORE, DURING = SINCE.timestamp() - 100, SINCE.timestamp() + 5
A: Labels = frozenset({("job", "a")})
B: Labels = frozenset({("job", "b")})
EARLY = Remembered("count_over_time(up[5s])", 123.0, frozenset({(A, 5.0)}))
APPENDED, RULES = valid.APPENDED, valid.RULE_FAILURES
WAL, COMPACTIONS, RELOADS = valid.TSDB_FAILURES
NAMES = {
    "targets": "targets up (a)",
    "fresh": "newest sample younger than 3 s",
    "rising": "Prometheus is storing samples",
    "wal": "no WAL write failed",
    "compactions": "no compaction failed",
    "reloads": "no reload of blocks failed",
    "rules": "no rule evaluation failed",
    "early": "samples from before the fault, up to 00:02:03.000Z, are still there",
}
LOSSY = "queries over the time before the fault, up to 00:02:03.000Z, are answered"
PAGE = paths.project_dir() / "docs" / "explanation" / "valid-metrics.md"


def reading(at_s: float, *, started: Any = BEFORE, version: Any = "2.48.0", **changes: Any) -> ProbeAnswer:
    """A /metrics page read `at_s` from now; appended samples rise by 100 a second; None takes a metric away."""
    page: dict[str, float | None] = {
        STARTED: started,
        APPENDED: 10_000 + 100 * at_s,
        WAL: 0,
        COMPACTIONS: 0,
        RELOADS: 0,
        RULES: 0,
        **changes,
    }
    metrics = {(name, frozenset[tuple[str, str]]()): value for name, value in page.items() if value is not None}
    metrics[valid.BUILD, frozenset({("version", version)})] = 1
    return said(200, at_s=at_s, metrics=metrics)


def query(content: Mapping[Labels, float]) -> ProbeAnswer:
    found = [{"metric": dict(labels), "value": [0, str(v)]} for labels, v in content.items()]
    return said(200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": found}}))


def targets(*health: str) -> ProbeAnswer:
    listed = [{"labels": {"job": "a"}, "health": each, "scrapeUrl": "u", "lastError": ""} for each in health]
    return said(200, json.dumps({"status": "success", "data": {"activeTargets": listed}}))


def world(
    *readings: ProbeAnswer,
    health: Sequence[str] = ("up", "up"),
    age_s: float = 0.5,
    early: Mapping[Labels, float] | ProbeAnswer | None = None,
    gone: bool = False,
    data_loss: bool = False,
) -> dict[str, Seen]:
    """What each condition sees, by its short name."""
    conditions = valid_metrics(
        SERVER, since=SINCE, scrape_interval_s=1.0, jobs={"a": 2}, early=[EARLY], data_loss=data_loss
    )
    history: dict[Probe, tuple[ProbeAnswer, ...]] = {}
    for probe in {p for c in conditions for p in c.probes}:
        if isinstance(probe, MetricsProbe):
            history[probe] = readings
        elif isinstance(probe, QueryProbe):
            then = early if isinstance(early, ProbeAnswer) else query({A: 5.0} if early is None else early)
            history[probe] = (query({frozenset(): age_s}) if probe.promql == AGE_QUERY else then,)
        else:
            history[probe] = (targets(*health),)
    seen: Snapshot = (
        snapshot() if gone else snapshot(answers={p: a[-1] for p, a in history.items() if a}, history=history)
    )
    names = {LOSSY: "early", **{name: short for short, name in NAMES.items()}}
    return {names[c.name]: c.judge(seen) for c in conditions}


def failing(seen: dict[str, Seen]) -> set[str]:
    return {name for name, s in seen.items() if not s.holds}


def test_a_sound_server_is_valid_in_every_part() -> None:
    seen = world(reading(-2), reading(-0.5), reading(0))
    assert failing(seen) == set()
    assert set(seen) == set(NAMES)
    assert seen["rising"].text == "200 samples appended in 2.0 s"


def test_all_counters_are_read_with_one_question() -> None:
    conditions = valid_metrics(SERVER, since=SINCE, scrape_interval_s=1.0, jobs={})
    assert len({p for c in conditions for p in c.probes if isinstance(p, MetricsProbe)}) == 1


def test_nothing_known_is_not_valid() -> None:
    seen = world(gone=True)
    assert failing(seen) == set(NAMES)
    assert not any(s.known for s in seen.values())


@pytest.mark.parametrize(
    ("broken", "fields"),
    [
        ("targets", {"health": ("up", "down")}),
        ("fresh", {"age_s": 3.0}),
        ("early", {"early": {}}),
        ("early", {"early": {A: 4.0}}),
        ("early", {"early": {B: 5.0}}),
    ],
)
def test_each_part_fails_on_its_own(broken: str, fields: dict[str, Any]) -> None:
    assert failing(world(reading(-2), reading(0), **fields)) == {broken}


@pytest.mark.parametrize(
    ("name", "metric"), [("wal", WAL), ("compactions", COMPACTIONS), ("reloads", RELOADS), ("rules", RULES)]
)
def test_counters_may_not_rise_since_the_given_moment(name: str, metric: str) -> None:
    def at(*values: tuple[float, float], started: float = BEFORE) -> Seen:
        return world(*[reading(s, started=started, **{metric: v}) for s, v in values])[name]

    assert at((-2, 7), (0, 7)).holds, "failures from before count no more"
    assert not at((-2, 7), (0, 8)).holds
    assert not at((-20, 7), (-1, 8), (0, 8)).holds, "a reading at the moment is the base"
    assert not at((-30, 6), (-2, 7), (-1, 8), (0, 8)).holds, "the first reading after the moment is the base"
    assert at((-30, 6), (-2, 7), (0, 7)).holds
    assert at((-2, 0), (0, 0), started=DURING).holds
    assert not at((-2, 7), (0, 7), started=DURING).holds, "a new process must show zero"
    assert not at((-2, 7), (0, 7), started=SINCE.timestamp()).holds, "also one that started at the moment"
    assert at((-2, 7), (0, 8)).text == f"1 since the given moment ({metric})"
    assert at((0, 2), started=DURING).text == f"2 since the process started ({metric})"


def test_a_restart_between_readings_counts_from_the_restart() -> None:
    before = reading(-10, **{WAL: 40})
    assert world(before, reading(-2, started=DURING), reading(0, started=DURING))["wal"].holds
    after = world(before, reading(-2, started=DURING, **{WAL: 1}), reading(0, started=DURING, **{WAL: 1}))
    assert not after["wal"].holds, "less than before, but more than none"
    assert not world(before, reading(0, started=DURING))["rising"].known, "readings of two processes are not compared"


def test_appended_samples_must_rise_over_one_interval() -> None:
    assert not world(reading(-0.5), reading(0))["rising"].known, "half an interval proves nothing"
    still = world(reading(-2, **{APPENDED: 50.0}), reading(-1, **{APPENDED: 60.0}), reading(0, **{APPENDED: 60.0}))
    assert (still["rising"].holds, still["rising"].known) == (False, True), "it rose once, and stopped"


def test_a_counter_that_is_not_there_yet_has_counted_nothing() -> None:
    none_yet = {APPENDED: None}
    assert world(reading(-1, **none_yet), reading(0))["rising"].text == "10000 samples appended in 1.0 s"
    assert not world(reading(-0.5, **none_yet), reading(0))["rising"].known, "half an interval proves nothing"
    assert not world(reading(-1), reading(0, **none_yet))["rising"].known, "it never goes away again"


def test_a_failure_of_the_first_rule_group_counts() -> None:
    seen = world(reading(-2, **{RULES: None}), reading(0, **{RULES: 1}))["rules"]
    assert (seen.holds, seen.text) == (False, f"1 since the given moment ({RULES})")


def test_of_a_process_that_does_not_say_when_it_started_the_given_moment_counts() -> None:
    seen = world(reading(-2, started=None, **{WAL: 7}), reading(0, started=None, **{WAL: 7}))["wal"]
    assert (seen.holds, seen.text) == (True, f"0 since the given moment ({WAL})")


def test_appended_samples_are_summed_over_types() -> None:
    def typed(at_s: float, histograms: float) -> ProbeAnswer:
        answer = reading(at_s, **{APPENDED: None})
        metrics = dict(answer.metrics or {})
        metrics[APPENDED, frozenset({("type", "float")})] = 10.0
        metrics[APPENDED, frozenset({("type", "histogram")})] = histograms
        return said(200, at_s=at_s, metrics=metrics)

    assert world(typed(-2, 1), typed(0, 2))["rising"].text == "1 samples appended in 2.0 s"


def test_without_rules_no_rule_can_fail() -> None:
    seen = world(reading(-2, **{RULES: None}), reading(0, **{RULES: None}))["rules"]
    assert (seen.holds, seen.text) == (True, "there are no rule groups")


@pytest.mark.parametrize(
    ("version", "holds"),
    [("2.9.2", True), ("2.15.2", True), ("2.16.0", False), ("2.48.0", False), ("3.14.0", False), ("", False)],
)
def test_only_versions_before_the_metric_may_lack_it(version: str, *, holds: bool) -> None:
    page: dict[str, Any] = {"version": version, WAL: None}
    assert world(reading(-2, **page), reading(0, **page))["wal"].holds == holds


def test_other_counters_may_never_be_missing() -> None:
    gone: dict[str, Any] = {COMPACTIONS: None, RELOADS: None, APPENDED: None, "version": "2.9.2"}
    seen = world(reading(-2, **gone), reading(0, **gone))
    assert failing(seen) == {"compactions", "reloads", "rising"}
    assert seen["compactions"].text == f"no metric {COMPACTIONS}"


def test_pages_and_queries_that_are_not_answered_are_quoted() -> None:
    seen = world(said(503, "Service Unavailable"))
    assert seen["wal"].text == "/metrics does not answer: HTTP 503 Service Unavailable"
    lost = world(reading(-2), reading(0), early={A: 3.0, B: 5.0})["early"]
    assert lost.text == "fewer in 1 of 1 series: {job=a} 3; before the fault: {job=a} 5"
    none_left = world(reading(-2), reading(0), early={})["early"]
    assert none_left.text == "fewer in 1 of 1 series: {job=a} 0; before the fault: {job=a} 5"


def test_a_target_that_is_lost_is_not_recovered() -> None:
    """Though every target that is left is up."""
    seen = world(reading(-2), reading(0), health=["up"])
    assert failing(seen) == {"targets"}
    assert seen["targets"].text == "1/1 targets up; 1 of 2 targets of job a"


@pytest.mark.parametrize("data_loss", [False, True])
def test_older_time_that_cannot_be_queried_is_not_valid(*, data_loss: bool) -> None:
    """As over a damaged block, while the newest samples are in order; a runbook that loses data allows for no error."""
    refused = said(422, '{"status":"error","errorType":"execution","error":"invalid checksum"}')
    seen = world(reading(-2), reading(0), early=refused, data_loss=data_loss)
    assert failing(seen) == {"early"}
    assert seen["early"].known, "an error is an answer"
    assert "HTTP 422" in seen["early"].text
    nobody = said(503, '{"kind":"Status","apiVersion":"v1","message":"no endpoints"}')
    assert not world(reading(0), early=nobody, data_loss=data_loss)["early"].known


@pytest.mark.parametrize("left", [{}, {A: 4.0}])
def test_where_the_runbook_says_so_samples_may_be_lost(left: Mapping[Labels, float]) -> None:
    assert failing(world(reading(-2), reading(0), early=left, data_loss=True)) == set()
    assert failing(world(reading(-2), reading(0), early=left)) == {"early"}


def test_more_samples_than_were_counted_are_as_good() -> None:
    """A scrape had begun, and was stored after the count."""
    assert world(reading(-2), reading(0), early={A: 6.0, B: 1.0})["early"].holds


@pytest.mark.parametrize(
    ("name", "metric"), [("wal", WAL), ("compactions", COMPACTIONS), ("reloads", RELOADS), ("rules", RULES)]
)
def test_a_failure_is_not_forgotten_however_long_ago_it_was(name: str, metric: str) -> None:
    """One just after the moment, and then more readings than are kept."""
    conditions = valid_metrics(SERVER, since=SINCE, scrape_interval_s=1.0, jobs={"a": 1})
    condition = next(c for c in conditions if c.name == NAMES[name])
    (probe,) = condition.probes
    store = Store(NAMESPACE, FakeClock())
    store.answer(probe, reading(-30, **{metric: 5}))
    store.forget_answer(probe)  # as the wait for recovery begins
    later = [(-17 + n / 100, 8) for n in range(ANSWERS_KEPT + 1)]
    for at_s, failed in [(-19, 7), (-18, 8), *later]:
        store.answer(probe, reading(at_s, **{metric: failed}))
    seen = condition.judge(store.snapshot(EPOCH))
    assert (seen.holds, seen.text) == (False, f"1 since the given moment ({metric})")


def test_the_page_has_every_clause_as_it_is_said_and_in_this_order() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(("| [", "| |"))]
    told = [re.escape(re.findall("`([^`]+)`", row)[-1]).replace(r"\.\.\.", ".+") for row in rows]
    first, *others = NAMES.values()
    names = [first, SERVER.targets_up({"a": 2}, demand=Demand.LEAST).name, *others, LOSSY]
    assert len(told) == len(names)
    assert [name for name, pattern in zip(names, told, strict=True) if not re.fullmatch(pattern, name)] == []
    clauses = [found[1] for row in rows if (found := re.match(r"\| \[(.+?)\]", row))]
    assert clauses == re.findall("^## (.+)$", page, re.MULTILINE)[: len(clauses)]
    conditions = valid_metrics(SERVER, since=SINCE, scrape_interval_s=1.0, jobs={"a": 2}, early=[EARLY])
    assert [c.name for c in conditions] == [*NAMES.values()]

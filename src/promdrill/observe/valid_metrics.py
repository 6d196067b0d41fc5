"""Valid metrics: the one definition, used as baseline before the fault and as recovery after the remedy.

All of these, at once; docs/explanation/valid-metrics.md explains each:

1. every target is up, and no job has fewer of them than before;
2. the newest stored sample is younger than three scrape intervals;
3. the number of appended samples rises;
4. since the given moment no WAL write, no compaction and no reload of blocks has failed;
5. no rule evaluation has failed since then (without rules none can);
6. queries over all the time before the fault are answered, and find what they found then.

Counters are read from the pod's own /metrics and not by PromQL, because a Prometheus that stores nothing does not store
them either. A counter counts from the given moment, however long ago that is, or from the start of the process if that
came later: a new process must show zero failures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from promdrill.core.clock import iso
from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.observe.judges import STARTED, answer_of, status_words, vector_words
from promdrill.observe.probes import MetricsProbe, ProbeAnswer, QueryProbe
from promdrill.observe.prometheus import Remembered
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Snapshot
from promdrill.observe.targets import Demand

FRESH_INTERVALS = 3
"""Scrape intervals that the newest sample may be old (issue 4): one is always under way, one may fail by chance."""

APPENDED = "prometheus_tsdb_head_samples_appended_total"
"""Samples appended to the head, in all of 2.x and 3.x; has a label `type` from 2.4x on, over which it is summed."""

BUILD = "prometheus_build_info"
"""Has the version as a label."""

WAL_FAILURES = "prometheus_tsdb_wal_writes_failed_total"
"""WAL writes that failed: rises while scrapes cannot be committed to a full volume (measured: 2.48 to 3.14)."""

WAL_FAILURES_FROM = (2, 16)
"""First version with `WAL_FAILURES`; older ones do not have it, newer ones must show it."""

TSDB_FAILURES = {
    WAL_FAILURES: "no WAL write failed",
    "prometheus_tsdb_compactions_failed_total": "no compaction failed",
    "prometheus_tsdb_reloads_failures_total": "no reload of blocks failed",
}
"""Counters of the database that must not rise, and what that means (tsdb/db.go, tsdb/wlog)."""

RULE_FAILURES = "prometheus_rule_evaluation_failures_total"
"""Rule evaluations that failed, by rule group; absent where there is no rule group."""

NAMES = frozenset({APPENDED, STARTED, BUILD, RULE_FAILURES, *TSDB_FAILURES})
"""What is kept of each /metrics page."""


def valid_metrics(
    server: Server,
    *,
    since: datetime,
    scrape_interval_s: float,
    jobs: Mapping[str, int],
    demand: Demand = Demand.ALL,
    early: Sequence[Remembered] = (),
    data_loss: bool = False,
) -> tuple[Condition, ...]:
    """The conditions of a working Prometheus, as defined above.

    Args:
        server: The drilled server.
        since: When recovery (or the baseline) began, UTC.
        scrape_interval_s: The scrape interval that holds for jobs without one of their own.
        jobs: Jobs, and the least number of targets that each must have; every target is expected if there is none.
        demand: What is demanded of their targets.
        early: What was stored before the fault, by `prometheus.history`.
        data_loss: Whether samples from before the fault may be lost; queries over that time must still be answered.
    """
    probe = server.metrics_probe(NAMES)
    return (
        server.targets_up(jobs, demand=demand),
        server.fresh(FRESH_INTERVALS * scrape_interval_s),
        _rising(probe, scrape_interval_s),
        *(_no_increase(probe, name, text, since) for name, text in TSDB_FAILURES.items()),
        _no_increase(probe, RULE_FAILURES, "no rule evaluation failed", since),
        *(_still_answered(server, remembered, data_loss=data_loss) for remembered in early),
    )


def _rising(probe: MetricsProbe, scrape_interval_s: float) -> Condition:
    """Within one scrape interval every target is scraped once, so something must have been appended."""

    def judge(snapshot: Snapshot) -> Seen:
        latest = _reading(snapshot, probe)
        if isinstance(latest, Seen):
            return latest
        value = latest.total(APPENDED)
        if value is None:
            return unknown(f"no metric {APPENDED}")
        before = [a for a in _of_one_process(snapshot, probe, latest) if latest.sent_s - a.sent_s >= scrape_interval_s]
        if not before:
            return unknown(f"{value:g} appended; not yet compared over one scrape interval")
        then = before[-1].total(APPENDED) or 0.0  # a counter with labels is on the page from its first count on
        span_s = latest.sent_s - before[-1].sent_s
        return Seen(holds=value > then, text=f"{value - then:g} samples appended in {span_s:.1f} s")

    return Condition("Prometheus is storing samples", Kind.METRIC, judge, (probe,))


def _no_increase(probe: MetricsProbe, name: str, text: str, since: datetime) -> Condition:
    def judge(snapshot: Snapshot) -> Seen:
        latest = _reading(snapshot, probe)
        if isinstance(latest, Seen):
            return latest
        value = latest.total(name)
        if value is None:
            return _absent(latest, name)
        base = 0.0
        if not _started_after(latest, since):
            base = next(
                (a.total(name) or 0.0 for a in _of_one_process(snapshot, probe, latest) if a.utc >= since), value
            )
        begin = "the process started" if _started_after(latest, since) else "the given moment"
        return Seen(holds=value <= base, text=f"{value - base:g} since {begin} ({name})")

    return Condition(text, Kind.METRIC, judge, (probe,))


def _still_answered(server: Server, remembered: Remembered, *, data_loss: bool) -> Condition:
    """More than then may be found: a scrape that had begun was stored a little later."""
    probe = QueryProbe(server.query_service, server.port, remembered.promql, remembered.at_s, server.prefix)

    def judge(snapshot: Snapshot) -> Seen:
        answer = answer_of(snapshot, probe)
        if isinstance(answer, Seen):
            return answer
        now = answer.vector()
        if now is None:
            return Seen(holds=False, text=f"not answered: {status_words(answer)}", known=not answer.from_no_pod)
        found = {labels: now.get(labels, 0.0) for labels, _ in remembered.result}
        fewer = {labels: count for labels, count in remembered.result if found[labels] < count}
        if not fewer:
            return Seen(holds=True, text=f"all samples of {len(remembered.result)} series")
        left = vector_words({labels: found[labels] for labels in fewer})
        text = f"fewer in {len(fewer)} of {len(remembered.result)} series: {left}"
        return Seen(holds=data_loss, text=f"{text}; before the fault: {vector_words(fewer)}")

    until = iso(datetime.fromtimestamp(remembered.at_s, UTC)).partition("T")[2]
    text = f"samples from before the fault, up to {until}, are still there"
    if data_loss:
        text = f"queries over the time before the fault, up to {until}, are answered"
    return Condition(text, Kind.METRIC, judge, (probe,))


def _reading(snapshot: Snapshot, probe: MetricsProbe) -> ProbeAnswer | Seen:
    answer = answer_of(snapshot, probe)
    if isinstance(answer, ProbeAnswer) and answer.metrics is None:
        return unknown(f"/metrics does not answer: {status_words(answer)}")
    return answer


def _of_one_process(snapshot: Snapshot, probe: MetricsProbe, latest: ProbeAnswer) -> list[ProbeAnswer]:
    """Readings of the process that gave the latest one, oldest first, the latest included."""
    return [a for a in snapshot.history.get(probe, ()) if a.metrics and a.total(STARTED) == latest.total(STARTED)]


def _started_after(reading: ProbeAnswer, since: datetime) -> bool:
    started_s = reading.total(STARTED)
    return started_s is not None and started_s >= since.timestamp()


def _absent(reading: ProbeAnswer, name: str) -> Seen:
    if name == RULE_FAILURES:
        return Seen(holds=True, text="there are no rule groups")
    version = next((dict(labels).get("version", "") for (n, labels) in reading.metrics or {} if n == BUILD), "")
    found = re.match(r"(\d+)\.(\d+)", version)
    if name == WAL_FAILURES and found and (int(found[1]), int(found[2])) < WAL_FAILURES_FROM:
        return Seen(holds=True, text=f"Prometheus {version} does not count it")
    return unknown(f"no metric {name}")

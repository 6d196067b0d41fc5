"""Two sets of results, cell by cell: what became worse, what became better, and what is only noise.

A cell is one scenario (or one control or ablation of it) on one chart version, app version, Kubernetes version and
profile. Only equal cells are compared. Fields in `across` need not be equal; a side that then has several cells
for one is refused. Repeats are several results of one cell, in one results.json or in several.

What counts, and why:

- An aborted drill says nothing about the runbook. It is listed, and the cell is judged by its other results; a cell
  without any on one side is not compared.
- The verdict is worse, a regression, when NEW ended as expected less often than OLD's share explains: the chance of so
  few (binomial, at OLD's share) is below `ODD`. Where all of OLD's repeats ended as expected, one that did not is
  enough: the verdict turned, or it flips now. Where OLD itself flipped, that is noise, and it takes a few more.
  `promdrill.results.expected` says what is expected: a drill has to pass, a control must not.
- The verdict is better when all of NEW is as expected and OLD's share does not explain that either. From never to
  sometimes is a change, not an improvement; so is failed that became invalid.
- Recovery is slower (a regression) or faster when the medians of the drills that passed differ by more than `limit_s`.
- An alert is worse when it fires less often than OLD's share explains, as for verdicts, or when the medians of when it
  fired, after the fault, differ by more than `alert_limit_s`. One that never fired in OLD and always does in NEW is a
  change. Where one side evaluated no rules, or faults grew for another time (GROWTH), nothing is said of alerts.
- A cell in one side only is new or missing; where the other side skipped the scenario, it is skipped or drilled. None
  of these is a regression, because nothing is known about the runbook there; but they are counted and named, with the
  reason.
- Across profiles only verdicts are compared: back-offs, and so recovery times, differ by minutes.
- A drill that ended before its versions were known counts for the only cell to which it can belong: see
  `promdrill.report.compare.cells.sides`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from promdrill.core.alerts import Evaluator
from promdrill.core.errors import UsageError
from promdrill.core.model import RunResult
from promdrill.report.compare.across import ANY, Axis, left_out, refuse_several, wider
from promdrill.report.compare.cells import AlertsOfSide, ComparedCell, Side, named, natural, sides, spread

ODD = 0.05
"""Probability below which a count of verdicts is not considered chance: the customary one in twenty."""

THRESHOLD = 0.25
"""Part of OLD's median that a change of recovery must exceed, whatever the repeats show.

The repeats alone are not enough: with three repeats the deviation is sometimes far too small, and 4 of 100 cells that
had not changed at all would be called slower (simulated, normal and exponential noise); with this part, at most 1. With
7 or more repeats per side it may be lowered to zero: 1 cell in 1000.
"""

SAME_GROWTH = 1.25
"""How many times as long a fault may have grown in one side as in the other for times of alerts to be compared.

The last bytes take a second or two of a drill, so the same GROWTH is not always as long."""

RESOLUTION_S = 5.0
"""Seconds that a change must exceed, however equal the repeats.

In `fast` a drill meets a crash back-off or a ConfigMap sync of up to 2 s at a random moment, and a scrape every 1 s in
the scenarios; these add up. On one machine (2026-11-22, chart 0.1.0, Prometheus 2.48.0, Kubernetes 1.36.3), with
nothing changed between the runs, disk-full recovered in 11.5, 11.5, 11.7, 11.7, 12.1, 14.9 and 15.3 s, lifecycle-flag
in 25.7, 26.6, 28.5 and 30.0 s. Of the 42 ordered pairs of disk-full, a limit of 3 s calls 9 slower, and 4 s none;
5 s leaves room for what seven runs did not show. The figures are from

    jq -r '.kubernetes as $k | .drills[] | select(.verdict == "passed" and .control == null)
           | [.scenario, .chart_version, .app_version, $k, .profile, .recovered_after_s] | @tsv' reports/*/results.json

Two runs on two cores at once took 1.7 to 4.4 times as long as one: no figure here makes up for that; both sides have to
be run in the same way. As shipped, back-offs of up to 300 s are met at random; only repeats can show how much.
"""

_SIGMAS = 3.0


class Finding(StrEnum):
    """What is found about a cell, worst first.

    `CHANGE`: other verdicts, neither worse nor better beyond chance. `SKIPPED`: drilled in OLD, skipped in NEW;
    `DRILLED`: the reverse. `NOT_COMPARED`: aborted only.
    """

    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    CHANGE = "change"
    SKIPPED = "skipped"
    DRILLED = "drilled"
    NEW = "new"
    MISSING = "missing"
    NOT_COMPARED = "not-compared"
    UNCHANGED = "unchanged"


class Trend(StrEnum):
    """Where the verdict or the recovery time of a cell went; `OTHER` is only for verdicts."""

    WORSE = "worse"
    BETTER = "better"
    OTHER = "other"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Recovery:
    """How the recovery time changed.

    Attributes:
        change_s: NEW's median minus OLD's.
        limit_s: What the change must exceed to count, as from `limit_s`.
        trend: The direction, if it does.
    """

    change_s: float
    limit_s: float
    trend: Trend


@dataclass(frozen=True, slots=True)
class AlertTrend:
    """An alert that does not fire as it did. Times are seconds of the operator's after the fault.

    Attributes:
        alert: Its name.
        evaluator: Which Prometheus saw it.
        trend: Where it went.
        old: In how many incidents of OLD it fired.
        old_of: Of how many.
        new: In how many incidents of NEW it fired.
        new_of: Of how many.
        old_s: OLD's median of when it fired; None if it never did.
        new_s: NEW's.
        limit_s: What a change of the medians must exceed to count.
    """

    alert: str
    evaluator: Evaluator
    trend: Trend
    old: int
    old_of: int
    new: int
    new_of: int
    old_s: float | None
    new_s: float | None
    limit_s: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One cell. `old` or `new` is None if that side has no result; the rest is None if nothing was compared.

    `alerts` are those that do not fire as they did.
    """

    cell: ComparedCell
    finding: Finding
    old: Side | None
    new: Side | None
    verdict: Trend | None = None
    recovery: Recovery | None = None
    alerts: tuple[AlertTrend, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparedSide:
    """What one side consists of.

    Attributes:
        runs: How many runs.
        drills: How many drills in them.
        unfinished: The start times of runs that were interrupted or are still running: their results so far count.
    """

    runs: int
    drills: int
    unfinished: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A whole comparison.

    Attributes:
        old: What OLD consists of.
        new: What NEW consists of.
        threshold: As in `compare`.
        rows: By finding, worst first, then by cell.
        across: The fields that were ignored.
        proposal: The fields to ignore so that something can be compared; empty if something was, or if nothing helps.
    """

    old: ComparedSide
    new: ComparedSide
    threshold: float
    rows: tuple[Compared, ...]
    across: tuple[Axis, ...] = ()
    proposal: tuple[Axis, ...] = ()

    def of(self, *findings: Finding) -> tuple[Compared, ...]:
        """The rows with these findings."""
        return tuple(row for row in self.rows if row.finding in findings)

    @property
    def regressed(self) -> bool:
        """Whether any cell became worse."""
        return bool(self.of(Finding.REGRESSION))


def compare(
    old: Sequence[RunResult],
    new: Sequence[RunResult],
    *,
    threshold: float = THRESHOLD,
    across: Collection[Axis] = (),
) -> Comparison:
    """Compare two sets of runs by the rules above.

    Args:
        old: The runs to compare with.
        new: The runs to judge.
        threshold: The relative part of `limit_s`, not negative.
        across: The fields that need not be equal.

    Raises:
        UsageError: With `across`, a side has several cells that would count as one.
    """
    wanted = tuple(axis for axis in Axis if axis in across)
    rows = _rows(old, new, threshold, wanted)
    proposal = () if _any(rows) else _proposal(old, new, wanted)
    return Comparison(_source(old), _source(new), threshold, tuple(rows), wanted, proposal)


def _rows(
    old: Sequence[RunResult], new: Sequence[RunResult], threshold: float, across: Sequence[Axis]
) -> list[Compared]:
    hidden = left_out(across)
    named_old, named_new = named(old, hidden), named(new, hidden)
    told = {cell for cell, _, _ in (*named_old, *named_new)}
    before, after = sides(old, told, hidden), sides(new, told, hidden)
    refuse_several("OLD", [pair[:2] for pair in named_old], after, across)
    refuse_several("NEW", [pair[:2] for pair in named_new], before, across)
    rows = [_row(cell, before.get(cell), after.get(cell), threshold) for cell in {**before, **after}]
    order = list(Finding)
    return sorted(rows, key=lambda row: (order.index(row.finding), natural(row.cell)))


def _proposal(old: Sequence[RunResult], new: Sequence[RunResult], across: Sequence[Axis]) -> tuple[Axis, ...]:
    for more in wider(across):
        try:
            if _any(_rows(old, new, THRESHOLD, more)):
                return more
        except UsageError:  # several cells for one
            continue
    return ()


def _any(rows: Sequence[Compared]) -> bool:
    """Whether anything can be said about any cell."""
    return any(row.verdict is not None for row in rows)


def limit_s(old: Side, new: Side, threshold: float) -> float:
    """Seconds by which the medians must differ: the largest of what the repeats show and what few repeats cannot show.

    - 3 x the combined spread: the root of the sum of both sides' squares, because a difference has the noise of both.
      A side with a single repeat is taken to be as noisy as the other. The spread of two repeats says little, but it
      can only make the limit larger.
    - `threshold` x OLD's median: the spread that three repeats show is often too small (see `THRESHOLD`).
    - `RESOLUTION_S`: equal repeats do not mean that there is no noise.
    """
    noise_s = _noise_s([side.spread_s for side in (old, new)])
    return round(max(noise_s, threshold * (old.median_s or 0.0), RESOLUTION_S), 3)


def alert_limit_s(old: AlertsOfSide, new: AlertsOfSide, before: Sequence[float], after: Sequence[float]) -> float:
    """Seconds of the operator's by which the medians of when an alert fired must differ: the largest of three.

    - 3 x the combined spread, as for recovery.
    - What the times of both sides may be off together.
    - `RESOLUTION_S` of the drill, times its speed: the fault itself is no quicker than a drill is.

    A part of the median is no measure here: an alert has its `for`, which does not vary.

    Args:
        old: The alerts of OLD.
        new: The alerts of NEW.
        before: When this one fired in OLD.
        after: When it did in NEW.
    """
    noise_s = _noise_s([spread(before), spread(after)])
    return round(max(noise_s, old.off_s + new.off_s, RESOLUTION_S * max(old.speed, new.speed)), 3)


def _noise_s(spreads: Sequence[float | None]) -> float:
    """Three times the combined spread of two sides."""
    seen = [figure for figure in spreads if figure is not None]
    return _SIGMAS * (math.hypot(seen[0], seen[-1]) if seen else 0.0)


def _row(cell: ComparedCell, old: Side | None, new: Side | None, threshold: float) -> Compared:
    if old is None or new is None:
        return Compared(cell, Finding.NEW if old is None else Finding.MISSING, old, new)
    if old.skipped or new.skipped:
        return Compared(cell, Finding.DRILLED if old.skipped else Finding.SKIPPED, old, new)
    if not old.verdicts or not new.verdicts:
        return Compared(cell, Finding.NOT_COMPARED, old, new)
    verdict, recovery = _verdict_trend(old, new), _recovery(old, new, threshold)
    alerts = tuple(_alerts(old, new))
    trends = {verdict, recovery.trend if recovery else Trend.SAME, *(each.trend for each in alerts)}
    finding = next(finding for trend, finding in _FINDINGS if trend in trends)
    return Compared(cell, finding, old, new, verdict, recovery, alerts)


_FINDINGS = (
    (Trend.WORSE, Finding.REGRESSION),
    (Trend.BETTER, Finding.IMPROVEMENT),
    (Trend.OTHER, Finding.CHANGE),
    (Trend.SAME, Finding.UNCHANGED),
)
"""The first trend that the verdict, the recovery or an alert shows decides."""


def _verdict_trend(old: Side, new: Side) -> Trend:
    share, of = old.as_expected / len(old.verdicts), len(new.verdicts)
    if _chance(share, of, new.as_expected) < ODD:
        return Trend.WORSE
    if new.as_expected == of and share**of < ODD:
        return Trend.BETTER
    same = set(old.verdicts) == set(new.verdicts) and _steady(old) == _steady(new)
    return Trend.SAME if same else Trend.OTHER


def _chance(share: float, of: int, most: int) -> float:
    """The chance of at most so many of `of`, each of which comes with this share."""
    return sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(most + 1))


def _steady(side: Side) -> bool | None:
    """Whether all drills ended as expected (True), none did (False), or some did (None)."""
    return None if 0 < side.as_expected < len(side.verdicts) else side.as_expected > 0


def _recovery(old: Side, new: Side, threshold: float) -> Recovery | None:
    if old.median_s is None or new.median_s is None or not same_profile(old, new):
        return None
    change_s, most_s = round(new.median_s - old.median_s, 3), limit_s(old, new, threshold)
    trend = Trend.WORSE if change_s > most_s else Trend.BETTER if change_s < -most_s else Trend.SAME
    return Recovery(change_s, most_s, trend)


def _alerts(old: Side, new: Side) -> Iterator[AlertTrend]:
    """The alerts that do not fire as they did."""
    if old.alerts is None or new.alerts is None or not same_profile(old, new):
        return
    if not same_growth(old.alerts, new.alerts):
        return
    before = {(each.alert, each.evaluator): each.fired_s for each in old.alerts.figures}
    after = {(each.alert, each.evaluator): each.fired_s for each in new.alerts.figures}
    for alert, evaluator in sorted({*before, *after}):
        was, is_now = before.get((alert, evaluator), ()), after.get((alert, evaluator), ())
        most_s = alert_limit_s(old.alerts, new.alerts, was, is_now)
        trend = _alert_trend(was, old.alerts.incidents, is_now, new.alerts.incidents, most_s)
        if trend is not Trend.SAME:
            yield AlertTrend(
                alert=alert,
                evaluator=evaluator,
                trend=trend,
                old=len(was),
                old_of=old.alerts.incidents,
                new=len(is_now),
                new_of=new.alerts.incidents,
                old_s=median(was) if was else None,
                new_s=median(is_now) if is_now else None,
                limit_s=most_s,
            )


def _alert_trend(was: Sequence[float], old_of: int, is_now: Sequence[float], new_of: int, most_s: float) -> Trend:
    if not was:
        return Trend.OTHER if len(is_now) == new_of else Trend.SAME
    if _chance(len(was) / old_of, new_of, len(is_now)) < ODD:
        return Trend.WORSE
    if not is_now:
        return Trend.SAME
    later_s = median(is_now) - median(was)
    return Trend.WORSE if later_s > most_s else Trend.BETTER if later_s < -most_s else Trend.SAME


def same_growth(old: AlertsOfSide, new: AlertsOfSide) -> bool:
    """Whether faults grew for about as long, by `SAME_GROWTH`, or in neither side."""
    figures = [side.full_s or 0.0 for side in (old, new)]
    return max(figures) <= SAME_GROWTH * min(figures)


def same_profile(old: Side, new: Side) -> bool:
    """Whether recovery times can be compared: the profile is not ignored, or is equal anyway."""
    return old.own.get("profile", ANY) == new.own.get("profile", ANY)


def _source(runs: Sequence[RunResult]) -> ComparedSide:
    unfinished = tuple(sorted(run.started for run in runs if run.finished is None))
    return ComparedSide(len(runs), sum(len(run.drills) for run in runs), unfinished)

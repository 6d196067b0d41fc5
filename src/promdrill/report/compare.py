"""Two sets of results, cell by cell: what became worse, what better, and what is only noise.

A cell is one scenario (or one control or ablation of it) on one chart version, app version, Kubernetes version and
profile. Only equal cells are compared, so that profiles never mix: their back-offs differ by minutes. Repeats are
several results of one cell, in one results.json or in several.

What counts, and why:

- An aborted drill says nothing about the runbook. It is listed, and the cell is judged by its other results; a cell
  without any on one side is not compared.
- The verdict is worse, a regression, when NEW ended as due less often than OLD's share of drills as due explains: the
  chance of so few (binomial, at OLD's share) is below `ODD`. Where all of OLD's repeats were as due, one that is not is
  enough: the verdict turned, or it flips now. Where OLD flipped itself, that is the noise seen, and a few more are
  needed. As due is `promdrill.report.due`: a drill has to pass, a control must not.
- The verdict is better when all of NEW is as due and OLD's share does not explain that either. What only now flips
  from never to sometimes is a change, not an improvement, and so is failed that became invalid.
- Recovery is slower (a regression) or faster when the medians of the drills that passed differ by more than `limit_s`.
- A cell in one side only is new or missing. A skipped scenario leaves no result, so that it is missing too. Neither
  is a regression: nothing is known about the runbook there; but they are counted and named.
- Results that do not name their profile (an older promdrill) are not compared: it may have been the other one.
- A drill that ended before its versions were known counts where it can only belong: see
  `promdrill.report.compare_cells.sides`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from promdrill.model import RunResult
from promdrill.report.compare_cells import Cell, Side, named, natural, sides
from promdrill.report.results import UNKNOWN_PROFILE

ODD = 0.05
"""Chance below which a count of verdicts is not taken for luck: the customary one in twenty."""

THRESHOLD = 0.25
"""Part of OLD's median that a change of recovery must exceed, whatever the repeats show.

The repeats alone do not do: of three repeats the deviation is far too small now and then, and 4 of 100 cells that had
not changed at all would be called slower (simulated, normal and exponential noise); with this part, at most 1. With
7 or more repeats a side it may be lowered to nothing: 1 cell in 1000.
"""

RESOLUTION_S = 3.0
"""Seconds that a change must exceed: in `fast`, a crash back-off or a ConfigMap sync of up to 2 s is met at a random
moment, and so is a scrape, every 1 s in the scenarios; polling adds some tenths. As shipped, back-offs of up to 300 s
are met like that; how much that is in a cell only its repeats can show."""

_SIGMAS = 3.0


class Finding(StrEnum):
    """What is said of a cell, worst first.

    `CHANGE`: other verdicts, neither worse nor better beyond chance. `NOT_COMPARED`: aborted only, or no profile.
    """

    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    CHANGE = "change"
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
    """How recovery changed.

    Attributes:
        change_s: NEW's median less OLD's.
        limit_s: What it must exceed to count, as from `limit_s`.
        trend: Whether it does.
    """

    change_s: float
    limit_s: float
    trend: Trend


@dataclass(frozen=True, slots=True)
class Row:
    """One cell. `old` or `new` is None where that side has no result; the rest is None where nothing was compared."""

    cell: Cell
    finding: Finding
    old: Side | None
    new: Side | None
    verdict: Trend | None = None
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What one side is made of.

    Attributes:
        runs: How many results.json.
        drills: How many results in them.
        unfinished: When the runs started that were interrupted or still go on: what they had learnt by then counts.
    """

    runs: int
    drills: int
    unfinished: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it: `threshold` as in `compare`, `rows` by finding, worst first, then by cell."""

    old: Source
    new: Source
    threshold: float
    rows: tuple[Row, ...]

    def of(self, *findings: Finding) -> tuple[Row, ...]:
        """The rows with these findings."""
        return tuple(row for row in self.rows if row.finding in findings)

    @property
    def regressed(self) -> bool:
        """Whether any cell became worse."""
        return bool(self.of(Finding.REGRESSION))


def compare(old: Sequence[RunResult], new: Sequence[RunResult], *, threshold: float = THRESHOLD) -> Comparison:
    """Compare two sets of runs by the rules above.

    Args:
        old: The runs to compare with.
        new: The runs to judge.
        threshold: The relative part of `limit_s`, not negative.
    """
    told = named((*old, *new))
    before, after = sides(old, told), sides(new, told)
    rows = [_row(cell, before.get(cell), after.get(cell), threshold) for cell in {**before, **after}]
    order = list(Finding)
    rows.sort(key=lambda row: (order.index(row.finding), natural(row.cell)))
    return Comparison(_source(old), _source(new), threshold, tuple(rows))


def limit_s(old: Side, new: Side, threshold: float) -> float:
    """Seconds that the medians must differ by: the largest of what is seen and of what cannot be seen in few repeats.

    - 3 x the combined spread: the root of the sum of both sides' squares, because a difference has the noise of both.
      A side with a single repeat is taken to be as noisy as the other. The spread of two repeats says little, but it
      can only make the limit larger.
    - `threshold` x OLD's median: the spread that three repeats show is often too small (see `THRESHOLD`).
    - `RESOLUTION_S`: equal repeats do not mean that there is no noise.
    """
    seen = [side.spread_s for side in (old, new) if side.spread_s is not None]
    combined = math.hypot(seen[0], seen[-1]) if seen else 0.0
    return round(max(_SIGMAS * combined, threshold * (old.median_s or 0.0), RESOLUTION_S), 3)


def _row(cell: Cell, old: Side | None, new: Side | None, threshold: float) -> Row:
    if old is None or new is None:
        return Row(cell, Finding.NEW if old is None else Finding.MISSING, old, new)
    if cell.profile == UNKNOWN_PROFILE or not old.verdicts or not new.verdicts:
        return Row(cell, Finding.NOT_COMPARED, old, new)
    verdict, recovery = _verdict_trend(old, new), _recovery(old, new, threshold)
    trends = {verdict, recovery.trend if recovery else Trend.SAME}
    finding = next(finding for trend, finding in _FINDINGS if trend in trends)
    return Row(cell, finding, old, new, verdict, recovery)


_FINDINGS = (
    (Trend.WORSE, Finding.REGRESSION),
    (Trend.BETTER, Finding.IMPROVEMENT),
    (Trend.OTHER, Finding.CHANGE),
    (Trend.SAME, Finding.UNCHANGED),
)
"""The first trend that either the verdict or the recovery shows decides."""


def _verdict_trend(old: Side, new: Side) -> Trend:
    share, of = old.due / len(old.verdicts), len(new.verdicts)
    if sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(new.due + 1)) < ODD:
        return Trend.WORSE
    if new.due == of and share**of < ODD:
        return Trend.BETTER
    same = set(old.verdicts) == set(new.verdicts) and _steady(old) == _steady(new)
    return Trend.SAME if same else Trend.OTHER


def _steady(side: Side) -> bool | None:
    """Whether all drills ended as due (True), none (False), or now this and now that (None)."""
    return None if 0 < side.due < len(side.verdicts) else side.due > 0


def _recovery(old: Side, new: Side, threshold: float) -> Recovery | None:
    if old.median_s is None or new.median_s is None:
        return None
    change_s, most_s = round(new.median_s - old.median_s, 3), limit_s(old, new, threshold)
    trend = Trend.WORSE if change_s > most_s else Trend.BETTER if change_s < -most_s else Trend.SAME
    return Recovery(change_s, most_s, trend)


def _source(runs: Sequence[RunResult]) -> Source:
    unfinished = tuple(sorted(run.started for run in runs if run.finished is None))
    return Source(len(runs), sum(len(run.drills) for run in runs), unfinished)

"""What an incident cost in samples: the gaps and losses of each target that the baseline had.

A target must have one sample per scrape interval, from its first one in the baseline to the end of recovery, whatever
became of it: the interval is the one that was in force at the baseline. Every longer space between two neighbours is a
gap, and so is a beginning or an end without samples. Losses are counted gap by gap, so that scrapes that came more
often later make up for nothing, in the same series or in another.

A failed scrape also writes ``up``, with the value 0. It stores nothing else of the target, so it does not count as a
sample.

A target whose pod was replaced goes on under other labels: where one of a job ended, one of that job that began later
continues it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from promdrill.core.clock import iso
from promdrill.core.model import JobSamples, SampleAccount
from promdrill.observe.probes import Labels
from promdrill.observe.prometheus import UP
from promdrill.observe.targets import Target

LATE = 1.5
"""Samples further apart than this many intervals make a gap: a scrape may be late, but not by half an interval."""

UNDER_WAY = 2
"""Intervals that the newest sample may be old without a loss: the next scrape has begun, and is not stored yet."""

Series = Mapping[Labels, Sequence[tuple[float, float]]]


def account(targets: Sequence[Target], series: Series, *, end_s: float) -> tuple[JobSamples, ...]:
    """The account of each job of which the baseline had samples, sorted by name.

    Args:
        targets: The targets of the baseline.
        series: Stored samples of ``up`` since the baseline, by labels, in time order: (Unix seconds, value).
        end_s: Until when there should be samples, in Unix seconds.
    """
    stored = {
        labels - {("__name__", "up")}: [at_s for at_s, value in points if value == UP]
        for labels, points in series.items()
    }
    known = {target.labels for target in targets}
    new = [(dict(labels).get("job", ""), times) for labels, times in stored.items() if times and labels not in known]
    new.sort(key=lambda each: each[1][0])
    jobs: dict[str, list[_Row]] = {}
    for target in sorted(targets, key=lambda each: max(stored.get(each.labels, ()), default=-math.inf)):
        if target.first_s is None:
            continue
        times = [at_s for at_s in stored.get(target.labels, ()) if at_s >= target.first_s]
        while (following := _following(new, times, target, end_s)) is not None:
            new.remove(following)
            times += following[1]
        jobs.setdefault(target.job, []).append(_row(times, target.interval_s, target.first_s, end_s))
    return tuple(_of_job(job, rows) for job, rows in sorted(jobs.items()))


class _Row(NamedTuple):
    """One target, compared by its longest gap. `began_s` is in Unix seconds."""

    gap_s: float
    began_s: float
    lost: int
    stored: int


class _Gap(NamedTuple):
    """Compared by its length. `began_s` is in Unix seconds."""

    gap_s: float
    began_s: float
    lost: int


def _following(
    new: Sequence[tuple[str, list[float]]], times: Sequence[float], target: Target, end_s: float
) -> tuple[str, list[float]] | None:
    """The first new target, as job and times, that continues this one; None if it goes on, or has no successor."""
    newest = times[-1] if times else -math.inf
    if end_s - newest < UNDER_WAY * target.interval_s:
        return None
    return next((each for each in new if each[0] == target.job and each[1][0] > newest), None)


def _row(times: Sequence[float], interval_s: float, first_s: float, end_s: float) -> _Row:
    gaps = (_Gap(0.0, first_s, 0), *_gaps(times, interval_s, first_s, end_s))
    longest = max(gaps)
    return _Row(longest.gap_s, longest.began_s, sum(gap.lost for gap in gaps), len(times))


def _gaps(times: Sequence[float], interval_s: float, first_s: float, end_s: float) -> Iterator[_Gap]:
    """The gaps; the last one lasts until the end, where one scrape may be under way."""
    for earlier, later in itertools.pairwise((first_s - interval_s, *times)):
        if later - earlier > LATE * interval_s:
            began_s = max(earlier, first_s)
            yield _Gap(later - began_s, began_s, round((later - earlier) / interval_s) - 1)
    newest = times[-1] if times else first_s - interval_s
    if (missing := math.floor((end_s - newest) / interval_s) - 1) > 0:
        began_s = max(newest, first_s)
        yield _Gap(end_s - began_s, began_s, missing)


def _of_job(job: str, rows: Sequence[_Row]) -> JobSamples:
    lost, stored = sum(row.lost for row in rows), sum(row.stored for row in rows)
    longest = max(rows)
    began = iso(datetime.fromtimestamp(longest.began_s, UTC)) if longest.gap_s else None
    return JobSamples(job, round(longest.gap_s, 3), stored + lost, stored, lost, began)


def total(jobs: Sequence[JobSamples]) -> SampleAccount:
    """The drill's account: the longest gap and the sum of all losses; unknown if the baseline had no samples."""
    if not jobs:
        return SampleAccount()
    return SampleAccount(max(job.gap_s for job in jobs), sum(job.lost for job in jobs), tuple(jobs))

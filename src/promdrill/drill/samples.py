"""What an incident cost in samples: gaps and losses, counted from the samples that are stored.

Only series that exist before and after are counted: those of targets that kept their labels. The median distance
between two samples is the series' scrape interval, so that jobs with intervals of their own are counted correctly. A
series must have one sample per interval; a longer distance is a gap.

A failed scrape also writes ``up``, with the value 0. It stores nothing else of the target, so it does not count as a
sample.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from promdrill.core.clock import iso
from promdrill.core.model import JobSamples, SampleAccount
from promdrill.observe.probes import Labels

LATE = 1.5
"""Samples further apart than this many intervals make a gap: a scrape may be late, but not by half an interval."""

FEWEST = 5
"""From this many samples on, the median distance is the scrape interval, even with a gap among them."""

UP = 1.0
"""Value of ``up`` when the target was scraped."""

Series = Mapping[Labels, Sequence[tuple[float, float]]]


def account(series: Series, *, before_s: float, after_s: float) -> tuple[JobSamples, ...]:
    """The account of each job that has at least one steady series, sorted by name.

    Args:
        series: Stored samples of ``up``, by labels, in time order: (Unix seconds, value).
        before_s: A series is steady if it has a sample at or before this time (Unix seconds) ...
        after_s: ... and one at or after this time.
    """
    jobs: dict[str, list[_Row]] = {}
    for labels, points in series.items():
        times = [at for at, value in points if value == UP]
        if len(times) < FEWEST or times[0] > before_s or times[-1] < after_s:
            continue
        spaces = [later - earlier for earlier, later in itertools.pairwise(times)]
        interval_s = statistics.median(spaces)
        gap_s, began_s = max(
            ((space, began) for space, began in zip(spaces, times, strict=False) if space > LATE * interval_s),
            default=(0.0, 0.0),
        )
        expected = round((times[-1] - times[0]) / interval_s) + 1
        jobs.setdefault(dict(labels).get("job", ""), []).append(_Row(gap_s, began_s, expected, len(times)))
    return tuple(_of_job(job, rows) for job, rows in sorted(jobs.items()))


class _Row(NamedTuple):
    """One series, compared by its longest gap. `began_s` is in Unix seconds."""

    gap_s: float
    began_s: float
    expected: int
    stored: int


def _of_job(job: str, rows: Sequence[_Row]) -> JobSamples:
    expected, stored = sum(row.expected for row in rows), sum(row.stored for row in rows)
    longest = max(rows)
    began = iso(datetime.fromtimestamp(longest.began_s, UTC)) if longest.gap_s else None
    return JobSamples(job, round(longest.gap_s, 3), expected, stored, max(0, expected - stored), began)


def total(jobs: Sequence[JobSamples]) -> SampleAccount:
    """The drill's account: the longest gap and the sum of all losses; unknown without a steady series."""
    if not jobs:
        return SampleAccount()
    return SampleAccount(max(job.gap_s for job in jobs), sum(job.lost for job in jobs), tuple(jobs))

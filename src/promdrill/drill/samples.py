"""What an incident cost in samples: gaps and losses, counted from the samples that are stored.

Series are taken that are there before and after: those of targets that kept their labels. The usual space between two
neighbours (the median) is the series' scrape interval, so that jobs with intervals of their own are counted rightly; a
series must hold a sample per interval, and a longer space is a gap.

``up`` is written of a scrape that failed too, with the value 0. Nothing of the target is stored then, so that it counts
as no sample.
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
"""Neighbours further apart than this many intervals are a gap: a scrape may be late, but not by half an interval."""

FEWEST = 5
"""Samples from which on the median space is the scrape interval, one gap among them or not."""

UP = 1.0
"""Value of ``up`` when the target was scraped."""

Series = Mapping[Labels, Sequence[tuple[float, float]]]


def account(series: Series, *, before_s: float, after_s: float) -> tuple[JobSamples, ...]:
    """The account of each job that has at least one steady series, by name.

    Args:
        series: Stored samples of ``up``, by labels, in time order: (Unix seconds, value).
        before_s: A series is steady when it has a sample at or before this time (Unix seconds) ...
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
    """One series: its longest gap first, so that rows compare by it. `began_s` is Unix seconds."""

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
    """The drill's account: the longest gap, and all losses; unknown where there was no steady series."""
    if not jobs:
        return SampleAccount()
    return SampleAccount(max(job.gap_s for job in jobs), sum(job.lost for job in jobs), tuple(jobs))

"""The baseline: what must hold before the fault, and again after the remedy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from promdrill.kube.client import Kube
from promdrill.observe.conditions import Condition
from promdrill.observe.prometheus import (
    Remembered,
    buildinfo,
    instant,
    remember,
)
from promdrill.observe.server import Server
from promdrill.observe.valid_metrics import FRESH_INTERVALS, valid_metrics

LONGEST_SCRAPE_S = 12.0
"""After this every scrape that had begun is stored: the chart's scrape_timeout is 10 s."""


class Baseline:
    """The baseline of one drill: its conditions, and what was learnt while they held.

    Attributes:
        began: UTC start of the baseline that held.
        remembered_at: UTC moment of it, whose samples were all stored and are asked for again.

    Args:
        kube: The API server.
        server: The drilled server.
        interval_s: Its scrape interval.
        jobs: Scrape jobs that must be there.
    """

    def __init__(self, kube: Kube, server: Server, interval_s: float, jobs: Sequence[str]) -> None:
        self.began: datetime
        self.remembered_at: datetime
        self._kube = kube
        self._server = server
        self._interval_s = interval_s
        self._jobs = tuple(jobs)
        self._early: tuple[Remembered, ...] = ()

    @property
    def stale_after_s(self) -> float:
        """Seconds after which a newest sample is no longer fresh."""
        return FRESH_INTERVALS * self._interval_s

    @property
    def settled_after_s(self) -> float:
        """Seconds after which the samples of a moment are all stored. Held for so long, a baseline has such samples."""
        return min(2 * self._interval_s, LONGEST_SCRAPE_S)

    def conditions(self, *, since: datetime, remembered: bool = True) -> tuple[Condition, ...]:
        """The pod is ready and its metrics are valid.

        Args:
            since: UTC moment after which nothing may have gone wrong.
            remembered: Whether queries from before the fault must be answered as they were; there are none before
                `learn` was called.
        """
        return (
            self._server.ready(),
            *valid_metrics(
                self._server,
                since=since,
                scrape_interval_s=self._interval_s,
                jobs=self._jobs,
                early=self._early if remembered else (),
            ),
        )

    def learn(self, began: datetime, ended: datetime) -> str | None:
        """Remember the baseline that held between two moments; from here on its jobs and samples are asked for.

        Returns:
            The version of Prometheus, as its build info tells it.

        Raises:
            ClusterError: Prometheus did not answer, or has nothing that could be asked for later.
        """
        self.began = began
        found = instant(self._kube, self._server, "count by (job) (up)")
        self._jobs = tuple(sorted({*self._jobs, *(dict(labels).get("job", "") for labels in found)}))
        promql = f"count_over_time(up[{math.ceil(self.stale_after_s)}s])"
        self.remembered_at = ended - timedelta(seconds=self.settled_after_s)
        self._early = (remember(self._kube, self._server, promql, self.remembered_at.timestamp()),)
        return buildinfo(self._kube, self._server).get("version")

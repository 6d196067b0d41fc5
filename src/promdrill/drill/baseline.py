"""The baseline: what must hold before the fault, and again after the remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from promdrill.core.records import Moment
from promdrill.kube.client import Kube
from promdrill.observe.conditions import Condition
from promdrill.observe.prometheus import Remembered, buildinfo, history, targets
from promdrill.observe.server import Server
from promdrill.observe.targets import Demand, Target
from promdrill.observe.valid_metrics import valid_metrics

LONGEST_SCRAPE_S = 12.0
"""After this, every scrape that had begun is stored: the chart's scrape_timeout is 10 s."""

SPLIT_INTERVALS = 1.5
"""Scrape intervals that a stretch of history has at least, so that each target has a sample in it."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a baseline showed while it held. It can be written down, and outlives the process.

    Attributes:
        interval_s: Seconds between two scrapes at that time; a later edit of the values does not change it.
        began: UTC start of the baseline that held.
        jobs: Scrape jobs that had targets, and how many each.
        targets: The targets.
        early: Queries over all the time before the fault, stretch by stretch, with their answers.
        demand: What recovery demands of the jobs' targets.
    """

    interval_s: float
    began: Moment
    jobs: Mapping[str, int]
    targets: tuple[Target, ...]
    early: tuple[Remembered, ...]
    demand: Demand = Demand.ALL

    @property
    def down(self) -> Mapping[str, int]:
        """Jobs, and how many of their targets were not up: nothing is asked of those."""
        found = Counter(target.job for target in self.targets if target.first_s is None)
        return dict(sorted(found.items())) if self.demand is Demand.LEAST else {}


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt from a baseline that held.

    Attributes:
        memory: What recovery is compared with.
        moment: UTC moment of the baseline whose samples were all stored, and are asked for again.
        app_version: The version of Prometheus according to its build info; None when it does not say.
    """

    memory: Memory
    moment: datetime
    app_version: str | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The baseline of one drill.

    Attributes:
        server: The drilled server.
        interval_s: Its scrape interval.
        jobs: Scrape jobs, and the least number of targets that each must have.
        early: Queries from before the fault, which must be answered as they were; none until they are learnt.
        demand: What is demanded of their targets. `Demand.TRIED` where it is learnt which are up.
    """

    server: Server
    interval_s: float
    jobs: Mapping[str, int]
    early: tuple[Remembered, ...] = ()
    demand: Demand = Demand.ALL

    @classmethod
    def recalled(cls, server: Server, memory: Memory) -> Self:
        """The baseline that this memory is of: its targets and its samples are asked for."""
        return cls(server, memory.interval_s, memory.jobs, memory.early, memory.demand)

    @property
    def settled_after_s(self) -> float:
        """Seconds after which all samples of a moment are stored. A baseline that held for so long has such samples."""
        return min(2 * self.interval_s, LONGEST_SCRAPE_S)

    def conditions(self, *, since: datetime, data_loss: bool = False) -> tuple[Condition, ...]:
        """The pod is ready, and so are all other replicas, and its metrics are valid.

        Args:
            since: UTC moment after which nothing may have gone wrong.
            data_loss: Whether samples from before the fault may be lost; queries over that time must still be answered.
        """
        return (
            self.server.ready(),
            *((self.server.replicas_ready(),) if self.server.replicas > 1 else ()),
            *valid_metrics(
                self.server,
                since=since,
                scrape_interval_s=self.interval_s,
                jobs=self.jobs,
                demand=self.demand,
                early=self.early,
                data_loss=data_loss,
            ),
        )

    def learn(self, kube: Kube, began: datetime, ended: datetime) -> Learnt:
        """Ask Prometheus what it has, once this baseline held between two moments.

        Raises:
            ClusterError: Prometheus did not answer, or has nothing that could be asked for later.
        """
        since_s, moment = began.timestamp(), ended - timedelta(seconds=self.settled_after_s)
        found = targets(kube, self.server, since_s=since_s, until_s=ended.timestamp(), interval_s=self.interval_s)
        every = self.demand is Demand.ALL
        counted = Counter(target.job for target in found if every or target.first_s is not None)
        jobs = dict(sorted((Counter(self.jobs) | counted).items()))
        early = history(
            kube, self.server, since_s=since_s, until_s=moment.timestamp(), stretch_s=SPLIT_INTERVALS * self.interval_s
        )
        version = buildinfo(kube, self.server).get("version")
        demand = Demand.ALL if every else Demand.LEAST
        return Learnt(Memory(self.interval_s, began, jobs, found, early, demand), moment, version)

"""The targets that a Prometheus scrapes: which of them belong to a drill, and what is remembered of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from promdrill.observe.probes import Labels

ACTIVE = "/api/v1/targets?state=active"
"""The page that lists them."""

DRILLS = "drill-"
"""What the namespaces of drills begin with."""


class Demand(StrEnum):
    """What is demanded of the targets of some jobs."""

    ALL = "all"
    """Each is up, and no job has fewer than it must have."""
    TRIED = "tried"
    """Every target that Prometheus knows was scraped, up or not, and the jobs have as many that are up as they must."""
    LEAST = "least"
    """The jobs have as many that are up as they must, whatever the others are."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target, as it was at the baseline.

    Attributes:
        labels: Its labels, which are also those of its ``up``.
        interval_s: Seconds between two scrapes.
        first_s: Unix seconds of the first sample that the baseline has of it; None if it was never scraped.
    """

    labels: Labels
    interval_s: float
    first_s: float | None

    @property
    def job(self) -> str:
        """Its scrape job."""
        return dict(self.labels).get("job", "")


def of_drill(active: list[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    """Active targets, as Prometheus lists them, without those in the namespace of another drill.

    A job that discovers its targets in the whole cluster finds those too; they come and go with the other drill.
    """

    def belongs(target: dict[str, Any]) -> bool:
        where = str((target.get("discoveredLabels") or {}).get("__meta_kubernetes_namespace", ""))
        return where == namespace or not where.startswith(DRILLS)

    return [target for target in active if belongs(target)]

"""What the conditions of a drill last saw, for a person who wants to know what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from promdrill.observe.conditions import Condition, Seen
from promdrill.observe.probes import HttpProbe, MetricsProbe, QueryProbe
from promdrill.observe.snapshot import Snapshot

RECOVERY = "recovery"
"""Stands for a stage's name where recovery's own conditions are watched."""

_OF_SERVICES = (HttpProbe, QueryProbe, MetricsProbe)
"""Probes that ask a Service."""


class Watch:
    """What conditions last saw.

    Attributes:
        seen: By the name of their stage, then by the condition's name; in the order in which they were asked.
        unanswered: The Service that was asked, for each condition that does not hold because no pod answers; by stage
            and name.
        later: Names of the stages that come after recovery, whether they were reached or not.
    """

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, Seen]] = {}
        self.unanswered: dict[tuple[str, str], str] = {}
        self.later: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[str, dict[str, str]]:
        """What was last seen, in words."""
        return {what: {name: seen.text for name, seen in found.items()} for what, found in self.seen.items()}

    def over(self, what: str, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
        """The same conditions, watched: whatever they see is noted here from then on.

        Args:
            what: Name of their stage.
            conditions: The conditions.
        """
        self.seen[what] = {}
        return tuple(replace(each, judge=self._noting(what, each)) for each in conditions)

    def _noting(self, what: str, condition: Condition) -> Callable[[Snapshot], Seen]:
        def judge(snapshot: Snapshot) -> Seen:
            found = self.seen[what][condition.name] = condition.judge(snapshot)
            service = None if found.holds else _silent(condition, snapshot)
            if service is None:
                self.unanswered.pop((what, condition.name), None)
            else:
                self.unanswered[what, condition.name] = service
            return found

        return judge


def _silent(condition: Condition, snapshot: Snapshot) -> str | None:
    """The Service behind which no pod answered what the condition asks; None when one did, or nothing was asked."""
    for probe in condition.probes:
        answer = snapshot.answers.get(probe)
        if isinstance(probe, _OF_SERVICES) and answer is not None and answer.from_no_pod and not answer.refused:
            return probe.service
    return None

"""A part of a drill: up to the proven incident, which is left standing; or from there on, while it is repaired."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from promdrill.core.model import PhaseName
from promdrill.drill.incident import Incident
from promdrill.observe.conditions import Condition, Seen
from promdrill.observe.probes import HttpProbe, MetricsProbe, QueryProbe
from promdrill.observe.snapshot import Snapshot
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepResult

RECOVERY = "recovery"
"""What recovery's own conditions are called where stages have names."""

_ORDER = tuple(PhaseName)

_OF_SERVICES = (HttpProbe, QueryProbe, MetricsProbe)
"""Probes that ask a Service."""


class Watch:
    """What conditions last saw, for a person who wants to know what is missing.

    Attributes:
        seen: By the name of their stage, then by the condition's name; in the order in which they were asked.
        unanswered: Of the conditions that do not hold because no pod answers, the Service that was asked; by stage and
            name.
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


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which phases are run, and who is told of them.

    Attributes:
        first: The first phase.
        last: The last phase; undo, which is no part of it, follows recovery alone.
        incident: The incident that an earlier process left; needed unless `first` is provision.
        on_incident: Called with the incident, when `last` is persistence and the incident was proven.
        watch: Sees what conditions see.
        recovery_s: In place of the profile's time for recovery, its hold left aside.
        remediate_s: In place of the profile's time for all steps together.
        skip: Makes, of the runbook, what says of the index of a step whether it is left out, asked when its turn comes.
        on_step: Told each step that has ended.
    """

    first: PhaseName = PhaseName.PROVISION
    last: PhaseName = PhaseName.RECOVERY
    incident: Incident | None = None
    on_incident: Callable[[Incident], None] = field(default=lambda _incident: None)
    watch: Watch | None = None
    recovery_s: float | None = None
    remediate_s: float | None = None
    skip: Callable[[Runbook], Collection[int]] | None = None
    on_step: Callable[[StepResult], None] = field(default=lambda _result: None)

    def has(self, phase: PhaseName) -> bool:
        """Whether that phase is run."""
        return _ORDER.index(self.first) <= _ORDER.index(phase) <= _ORDER.index(self.last)

    @property
    def leaves_incident(self) -> bool:
        """Whether the part ends with an incident that stays."""
        return self.last is not PhaseName.RECOVERY


WHOLE = Part()
"""A drill from its beginning to its end."""

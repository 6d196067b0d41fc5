"""A part of a drill: up to the proven incident, which stays; or from there on, when it is repaired or was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from promdrill.core.model import PhaseName
from promdrill.drill.kept import Kept
from promdrill.observe.conditions import Condition, Seen
from promdrill.observe.picture import Picture
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepResult

RECOVERY = "recovery"
"""What recovery's own conditions are called where stages have names."""

_ORDER = tuple(PhaseName)


class Watch:
    """What was last seen of conditions, for a person who wants to know which one is missing.

    Attributes:
        seen: By what the conditions show together, then by the condition's name; in the order of asking.
        later: Names of the stages that come after recovery, whether they were reached or not.
    """

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, Seen]] = {}
        self.later: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[str, dict[str, str]]:
        """What was last seen, in words."""
        return {what: {name: seen.text for name, seen in found.items()} for what, found in self.seen.items()}

    def over(self, what: str, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
        """The same conditions, watched: what each sees is here from then on.

        Args:
            what: What they show together: a stage's name.
            conditions: They.
        """
        seen = self.seen[what] = {}
        return tuple(replace(each, judge=_noting(each, seen)) for each in conditions)


def _noting(condition: Condition, seen: dict[str, Seen]) -> Callable[[Picture], Seen]:
    def judge(picture: Picture) -> Seen:
        found = seen[condition.name] = condition.judge(picture)
        return found

    return judge


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which phases are run, and who is told of them.

    Attributes:
        first: The first phase.
        last: The last phase; undo, which is no part of it, follows recovery alone.
        kept: What an earlier process left; needed unless `first` is provision.
        on_kept: Told what there is to keep, when `last` is persistence and the incident was proven.
        watch: Sees what conditions see.
        recovery_s: In place of the profile's time for recovery, its hold left aside.
        remediate_s: In place of the profile's time for all steps together.
        skip: Makes, of the runbook, what says of the index of a step whether it is left out, asked when its turn comes.
        on_step: Told each step that has ended.
    """

    first: PhaseName = PhaseName.PROVISION
    last: PhaseName = PhaseName.RECOVERY
    kept: Kept | None = None
    on_kept: Callable[[Kept], None] = field(default=lambda _kept: None)
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

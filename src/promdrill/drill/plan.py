"""What a scenario states: the stages to see, how long they must last, and the moments they may refer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from promdrill.core.records import Moment
from promdrill.faults.base import Fault
from promdrill.observe.conditions import Condition, several


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known when conditions are made, for those that say "since" or "still the same".

    Attributes:
        began: UTC start of the current phase or stage, before its act.
        baseline: UTC moment of the baseline, of which samples are stored; None before.
        injected: UTC end of the injection; None before.
        remediating: UTC start of the remediation; None before.
        remediated: UTC end of the remediation; None before.
        pod: Name of the newest server pod at that moment; empty when there is none.
        pod_uid: UID of that pod; empty when there is none.
        restarts: Restart count of that pod's server container.
        crashed_after_s: The most seconds for which the server's container was seen to run before it crashed; 0 if it
            has not.
        interval_s: Seconds between two scrapes at the baseline; 0 before.
    """

    began: Moment
    baseline: Moment | None = None
    injected: Moment | None = None
    remediating: Moment | None = None
    remediated: Moment | None = None
    pod: str = ""
    pod_uid: str = ""
    restarts: int = 0
    crashed_after_s: float = 0.0
    interval_s: float = 0.0


Wanted: TypeAlias = Sequence[Condition] | Callable[[Moments], Sequence[Condition]]
"""Conditions, or what makes them when their stage begins."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A set of conditions, all of which must hold at once.

    Attributes:
        name: What they show together: "stores nothing while 2/2".
        conditions: The conditions, of different kinds if the incident shows itself in different places.
        before: An act with which the stage begins, for example a restart.
        hold_s: How long they must hold without interruption.
    """

    name: str
    conditions: Wanted
    before: Fault | None = None
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        """Raise UsageError for a single condition."""
        several(f"the conditions of the stage {self.name!r} are", self.conditions)


@dataclass(frozen=True, slots=True)
class Persistence:
    """How the incident must last without help.

    Attributes:
        hold_s: The last stage's conditions hold for this long without interruption.
        more_restarts: They also hold after this many further restarts of the server container.
    """

    hold_s: float = 0.0
    more_restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One scenario, as its test states it to `promdrill.drill.Drill.run`.

    Attributes:
        fault: The change that causes the incident.
        signature: What must then be seen, stage by stage, in this order. No stage may hold before the fault.
        persistence: How long the incident must last on its own; None if it heals by itself by design.
        recovery: What must hold after the runbook, in addition to the baseline's own conditions.
        recovery_hold_s: Seconds for which recovery must hold; at least the profile's own time.
        afterwards: Stages that must be seen after recovery.
        jobs: Scrape jobs that the baseline must have; recovery asks for every job that was found there.
        storage: Fields merged into the drill's StorageClass, a copy of the default one.
        variables: Values for the runbook's variables, instead of its own defaults.
        beside: Further objects for the drill's namespace (whatever namespace they name): workloads, a quota. For the
            images that they may run, see `promdrill.drill.Drill.image`.
        beside_ready: What must hold of them at the baseline, and again at recovery.
        remarks: Remarks for a reader of the result.
    """

    fault: Fault
    signature: Sequence[Stage]
    persistence: Persistence | None
    recovery: Wanted = ()
    recovery_hold_s: float = 0.0
    afterwards: Sequence[Stage] = ()
    jobs: Sequence[str] = ("prometheus",)
    storage: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    beside: Sequence[Mapping[str, Any]] = ()
    beside_ready: Sequence[Condition] = ()
    remarks: Sequence[str] = ()


def conditions_of(wanted: Wanted, moments: Moments) -> tuple[Condition, ...]:
    """The conditions, made for these moments if they are stated as a function.

    Raises:
        UsageError: It is one condition, not several.
    """
    made = wanted(moments) if callable(wanted) else wanted
    several("conditions are", made)
    return tuple(made)

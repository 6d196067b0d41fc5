"""Which part of a drill is run: all of it, up to the incident, or from the remedy on, or from recovery on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from promdrill.drill.incident import Incident
from promdrill.drill.watch import Watch
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepResult


@dataclass(frozen=True, slots=True)
class Whole:
    """All phases, from provision to undo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpToIncident:
    """From provision to persistence. A proven incident is left standing; otherwise the drill is undone.

    Attributes:
        on_incident: Called with the record of the incident, once that is proven.
        watch: Notes what conditions see.
    """

    on_incident: Callable[[Incident], None]
    watch: Watch = field(default_factory=Watch)


@dataclass(frozen=True, slots=True, kw_only=True)
class FromRemedy:
    """From the runbook on, where an earlier process left an incident. Only what this part did is undone.

    Attributes:
        incident: The record of the incident.
        watch: Notes what conditions see.
        recovery_s: Seconds until recovery must begin to hold; None for the profile's time.
        remediate_s: Seconds for all steps together; None for the profile's time.
        leaves_out: Called with the runbook and a step's index, just before the step's turn: whether to leave it out.
        on_step: Called with the result of each step when it has ended.
    """

    incident: Incident
    watch: Watch = field(default_factory=Watch)
    recovery_s: float | None = None
    remediate_s: float | None = None
    leaves_out: Callable[[Runbook, int], bool] = lambda _runbook, _at: False
    on_step: Callable[[StepResult], None] = lambda _result: None


@dataclass(frozen=True, slots=True, kw_only=True)
class FromRecovery:
    """From recovery on, where an earlier process left an incident that was repaired by hand since.

    Only what this part did is undone.

    Attributes:
        incident: The record of the incident.
        watch: Notes what conditions see.
        recovery_s: Seconds until recovery must begin to hold; None for the profile's time.
    """

    incident: Incident
    watch: Watch = field(default_factory=Watch)
    recovery_s: float | None = None


Repair: TypeAlias = FromRemedy | FromRecovery
"""A part that begins at a standing incident."""

Part: TypeAlias = Whole | UpToIncident | Repair
"""All kinds of parts."""

"""The records that drills produce: frozen, typed, and nothing but data.

The terms are those of the README's glossary; the JSON form of `DrillResult` and `RunResult` is results.json.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

RESULTS_SCHEMA = 1
"""Version of results.json; raised when a field changes its meaning or goes away."""


class Verdict(StrEnum):
    """How a drill ended.

    `PASSED`: the fault was proven, the remedy carried out, recovery proven.
    `FAILED`: the fault was proven, but the remedy did not bring the baseline back.
    `INVALID`: nothing was learnt: no baseline, or the fault was never observed.
    `ABORTED`: the harness failed or was interrupted.
    """

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"
    ABORTED = "aborted"


class PhaseName(StrEnum):
    """The phases of a drill, in order."""

    PROVISION = "provision"
    BASELINE = "baseline"
    INJECT = "inject"
    SIGNATURE = "signature"
    PERSISTENCE = "persistence"
    REMEDIATE = "remediate"
    RECOVERY = "recovery"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """One phase that was entered.

    Attributes:
        name: Which.
        started: UTC, ISO 8601.
        took_s: Seconds; None when the phase did not end.
    """

    name: PhaseName
    started: str
    took_s: float | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One runbook step that was started.

    Attributes:
        file: Path of the runbook, relative to the scenario's folder where it lies inside it.
        line: Line of the step's first command, counted from 1.
        exit_code: The step's exit code; None when it was ended at its deadline.
        took_s: Seconds.
    """

    file: str
    line: int
    exit_code: int | None
    took_s: float


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """What the incident cost in samples.

    Attributes:
        gap_s: Seconds between the last sample stored before the gap and the first after it; None when unknown.
        lost: Samples that were expected and are not stored; None when unknown.
    """

    gap_s: float | None = None
    lost: int | None = None


@dataclass(frozen=True, slots=True)
class DrillResult:
    """One drill's line in results.json. Seconds and counts are None where unknown.

    Attributes:
        scenario: The scenario's id, the name of its folder.
        chart: Name of the chart that was drilled.
        chart_version: Its version.
        app_version: Version of Prometheus as its own build info tells it.
        profile: Kind configuration: `as-shipped` or `fast`.
        control: Which control was run (`no-fault`, `no-remedy`), None for the drill itself.
        verdict: How it ended.
        reason: One sentence for anything but passed; None when passed.
        phases: In the order entered.
        detected_after_s: From the end of injection to the complete signature.
        recovered_after_s: From the start of remediation to recovery proven.
        samples: What the incident cost.
        steps: The runbook's steps in the order run.
    """

    scenario: str
    chart: str | None
    chart_version: str | None
    app_version: str | None
    profile: str
    control: str | None
    verdict: Verdict
    reason: str | None
    phases: tuple[PhaseRecord, ...] = ()
    detected_after_s: float | None = None
    recovered_after_s: float | None = None
    samples: SampleAccount = field(default_factory=SampleAccount)
    steps: tuple[StepRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """results.json as a whole.

    Attributes:
        started: UTC, ISO 8601.
        finished: UTC, ISO 8601; None while running or when interrupted.
        supply: `source` or `registry`.
        kubernetes: Version of the cluster, without a leading v.
        drills: One entry per drill.
    """

    started: str
    finished: str | None
    supply: str
    kubernetes: str
    drills: tuple[DrillResult, ...]

    def to_json(self) -> dict[str, Any]:
        """The record as results.json holds it."""
        return {"schema": RESULTS_SCHEMA, **asdict(self)}

"""The records that drills produce: frozen, typed, and nothing but data.

The terms are those of docs/glossary.md; the JSON form of `DrillResult` and `RunResult` is results.json.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        section: The runbook's section that it stands in.
        command: Its commands.
        exit_code: The step's exit code; None when it was ended at its deadline.
        took_s: Seconds.
        output: What it printed on standard output and standard error; the middle is cut from more than 1 MiB.
    """

    file: str
    line: int
    section: str
    command: str
    exit_code: int | None
    took_s: float
    output: str


@dataclass(frozen=True, slots=True)
class JobSamples:
    """What the incident cost one scrape job, counted over its series of ``up`` from the baseline to after recovery.

    A scrape that failed has stored nothing of its target and is no sample.

    Attributes:
        job: Its name.
        gap_s: Seconds of the longest gap of any of its series; 0 for none.
        expected: Samples that the series should hold.
        stored: Samples that they hold.
        lost: The difference, never below 0.
        gap_began: When the last sample before the longest gap was stored, UTC, ISO 8601; None for no gap.
    """

    job: str
    gap_s: float
    expected: int
    stored: int
    lost: int
    gap_began: str | None = None


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """What the incident cost in samples.

    Attributes:
        gap_s: Seconds between the last sample stored before the gap and the first after it; None when unknown.
        lost: Samples that were expected and are not stored; None when unknown.
        jobs: The same job by job, by name; empty when unknown.
    """

    gap_s: float | None = None
    lost: int | None = None
    jobs: tuple[JobSamples, ...] = ()


@dataclass(frozen=True, slots=True)
class ObserverFigures:
    """How well the drill was observed. None where unknown.

    Attributes:
        detect_p95_s: 95th percentile of the seconds from the cluster's change to the drill's knowing.
        detections: How many changes that is taken from.
        api_requests: Requests to the API server but for watches, log streams and `prometheus_questions`.
        prometheus_questions: Requests to Prometheus through the API server's proxy.
        relists: Times a dropped or expired watch was listed anew.
    """

    detect_p95_s: float | None = None
    detections: int | None = None
    api_requests: int | None = None
    prometheus_questions: int | None = None
    relists: int | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The runbook step that an ablation leaves out.

    Attributes:
        file: The runbook's name, without its folder.
        line: Line of the step's first command, counted from 1.
        command: That command's first line.
        optional: Whether the runbook says that it may be left out.
    """

    file: str
    line: int
    command: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """Which run of a scenario a drill is. A drill is named by its scenario and its variant's `control`.

    Attributes:
        control: As in `DrillResult`; None for the drill itself.
        left_out: As in `DrillResult`.
        skip: Indices into the runbook's steps of those that are not run.
        repetition: As in `DrillResult`.
    """

    control: str | None = None
    left_out: LeftOut | None = None
    skip: frozenset[int] = frozenset()
    repetition: int | None = None

    @property
    def label(self) -> str | None:
        """What tells this run of a scenario from the others: ``no-fault``, ``2``, ``no-fault,2``; None for nothing."""
        return ",".join(part for part in (self.control, self.repetition and str(self.repetition)) if part) or None


INSTALLS = ("helm", "manual", "operator")
"""The ways to install the drilled Prometheus; a scenario names its own by ``@pytest.mark.install``, the first is the
default."""


def drill_name(scenario: str, label: str | None) -> str:
    """A drill as people and JUnit name it, by scenario and `Variant.label`: ``disk-full``, ``disk-full[no-fault]``."""
    return scenario if label is None else f"{scenario}[{label}]"


@dataclass(frozen=True, slots=True)
class DrillResult:
    """One drill's line in results.json. Seconds and counts are None where unknown.

    Attributes:
        scenario: The scenario's id, the name of its folder.
        chart: Name of the chart that was drilled.
        chart_version: Its version.
        app_version: Version of Prometheus as its own build info tells it.
        profile: Kind configuration: `as-shipped` or `fast`.
        control: What was left out on purpose: `no-fault`, `no-remedy`, or in an ablation ``without:<file>:<line>``
            (the runbook's name, and the line of the step's first command); None for the drill itself.
        verdict: How it ended.
        reason: One sentence for anything but passed; None when passed.
        phases: In the order entered.
        detected_after_s: From the end of injection to the complete signature.
        recovered_after_s: From the start of remediation to recovery proven.
        samples: What the incident cost.
        steps: The runbook's steps in the order run.
        left_out: The step that an ablation left out; None for all other drills.
        observer: How well it was observed; None when there was no observer.
        remarks: What a reader has to know about how the result came about, a sentence each.
        repetition: Which of several runs of the same drill in one session it is, counted from 1; None for the only one.
        interrupted: Whether Ctrl-C or SIGTERM ended it.
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
    left_out: LeftOut | None = None
    observer: ObserverFigures | None = None
    remarks: tuple[str, ...] = ()
    repetition: int | None = None
    interrupted: bool = False

    @property
    def name(self) -> str:
        """As from `drill_name`."""
        return drill_name(self.scenario, Variant(self.control, repetition=self.repetition).label)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A scenario that was asked for and not drilled: it has no verdict.

    Attributes:
        scenario: Its id.
        reason: One sentence.
    """

    scenario: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """results.json as a whole.

    Attributes:
        started: UTC, ISO 8601.
        finished: UTC, ISO 8601; None while running or when interrupted.
        supply: `source` or `registry`.
        kubernetes: Version of the cluster, without a leading v.
        drills: One entry per drill.
        skipped: Scenarios that do not apply.
        options: What was asked for otherwise than by default, by make's variables.
        planned: Names of all drills of the run, as `drill_name` makes them; empty until they are known.
    """

    started: str
    finished: str | None
    supply: str
    kubernetes: str
    drills: tuple[DrillResult, ...]
    skipped: tuple[Skipped, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    planned: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The record as results.json holds it."""
        return {"schema": RESULTS_SCHEMA, **asdict(self)}

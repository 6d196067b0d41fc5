"""The records that drills produce: frozen, typed, only data.

The terms are those of docs/glossary.md; the JSON form of `DrillResult` and `RunResult` is results.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from promdrill.core.alerts import AlertAccount

RESULTS_SCHEMA = 1
"""Version of results.json; increased when a field changes its meaning or is removed."""


class Verdict(StrEnum):
    """How a drill ended.

    `PASSED`: the fault was proven, the remedy carried out, recovery proven.
    `FAILED`: the fault was proven, but the remedy did not bring the baseline back.
    `INVALID`: nothing was learned: no baseline, or the fault was never observed.
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
        took_s: Seconds; None if the phase did not end.
    """

    name: PhaseName
    started: str
    took_s: float | None = None


AT_ONCE = "GROWTH: its fault does not grow; it took effect at once."
"""The remark on a drill whose fault was to grow, and cannot."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One runbook step that was started.

    Attributes:
        file: Path of the runbook, relative to the scenario's folder if it is inside it.
        line: Line of the step's first command, counted from 1.
        section: Its section of the runbook.
        command: Its commands.
        exit_code: Its exit code; None if it was ended at its deadline.
        took_s: Seconds.
        output: Its standard output and standard error; the middle is cut out of more than 1 MiB.
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
    """What the incident cost one scrape job, counted over ``up`` of each target from the baseline to after recovery.

    A failed scrape has stored nothing from its target and is not a sample.

    Attributes:
        job: Its name.
        gap_s: Seconds of the longest gap of any of its targets; 0 for none.
        expected: Samples that are stored, and those that are lost.
        stored: Samples that are stored.
        lost: Samples that are missing, one for each scrape interval of the baseline; no surplus makes up for one.
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
        gap_s: Seconds between the last sample stored before the longest gap and the first after it; None when unknown.
        lost: Samples that were expected and are not stored; None when unknown, which they are not when all are lost.
        jobs: The same for each job, by name; empty if unknown.
    """

    gap_s: float | None = None
    lost: int | None = None
    jobs: tuple[JobSamples, ...] = ()


@dataclass(frozen=True, slots=True)
class ObserverFigures:
    """How well the drill was observed. None means unknown.

    Attributes:
        detect_p95_s: 95th percentile of the seconds from a change in the cluster until the drill knew of it; for what
            has to be asked for, from the answer that shows it.
        detections: The number of these changes.
        api_requests: Requests to the API server, without watches, log streams and `prometheus_questions`.
        prometheus_questions: Requests to Prometheus through the API server's proxy.
        relists: How often a dropped or expired watch was listed again.
    """

    detect_p95_s: float | None = None
    detections: int | None = None
    api_requests: int | None = None
    prometheus_questions: int | None = None
    relists: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """What the drill's own process used; it drills nothing else. None means unknown.

    Attributes:
        cpu_s: Seconds of processor time from the drill's beginning to its end, without those of `commands_cpu_s`.
        commands_cpu_s: The same of the commands that it ran and that ended: Helm, and those of the runbook.
        start_cpu_s: Seconds of processor time before the drill began: Python, pytest, what is imported.
        peak_bytes: The most resident memory that it had at once, from its start on.
    """

    cpu_s: float | None = None
    commands_cpu_s: float | None = None
    start_cpu_s: float | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The runbook step that an ablation leaves out.

    Attributes:
        file: The runbook's name, without its folder.
        line: Line of the step's first command, counted from 1.
        command: That command's first line.
        optional: Whether the runbook says that the step may be left out.
    """

    file: str
    line: int
    command: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """Which run of a scenario a drill is. A drill's name is its scenario and its variant's `control`.

    Attributes:
        control: As in `DrillResult`; None for the drill itself.
        left_out: As in `DrillResult`.
        skip: Indices of the runbook's steps that are not run.
        repetition: As in `DrillResult`.
        repair_line: Line in repairs.md of the repair that is carried out instead of the runbook's; None for the
            runbook's own.
    """

    control: str | None = None
    left_out: LeftOut | None = None
    skip: frozenset[int] = frozenset()
    repetition: int | None = None
    repair_line: int | None = None

    @property
    def label(self) -> str | None:
        """What sets this run of a scenario apart from others: ``no-fault``, ``2``, ``no-fault,2``; None for nothing."""
        return ",".join(part for part in (self.control, self.repetition and str(self.repetition)) if part) or None


INSTALLS = ("helm", "manual", "operator")
"""The ways to install the drilled Prometheus. A scenario chooses with ``@pytest.mark.install``; the default is the
first."""


def drill_name(scenario: str, label: str | None) -> str:
    """A drill's name for people and JUnit, with its `Variant.label`: ``disk-full``, ``disk-full[no-fault]``."""
    return scenario if label is None else f"{scenario}[{label}]"


@dataclass(frozen=True, slots=True)
class DrillResult:
    """One drill's entry in results.json. Seconds and counts are None if unknown.

    Attributes:
        scenario: The scenario's id, the name of its folder.
        chart: Name of the chart that was drilled.
        chart_version: Its version.
        app_version: Version of Prometheus, from its own build info.
        profile: kind configuration: `as-shipped` or `fast`.
        control: What was left out on purpose: `no-fault`, `no-remedy`, or in an ablation ``without:<file>:<line>``
            (the runbook's name, and the line of the step's first command); with another repair than the runbook's,
            ``refused:<name>`` or ``accepted:<name>``; None for the drill itself.
        verdict: How it ended.
        reason: One sentence for anything but passed; None if passed.
        phases: The phases, in the order entered.
        detected_after_s: From the end of injection to the complete signature.
        recovered_after_s: From the start of remediation to recovery proven.
        samples: What the incident cost.
        steps: The runbook's steps, in the order run.
        left_out: The step that an ablation left out; None for all other drills.
        observer: How well it was observed; None if there was no observer.
        process: What its process used; None in results of before this was recorded.
        remarks: Remarks for a reader of the result, a sentence each.
        repetition: Which of several runs of the same drill in one session, counted from 1; None for the only one.
        interrupted: Whether Ctrl-C or SIGTERM ended it.
        not_undone: What could not be taken back, and why. The cluster is not as it was, whatever the verdict is.
        alerts: Its alerts; None where no rules were given.
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
    not_undone: tuple[str, ...] = ()
    alerts: AlertAccount | None = None
    process: ProcessFigures | None = None

    @property
    def name(self) -> str:
        """The drill's name, from `drill_name`."""
        return drill_name(self.scenario, Variant(self.control, repetition=self.repetition).label)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A scenario that was requested but not drilled: it has no verdict.

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
        options: Settings that differ from their defaults, by make's variables.
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
        """The record as in results.json."""
        return {"schema": RESULTS_SCHEMA, **asdict(self)}

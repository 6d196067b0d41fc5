"""Where the seconds of one or more runs go: in total, by drill and phase, and outside of drills; and what that costs.

All figures come from results.json, and from what `promdrill.report.bench.detection` finds in journals; nothing is
measured here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, ObserverFigures, PhaseName, ProcessFigures, RunResult, Verdict
from promdrill.report.bench.detection import Change, Delays, changes_of, spreads
from promdrill.report.bench.run import Ran, drill_s, ran
from promdrill.results.expected import as_expected, outcome

OBSERVED = {
    "detect_p95_s": "time to notice 95 % of changes",
    "detections": "changes behind that figure",
    "api_requests": "requests to the API server",
    "prometheus_questions": "questions to Prometheus",
    "relists": "watches listed again",
}
"""The fields of `ObserverFigures` that are shown, in words."""

USED = {
    "cpu_percent": "its process, of a core",
    "with_start_percent": "the same with its start",
    "commands_percent": "its commands, of a core",
    "peak_bytes": "memory of its process",
}
"""What is made of `ProcessFigures`, in words; percentages of a core are processor time over the drill's phases."""

BOUNDS = {"detect_p95_s": 0.1, "api_requests": 20, "cpu_percent": 3.0, "peak_bytes": 150 * 2**20}
"""The most that each should be in a drill."""

_PROCESS = tuple(field.name for field in fields(ProcessFigures))

ACROSS = "promdrill compare OLD NEW --across chart,prometheus"
"""The command that compares runs of different kinds."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What all runs have in common.

    Attributes:
        chart: Name and version of the chart; None if no drill has it.
        app_version: Version of Prometheus; None if no drill has it.
        kubernetes: Version of the cluster.
        profile: `fast` or `as-shipped`; None without drills.
    """

    chart: str | None
    app_version: str | None
    kubernetes: str
    profile: str | None


@dataclass(frozen=True, slots=True)
class Middle:
    """Several figures of one kind.

    Attributes:
        least: The smallest.
        median: Their median.
        most: The largest.
        count: How many there are.
    """

    least: float
    median: float
    most: float
    count: int

    @classmethod
    def of(cls, figures: Iterable[float | None]) -> Middle | None:
        """Of the known ones; None if none is known."""
        known = [figure for figure in figures if figure is not None]
        return cls.of_all(known) if known else None

    @classmethod
    def of_all(cls, known: Sequence[float]) -> Middle:
        """Of at least one figure; rounded to milliseconds, as in results.json."""
        least, middle, most = (round(figure, 3) for figure in (min(known), median(known), max(known)))
        return cls(least, middle, most, len(known))

    @property
    def spread(self) -> float:
        """The largest minus the smallest."""
        return round(self.most - self.least, 3)


@dataclass(frozen=True, slots=True)
class DrillSeconds:
    """One scenario, over all its drills that passed.

    Attributes:
        scenario: Its id.
        phases_s: The median of each phase, in seconds; None if no drill has it.
        all_s: Seconds of all phases of a drill together.
    """

    scenario: str
    phases_s: Mapping[PhaseName, float | None]
    all_s: Middle


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A drill that did not pass; no median includes its seconds.

    Attributes:
        started: When its run started.
        name: The drill's name for people.
        verdict: How it ended.
        said: Why, in one sentence.
        as_expected: Whether it ended as expected.
    """

    started: str
    name: str
    verdict: Verdict
    said: str
    as_expected: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """All figures.

    Attributes:
        ground: What was drilled.
        runs: In the order in which they started.
        alike: Whether all runs had the same drills and as many workers; otherwise their totals cannot be compared.
        took_s: Over the runs that finished; None if none did, or if they are not `alike`.
        rows: By id.
        not_passed: In the order of the runs.
        observed: Over the drills that passed, by the names of `OBSERVED` and `USED`, without those that no drill has.
        above: How many of these drills are above their bound, for each of `BOUNDS` that is in `observed`.
        delays: How long it took until changes were known, by the names of `promdrill.report.bench.detection.spreads`;
            empty without journals.
    """

    ground: Ground
    runs: tuple[Ran, ...]
    alike: bool
    took_s: Middle | None
    rows: tuple[DrillSeconds, ...]
    not_passed: tuple[LeftOver, ...]
    observed: Mapping[str, Middle]
    above: Mapping[str, int]
    delays: Mapping[str, Delays]

    @property
    def as_expected(self) -> bool:
        """Whether all runs finished, and all drills ended as expected."""
        return all(run.as_expected for run in self.runs)


def bench(runs: Mapping[RunResult, Path]) -> Bench:
    """The figures of these runs, at least one.

    Args:
        runs: Each with its folder, where its drills' journals are; those that are missing add nothing.

    Raises:
        UsageError: They contain no drills, are of different kinds, or have a figure that is not a number.
    """
    ordered = sorted(runs, key=lambda run: run.started)
    drills = [drill for run in ordered for drill in run.drills]
    if not drills:
        raise UsageError("these results contain no drills", hint="ls reports")
    for drill in drills:
        _refuse_odd(drill)
    ground = _ground(ordered)
    told = tuple(ran(run) for run in ordered)
    names = [(sorted(drill.name for drill in run.drills), each.jobs) for run, each in zip(ordered, told, strict=True)]
    alike = all(same == names[0] for same in names)
    passed = [drill for drill in drills if _counts(drill)]
    known = [_figures(drill) for drill in passed]
    figures = {name: [each[name] for each in known if name in each] for name in OBSERVED | USED}
    observed = {name: Middle.of_all(each) for name, each in figures.items() if each}
    return Bench(
        ground=ground,
        runs=told,
        alike=alike,
        took_s=Middle.of(run.took_s for run in told) if alike else None,
        rows=_rows(passed),
        not_passed=tuple(_left_over(run, drill) for run in ordered for drill in run.drills if not _counts(drill)),
        observed=observed,
        above={name: sum(each > most for each in figures[name]) for name, most in BOUNDS.items() if name in observed},
        delays={name: spread.summed_up() for name, spread in spreads(changes_in(runs)).items()},
    )


def changes_in(runs: Mapping[RunResult, Path]) -> list[Change]:
    """The changes that the drills of these runs noticed, as far as they count; argument as for `bench`."""
    return [
        change
        for run, folder in runs.items()
        for drill in run.drills
        if _counts(drill)
        for change in changes_of(folder, drill)
    ]


def _counts(drill: DrillResult) -> bool:
    """Whether the drill's seconds count; those of controls and ablations do not compare."""
    return drill.verdict is Verdict.PASSED and drill.control is None


def _rows(passed: Sequence[DrillResult]) -> tuple[DrillSeconds, ...]:
    found: dict[str, list[DrillResult]] = defaultdict(list)
    for drill in passed:
        found[drill.scenario].append(drill)
    return tuple(_row(name, found[name]) for name in sorted(found))


def _row(scenario: str, drills: Sequence[DrillResult]) -> DrillSeconds:
    phases = {name: Middle.of(_phase_s(drill, name) for drill in drills) for name in PhaseName}
    medians = {name: each.median if each else None for name, each in phases.items()}
    return DrillSeconds(scenario, medians, Middle.of_all([drill_s(drill) for drill in drills]))


def _phase_s(drill: DrillResult, name: PhaseName) -> float | None:
    """Seconds of a phase, which may have run twice; None if the drill does not have it."""
    told = [phase.took_s for phase in drill.phases if phase.name is name and phase.took_s is not None]
    return sum(told) if told else None


def _left_over(run: RunResult, drill: DrillResult) -> LeftOver:
    return LeftOver(run.started, drill.name, drill.verdict, " ".join(outcome(drill).split()), as_expected(drill))


def _figures(drill: DrillResult) -> dict[str, float]:
    """What is known of a drill, by the names of `OBSERVED` and `USED`."""
    told = _recorded(drill.observer, OBSERVED)
    used, all_s = _recorded(drill.process, _PROCESS), drill_s(drill)
    if "peak_bytes" in used:
        told["peak_bytes"] = used["peak_bytes"]
    if all_s > 0 and used.keys() >= {"cpu_s", "start_cpu_s", "commands_cpu_s"}:
        told["cpu_percent"] = 100 * used["cpu_s"] / all_s
        told["with_start_percent"] = 100 * (used["start_cpu_s"] + used["cpu_s"]) / all_s
        told["commands_percent"] = 100 * used["commands_cpu_s"] / all_s
    return told


def _recorded(record: ObserverFigures | ProcessFigures | None, names: Iterable[str]) -> dict[str, float]:
    """The fields of a record that are known."""
    told = {name: getattr(record, name, None) for name in names}
    return {name: figure for name, figure in told.items() if figure is not None}


def _refuse_odd(drill: DrillResult) -> None:
    """Raise UsageError for a figure that is not a number; reading results.json does not check these."""
    told = {f"seconds of {phase.name}": phase.took_s for phase in drill.phases if phase.took_s is not None}
    told |= _recorded(drill.observer, OBSERVED) | _recorded(drill.process, _PROCESS)
    for name, figure in told.items():
        number = isinstance(figure, int | float) and not isinstance(figure, bool)
        if not (number and math.isfinite(figure) and figure >= 0):
            raise UsageError(f"{drill.name}: {name}: {figure!r} is not a number of seconds or a count")


def _ground(runs: Sequence[RunResult]) -> Ground:
    """What all runs have in common; a drill that ended before its versions were known does not count."""
    told = [(run, drill) for run in runs for drill in run.drills]
    return Ground(
        chart=_one("charts", ((_chart(drill), run) for run, drill in told)),
        app_version=_one("versions of Prometheus", ((drill.app_version, run) for run, drill in told)),
        kubernetes=_one("versions of Kubernetes", ((run.kubernetes, run) for run in runs)) or "",
        profile=_one("profiles", ((drill.profile, run) for run, drill in told)),
    )


def _chart(drill: DrillResult) -> str | None:
    return None if drill.chart is None or drill.chart_version is None else f"{drill.chart} {drill.chart_version}"


def _one(what: str, values: Iterable[tuple[str | None, RunResult]]) -> str | None:
    first: dict[str, RunResult] = {}
    for value, run in values:
        if value is not None:
            first.setdefault(value, run)
    if len(first) > 1:
        listed = " and ".join(f"{value} (run of {run.started})" for value, run in first.items())
        raise UsageError(f"cannot combine runs with different {what}: {listed}", hint=ACROSS)
    return next(iter(first), None)

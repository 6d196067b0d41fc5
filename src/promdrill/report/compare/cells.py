"""The cells of a comparison: which results are repeats of each other, and what they say together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from promdrill.core.alerts import Evaluator
from promdrill.core.model import DrillResult, RunResult, Verdict
from promdrill.results.alerts.coverage import counts, incident
from promdrill.results.alerts.marks import Mark
from promdrill.results.expected import as_expected, outcome

_MAD_TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation of normal noise."""


@dataclass(frozen=True, slots=True)
class ComparedCell:
    """What is compared with its counterpart. A field is None if no result has it, and `ANY` if it is ignored.

    Attributes:
        scenario: Its id.
        control: As in `DrillResult`; for an ablation ``without <file>: <command>``, because an edit above the step
            changes its line. None for the drill itself.
        chart: The chart's name.
        chart_version: Its version.
        app_version: Version of Prometheus.
        kubernetes: Version of the cluster.
        profile: `as-shipped` or `fast`.
    """

    scenario: str
    control: str | None
    chart: str | None
    chart_version: str | None
    app_version: str | None
    kubernetes: str
    profile: str


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """What an alert did in the incidents of one side.

    Attributes:
        alert: Its name.
        evaluator: Which Prometheus saw it.
        fired_s: When it fired, in seconds of the operator's after the fault; one for each incident in which it did.
    """

    alert: str
    evaluator: Evaluator
    fired_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AlertsOfSide:
    """The alerts of a cell's incidents in OLD or in NEW.

    Attributes:
        incidents: How many incidents there were in which rules were evaluated.
        off_s: How many seconds of the operator's a time may be off, at most.
        speed: How many seconds of the operator's one measured second stands for, at most.
        full_s: When faults had grown to their full effect, in seconds of the operator's: the median; None if none grew.
        figures: The alerts that fired because of an incident.
    """

    incidents: int
    off_s: float
    speed: float
    full_s: float | None
    figures: tuple[AlertFigures, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """A cell's results in OLD or in NEW.

    Attributes:
        verdicts: Those of its drills, except aborted ones, in the order of their runs.
        as_expected: How many of these drills ended as expected.
        reasons: Each reason once, first those of drills that did not end as expected; drills that passed have none.
        aborted: The reasons of the aborted drills.
        recovered_s: Seconds to recovery of the drills that passed; empty for controls and ablations.
        median_s: Their median; None if there are none.
        spread_s: Their median absolute deviation x 1.4826; None with fewer than two.
        assumed: How many of the judged drills are taken to belong to this cell although their versions are unknown.
        skipped: Why the scenario was skipped; empty if it was run.
        own: This side's values of the fields that are `ANY` in the cell, by name; None if no result has it.
        alerts: The alerts of its incidents; None if no rules were evaluated in any of them.
    """

    verdicts: tuple[Verdict, ...]
    as_expected: int
    reasons: tuple[str, ...]
    aborted: tuple[str, ...]
    recovered_s: tuple[float, ...]
    median_s: float | None
    spread_s: float | None
    assumed: int
    skipped: tuple[str, ...] = ()
    own: Mapping[str, str | None] = field(default_factory=dict)
    alerts: AlertsOfSide | None = None


@dataclass
class _Found:
    """What is collected for a cell: its drills, each with its own full cell."""

    drills: list[tuple[ComparedCell, DrillResult]] = field(default_factory=list)
    assumed: int = 0


def sides(
    runs: Sequence[RunResult], told: Collection[ComparedCell], hidden: Mapping[str, str]
) -> Mapping[ComparedCell, Side]:
    """What one side says about each cell.

    A drill that ended before its chart or app version was known belongs to the only possible cell: that of the same
    scenario in its own run, or else among `told`. Otherwise a Prometheus that no longer starts would look like a
    missing cell, not like a broken one. If there are several such cells, or none, it gets its own.

    A skipped scenario belongs to the cells with its run's versions, or, in a run without drills, to the only versions
    there are.

    Args:
        runs: The side's runs.
        told: The cells in the results of both sides, as from `named`.
        hidden: The ignored fields, as from `promdrill.report.compare.across.left_out`.
    """
    found: dict[ComparedCell, _Found] = defaultdict(_Found)
    skips: dict[ComparedCell, Side] = {}
    for run in sorted(runs, key=lambda each: each.started):
        pairs = named([run], hidden)
        near = {cell for cell, _, _ in pairs}
        for cell, real, drill in pairs:
            place = _place(cell, near) or _place(cell, told) or cell
            found[place].drills.append((real, drill))
            found[place].assumed += place != cell and drill.verdict is not Verdict.ABORTED
        for skipped in run.skipped:
            said = _own((real for _, real, _ in pairs), hidden)
            said |= {"kubernetes": run.kubernetes} if "kubernetes" in hidden else {}
            for cell in _skipped(skipped.scenario, hidden.get("kubernetes", run.kubernetes), near, told):
                skips[cell] = _skip(skipped.reason, said, skips.get(cell))
    return {**skips, **{cell: _side(each, hidden) for cell, each in found.items()}}


def named(runs: Iterable[RunResult], hidden: Mapping[str, str]) -> list[tuple[ComparedCell, ComparedCell, DrillResult]]:
    """All drills, each with its cell as far as it is known: without the ignored fields, and with them."""
    return [(replace(cell, **hidden), cell, drill) for run in runs for cell, drill in _cells(run)]


def spread(figures: Sequence[float]) -> float | None:
    """The median absolute deviation x 1.4826; None with fewer than two figures."""
    if len(figures) < 2:  # noqa: PLR2004  one figure has no deviation
        return None
    middle = median(figures)
    return _MAD_TO_SIGMA * median(abs(figure - middle) for figure in figures)


def _side(found: _Found, hidden: Iterable[str]) -> Side:
    drills = [drill for _, drill in found.drills]
    judged = [drill for drill in drills if drill.verdict is not Verdict.ABORTED]
    said = [outcome(drill) for drill in sorted(judged, key=as_expected)]
    recovered = [drill.recovered_after_s for drill in judged if drill.control is None and as_expected(drill)]
    seconds = tuple(figure for figure in recovered if figure is not None)
    middle, noise_s = median(seconds) if seconds else None, spread(seconds)
    return Side(
        verdicts=tuple(drill.verdict for drill in judged),
        as_expected=sum(as_expected(drill) for drill in judged),
        reasons=tuple(dict.fromkeys(filter(None, said))),
        aborted=tuple(drill.reason or "no reason was given" for drill in drills if drill.verdict is Verdict.ABORTED),
        recovered_s=seconds,
        median_s=None if middle is None else round(middle, 3),
        spread_s=None if noise_s is None else round(noise_s, 3),
        assumed=found.assumed,
        own=_own((cell for cell, _ in found.drills), hidden),
        alerts=_alerts(drills),
    )


def _alerts(drills: Iterable[DrillResult]) -> AlertsOfSide | None:
    """What the alerts of these drills did, as far as they are incidents that could be watched to the end."""
    counted = [drill for drill in drills if drill.alerts is not None and counts(drill) and not drill.alerts.unknown]
    found = [incident(drill.name, drill.scenario, drill.alerts) for drill in counted if drill.alerts is not None]
    if not found:
        return None
    fired: dict[tuple[str, Evaluator], list[float]] = {}
    for each in found:
        first = {(alert.alert, alert.evaluator): alert.fired_s or 0.0 for alert in reversed(each.fired)}
        for key, fired_s in first.items():
            fired.setdefault(key, []).append(fired_s)
    figures = tuple(AlertFigures(*key, tuple(times)) for key, times in sorted(fired.items()))
    grew = [each.moments[Mark.FULL] for each in found if Mark.FULL in each.moments]
    return AlertsOfSide(
        incidents=len(found),
        off_s=max(each.off_s for each in found),
        speed=max(each.speed for each in found),
        full_s=median(grew) if grew else None,
        figures=figures,
    )


def _skip(reason: str, said: Mapping[str, str | None], before: Side | None) -> Side:
    """A side that did not run a cell's scenario but skipped it; with the reasons from its earlier runs."""
    reasons = dict.fromkeys([*(before.skipped if before else ()), reason])
    return Side((), 0, (), (), (), None, None, 0, tuple(reasons), said)


def _skipped(
    scenario: str, kubernetes: str, near: Iterable[ComparedCell], told: Iterable[ComparedCell]
) -> list[ComparedCell]:
    """The cells of a scenario that a run skipped, given the cells that it ran.

    They are those with the versions and the profile of that run's drills; without any, those of the only versions there
    are.
    """

    def ground(cell: ComparedCell) -> tuple[str | None, ...]:
        return (*_versions(cell), cell.profile)

    cells = {cell for cell in told if (cell.scenario, cell.kubernetes) == (scenario, kubernetes)}
    cells = {cell for cell in cells if None not in ground(cell)}
    there = {ground(cell) for cell in near if None not in ground(cell)}
    if not there:
        there = {ground(cell) for cell in cells}
        there = there if len(there) == 1 else set()
    return [cell for cell in cells if ground(cell) in there]


def _cells(run: RunResult) -> list[tuple[ComparedCell, DrillResult]]:
    """Each drill with its own full cell."""
    steps = _steps(run.drills)
    return [
        (
            ComparedCell(
                scenario=drill.scenario,
                control=drill.control if drill.left_out is None else steps[drill.scenario, drill.control],
                chart=drill.chart,
                chart_version=drill.chart_version,
                app_version=drill.app_version,
                kubernetes=run.kubernetes,
                profile=drill.profile,
            ),
            drill,
        )
        for drill in run.drills
    ]


def _steps(drills: Iterable[DrillResult]) -> Mapping[tuple[str, str | None], str]:
    """Names of the steps left out in one run. Those with the same first command are numbered."""
    found = {(drill.scenario, drill.control): drill.left_out for drill in drills if drill.left_out is not None}
    seen: dict[tuple[str, str], int] = defaultdict(int)
    names = {}
    for (scenario, control), step in sorted(found.items(), key=lambda item: item[1].line):
        name = f"without {step.file}: {step.command}"
        seen[scenario, name] += 1
        number = seen[scenario, name]
        names[scenario, control] = name if number == 1 else f"{name} (occurrence {number})"
    return names


def _place(cell: ComparedCell, among: Collection[ComparedCell]) -> ComparedCell | None:
    """The cell with the versions that `cell` lacks; None if there is not exactly one."""
    versions = _versions(cell)
    if None not in versions:
        return cell
    fitting = {
        _versions(other)
        for other in among
        if (other.scenario, other.kubernetes, other.profile) == (cell.scenario, cell.kubernetes, cell.profile)
        and None not in _versions(other)
        and all(mine in {None, theirs} for mine, theirs in zip(versions, _versions(other), strict=True))
    }
    if len(fitting) != 1:
        return None
    chart, chart_version, app_version = fitting.pop()
    return replace(cell, chart=chart, chart_version=chart_version, app_version=app_version)


def _versions(cell: ComparedCell) -> tuple[str | None, str | None, str | None]:
    return cell.chart, cell.chart_version, cell.app_version


def natural(cell: ComparedCell) -> list[list[tuple[int, str]]]:
    """A key that sorts 8.11.4 before 25.8.0."""
    parts = (cell.scenario, cell.control, *_versions(cell), cell.kubernetes, cell.profile)
    return [
        [(int(run), "") if run.isdecimal() else (-1, run) for run in re.findall(r"\d+|\D+", p or "")] for p in parts
    ]


def _own(cells: Iterable[ComparedCell], hidden: Iterable[str]) -> dict[str, str | None]:
    """The ignored fields' values in these cells, by name: the first known one, None if none is known."""
    seen = list(cells)
    return {name: next(filter(None, (getattr(cell, name) for cell in seen)), None) for name in hidden}

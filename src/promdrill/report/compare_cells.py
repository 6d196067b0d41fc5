"""The cells of a comparison: which results are repeats of each other, and what they say together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from promdrill.model import DrillResult, RunResult, Verdict
from promdrill.report.due import as_due, outcome

_MAD_TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation of normal noise."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is compared with its like. None where no result tells.

    Attributes:
        scenario: Its id.
        control: As in `DrillResult`; of an ablation ``without <file>: <command>``, because an edit above the step
            changes its line. None for the drill itself.
        chart: The chart's name.
        chart_version: Its version.
        app_version: Version of Prometheus.
        kubernetes: Version of the cluster.
        profile: `as-shipped`, `fast`, or `unknown`.
    """

    scenario: str
    control: str | None
    chart: str | None
    chart_version: str | None
    app_version: str | None
    kubernetes: str
    profile: str


@dataclass(frozen=True, slots=True)
class Side:
    """A cell's results in OLD or in NEW.

    Attributes:
        verdicts: Of its drills but aborted ones, in the order of their runs.
        due: How many of these ended as due.
        reasons: What was said of them, each once, those that did not end as due first; nothing of drills that passed.
        aborted: The reasons of the aborted drills.
        recovered_s: Seconds to recovery of the drills that passed; empty for controls and ablations.
        median_s: Their median; None without any.
        spread_s: Their median absolute deviation x 1.4826; None with fewer than two.
        assumed: How many of the drills judged are taken to be of this cell though they do not tell their versions.
    """

    verdicts: tuple[Verdict, ...]
    due: int
    reasons: tuple[str, ...]
    aborted: tuple[str, ...]
    recovered_s: tuple[float, ...]
    median_s: float | None
    spread_s: float | None
    assumed: int


def sides(runs: Sequence[RunResult], told: Collection[Cell]) -> Mapping[Cell, Side]:
    """What one side says of each cell.

    A drill that ended before its chart or app version was known belongs to the cell that it can only be: that of the
    same scenario in its own run, or else among `told`. Otherwise a Prometheus that no longer starts would look like a
    cell that is missing, not like one that is broken. Where there are several, or none, it has a cell of its own.

    Args:
        runs: Those of the side.
        told: The cells that the results of both sides name, as from `named`.
    """
    drills: dict[Cell, list[DrillResult]] = defaultdict(list)
    assumed: dict[Cell, int] = defaultdict(int)
    for run in sorted(runs, key=lambda each: each.started):
        pairs = _cells(run)
        near = {cell for cell, _ in pairs}
        for cell, drill in pairs:
            place = _place(cell, near) or _place(cell, told) or cell
            drills[place].append(drill)
            assumed[place] += place != cell and drill.verdict is not Verdict.ABORTED
    return {cell: _side(found, assumed[cell]) for cell, found in drills.items()}


def named(runs: Iterable[RunResult]) -> set[Cell]:
    """The cells of all drills, as far as each tells its own."""
    return {cell for run in runs for cell, _ in _cells(run)}


def _side(drills: Sequence[DrillResult], assumed: int) -> Side:
    judged = [drill for drill in drills if drill.verdict is not Verdict.ABORTED]
    said = [outcome(drill) for drill in sorted(judged, key=as_due)]
    recovered = [drill.recovered_after_s for drill in judged if drill.control is None and as_due(drill)]
    seconds = tuple(figure for figure in recovered if figure is not None)
    middle = median(seconds) if seconds else None
    spread = None
    if middle is not None and len(seconds) > 1:
        spread = _MAD_TO_SIGMA * median(abs(figure - middle) for figure in seconds)
    return Side(
        verdicts=tuple(drill.verdict for drill in judged),
        due=sum(as_due(drill) for drill in judged),
        reasons=tuple(dict.fromkeys(filter(None, said))),
        aborted=tuple(drill.reason or "no reason was given" for drill in drills if drill.verdict is Verdict.ABORTED),
        recovered_s=seconds,
        median_s=None if middle is None else round(middle, 3),
        spread_s=None if spread is None else round(spread, 3),
        assumed=assumed,
    )


def _cells(run: RunResult) -> list[tuple[Cell, DrillResult]]:
    """Each drill with the cell that it names itself."""
    steps = _steps(run.drills)
    return [
        (
            Cell(
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
    """Names of the steps left out in one run. Steps that begin with the same command are told apart by their order."""
    found = {(drill.scenario, drill.control): drill.left_out for drill in drills if drill.left_out is not None}
    seen: dict[tuple[str, str], int] = defaultdict(int)
    names = {}
    for (scenario, control), step in sorted(found.items(), key=lambda item: item[1].line):
        name = f"without {step.file}: {step.command}"
        seen[scenario, name] += 1
        number = seen[scenario, name]
        names[scenario, control] = name if number == 1 else f"{name} (the {number}. such step)"
    return names


def _place(cell: Cell, among: Collection[Cell]) -> Cell | None:
    """The cell with the versions that `cell` does not tell; None where there is not exactly one."""
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


def _versions(cell: Cell) -> tuple[str | None, str | None, str | None]:
    return cell.chart, cell.chart_version, cell.app_version


def natural(cell: Cell) -> list[list[tuple[int, str]]]:
    """A key that sorts 8.11.4 before 25.8.0."""
    parts = (cell.scenario, cell.control, *_versions(cell), cell.kubernetes, cell.profile)
    return [
        [(int(run), "") if run.isdecimal() else (-1, run) for run in re.findall(r"\d+|\D+", p or "")] for p in parts
    ]

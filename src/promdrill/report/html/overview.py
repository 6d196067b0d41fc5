"""The tables at the top: verdicts by scenario and column, recovery times, the slowest drills, what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, drill_name
from promdrill.report.compare.regressions import Compared, Finding, compare
from promdrill.report.compare.text import cell_line, recovery_words, side_words
from promdrill.report.html.detail import Badge
from promdrill.report.html.draw import Canvas, Svg, ticks
from promdrill.report.html.lanes import PHASES, percent
from promdrill.report.html.load import Column, Drill
from promdrill.results.store import read
from promdrill.results.words import between, seconds

MOST_SLOWEST = 8
"""How many of the slowest drills are shown: what a person would look into next."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A drill on the page: its anchor, how it ended, and how long it took."""

    anchor: str
    drill: Drill
    badge: Badge
    length_s: float | None

    @property
    def recovered_s(self) -> float | None:
        """As in `DrillResult`."""
        return self.drill.result.recovered_after_s if self.drill.result else None


@dataclass(frozen=True, slots=True)
class GridRow:
    """A scenario: for each column its drills, and why it was skipped, if it was."""

    name: str
    cells: tuple[tuple[tuple[Shown, ...], str], ...]


@dataclass(slots=True)
class Bar:
    """A row with a bar.

    Attributes:
        name: The drill's name.
        figure: The figure in words.
        note: More words.
        anchor: The drill's anchor; empty if the row is not a drill.
        told: The drawing in words.
        svg: The drawing, once it is drawn.
    """

    name: str
    figure: str
    told: str
    note: str = ""
    anchor: str = ""
    svg: Svg = field(default_factory=lambda: Svg("", ()))


@dataclass(frozen=True, slots=True)
class Bars:
    """Rows with bars, and their common scale: (percent, text)."""

    rows: tuple[Bar, ...]
    scale: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A changed cell: what was found, the drill, the cell, the old and the new state, and its recovery."""

    finding: str
    name: str
    cell: str
    old: str
    new: str
    recovery: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since an earlier run.

    Attributes:
        since: The earlier run's folder.
        started: When it began, ISO 8601.
        counts: How many cells there are of each kind, in words.
        rows: The changed cells; new ones are only counted.
        others: How many cells of the earlier run belong to scenarios that were not run this time.
        recovered: Seconds to recovery in the earlier run, by scenario.
    """

    since: str
    started: str
    counts: tuple[str, ...]
    rows: tuple[Change, ...]
    others: int
    recovered: Mapping[str, float]


def grid(columns: Sequence[Column], shown: Mapping[int, Sequence[Shown]]) -> tuple[GridRow, ...]:
    """The rows by name; `shown` has the drills of each column by its index."""
    cells: dict[tuple[str, int], list[Shown]] = {}
    for at, drills in shown.items():
        for each in drills:
            cells.setdefault((each.drill.row, at), []).append(each)
    names = {name for name, _ in cells}
    skips = [{skip.scenario: skip.reason for skip in column.run.skipped} if column.run else {} for column in columns]
    names |= {name for skip in skips for name in skip}
    return tuple(
        GridRow(
            name,
            tuple((tuple(cells.get((name, at), ())), skips[at].get(name, "")) for at in range(len(columns))),
        )
        for name in sorted(names)
    )


def recovery(shown: Sequence[Shown], before: Mapping[str, float]) -> Bars:
    """Seconds to recovery of the drills that recovered, slowest first; `before` are those of the earlier run."""
    times: dict[str, list[float]] = {}
    for each in shown:
        if each.recovered_s is not None and each.drill.control is None and each.badge.as_expected:
            times.setdefault(each.drill.scenario, []).append(each.recovered_s)
    if not times:
        return Bars((), ())
    middles = {name: median(found) for name, found in times.items()}
    marks = {name: before[name] for name in times if name in before}
    canvas = Canvas(ticks(max(*map(max, times.values()), *marks.values(), 1.0), 6)[-1])
    rows = []
    for name in sorted(times, key=lambda name: (-middles[name], name)):
        found, lane = times[name], canvas.lane()
        lane.bars("recovered", [(0.0, middles[name])])
        if name in marks:
            lane.uprights("before", [marks[name]])
        if len(found) > 1:
            lane.dots("dot", [(figure, 0.5) for figure in found])
        note = f"{len(found)} drills, {min(found):.1f} to {max(found):.1f} s" if len(found) > 1 else ""
        was = f"; {seconds(marks[name])} before" if name in marks else ""
        rows.append(Bar(name, seconds(middles[name]), f"{name}: {seconds(middles[name])}{was}", note))
    return _drawn(rows, canvas)


def slowest(shown: Sequence[Shown], columns: Mapping[str, str]) -> Bars:
    """The drills that took longest, with their phases; `columns` has the name of each drill's column by its anchor."""
    timed = [each for each in shown if each.length_s is not None and each.drill.result and each.drill.result.phases]
    timed.sort(key=lambda each: (-(each.length_s or 0.0), each.drill.name, each.anchor))
    timed = timed[:MOST_SLOWEST]
    if not timed:
        return Bars((), ())
    canvas = Canvas(ticks(timed[0].length_s or 1.0, 6)[-1])
    rows = []
    for each in timed:
        lane = canvas.lane()
        told = []
        for name, start_s, took_s in _phases(each.drill.result):
            lane.bars(f"ph-{name}", [(start_s, start_s + took_s)])
            told.append((took_s, f"{name} {seconds(took_s)}"))
        note = " · ".join(filter(None, (columns.get(each.anchor), max(told)[1] if told else "")))
        rows.append(
            Bar(each.drill.name, seconds(each.length_s), "; ".join(text for _, text in told), note, each.anchor)
        )
    return _drawn(rows, canvas)


def changes(columns: Sequence[Column], earlier: Path | None) -> Changes | None:
    """What has changed since the earlier run; None if there is none, or none with the same scenarios.

    Raises:
        UsageError: It has no results.json.
    """
    runs = [column.run for column in columns if column.run is not None]
    if earlier is None or not runs:
        return None
    before = read(earlier)
    try:
        found = compare([before], runs)
    except KeyError as error:  # a control that this promdrill does not know
        raise UsageError(f"{earlier}: unknown control {error}") from error
    ours = {drill.scenario for run in runs for drill in run.drills}
    told = [row for row in found.rows if row.cell.scenario in ours]
    if not any(row.old is not None and row.new is not None for row in told):
        return None  # another chart, or another cell of a matrix: nothing in it was run before
    return Changes(
        since=earlier.resolve().name,
        started=before.started,
        counts=_counts(told),
        rows=tuple(_change(row) for row in told if row.finding not in {Finding.UNCHANGED, Finding.NEW}),
        others=len(found.rows) - len(told),
        recovered=_recovered(before.drills),
    )


def _recovered(drills: Sequence[DrillResult]) -> dict[str, float]:
    times: dict[str, list[float]] = {}
    for drill in drills:
        if drill.control is None and drill.recovered_after_s is not None:
            times.setdefault(drill.scenario, []).append(drill.recovered_after_s)
    return {name: median(found) for name, found in times.items()}


def _change(row: Compared) -> Change:
    both = row.old is not None and row.new is not None and row.recovery is not None
    return Change(
        str(row.finding),
        drill_name(row.cell.scenario, row.cell.control),
        cell_line(row.cell),
        side_words(row.old, row.finding),
        side_words(row.new, row.finding),
        recovery_words(row.old, row.new, row.recovery) if both and row.old and row.new and row.recovery else "",
    )


def _counts(rows: Sequence[Compared]) -> tuple[str, ...]:
    counts = Counter(row.finding for row in rows)
    return tuple(f"{counts[finding]} {_words(finding)}" for finding in Finding if counts[finding])


def _words(finding: Finding) -> str:
    return str(finding).replace("-", " ")


def _phases(result: DrillResult | None) -> list[tuple[str, float, float]]:
    """(name, start, seconds) of the phases that ended."""
    out = []
    for phase in result.phases if result else ():
        start_s = between(result.phases[0].started, phase.started) if result else None
        if start_s is not None and phase.took_s is not None and str(phase.name) in PHASES:
            out.append((str(phase.name), max(0.0, start_s), phase.took_s))
    return out


def _drawn(rows: list[Bar], canvas: Canvas) -> Bars:
    for row, svg in zip(rows, canvas.render(), strict=True):
        row.svg = svg
    scale = tuple((percent(tick, canvas.length), f"{tick:g} s") for tick in ticks(canvas.length, 6))
    return Bars(tuple(rows), scale)

"""The folders of runs as columns of a report: their results, and what only their journals have."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promdrill.core import collector, events, reading, records
from promdrill.core.errors import UsageError
from promdrill.core.journal import JOURNAL
from promdrill.core.model import DrillResult, RunResult, drill_name
from promdrill.core.reading import Unreadable
from promdrill.results.expected import as_expected
from promdrill.results.folder import CELL, of_result
from promdrill.results.store import RESULTS, read
from promdrill.results.timeline import read as journals
from promdrill.results.timeline.drill import Timeline
from promdrill.results.timeline.read import LARGEST_BYTES, Skipped

PREVIOUS_LOOKED_AT = 50
"""How many older folders are opened to find the run before this one."""

_SUPPLIED = re.compile(rf'"event": *"{events.SupplyChosen.name}"'.encode())
_BEGAN = re.compile(rf'"event": *"{events.DrillBegan.name}"'.encode())
"""In a journal, the events with which a drill begins; see `Timeline.ends_before`."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill of a column.

    Attributes:
        folder: Where its files are; it may not exist.
        result: Its entry in results.json; None if it was cut short before it had one.
        timeline: From its journal; empty without one, and before `opened`.
        skipped: Lines of its journal that could not be used.
        unread: Its journal, if only `opened` reads it.
    """

    folder: Path
    result: DrillResult | None
    timeline: Timeline = field(default_factory=Timeline)
    skipped: Skipped = field(default_factory=Skipped)
    unread: Path | None = None

    @property
    def scenario(self) -> str:
        """Its scenario's id."""
        return self._about.scenario

    @property
    def control(self) -> str | None:
        """What was left out on purpose, as in `DrillResult`; None for the drill itself."""
        return self._about.control

    @property
    def name(self) -> str:
        """Its name for people: ``disk-full[no-fault]``."""
        return self._about.name

    @property
    def row(self) -> str:
        """Its name without the number of the repeat: all repeats share a row of the grid."""
        return drill_name(self.scenario, self.control)

    @property
    def _about(self) -> DrillResult | Timeline:
        """What identifies the drill."""
        return self.timeline if self.result is None else self.result

    @property
    def as_expected(self) -> bool:
        """Whether it ended as expected."""
        return self.result is not None and as_expected(self.result)


@dataclass(frozen=True, slots=True)
class Column:
    """One run, or one cell of a matrix.

    Attributes:
        name: Its name, different from that of every other column.
        folder: The run's folder.
        run: Its results; None if there is no results.json.
        drills: In the order of results.json, then those without a result, by name.
    """

    name: str
    folder: Path
    run: RunResult | None
    drills: tuple[Drill, ...]

    @property
    def options(self) -> Mapping[str, str]:
        """The run's settings, as variables."""
        return self.run.options if self.run is not None else {}

    @property
    def finished(self) -> bool:
        """Whether the run finished."""
        return self.run is not None and self.run.finished is not None


def load(folders: Sequence[Path]) -> tuple[Column, ...]:
    """The columns of these folders, in their order; each folder is a run, or holds runs.

    Raises:
        UsageError: A folder does not exist or holds no run, or a results.json is not one.
    """
    places = list(dict.fromkeys(place for folder in folders for place in _places(folder)))
    with collector.resting():
        columns = [_column(place) for place in places]
    return tuple(replace(column, name=name) for column, name in zip(columns, _names(columns), strict=True))


def opened(drill: Drill) -> Drill:
    """The drill with its timeline.

    `load` leaves it out where there is a result: a thousand timelines at once need more memory than there may be.
    """
    if drill.unread is None:
        return drill
    found = journals.read(drill.unread)
    if not found.drills:
        return replace(drill, unread=None)
    return replace(drill, timeline=found.drills[0], skipped=found.skipped, unread=None)


def previous(column: Column) -> Path | None:
    """The folder of the last run before this one that is beside it and has a scenario in common with it."""
    ours = {drill.scenario for drill in column.drills}
    if column.run is None or not ours:
        return None
    siblings = sorted((path for path in column.folder.parent.iterdir() if not path.is_symlink()), reverse=True)
    older = [path for path in siblings if path.name < column.folder.name and (path / RESULTS).is_file()]
    for folder in older[:PREVIOUS_LOOKED_AT]:
        try:
            run = read(folder)
        except UsageError:
            continue
        if run.started < column.run.started and ours & {drill.scenario for drill in run.drills}:
            return folder
    return None


def _places(folder: Path) -> Iterator[Path]:
    """The folders of runs in `folder`, which may itself be one; links below it are not followed."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not the folder of a run", hint="ls reports")
    reading.listed(folder)
    folder = folder.resolve()
    found = []
    for place, below, files in os.walk(folder):
        path = Path(place)
        if RESULTS in files or any((path / name / JOURNAL).is_file() for name in below):
            found.append(path)
            below.clear()
    if not found:
        raise UsageError(f"no run in {folder}: neither {RESULTS} nor a journal", hint="ls reports")
    yield from sorted(found)


def _column(place: Path) -> Column:
    run = read(place) if (place / RESULTS).is_file() else None
    results = run.drills if run else ()
    files = sorted(place.glob(f"*/{JOURNAL}"))
    unread = {file.parent: file for file in files if _tells_of_one(file)}
    unread = {folder: unread[folder] for result in results if (folder := place / of_result(result)) in unread}
    told = [drill for file in files if file.parent not in unread for drill in _told(file)]
    drills = [_drill(place, result, told, unread) for result in results]
    return Column(place.name, place, run, (*drills, *told))


def _tells_of_one(file: Path) -> bool:
    """Whether a journal tells of one drill, as all do but those to which a drill that was run again was appended."""
    try:
        with reading.opened(file) as journal:
            text = journal.read(LARGEST_BYTES)
    except (OSError, Unreadable):
        return False
    _, _, further = text.partition(b"\n")
    return not _SUPPLIED.search(further) and len(_BEGAN.findall(text)) <= 1


def _told(file: Path) -> Iterator[Drill]:
    """The drills in a journal."""
    found = journals.read(file)
    for timeline in found.drills:
        yield Drill(file.parent, None, timeline, found.skipped)


def _drill(place: Path, result: DrillResult, told: list[Drill], unread: dict[Path, Path]) -> Drill:
    """A result with its journal, which is removed from `told` or `unread`."""
    folder = place / of_result(result)
    if folder in unread:
        return Drill(folder, result, unread=unread.pop(folder))
    own = next((one for one in told if one.folder == folder), None)
    if own is None:
        return Drill(folder, result)
    told.remove(own)
    return replace(own, result=result)


def _json(file: Path) -> dict[str, Any]:
    try:
        data = records.read_file(file)
    except UsageError:
        return {}
    return data if isinstance(data, dict) else {}


def _names(columns: Sequence[Column]) -> list[str]:
    """The cell's title if it has one, else what distinguishes the runs, else their folders."""
    if len(columns) == 1:
        return [_title(columns[0]) or columns[0].name]
    parts = [_parts(column) for column in columns]
    differing = [key for key in parts[0] if len({part[key] for part in parts} - {""}) > 1]
    told = [", ".join(part[key] for key in differing if part[key]) for part in parts]
    names = [_title(column) or words or column.name for column, words in zip(columns, told, strict=True)]
    twice = Counter(names)
    names = [
        name if twice[name] == 1 else f"{name} ({column.name})" for name, column in zip(names, columns, strict=True)
    ]
    twice = Counter(names)
    seen: Counter[str] = Counter()
    for at, name in enumerate(names):  # two folders with the same name
        seen[name] += 1
        names[at] = name if twice[name] == 1 else f"{name} #{seen[name]}"
    return names


def _title(column: Column) -> str:
    cell = _json(column.folder / CELL)
    return str(cell.get("title") or cell.get("id") or "")


def _parts(column: Column) -> dict[str, str]:
    results = [drill.result for drill in column.drills if drill.result is not None]

    def all_of(values: Iterator[str | None]) -> str:
        return "/".join(sorted({value for value in values if value}))

    charts = all_of(f"{result.chart} {result.chart_version}" for result in results if result.chart)
    apps = all_of(result.app_version for result in results)
    helm = column.options.get("HELM_VERSION", "")
    return {
        "chart": charts,
        "app": apps and f"Prometheus {apps}",
        "kubernetes": column.run.kubernetes and f"Kubernetes {column.run.kubernetes}" if column.run else "",
        "helm": helm and f"Helm {helm}",
        "profile": all_of(result.profile for result in results),
    }

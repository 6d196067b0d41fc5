"""The folders of runs as columns of a report: results where there are any, and what the journals alone tell."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from promdrill.core.errors import UsageError
from promdrill.core.model import (
    DrillResult,
    RunResult,
    Variant,
    drill_name,
)
from promdrill.report.compare.read import read_all
from promdrill.report.html import journal
from promdrill.report.html.journal import JOURNAL, Entry
from promdrill.results.folder import of_drill, plain
from promdrill.results.outcome import as_due
from promdrill.results.store import RESULTS, read

CELL = "cell.json"
"""In the folder of a matrix's cell: its ``id`` and ``title``."""

PREVIOUS_LOOKED_AT = 50
"""Older folders that are opened in search of the last run before this one."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill of a column.

    Attributes:
        scenario: Its id.
        label: What tells it from other runs of the scenario, as from `Variant.label`; None for nothing.
        folder: Where its files are; perhaps not there.
        result: What results.json says; None of a drill that was cut short before it had a result.
        entries: Its journal.
        broken: Lines of its journal that could not be read.
    """

    scenario: str
    label: str | None
    folder: Path
    result: DrillResult | None
    entries: tuple[Entry, ...]
    broken: int = 0

    @property
    def name(self) -> str:
        """As people name it: ``disk-full[no-fault]``."""
        return drill_name(self.scenario, self.label)

    @property
    def row(self) -> str:
        """The drill without the number of its repetition: all of them share a row of the grid."""
        return drill_name(self.scenario, self.control)

    @property
    def control(self) -> str | None:
        """What was left out on purpose, as in `DrillResult`; None for the drill itself."""
        return self.result.control if self.result else (re.sub(r"(^|,)\d+$", "", self.label or "") or None)

    @property
    def due(self) -> bool:
        """Whether it ended as it had to."""
        return self.result is not None and as_due(self.result)


@dataclass(frozen=True, slots=True)
class Column:
    """One run, or one cell of a matrix.

    Attributes:
        name: Unlike that of every other column.
        folder: The run's folder.
        run: Its results; None when there is no results.json.
        options: The variables that the run was given, where results.json says so.
        drills: In the order of results.json, then those without a result by name.
    """

    name: str
    folder: Path
    run: RunResult | None
    options: dict[str, str]
    drills: tuple[Drill, ...]

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.run is not None and self.run.finished is not None


def load(folders: Sequence[Path]) -> tuple[Column, ...]:
    """The columns of these folders, in their order; each folder is a run, or holds runs.

    Raises:
        UsageError: A folder is not there or holds no run, or a results.json is none.
    """
    places = list(dict.fromkeys(place for folder in folders for place in _places(folder)))
    columns = [_column(place) for place in places]
    return tuple(replace(column, name=name) for column, name in zip(columns, _names(columns), strict=True))


def previous(column: Column) -> Path | None:
    """The folder of the last run that began before this one, lies beside it and has a scenario in common with it."""
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
    """The folders of runs in `folder`, which may be one itself; links below it are not followed."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not the folder of a run", hint="ls reports")
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


@dataclass(frozen=True, slots=True)
class _Told:
    """A drill as a journal tells of it."""

    folder: Path
    scenario: str
    control: str | None
    label: str | None
    entries: tuple[Entry, ...]
    broken: int


def _column(place: Path) -> Column:
    run = read_all(place / RESULTS)[0] if (place / RESULTS).is_file() else None
    told = [drill for file in sorted(place.glob(f"*/{JOURNAL}")) for drill in _told(file)]
    drills = [_drill(place, result, told) for result in (run.drills if run else ())]
    drills += [Drill(one.scenario, one.label, one.folder, None, one.entries, one.broken) for one in told]
    return Column(place.name, place, run, _options(place), tuple(drills))


def _told(file: Path) -> Iterator[_Told]:
    found = journal.read(file)
    for entries in found.drills:
        begun = next((entry for entry in entries if entry.event == "drill-begin"), None)
        scenario, _, rest = file.parent.name.partition(".")
        control, label = rest or None, rest or None
        if begun is not None:
            scenario, control = begun.text("scenario") or scenario, begun.text("control") or None
            number = re.fullmatch(r"[-.]?(\d+)", rest.removeprefix(plain(control or "")))
            label = Variant(control, repetition=int(number[1]) if number else None).label
        yield _Told(file.parent, scenario, control, label, entries, found.broken)


def _drill(place: Path, result: DrillResult, told: list[_Told]) -> Drill:
    """A result with its journal, which is taken out of `told`.

    Journals of one drill are in its own folder. Early versions had one folder for a scenario and its controls.
    """
    label, folder = Variant(result.control, repetition=result.repetition).label, _folder(place, result)
    own = [one for one in told if one.folder == folder]
    like = [one for one in told if (one.scenario, one.control) == (result.scenario, result.control)]
    for one in (*own, *like):
        told.remove(one)
        return Drill(result.scenario, label, one.folder, result, one.entries, one.broken)
    return Drill(result.scenario, label, folder, result, ())


def _folder(place: Path, result: DrillResult) -> Path:
    """The folder of a drill's files, and never outside the run's own."""
    label = Variant(result.control, repetition=result.repetition).label
    return place / of_drill(result.scenario, label).lstrip(".")


def _options(place: Path) -> dict[str, str]:
    """What results.json says of the variables given: a later promdrill writes them there."""
    said = _json(place / RESULTS).get("options")
    if not isinstance(said, dict):
        return {}
    return {str(name): str(value) for name, value in said.items() if value not in (None, "")}


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _names(columns: Sequence[Column]) -> list[str]:
    """The cell's title where there is one, else what the runs differ in, else their folders."""
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
    for at, name in enumerate(names):  # two folders of one name
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

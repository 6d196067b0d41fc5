"""The cells of a matrix as one report: which scenario ended how in which cell, and which cells have no result.

A cell is a folder with a results.json, or with a cell.json and a results.json below it. It is red if a drill did not
end as expected (`promdrill.results.expected`), if it has no results or its run did not finish, and if nothing was
drilled or skipped in it, because then nothing is known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from promdrill.core import paths, records
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, RunResult, Skipped
from promdrill.core.records import Misfit
from promdrill.report.compare.read import read_all
from promdrill.results.expected import as_expected, outcome
from promdrill.results.folder import CELL
from promdrill.results.store import RESULTS

NIGHT_SCHEMA = 1
"""Version of summary.json; raised when a field changes its meaning or goes away."""


_HINT = "promdrill matrix --format json >FILE"


@dataclass(frozen=True, slots=True)
class _Expected:
    """A cell as ``promdrill matrix`` prints it, apart from what is not needed here."""

    id: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """A cell.json, apart from what is not needed here."""

    id: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class CellReport:
    """One cell and what came of it.

    Attributes:
        id: As in matrix.toml; without a cell.json, the name of its folder.
        title: What it is, in words; empty if unknown.
        runs: Its results; more than one if it was run more than once.
        problems: Why it is red apart from its drills, a few words each.
    """

    id: str
    title: str
    runs: tuple[RunResult, ...]
    problems: tuple[str, ...]

    @property
    def drills(self) -> tuple[DrillResult, ...]:
        """The drills of all its runs."""
        return tuple(drill for run in self.runs for drill in run.drills)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Everything that its runs skipped, each once."""
        return tuple(dict.fromkeys(skipped for run in self.runs for skipped in run.skipped))

    @property
    def red(self) -> bool:
        """Whether it has problems, or a drill that did not end as expected."""
        return bool(self.problems) or not all(map(as_expected, self.drills))

    @property
    def took_s(self) -> float | None:
        """Seconds from start to end of all its runs together; None if a run did not finish or there is none."""
        try:
            spans = [
                datetime.fromisoformat(run.finished or "") - datetime.fromisoformat(run.started) for run in self.runs
            ]
        except (TypeError, ValueError):
            return None
        return sum(span.total_seconds() for span in spans) if spans else None


@dataclass(frozen=True, slots=True)
class Night:
    """All cells: the expected ones in their order, then others by name."""

    cells: tuple[CellReport, ...]

    @property
    def red(self) -> tuple[CellReport, ...]:
        """The cells that are red."""
        return tuple(cell for cell in self.cells if cell.red)

    @property
    def drills(self) -> tuple[DrillResult, ...]:
        """The drills of all cells."""
        return tuple(drill for cell in self.cells for drill in cell.drills)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Everything that the cells skipped, cell by cell."""
        return tuple(skipped for cell in self.cells for skipped in cell.skipped)


def expected(file: Path) -> Mapping[str, str]:
    """Titles of the cells, by id, that ``promdrill matrix`` printed with ``--format github`` or ``json``.

    Raises:
        UsageError: The file cannot be read or is something else.
    """
    data = records.read_file(file, hint=_HINT)
    try:
        entries = records.load(list[_Expected], data.get("include") if isinstance(data, dict) else data)
    except Misfit as error:
        raise UsageError(f"{file} is not what `promdrill matrix --format json` prints: {error}", hint=_HINT) from error
    if not entries:
        raise UsageError(f"{file} is not what `promdrill matrix --format json` prints: it has no cells", hint=_HINT)
    return {entry.id: entry.title or "" for entry in entries}


def gather(folder: Path, wanted: Mapping[str, str] | None = None) -> Night:
    """Read the cells in a folder.

    A cell with broken files is red and does not hide others. Links and hidden folders are ignored.

    Args:
        folder: Has a folder for each cell; it need not exist if cells are expected.
        wanted: Titles of the expected cells, by id, as from `expected`.

    Raises:
        UsageError: There is no cell and none is expected, or the folder cannot be read or is itself a run.
    """
    wanted = wanted or {}
    if (folder / RESULTS).exists():
        raise UsageError(f"{folder} is a single run, not a folder of cells", hint=f"promdrill merge {folder.parent}")
    found: dict[str, CellReport] = {}
    for place in _places(folder) if folder.is_dir() or not wanted else ():
        cell = _read(place, str(place.relative_to(folder)), wanted)
        found[cell.id] = _joined(found[cell.id], cell) if cell.id in found else cell
    absent = {
        id_: CellReport(id_, title, (), ("no result: its folder does not exist",)) for id_, title in wanted.items()
    }
    cells = {**absent, **found}  # keeps the order of `wanted`
    if not cells:
        raise UsageError(f"no cell in {folder}", hint=paths.command("matrix"))
    return Night(tuple(cells.values()))


def to_json(night: Night) -> str:
    """summary.json: every cell with its drills and their outcomes."""
    counts = {
        "cells": len(night.cells),
        "red_cells": len(night.red),
        "passed": sum(map(as_expected, night.drills)),
        "failed": sum(not as_expected(drill) for drill in night.drills),
        "skipped": len(night.skipped),
    }
    cells = [_cell_json(cell) for cell in night.cells]
    return json.dumps({"schema": NIGHT_SCHEMA, "counts": counts, "cells": cells}, indent=2)


def _cell_json(cell: CellReport) -> dict[str, Any]:
    drills = [
        {
            "scenario": drill.scenario,
            "control": drill.control,
            "repetition": drill.repetition,
            "verdict": str(drill.verdict),
            "as_expected": as_expected(drill),
            "said": outcome(drill),
            "recovered_after_s": drill.recovered_after_s,
        }
        for drill in cell.drills
    ]
    return {
        "id": cell.id,
        "title": cell.title,
        "red": cell.red,
        "problems": cell.problems,
        "kubernetes": list(dict.fromkeys(run.kubernetes for run in cell.runs)),
        "took_s": cell.took_s,
        "drills": drills,
        "skipped": [asdict(skipped) for skipped in cell.skipped],
    }


def _places(folder: Path) -> Iterator[Path]:
    """The cells' folders: the topmost with a cell.json or results.json, and top folders without either."""
    try:
        children = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"cannot read {folder}: {error.strerror}", hint=paths.command("matrix")) from error
    for child in children:
        if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
            yield from _topmost(child) or [child]


def _topmost(folder: Path) -> list[Path]:
    found = []
    for place, folders, files in os.walk(folder):
        if {CELL, RESULTS} & set(files):
            found.append(Path(place))
            folders.clear()
    return sorted(found)


def _read(place: Path, name: str, wanted: Mapping[str, str]) -> CellReport:
    problems = []
    try:
        id_, title = _told(place / CELL)
    except UsageError as error:
        id_, title = None, None
        problems.append(f"{CELL} cannot be read: {error.message}")
    id_ = id_ or name
    title = title or wanted.get(id_, "")
    if not any(RESULTS in files for _, _, files in os.walk(place)):
        return CellReport(id_, title, (), (*problems, "no result"))
    try:
        runs = tuple(read_all(place))
    except UsageError as error:
        return CellReport(id_, title, (), (*problems, f"no result: {error.message}"))
    return CellReport(id_, title, runs, (*problems, *_shortcomings(runs)))


def _told(file: Path) -> tuple[str | None, str | None]:
    """Id and title from a cell.json; None for what it does not have, or if it does not exist."""
    if not file.exists():
        return None, None
    try:
        told = records.load(_Told, records.read_file(file))
    except Misfit as error:
        raise UsageError(f"{file}: {error}", hint=f"cat {file}") from error
    return told.id, told.title


def _shortcomings(runs: tuple[RunResult, ...]) -> Iterator[str]:
    for run in runs:
        if run.finished is None:
            yield f"no finished result: the run of {run.started} was interrupted"
        elif not (run.drills or run.skipped):
            yield f"no result: the run of {run.started} neither ran nor skipped anything"


def _joined(one: CellReport, other: CellReport) -> CellReport:
    """Two folders of one cell: the results and the problems of both."""
    return CellReport(one.id, one.title or other.title, (*one.runs, *other.runs), (*one.problems, *other.problems))

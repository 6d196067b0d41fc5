"""Cells: the product of all axes, minus the excludes, plus the includes. Each has a stable id."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from promdrill.core.choices import DEFAULT_HELM, PROFILES, nearest
from promdrill.core.errors import UsageError, shortened
from promdrill.core.redact import without_login
from promdrill.matrix.reading import CellEntry, Chart, MatrixFile, Value

VARIABLES = (
    *("CHART", "CHART_VERSION", "REPO", "APP_VERSION", "KUBE_VERSION", "HELM_VERSION", "PROFILE", "SCENARIO"),
    *("VALUES", "SCRAPES", "SUBCHARTS", "IMAGES"),
)
"""The variables of `promdrill run` that a cell sets."""

MOST_ON_GITHUB = 256
"""The most jobs that GitHub accepts for one matrix."""

CELL_SCHEMA = 1
"""Version of cell.json; increased when a field changes its meaning or is removed."""

_LONGEST_PART = 40  # characters of a chart's or a file's name in an id: folders and artefacts may have some 250


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of the matrix.

    Attributes:
        id: Made of the cell's own fields, so that other cells of the file do not change it; safe as the name of a
            folder or an artifact.
        title: The same for people.
        variables: All of `VARIABLES`; empty for those that the cell does not set.
    """

    id: str
    title: str
    variables: Mapping[str, str]

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Ids of its scenarios; empty for all."""
        return tuple(filter(None, self.variables["SCENARIO"].split(",")))

    @property
    def ground(self) -> tuple[str, str]:
        """Kubernetes version and profile: cells with the same ones share a cluster."""
        return self.variables["KUBE_VERSION"], self.variables["PROFILE"]

    def to_json(self) -> dict[str, Any]:
        """The cell's definition, as in cell.json."""
        shown = {name: without_login(value) for name, value in self.variables.items()}
        return {"schema": CELL_SCHEMA, "id": self.id, "title": self.title, "variables": shown}


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells of a file.

    Attributes:
        cells: In the order of the file; those that only an `[[include]]` adds come last.
        remarks: What is odd in the file but not wrong, one sentence each.
    """

    cells: tuple[Cell, ...]
    remarks: tuple[str, ...] = ()


def expand(plan: MatrixFile) -> Matrix:
    """The cells of a plan, by the rules of GitHub Actions.

    Raises:
        UsageError: There is no cell, or a cell appears twice.
    """
    products = [dict(zip(plan.axes, values, strict=True)) for values in product(*plan.axes.values())]
    whole = _Grid(products if plan.axes else [])
    dropped: set[int] = set()
    remarks = []
    for entry in plan.exclude:
        matching = whole.matching(entry.fields)
        dropped.update(matching)
        if not matching:
            remarks.append(f"{plan.file}:{entry.line}: this [[exclude]] matches no cell")
    found = [*_included(plan, _Grid([cell for at, cell in enumerate(whole.cells) if at not in dropped]))]
    if not found:
        raise UsageError(f"{plan.file}:1: no cell is left", hint="remove an [[exclude]], or make it narrower")
    variables: list[dict[str, str]] = []
    seen: set[tuple[str, ...]] = set()
    for fields, line in found:
        cell = _variables(fields, plan.kubernetes)
        if (key := tuple(cell.values())) in seen:
            text = f"{plan.file}:{line or 1}: this [[include]] adds a cell that already exists: {_title(cell)}"
            raise UsageError(text, hint="remove it, or change a field")
        seen.add(key)
        variables.append(cell)
    ids = _unique([_id(cell) for cell in variables], variables)
    cells = (Cell(id_, _title(cell), cell) for id_, cell in zip(ids, variables, strict=True))
    return Matrix(tuple(cells), tuple(remarks))


def select(cells: Sequence[Cell], ids: Iterable[str]) -> tuple[Cell, ...]:
    """The cells of these ids, in the order of the matrix and each once; all of them for no ids.

    Raises:
        UsageError: There is no cell of that id; names the nearest.
    """
    wanted = dict.fromkeys(ids)
    known = {cell.id: cell for cell in cells}
    for id_ in wanted:
        if id_ not in known:
            raise UsageError(
                f"CELL={id_}: no such cell; `promdrill matrix` lists them", hint=f"CELL={nearest(id_, known)}"
            )
    return tuple(cell for cell in cells if not wanted or cell.id in wanted)


def longest_first(cells: Sequence[Cell]) -> list[Cell]:
    """The cells by their number of scenarios, those with all of them first; otherwise in their order."""
    return sorted(cells, key=lambda cell: -(len(cell.scenarios) or math.inf))


def shard(cells: Sequence[Cell], text: str) -> tuple[Cell, ...]:
    """One of several parts of the cells, dealt out the longest first, so that each gets its share of long ones.

    The sizes of the parts differ by one cell at most.

    Args:
        cells: All of them.
        text: Which part of how many, counted from 1, as typed after --shard: ``2/4``.

    Raises:
        UsageError: It is something else, or there are more parts than cells.
    """
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    number, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= parts:
        raise UsageError(f"--shard={shortened(text, 40)}: not a part and the number of parts", hint="--shard 1/4")
    if parts > len(cells):
        text = f"--shard={text}: {parts} parts of {len(cells)} cell{'' if len(cells) == 1 else 's'}"
        raise UsageError(f"{text}; some would have none", hint=f"--shard 1/{len(cells)}")
    return tuple(longest_first(cells)[number - 1 :: parts])


def to_github(cells: Sequence[Cell]) -> str:
    """The cells as a matrix of GitHub Actions, on one line: id, title, and the variables in lower case, all as strings.

    Raises:
        UsageError: There are more than GitHub accepts.
    """
    if len(cells) > MOST_ON_GITHUB:
        raise UsageError(
            f"{len(cells)} cells; GitHub accepts at most {MOST_ON_GITHUB} in one matrix",
            hint=f"--shard 1/{-(-len(cells) // MOST_ON_GITHUB)} for the first of that many",
        )
    entries = [
        {"id": cell.id, "title": cell.title, **{key.lower(): text for key, text in cell.variables.items()}}
        for cell in cells
    ]
    return json.dumps({"include": entries}, separators=(",", ":"))


class _Grid:
    """The cells of the axes, to be found by some of their fields: each choice of fields is looked through once.

    Args:
        cells: The fields of each.
    """

    def __init__(self, cells: Sequence[Mapping[str, Value]]) -> None:
        self.cells = cells
        self._found: dict[tuple[str, ...], dict[tuple[Value, ...], list[int]]] = {}

    def matching(self, fields: Mapping[str, Value]) -> Sequence[int]:
        """The positions of the cells that have these values of these axes."""
        axes = tuple(sorted(fields))
        if axes not in self._found:
            places: dict[tuple[Value, ...], list[int]] = {}
            for at, cell in enumerate(self.cells):
                places.setdefault(tuple(cell[axis] for axis in axes), []).append(at)
            self._found[axes] = places
        return self._found[axes].get(tuple(fields[axis] for axis in axes), ())


def _included(plan: MatrixFile, grid: _Grid) -> Iterator[tuple[Mapping[str, Value], int]]:
    """The fields of every cell, and the line of the entry that made it, 0 for cells of the axes.

    An entry extends the cells whose axes it would not change; it may change what other entries added.
    """
    extended = [dict(cell) for cell in grid.cells]
    alone: list[CellEntry] = []
    for entry in plan.include:
        on_axes = {key: value for key, value in entry.fields.items() if key in plan.axes}
        fits = grid.matching(on_axes)
        for at in fits:
            extended[at].update(entry.fields)
        if not fits:
            alone.append(entry)
    yield from ((cell, 0) for cell in extended)
    yield from ((entry.fields, entry.line) for entry in alone)


def _variables(fields: Mapping[str, Value], kubernetes: str) -> dict[str, str]:
    chart = fields.get("chart", Chart())
    scenarios = fields.get("scenarios", ())
    said = {key.upper(): value for key, value in fields.items() if isinstance(value, str)}
    if isinstance(chart, Chart):
        said |= {"CHART": chart.chart, "CHART_VERSION": chart.version, "REPO": chart.repo}
    defaults = {"KUBE_VERSION": kubernetes, "HELM_VERSION": DEFAULT_HELM, "PROFILE": PROFILES[0]}
    said["SCENARIO"] = ",".join(scenarios) if isinstance(scenarios, tuple) else ""
    return {name: said.get(name) or defaults.get(name, "") for name in VARIABLES}


def _id(cell: Mapping[str, str]) -> str:
    scenarios = cell["SCENARIO"].split(",")
    chart = "-".join(filter(None, (_leaf(cell["CHART"]) or (cell["CHART_VERSION"] and "chart"), cell["CHART_VERSION"])))
    parts = (
        f"k{cell['KUBE_VERSION']}",
        _safe(chart),
        cell["APP_VERSION"] and f"p{cell['APP_VERSION']}",
        f"h{cell['HELM_VERSION']}",
        "" if cell["PROFILE"] == PROFILES[0] else cell["PROFILE"],
        scenarios[0] if len(scenarios) == 1 else f"{len(scenarios)}-scenarios",
        _safe(_leaf(cell["VALUES"])),
        cell["SCRAPES"] and f"scrapes-{cell['SCRAPES']}",
        cell["SUBCHARTS"] and f"subcharts-{cell['SUBCHARTS']}",
        cell["IMAGES"] and f"images-{cell['IMAGES']}",
    )
    return "-".join(filter(None, parts))


def _unique(ids: Sequence[str], variables: Sequence[Mapping[str, str]]) -> list[str]:
    """The ids, with a checksum appended to those that differ at most in upper and lower case, as file systems may."""
    counts = Counter(id_.casefold() for id_ in ids)
    return [
        id_ if counts[id_.casefold()] == 1 else f"{id_}-{_checksum(cell)}"
        for id_, cell in zip(ids, variables, strict=True)
    ]


def _checksum(cell: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(cell, sort_keys=True).encode()).hexdigest()[:8]


def _title(cell: Mapping[str, str]) -> str:
    scenarios = cell["SCENARIO"].split(",")
    chart = " ".join(filter(None, (_leaf(cell["CHART"]), cell["CHART_VERSION"])))
    parts = (
        f"chart {chart}" if chart else "" if cell["APP_VERSION"] else "default chart",
        cell["APP_VERSION"] and f"Prometheus {cell['APP_VERSION']}",
        f"Kubernetes {cell['KUBE_VERSION']}",
        f"Helm {cell['HELM_VERSION']}",
        "" if cell["PROFILE"] == PROFILES[0] else cell["PROFILE"],
        scenarios[0] if len(scenarios) == 1 else f"{len(scenarios)} scenarios",
        cell["VALUES"] and f"values {_leaf(cell['VALUES'])}",
        cell["SCRAPES"] and f"scrapes {cell['SCRAPES']}",
        cell["SUBCHARTS"] and f"subcharts {cell['SUBCHARTS']}",
        cell["IMAGES"] and f"images {cell['IMAGES']}",
    )
    return ", ".join(filter(None, parts))


def _leaf(path: str) -> str:
    """The name of a chart or a file, without its folder."""
    name = path.rstrip("/").rpartition("/")[2]
    return re.sub(r"\.(tgz|tar\.gz|ya?ml)$", "", name) or name


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:_LONGEST_PART].rstrip("-.")

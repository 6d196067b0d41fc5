"""Reads and checks matrix.toml: axes, includes, excludes. `promdrill.matrix.cells` makes cells from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from promdrill.core import reading, toml_read
from promdrill.core.choices import DEFAULT_KUBERNETES, IMAGES, PROFILES, SCRAPES, SUBCHARTS, VERSION, nearest
from promdrill.core.errors import UsageError, shortened
from promdrill.core.toml_lines import Lines
from promdrill.supply.kubernetes import Offer

FILE_NAME = "matrix.toml"

FIELDS = (
    *("chart", "app_version", "kube_version", "helm_version", "profile", "scenarios"),
    *("values", "scrapes", "subcharts", "images"),
)
"""The fields of a cell; each of them may be an axis."""

MOST_CELLS = 10_000
"""Most cells: what a fast machine runs in a month."""

MOST_ENTRIES = 1_000
"""Most includes, and most excludes: each may touch every cell."""

CHART_FIELDS = ("chart", "version", "repo")
_SHOWN = 120  # characters of a value in a message

ALL = "all"
"""Stands for all scenarios."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as `promdrill run` takes it; empty texts are its defaults."""

    chart: str = ""
    version: str = ""
    repo: str = ""


Value = str | Chart | tuple[str, ...]
"""The value of a field: a text, a chart, or ids of scenarios, sorted and each once; no ids means all scenarios."""


@dataclass(frozen=True, slots=True)
class Known:
    """The valid choices.

    Attributes:
        kubernetes: Versions of Kubernetes; a cell gets the exact version that its cluster has.
        helm: Major versions of Helm.
        scenarios: Ids of scenarios.
    """

    kubernetes: Offer
    helm: tuple[str, ...]
    scenarios: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CellEntry:
    """One `[[include]]` or `[[exclude]]`.

    Attributes:
        fields: Its fields.
        line: Its first line, counted from 1.
    """

    fields: Mapping[str, Value]
    line: int


@dataclass(frozen=True, slots=True)
class MatrixFile:
    """A matrix as it is written.

    Attributes:
        file: The file.
        kubernetes: Version of Kubernetes for cells that do not set one.
        axes: The axes in the order of the file.
        include: Cells, or fields of cells, to add.
        exclude: Cells to drop.
    """

    file: Path
    kubernetes: str
    axes: Mapping[str, tuple[Value, ...]]
    include: tuple[CellEntry, ...] = ()
    exclude: tuple[CellEntry, ...] = ()


def read(file: Path, known: Known) -> MatrixFile:
    """Read a matrix.

    Args:
        file: matrix.toml.
        known: The valid choices.

    Raises:
        UsageError: It cannot be read or is wrong: names file and line, what is wrong, and the nearest choice.
    """
    text = reading.text_of(file)
    return _Reader(file, Lines(text), known).plan(toml_read.value_of(text, said=str(file)))


class _Reader:
    def __init__(self, file: Path, lines: Lines, known: Known) -> None:
        self._file = file
        self._lines = lines
        self._known = known
        self._parsers: Mapping[str, Callable[[Any], Value]] = {
            "chart": _chart,
            "app_version": _app_version,
            "kube_version": self._kubernetes,
            "helm_version": lambda value: _one_of(str(value) if type(value) is int else value, known.helm),
            "profile": lambda value: _one_of(value, PROFILES),
            "scenarios": self._scenarios,
            "values": _text,
            "scrapes": lambda value: _or_default(value, SCRAPES),
            "subcharts": lambda value: _or_default(value, SUBCHARTS),
            "images": lambda value: _or_default(value, IMAGES),
        }

    def plan(self, data: Mapping[str, Any]) -> MatrixFile:
        axes = {key: value for key, value in data.items() if key not in {"include", "exclude"}}
        for key in axes:
            self._refuse_unknown(key, (*FIELDS, "include", "exclude"), 0, "", "not a key of a matrix")
        plan = MatrixFile(
            self._file,
            self._known.kubernetes.true(DEFAULT_KUBERNETES),
            {key: self._axis(key, value) for key, value in axes.items()},
            self._entries("include", data, FIELDS),
            self._entries("exclude", data, tuple(axes)),
        )
        if not plan.axes and not plan.include:
            raise UsageError(f"{self._file}:1: has no axis and no [[include]]", hint='kube_version = ["1.36.3"]')
        count = math.prod(map(len, plan.axes.values()))
        if count > MOST_CELLS:
            shown = " x ".join(f"{len(values)} {key}" for key, values in plan.axes.items())
            widest = max(plan.axes, key=lambda key: len(plan.axes[key]))
            self._fail(
                widest, f"{shown} are {count} cells; a matrix has at most {MOST_CELLS}", "fewer values, or two files"
            )
        return plan

    def _axis(self, key: str, values: Any) -> tuple[Value, ...]:
        if not isinstance(values, list) or not values:
            what = "the list is empty" if values == [] else "not a list"
            shown = f"[{_toml(values)}]" if values != [] else "[...], or leave it out"
            self._fail(key, what, f"{key} = {shown}")
        found: dict[Value, None] = {}
        for value in values:
            parsed = self._value(key, value, "", 0)
            if parsed in found:
                self._fail(key, f"{_toml(value)} appears twice", "remove one", needle=_toml(value))
            found[parsed] = None
        return tuple(found)

    def _entries(self, name: str, data: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[CellEntry, ...]:
        tables = data.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._fail(name, "each one needs its own header in double brackets", f"[[{name}]]")
        if len(tables) > MOST_ENTRIES:
            self._fail(name, f"{len(tables)} entries; a matrix has at most {MOST_ENTRIES}", "two files")
        return tuple(self._entry(name, number, table, keys) for number, table in enumerate(tables))

    def _entry(self, name: str, number: int, table: Mapping[str, Any], keys: tuple[str, ...]) -> CellEntry:
        line = self._lines.of(None, name, number)
        if not table:
            raise UsageError(f"{self._file}:{line}: [[{name}]] is empty", hint="remove it")
        for key in table:
            why = "not an axis of this matrix" if name == "exclude" else "not a field of a cell"
            self._refuse_unknown(key, keys, number, name, why)
        return CellEntry({key: self._value(key, value, name, number) for key, value in table.items()}, line)

    def _refuse_unknown(self, key: str, valid: Iterable[str], number: int, table: str, why: str) -> None:
        choices = list(valid)
        if key not in choices:
            hint = nearest(key, choices) if choices else f"remove [[{table}]]"
            self._fail(key, f"{why}; valid are {', '.join(choices) or 'none'}", hint, table=table, number=number)

    def _value(self, key: str, value: Any, table: str, number: int) -> Value:
        try:
            return self._parsers[key](value)
        except _Refused as error:
            needle = _toml(value) if isinstance(value, str) else error.needle
            self._fail(key, str(error), error.hint, needle=needle, table=table, number=number)

    def _kubernetes(self, value: Any) -> str:
        text = _text(value)
        try:
            return self._known.kubernetes.true(text)
        except UsageError as error:
            near = _toml(error.hint.rpartition("=")[2])
            said = error.message.partition(": ")[2]
            raise _Refused(f"{_toml(text)}: {said}", near, _toml(text)) from error

    def _scenarios(self, value: Any) -> tuple[str, ...]:
        ids = value.split(",") if isinstance(value, str) else value
        if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
            raise _Refused(f'{_toml(value)}: neither "{ALL}" nor a list of ids', f'"{ALL}"', _toml(value))
        names = [each.strip() for each in ids]
        if names == [ALL]:
            return ()
        for name in names:
            if name == ALL:
                raise _Refused(f'{_toml(value)}: "{ALL}" cannot be combined with ids', f'"{ALL}"', _toml(value))
            if name not in self._known.scenarios:
                near = nearest(name, self._known.scenarios)
                raise _Refused(f"{_toml(name)}: no such scenario", _toml(near), _toml(name))
        return tuple(sorted(set(names)))

    def _fail(self, key: str, what: str, hint: str, *, needle: str = "", table: str = "", number: int = 0) -> NoReturn:
        line = self._lines.of(key, table, number, needle)
        where = f"[[{table}]] {key}" if table else key
        raise UsageError(f"{self._file}:{line}: {where}: {what}", hint=hint)


class _Refused(Exception):
    """A value that is not valid; `needle` is how it is written."""

    def __init__(self, message: str, hint: str, needle: str) -> None:
        super().__init__(message)
        self.hint = hint
        self.needle = needle


def _chart(value: Any) -> Chart:
    if not isinstance(value, dict):
        hint = f"{{chart = {_toml(value)}}}" if isinstance(value, str) else "{} for the default chart"
        raise _Refused(f"{_toml(value)}: a chart is an inline table", hint, _toml(value))
    for key, text in value.items():
        if key not in CHART_FIELDS:
            raise _Refused(f"{key}: a chart has only {', '.join(CHART_FIELDS)}", nearest(key, CHART_FIELDS), key)
        if not isinstance(text, str) or not text:
            raise _Refused(f"{key} = {_toml(text)}: not a text", f'{key} = "{text}"' if text else f"no {key}", key)
    return Chart(**value)


def _app_version(value: Any) -> str:
    text = _text(value)
    if text and not VERSION.fullmatch(text):
        raise _Refused(f"{_toml(text)}: not a version of Prometheus", '"3.14.0"', _toml(text))
    return text


def _one_of(value: Any, valid: tuple[str, ...]) -> str:
    text = _text(value)
    if text not in valid:
        hint = _toml(nearest(text, valid)) if valid else ""
        raise _Refused(f"{_toml(text)}: not one of {', '.join(valid) or '(none)'}", hint, _toml(text))
    return text


def _or_default(value: Any, valid: tuple[str, ...]) -> str:
    """One of the valid values; empty for the first, which is the default."""
    text = _one_of(value, valid) if value != "" else ""
    return "" if text == valid[0] else text


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Refused(f"{_toml(value)}: not a text", f'"{value}", in quotes', _toml(value))
    return value


def _toml(value: Any) -> str:
    """A value as it is probably written, shortened if it is long."""
    return shortened(_written(value), _SHOWN)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_written(item)}' for key, item in value.items())}}}"
    return f'"{value}"' if isinstance(value, str) else str(value)

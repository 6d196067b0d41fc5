"""What a comparison reads: one results.json, the folder of a run, or a folder that holds many of them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from promdrill.core.errors import UsageError
from promdrill.core.model import RESULTS_SCHEMA, DrillResult, RunResult
from promdrill.results.outcome import as_due
from promdrill.results.store import RESULTS, read


def read_all(path: Path) -> list[RunResult]:
    """The runs under `path`, in the order of their paths.

    A folder that holds results.json is a run, and nothing below it is looked at: its figures are in that file. Links
    are not followed below `path`, so that ``reports/latest`` is not one more repeat; for the same reason a run that is
    there twice, as a copy, counts once.

    Args:
        path: As above.

    Raises:
        UsageError: Nothing is there, a folder or file cannot be read, or a file is not results.json. A broken file is
            never left out: a cell would be missing without a word.
    """
    files = _files(path) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"no {RESULTS} in {path}", hint="ls reports")
    return list(dict.fromkeys(map(_read, files)))


def _files(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> NoReturn:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error

    found = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        if RESULTS in files:
            found.append(Path(place, RESULTS))
            folders.clear()
    return sorted(found)


def _read(file: Path) -> RunResult:
    try:
        _refuse_misshapen(file)
        run = read(file)
        _check(run)
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        # JSON of other types than ours, which `read` does not look at
        raise UsageError(f"{file} does not follow the schema of results.json: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{file} is not a results.json: it is nested too deeply") from error
    return run


def _refuse_misshapen(file: Path) -> None:
    wrong = next(_misshapen(file), None)
    if wrong:
        raise ValueError(wrong)


_TEXTS = ("started", "supply", "kubernetes")
_LISTS = {"drills": ("scenario", "verdict"), "skipped": ("scenario", "reason")}
"""The lists of a run, each with the texts that every entry of it has."""


def _misshapen(file: Path) -> Iterator[str]:
    """What is not there, or not of the kind that it must be, in the words of the file; `read` says the rest."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int) or data["schema"] > RESULTS_SCHEMA:
        return
    yield from _no_texts(data, _TEXTS, "")
    for name, texts in _LISTS.items():
        entries = data.get(name, [] if name == "skipped" else None)  # what older ones lack
        if not isinstance(entries, list):
            yield f"{name} is {entries!r}, not a list" if name in data else f"{name} is missing"
            continue
        for number, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield from _no_texts(entry, texts, f"{name}[{number}]: ")
            else:
                yield f"{name}[{number}] is {entry!r}, not an object"


def _no_texts(data: dict[str, Any], names: tuple[str, ...], place: str) -> Iterator[str]:
    for name in names:
        if not isinstance(data.get(name), str):
            yield f"{place}{name} is {data[name]!r}" if name in data else f"{place}{name} is missing"


def _check(run: RunResult) -> None:
    """Raise TypeError or ValueError where a comparison would trip over a value, or silently take it for another one."""
    _expect((str, type(None)), finished=run.finished)
    for drill in run.drills:
        _check_drill(drill)
        for each in fields(drill):
            try:
                hash(getattr(drill, each.name))  # of texts and numbers, all of it: a list in place of one has none
            except TypeError as error:
                raise TypeError(f"{drill.name}: {each.name} has a list or an object in place of a value") from error


def _check_drill(drill: DrillResult) -> None:
    _expect(str, profile=drill.profile)
    _expect((str, type(None)), chart=drill.chart, chart_version=drill.chart_version, app_version=drill.app_version)
    _expect((str, type(None)), control=drill.control, reason=drill.reason)
    _expect((int, type(None)), repetition=drill.repetition)
    _expect((int, float, type(None)), recovered_after_s=drill.recovered_after_s)
    if drill.recovered_after_s is not None and not (
        math.isfinite(drill.recovered_after_s) and drill.recovered_after_s >= 0
    ):
        raise ValueError(f"recovered_after_s is {drill.recovered_after_s!r}")
    if drill.left_out is not None:
        _expect(str, file=drill.left_out.file, command=drill.left_out.command)
        _expect(int, line=drill.left_out.line)
    try:
        as_due(drill)
    except KeyError as error:
        raise ValueError(f"control {error} is not known to this promdrill") from error


def _expect(kinds: type | tuple[type, ...], **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}")

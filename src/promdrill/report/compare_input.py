"""What a comparison reads: one results.json, the folder of a run, or a folder that holds many of them."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NoReturn

from promdrill.errors import UsageError
from promdrill.model import DrillResult, RunResult
from promdrill.report.due import as_due
from promdrill.report.results import RESULTS, read


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
        run = read(file)
        _check(run)
    except (
        AttributeError,
        TypeError,
        ValueError,
    ) as error:  # JSON of other types than ours, which `read` does not look at
        raise UsageError(f"{file} does not follow the schema of results.json: {error}") from error
    return run


def _check(run: RunResult) -> None:
    """Raise TypeError or ValueError where a comparison would trip over a value, or silently take it for another one."""
    _expect(str, started=run.started, kubernetes=run.kubernetes)
    _expect((str, type(None)), finished=run.finished)
    for drill in run.drills:
        _check_drill(drill)


def _check_drill(drill: DrillResult) -> None:
    _expect(str, scenario=drill.scenario, profile=drill.profile)
    _expect((str, type(None)), chart=drill.chart, chart_version=drill.chart_version, app_version=drill.app_version)
    _expect((str, type(None)), control=drill.control, reason=drill.reason)
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

"""What a comparison reads: one results.json, the folder of a run, or a folder that holds many of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from promdrill.core.errors import UsageError
from promdrill.core.model import RunResult
from promdrill.results.store import RESULTS, read


def read_all(path: Path) -> list[RunResult]:
    """The runs under `path`, in the order of their paths.

    A folder with a results.json is a run, and nothing below it is read: its figures are in that file. Links below
    `path` are not followed, so that ``reports/latest`` is not one more repeat; for the same reason a copy of a run does
    not count again.

    Args:
        path: A results.json, the folder of a run, or a folder with many runs.

    Raises:
        UsageError: There is no run, a folder or file cannot be read, or a file is not a results.json. A broken file is
            never
            skipped: a cell would be missing silently.
    """
    return list(read_placed(path))


def read_placed(path: Path) -> dict[RunResult, Path]:
    """The same runs, each with its folder, where its drills' journals are; arguments and errors as for `read_all`."""
    files = _files(path) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"no {RESULTS} in {path}", hint="ls reports")
    found: dict[RunResult, Path] = {}
    for file in files:
        found.setdefault(read(file), file.parent)
    return found


def _files(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> NoReturn:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error

    found = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        if RESULTS in files:
            found.append(Path(place, RESULTS))
            folders.clear()
    return sorted(found)

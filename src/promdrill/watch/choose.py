"""Which run to watch: the folder that was named, or the newest in a folder of runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from promdrill.core.errors import UsageError
from promdrill.core.journal import JOURNAL
from promdrill.results import store
from promdrill.results.folder import LATEST

ACTIVE_S = 900.0
"""A run that has not ended and wrote something within this many seconds is still running; as
`promdrill.watch.run.SILENT_S`."""

CELLS, BEFORE = "matrix", "matrix-before"
"""Folders of runs within the folder of all reports, as `promdrill.matrix.kept` names them; the second is history."""


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    """A run, in order of preference: still running first, then the one written to last."""

    goes_on: bool
    written_s: float
    folder: Path


def choose(folder: Path, now: datetime) -> Path:
    """The folder of the run.

    Args:
        folder: A run's folder, or one that holds runs, such as ``reports`` or ``reports/matrix``.
        now: UTC.

    Raises:
        UsageError: There is no run.
    """
    if _is_run(folder):
        return _target(folder)
    candidates = [_candidate(found, now) for found in _runs(folder)]
    if not candidates:
        raise UsageError(f"no run in {folder}", hint="promdrill run --scenario disk-full")
    return max(candidates).folder


def _target(folder: Path) -> Path:
    """Where a link points to now: `latest` points elsewhere as soon as the next run begins."""
    return folder.parent / folder.readlink() if folder.is_symlink() else folder


def _is_run(folder: Path) -> bool:
    return (folder / store.RESULTS).is_file() or any(folder.glob(f"*/{JOURNAL}"))


def _runs(folder: Path) -> Iterator[Path]:
    for found in _folders(folder):
        if found.name == CELLS:
            yield from filter(_is_run, _folders(found))
        elif found.name != BEFORE and (found.name == LATEST or _is_run(found)):
            yield _target(found)  # `latest` may point to a run that has not written anything yet


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            return sorted(Path(item.path) for item in found if item.is_dir())
    except OSError:
        return []


def _candidate(folder: Path, now: datetime) -> _Candidate:
    files = [folder / store.RESULTS, *folder.glob(f"*/{JOURNAL}")]
    written_s = max(map(_stamp, files)) or _stamp(folder)
    try:
        over = store.read(folder).finished is not None
    except UsageError:
        over = False
    silent_s = (now - datetime.fromtimestamp(written_s, UTC)).total_seconds()
    return _Candidate(not over and silent_s < ACTIVE_S, written_s, folder)


def _stamp(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0

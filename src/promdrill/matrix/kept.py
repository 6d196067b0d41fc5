"""The folders of the cells: `reports/matrix/<id>/` with a cell's definition and its results, and those before."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.model import RunResult
from promdrill.matrix.cells import Cell
from promdrill.results import store
from promdrill.results.folder import write_atomically

CELL = "cell.json"
MATRIX = "matrix"
BEFORE = "matrix-before"
"""In the folder of all reports: what was there before, one generation of it, so that `promdrill compare` finds it."""


@dataclass(frozen=True, slots=True)
class Last:
    """What the folder of a cell holds.

    Attributes:
        run: Its results; None when they are not there or cannot be read.
        same: Whether they are of this very definition of the cell.
    """

    run: RunResult | None
    same: bool

    @property
    def finished(self) -> bool:
        """Whether the results are there and the run came to its end."""
        return self.run is not None and self.run.finished is not None


class Folders:
    """The cells' folders.

    Args:
        reports: The folder of all reports.

    Attributes:
        matrix: The folder that holds one folder for each cell.
    """

    def __init__(self, reports: Path) -> None:
        self._reports = reports
        self.matrix = reports / MATRIX
        self._before = reports / BEFORE

    def of(self, cell: Cell) -> Path:
        """The cell's own folder; it need not be there."""
        return self.matrix / cell.id

    def last(self, cell: Cell) -> Last | None:
        """What the cell's folder holds; None when it is not there."""
        folder = self.of(cell)
        if not folder.exists():
            return None
        try:
            same = json.loads((folder / CELL).read_text(encoding="utf-8")) == cell.to_json()
        except (OSError, ValueError):
            same = False
        try:
            return Last(store.read(folder / store.RESULTS), same)
        except (PromdrillError, AttributeError, TypeError):  # the last two: JSON of other types than ours
            return Last(None, same)

    def clear(self, cell: Cell) -> str | None:
        """Make room for new results of a cell.

        Results of a run that came to its end are moved to `BEFORE`, in place of those that are there; others, of which
        nothing could be learnt, are removed.

        Returns:
            What was done, in words; None when nothing was there.

        Raises:
            UsageError: It cannot be done.
        """
        folder, before, last = self.of(cell), self._before / cell.id, self.last(cell)
        if last is None:
            return None
        try:
            if not last.finished and (folder / CELL).is_file():
                shutil.rmtree(folder)
                return f"{folder} is removed: its run did not come to an end"
            if before.exists():
                shutil.rmtree(before)
            before.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(before)
        except OSError as error:
            raise UsageError(f"cannot clear {folder}: {error.strerror}", hint="--reports FOLDER") from error
        changed = "" if last.same else ", they are of another cell of that name"
        return f"earlier results are moved to {before}{changed}"

    def begin(self, cell: Cell) -> Path:
        """Make the cell's folder, with its definition in it.

        Raises:
            UsageError: It cannot be made.
        """
        folder = self.of(cell)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / CELL, json.dumps(cell.to_json(), indent=2) + "\n")
        except OSError as error:
            raise UsageError(f"cannot write to {folder}: {error.strerror}", hint="--reports FOLDER") from error
        return folder

    def strangers(self, ids: Collection[str]) -> list[str]:
        """Names of the folders that are none of these cells'."""
        there = self.matrix.iterdir() if self.matrix.is_dir() else ()
        return sorted(folder.name for folder in there if folder.is_dir() and folder.name not in ids)

    @contextlib.contextmanager
    def mine(self) -> Iterator[None]:
        """Keep other matrices out, for as long as the block lasts.

        Raises:
            UsageError: Another one is running there, or the folder cannot be made.
        """
        try:
            self._reports.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self._reports / f".{MATRIX}.lock")
            lock.acquire(blocking=False)
        except filelock.Timeout:
            raise UsageError(f"another matrix is writing to {self.matrix}", hint="--reports FOLDER") from None
        except OSError as error:
            raise UsageError(f"cannot write to {self._reports}: {error.strerror}", hint="--reports FOLDER") from error
        try:
            yield
        finally:
            lock.release()

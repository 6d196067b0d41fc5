"""The folders of the cells: `reports/matrix/<id>/` with a cell's definition and results, and the previous results."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from promdrill.core import records
from promdrill.core.errors import UsageError
from promdrill.core.model import RunResult
from promdrill.matrix.cells import Cell
from promdrill.results import store
from promdrill.results.folder import CELL, write_atomically

MATRIX = "matrix"
BEFORE = "matrix-before"
"""In the folder of all reports: the previous results of each cell, for `promdrill compare`."""


@dataclass(frozen=True, slots=True)
class Last:
    """What the folder of a cell holds.

    Attributes:
        run: Its results; None when they are missing or cannot be read.
        same: Whether they belong to the present definition of the cell.
    """

    run: RunResult | None
    same: bool

    @property
    def finished(self) -> bool:
        """Whether there are results of a run that finished."""
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
        """The cell's own folder, which may not exist yet."""
        return self.matrix / cell.id

    def last(self, cell: Cell) -> Last | None:
        """What the cell's folder holds; None if it does not exist."""
        folder = self.of(cell)
        if not folder.exists():
            return None
        try:
            same = bool(records.read_file(folder / CELL) == cell.to_json())
        except UsageError:
            same = False
        try:
            return Last(store.read(folder / store.RESULTS), same)
        except UsageError:
            return Last(None, same)

    def clear(self, cell: Cell) -> str | None:
        """Make room for new results of a cell.

        Results of a run that finished are moved to `BEFORE`, replacing those there; results of an unfinished run are
        removed.

        Returns:
            What was done, in words; None if there was nothing to clear.

        Raises:
            UsageError: The folder cannot be cleared.
        """
        folder, before, last = self.of(cell), self._before / cell.id, self.last(cell)
        if last is None:
            return None
        try:
            if not last.finished and (folder / CELL).is_file():
                shutil.rmtree(folder)
                return f"removed {folder}: its run did not finish"
            if before.exists():
                shutil.rmtree(before)
            before.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(before)
        except OSError as error:
            raise UsageError(f"cannot clear {folder}: {error.strerror}", hint="--reports FOLDER") from error
        changed = "" if last.same else "; they belong to another cell of that name"
        return f"moved earlier results to {before}{changed}"

    def begin(self, cell: Cell) -> Path:
        """Create the cell's folder, with its definition in it.

        Raises:
            UsageError: It cannot be created.
        """
        folder = self.of(cell)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / CELL, json.dumps(cell.to_json(), indent=2) + "\n")
        except OSError as error:
            raise UsageError(f"cannot write to {folder}: {error.strerror}", hint="--reports FOLDER") from error
        return folder

    def strangers(self, ids: Collection[str]) -> list[str]:
        """Names of the folders that do not belong to these cells."""
        there = self.matrix.iterdir() if self.matrix.is_dir() else ()
        return sorted(folder.name for folder in there if folder.is_dir() and folder.name not in ids)

    @contextlib.contextmanager
    def mine(self) -> Iterator[None]:
        """Keep other matrix runs out during the block.

        Raises:
            UsageError: Another one is running there, or the folder cannot be created.
        """
        try:
            self._reports.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self._reports / f".{MATRIX}.lock")
            lock.acquire(blocking=False)
        except filelock.Timeout:
            raise UsageError(f"another matrix run is writing to {self.matrix}", hint="--reports FOLDER") from None
        except OSError as error:
            raise UsageError(f"cannot write to {self._reports}: {error.strerror}", hint="--reports FOLDER") from error
        try:
            yield
        finally:
            lock.release()

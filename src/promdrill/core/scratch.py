"""Temporary folders that do not outlive their process: what a killed one left is removed by the next command.

They lie in the state folder and not in the system's folder for temporary files, where nobody could tell which of them
still has an owner. Each has a lock that its maker holds; the kernel releases it when the maker ends, however it ends.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock

from promdrill.core import paths

_LOCK = ".lock"


def place() -> Path:
    """The folder of all temporary folders that are not the cache's."""
    return paths.state_dir() / "scratch"


@contextlib.contextmanager
def folder(purpose: str, *, within: Path | None = None) -> Iterator[Path]:
    """A temporary folder, readable by its owner alone, removed when the block is left.

    Args:
        purpose: What it is for, the beginning of its name.
        within: The folder that it is made in; `place` by default. What killed processes left there is removed first.
    """
    root = within or place()
    root.mkdir(parents=True, exist_ok=True)
    sweep(root)
    made = root / f"{purpose}-{secrets.token_hex(4)}"
    lock = _lock_of(made)
    with lock:  # before the folder: one without a lock that is held is removed
        made.mkdir(mode=0o700)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
            Path(lock.lock_file).unlink(missing_ok=True)


def sweep(root: Path) -> int:
    """Remove the temporary folders in `root` whose makers have ended; returns how many there were."""
    removed = 0
    for left in [path for path in root.glob("*") if path.is_dir()]:
        lock = _lock_of(left)
        with contextlib.suppress(filelock.Timeout), lock.acquire(blocking=False):
            shutil.rmtree(left, ignore_errors=True)
            Path(lock.lock_file).unlink(missing_ok=True)
            removed += 1
    return removed


def _lock_of(made: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(made.with_name(f"{made.name}{_LOCK}"))

"""Names of clusters, each leased to one process at a time, so that two runs at once never share a cluster.

A lease is a locked file in the state folder. The kernel releases it when its holder ends, however that happens. So a
cluster whose name nobody holds was left by a killed run, or kept on purpose.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import filelock

from promdrill.core import files, paths
from promdrill.core.errors import UsageError

BASE_NAME = "promdrill"
"""Name of the first run's cluster; simultaneous runs get ``promdrill-2`` and so on."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,48}[a-z0-9])?")


def require_name(name: str) -> None:
    """Refuse what kind takes for no cluster's name, so that no name leads to another folder.

    Raises:
        UsageError: It is no such name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"--cluster-name={name}: a cluster's name has at most 50 of a-z, 0-9, . and -, and begins and ends with a "
            "letter or digit",
            hint=f"--cluster-name {BASE_NAME}",
        )


@contextlib.contextmanager
def any_name(taken: Collection[str] = ()) -> Iterator[str]:
    """Lease the first free name as long as the block lasts.

    Args:
        taken: Names that are not free: of kept clusters, and of clusters that somebody else made.
    """
    for number in itertools.count(1):
        name = BASE_NAME if number == 1 else f"{BASE_NAME}-{number}"
        if name in taken:
            continue
        lock = _lock(name)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            continue
        try:
            yield name
        finally:
            lock.release()
        return


@contextlib.contextmanager
def this_name(name: str) -> Iterator[str]:
    """Lease one name as long as the block lasts.

    Raises:
        UsageError: Another process uses the cluster of that name, or it is no name of a cluster.
    """
    lock = _lock(name)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise UsageError(f"cluster {name} is in use by another run", hint="--cluster-name NAME") from None
    try:
        yield name
    finally:
        lock.release()


def _lock(name: str) -> filelock.BaseFileLock:
    require_name(name)
    folder: Path = files.make_folder(paths.state_dir() / "leases")
    return filelock.FileLock(folder / f"{name}.lock")

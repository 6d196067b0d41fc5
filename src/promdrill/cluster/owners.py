"""Records of who made which cluster, so that the next command finds and removes leftovers of a killed run."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from promdrill.core import files, paths, records
from promdrill.core.processes import start_of

FILE_NAME = "owner.json"

INCIDENT = "incident"
"""Folder, inside a cluster's folder, of the incident that `promdrill reproduce` left standing there."""

VALUES = "values"
"""Folder, inside a cluster's folder, of its drills' values files, which may hold a user's credentials."""

_FOLDERS = ("kube-cache", INCIDENT, VALUES)
_FILES = ("kind.yaml", "kubeconfig", "kubeconfig.lock", FILE_NAME)


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that made a cluster or is using it.

    Attributes:
        pid: Its process id.
        started: Distinguishes that process from a later one with the same id.
        kept: Whether the cluster stays when the process ends.
        profile: Kind configuration that the cluster was made with.
        image: Its node image; None for kind's own default.
    """

    pid: int
    started: str | None
    kept: bool
    profile: str = ""
    image: str | None = None

    @property
    def alive(self) -> bool:
        """Whether that process is still running."""
        return self.started is not None and start_of(self.pid) == self.started


def record(folder: Path, *, profile: str, image: str | None) -> None:
    """Record this process as the maker of the cluster in `folder`, before it is created; it is not kept yet."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, Owner(os.getpid(), start_of(os.getpid()), kept=False, profile=profile, image=image))


def claim(folder: Path, *, kept: bool) -> None:
    """Record this process as the owner of the recorded cluster in `folder`, and whether it stays afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    before = of(folder) or Owner(0, None, kept)
    _write(folder, Owner(os.getpid(), start_of(os.getpid()), kept, before.profile, before.image))


def of(folder: Path) -> Owner | None:
    """The owner recorded in `folder`; None if there is no readable record."""
    try:
        return records.loads(Owner, (folder / FILE_NAME).read_bytes(), exact=True)
    except (OSError, records.Misfit):
        return None


def recorded() -> dict[Path, Owner | None]:
    """The folders of all clusters, with their owners."""
    return {folder: of(folder) for folder in sorted(paths.clusters_dir().glob("*")) if folder.is_dir()}


def forget(folder: Path) -> None:
    """Remove everything that promdrill wrote about a cluster; a person's files in its folder stay, with the folder."""
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _write(folder: Path, owner: Owner) -> None:
    files.write(folder / FILE_NAME, records.dumps(owner, indent=None))

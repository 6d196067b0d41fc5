"""Records of who made which cluster, so that the next command finds and removes leftovers of a killed run.

A record that is missing or cannot be read says nothing, so the cluster counts as somebody's and is left alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from promdrill.cluster.identity import Identity
from promdrill.core import files, paths, records
from promdrill.core.errors import NotOurs
from promdrill.core.processes import start_of

FILE_NAME = "owner.json"

INCIDENT = "incident"
"""Folder, inside a cluster's folder, of the incident that `promdrill reproduce` left standing there."""

VALUES = "values"
"""Folder, inside a cluster's folder, of its drills' values files, which may hold a user's credentials."""

NOT_UNDONE = "not-undone.txt"
"""File, inside a cluster's folder, that says what drills could not take back in it; no drill runs there again."""

IMAGES = "images.txt"
"""File, inside a cluster's folder, that lists the archives whose images were loaded into its nodes."""

RUNBOOKS = "runbooks"
"""Folder, inside a cluster's folder, of runbooks with the names of the user's own Prometheus in them."""

_FOLDERS = ("kube-cache", INCIDENT, VALUES, RUNBOOKS)
_FILES = ("kind.yaml", "kubeconfig", "kubeconfig.lock", IMAGES, NOT_UNDONE, FILE_NAME)  # the record goes last


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that made a cluster or is using it.

    Attributes:
        pid: Its process id.
        started: Distinguishes that process from a later one with the same id.
        kept: Whether the cluster stays when the process ends.
        profile: Kind configuration that the cluster was made with.
        image: Its node image; None for kind's own default.
        identity: What was made; None if that was not recorded.
        copy: A copy of its kubeconfig that the user asked for; it goes with the cluster.
    """

    pid: int
    started: str | None
    kept: bool
    profile: str = ""
    image: str | None = None
    identity: Identity | None = None
    copy: Path | None = None

    @property
    def alive(self) -> bool:
        """Whether that process is still running."""
        return self.started is not None and start_of(self.pid) == self.started


def record(folder: Path, *, profile: str, image: str | None, identity: Identity, copy: Path | None = None) -> None:
    """Record this process as the maker of the cluster in `folder`, before it is created; it is not kept yet."""
    write(folder, Owner(os.getpid(), start_of(os.getpid()), False, profile, image, identity, copy))


def claim(folder: Path, *, kept: bool, identity: Identity | None = None) -> None:
    """Record this process as the owner of the recorded cluster in `folder`, and whether it stays afterwards.

    Args:
        folder: The cluster's folder.
        kept: Whether it stays.
        identity: What was made, if more is known of it now.

    Raises:
        NotOurs: The record cannot be read.
    """
    before = of(folder)
    if before is None:
        if (folder / FILE_NAME).exists():
            raise NotOurs(f"{folder / FILE_NAME} cannot be read, so cluster {folder.name} may be somebody's")
        before = Owner(0, None, kept)
    own = replace(before, pid=os.getpid(), started=start_of(os.getpid()), kept=kept)
    write(folder, own if identity is None else replace(own, identity=identity))


def of(folder: Path) -> Owner | None:
    """The owner recorded in `folder`; None if there is no readable record."""
    try:
        return records.loads(Owner, (folder / FILE_NAME).read_bytes(), exact=True)
    except (OSError, records.Misfit):
        return None


def recorded() -> dict[Path, Owner | None]:
    """The folders of all clusters, with their owners; a folder that holds nothing of promdrill's is none."""
    folders = (folder for folder in sorted(paths.clusters_dir().glob("*")) if folder.is_dir())
    return {folder: of(folder) for folder in folders if any((folder / name).exists() for name in (*_FILES, *_FOLDERS))}


def note_not_undone(folder: Path, what: Iterable[str]) -> None:
    """Note what a drill could not take back in the cluster of that folder, after what earlier ones could not."""
    lines = dict.fromkeys((*not_undone(folder), *(" ".join(line.split()) for line in what)))
    files.write(files.make_folder(folder) / NOT_UNDONE, "".join(f"{line}\n" for line in lines))


def not_undone(folder: Path) -> tuple[str, ...]:
    """What drills could not take back in the cluster of that folder."""
    try:
        return tuple((folder / NOT_UNDONE).read_text(encoding="utf-8").splitlines())
    except OSError:
        return ()


def forget(folder: Path) -> None:
    """Remove everything that promdrill wrote about a cluster; a person's files in its folder stay, with the folder."""
    owner = of(folder)
    if owner is not None and owner.copy is not None:
        _forget_copy(owner.copy, folder / "kubeconfig")
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _forget_copy(copy: Path, kubeconfig: Path) -> None:
    """Remove a copy of a kubeconfig, unless somebody has changed it."""
    with contextlib.suppress(OSError):
        if copy.read_bytes() == kubeconfig.read_bytes():
            copy.unlink()


def write(folder: Path, owner: Owner) -> None:
    """Record the owner of the cluster in `folder`, on the disk before this returns."""
    files.write(files.make_folder(folder) / FILE_NAME, records.dumps(owner, indent=None))

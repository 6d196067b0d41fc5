"""The images that a cluster got besides those of its node image; none is loaded twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from promdrill.cluster import owners
from promdrill.cluster.kind import PinnedKindCluster
from promdrill.core import files


def load(made: PinnedKindCluster, archives: Sequence[Path]) -> None:
    """Load docker archives into a cluster's nodes, unless the cluster has them from before.

    An archive is known by its path and by when it was written. The record keeps only archives of this run once it loads
    one, because that may have the name of an image that an earlier run loaded.

    Raises:
        NotOurs: The cluster is not the recorded one.
        CommandFailed: kind could not load one.
    """
    wanted = {f"{archive.stat().st_mtime_ns} {archive}": archive for archive in archives}
    for mark, archive in wanted.items():
        there = _loaded(made.path)
        if mark not in there:
            made.load_archive(archive)
            kept = [each for each in there if each in wanted]
            files.write(made.path / owners.IMAGES, "".join(f"{each}\n" for each in (*kept, mark)))


def _loaded(folder: Path) -> tuple[str, ...]:
    try:
        return tuple((folder / owners.IMAGES).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return ()

"""The images that a cluster got besides those of its node image; none is loaded twice."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from promdrill.cluster import owners
from promdrill.cluster.kind import PinnedKindCluster
from promdrill.core import files

AT_ONCE = 2
"""Archives that are loaded at once: each keeps a core busy, and a node its disk."""


def load(made: PinnedKindCluster, archives: Sequence[Path]) -> None:
    """Load docker archives into a cluster's nodes, unless they were loaded before.

    An archive is known by its path: what the cache holds under one path never changes.

    Raises:
        NotOurs: The cluster is not the recorded one.
        CommandFailed: kind could not load one.
    """
    missing = [archive for archive in archives if str(archive) not in _loaded(made.path)]
    threads = ThreadPoolExecutor(AT_ONCE, "load-images")
    try:
        for archive, loading in [(archive, threads.submit(made.load_archive, archive)) for archive in missing]:
            loading.result()
            files.write(made.path / owners.IMAGES, "".join(f"{each}\n" for each in (*_loaded(made.path), archive)))
    finally:
        threads.shutdown(cancel_futures=True)


def _loaded(folder: Path) -> tuple[str, ...]:
    try:
        return tuple((folder / owners.IMAGES).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return ()

"""Delete promdrill's clusters: what was asked for, and what killed runs have left.

The state folder records each cluster before it is created. One that a run uses is left alone, and one that is not
certainly promdrill's too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from promdrill.cluster import identity, kind, lease, owners, removal
from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError, NotOurs, PromdrillError, UsageError

DOCKER_TIMEOUT_S = 60.0
"""Seconds for one docker command."""

ANSWER_TIMEOUT_S = 3.0
"""Seconds for an API server to answer: it takes milliseconds, or never happens."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of the clusters that were to be deleted.

    Attributes:
        deleted: Names of those that are gone, with their records.
        left: Names of those that were left, with their records.
    """

    deleted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def in_use() -> dict[str, int]:
    """Names of clusters in use, with the process id of each one's owner."""
    found = {folder.name: owner for folder, owner in owners.recorded().items()}
    return {name: owner.pid for name, owner in found.items() if owner is not None and owner.alive}


def delete_clusters(*, engine: bool, say: Callable[[str], None]) -> Swept:
    """Delete all of promdrill's clusters that are not in use, including kept ones, with their records.

    Args:
        engine: Whether a container engine answers; without one nothing can be deleted.
        say: Called with a line for each cluster.

    Raises:
        CommandFailed: The engine refused.
    """
    left_alone = in_use()
    return _delete([each for each in owners.recorded() if each.name not in left_alone], engine=engine, say=say)


def delete_cluster(name: str, *, engine: bool, say: Callable[[str], None]) -> Swept:
    """Delete one of promdrill's clusters, with its record; the engine and other clusters are left alone.

    Args:
        name: Name of a recorded cluster.
        engine: Whether a container engine answers; without one nothing can be deleted.
        say: Called with a line that says what became of it.

    Raises:
        UsageError: A run uses it.
        CommandFailed: The engine refused.
    """
    try:
        with lease.this_name(name):
            pass
    except UsageError as error:
        raise UsageError(f"cluster {name} is in use by another run", hint="wait until that run has ended") from error
    return _delete([paths.clusters_dir() / name], engine=engine, say=say)


def remove_abandoned() -> list[str]:
    """Delete promdrill's clusters that were not kept and whose makers have ended.

    What is not certainly promdrill's stays, with its record.

    Returns:
        The names of the deleted clusters.

    Raises:
        CommandFailed: The engine refused.
    """
    left = [each for each, owner in owners.recorded().items() if owner and not (owner.kept or owner.alive)]
    return list(_delete(left, engine=True, say=lambda _: None).deleted) if left else []


def _delete(folders: Iterable[Path], *, engine: bool, say: Callable[[str], None]) -> Swept:
    deleted, left = [], []
    for folder in folders:
        name = folder.name
        try:
            with lease.this_name(name):
                if not engine:
                    left.append(name)
                    say(f"cluster {name} is not deleted: no container engine answers; its record stays in {folder}")
                    continue
                removal.remove(folder)
        except (UsageError, NotOurs) as error:
            left.append(name)
            say(str(error))
        else:
            deleted.append(name)
            say(f"deleted cluster {name}")
    return Swept(tuple(deleted), tuple(left))


def forget_gone() -> list[str]:
    """Remove the records of kept clusters that no longer exist, because they were deleted by other means.

    That is so if the engine that made a cluster has no node of it. If no engine answers, or another one, nothing is
    known and nothing is removed.

    Returns:
        The clusters' names.
    """
    kept = [folder for folder, owner in owners.recorded().items() if owner is not None and owner.kept]
    if not kept:
        return []
    try:
        there = kind.names()
        missing = [folder for folder in kept if folder.name not in there]
        answers = identity.engine() if missing else ""
    except PromdrillError:
        return []
    return [folder.name for folder in missing if _forgotten(folder, answers)]


def is_somebodys(name: str) -> bool:
    """Whether the engine has a kind cluster of that name which promdrill did not record; no if no engine answers."""
    try:
        return name in kind.names() and paths.clusters_dir() / name not in owners.recorded()
    except PromdrillError:
        return False


def _forgotten(folder: Path, engine: str) -> bool:
    """Forget a cluster that the engine does not have, unless a run uses its name or it was made in another engine."""
    try:
        with lease.this_name(folder.name):
            owner = owners.of(folder)
            known = owner.identity if owner is not None else None
            gone = known.engine == engine if known is not None else not _answers(folder / "kubeconfig")
            if gone:
                owners.forget(folder)
            return gone
    except UsageError:
        return False


def forget_engine(engine: str, *, say: Callable[[str], None]) -> None:
    """Remove the records of the clusters in an engine whose containers were deleted with all its data.

    Args:
        engine: Its id; empty for none.
        say: Called with a line for each cluster.
    """
    for folder, owner in owners.recorded().items():
        if engine and owner is not None and owner.identity is not None and owner.identity.engine == engine:
            owners.forget(folder)
            say(f"cluster {folder.name} is gone with the engine that had it")


def _answers(kubeconfig: Path) -> bool:
    """Whether the API server of a cluster answers whose engine was not recorded."""
    from promdrill.kube.client import Kube  # noqa: PLC0415  only needed if a cluster seems to be gone

    if not kubeconfig.is_file():
        return False
    try:
        with Kube(kubeconfig) as kube:
            kube.get("/version", timeout_s=ANSWER_TIMEOUT_S)
    except ClusterError:
        return False
    return True


def delete_images(repository: str) -> int:
    """Delete the engine's images of a repository, with all their tags.

    Returns:
        The number of deleted images.

    Raises:
        CommandFailed: The engine refused, for example because a container uses an image.
    """
    argv = ["docker", "images", "--quiet", "--no-trunc", repository]
    found = set(shell.run(argv, timeout_s=DOCKER_TIMEOUT_S).stdout.split())
    if found:
        shell.run(["docker", "rmi", "--force", *sorted(found)], timeout_s=DOCKER_TIMEOUT_S)
    return len(found)

"""``promdrill clean-cache``: the next run is a cold start."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import filelock

from promdrill.artefacts import cache as artefacts
from promdrill.cli.clean import refuse_while_in_use
from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, say
from promdrill.cluster import sweep
from promdrill.core import paths
from promdrill.core.errors import PromdrillError
from promdrill.supply.build import node
from promdrill.supply.engine import lifecycle


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_command(
        commands,
        "clean-cache",
        summary="delete everything built or downloaded, and the clusters that use it",
        example="promdrill clean-cache",
        execute=_execute,
    )


def _execute(_arguments: argparse.Namespace) -> int:
    cache = paths.cache_dir()
    artefacts.require_own(cache)
    refuse_while_in_use()
    with locked(cache):
        running, ours = lifecycle.ask().engine, _engine_in(cache)
        sweep.delete_clusters(engine=running is not None, say=say)
        if running is not None:
            sweep.delete_images(node.REPOSITORY)
        lifecycle.forget(say=say)
        freed = empty(cache)
        sweep.forget_engine(ours, say=say)
    say(f"{cache}: {freed / 2**30:.1f} GiB freed" if freed else f"{cache}: already empty")
    return EXIT_OK


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Keep other runs from building into the cache during the block, and from deleting in it.

    Raises:
        PromdrillError: Another run is doing that.
    """
    hint = "wait for it, or stop it, and try again"
    with contextlib.ExitStack() as held:
        for path in sorted((cache / "locks").glob("*.lock")):
            _hold(path, held, PromdrillError(f"another run is building {path.stem}", hint=hint))
        for path in sorted((cache / "scratch").glob("*.lock")):
            _hold(path, held, PromdrillError(f"another run is using {path.with_suffix('')}", hint=hint))
        if cache.is_dir():
            try:
                held.enter_context(artefacts.Cache(cache).without_builds())
            except BlockingIOError:
                raise PromdrillError("another run is building", hint=hint) from None
        yield


def _hold(lock: Path, held: contextlib.ExitStack, refusal: PromdrillError) -> None:
    try:
        held.enter_context(filelock.FileLock(lock, blocking=False))
    except filelock.Timeout:
        raise refusal from None


def empty(cache: Path) -> int:
    """Delete what promdrill made in its cache folder, and the folder itself if nothing else is in it.

    Returns:
        The bytes that were freed.

    Raises:
        UsageError: It is no cache of promdrill's.
        PromdrillError: A file cannot be deleted.
    """
    artefacts.require_own(cache)
    size = 0
    try:
        for child in (cache / name for name in artefacts.CHILDREN):
            size += _delete(child)
        (cache / artefacts.TAG).unlink(missing_ok=True)
    except OSError as error:
        raise PromdrillError(f"cannot delete {error.filename}: {error.strerror}") from error
    with contextlib.suppress(OSError):  # a person's own files stay, with the folder
        cache.rmdir()
    return size


def _delete(path: Path) -> int:
    """Delete a folder, and nothing that a link in its place leads to; returns the bytes that were freed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return 0
    size = sum(each.lstat().st_size for each in path.rglob("*") if each.is_symlink() or not each.is_dir())
    for folder, _, _ in os.walk(path):  # Go's module cache is read-only, folders included
        Path(folder).chmod(stat.S_IRWXU)
    shutil.rmtree(path)
    return size


def _engine_in(cache: Path) -> str:
    """Id of the Docker whose images and containers are in the cache folder; empty if there is none."""
    try:
        return (cache / "engine" / "engine-id").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""

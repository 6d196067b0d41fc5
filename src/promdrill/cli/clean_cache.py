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
    refuse_while_in_use()
    with locked(cache):
        running = lifecycle.ask().engine
        sweep.delete_clusters(engine=running is not None, say=say)
        if running is not None:
            sweep.delete_images(node.REPOSITORY)
        lifecycle.forget(say=say)
        freed = empty(cache)
    say(f"{cache}: {freed / 2**30:.1f} GiB freed" if freed else f"{cache}: already empty")
    return EXIT_OK


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Keep other runs from building into the cache during the block.

    Raises:
        PromdrillError: Another run is building into it.
    """
    with contextlib.ExitStack() as held:
        for path in sorted((cache / "locks").glob("*.lock")):
            try:
                held.enter_context(filelock.FileLock(path, blocking=False))
            except filelock.Timeout:
                raise PromdrillError(
                    f"another run is building {path.stem}", hint="wait for it, or stop it, and try again"
                ) from None
        yield


def empty(cache: Path) -> int:
    """Delete the cache folder.

    Returns:
        The bytes that were freed.

    Raises:
        PromdrillError: A file cannot be deleted.
    """
    if not cache.is_dir():
        return 0
    size = sum(path.lstat().st_size for path in cache.rglob("*") if path.is_symlink() or not path.is_dir())
    try:
        for folder, _, _ in os.walk(cache):  # Go's module cache is read-only, folders included
            Path(folder).chmod(stat.S_IRWXU)
        shutil.rmtree(cache)
    except OSError as error:
        raise PromdrillError(f"cannot delete {error.filename}: {error.strerror}") from error
    return size

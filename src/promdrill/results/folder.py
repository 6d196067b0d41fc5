"""The folder of one run: ``reports/<UTC time>/``, with ``reports/latest`` pointing at it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import UsageError, named
from promdrill.core.model import DrillResult, Variant

CELL = "cell.json"
"""In the folder of a matrix cell: its definition."""

LATEST = "latest"
"""Name of the link, beside the folders, that points at the newest one."""


def create(base: Path, *, clock: Clock = SYSTEM) -> Path:
    """Create a folder for a run that starts now, and point `latest` at it.

    Two runs of the same second get folders of their own: the later one's name ends in ``-2``, and so on.

    Args:
        base: The folder of all reports; created if missing.
        clock: Where the time in the name comes from.

    Raises:
        UsageError: The folder cannot be created.
    """
    stamp = clock.utc().strftime("%Y-%m-%dT%H-%M-%SZ")
    try:
        base.mkdir(parents=True, exist_ok=True)
        folder = _first_free(base, stamp)
        _point(base / LATEST, folder.name)
    except OSError as error:
        raise UsageError(
            f"cannot write reports to {base}: {error.strerror}",
            hint="--report-dir FOLDER, a folder that can be written to",
        ) from error
    return folder


def use(folder: Path) -> Path:
    """Create the given folder; `latest` is not touched.

    Raises:
        UsageError: It cannot be created, or holds the results of another run.
    """
    if (folder / "results.json").exists():
        raise UsageError(f"{folder} holds the results of another run", hint="--report-dir FOLDER, a folder that is new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create {folder}: {error.strerror}", hint="--report-dir FOLDER") from error
    return folder


def of_drill(scenario: str, label: str | None) -> str:
    """Name of the folder of one drill's files, by its scenario and `Variant.label`: ``disk-full.no-fault``."""
    return plain(scenario if label is None else f"{scenario}.{label}")


def of_result(result: DrillResult) -> str:
    """The same, from a drill's result; always a folder inside the run's own."""
    return of_drill(result.scenario, Variant(result.control, repetition=result.repetition).label).lstrip(".")


def plain(text: str) -> str:
    """The text in a form that is valid in a folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)


def write_atomically(path: Path, text: str) -> None:
    """Replace a file so that a reader, or a kill, sees the old content or the new, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with named(path):
            draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _first_free(base: Path, stamp: str) -> Path:
    number = 1
    while True:
        folder = base / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _point(link: Path, target: str) -> None:
    draft = link.with_name(f".{LATEST}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target, target_is_directory=True)
    draft.replace(link)

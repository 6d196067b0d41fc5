"""Crash-safe writing: a reader finds the old content or all of the new, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from promdrill.core.errors import named


def write(file: Path, text: str) -> Path:
    """Replace the content of a file with text, and return the file.

    The text goes to a temporary file beside it, which is flushed to the disk and renamed. Then the folder is flushed,
    so that the new name survives a power failure too. Only its owner can read the file.

    Args:
        file: The file, in an existing folder.
        text: Its new content, written as UTF-8.

    Raises:
        OSError: It could not be written; the old content is unchanged.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with named(file), open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123  a descriptor has no path
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).replace(file)
    finally:
        Path(draft).unlink(missing_ok=True)
    flush(file.parent)
    return file


def make_folder(folder: Path) -> Path:
    """Create a folder with all its parents, if missing, so that it survives a power failure; return it.

    Raises:
        OSError: It could not be created.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        flush(made.parent)
    return folder


def flush(folder: Path) -> None:
    """Flush a folder to the disk: the names in it survive a power failure.

    Raises:
        OSError: It could not be flushed.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

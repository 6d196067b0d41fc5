"""Files that survive a crash: a reader finds what stood there before, or all that was written, and never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(file: Path, text: str) -> Path:
    """Write text into a file, in place of what it holds, and return the file.

    The text goes to a temporary file beside it, which is flushed to the disk and renamed. Then the folder is flushed,
    so that the new name survives a power failure too. The file can be read by its owner alone.

    Args:
        file: In a folder that exists.
        text: What it is to hold, written as UTF-8.

    Raises:
        OSError: It could not be written; what stood there before is unchanged.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123  a descriptor has no path
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).replace(file)
    finally:
        Path(draft).unlink(missing_ok=True)
    _flush(file.parent)
    return file


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The files of a chart: from a folder, or from an archive, which is read into memory and never unpacked.

This module knows nothing about charts; that is in `promdrill.helm.source.files`.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promdrill.core import reading, yaml_read
from promdrill.core.errors import UsageError

ARCHIVE_BYTES = 100 << 20
"""Largest unpacked size of an archive: Helm's own limit (MaxDecompressedChartSize)."""

HEADERS_BYTES = 32 << 20
"""What an archive may hold besides the contents of its files: a kilobyte for each of 30,000."""

FOLDER_FILES = 20_000
"""Most files in a folder: charts have hundreds, and a folder with more may be a link to a whole disk."""

Tree = Mapping[str, bytes | Path]
"""The files of a chart by their names: their content, or their path."""

_TROUBLE = (OSError, EOFError, ValueError, RecursionError, tarfile.TarError, zlib.error)


def tree(path: Path) -> Tree:
    """All files of a chart; like Helm, follows links in a folder and ignores them in an archive.

    Raises:
        UsageError: It cannot be read, is too large, or is an archive that is not well-formed.
    """
    if path.is_dir():
        return _walked(path)
    return unpacked(reading.bytes_of(path, limit_bytes=ARCHIVE_BYTES, said=f"CHART={path}"), str(path))


def read_yaml(files: Tree, name: str, said: str) -> Any:
    """The content of one YAML file of a chart; None if it is missing or empty.

    Args:
        files: The chart's files.
        name: The file's name in it.
        said: The chart's name in messages.

    Raises:
        UsageError: It is not YAML.
    """
    if name not in files:
        return None
    try:
        text = content_of(files[name]).decode("utf-8")
    except (OSError, ValueError) as error:
        raise unreadable(f"{said}: {name}", error) from error
    return yaml_read.value_of(text, said=f"CHART={said}: {name}", loader=yaml_read.Lenient)


def _walked(folder: Path) -> Tree:
    found: dict[str, bytes | Path] = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place)
        looped = here.is_symlink() and any(parent.samefile(here) for parent in here.parents)
        folders[:] = [] if looped else [name for name in folders if name != ".git"]
        files = (here / name for name in names if not looped)
        found.update({file.relative_to(folder).as_posix(): file for file in files if file.is_file()})
        if len(found) > FOLDER_FILES:
            raise UsageError(f"CHART={folder}: it has more than {FOLDER_FILES} files; this is not a chart")
    return found


def unpacked(content: bytes, said: str) -> Tree:
    """The files of an archive of one chart, without the folder that contains them all.

    Args:
        content: The archive.
        said: Its name in messages.

    Raises:
        UsageError: It cannot be read, is too large, has several roots, or names a file outside of itself.
    """
    found: dict[str, bytes | Path] = {}
    roots: set[str] = set()
    size_bytes = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:  # first, or a header could ask for any memory
            plain = packed.read(ARCHIVE_BYTES + HEADERS_BYTES + 1)
        if len(plain) > ARCHIVE_BYTES + HEADERS_BYTES:
            raise _large(said)
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for member in archive:
                root, _, name = member.name.partition("/")
                if member.name.startswith("/") or "\\" in member.name or ".." in member.name.split("/"):
                    raise UsageError(f"CHART={said}: {member.name} points outside the chart; refusing to use it")
                roots.add(root)
                size_bytes += member.size
                if size_bytes > ARCHIVE_BYTES:
                    raise _large(said)
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    found[name] = file.read()
    except _TROUBLE as error:
        raise unreadable(said, error) from error
    if len(roots) > 1:
        raise UsageError(f"CHART={said}: an archive of one chart has one folder, this has {', '.join(sorted(roots))}",
                         hint="helm package <the chart's folder>")  # fmt: skip
    return found


def content_of(content: bytes | Path) -> bytes:
    """The content of one file of a tree."""
    return content.read_bytes() if isinstance(content, Path) else content


def _large(said: str) -> UsageError:
    return UsageError(f"CHART={said}: more than {ARCHIVE_BYTES >> 20} MiB when unpacked", hint=f"tar -tvf {said}")


def unreadable(said: str, error: Exception) -> UsageError:
    """The error for a chart that cannot be read, in one line."""
    return UsageError(f"CHART={said}: cannot be read: {' '.join(str(error).split())}", hint="CHART=<folder or .tgz>")

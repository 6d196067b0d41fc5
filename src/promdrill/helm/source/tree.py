"""The files of a chart: of a folder, or of an archive, which is read into memory and never unpacked.

What reads them decides nothing about charts; that is in `chart_files`.
"""

from __future__ import annotations

import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from promdrill.core.errors import UsageError

ARCHIVE_BYTES = 100 << 20
"""Largest archive, unpacked: Helm's own limit (MaxDecompressedChartSize)."""

FOLDER_FILES = 20_000
"""Files in a folder above which it is no chart but, say, a link to a whole disk; charts have hundreds."""

Tree = Mapping[str, bytes | Path]
"""The files of a chart by their names in it; their content, or where it lies."""

_TROUBLE = (OSError, EOFError, ValueError, tarfile.TarError, zlib.error, yaml.YAMLError)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where it was built: 10 x faster
    """YAML as Go reads it: `=` is text, which PyYAML gives a type of its own and then cannot make."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))


def tree(path: Path) -> Tree:
    """All files of a chart; links are followed in a folder and left out of an archive, as Helm does.

    Raises:
        UsageError: It cannot be read, is too large, or is an archive that no packager wrote.
    """
    if path.is_dir():
        return _walked(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(str(path), error) from error
    return unpacked(content, str(path))


def read_yaml(files: Tree, name: str, said: str) -> Any:
    """The content of one YAML file of a chart; None when it is not there or empty.

    Args:
        files: The chart's files.
        name: The file's name in it.
        said: What messages call the chart.

    Raises:
        UsageError: It is no YAML.
    """
    if name not in files:
        return None
    try:
        return yaml.load(content_of(files[name]).decode("utf-8"), Loader=_Loader)  # noqa: S506  a SafeLoader
    except _TROUBLE as error:
        raise unreadable(said, error) from error


def _walked(folder: Path) -> Tree:
    found: dict[str, bytes | Path] = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place)
        looped = here.is_symlink() and any(parent.samefile(here) for parent in here.parents)
        folders[:] = [] if looped else [name for name in folders if name != ".git"]
        files = (here / name for name in names if not looped)
        found.update({file.relative_to(folder).as_posix(): file for file in files if file.is_file()})
        if len(found) > FOLDER_FILES:
            raise UsageError(f"CHART={folder}: more than {FOLDER_FILES} files lie in it, which is no chart")
    return found


def unpacked(content: bytes, said: str) -> Tree:
    """The files of an archive of one chart, without the folder that they all lie in.

    Args:
        content: The archive.
        said: What messages call it.

    Raises:
        UsageError: It cannot be read, is too large, has several roots, or names a file outside of itself.
    """
    found: dict[str, bytes | Path] = {}
    roots: set[str] = set()
    size_bytes = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                root, _, name = member.name.partition("/")
                if member.name.startswith("/") or "\\" in member.name or ".." in member.name.split("/"):
                    raise UsageError(f"CHART={said}: {member.name} in it points out of the chart; it is not used")
                roots.add(root)
                size_bytes += member.size
                if size_bytes > ARCHIVE_BYTES:
                    raise UsageError(f"CHART={said}: more than {ARCHIVE_BYTES >> 20} MiB when unpacked")
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


def unreadable(said: str, error: Exception) -> UsageError:
    """The error for a chart that cannot be read, in one line."""
    return UsageError(f"CHART={said}: cannot be read: {' '.join(str(error).split())}")

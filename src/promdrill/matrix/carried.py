"""The files that a cell elsewhere needs, packed: the matrix, values, rules, charts and scenarios of the user.

They keep their paths, which must lie in the folder in which the matrix is read: there is no other place to put them.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Iterable
from pathlib import Path

from promdrill.core import reading
from promdrill.core.errors import UsageError

_SKIPPED = "__pycache__"


def relative(name: str, text: str, *, to: str) -> str:
    """A path relative to the current folder, so that it is valid where only that folder's content is.

    Args:
        name: What it is called in messages.
        text: The path as typed.
        to: Whose jobs it is for, in messages.

    Raises:
        UsageError: It lies outside this folder, or has characters that are special in YAML or to a shell.
    """
    top = Path.cwd().resolve()
    path = (top / reading.path_of(text, said=f"{name}={text}")).resolve()
    if not path.is_relative_to(top):
        raise UsageError(f"{name}={text}: not inside this folder; each job has only its own checkout")
    found = path.relative_to(top).as_posix()
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", found):
        what = f"{to}'s jobs accept only letters, digits and . _ - / in paths"
        raise UsageError(f"{name}={text}: {what}", hint="rename it")
    return found


def pack(places: Iterable[str]) -> bytes:
    """Files, and folders with all that is in them, as a tar archive with gzip; the same files give the same bytes.

    Args:
        places: Paths relative to the current folder, as from `relative`.

    Raises:
        UsageError: One does not exist or cannot be read.
    """
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for file in sorted({file for place in places for file in _files(Path(place))}):
            content = reading.bytes_of(file, limit_bytes=reading.LARGEST_RECORD_BYTES)
            entry = tarfile.TarInfo(file.as_posix())
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]  # reading it says what is wrong with it
    return [path for path in place.rglob("*") if path.is_file() and _SKIPPED not in path.parts]

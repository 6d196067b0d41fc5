"""The results of a cell in the log of its pod, as `cell.sh` writes them: packed, in base64, between two lines.

    promdrill-results begin ID SHA256
    ...
    promdrill-results end ID

In the log, because that is what every cluster keeps of a pod that has ended: a volume that many pods can write to is
not everywhere, and a pod that waited for its collector would hold its processors meanwhile.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from promdrill.core.errors import PromdrillError

MOST_BYTES = 1 << 30
"""The most that the files of a cell may have: a hundred times the whole book's."""

_BEGIN = re.compile(r"^promdrill-results begin (?P<id>\S+) (?P<sum>[0-9a-f]{64})$", re.MULTILINE)
_WITHOUT = re.compile(r"^promdrill-results (without evidence: .*)$", re.MULTILINE)
_COMPLAINT = "promdrill: "
_RERUN = "promdrill matrix --run --cell"


class NotWhole(PromdrillError):
    """A log has no results, or they are damaged. Nothing was written."""


def split(log: str) -> tuple[str, str]:
    """What a cell said, and what it handed over; the latter is empty if there is nothing.

    Args:
        log: Of its pod.
    """
    begins = list(_BEGIN.finditer(log))
    return (log[: begins[-1].start()], log[begins[-1].start() :]) if begins else (log, "")


def remark(log: str) -> str:
    """What is missing in the results of a cell whose files were too large, in words; empty for nothing."""
    found = _WITHOUT.search(log)
    return found[1] if found else ""


def complaint(log: str) -> str:
    """What promdrill complained of last, after a colon; empty for nothing."""
    said = [line for line in log.splitlines() if line.startswith(_COMPLAINT)]
    return f": {said[-1].removeprefix(_COMPLAINT)}" if said else ""


def unpack(log: str, id_: str, folder: Path) -> None:
    """Write the results of a cell.

    Args:
        log: Of its pod.
        id_: The cell that this pod ran.
        folder: An existing empty folder; it gets the content of the cell's.

    Raises:
        NotWhole: There are none, they are damaged, or they are those of another cell. Nothing was written.
        OSError: They cannot be written.
    """
    hint = f"{_RERUN} {id_}"
    _, block = split(log)
    begin = _BEGIN.match(block)
    if begin is None:
        raise NotWhole("its log has no results", hint=hint)
    if begin["id"] != id_:
        raise NotWhole(f"its log has the results of another cell, {begin['id']}", hint=hint)
    body, end, _ = block[begin.end() :].partition(f"\npromdrill-results end {id_}")
    if not end:
        raise NotWhole("the results in its log have no end: the log was cut off", hint=hint)
    try:
        packed = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotWhole(f"the results in its log are damaged: {error}", hint=hint) from error
    if hashlib.sha256(packed).hexdigest() != begin["sum"]:
        raise NotWhole("the results in its log are damaged: their SHA-256 is another one", hint=hint)
    try:
        files = _files(packed, id_)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise NotWhole(f"the results in its log cannot be unpacked: {error}", hint=hint) from error
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _files(packed: bytes, id_: str) -> dict[PurePosixPath, bytes]:
    """The regular files in an archive, by their paths below the cell's folder; links and all else are left out."""
    files = {}
    left_bytes = MOST_BYTES
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            if path.is_absolute() or ".." in path.parts or path.parts[:1] != (id_,):
                raise tarfile.TarError(f"{entry.name} is not in the folder of its cell")
            stream = archive.extractfile(entry) if entry.isfile() else None
            if stream is not None:
                left_bytes -= entry.size
                if left_bytes < 0:
                    raise tarfile.TarError(f"its files have more than {MOST_BYTES:,} bytes")
                files[path.relative_to(id_)] = stream.read()
    return files

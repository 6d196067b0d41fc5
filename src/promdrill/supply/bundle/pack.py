"""How a bundle's file is made: compression that hashes what it writes, ``docker save``, and the tar archive."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from promdrill.core import paths, processes, shell
from promdrill.core.errors import SupplyError
from promdrill.supply.build.archive import EPOCH
from promdrill.supply.bundle.manifest import MANIFEST, SUMS, Manifest, Part, block

SAVE_S = 900.0
"""Seconds to save a node image: 25 measured for 1.6 GB."""

LEVEL = 1
"""zlib's level: 0.35 of the size in 22 s; level 4 gave 0.33 in 31 s, level 6 0.31 in minutes."""

CHUNK_BYTES = 1 << 20


@dataclass
class Squeezed:
    """A file that is written compressed.

    Attributes:
        target: The file.
        read_bytes: Bytes before compression.
        written_bytes: Bytes after compression.
    """

    target: IO[bytes]
    read_bytes: int = 0
    written_bytes: int = 0

    def __post_init__(self) -> None:
        self._zlib = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)  # 31: gzip's format, without a name or a time
        self._sum = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Compress and write some bytes."""
        self.read_bytes += len(chunk)
        self._out(self._zlib.compress(chunk))

    def finish(self) -> str:
        """SHA-256 of everything written, in hexadecimal."""
        self._out(self._zlib.flush())
        return self._sum.hexdigest()

    def _out(self, packed: bytes) -> None:
        self.target.write(packed)
        self._sum.update(packed)
        self.written_bytes += len(packed)


def docker_save(image: str, into: Callable[[bytes], None], *, timeout_s: float = SAVE_S) -> None:
    """Stream an image out of the engine, as ``docker save`` writes it.

    Raises:
        SupplyError: It could not be saved, or not before the deadline.
    """
    with shell.spawn(["docker", "save", image], merge=False) as process:
        overdue = threading.Timer(timeout_s, shell.end_group, [process])
        overdue.start()
        try:
            while process.stdout is not None and (chunk := process.stdout.read(CHUNK_BYTES)):
                into(chunk)
            code = process.wait()
        finally:
            overdue.cancel()
        said = process.stderr.read().decode("utf-8", "replace").strip() if process.stderr is not None else ""
    if code:
        why = said or f"not within {timeout_s:.0f} s"
        raise SupplyError(f"cannot save node image {image}: {why}", hint=f"docker image inspect {image}")


def pack(file: Path, manifest: Manifest, found: Sequence[tuple[Part, Path]]) -> None:
    """Write the archive, whole or not at all.

    Args:
        file: The bundle.
        manifest: Its manifest.
        found: Its parts with the file of each, in the manifest's order.

    Raises:
        SupplyError: It could not be written.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    _clear(file)
    own = manifest.encoded()
    try:
        with draft.open("wb") as raw, tarfile.open(fileobj=raw, mode="w:", format=tarfile.GNU_FORMAT) as tar:
            _add(tar, MANIFEST, len(own), io.BytesIO(own))
            sums = manifest.sums(hashlib.sha256(own).hexdigest())
            _add(tar, SUMS, len(sums), io.BytesIO(sums))
            for part, path in found:
                with path.open("rb") as source:
                    _add(tar, part.path, part.size_bytes, source)
            tar.close()
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(file)
    except OSError as error:
        raise SupplyError(f"cannot write {file}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, name: str, size_bytes: int, source: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = size_bytes, EPOCH
    member.mode = 0o755 if name.startswith("tools/") else 0o644
    tar.addfile(member, source)
    if source.read(1):
        raise SupplyError(f"{name} changed while it was packed", hint=f"{paths.command('bundle')} again")


def _clear(file: Path) -> None:
    """Delete temporary files that a killed promdrill left beside the bundle."""
    for left in file.absolute().parent.glob(f".{file.name}.*"):
        pid = left.name.rpartition(".")[2]
        if pid.isdecimal() and processes.start_of(int(pid)) is None:
            with contextlib.suppress(OSError):
                left.unlink()


def total_bytes(manifest: Manifest, own_bytes: int) -> int:
    """The smallest size of a complete bundle: all of its members, without the end of the archive.

    Args:
        manifest: Its manifest.
        own_bytes: Size of manifest.json.
    """
    sums = len(manifest.sums("0" * 64))
    return sum(block(size) for size in (own_bytes, sums, *(part.size_bytes for part in manifest.parts)))

"""Read a bundle: its manifest, and its parts. Nothing is used before its checksum was checked."""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Self

from promdrill.core import paths, reading
from promdrill.core.errors import UsageError
from promdrill.core.reading import Unreadable
from promdrill.supply.bundle.manifest import (
    BLOCK_BYTES,
    LARGEST_MANIFEST_BYTES,
    MANIFEST,
    SUMS,
    Manifest,
    Part,
    block,
    decoded,
    no_bundle,
)
from promdrill.supply.bundle.pack import CHUNK_BYTES, total_bytes

AGAIN = f"copy it again, or {paths.command('bundle')} again"

_LARGEST_BYTES = 1 << 50  # of a member: no disk has so much


class Content:
    """The content of one member of an archive, read once from its beginning.

    Args:
        raw: The archive.
        size_bytes: The member's size.
    """

    def __init__(self, raw: BinaryIO, size_bytes: int) -> None:
        self._raw = raw
        self._left = size_bytes

    def read(self, size_bytes: int) -> bytes:
        """At most so many bytes; none at the end."""
        found = self._raw.read(min(size_bytes, self._left))
        self._left -= len(found)
        return found


class Archive:
    """The members of a tar archive that holds plain files and nothing else.

    A header that describes the next header, for a long name or a sparse file, is an error: a bundle has none, and
    tarfile follows a chain of them, of whatever size, before anything can be checked.

    Args:
        raw: The archive, at its beginning.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._next = 0

    def next(self) -> tarfile.TarInfo | None:
        """The next member, whose content can be read now; None at the end.

        Raises:
            TarError: There is no valid header.
        """
        self._raw.seek(self._next)
        header = self._raw.read(BLOCK_BYTES)
        if self._next and not header.strip(b"\0"):
            return None
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except ValueError as error:  # numbers that are none
            raise tarfile.ReadError(f"a header at byte {self._next} that is not valid") from error
        if not 0 <= member.size <= _LARGEST_BYTES:
            raise tarfile.ReadError(f"a header at byte {self._next} with an impossible size")
        self._next += block(member.size)
        return member

    def content(self, member: tarfile.TarInfo) -> Content | None:
        """The content of the member that `next` returned last; None if it is not a plain file."""
        plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE}
        return Content(self._raw, member.size) if plain else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A bundle's manifest.

    Attributes:
        manifest: The manifest.
        sha256: Its SHA-256 in hexadecimal.
    """

    manifest: Manifest
    sha256: str

    @classmethod
    def read(cls, file: Path) -> Self:
        """As `contents`."""
        return cls(*contents(file))


def contents(file: Path) -> tuple[Manifest, str]:
    """What a bundle holds and where it came from; the checksums of its files are not checked.

    Returns:
        Its manifest, and the manifest's SHA-256 in hexadecimal.

    Raises:
        UsageError: It is not a bundle, is truncated, or has another format.
    """
    with _reading(file) as tar:
        return _listed(file, tar)


def unpacked_name(part: Part) -> str:
    """A part's path once it is unpacked: kind cannot read compressed archives of images, Docker can."""
    return part.path.removesuffix(".gz") if part.path.startswith("images/") else part.path


def members(file: Path, found: Manifest) -> Iterator[tuple[Part, Content]]:
    """Each part with its content, in the manifest's order; any other member is refused.

    Names in the archive are never trusted: they must be those of the manifest, which are promdrill's own.
    """
    with _reading(file) as tar:
        _listed(file, tar)
        for part in found.parts:
            member = tar.next()
            content = tar.content(member) if member is not None else None
            if member is None or content is None or (member.name, member.size) != (part.path, part.size_bytes):
                seen = f"{member.name!r}" if member is not None else "nothing"
                raise UsageError(f"BUNDLE={file}: damaged: found {seen}, expected {part.path}", hint=AGAIN)
            yield part, content
        extra = tar.next()
        if extra is not None:
            raise UsageError(f"BUNDLE={file}: contains {extra.name!r}, which is not in its manifest", hint=AGAIN)


def copy(file: Path, part: Part, content: Content, out: IO[bytes] | None) -> None:
    """Check a part's checksum and, with `out`, copy the part; an image is unpacked."""
    damaged = UsageError(f"BUNDLE={file}: damaged: {part.path} does not match the manifest", hint=AGAIN)
    unpack = zlib.decompressobj(31) if out is not None and part.path != unpacked_name(part) else None
    seen, written = hashlib.sha256(), 0
    try:
        while chunk := content.read(CHUNK_BYTES):
            seen.update(chunk)
            plain = unpack.decompress(chunk, part.unpacked_bytes + 1 - written) if unpack is not None else chunk
            written += len(plain)
            if unpack is not None and written > part.unpacked_bytes:
                raise damaged
            if out is not None:
                out.write(plain)
    except zlib.error as error:
        raise damaged from error
    if seen.hexdigest() != part.sha256 or (unpack is not None and written != part.unpacked_bytes):
        raise damaged


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[Archive]:
    said = f"BUNDLE={file}"
    try:
        with reading.opened(file, said=said) as raw:
            yield Archive(raw)
    except tarfile.TarError as error:
        raise no_bundle(said, f"not a tar archive of plain files: {error}") from error
    except OSError as error:
        raise Unreadable(said, error.strerror or str(error), hint="BUNDLE=<file>") from error


def _listed(file: Path, tar: Archive) -> tuple[Manifest, str]:
    said = f"BUNDLE={file}"
    content = _small(tar, MANIFEST)
    if content is None:
        raise no_bundle(said, f"its first file is not {MANIFEST}")
    found = decoded(content, said)
    sha256 = hashlib.sha256(content).hexdigest()
    size, whole = file.stat().st_size, total_bytes(found, len(content))
    if size < whole:
        raise UsageError(f"{said}: truncated: {size} of at least {whole} bytes", hint=AGAIN)
    if _small(tar, SUMS) != found.sums(sha256):
        raise UsageError(f"{said}: damaged: {MANIFEST} does not match {SUMS}", hint=AGAIN)
    return found, sha256


def _small(tar: Archive, name: str) -> bytes | None:
    """The content of the next member, if it is a file of that name."""
    member = tar.next()
    if member is None or member.name != name or member.size > LARGEST_MANIFEST_BYTES:
        return None
    content = tar.content(member)
    return content.read(member.size) if content is not None else None

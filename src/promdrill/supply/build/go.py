"""Go programs from Go modules: a folder under images/, which pins one product by go.mod and go.sum, or a release."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from promdrill.artefacts.cache import key_of, tree_digest
from promdrill.core import scratch, shell
from promdrill.core.errors import CommandFailed, SupplyError
from promdrill.supply.build import release
from promdrill.supply.build.catalogue import Artefact
from promdrill.supply.build.release import Place
from promdrill.supply.build.toolchain import Go

DOWNLOAD_TIMEOUT_S = 1800.0
BUILD_TIMEOUT_S = 3600.0
"""Seconds for one build, to end one that hangs. Kubernetes was measured at 5 to 7 minutes on two cores."""

_COMPILER = ("-trimpath", "-gcflags=all=-dwarf=false")
"""No paths of this machine and no debug information, which the linker would drop anyway."""

_OLD_NAMES = "-checklinkname=0"
"""Some bring a golang.org/x/net that takes functions of syscall by name, which Go's linker refuses from 1.23 on."""

NATIVE = "amd64"
"""The default architecture, and the only one of the source supply."""


def recipe(artefact: Artefact, go: Go, architecture: str = NATIVE) -> dict[str, Any]:
    """Everything that decides a build's outcome, for the cache's key."""
    return {
        # Left out for the default architecture, once the only one, so that older cache entries are still found.
        **({} if architecture == NATIVE else {"architecture": architecture}),
        "version": artefact.version,
        "go": dict(artefact.go),
        "toolchain": go.version,
        "stamps": dict(artefact.stamps),
        "tags": artefact.tags,
        "compiler": _COMPILER,
        # Left out beside programs, likewise; of files alone it is what the build is about.
        **({} if artefact.go else {"module": artefact.module}),
        "module_files": dict(artefact.module_files),
        **({"release": asdict(artefact.release)} if artefact.release else {"folder": tree_digest(artefact.folder)}),
    }


def key(artefact: Artefact, go: Go, architecture: str = NATIVE) -> str:
    """The cache key of a Go artefact, built for Linux on that architecture."""
    return key_of(recipe(artefact, go, architecture))


def download(
    artefact: Artefact, go: Go, *, architecture: str = NATIVE, stop: threading.Event | None = None
) -> Mapping[str, str]:
    """Download the modules that the build needs, and no others, into the module cache, checked against go.sum.

    Returns:
        Where a release came from, as `Place.notes`.

    Raises:
        SupplyError: A module is not available, or does not match go.sum.
    """
    target = _for(go, architecture)
    with _place(artefact, target, stop) as place:
        argv = ["list", *place.options, "-deps", *_tags(artefact), "-f", "{{.Name}}", *artefact.go]
        _go(
            target,
            argv if artefact.go else ["mod", "download", artefact.module],
            artefact,
            stop=stop,
            folder=place.folder,
        )
        return place.notes


def build(
    artefact: Artefact, go: Go, into: Path, *, architecture: str = NATIVE, stop: threading.Event | None = None
) -> dict[str, Any]:
    """Build the binaries, if there are any, and copy the module's own files that go with them, into a folder.

    Args:
        artefact: What to build.
        go: The toolchain.
        into: The folder.
        architecture: `amd64` or `arm64`; the binaries are for Linux, whatever this machine runs.
        stop: Ends the build when it is set.

    Returns:
        Notes for the cache's manifest.

    Raises:
        SupplyError: The build failed; its message holds the compiler's.
    """
    notes: Mapping[str, str] = {}
    if artefact.go:
        notes = _compile(artefact, _for(go, architecture), into, stop)
    if artefact.module_files:
        _carry(artefact, go, into)
    return {"version": artefact.version, "toolchain": go.version, **notes}


def _compile(artefact: Artefact, target: Go, into: Path, stop: threading.Event | None) -> Mapping[str, str]:
    work = into / ".build"
    work.mkdir()
    stamps = [f"-X {name}={value}" for name, value in sorted(artefact.stamps.items())]
    linked = " ".join(["-s", "-w", *([_OLD_NAMES] if artefact.release else []), *stamps])
    with _place(artefact, target, stop) as place:
        argv = ["build", *place.options, *_COMPILER, *_tags(artefact), "-ldflags", linked, "-o", f"{work}/"]
        _go(target, [*argv, *artefact.go], artefact, timeout_s=BUILD_TIMEOUT_S, stop=stop, folder=place.folder)
    for package, binary in artefact.go.items():
        (work / _program(artefact, package)).rename(into / binary)
    work.rmdir()
    return place.notes


@contextlib.contextmanager
def _place(artefact: Artefact, go: Go, stop: threading.Event | None) -> Iterator[Place]:
    """The artefact's folder, or a release's module with its go.mod and go.sum set right for this build."""
    if artefact.release is None:
        yield Place(artefact.folder)
        return

    def run(argv: Sequence[str], folder: Path) -> str:
        return _go(go, argv, artefact, stop=stop, folder=folder)

    with scratch.folder("module") as folder:
        yield release.prepare(artefact.release, go, folder, run)


def _program(artefact: Artefact, package: str) -> str:
    """The name that Go gives a program: the last part of its path that is not a major version."""
    package = package.replace(".", artefact.release.module, 1) if artefact.release else package
    *rest, last = package.split("/")
    is_major = last.startswith("v") and last[1:].isdigit()
    return rest[-1] if is_major else last


def _carry(artefact: Artefact, go: Go, into: Path) -> None:
    answer = _go(go, ["list", "-m", "-json", artefact.module], artefact, folder=artefact.folder)
    module = Path(json.loads(answer)["Dir"])
    for target, source in artefact.module_files.items():
        here, there = module / source, into / target
        if here.is_dir():
            shutil.copytree(here, there)
        else:
            shutil.copyfile(here, there)
    for path in into.rglob("*"):
        path.chmod(path.stat().st_mode | 0o200)


def _for(go: Go, architecture: str) -> Go:
    # Go's default levels: other levels set in the shell would give other bytes under the same key.
    target = {"GOOS": "linux", "GOARCH": architecture, "GOAMD64": "v1", "GOARM64": "v8.0"}
    return replace(go, env={**go.env, **target})


def _tags(artefact: Artefact) -> list[str]:
    return ["-tags", artefact.tags] if artefact.tags else []


def _go(
    go: Go,
    argv: Sequence[str],
    artefact: Artefact,
    *,
    folder: Path,
    timeout_s: float = DOWNLOAD_TIMEOUT_S,
    stop: threading.Event | None = None,
) -> str:
    try:
        done = shell.run([go.binary, *argv], timeout_s=timeout_s, env=go.env, cwd=folder, stop=stop)
    except CommandFailed as error:
        raise SupplyError(f"building {artefact.name} failed\n{error}") from error
    return done.stdout

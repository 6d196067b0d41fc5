"""Releases of Go modules, built as their projects build them: in the module's own folder, by its own go.mod and go.sum.

Go checks the module against the checksum database, and what it needs against its go.sum. Two things can stand in the
way of a build outside its repository, and are set right in copies: modules of the same repository that go.mod takes
from a folder beside it, whose sums then come from the checksum database too; and files that a release embeds and its
module has not, such as the pages of a web interface.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from packaging.version import Version

from promdrill.core.errors import SupplyError
from promdrill.supply.build.catalogue import Release
from promdrill.supply.build.toolchain import Go

Run = Callable[[Sequence[str], Path], str]
"""Runs Go with arguments in a folder, and returns what it prints."""

_MOD, _SUM = "go.mod", "go.sum"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a build runs.

    Attributes:
        folder: The working folder.
        options: What ``go list`` and ``go build`` get besides.
        notes: Where it came from: `module` and its `sum`, and the database that `checked` it, empty for none.
    """

    folder: Path
    options: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


def prepare(release: Release, go: Go, into: Path, run: Run) -> Place:
    """Fetch a release, checked, and set right what stands in the way of its build.

    Args:
        release: The release.
        go: The toolchain.
        into: An empty folder for the copies of go.mod and go.sum.
        run: Runs Go.

    Returns:
        The place to build it.

    Raises:
        SupplyError: It is not served, does not match its checksum, or cannot be built with this toolchain.
    """
    found = json.loads(_downloaded(release, into, run))
    source = Path(found["Dir"])
    for name in (_MOD, _SUM):
        if not (source / name).is_file():
            raise SupplyError(f"{release.name} has no {name} of its own, so promdrill cannot build it")
        (into / name).write_bytes((source / name).read_bytes())
    mod = json.loads(run(["mod", "edit", "-json", str(into / _MOD)], into))
    require_go(release, mod.get("Go", ""), go)
    options = [f"-modfile={into / _MOD}"]
    edits = list(_edits(release, source, mod))
    if edits:
        run(["mod", "edit", *edits, str(into / _MOD)], into)
        options.append("-mod=mod")  # go.sum lacks what was added; Go takes it from the checksum database
    notes = {"module": release.name, "sum": found.get("Sum", ""), "checked": checked_by(release, into, run)}
    return Place(_whole(release, source, into / "whole"), tuple(options), notes)


def checked_by(release: Release, folder: Path, run: Run) -> str:
    """The checksum database that Go asks about a module; empty if the user's settings tell it to ask none."""
    said = json.loads(run(["env", "-json", "GOSUMDB", "GONOSUMDB"], folder))
    depth = release.module.count("/") + 1
    starts = ["/".join(release.module.split("/")[:parts]) for parts in range(1, depth + 1)]
    excepted = [pattern for pattern in said["GONOSUMDB"].split(",") if pattern]
    if said["GOSUMDB"] == "off" or any(fnmatchcase(start, pattern) for start in starts for pattern in excepted):
        return ""
    return str(said["GOSUMDB"]).partition(" ")[0]


def _downloaded(release: Release, into: Path, run: Run) -> str:
    try:
        return run(["mod", "download", "-json", release.name], into)
    except SupplyError as error:
        if "verifying" in error.message and "SECURITY ERROR" not in error.message:
            error.hint = "GOSUMDB=off builds it without this check; what it needs is checked by its own go.sum"
        raise


def require_go(release: Release, needed: str, go: Go) -> None:
    """Refuse a release that needs a newer Go.

    Raises:
        SupplyError: It does.
    """
    if needed and Version(go.version.removeprefix("go")) < Version(needed):
        raise SupplyError(
            f"{release.name} needs Go {needed}; this is {go.version}", hint=f"put Go {needed} or newer on PATH"
        )


def _edits(release: Release, source: Path, mod: Mapping[str, Any]) -> Iterator[str]:
    """Options of ``go mod edit``."""
    for replaced in mod.get("Replace") or ():
        path, to = replaced["Old"]["Path"], replaced["New"]["Path"]
        if to.startswith(".") and not (source / to / _MOD).is_file():
            yield f"-dropreplace={path}"
            if path.startswith(f"{release.module}/"):  # of the same repository, and so of the same commit
                yield f"-require={path}@{release.version}"


def _whole(release: Release, source: Path, copy: Path) -> Path:
    """The module's folder, or a copy of it with the stubs that it lacks; Go lets nobody add to the folder itself."""
    missing = [path for path in release.stubs if not (source / path).exists()]
    if not missing:
        return source
    shutil.copytree(source, copy)
    for path in missing:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).touch()
    return copy

"""Licences as SPDX expressions: what a package states, else what its licence file is; empty if neither is clear.

Google's licensecheck, which also serves Go's own package site, recognises the files (release/go).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from promdrill.core import shell
from promdrill.supply.build.toolchain import Go

BUILD_S = 600.0
"""Seconds for the program that recognises files: Go fetches and compiles it at the first use."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",  # the index offers no other version of it
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
}
"""Those that name one licence; ``BSD License`` names several."""

DENIED = re.compile(r"\b(AGPL|SSPL)-")
"""Licences whose terms reach whoever offers a program as a service."""

_FILE = re.compile(r"(LICEN[CS]E|COPYING)([.-].*)?", re.IGNORECASE)


def spdx(text: str | None) -> str:
    """A text as an SPDX expression; empty if it is none."""
    try:
        return canonicalize_license_expression(text) if text else ""
    except InvalidLicenseExpression:
        return ""


def stated(package: metadata.PackageMetadata) -> str:
    """What a Python package's metadata state: the expression (PEP 639), else the old field, else a classifier."""
    fields = [spdx(each) for name in ("License-Expression", "License") for each in package.get_all(name) or ()]
    known = {CLASSIFIERS.get(each.rpartition(" :: ")[2], "") for each in package.get_all("Classifier") or ()} - {""}
    return next(filter(None, fields), "") or (known.pop() if len(known) == 1 else "")


def of_python() -> tuple[dict[str, str], dict[str, list[Path]]]:
    """Of installed packages, by normal name: what each states, and the licence files of those that state nothing."""
    licences: dict[str, str] = {}
    files: dict[str, list[Path]] = {}
    for each in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        licences[name] = stated(each.metadata)
        if not licences[name]:
            files[name] = [Path(str(file.locate())) for file in each.files or () if _FILE.fullmatch(file.name)]
    return licences, files


def of_module(go_mod: Path, path: str, version: str) -> list[Path]:
    """The licence files of a Go module in the module cache; none if it is not there."""
    escaped = re.sub(r"[A-Z]", lambda capital: f"!{capital[0].lower()}", f"{path}@{version}")
    folder = go_mod / escaped
    return sorted(file for file in folder.iterdir() if _FILE.fullmatch(file.name)) if folder.is_dir() else []


def recognised(files: Mapping[str, Iterable[Path]], go: Go, folder: Path) -> dict[str, str]:
    """The licences of files, by the key that they are given under; each key's joined by AND.

    Args:
        files: Licence files by key.
        go: The toolchain that runs the recogniser.
        folder: The recogniser's.

    Raises:
        CommandFailed: It could not be fetched or compiled.
    """
    there = {key: [str(file) for file in each] for key, each in files.items()}
    lines = "".join(f"{file}\n" for each in there.values() for file in each)
    done = shell.run([go.binary, "run", "."], timeout_s=BUILD_S, env=go.env, cwd=folder, stdin=lines)
    found: dict[str, list[str]] = json.loads(done.stdout)
    ids = {key: sorted({spdx(name) for file in each for name in found[file]}) for key, each in there.items()}
    return {key: " AND ".join(each) for key, each in ids.items() if each and all(each)}

"""A release without its publication: ``python -m release.dry [--tag v1.2.3]``, from the checkout.

sdist and wheel are built twice, the second time from the sdist in another folder with an empty compiler cache, and have
to be the same bytes. Their metadata, the programs in the wheel, the changelog and the bill of materials are checked.
dist/publish then has what the Python package index gets, dist/release what lies beside the release: the text, the bill
of materials and the sums. Without a tag, the version is the newest of the changelog, as if it were tagged now.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.metadata import InvalidMetadata, Metadata

from promdrill.artefacts.cache import Cache, digest_of
from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.supply.build import catalogue, programs, toolchain
from release import changelog, elf, sbom

BUILD_S, COMMAND_S = 3600.0, 120.0
"""Far beyond what was measured on two busy cores."""

DATA = "promdrill/_data"
PRETEND = "SETUPTOOLS_SCM_PRETEND_VERSION"
"""hatch-vcs takes the version from it instead of from the tag (setuptools-scm's documentation, "overrides"). The one
that ends in the name of the package is not heeded: hatch-vcs does not tell setuptools-scm of which package it asks."""

TAG = re.compile(r"v(\d+\.\d+\.\d+(?:rc\d+)?)")


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


class Wrong(PromdrillError):
    """The release is not as it has to be."""


def version_of(tag: str) -> str:
    """The version that a tag is for.

    Raises:
        UsageError: It is for none.
    """
    found = TAG.fullmatch(tag)
    if found is None:
        raise UsageError(f"TAG={tag}: no tag of a release", hint="v1.2.3, or v1.2.3rc1")
    return found[1]


def export(uv: str, source: Path, *what: str) -> str:
    """A part of uv.lock in another form.

    Raises:
        CommandFailed: uv.lock is not pyproject.toml's, or uv is too old for that form.
    """
    argv = [uv, "export", "--quiet", "--locked", "--project", str(source), *what]
    return shell.run(argv, timeout_s=COMMAND_S, hint="make environment").stdout


def build(uv: str, source: Path, into: Path, *, lock: Path, env: Mapping[str, str]) -> tuple[Path, Path]:
    """The wheel and the sdist that it was built from; what builds them is pinned by uv.lock, with hashes.

    Raises:
        CommandFailed: The build failed.
    """
    pinned = ("--build-constraints", lock, "--require-hashes")
    began = SYSTEM.monotonic()
    shell.run([uv, "build", "--quiet", *pinned, "--out-dir", into, source], timeout_s=BUILD_S, env=env)
    say(f"built from {source.name} in {SYSTEM.monotonic() - began:.0f} s")
    (wheel,), (sdist,) = into.glob("*.whl"), into.glob("*.tar.gz")
    return wheel, sdist


def again(uv: str, sdist: Path, into: Path, *, lock: Path, env: Mapping[str, str]) -> tuple[Path, Path]:
    """As `build`, from the sdist unpacked, with nothing compiled before; modules and toolchain are used again."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into / "source", filter="data")
    (source,) = (into / "source").iterdir()
    ours, theirs = Cache(paths.cache_dir()), Cache(into / "cache")
    for there, here in (
        (theirs.go_mod, ours.go_mod),
        (theirs.place("go-toolchain", ""), ours.place("go-toolchain", "")),
    ):
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(here, target_is_directory=True)
    return build(uv, source, into / "dist", lock=lock, env={**env, paths.CACHE_VARIABLE: str(theirs.root)})


def same(first: Path, second: Path) -> None:
    """Both builds are the same bytes.

    Raises:
        Wrong: They are not; it names the files that differ.
    """
    if first.read_bytes() == second.read_bytes():
        return
    ours, theirs = contents(first), contents(second)
    odd = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    raise Wrong(f"{first.name} is not the same when it is built again: {', '.join(odd) or 'order, headers or doubles'}")


def contents(archive: Path) -> dict[str, bytes]:
    """The files of a wheel or an sdist, each by its path inside; an sdist's without the folder around them."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            return {name: file.read(name) for name in file.namelist()}
    with tarfile.open(archive) as file:
        read = {member.name: file.extractfile(member) for member in file.getmembers() if member.isfile()}
        return {name.partition("/")[2]: inside.read() for name, inside in read.items() if inside is not None}


def metadata(wheel: Path, sdist: Path, version: str) -> None:
    """Wheel and sdist say the same of themselves, as the Python package index takes it.

    Raises:
        Wrong: They do not.
    """
    told = []
    for archive, name in ((wheel, f"promdrill-{version}.dist-info/METADATA"), (sdist, "PKG-INFO")):
        text = contents(archive).get(name)
        if text is None:
            raise Wrong(f"{archive.name} has no {name}")
        try:
            told.append(Metadata.from_email(text, validate=True))
        except ExceptionGroup as error:
            wrong = "; ".join(str(each) for each in error.exceptions if isinstance(each, InvalidMetadata))
            raise Wrong(f"{archive.name}: {wrong or error}") from error
    for one in told:
        if (one.name, str(one.version), one.description_content_type) != ("promdrill", version, "text/markdown"):
            raise Wrong(f"the metadata are of {one.name} {one.version}, {one.description_content_type}")
    if told[0].as_rfc822().as_bytes() != told[1].as_rfc822().as_bytes():
        raise Wrong("wheel and sdist do not have the same metadata")
    if wheel.name != f"promdrill-{version}-py3-none-any.whl":
        raise Wrong(f"{wheel.name} is not for every machine")


def shipped(wheel: Path, folder: Path) -> dict[str, Path]:
    """The programs that the wheel carries, by their path in it, unpacked: each static, for the machine its path names.

    Raises:
        Wrong: One is missing, or is another; or there are more.
    """
    below = f"{DATA}/{programs.FOLDER}/"
    wanted = {f"{below}linux-{each}/{name}": each for each in programs.ARCHITECTURES for name in programs.NAMES}
    with zipfile.ZipFile(wheel) as file:
        found = {name for name in file.namelist() if name.startswith(below)}
        if found != wanted.keys():
            raise Wrong(f"{wheel.name} carries {sorted(found)}")
        there = {name: Path(file.extract(name, folder)) for name in sorted(wanted)}
    for name, path in there.items():
        try:
            seen = elf.read(path)
        except ValueError as error:
            raise Wrong(str(error)) from error
        if seen != elf.Elf(wanted[name], static=True):
            raise Wrong(f"{name}: {seen}")
    return there


def bill(uv: str, carried: Mapping[str, Path], version: str, *, source: Path, made_s: int) -> str:
    """The bill of materials; the programs in it were built with the pinned Go.

    Raises:
        Wrong: One was built with another Go.
    """
    exported = export(uv, source, "--no-dev", "--preview-features", "sbom-export", "--format", "cyclonedx1.5")
    go, shelf = toolchain.pinned(Cache(paths.cache_dir())), catalogue.load(source / "images")
    inside = []
    for place, path in carried.items():
        answer = shell.run([go.binary, "version", "-m", "-json", path], timeout_s=COMMAND_S, env=go.env).stdout
        info: dict[str, Any] = json.loads(answer)
        if info["GoVersion"] != go.version:
            raise Wrong(f"{place} was built with {info['GoVersion']} and not {go.version}")
        inside.append(sbom.Program(place, shelf.artefact(path.name).version, digest_of(path), info))
    return sbom.bill(json.loads(exported), version, inside, made_s=made_s)


def release(uv: str, source: Path, tag: str) -> None:
    """All of it, into dist/.

    Raises:
        PromdrillError: Something is not as it has to be.
    """
    text = (source / "CHANGELOG.md").read_text(encoding="utf-8")
    version = version_of(tag) if tag else changelog.newest(text)
    notes = changelog.section(text, version)
    made_s = int(shell.run(["git", "log", "-1", "--format=%ct"], timeout_s=COMMAND_S, cwd=source).stdout)
    env = {"SOURCE_DATE_EPOCH": str(made_s), **({} if tag else {PRETEND: version})}
    publish, beside = source / "dist" / "publish", source / "dist" / "release"
    for folder in (publish, beside):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="promdrill-release-") as name:
        scratch = Path(name)
        lock = scratch / "build.txt"
        lock.write_text(export(uv, source, "--only-group", "build", "--format", "requirements.txt"), encoding="utf-8")
        wheel, sdist = build(uv, source, publish, lock=lock, env=env)
        (publish / ".gitignore").unlink(missing_ok=True)  # of uv's
        if f"-{version}-" not in wheel.name:
            raise Wrong(f"{version} was to be built, and {wheel.name} was", hint="check out the tag, unchanged")
        metadata(wheel, sdist, version)
        carried = shipped(wheel, scratch / "wheel")
        materials = bill(uv, carried, version, source=source, made_s=made_s)
        components = sbom.check(materials, len(carried))
        for one, other in zip((wheel, sdist), again(uv, sdist, scratch, lock=lock, env=env), strict=True):
            same(one, other)
    (beside / "notes.md").write_text(notes + "\n", encoding="utf-8")
    (beside / "promdrill.cdx.json").write_text(materials, encoding="utf-8")
    files = [wheel, sdist, beside / "promdrill.cdx.json"]
    sums = "".join(f"{digest_of(path)}  {path.name}\n" for path in files)
    (beside / "SHA256SUMS").write_text(sums, encoding="utf-8")
    say(f"promdrill {version}: both builds are the same bytes, the metadata are valid, both programs are in the wheel "
        f"for {' and '.join(programs.ARCHITECTURES)}, the bill of materials has {components} components.")  # fmt: skip
    say(f"\n{notes}\n")
    say("Published would be:")
    for path in files:
        say(f"  {digest_of(path)}  {path.stat().st_size / 1e6:6.2f} MB  {path.relative_to(source)}")


def main() -> int:
    """Make the release, publish nothing; 0 when all holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tag", default="", help="the tag that is released, v1.2.3; it is checked out")
    parser.add_argument("--uv", default="uv", help="the uv to build with")
    arguments = parser.parse_args()
    os.umask(0o022)
    try:
        release(arguments.uv, paths.project_dir(), arguments.tag)
    except PromdrillError as error:
        say(f"promdrill: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

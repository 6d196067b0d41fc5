"""Everything that promdrill depends on, downloads or builds, part by part, from the files that pin it.

What only a built artefact tells (linked modules, Debian packages) is read from promdrill's cache, if it is there.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from promdrill.artefacts.cache import Cache, CacheEntry, tree_digest
from promdrill.core import shell
from promdrill.supply.build import catalogue, debian, toolchain
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.toolchain import Go
from release.dry import export

COMMAND_S = 120.0

GO_FOLDER = Path("release/go")
"""The module with the audit's own Go programs."""

OWN_MODULE = "promdrill.example/"
OWN_ACTION = "promdrill/promdrill"


@dataclass(frozen=True, slots=True)
class Part:
    """A dependency, or an artefact.

    Attributes:
        kind: What it is: `python`, `download`, `image`, `chart`, `recipe`, `go`, `debian`, `action`.
        name: Its name among those of its kind.
        version: Its version; empty if there is none.
        source: Its package URL.
        checksums: Of everything it may be used as, each ``<algorithm>:<value>``. ``h1`` is Go's own, of a module;
            ``tree`` is the SHA-256 of a file tree that it was unpacked into.
        used_by: The groups of dependencies or the artefacts that it belongs to.
    """

    kind: str
    name: str
    version: str
    source: str
    checksums: frozenset[str]
    used_by: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.version}".strip()


def merged(parts: Iterable[Part]) -> list[Part]:
    """The parts in order; what is the same but for who uses it is one."""
    found: dict[tuple[str, ...], Part] = {}
    for part in parts:
        key = (part.kind, part.name, part.version, part.source)
        old = found.setdefault(key, part)
        found[key] = Part(*key, old.checksums | part.checksums, old.used_by | part.used_by)
    return [found[key] for key in sorted(found)]


# --- Python --------------------------------------------------------------------------------------------------------


def python(uv: str, root: Path) -> Iterator[Part]:
    """The packages of uv.lock, with what pyproject.toml asks for them: `runtime`, an extra, or a group.

    Raises:
        CommandFailed: uv.lock is not pyproject.toml's, or uv is too old for this form.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {"runtime": ["--no-dev"]}
    asked |= {extra: ["--no-dev", "--extra", extra] for extra in project["project"].get("optional-dependencies", {})}
    asked |= {group: ["--only-group", group] for group in project["dependency-groups"]}
    for group, options in asked.items():
        text = export(uv, root, "--no-emit-project", "--format", "pylock.toml", *options)
        yield from locked(tomllib.loads(text), group)


def locked(lock: Mapping[str, Any], group: str) -> Iterator[Part]:
    """The packages of a pylock.toml (PEP 751)."""
    for each in lock.get("packages", ()):
        files = [*each.get("wheels", ()), *([each["sdist"]] if "sdist" in each else [])]
        sums = {f"{name}:{value}" for file in files for name, value in file.get("hashes", {}).items()}
        name, version = each["name"], each.get("version", "")
        source = PackageURL("pypi", None, name, version or None).to_string()
        yield Part("python", name, version, source, frozenset(sums), frozenset({group}))


# --- downloads -----------------------------------------------------------------------------------------------------


def pinned(pins: Mapping[str, Any]) -> Iterator[Part]:
    """What pins.toml names: programs and files by their address, images and charts."""
    addresses: Mapping[str, str] = pins["address"]
    for name, table in pins.items():
        if name in {"address", "member"}:
            continue
        for version, sums in table.items():
            if name == "image":
                repository, _, tag = version.rpartition(":")
                yield _image(repository, tag, sums)
            elif name == "node":
                yield _image("docker.io/kindest/node", f"v{version}", sums)
            elif name in addresses:
                for platform, value in sums.items() or {"": ""}.items():
                    yield _download(name, version, addresses[name], platform, value)
            else:
                source = PackageURL("helm", None, name, version).to_string()
                yield Part(
                    "chart", f"chart {name}", version, source, _sha256(sums.values()), frozenset({"registry supply"})
                )


def _download(name: str, version: str, address: str, platform: str, value: str) -> Part:
    system, _, architecture = platform.partition("-")
    url = address.format(version=version, system=system, architecture=architecture)
    source = PackageURL("generic", None, name, version, {"download_url": url}).to_string()
    return Part("download", name, version, source, _sha256([value]), frozenset({"registry supply"}))


def _image(repository: str, tag: str, sums: Mapping[str, str]) -> Part:
    digest = next(iter(sums.values()), "")
    where = {"repository_url": repository, "tag": tag}
    source = PackageURL("oci", None, repository.rpartition("/")[2], f"sha256:{digest}", where).to_string()
    return Part("image", repository, tag, source, _sha256([digest]), frozenset({"registry supply"}))


def _sha256(values: Iterable[str]) -> frozenset[str]:
    return frozenset(f"sha256:{value}" for value in values if value)


def go_toolchain() -> Part:
    """The Go that builds where PATH has none."""
    name, _, version = toolchain.WHEEL.partition("==")
    source = PackageURL("pypi", None, name, version).to_string()
    return Part("download", name, version, source, _sha256(toolchain.WHEEL_SHA256.values()), frozenset({"wheel"}))


def uv_itself(root: Path) -> Part:
    """The uv that makes the environment where PATH has none, as tools/uv.txt pins it."""
    text = (root / "tools/uv.txt").read_text(encoding="utf-8")
    version = next(iter(re.findall(r"^uv==(\S+)", text, re.MULTILINE)), "")
    source = PackageURL("pypi", None, "uv", version or None).to_string()
    return Part(
        "download", "uv", version, source, _sha256(re.findall(r"sha256:([0-9a-f]{64})", text)), frozenset({"make"})
    )


# --- what is built -------------------------------------------------------------------------------------------------


def recipe(artefact: catalogue.Artefact, root: Path) -> Part:
    """An entry of the catalogue: the folder that pins what it is made of."""
    folder = artefact.folder.relative_to(root).as_posix()
    source = PackageURL("generic", "promdrill", artefact.name, artefact.version, subpath=folder).to_string()
    sums = frozenset({f"tree:{tree_digest(artefact.folder)}"})
    return Part("recipe", artefact.name, artefact.version, source, sums, frozenset({"source supply"}))


def built(artefact: catalogue.Artefact, cache: Cache, go: Go) -> CacheEntry | None:
    """What its recipe made, if the cache has it."""
    if artefact.of_go:
        return cache.find(artefact.name, gobuild.key(artefact, go), only=())
    if artefact.debian:
        return cache.find(artefact.name, debian.key(artefact), only=())
    return None


def linked(binary: Path, go: Go, used_by: str) -> Iterator[Part]:
    """The Go modules in a program, as Go itself wrote them there; promdrill's own are recipes."""
    answer = shell.run([go.binary, "version", "-m", "-json", binary], timeout_s=COMMAND_S, env=go.env).stdout
    info = json.loads(answer)
    for module in (info.get("Main", {}), *info.get("Deps", ())):
        real = module.get("Replace", module)
        if not real.get("Path", OWN_MODULE).startswith(OWN_MODULE):
            yield _module(real["Path"], real.get("Version", ""), real.get("Sum", ""), used_by)


def required(folder: Path, go: Go, used_by: str) -> Iterator[Part]:
    """The Go modules that a folder's go.mod requires: those of which a build may need the content.

    For an indirect one without a sum of its content in go.sum, no build needs more than its go.mod.
    """
    answer = shell.run([go.binary, "mod", "edit", "-json"], timeout_s=COMMAND_S, env=go.env, cwd=folder).stdout
    asked = json.loads(answer)
    elsewhere = {each["Old"]["Path"]: each["New"] for each in asked.get("Replace") or ()}
    sums = go_sums(folder / "go.sum")
    for each in asked.get("Require") or ():
        real = elsewhere.get(each["Path"], each)
        value = sums.get((real["Path"], real.get("Version", "")), "")
        if value or not each.get("Indirect"):
            yield _module(real["Path"], real.get("Version", ""), value, used_by)


def go_sums(file: Path) -> dict[tuple[str, str], str]:
    """The sums of modules' content in a go.sum, by path and version."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    fields = [line.split() for line in lines]
    return {(path, version): value for path, version, value in fields if not version.endswith("/go.mod")}


def _module(path: str, version: str, go_sum: str, used_by: str) -> Part:
    namespace, _, name = path.rpartition("/")
    source = PackageURL("golang", namespace or None, name, version or None).to_string()
    return Part("go", path, version, source, frozenset({go_sum} if go_sum else ()), frozenset({used_by}))


def unpacked(entry: CacheEntry) -> Iterator[Part]:
    """The Debian packages of a tree. Their archive's signature vouches for them; what is recorded is the tree's sum."""
    manifest = entry.manifest
    sums = frozenset(f"tree:{digest}" for _, digest in manifest["files"].values())
    for each in manifest["packages"]:
        name, _, version = each.replace("%3a", ":").partition("_")
        source = PackageURL("deb", "debian", name, version or None, {"distro": manifest["suite"]}).to_string()
        yield Part("debian", name, version, source, sums, frozenset({entry.name}))


# --- CI ------------------------------------------------------------------------------------------------------------

_USES = re.compile(r"^[ -]*uses: *([\w.-]+/[\w.-]+)[\w./-]*(?:@(\S+))?(?: *# *(\S+))?", re.MULTILINE)


def actions(text: str, file: str) -> Iterator[Part]:
    """The GitHub Actions that a file uses, other than promdrill's own."""
    for name, pin, said in _USES.findall(text):
        if name != OWN_ACTION:
            commit = re.fullmatch(r"[0-9a-f]{40}", pin)
            owner, _, repository = name.partition("/")
            version = said if commit else pin
            source = PackageURL("github", owner, repository, pin or None).to_string()
            sums = frozenset({f"sha1:{pin}"} if commit else ())
            yield Part("action", name, version, source, sums, frozenset({file}))

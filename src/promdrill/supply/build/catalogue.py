"""The catalogue of everything that is built: images/catalogue.toml, read and checked.

Most entries are one version each, with a folder that pins it. A *family* stands for every version of a project that
the Go module proxy serves: its releases are built from their own go.mod and go.sum.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from promdrill.core.errors import SupplyError, UsageError

FILE_NAME = "catalogue.toml"

FAMILIES = "any"
"""The table of the families, one table below it for each."""

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-(?:rc|alpha|beta)\.?\d+)?")
"""A release of a family, as projects number them: without a leading v."""

_HOLES = {
    "{version}": f"(?P<version>{_VERSION.pattern})",
    "{minor:02}": r"(?P<minor>\d\d)",
    "{minor}": r"(?P<minor>\d\d?)",
    "{patch}": "(?P<patch>.+)",
}
"""What stands for a part of a version in `Family.numbers`, and what it matches in a module's version."""


@dataclass(frozen=True, slots=True)
class Image:
    """A container image made of an artefact's files.

    Attributes:
        name: The image's name in the cluster, without a tag.
        tag: Its tag.
        base: Debian artefacts whose trees lie beneath, in order.
        files: Path in the image to path in the artefact.
        entrypoint: Argv.
        user: User and group the process runs as, empty for root.
        workdir: Working folder.
    """

    name: str
    tag: str
    base: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    workdir: str = "/"

    @property
    def reference(self) -> str:
        """Name and tag."""
        return f"{self.name}:{self.tag}"


@dataclass(frozen=True, slots=True)
class NodeRecipe:
    """What a node image is made of: artefacts by name, the images that every cluster needs, and the name of pause's."""

    rootfs: str
    kind: str
    kubernetes: str
    containerd: str
    images: tuple[str, ...]
    pause: str


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a Go module, which is built as its project builds it: by its own go.mod and go.sum.

    Attributes:
        module: Path of the module.
        version: Its version there, with a leading v.
        stubs: Files that its release embeds and its module lacks, by their paths in it; they are empty here.
    """

    module: str
    version: str
    stubs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Path and version, as Go writes them."""
        return f"{self.module}@{self.version}"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One thing to build: an entry of the catalogue with its folder under images/, or a release of a family.

    Attributes:
        name: The entry's name.
        version: The version of the product, without a leading v.
        folder: The folder with its recipe; that of all recipes for a release, which has none.
        go: Main packages built in the folder's Go module, each to the name of its binary.
        stamps: Linker variables to their values (``-X``).
        tags: Go build tags.
        module: Go module whose files are copied into the artefact too.
        module_files: Path in the artefact to path in that module; a folder is copied whole.
        debian: mmdebstrap's variant for a tree of the Debian packages in the folder's packages.txt; empty for none.
        images: Container images made of it.
        node: Set when the artefact is a node image.
        release: Set when it is a release of a family.
    """

    name: str
    version: str
    folder: Path
    go: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    module: str = ""
    module_files: Mapping[str, str] = field(default_factory=dict)
    debian: str = ""
    images: tuple[Image, ...] = ()
    node: NodeRecipe | None = None
    release: Release | None = None

    @property
    def of_go(self) -> bool:
        """Whether it is made of Go modules: of programs, or of files of a module alone."""
        return bool(self.go or self.module)


@dataclass(frozen=True, slots=True)
class Family:
    """A project of which every version can be built that the Go module proxy serves.

    Attributes:
        name: The family's name. Its artefacts are called ``<name>-<version>``.
        module: Path of its Go module.
        go: As in `Artefact`, the main packages relative to the module: ``./cmd/prometheus``.
        image: Its image; the tag has ``{version}`` in it.
        variants: Further images of the same programs, likewise: without a shell, for one.
        numbers: How the module numbers a version, by the version's beginning (``3.``); the longest beginning counts.
            ``{minor:02}`` is the minor version with at least two digits. Without any, a version is the module's own.
        stamps: As in `Artefact`.
        tags: As in `Artefact`.
        stubs: As in `Release`.
    """

    name: str
    module: str
    go: Mapping[str, str]
    image: Image
    numbers: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    stubs: tuple[str, ...] = ()
    variants: tuple[Image, ...] = ()

    @property
    def images(self) -> tuple[Image, ...]:
        """All of its images; the usual one first."""
        return (self.image, *self.variants)

    def artefact(self, version: str, folder: Path) -> Artefact:
        """The artefact that is a release.

        Args:
            version: Without a leading v.
            folder: The folder of all recipes.
        """
        return Artefact(
            name=f"{self.name}-{version}",
            version=version,
            folder=folder,
            go=self.go,
            stamps={key: _filled(value, version) for key, value in self.stamps.items()},
            tags=self.tags,
            images=tuple(replace(image, tag=_filled(image.tag, version)) for image in self.images),
            release=Release(self.module, self.module_version(version), self.stubs),
        )

    def version_of(self, reference: str) -> str | None:
        """The version in a reference to one of the family's images; None if it is not one."""
        for image in self.images:
            before, after = image.reference.split("{version}")
            version = reference.removeprefix(before).removesuffix(after)
            if _VERSION.fullmatch(version) and f"{before}{version}{after}" == reference:
                return version
        return None

    @staticmethod
    def version_in(tag: str) -> str | None:
        """The version that a tag of any image of the project begins with; None if it has none."""
        found = re.match(rf"v?({_VERSION.pattern})(?![\d.])", tag)
        return found[1] if found else None

    def reference(self, version: str, like: str = "") -> str:
        """The reference of the image of a version.

        Args:
            version: Without a leading v.
            like: A tag; of its variant, if there is one.
        """
        ends = [image for image in self.variants if like.endswith(image.tag.partition("{version}")[2])]
        image = next(iter(ends), self.image)
        return f"{image.name}:{_filled(image.tag, version)}"

    def module_version(self, version: str) -> str:
        """The module's version of a release."""
        return _filled(self._number(version), version)

    def version(self, module_version: str) -> str | None:
        """The release that a version of the module is; None if it is none, as a pseudo-version is."""
        for start in sorted(self.numbers, key=len, reverse=True) or [""]:
            shape = re.escape(self._number(start))
            for hole, pattern in _HOLES.items():
                shape = shape.replace(re.escape(hole), pattern)
            found = re.fullmatch(shape, module_version)
            if found is None:
                continue
            named = found.groupdict()
            version = named.get("version") or f"{start}{int(named['minor'])}.{named['patch']}"
            return version if _VERSION.fullmatch(version) else None
        return None

    def _number(self, version: str) -> str:
        starts = [start for start in self.numbers if version.startswith(start)]
        return self.numbers[max(starts, key=len)] if starts else "v{version}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All artefacts by name, and all families.

    Attributes:
        artefacts: The artefacts with a folder of their own, by name.
        families: The families, by name.
        folder: The folder of all recipes.
    """

    artefacts: Mapping[str, Artefact]
    families: Mapping[str, Family] = field(default_factory=dict)
    folder: Path = Path()

    def artefact(self, name: str) -> Artefact:
        """The artefact of that name; nobody has asked whether a release of a family is served.

        Raises:
            SupplyError: There is none.
        """
        try:
            return self.artefacts[name]
        except KeyError:
            for family in self.families.values():
                version = name.removeprefix(f"{family.name}-")
                if version != name and _VERSION.fullmatch(version):
                    return family.artefact(version, self.folder)
            near = difflib.get_close_matches(name, self.artefacts, 1)
            raise SupplyError(
                f"images/{FILE_NAME} has no artefact {name!r}", hint=f"the nearest is {near[0]!r}" if near else ""
            ) from None

    def image(self, reference: str) -> tuple[Artefact, Image]:
        """The artefact and the image that a reference ``name:tag`` names.

        Raises:
            SupplyError: No entry makes it.
        """
        for artefact in self.artefacts.values():
            for image in artefact.images:
                if image.reference == reference:
                    return artefact, image
        for family in self.families.values():
            version = family.version_of(reference)
            if version is not None:
                artefact = family.artefact(version, self.folder)
                return artefact, next(image for image in artefact.images if image.reference == reference)
        raise SupplyError(f"images/{FILE_NAME} makes no image {reference}")

    def references(self) -> tuple[str, ...]:
        """References of all images that can be made, without those of families."""
        return tuple(image.reference for artefact in self.artefacts.values() for image in artefact.images)

    def kubernetes_versions(self) -> tuple[str, ...]:
        """Versions that a node image can be built for, newest first."""
        found = [a.version for a in self.artefacts.values() if a.node]
        return tuple(sorted(found, key=lambda v: tuple(map(int, v.split("."))), reverse=True))

    def helm_versions(self) -> tuple[str, ...]:
        """Major versions of Helm that can be built, newest first."""
        names = (name.removeprefix("helm-") for name in self.artefacts if name.startswith("helm-"))
        return tuple(sorted(names, reverse=True))


def load(images_dir: Path) -> Catalogue:
    """Read the catalogue in `images_dir`.

    Raises:
        UsageError: It is not TOML, has an unknown key, or names a folder that does not exist.
    """
    path = images_dir / FILE_NAME
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    families = {name: _family(path, name, table) for name, table in tables.pop(FAMILIES, {}).items()}
    artefacts = {name: _artefact(path, images_dir, name, table) for name, table in tables.items()}
    return Catalogue(artefacts, families, images_dir)


def _family(path: Path, name: str, table: dict[str, Any]) -> Family:
    where = f"{FAMILIES}.{name}"
    _known(path, where, table, Family, required=("module", "go", "image"))
    # its tag stays a template: `_image` fills nothing in for a version that is one
    image, *variants = [_image(path, where, "{version}", each) for each in (table["image"], *table.get("variants", ()))]
    for each in (image, *variants):
        if each.tag.count("{version}") != 1 or (each is not image and each.tag.endswith("{version}")):
            raise UsageError(
                f"{path}: [{where}.image]: tag {each.tag!r} does not contain {{version}} once"
                + ("" if each is image else ", with something behind it")
            )
    given = {**table, "name": name, "image": image, "variants": tuple(variants)}
    return Family(**{**given, "stubs": tuple(table.get("stubs", ()))})


def _artefact(path: Path, images_dir: Path, name: str, table: dict[str, Any]) -> Artefact:
    _known(path, name, table, Artefact, required=("version",))
    folder = images_dir / str(table.get("folder", name))
    if not folder.is_dir():
        raise UsageError(f"{path}: [{name}]: no such folder: {folder}")
    version = str(table["version"])
    go = {package: _filled(binary, version) for package, binary in table.get("go", {}).items()}
    images = tuple(_image(path, name, version, entry) for entry in table.get("images", ()))
    node = table.get("node")
    return Artefact(
        name=name,
        version=version,
        folder=folder,
        go=go,
        stamps={key: _filled(value, version) for key, value in table.get("stamps", {}).items()},
        tags=table.get("tags", ""),
        module=table.get("module", ""),
        module_files=table.get("module_files", {}),
        debian=table.get("debian", ""),
        images=images,
        node=NodeRecipe(**{**node, "images": tuple(node["images"])}) if node else None,
    )


def _image(path: Path, name: str, version: str, table: dict[str, Any]) -> Image:
    _known(path, f"{name}.images", table, Image, required=("name", "tag"))
    return Image(
        name=table["name"],
        tag=_filled(table["tag"], version),
        base=tuple(table.get("base", ())),
        files=table.get("files", {}),
        entrypoint=tuple(table.get("entrypoint", ())),
        user=table.get("user", ""),
        workdir=table.get("workdir", "/"),
    )


def _filled(text: str, version: str) -> str:
    major, minor, *rest = [*version.split("."), "0"]
    for name, value in {"version": version, "major": major, "minor:02": f"{minor:0>2}", "minor": minor}.items():
        text = text.replace(f"{{{name}}}", value)
    return text.replace("{patch}", ".".join(rest[:-1]))


def _known(
    path: Path, where: str, table: dict[str, Any], kind: type[Artefact | Image | Family], *, required: tuple[str, ...]
) -> None:
    allowed = {field.name for field in fields(kind)} - (set() if kind is Image else {"name", "release"})
    for name in required:
        if name not in table:
            raise UsageError(f"{path}: [{where}]: {name!r} is missing")
    unknown = sorted(set(table) - allowed)
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(allowed), 1)
        raise UsageError(
            f"{path}: [{where}]: unknown key {unknown[0]!r}", hint=f"did you mean {near[0]!r}?" if near else ""
        )

"""The catalogue of everything that is built: images/catalogue.toml, read and checked."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from promdrill.core.errors import SupplyError, UsageError

FILE_NAME = "catalogue.toml"


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
    """What a node image is assembled from: artefacts by name, the images it holds, and the pause image's reference."""

    rootfs: str
    kind: str
    kubernetes: str
    containerd: str
    images: tuple[str, ...]
    pause: str


@dataclass(frozen=True, slots=True)
class Artefact:
    """One entry of the catalogue: a folder under images/ and how it is built.

    Attributes:
        name: The entry's name.
        version: The version of the product, without a leading v.
        folder: The folder with its recipe.
        go: Main packages built in the folder's Go module, each to the name of its binary.
        stamps: Linker variables to their values (``-X``).
        tags: Go build tags.
        module: Go module whose files are copied into the artefact too.
        module_files: Path in the artefact to path in that module; a folder is copied whole.
        debian: mmdebstrap's variant for a tree of the Debian packages in the folder's packages.txt; empty for none.
        images: Container images made of it.
        node: Set when the artefact is a node image.
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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All artefacts by name."""

    artefacts: Mapping[str, Artefact]

    def artefact(self, name: str) -> Artefact:
        """The artefact of that name.

        Raises:
            SupplyError: There is none.
        """
        try:
            return self.artefacts[name]
        except KeyError:
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
        raise SupplyError(f"images/{FILE_NAME} makes no image {reference}")

    def references(self) -> tuple[str, ...]:
        """References of all images that can be made."""
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
    return Catalogue({name: _artefact(path, images_dir, name, table) for name, table in tables.items()})


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
    major, minor, *_ = [*version.split("."), "0"]
    return text.replace("{version}", version).replace("{major}", major).replace("{minor}", minor)


def _known(
    path: Path, where: str, table: dict[str, Any], kind: type[Artefact | Image], *, required: tuple[str, ...]
) -> None:
    allowed = {field.name for field in fields(kind)}
    for name in required:
        if name not in table:
            raise UsageError(f"{path}: [{where}]: {name!r} is missing")
    unknown = sorted(set(table) - allowed)
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(allowed), 1)
        raise UsageError(
            f"{path}: [{where}]: unknown key {unknown[0]!r}", hint=f"did you mean {near[0]!r}?" if near else ""
        )

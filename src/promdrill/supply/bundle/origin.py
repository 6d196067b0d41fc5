"""Where the parts of a bundle come from, in words: Go modules, Debian packages, addresses and digests, folders."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promdrill
from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.core.errors import SupplyError
from promdrill.supply.build import debian
from promdrill.supply.build.catalogue import Artefact, Catalogue
from promdrill.supply.bundle.manifest import Inside
from promdrill.supply.pull import registry

_REQUIRED = re.compile(r"^\s*(?:require\s+)?([\w./~-]+)\s+(v\S+)\s*$", re.MULTILINE)
"""A direct requirement in go.mod; indirect ones have a comment."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from.

    Attributes:
        version: Its version; empty if unknown.
        origin: In words.
    """

    version: str
    origin: str


@dataclass(frozen=True, slots=True)
class Origins:
    """Finds out where things come from.

    Attributes:
        catalogue: What the source supply builds.
        cache: Where things are kept, with notes on each.
    """

    catalogue: Catalogue
    cache: Cache

    def tool(self, name: str, program: Path) -> Origin:
        """The origin of kind, kubectl or helm: from the cache, or the one on PATH."""
        found, notes = self._file(program), self._notes(program)[1]
        if found is not None and "toolchain" in notes:
            return Origin(found.version, f"{found.origin}, built with {notes['toolchain']}")
        return found or Origin(registry.version_of(name, program) or "", "the program on PATH where this was made")

    def file(self, path: Path) -> Origin:
        """The origin of a manifest from the cache."""
        return self._file(path) or Origin("", f"{path.name} on the machine where this was made")

    def chart(self, path: Path, version: str) -> Origin:
        """The origin of a chart: pulled, promdrill's own, a copy with other subcharts, or the user's."""
        found = self._file(path)
        if found is not None:
            return Origin(version, found.origin)
        if path == paths.own_chart():
            return Origin(version, f"promdrill {promdrill.__version__}, {path.relative_to(paths.project_dir())}")
        return Origin(version, f"{path.name} on the machine where this was made")

    def archive(self, path: Path, images: tuple[str, ...]) -> Origin:
        """The origin of a docker archive with these images."""
        notes = self._notes(path)[1]
        version = ", ".join(reference.rpartition(":")[2] for reference in images)
        if "from" in notes:
            digest = "" if notes["digest"] in notes["from"] else f", {notes['digest']}"
            return Origin(version, f"pulled from {notes['from']}{digest}")
        return Origin(version, "; ".join(dict.fromkeys(self.image(reference) for reference in images)))

    def image(self, reference: str) -> str:
        """The origin of an image of the catalogue."""
        try:
            artefact, image = self.catalogue.image(reference)
        except SupplyError:
            return "not in promdrill's catalogue"
        parts = [artefact.name] if image.files else []
        return "; ".join(self.artefact(name) for name in (*parts, *image.base))

    def artefact(self, name: str) -> str:
        """The origin of an artefact of the catalogue."""
        artefact = self.catalogue.artefact(name)
        return _modules(artefact) if artefact.of_go else self._packages(artefact)

    def node(self, kubernetes: str, supply: str) -> tuple[Inside, ...]:
        """What promdrill's own node image holds; nothing is known about a pulled one."""
        if supply != "source":
            return ()
        recipe = self.catalogue.artefact(f"node-{kubernetes}").node
        if recipe is None:
            return ()
        parts = {
            "root file system": recipe.rootfs,
            "kind's node files": recipe.kind,
            "kubeadm, kubectl, kubelet": recipe.kubernetes,
            "containerd": recipe.containerd,
        }
        return (
            *(Inside(what, self.artefact(name)) for what, name in parts.items()),
            *(Inside(reference, self.image(reference)) for reference in recipe.images),
        )

    def _file(self, path: Path) -> Origin | None:
        name, notes = self._notes(path)
        version = str(notes.get("version", ""))
        if "address" in notes:
            origin = f"{notes['address']}, SHA-256 {notes['sha256']}" if "sha256" in notes else notes["address"]
            return Origin(version, origin)
        if name == "chart-copy":
            return Origin(version, " ".join(["a copy of the requested chart.", *notes.get("notes", ())]))
        if name in self.catalogue.artefacts:
            return Origin(version, self.artefact(name))
        return None

    def _notes(self, path: Path) -> tuple[str, dict[str, Any]]:
        """The name of a file's cache entry, and the notes on it; empty for a file that is not in the cache."""
        artefacts = self.cache.root / "artefacts"
        if not path.is_relative_to(artefacts):
            return "", {}
        name, key, *_ = path.relative_to(artefacts).parts
        file = artefacts / name / key / "manifest.json"
        try:
            loaded = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return name, {}
        return name, loaded if isinstance(loaded, dict) else {}

    def _packages(self, artefact: Artefact) -> str:
        folder = self.cache.place(artefact.name, debian.key(artefact))
        packages = self._notes(folder / "files")[1].get("packages")
        listed = [name.replace("%3a", ":") for name in packages] if packages else debian.packages(artefact)
        return f"Debian {debian.SUITE}: {', '.join(listed)}"


def references(path: Path) -> tuple[str, ...]:
    """References of the images in a docker archive.

    Raises:
        SupplyError: It is not a docker archive.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            listed = tar.extractfile("manifest.json")
            entries = json.load(listed) if listed is not None else []
        return tuple(tag for entry in entries for tag in entry["RepoTags"] or ())
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise SupplyError(f"{path} is not a docker archive: {error}") from error


def _modules(artefact: Artefact) -> str:
    """The Go modules of an artefact's programs and files, with their versions."""
    if artefact.release is not None:
        return f"Go module {artefact.release.module} {artefact.release.version}"
    required = dict(_REQUIRED.findall((artefact.folder / "go.mod").read_text(encoding="utf-8")))
    named = list(dict.fromkeys(f"{name} {version}" for name, version in _behind(artefact, required)))
    if not named:  # the program is promdrill's own
        return f"promdrill {promdrill.__version__}, images/{artefact.folder.name}"
    return f"Go module{'s' if len(named) > 1 else ''} {', '.join(named)}"


def _behind(artefact: Artefact, required: dict[str, str]) -> Iterator[tuple[str, str]]:
    for package in filter(None, [*artefact.go, artefact.module]):
        found = [name for name in required if f"{package}/".startswith(f"{name}/")]
        if found:
            yield max(found, key=len), required[max(found, key=len)]
        elif len(required) == 1:  # a few lines of promdrill's own around one program, as for CoreDNS and its plugins
            yield from required.items()

"""What a bundle says of itself: what is in it, origin each part comes, and for which request it was made.

A bundle is a plain tar archive. Its members, in this order and no others:

    manifest.json         this list
    SHA256SUMS            sums of the manifest and of all parts, for ``sha256sum --check``
    tools/...             kind, kubectl, helm
    local-path-storage.yaml, bundle.yaml
    chart/<name>.tgz      as ``helm package`` writes it
    images/<name>.tar.gz  docker archives that a cluster loads
    node.tar.gz           the node image, as ``docker save`` writes it
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from promdrill.core import paths
from promdrill.core.errors import UsageError

SCHEMA = 1
"""The form that is written, and the newest that is read."""

MARK = "promdrill-bundle"
"""Key of the form's number: by it a bundle is known."""

MANIFEST, SUMS, NODE = "manifest.json", "SHA256SUMS", "node.tar.gz"

PROVISIONER, CRDS = "local-path-storage.yaml", "bundle.yaml"

TOOLS = ("kind", "kubectl", "helm")

LARGEST_MANIFEST_BYTES = 16 << 20
"""Far above any: 20 kB were seen."""

BLOCK_BYTES = 512
"""Tar's unit."""

_PATHS = re.compile(
    r"tools/(kind|kubectl|helm)|[a-z-]+\.yaml|chart/[\w.+-]+\.tgz|images/[\w.-]+\.tar\.gz|node\.tar\.gz"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HINT = f"copy it again; {paths.command('bundle')} writes one"


@dataclass(frozen=True, slots=True)
class Part:
    """One file in a bundle.

    Attributes:
        path: Its name in the bundle.
        size_bytes: Its size there.
        sha256: SHA-256 of its content there, in hexadecimal.
        unpacked_bytes: Its size where it is used: more than in the bundle when it is compressed there.
        what: What it is.
        version: Its version; empty where none is known.
        origin: Where it comes from.
        images: References of the images in it.
    """

    path: str
    size_bytes: int
    sha256: str
    unpacked_bytes: int
    what: str
    version: str = ""
    origin: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inside:
    """Something in the node image.

    Attributes:
        what: Reference of an image, or what else it is.
        origin: Where it comes from.
    """

    what: str
    origin: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for when the bundle was made; None for what was not.

    Attributes:
        chart: CHART.
        version: CHART_VERSION.
        repo: REPO.
        kubernetes: KUBE_VERSION; another may have been the nearest.
        subcharts: SUBCHARTS.
    """

    chart: str | None
    version: str | None
    repo: str | None
    kubernetes: str
    subcharts: str = "on"


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a bundle says of itself.

    Attributes:
        promdrill: Version of the promdrill that wrote it.
        made: When, UTC, ISO 8601.
        architecture: `amd64` or `arm64`.
        supply: Where its parts were had from: `source` or `registry`.
        restricted: Whether the node image was made for machines without CAP_SYS_RESOURCE; it then runs on all.
        own_network: Whether the node image brings its own CNI configuration, which kind must not overwrite.
        kubernetes: Version of the cluster, without a leading v.
        helm: Major version of Helm.
        node_image: Reference of the node image.
        chart: Name of the chart.
        chart_version: Its version.
        chart_digests: `promdrill.helm.source.files.digest` of the chart as it was typed and as it was used.
        app_version: Version of the Prometheus that the chart installs; empty when it is not known.
        asked: What was asked for.
        image_values: As in `promdrill.supply.supplied.Supplied`.
        images: References of all images in it: in the node image and beside it.
        remarks: As in `promdrill.supply.supplied.Supplied`.
        inside: What the node image holds.
        parts: The files.
    """

    promdrill: str
    made: str
    architecture: str
    supply: str
    restricted: bool
    own_network: bool
    kubernetes: str
    helm: str
    node_image: str
    chart: str
    chart_version: str
    chart_digests: tuple[str, ...]
    app_version: str
    asked: Asked
    image_values: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    inside: tuple[Inside, ...] = ()
    parts: tuple[Part, ...] = ()

    def encoded(self) -> bytes:
        """As manifest.json."""
        return (json.dumps({MARK: SCHEMA, **asdict(self)}, indent=1) + "\n").encode()

    def sums(self, own: str) -> bytes:
        """As SHA256SUMS; `own` is the manifest's own sum."""
        lines = [f"{own}  {MANIFEST}", *(f"{part.sha256}  {part.path}" for part in self.parts)]
        return ("\n".join(lines) + "\n").encode()

    def part(self, path: str) -> Part:
        """The part of that name.

        Raises:
            UsageError: There is none.
        """
        for part in self.parts:
            if part.path == path:
                return part
        raise UsageError(f"the bundle holds no {path}", hint=_HINT)

    @property
    def chart_part(self) -> Part:
        """The chart."""
        return next(part for part in self.parts if part.path.startswith("chart/"))

    @property
    def archives(self) -> tuple[Part, ...]:
        """Images that a cluster loads."""
        return tuple(part for part in self.parts if part.path.startswith("images/"))


def decoded(content: bytes, said: str) -> Manifest:
    """Read a manifest.json.

    Args:
        content: Its bytes.
        said: What messages call the bundle.

    Raises:
        UsageError: It is none, is of a form that this promdrill does not know, or cannot be true.
    """
    try:
        table = json.loads(content)
        form = table.pop(MARK)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise no_bundle(said, f"its {MANIFEST} is none") from error
    if form != SCHEMA:
        by = table.get("promdrill", "another one") if isinstance(table, dict) else "another one"
        hint = f"{paths.command('bundle')} with this promdrill, or run the one that wrote it"
        raise UsageError(f"{said}: written in form {form} by promdrill {by}; this one reads form {SCHEMA}", hint=hint)
    try:
        found = _manifest(table)
        _check(found)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise UsageError(f"{said}: damaged: {MANIFEST} does not fit ({error})", hint=_HINT) from error
    return found


def no_bundle(said: str, why: str) -> UsageError:
    """The error for a file that is something else."""
    return UsageError(
        f"{said}: no bundle of promdrill: {why}", hint=f"BUNDLE=<file that {paths.command('bundle')} wrote>"
    )


def block(size_bytes: int) -> int:
    """Bytes that a member of that size takes in a tar archive, header and all."""
    return BLOCK_BYTES * (1 + -(-size_bytes // BLOCK_BYTES))


def _manifest(table: Mapping[str, Any]) -> Manifest:
    unknown = set(table) - {item.name for item in fields(Manifest)}
    if unknown:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}")
    parts = tuple(Part(**{**part, "images": tuple(part["images"])}) for part in table["parts"])
    lists = {name: tuple(table[name]) for name in ("chart_digests", "images", "remarks")}
    inside = tuple(Inside(**item) for item in table["inside"])
    return Manifest(**{**table, **lists, "asked": Asked(**table["asked"]), "inside": inside, "parts": parts})


def _check(found: Manifest) -> None:
    """Refuse what could harm: a name is one of ours and stands there once, a size is a number."""
    names = [part.path for part in found.parts]
    for part in found.parts:
        if not _PATHS.fullmatch(part.path):
            raise ValueError(f"{part.path!r} is no name of a part")
        if not _SHA256.fullmatch(part.sha256):
            raise ValueError(f"the sum of {part.path} is none")
        if not (isinstance(part.size_bytes, int) and isinstance(part.unpacked_bytes, int) and part.size_bytes >= 0):
            raise ValueError(f"the size of {part.path} is none")
    if len(set(names)) != len(names):
        raise ValueError("a part is named twice")
    wanted = {*(f"tools/{tool}" for tool in TOOLS), PROVISIONER, CRDS, NODE}
    if not wanted <= set(names):
        raise ValueError(f"it names no {', '.join(sorted(wanted - set(names)))}")
    if sum(name.startswith("chart/") for name in names) != 1:
        raise ValueError("it names not one chart")

"""A bundle's manifest: what the bundle holds, where each part came from, and the request it was made for.

A bundle is a plain tar archive. Its members, in this order and no others:

    manifest.json         this manifest
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
from dataclasses import asdict, dataclass, field
from typing import Any

from promdrill.core import paths, records
from promdrill.core.errors import UsageError, shortened
from promdrill.core.records import Misfit

SCHEMA = 1
"""The format that is written, and the newest that can be read."""

MARK = "promdrill-bundle"
"""Key of the format's number, which identifies a bundle."""

MANIFEST, SUMS, NODE = "manifest.json", "SHA256SUMS", "node.tar.gz"

PROVISIONER, CRDS = "local-path-storage.yaml", "bundle.yaml"

TOOLS = ("kind", "kubectl", "helm")

LARGEST_MANIFEST_BYTES = 16 << 20
"""Largest manifest in bytes, far above the 20 kB that were seen."""

BLOCK_BYTES = 512
"""Tar's block size."""

_PATHS = re.compile(
    r"tools/(kind|kubectl|helm)|[a-z-]+\.yaml|chart/[\w.+-]+\.tgz|images/[\w.-]+\.tar\.gz|node\.tar\.gz"
)
_SHOWN, _LONGEST = 40, 200  # characters of a version, and of what does not fit
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HINT = f"copy it again; {paths.command('bundle')} writes one"


@dataclass(frozen=True, slots=True)
class Part:
    """One file in a bundle.

    Attributes:
        path: Its name in the bundle.
        size_bytes: Its size in the bundle.
        sha256: SHA-256 of its content in the bundle, in hexadecimal.
        unpacked_bytes: Its size once unpacked: larger if the bundle holds it compressed.
        what: What it is.
        version: Its version; empty if unknown.
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
        what: Reference of an image, or a description of anything else.
        origin: Where it comes from.
    """

    what: str
    origin: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What was requested when the bundle was made; None for what was not.

    Attributes:
        chart: CHART.
        version: CHART_VERSION.
        repo: REPO.
        kubernetes: KUBE_VERSION as requested; the bundle may hold the nearest one.
        subcharts: SUBCHARTS.
    """

    chart: str | None
    version: str | None
    repo: str | None
    kubernetes: str
    subcharts: str = "on"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a bundle's manifest.json.

    Attributes:
        promdrill: Version of the promdrill that wrote it.
        made: When, UTC, ISO 8601.
        architecture: `amd64` or `arm64`.
        supply: Where its parts came from: `source` or `registry`.
        restricted: Whether the node image was made for machines without CAP_SYS_RESOURCE; it then runs on any machine.
        own_network: Whether the node image brings its own CNI configuration, which kind must not overwrite.
        kubernetes: Version of the cluster, without a leading v.
        helm: Major version of Helm.
        node_image: Reference of the node image.
        chart: Name of the chart.
        chart_version: Its version.
        chart_digests: `promdrill.helm.source.files.digest` of the chart as it was typed and as it was used.
        app_version: Version of the Prometheus that the chart installs; empty if unknown.
        asked: What was requested.
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
        raise UsageError(f"the bundle has no {path}", hint=_HINT)

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
        said: The bundle's name in messages.

    Raises:
        UsageError: It is not a manifest, has a format that this promdrill does not know, or is inconsistent.
    """
    try:
        table = records.parse(content)
    except Misfit as error:
        raise no_bundle(said, f"its {MANIFEST} {error}") from error
    form = table.pop(MARK, None) if isinstance(table, dict) else None
    if type(form) is not int:
        raise no_bundle(said, f"its {MANIFEST} is not a manifest")
    if form != SCHEMA:
        by = shortened(str(table.get("promdrill", "another one")), _SHOWN)
        hint = f"{paths.command('bundle')} with this promdrill, or run the one that wrote it"
        written = f"bundle format {form}, written by promdrill {by}"
        raise UsageError(f"{said}: {written}; this version reads format {SCHEMA}", hint=hint)
    try:
        found = records.load(Manifest, table, exact=True)
        _check(found)
    except Misfit as error:
        why = shortened(str(error), _LONGEST)
        raise UsageError(f"{said}: damaged: {MANIFEST} is not valid ({why})", hint=_HINT) from error
    return found


def no_bundle(said: str, why: str) -> UsageError:
    """The error for a file that is not a bundle."""
    return UsageError(
        f"{said}: not a promdrill bundle: {why}", hint=f"BUNDLE=<file that {paths.command('bundle')} wrote>"
    )


def block(size_bytes: int) -> int:
    """Bytes that a member of that size takes in a tar archive, header included."""
    return BLOCK_BYTES * (1 + -(-size_bytes // BLOCK_BYTES))


def _check(found: Manifest) -> None:
    """Raise `Misfit` for anything harmful: a name that is not a known one or appears twice, an impossible size."""
    names = [part.path for part in found.parts]
    for part in found.parts:
        if not _PATHS.fullmatch(part.path):
            raise Misfit(f"{part.path!r} is not a valid part name")
        if not _SHA256.fullmatch(part.sha256):
            raise Misfit(f"{part.path} has no valid SHA-256")
        if part.size_bytes < 0 or part.unpacked_bytes < 0:
            raise Misfit(f"{part.path} has no valid size")
    if len(set(names)) != len(names):
        raise Misfit("a part is listed twice")
    wanted = {*(f"tools/{tool}" for tool in TOOLS), PROVISIONER, CRDS, NODE}
    if not wanted <= set(names):
        raise Misfit(f"it does not list {', '.join(sorted(wanted - set(names)))}")
    if sum(name.startswith("chart/") for name in names) != 1:
        raise Misfit("it must list exactly one chart")

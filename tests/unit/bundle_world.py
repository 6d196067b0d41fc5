"""A small bundle, made of files that were written for a test, and an engine that knows three commands."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.unit.charts_world import chart, packed

from promdrill.artefacts.cache import Cache, key_of
from promdrill.core.shell import Completed
from promdrill.supply.build import archive
from promdrill.supply.bundle import unpack
from promdrill.supply.bundle.manifest import MANIFEST, SUMS, Manifest
from promdrill.supply.engine.lifecycle import Engine
from promdrill.supply.supplied import Supplied, SupplyRequest, Tools

NODE = "promdrill/node:v1.36.3-0123456789ab"
NODE_BYTES = b"a node image, as docker save writes it" * 4000
PROMETHEUS = "quay.io/prometheus/prometheus:v3.14.0"
IN_NODE = "quay.io/prometheus/node-exporter:v1.9.1"


class Docker(Engine):
    """An engine that tells an image's size, whether it has one, and loads one."""

    def __init__(self, *images: str, gives: str = NODE, **facts: Any) -> None:
        super().__init__("28", ours=False, **facts)
        object.__setattr__(self, "images", {*images})
        object.__setattr__(self, "gives", gives)
        object.__setattr__(self, "loaded", [])

    def docker(self, *arguments: Any, timeout_s: float, **options: Any) -> Completed:
        assert timeout_s > 0
        match [str(argument) for argument in arguments]:
            case ["image", "inspect", "--format", "{{.Size}}", image]:
                assert image in self.images  # type: ignore[attr-defined]
                return Completed((), 0, f"{len(NODE_BYTES)}\n", "", 0.0)
            case ["image", "inspect", "--format", "{{.Id}}", image]:
                assert options == {"ok": (0, 1)}
                return Completed((), 0 if image in self.images else 1, "", "", 0.0)  # type: ignore[attr-defined]
            case ["load", "--quiet", "--input", file]:
                self.loaded.append(gzip.decompress(Path(file).read_bytes()))  # type: ignore[attr-defined]
                self.images.add(self.gives)  # type: ignore[attr-defined]
                return Completed((), 0, "", "", 0.0)
            case unexpected:
                raise AssertionError(f"unexpected: docker {unexpected}")

    @property
    def taken(self) -> list[bytes]:
        """What was loaded, unpacked."""
        return list(self.loaded)  # type: ignore[attr-defined]


class Noon:
    """A clock that stands still."""

    def monotonic(self) -> float:
        return 0.0

    def utc(self) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class World:
    """Two machines: one that makes bundles, one that has nothing but them.

    Attributes:
        folder: Where all of it is.
        said: What was said, on both.
    """

    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "b.tar"

    @property
    def here(self) -> Cache:
        """The cache where bundles are made."""
        return Cache(self.folder / "here")

    @property
    def there(self) -> Cache:
        """The cache where they are used."""
        return Cache(self.folder / "there")

    def entry(self, name: str, file: str, content: bytes, **notes: Any) -> Path:
        """A file in the cache, with notes on it."""

        def make(into: Path) -> Mapping[str, Any]:
            (into / file).write_bytes(content)
            (into / file).chmod(0o755)
            return notes

        made: Callable[[Path], dict[str, Any]] = lambda into: dict(make(into))  # noqa: E731
        return self.here.build(name, key_of([name, file]), made).files / file

    def supplied(self, **changes: Any) -> Supplied:
        """As the source supply gives it, with one image that the node image does not hold."""
        layer = archive.write_layer(self.folder / "layer.tar", {"/bin/prometheus": Path(__file__)})
        image = self.folder / "image.tar"
        archive.write(image, [archive.image(PROMETHEUS, [layer], architecture="amd64")])
        kept = self.entry("image-prometheus-3.14", "image.tar", image.read_bytes(), reference=PROMETHEUS)
        tgz = packed(chart(self.folder / "chart"), self.folder / "prometheus-25.8.0.tgz", root="prometheus")
        tools = {
            name: self.entry(entry, name, f"#!{name}".encode(), version=version, toolchain="go1.26.8")
            for name, entry, version in (
                ("kind", "kind", "0.33.0"),
                ("kubectl", "kubernetes-1.36.3", "1.36.3"),
                ("helm", "helm-4", "4.3.1"),
            )
        }
        found = Supplied(
            name="source",
            why="",
            tools=Tools(**tools),
            kubernetes="1.36.3",
            node_image=NODE,
            chart=tgz,
            provisioner=self.entry("local-path-provisioner", "local-path-storage.yaml", b"a: b\n", version="0.0.30"),
            crds=self.entry("prometheus-operator-crds", "bundle.yaml", b"c: d\n", version="0.72.0"),
            archives=(kept,),
            image_values={"server": {"image": {"tag": "v3.14.0"}}},
            kind_patch={"networking": {"disableDefaultCNI": True}},
            images=(IN_NODE,),
            app_version="3.14.0",
            remarks=("The nearest runs instead.",),
        )
        return replace(found, **changes)

    def write(self, supplied: Supplied | None = None, request: SupplyRequest | None = None, **more: Any) -> Manifest:
        """Write the bundle."""
        options = {"engine": Docker(NODE), "save": save, "clock": Noon(), "cache": self.here, "say": self.said.append}
        return unpack.write(supplied or self.supplied(), request or SupplyRequest(), self.file, **{**options, **more})

    def open(self, request: SupplyRequest | None = None, *, engine: Engine | None = None, **more: Any) -> Supplied:
        """Use it where nothing else is."""
        running = engine or Docker()
        wanted = request or SupplyRequest()
        return unpack.open_(
            self.file, wanted, cache=self.there, say=self.said.append, ensure=lambda **_: running, **more
        )


def save(image: str, into: Callable[[bytes], None]) -> None:
    """As `docker save`, in two pieces."""
    assert image == NODE
    into(NODE_BYTES[:1000])
    into(NODE_BYTES[1000:])


def members(file: Path) -> list[tuple[str, bytes]]:
    """Names and contents, in their order."""
    with tarfile.open(file) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def rewrite(file: Path, content: list[tuple[str, bytes]], *, also: tarfile.TarInfo | None = None) -> None:
    """An archive with exactly these members, and perhaps one that is no file."""
    with tarfile.open(file, "w:", format=tarfile.GNU_FORMAT) as tar:
        for name, text in content:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
        if also is not None:
            tar.addfile(also)


def forge(file: Path, change: Callable[[dict[str, Any]], None], *, parts: Mapping[str, bytes] | None = None) -> None:
    """A bundle whose list says something else, with sums that fit it again, as one who means harm would write it."""
    content = dict(members(file))
    table = json.loads(content[MANIFEST])
    content.update(parts or {})
    change(table)
    content[MANIFEST] = json.dumps(table).encode()
    lines = [f"{sha256(content[MANIFEST]).hexdigest()}  {MANIFEST}"]
    lines += [f"{part['sha256']}  {part['path']}" for part in table["parts"] or ()]
    content[SUMS] = ("\n".join(lines) + "\n").encode()
    rewrite(file, list(content.items()))

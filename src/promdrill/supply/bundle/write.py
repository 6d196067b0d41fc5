"""Write a bundle: collect and describe its parts, compress images, and pack everything into one file at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import promdrill
from promdrill.artefacts import machine
from promdrill.artefacts.cache import Cache, digest_of
from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import CommandFailed, SupplyError, UsageError
from promdrill.core.say import Say
from promdrill.helm.source import files, find, repositories
from promdrill.supply.build import catalogue
from promdrill.supply.bundle.manifest import CRDS, NODE, PROVISIONER, TOOLS, Asked, Manifest, Part
from promdrill.supply.bundle.origin import Origin, Origins, references
from promdrill.supply.bundle.pack import CHUNK_BYTES, Squeezed, docker_save, pack
from promdrill.supply.engine.lifecycle import Engine
from promdrill.supply.supplied import Supplied, SupplyRequest

COMPRESSED = 0.5
"""Disk to reserve for a compressed image, as part of its size; 0.35 was measured for a node image."""

Progress = Callable[[int], None]
"""Called with the number of bytes of the node image that have been read."""

Save = Callable[[str, Callable[[bytes], None]], None]


def write(
    supplied: Supplied,
    request: SupplyRequest,
    file: Path,
    *,
    cache: Cache,
    engine: Engine,
    say: Say,
    progress: Progress = lambda _bytes: None,
    save: Save = docker_save,
    clock: Clock = SYSTEM,
) -> Manifest:
    """Write everything a run needs into one file.

    Args:
        supplied: What the run needs.
        request: What was requested.
        file: The bundle; an existing one is replaced once the new one is complete.
        cache: For intermediate files, and for notes on where things come from.
        engine: The engine that has the node image.
        say: Called with one sentence for each thing that is done.
        progress: Called with the progress of the node image.
        save: As `docker_save`.
        clock: Where time comes from.

    Returns:
        What is in it.

    Raises:
        UsageError: Too little disk, or the file cannot be written; nothing was started.
        SupplyError: Something could not be packed.
    """
    check_place(file)
    node_bytes = _node_bytes(supplied.node_image, engine)
    _require_disk(supplied, node_bytes, file, cache)
    origins = Origins(catalogue.load(paths.images_dir()), cache)
    with cache.scratch() as scratch:
        work = _Work(supplied, origins, scratch)
        found = [*work.tools(), *work.manifests(), work.chart(), *work.images()]
        say(f"Saving and compressing node image {supplied.node_image}, {node_bytes / 2**20:.0f} MiB.")
        found.append(work.node(save, progress))
        manifest = _manifest(supplied, request, tuple(part for part, _ in found), origins, clock)
        say(f"Writing {file}.")
        pack(file, manifest, found)
    return manifest


def _node_bytes(image: str, engine: Engine) -> int:
    try:
        return int(engine.docker("image", "inspect", "--format", "{{.Size}}", image, timeout_s=60).stdout)
    except CommandFailed as error:
        raise SupplyError(f"the engine does not have node image {image}\n{error}") from error


def check_place(file: Path) -> None:
    """Refuse a path that cannot be written, before minutes are spent on building.

    Raises:
        UsageError: The folder does not exist or is not writable.
    """
    if file.is_dir():
        raise UsageError(f"{file} is a folder", hint=f"--file {file / 'promdrill-bundle.tar'}")
    folder = file.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"cannot write a file to {folder}", hint="--file <a file in a folder of yours>")


@dataclass(frozen=True, slots=True)
class _Work:
    """Makes the parts, and returns the description and the file of each."""

    supplied: Supplied
    origins: Origins
    scratch: Path

    def tools(self) -> Iterator[tuple[Part, Path]]:
        for name in TOOLS:
            program: Path = getattr(self.supplied.tools, name)
            yield _as_is(f"tools/{name}", program, name, self.origins.tool(name, program))

    def manifests(self) -> Iterator[tuple[Part, Path]]:
        provisioner, crds = self.supplied.provisioner, self.supplied.crds
        yield _as_is(PROVISIONER, provisioner, "local-path-provisioner's manifest", self.origins.file(provisioner))
        yield _as_is(CRDS, crds, "the Prometheus operator's manifest", self.origins.file(crds))

    def chart(self) -> tuple[Part, Path]:
        chart = self.supplied.chart
        about = files.metadata(chart)
        packed = chart
        if chart.is_dir():  # as Helm does, leave out what .helmignore names
            with repositories.homes() as homes:
                argv = [str(self.supplied.tools.helm), "package", str(chart), "--destination", str(self.scratch)]
                shell.run(argv, timeout_s=repositories.CHART_S, env=homes)
            packed = self.scratch / f"{about['name']}-{about['version']}.tgz"
        origin = self.origins.chart(chart, about["version"])
        return _as_is(f"chart/{about['name']}-{about['version']}.tgz", packed, f"chart {about['name']}", origin)

    def images(self) -> Iterator[tuple[Part, Path]]:
        for number, archive in enumerate(self.supplied.archives):
            inside = references(archive)
            first = inside[0].rpartition("/")[2].replace(":", "-") if inside else "image"
            squeezed = self.scratch / f"{number}.gz"
            with archive.open("rb") as source, squeezed.open("wb") as target:
                packed = Squeezed(target)
                while chunk := source.read(CHUNK_BYTES):
                    packed.write(chunk)
                digest = packed.finish()
            origin = self.origins.archive(archive, inside)
            path = f"images/{number:02d}-{first}.tar.gz"
            what = ", ".join(inside) or "an image without a name"
            sizes = (packed.written_bytes, digest, packed.read_bytes)
            yield Part(path, *sizes, what, origin.version, origin.origin, inside), squeezed

    def node(self, save: Save, progress: Progress) -> tuple[Part, Path]:
        squeezed = self.scratch / NODE
        with squeezed.open("wb") as target:
            packed = Squeezed(target)

            def take(chunk: bytes) -> None:
                packed.write(chunk)
                progress(packed.read_bytes)

            save(self.supplied.node_image, take)
            digest = packed.finish()
        sizes = (packed.written_bytes, digest, packed.read_bytes)
        beside = {name for archive in self.supplied.archives for name in references(archive)}
        inside = tuple(name for name in self.supplied.images if name not in beside)
        what, origin = f"node image {self.supplied.node_image}", _node_origin(self.supplied)
        return Part(NODE, *sizes, what, self.supplied.kubernetes, origin, inside), squeezed


def _node_origin(supplied: Supplied) -> str:
    if supplied.name == "source":
        return "assembled on the machine where this was made, from what is listed below"
    return f"kindest/node:v{supplied.kubernetes}, pulled by the digest at the end of {supplied.node_image}"


def _as_is(path: str, file: Path, what: str, origin: Origin) -> tuple[Part, Path]:
    size = file.stat().st_size
    return Part(path, size, digest_of(file), size, what, origin.version, origin.origin), file


def _manifest(
    supplied: Supplied, request: SupplyRequest, parts: tuple[Part, ...], origins: Origins, clock: Clock
) -> Manifest:
    about = files.metadata(supplied.chart)
    typed = find.local(request.chart)
    digests = [files.digest(path) for path in (supplied.chart, typed) if path is not None]
    chart, version, repo = request.chart.recorded
    asked = Asked(chart, version, repo, request.kubernetes, request.subcharts)
    return Manifest(
        promdrill=promdrill.__version__,
        made=clock.utc().isoformat(timespec="seconds").replace("+00:00", "Z"),
        architecture=machine.examine().architecture,
        supply=supplied.name,
        restricted=supplied.name != "source" or "CAP_SYS_RESOURCE" in machine.missing_capabilities(),
        own_network="networking" in supplied.kind_patch,
        kubernetes=supplied.kubernetes,
        helm=request.helm,
        node_image=supplied.node_image,
        chart=about["name"],
        chart_version=about["version"],
        chart_digests=tuple(dict.fromkeys(digests)),
        app_version=supplied.app_version,
        asked=asked,
        image_values=supplied.image_values,
        images=tuple(dict.fromkeys(image for part in parts for image in part.images)),
        remarks=supplied.remarks,
        inside=origins.node(supplied.kubernetes, supplied.name),
        parts=parts,
    )


def _require_disk(supplied: Supplied, node_bytes: int, file: Path, cache: Cache) -> None:
    archives = sum(path.stat().st_size for path in supplied.archives)
    packed = int((node_bytes + archives) * COMPRESSED)
    tools = sum(getattr(supplied.tools, name).stat().st_size for name in TOOLS)
    cache.root.mkdir(parents=True, exist_ok=True)
    needed = {cache.root: packed}
    target = file.absolute().parent
    shared = next((place for place in needed if place.stat().st_dev == target.stat().st_dev), target)
    needed[shared] = needed.get(shared, 0) + packed + tools
    for place, wanted in needed.items():
        free = shutil.disk_usage(place).free
        if free < wanted:
            raise UsageError(f"disk: {free / 2**30:.1f} GiB free at {place}, {wanted / 2**30:.1f} GiB needed",
                             hint="--file <a file on a larger disk>, or make clean-cache")  # fmt: skip

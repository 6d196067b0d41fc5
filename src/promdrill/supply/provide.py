"""Provide everything a request needs: the one entry to both supplies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from promdrill.artefacts import registries
from promdrill.artefacts.cache import KEEP_BUILD, Cache, digest_of, keeps_go, key_of
from promdrill.artefacts.pins import Pins
from promdrill.artefacts.platforms import Platform
from promdrill.artefacts.registries import Registry
from promdrill.core import paths
from promdrill.core.console import Console
from promdrill.core.errors import SupplyError
from promdrill.core.say import Say
from promdrill.helm.source import find
from promdrill.helm.values.images import Available
from promdrill.supply import kubernetes
from promdrill.supply.build import archive, catalogue, programs, source, toolchain
from promdrill.supply.build.debian import ensure_host_packages
from promdrill.supply.build.source import SourceSupply
from promdrill.supply.bundle import unpack
from promdrill.supply.engine import lifecycle
from promdrill.supply.engine.lifecycle import Engine
from promdrill.supply.pull import images, registry
from promdrill.supply.supplied import Supplied, SupplyRequest

OWN_IMAGES = (
    "docker.io/promdrill/volume-agent:0.1.0",
    "docker.io/promdrill/demo-app:0.1.0",
    "docker.io/promdrill/alert-receiver:0.1.0",
)
"""Images that no registry has: one static binary each, packed here with every supply."""


def provide(
    request: SupplyRequest,
    images: Sequence[str] = (),
    *,
    on_event: Say,
    console: Console | None = None,
    opened: unpack.Opened | None = None,
) -> Supplied:
    """Everything for a cluster and its drills, present and checked.

    Args:
        request: What is needed.
        images: References of the images that the drills run.
        on_event: Called with one sentence for each decision and announcement.
        console: Where the progress of builds is shown; standard error by default.
        opened: The request's bundle, if it was unpacked already.

    Raises:
        UsageError: The request cannot be met here; nothing was started.
        SupplyError: Something is not available, could not be built, or is not in the bundle.
    """
    keeps_go()  # a slip in it is told before anything is built
    if request.bundle is not None:
        found = unpack.open_(request.bundle, request, cache=Cache(paths.cache_dir()), say=on_event, opened=opened)
        on_event(f"supply: bundle. {found.why}")
        return completed(found, request, images, on_event=on_event)
    chosen = request.chosen
    if chosen.name == "source":
        lifecycle.ensure(say=on_event)
        return _source(console, on_event).provide(request, images, chart=paths.own_chart(), why=chosen.why)
    planned = registry.plan(request, Platform.here(), Pins.load())
    running = lifecycle.ensure(say=on_event)
    if planned.kubernetes != request.kubernetes:
        on_event(kubernetes.remark(request.kubernetes, planned.kubernetes))
    pieces = registry.provide(planned, running, Cache(paths.cache_dir()), registry=_mirror(request), say=on_event)
    found = Supplied(
        name="registry",
        why=chosen.why,
        tools=pieces.tools,
        kubernetes=pieces.kubernetes,
        node_image=pieces.node_image,
        chart=paths.own_chart(),
        provisioner=pieces.provisioner,
        crds=pieces.crds,
        kind_patch=source.engine_patch(running, own_network=False),
    )
    return completed(found, request, images, on_event=on_event)


def completed(found: Supplied, request: SupplyRequest, images: Sequence[str], *, on_event: Say) -> Supplied:
    """What was supplied, with archives of those images that it lacks.

    Raises:
        SupplyError: As in `archives`.
    """
    further = [name for name in dict.fromkeys(images) if name not in found.images]
    packed = archives(request, further, on_event=on_event)
    return replace(found, archives=(*found.archives, *packed), images=(*found.images, *further))


def helm(
    request: SupplyRequest, *, on_event: Say, console: Console | None = None, before_cluster: bool = False
) -> Path:
    """Helm, to look at a chart before anything else is built or started.

    Args:
        request: What is needed.
        on_event: As for `provide`.
        console: As for `provide`.
        before_cluster: Whether a cluster of this request is made next. On `source` an engine is then made sure of
            first, and the modules of the cluster's parts are downloaded while Helm is compiled.

    Raises:
        UsageError: A cluster follows, and there is no engine.
        SupplyError: It is not available, or an engine could not be started.
    """
    if request.chosen.name == "source":
        if before_cluster:
            lifecycle.ensure(say=on_event)
        return _source(console, on_event).helm(request.helm, before=request.kubernetes if before_cluster else "")
    planned = registry.plan(request, Platform.here(), Pins.load())
    return registry.tool(planned.helm, cache=Cache(paths.cache_dir()), say=on_event)


def chart(request: SupplyRequest, helm: Path, *, on_event: Say) -> Path:
    """The requested chart: on this machine as it is, or pulled; without a request, the supply's default.

    Raises:
        UsageError: There is no such chart, or it is not a chart.
        SupplyError: It could not be pulled.
    """
    asked = request.chart
    local = find.local(asked)
    if local is not None:
        return local
    own = asked.chart is None and asked.repo is None
    if own and request.chosen.name == "source":
        return paths.own_chart()
    return find.obtain(asked, helm, pins=Pins.load(), cache=Cache(paths.cache_dir()), say=on_event)


def available(request: SupplyRequest, *, on_event: Say) -> Available | None:
    """The available images; None if any can be pulled.

    Raises:
        SupplyError: PATH has no Go to ask with, and the pinned toolchain could not be installed.
    """
    return _source(None, on_event).stock() if request.chosen.name == "source" else None


def archives(
    request: SupplyRequest, references: Sequence[str], *, on_event: Say, console: Console | None = None
) -> tuple[Path, ...]:
    """Docker archives of images, to be loaded into a cluster: built on `source`, else pulled by digest and checked.

    Raises:
        SupplyError: One of them is not available, or is not in the bundle that everything comes from.
    """
    if not references:
        return ()
    if request.bundle is not None:  # the cluster has everything that it holds already
        raise SupplyError(
            f"BUNDLE={request.bundle} does not contain {', '.join(references)}",
            hint=f"make a bundle of these scenarios: {paths.command('bundle')}; "
            f"for controls too: {paths.program()} bundle --controls",
        )
    if request.chosen.name == "source":
        built = _source(console, on_event)
        return tuple(built.image_archive(reference) for reference in references)
    running, cache, pins, mirror = (
        lifecycle.ensure(say=on_event),
        Cache(paths.cache_dir()),
        Pins.load(),
        _mirror(request),
    )

    def have(reference: str) -> Path:
        if reference in OWN_IMAGES:
            return _packed(reference, running, cache, say=on_event)
        return images.archive(reference, running, cache, registry=mirror, pins=pins, say=on_event)

    return tuple(have(reference) for reference in references)


def settle(*, on_event: Say) -> None:
    """Delete what only builds need, once everything is built; see `promdrill.artefacts.cache.Cache.drop_go`.

    Raises:
        SupplyError: It could not be deleted.
    """
    cache = Cache(paths.cache_dir())
    try:
        if cache.drop_go():
            on_event(f"deleting the caches of the Go compiler; {KEEP_BUILD}=1 keeps them for further builds")
    except OSError as error:
        raise SupplyError(f"cannot delete the caches of the Go compiler: {error}") from error


def _packed(reference: str, running: Engine, cache: Cache, *, say: Say) -> Path:
    """One of promdrill's own images for the engine's architecture: a static binary and nothing else."""
    maker, image = catalogue.load(paths.images_dir()).image(reference)
    binary = programs.program(maker.name, running.architecture, cache=cache, say=say)
    key = key_of([repr(image), running.architecture, digest_of(binary)])

    def make(folder: Path) -> dict[str, Any]:
        with cache.scratch() as scratch:
            layer = archive.write_layer(scratch / "layer.tar", dict.fromkeys(image.files, binary))
            packed = archive.image(
                reference,
                [layer],
                architecture=running.architecture,
                entrypoint=image.entrypoint,
                user=image.user,
                workdir=image.workdir,
            )
            archive.write(folder / images.FILE, [packed])
        return {"reference": reference}

    return cache.build(f"image-{maker.name}", key, make).files / images.FILE


def _source(console: Console | None, say: Say) -> SourceSupply:
    cache = Cache(paths.cache_dir())
    return SourceSupply(
        catalogue.load(paths.images_dir()),
        cache,
        toolchain.find(cache),
        console or Console(stderr=True),
        prepare=ensure_host_packages,
        say=say,
    )


def _mirror(request: SupplyRequest) -> Registry:
    return Registry.of(request.mirror) if request.mirror else registries.mirror()

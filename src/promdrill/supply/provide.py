"""From a request to everything present: the one entry to both supplies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from promdrill import paths
from promdrill.supply import bundle, catalogue, charts, choose, engine, machine, pulled, registry, toolchain
from promdrill.supply.cache import Cache
from promdrill.supply.choose import Registry
from promdrill.supply.debian import ensure_host_packages
from promdrill.supply.pins import Pins
from promdrill.supply.reference import in_manifests
from promdrill.supply.source import Source
from promdrill.supply.supplied import Supplied, SupplyRequest

OWN_IMAGES = (
    *("docker.io/promdrill/volume-agent:0.1.0", "docker.io/promdrill/demo-app:0.1.0"),
    *("docker.io/library/nginx:debian", "docker.io/library/busybox:debian"),
)
"""Images that no registry has: they are built whatever the supply."""

Say = Callable[[str], None]


def provide(request: SupplyRequest, *, on_event: Say, console: Console | None = None) -> Supplied:
    """Everything for a cluster and its drills, present and checked.

    Args:
        request: What is needed.
        on_event: Told each decision and announcement, in one sentence each.
        console: Where the progress of builds goes; standard error by default.

    Raises:
        UsageError: The request cannot be met here, and nothing was started.
        SupplyError: Something could not be had or built.
    """
    if request.bundle is not None:
        supplied = bundle.open_(request.bundle, request, cache=Cache(paths.cache_dir()), say=on_event)
        on_event(f"supply: bundle. {supplied.why}")
        return supplied
    chosen = choose.chosen(request.supply, request.mirror)
    on_event(f"supply: {chosen.name}. {chosen.why}")
    running = engine.ensure(say=on_event)
    source = _source(console)
    if chosen.name == "source":
        return source.provide(request, chart=paths.own_chart(), why=chosen.why)
    cache = Cache(paths.cache_dir())
    pieces = registry.provide_registry(
        request, running, cache, machine.examine().architecture, say=on_event, registry=_mirror(request)
    )
    provisioner = source.provisioner()
    beside = in_manifests([provisioner.read_text(encoding="utf-8")])
    return Supplied(
        name="registry",
        why=chosen.why,
        tools=pieces.tools,
        kubernetes=pieces.kubernetes,
        node_image=pieces.node_image,
        chart=paths.own_chart(),
        provisioner=provisioner,
        crds=pieces.crds,
        archives=(
            *(source.image_archive(reference) for reference in OWN_IMAGES),
            *archives(request, beside, on_event=on_event),
        ),
        kind_patch=source.host_patch(),
    )


def helm(request: SupplyRequest, *, on_event: Say, console: Console | None = None) -> Path:
    """Helm alone: what is needed to look at a chart, before anything else is built or started.

    Raises:
        SupplyError: It could not be had.
    """
    if choose.chosen(request.supply, request.mirror).name == "source":
        return _source(console).helm(request.helm)
    cache, pins = Cache(paths.cache_dir()), Pins.load()
    version = pins.newest("helm", request.helm)
    return registry.tool("helm", version, machine.examine().architecture, pins=pins, cache=cache, say=on_event)


def chart(request: SupplyRequest, helm: Path, *, on_event: Say) -> Path:
    """The chart that was asked for: on this machine as it is, or pulled; else the supply's own default.

    Raises:
        UsageError: There is no such chart, or it is none.
        SupplyError: It could not be pulled.
    """
    wish = request.chart
    local = charts.local(wish)
    if local is not None:
        return local
    own = wish.chart is None and wish.repo is None
    if own and choose.chosen(request.supply, request.mirror).name == "source":
        return paths.own_chart()
    return charts.obtain(wish, helm, pins=Pins.load(), cache=Cache(paths.cache_dir()), say=on_event)


def available(request: SupplyRequest) -> tuple[str, ...] | None:
    """References of all images that can be had; None when any can be pulled."""
    if choose.chosen(request.supply, request.mirror).name != "source":
        return None
    return catalogue.load(paths.images_dir()).references()


def archives(
    request: SupplyRequest, references: Sequence[str], *, on_event: Say, console: Console | None = None
) -> tuple[Path, ...]:
    """Docker archives of images, to be loaded into a cluster: built on `source`, else pulled and checked.

    Raises:
        SupplyError: One of them could not be had.
    """
    if not references or request.bundle is not None:  # all that a bundle holds is loaded
        return ()
    if choose.chosen(request.supply, request.mirror).name == "source":
        source = _source(console)
        return tuple(source.image_archive(reference) for reference in references)
    running, cache, pins = engine.ensure(say=on_event), Cache(paths.cache_dir()), Pins.load()
    return tuple(
        pulled.archive(reference, running, cache, registry=_mirror(request), pins=pins, say=on_event)
        for reference in references
    )


def _source(console: Console | None) -> Source:
    cache = Cache(paths.cache_dir())
    return Source(
        catalogue.load(paths.images_dir()),
        cache,
        toolchain.find(cache),
        console or Console(stderr=True),
        prepare=ensure_host_packages,
    )


def _mirror(request: SupplyRequest) -> Registry:
    return Registry.of(request.mirror) if request.mirror else choose.mirror()

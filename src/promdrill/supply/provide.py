"""From a request to everything present: the one entry to both supplies."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

from promdrill import paths
from promdrill.supply import catalogue, choose, engine, machine, registry, toolchain
from promdrill.supply.cache import Cache
from promdrill.supply.debian import ensure_host_packages
from promdrill.supply.source import Source
from promdrill.supply.supplied import Supplied, SupplyRequest

OWN_CHART = "charts/prometheus"
"""Our chart in manifests/, the default of the source supply."""

OWN_IMAGES = ("docker.io/promdrill/volume-agent:0.1.0", "docker.io/promdrill/demo-app:0.1.0")
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
    chosen = choose.chosen(request.supply)
    on_event(f"supply: {chosen.name}. {chosen.why}")
    running = engine.ensure(say=on_event)
    cache = Cache(paths.cache_dir())
    source = Source(
        catalogue.load(paths.images_dir()),
        cache,
        toolchain.find(cache),
        console or Console(stderr=True),
        prepare=ensure_host_packages,
    )
    if chosen.name == "source":
        chart = request.chart or paths.manifests_dir() / OWN_CHART
        return source.provide(request, chart=chart, why=chosen.why)
    pieces = registry.provide_registry(request, running, cache, machine.examine().architecture, say=on_event)
    return Supplied(
        name="registry",
        why=chosen.why,
        tools=pieces.tools,
        kubernetes=pieces.kubernetes,
        node_image=pieces.node_image,
        chart=pieces.chart,
        provisioner=source.provisioner(),
        crds=pieces.crds,
        archives=tuple(source.image_archive(reference) for reference in OWN_IMAGES),
        kind_patch=source.host_patch(),
    )

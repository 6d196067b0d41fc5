"""How much of what a run needs is in the cache already, told from the cache folder and the request alone.

Nothing is rendered, built or installed, and neither the network nor a container engine is asked: this decides what the
machine must have before any of that begins. So of a chart of the user's own, or other values, it is not known which
images the drills run; such a run is taken to have something left to build.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.core.errors import PromdrillError, SupplyError
from promdrill.core.merging import merged
from promdrill.doctor import Cached
from promdrill.helm.values.edit import read
from promdrill.install import manifests
from promdrill.request import needed_images, scenarios
from promdrill.request.scenarios import ScenarioFolder, traits
from promdrill.request.settings import Settings
from promdrill.supply.build import catalogue, debian, toolchain
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.catalogue import Artefact, Catalogue, NodeRecipe

_PULLED = "pulled-prometheus-prometheus"
"""The cache's largest artefact on the supply `registry`, which every drill needs."""


def level(settings: Settings, drilled: Sequence[Path], supply: str) -> Cached:
    """How much of what a run needs is in the cache.

    Args:
        settings: Those of the run.
        drilled: The folders of its scenarios; all that promdrill ships if there are none.
        supply: `source`, `registry` or `bundle`.
    """
    cache = Cache(paths.cache_dir())
    if supply == "registry":
        return Cached.ALL if any((cache.root / "artefacts" / _PULLED).glob("[!.]*")) else Cached.NOTHING
    shelf = catalogue.load(paths.images_dir())
    recipes = {each.version: each.node for each in shelf.artefacts.values() if each.node is not None}
    node = recipes.get(settings.kubernetes)
    if supply != "source" or node is None:
        return Cached.NOTHING
    go = toolchain.expected(cache)
    named: tuple[str, ...] = ()
    known = _is_usual(settings)
    try:
        named = _named(drilled or [each.folder for each in scenarios.find_all()])
    except PromdrillError:  # a scenario is wrong: whoever plans its drill says so
        known = False
    lacking: list[Artefact] = []
    for artefact in map(shelf.artefact, dict.fromkeys(_needed(settings, node, named, shelf))):
        key = gobuild.key(artefact, go) if artefact.of_go else debian.key(artefact)
        if cache.find(artefact.name, key, only=[]) is None:
            lacking.append(artefact)
    if any(artefact.name == node.kubernetes for artefact in lacking):
        return Cached.NOTHING
    if any(artefact.debian for artefact in lacking):
        return Cached.KUBERNETES
    return Cached.TREES if lacking or not known else Cached.ALL


def deciding(settings: Settings, drilled: Sequence[Path]) -> tuple[str, str, bool, tuple[Path, ...]]:
    """All that makes one run's level another than another run's on the same supply."""
    return settings.kubernetes, settings.helm, _is_usual(settings), tuple(drilled)


def _is_usual(settings: Settings) -> bool:
    """Whether the drills run the images of promdrill's own chart, and no others than are told without rendering it."""
    own = (settings.chart, settings.chart_version, settings.repo, settings.app_version, settings.assigned)
    return not any((*own, settings.values, settings.rules)) and (settings.subcharts, settings.images) == (
        "on",
        "nearest",
    )


def _needed(settings: Settings, node: NodeRecipe, named: Sequence[str], shelf: Catalogue) -> Iterator[str]:
    """Names of the artefacts that a cluster, its tools and those images are made of."""
    yield from (node.kubernetes, node.containerd, node.kind, node.rootfs, f"helm-{settings.helm}")
    yield from ("local-path-provisioner", "prometheus-operator-crds")
    for reference in (*node.images, *named):
        with contextlib.suppress(SupplyError):  # nothing makes it: that is refused, or replaced, once a plan is made
            artefact, image = shelf.image(reference)
            yield from (*((artefact.name,) if image.files else ()), *image.base)


def _named(drilled: Sequence[Path]) -> tuple[str, ...]:
    """The images that scenarios name, and those of promdrill's own chart in the drills that install a chart."""
    chart, found = (
        read(paths.own_chart() / "values.yaml"),
        [*needed_images.drilled_images(drilled, manifests.APP_VERSION)],
    )
    for folder in drilled:
        if not traits(ScenarioFolder(folder.name, folder).test).install:
            found += _images(merged(chart, read(folder / "values.yaml")))
    return tuple(found)


def _images(values: Mapping[str, Any]) -> Iterator[str]:
    """Images in a chart's values, but for those below something that is off."""
    if values.get("enabled") is False:
        return
    for key, below in values.items():
        if key == "image" and isinstance(below, Mapping):
            registry = f"{below['registry']}/" if below.get("registry") else ""
            yield f"{registry}{below.get('repository')}:{below.get('tag') or f'v{manifests.APP_VERSION}'}"
        elif isinstance(below, Mapping):
            yield from _images(below)

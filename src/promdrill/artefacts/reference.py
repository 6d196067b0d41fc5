"""Where an image is pulled from: its own registry, or a mirror."""

from __future__ import annotations

from promdrill.image_names import Reference
from promdrill.supply.choose import Registry


def source_of(wanted: Reference, registry: Registry) -> Registry:
    """Where an image is pulled from: the mirror that was named, else the registry in the image's own name."""
    return registry if registry.prefix else Registry.of(wanted.host)


def engine_name(wanted: Reference, source: Registry) -> str:
    """What the engine calls the image, without tag and digest."""
    return f"{source.prefix}{wanted.repository}" if source.prefix else wanted.repository.removeprefix("library/")

"""References of images: read as Docker and Kubernetes read them, and found in their own registry or in a mirror."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from promdrill.errors import SupplyError
from promdrill.supply.choose import HUB, Registry

_REFERENCE = re.compile(
    r"(?:(?P<host>localhost(?::\d+)?|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+)/)?"
    r"(?P<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@sha256:(?P<digest>[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name in full.

    Attributes:
        host: The registry's host, `docker.io` where none was written.
        repository: The path there, with `library/` where Docker Hub puts it.
        tag: The tag, `latest` where none was written.
        digest: SHA-256 of the manifest in hexadecimal, as written; empty for none.
    """

    host: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def of(cls, text: str) -> Reference:
        """The image that a reference names, as Docker and Kubernetes read it.

        Raises:
            SupplyError: It is no reference.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise SupplyError(f"{text!r} is no reference of an image", hint="quay.io/prometheus/prometheus:v2.48.0")
        host, repository = match["host"] or HUB, match["repository"]
        if host == HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(host, repository, match["tag"] or "latest", match["digest"] or "")

    @property
    def name(self) -> str:
        """Host, repository and tag."""
        return f"{self.host}/{self.repository}:{self.tag}"


def source_of(wanted: Reference, registry: Registry) -> Registry:
    """Where an image is pulled from: the mirror that was named, else the registry in the image's own name."""
    return registry if registry.prefix else Registry.of(wanted.host)


def engine_name(wanted: Reference, source: Registry) -> str:
    """What the engine calls the image, without tag and digest."""
    return f"{source.prefix}{wanted.repository}" if source.prefix else wanted.repository.removeprefix("library/")


def in_manifests(texts: Iterable[str]) -> tuple[str, ...]:
    """Images that the containers of Kubernetes objects run, by name in full, each once.

    Args:
        texts: YAML, any number of objects each.

    Raises:
        SupplyError: One of them is no reference.
    """
    found = {image for text in texts for item in yaml.safe_load_all(text) for image in _images(item)}
    return tuple(sorted({Reference.of(image).name for image in found}))


def _images(item: Any) -> Iterator[str]:
    """Images of the containers in an object, wherever its pod template is: a container has a name and an image."""
    if isinstance(item, Mapping):
        if isinstance(item.get("image"), str) and "name" in item:
            yield item["image"]
        for value in item.values():
            yield from _images(value)
    elif isinstance(item, list):
        for value in item:
            yield from _images(value)

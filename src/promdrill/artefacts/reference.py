"""References of images: read as Docker and Kubernetes read them, and found in their own registry or in a mirror."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promdrill.core.errors import SupplyError
from promdrill.supply.choose import HUB, Registry

_REFERENCE = re.compile(
    r"(?:(?P<host>localhost(?::\d+)?|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+)/)?"
    r"(?P<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@sha256:(?P<digest>[0-9a-f]{64}))?"
)

PROMETHEUS = "quay.io/prometheus/prometheus"
ALERTMANAGER = "quay.io/prometheus/alertmanager"

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_DATA = frozenset({"ConfigMap", "Secret", "CustomResourceDefinition"})
_RESOURCES = {"Prometheus": PROMETHEUS, "PrometheusAgent": PROMETHEUS, "Alertmanager": ALERTMANAGER}
_ARGUMENTS = ("--prometheus-config-reloader=",)


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


def named_in(objects: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Images that Kubernetes objects run, as they are written, each once.

    Those of containers in any workload's pods, those of the Prometheus operator's resources, and the reloader that the
    operator is told to put beside Prometheus.
    """
    found = (text for each in objects if each.get("kind") not in _DATA for text in (*_walk(each), *_custom(each)))
    return tuple(dict.fromkeys(text.strip() for text in found))


def _walk(value: Any) -> Iterator[str]:
    """Images of all containers below a value, wherever a kind keeps its pod."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key in _CONTAINERS and isinstance(below, list):
                for container in below:
                    yield from _container(container)
            else:
                yield from _walk(below)
    elif isinstance(value, list):
        for below in value:
            yield from _walk(below)


def _container(container: Any) -> Iterator[str]:
    if not isinstance(container, Mapping):
        return
    if isinstance(container.get("image"), str):
        yield container["image"]
    for argument in (*(container.get("command") or ()), *(container.get("args") or ())):
        for start in _ARGUMENTS:
            if isinstance(argument, str) and argument.startswith(start):
                yield argument.removeprefix(start)


def _custom(each: Mapping[str, Any]) -> Iterator[str]:
    """The image of a resource that the operator makes pods of; without one it takes its own repository's."""
    spec = each.get("spec")
    kind = str(each.get("kind"))
    if str(each.get("apiVersion")).startswith("monitoring.coreos.com/") and isinstance(spec, Mapping):
        if spec.get("image"):
            yield str(spec["image"])
        elif kind in _RESOURCES and spec.get("version"):
            yield f"{_RESOURCES[kind]}:{spec['version']}"

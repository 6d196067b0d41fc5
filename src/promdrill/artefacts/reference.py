"""Image references: parsed as Docker and Kubernetes parse them, and looked up in their own registry or a mirror."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promdrill.artefacts.registries import HUB, Registry
from promdrill.core.errors import SupplyError

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
_THANOS = "--thanos-default-base-image="


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name in full.

    Attributes:
        host: The registry's host; `docker.io` by default.
        repository: The path there, with Docker Hub's `library/`.
        tag: The tag; `latest` by default.
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
            SupplyError: It is not a reference.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise SupplyError(f"{text!r} is not an image reference", hint="quay.io/prometheus/prometheus:v2.48.0")
        host, repository = match["host"] or HUB, match["repository"]
        if host == HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(host, repository, match["tag"] or "latest", match["digest"] or "")

    @property
    def name(self) -> str:
        """Host, repository and tag."""
        return f"{self.host}/{self.repository}:{self.tag}"


def source_of(wanted: Reference, registry: Registry) -> Registry:
    """Where to pull an image from: the mirror, if one is set, else the registry in the image's name."""
    return registry if registry.prefix else Registry.of(wanted.host)


def engine_name(wanted: Reference, source: Registry) -> str:
    """The engine's name for the image, without tag and digest."""
    return f"{source.prefix}{wanted.repository}" if source.prefix else wanted.repository.removeprefix("library/")


def named_in(objects: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The images that Kubernetes objects run, as written there, each once.

    Those of containers in any workload's pods, those of the Prometheus operator's resources, and what the operator's
    arguments name: the reloader, and Thanos where a resource has its sidecar and says no image for it.
    """
    there = [each for each in objects if each.get("kind") not in _DATA]
    arguments = (*_ARGUMENTS, *([_THANOS] if any("" in _sidecar(each) for each in there) else []))
    found = (text for each in there for text in (*_walk(each, arguments), *_custom(each)))
    return tuple(dict.fromkeys(text.strip() for text in found))


def _walk(value: Any, arguments: tuple[str, ...]) -> Iterator[str]:
    """Images of all containers below a value, wherever a kind has its pod template."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key in _CONTAINERS and isinstance(below, list):
                for container in below:
                    yield from _container(container, arguments)
            else:
                yield from _walk(below, arguments)
    elif isinstance(value, list):
        for below in value:
            yield from _walk(below, arguments)


def _container(container: Any, arguments: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(container, Mapping):
        return
    if isinstance(container.get("image"), str):
        yield container["image"]
    for argument in (*(container.get("command") or ()), *(container.get("args") or ())):
        for start in arguments:
            if isinstance(argument, str) and argument.startswith(start):
                yield argument.removeprefix(start)


def _custom(each: Mapping[str, Any]) -> Iterator[str]:
    """The image of a resource that the operator turns into pods; by default that of the official repository."""
    spec = each.get("spec")
    kind = str(each.get("kind"))
    if str(each.get("apiVersion")).startswith("monitoring.coreos.com/") and isinstance(spec, Mapping):
        if spec.get("image"):
            yield str(spec["image"])
        elif kind in _RESOURCES and spec.get("version"):
            yield f"{_RESOURCES[kind]}:{spec['version']}"
        yield from filter(None, _sidecar(each))


def _sidecar(each: Mapping[str, Any]) -> tuple[str, ...]:
    """The image of the Thanos sidecar of the operator's resource; empty for its default, nothing without a sidecar."""
    spec = each.get("spec")
    thanos = spec.get("thanos") if each.get("kind") == "Prometheus" and isinstance(spec, Mapping) else None
    return (str(thanos.get("image") or ""),) if isinstance(thanos, Mapping) else ()

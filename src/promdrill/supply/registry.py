"""The registry supply: everything pulled or downloaded at pinned digests, from the public addresses or from mirrors.

The node image comes from REGISTRY_MIRROR (Docker Hub by default), the tools from where pins.toml or a file
of the user's own says. A tool of the very same version on PATH is used instead of a download.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from promdrill import shell
from promdrill.errors import CommandFailed, PromdrillError, SupplyError
from promdrill.supply import choose, fetch
from promdrill.supply.cache import Cache
from promdrill.supply.choose import Registry
from promdrill.supply.engine import Engine
from promdrill.supply.fetch import Progress
from promdrill.supply.pins import PINS_VARIABLE, Pins
from promdrill.supply.pulled import pull
from promdrill.supply.reference import Reference, source_of
from promdrill.supply.supplied import SupplyRequest, Tools

KIND = "0.33.0"

BUNDLE, OPERATOR = "operator-bundle", "0.72.0"
"""The operator's manifest in the table of pins, and the version of manifests/operator."""

_NODE = "kindest/node"
_VERSION_OF = {
    "kind": ("version", "--quiet"),
    "kubectl": ("version", "--client", "--output=json"),
    "helm": ("version", "--template={{.Version}}"),
}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pieces:
    """What the registry supply hands over, named as in `promdrill.supply.supplied.Supplied`."""

    tools: Tools
    kubernetes: str
    node_image: str
    crds: Path


def provide_registry(
    request: SupplyRequest,
    engine: Engine,
    cache: Cache,
    architecture: str,
    *,
    say: Say,
    progress: Progress = fetch.no_progress,
    pins: Pins | None = None,
    registry: Registry | None = None,
) -> Pieces:
    """Pull and download what a run needs.

    Args:
        request: What the run needs; of Kubernetes, the nearest patch version that kind has an image of is used.
        engine: Where the node image goes.
        cache: Where tools and charts are kept.
        architecture: `amd64` or `arm64`.
        say: Told each decision in one sentence.
        progress: Told how far each download is.
        pins: The table of pins; the usual one by default.
        registry: Where images come from; REGISTRY_MIRROR or Docker Hub by default.

    Raises:
        UsageError: REGISTRY_MIRROR is no address, or the user's pins cannot be read.
        SupplyError: Something could not be had, or is not what is pinned; the message says which, whence and why.
    """
    pins = pins or Pins.load()
    registry = registry or choose.mirror()
    kubernetes = pins.newest("node", _known_or_line(pins, "node", request.kubernetes))
    if kubernetes != request.kubernetes:
        say(f"kind {KIND} has no image of Kubernetes {request.kubernetes}; {kubernetes} is used.")
    helm = pins.newest("helm", request.helm)
    wanted = {"kind": KIND, "kubectl": kubernetes, "helm": helm}
    paths = {name: tool(name, version, architecture, pins=pins, cache=cache, say=say, progress=progress)
             for name, version in wanted.items()}  # fmt: skip
    image = node_image(kubernetes, engine, pins, registry, say=say)
    crds = fetch.tool(pins.file(BUNDLE, OPERATOR), cache, progress=progress)
    return Pieces(Tools(**paths), kubernetes, image, crds)


def tool(
    name: str,
    version: str,
    architecture: str,
    *,
    pins: Pins,
    cache: Cache,
    say: Say,
    progress: Progress = fetch.no_progress,
) -> Path:
    """A tool of an exact version: the one on PATH when it is that version, else a checked download.

    Raises:
        SupplyError: It could not be had, or is not what is pinned.
    """
    on_path = shutil.which(name)
    there = version_of(name, Path(on_path)) if on_path else None
    if on_path and there == version:
        return Path(on_path)
    pin = pins.tool(name, version, architecture)
    say(f"{name} {version} comes from {pin.address}{f', for the one on PATH is {there}' if there else ''}.")
    return fetch.tool(pin, cache, progress=progress)


def version_of(name: str, program: Path) -> str | None:
    """The version that kind, kubectl or helm tells of itself, without a leading v; None when it tells none."""
    try:
        answer = shell.run([program, *_VERSION_OF[name]], timeout_s=20).stdout.strip()
        if name == "kubectl":
            answer = str(json.loads(answer)["clientVersion"]["gitVersion"])
    except (PromdrillError, ValueError, KeyError, TypeError):
        return None
    return answer.removeprefix("v") or None


def node_image(kubernetes: str, engine: Engine, pins: Pins, registry: Registry, *, say: Say) -> str:
    """The node image in the engine, pulled by digest when it is not there.

    Returns:
        A tag of promdrill's own: kind wants a reference without a digest, and other tags are left as they are.

    Raises:
        SupplyError: The registry hangs, refuses, does not have it, or serves something else under that digest.
    """
    wanted = Reference.of(f"{_NODE}:v{kubernetes}")
    digest = pins.digest("node", kubernetes)
    if digest is None:
        raise SupplyError(f"no digest is pinned for {_NODE} v{kubernetes}", hint=f"see {PINS_VARIABLE} in the README")
    tag = f"promdrill/node:v{kubernetes}-{digest[:12]}"
    if not _has(engine, tag):
        pulled = pull(wanted, source_of(wanted, registry), digest, engine, what="the node image", say=say)
        engine.docker("tag", pulled.reference, tag, timeout_s=60)
    return tag


def _has(engine: Engine, reference: str) -> bool:
    try:
        engine.docker("image", "inspect", "--format", "{{.Id}}", reference, timeout_s=30)
    except CommandFailed:
        return False
    return True


def _known_or_line(pins: Pins, name: str, version: str) -> str:
    return version if version in pins.versions(name) else ".".join(version.split(".")[:2])

"""The registry supply: everything pulled or downloaded at pinned digests, from the public addresses or from mirrors.

The node image comes from REGISTRY_MIRROR (Docker Hub by default), the chart from REPO (prometheus-community by
default), the tools from where pins.toml or a file of the user's own says. A tool of the very same version on PATH is
used instead of a download.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from promdrill import shell
from promdrill.errors import CommandFailed, CommandTimeout, PromdrillError, SupplyError
from promdrill.supply import charts, choose, fetch
from promdrill.supply.cache import Cache
from promdrill.supply.choose import MIRROR_VARIABLE, Registry
from promdrill.supply.engine import Engine
from promdrill.supply.fetch import Progress
from promdrill.supply.pins import PINS_VARIABLE, Pins
from promdrill.supply.supplied import SupplyRequest, Tools

KIND = "0.33.0"

BUNDLE, OPERATOR = "operator-bundle", "0.72.0"
"""The operator's manifest in the table of pins, and the version of manifests/operator."""

PULL_S = 900.0
"""Seconds to pull the node image: 0.4 GB at 4 megabits a second."""

_NODE = "kindest/node"
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
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
    chart: Path
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
    repo: str | None = None,
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
        repo: Where charts come from; REPO or prometheus-community's repository by default.

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
    chart = request.chart or _default_chart(paths["helm"], request, repo, pins=pins, cache=cache, say=say)
    crds = fetch.tool(pins.file(BUNDLE, OPERATOR), cache, progress=progress)
    return Pieces(Tools(**paths), kubernetes, image, chart, crds)


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
    if on_path and version_of(name, Path(on_path)) == version:
        return Path(on_path)
    pin = pins.tool(name, version, architecture)
    say(f"{name} {version} comes from {pin.address}.")
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
    digest = pins.digest("node", kubernetes)
    if digest is None:
        raise SupplyError(f"no digest is pinned for {_NODE} v{kubernetes}", hint=f"see {PINS_VARIABLE} in the README")
    tag = f"promdrill/node:v{kubernetes}-{digest[:12]}"
    if _has(engine, tag):
        return tag
    reference = f"{registry.prefix}{_NODE}@sha256:{digest}"
    check_manifest(registry, _NODE, digest)
    say(f"The node image comes from {reference}.")
    hint = f"{MIRROR_VARIABLE}=mirror.example:5000, or docker login, or SUPPLY=source"
    try:
        engine.docker("pull", "--quiet", reference, timeout_s=PULL_S)
        engine.docker("tag", reference, tag, timeout_s=60)
    except CommandTimeout as error:
        raise SupplyError(f"{reference} was not there within {PULL_S:.0f} s", hint=hint) from error
    except CommandFailed as error:
        raise SupplyError(
            f"{reference} could not be pulled: {fetch.meaning(registry.api, error)}", hint=hint
        ) from error
    return tag


def check_manifest(registry: Registry, repository: str, digest: str, *, silence_s: float = fetch.SILENCE_S) -> None:
    """Ask a registry for a manifest before the engine does: it answers at once, and says what is wrong.

    A registry that wants a token is left to the engine, which knows the user's credentials.

    Args:
        registry: The registry.
        repository: The image's name.
        digest: SHA-256 of its manifest, in hexadecimal.
        silence_s: Seconds without a byte after which the registry counts as hanging.

    Raises:
        SupplyError: It hangs, does not have the image, or serves something else under that digest.
    """
    address = f"{registry.api}/v2/{registry.path}{repository}/manifests/sha256:{digest}"
    hint = f"{MIRROR_VARIABLE}=mirror.example:5000, or SUPPLY=source"
    try:
        response = requests.get(address, headers={"Accept": _MANIFESTS}, timeout=silence_s)
    except requests.RequestException as error:
        raise SupplyError(f"node image: {fetch.trouble(registry.api, error, silence_s)}", hint=hint) from error
    if response.status_code == requests.codes.unauthorized:
        if "bearer" in response.headers.get("WWW-Authenticate", "").lower():
            return
        raise SupplyError(f"node image: {fetch.refusal(address, response.status_code)}",
                          hint=f"docker login {registry.prefix.partition('/')[0]}")  # fmt: skip
    if response.status_code != requests.codes.ok:
        raise SupplyError(f"node image: {fetch.refusal(address, response.status_code)}", hint=hint)
    seen = hashlib.sha256(response.content).hexdigest()
    if seen != digest:
        raise SupplyError(
            f"node image: {address} has SHA-256 {seen}, but {digest} is pinned; it is not used", hint=hint
        )


def _default_chart(helm: Path, request: SupplyRequest, repo: str | None, *, pins: Pins, cache: Cache, say: Say) -> Path:
    address = repo or os.environ.get(charts.REPO_VARIABLE) or charts.DEFAULT_REPO
    version = request.chart_version or charts.DEFAULT_VERSION
    return charts.pull(helm, charts.DEFAULT, version, address, pins=pins, cache=cache, say=say)


def _has(engine: Engine, reference: str) -> bool:
    try:
        engine.docker("image", "inspect", "--format", "{{.Id}}", reference, timeout_s=30)
    except CommandFailed:
        return False
    return True


def _known_or_line(pins: Pins, name: str, version: str) -> str:
    return version if version in pins.versions(name) else ".".join(version.split(".")[:2])

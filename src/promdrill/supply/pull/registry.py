"""The registry supply: everything pulled or downloaded at pinned digests, from the public addresses or from mirrors.

What a run needs is planned first, from the table of pins alone; then only that is fetched. The node image comes from
REGISTRY_MIRROR (Docker Hub by default), the rest from the addresses in pins.toml or in the user's own file. A tool of
exactly the same version on PATH is used instead of a download. Nothing is built here.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from promdrill.artefacts import fetch
from promdrill.artefacts.cache import Cache
from promdrill.artefacts.fetch import Progress
from promdrill.artefacts.pins import PINS_VARIABLE, Pin, Pins
from promdrill.artefacts.platforms import Platform
from promdrill.artefacts.reference import Reference, source_of
from promdrill.artefacts.registries import Registry
from promdrill.core import shell
from promdrill.core.errors import CommandFailed, PromdrillError, SupplyError
from promdrill.core.say import Say
from promdrill.supply import kubernetes
from promdrill.supply.engine.lifecycle import Engine
from promdrill.supply.pull.images import pull
from promdrill.supply.supplied import SupplyRequest, Tools

KIND = "0.33.0"

BUNDLE, OPERATOR = "operator-bundle", "0.72.0"
"""The operator's manifest in the table of pins, and the version of manifests/operator."""

PROVISIONER, PROVISIONER_VERSION = "local-path-provisioner", "0.0.30"
"""The provisioner's manifest in the table of pins, and its version: later ones refuse our privileged helper pod."""

_NODE = "kindest/node"
_VERSION_OF = {
    "kind": ("version", "--quiet"),
    "kubectl": ("version", "--client", "--output=json"),
    "helm": ("version", "--template={{.Version}}"),
}


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What every run downloads, whatever its drills.

    Attributes:
        platform: Platform of the machine, and so of the tools.
        kubernetes: Version of the cluster, without a leading v.
        kind: The kind to download.
        kubectl: Likewise.
        helm: Likewise.
        node: The node image; its digest is that of the index of all its platforms.
        provisioner: local-path-provisioner's manifest.
        crds: Manifest with the Prometheus operator's definitions.
    """

    platform: Platform
    kubernetes: str
    kind: Pin
    kubectl: Pin
    helm: Pin
    node: Reference
    provisioner: Pin
    crds: Pin


@dataclass(frozen=True, slots=True)
class Pieces:
    """What the registry supply provides, named as in `promdrill.supply.supplied.Supplied`."""

    tools: Tools
    kubernetes: str
    node_image: str
    provisioner: Path
    crds: Path


def plan(request: SupplyRequest, platform: Platform, pins: Pins) -> PullPlan:
    """What a run on a machine of that platform downloads. Uses no network.

    Raises:
        UsageError: There is no such version of Kubernetes, or a pin is not a SHA-256.
        SupplyError: Something is not pinned for that platform.
    """
    version = kubernetes.Offer(tuple(pins.versions(kubernetes.NODE)), by_line=True).true(request.kubernetes)
    digest = pins.digest(kubernetes.NODE, version)
    if digest is None:
        hint = f"pin it in the file that {PINS_VARIABLE} names, see docs/how-to/run-offline.md"
        raise SupplyError(f"no digest is pinned for {_NODE} v{version}", hint=hint)
    return PullPlan(
        platform=platform,
        kubernetes=version,
        kind=pins.tool("kind", KIND, platform),
        kubectl=_kubectl(version, platform, pins),
        helm=pins.tool("helm", pins.newest("helm", request.helm), platform),
        node=Reference.of(f"{_NODE}:v{version}@sha256:{digest}"),
        provisioner=pins.file(PROVISIONER, PROVISIONER_VERSION),
        crds=pins.file(BUNDLE, OPERATOR),
    )


def provide(
    planned: PullPlan,
    engine: Engine,
    cache: Cache,
    *,
    registry: Registry,
    say: Say,
    progress: Progress = fetch.no_progress,
) -> Pieces:
    """Pull and download what was planned.

    Args:
        planned: The plan, from `plan`.
        engine: The engine to pull the node image into.
        cache: Where tools and manifests are kept.
        registry: Where images come from.
        say: Called with one sentence for each decision.
        progress: Called with the progress of each download.

    Raises:
        SupplyError: Something is not available, or does not match its pin; the message says what, where from and why.
    """
    kind, kubectl, helm = (
        tool(pin, cache=cache, say=say, progress=progress) for pin in (planned.kind, planned.kubectl, planned.helm)
    )
    return Pieces(
        tools=Tools(kind, kubectl, helm),
        kubernetes=planned.kubernetes,
        node_image=node_image(planned.node, engine, registry, say=say),
        provisioner=fetch.file(planned.provisioner, cache, progress=progress),
        crds=fetch.file(planned.crds, cache, progress=progress),
    )


def tool(pin: Pin, *, cache: Cache, say: Say, progress: Progress = fetch.no_progress) -> Path:
    """A tool of an exact version: the one on PATH if it has that version, else a checked download.

    Raises:
        SupplyError: It is not available, or does not match its pin.
    """
    on_path = shutil.which(pin.name)
    there = version_of(pin.name, Path(on_path)) if on_path else None
    if on_path and there == pin.version:
        return Path(on_path)
    if not fetch.is_kept(pin, cache):
        unfit = f", because the one on PATH is {there}" if there else ""
        say(f"{pin.name} {pin.version} comes from {pin.address}{unfit}.")
    return fetch.tool(pin, cache, progress=progress)


def _kubectl(version: str, platform: Platform, pins: Pins) -> Pin:
    """The kubectl of that version; if none is pinned for the platform, that of the next minor version.

    Kubernetes' version skew policy: kubectl is supported within one minor version of the API server.
    """
    if pins.digest("kubectl", version, field=platform.key) is None:
        major, minor, *_ = version.split(".")
        newer = [found for found in pins.versions("kubectl") if found.startswith(f"{major}.{int(minor) + 1}.")]
        for found in newer:
            if pins.digest("kubectl", found, field=platform.key) is not None:
                return pins.tool("kubectl", found, platform)
    return pins.tool("kubectl", version, platform)


def version_of(name: str, program: Path) -> str | None:
    """The version that kind, kubectl or helm prints, without a leading v; None if it prints none."""
    try:
        answer = shell.run([program, *_VERSION_OF[name]], timeout_s=20).stdout.strip()
        if name == "kubectl":
            answer = str(json.loads(answer)["clientVersion"]["gitVersion"])
    except (PromdrillError, ValueError, KeyError, TypeError):
        return None
    return answer.removeprefix("v") or None


def node_image(wanted: Reference, engine: Engine, registry: Registry, *, say: Say) -> str:
    """The node image in the engine, pulled by digest if it is missing.

    Returns:
        A tag of promdrill's own: kind needs a reference without a digest, and existing tags must not move.

    Raises:
        SupplyError: The registry hangs, refuses, does not have it, or serves something else under that digest.
    """
    tag = f"promdrill/node:{wanted.tag}-{wanted.digest[:12]}"
    if not _has(engine, tag):
        pulled = pull(wanted, source_of(wanted, registry), wanted.digest, engine, what="the node image", say=say)
        engine.docker("tag", pulled.reference, tag, timeout_s=60)
    return tag


def _has(engine: Engine, reference: str) -> bool:
    try:
        engine.docker("image", "inspect", "--format", "{{.Id}}", reference, timeout_s=30)
    except CommandFailed:
        return False
    return True

"""Unpack bundles: one file with everything a run needs, written where there is a network, used where there is none.

`promdrill.supply.bundle.manifest` describes the file. Its first use unpacks it into the cache and checks every
checksum; later ones only read its manifest and compare sizes. The node image goes into the engine only.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.artefacts import machine
from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.core.errors import CommandFailed, SupplyError, UsageError
from promdrill.core.say import Say
from promdrill.helm.source import files, find
from promdrill.supply.build import source
from promdrill.supply.bundle.manifest import CRDS, NODE, PROVISIONER, Manifest
from promdrill.supply.bundle.read import Listed, contents, copy, members, unpacked_name
from promdrill.supply.bundle.write import write
from promdrill.supply.engine import lifecycle
from promdrill.supply.engine.lifecycle import Engine
from promdrill.supply.supplied import Supplied, SupplyRequest, Tools

__all__ = ["Listed", "Opened", "contents", "ensure_engine", "open_", "unpacked", "write"]

LOAD_S = 900.0
"""Seconds to load a node image into the engine."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle whose files, except the node image, are in the cache.

    Attributes:
        file: The bundle.
        manifest: Its manifest.
        folder: The folder of its files.
        sha256: SHA-256 of its manifest, which covers all of its files.
    """

    file: Path
    manifest: Manifest
    folder: Path
    sha256: str

    @property
    def tools(self) -> Tools:
        """The tools."""
        return Tools(*(self.folder / "tools" / name for name in ("kind", "kubectl", "helm")))

    @property
    def chart(self) -> Path:
        """The chart's .tgz."""
        return self.folder / self.manifest.chart_part.path

    @property
    def available(self) -> tuple[str, ...]:
        """References of all available images: in the node image and beside it."""
        return self.manifest.images

    @property
    def why(self) -> str:
        """Where everything comes from, in one sentence."""
        found = self.manifest
        return (
            f"BUNDLE={self.file.name} was requested; it was made on {found.made} by promdrill {found.promdrill} with "
            f"SUPPLY={found.supply}; its manifest has SHA-256 {self.sha256}."
        )

    def supplied(self, running: Engine) -> Supplied:
        """Everything for a cluster and its drills; the node image has to be in that engine."""
        found = self.manifest
        patch = source.engine_patch(running, own_network=found.own_network)
        return Supplied(
            name="bundle",
            why=self.why,
            tools=self.tools,
            kubernetes=found.kubernetes,
            node_image=found.node_image,
            chart=self.chart,
            provisioner=self.folder / PROVISIONER,
            crds=self.folder / CRDS,
            archives=tuple(self.folder / unpacked_name(part) for part in found.archives),
            image_values=found.image_values,
            kind_patch=patch,
            images=found.images,
            app_version=found.app_version,
            available=found.images,
            remarks=found.remarks,
        )


def restricted() -> bool:
    """Whether this machine lacks CAP_SYS_RESOURCE."""
    return "CAP_SYS_RESOURCE" in machine.missing_capabilities()


def ensure_engine(*, say: Say) -> Engine:
    """A Docker that answers. Like `supply.engine.lifecycle.ensure`, but installs nothing: that needs a network.

    Raises:
        UsageError: None answers, and promdrill may not start one here, or none is installed.
        SupplyError: It cannot be started, hangs, or cannot run privileged containers.
    """
    answer = lifecycle.ask()
    if answer.engine is None:
        refusal = lifecycle.obstacle(machine.examine(), answer)
        if refusal is not None:
            raise refusal
        absent = sorted({package for name, package in lifecycle.PROGRAMS.items() if machine.program(name) is None})
        if absent:
            raise UsageError(
                f"BUNDLE: no container engine answers, and {', '.join(absent)} cannot be installed without a network; "
                "a bundle contains neither Docker nor Python packages",
                hint=f"apt-get install --no-install-recommends {' '.join(absent)}, where its packages are available",
            )
    return lifecycle.ensure(say=say)


def open_(
    file: Path,
    request: SupplyRequest,
    *,
    cache: Cache,
    say: Say,
    app_version: str | None = None,
    opened: Opened | None = None,
    ensure: Callable[..., Engine] = ensure_engine,
) -> Supplied:
    """Everything for a cluster and its drills, from a bundle; no network is used.

    Args:
        file: The bundle.
        request: What the run needs; the bundle must hold exactly that.
        cache: Where to unpack it.
        say: Called with what is being unpacked, started and loaded.
        app_version: The requested version of Prometheus; None for the bundle's.
        opened: The result of `unpacked`, if that was done already.
        ensure: Returns the engine for the node image; called once the bundle is known to be good.

    Raises:
        UsageError: It is not a bundle, is damaged, is for another kind of machine, or does not match the request.
        SupplyError: There is no engine, or it could not load the node image.
    """
    opened = opened or unpacked(file, request, cache=cache, say=say, app_version=app_version)
    running = ensure(say=say)
    _load_node(opened, cache, running, say)
    return opened.supplied(running)


def unpacked(
    file: Path,
    request: SupplyRequest,
    *,
    cache: Cache,
    say: Say,
    app_version: str | None = None,
    listed: Listed | None = None,
) -> Opened:
    """A bundle's files in the cache, each checked; this needs no engine.

    Args:
        file: The bundle.
        request: As for `open_`.
        cache: Where to unpack them.
        say: Called before they are unpacked.
        app_version: As for `open_`.
        listed: Its manifest, if it was read already.

    Raises:
        UsageError: As in `open_`.
        SupplyError: Its files cannot be written.
    """
    listed = listed or Listed.read(file)
    found, sha256 = listed.manifest, listed.sha256
    _check_machine(file, found)
    _check_request(file, found, request, app_version)
    key = sha256[:20]
    folder = cache.place("bundle", key) / "files"
    if not _there(folder, found):
        _require_disk(file, found, cache)

        def make(into: Path) -> dict[str, Any]:
            say(f"Unpacking {file} and checking every checksum.")
            _unpack(file, found, into)
            return {"made": found.made, "sha256": sha256}

        try:
            folder = cache.build("bundle", key, make).files
        except OSError as error:
            raise SupplyError(f"BUNDLE={file}: cannot be unpacked: {error}", hint="promdrill doctor") from error
    return Opened(file, found, folder, sha256)


def _check_machine(file: Path, found: Manifest) -> None:
    here = machine.examine().architecture
    if found.architecture != here:
        raise UsageError(f"BUNDLE={file}: made for {found.architecture}; this machine is {here}",
                         hint=f"{paths.command('bundle')} on a machine that is {here}")  # fmt: skip
    if restricted() and not found.restricted:
        raise UsageError(
            f"BUNDLE={file}: its node image needs CAP_SYS_RESOURCE, which this machine lacks",
            hint=f"{paths.command('bundle')} on a machine that lacks it too, or with SUPPLY=registry",
        )


def _check_request(file: Path, found: Manifest, request: SupplyRequest, app_version: str | None) -> None:
    holds = f"BUNDLE={file} holds Kubernetes {found.kubernetes}, Helm {found.helm}, chart {found.chart} "
    holds += f"{found.chart_version}, Prometheus {found.app_version or 'of an unknown version'}"
    kubernetes = (found.kubernetes, found.asked.kubernetes)
    for name, wanted, there in (
        ("KUBE_VERSION", request.kubernetes, kubernetes),
        ("HELM_VERSION", request.helm, (found.helm,)),
        ("APP_VERSION", (app_version or found.app_version).removeprefix("v"), (found.app_version,)),
    ):
        if wanted not in there:
            hint = f"{name}={there[0]}, or {paths.command('bundle', **{name: wanted})}"
            raise UsageError(f"{name}={wanted}: {holds}", hint=hint)
    if not _same_chart(found, request.chart):
        typed = dict(zip(("CHART", "CHART_VERSION", "REPO"), request.chart.recorded, strict=True))
        said = " ".join(f"{name}={value}" for name, value in typed.items() if value)
        hint = f"leave it out, or make bundle {said}"
        raise UsageError(f"{said}: not the chart in the bundle: {holds}", hint=hint)


def _same_chart(found: Manifest, wanted: find.ChartRequest) -> bool:
    """Whether the requested chart is the one in the bundle; no server is asked."""
    chart, _, repo = wanted.recorded
    if wanted.recorded == (found.asked.chart, found.asked.version, found.asked.repo):
        return True
    if wanted.version and wanted.version != found.chart_version:
        return False
    local = find.local(wanted)
    if local is not None:
        return files.digest(local) in found.chart_digests
    if wanted.chart is None:
        return repo in {None, found.asked.repo}
    place, _, named = (chart or "").rpartition("/")
    asked, _, _ = (found.asked.chart or "").rpartition("/")
    name, _, tag = named.partition(":")
    same = (place, name, repo) == (asked, found.chart, found.asked.repo)
    return same and tag.replace("_", "+") in {"", found.chart_version}


def _there(folder: Path, found: Manifest) -> bool:
    """Whether all files are unpacked and have the right size; checksums were checked when they were unpacked."""
    for part in found.parts:
        path = folder / unpacked_name(part)
        if part.path != NODE and not (path.is_file() and path.stat().st_size == part.unpacked_bytes):
            return False
    return True


def _require_disk(file: Path, found: Manifest, cache: Cache) -> None:
    cache.root.mkdir(parents=True, exist_ok=True)
    wanted = sum(part.size_bytes if part.path == NODE else part.unpacked_bytes for part in found.parts)
    free = shutil.disk_usage(cache.root).free
    if free < wanted:
        raise UsageError(
            f"BUNDLE={file}: {free / 2**30:.1f} GiB free at {cache.root}, {wanted / 2**30:.1f} GiB needed to unpack it",
            hint="PROMDRILL_CACHE_DIR=<folder on a larger disk> make ..., or make clean-cache",
        )


def _unpack(file: Path, found: Manifest, into: Path) -> None:
    """Unpack everything but the node image; the checksums of all parts are checked."""
    for part, content in members(file, found):
        if part.path == NODE:
            copy(file, part, content, None)
            continue
        target = into / unpacked_name(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            copy(file, part, content, out)
        target.chmod(0o755 if part.path.startswith("tools/") else 0o644)


def _load_node(opened: Opened, cache: Cache, running: Engine, say: Say) -> None:
    """Load the node image into the engine, unless it has an image of that name: the name contains the recipe's hash."""
    image = opened.manifest.node_image
    with cache.lock(f"node-{image.rpartition(':')[2]}"):
        if _has(running, image):
            return
        say(f"Loading node image {image} into the engine, half a minute or more.")
        with cache.scratch() as scratch:
            target = scratch / NODE
            for part, content in members(opened.file, opened.manifest):
                if part.path == NODE:
                    with target.open("wb") as out:
                        copy(opened.file, part, content, out)
            try:
                running.docker("load", "--quiet", "--input", target, timeout_s=LOAD_S)
            except CommandFailed as error:
                raise SupplyError(f"the engine could not load node image {image}\n{error}") from error
        if not _has(running, image):
            raise SupplyError(f"BUNDLE={opened.file}: its {NODE} does not contain {image}", hint="make bundle again")


def _has(running: Engine, image: str) -> bool:
    return running.docker("image", "inspect", "--format", "{{.Id}}", image, timeout_s=30, ok=(0, 1)).exit_code == 0

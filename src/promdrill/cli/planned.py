"""``promdrill doctor --plan``: list what a run would fetch on a platform, one artefact per line. Fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape

from promdrill.artefacts.pins import Pin, Pins
from promdrill.artefacts.platforms import Platform
from promdrill.helm.source import find
from promdrill.install.manifests import APP_VERSION
from promdrill.request import needed_images
from promdrill.request.request import Request
from promdrill.supply import OWN_IMAGES
from promdrill.supply.build import programs
from promdrill.supply.pull import registry

PROVISIONER_IMAGE = f"docker.io/rancher/local-path-provisioner:v{registry.PROVISIONER_VERSION}"
"""The image in the provisioner's manifest, which is not available until it is fetched."""

_SHOWN = 12  # characters of a digest, as Docker shows it


@dataclass(frozen=True, slots=True)
class Fetched:
    """One artefact.

    Attributes:
        what: What it is.
        platform: Where it runs; `any` for text.
        source: Its address, or the reference of an image.
        sha256: Its pinned SHA-256 in hexadecimal; empty where the registry's digest is used, or the image is ours.
    """

    what: str
    platform: str
    source: str
    sha256: str = ""


def rows(request: Request, platform: Platform, pins: Pins) -> Iterator[Fetched]:
    """What the registry supply fetches for drills on a machine of that platform.

    The images of a chart are not included: they are known only after Helm has rendered it.

    Args:
        request: The request; its scenarios will be drilled.
        platform: The machine's.
        pins: The table of pins.

    Raises:
        UsageError: There is no such version of Kubernetes.
        SupplyError: Something is not pinned for that platform.
    """
    settings, scenarios = request.settings, request.scenarios
    planned, node = registry.plan(request.of_supply(), platform, pins), str(platform.node)
    yield from (_pinned(pin, str(platform)) for pin in (planned.kind, planned.kubectl, planned.helm))
    yield from (_pinned(pin, "any") for pin in (planned.provisioner, planned.crds))
    yield Fetched("node image", node, planned.node.name, planned.node.digest)
    drilled = needed_images.drilled_images(scenarios, settings.app_version or APP_VERSION)
    images = (
        PROVISIONER_IMAGE,
        *needed_images.storage_images(None),
        *drilled,
        *needed_images.optional_images(scenarios),
    )
    for name in dict.fromkeys(images):
        if name in OWN_IMAGES:
            yield Fetched("own image", node, f"{name}, packed from promdrill's {programs.FOLDER}/{platform.node.key}")
        else:
            yield Fetched("image", node, name, pins.digest("image", name) or "")
    chart = settings.chart or find.DEFAULT
    version = settings.chart_version or ("" if settings.chart else find.DEFAULT_VERSION)
    yield Fetched("chart", "any", f"{chart} {version}".strip(), (version and pins.digest(chart, version)) or "")


def render(found: Sequence[Fetched], console: Console) -> None:
    """Print a plan, two lines per artefact: what it is, and its address, which can be copied."""
    widest = max(len(row.what) for row in found)
    for row in found:
        digest = f"  SHA-256 {row.sha256[:_SHOWN]}" if row.sha256 else ""
        console.print(f"[bold]{escape(row.what):{widest}}[/]  {row.platform:12}{digest}", soft_wrap=True)
        console.print(f"    {escape(row.source)}", soft_wrap=True)
    console.print(
        "The chart's images are not listed: once Helm has rendered the chart, they are pulled by digest and loaded.",
        soft_wrap=True,
    )


def to_json(found: Sequence[Fetched]) -> list[dict[str, Any]]:
    """The same as `render`, for JSON, with full digests."""
    return [asdict(row) for row in found]


def _pinned(pin: Pin, platform: str) -> Fetched:
    return Fetched(f"{pin.name} {pin.version}", platform, pin.address, pin.sha256)

"""The versions of Kubernetes that each supply has, and the one that a requested version gets."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from promdrill.artefacts.pins import Pins
from promdrill.core import paths
from promdrill.core.choices import VERSION, nearest
from promdrill.core.errors import UsageError, shortened
from promdrill.supply.build import catalogue

NODE = "node"
"""The table of pins for images of kindest/node."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The available versions of Kubernetes.

    Attributes:
        versions: Newest first, without a leading v.
        by_line: Whether any patch version gets the one available for its minor version: kind has one image for each.
    """

    versions: tuple[str, ...]
    by_line: bool = False

    def true(self, wanted: str) -> str:
        """The version that a cluster really has when this one is requested.

        Raises:
            UsageError: There is no such version; the hint names the nearest.
        """
        if wanted in self.versions:
            return wanted
        whole = VERSION.fullmatch(wanted) is not None and "-" not in wanted
        line = [found for found in self.versions if self.by_line and whole and _line(found) == _line(wanted)]
        if line:
            return line[0]
        hint = f"KUBE_VERSION={nearest(wanted, self.versions)}" if self.versions else ""
        text = f"KUBE_VERSION={shortened(wanted, 80)}: not one of {', '.join(self.versions) or '(none)'}"
        raise UsageError(text, hint=hint)


def offer(supply: str) -> Offer:
    """The versions that a supply has.

    Args:
        supply: `source` or `registry`.

    Raises:
        UsageError: The user's pins cannot be read.
    """
    if supply == "source":
        return Offer(catalogue.load(paths.images_dir()).kubernetes_versions())
    return Offer(tuple(Pins.load().versions(NODE)), by_line=True)


def offered_anywhere() -> Offer:
    """The versions that at least one supply has, for checks before one is chosen.

    Raises:
        UsageError: The user's pins cannot be read.
    """
    both = {*offer("source").versions, *offer("registry").versions}
    return Offer(tuple(sorted(both, key=Version, reverse=True)), by_line=True)


def remark(wanted: str, true: str) -> str:
    """The remark for a cluster that has another version than requested."""
    return f"Kubernetes {true} runs instead of {wanted}: kind has an image of no other {true.rpartition('.')[0]}."


def _line(version: str) -> str:
    return ".".join(version.split(".")[:2])

"""Which versions of Kubernetes each supply has, and the one that stands for what was asked for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from packaging.version import Version

from promdrill.artefacts.pins import Pins
from promdrill.core import paths
from promdrill.core.choices import VERSION
from promdrill.core.errors import UsageError
from promdrill.supply.build import catalogue

NODE = "node"
"""The table of pins for images of kindest/node."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The versions of Kubernetes that can be had.

    Attributes:
        versions: Newest first, without a leading v.
        by_line: Whether any patch of a minor version stands for the one that there is, as kind has one image of each.
    """

    versions: tuple[str, ...]
    by_line: bool = False

    def true(self, wanted: str) -> str:
        """The version that a cluster really has when this one is asked for.

        Raises:
            UsageError: There is none; the nearest is named.
        """
        if wanted in self.versions:
            return wanted
        whole = VERSION.fullmatch(wanted) is not None and "-" not in wanted
        line = [found for found in self.versions if self.by_line and whole and _line(found) == _line(wanted)]
        if line:
            return line[0]
        near = difflib.get_close_matches(wanted, self.versions, n=1, cutoff=0.0) or list(self.versions[:1])
        raise UsageError(
            f"KUBE_VERSION={wanted}: not one of {', '.join(self.versions) or '(none)'}",
            hint=f"KUBE_VERSION={near[0]}" if near else "",
        )


def offer(supply: str) -> Offer:
    """What a supply has.

    Args:
        supply: `source` or `registry`.

    Raises:
        UsageError: The user's pins cannot be read.
    """
    if supply == "source":
        return Offer(catalogue.load(paths.images_dir()).kubernetes_versions())
    return Offer(tuple(Pins.load().versions(NODE)), by_line=True)


def offered_anywhere() -> Offer:
    """What some supply has, for what is checked before one is chosen.

    Raises:
        UsageError: The user's pins cannot be read.
    """
    both = {*offer("source").versions, *offer("registry").versions}
    return Offer(tuple(sorted(both, key=Version, reverse=True)), by_line=True)


def remark(wanted: str, true: str) -> str:
    """What is said where a cluster has another version than the one asked for."""
    return f"Kubernetes {true} runs in place of {wanted}: it is the one of its line that kind has an image of."


def _line(version: str) -> str:
    return ".".join(version.split(".")[:2])

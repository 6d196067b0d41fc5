"""What can be built of the families: the Go module proxy is asked which releases it serves, and whether all they need.

A release is asked for by its version, since proxies may serve what they do not list. What was built before is not asked
about again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promdrill.core import scratch, shell
from promdrill.core.errors import CommandFailed, SupplyError, cause_in
from promdrill.core.say import Say
from promdrill.helm.values.images import Image, Stock, is_of
from promdrill.supply.build import go as gobuild
from promdrill.supply.build import release
from promdrill.supply.build.catalogue import Artefact, Catalogue, Family
from promdrill.supply.build.toolchain import Go

ASK_S = 60.0
"""Seconds for one answer of the proxy."""

_GO_LINE = re.compile(r"^go[ \t]+(\S+)", re.MULTILINE)
"""The version of Go in a go.mod; one that a proxy makes up, for a module from before modules, has none."""


@dataclass
class Served:
    """Asks about each release once.

    Attributes:
        catalogue: The families, and what can be built besides.
        go: The toolchain, which asks.
        built: Whether the cache has an artefact.
        say: Called with one sentence before something that takes long, and about what is not checked.
    """

    catalogue: Catalogue
    go: Go
    built: Callable[[str], bool]
    say: Say
    _listed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _asked: dict[str, str] = field(default_factory=dict)
    _obstacles: dict[str, str] = field(default_factory=dict)

    def stock(self) -> Stock:
        """The images of the catalogue, and those of all releases that are served."""
        return Stock(self.catalogue.references(), self.made, self.obstacle)

    def made(self, wanted: Image) -> tuple[tuple[str, ...], str]:
        """The images of a family that may be made in place of one.

        Args:
            wanted: The image.

        Returns:
            Their references, and why the wanted image is not among them; nothing if no family makes its kind.
        """
        family = next((each for each in self.catalogue.families.values() if is_of(wanted, each.image.name)), None)
        if family is None:
            return (), ""
        versions, why = dict.fromkeys(self._versions(family)), ""
        version = family.version_in(wanted.tag)
        if version is not None:
            why = self._why_not(family.artefact(version, self.catalogue.folder))
            if not why:
                versions[version] = None
        return tuple(family.reference(each, wanted.tag) for each in versions), why

    def obstacle(self, reference: str) -> str:
        """Why a release cannot be built after all: something that it needs is not served, or needs a newer Go.

        Its modules are fetched for that, as its build would.
        """
        artefact, _ = self.catalogue.image(reference)
        if artefact.release is None or self.built(artefact.name):
            return ""
        if reference not in self._obstacles:
            self._obstacles[reference] = self._why_not(artefact) or self._fetched(artefact)
        return self._obstacles[reference]

    def _fetched(self, artefact: Artefact) -> str:
        self.say(f"Fetching the modules of {artefact.name}, to see whether all that it needs is served.")
        try:
            notes = gobuild.download(artefact, self.go)
        except SupplyError as error:
            cause = error.__cause__
            return cause_in(cause.output) if isinstance(cause, CommandFailed) else error.message
        if not notes["checked"]:
            self.say(f"{notes['module']} is not checked: Go's settings name no checksum database for it.")
        return ""

    def _versions(self, family: Family) -> tuple[str, ...]:
        """The releases that the proxy lists; none if it has no list."""
        if family.module not in self._listed:
            try:
                listed = json.loads(self._go(["list", "-m", "-versions", "-json", family.module])).get("Versions") or ()
            except CommandFailed:
                listed = ()
            found = (family.version(each) for each in listed)
            self._listed[family.module] = tuple(each for each in found if each is not None and "-" not in each)
        return self._listed[family.module]

    def _why_not(self, artefact: Artefact) -> str:
        """Why a release cannot be built, as far as the proxy's answer about it says; empty if nothing is in the way."""
        wanted = artefact.release
        if wanted is None or self.built(artefact.name):
            return ""
        if wanted.name not in self._asked:
            try:
                mod = Path(json.loads(self._go(["list", "-m", "-json", wanted.name]))["GoMod"]).read_text(
                    encoding="utf-8"
                )
                needed = _GO_LINE.search(mod)  # its GoVersion is missing where this Go is too old
                release.require_go(wanted, needed[1] if needed else "", self.go)
                said = "" if needed else f"{wanted.name} has no go.mod of its own"
            except CommandFailed as error:
                said = f"the Go module proxy does not serve {wanted.name} ({_answer(error)})"
            except SupplyError as error:
                said = error.message
            self._asked[wanted.name] = said
        return self._asked[wanted.name]

    def _go(self, argv: Sequence[str]) -> str:
        env = {**self.go.env, "GOFLAGS": "-mod=mod -modcacherw"}
        with scratch.folder("ask") as folder:  # outside every module
            return shell.run([self.go.binary, *argv], timeout_s=ASK_S, env=env, cwd=Path(folder)).stdout


def _answer(error: CommandFailed) -> str:
    """The answer that a proxy gave, without the address that was asked."""
    return cause_in(error.output).rpartition(": ")[2] or error.outcome

"""The table of pins: versions, addresses and checksums of downloads, from pins.toml and a file of the user's own."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from promdrill.artefacts.platforms import Platform
from promdrill.artefacts.reference import Reference
from promdrill.core import reading, toml_read
from promdrill.core.errors import SupplyError, UsageError

PINS_VARIABLE = "PROMDRILL_PINS"
"""Names a file with the user's own pins, in the format of pins.toml."""

_PATTERNS = ("address", "member")
"""Tables of texts that name a version and a platform; all others hold checksums."""

IMAGES = "image"
"""The table of images, by their references: ``[image."quay.io/prometheus/prometheus:v2.48.0"] digest = ...``. All
others that hold checksums go by version."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """One download.

    Attributes:
        name: The program's name.
        version: Its version, without a leading v.
        address: Its address.
        sha256: SHA-256 of the download, in hexadecimal.
        member: The file to take from the downloaded tar archive; empty if the download is the program itself.
    """

    name: str
    version: str
    address: str
    sha256: str
    member: str


class Pins:
    """A table of pins.

    Args:
        tables: Contents of pin files; earlier ones take precedence.
    """

    def __init__(self, *tables: Mapping[str, Any]) -> None:
        self._tables = tables

    @classmethod
    def load(cls) -> Pins:
        """The user's own pins, if any, before promdrill's.

        Raises:
            UsageError: The user's file cannot be read.
        """
        ours = tomllib.loads(Path(__file__).with_name("pins.toml").read_text(encoding="utf-8"))
        own = os.environ.get(PINS_VARIABLE)
        if not own:
            return cls(ours)
        said = f"{PINS_VARIABLE}={reading.shown(own)}"
        theirs = toml_read.value_of(reading.text_of(reading.path_of(own, said=said), said=said), said=said)
        _check(theirs, said)
        return cls(theirs, ours)

    def versions(self, name: str) -> list[str]:
        """The pinned versions of something, newest first."""
        found = {version for table in self._tables for version in table.get(name, {})}
        return sorted(found, key=Version, reverse=True)

    def newest(self, name: str, within: str) -> str:
        """The newest pinned version of a release line, `4` or `1.36`; a pinned version itself is returned as it is.

        Raises:
            SupplyError: None is pinned; the message lists the pinned ones.
        """
        versions = self.versions(name)
        if within in versions:
            return within
        line = [version for version in versions if version.startswith(f"{within}.")]
        if not line:
            raise SupplyError(f"the registry supply has no {name} {within}; it has {', '.join(versions)}",
                              hint=self._how_to(name, within))  # fmt: skip
        return line[0]

    def digest(self, name: str, version: str, *, field: str = "digest") -> str | None:
        """The SHA-256 pinned for an image or a chart, in hexadecimal; None if there is none.

        Raises:
            UsageError: The pin is not a SHA-256.
        """
        pinned = self._value(name, version, field)
        if pinned is None:
            return None
        digest = str(pinned).removeprefix("sha256:")  # as Docker writes it
        if not _SHA256.fullmatch(digest):
            hint = f"correct ${PINS_VARIABLE}"
            raise UsageError(f"the pin of {name} {version} is not a SHA-256: {pinned}", hint=hint)
        return digest

    def tool(self, name: str, version: str, platform: Platform) -> Pin:
        """The pin of a program for a platform.

        Raises:
            SupplyError: No SHA-256 is pinned for it.
            UsageError: The pin is not a SHA-256.
        """
        sha256 = self.digest(name, version, field=platform.key)
        if sha256 is None:
            raise SupplyError(f"no SHA-256 is pinned for {name} {version} on {platform}; refusing to use it "
                              "unchecked", hint=self._how_to(name, version, platform.key))  # fmt: skip
        return self._pin(name, version, sha256, platform)

    def file(self, name: str, version: str) -> Pin:
        """The pin of a file that is the same for every platform.

        Raises:
            SupplyError: No SHA-256 is pinned for it.
            UsageError: The pin is not a SHA-256.
        """
        sha256 = self.digest(name, version)
        if sha256 is None:
            raise SupplyError(f"no SHA-256 is pinned for {name} {version}; refusing to use it unchecked",
                              hint=self._how_to(name, version))  # fmt: skip
        return self._pin(name, version, sha256, Platform("", ""))

    def _pin(self, name: str, version: str, sha256: str, platform: Platform) -> Pin:
        put = {"version": version, "system": platform.system, "architecture": platform.architecture}
        address = str(self._value("address", name) or "").format(**put)
        return Pin(name, version, address, sha256, str(self._value("member", name) or "").format(**put))

    def _value(self, *keys: str) -> Any:
        for table in self._tables:
            found: Any = table
            for key in keys:
                found = found.get(key) if isinstance(found, Mapping) else None
            if found is not None:
                return found
        return None

    def _how_to(self, name: str, version: str, field: str = "digest") -> str:
        entry = f'[{name}."{version}"] {field} = "<the SHA-256 that its publisher gives>"'
        return f"put {entry} into a file, and set {PINS_VARIABLE}=<that file>"


def _check(table: Mapping[str, Any], said: str) -> None:
    """Refuse a table that is none of pins: texts with known names in braces, and checksums by version and platform."""
    for name, held in table.items():
        if not isinstance(held, dict):
            raise UsageError(f"{said}: {name} is not a table", hint=f'[{name}."1.2.3"]')
        for key, value in held.items():
            if name in _PATTERNS:
                _check_pattern(value, f"{said}: {name}.{key}")
                continue
            _check_key(name, key, said)
            if not isinstance(value, dict):
                raise UsageError(f"{said}: {name}.{key} is not a table", hint=f'[{name}."{key}"]')


def _check_key(name: str, key: str, said: str) -> None:
    try:
        Reference.of(key) if name == IMAGES else Version(key)
    except SupplyError as error:
        raise UsageError(f"{said}: {name}: {error.message}", hint=f'[{name}."{error.hint}"]') from error
    except ValueError as error:
        raise UsageError(f"{said}: {name}.{key}: not a version", hint=f'[{name}."1.2.3"]') from error


def _check_pattern(value: object, said: str) -> None:
    try:
        known = isinstance(value, str) and bool(value.format(version="", system="", architecture="") or True)
    except (LookupError, ValueError, AttributeError):
        known = False
    if not known:
        raise UsageError(f"{said}: not a text with {{version}}, {{system}} and {{architecture}}", hint="see pins.toml")

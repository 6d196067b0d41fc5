"""Platforms as Go and Docker name them: an operating system and an architecture."""

from __future__ import annotations

from dataclasses import dataclass

from promdrill.artefacts import machine
from promdrill.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that a program runs on.

    Attributes:
        system: As `promdrill.artefacts.machine.Machine` has it.
        architecture: Likewise.
    """

    system: str
    architecture: str

    @classmethod
    def here(cls) -> Platform:
        """The platform of this machine."""
        host = machine.examine()
        return cls(host.system, host.architecture)

    @classmethod
    def of(cls, text: str) -> Platform:
        """The platform that a text such as `darwin/arm64` names.

        Raises:
            UsageError: promdrill does not run on it.
        """
        for known in PLATFORMS:
            if str(known) == text:
                return known
        raise UsageError(
            f"{text!r} is not a platform that promdrill runs on: {', '.join(map(str, PLATFORMS))}",
            hint=f"--platform {PLATFORMS[0]}",
        )

    @property
    def node(self) -> Platform:
        """The platform of containers on such a machine: Linux, of the same architecture."""
        return Platform("linux", self.architecture)

    @property
    def key(self) -> str:
        """Its name in the table of pins, `linux-amd64`."""
        return f"{self.system}-{self.architecture}"

    def __str__(self) -> str:
        return f"{self.system}/{self.architecture}"


PLATFORMS = tuple(
    Platform(system, architecture) for system in ("linux", "darwin") for architecture in ("amd64", "arm64")
)
"""Where promdrill runs: kind, kubectl and Helm are pinned for each."""

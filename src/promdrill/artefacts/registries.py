"""The addresses of image registries: the public ones, and the mirror that a user names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from promdrill.core.errors import UsageError

MIRROR_VARIABLE = "REGISTRY_MIRROR"
"""Names the image registry to use instead of Docker Hub: `host` or `host:port`, if needed with a path or scheme."""

HUB = "docker.io"
PUBLIC = {HUB: "Docker Hub", "quay.io": "Quay"}
"""The registries to ask without a mirror: more than one, because one may be down or slow."""

_HUB_API = "https://registry-1.docker.io"
_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$")


@dataclass(frozen=True, slots=True)
class Registry:
    """The address of an image registry.

    Attributes:
        api: Root of its HTTP API, without ``/v2/``.
        prefix: The start of its image references, with a trailing slash; empty for Docker Hub.
    """

    api: str
    prefix: str

    @classmethod
    def of(cls, address: str) -> Registry:
        """The registry at an address as a user types it.

        Without a scheme, https is used, and http on loopback, as Docker does.

        Raises:
            UsageError: It is not the address of a registry.
        """
        match = re.fullmatch(
            r"(?:(https?)://)?([A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)((?:/[\w.-]+)*)/?", address
        )
        if match is None:
            raise UsageError(
                f"{MIRROR_VARIABLE}={address.rpartition('@')[2]} is not the address of a registry",
                hint=f"{MIRROR_VARIABLE}=mirror.example:5000",
            )
        scheme, host, path = match.groups()
        if (host, path) == (HUB, ""):
            return cls(_HUB_API, "")
        scheme = scheme or ("http" if _LOOPBACK.match(host) else "https")
        return cls(f"{scheme}://{host}", f"{host}{path}/")

    @property
    def title(self) -> str:
        """Its name in messages."""
        host = self.api.partition("://")[2]
        return PUBLIC.get(host if self.prefix else HUB, f"the image registry at {self.api}")

    @property
    def path(self) -> str:
        """What its API puts before a repository's name; empty, or with a trailing slash."""
        return self.prefix.partition("/")[2]


def mirror() -> Registry:
    """The registry that the user named, else Docker Hub.

    Raises:
        UsageError: The user's is not the address of a registry.
    """
    return Registry.of(os.environ.get(MIRROR_VARIABLE) or HUB)

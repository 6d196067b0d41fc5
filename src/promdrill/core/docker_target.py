"""Which Docker the docker command and kind talk to.

The first of: DOCKER_HOST; the context that the user chose; the Docker that promdrill started, as long as it runs; the
default socket. What the user chose is never passed over, even if nobody answers there.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from promdrill.core import paths

HOST_VARIABLE = "DOCKER_HOST"

CONTEXT_VARIABLE = "DOCKER_CONTEXT"

CONFIG_VARIABLE = "DOCKER_CONFIG"

DEFAULT_CONTEXT = "default"

DEFAULT_SOCKET = Path("/var/run/docker.sock")
"""Where the docker command looks if nothing else is said. promdrill's own Docker never listens there."""


def own_socket() -> Path:
    """Where the Docker that promdrill starts listens."""
    return paths.state_dir() / "engine" / "docker.sock"


def host() -> str:
    """DOCKER_HOST; empty if not set. It takes precedence over every context."""
    return os.environ.get(HOST_VARIABLE, "")


def context() -> str:
    """Name of Docker's current context, as the docker command finds it."""
    if host():
        return DEFAULT_CONTEXT
    folder = os.environ.get(CONFIG_VARIABLE) or Path.home() / ".docker"
    try:
        config = json.loads(Path(folder, "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}
    current = config.get("currentContext") if isinstance(config, dict) else None
    return os.environ.get(CONTEXT_VARIABLE) or str(current or DEFAULT_CONTEXT)


def chosen() -> bool:
    """Whether the user chose a Docker: by DOCKER_HOST, DOCKER_CONTEXT, or ``docker context use``."""
    return bool(host()) or context() != DEFAULT_CONTEXT


def ours() -> bool:
    """Whether it is the one that promdrill started."""
    return not chosen() and listens(own_socket())


def variables() -> dict[str, str]:
    """What leads the docker command to promdrill's own Docker, if that is the one; otherwise nothing."""
    return {HOST_VARIABLE: f"unix://{own_socket()}"} if ours() else {}


def listens(path: Path) -> bool:
    """Whether somebody listens on a socket, even if this user may not connect."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return False
        except OSError:
            return True
    return True

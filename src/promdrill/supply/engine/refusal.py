"""Why a run can neither use a Docker nor start one: what is wrong, and what to do, by platform."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from promdrill.artefacts import machine
from promdrill.artefacts.machine import Machine
from promdrill.artefacts.platforms import PLATFORMS
from promdrill.core import docker_target
from promdrill.core.errors import UsageError
from promdrill.supply.engine.docker import Answer, Trouble

_MAC_APPS = {"Docker.app": "open -a Docker", "OrbStack.app": "orb start", "colima": "colima start"}
"""Programs that provide Docker on macOS: the application or command to look for, and how to start each."""

_INSTALL_MAC = "install Docker Desktop, OrbStack or colima, and start it"
_INSTALL = "https://docs.docker.com/engine/install/"


def has(name: str) -> bool:
    """Whether a program is installed: a macOS application by its folder's name, else a command."""
    return Path("/Applications", name).exists() if name.endswith(".app") else machine.program(name) is not None


Has = Callable[[str], bool]


def platform(host: Machine) -> UsageError | None:
    """The error for a kind of machine that promdrill does not run on; None for all others."""
    if host.wsl == 1:
        return UsageError("this is WSL 1, which has no Linux kernel to run containers on",
                          hint="wsl --set-version <distribution> 2")  # fmt: skip
    if host.platform not in {str(each) for each in PLATFORMS}:
        return UsageError(f"promdrill does not run on {host.platform}",
                          hint="use Linux, WSL 2 or macOS on amd64 or arm64")  # fmt: skip
    return None


def may_start(host: Machine) -> bool:
    """Whether promdrill may install and start a Docker on a machine."""
    return host.root and host.debian and host.system == "linux"


def obstacle(host: Machine, answer: Answer, *, has: Has = has) -> UsageError | None:
    """The error for a machine without a usable Docker on which promdrill may not start one; None if it may.

    Args:
        host: The machine.
        answer: The answer of `docker.ask`, without an engine.
        has: Whether a program is installed.
    """
    if answer.trouble in (Trouble.NOT_INSTALLED, Trouble.NOT_RUNNING):
        return _nothing(host, answer, has)
    wrong, hint = _MOVES[answer.trouble](host, answer, has)
    return UsageError(wrong, hint=hint)


def _nothing(host: Machine, answer: Answer, has: Has) -> UsageError | None:
    if may_start(host):
        return None
    wrong = f"no container engine: {answer.why}"
    if host.system == "linux":
        who = f"{'root' if host.root else 'not root'} on {host.distribution}"
        wrong += f", and promdrill installs one only for root on Debian or Ubuntu (this is {who})"
    installed = answer.trouble is not Trouble.NOT_INSTALLED
    return UsageError(wrong, hint=_start(host, has) if installed else _install(host, has))


def _start(host: Machine, has: Has) -> str:
    sudo = "" if host.root else "sudo "
    if host.system == "darwin":
        return " or ".join(start for name, start in _MAC_APPS.items() if has(name)) or _INSTALL_MAC
    if host.wsl:
        own = f"{sudo}service docker start"
        return own if has("dockerd") else "start Docker Desktop, with WSL integration for this distribution switched on"
    return f"{sudo}systemctl start docker"


def _install(host: Machine, has: Has) -> str:
    sudo = "" if host.root else "sudo "
    if host.system == "darwin":
        return _start(host, has)
    own = f"{sudo}apt-get install docker.io" if host.debian else f"install Docker: {_INSTALL}"
    return f"switch on WSL integration in Docker Desktop's settings, or {own}" if host.wsl else own


def _elsewhere(host: Machine, has: Has) -> str:
    """How to get from an unusable engine to a usable Docker."""
    if docker_target.host():
        return f"unset DOCKER_HOST, with a Docker behind the default socket ({_start(host, has)})"
    if docker_target.chosen():
        return f"docker context use a Docker's ({_start(host, has)}); docker context ls names all"
    return _install(host, has) if host.system == "darwin" or host.wsl else f"install Docker: {_INSTALL}"


def _no_permission(host: Machine, answer: Answer, _has: Has) -> tuple[str, str]:
    hint = 'sudo usermod -aG docker "$USER", log in again' if host.system == "linux" else "docker context ls"
    return f"a Docker runs, but you may not use it: {answer.why}", hint


def _dead_host(_host: Machine, answer: Answer, _has: Has) -> tuple[str, str]:
    return f"no container engine: DOCKER_HOST is {docker_target.host()}, and {answer.why}", "unset DOCKER_HOST"


def _dead_context(host: Machine, answer: Answer, _has: Has) -> tuple[str, str]:
    name = docker_target.context()
    profile = name.removeprefix("colima").removeprefix("-")
    desktop = "open -a Docker" if host.system == "darwin" else "systemctl --user start docker-desktop"
    starts = {"desktop-linux": desktop, "orbstack": "orb start", "rancher-desktop": "start Rancher Desktop"}
    start = f"colima start {profile}".strip() if name.startswith("colima") else starts.get(name, "")
    return f"no container engine: Docker's context {name} does not answer: {answer.why}", start or _leave_context()


def _no_context(_host: Machine, _answer: Answer, _has: Has) -> tuple[str, str]:
    return f"no container engine: there is no Docker context named {docker_target.context()}", _leave_context()


def _leave_context() -> str:
    leave = "unset DOCKER_CONTEXT" if os.environ.get(docker_target.CONTEXT_VARIABLE) else "docker context use default"
    return f"{leave}; docker context ls names all"


def _strange(_host: Machine, answer: Answer, _has: Has) -> tuple[str, str]:
    return f"something answers instead of Docker, but not as Docker does: {answer.why}", "docker version"


def _api(_host: Machine, answer: Answer, _has: Has) -> tuple[str, str]:
    hint = f"use the same version of the docker command and its server: {_INSTALL}"
    return f"the docker command and its server are incompatible: {answer.why}", hint


def _too_old(_host: Machine, answer: Answer, _has: Has) -> tuple[str, str]:
    return answer.why, f"install a newer Docker: {_INSTALL}"


def _podman(host: Machine, answer: Answer, has: Has) -> tuple[str, str]:
    return f"{answer.why}, and promdrill needs Docker itself", _elsewhere(host, has)


def _rootless(host: Machine, answer: Answer, has: Has) -> tuple[str, str]:
    why = "its nodes have no loop devices, which a drill's volumes need"
    return f"{answer.why}, and {why}", f"use a Docker that runs as root: {_elsewhere(host, has)}"


def _windows(_host: Machine, answer: Answer, _has: Has) -> tuple[str, str]:
    return f"{answer.why}, and nodes are Linux", "switch Docker Desktop to Linux containers"


_MOVES: dict[Trouble, Callable[[Machine, Answer, Has], tuple[str, str]]] = {
    Trouble.NO_PERMISSION: _no_permission,
    Trouble.HOST: _dead_host,
    Trouble.CONTEXT: _dead_context,
    Trouble.NO_CONTEXT: _no_context,
    Trouble.STRANGE: _strange,
    Trouble.API: _api,
    Trouble.TOO_OLD: _too_old,
    Trouble.PODMAN: _podman,
    Trouble.ROOTLESS: _rootless,
    Trouble.WINDOWS: _windows,
}

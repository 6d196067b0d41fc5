"""Which engine answers the docker command: one question for its versions, one for its facts.

If no usable engine answers, `Trouble` says why: promdrill may start its own Docker only if there really is none, and
every other trouble has another remedy.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from typing import Any

from promdrill.artefacts.machine import ARCHITECTURES, Machine
from promdrill.core import docker_target, shell
from promdrill.core.errors import CommandFailed, CommandTimeout, SupplyError
from promdrill.core.shell import Completed
from promdrill.supply.engine import dockerd
from promdrill.supply.engine.dockerd import Places

ANSWER_S = 10.0
"""Seconds within which a running Docker must answer: 0.05 measured, 5 on a machine that swaps."""

OLDEST_API = (1, 41)
"""Docker 20.10: kind gives each node its own cgroup namespace (``--cgroupns``), which older ones do not support."""

_ANY = range(256)


class Trouble(StrEnum):
    """Why no Docker can be used."""

    NOT_INSTALLED = "no docker command"
    NOT_RUNNING = "nothing listens on the default socket"
    NO_PERMISSION = "this user may not use the socket"
    HOST = "DOCKER_HOST does not answer"
    CONTEXT = "the context does not answer"
    NO_CONTEXT = "no such context"
    STRANGE = "something answers, but not as Docker does"
    API = "command and server are incompatible"
    TOO_OLD = "the server is too old for kind"
    PODMAN = "podman"
    ROOTLESS = "a rootless Docker"
    WINDOWS = "a Docker for Windows containers"


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker that answers. Its facts are those of the machine that the containers run on.

    Attributes:
        version: The server's version.
        ours: Whether promdrill started it.
        architecture: Of its containers, and so of the nodes: `amd64` or `arm64`; for any other the server's own name.
        os: `linux`.
        product: Its name for the system that it runs on, such as ``Docker Desktop``.
        kernel: Release of that system's kernel.
        hostname: That system's name.
        memory_bytes: Memory of that system; 0 if unknown.
        cpus: Its processors; 0 if unknown.
        data_root: Its folder of images and containers, on that system.
        runtime: Name of its default runtime.
        cgroup_v2: Whether that system runs cgroup v2 alone, as the kubelet sees it.
        remapped: Whether it remaps its containers' users (userns-remap); privileged containers have to opt out of that.
    """

    version: str
    ours: bool
    architecture: str = "amd64"
    os: str = "linux"
    product: str = ""
    kernel: str = ""
    hostname: str = ""
    memory_bytes: int = 0
    cpus: int = 0
    data_root: str = ""
    runtime: str = "runc"
    cgroup_v2: bool = True
    remapped: bool = False

    def docker(self, *arguments: str | PathLike[str], timeout_s: float, **options: Any) -> Completed:
        """Run a ``docker`` command; the rest is as in `promdrill.core.shell.run`.

        Raises:
            CommandFailed: It failed, or did not end before the deadline.
        """
        return shell.run(["docker", *arguments], timeout_s=timeout_s, **options)

    def here(self, host: Machine) -> bool:
        """Whether its containers run on this system, not in a virtual machine or on another machine.

        Docker Desktop's WSL distribution has the same kernel as all others but another hostname.
        """
        return (
            host.system == "linux"
            and bool(self.kernel)
            and (self.kernel, self.hostname) == (host.kernel, host.hostname)
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to whether there is a usable Docker.

    Attributes:
        engine: The Docker, if a usable one answers.
        why: Otherwise why not, in words.
        trouble: Otherwise the kind of trouble.
    """

    engine: Engine | None
    why: str = ""
    trouble: Trouble = Trouble.NOT_RUNNING


def ask(places: Places | None = None) -> Answer:
    """Ask the Docker that `promdrill.core.docker_target` names; nothing is started.

    Args:
        places: Folders of a Docker that promdrill started.

    Raises:
        SupplyError: Something listens there but hangs.
    """
    places = places or Places.usual()
    if shutil.which("docker") is None:
        return Answer(None, "the docker command is not installed", _chosen() or Trouble.NOT_INSTALLED)
    try:
        said = _question("version")
    except CommandFailed as error:
        return Answer(None, f"the docker command does not run: {error.message}", Trouble.STRANGE)
    found = _parsed(said.stdout)
    client, server = _table(found, "Client"), _table(found, "Server")
    if "OsArch" in client or "using podman" in said.stderr:  # podman's own form of an answer, or its own description
        return Answer(None, "the docker command is podman", Trouble.PODMAN)
    if not server:
        return _silence(_last(said.stderr) or "it says nothing")
    refused = _unfit(server)
    return refused or _facts(server, places)


def _question(about: str) -> Completed:
    argv = ["docker", about, "--format", "{{json .}}"]  # docker before 2023 does not know the plain word json
    try:
        return shell.run(argv, timeout_s=ANSWER_S, ok=_ANY)
    except CommandTimeout as error:
        raise SupplyError(f"Docker does not answer within {ANSWER_S:.0f} s", hint="docker version") from error


def _silence(why: str) -> Answer:
    """Why no server answers. Only if nobody listens, and no other was chosen, is there none."""
    if "could not be found in this WSL" in why:  # what Docker Desktop's stub says instead of docker
        return Answer(None, "the docker command is not installed", _chosen() or Trouble.NOT_INSTALLED)
    if "API version" in why:
        return Answer(None, why, Trouble.API)
    if "permission denied" in why.lower() and "unix://" in why:
        return Answer(None, why, Trouble.NO_PERMISSION)
    if trouble := _chosen():
        return Answer(None, why, Trouble.NO_CONTEXT if "context not found" in why else trouble)
    there = docker_target.ours() or docker_target.listens(docker_target.DEFAULT_SOCKET)
    return Answer(None, why, Trouble.STRANGE if there else Trouble.NOT_RUNNING)


def _chosen() -> Trouble | None:
    """The trouble with a Docker that the user chose; None if none was chosen."""
    if docker_target.host():
        return Trouble.HOST
    return Trouble.CONTEXT if docker_target.chosen() else None


def _unfit(server: Mapping[str, Any]) -> Answer | None:
    version = str(server.get("Version", "of no version"))
    parts = [str(part.get("Name", "")) for part in server.get("Components") or () if isinstance(part, dict)]
    if any("podman" in part.lower() for part in parts):
        return Answer(None, f"podman {version} answers instead of Docker", Trouble.PODMAN)
    if server.get("Os") == "windows":
        return Answer(None, f"Docker {version} runs Windows containers", Trouble.WINDOWS)
    api = re.fullmatch(r"(\d+)\.(\d+)", str(server.get("ApiVersion", "")))
    if api and (int(api[1]), int(api[2])) < OLDEST_API:
        return Answer(None, f"Docker {version} is too old for kind, which needs 20.10 or newer", Trouble.TOO_OLD)
    return None


def _facts(server: Mapping[str, Any], places: Places) -> Answer:
    said = _question("info")
    info = _parsed(said.stdout)
    if not info.get("ServerVersion"):
        return Answer(None, _last(said.stderr) or "docker info says nothing", Trouble.STRANGE)
    security = {part for option in info.get("SecurityOptions") or () for part in str(option).split(",")}
    version = str(server.get("Version", info["ServerVersion"]))
    if "name=rootless" in security:
        return Answer(None, f"Docker {version} runs rootless", Trouble.ROOTLESS)
    architecture = str(server.get("Arch") or info.get("Architecture") or "")
    return Answer(
        Engine(
            version=version,
            ours=docker_target.ours() and dockerd.running(places) is not None,
            architecture=ARCHITECTURES.get(architecture, architecture),
            os=str(server.get("Os") or "linux"),
            product=str(info.get("OperatingSystem") or ""),
            kernel=str(info.get("KernelVersion") or ""),
            hostname=str(info.get("Name") or ""),
            memory_bytes=int(info.get("MemTotal") or 0),
            cpus=int(info.get("NCPU") or 0),
            data_root=str(info.get("DockerRootDir") or ""),
            runtime=str(info.get("DefaultRuntime") or ""),
            cgroup_v2=str(info.get("CgroupVersion")) == "2",
            remapped="name=userns" in security,
        )
    )


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _table(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""

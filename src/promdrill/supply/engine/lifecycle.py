"""The container engine: a running Docker is used as it is; if none answers, promdrill may start one.

Docker is installed and started only for root on Debian and its derivatives, and each change is said first. It keeps
running for the next run; `stop` stops it. Everybody else gets an error that says what to start.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import filelock

from promdrill.artefacts import cache, machine
from promdrill.artefacts.machine import Machine
from promdrill.core import docker_target, paths
from promdrill.core.errors import PromdrillError, SupplyError
from promdrill.core.say import Say
from promdrill.supply import host_changes, packages
from promdrill.supply.engine import dockerd, refusal
from promdrill.supply.engine.docker import Answer, Engine, Trouble, ask
from promdrill.supply.engine.dockerd import Places
from promdrill.supply.engine.refusal import obstacle

__all__ = ["Answer", "Engine", "Trouble", "ask", "ensure", "forget", "locked", "obstacle", "renew", "stop"]

PROGRAMS = {"docker": "docker.io", "dockerd": "docker.io", "runc": "runc", "iptables": "iptables"}
"""The programs of an engine, and the Debian package of each (containerd comes with docker.io)."""

MODULES = Path("/lib/modules")
"""kind mounts it into every node; many sandboxes do not have it."""


def ensure(*, say: Say, places: Places | None = None, host: Machine | None = None) -> Engine:
    """A Docker that answers and can run what kind needs; installed and started if necessary.

    Args:
        say: Called with one sentence before anything is installed or started.
        places: Folders of promdrill's own Docker.
        host: This machine's facts.

    Raises:
        UsageError: No usable one answers, and promdrill may not start one here. Nothing was started.
        SupplyError: It could not be installed or started, hangs, or cannot run privileged containers.
    """
    places, host = places or Places.usual(), host or machine.examine()
    packages.take_back(say)
    answer = ask(places)
    found = answer.engine
    if found is None:
        _refuse(host, answer)
        with locked(places):
            answer = ask(places)  # another promdrill may have started it during the wait for the lock
            found = answer.engine or _bring_up(places, host, answer, say)
    if not found.here(host):
        return found
    if not found.ours:
        _check_foreign(found)
    if host.root and not MODULES.exists():
        host_changes.MODULES_FOLDER.announce(say, f"Making {MODULES}, which kind mounts into every node")
        MODULES.mkdir(parents=True, exist_ok=True)
    return found


def stop(*, say: Say, places: Places | None = None) -> bool:
    """Stop the Docker that promdrill started, with its containers; no other is touched.

    Returns:
        Whether there was one.
    """
    places = places or Places.usual()
    packages.take_back(say)
    if not places.state.exists():
        return False
    with locked(places):
        return dockerd.stop(places, say=say)


def renew(*, say: Say, places: Places | None = None) -> None:
    """Start the Docker that promdrill started anew, because it hangs; what is in it is still there afterwards.

    Nobody may be using it.

    Raises:
        UsageError: It may not be started here.
        SupplyError: It cannot be started.
    """
    say("The container engine that promdrill started does not answer; starting it anew")
    stop(say=say, places=places)
    ensure(say=say, places=places)


def forget(*, say: Say, places: Places | None = None) -> None:
    """Like `stop`, and delete its images, before ``make clean-cache`` empties the cache folder."""
    places = places or Places.usual()
    stop(say=say, places=places)
    shutil.rmtree(places.data, ignore_errors=True)


@contextlib.contextmanager
def locked(places: Places) -> Iterator[None]:
    """Keep other promdrill processes from starting or stopping the engine meanwhile."""
    places.state.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(places.state / "lock"):
        yield


def _refuse(host: Machine, answer: Answer) -> None:
    refused = refusal.platform(host) or obstacle(host, answer)
    if refused is not None:
        raise refused


def _bring_up(places: Places, host: Machine, answer: Answer, say: Say) -> Engine:
    _refuse(host, answer)
    missing = sorted({package for name, package in PROGRAMS.items() if machine.program(name) is None})
    if missing:
        why = "No container engine answers"
        packages.install(missing, change=host_changes.ENGINE_PACKAGES, why=why, say=say)
        answer = ask(places)
        if answer.engine is not None:  # this machine's policy allowed the package to start its own service
            return answer.engine
        _refuse(host, answer)
    program = machine.program("dockerd")
    if program is None:
        raise SupplyError(
            "docker.io is installed, but dockerd is missing", hint="apt-get install --reinstall docker.io"
        )
    lacking = f", with a runtime that works without {', '.join(host.missing)}" if host.missing else ""
    host_changes.DOCKERD.announce(say, f"No container engine answers; starting Docker{lacking}")
    host_changes.NETWORK.announce(say, "It makes bridges and packet filter rules, and forwards packets")
    host_changes.KERNEL_MODULES.announce(say, "It loads kernel modules that it lacks (overlay, bridge, netfilter)")
    cache.claim(paths.cache_dir())
    dockerd.stop(places, say=say)
    dockerd.start(places, program, host.missing)
    answer = ask(places)
    if answer.engine is None:
        raise SupplyError(f"Docker was started but does not answer: {answer.why}", hint=f"less {places.log}")
    return answer.engine


def _check_foreign(engine: Engine) -> None:
    missing = _missing_in_server()
    if not missing:
        return
    name = f"promdrill/probe:{os.getpid()}"
    if engine.runtime != "runc":
        return  # a runtime that somebody chose on purpose
    users = ["--userns=host"] if engine.remapped else []
    engine.docker("import", "-", name, timeout_s=60, stdin="\0" * 1024)  # an empty tar archive
    try:
        engine.docker("run", "--rm", "--privileged", *users, "--network=none", name, "/nothing", timeout_s=60)
    except PromdrillError as error:
        if "caps" in str(error) or "operation not permitted" in str(error):
            raise SupplyError(f"this Docker cannot start privileged containers: it lacks {', '.join(missing)}. "
                              "promdrill does not change a Docker that it did not start",
                              hint="stop that Docker, so that promdrill starts its own") from error  # fmt: skip
    finally:
        engine.docker("image", "rm", "--force", name, timeout_s=60)


def _missing_in_server() -> tuple[str, ...]:
    pointed = docker_target.host() or f"unix://{docker_target.DEFAULT_SOCKET}"
    if docker_target.context() != docker_target.DEFAULT_CONTEXT or not pointed.startswith("unix://"):
        return ()  # perhaps on another machine: nothing is known about it
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(pointed.removeprefix("unix://"))
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return ()
    pid = struct.unpack("3i", credentials)[0]
    return machine.missing_capabilities(pid=str(pid)) if pid else ()

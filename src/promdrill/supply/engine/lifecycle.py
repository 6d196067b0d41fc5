"""The container engine: a running Docker is used as it is; if none answers, promdrill may start one.

Docker is installed and started only for root on Debian and its derivatives, and announced first. It keeps running for
the next run; `stop` stops it. Everybody else gets an error that says what to start.
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

from promdrill.artefacts import machine
from promdrill.artefacts.machine import Machine
from promdrill.core import docker_target, paths, shell
from promdrill.core.errors import CommandFailed, PromdrillError, SupplyError
from promdrill.core.say import Say
from promdrill.supply.engine import dockerd, refusal
from promdrill.supply.engine.docker import Answer, Engine, Trouble, ask
from promdrill.supply.engine.dockerd import Places
from promdrill.supply.engine.refusal import obstacle

__all__ = ["Answer", "Engine", "Trouble", "ask", "ensure", "forget", "install", "locked", "obstacle", "stop"]

INSTALL_S = 600.0

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
    if host.root:
        MODULES.mkdir(parents=True, exist_ok=True)
    return found


def stop(*, say: Say, places: Places | None = None) -> bool:
    """Stop the Docker that promdrill started, with its containers; no other is touched.

    Returns:
        Whether there was one.
    """
    places = places or Places.usual()
    if not places.state.exists():
        return False
    with locked(places):
        return dockerd.stop(places, say=say)


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
    packages = sorted({package for name, package in PROGRAMS.items() if machine.program(name) is None})
    if packages:
        say(f"No container engine answers; installing {', '.join(packages)} from {host.distribution}.")
        install(packages)
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
    end = f"It keeps running; `{paths.command('clean')}` stops it."
    say(f"No container engine answers; starting Docker{lacking}. {end}")
    dockerd.stop(places, say=say)
    dockerd.start(places, program, host.missing)
    answer = ask(places)
    if answer.engine is None:
        raise SupplyError(f"Docker was started but does not answer: {answer.why}", hint=f"less {places.log}")
    return answer.engine


def install(packages: list[str], *, policy: Path = Path("/usr/sbin/policy-rc.d")) -> None:
    """Install Debian packages without starting the services in them.

    Args:
        packages: Their names.
        policy: The script that package scripts ask before they start a service; an existing one is left alone.

    Raises:
        SupplyError: apt-get failed, even after a fresh list of packages.
    """
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    get = ["apt-get", "-qq", "-oDPkg::Lock::Timeout=300"]
    wanted = [*get, "install", "-y", "--no-install-recommends", *packages]
    by_hand = f"apt-get install --no-install-recommends {' '.join(packages)}"
    with _no_services(policy):
        try:
            shell.run(wanted, timeout_s=INSTALL_S, env=env)
        except CommandFailed:  # no package list yet, or one so old that its files are gone
            try:
                shell.run([*get, "update"], timeout_s=INSTALL_S, env=env)
                shell.run(wanted, timeout_s=INSTALL_S, env=env)
            except CommandFailed as error:
                raise SupplyError(f"cannot install {', '.join(packages)}\n{error}", hint=by_hand) from error


@contextlib.contextmanager
def _no_services(policy: Path) -> Iterator[None]:
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


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

"""The Docker that promdrill starts itself: its folders, its configuration, its start and its end.

    <state>/engine/daemon.json   configuration
    <state>/engine/dockerd.log   what it says
    <state>/engine/started.json  process id and start time, so that exactly this process is ended, and what was there
                                 before it: packet filter, bridge, mounts
    <state>/engine/runc-fit      the runtime shim, only if a capability is missing
    <state>/engine/docker.sock   where it listens
    <state>/engine/run/          sockets and process ids of its containerd
    <cache>/engine/              images and containers

Images are in the cache folder and not in Docker's usual place, so that ``make clean-cache`` gives a true cold start and
a Docker installed later finds nothing of promdrill's. The socket is its own too, so that no other Docker's is taken
over; `promdrill.core.docker_target` leads the docker command and kind there.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from promdrill.artefacts import machine, runc_fit
from promdrill.core import docker_target, files, paths, processes, records, shell
from promdrill.core.clock import Deadline
from promdrill.core.errors import SupplyError
from promdrill.supply.engine import firewall, residue
from promdrill.supply.engine.firewall import Before
from promdrill.supply.engine.residue import Found

START_S = 60.0
"""Seconds until a new Docker is ready: 2 to 6 measured, more where a large data folder is read from a slow disk."""

STOP_S = 45.0
"""Seconds to end: Docker gives its containers 15, and needs some for itself."""

LONGEST_EXEC_ROOT = 70
"""Docker creates sockets up to 36 characters deeper, and a socket's path has at most 107."""

RUNTIME = "promdrill-fit"

USER_SETTINGS = ("registry-mirrors", "insecure-registries", "proxies", "dns", "bip", "mtu", "default-address-pools")
"""Keys of the user's /etc/docker/daemon.json about this machine's network; promdrill's Docker gets them too."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the Docker that promdrill starts keeps its files.

    Attributes:
        state: Folder of everything about the running Docker.
        data: Folder of images and containers.
        socket: Where it listens.
    """

    state: Path
    data: Path
    socket: Path

    @classmethod
    def usual(cls) -> Places:
        """The default: below promdrill's state and cache folders."""
        return cls(paths.state_dir() / "engine", paths.cache_dir() / "engine", docker_target.own_socket())

    @property
    def exec_root(self) -> Path:
        """Sockets and process ids."""
        return self.state / "run"

    @property
    def log(self) -> Path:
        """Docker's log."""
        return self.state / "dockerd.log"

    @property
    def record(self) -> Path:
        """The record of what was started, and of what existed before."""
        return self.state / "started.json"

    @property
    def config(self) -> Path:
        """Docker's configuration file."""
        return self.state / "daemon.json"


@dataclass(frozen=True, slots=True)
class Started:
    """The record of a Docker that promdrill starts, written before it is started, and of what was there before.

    Attributes:
        pid: Its process id; 0 until it has one.
        start: Distinguishes it from a later process with the same id.
        bridge: Whether Docker's default bridge was there before.
        mounts: The mount points below its folders that were there before.
        firewall: The packet filter before; None in a record of an earlier promdrill, which took no note of it.
    """

    pid: int = 0
    start: str | None = None
    bridge: bool = True
    mounts: tuple[str, ...] = ()
    firewall: Before | None = None


def running(places: Places) -> int | None:
    """Process id of the Docker that promdrill started, if it is still running."""
    record = _recorded(places)
    return record.pid if record and record.pid and processes.start_of(record.pid) == record.start else None


def start(places: Places, program: Path, missing: tuple[str, ...], *, within_s: float = START_S) -> None:
    """Start Docker and wait until it is ready.

    Args:
        places: Its folders.
        program: Path of ``dockerd``.
        missing: Capabilities that this host cannot grant; if there are any, the runtime shim is used.
        within_s: Seconds until it is ready.

    Raises:
        SupplyError: It ended, or was not ready in time; the message has the end of its log.
    """
    if len(str(places.exec_root)) > LONGEST_EXEC_ROOT:
        raise SupplyError(f"{places.exec_root} is too long a path for Docker's sockets",
                          hint=f"{paths.STATE_VARIABLE}=/var/lib/promdrill make ...")  # fmt: skip
    places.exec_root.mkdir(parents=True, exist_ok=True)
    places.data.mkdir(parents=True, exist_ok=True)
    before = Started(
        bridge=Path("/sys/class/net", residue.DEFAULT_BRIDGE).exists(),
        mounts=tuple(str(point) for point in residue.mounts([places.exec_root, places.data])),
        firewall=firewall.examine(),
    )
    shim = install_shim(places.state) if missing else None
    places.config.write_text(json.dumps(configuration(places, shim), indent=1) + "\n", encoding="utf-8")
    places.log.unlink(missing_ok=True)
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *machine.SBIN])
    address = f"promdrill-engine-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(f"\0{address}")
        env = {"PATH": search, "NOTIFY_SOCKET": f"@{address}", residue.MARK: str(places.exec_root)}
        files.write(places.record, records.dumps(before))
        pid = shell.start_daemon([program, "--config-file", places.config], log=places.log, env=env)
        found = replace(before, pid=pid, start=processes.start_of(pid))
        files.write(places.record, records.dumps(found))
        if not _notified(ready, pid, within_s):
            tail = "\n".join(places.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
            stop(places, say=lambda _: None)
            raise SupplyError(f"Docker did not become ready; its log ends in\n{tail}", hint=f"less {places.log}")


def stop(places: Places, *, say: Callable[[str], None]) -> bool:
    """Stop the Docker that promdrill started and remove what it leaves behind; no other Docker is touched.

    Args:
        places: Its folders.
        say: Called with what could not be removed.

    Returns:
        Whether there was anything to stop or to remove.
    """
    record = _recorded(places)
    if record is not None and record.pid and record.start:
        _end(Found(record.pid, record.start))
    left = residue.processes(places.exec_root)
    residue.end(left)
    if record is None and not left:
        return False
    record = record or Started()
    bridges = residue.bridges(places.data)
    residue.attempt("mounts", lambda: residue.unmount([places.exec_root, places.data], keep=record.mounts), say)
    for name in bridges if record.bridge else [*bridges, residue.DEFAULT_BRIDGE]:
        residue.attempt(f"bridge {name}", functools.partial(residue.delete_bridge, name), say)
    residue.attempt("packet filter rules", lambda: _clear_firewall(record.firewall, bridges), say)
    if not docker_target.listens(places.socket):
        residue.attempt(str(places.socket), lambda: places.socket.unlink(missing_ok=True), say)
    shutil.rmtree(places.exec_root, ignore_errors=True)
    places.record.unlink(missing_ok=True)
    return True


def configuration(places: Places, shim: Path | None, *, user: Path = Path("/etc/docker/daemon.json")) -> dict[str, Any]:
    """Docker's configuration; `shim` becomes the default runtime."""
    theirs = _read(user)
    config: dict[str, Any] = {key: theirs[key] for key in USER_SETTINGS if key in theirs}
    config |= {
        "data-root": str(places.data),
        "exec-root": str(places.exec_root),
        "pidfile": str(places.exec_root / "dockerd.pid"),
        "hosts": [f"unix://{places.socket}"],
        "log-level": "warn",
    }
    if shim is not None:
        config |= {"default-runtime": RUNTIME, "runtimes": {RUNTIME: {"path": str(shim)}}}
    return config


def install_shim(folder: Path) -> Path:
    """Write the runtime shim as a standalone program.

    It must outlive promdrill's environment, so the system's Python runs it if there is one.
    """
    system = Path("/usr/bin/python3")
    python = system if system.exists() else Path(sys.executable).resolve()
    shim = folder / "runc-fit"
    source = Path(runc_fit.__file__).read_text(encoding="utf-8")
    shim.write_text(f"#!{python} -IS\n{source}", encoding="utf-8")
    shim.chmod(0o755)
    return shim


def _notified(ready: socket.socket, pid: int, within_s: float) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    deadline = Deadline.after(within_s)
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    poll.register(handle, select.POLLIN)
    try:
        while events := dict(poll.poll(deadline.remaining_s * 1000)):
            if ready.fileno() in events and b"READY=1" in ready.recv(4096):
                return True
            if handle in events:
                return False
    finally:
        os.close(handle)
    return False


def _end(process: Found) -> None:
    with contextlib.suppress(ProcessLookupError), residue.held(process) as handle:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not residue.gone(handle, STOP_S):
            residue.end([process])


def _clear_firewall(before: Before | None, bridges: list[str]) -> None:
    if before is None:
        raise OSError("what was there before is not recorded; see iptables-save")
    shared = docker_target.listens(docker_target.DEFAULT_SOCKET)
    names = bridges if shared else [*bridges, residue.DEFAULT_BRIDGE]
    firewall.take_back(before, names, shared=shared)


def _recorded(places: Places) -> Started | None:
    try:
        return records.loads(Started, places.record.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, records.Misfit):  # nothing that was there before is known, so none of that is touched
        return Started()


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

"""What a Docker leaves behind when it stops or is killed: processes, mounts, bridges.

Everything here takes the folders of the Docker that promdrill started, and touches only what provably belongs to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from promdrill.core import shell
from promdrill.core.errors import CommandFailed
from promdrill.core.processes import start_of

MARK = "PROMDRILL_ENGINE"
"""In the environment of the Docker that promdrill starts, and so in that of all its helpers: its folder."""

DEFAULT_BRIDGE = "docker0"
"""The bridge that every Docker creates when it starts and never removes."""

END_S = 10.0
"""Seconds that a killed process may take to disappear; the kernel needs milliseconds unless a disk hangs."""

_NETWORKS = Path("network/files/local-kv.db")
_CONTAINERS = "containerd/daemon/io.containerd.runtime.v2.task/moby/*/init.pid"
_IFF_UP = 0x1
_GET_FLAGS, _SET_FLAGS, _DELETE_BRIDGE = 0x8913, 0x8914, 0x89A1  # SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCBRDELBR
_NAME_BYTES = 16  # IFNAMSIZ


@dataclass(frozen=True, slots=True)
class Found:
    """A process that was found.

    Attributes:
        pid: Its process id.
        start: Distinguishes it from a later one with the same id.
    """

    pid: int
    start: str


def processes(exec_root: Path, *, proc: Path = Path("/proc")) -> list[Found]:
    """A Docker's processes: those that inherited `MARK` with its folder, and the first ones of its containers."""
    wanted = f"{MARK}={exec_root}".encode()
    helpers: dict[int, Found] = {}
    for folder in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            start = start_of(int(folder.name), proc=proc)
            if start and wanted in (folder / "environ").read_bytes().split(b"\0"):
                helpers[int(folder.name)] = Found(int(folder.name), start)
    inits = []
    for file in exec_root.glob(_CONTAINERS):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text(encoding="ascii"))
            start = start_of(pid, proc=proc)
            stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            if start and int(stat.rpartition(")")[2].split()[1]) in helpers:  # its parent: otherwise the id was reused
                inits.append(Found(pid, start))
    return inits + list(helpers.values())


def end(found: Iterable[Found], *, within_s: float = END_S) -> None:
    """Kill processes and wait until each is gone; never kills a later process with the same id."""
    for process in found:
        with contextlib.suppress(ProcessLookupError), held(process) as handle:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            gone(handle, within_s)


@contextlib.contextmanager
def held(process: Found) -> Iterator[int]:
    """The pidfd of exactly that process.

    Raises:
        ProcessLookupError: It has ended.
    """
    handle = os.pidfd_open(process.pid)
    try:
        if start_of(process.pid) != process.start:
            raise ProcessLookupError(process.pid)
        yield handle
    finally:
        os.close(handle)


def gone(handle: int, within_s: float) -> bool:
    """Whether the process of a pidfd ended within some seconds."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(within_s * 1000))


def mounts(roots: Iterable[Path], *, table: Path = Path("/proc/self/mountinfo")) -> list[Path]:
    """Mount points at and below some folders, deepest first."""
    wanted = [f"{root}/" for root in roots]
    points = [_unescaped(line.split()[4]) for line in table.read_text(encoding="utf-8").splitlines()]
    return [Path(point) for point in reversed(points) if any(f"{point}/".startswith(root) for root in wanted)]


def unmount(roots: Iterable[Path], *, keep: Iterable[str] = ()) -> None:
    """Unmount everything at and below some folders.

    Args:
        roots: The folders.
        keep: Mount points that existed before: one mount at each of them stays.

    Raises:
        CommandFailed: One cannot be unmounted.
    """
    points = mounts(roots)
    for held in keep:
        if Path(held) in points:
            points.remove(Path(held))
    for point in points:
        shell.run(["umount", "--lazy", point], timeout_s=30)


def bridges(data_root: Path, *, network: Path = Path("/sys/class/net")) -> list[str]:
    """Bridges of a Docker's own networks: those whose id is in its database."""
    try:
        known = (data_root / _NETWORKS).read_bytes()
    except OSError:
        return []
    names = [folder.name for folder in network.glob("br-*") if (folder / "bridge").is_dir()]
    return sorted(name for name in names if name.removeprefix("br-").encode() in known)


def delete_bridge(name: str) -> None:
    """Delete a bridge, and nothing but a bridge; a missing one is not an error.

    Raises:
        OSError: The kernel refuses.
    """
    raw = name.encode().ljust(_NAME_BYTES, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            answer = fcntl.ioctl(control, _GET_FLAGS, raw + bytes(24))
        except OSError:
            return
        flags = struct.unpack_from("H", answer, _NAME_BYTES)[0] & ~_IFF_UP
        fcntl.ioctl(control, _SET_FLAGS, raw + struct.pack("H", flags) + bytes(22))
        fcntl.ioctl(control, _DELETE_BRIDGE, raw)


def attempt(what: str, action: Callable[[], None], say: Callable[[str], None]) -> None:
    """Run one part of the cleanup; a failure is reported, and the other parts continue."""
    try:
        action()
    except (OSError, CommandFailed) as error:
        say(f"left behind: {what} ({error})")


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)

"""What a Docker leaves behind when it stops or is killed: processes, mounts, bridges, packet filter rules.

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
from collections.abc import Callable, Iterable
from pathlib import Path

from promdrill.core import shell
from promdrill.core.errors import CommandFailed

DEFAULT_BRIDGE = "docker0"
"""The bridge that every Docker creates when it starts and never removes."""

END_S = 10.0
"""Seconds that a killed process may take to disappear; the kernel needs milliseconds unless a disk hangs."""

_NETWORKS = Path("network/files/local-kv.db")
_CONTAINERS = "containerd/daemon/io.containerd.runtime.v2.task/moby/*/init.pid"
_IFF_UP = 0x1
_GET_FLAGS, _SET_FLAGS, _DELETE_BRIDGE = 0x8913, 0x8914, 0x89A1  # SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCBRDELBR
_NAME_BYTES = 16  # IFNAMSIZ


def processes(exec_root: Path, *, proc: Path = Path("/proc")) -> list[int]:
    """A Docker's processes: those whose arguments name its folder, and those of its containers."""
    helpers: list[int] = []
    marks = (f"{exec_root}/", f"{exec_root}\0")
    for folder in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            if any(mark in line for mark in marks) and int(folder.name) != os.getpid():
                helpers.append(int(folder.name))
    inits = []
    for file in exec_root.glob(_CONTAINERS):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text(encoding="ascii"))
            stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            if int(stat.rpartition(")")[2].split()[1]) in helpers:  # its parent: otherwise the id was reused
                inits.append(pid)
    return inits + helpers


def end(pids: Iterable[int], *, within_s: float = END_S) -> None:
    """Kill processes and wait until each is gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                gone(handle, within_s)
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


def docker_rules() -> bool:
    """Whether the packet filter has chains of a Docker."""
    return any(re.search(r"^:DOCKER\b", rules, re.MULTILINE) for _, rules in _filters())


def clear_rules(bridge_names: Iterable[str]) -> None:
    """Remove a Docker's chains and the rules for its bridges from the packet filter; all others stay.

    Raises:
        CommandFailed: The filter refuses the remaining rules.
    """
    names = [DEFAULT_BRIDGE, *bridge_names]
    for restore, rules in _filters():
        kept = without_docker(rules, names)
        if kept != rules:
            shell.run([restore], timeout_s=30, stdin=kept)


def without_docker(rules: str, bridge_names: Iterable[str]) -> str:
    """An ``iptables-save`` listing without a Docker's chains and without rules that name its bridges.

    Docker sets the policy of FORWARD to DROP; when its chains go, the policy returns to ACCEPT, the kernel's default.
    """
    names = "|".join(re.escape(name) for name in bridge_names)
    hairpin = r"-A POSTROUTING -s (\S+) -d \1 .*-j MASQUERADE$"  # a container that reaches itself by a published port
    docker = re.compile(rf"^:DOCKER\b|^-A DOCKER\b|-j DOCKER\b|(?:-i|-o) (?:{names})(?= |$)|^{hairpin}", re.MULTILINE)
    lines = rules.splitlines(keepends=True)
    kept = [line for line in lines if not docker.search(line)]
    if len(kept) == len(lines):
        return rules
    return "".join(re.sub(r"^:FORWARD DROP ", ":FORWARD ACCEPT ", line) for line in kept)


def attempt(what: str, action: Callable[[], None], say: Callable[[str], None]) -> None:
    """Run one part of the cleanup; a failure is reported, and the other parts continue."""
    try:
        action()
    except (OSError, CommandFailed) as error:
        say(f"left behind: {what} ({error})")


def _filters() -> list[tuple[str, str]]:
    listings = []
    for family in ("iptables", "ip6tables"):
        with contextlib.suppress(CommandFailed):  # not installed, or not in this kernel: then it has no rules
            listings.append((f"{family}-restore", shell.run([f"{family}-save"], timeout_s=30).stdout))
    return listings


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)

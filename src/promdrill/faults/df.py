"""What ``df`` shows of a volume inside the server's pod, as an operator would look."""

from __future__ import annotations

from collections.abc import Callable

from promdrill.observe.conditions import (
    Condition,
    Kind,
    Seen,
    all_of,
    unknown,
)
from promdrill.observe.probes import ExecProbe
from promdrill.observe.quantity import size_bytes
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Snapshot

FULL_BYTES = 64 * 1024
"""At most this much is left of a full volume: xfs keeps a few blocks back for its own trees, which no file can get."""

EXT4_SHARE = 0.11
"""Share of a volume that ext4 takes for itself, inode tables and journal: 9.6 % measured of 300 MiB, 8.6 % of 450."""

XFS_BYTES = 72 * 2**20
"""What xfs takes for itself: 64 MiB measured at 300, 350 and 450 MiB, nearly all of it its log."""


def volume_full(server: Server, pod: str, mount: str) -> Condition:
    """Nothing is left on the volume.

    Args:
        server: The drilled server.
        pod: Name of the pod to look into.
        mount: Where the volume is mounted in its server container.
    """
    return _df(server, pod, mount, f"df: nothing left on {mount}", lambda _size, left: left <= FULL_BYTES)


def volume_shows(server: Server, pod: str, mount: str, size: str) -> Condition:
    """The file system, ext4 or xfs, is as large as on a volume of this size, its own share taken off, and has room.

    Args:
        server: The drilled server.
        pod: Name of the pod to look into.
        mount: Where the volume is mounted in its server container.
        size: Size of the volume, a quantity such as `1Gi`.
    """
    whole = size_bytes(size)
    least = min(whole * (1 - EXT4_SHARE), whole - XFS_BYTES)
    name = f"df: {mount} shows {size}, less the file system's own share, and room"
    return _df(server, pod, mount, name, lambda shown, left: shown >= least and left > FULL_BYTES)


def volume_below(server: Server, pod: str, mount: str, share: float) -> Condition:
    """At most that share of the volume is used, 0 to 1. Further arguments as in `volume_full`."""
    name = f"df: at most {share:.0%} of {mount} used"
    return _df(server, pod, mount, name, lambda size, left: left >= size * (1 - share))


def inodes_full(server: Server, pod: str, mount: str) -> Condition:
    """Not one inode is left on the volume, while bytes are. Arguments as in `volume_full`."""
    bytes_left = _df(server, pod, mount, "bytes left", lambda _size, left: left > FULL_BYTES)
    inodes = no_inode(server, pod, mount)
    return all_of(inodes, bytes_left, name=f"df -i: no inode left on {mount}, though bytes are")


def no_inode(server: Server, pod: str, mount: str) -> Condition:
    """Not one inode is left on the volume. Arguments as in `volume_full`."""
    return _df(server, pod, mount, f"df -i: no inode left on {mount}", lambda _count, left: left == 0, inodes=True)


def _df(
    server: Server, pod: str, mount: str, name: str, holds: Callable[[int, int], bool], *, inodes: bool = False
) -> Condition:
    probe = ExecProbe(pod, server.container, ("df", "-iP" if inodes else "-kP", mount))

    def judge(snapshot: Snapshot) -> Seen:
        answer = snapshot.answers.get(probe)
        if answer is None:
            return unknown("df was not answered yet")
        sizes = _columns(answer.text) if answer.status == 0 else None
        if sizes is None:
            return unknown(f"df: {answer.error or answer.text.strip()[-200:]}")
        size, left = sizes
        if inodes:
            return Seen(holds=holds(size, left), text=f"{size} inodes, {left} left")
        size, left = size * 1024, left * 1024
        return Seen(holds=holds(size, left), text=f"{size // 2**20} MiB, {left // 1024} KiB left")

    return Condition(name, Kind.VOLUME, judge, (probe,))


def _columns(output: str) -> tuple[int, int] | None:
    """The whole and what is left, from POSIX ``df -kP`` (in KiB) or ``df -iP`` (in inodes)."""
    fields = output.strip().splitlines()[-1].split() if output.strip() else []
    if len(fields) < 6 or not (fields[1].isdigit() and fields[3].isdigit()):  # noqa: PLR2004  df -P has six columns
        return None
    return int(fields[1]), int(fields[3])

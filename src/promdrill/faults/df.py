"""What ``df`` shows of a volume inside the server's pod, as an operator would look."""

from __future__ import annotations

from collections.abc import Callable

from promdrill.observe import df
from promdrill.observe.conditions import Condition, Kind, Seen, all_of, unknown
from promdrill.observe.probes import ExecProbe
from promdrill.observe.quantity import size_bytes
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Snapshot

FULL_BYTES = 64 * 1024
"""A full volume may have this much left: xfs reserves a few blocks for its own trees, which no file can use."""

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
    return _space(server, pod, mount, f"df: nothing left on {mount}", _full)


def volume_shows(server: Server, pod: str, mount: str, size: str) -> Condition:
    """The file system, ext4 or xfs, is as large as a volume of this size allows, and has room.

    Args:
        server: The drilled server.
        pod: Name of the pod to look into.
        mount: Where the volume is mounted in its server container.
        size: Size of the volume, a quantity such as `1Gi`.
    """
    whole = size_bytes(size)
    least = min(whole * (1 - EXT4_SHARE), whole - XFS_BYTES)
    name = f"df: {mount} shows {size}, less the file system's own share, and room"
    return _space(server, pod, mount, name, lambda space: space.size_bytes >= least and not _full(space))


def volume_below(server: Server, pod: str, mount: str, share: float) -> Condition:
    """At most that share of the volume is used, 0 to 1. Further arguments as in `volume_full`."""
    name = f"df: at most {share:.0%} of {mount} used"
    return _space(server, pod, mount, name, lambda space: space.left_bytes >= space.size_bytes * (1 - share))


def inodes_full(server: Server, pod: str, mount: str) -> Condition:
    """Not one inode is left on the volume, while bytes are. Arguments as in `volume_full`."""
    bytes_left = _space(server, pod, mount, "bytes left", lambda space: not _full(space))
    inodes = no_inode(server, pod, mount)
    return all_of(inodes, bytes_left, name=f"df -i: no inode left on {mount}, though bytes are")


def no_inode(server: Server, pod: str, mount: str) -> Condition:
    """Not one inode is left on the volume. Arguments as in `volume_full`."""

    def judge(output: str) -> Seen | None:
        inodes = df.read_inodes(output)
        if inodes is None:
            return None
        return Seen(holds=inodes.left == 0, text=f"{inodes.count} inodes, {inodes.left} left")

    probe = df.inodes_probe(pod, server.container, mount)
    return _condition(probe, f"df -i: no inode left on {mount}", judge)


def _full(space: df.Space) -> bool:
    return space.left_bytes <= FULL_BYTES


def _space(server: Server, pod: str, mount: str, name: str, holds: Callable[[df.Space], bool]) -> Condition:
    def judge(output: str) -> Seen | None:
        space = df.read_space(output)
        if space is None:
            return None
        text = f"{space.size_bytes // 2**20} MiB, {space.left_bytes // 1024} KiB left"
        return Seen(holds=holds(space), text=text)

    return _condition(df.bytes_probe(pod, server.container, mount), name, judge)


def _condition(probe: ExecProbe, name: str, judge_output: Callable[[str], Seen | None]) -> Condition:
    """What `judge_output` says of the output; it returns None for output that is not df's table."""

    def judge(snapshot: Snapshot) -> Seen:
        answer = snapshot.answers.get(probe)
        if answer is None:
            return unknown("df has not answered yet")
        seen = judge_output(answer.text) if answer.status == 0 else None
        return seen or unknown(f"df: {answer.error or answer.text.strip()[-200:]}")

    return Condition(name, Kind.VOLUME, judge, (probe,))

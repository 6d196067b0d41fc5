"""What ``df`` shows of a volume inside the server's pod, as an operator would look."""

from __future__ import annotations

from collections.abc import Callable

from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.observe.picture import Picture
from promdrill.observe.probes import ExecProbe
from promdrill.observe.quantity import size_bytes
from promdrill.observe.server import Server

FULL_BYTES = 64 * 1024
"""At most this much is left of a full volume: xfs keeps a few blocks back for its own trees, which no file can get."""

OVERHEAD_SHARE = 0.1
"""Share of a volume that its file system may take for itself (inode tables, journal)."""

OVERHEAD_BYTES = 72 * 2**20
"""And this much at least: xfs' log alone is 64 MiB however small the volume is."""


def volume_full(server: Server, pod: str, mount: str) -> Condition:
    """Nothing is left on the volume.

    Args:
        server: The drilled server.
        pod: Name of the pod to look into.
        mount: Where the volume is mounted in its server container.
    """
    return _df(server, pod, mount, f"df: nothing left on {mount}", lambda _size, left: left <= FULL_BYTES)


def volume_shows(server: Server, pod: str, mount: str, size: str) -> Condition:
    """The file system is as large as a volume of this size makes it, its own overhead taken off, and has room.

    Args:
        server: The drilled server.
        pod: Name of the pod to look into.
        mount: Where the volume is mounted in its server container.
        size: Size of the volume, a quantity such as `1Gi`.
    """
    least = size_bytes(size) * (1 - OVERHEAD_SHARE) - OVERHEAD_BYTES
    name = f"df: {mount} shows {size}, less the file system's own share, and room"
    return _df(server, pod, mount, name, lambda shown, left: shown >= least and left > FULL_BYTES)


def _df(server: Server, pod: str, mount: str, name: str, holds: Callable[[int, int], bool]) -> Condition:
    probe = ExecProbe(pod, server.container, ("df", "-kP", mount))

    def judge(picture: Picture) -> Seen:
        answer = picture.answers.get(probe)
        if answer is None:
            return unknown("df was not answered yet")
        sizes = _sizes(answer.text) if answer.status == 0 else None
        if sizes is None:
            return unknown(f"df: {answer.error or answer.text.strip()[-200:]}")
        size, left = sizes
        return Seen(holds=holds(size, left), text=f"{size // 2**20} MiB, {left // 1024} KiB left")

    return Condition(name, Kind.VOLUME, judge, (probe,))


def _sizes(output: str) -> tuple[int, int] | None:
    """Size and what is left, in bytes, from POSIX ``df -kP``."""
    fields = output.strip().splitlines()[-1].split() if output.strip() else []
    if len(fields) < 6 or not (fields[1].isdigit() and fields[3].isdigit()):  # noqa: PLR2004  df -P has six columns
        return None
    return int(fields[1]) * 1024, int(fields[3]) * 1024

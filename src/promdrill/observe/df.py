"""``df`` in a container: what is run, and what it printed as numbers."""

from __future__ import annotations

from dataclasses import dataclass

from promdrill.observe.probes import ExecProbe

BYTES = ("df", "-kP")
"""Shows bytes, in blocks of 1024, in the columns that POSIX gives ``df -P``."""

INODES = ("df", "-iP")
"""Shows inodes in the same columns."""

_COLUMNS = 6
"""File system, size, used, available, capacity, mount point."""

BLOCK_BYTES = 1024
"""Bytes in the unit in which `BYTES` counts."""


@dataclass(frozen=True, slots=True)
class Space:
    """The bytes of a file system.

    Attributes:
        size_bytes: All of them.
        left_bytes: Those that files can still get.
    """

    size_bytes: int
    left_bytes: int

    @property
    def used_bytes(self) -> int:
        """Those that files cannot get any more: also what the file system keeps for itself."""
        return max(0, self.size_bytes - self.left_bytes)


@dataclass(frozen=True, slots=True)
class Inodes:
    """The inodes of a file system.

    Attributes:
        count: All of them.
        left: Those that are free.
    """

    count: int
    left: int


def bytes_probe(pod: str, container: str, mount: str) -> ExecProbe:
    """The probe whose output `read_space` reads; `mount` is a path in the container."""
    return ExecProbe(pod, container, (*BYTES, mount))


def inodes_probe(pod: str, container: str, mount: str) -> ExecProbe:
    """The probe whose output `read_inodes` reads; `mount` is a path in the container."""
    return ExecProbe(pod, container, (*INODES, mount))


def read_space(output: str) -> Space | None:
    """The last file system that `BYTES` printed; None if the output is something else."""
    columns = _columns(output)
    return Space(columns[0] * BLOCK_BYTES, columns[1] * BLOCK_BYTES) if columns else None


def read_inodes(output: str) -> Inodes | None:
    """The last file system that `INODES` printed; None if the output is something else."""
    columns = _columns(output)
    return Inodes(*columns) if columns else None


def _columns(output: str) -> tuple[int, int] | None:
    """Size and available, from the last line."""
    fields = output.strip().splitlines()[-1].split() if output.strip() else []
    if len(fields) < _COLUMNS or not (fields[1].isdigit() and fields[3].isdigit()):
        return None
    return int(fields[1]), int(fields[3])

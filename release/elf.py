"""What an ELF file says of itself: the machine that it is for, and whether it needs a loader."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

MACHINES = {62: "amd64", 183: "arm64"}
"""``e_machine`` (EM_X86_64, EM_AARCH64) to Go's name of it: the System V ABI's list."""

_PT_INTERP = 3
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")


@dataclass(frozen=True, slots=True)
class Elf:
    """A 64-bit little-endian ELF file.

    Attributes:
        architecture: `amd64` or `arm64`; of other machines, the number.
        static: Whether it runs without a dynamic loader.
    """

    architecture: str
    static: bool


def read(path: Path) -> Elf:
    """Read a file's headers.

    Raises:
        ValueError: It is no 64-bit little-endian ELF file, or is cut off.
    """
    content = path.read_bytes()
    if content[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{path} is no 64-bit little-endian ELF file")
    try:
        header = _HEADER.unpack_from(content)
        machine, first, size, count = header[2], header[5], header[9], header[10]
        kinds = [_SEGMENT.unpack_from(content, first + size * index)[0] for index in range(count)]
    except struct.error as error:
        raise ValueError(f"{path} is cut off: {error}") from error
    if not kinds:
        raise ValueError(f"{path} is no program: it has no segments")
    return Elf(MACHINES.get(machine, str(machine)), _PT_INTERP not in kinds)

"""What this process uses: processor time, and memory."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

from promdrill.core.model import ProcessFigures

STATUS = Path("/proc/self/status")
"""Where Linux tells of the process itself, see proc(5)."""

_RESIDENT_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of `ru_maxrss`, see getrusage(2) of either system


class Meter:
    """What this process uses from now on."""

    def __init__(self) -> None:
        self._own_s, self._commands_s = _cpu_s(resource.RUSAGE_SELF), _cpu_s(resource.RUSAGE_CHILDREN)

    def figures(self) -> ProcessFigures:
        """What it has used since then, and before."""
        return ProcessFigures(
            cpu_s=round(_cpu_s(resource.RUSAGE_SELF) - self._own_s, 3),
            commands_cpu_s=round(_cpu_s(resource.RUSAGE_CHILDREN) - self._commands_s, 3),
            start_cpu_s=round(self._own_s, 3),
            peak_bytes=peak_bytes(),
        )


def peak_bytes(status: Path = STATUS) -> int:
    """The most resident memory that this process had at once.

    Linux counts in `ru_maxrss` what the parent had when it started this process, for that outlives `execve`; `VmHWM`
    is the process's own.

    Args:
        status: As `STATUS`; another system has none, and `ru_maxrss` is taken.
    """
    text = status.read_text(encoding="utf-8") if status.is_file() else ""
    if found := re.search(r"^VmHWM:\s*(\d+) kB$", text, re.MULTILINE):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RESIDENT_UNIT


def _cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime

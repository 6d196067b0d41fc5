"""Processes by id and start time: an id alone may have been used again."""

from __future__ import annotations

from pathlib import Path


def start_of(pid: int, *, proc: Path = Path("/proc")) -> str | None:
    """What tells a process from a later one with the same id: boot id and start time.

    Returns:
        None when there is no such process, or only its remains that nobody has waited for.
    """
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything, blanks and brackets too
    return None if fields[0] == "Z" else f"{boot}/{fields[19]}"

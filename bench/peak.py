"""``python -m bench.peak ARGUMENTS``: promdrill with these arguments; the last line is its peak of memory in bytes.

A process knows its own peak; from outside, Linux counts in what its parent had when it was started (see
`promdrill.core.usage.peak_bytes`). What it has together with its children nobody keeps: a process beside it looks four
times a second. The peak is the larger of both.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from promdrill.cli.main import main
from promdrill.core.usage import peak_bytes

EVERY_S = 0.25
"""Seconds between two looks at the memory of all processes: a look takes 6 ms of what the others could use."""

PROC = Path("/proc")


def together(pid: int, *, without: int, proc: Path = PROC) -> int:
    """Bytes of memory that a process and its descendants have, each page that several share once (`Pss` in proc(5)).

    Args:
        pid: The process.
        without: One of its children, which does not count.
        proc: Where the system shows processes.
    """
    return sum(_own_bytes(proc / str(each) / "smaps_rollup") for each in _family(pid, proc) if each != without)


def _family(pid: int, proc: Path) -> Iterator[int]:
    yield pid
    for child in content(proc / str(pid) / "task" / str(pid) / "children").split():
        yield from _family(int(child), proc)


def _own_bytes(rollup: Path) -> int:
    found = re.search(r"^Pss:\s*(\d+) kB$", content(rollup), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def content(file: Path) -> str:
    """The text of a file of a process; empty if that has just ended."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _watch(pid: int, asked: Connection) -> None:
    """Look at a process until it asks, and tell it the most that was seen."""
    most = 0
    while not asked.poll(EVERY_S):
        most = max(most, together(pid, without=os.getpid()))
    asked.send(most)


if __name__ == "__main__":
    ours, others = multiprocessing.Pipe()
    multiprocessing.get_context("fork").Process(target=_watch, args=(os.getpid(), others), daemon=True).start()
    code = main()
    ours.send(None)
    seen = ours.recv()
    sys.stdout.write(f"{max(peak_bytes(), seen)}\n")
    raise SystemExit(code)

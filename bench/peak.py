"""``python -m bench.peak ARGUMENTS``: promdrill with these arguments; the last line is its peak of memory in bytes.

A process knows its own peak; from outside, Linux counts in what its parent had when it was started (`ru_maxrss` in
getrusage(2) outlives `execve`). Where there is no /proc/self/status the last line is ``-``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from promdrill.cli.main import main


def peak(status: Path) -> str:
    """The most resident memory in bytes, from /proc/self/status (`VmHWM` in proc(5)); ``-`` without such a file."""
    if not status.is_file():
        return "-"
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(encoding="utf-8"), re.MULTILINE)
    return str(int(found[1]) * 1024) if found else "-"


if __name__ == "__main__":
    code = main()
    sys.stdout.write(f"{peak(Path('/proc/self/status'))}\n")
    raise SystemExit(code)

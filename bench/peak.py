"""``python -m bench.peak ARGUMENTS``: promdrill with these arguments; the last line is its peak of memory in bytes.

A process knows its own peak; from outside, Linux counts in what its parent had when it was started (see
`promdrill.core.usage.peak_bytes`).
"""

from __future__ import annotations

import sys

from promdrill.cli.main import main
from promdrill.core.usage import peak_bytes

if __name__ == "__main__":
    code = main()
    sys.stdout.write(f"{peak_bytes()}\n")
    raise SystemExit(code)

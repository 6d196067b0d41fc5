"""``python -m bench --quick``: measure, print, write build/bench; ``--write-docs`` puts that into docs/benchmarks.

``--drills RESULTS`` puts there what existing runs of drills show.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import drills, plot, quick, record, show
from bench.fit import fit, work
from bench.record import ROOT, Bench
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import UsageError
from promdrill.report.compare.read import read_placed

BUILD = ROOT / "build" / "bench"
"""Gets bench.json, the tables and the pictures."""

DOCS = ROOT / "docs" / "benchmarks"

JSON, PAGE = "bench.json", "harness.md"


def main(
    argv: Sequence[str] | None = None, *, sizes: quick.Sizes = quick.QUICK, build: Path = BUILD, docs: Path = DOCS
) -> int:
    """Measure, or write what was measured. Returns 0, however slow everything was.

    Args:
        argv: Arguments without the program's name; those of the process by default.
        sizes: How much is measured.
        build: As `BUILD`.
        docs: As `DOCS`.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks that need no cluster.")
    parser.add_argument("--quick", action="store_true", help="measure in five minutes, and write build/bench")
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="write what build/bench has into docs/benchmarks, measured now or before",
    )
    parser.add_argument(
        "--drills", type=Path, metavar="RESULTS", help="write what these runs show into docs/benchmarks"
    )
    parser.add_argument("--commit", default="", help="what these runs were drilled with (default: what is checked out)")
    arguments = parser.parse_args(argv)
    if not (arguments.quick or arguments.write_docs or arguments.drills):
        parser.error("nothing to do; say --quick, --write-docs, or --drills RESULTS")
    if arguments.quick:
        bench = _measured(sizes, build)
        for line in show.text(bench):
            _say(line)
    if arguments.write_docs:
        try:
            written = record.read(build / JSON)
        except UsageError as error:
            parser.error(f"{error.message}. Hint: {error.hint}")
        write(written, docs, name=show.RECORD)
        _say(f"written: {docs / PAGE}")
    if arguments.drills:
        try:
            drills.write(read_placed(arguments.drills), docs, commit=arguments.commit or record.commit())
        except UsageError as error:
            parser.error(f"{error.message}. Hint: {error.hint}")
        _say(f"written: {docs / drills.PAGE}")
    return 0


def write(bench: Bench, folder: Path, *, name: str) -> None:
    """Write the record, the page and its pictures.

    Args:
        bench: What was measured.
        folder: Gets them; it need not exist.
        name: The record's name there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record.write(folder / name, bench)
    (folder / PAGE).write_text(show.page(bench), encoding="utf-8")
    for growth in bench.growths:
        floor_s = show.floor_s(bench, growth)
        if fit(work(growth, floor_s)) is not None:
            (folder / f"{growth.id}.svg").write_text(plot.picture(growth, floor_s), encoding="utf-8")


def _measured(sizes: quick.Sizes, build: Path) -> Bench:
    """What was measured, and written to `build`."""
    build.mkdir(parents=True, exist_ok=True)
    inputs = Path(tempfile.mkdtemp(prefix="inputs-", dir=build))
    try:
        bench = quick.measure(sizes, inputs, _progress())
    finally:
        shutil.rmtree(inputs)
    write(bench, build, name=JSON)
    return bench


def _progress() -> Callable[[str], None]:
    began_s = SYSTEM.monotonic()
    return lambda text: _say(f"[{SYSTEM.monotonic() - began_s:4.0f} s] {text}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())

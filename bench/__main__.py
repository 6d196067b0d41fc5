"""``python -m bench --quick``: measure, print, write build/bench; ``--write-docs`` puts that into docs/benchmarks.

``--all`` measures everything, see `bench.whole`. ``--drills RESULTS`` writes what existing runs of drills show.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import drills, harness, quick, record, show, whole
from bench.record import ROOT
from promdrill.cli.parser import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import UsageError
from promdrill.report.compare.read import read_placed

BUILD = ROOT / "build" / "bench"
"""Gets the samples, the tables and the pictures."""

DOCS = ROOT / "docs" / "benchmarks"


def main(
    argv: Sequence[str] | None = None, *, sizes: quick.Sizes = quick.QUICK, build: Path = BUILD, docs: Path = DOCS
) -> int:
    """Measure, or write what was measured. Returns 0, however slow everything was; 1 if a step of ``--all`` failed.

    Args:
        argv: Arguments without the program's name; those of the process by default.
        sizes: How much is measured.
        build: As `BUILD`.
        docs: As `DOCS`.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks.")
    parser.add_argument("--all", action="store_true", help="measure everything in an hour, with clusters")
    parser.add_argument(
        "--runs", type=int, default=1, metavar="N", help="of --all: whole runs of the book (default: 1)"
    )
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
    if arguments.all:
        return _all(parser, arguments.runs, (build, docs) if arguments.write_docs else (build,), sizes)
    if not (arguments.quick or arguments.write_docs or arguments.drills):
        parser.error("nothing to do; say --all, --quick, --write-docs, or --drills RESULTS")
    if arguments.quick:
        bench = harness.measured(sizes, build, _progress())
        harness.write(bench, build)
        for line in show.text(bench):
            _say(line)
    if arguments.write_docs:
        try:
            written = record.read(build / show.RECORD)
        except UsageError as error:
            parser.error(f"{error.message}. Hint: {error.hint}")
        harness.write(written, docs)
        _say(f"written: {docs / harness.PAGE}")
    if arguments.drills:
        try:
            drills.write(read_placed(arguments.drills), docs, commit=arguments.commit or record.commit())
        except UsageError as error:
            parser.error(f"{error.message}. Hint: {error.hint}")
        _say(f"written: {docs / drills.PAGE}")
    return 0


def _all(parser: argparse.ArgumentParser, books: int, folders: Sequence[Path], sizes: quick.Sizes) -> int:
    if books < 1:
        parser.error(f"--runs {books}: not at least 1")
    try:
        whole.refuse_variables()
        found = whole.measure(books, folders, tell=_progress(), sizes=sizes)
    except UsageError as error:
        parser.error(f"{error.message}. Hint: {error.hint}")
    except KeyboardInterrupt:
        _say("interrupted")
        return EXIT_INTERRUPTED
    for line in whole.text(found):
        _say(line)
    for folder in folders:
        _say(f"written: {folder / whole.RECORD}")
    return EXIT_FAILED if found.failed else EXIT_OK


def _progress() -> Callable[[str], None]:
    began_s = SYSTEM.monotonic()
    return lambda text: _say(f"[{SYSTEM.monotonic() - began_s:4.0f} s] {text}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())

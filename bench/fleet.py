"""``python -m bench.fleet``: how long a matrix of 1,000 cells takes on many runners. Simulated, from measured times.

Nothing is run. A cell waits for what it needs, for its cluster, and for its drills, which two jobs share; runners take
the next cell when they are free. Every figure that goes in is in docs/benchmarks/fleet.json, with where it comes from.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.record import ROOT
from promdrill.core import paths, records
from promdrill.matrix.cells import Cell, expand, shard
from promdrill.matrix.reading import FILE_NAME, Known, read
from promdrill.results.table import Table
from promdrill.supply import kubernetes
from promdrill.supply.build import catalogue

DOCS = ROOT / "docs" / "benchmarks"

INPUTS, BOOK, PAGE = "fleet.json", "book.json", "fleet.md"

RUNNERS = (1, 10, 50, 100, 256, 1000)
"""How many runners: one machine, a small CI, a matrix of GitHub's, a runner for each cell."""

MADE = f"<!-- Made by `make bench-fleet` from {INPUTS} and {BOOK}; do not edit. -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that goes in.

    Attributes:
        value_s: Seconds.
        source: Where it comes from: how it was measured, or that it is assumed.
    """

    value_s: float
    source: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of a cell, apart from how long its drills take.

    Attributes:
        cells: How many cells; those of the shipped matrix, over and over.
        jobs: Drills at once in a cell.
        cold: From nothing to all that a cell needs.
        cached: The same from the cache of a CI.
        around: A cell that has it, without its drills: the cluster is made and deleted.
    """

    cells: int
    jobs: int
    cold: Figure
    cached: Figure
    around: Figure


def makespan_s(durations_s: Iterable[float], runners: int) -> float:
    """Seconds until all are done when each runner takes the next one as soon as it is free (list scheduling)."""
    free_s = [0.0] * runners
    for duration_s in durations_s:
        heapq.heapreplace(free_s, free_s[0] + duration_s)
    return max(free_s)


def longest_first(durations_s: Iterable[float]) -> list[float]:
    """The order that is at most a third worse than the best one (Graham, 1969)."""
    return sorted(durations_s, reverse=True)


def drilling_s(cell: Cell, medians_s: Mapping[str, float], jobs: int) -> float:
    """Seconds that the drills of a cell take, the longest first.

    Args:
        cell: The cell.
        medians_s: Seconds of each scenario of the book.
        jobs: Drills at once.
    """
    return makespan_s(longest_first(medians_s[name] for name in cell.scenarios or medians_s), jobs)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The cells, and what is known of them.

    Attributes:
        inputs: As in the file.
        drills_s: Seconds that the drills of each take.
        cells: The cells, in the order of the matrix; one that is repeated takes the same time each time.
    """

    inputs: Inputs
    cells: Sequence[Cell]
    drills_s: Sequence[float]

    def alone_s(self, supply_s: float) -> list[float]:
        """Seconds of each cell in a job of its own."""
        return [supply_s + self.inputs.around.value_s + drill_s for drill_s in self.drills_s]

    def shards_s(self, supply_s: float, parts: int) -> list[float]:
        """Seconds of each part in one job, which fetches once and makes one cluster for the cells that share it."""
        took_s = {cell.id: drill_s for cell, drill_s in zip(self.cells, self.drills_s, strict=True)}
        found = []
        for number in range(1, parts + 1):
            part = shard(self.cells, f"{number}/{parts}")
            clusters = len({cell.ground for cell in part})
            found.append(supply_s + clusters * self.inputs.around.value_s + sum(took_s[cell.id] for cell in part))
        return found


def load(folder: Path = DOCS) -> Fleet:
    """The cells of the shipped matrix, as often as it takes, and the figures in a folder.

    Raises:
        UsageError: A file cannot be read.
        Misfit: The inputs are something else.
    """
    inputs = records.load(Inputs, records.read_file(folder / INPUTS), exact=True)
    medians_s = _medians_s(records.read_file(folder / BOOK))
    offer, built = kubernetes.offer("source"), catalogue.load(paths.images_dir())
    known = Known(offer, built.helm_versions(), tuple(medians_s))
    shipped = expand(read(paths.project_dir() / FILE_NAME, known)).cells
    cells = [shipped[at % len(shipped)] for at in range(inputs.cells)]
    return Fleet(inputs, cells, [drilling_s(cell, medians_s, inputs.jobs) for cell in cells])


def _medians_s(book: Any) -> dict[str, float]:
    return {row["scenario"]: row["all_s"]["median"] for row in book["rows"]}


def table(fleet: Fleet) -> Table:
    """A row for each number of runners."""
    cold, cached = fleet.inputs.cold.value_s, fleet.inputs.cached.value_s
    head = ("runners", "cold", "cold, longest first", "cached", "cached, longest first", "cached, in parts", "at best")
    rows = []
    for runners in RUNNERS:
        each, kept = fleet.alone_s(cold), fleet.alone_s(cached)
        took_s = (
            makespan_s(each, runners),
            makespan_s(longest_first(each), runners),
            makespan_s(kept, runners),
            makespan_s(longest_first(kept), runners),
            max(fleet.shards_s(cached, runners)),
            max(sum(kept) / runners, *kept),
        )
        rows.append((f"{runners:,}", *map(duration, took_s)))
    return Table(head, rows, frozenset(range(len(head))))


def duration(seconds: float) -> str:
    """Hours and minutes: ``3 h 5 min``, ``12 min``."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


_LEAD = """\
**Simulated, not run.** The {cells:,} cells are those of `matrix.toml`, over and over. Their drills take from
{least:.0f} to {most:.0f} s, {jobs} at once: the medians in `{book}`, packed the longest first. A cell with all
scenarios has the whole book."""

_COLUMNS = """\
`cold`: each cell builds everything. `cached`: it gets that from the cache of the CI. Cells start in the order of the
matrix, or the longest first. `in parts`: each runner takes one part (`--shard`), fetches once, and shares clusters.
`at best`: cached cells in jobs of their own cannot take less, whatever their order."""

_WITHOUT = """\
What it leaves out: runners that start late or differ in speed, registries and caches that slow down when all ask at
once, and the scheduler's own delays."""


def page(fleet: Fleet) -> str:
    """The page of the documentation."""
    inputs = fleet.inputs
    figures = (("cold supply", inputs.cold), ("supply from a cache", inputs.cached), ("cluster", inputs.around))
    least, most = min(fleet.drills_s), max(fleet.drills_s)
    lead = _LEAD.format(cells=inputs.cells, least=least, most=most, jobs=inputs.jobs, book=BOOK)
    listed = "\n".join(f"- {name}: {figure.value_s:g} s. {figure.source}" for name, figure in figures)
    title = f"# {inputs.cells:,} cells on many runners"
    goes_in = f"What goes in, from `docs/benchmarks/{INPUTS}`:"
    parts = (title, MADE, lead, "\n".join(table(fleet).markdown()), _COLUMNS, goes_in, listed, _WITHOUT)
    return "\n\n".join(parts) + "\n"


def main(argv: Sequence[str] | None = None, *, folder: Path = DOCS) -> int:
    """Print the table; with ``--write-docs``, write the page.

    Args:
        argv: Arguments without the program's name; those of the process by default.
        folder: Has the inputs, and gets the page.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench.fleet", description="1,000 cells on many runners, simulated."
    )
    parser.add_argument("--write-docs", action="store_true", help=f"write {PAGE} in docs/benchmarks")
    arguments = parser.parse_args(argv)
    fleet = load(folder)
    for line in _text(fleet):
        sys.stdout.write(f"{line}\n")
    if arguments.write_docs:
        (folder / PAGE).write_text(page(fleet), encoding="utf-8")
    return 0


def _text(fleet: Fleet) -> Iterator[str]:
    yield f"{fleet.inputs.cells:,} cells, simulated"
    yield from table(fleet).text()


if __name__ == "__main__":
    raise SystemExit(main())

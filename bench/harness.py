"""What ``bench-quick`` measures, and the files that it makes: the samples, the page, its pictures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import plot, quick, record, show
from bench.fit import fit, work
from bench.record import Bench

PAGE = "harness.md"


def measured(sizes: quick.Sizes, build: Path, tell: Callable[[str], None]) -> Bench:
    """Measure, as `bench.quick.measure` does, with inputs in a folder of `build` that is deleted afterwards."""
    build.mkdir(parents=True, exist_ok=True)
    inputs = Path(tempfile.mkdtemp(prefix="inputs-", dir=build))
    try:
        return quick.measure(sizes, inputs, tell)
    finally:
        shutil.rmtree(inputs)


def write(bench: Bench, folder: Path) -> None:
    """Write the record, the page and its pictures into a folder, which need not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    record.write(folder / show.RECORD, bench)
    (folder / PAGE).write_text(show.page(bench), encoding="utf-8")
    for growth in bench.growths:
        floor_s = show.floor_s(bench, growth)
        if fit(work(growth, floor_s)) is not None:
            (folder / f"{growth.id}.svg").write_text(plot.picture(growth, floor_s), encoding="utf-8")

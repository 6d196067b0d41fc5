"""Many generated inputs for every reader, and what became of them: ``python -m tools.fuzz [--examples 200]``.

``make test`` tries a few for each reader, always the same ones; this tries as many as asked for, others each time. It
ends with 1 if a reader raised anything but a refusal with a place and a hint.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.unit.inputs_world import READERS, Case, Reader, outcome

from promdrill.core.clock import SYSTEM
from promdrill.results.table import Table

EXAMPLES = 200
"""Inputs for each reader, unless it is said otherwise."""


@dataclass(slots=True)
class Tally:
    """What became of a reader's inputs.

    Attributes:
        reader: Its name.
        read: Number of inputs that it took.
        refused: Number of inputs that it refused.
        faults: What it raised otherwise, each kind once: the traceback, and the input.
        fault_count: Number of inputs with which it did.
        slowest_s: Seconds of the slowest.
    """

    reader: str
    read: int = 0
    refused: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    fault_count: int = 0
    slowest_s: float = 0.0

    @property
    def tried(self) -> int:
        """Number of inputs."""
        return self.read + self.refused + self.fault_count

    def cells(self) -> tuple[str, ...]:
        """Its row in the table."""
        figures = (self.tried, self.read, self.refused, self.fault_count)
        return self.reader, *map(str, figures), f"{self.slowest_s:.2f} s"


def tally(reader: Reader, examples: int, number: int, folder: Path) -> Tally:
    """Try a reader with some inputs.

    Args:
        reader: The reader.
        examples: How many.
        number: Which: the same number gives the same inputs.
        folder: An empty folder to write them to.
    """
    found = Tally(reader.name)

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(reader.cases())
    def attempt(case: Case) -> None:
        place = folder / "place"
        place.mkdir()
        began_s = SYSTEM.monotonic()
        try:
            refused = outcome(reader, place, case).refusal is not None
        except Exception as error:  # noqa: BLE001  it is what is looked for
            found.fault_count += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            found.faults.setdefault(
                f"{type(error).__name__} at {last.filename}:{last.lineno}",
                f"{''.join(traceback.format_exception(error))[-3000:]}\nthe input: {ascii(case)[:1500]}",
            )
        else:
            found.refused += refused
            found.read += not refused
        found.slowest_s = max(found.slowest_s, SYSTEM.monotonic() - began_s)
        shutil.rmtree(place)

    run: Callable[[], None] = attempt
    run()
    return found


def main() -> int:
    """Try all readers, print the table, and the faults below it."""
    parser = argparse.ArgumentParser(description="Many generated inputs for every reader.")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help=f"inputs for each reader (default: {EXAMPLES})")
    parser.add_argument("--seed", type=int, default=0, help="which inputs (default: 0)")
    parser.add_argument("--reader", choices=[reader.name for reader in READERS], help="only this one")
    arguments = parser.parse_args()
    tallies = []
    for reader in READERS:
        if arguments.reader in {None, reader.name}:
            with tempfile.TemporaryDirectory() as folder:
                tallies.append(tally(reader, arguments.examples, arguments.seed, Path(folder)))
    head = ("reader", "tried", "read", "refused", "faults", "slowest")
    for line in Table(head, [each.cells() for each in tallies], frozenset(range(1, 6))).text():
        sys.stdout.write(f"{line}\n")
    total = sum(each.tried for each in tallies)
    faults = sum(each.fault_count for each in tallies)
    sys.stdout.write(f"{total} inputs, {faults} faults; seed {arguments.seed}\n")
    for each in tallies:
        for what, text in each.faults.items():
            sys.stdout.write(f"\n{each.reader}: {what}\n{text}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())

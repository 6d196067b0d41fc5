"""The whole book again and again: ``make soak N=5``. Verdicts, drift of times and memory, what stays after each round.

Each round runs all scenarios (JOBS, SCENARIO and the other variables of the drills are respected) in a new cluster on a
new engine, and cleans up. A drill that did not pass, or anything left behind, fails the soak. Times and memory are
shown as they were; it is for a person to say whether they drift.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import psutil
from tests.chaos.machine import Machine
from tests.chaos.run import Run, clean, started
from tests.chaos.telling import ends_when_told, say

from promdrill.core import paths
from promdrill.core.clock import SYSTEM
from promdrill.core.model import Verdict
from promdrill.results.table import Table

ROUND_S = 5400.0
"""Seconds for a round: the book takes 600 to 900 on two cores, and much longer beside other work."""

MEMORY_EVERY_S = 2.0
"""Seconds between two looks at memory."""


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one round.

    Attributes:
        took_s: Seconds from its start to its last line.
        memory_bytes: The most that promdrill's own Python processes held together (unique to them).
        drills: Seconds that each drill took, by its name; all phases together.
        troubles: Drills that did not pass, with their reason, and what was left behind.
    """

    took_s: float
    memory_bytes: int
    drills: dict[str, float]
    troubles: tuple[str, ...]


def main() -> int:
    """Soak; 0 when every drill passed and nothing stayed."""
    ends_when_told()
    parser = argparse.ArgumentParser(prog="make soak", allow_abbrev=False)
    parser.add_argument("--n", type=int, default=5)
    wanted = parser.parse_args().n
    clean()
    before = Machine.look()
    rounds: list[Round] = []
    for number in range(1, wanted + 1):
        rounds.append(_round(before))
        done = rounds[-1]
        say(f"round {number}/{wanted}: {len(done.drills)} drills in {done.took_s:.0f} s, {_mib(done.memory_bytes)} MiB")
        for trouble in done.troubles:
            say(f"      TROUBLE: {trouble}")
        folder = paths.project_dir() / "build"
        folder.mkdir(exist_ok=True)
        (folder / "soak.json").write_text(json.dumps([asdict(each) for each in rounds], indent=1) + "\n", "utf-8")
    return _close(rounds)


def _round(before: Machine) -> Round:
    with started("run", show=lambda line: say(f"  {line}") if "FAILED" in line else None) as run:
        peak = _Peak(run)
        in_time = run.ended(ROUND_S)
        took_s = SYSTEM.monotonic() - run.began_s
        drills = list(run.drills())
        troubles = [] if in_time else [f"it did not end within {ROUND_S:.0f} s"]
        troubles += [
            f"{drill.name} {drill.verdict}: {drill.reason}" for drill in drills if drill.verdict != Verdict.PASSED
        ]
        if run.code != 0 or not drills:
            troubles.append(f"exit {run.code}: {' / '.join(run.lines[-2:])}")
        troubles += clean()
        troubles += before.changes(before.later())
    times = {drill.name: sum(phase.took_s or 0.0 for phase in drill.phases) for drill in drills}
    return Round(took_s, peak.bytes, times, tuple(troubles))


class _Peak:
    """The most memory that a run's Python processes held together.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self.bytes = 0
        self._run = run
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self._run.code is None and not self._ended.wait(MEMORY_EVERY_S):
            with contextlib.suppress(psutil.Error):
                own = [self._run.process, *self._run.process.children(recursive=True)]
                self.bytes = max(self.bytes, sum(_held_bytes(process) for process in own))


def _held_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        if "python" in process.name():
            return int(process.memory_full_info().uss)
    return 0


def _close(rounds: Sequence[Round]) -> int:
    names = sorted({name for each in rounds for name in each.drills})
    rows = []
    for name in names:
        times = [each.drills[name] for each in rounds if name in each.drills]
        spread = f"{min(times):.0f} to {max(times):.0f}"
        rows.append([name, str(len(times)), f"{statistics.median(times):.0f}", spread, f"{times[-1] / times[0]:.2f}"])
    head = ["drill", "rounds", "median s", "spread s", "last / first"]
    for line in Table(head, rows, frozenset(range(1, 5))).text():
        say(line)
    say("rounds, s: " + ", ".join(f"{each.took_s:.0f}" for each in rounds))
    say("memory, MiB: " + ", ".join(_mib(each.memory_bytes) for each in rounds))
    troubles = sum(len(each.troubles) for each in rounds)
    say(f"{len(rounds)} rounds, {sum(len(each.drills) for each in rounds)} drills, {troubles} troubles")
    return 1 if troubles else 0


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.0f}"


if __name__ == "__main__":
    sys.exit(main())

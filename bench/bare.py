"""``python -m bench.bare --cluster NAME``: promdrill's disk-full and the same as a plain script, in one cluster.

The script is ``bench/disk-full.sh``: the same acts and the same waits, with kubectl and Helm, and no proof. They take
turns in a cluster that ``KEEP=1`` left, and what each takes is the sum of its phases, from provision to undo.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import record
from bench.record import ROOT, Machine
from bench.runs import SCENARIO, Kept
from promdrill.core import records, shell
from promdrill.core.errors import ClusterError, PromdrillError, UsageError
from promdrill.core.model import DrillResult, PhaseName, Verdict
from promdrill.request.scenarios import ScenarioFolder
from promdrill.results.table import NOTHING, Table

SCRIPT = ROOT / "bench" / "disk-full.sh"

PAIRS = 5
"""How many pairs."""

BOUND = 1.05
"""The most that promdrill should take of what the script takes."""

TIMEOUT_S = 600.0
"""Seconds for either: ten times what it takes."""

BUILD = ROOT / "build" / "bench" / "bare"
"""Gets the reports, the samples and the tables."""

DOCS = ROOT / "docs" / "benchmarks"

PAGE, RECORD = "bare.md", "bare.json"

MADE = f"<!-- Made by `make bench-bare` from {RECORD}; do not edit. -->"

LEAD = f"""\
What promdrill's proofs cost: the drill `{SCENARIO}`, with all proofs on, and `bench/{SCRIPT.name}`, the same as a plain
script. The script does the same acts, the runbook's steps word for word, and waits for the same: the rollout, stored
samples and the hold after them, the crash and its log, the restarts. They took turns in one cluster, and each began
every other pair. Seconds are those of the phases, from provision to undo."""

Phases = Mapping[str, float]
"""Seconds of each phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One run of each, in seconds by phase.

    Attributes:
        promdrill: The drill's.
        bare: The script's.
    """

    promdrill: dict[str, float]
    bare: dict[str, float]

    @property
    def ratio(self) -> float:
        """What promdrill took of what the script took."""
        return _all_s(self.promdrill) / _all_s(self.bare)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """What was measured.

    Attributes:
        started: UTC, ISO 8601.
        commit: As in `bench.record.Bench`.
        machine: Where.
        pairs: In order; promdrill began the first, the script the second, and so on.
    """

    started: str
    commit: str
    machine: Machine
    pairs: tuple[Pair, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write build/bench/bare; docs/benchmarks too if asked. Returns 0, however slow it was."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.bare", description="A drill, and the same as a plain script."
    )
    parser.add_argument("--cluster", required=True, metavar="NAME", help="the cluster that KEEP=1 left")
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help=f"how many pairs (default: {PAIRS})")
    parser.add_argument("--write-docs", action="store_true", help="write what was measured into docs/benchmarks too")
    arguments = parser.parse_args(argv)
    try:
        found = measure(arguments.cluster, arguments.pairs, tell=_say)
    except PromdrillError as error:
        parser.exit(1, f"{parser.prog}: {error}\n{f'Hint: {error.hint}' if error.hint else ''}\n")
    for table in tables(found):
        _say("")
        for line in table.text():
            _say(line)
    for folder in (BUILD, DOCS) if arguments.write_docs else (BUILD,):
        write(found, folder)
        _say(f"written: {folder / PAGE}")
    return 0


def measure(cluster: str, pairs: int = PAIRS, *, build: Path = BUILD, tell: Callable[[str], None]) -> Bare:
    """Measure.

    Args:
        cluster: The name of a cluster that ``KEEP=1`` left.
        pairs: How many pairs.
        build: Gets the reports; what it had is deleted.
        tell: Called with a line about each run.

    Raises:
        UsageError: promdrill has no cluster of that name, or the chart does not run with its own images.
        SupplyError: Something could not be fetched or built.
        ClusterError: A drill did not pass, or the script did not tell of each phase.
        CommandFailed: The script failed.
    """
    jobs = _jobs(cluster, build, tell)
    machine, started = record.machine(), record.now()
    made = tuple(Pair(**each) for each in in_pairs(jobs, pairs, tell=tell))
    return Bare(started=started, commit=record.commit(), machine=machine, pairs=made)


def write(found: Bare, folder: Path) -> None:
    """Write the samples and the page into a folder, which exists."""
    (folder / RECORD).write_text(records.dumps(found), encoding="utf-8")
    (folder / PAGE).write_text(page(found), encoding="utf-8")


def in_pairs(
    jobs: Mapping[str, Callable[[], dict[str, float]]], times: int, *, tell: Callable[[str], None]
) -> list[dict[str, dict[str, float]]]:
    """What each job took in each of several rounds.

    Each is done once before, without counting. The order is reversed from round to round, so that neither always has
    the cluster as the other left it.

    Args:
        jobs: Each says what it took, by phase.
        times: How many rounds.
        tell: Called with a line about each.
    """
    for name, job in jobs.items():
        tell(f"{name}, to warm up")
        job()
    rounds = []
    for number in range(times):
        took: dict[str, dict[str, float]] = {}
        for name in list(jobs) if number % 2 == 0 else reversed(list(jobs)):
            took[name] = jobs[name]()
            tell(f"pair {number + 1} of {times}: {name} {_all_s(took[name]):.1f} s")
        rounds.append(took)
    return rounds


def phases_of(output: str) -> dict[str, float]:
    """The seconds of each phase, from what the script printed.

    Raises:
        ClusterError: It does not tell of all phases, each once.
    """
    told = [line.split()[1:] for line in output.splitlines() if line.startswith("phase: ")]
    if [name for name, _ in told] != list(PhaseName):
        raise ClusterError(f"{SCRIPT.name} did not tell of each phase: {[name for name, _ in told]}")
    return {name: float(took_s) for name, took_s in told}


def phases_of_drill(drill: DrillResult) -> dict[str, float]:
    """The seconds of each phase of a drill.

    Raises:
        ClusterError: It did not pass, so that its seconds mean nothing.
    """
    if drill.verdict is not Verdict.PASSED:
        raise ClusterError(f"{drill.name}: {drill.verdict}: {drill.reason}")
    return {phase.name: phase.took_s or 0.0 for phase in drill.phases}


def tables(found: Bare) -> tuple[Table, Table]:
    """The pairs, and the medians of the phases."""
    ratios = [pair.ratio for pair in found.pairs]
    rows: list[tuple[str, ...]] = [
        (str(number), f"{_all_s(pair.promdrill):.1f}", f"{_all_s(pair.bare):.1f}", f"{pair.ratio:.3f}")
        for number, pair in enumerate(found.pairs, 1)
    ]
    middle = [median(_all_s(each) for each in side) for side in _sides(found)]
    rows.append(("median", *(f"{all_s:.1f}" for all_s in middle), f"{median(ratios):.3f}"))
    rows.append(("least to most", NOTHING, NOTHING, f"{min(ratios):.3f} to {max(ratios):.3f}"))
    by_pair = Table(("pair", "promdrill, s", "script, s", "promdrill / script"), rows, frozenset({1, 2, 3}))
    phases = []
    for name in PhaseName:
        ours_s, theirs_s = (median(each.get(name, 0.0) for each in side) for side in _sides(found))
        phases.append((str(name), f"{ours_s:.2f}", f"{theirs_s:.2f}", f"{ours_s - theirs_s:+.2f}"))
    return by_pair, Table(("phase", "promdrill, s", "script, s", "more, s"), phases, frozenset({1, 2, 3}))


def page(found: Bare) -> str:
    """The page of the documentation."""
    by_pair, by_phase = ("\n".join(table.markdown()) for table in tables(found))
    ratio, machine = median(pair.ratio for pair in found.pairs), found.machine
    where = (
        f"Commit {found.commit}, {found.started[:10]}, on {machine.cores} cores ({machine.cpu or 'model unknown'}), "
        f"load {machine.load:g}. Median of the ratios: {ratio:.3f}; the bound is {BOUND:g}."
    )
    parts = (f"# The bare script\n\n{MADE}\n\n{LEAD}", where, by_pair, "Medians of the phases:", by_phase)
    return "\n\n".join(parts) + "\n"


def _sides(found: Bare) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    return [pair.promdrill for pair in found.pairs], [pair.bare for pair in found.pairs]


def _all_s(phases: Phases) -> float:
    return sum(phases.values())


def _jobs(cluster: str, build: Path, tell: Callable[[str], None]) -> dict[str, Callable[[], dict[str, float]]]:
    """The drill and the script.

    Raises:
        UsageError: promdrill has no cluster of that name, or the chart does not run with its own images.
        SupplyError: Something could not be fetched or built.
    """
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir(parents=True)
    kept = Kept(cluster, build / "home", tell=tell)
    supplied = kept.supplied
    if supplied.image_values:
        raise UsageError(f"{supplied.chart} needs other images than its own, which the script does not give it")
    (folder,) = (ScenarioFolder(each.name, each) for each in kept.request.scenarios)
    script = [str(SCRIPT), str(supplied.chart), str(folder.runbook), str(folder.folder / "values.yaml"), str(build)]

    def bare() -> dict[str, float]:
        return phases_of(shell.run(script, timeout_s=TIMEOUT_S, env=kept.env).stdout)

    def promdrill() -> dict[str, float]:
        report = build / f"report-{len(list(build.glob('report-*')))}"
        (found,) = kept.drilled(report, [SCENARIO], tell=lambda _line: None).result.drills
        return phases_of_drill(found)

    return {"promdrill": promdrill, "bare": bare}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())

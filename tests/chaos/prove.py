"""Strike runs of promdrill at seeded moments, and see that nothing lies and nothing stays: ``make chaos-self``.

Each round starts a drill, lets one strike hit it, waits for its end, runs the next command (`promdrill clean`, or every
fourth time another drill before it), and compares the machine with what it was before. A drill must have passed, or be
aborted with the true cause; never failed, never invalid. As root, on a machine where nothing else uses the engine.

    make chaos-self N=50 SEED=7          fifty rounds; the same seed strikes at the same moments
    make chaos-self N=50 SEED=7 FROM=26  the second half of them
    make chaos-self N=9 STRIKES=SIGKILL  only the strikes with this in their name
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.chaos.machine import Machine
from tests.chaos.run import Run, clean, started
from tests.chaos.strikes import KINDS, Missed, Strike, Target, small_disks, written_folders
from tests.chaos.telling import ends_when_told, say

from promdrill.core import paths
from promdrill.core.clock import SYSTEM
from promdrill.core.model import Verdict
from promdrill.results.table import Table

SCENARIOS = ("disk-full", "target-typo", "no-default-class")
"""A volume that fills, a server that goes on running, and one that never starts; each takes less than a minute."""

RUN_S = 420.0
"""Seconds until a struck run must have ended by itself: an undisturbed one takes 60 to 120."""


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one strike.

    Attributes:
        number: From 1.
        strike: Its name.
        at_s: Seconds after the run's start, or after its cluster began to be made.
        where: What the run was doing: the last line that it had said.
        hit: What was hit.
        ended: Exit code and verdict.
        troubles: What is wrong: a wrong verdict, or what was left behind.
    """

    number: int
    strike: str
    at_s: float
    where: str
    hit: str
    ended: str
    troubles: tuple[str, ...]


def main() -> int:
    """Strike; 0 when nothing lied and nothing stayed."""
    ends_when_told()
    arguments = _arguments()
    if os.geteuid() != 0:
        say("chaos-self mounts file systems and sets packet filter rules: run it as root")
        return 2
    kinds = [kind for kind in KINDS if arguments.strikes in kind.name]
    if not kinds:
        say(f"no strike has {arguments.strikes!r} in its name; they are: {', '.join(kind.name for kind in KINDS)}")
        return 2
    clean()
    took_s = _undisturbed()
    before = Machine.look()
    rounds = []
    for number in range(arguments.first, arguments.n + 1):
        chance = random.Random(f"{arguments.seed}, {number}")  # noqa: S311  repeatable, not secret
        strike = kinds[(number - 1) % len(kinds)]()
        fraction, scenario, again = chance.random(), chance.choice(SCENARIOS), number % 4 == 0
        # What stayed is told once, of the round that left it.
        done, before = _round(number, strike, fraction * took_s, scenario, again=again, chance=chance, before=before)
        rounds.append(done)
        _tell(rounds[-1], arguments.n)
    return _close(rounds, arguments.seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos-self", allow_abbrev=False)
    parser.add_argument("--n", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strikes", default="")
    parser.add_argument("--from", dest="first", type=int, default=1)
    return parser.parse_args()


def _undisturbed() -> float:
    """Seconds that a run takes from its start, once everything is there."""
    for scenario in SCENARIOS:
        with started("run", "--scenario", scenario) as run:
            if not run.ended(RUN_S * 4) or run.code != 0:
                raise SystemExit(f"{scenario} does not even pass undisturbed:\n{run.output[-2000:]}")
            took_s = SYSTEM.monotonic() - run.began_s
            say(f"undisturbed: {scenario} passed in {took_s:.0f} s")
        clean()
    return took_s


def _round(
    number: int, strike: Strike, at_s: float, scenario: str, *, again: bool, chance: random.Random, before: Machine
) -> tuple[Round, Machine]:
    """Strike once; returns what came of it, and what the machine has afterwards."""
    reports = paths.reports_dir()
    reports.mkdir(exist_ok=True)
    folders = written_folders(reports)
    with contextlib.ExitStack() as disks:
        disks.enter_context(small_disks(folders))
        disks.enter_context(_cleaning_when_ended())
        with started("run", "--scenario", scenario) as run:  # the block's end would end what the run has left
            where, hit = "", "missed: the run had ended"
            if _moment(run, strike, at_s):
                where = run.lines[-1] if run.lines else "start"
                try:
                    hit = strike.hit(Target(run.process, folders, chance))
                except (Missed, psutil.Error) as missed:
                    hit = f"missed: {missed}"
            in_time = run.ended(RUN_S)
            drills = list(run.drills())
            ended = f"exit {run.code}" + "".join(f", {drill.verdict}" for drill in drills)
            troubles = [] if in_time else [f"it did not end within {RUN_S:.0f} s"]
            troubles += _lies(strike, run, missed=hit.startswith("missed"))
            if strike.mended_by_hand:
                strike.take_back()
            troubles += _next_drill() if again else []
            troubles += clean()
            strike.take_back()
            _keep(reports, number, run.output)
            disks.close()
            after = before.later()
            troubles += before.changes(after)
    return Round(number, strike.name, at_s, where[-60:], hit, ended, tuple(troubles)), after


@contextlib.contextmanager
def _cleaning_when_ended() -> Iterator[None]:
    """Clean up when this program itself is ended: what tells of the run's cluster lies on disks that go away."""
    try:
        yield
    except BaseException:
        clean()
        raise


def _moment(run: Run, strike: Strike, at_s: float) -> bool:
    """Wait for the moment; returns whether the run is still there."""
    ended = threading.Event()

    def wait() -> None:
        run.running.wait()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    if strike.needs_node:
        while not run.creating.wait(0.2):
            if ended.is_set():
                return False
    ended.wait(at_s)
    return not ended.is_set()


def _lies(strike: Strike, run: Run, *, missed: bool) -> list[str]:
    """What the run said that is not true of the strike."""
    found = []
    if "Traceback (most recent call last)" in run.output:
        found.append("a traceback")
    for drill in run.drills():
        if drill.verdict is Verdict.PASSED:
            continue
        if drill.verdict is not Verdict.ABORTED:
            found.append(f"wrong verdict: {drill.verdict}: {drill.reason}")
        elif not missed and strike.cause and not re.search(strike.cause, drill.reason or ""):
            found.append(f"another cause: {drill.reason}")
    if run.code == 0 and not run.drills():
        found.append("exit code 0 without a drill")
    silent = not run.drills() and not strike.ends_run and run.code not in {0, None}
    if silent and strike.cause and not re.search(strike.cause, run.output, re.IGNORECASE):
        found.append(f"ended before its drill without saying why: {' / '.join(run.lines[-3:])}")
    return found


def _next_drill() -> list[str]:
    """Run another drill, the next ordinary command; returns what was wrong with it."""
    with started("run", "--scenario", SCENARIOS[1]) as run:
        if run.ended(RUN_S) and run.code == 0:
            return []
        return [f"the next drill did not pass: exit {run.code}: {' / '.join(run.lines[-3:])}"]


def _keep(reports: Path, number: int, output: str) -> None:
    """Keep a round's reports, which lie on a disk that goes away, and what the run said."""
    kept = paths.project_dir() / "build" / "chaos" / str(number)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(reports, kept, symlinks=True, ignore=shutil.ignore_patterns("full"))
    (kept / "output.txt").write_text(output, encoding="utf-8")


def _tell(done: Round, of: int) -> None:
    say(f"{done.number}/{of} {done.strike} at {done.at_s:.0f} s, {done.hit}: {done.ended}")
    say(f"      while: {done.where}")
    for trouble in done.troubles:
        say(f"      TROUBLE: {trouble}")


def _close(rounds: Sequence[Round], seed: int) -> int:
    names = list(dict.fromkeys(each.strike for each in rounds))
    rows = []
    for name in names:
        mine = [each for each in rounds if each.strike == name]
        hit = [each for each in mine if not each.hit.startswith("missed")]
        verdicts = [sum(word in each.ended for each in hit) for word in ("passed", "aborted")]
        silent = len(hit) - sum(verdicts)
        troubles = sum(bool(each.troubles) for each in mine)
        rows.append([name, *(str(n) for n in (len(mine), len(hit), *verdicts, silent, troubles))])
    head = ["strike", "rounds", "hit", "passed", "aborted", "no verdict", "troubles"]
    for line in Table(head, rows, frozenset(range(1, 7))).text():
        say(line)
    bad = [each for each in rounds if each.troubles]
    first, last = (rounds[0].number, rounds[-1].number) if rounds else (0, 0)
    say(f"seed {seed}: {len(rounds)} rounds, {first} to {last}, {len(bad)} with trouble")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

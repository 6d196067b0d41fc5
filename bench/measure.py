"""Samples of commands, as whole processes, and of calls in this process."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bench.record import ROOT
from promdrill.core import shell
from promdrill.core.clock import SYSTEM

TIMEOUT_S = 600.0
"""Seconds after which a command is ended: far beyond what any of them takes, also on a busy machine."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run.

    Attributes:
        wall_s: Seconds from start to end.
        cpu_s: Seconds of processor time, its own and its children's.
        peak_bytes: The most memory that it had at once; None if that was not measured.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int | None = None


def of_command(argv: Sequence[str], *, env: Mapping[str, str], tells_peak: bool = False) -> Sample:
    """Run a command once, in the checkout.

    Args:
        argv: The command.
        env: Variables to add to those that it inherits.
        tells_peak: Whether the last line that it prints is its peak of memory, as `bench.peak` does.

    Raises:
        CommandFailed: Its exit code is not 0.
        CommandTimeout: It did not end within `TIMEOUT_S`.
    """
    before_s = _cpu_s(resource.RUSAGE_CHILDREN)
    done = shell.run(argv, timeout_s=TIMEOUT_S, env=env, cwd=ROOT)
    cpu_s = _cpu_s(resource.RUSAGE_CHILDREN) - before_s
    return Sample(done.took_s, cpu_s, int(done.stdout.split()[-1]) if tells_peak else None)


def of_call(work: Callable[[], object]) -> Sample:
    """Do some work once in this process, without garbage of earlier work."""
    gc.collect()
    before_s, began_s = _cpu_of_all_s(), SYSTEM.monotonic()
    work()
    return Sample(SYSTEM.monotonic() - began_s, _cpu_of_all_s() - before_s)


def in_turn(
    jobs: Mapping[str, Callable[[], Sample]], times: int, *, warm: Collection[str] = ()
) -> dict[str, tuple[Sample, ...]]:
    """Samples of several jobs that take turns, so that a slow moment of the machine hits all alike.

    Args:
        jobs: Each takes one sample, by its name.
        times: How many samples of each.
        warm: Jobs that are done once before, without counting: that fills caches, and imports what is imported late.
    """
    for name in warm:
        jobs[name]()
    rounds = [{name: job() for name, job in jobs.items()} for _ in range(times)]
    return {name: tuple(each[name] for each in rounds) for name in jobs}


def _cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _cpu_of_all_s() -> float:
    return _cpu_s(resource.RUSAGE_SELF) + _cpu_s(resource.RUSAGE_CHILDREN)

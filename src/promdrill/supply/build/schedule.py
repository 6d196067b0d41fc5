"""Tasks with dependencies, run in parallel, each in a lane: downloads go ahead, compilers come one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum

from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import SupplyError


class Lane(StrEnum):
    """What a task mostly uses; each lane limits how many run at once."""

    DOWNLOAD = "download"
    """The network."""
    COMPILE = "compile"
    """Every core by itself: Go compiles as many packages at once as there are cores."""
    PACK = "pack"
    """One core, or the disk."""


class State(StrEnum):
    """The state of a task."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work.

    Attributes:
        name: Unique among the tasks of a run.
        lane: What it mostly uses.
        action: Does the work. Its argument is an event that, once set, asks it to end early.
        needs: Names of tasks that must be done first.
    """

    name: str
    lane: Lane
    action: Callable[[threading.Event], None]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Something happened to a task.

    Attributes:
        task: Its name.
        state: Its new state.
        took_s: Seconds since it started.
        remaining: Tasks that are not done yet.
    """

    task: str
    state: State
    took_s: float
    remaining: int


def run(
    tasks: Sequence[Task], *, widths: Mapping[Lane, int], report: Callable[[Progress], None], clock: Clock = SYSTEM
) -> None:
    """Run all tasks, in the given order as far as dependencies and the width of each lane allow.

    The first failure stops everything else, and is raised once all tasks have ended; so is an interruption.

    Raises:
        SupplyError: A task needs one that does not exist, or tasks need each other.
        Exception: Whatever the first failing task raised.
    """
    names = {task.name for task in tasks}
    for task in tasks:
        if missing := set(task.needs) - names:
            raise SupplyError(f"task {task.name} needs {', '.join(sorted(missing))}, which no task provides")
    stop = threading.Event()
    pools = {lane: ThreadPoolExecutor(width, f"promdrill-{lane}") for lane, width in widths.items()}
    try:
        _Run(tasks, pools=pools, widths=widths, report=report, clock=clock, stop=stop).until_done()
    finally:
        stop.set()
        for pool in pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


class _Run:
    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        pools: Mapping[Lane, ThreadPoolExecutor],
        widths: Mapping[Lane, int],
        report: Callable[[Progress], None],
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._pending = list(tasks)
        self._pools, self._widths = pools, widths
        self._report, self._clock, self._stop = report, clock, stop
        self._running: dict[Future[None], Task] = {}
        self._done: set[str] = set()
        self._total = len(tasks)

    def until_done(self) -> None:
        """Submit ready tasks and collect finished ones until none is left."""
        while self._pending or self._running:
            for task in [t for t in self._pending if self._done.issuperset(t.needs)]:
                if self._has_room(task.lane):
                    self._pending.remove(task)
                    self._running[self._pools[task.lane].submit(self._one, task)] = task
            if not self._running:
                names = ", ".join(task.name for task in self._pending)
                raise SupplyError(f"circular dependency between tasks: {names}")
            ended, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in ended:
                task = self._running.pop(future)
                future.result()
                self._done.add(task.name)

    def _has_room(self, lane: Lane) -> bool:
        # nothing queues in a pool: whenever a thread is free, the first ready task in the given order gets it
        return sum(task.lane is lane for task in self._running.values()) < self._widths[lane]

    def _one(self, task: Task) -> None:
        if self._stop.is_set():
            return
        started = self._clock.monotonic()

        def tell(state: State, *, done: bool = False) -> None:
            left = self._total - len(self._done) - int(done)
            self._report(Progress(task.name, state, self._clock.monotonic() - started, left))

        tell(State.STARTED)
        try:
            task.action(self._stop)
        except BaseException:
            tell(State.STOPPED if self._stop.is_set() else State.FAILED)
            raise
        tell(State.DONE, done=True)

"""Parallel work, in threads that only wait; everything that happens is reported in the caller's thread, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

from promdrill.parallel.messages import Line, Message, State

J = TypeVar("J")
R = TypeVar("R")

Tell = Callable[[Message], None]
"""Takes a message about a job."""


class Pool(Generic[J, R]):
    """Runs jobs in parallel, and reports one thing at a time.

    For each job that has proven its baseline another one gets ready, so that a free worker never waits for one to
    start.

    Args:
        work: Prepares one job, waits for its turn, does it and returns the outcome, in its own thread. Gets the job, a
            function to send messages to, and an event that, once set, asks it to end early.
        on_turn: Called with each job whose turn has come; lets `work` continue.
        on_alone: Called with each job that must run alone, once nothing runs beside it.
        on_line: Called with each line and its job.
        on_end: Called with a job and its outcome; returns whether others may still be started. Not called for a job
            that was asked to end before its turn.
        uses: Names the resources that a job needs for itself; two jobs that have one in common never run at once.
    """

    def __init__(
        self,
        work: Callable[[J, Tell, threading.Event], R],
        *,
        on_turn: Callable[[J], None],
        on_alone: Callable[[J], None],
        on_line: Callable[[J, str], None],
        on_end: Callable[[J, R], bool],
        uses: Callable[[J], Collection[str]] = lambda _job: (),
    ) -> None:
        self._work = work
        self._on_turn = on_turn
        self._on_alone = on_alone
        self._on_line = on_line
        self._on_end = on_end
        self._uses = uses
        self._stop = threading.Event()
        self._happened: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._alone: list[J] = []
        self._waiting: list[J] = []
        self._ready: list[J] = []
        self._running: list[J] = []
        self._told_alone: list[J] = []
        self._states: dict[J, State] = {}
        self._going_on = True

    def run(self, together: Iterable[J], alone: Iterable[J], *, width: int) -> None:
        """Run all jobs, each list in order. A job whose resource is in use waits, and the next one goes first.

        Args:
            together: Jobs of which up to `width` run at once.
            alone: Jobs that come after those, one at a time. They begin while the last of those still run, and go as
                far as they can beside them.
            width: Number of workers, at least 1.

        Raises:
            BaseException: An interruption, or what a job or a callback raised. By then everything that ran was asked
                to end, has ended, and was reported.
        """
        self._alone = list(alone)
        self._waiting = [*together, *self._alone]
        threads = ThreadPoolExecutor(2 * width, "promdrill-job")
        try:
            while self._running or (self._waiting and self._going_on):  # if nothing runs, one may always begin
                self._step(width, threads)
        finally:
            self._stop.set()
            threads.shutdown(wait=True)
            while not self._happened.empty():
                self._next()

    def _step(self, width: int, threads: ThreadPoolExecutor) -> None:
        candidates = [job for job in self._waiting if self._going_on and self._may_run(job)]
        if candidates and len(self._running) < width:
            job = candidates[0]
            self._make_ready(job, threads)
            self._waiting.remove(job)
            self._ready.remove(job)
            self._running.append(job)
            self._on_turn(job)
            self._tell_alone()
            return
        self._next()
        self._tell_alone()
        past = sum(self._states[job] is State.BASELINE_PROVEN for job in self._running)
        for job in sorted(self._waiting, key=lambda job: not self._may_run(job)):
            if self._going_on and len(self._ready) < past:
                self._make_ready(job, threads)

    def _may_run(self, job: J) -> bool:
        if any(running in self._alone for running in self._running):
            return False
        if job in self._alone and any(waiting not in self._alone for waiting in self._waiting):
            return False
        in_use = {each for running in self._running for each in self._uses(running)}
        return in_use.isdisjoint(self._uses(job))

    def _tell_alone(self) -> None:
        """Report the job that must run alone, once it does."""
        if len(self._running) == 1 and self._running[0] in self._alone and self._told_alone != self._running:
            self._told_alone = list(self._running)
            self._on_alone(self._running[0])

    def _make_ready(self, job: J, threads: ThreadPoolExecutor) -> None:
        if job not in self._ready:
            self._ready.append(job)
            self._states[job] = State.STARTING
            threads.submit(self._one, job)

    def _one(self, job: J) -> None:
        """Do one job, in its thread; everything that happens goes into the queue, so that nothing is lost."""
        try:
            outcome = self._work(job, lambda message: self._happened.put(partial(self._told, job, message)), self._stop)
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            self._happened.put(partial(_raise, error))
        else:
            self._happened.put(partial(self._ended, job, outcome))

    def _next(self) -> None:
        """Wait until something happens, and report it."""
        self._happened.get()()

    def _told(self, job: J, message: Message) -> None:
        if isinstance(message, Line):
            self._on_line(job, message.text)
        else:
            self._states[job] = message.state

    def _ended(self, job: J, outcome: R) -> None:
        if job in self._running:
            self._running.remove(job)
        elif self._stop.is_set():
            return
        else:  # it could not even get ready
            self._ready.remove(job)
            self._waiting.remove(job)
        self._going_on = self._on_end(job, outcome) and self._going_on


def _raise(error: BaseException) -> None:
    raise error

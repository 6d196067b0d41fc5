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
    """Runs jobs in parallel, each in three parts, and reports one thing at a time.

    A job gets ready, says so, and goes on when its turn comes; once it recovers, its turn is the next one's. While some
    have their turn, others get ready or recover, so that a turn hardly ever waits for that.

    Args:
        work: Gets one job ready, says so, waits for its turn, does the job and returns the outcome, in its own thread.
            Gets the job, a function to send messages to, and an event that, once set, asks it to end early.
        on_turn: Called with each job whose turn has come; lets `work` continue.
        on_line: Called with each line and its job.
        on_end: Called with a job and its outcome; returns whether others may still be started, or have their turn.
        uses: Names the resources that a job needs for itself; two jobs that have one in common never run at once.
    """

    def __init__(
        self,
        work: Callable[[J, Tell, threading.Event], R],
        *,
        on_turn: Callable[[J], None],
        on_line: Callable[[J, str], None],
        on_end: Callable[[J, R], bool],
        uses: Callable[[J], Collection[str]] = lambda _job: (),
    ) -> None:
        self._work = work
        self._on_turn = on_turn
        self._on_line = on_line
        self._on_end = on_end
        self._uses = uses
        self._stop = threading.Event()
        self._happened: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._alone: list[J] = []
        self._waiting: list[J] = []
        self._running: dict[J, State] = {}
        self._turns: list[J] = []
        self._recovering: list[J] = []
        self._going_on = True

    def run(self, together: Iterable[J], alone: Iterable[J], *, width: int, ahead: int) -> None:
        """Run all jobs, each list in order. A job whose resource is in use waits, and the next one goes first.

        Args:
            together: Jobs of which up to `width` have their turn at once.
            alone: Jobs that come after those, one at a time. They get ready while the last of those still run, and have
                their turn once nothing runs beside them.
            width: How many, at least 1.
            ahead: How many may be there besides, getting ready, being it, or recovering: at least 1, at most `width`.

        Raises:
            BaseException: An interruption, or what a job or a callback raised. By then everything that ran was asked
                to end, has ended, and was reported.
        """
        self._alone = list(alone)
        self._waiting = [*together, *self._alone]
        threads = ThreadPoolExecutor(width + ahead, "promdrill-job")
        try:
            while self._turns or self._recovering or (self._going_on and (self._running or self._waiting)):
                if self._going_on:
                    self._give_turns(width)
                    self._start(width, ahead, threads)
                self._next()
        finally:
            self._stop.set()
            threads.shutdown(wait=True)
            while not self._happened.empty():
                self._next()

    def _start(self, width: int, ahead: int, threads: ThreadPoolExecutor) -> None:
        """Start jobs that get ready; if nothing runs, one may always begin."""
        for job in tuple(self._waiting):
            before_turn = len(self._running) - len(self._turns) - len(self._recovering)
            if before_turn < width and len(self._running) < width + ahead and self._may_run(job):
                self._waiting.remove(job)
                self._running[job] = State.GETTING_READY
                threads.submit(self._one, job)

    def _may_run(self, job: J) -> bool:
        if any(running in self._alone for running in self._running):
            return False
        if job in self._alone and any(waiting not in self._alone for waiting in self._waiting):
            return False
        in_use = {each for running in self._running for each in self._uses(running)}
        return in_use.isdisjoint(self._uses(job))

    def _give_turns(self, width: int) -> None:
        for job, state in self._running.items():
            free = len(self._running) == 1 if job in self._alone else len(self._turns) < width
            if free and state is State.READY and job not in self._turns:
                self._turns.append(job)
                self._on_turn(job)

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
            self._running[job] = message.state
            if message.state is State.RECOVERING and job in self._turns:
                self._turns.remove(job)
                self._recovering.append(job)

    def _ended(self, job: J, outcome: R) -> None:
        del self._running[job]
        for begun in (self._turns, self._recovering):
            if job in begun:
                begun.remove(job)
        self._going_on = self._on_end(job, outcome) and self._going_on


def _raise(error: BaseException) -> None:
    raise error

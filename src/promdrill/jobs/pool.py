"""Work side by side, in threads that only wait; whatever happens is told in the caller's own thread, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

J = TypeVar("J")
R = TypeVar("R")

Tell = Callable[[str], None]
"""Takes a line of output."""


class Pool(Generic[J, R]):
    """Runs jobs side by side, and tells of one thing at a time.

    Args:
        work: Does one job and returns what came of it, in a thread of its own. It is given the job, where to tell lines
            of output, and an event that, once set, asks it to end early.
        on_line: Told each line with its job.
        on_end: Told what came of a job; returns whether others may still be started.
        uses: Names what a job needs for itself; jobs with the same name never run at once. None for nothing.
    """

    def __init__(
        self,
        work: Callable[[J, Tell, threading.Event], R],
        *,
        on_line: Callable[[J, str], None],
        on_end: Callable[[J, R], bool],
        uses: Callable[[J], str | None] = lambda _job: None,
    ) -> None:
        self._work = work
        self._on_line = on_line
        self._on_end = on_end
        self._uses = uses
        self._stop = threading.Event()
        self._happened: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._running = 0
        self._in_use: set[str | None] = set()
        self._going_on = True

    def run(self, together: Iterable[J], alone: Iterable[J], *, width: int) -> None:
        """Do all jobs, each list in its order, but that a job waits while what it uses is in use, and others go first.

        Args:
            together: Jobs of which up to `width` run at once.
            alone: Jobs that run after those, one at a time.
            width: At least 1.

        Raises:
            BaseException: An interruption, or what a job or a callback raised. All that ran was asked to end, has
                ended, and was told of.
        """
        threads = ThreadPoolExecutor(width, "promdrill-job")
        try:
            self._run(together, width, threads)
            self._run(alone, 1, threads)
        finally:
            self._stop.set()
            threads.shutdown(wait=True)
            while not self._happened.empty():
                self._next()

    def _run(self, jobs: Iterable[J], width: int, threads: ThreadPoolExecutor) -> None:
        waiting = list(jobs)
        while self._running or (waiting and self._going_on):  # with nothing running nothing is in use: one can start
            free = [at for at, job in enumerate(waiting) if self._uses(job) not in self._in_use]
            if free and self._going_on and self._running < width:
                job = waiting.pop(free[0])
                self._running += 1
                self._in_use |= {self._uses(job)} - {None}
                threads.submit(self._one, job)
            else:
                self._next()

    def _one(self, job: J) -> None:
        """Do one job, in its thread; whatever happens is put in the queue, so that nothing of it is ever lost."""
        try:
            outcome = self._work(job, lambda line: self._happened.put(partial(self._on_line, job, line)), self._stop)
        except BaseException as error:  # noqa: BLE001  raised again where it is told
            self._happened.put(partial(_raise, error))
        else:
            self._happened.put(partial(self._ended, job, outcome))

    def _next(self) -> None:
        """Wait until something happens, and tell it."""
        self._happened.get()()

    def _ended(self, job: J, outcome: R) -> None:
        self._running -= 1
        self._in_use.discard(self._uses(job))
        self._going_on = self._on_end(job, outcome) and self._going_on


def _raise(error: BaseException) -> None:
    raise error

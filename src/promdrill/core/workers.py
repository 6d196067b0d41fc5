"""Work in several processes: the same function over many things that have nothing to do with each other.

The processes are copies of this one (fork): they have everything that it has read, at no cost, and only results go
through a pipe. So they exist on Linux only, and only where this process has a single thread: in a copy, a lock that
another thread held would stay locked. Elsewhere this process does the work itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from promdrill.core import collector

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Most processes: each needs some 20 MiB for itself, and this one has to keep up with joining what they make."""


def in_order(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """What `work` makes of each item, in the order of the items, made in as many processes as there are processors.

    A process that is ahead waits until its results are taken. When this ends, however it ends, all have ended. What one
    of them fails to make is made in this process, so its error is raised here, as it would be without processes.

    Args:
        work: Changes nothing, and makes what can be pickled.
        items: The items.
    """
    number = min(os.cpu_count() or 1, MOST, len(items))
    if number <= 1 or not _has_one_thread():
        yield from map(work, items)
        return
    from multiprocessing import get_context  # noqa: PLC0415  few commands need it

    context = get_context("fork")
    processes: list[ForkProcess] = []
    with contextlib.ExitStack() as readers:
        try:
            results = []
            for own in range(number):
                reader, writer = context.Pipe(duplex=False)
                readers.callback(reader.close)
                process = context.Process(target=_make, args=(work, items[own::number], reader, writer), daemon=True)
                with _uninterrupted():  # or it could run without being known
                    process.start()
                    processes.append(process)
                writer.close()  # the process has its own: when it ends, there is nothing more to read
                results.append(reader)
            for at, item in enumerate(items):
                yield _taken(results[at % number], work, item)
        finally:
            with _uninterrupted():  # by a second one
                for process in processes:
                    process.kill()
                    process.join()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off an interrupt until the block ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _has_one_thread() -> bool:
    """Whether this process has a single thread; False on a system that does not tell, which is not Linux."""
    threads = Path("/proc/self/task")
    return threads.is_dir() and len(list(threads.iterdir())) == 1


def _make(work: Callable[[T], R], items: Sequence[T], reader: Connection, writer: Connection) -> None:
    """What a process does. It ends at its first error, when its last result is taken, or with the process it is of."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells all of an interrupt: the first process ends them
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    gc.freeze()  # or the collector would write into all memory that is shared so far
    reader.close()  # so that nobody reads when the first process has gone, and writing fails
    with contextlib.suppress(Exception):
        for item in items:
            with collector.resting():
                result = work(item)
            writer.send(result)


def _taken(results: Connection, work: Callable[[T], R], item: T) -> R:
    """The next result of a process; this process makes it, if the other one has ended."""
    try:
        result: R = results.recv()
    except (EOFError, OSError):
        return work(item)
    return result

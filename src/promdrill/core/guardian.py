"""What promdrill started dies with promdrill, even when that is killed.

A small process of its own holds the reading end of a pipe whose writing end only promdrill has; it is told which
commands run. When the pipe ends, promdrill has ended, and what still runs of its commands is killed. This needs
nothing that only one system has, and it reaches grandchildren too.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from promdrill.core import processes

_ENDED = "ended"  # said when promdrill ends by itself


class Guardian:
    """Our side of it. The process is started before the first command, and again should it be gone.

    Args:
        mark: The beginning of the marks of all our commands.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._lock = threading.Lock()
        self._pipe: int | None = None
        self._running: set[int] = set()

    def ready(self) -> None:
        """Have it there before a command is started, so that at no moment nobody watches."""
        with self._lock:
            if self._pipe is None:
                self._pipe = self._start()

    def watch(self, pid: int) -> None:
        """From now on the command with that process id, which leads its session, is killed when we are gone."""
        with self._lock:
            self._running.add(pid)
            try:
                self._say(f"+{pid}")
            except BrokenPipeError:  # somebody ended it
                self._renew()

    def forget(self, pid: int) -> None:
        """That command has ended."""
        with self._lock:
            self._running.discard(pid)
            self._say_if_there(f"-{pid}")

    def _renew(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
        self._pipe = self._start()
        for each in self._running:
            self._say(f"+{each}")

    def _start(self) -> int:
        theirs, ours = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "promdrill.core.guardian", self._mark],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=Path("/"),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        process.returncode = 0  # it outlives us; without this Python warns when the object goes
        atexit.register(self._say_if_there, _ENDED)
        return ours

    def _say(self, line: str) -> None:
        if self._pipe is not None:
            os.write(self._pipe, f"{line}\n".encode())

    def _say_if_there(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._say(line)


def main(mark: str, lines: Iterable[str]) -> None:
    """The guardian's side: listen until the pipe ends, then kill what is left.

    Args:
        mark: As in `Guardian`.
        lines: What it is told: ``+`` and ``-`` before a process id, or that promdrill has ended by itself.
    """
    running: dict[int, str | None] = {}
    by_itself = False
    for line in lines:
        said = line.strip()
        by_itself = said == _ENDED
        if said.startswith("+") and _is_command(int(said)):
            running[int(said)] = processes.start_of(int(said))
        elif said.startswith("-"):
            running.pop(-int(said), None)
    if running or not by_itself:
        processes.end_marked(mark, [pid for pid, start in running.items() if _not_another(pid, start)])


def _is_command(pid: int) -> bool:
    """Whether a process id can be that of a command: each leads a session of its own, and none is init or promdrill."""
    if pid <= 1 or pid in {os.getpid(), os.getppid()}:
        return False
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:  # it has ended; what it started may not have
        return True


def _not_another(pid: int, start: str | None) -> bool:
    """Whether a process id still means what it meant: the command itself, or nothing but its session."""
    return processes.start_of(pid) in {start, None}


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    main(sys.argv[1], sys.stdin)

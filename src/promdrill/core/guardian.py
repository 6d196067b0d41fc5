"""Commands that promdrill started die with promdrill, even if it is killed.

A small separate process holds the reading end of a pipe whose writing end only promdrill has, and learns from it which
commands run. When the pipe closes, promdrill has ended, and its remaining commands are killed. This works on every
system, and reaches grandchildren too.
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

_ENDED = "ended"  # sent when promdrill ends by itself


class Guardian:
    """promdrill's side. The process is started before the first command, and again if it has died.

    Args:
        mark: The beginning of the marks of all commands.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._lock = threading.Lock()
        self._pipe: int | None = None
        self._running: dict[int, str] = {}

    def ready(self) -> None:
        """Start the process before a command starts, so that every command is watched from its first moment."""
        with self._lock:
            if self._pipe is None:
                self._pipe = self._start()

    def watch(self, pid: int, leash: str) -> None:
        """From now on, kill a command when promdrill is gone.

        Args:
            pid: Its process id; it leads its session.
            leash: Name of the pipe that its processes hold.
        """
        with self._lock:
            self._running[pid] = leash
            try:
                self._say(f"+{pid} {leash}")
            except BrokenPipeError:  # somebody killed it
                self._renew()

    def forget(self, pid: int) -> None:
        """Stop watching a command: it has ended."""
        with self._lock:
            self._running.pop(pid, None)
            self._say_if_there(f"-{pid}")

    def _renew(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
        self._pipe = self._start()
        for pid, leash in self._running.items():
            self._say(f"+{pid} {leash}")

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
        process.returncode = 0  # it outlives promdrill; without this Python warns when the object is deleted
        atexit.register(self._say_if_there, _ENDED)
        return ours

    def _say(self, line: str) -> None:
        if self._pipe is not None:
            os.write(self._pipe, f"{line}\n".encode())

    def _say_if_there(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._say(line)


def main(mark: str, lines: Iterable[str]) -> None:
    """The guardian's side: listen until the pipe closes, then kill what is left.

    Args:
        mark: As in `Guardian`.
        lines: The messages: ``+`` before a process id and a leash, ``-`` before a process id, or that promdrill has
            ended by itself.
    """
    running: dict[int, tuple[str | None, str]] = {}
    by_itself = False
    for line in lines:
        said, _, leash = line.strip().partition(" ")
        by_itself = said == _ENDED
        if said.startswith("+") and _is_command(int(said)):
            running[int(said)] = processes.start_of(int(said)), leash
        elif said.startswith("-"):
            running.pop(-int(said), None)
    if running or not by_itself:
        leaders = [pid for pid, (start, _) in running.items() if _not_another(pid, start)]
        processes.end_marked(mark, leaders, [leash for _, leash in running.values()])


def _is_command(pid: int) -> bool:
    """Whether a process id can be a command's: each leads a session of its own, and none is init or promdrill."""
    if pid <= 1 or pid in {os.getpid(), os.getppid()}:
        return False
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:  # it has ended; its children may not have
        return True


def _not_another(pid: int, start: str | None) -> bool:
    """Whether a process id still belongs to the command: to the command itself, or only to its session."""
    return processes.start_of(pid) in {start, None}


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    main(sys.argv[1], sys.stdin)

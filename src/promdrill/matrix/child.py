"""One cell in a process of its own: how it is asked for, listened to, and brought to its end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from promdrill.core import shell
from promdrill.core.clock import SYSTEM, Clock, Deadline
from promdrill.matrix.cells import VARIABLES
from promdrill.request.request import Request

TIMEOUT_S = 6 * 3600.0
"""For one cell: what GitHub gives a job. Drills have deadlines of their own; this ends what hangs in spite of them."""

STOP_S = 300.0
"""For a cell that is asked to end: its drills gather evidence and undo their faults, within seconds unless something
hangs."""

REQUEST = "request.json"
"""In the folder of a cell's report: what was asked of its run."""

FOREIGN = ("KEEP", "CLUSTER", "CONTROL", "RUNBOOK", "JOBS", "SUPPLY")
"""Further variables that a run must not find in its environment: it is told of them otherwise, or not at all."""

_AGAIN = "it may end what it began; Ctrl-C again ends it at once"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code; negative for a signal.
        said: What it complained of last, else its last line.
        interrupted: Whether it ended because we were interrupted.
    """

    code: int
    said: str
    interrupted: bool = False


def command(request: Request) -> list[str]:
    """The command line of a cell, which reads what is asked of it from a file in the folder of its report.

    Args:
        request: What is asked for; it names that folder, and the cluster to join.
    """
    file = request.write((request.reports or Path()) / REQUEST)
    return [sys.executable, "-m", "promdrill.cli.main", "run", f"--request={file}"]


def environment() -> Mapping[str, str]:
    """What a run's environment has other than ours: nothing that it is told otherwise."""
    return {"PYTHONUNBUFFERED": "1", **dict.fromkeys((*VARIABLES, *FOREIGN), "")}


def run(
    argv: list[str],
    on_line: Callable[[str], None],
    *,
    timeout_s: float = TIMEOUT_S,
    stop_s: float = STOP_S,
    clock: Clock = SYSTEM,
) -> Ended:
    """Run a cell to its end; to be called in the main thread, which alone is interrupted.

    Interrupted, or at its deadline, the process gets SIGINT and the time to undo what it did.

    Args:
        argv: As from `command`.
        on_line: Told each line that it says.
        timeout_s: Seconds until it is asked to end.
        stop_s: Seconds from then until it is ended.
        clock: Where time comes from.

    Raises:
        CommandFailed: It could not be started.
        KeyboardInterrupt: We were interrupted for the second time; the process has been ended.
    """
    heard = _Heard(on_line)
    interrupted = late = False
    deadline = Deadline.after(timeout_s, clock)
    with shell.spawn(argv, env=environment()) as process:
        lines: SimpleQueue[str | None] = SimpleQueue()
        listener = threading.Thread(target=_listen, args=(process.stdout, process.wait, lines), daemon=True)
        listener.start()
        while True:
            try:
                if heard.all_of(lines, deadline):
                    break
                if interrupted or late:
                    on_line(f"it did not end within {stop_s:.0f} s, and is ended")
                    break
                late = True
                on_line(f"not done within {timeout_s:.0f} s; {_AGAIN}")
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                on_line(f"interrupted; {_AGAIN}")
            process.send_signal(_asking())
            deadline = Deadline.after(stop_s, clock)
    said = f"it was not done within {timeout_s:.0f} s" if late else heard.said
    return Ended(process.returncode, said, interrupted)


def _asking() -> signal.Signals:
    """The signal that asks a process to end: Ctrl-C's, unless a shell started us, and so it too, deaf to that one."""
    return signal.SIGTERM if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else signal.SIGINT


class _Heard:
    """What a process said.

    Args:
        on_line: Told each line.

    Attributes:
        said: As in `Ended`.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._complained = False
        self.said = "it said nothing"

    def all_of(self, lines: SimpleQueue[str | None], deadline: Deadline) -> bool:
        """Hear what there is; returns whether that was all, before the deadline."""
        while True:
            try:
                line = lines.get(timeout=deadline.remaining_s)
            except Empty:
                return False
            if line is None:
                return True
            complaint = line.startswith("promdrill: ")
            if complaint or (line.strip() and not self._complained):
                self._complained = complaint
                self.said = line.strip().removeprefix("promdrill: ")
            self._on_line(line)


def _listen(stdout: IO[bytes], wait: Callable[[], int], lines: SimpleQueue[str | None]) -> None:
    """In a thread of its own: hand over the lines, and None when the process has ended."""
    for raw in stdout:
        lines.put(raw.decode("utf-8", "replace").rstrip())
    wait()
    lines.put(None)

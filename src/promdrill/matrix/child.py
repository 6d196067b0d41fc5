"""One cell in its own process: how it is started, listened to, and ended."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from promdrill.artefacts.cache import KEEP_BUILD
from promdrill.core import shell
from promdrill.core.clock import SYSTEM, Clock, Deadline
from promdrill.request import options
from promdrill.request.request import Request

TIMEOUT_S = 6 * 3600.0
"""For one cell: the limit of a GitHub job. Drills have their own deadlines; this ends what hangs in spite of them."""

STOP_S = 300.0
"""For a cell that is asked to end: its drills collect evidence and undo their faults, within seconds unless something
hangs."""

REQUEST = "request.json"
"""In the folder of a cell's report: the request for its run."""

_AGAIN = "it is cleaning up; Ctrl-C again kills it"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code; negative for a signal.
        said: Its last complaint, else its last line.
        interrupted: Whether it ended because we were interrupted.
    """

    code: int
    said: str
    interrupted: bool = False


def command(request: Request) -> list[str]:
    """The command line of a cell, which reads its request from a file in the folder of its report.

    Args:
        request: The request; it names that folder, and the cluster to join.
    """
    file = request.write((request.reports or Path()) / REQUEST)
    return [sys.executable, "-m", "promdrill.cli.main", "run", f"--request={file}"]


def environment() -> Mapping[str, str]:
    """Changes to the environment for a run: every variable of `promdrill run` is empty, as its request covers them.

    What only builds need stays for the next cell, and goes at the end of the matrix.
    """
    variables = (option.variable for option in (*options.OPTIONS, *options.SESSION))
    return {"PYTHONUNBUFFERED": "1", KEEP_BUILD: "1", **dict.fromkeys(variables, "")}


def run(
    argv: list[str],
    on_line: Callable[[str], None],
    *,
    timeout_s: float = TIMEOUT_S,
    stop_s: float = STOP_S,
    clock: Clock = SYSTEM,
) -> Ended:
    """Run a cell to its end. Call it in the main thread, which is the only one that is interrupted.

    When interrupted, or at its deadline, the process gets SIGINT and time to undo what it did.

    Args:
        argv: As from `command`.
        on_line: Called with each line of output.
        timeout_s: Seconds until it is asked to end.
        stop_s: Seconds from then until it is killed.
        clock: Where time comes from.

    Raises:
        CommandFailed: It could not be started.
        KeyboardInterrupt: We were interrupted for the second time; the process has been killed.
    """
    heard = _Heard(on_line)
    interrupted = late = False
    deadline = Deadline.after(timeout_s, clock)
    with shell.spawn(argv, env=environment(), inherits_as="promdrill") as process:
        lines: SimpleQueue[str | None] = SimpleQueue()
        listener = threading.Thread(target=_listen, args=(process.stdout, process.wait, lines), daemon=True)
        listener.start()
        while True:
            try:
                if heard.all_of(lines, deadline):
                    break
                if interrupted or late:
                    on_line(f"it did not end within {stop_s:.0f} s; killing it")
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
    """The signal that asks a process to end: SIGINT, unless we, and so the process too, were started to ignore it."""
    return signal.SIGTERM if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else signal.SIGINT


class _Heard:
    """The output of a process.

    Args:
        on_line: Called with each line.

    Attributes:
        said: As in `Ended`.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._complained = False
        self.said = "no output"

    def all_of(self, lines: SimpleQueue[str | None], deadline: Deadline) -> bool:
        """Take lines until the process ends or the deadline passes; returns whether it ended."""
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
    """In its own thread: put the lines into the queue, and None when the process has ended."""
    for raw in stdout:
        lines.put(raw.decode("utf-8", "replace").rstrip())
    wait()
    lines.put(None)

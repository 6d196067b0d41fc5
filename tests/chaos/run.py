"""One run of promdrill as a user starts it, watched from outside: what it said, how it ended, and its drills."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult
from promdrill.core.shell import Running
from promdrill.results import store

PROGRAM = (sys.executable, "-m", "promdrill.cli.main")

CLEAN_S = 180.0
"""Seconds for `promdrill clean`: it takes 3, or 30 if containers have to be ended."""

_NODE_LINE = "creating cluster"


@dataclass(slots=True)
class Run:
    """A run.

    Attributes:
        running: Its first process.
        began_s: When, on the clock of `promdrill.core.clock`.
        lines: What it has said so far.
        creating: Set once it creates its cluster.
    """

    running: Running
    began_s: float
    lines: list[str] = field(default_factory=list)
    creating: threading.Event = field(default_factory=threading.Event)
    _before: frozenset[Path] = frozenset()
    _reader: threading.Thread | None = None

    @property
    def process(self) -> psutil.Process:
        """Its first process.

        Raises:
            psutil.NoSuchProcess: It has ended.
        """
        return psutil.Process(self.running.pid)

    def ended(self, within_s: float) -> bool:
        """Wait for its end and for all that it says; returns whether it ended in time."""
        with contextlib.suppress(TimeoutError):
            self.running.wait(within_s)
        if self.running.poll() is None:
            return False
        if self._reader is not None:
            self._reader.join(10.0)
        return True

    @property
    def code(self) -> int | None:
        """Its exit code; negative for a signal."""
        return self.running.poll()

    @property
    def output(self) -> str:
        """All that it said."""
        return "\n".join(self.lines)

    def drills(self) -> Sequence[DrillResult]:
        """The drills that it recorded; none if what it wrote cannot be read."""
        found: list[DrillResult] = []
        for file in sorted(_results() - self._before):
            with contextlib.suppress(UsageError):
                found += store.read(file).drills
        return found


@contextlib.contextmanager
def started(
    *argv: str, env: Mapping[str, str] | None = None, show: Callable[[str], None] = lambda _: None
) -> Iterator[Run]:
    """A run; ended when the block ends.

    Args:
        argv: The subcommand of promdrill and its options.
        env: Variables besides its own.
        show: Told each line.
    """
    before = _results()
    given = {"COLUMNS": "160", **(env or {})}
    with shell.spawn([*PROGRAM, *argv], cwd=paths.project_dir(), env=given, inherits_as="promdrill") as running:
        run = Run(running, SYSTEM.monotonic(), _before=before)
        run._reader = threading.Thread(target=_read, args=(run, show), daemon=True)
        run._reader.start()
        yield run


def clean() -> list[str]:
    """Run `promdrill clean`; returns what went wrong, or was left behind."""
    with started("clean") as run:
        if run.ended(CLEAN_S) and run.code == 0:
            return [line for line in run.lines if line.startswith("left behind")]
        return [f"clean: exit {run.code}: {' / '.join(run.lines[-3:])}"]


def _read(run: Run, show: Callable[[str], None]) -> None:
    for raw in run.running.stdout or ():
        line = raw.decode("utf-8", "replace").rstrip()
        run.lines.append(line)
        if _NODE_LINE in line:
            run.creating.set()
        show(line)


def _results() -> frozenset[Path]:
    found = paths.reports_dir().glob(f"*/{store.RESULTS}")
    return frozenset(path for path in found if not path.parent.is_symlink())

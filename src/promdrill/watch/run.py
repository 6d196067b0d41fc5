"""What is known about a run: its drills, its results so far, and whether it has ended."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from promdrill.core import collector
from promdrill.core.errors import UsageError
from promdrill.core.events import Entry
from promdrill.core.journal import JOURNAL
from promdrill.core.model import DrillResult, RunResult, Skipped
from promdrill.core.terminal import one_line
from promdrill.results import store
from promdrill.results.folder import of_result
from promdrill.results.timeline.drill import Timeline
from promdrill.results.timeline.read import Tail
from promdrill.watch.safe import safe

OVERDUE_S = 60.0
"""Seconds without an entry after a wait's deadline until the run counts as cut short: it should have ended the wait."""

SILENT_S = 900.0
"""The same if no deadline is journalled; the longest within a drill is the runbook's, with profile as-shipped."""

BETWEEN_S = 3600.0
"""The same while no drill is running: a cold start builds everything then, for about 15 minutes on two cores."""

INTERRUPTED_S = 15.0
"""The same after an interrupted drill: only the cluster is left to delete, which is not journalled."""


class Ending(StrEnum):
    """Whether a run is still running, has finished, or was cut short (nobody writes to it any more)."""

    RUNNING = "running"
    FINISHED = "finished"
    CUT_SHORT = "cut short"


@dataclass(slots=True)
class RunState:
    """One run.

    Attributes:
        folder: Its folder.
        drills: Those that have a journal, by the name of their folder, in the order in which they began.
        results: Content of results.json; None while it is missing or not readable.
        planned: Names of all drills of the run; empty until they are known.
        written: When a file of the run was last written, UTC; None if there is no file.
    """

    folder: Path
    drills: dict[str, Timeline] = field(default_factory=dict)
    results: RunResult | None = None
    planned: tuple[str, ...] = ()
    written: datetime | None = None
    _ended: dict[str, DrillResult] = field(default_factory=dict)

    def result(self, folder: str) -> DrillResult | None:
        """The last result of the drill in that folder."""
        return self._ended.get(folder)

    def end(self, found: RunResult) -> None:
        """Take over the content of results.json."""
        self.results, self._ended = found, {of_result(result): result for result in found.drills}
        self.planned = tuple(map(one_line, found.planned)) or self.planned

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Scenarios that did not apply."""
        return self.results.skipped if self.results is not None else ()

    @property
    def open(self) -> list[Timeline]:
        """Drills that have begun and have no verdict."""
        return [drill for name, drill in self.drills.items() if not drill.verdict and self.result(name) is None]

    def quiet_s(self, now: datetime) -> float:
        """Seconds since something was written."""
        return 0.0 if self.written is None else max(0.0, (now - self.written).total_seconds())

    def ending(self, now: datetime) -> Ending:
        """Whether the run is still running. A silence longer than any of its deadlines means that it was killed."""
        if self.results is not None and self.results.finished is not None:
            return Ending.FINISHED
        return Ending.CUT_SHORT if self.quiet_s(now) > self._longest_silence_s() else Ending.RUNNING

    def _longest_silence_s(self) -> float:
        drills = self.open
        if drills:
            return max(map(_longest_silence_s, drills))
        ended = self.results.drills if self.results is not None else ()
        return INTERRUPTED_S if any(drill.interrupted for drill in ended) else BETWEEN_S


def _longest_silence_s(drill: Timeline) -> float:
    """Seconds for which an open drill may write nothing."""
    wait, step = drill.waiting, drill.step
    if wait is not None:
        return wait.timeout_s + OVERDUE_S
    if step is not None and step.ended is None and step.timeout_s is not None:
        return step.timeout_s + OVERDUE_S
    return SILENT_S


class Follower:
    """Follows the files of one run.

    Args:
        folder: The run's folder, which may not exist yet.
        planned: Names of all drills of the run, if the caller knows them; results.json names them later.

    Attributes:
        run: What is known.
    """

    def __init__(self, folder: Path, planned: tuple[str, ...] = ()) -> None:
        self.run = RunState(folder, planned=planned)
        self._tails: dict[str, Tail] = {}
        self._results: tuple[int, int, int] | None = None

    def look(self) -> list[tuple[Timeline, Entry]]:
        """Read what was appended since the last look. Returns the new entries, in order of time."""
        with collector.resting():
            news = [item for name in self._folders() for item in self._read(name)]
        self._read_results()
        stamps = [drill.last.at for drill in self.run.drills.values() if drill.last is not None]
        self.run.written = max((*stamps, *_written(self.run.folder)), default=None)
        return sorted(news, key=lambda item: item[1].at)

    def _folders(self) -> list[str]:
        try:
            with os.scandir(self.run.folder) as found:
                names = [item.name for item in found if item.is_dir() and item.name not in self._tails]
        except OSError:
            names = []
        for name in sorted(names):
            if (self.run.folder / name / JOURNAL).is_file():
                self._tails[name] = Tail(self.run.folder / name / JOURNAL)
        return list(self._tails)

    def _read(self, name: str) -> list[tuple[Timeline, Entry]]:
        replaced, entries = self._tails[name].look()
        if replaced:
            self.run.drills.pop(name, None)
        taken = []
        for found in entries:
            entry = replace(found, event=safe(found.event))
            drill = self.run.drills.get(name)
            if drill is None or drill.ends_before(entry.event):
                self.run.drills.pop(name, None)
                drill = self.run.drills[name] = Timeline(name)
            drill.take(entry)
            taken.append((drill, entry))
        return taken

    def _read_results(self) -> None:
        file = self.run.folder / store.RESULTS
        try:
            found = file.stat()
            now_so = (found.st_ino, found.st_size, found.st_mtime_ns)
            if now_so == self._results:
                return
            self.run.end(store.read(file))
        except (OSError, UsageError):
            return  # missing so far, or written by another version: the journals are enough
        self._results = now_so


def _written(folder: Path) -> list[datetime]:
    """When results.json was last replaced, or else its folder created, by the same clock as the journals."""
    for path in (folder / store.RESULTS, folder):
        with contextlib.suppress(OSError):
            return [datetime.fromtimestamp(path.stat().st_mtime, UTC)]
    return []

"""Runs the cells: those that share a cluster one after the other, each followed, judged and reported."""

from __future__ import annotations

import contextlib
import signal
import textwrap
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from promdrill.cluster.address import Address
from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import PromdrillError, ending
from promdrill.core.model import RunResult
from promdrill.matrix.cells import Cell
from promdrill.matrix.child import Ended
from promdrill.matrix.kept import Folders
from promdrill.request.request import Request
from promdrill.results.expected import as_expected
from promdrill.results.run import LONGEST_REASON
from promdrill.results.summary import closing_line

_EXIT_FAILED = 1
_EXIT_REFUSED = 2
_UNFINISHED = "its run did not finish"


class State(StrEnum):
    """What became of a cell.

    `DONE`: its run finished. `KEPT`: it had finished before. `REFUSED`: it cannot be run as it is written. `DIED`: it
    has no results of a finished run. `NO_CLUSTER`: its cluster could not be made.
    """

    DONE = "done"
    KEPT = "kept from before"
    REFUSED = "refused"
    DIED = "no result"
    NO_CLUSTER = "no cluster"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended.

    Attributes:
        cell: The cell.
        state: What became of it.
        run: Its results; None if there are none.
        reason: Why it is red, apart from its drills; None if there is no such reason.
        took_s: Seconds that it took; None when it was not run.
    """

    cell: Cell
    state: State
    run: RunResult | None = None
    reason: str | None = None
    took_s: float | None = None

    @property
    def red(self) -> bool:
        """Whether something is wrong with it; a cell that was not run is not red."""
        return self.reason is not None or not all(map(as_expected, self.run.drills if self.run else ()))

    @property
    def words(self) -> str:
        """``23 passed, 1 failed``, or why there are no such numbers."""
        counted = closing_line(self.run.drills, self.run.skipped) if self.run else ""
        if self.state is State.DONE:
            return counted
        return f"{self.state}: {counted}" if counted else str(self.state)


@dataclass(frozen=True, slots=True)
class Means:
    """What the runner uses.

    Attributes:
        request: Makes the request of a cell; raises a `PromdrillError` for one that cannot be run.
        cluster: Makes the cluster for a Kubernetes version and profile; yields its address.
        child: Runs a cell with its request, and passes on its lines.
        say: Shows a line.
        clock: Where time comes from.
        absent: Why a cell cannot be run here though nothing is wrong with it; empty if it can. It is left out then.
    """

    request: Callable[[Cell], Request]
    cluster: Callable[[tuple[str, str]], AbstractContextManager[Address]]
    child: Callable[[Cell, Request, Callable[[str], None]], Ended]
    say: Callable[[str], None]
    clock: Clock = SYSTEM
    absent: Callable[[Request], str] = field(default=lambda _request: "")


@dataclass(frozen=True, slots=True)
class Result:
    """How a matrix ended.

    Attributes:
        outcomes: One for each cell, in the order in which they run.
        problems: What went wrong with clusters.
        interrupted: Whether it was interrupted.
        took_s: Seconds that it took.
    """

    outcomes: tuple[Outcome, ...]
    problems: tuple[str, ...]
    interrupted: bool
    took_s: float

    @property
    def red(self) -> bool:
        """Whether a cell or a cluster is, or no cell could be run."""
        none_ran = not self.interrupted and all(outcome.state is State.NOT_RUN for outcome in self.outcomes)
        return bool(self.problems) or none_ran or any(outcome.red for outcome in self.outcomes)


def in_order(cells: Sequence[Cell]) -> list[Cell]:
    """The order in which cells run: those that share a cluster together, otherwise as in the file."""
    grounds = list(dict.fromkeys(cell.ground for cell in cells))
    return sorted(cells, key=lambda cell: grounds.index(cell.ground))


def run(cells: Sequence[Cell], folders: Folders, means: Means, *, resume: bool) -> Result:
    """Run cells. No cell can stop the others; only an interruption does.

    Args:
        cells: The cells to run.
        folders: Where their results go.
        means: What the runner uses.
        resume: Whether to keep the results of cells that have finished.

    Raises:
        UsageError: Earlier results cannot be cleared away; nothing was started.
    """
    began = means.clock.monotonic()
    runner = _Runner(in_order(cells), folders, means)
    runner.make_room(resume=resume)
    interrupted = False
    try:
        runner.run()
    except KeyboardInterrupt:
        interrupted = True
    outcomes = tuple(runner.outcome(cell) for cell in runner.cells)
    return Result(outcomes, tuple(runner.problems), interrupted, means.clock.monotonic() - began)


@dataclass
class _Runner:
    cells: list[Cell]
    folders: Folders
    means: Means
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    requests: dict[str, Request] = field(default_factory=dict)

    def outcome(self, cell: Cell) -> Outcome:
        """How a cell ended; an interruption may have come before it was judged, or before it began."""
        unjudged = State.INTERRUPTED if cell.id in self.begun else State.NOT_RUN
        reason = _UNFINISHED if cell.id in self.begun else None
        return self.outcomes.get(cell.id) or Outcome(cell, unjudged, reason=reason)

    def make_room(self, *, resume: bool) -> None:
        """Keep finished results if resuming, and clear all others now, so that old results never pass for new ones."""
        for cell in self.cells:
            last = self.folders.last(cell)
            if resume and last is not None and last.same and last.finished and last.run is not None:
                self.outcomes[cell.id] = kept = _kept(cell, last.run)
                self.means.say(f"{self._number(cell)}: {kept.words}")
                continue
            done = self.folders.clear(cell)
            if done:
                self.means.say(f"{cell.id}: {done}")

    def run(self) -> None:
        for cell in self._left():
            try:
                self.requests[cell.id] = self.means.request(cell)
            except PromdrillError as error:
                self._tell(Outcome(cell, State.REFUSED, reason=str(error)))
                continue
            if why := self.means.absent(self.requests[cell.id]):
                self.outcomes[cell.id] = Outcome(cell, State.NOT_RUN)
                self.means.say(f"{self._number(cell)}: {State.NOT_RUN}: {why}")
        for ground in dict.fromkeys(cell.ground for cell in self._left()):
            self._on(ground, [cell for cell in self._left() if cell.ground == ground])

    def _on(self, ground: tuple[str, str], cells: list[Cell]) -> None:
        kubernetes, profile = ground
        number = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
        self.means.say(f"Kubernetes {kubernetes}, {profile}: a cluster for {number}")
        try:
            with self.means.cluster(ground) as address:
                for cell in cells:
                    self._one(cell, address)
        except PromdrillError as error:  # of the cluster: errors of a cell are caught earlier
            self.means.say(f"Kubernetes {kubernetes}, {profile}: {error}")
            without = [cell for cell in cells if cell.id not in self.outcomes]
            for cell in without:
                self._tell(Outcome(cell, State.NO_CLUSTER, reason=str(error)))
            if not without:
                self.problems.append(f"the cluster of Kubernetes {kubernetes}, {profile}: {error}")

    def _one(self, cell: Cell, address: Address) -> None:
        self.means.say(f"{self._number(cell)}: {cell.title}")
        began = self.means.clock.monotonic()
        self.begun.add(cell.id)
        try:
            request = replace(self.requests[cell.id], joins=address, reports=self.folders.begin(cell))
            ended = self.means.child(cell, request, lambda line: self.means.say(f"{cell.id}: {line}"))
        except KeyboardInterrupt:  # the second one, or one before the child was started
            ended = Ended(-signal.SIGINT, "", interrupted=True)
        except PromdrillError as error:
            self._tell(Outcome(cell, State.DIED, reason=str(error)))
            return
        last = self.folders.last(cell)
        self._tell(_judged(cell, ended, last.run if last else None, self.means.clock.monotonic() - began))
        if ended.interrupted:
            raise KeyboardInterrupt

    def _left(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.id not in self.outcomes]

    def _number(self, cell: Cell) -> str:
        return f"cell {self.cells.index(cell) + 1} of {len(self.cells)}: {cell.id}"

    def _tell(self, outcome: Outcome) -> None:
        self.outcomes[outcome.cell.id] = outcome
        took = f" ({outcome.took_s:.0f} s)" if outcome.took_s is not None else ""
        why = f": {textwrap.shorten(outcome.reason, LONGEST_REASON)}" if outcome.reason else ""
        self.means.say(f"{outcome.cell.id}: {outcome.words}{why}{took}")


def _judged(cell: Cell, ended: Ended, run: RunResult | None, took_s: float) -> Outcome:
    """How a cell that was started ended."""
    if ended.interrupted and (run is None or run.finished is None):
        return Outcome(cell, State.INTERRUPTED, run, _UNFINISHED, took_s)
    if ended.code == _EXIT_REFUSED:
        return Outcome(cell, State.REFUSED, run, ended.said, took_s)
    if ended.code not in {0, _EXIT_FAILED} or run is None or run.finished is None:
        return Outcome(cell, State.DIED, run, f"{ending(ended.code)}: {ended.said}", took_s)
    reason = _shortcoming(run)
    if reason is None and ended.code == _EXIT_FAILED and all(map(as_expected, run.drills)):
        reason = f"exit code {ended.code} though all drills ended as expected: {ended.said}"
    return Outcome(cell, State.DONE, run, reason, took_s)


def _kept(cell: Cell, run: RunResult) -> Outcome:
    took_s = None
    with contextlib.suppress(ValueError):  # not a valid time
        ended = datetime.fromisoformat(run.finished or "")
        took_s = (ended - datetime.fromisoformat(run.started)).total_seconds()
    return Outcome(cell, State.KEPT, run, _shortcoming(run), took_s)


def _shortcoming(run: RunResult) -> str | None:
    """Why a finished run proves nothing; None if it does."""
    return None if run.drills or run.skipped else "no scenario was drilled or skipped"

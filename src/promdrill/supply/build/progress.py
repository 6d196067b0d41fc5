"""Progress of builds: a live table in a terminal, elsewhere one line per start and end."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from promdrill.core.clock import SYSTEM, Clock
from promdrill.supply.build.schedule import Progress, State

_STYLES = {State.STARTED: "cyan", State.DONE: "green", State.FAILED: "red", State.STOPPED: "yellow"}


class BuildDisplay:
    """Shows the progress of `schedule.run`: pass its `report` there, and use it as a context manager.

    Args:
        console: Where to write; only a terminal gets the live table.
        total: Number of tasks.
        clock: Where time comes from.
    """

    def __init__(self, console: Console, total: int, *, clock: Clock = SYSTEM) -> None:
        self._console, self._total, self._clock = console, total, clock
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._ended: list[Progress] = []
        self._began = clock.monotonic()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=4, transient=True)

    def report(self, progress: Progress) -> None:
        """Record a task's progress; may be called from any thread."""
        with self._lock:
            if progress.state is State.STARTED:
                self._running[progress.task] = self._clock.monotonic()
            else:
                self._running.pop(progress.task, None)
                self._ended.append(progress)
            if self._console.is_terminal and progress.state is State.STARTED:
                return
            self._console.print(self._line(progress), highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def _line(self, progress: Progress) -> Text:
        done = sum(1 for ended in self._ended if ended.state is State.DONE)
        took = "" if progress.state is State.STARTED else f"{progress.took_s:7.1f} s"
        line = Text(f"[{done:2d}/{self._total}] ")
        line.append(f"{progress.state:<8}", style=_STYLES[progress.state])
        return line.append(f" {progress.task:<40} {took}".rstrip())

    def _table(self) -> Table:
        now = self._clock.monotonic()
        with self._lock:
            done = sum(1 for ended in self._ended if ended.state is State.DONE)
            waiting = self._total - len(self._ended) - len(self._running)
            title = f"building: {done} of {self._total} done, {waiting} to go, {now - self._began:.0f} s"
            table = Table(title=title, title_justify="left", show_header=False, box=None)
            for name, started in self._running.items():
                table.add_row(Text("running", style="cyan"), name, f"{now - started:6.0f} s")
        return table

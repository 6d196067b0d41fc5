"""The view below the lines of this process's own run, while it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.console import Console as SafeConsole
from promdrill.core.journal import JOURNAL
from promdrill.watch.loop import is_live
from promdrill.watch.run import Follower
from promdrill.watch.text import Canvas
from promdrill.watch.view import Focus, view

MOST_LINES = 18
"""Lines of the view: the lines above it must stay visible."""


class LiveRun:
    """Shows a run at the bottom of a terminal; printed lines scroll above it.

    Nothing is redirected: anything that writes to the terminal meanwhile should use `say`. The view appears with the
    first line that is printed after a drill has begun, so that the display of builds and the cluster has the terminal
    to itself until then.

    Args:
        folder: The run's folder.
        console: The terminal.
        planned: Names of all drills of the run.
        clock: Where time comes from.
    """

    def __init__(self, folder: Path, console: Console, *, planned: tuple[str, ...] = (), clock: Clock = SYSTEM) -> None:
        self._console, self._clock = console, clock
        self._follower, self._focus = Follower(folder, planned), Focus()
        self._shown = self._over = False
        self._tallest = 0
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def say(self, line: str) -> None:
        """Print a line above the view."""
        if not self._live.is_started and not self._over and any(self._follower.run.folder.glob(f"*/{JOURNAL}")):
            self._shown = True
            self._live.start()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Remove the view for good. May be called more than once."""
        self._over, self._shown = True, False
        self._live.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _render(self) -> RenderableType:
        """The current view; empty once it is stopped, so that nothing of it remains."""
        if not self._shown:
            return ""
        try:
            return self._view()
        except Exception as error:  # noqa: BLE001  whatever is wrong with the view, the drills must continue
            return Text(f"no view: {type(error).__name__}: {error}", "yellow")

    def _view(self) -> Group:
        self._follower.look()
        canvas = Canvas.of(self._console, max(3, min(MOST_LINES, self._console.height // 2)))
        shown = view(self._follower.run, self._clock.utc(), canvas, focus=self._focus, beside_lines=True)
        lines = len(shown.renderables)
        self._tallest = min(max(self._tallest, lines), canvas.height or lines)
        return Group(*shown.renderables, *[""] * (self._tallest - lines))  # or it would jump up and down


def live_run(folder: Path, planned: tuple[str, ...]) -> LiveRun | None:
    """The view for a run on this process's standard output; None if that is not a terminal that can show it."""
    console = SafeConsole(file=sys.stdout, highlight=False)
    return LiveRun(folder, console, planned=planned) if is_live(console) else None

"""Follows another process's run until it has ended: on the whole terminal, or as plain lines."""

from __future__ import annotations

import threading
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live

from promdrill.core.clock import SYSTEM, Clock
from promdrill.watch import plain
from promdrill.watch.plain import table, wrapped
from promdrill.watch.rows import name_of, rows
from promdrill.watch.run import Ending, Follower
from promdrill.watch.text import Canvas, passing
from promdrill.watch.view import Focus, view

EACH_S = 0.25
"""Seconds between two looks at the files: short enough to seem immediate."""


class Watching:
    """Follows one run.

    Args:
        follower: Follows the run's files.
        console: Where to show it.
        focus: Which drill is shown in detail.
        clock: Where time comes from.
        pause: Waited on between two looks; setting it ends the watching.
    """

    def __init__(
        self,
        follower: Follower,
        console: Console,
        focus: Focus,
        *,
        clock: Clock = SYSTEM,
        pause: threading.Event | None = None,
    ) -> None:
        self._follower, self._console, self._focus, self._clock = follower, console, focus, clock
        self._pause = pause or threading.Event()

    def once(self) -> None:
        """Show the whole current state."""
        self._follower.look()
        self._console.print(self._view(self._clock.utc()), highlight=False)

    def follow(self) -> Ending:
        """Show what happens until the run has ended, then the last state. Returns how it ended.

        Raises:
            KeyboardInterrupt: Ctrl-C; the last state stays on the screen.
        """
        if is_live(self._console):
            return self._follow_live()
        return self._follow_plainly()

    def _follow_live(self) -> Ending:
        ending = Ending.RUNNING
        try:
            with Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
                while ending is Ending.RUNNING and not self._pause.is_set():
                    self._follower.look()
                    now = self._clock.utc()
                    ending = self._follower.run.ending(now)
                    live.update(self._view(now, self._console.height - 1), refresh=True)
                    self._pause.wait(0 if ending is not Ending.RUNNING else EACH_S)
        finally:
            self._console.print(self._view(self._clock.utc()), highlight=False)
        return ending

    def _follow_plainly(self) -> Ending:
        ending = Ending.RUNNING
        while ending is Ending.RUNNING and not self._pause.is_set():
            for drill, entry in self._follower.look():
                name = name_of(self._follower.run, drill)
                if self._focus.asked in {None, name, drill.folder}:
                    self._say(plain.line(name, entry))
            ending = self._follower.run.ending(self._clock.utc())
            self._pause.wait(0 if ending is not Ending.RUNNING else EACH_S)
        self._say("")
        for line in table(rows(self._follower.run, self._clock.utc())):
            self._say(line)
        if ending is Ending.CUT_SHORT:
            self._say(f"cut short: last entry {passing(self._follower.run.quiet_s(self._clock.utc()))} ago")
        return ending

    def _say(self, text: str | None) -> None:
        if text is not None:
            for line in wrapped(text, min(self._console.width, 80)):
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _view(self, now: datetime, height: int | None = None) -> Group:
        return view(self._follower.run, now, Canvas.of(self._console, height), focus=self._focus)


def is_live(console: Console) -> bool:
    """Whether the console can show a live view: a terminal that can move its cursor."""
    return console.is_terminal and not console.is_dumb_terminal

"""``promdrill watch``: follow a run, or look at one that has ended."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

from promdrill.cli.parser import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, Subcommands, add_command, say
from promdrill.core.clock import SYSTEM
from promdrill.core.console import Console
from promdrill.core.errors import UsageError
from promdrill.core.reading import path_of
from promdrill.watch.choose import choose
from promdrill.watch.data import to_json
from promdrill.watch.loop import Watching
from promdrill.watch.rows import rows
from promdrill.watch.run import Ending, Follower
from promdrill.watch.view import Focus


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "watch",
        summary="follow a run: phases, conditions waited for, pods, volume, samples",
        example="promdrill watch\n  promdrill watch reports/latest --drill disk-full\n  promdrill watch --once",
        execute=_execute,
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=path_of,
        default=Path("reports"),
        metavar="FOLDER",
        help="a run's folder, or a folder of runs, of which the newest is shown (default: reports)",
    )
    parser.add_argument(
        "--drill", metavar="NAME", help="the drill to show in detail (default: the one that changed last)"
    )
    parser.add_argument("--once", action="store_true", help="show the current state once and exit")
    parser.add_argument("--json", action="store_true", help="print the current state as JSON and exit")
    codes = "Exit codes: 0 the run ended, or --once; 1 the run was cut short; 2 no such run; 130 interrupted."
    parser.epilog = f"{parser.epilog}\n\nIn a pipe, each important event is one line.\n\n{codes}"


def _execute(arguments: argparse.Namespace) -> int:
    follower = Follower(choose(arguments.folder, SYSTEM.utc()))
    if arguments.drill is not None:
        _check(follower.run.folder, arguments.drill)
    if arguments.json:
        follower.look()
        say(json.dumps(to_json(follower.run, SYSTEM.utc(), drill=arguments.drill), indent=2))
        return EXIT_OK
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # logs may have characters that the terminal lacks
    watching = Watching(follower, Console(highlight=False), Focus(arguments.drill))
    if arguments.once:
        watching.once()
        return EXIT_OK
    try:
        return EXIT_FAILED if watching.follow() is Ending.CUT_SHORT else EXIT_OK
    except KeyboardInterrupt:  # the way to leave: nothing to complain about
        return EXIT_INTERRUPTED


def _check(folder: Path, drill: str) -> None:
    """Refuse a drill that the run does not have."""
    follower = Follower(folder)  # a second one: a follower reports each event only once
    follower.look()
    names = {name for row in rows(follower.run, SYSTEM.utc()) for name in (row.name, row.folder)}
    if drill not in names:
        known = ", ".join(sorted(names)) or "no drill has begun yet"
        raise UsageError(f"no drill {drill} in {folder}", hint=f"the drills are: {known}")

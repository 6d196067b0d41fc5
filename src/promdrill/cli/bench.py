"""``promdrill bench``: run the drills several times and show where the time goes, or analyse existing runs.

Each run is a `promdrill run` in its own process, with its own cluster. Speed is judged here and nowhere else: no test
of promdrill fails because a machine is slow.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from promdrill.cli.parser import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SOFTWARE,
    EXIT_USAGE,
    Subcommands,
    add_command,
    aside,
    complain,
    say,
)
from promdrill.cli.run import OPTIONS as OF_RUN
from promdrill.core import paths
from promdrill.core.choices import jobs
from promdrill.core.errors import PromdrillError, UsageError, shortened
from promdrill.core.model import RunResult
from promdrill.core.reading import path_of
from promdrill.matrix import child
from promdrill.report.bench import show as bench_shown
from promdrill.report.bench.figures import Bench, bench
from promdrill.report.compare.read import read_placed

RUNS = 3
"""The fewest runs for which a median means something."""

MOST_RUNS = 100
"""More is probably a mistake: one run of all scenarios takes about ten minutes."""

JOBS = "2"
"""The number of workers that the documented times are for."""

WITHOUT = ("KEEP", "CLUSTER", "ADOPT", "CONTROL")
"""Variables that mean nothing here: each run has its own cluster, and the times of controls measure nothing."""

OPTIONS = {name: meaning for name, meaning in OF_RUN.items() if name not in WITHOUT}
OPTIONS["JOBS"] = f"drills that run in parallel, 1 to 16 (default: {JOBS})"

_FORMATS = {"text": bench_shown.to_text, "json": bench_shown.to_json, "markdown": bench_shown.to_markdown}

_REPORT = "report: "
"""How `promdrill run` begins the line that names its folder."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "bench",
        summary="run the drills several times, and show where the time goes",
        example="promdrill bench --runs 3 --jobs 2\n  promdrill bench reports/latest",
        execute=_execute,
    )
    parser.add_argument(
        "results",
        nargs="*",
        type=path_of,
        metavar="RESULTS",
        help="results.json, the folder of a run, or a folder of runs: analyse these instead of running drills",
    )
    parser.add_argument("--runs", type=_runs, metavar="N", help=f"how many times to run all drills (default: {RUNS})")
    for variable, meaning in OPTIONS.items():
        flag = f"--{variable.lower().replace('_', '-')}"
        parser.add_argument(flag, metavar=variable, help=f"{meaning} [${variable}]")
    parser.add_argument("--reports", type=path_of, help="folder of all reports (default: reports)")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="text (default), json or markdown")
    codes = "Exit codes: 0 all ended as expected; 1 some did not; 2 bad input, nothing was started; 130 interrupted."
    parser.epilog = f"{parser.epilog}\n\n{codes}"


def _execute(arguments: argparse.Namespace) -> int:
    show = _FORMATS[arguments.format]
    if arguments.results:
        told = _of_results(arguments)
        say(show(told))
        return EXIT_OK if told.as_expected else EXIT_FAILED
    asked = _checked(arguments)
    ended = _run_all(asked, say if arguments.format == "text" else aside)
    if ended.folders:
        again = shlex.join([paths.program(), "bench", *ended.folders])
        aside(f"to see these figures again: {again}")
    if not ended.complete:
        return ended.code
    told = bench(_placed([Path(folder) for folder in ended.folders]))
    say(show(told))
    return EXIT_OK if told.as_expected and ended.code == EXIT_OK else EXIT_FAILED


def _of_results(arguments: argparse.Namespace) -> Bench:
    """The figures of existing runs.

    Raises:
        UsageError: An option is only for running drills, or the results cannot be read or cannot be combined.
    """
    for variable in ("RUNS", "REPORTS", *OPTIONS):
        if getattr(arguments, variable.lower()) is not None:
            flag = f"--{variable.lower().replace('_', '-')}"
            raise UsageError(
                f"{flag}: not allowed with RESULTS, because nothing is run", hint=f"leave out {flag}, or RESULTS"
            )
    return bench(_placed(arguments.results))


def _placed(paths: Iterable[Path]) -> dict[RunResult, Path]:
    """The runs in these places with their folders, each once.

    Raises:
        UsageError: One cannot be read.
    """
    return {run: folder for path in paths for run, folder in read_placed(path).items()}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What to run.

    Attributes:
        runs: How often.
        argv: The command line of each run.
    """

    runs: int
    argv: tuple[str, ...]


def _checked(arguments: argparse.Namespace) -> _Asked:
    """The runs that were asked for; `promdrill run` checks the rest before it starts anything.

    Raises:
        UsageError: JOBS is not a number, or a variable of the environment is not allowed here.
    """
    for variable in WITHOUT:
        if os.environ.get(variable):
            raise UsageError(
                f"{variable}={os.environ[variable]}: not allowed with bench",
                hint=f"leave {variable} out",
            )
    said = {name: getattr(arguments, name.lower()) or os.environ.get(name) or "" for name in OPTIONS}
    said["JOBS"] = str(jobs(said["JOBS"] or JOBS))
    options = [f"--{name.lower().replace('_', '-')}={text}" for name, text in said.items() if text]
    run = [sys.executable, "-m", "promdrill.cli.main", "run", f"--reports={arguments.reports or 'reports'}"]
    return _Asked(arguments.runs or RUNS, (*run, *options))


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the runs ended.

    Attributes:
        folders: The folders of the runs that left results.
        code: 0 when all were green, else the worst exit code; the last one if `complete` is False.
        complete: Whether all runs took place.
    """

    folders: tuple[str, ...]
    code: int
    complete: bool = True


def _run_all(asked: _Asked, tell: Callable[[str], None]) -> _Ended:
    """Run one after the other. A red run does not stop the rest; an interrupted or refused one does."""
    folders: list[str] = []
    worst = EXIT_OK
    for number in range(1, asked.runs + 1):
        which = f"run {number} of {asked.runs}"
        tell(which)
        heard = _Heard(tell)
        ended = child.run(list(asked.argv), heard.line)
        if ended.interrupted or ended.code == EXIT_INTERRUPTED:
            complain(PromdrillError(f"interrupted in {which}"))
            return _Ended(tuple(folders), EXIT_INTERRUPTED, complete=False)
        if ended.code in {EXIT_USAGE, EXIT_SOFTWARE} or heard.folder is None:
            complain(PromdrillError(f"{which} left no results; its exit code is {ended.code}"))  # and said why
            code = ended.code if ended.code in {EXIT_USAGE, EXIT_SOFTWARE} else EXIT_FAILED
            return _Ended(tuple(folders), code, complete=False)
        folders.append(heard.folder)
        worst = worst if ended.code == EXIT_OK else EXIT_FAILED
    return _Ended(tuple(folders), worst)


class _Heard:
    """Passes a run's lines on, and keeps the folder that they name.

    Args:
        tell: Called with each line.

    Attributes:
        folder: The run's folder; None until it is named.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.folder: str | None = None

    def line(self, text: str) -> None:
        """Take a line."""
        if text.startswith(_REPORT):
            self.folder = text.removeprefix(_REPORT)
        self._tell(text)


def _runs(text: str) -> int:
    if not (re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= MOST_RUNS):
        raise argparse.ArgumentTypeError(f"{shortened(text, 40)!r} is not a whole number from 1 to {MOST_RUNS}")
    return int(text)

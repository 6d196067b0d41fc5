"""``promdrill list``: the scenarios, what each is about, how long it took last, and which incidents are standing."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, Subcommands, add_command, complain, say
from promdrill.core import paths, records
from promdrill.core.errors import PromdrillError
from promdrill.core.reading import path_of
from promdrill.request import scenarios
from promdrill.results.table import Table

UNKNOWN = "?"
"""In the table, for what cannot be read from a broken scenario."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One scenario; the attributes are the keys of ``--json``.

    Attributes:
        id: The name of its folder.
        title: The runbook's title; empty when that cannot be read.
        charts: Chart versions that it applies to, in words; None when its test cannot be read.
        touches: What its fault and its remedy change; None when its test cannot be read.
        took_last_s: Seconds that it took when it last passed; None when it never passed.
    """

    id: str
    title: str
    charts: str | None
    touches: tuple[str, ...] | None
    took_last_s: float | None

    def cells(self) -> tuple[str, ...]:
        """The cells of its row, in the order of the table's columns."""
        took = "never" if self.took_last_s is None else f"{self.took_last_s:.0f} s"
        touches = UNKNOWN if self.touches is None else ", ".join(self.touches)
        return self.id, self.charts or UNKNOWN, touches, took, self.title


HEAD = ("id", "charts", "touches", "took", "title")


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(commands, "list", summary="list the scenarios", example="promdrill list", execute=_execute)
    parser.add_argument(
        "--scenarios", metavar="SCENARIOS", help="folders with your own scenarios, comma separated [$SCENARIOS]"
    )
    parser.add_argument("--json", action="store_true", help="as a JSON list")
    parser.add_argument(
        "--reports",
        type=path_of,
        default=paths.reports_dir(),
        metavar="FOLDER",
        help="reports to take each scenario's last duration from (default: reports)",
    )


def _execute(arguments: argparse.Namespace) -> int:
    further = scenarios.folders(arguments.scenarios or os.environ.get("SCENARIOS"))
    took_s = scenarios.last_took(arguments.reports)
    broken: list[PromdrillError] = []
    rows = [_row(scenario, took_s.get(scenario.id), broken) for scenario in scenarios.find_all(further=further)]
    if arguments.json:
        say(json.dumps(records.dump(rows), indent=2))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in table([row.cells() for row in rows], width):
            say(line)
        _say_incidents()
    for error in broken:
        complain(error)
    return EXIT_FAILED if broken else EXIT_OK


def _say_incidents() -> None:
    """Print the standing incidents, each with its next command, and complain about those whose cluster is gone."""
    if not any(paths.clusters_dir().glob("*/*/*")):
        return
    from promdrill.incident import record  # noqa: PLC0415  slow to import, so only when needed

    standing, gone = record.survey()
    if standing:
        say("")
    for each in standing:
        say(f"reproduced: {each.words}; {paths.program()} verify {each.cluster}")
    for each in gone:
        complain(each.gone)


def _row(scenario: scenarios.ScenarioFolder, took_s: float | None, broken: list[PromdrillError]) -> Listed:
    try:
        traits = scenarios.traits(scenario.test)
    except PromdrillError as error:
        broken.append(error)
        return Listed(scenario.id, scenario.title, None, None, took_s)
    return Listed(scenario.id, scenario.title, traits.chart_range, traits.touches, took_s)


def table(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The lines of the table: one per scenario; where that is too wide, the title goes on lines below.

    Args:
        rows: As from `Listed.cells`; the last cell is the title.
        width: Columns of the terminal; None for no limit, as in a pipe.
    """
    return Table(HEAD, rows).text(width)

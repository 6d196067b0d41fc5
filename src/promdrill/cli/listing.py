"""``promdrill list``: the scenarios there are."""

from __future__ import annotations

import argparse

from promdrill import scenarios
from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, say


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_command(commands, "list", summary="list the scenarios", example="promdrill list", execute=_execute)


def _execute(_arguments: argparse.Namespace) -> int:
    found = scenarios.find_all()
    width = max((len(scenario.id) for scenario in found), default=0)
    for scenario in found:
        say(f"{scenario.id:<{width}}  {scenario.title}".rstrip())
    return EXIT_OK

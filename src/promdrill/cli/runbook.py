"""``promdrill runbook check``: can a runbook be run?"""

from __future__ import annotations

import argparse
from pathlib import Path

from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, Parser, Subcommands, add_command, complain, say
from promdrill.core.errors import PromdrillError
from promdrill.runbook import unset
from promdrill.runbook.lint import lint
from promdrill.runbook.parse import parse


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    example = "promdrill runbook check scenarios/disk-full/runbook.md"
    runbook = commands.add_parser("runbook", help="work with runbooks", description="Work with runbooks.")
    actions = runbook.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)
    parser = add_command(
        actions, "check", summary="check runbooks without a cluster", example=example, execute=_execute
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a runbook in Markdown")


def _execute(arguments: argparse.Namespace) -> int:
    code = EXIT_OK
    for file in arguments.files:
        try:
            runbook = parse(file)
            lint(runbook)
            unset.check(runbook)
        except PromdrillError as error:
            complain(error)
            code = EXIT_FAILED
        else:
            say(f"{file}: ok")
    return code

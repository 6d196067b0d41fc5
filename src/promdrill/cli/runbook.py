"""``promdrill runbook check``: can a runbook be run?"""

from __future__ import annotations

import argparse

from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Parser, Subcommands, add_command, complain, say
from promdrill.core.errors import PromdrillError
from promdrill.core.reading import Unreadable, path_of
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
    parser.epilog = f"{parser.epilog}\n\nExit codes: 0 no problems; 1 problems found; 2 a file cannot be read."
    parser.add_argument("files", nargs="+", type=path_of, metavar="FILE", help="a runbook in Markdown")


def _execute(arguments: argparse.Namespace) -> int:
    code = EXIT_OK
    for file in arguments.files:
        try:
            runbook = parse(file)
            lint(runbook)
            unset.check(runbook)
        except Unreadable as error:
            complain(error)
            code = EXIT_USAGE
        except PromdrillError as error:
            complain(error)
            code = max(code, EXIT_FAILED)
        else:
            say(f"{file}: ok")
    return code

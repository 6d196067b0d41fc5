"""``promdrill alerts``: what alert rules tell of incidents."""

from __future__ import annotations

from promdrill.cli import covered, scaled
from promdrill.cli.parser import Parser, Subcommands

SUMMARY = "show which alerts told of which incident, and of which nobody was told"


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("alerts", help=SUMMARY, description=f"{SUMMARY[0].upper()}{SUMMARY[1:]}.")
    parser.usual = covered.SHOW
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)
    covered.add_actions(actions)
    scaled.add_action(actions)

"""``promdrill controls``: can the drills be red? Each without its fault, with another one, and without its remedy."""

from __future__ import annotations

from promdrill.cli.parser import Subcommands
from promdrill.cli.run import add_drilling


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_drilling(
        commands,
        "controls",
        summary="run each drill without its fault or with another (must end invalid), or without its remedy (failed)",
        example="promdrill controls --scenario disk-full",
        variants="controls",
        without=("CONTROL", "RUNBOOK", "BIND"),
    )

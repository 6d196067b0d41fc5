"""``promdrill repairs``: is recovery fooled by what only looks like one? Each drill with another repair."""

from __future__ import annotations

from promdrill.cli.parser import Subcommands
from promdrill.cli.run import add_drilling


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_drilling(
        commands,
        "repairs",
        summary="run each drill with the other repairs of its repairs.md: bad ones must be refused, good ones accepted",
        example="promdrill repairs --scenario disk-full",
        variants="repairs",
        without=("CONTROL", "RUNBOOK", "BIND"),
    )

"""``promdrill ablate``: which steps does the remedy need? The drill once without each step under Mitigation."""

from __future__ import annotations

from promdrill.cli.parser import Subcommands
from promdrill.cli.run import add_drilling


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_drilling(
        commands,
        "ablate",
        summary="run a drill once for each Mitigation step of its runbook, without that step, to see which are needed",
        example="promdrill ablate --scenario disk-full",
        variants="ablate",
        without=("CONTROL",),
    )

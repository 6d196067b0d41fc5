"""``promdrill clean``: nothing of ours is left running."""

from __future__ import annotations

import argparse

from promdrill.cli.parser import (
    EXIT_OK,
    Subcommands,
    add_command,
    say,
)
from promdrill.cluster import sweep
from promdrill.core.errors import PromdrillError
from promdrill.supply.engine import lifecycle


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_command(
        commands,
        "clean",
        summary="delete the clusters that promdrill created, stop the engine that it started",
        example="promdrill clean",
        execute=_execute,
    )


def _execute(_arguments: argparse.Namespace) -> int:
    cleared = sweep.delete_clusters(engine=lifecycle.ask().engine is not None, say=say)
    refuse_while_in_use()
    stopped = lifecycle.stop(say=say)
    if stopped:
        say("stopped the container engine that promdrill had started")
    if not cleared and not stopped:
        say("nothing was running")
    return EXIT_OK


def refuse_while_in_use() -> None:
    """Refuse to go on while another run has a cluster.

    Raises:
        PromdrillError: One has.
    """
    for name, pid in sweep.in_use().items():
        raise PromdrillError(f"cluster {name} is in use by a run that goes on, process {pid}", hint=f"kill {pid}")

"""``promdrill doctor``: what a run needs, what is missing, and what mends it."""

from __future__ import annotations

import argparse

from rich.console import Console

from promdrill import doctor
from promdrill.cli.parser import Subcommands, add_command
from promdrill.settings import is_warm
from promdrill.supply.kubernetes import DEFAULT_KUBERNETES


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_command(
        commands,
        "doctor",
        summary="say what a run needs, what is missing, and what mends it",
        example="promdrill doctor",
        execute=_execute,
    )


def _execute(_arguments: argparse.Namespace) -> int:
    findings = doctor.examine(warm=is_warm(DEFAULT_KUBERNETES))
    doctor.render(findings, Console(highlight=False))
    return doctor.exit_code(findings)

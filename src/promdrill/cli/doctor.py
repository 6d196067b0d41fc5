"""``promdrill doctor``: what a run needs, what is missing, and what mends it."""

from __future__ import annotations

import argparse
import os

from rich.console import Console

from promdrill import doctor, options
from promdrill.cli.parser import Subcommands, add_command
from promdrill.settings import Settings, is_warm
from promdrill.supply import choose

VARIABLES = ("SUPPLY", "REGISTRY_MIRROR", "BUNDLE", "KUBE_VERSION")
"""Variables of a run that decide what it needs of the machine; read from the environment likewise."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "doctor",
        summary="say what a run needs, what is missing, and what mends it",
        example="promdrill doctor --supply registry",
        execute=_execute,
    )
    for option in options.OPTIONS:
        if option.variable in VARIABLES:
            parser.add_argument(option.flag, metavar=option.variable, help=f"{option.meaning} [${option.variable}]")


def _execute(arguments: argparse.Namespace) -> int:
    asked = _asked(arguments)
    asked.check()
    probes = doctor.Probes(choice=lambda supply: choose.chosen(supply, asked.mirror))
    supply = "bundle" if asked.bundle is not None else asked.supply
    findings = doctor.examine(supply=supply, warm=is_warm(asked.kubernetes), probes=probes)
    doctor.render(findings, Console(highlight=False))
    return doctor.exit_code(findings)


def _asked(arguments: argparse.Namespace) -> Settings:
    def said(option: options.Option) -> str | None:
        if option.variable not in VARIABLES:
            return None
        return getattr(arguments, option.name) or os.environ.get(option.variable) or None

    return options.settings(said)

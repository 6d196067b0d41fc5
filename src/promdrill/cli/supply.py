"""``promdrill supply``: get all that drills need, and run none; what follows starts at once, without a network even."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from promdrill import doctor
from promdrill.cli.parser import (
    EXIT_OK,
    Subcommands,
    add_command,
    say,
)
from promdrill.core import paths
from promdrill.request import options
from promdrill.request.scenarios import ScenarioFolder, folders, select
from promdrill.request.settings import Settings, is_warm

VARIABLES = (
    *("CHART", "CHART_VERSION", "REPO", "SUBCHARTS", "VALUES", "APP_VERSION", "IMAGES"),
    *("KUBE_VERSION", "HELM_VERSION", "SUPPLY", "REGISTRY_MIRROR"),
)
"""Those of a run that decide what it needs."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "supply",
        summary="get all that drills need, and run none",
        example="promdrill supply --scenario disk-full",
        execute=_execute,
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that decide what drills need."""
    parser.add_argument("--scenario", metavar="SCENARIO", help="ids, comma separated (default: all) [$SCENARIO]")
    parser.add_argument("--scenarios", metavar="SCENARIOS", help="folders of your own too [$SCENARIOS]")
    for option in options.OPTIONS:
        if option.variable in VARIABLES:
            parser.add_argument(option.flag, metavar=option.variable, help=f"{option.meaning} [${option.variable}]")


def asked(arguments: argparse.Namespace) -> tuple[Settings, tuple[ScenarioFolder, ...]]:
    """What `add_options` or the environment says, checked, for the supply that was chosen.

    Raises:
        UsageError: Something cannot work, or cannot run on this machine; nothing was started.
    """
    get = _getter(arguments)
    ids = [name.strip() for name in (get("SCENARIO") or "").split(",") if name.strip()]
    drilled = select(ids, further=folders(get("SCENARIOS")))
    settings = options.settings(lambda option: get(option.variable) if option.variable in VARIABLES else "")
    settings.check()
    chosen = settings.supply_name()
    doctor.require(supply=chosen, warm=is_warm(settings.kubernetes, chosen))
    return settings.settled(say=say), drilled


def _getter(arguments: argparse.Namespace) -> Callable[[str], str | None]:
    return lambda name: getattr(arguments, name.lower(), None) or os.environ.get(name) or None


def _execute(arguments: argparse.Namespace) -> int:
    from promdrill.request import fulfil  # noqa: PLC0415  other commands do not pay for its modules

    settings, drilled = asked(arguments)
    chosen = [scenario.folder for scenario in drilled]
    fulfil.preflight(settings, chosen, say=say)
    supplied = fulfil.provide(settings, chosen, say=say)
    drills = "1 scenario" if len(chosen) == 1 else f"{len(chosen)} scenarios"
    say(f"Kubernetes {supplied.kubernetes}, {len(supplied.images)} images: all is there for {drills}.")
    say(f"to run them: {paths.command('test-scenarios', SCENARIO=','.join(scenario.id for scenario in drilled))}")
    return EXIT_OK

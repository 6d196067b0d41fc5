"""``promdrill doctor``: what a run needs, what is missing, and how to fix it."""

from __future__ import annotations

import argparse
import json

from promdrill import doctor
from promdrill.artefacts.pins import Pins
from promdrill.artefacts.platforms import PLATFORMS, Platform
from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, say
from promdrill.core.console import Console
from promdrill.core.errors import UsageError
from promdrill.request import options, request
from promdrill.request.request import Request

VARIABLES = ("SUPPLY", "REGISTRY_MIRROR", "BUNDLE", "KUBE_VERSION")
PLANNED = ("HELM_VERSION", "CHART", "CHART_VERSION", "APP_VERSION")
"""Variables of a run that decide what it needs of the machine; also read from the environment."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "doctor",
        summary="check what a run needs, and say how to fix what is missing",
        example="promdrill doctor --supply registry\n  promdrill doctor --plan --platform darwin/arm64",
        execute=_execute,
    )
    for option in options.OPTIONS:
        if option.variable in (*VARIABLES, *PLANNED):
            parser.add_argument(option.flag, metavar=option.variable, help=f"{option.meaning} [${option.variable}]")
    parser.add_argument(
        "--scenario", metavar="SCENARIO", help="with --plan: ids of scenarios, comma separated [$SCENARIO]"
    )
    parser.add_argument(
        "--scenarios",
        metavar="SCENARIOS",
        help="with --plan: folders with your own scenarios, comma separated [$SCENARIOS]",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="list everything that a run would fetch on the registry supply, without fetching it",
    )
    parser.add_argument("--platform", help=f"with --plan: {', '.join(map(str, PLATFORMS))} (default: this machine's)")
    parser.add_argument("--json", action="store_true", help="with --plan: as JSON, with full digests")


def _execute(arguments: argparse.Namespace) -> int:
    given = options.given(arguments, (*VARIABLES, *PLANNED))
    if arguments.plan:
        drilled = request.scenarios_of(options.given(arguments, ("SCENARIO", "SCENARIOS")))
        return _plan(arguments, request.make(given, drilled=drilled))
    asked = request.make(given)
    for option in ("platform", "json"):
        if getattr(arguments, option):
            raise UsageError(f"--{option} is only allowed with --plan", hint=f"promdrill doctor --plan --{option}")
    asked = asked.with_supply()
    supply = "bundle" if asked.choice is None else asked.settings.supply
    probes = doctor.Probes(choice=lambda _supply: asked.of_supply().chosen)
    findings = doctor.examine(supply=supply, cached=asked.cached(), probes=probes)
    doctor.render(findings, Console(highlight=False))
    return doctor.exit_code(findings)


def _plan(arguments: argparse.Namespace, asked: Request) -> int:
    from promdrill.cli import planned  # noqa: PLC0415  slow to import, so only when needed

    platform = Platform.of(arguments.platform) if arguments.platform else Platform.here()
    found = list(planned.rows(asked, platform, Pins.load()))
    if arguments.json:
        say(json.dumps(planned.to_json(found), indent=2))
    else:
        planned.render(found, Console(highlight=False))
    return EXIT_OK

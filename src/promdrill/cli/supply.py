"""``promdrill supply``: fetch everything that drills need, so that a later run starts at once, even offline."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, say
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.request import cache_key, options

if TYPE_CHECKING:
    from promdrill.request.request import Request

VARIABLES = (
    *("CHART", "CHART_VERSION", "REPO", "SUBCHARTS", "VALUES", "SET", "SCRAPES", "APP_VERSION", "IMAGES"),
    *("KUBE_VERSION", "HELM_VERSION", "SUPPLY", "REGISTRY_MIRROR", "RULES"),
)
"""Variables of a run that decide what it needs."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "supply",
        summary="fetch everything that drills need, without running any",
        example="promdrill supply --scenario disk-full",
        execute=_execute,
    )
    add_options(parser)
    add_controls(parser)
    parser.add_argument(
        "--key",
        action="store_true",
        help="only print the key and the path for the cache of a CI, as key=... and path=...: the key changes with all "
        "that decides what is fetched",
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that decide what drills need."""
    parser.add_argument(
        "--scenario", metavar="SCENARIO", help="ids of scenarios, comma separated (default: all) [$SCENARIO]"
    )
    parser.add_argument(
        "--scenarios", metavar="SCENARIOS", help="folders with your own scenarios, comma separated [$SCENARIOS]"
    )
    for option in options.OPTIONS:
        if option.variable in VARIABLES:
            said, action = f"{option.meaning} [${option.variable}]", options.action(option.variable)
            parser.add_argument(option.flag, metavar=option.variable, help=said, action=action)


def add_controls(parser: argparse.ArgumentParser) -> None:
    """Add the option for what only controls need."""
    help_ = "also what `promdrill controls` needs: the images of the scenarios that look like these"
    parser.add_argument("--controls", action="store_true", help=help_)


def asked(arguments: argparse.Namespace) -> Request:
    """The checked request from the options and the environment.

    Raises:
        UsageError: A setting is wrong.
    """
    from promdrill.request import request  # noqa: PLC0415  slow to import, so not for `--help`

    given = options.given(arguments, VARIABLES)
    drilled = request.scenarios_of(options.given(arguments, ("SCENARIO", "SCENARIOS")))
    variants = "controls" if getattr(arguments, "controls", False) else None
    return request.make(given, drilled=drilled, variants=variants)


def say_key(settings: Iterable[Mapping[str, str | None]], scenarios: Iterable[Path]) -> int:
    """Print the key and the path for a CI's cache; returns the exit code.

    Args:
        settings: As for `promdrill.request.cache_key.of`.
        scenarios: As there.

    Raises:
        UsageError: A file that decides the key cannot be read.
    """
    try:
        say(f"key={cache_key.of(settings, scenarios)}")
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error
    say(f"path={paths.cache_dir()}")
    return EXIT_OK


def _execute(arguments: argparse.Namespace) -> int:
    if arguments.key:
        request = asked(arguments)
        return say_key([options.given(arguments, VARIABLES)], request.needed(request.scenarios))

    from promdrill.request import fulfil  # noqa: PLC0415  as above

    request, found = fulfil.prepare(asked(arguments), say=say)
    supplied = fulfil.provide(request, request.needed(request.scenarios), say=say, found=found)
    ids = [folder.name for folder in request.scenarios]
    drills = "1 scenario" if len(ids) == 1 else f"{len(ids)} scenarios"
    say(f"Kubernetes {supplied.kubernetes}, {len(supplied.images)} images: everything is ready for {drills}.")
    say(f"to run them: {paths.command('test-scenarios', SCENARIO=','.join(ids))}")
    return EXIT_OK

"""``promdrill plan``: what becomes of your values in the drills, without a cluster."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from typing import TYPE_CHECKING

from promdrill.cli import supply
from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, Subcommands, add_command, aside, say

if TYPE_CHECKING:
    from promdrill.request.planning import Planned

CODES = (
    "Exit codes: 0 the drills can be run with these values; 1 with --strict, a value was overridden or is dead;\n"
    "2 they cannot."
)


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "plan",
        summary="show which of your values drills override, and which no template reads, without a cluster",
        example="promdrill plan --scenario disk-full --chart ./prometheus --values production.yaml",
        execute=_execute,
    )
    supply.add_options(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when a value is overridden or dead")
    parser.epilog = f"{parser.epilog}\n\n{CODES}"


def _execute(arguments: argparse.Namespace) -> int:
    from promdrill.request import changes, fulfil  # noqa: PLC0415  slow to import, so not for `--help`
    from promdrill.results.table import wrap  # noqa: PLC0415  likewise

    asked = supply.asked(arguments)
    planned = fulfil.planned(asked, say=aside)
    plan, found = planned.plan, changes.changes(planned, asked.values)
    if arguments.json:
        rows = [each.as_json() for each in found]
        said = {"app_version": plan.app_version if plan else None, "changes": rows, "skipped": dict(planned.skipped)}
        say(json.dumps(said | {"one_at_a_time": {name: list(each) for name, each in planned.shared.items()}}, indent=2))
    elif plan is None:
        _say_skipped(planned)
        say("None of these scenarios installs a chart: there are no values.")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in changes.lines(found, width):
            say(line)
        _say_skipped(planned)
        say(changes.counted(found))
        if (apart := changes.one_at_a_time(planned.shared.values())) is not None:
            for line in wrap(f"With JOBS, {apart}", width) if width is not None else [f"With JOBS, {apart}"]:
                say(line)
    refused = arguments.strict and any(each.kind in changes.STRICT for each in found)
    return EXIT_FAILED if refused else EXIT_OK


def _say_skipped(planned: Planned) -> None:
    for scenario, why in planned.skipped.items():
        say(f"{scenario} is not drilled: {why}")

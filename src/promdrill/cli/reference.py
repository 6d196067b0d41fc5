"""``promdrill reference``: what a scenario can use, each with a line of explanation."""

from __future__ import annotations

import argparse
import dataclasses
import json

from promdrill.cli.parser import EXIT_OK, EXIT_USAGE, Subcommands, add_command, complain, say
from promdrill.core.errors import UsageError


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "reference",
        summary="list what a scenario can use: faults, conditions, moments, markers, images, runbook keys",
        example="promdrill reference fault",
        execute=_execute,
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="kinds to list (default: all)")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")


def _execute(arguments: argparse.Namespace) -> int:
    from promdrill.authoring.reference import Kind, entries  # noqa: PLC0415  slow to import, so only when needed

    unknown = [name for name in arguments.kinds if name not in set(Kind)]
    if unknown:
        complain(UsageError(f"unknown kind {unknown[0]!r}", hint=f"one of {', '.join(Kind)}"))
        return EXIT_USAGE
    found = [entry for entry in entries() if not arguments.kinds or entry.kind in arguments.kinds]
    if arguments.json:
        say(json.dumps([dataclasses.asdict(entry) for entry in found], indent=2))
        return EXIT_OK
    for kind in Kind:
        of_kind = [entry for entry in found if entry.kind is kind]
        homes = sorted({entry.home for entry in of_kind if entry.home})
        if of_kind:
            say(f"{kind}  (import from {', '.join(homes)})" if homes else kind)
        for entry in of_kind:
            say(f"  {entry.signature}")
            say(f"      {entry.summary}")
    return EXIT_OK

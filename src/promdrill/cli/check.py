"""``promdrill check``: are scenarios sound?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, Subcommands, add_command, aside, say
from promdrill.core.reading import path_of


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "check",
        summary="check scenarios without a cluster: test, markers, runbook, values, style, types",
        example="promdrill check drills/my-incident",
        execute=_execute,
    )
    parser.add_argument(
        "folders", nargs="+", type=path_of, metavar="FOLDER", help="a scenario, or a folder of scenarios"
    )
    parser.epilog = (
        f"{parser.epilog}\n\nExit codes: 0 no problems; 1 problems found; 2 no such folder, or no scenario in it."
    )


def _execute(arguments: argparse.Namespace) -> int:
    from promdrill.authoring.check import check, scenarios_in  # noqa: PLC0415  slow to import, so only when needed

    notes: list[str] = []
    found = check(arguments.folders, note=notes.append)
    for finding in found:
        problem = finding.problem
        hint = f". Hint: {problem.hint}" if problem.hint else ""
        say(f"{_shown(finding.file)}:{problem.line}: {problem.what}{hint}")
    for note in dict.fromkeys(notes):
        aside(f"promdrill: {note}")
    if found:
        return EXIT_FAILED
    count = sum(len(scenarios_in(folder)) for folder in arguments.folders)
    say(f"{count} scenario{'s' if count > 1 else ''}: no problems")
    return EXIT_OK


def _shown(file: Path) -> str:
    """The file's path, relative to the working folder if it lies below it."""
    return os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file)

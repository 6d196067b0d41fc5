"""``promdrill runbook try``: drill an incident with a runbook, and say what that shows about the runbook."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from promdrill.cli import run
from promdrill.cli.parser import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_SOFTWARE, EXIT_USAGE, Parser, say
from promdrill.core import reading
from promdrill.core.errors import UsageError
from promdrill.core.events import EndedEarly, decode
from promdrill.core.journal import JOURNAL
from promdrill.core.model import DrillResult
from promdrill.core.records import Misfit
from promdrill.request import request
from promdrill.results import folder, store
from promdrill.runbook.load import load
from promdrill.runbook.published import outcome
from promdrill.runbook.published.beside import bindings
from promdrill.runbook.published.outcome import Found, Tried


def add_arguments(parser: Parser) -> None:
    """Add the arguments that only this command has."""
    parser.add_argument("file", type=reading.path_of, metavar="FILE", help="a runbook in Markdown")
    parser.add_argument("--scenario", required=True, metavar="ID", help="the incident: the id of one scenario")
    parser.epilog = (
        "Example:\n  promdrill runbook try any.md --scenario disk-full\n\n"
        "Exit codes: 0 it cures; 1 it does not cure, does harm, cannot be executed, or nothing was learnt;\n"
        "2 bad input, nothing was started; 70 an error in promdrill itself; 130 interrupted."
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run the drill, and say what became of the runbook."""
    file: Path = arguments.file
    _one(arguments)
    try:
        load(file, bindings([arguments.bind] if arguments.bind else [], said="--bind"))
    except reading.Unreadable:
        raise
    except UsageError as error:
        say(f"{file}: {Tried.NOT_EXECUTABLE}: {error.message.splitlines()[0].removeprefix(f'{file}:')}")
        raise
    arguments.runbook, arguments.control, arguments.repeat = str(file), None, None
    place = arguments.report_dir or folder.create(arguments.reports)
    arguments.report_dir = place
    code = run.run(arguments)
    if code in {EXIT_USAGE, EXIT_SOFTWARE, EXIT_INTERRUPTED} or not (place / store.RESULTS).exists():
        return code
    drills = store.read(place).drills
    if not drills:
        say(f"{file}: {Tried.NOTHING_LEARNT}: {arguments.scenario} was not drilled")
        return EXIT_FAILED
    found = judged(drills[-1], place)
    say(f"{file}: {found.tried}: {found.why}")
    return EXIT_OK if found.tried is Tried.CURES else EXIT_FAILED


def judged(result: DrillResult, place: Path) -> Found:
    """What a drill shows about its runbook.

    Args:
        result: The drill's result.
        place: The folder of the run.
    """
    return outcome.of(result, _detail(place / folder.of_result(result) / JOURNAL))


def _detail(journal: Path) -> str:
    """All that was last seen of the conditions that are missing; a result has only the first part of it."""
    found = ""
    if journal.is_file():
        for line in reading.bytes_of(journal, limit_bytes=reading.LARGEST_RECORD_BYTES).splitlines():
            try:
                event = decode(line).event
            except (Misfit, LookupError, ValueError):
                continue
            found = event.detail if isinstance(event, EndedEarly) else found
    return found


def _one(arguments: argparse.Namespace) -> None:
    given = {"SCENARIO": arguments.scenario, "SCENARIOS": arguments.scenarios or os.environ.get("SCENARIOS")}
    if len(request.ids_of(given)) != 1:
        raise UsageError(f"--scenario {arguments.scenario}: one at a time", hint="--scenario disk-full")
    request.scenarios_of(given)

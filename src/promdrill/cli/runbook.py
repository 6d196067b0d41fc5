"""``promdrill runbook``: can a runbook be run, does it cure, and how would it look in promdrill's own form?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promdrill.cli import run, tried
from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Parser, Subcommands, add_command, complain, say
from promdrill.core import files
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.reading import Unreadable, path_of
from promdrill.request import options
from promdrill.runbook import facts, load, unset
from promdrill.runbook.published import beside, imported, places, steps
from promdrill.runbook.published.against import Missing, Rendered, missing
from promdrill.runbook.published.judged import Assessment, Judged, Status
from promdrill.runbook.published.roles import SECTION_OF

_CHARTS = ("CHART", "CHART_VERSION", "REPO", "VALUES", "APP_VERSION")
"""Variables that say which chart a runbook is checked against."""

_NAMES = {"release": "prometheus", "namespace": "monitoring"}
"""The names that a chart is rendered with, unless --bind says others."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    runbook = commands.add_parser("runbook", help="work with runbooks", description="Work with runbooks.")
    actions = runbook.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)
    _add_check(actions)
    run.add_drilling(
        actions,
        "try",
        summary="drill an incident with a runbook: does it cure, not cure, do harm, or can it not be executed?",
        example="promdrill runbook try any.md --scenario disk-full",
        without=("RUNBOOK", "CONTROL", "REPEAT", "SCENARIO"),
        execute=tried.execute,
    )
    tried.add_arguments(actions.choices["try"])
    parser = add_command(
        actions,
        "import",
        summary="write a runbook in promdrill's own form from one that was published",
        example="promdrill runbook import any.md --output mine.md",
        execute=_import,
    )
    parser.add_argument("file", type=path_of, metavar="FILE", help="a runbook in Markdown")
    _add_bind(parser)
    parser.add_argument("--output", type=path_of, metavar="FILE", help="where to write it (default: standard output)")
    parser.epilog = f"{parser.epilog}\n\nExit codes: 0 complete; 1 written, with places marked TODO; 2 bad input."


def _add_check(actions: Subcommands) -> None:
    example = "promdrill runbook check scenarios/disk-full/runbook.md"
    parser = add_command(
        actions, "check", summary="check runbooks without a cluster, line by line", example=example, execute=_check
    )
    parser.epilog = f"{parser.epilog}\n\nExit codes: 0 no problems; 1 problems found; 2 a file cannot be read."
    parser.add_argument("files", nargs="+", type=path_of, metavar="FILE", help="a runbook in Markdown")
    _add_bind(parser)
    for option in options.OPTIONS:
        if option.variable in _CHARTS:
            against = "check against this chart: " if option.variable == "CHART" else ""
            parser.add_argument(option.flag, metavar=option.variable, help=f"{against}{option.meaning}")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_bind(parser: Parser) -> None:
    parser.add_argument(
        "--bind", action="append", default=[], metavar="NAME=VALUE", help="the value of a placeholder; may be repeated"
    )


def _check(arguments: argparse.Namespace) -> int:
    bound = beside.bindings(arguments.bind, said="--bind")
    chart = _rendered(arguments, bound)
    code, told = EXIT_OK, []
    for file in arguments.files:
        try:
            source = load.text_of(file)
            if load.is_own(source):
                found, absent = None, _of_own(file, chart)
            else:
                found = load.assessed(source, bound)
                absent = _absent(found, chart)
        except Unreadable as error:
            complain(error)
            code = EXIT_USAGE
            continue
        except PromdrillError as error:
            complain(error)
            code = max(code, EXIT_FAILED)
            continue
        problems = absent or (found is not None and (found.findings or _refusal(found)))
        code = max(code, EXIT_FAILED if problems else EXIT_OK)
        told.append(_as_json(file, found, absent))
        if not arguments.json:
            _tell(file, found, absent)
    if arguments.json:
        say(json.dumps(told, indent=2, ensure_ascii=False))
    return code


def _of_own(file: Path, chart: Rendered | None) -> tuple[Missing, ...]:
    """Check a runbook in promdrill's own form.

    Raises:
        UsageError: It breaks a rule, a step is not a complete command, or it reads a variable that nothing sets.
    """
    runbook = load.strictly(file)
    unset.check(runbook)
    return missing([(step.line, step.command) for step in runbook.steps], (), chart) if chart else ()


def _absent(found: Assessment, chart: Rendered | None) -> tuple[Missing, ...]:
    if chart is None:
        return ()
    judged = [each for each in found.commands if each.role in SECTION_OF and each.status is not Status.LEFT_OUT]
    return missing([(each.line, each.command or places.unsaid(each.text)) for each in judged], found.queries, chart)


def _refusal(found: Assessment) -> str:
    """Why it cannot be drilled; empty if it can."""
    try:
        steps.require_runnable(found)
    except UsageError as error:
        return error.message.splitlines()[0].replace(f"{found.path}:", "line ").replace("line  ", "")
    return ""


# --- what is shown -----------------------------------------------------------------------------------------


def _tell(file: Path, found: Assessment | None, absent: tuple[Missing, ...]) -> None:
    for each in found.commands if found else ():
        _tell_command(file, each)
    for each_absent in absent:
        say(f"{file}:{each_absent.line}: {each_absent.what}")
        if each_absent.hint:
            say(f"    {each_absent.hint}")
    if found is None:
        say(f"{file}: ok" if not absent else f"{file}: {len(absent)} names that the chart does not have")
        return
    counted = ", ".join(f"{number} {status}" for status, number in found.counts.most_common())
    total = len(found.commands)
    say(f"{file}: read as published; {total} command{'' if total == 1 else 's'}{f': {counted}' if counted else ''}")
    refused = _refusal(found)
    if refused:
        say(f"{file}: cannot be drilled ({found.outcome}): {refused}")
    elif found.findings:
        say(f"{file}: can be drilled; what is not runnable of its diagnosis and proof is left out")
    else:
        say(f"{file}: can be drilled")


def _tell_command(file: Path, each: Judged) -> None:
    section = SECTION_OF.get(each.role, each.role)
    why = f": {each.why}" if each.why else ""
    say(f"{file}:{each.line}: {section}: {each.status}{why}: {each.first_line}")
    for note in each.notes if each.status is Status.RUNNABLE else ():
        say(f"    {note}")
    if each.hint:
        say(f"    {each.hint}")


def _as_json(file: Path, found: Assessment | None, absent: tuple[Missing, ...]) -> dict[str, Any]:
    names = [{"line": each.line, "what": each.what, "hint": each.hint} for each in absent]
    if found is None:
        return {"file": str(file), "form": "own", "outcome": "runnable", "commands": [], "not_in_chart": names}
    commands = [
        {
            "line": each.line,
            "section": SECTION_OF.get(each.role, str(each.role)),
            "status": str(each.status),
            "command": each.text,
            "runs": facts.readable(each.command),
            "why": each.why,
            "hint": each.hint,
            "notes": list(each.notes),
            "unbound": list(each.unbound),
        }
        for each in found.commands
    ]
    return {
        "file": str(file),
        "form": "published",
        "outcome": str(found.outcome),
        "commands": commands,
        "not_in_chart": names,
    }


# --- a rendered chart --------------------------------------------------------------------------------------


def _rendered(arguments: argparse.Namespace, bound: Mapping[str, str]) -> Rendered | None:
    """The chart that --chart names, rendered; None without one.

    Raises:
        UsageError: There is no such chart, or it does not render with these values.
        SupplyError: Helm is not available.
    """
    given = {name: getattr(arguments, name.lower()) for name in _CHARTS}
    if not (given["CHART"] or given["REPO"]):
        if any(given.values()):
            raise UsageError("a version or values without a chart", hint="--chart FOLDER")
        return None
    from promdrill.cli import charted  # noqa: PLC0415  only when needed

    names = {name: bound.get(name, usual) for name, usual in _NAMES.items()}
    return charted.rendered(given, **names)


# --- import ------------------------------------------------------------------------------------------------


def _import(arguments: argparse.Namespace) -> int:
    source = load.text_of(arguments.file)
    if load.is_own(source):
        raise UsageError(
            f"{arguments.file}: it is in promdrill's own form already", hint=f"promdrill runbook check {arguments.file}"
        )
    if arguments.output is not None and arguments.output.exists():
        raise UsageError(f"--output {arguments.output}: it exists", hint="name a new file")
    found = load.assessed(source, beside.bindings(arguments.bind, said="--bind"))
    text, left = imported.write(source, found)
    if arguments.output is None:
        say(text.removesuffix("\n"))
    else:
        try:
            files.write(arguments.output, text)
        except OSError as error:
            raise UsageError(
                f"--output {arguments.output}: {error.strerror}", hint="name a file in a folder that exists"
            ) from error
        say(f"{arguments.output}: " + (f"{left} places are marked TODO" if left else "complete"))
    return EXIT_FAILED if left else EXIT_OK

"""``promdrill alerts show`` and ``propose``: which alerts told of a run's incidents, and what to expect from now on."""

from __future__ import annotations

import argparse
from pathlib import Path

from promdrill.cli.parser import EXIT_OK, Parser, Subcommands, add_command, aside, say
from promdrill.core import files, paths
from promdrill.core.errors import UsageError
from promdrill.core.reading import path_of
from promdrill.core.terminal import shown
from promdrill.results.folder import LATEST
from promdrill.results.words import count

TEXT, MARKDOWN, JSON = "text", "markdown", "json"

SHOW = "show"
"""The action that is meant where none is named."""


def add_actions(actions: Subcommands) -> None:
    """Add the two."""
    _add_show(actions)
    _add_propose(actions)


def _add_show(actions: Subcommands) -> None:
    parser = add_command(
        actions,
        SHOW,
        summary="show the coverage of a run's alerts: lead times, blind spots, false alarms; `show` may be left out",
        example="promdrill alerts reports/latest\n  promdrill alerts show --format markdown",
        execute=_show,
    )
    _add_report(parser)
    parser.add_argument(
        "--format", choices=(TEXT, JSON, MARKDOWN), default=TEXT, help="text (default), json or markdown"
    )


def _add_propose(actions: Subcommands) -> None:
    parser = add_command(
        actions,
        "propose",
        summary="write a first alerts.toml from a run: the first alert of each incident, with a margin",
        example="promdrill alerts propose reports/latest --out alerts.toml",
        execute=_propose,
    )
    _add_report(parser)
    parser.add_argument("--out", type=path_of, metavar="FILE", help="where to write it (default: standard output)")


def _add_report(parser: Parser) -> None:
    parser.add_argument(
        "report",
        nargs="?",
        type=path_of,
        default=paths.reports_dir() / LATEST,
        metavar="REPORT",
        help="the folder of a run, or its results.json (default: reports/latest)",
    )


def _show(arguments: argparse.Namespace) -> int:
    from promdrill.results import store  # noqa: PLC0415  slow to import, so only when needed
    from promdrill.results.alerts import coverage, show  # noqa: PLC0415  the same

    forms = {TEXT: show.to_text, JSON: show.to_json, MARKDOWN: show.to_markdown}
    found = coverage.coverage(store.read(arguments.report))
    say(forms[arguments.format](found, str(arguments.report)))
    return EXIT_OK


def _propose(arguments: argparse.Namespace) -> int:
    from promdrill.results import store  # noqa: PLC0415  slow to import, so only when needed
    from promdrill.results.alerts.propose import propose  # noqa: PLC0415  the same

    out: Path | None = arguments.out
    if out is not None and out.exists():
        raise UsageError(f"--out {out}: it exists", hint="name a new file")
    proposal = propose(store.read(arguments.report), str(arguments.report))
    if not proposal.expected:
        no_drill = "it has no drill that passed and had rules"
        why = "no alert named any incident that was repaired" if proposal.silent else no_drill
        raise UsageError(f"{arguments.report}: {why}", hint=f"promdrill alerts {arguments.report}")
    if out is None:
        say(proposal.text.removesuffix("\n"))
        return EXIT_OK
    try:
        files.write(out, shown(proposal.text))
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", hint="name a file in a folder that exists") from error
    silent = f"; no alert named {count(len(proposal.silent), 'incident')}" if proposal.silent else ""
    say(f"{out}: {count(proposal.expected, 'expectation')}{silent}")
    for scenario in proposal.silent:
        aside(f"{scenario}: no alert fired")
    return EXIT_OK

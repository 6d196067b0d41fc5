"""``promdrill compare``: what became worse between two sets of results, beyond the noise between repeats."""

from __future__ import annotations

import argparse
import math

from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, Subcommands, add_command, say
from promdrill.core.choices import nearest
from promdrill.core.reading import path_of
from promdrill.report.compare import markdown
from promdrill.report.compare import text as compare_text
from promdrill.report.compare.across import Axis
from promdrill.report.compare.read import read_all
from promdrill.report.compare.regressions import RESOLUTION_S, THRESHOLD, compare

_FORMATS = {
    "text": compare_text.to_text,
    "json": compare_text.to_json,
    "markdown": markdown.to_markdown,
}


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "compare",
        summary="compare two sets of results: verdicts and recovery times; exit code 1 on a regression",
        example="promdrill compare reports/2026-11-21T05-00-00Z reports/latest\n"
        "  promdrill compare reports/matrix-before reports/matrix --across chart,prometheus",
        execute=_execute,
    )
    parts = "results.json, the folder of a run, or a folder of runs"
    parser.add_argument("old", type=path_of, metavar="OLD", help=f"what to compare with: {parts}")
    parser.add_argument("new", type=path_of, metavar="NEW", help="what to judge: the same kinds of input")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="text (default), json or markdown")
    parser.add_argument(
        "--across",
        action="extend",
        type=_axes,
        default=[],
        metavar="FIELD",
        help=f"{', '.join(Axis)}: fields that may differ between OLD and NEW, comma "
        "separated; may be given more than once",
    )
    parser.add_argument(
        "--threshold",
        type=_percent,
        default=THRESHOLD,
        metavar="PERCENT",
        help=f"how much slower recovery may be, in percent of OLD's median (default: {THRESHOLD * 100:.0f}); "
        f"{RESOLUTION_S:.0f} s and three times the spread of the repeats are always allowed",
    )


def _execute(arguments: argparse.Namespace) -> int:
    result = compare(
        read_all(arguments.old), read_all(arguments.new), threshold=arguments.threshold, across=arguments.across
    )
    say(_FORMATS[arguments.format](result, str(arguments.old), str(arguments.new)))
    return EXIT_FAILED if result.regressed else EXIT_OK


def _axes(text: str) -> list[Axis]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names or [text]:
        if name not in list(Axis):
            raise argparse.ArgumentTypeError(
                f"{name!r} is not one of {', '.join(Axis)}; did you mean {nearest(name, Axis)}?"
            )
    return [Axis(name) for name in names]


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = math.nan
    if not (math.isfinite(percent) and percent >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage such as 25")
    return percent / 100

"""``promdrill report``: one page of any runs, older and interrupted ones included."""

from __future__ import annotations

import argparse
from pathlib import Path

from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, say
from promdrill.core.errors import UsageError
from promdrill.core.reading import path_of
from promdrill.results.folder import write_atomically

HTML, MARKDOWN = "html", "markdown"

NAMES = {HTML: "report.html", MARKDOWN: "summary.md"}
"""Default file names, by format."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "report",
        summary="make one self-contained HTML page of any runs, interrupted ones included",
        example="promdrill report reports/latest\n  promdrill report reports/matrix --output matrix.html",
        execute=_execute,
    )
    parser.add_argument(
        "folders",
        nargs="+",
        type=path_of,
        metavar="FOLDER",
        help="the folder of a run, or a folder of runs, such as the cells of a matrix; each run is a column",
    )
    parser.add_argument(
        "--output",
        type=path_of,
        metavar="FILE",
        help=f"output file; - is standard output (default: {NAMES[HTML]} in FOLDER, or in the working folder for "
        "several)",
    )
    parser.add_argument(
        "--previous",
        type=path_of,
        metavar="FOLDER",
        help="the run to show changes against (default: for a single run, the one before it in the same folder)",
    )
    parser.add_argument("--format", choices=(HTML, MARKDOWN), default=HTML, help="html (default) or markdown")


def _execute(arguments: argparse.Namespace) -> int:
    folders: list[Path] = arguments.folders
    output = arguments.output or (folders[0] if len(folders) == 1 else Path()) / NAMES[arguments.format]
    text = _text(arguments.format, folders, Path() if _is_stdout(output) else output.parent, arguments.previous)
    if _is_stdout(output):
        say(text.rstrip("\n"))
        return EXIT_OK
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, text)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", hint="--output FILE") from error
    say(f"report: {output}")
    return EXIT_OK


def _is_stdout(output: Path) -> bool:
    return str(output) == "-"


def _text(form: str, folders: list[Path], beside: Path, earlier: Path | None) -> str:
    if form == MARKDOWN:
        from promdrill.report.markdown import to_markdown  # noqa: PLC0415  slow to import, so only when needed

        return to_markdown(folders, earlier=earlier)
    from promdrill.report.html.page import to_html  # noqa: PLC0415  slow to import, so only when needed

    return to_html(folders, beside=beside, earlier=earlier)

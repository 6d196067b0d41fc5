"""``promdrill merge``: merge a matrix's cells, each run elsewhere, into one report; exit code 1 when one is red."""

from __future__ import annotations

import argparse
from pathlib import Path

from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, Subcommands, add_command, say
from promdrill.core.errors import UsageError
from promdrill.core.reading import path_of
from promdrill.report.cells import merge, show
from promdrill.report.cells.merge import Night
from promdrill.results.folder import write_atomically

MARKDOWN = "summary.md"
JSON = "summary.json"


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "merge",
        summary="merge the results of a matrix's cells into one report; exit code 1 when a cell is red",
        example="promdrill merge reports/matrix",
        execute=_execute,
    )
    parser.add_argument(
        "folder",
        type=path_of,
        metavar="FOLDER",
        help=f"folder with one folder per cell; {MARKDOWN} and {JSON} are written there",
    )
    parser.add_argument(
        "--summary",
        type=path_of,
        metavar="FILE",
        help="also append the Markdown to this file, such as $GITHUB_STEP_SUMMARY",
    )
    parser.add_argument(
        "--expect",
        type=path_of,
        metavar="FILE",
        help="saved output of `promdrill matrix --format json` or github; a cell listed there but missing in FOLDER "
        "is red",
    )


def _execute(arguments: argparse.Namespace) -> int:
    wanted = merge.expected(arguments.expect) if arguments.expect else None
    return tell(arguments.folder, merge.gather(arguments.folder, wanted), summary=arguments.summary)


def tell(folder: Path, found: Night, *, summary: Path | None = None) -> int:
    """Write the report of all cells into their folder and print it; returns the exit code.

    Args:
        folder: As of the command.
        found: The cells.
        summary: A file that also gets the Markdown, at its end.

    Raises:
        UsageError: A file cannot be written.
    """
    markdown = show.to_markdown(found)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / JSON, merge.to_json(found) + "\n")
        write_atomically(folder / MARKDOWN, markdown + "\n")
        if summary:
            with summary.open("a", encoding="utf-8") as page:
                page.write(markdown + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from error
    say(show.to_text(found))
    return EXIT_FAILED if found.red else EXIT_OK

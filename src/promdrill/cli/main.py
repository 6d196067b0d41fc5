"""Entry point of ``promdrill``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

from promdrill.cli import (
    ablate,
    bench,
    bundle,
    check,
    clean,
    clean_cache,
    compare,
    controls,
    doctor,
    listing,
    matrix,
    new,
    reference,
    remedy,
    report,
    reproduce,
    run,
    runbook,
    shell,
    stitch,
    supply,
    verify,
    watch,
)
from promdrill.cli.parser import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_PIPE_CLOSED,
    EXIT_USAGE,
    Parser,
    complain,
)
from promdrill.core.errors import PromdrillError, UsageError

COMMANDS = (
    *(run, watch, controls, ablate, reproduce, remedy, verify, shell),
    *(matrix, stitch, report, compare, bench, listing, new, check, reference, runbook),
    *(supply, bundle, doctor, clean, clean_cache),
)
"""In the order of ``promdrill --help``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        0 when all is well, 1 when something failed, 2 for bad input, 130 when interrupted, 141 when
        nobody reads its output any more.
    """
    arguments = build_parser().parse_args(argv)
    try:
        with _endings_as_interrupts():
            code: int = arguments.execute(arguments)
    except PromdrillError as error:
        complain(error)
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
    except KeyboardInterrupt:
        complain(PromdrillError("interrupted"))
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # whoever read the answer, as head does, has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at its end
        return EXIT_PIPE_CLOSED
    return code


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="promdrill",
        description="Fire drills for Prometheus on Kubernetes: documented incidents, made to happen on a kind\n"
        "cluster, and repaired by their runbooks.",
        epilog="Example:\n  promdrill run --scenario disk-full",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add(commands)
    return parser


@contextlib.contextmanager
def _endings_as_interrupts() -> Iterator[None]:
    """A closed terminal or a cancelled CI job cleans up as Ctrl-C does."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())

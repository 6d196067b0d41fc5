"""What all subcommands share: a parser whose errors look like all other errors, a way to add a command, exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from promdrill.core.errors import PromdrillError
from promdrill.core.terminal import shown

Subcommands = Any
"""What ``ArgumentParser.add_subparsers`` returns; argparse has no public name for it."""

EXIT_OK = 0
"""All is well: every drill ended as expected."""

EXIT_FAILED = 1
"""Something failed: a drill did not end as expected, or promdrill could not do what was asked."""

EXIT_USAGE = 2
"""Bad input. Nothing was started."""

EXIT_SOFTWARE = 70  # EX_SOFTWARE of sysexits.h
"""An error in promdrill that nobody expected. The message says where its traceback is, and where to report it."""

EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
"""Interrupted by Ctrl-C, or by the end of the terminal or the CI job. Everything was cleaned up first."""

EXIT_PIPE_CLOSED = 141  # 128 + SIGPIPE
"""Whatever read the output, such as ``head``, stopped reading."""


class Parser(argparse.ArgumentParser):
    """An argument parser without abbreviations, whose errors go to stderr as ``promdrill: message``.

    Attributes:
        usual: The subcommand that is meant where the first word names none; empty if one must be named.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)
        self.usual = ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, with `usual` before words that name no subcommand."""
        words = sys.argv[1:] if args is None else list(args)
        if self.usual and not (words and words[0] in {*self._subcommands(), "-h", "--help"}):
            words = [self.usual, *words]
        return super().parse_known_args(words, namespace)

    def _subcommands(self) -> Iterable[str]:
        found = (action for action in self._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
        return (name for action in found for name in action.choices)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and exit with code 2."""
        complain(PromdrillError(message, hint=f"{self.prog} --help"))
        raise SystemExit(EXIT_USAGE)


def add_command(
    commands: Subcommands, name: str, *, summary: str, example: str, execute: Callable[[argparse.Namespace], int]
) -> Parser:
    """Add a subcommand.

    Args:
        commands: Where to add it.
        name: The name to type.
        summary: One sentence without a period.
        example: A command line that can be pasted.
        execute: Runs it and returns the exit code.
    """
    parser: Parser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=f"Example:\n  {example}"
    )
    parser.set_defaults(execute=execute)
    return parser


def say(text: str) -> None:
    """Print one line of a command's answer."""
    sys.stdout.write(f"{shown(text)}\n")
    sys.stdout.flush()


def complain(error: PromdrillError) -> None:
    """Print an error for an operator: ``promdrill: message``, then the hint, if there is one."""
    aside(f"promdrill: {error}")


def aside(text: str) -> None:
    """Print a line that is not part of the answer, which programs read from standard output, to standard error."""
    sys.stderr.write(f"{shown(text)}\n")
    sys.stderr.flush()

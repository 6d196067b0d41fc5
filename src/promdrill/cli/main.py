"""Entry point of ``promdrill``.

A command's module is imported only when the command is chosen: ``promdrill --help`` imports none of them.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from promdrill.cli.parser import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_PIPE_CLOSED,
    EXIT_USAGE,
    Parser,
    aside,
    complain,
)
from promdrill.core import background, paths, reading
from promdrill.core.choices import nearest
from promdrill.core.errors import PromdrillError, UsageError


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand.

    Attributes:
        name: The name to type.
        summary: One sentence without a period, the same as in the module.
        module: The module of `promdrill.cli` that implements it.
    """

    name: str
    summary: str
    module: str

    def parser(self) -> Parser:
        """The command's own parser; imports its module."""
        commands = Parser(prog=PROGRAM).add_subparsers(parser_class=Parser)
        importlib.import_module(f"promdrill.cli.{self.module}").add(commands)
        parser: Parser = commands.choices[self.name]
        return parser


PROGRAM = "promdrill"

COMMANDS = (
    Command("run", "run drills", "run"),
    Command("watch", "follow a run: phases, conditions waited for, pods, volume, samples", "watch"),
    Command(
        "controls",
        "run each drill without its fault or with another (must end invalid), or without its remedy (failed)",
        "controls",
    ),
    Command(
        "ablate",
        "run a drill once for each Mitigation step of its runbook, without that step, to see which are needed",
        "ablate",
    ),
    Command(
        "repairs",
        "run each drill with the other repairs of its repairs.md: bad ones must be refused, good ones accepted",
        "repairs",
    ),
    Command("reproduce", "make an incident happen, prove it, and leave it standing", "reproduce"),
    Command("remedy", "let the runbook repair an incident left by `reproduce`, then judge the repair", "remedy"),
    Command("verify", "judge a repair made by hand as the drill would", "verify"),
    Command("shell", "open a shell set up for an incident left by `reproduce`, or run one command in it", "shell"),
    Command("matrix", "list the cells of matrix.toml, or run them", "matrix"),
    Command("merge", "merge the results of a matrix's cells into one report; exit code 1 when a cell is red", "merge"),
    Command("report", "make one self-contained HTML page of any runs, interrupted ones included", "report"),
    Command(
        "compare", "compare two sets of results: verdicts and recovery times; exit code 1 on a regression", "compare"
    ),
    Command("alerts", "show which alerts told of which incident, and of which nobody was told", "alerts"),
    Command("bench", "run the drills several times, and show where the time goes", "bench"),
    Command("list", "list the scenarios", "listing"),
    Command("new", "create a scenario to start from", "new"),
    Command("check", "check scenarios without a cluster: test, markers, runbook, values, style, types", "check"),
    Command(
        "reference",
        "list what a scenario can use: faults, conditions, moments, markers, images, runbook keys",
        "reference",
    ),
    Command("runbook", "work with runbooks", "runbook"),
    Command(
        "plan",
        "show which of your values drills override, and which no template reads, without a cluster",
        "plan",
    ),
    Command("supply", "fetch everything that drills need, without running any", "supply"),
    Command("bundle", "pack everything a run needs into one file, for a machine without a network", "bundle"),
    Command("doctor", "check what a run needs, and say how to fix what is missing", "doctor"),
    Command(
        "clean",
        "delete the clusters that promdrill created and stop the engine that it started, or delete one cluster",
        "clean",
    ),
    Command("clean-cache", "delete everything built or downloaded, and the clusters that use it", "clean_cache"),
)
"""In the order of ``promdrill --help``."""

FORMER_NAMES = {"stitch": "merge"}
"""Former names of commands. They still work."""


class _Deferred(Parser):
    """Stands in for a command's parser until the command is chosen.

    Args:
        command: The command.
        options: As for `Parser`.
    """

    def __init__(self, *, command: Command, **options: Any) -> None:
        super().__init__(add_help=False, **options)
        self._command = command

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Hand over to the command's own parser, so that an unknown argument is an error of that command."""
        return self._command.parser().parse_args(args, namespace), []


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        0 when all is well, 1 when something failed, 2 for bad input, 70 for an error that nobody expected, 130 when
        interrupted, 141 when the reader of its output has gone.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        _check_name(words)
        _check_places()
        arguments = build_parser().parse_args(words)
        with _endings_as_interrupts():
            code: int = arguments.execute(arguments)
            background.wait(say=aside)
    except PromdrillError as error:
        complain(error)
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
    except KeyboardInterrupt:
        complain(PromdrillError("interrupted"))
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        return EXIT_PIPE_CLOSED
    except Exception as error:  # noqa: BLE001  or it would end with 1, which means that drills failed
        from promdrill.cli import unexpected  # noqa: PLC0415  only when needed

        return unexpected.report(error)
    return code


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog=PROGRAM,
        description="Fire drills for Prometheus on Kubernetes: documented incidents, made to happen on a kind\n"
        "cluster, and repaired by their runbooks.",
        epilog="Example:\n  promdrill run --scenario disk-full",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Deferred)
    for command in COMMANDS:
        commands.add_parser(command.name, help=command.summary, command=command)
    for old, name in FORMER_NAMES.items():  # without help a command is not listed
        commands.add_parser(old, command=next(each for each in COMMANDS if each.name == name))
    return parser


def _check_name(words: Sequence[str]) -> None:
    """Refuse an unknown command, and suggest the nearest one."""
    names = [command.name for command in COMMANDS]
    if words and not words[0].startswith("-") and words[0] not in {*names, *FORMER_NAMES}:
        hint = f"{PROGRAM} {nearest(words[0], names)}"
        raise UsageError(f"{words[0]}: no such command; the commands are {', '.join(names)}", hint=hint)


def _check_places() -> None:
    """Refuse folders in which nothing can be kept, and a working folder that has gone."""
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError("the working folder no longer exists", hint="cd") from error
    for variable in (paths.CACHE_VARIABLE, paths.STATE_VARIABLE):
        text = os.environ.get(variable)
        if text:
            folder = reading.path_of(text, said=f"{variable}={reading.shown(text)}")
            if folder.exists() and not folder.is_dir():
                raise UsageError(f"{variable}={text}: not a folder", hint=f"unset {variable}")


@contextlib.contextmanager
def _endings_as_interrupts() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP (a cancelled CI job, a closed terminal) clean up as Ctrl-C does."""
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

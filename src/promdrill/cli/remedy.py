"""``promdrill remedy``: let the runbook repair an incident, all at once or step by step, and judge the repair."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from pathlib import Path

from promdrill.cli import verify
from promdrill.cli.parser import EXIT_FAILED, EXIT_INTERRUPTED, Subcommands, add_command, complain, say
from promdrill.core import paths
from promdrill.core.errors import PromdrillError
from promdrill.drill.part import FromRemedy
from promdrill.incident import judge, record
from promdrill.results.words import seconds
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepResult

SHOWN_LINES = 40
"""Lines of a step's output that are shown; the journal has more."""


class Stopped(PromdrillError):
    """A person quit between two steps."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "remedy",
        summary="let the runbook repair an incident left by `reproduce`, then judge the repair",
        example="promdrill remedy --step",
        execute=_execute,
    )
    verify.add_arguments(parser)
    parser.add_argument("--step", action="store_true", help="ask before each step: y runs it, n skips it, q quits")
    parser.epilog = (
        f"{parser.epilog}\n\nExit codes: 0 recovered; 1 a step failed, you quit, or recovery is missing;\n"
        "2 no such incident; 130 interrupted."
    )


def _execute(arguments: argparse.Namespace) -> int:
    standing = record.choose(arguments.drill, command="remedy", warn=complain)
    conductor = Conductor(ask=_ask if arguments.step else None)
    part = FromRemedy(
        incident=standing.incident,
        recovery_s=arguments.timeout,
        remediate_s=judge.LONGEST_S if arguments.step else None,  # a person thinks between steps
        leaves_out=conductor.declined,
        on_step=conductor.ended,
    )
    say(f"{standing.incident.scenario}: {standing.incident.runbook}")
    judged = judge.judge(standing, part, what="remedy")
    if judged.watch.seen:
        say("")
        say("the runbook is done; these are the conditions of recovery")
        return verify.tell(standing, judged)
    if judged.interrupted:
        complain(PromdrillError("interrupted", hint=f"{paths.program()} verify"))
        return EXIT_INTERRUPTED
    reason = judged.result.reason if judged.result is not None else "\n".join(judged.failures)
    if conductor.stopped is not None:
        reason = conductor.stopped
    complain(PromdrillError(reason or "the runbook did not get through", hint=f"{paths.program()} verify"))
    say(f"journal: {judged.journal}")
    return EXIT_FAILED


class Conductor:
    """Shows each step before it runs and, if wanted, asks whether to run it.

    Args:
        ask: Asks a person and returns what was typed; None to run every step.

    Attributes:
        stopped: Where a person quit, in words; None when nobody did.
    """

    def __init__(self, *, ask: Callable[[str], str] | None) -> None:
        self.stopped: str | None = None
        self._ask = ask

    def declined(self, runbook: Runbook, at: int) -> bool:
        """Show a step, and ask whether to leave it out.

        Raises:
            Stopped: A person wants neither it nor any further step.
        """
        step, name = runbook.steps[at], Path(runbook.path).name
        say("")
        say(f"step {at + 1} of {len(runbook.steps)}, {step.section} ({name}:{step.line})")
        say(textwrap.indent(step.command.rstrip(), "  "))
        if self._ask is None:
            return False
        while True:
            answer = self._ask("run it? y yes, n skip, q quit: ").strip().lower()
            if answer in {"y", "yes"}:
                return False
            if answer in {"n", "no"}:
                return True
            if answer in {"q", "quit"}:
                self.stopped = f"stopped before step {at + 1} of {len(runbook.steps)}; the steps before it stay done"
                raise Stopped(self.stopped)

    def ended(self, result: StepResult) -> None:
        """Show a step's output."""
        lines = result.output.rstrip().split("\n") if result.output.strip() else []
        if len(lines) > SHOWN_LINES:
            lines = [f"... {len(lines) - SHOWN_LINES} more lines in the journal", *lines[-SHOWN_LINES:]]
        for line in lines:
            say(f"  | {line}".rstrip())
        how = "ended early" if result.exit_code is None else f"exit code {result.exit_code}"
        say(f"  {how}, {seconds(result.took_s)}")


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:  # no terminal to answer from
        say("q")
        return "q"

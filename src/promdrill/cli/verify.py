"""``promdrill verify``: whether a repair made by hand is one, by the conditions that the drill's own recovery has."""

from __future__ import annotations

import argparse
import json

from promdrill.cli import kept as kept_drills
from promdrill.cli import kept_judging, kept_shown
from promdrill.cli.kept import KeptDrill
from promdrill.cli.kept_judging import Judged
from promdrill.cli.parser import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    Subcommands,
    add_command,
    complain,
    say,
)
from promdrill.core.errors import PromdrillError
from promdrill.core.model import PhaseName
from promdrill.drill.part import Part

CODES = "Exit codes: 0 passed; 1 not yet; 2 no such drill; 130 interrupted."


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "verify",
        summary="judge a repair made by hand by the drill's own recovery",
        example="promdrill verify --timeout 30",
        execute=_execute,
    )
    kept_judging.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="for programs, in place of lines for people")
    parser.epilog = f"{parser.epilog}\n\n{CODES}"


def _execute(arguments: argparse.Namespace) -> int:
    drill = kept_drills.choose(arguments.drill, command="verify")
    part = Part(first=PhaseName.RECOVERY, recovery_s=arguments.timeout)
    if not arguments.json:
        for line in opening(drill, arguments.timeout):
            say(line)
    judged = kept_judging.judge(drill, part, what="verify")
    if arguments.json:
        say(json.dumps(_as_json(drill, judged), indent=2))
        return code_of(judged)
    return tell(drill, judged)


def opening(drill: KeptDrill, timeout_s: float | None) -> list[str]:
    """What is about to happen, and how long it may take."""
    seconds = kept_judging.budget_s(drill, timeout_s)
    text = f"{drill.kept.scenario}: judging for up to {seconds:.0f} s; Ctrl-C ends that and says what is missing"
    return [*kept_shown.wrapped(text), ""]


def tell(drill: KeptDrill, judged: Judged) -> int:
    """Say how a judgement ended, and what is still missing; the exit code."""
    for line in kept_shown.judged(judged.watch):
        say(line)
    say("")
    for line in kept_shown.wrapped(f"{drill.kept.scenario}: {_sentence(judged)}"):
        say(line)
    if not judged.passed and not judged.watch.seen:
        for text in judged.failures:
            complain(PromdrillError(text))
    say(f"journal: {judged.journal}")
    return code_of(judged)


def code_of(judged: Judged) -> int:
    """The exit code."""
    if judged.passed:
        return EXIT_OK
    return EXIT_INTERRUPTED if judged.interrupted else EXIT_FAILED


def _sentence(judged: Judged) -> str:
    result, (missing, asked) = judged.result, kept_shown.missing(judged.watch)
    if judged.passed and result is not None:
        said = [f"passed, all {asked} conditions held at once"]
        if result.recovered_after_s is not None:
            since = "the runbook began" if result.steps else "the incident was left to be repaired"
            said.append(f"recovered {result.recovered_after_s:.0f} s after {since}")
        said += [text] if (text := kept_shown.cost(result.samples)) else []
        return "; ".join(said)
    if not asked:
        return "not judged" + (", interrupted" if judged.interrupted else "")
    if missing:
        return f"not yet, {missing} of {asked} conditions missing"
    why = f": {result.reason}" if result is not None and result.reason else ""
    return f"not yet, though each condition was seen to hold{why}"


def _as_json(drill: KeptDrill, judged: Judged) -> dict[str, object]:
    result = judged.result
    return {
        "scenario": drill.kept.scenario,
        "cluster": drill.cluster,
        "passed": judged.passed,
        "reason": result.reason if result is not None else "\n".join(judged.failures) or None,
        "conditions": kept_shown.as_json(judged.watch),
        "recovered_after_s": result.recovered_after_s if result is not None else None,
        "gap_s": result.samples.gap_s if result is not None else None,
        "lost": result.samples.lost if result is not None else None,
        "journal": str(judged.journal),
    }

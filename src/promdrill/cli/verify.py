"""``promdrill verify``: judge a repair made by hand by the conditions of the drill's recovery."""

from __future__ import annotations

import argparse
import json

from promdrill.cli.parser import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, Parser, Subcommands, add_command, complain, say
from promdrill.core.errors import PromdrillError
from promdrill.drill.part import FromRecovery
from promdrill.incident import judge, record, show
from promdrill.incident.judge import Judged
from promdrill.incident.record import StandingIncident

CODES = "Exit codes: 0 passed; 1 not yet; 2 no such incident; 130 interrupted."


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "verify",
        summary="judge a repair made by hand as the drill would",
        example="promdrill verify --timeout 30",
        execute=_execute,
    )
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.epilog = f"{parser.epilog}\n\n{CODES}"


def add_arguments(parser: Parser) -> None:
    """Add the arguments that `remedy` and `verify` share."""
    parser.add_argument(
        "drill", nargs="?", metavar="DRILL", help="scenario or cluster; needed when several incidents are standing"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="seconds to wait for recovery (default: the drill's own limit)",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= judge.LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text}: not a number of seconds above 0 and up to {judge.LONGEST_S:.0f}")
    return seconds


def _execute(arguments: argparse.Namespace) -> int:
    standing = record.choose(arguments.drill, command="verify", warn=complain)
    part = FromRecovery(incident=standing.incident, recovery_s=arguments.timeout)
    if not arguments.json:
        for line in opening(standing, arguments.timeout):
            say(line)
    judged = judge.judge(standing, part, what="verify")
    if arguments.json:
        say(json.dumps(_as_json(standing, judged), indent=2))
        return code_of(judged)
    return tell(standing, judged)


def opening(standing: StandingIncident, timeout_s: float | None) -> list[str]:
    """What is about to happen, and how long it may take."""
    seconds = judge.budget_s(standing, timeout_s)
    text = f"{standing.incident.scenario}: judging for up to {seconds:.0f} s; Ctrl-C stops and shows what is missing"
    return [*show.wrapped(text), ""]


def tell(standing: StandingIncident, judged: Judged) -> int:
    """Print how a judgement ended and what is still missing; return the exit code."""
    for line in show.judged(judged.watch):
        say(line)
    say("")
    for line in show.wrapped(f"{standing.incident.scenario}: {_sentence(judged)}"):
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
    result, (missing, asked) = judged.result, show.missing(judged.watch)
    if judged.passed and result is not None:
        said = [f"passed, all {asked} conditions held at once"]
        if result.recovered_after_s is not None:
            since = "the runbook began" if result.steps else "the incident was left standing"
            said.append(f"recovered {result.recovered_after_s:.0f} s after {since}")
        said += [text] if (text := show.cost(result.samples)) else []
        return "; ".join(said)
    if not asked:
        return "not judged" + (", interrupted" if judged.interrupted else "")
    if missing:
        return f"not yet, {missing} of {asked} conditions missing"
    why = f": {result.reason}" if result is not None and result.reason else ""
    return f"not yet: each condition held at some time, but not all at once{why}"


def _as_json(standing: StandingIncident, judged: Judged) -> dict[str, object]:
    result = judged.result
    return {
        "scenario": standing.incident.scenario,
        "cluster": standing.cluster,
        "passed": judged.passed,
        "reason": result.reason if result is not None else "\n".join(judged.failures) or None,
        "conditions": show.as_json(judged.watch),
        "recovered_after_s": result.recovered_after_s if result is not None else None,
        "gap_s": result.samples.gap_s if result is not None else None,
        "lost": result.samples.lost if result is not None else None,
        "journal": str(judged.journal),
    }

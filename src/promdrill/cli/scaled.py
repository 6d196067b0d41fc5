"""``promdrill alerts scale``: what becomes of alert rules in a drill."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from promdrill.alerts import rules, scale
from promdrill.alerts.scale import Change, Left, Scaled
from promdrill.alerts.write import write
from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, aside, say
from promdrill.core.errors import UsageError, shortened
from promdrill.core.reading import path_of
from promdrill.core.terminal import shown


def add_action(actions: Subcommands) -> None:
    """Add the action."""
    parser = add_command(
        actions,
        "scale",
        summary="print rules as a drill loads them: as many times faster as a drill is",
        example="promdrill alerts scale rules.yaml --speed 30 >drill.yaml",
        execute=_scale,
    )
    parser.add_argument(
        "rules",
        type=path_of,
        metavar="RULES",
        help="a rule file, a file with PrometheusRule objects, or a folder of both",
    )
    parser.add_argument(
        "--speed",
        default=f"{scale.DEFAULT_SPEED:g}",
        metavar="N",
        help=f"divide all durations by it, 1 or more (default: {scale.DEFAULT_SPEED:g})",
    )
    parser.add_argument(
        "--scrape-interval",
        default=f"{scale.DRILL_SCRAPE_S:g}",
        metavar="S",
        help=f"seconds between two scrapes and two evaluations (default: {scale.DRILL_SCRAPE_S:g}, as in a drill)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON: the rules, what changed, and what was left")
    parser.epilog = (
        f"{parser.epilog}\n\nThe rules go to standard output; what changed, and what means something else at this "
        "speed\nand was left as it is, to standard error.\n\nExit codes: 0 printed; 2 a rule or an option is wrong."
    )


def _scale(arguments: argparse.Namespace) -> int:
    speed = _number("--speed", arguments.speed)
    scrape_s = _number("--scrape-interval", arguments.scrape_interval)
    scaled = scale.scaled(rules.read(arguments.rules), speed, scrape_s=scrape_s)
    text = write(scaled.groups).removesuffix("\n")
    if arguments.json:
        say(json.dumps(_as_json(scaled, speed, scrape_s), indent=2))
    else:
        say(text)
        for line in _told(scaled, speed):
            aside(line)
    if shown(text) != text:
        aside("what looks like a credential is not shown, so this is not the whole file")
    return EXIT_OK


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"{option} {shortened(text, 40)}: not a number", hint=f"{option} 30") from error


def _told(scaled: Scaled, speed: float) -> Iterator[str]:
    """What changed, a line for each rule; what was left, a line for each part; and how much that was."""
    for (place, name), changes in itertools.groupby(scaled.changes, key=lambda each: (each.place, each.rule)):
        yield f"{place}: {name}: {', '.join(f'{each.what} {each.before} is {each.after}' for each in changes)}"
    for left in scaled.left:
        yield f"{left.place}: {left.rule}: left: {left.what}: {left.why}"
    every = [rule for group in scaled.groups for rule in group.rules]
    alerts = sum(rule.is_alert for rule in every)
    touched = len({(left.place, left.rule) for left in scaled.left})
    yield (
        f"{_counted(alerts, 'alert rule')} and {_counted(len(every) - alerts, 'recording rule')}, {speed:g} times as "
        f"fast; {_counted(len(scaled.changes), 'duration')} divided, {_counted(touched, 'rule')} with something left"
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_json(scaled: Scaled, speed: float, scrape_s: float) -> dict[str, Any]:
    return {
        "speed": speed,
        "scrape_interval_s": scrape_s,
        "changed": _listed(scaled.changes),
        "left": _listed(scaled.left),
        "rules": shown(write(scaled.groups)),  # here, as a credential is not seen between escaped quotes
    }


def _listed(found: Sequence[Change | Left]) -> list[dict[str, str]]:
    texts = ({**asdict(each), "place": each.place} for each in found)
    return [{key: shown(str(value)) for key, value in each.items()} for each in texts]

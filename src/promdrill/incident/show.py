"""How a standing incident is shown, to a person at three in the morning: 80 columns, commands to paste."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promdrill.core import paths
from promdrill.core.model import SampleAccount
from promdrill.drill.watch import Watch
from promdrill.incident.record import StandingIncident, clean
from promdrill.observe.conditions import Seen

WIDTH = 80
"""Columns for prose; commands and paths are not cut, so that they can be pasted."""

LONGEST_SEEN = 200
"""Characters of what was seen: a log line may be very long."""


def reproduced(standing: StandingIncident) -> list[str]:
    """What is broken, how to look at it, and how to repair, judge and delete it."""
    incident = standing.incident
    out = [*wrapped(f"{incident.scenario} is reproduced and left standing: {incident.title}"), ""]
    out.append("What is broken, as observed (the last stage is the current state)")
    for stage, found in incident.signature.items():
        out += wrapped(stage, "  ")
        out += [line for name, text in found.items() for line in wrapped(_seen(name, text), "    ", "      ")]
    return [*out, "", *_look(standing), "", *_repair(standing)]


def _look(standing: StandingIncident) -> list[str]:
    names = standing.incident.server
    pod, container = standing.incident.moments.pod, names["container"]
    of_pod = [
        f"kubectl describe pod --namespace $NAMESPACE {pod}",
        f"kubectl logs --namespace $NAMESPACE --container {container} --tail=20 {pod}",
    ]
    pasted = [
        f"export KUBECONFIG={shlex.quote(str(standing.kubeconfig.absolute()))}",
        f"export PATH={shlex.quote(str(standing.home.absolute() / 'bin'))}:$PATH",
        f"export NAMESPACE={names['namespace']}",
        "kubectl get pods,pvc --namespace $NAMESPACE",
        *(of_pod if pod else []),
        "kubectl get events --namespace $NAMESPACE --sort-by=.lastTimestamp",
        f"kubectl port-forward --namespace $NAMESPACE service/{names['service']} 9090:{names['port']}",
    ]
    lines = [line for command in pasted for line in _folded(command)]
    return ["How to look (paste the first three lines once)", *(f"  {line}" for line in lines)]


def _folded(command: str) -> list[str]:
    """A command that can still be pasted, on two lines where one is too long; exports stay whole."""
    if len(command) <= WIDTH - 2 or command.startswith("export "):
        return [command]
    cut = command.rindex(" ", 0, WIDTH - 4)
    return [f"{command[:cut]} \\", f"  {command[cut + 1 :]}"]


def _repair(standing: StandingIncident) -> list[str]:
    incident, program = standing.incident, paths.program()
    rows = {
        "runbook": str(incident.runbook),
        **{
            name.lower(): incident.environment[name] for name in ("VALUES", "MANIFESTS") if name in incident.environment
        },
    }
    files = [f"  {name:<10} {_near(path)}" for name, path in rows.items()]
    commands = {
        f"{program} shell": "open a shell with all this set",
        f"{program} remedy": "run the runbook; --step asks first",
        f"{program} verify": "judge a repair made by hand",
        clean(standing.cluster): "delete only this cluster",
    }
    width = max(map(len, commands))
    return ["How to repair it", *files, *(f"  {typed:<{width}}  {what}" for typed, what in commands.items())]


def judged(watch: Watch) -> list[str]:
    """What is missing for recovery, grouped by cause; then what has not been judged yet, and what holds."""
    asked = [(what, name, seen) for what, found in watch.seen.items() for name, seen in found.items()]
    lacking = [row for row in asked if not row[2].holds]
    holding = [row for row in asked if row[2].holds]
    later = [what for what in watch.later if what not in watch.seen]
    out = ["Missing", *_missing(watch, lacking)] if lacking else []
    if later:
        out += ["Not judged yet", *(line for what in later for line in wrapped(what, "  ", "    "))]
    if holding:
        out += ["Holds", *(f"  {_short(_seen(name, seen.text), WIDTH - 2)}" for _, name, seen in holding)]
    return out


def _missing(watch: Watch, lacking: list[tuple[str, str, Seen]]) -> list[str]:
    """A line for each condition and why it does not hold; a shared cause is shown once, above its conditions."""
    causes: dict[str, list[str]] = {}
    for what, name, seen in lacking:
        service = watch.unanswered.get((what, name))
        cause = _short(seen.text) if service is None else f"no pod answers behind service {service}"
        causes.setdefault(cause, []).append(name)
    out: list[str] = []
    for cause, names in causes.items():
        if len(names) == 1:
            out += wrapped(f"{names[0]}: {cause}", "  ", "    ")
        else:
            out += wrapped(f"{cause} ({len(names)} conditions):", "  ", "    ")
            out += [line for name in names for line in wrapped(name, "    ", "      ")]
    return out


def missing(watch: Watch) -> tuple[int, int]:
    """How many of the judged conditions do not hold, and how many were judged."""
    found = [seen for each in watch.seen.values() for seen in each.values()]
    return sum(not seen.holds for seen in found), len(found)


def as_json(watch: Watch) -> list[Mapping[str, Any]]:
    """The same, for JSON."""

    def row(what: str, name: str, seen: Seen) -> Mapping[str, Any]:
        return {"stage": what, "name": name, "holds": seen.holds, "seen": seen.text}

    asked = [row(what, name, seen) for what, found in watch.seen.items() for name, seen in found.items()]
    later = [{"stage": what, "name": None, "holds": False, "seen": None} for what in watch.later]
    return [*asked, *(row_ for row_ in later if row_["stage"] not in watch.seen)]


def cost(samples: SampleAccount) -> str:
    """What the incident cost; empty if unknown."""
    if samples.gap_s is None or samples.lost is None:
        return ""
    if not samples.lost:
        return "no sample was lost"
    return f"the longest gap in the samples is {samples.gap_s:.0f} s, {samples.lost} samples are missing"


def _seen(name: str, text: str) -> str:
    return f"{name}: {_short(text)}"


def _short(text: str, width: int = LONGEST_SEEN) -> str:
    return textwrap.shorten(text, width, placeholder=" ...")


def _near(path: str) -> str:
    """The path, relative to the working folder if it lies below it."""
    found, here = Path(path), Path.cwd()
    return str(found.relative_to(here)) if found.is_relative_to(here) else os.path.normpath(path)


def wrapped(text: str, first: str = "", later: str | None = None) -> list[str]:
    """Prose within `WIDTH`; words are never cut.

    Args:
        text: The prose.
        first: Put before its first line.
        later: Put before its other lines; as `first` by default.
    """
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_on_hyphens=False,
        break_long_words=False,
    )

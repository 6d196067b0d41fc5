"""What is said of a kept drill: for a person at three in the morning, 80 columns, commands that can be pasted."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promdrill.cli.kept import KeptDrill
from promdrill.core import paths
from promdrill.core.model import SampleAccount
from promdrill.drill.part import Watch
from promdrill.observe.conditions import Seen

WIDTH = 80
"""Columns that prose may take; commands and paths are not cut, or they could not be pasted."""

LONGEST_SEEN = 200
"""Characters of what was seen: a log line may be a page."""

HOLDS, MISSING, NOT_ASKED = "holds", "missing", "not yet"


def reproduced(drill: KeptDrill) -> list[str]:
    """What is there now, how to look at it, and how it is repaired, judged and removed."""
    kept = drill.kept
    out = [*_wrapped(f"{kept.scenario} is reproduced and stays: {kept.title}"), ""]
    out.append("What is broken, as it was seen; the last stage is how it is now")
    for stage, found in kept.signature.items():
        out += _wrapped(stage, "  ")
        out += [line for name, text in found.items() for line in _wrapped(_seen(name, text), "    ", "      ")]
    return [*out, "", *_look(drill), "", *_repair(drill)]


def _look(drill: KeptDrill) -> list[str]:
    kept, names = drill.kept, drill.kept.server
    pod, container = kept.moments.pod, names["container"]
    of_pod = [
        f"kubectl describe pod --namespace $NAMESPACE {pod}",
        f"kubectl logs --namespace $NAMESPACE --container {container} --tail=20 {pod}",
    ]
    pasted = [
        f"export KUBECONFIG={shlex.quote(str(drill.joined.address.kubeconfig.absolute()))}",
        f"export PATH={shlex.quote(str(drill.home.absolute() / 'bin'))}:$PATH",
        f"export NAMESPACE={names['namespace']}",
        "kubectl get pods,pvc --namespace $NAMESPACE",
        *(of_pod if pod else []),
        "kubectl get events --namespace $NAMESPACE --sort-by=.lastTimestamp",
        f"kubectl port-forward --namespace $NAMESPACE service/{names['service']} 9090:{names['port']}",
    ]
    lines = [line for command in pasted for line in _folded(command)]
    return ["How to look (paste the first three lines once)", *(f"  {line}" for line in lines)]


def _folded(command: str) -> list[str]:
    """A command that can still be pasted, in two lines where one is too long; exports stay whole."""
    if len(command) <= WIDTH - 2 or command.startswith("export "):
        return [command]
    cut = command.rindex(" ", 0, WIDTH - 4)
    return [f"{command[:cut]} \\", f"  {command[cut + 1 :]}"]


def _repair(drill: KeptDrill) -> list[str]:
    kept, program = drill.kept, paths.program()
    rows = {
        "runbook": str(kept.runbook),
        **{name.lower(): kept.environment[name] for name in ("VALUES", "MANIFESTS") if name in kept.environment},
    }
    files = [f"  {name:<10} {_near(path)}" for name, path in rows.items()]
    doings = {
        f"{program} shell": "a shell with all of this set",
        f"{program} remedy": "let the runbook run; --step asks before each step",
        f"{program} verify": "judge a repair made by hand, as the drill would",
        paths.command("clean"): "remove everything",
    }
    width = max(map(len, doings))
    return ["How to repair it", *files, *(f"  {doing:<{width}}  {what}" for doing, what in doings.items())]


def judged(watch: Watch) -> list[str]:
    """Each condition of recovery, and of what is asked after it, with what was last seen of it."""
    out: list[str] = []
    for number, (what, found) in enumerate(watch.seen.items()):
        out += ["", *_wrapped(f"then: {what}")] if number else []
        for name, seen in found.items():
            out += _wrapped(name, f"{HOLDS if seen.holds else MISSING:<8} ", " " * 9)
            out += _wrapped(f"last seen: {_short(seen.text)}" if not seen.holds else _short(seen.text), " " * 11)
    for what in watch.later:
        if what not in watch.seen:
            out += _wrapped(f"then: {what}", f"{NOT_ASKED:<8} ", " " * 9)
    return out


def missing(watch: Watch) -> tuple[int, int]:
    """How many of the conditions that were asked do not hold, and how many were asked."""
    found = [seen for each in watch.seen.values() for seen in each.values()]
    return sum(not seen.holds for seen in found), len(found)


def as_json(watch: Watch) -> list[Mapping[str, Any]]:
    """The same for programs."""

    def row(what: str, name: str, seen: Seen) -> Mapping[str, Any]:
        return {"stage": what, "name": name, "holds": seen.holds, "seen": seen.text}

    asked = [row(what, name, seen) for what, found in watch.seen.items() for name, seen in found.items()]
    later = [{"stage": what, "name": None, "holds": False, "seen": None} for what in watch.later]
    return [*asked, *(row_ for row_ in later if row_["stage"] not in watch.seen)]


def cost(samples: SampleAccount) -> str:
    """What the incident cost; empty where it is not known."""
    if samples.gap_s is None or samples.lost is None:
        return ""
    return f"the longest gap in the samples is {samples.gap_s:.0f} s, {samples.lost} samples are missing"


def _seen(name: str, text: str) -> str:
    return f"{name}: {_short(text)}"


def _short(text: str) -> str:
    return textwrap.shorten(text, LONGEST_SEEN, placeholder=" ...")


def _near(path: str) -> str:
    """The path as it is typed from here: relative where it lies below."""
    found, here = Path(path), Path.cwd()
    return str(found.relative_to(here)) if found.is_relative_to(here) else os.path.normpath(path)


def wrapped(text: str) -> list[str]:
    """Prose within `WIDTH`."""
    return _wrapped(text)


def _wrapped(text: str, first: str = "", later: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_on_hyphens=False,
        break_long_words=False,
    )

"""``promdrill shell``: a shell in which kubectl, Helm and a runbook's commands reach the incident and nothing else."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from promdrill.cli.parser import Subcommands, add_command, complain, say
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.incident import record, show
from promdrill.incident.record import StandingIncident

_PROMPTS = {"bash": (".bashrc", r"PS1='[{name}] \w \$ '"), "zsh": (".zshrc", "PROMPT='[{name}] %~ %# '")}
"""Shells whose prompt promdrill can set: their start-up file in HOME, and its text."""

_SHELL = re.compile(r"[\s|&;<>$*()]")
"""Characters that only a shell reads as more than a part of a word."""

SHOWN = ("KUBECONFIG", "NAMESPACE", "HELM_NAMESPACE", "RELEASE", "CHART", "VALUES", "MANIFESTS")


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "shell",
        summary="open a shell set up for an incident left by `reproduce`, or run one command in it",
        example="promdrill shell\n  promdrill shell -- kubectl get pods --all-namespaces",
        execute=_execute,
    )
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="[DRILL] [-- COMMAND ...]",
        help="scenario or cluster, needed when several incidents are standing; a command to run instead of the shell",
    )


def _execute(arguments: argparse.Namespace) -> int:
    name, command = _split(arguments.words)
    standing = record.choose(name, command="shell", warn=complain)
    record.require_there(standing)
    env = {**standing.environment(), "TERM": os.environ.get("TERM", "dumb")}
    if command:
        _become(command, env)
    for line in _welcome(standing, env):
        say(line)
    _become(_interactive(standing), env)


def _split(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The incident's name, from before ``--``, and the command, from after it."""
    before, after = list(words), []
    if "--" in words:
        at = before.index("--")
        before, after = before[:at], before[at + 1 :]
        if not after:
            raise UsageError("no command after --", hint=f"{paths.program()} shell -- kubectl get pods")
    if len(before) > 1 or (before and before[0].startswith("-")):
        raise UsageError(
            f"name at most one incident, not: {' '.join(before)}", hint=f"{paths.program()} shell -- {' '.join(before)}"
        )
    return (before[0] if before else None), after


def _interactive(standing: StandingIncident) -> Sequence[str]:
    """The user's own shell if its prompt can be set, else bash; it does not read the user's own files."""
    own = Path(os.environ.get("SHELL", ""))
    shell = str(own) if own.name in _PROMPTS and own.is_file() else shutil.which("bash") or "/bin/sh"
    if Path(shell).name in _PROMPTS:
        file, text = _PROMPTS[Path(shell).name]
        (standing.home / file).write_text(text.format(name=standing.incident.scenario) + "\n", encoding="utf-8")
    return [shell, "-i"]


def _welcome(standing: StandingIncident, env: dict[str, str]) -> list[str]:
    incident = standing.incident
    text = (
        f"kubectl and helm are the drill's own; their default namespace is {standing.namespace}."
        " `promdrill verify` judges a repair; exit leaves."
    )
    return [
        *show.wrapped(f"{incident.scenario}: {incident.title}"),
        *(f"  {name}={env[name]}" for name in SHOWN if name in env),
        f"  runbook: {incident.runbook}",
        *show.wrapped(text),
    ]


def _become(argv: Sequence[str], env: dict[str, str]) -> NoReturn:
    """Replace this process with the program: it gets the terminal, and its exit code is ours."""
    found = shutil.which(argv[0], path=env["PATH"])
    if found is None:
        script = argv[0] if len(argv) == 1 and _SHELL.search(argv[0]) else ""
        hint = f" -- bash -c {shlex.quote(script)}" if script else ""
        raise UsageError(f"no command named {argv[0]}", hint=f"{paths.program()} shell{hint}")
    os.execve(found, list(argv), env)  # noqa: S606  no child: the program gets signals and the terminal

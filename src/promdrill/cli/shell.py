"""``promdrill shell``: a shell in which kubectl, Helm and a runbook's commands mean the kept drill and nothing else."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from promdrill.cli import kept as kept_drills
from promdrill.cli import kept_shown
from promdrill.cli.kept import KeptDrill
from promdrill.cli.parser import Subcommands, add_command, say
from promdrill.core import paths
from promdrill.core.errors import UsageError

_PROMPTS = {"bash": (".bashrc", r"PS1='[{name}] \w \$ '"), "zsh": (".zshrc", "PROMPT='[{name}] %~ %# '")}
"""Shells whose prompt can be set: their file in HOME, and its text."""

SHOWN = ("KUBECONFIG", "NAMESPACE", "RELEASE", "CHART", "VALUES", "MANIFESTS")


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "shell",
        summary="open a shell with everything set for a reproduced incident, or run one command in it",
        example="promdrill shell\n  promdrill shell -- kubectl get pods --all-namespaces",
        execute=_execute,
    )
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="[DRILL] [-- COMMAND ...]",
        help="scenario or cluster, where several drills are kept; a command in place of the shell",
    )


def _execute(arguments: argparse.Namespace) -> int:
    name, command = _split(arguments.words)
    drill = kept_drills.choose(name, command="shell")
    kept_drills.require_there(drill)
    env = {**drill.environment(), "TERM": os.environ.get("TERM", "dumb")}
    if command:
        _become(command, env)
    for line in _welcome(drill, env):
        say(line)
    _become(_interactive(drill), env)


def _split(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The drill, and the command; what stands before ``--`` is the drill."""
    before, after = list(words), []
    if "--" in words:
        at = before.index("--")
        before, after = before[:at], before[at + 1 :]
        if not after:
            raise UsageError("no command after --", hint=f"{paths.program()} shell -- kubectl get pods")
    if len(before) > 1 or (before and before[0].startswith("-")):
        raise UsageError(
            f"one drill at most, not: {' '.join(before)}", hint=f"{paths.program()} shell -- {' '.join(before)}"
        )
    return (before[0] if before else None), after


def _interactive(drill: KeptDrill) -> Sequence[str]:
    """The user's own shell where its prompt can be set, else bash; it reads nothing of the user's."""
    own = Path(os.environ.get("SHELL", ""))
    shell = str(own) if own.name in _PROMPTS and own.is_file() else shutil.which("bash") or "/bin/sh"
    if Path(shell).name in _PROMPTS:
        file, text = _PROMPTS[Path(shell).name]
        (drill.home / file).write_text(text.format(name=drill.kept.scenario) + "\n", encoding="utf-8")
    return [shell, "-i"]


def _welcome(drill: KeptDrill, env: dict[str, str]) -> list[str]:
    kept = drill.kept
    return [
        *kept_shown.wrapped(f"{kept.scenario}: {kept.title}"),
        *(f"  {name}={env[name]}" for name in SHOWN if name in env),
        f"  runbook: {kept.runbook}",
        *kept_shown.wrapped("kubectl and helm are the drill's own. `promdrill verify` judges a repair; exit leaves."),
    ]


def _become(argv: Sequence[str], env: dict[str, str]) -> NoReturn:
    """Go on as that program, which has the terminal to itself; its exit code is ours."""
    found = shutil.which(argv[0], path=env["PATH"])
    if found is None:
        raise UsageError(f"no command named {argv[0]}", hint=f"{paths.program()} shell")
    os.execve(found, list(argv), env)  # noqa: S606  no child: signals and the terminal are the program's

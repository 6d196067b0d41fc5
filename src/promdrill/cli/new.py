"""``promdrill new``: the start of a scenario, which runs as it is.

Its fault changes nothing, so it ends invalid; each TODO in its files says what belongs there.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import yaml

from promdrill.cli.parser import (
    EXIT_OK,
    Subcommands,
    add_command,
    say,
)
from promdrill.core import paths
from promdrill.core.choices import nearest
from promdrill.core.errors import UsageError
from promdrill.request import scenarios

DEFAULT_LIKE = "lifecycle-flag"
"""Whose values a new scenario begins with: a small Prometheus that is scraped every second and reloaded at will."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands, "new", summary="start a scenario", example="promdrill new my-incident", execute=_execute
    )
    parser.add_argument("id", help="the scenario's id, and its folder's name: lower case words joined by dashes")
    parser.add_argument(
        "--like",
        default=DEFAULT_LIKE,
        metavar="ID",
        help=f"the scenario whose values.yaml it begins with (default: {DEFAULT_LIKE})",
    )
    parser.add_argument(
        "--scenarios",
        metavar="DIR",
        help="the folder to make it in, and to make where there is none (default: promdrill's own, in a checkout) "
        "[$SCENARIOS]",
    )


def _execute(arguments: argparse.Namespace) -> int:
    named = arguments.scenarios or os.environ.get("SCENARIOS")
    folder = create(arguments.id, like=arguments.like, base=Path(named).expanduser() if named else None)
    said = {"SCENARIO": arguments.id, "SCENARIOS": named}
    shown = os.path.relpath(folder)
    say(f"created {shown}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    say("It ends invalid until you write its fault. Replace every TODO, then:")
    say(f"  {paths.program()} check {shown}")
    say(f"  {paths.command('test-scenarios', **said, KEEP=1)}")
    say(f"  {paths.command('controls', **said, JOBS=2)}")
    say(f"  {paths.command('ablate', **said, JOBS=2)}")
    return EXIT_OK


def create(name: str, *, like: str = DEFAULT_LIKE, base: Path | None = None) -> Path:
    """Make a scenario's folder, whole or not at all.

    Args:
        name: The scenario's id.
        like: The scenario whose values it begins with.
        base: The folder to make it in; that of the scenarios that promdrill ships by default.

    Returns:
        The folder.

    Raises:
        UsageError: The id cannot be one or is taken, there is no scenario to copy values from, or the folder cannot be
            written.
    """
    _check_id(name)
    if base is None and not paths.in_checkout():
        raise UsageError("a scenario of your own needs a folder of your own", hint=f"new {name} --scenarios drills")
    there = scenarios.find_all(further=[base] if base is not None and base.is_dir() and any(base.iterdir()) else [])
    base = base or paths.scenarios_dir()
    folder = base / name
    for taken in (each.folder for each in there if each.id == name):
        raise UsageError(f"{taken} already exists", hint="choose another id, or delete it")
    if os.path.lexists(folder):
        raise UsageError(f"{folder} already exists", hint="choose another id, or delete it")
    drafts = _drafts(name, like, there)
    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=base) as beside:
            whole = Path(beside) / name
            whole.mkdir()
            for file, text in drafts.items():
                (whole / file).write_text(text, encoding="utf-8")
            whole.rename(folder)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}", hint=f"ls -ld {base}") from error
    return folder


def _check_id(name: str) -> None:
    if not scenarios.ID.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789") or "my-incident"
        raise UsageError(f"{name!r} is not an id: {scenarios.ID_RULE}", hint=near)
    from promdrill.authoring.rules import LONGEST_ID  # noqa: PLC0415  the engine's modules, when they are asked for
    from promdrill.drill.site import LONGEST_RELEASE  # noqa: PLC0415

    if len(name) > LONGEST_ID:
        rule = f"an id has at most {LONGEST_ID}, for Helm takes release names of {LONGEST_RELEASE}"
        raise UsageError(f"{name} has {len(name)} characters; {rule}", hint=name[:LONGEST_ID].rstrip("-"))


def _drafts(name: str, like: str, there: Sequence[scenarios.ScenarioFolder]) -> Mapping[str, str]:
    """The files of a new scenario and their texts."""
    function = name.replace("-", "_")
    yaml_id = name if yaml.safe_load(name) == name else f'"{name}"'  # on, null, true
    texts = {f"test_{function}.py": _template("test.py.txt"), "runbook.md": _template("runbook.md")}
    for file, text in texts.items():
        texts[file] = text.replace("@id@", name).replace("@name@", function).replace("@yaml_id@", yaml_id)
    return {**texts, "values.yaml": _values(name, like, there)}


def _template(file: str) -> str:
    return (resources.files("promdrill.cli") / "templates" / file).read_text(encoding="utf-8")


def _values(name: str, like: str, there: Sequence[scenarios.ScenarioFolder]) -> str:
    """The values of a scenario, under a first line of their own: what is said at their top is about that scenario."""
    found = {scenario.id: scenario for scenario in there}
    if like not in found:
        hint = f"--like {nearest(like, found)}" if found else ""
        raise UsageError(f"--like {like}: no such scenario; there are {', '.join(found) or 'none'}", hint=hint)
    install = scenarios.traits(found[like].test).install
    if install:
        raise UsageError(f"--like {like} has no Helm values: its install is {install}", hint="another scenario")
    file = found[like].folder / "values.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--like {like}: cannot read {file}: {error}") from error
    values = re.sub(r"\A(#.*\n|\s*\n)*", "", text)
    return f"# {name}: TODO what these values are for. They are those of {like}.\n{values}"

"""``promdrill new``: create a scenario to start from. It already runs.

Its fault changes nothing, so its drill ends invalid; each TODO in its files says what belongs there.
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

from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, say
from promdrill.core import paths, reading
from promdrill.core.choices import nearest
from promdrill.core.errors import UsageError
from promdrill.core.reading import path_of
from promdrill.request import scenarios

DEFAULT_LIKE = "lifecycle-flag"
"""The scenario whose values a new one starts from: a small Prometheus with a 1 s scrape interval and reloads."""


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "new",
        summary="create a scenario to start from",
        example="promdrill new my-incident",
        execute=_execute,
    )
    parser.add_argument(
        "id", help="the scenario's id, which is also its folder's name: lower case words joined by dashes"
    )
    parser.add_argument(
        "--like",
        default=DEFAULT_LIKE,
        metavar="ID",
        help=f"the scenario whose values.yaml to start from (default: {DEFAULT_LIKE})",
    )
    parser.add_argument(
        "--scenarios",
        metavar="DIR",
        help="folder to create it in; created if missing (default: promdrill's own, in a checkout) [$SCENARIOS]",
    )


def _execute(arguments: argparse.Namespace) -> int:
    named = arguments.scenarios or os.environ.get("SCENARIOS")
    folder = create(arguments.id, like=arguments.like, base=path_of(named) if named else None)
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
    """Create a scenario's folder, completely or not at all.

    Args:
        name: The scenario's id.
        like: The scenario whose values to start from.
        base: The folder to create it in (default: the folder of promdrill's own scenarios).

    Returns:
        The folder.

    Raises:
        UsageError: The id is not valid or is taken, there is no scenario to copy values from, or the folder cannot be
            written.
    """
    _check_id(name)
    if base is None and not paths.in_checkout():
        raise UsageError("name a folder for your own scenarios", hint=f"promdrill new {name} --scenarios drills")
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
        raise UsageError(f"cannot create {folder}: {error.strerror}", hint=f"ls -ld {base}") from error
    return folder


def _check_id(name: str) -> None:
    if not scenarios.ID.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789") or "my-incident"
        raise UsageError(f"{name!r} is not an id: {scenarios.ID_RULE}", hint=near)
    from promdrill.authoring.rules import LONGEST_ID  # noqa: PLC0415  slow to import, so only when needed
    from promdrill.drill.site import LONGEST_RELEASE  # noqa: PLC0415

    if len(name) > LONGEST_ID:
        rule = f"the limit is {LONGEST_ID}, because Helm limits release names to {LONGEST_RELEASE}"
        raise UsageError(f"{name} has {len(name)} characters; {rule}", hint=name[:LONGEST_ID].rstrip("-"))


def _drafts(name: str, like: str, there: Sequence[scenarios.ScenarioFolder]) -> Mapping[str, str]:
    """The files of a new scenario and their texts."""
    function = name.replace("-", "_")
    yaml_id = name if yaml.safe_load(name) == name else f'"{name}"'  # on, null, true
    texts = {f"test_{function}.py": _template("test.py.txt"), "runbook.md": _template("runbook.md")}
    for file, text in texts.items():
        named = text.replace("@id@", name).replace("@name@", function).replace("@yaml_id@", yaml_id)
        texts[file] = named.replace("@like@", like)
    return {**texts, "values.yaml": _values(name, like, there)}


def _template(file: str) -> str:
    return (resources.files("promdrill.cli") / "templates" / file).read_text(encoding="utf-8")


def _values(name: str, like: str, there: Sequence[scenarios.ScenarioFolder]) -> str:
    """The values of a scenario, with a new first line instead of the comments at the top."""
    found = {scenario.id: scenario for scenario in there}
    if like not in found:
        hint = f"--like {nearest(like, found)}" if found else ""
        raise UsageError(f"--like {like}: no such scenario; the scenarios are {', '.join(found) or 'none'}", hint=hint)
    install = scenarios.traits(found[like].test).install
    if install:
        raise UsageError(f"--like {like} has no Helm values: its install is {install}", hint="choose another scenario")
    file = found[like].folder / "values.yaml"
    text = reading.text_of(file)
    values = re.sub(r"\A(#.*\n|\s*\n)*", "", text)
    return f"# {name}: TODO what these values are for. They were copied from {like}.\n{values}"

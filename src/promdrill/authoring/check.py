"""``promdrill check``: find everything that is wrong with scenarios, at once and without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from promdrill.authoring import rules, tools
from promdrill.authoring.rules import Finding
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.request.scenarios import ScenarioFolder

__all__ = ["Finding", "check", "scenarios_in"]

Note = Callable[[str], None]


def scenarios_in(folder: Path) -> tuple[ScenarioFolder, ...]:
    """The scenarios in a folder: the folder itself, or those that it holds, half-written ones included.

    Raises:
        UsageError: It is not a folder, or has no scenario.
    """
    if not folder.is_dir():
        what = "is a file; name its folder" if folder.exists() else "no such folder"
        raise UsageError(f"{folder}: {what}", hint=f"ls {folder.parent}")
    folder = folder.resolve()
    if _is_scenario(folder):
        return (ScenarioFolder(folder.name, folder),)
    found = tuple(ScenarioFolder(each.name, each) for each in sorted(folder.iterdir()) if _is_scenario(each))
    if not found:
        message = f"{folder}: no scenarios; each is a folder <id> with a test_<id>.py, a runbook.md and a values.yaml"
        raise UsageError(message, hint=f"{paths.program()} new my-incident --scenarios {folder}")
    return found


def _is_scenario(folder: Path) -> bool:
    return folder.is_dir() and ((folder / "runbook.md").is_file() or any(folder.glob("test_*.py")))


def check(folders: Sequence[Path], *, note: Note, with_tools: bool = True) -> tuple[Finding, ...]:
    """Everything that is wrong with the scenarios of these folders, by file and line.

    The tests' code is executed, with a drill that runs nothing. No cluster is touched and no step of a runbook is run.

    Args:
        folders: Scenarios, or folders of scenarios.
        note: Called with a sentence for each thing that could not be checked, and why.
        with_tools: Whether to run ruff and mypy too, if they are installed.

    Raises:
        UsageError: A folder does not exist, or has no scenario.
        PromdrillError: A tool could not be run.
    """
    groups = [scenarios_in(folder) for folder in folders]
    found = [finding for group in groups for scenario in group for finding in _ours(scenario, note)]
    if with_tools:
        found += _tools(groups, note)
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.file, each.problem.line, each.problem.what)))


def _ours(scenario: ScenarioFolder, note: Note) -> Iterator[Finding]:
    static = [finding for rule in rules.STATIC for finding in rule(scenario)]
    yield from static
    if not all(finding.problem.what.startswith(rules.LEFT) for finding in static):
        note(f"{scenario.id}: the plan in the test was not checked; fix the other problems first")
        return
    yield from rules.plan(scenario, note)


def _tools(groups: Sequence[Sequence[ScenarioFolder]], note: Note) -> Iterator[Finding]:
    tests = [[scenario.test for scenario in group if scenario.test.is_file()] for group in groups]
    if (ruff := tools.command(tools.RUFF)) is None:
        note(f"style was not checked: {tools.RUFF} is not installed. Hint: {tools.MISSING}")
    if (mypy := tools.command(tools.MYPY)) is None:
        note(f"types were not checked: {tools.MYPY} is not installed. Hint: {tools.MISSING}")
    for group in filter(None, tests):
        yield from tools.style(ruff, group) if ruff else ()
        yield from tools.types(mypy, group) if mypy else ()

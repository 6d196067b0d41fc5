"""The unit tests that a change touches, nearest first: ``python -m tools.affected [--base main] [--seconds 40]``.

A change is everything that differs from the base: commits, uncommitted edits, and new files. A Python module touches
the tests that import it, themselves or through a helper in tests/unit; next those that import a module that imports it,
and so on. Any other file touches the tests that name it or its folder at the top of the checkout. The tests run in that
order until the time is up, and the script names what it did not run. It is a quick answer, not a proof: ``make test``
runs all tests.

pytest-testmon selects more exactly, but it must run every test once before its first answer.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest

from promdrill.cli.main import COMMANDS
from promdrill.core import shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import CommandFailed, UsageError

ROOT = Path(__file__).resolve().parents[1]

TESTS = Path("tests/unit")

GIT_TIMEOUT_S = 30.0

_OPTIONS = ("-q", "-p", "no:cacheprovider", "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
"""Options of pytest; the warning is about promdrill, which this script imports before pytest does."""

_NAMED = re.compile(r"promdrill(?:\.\w+)+")
"""A module that a test names in a string, as for monkeypatch."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A test file that a change touches.

    Attributes:
        file: Relative to the checkout.
        distance: Number of imports between it and the change; 0 if it changed itself.
    """

    file: Path
    distance: int


def changed(base: str) -> list[Path]:
    """Files that differ from the commit at which this branch left `base`, relative to the checkout.

    Raises:
        UsageError: There is no such commit.
    """
    try:
        fork = _git("merge-base", "HEAD", base).strip()
    except CommandFailed as error:
        raise UsageError(f"BASE={base}: not a commit of this checkout", hint="BASE=HEAD~1") from error
    differing = _git("diff", "--name-only", "--no-renames", "-z", fork).split("\0")
    new = _git("ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({Path(name) for name in (*differing, *new) if name})


def _git(*arguments: str) -> str:
    return shell.run(["git", *arguments], timeout_s=GIT_TIMEOUT_S, cwd=ROOT).stdout


def affected(
    files: Collection[Path], tests: Mapping[Path, str], importers: Mapping[str, Collection[str]]
) -> list[Affected]:
    """The tests that a change of `files` touches, nearest first.

    Args:
        files: What changed, relative to the checkout.
        tests: The text of each Python file of the tests, helpers too, by its path relative to the checkout.
        importers: Of each module of promdrill, the modules that import it; a package goes by its own name.
    """
    names = {file: _imported(text, importers) for file, text in tests.items()}
    modules = _distances({_dotted(file) for file in files} & importers.keys(), importers)
    others = [file for file in files if file not in tests and _dotted(file) not in importers]
    own: dict[Path, int] = {}
    for file, text in tests.items():
        distances = [modules[name] + 1 for name in names[file] if name in modules]
        distances += [1 for other in others if _dotted(other) in names[file] or _names(text, other)]
        distances += [0] if file in files else []
        if distances:
            own[file] = min(distances)
    reached = {file: [own[each] for each in _with_helpers(file, names) if each in own] for file in tests}
    found = [Affected(file, min(reached[file])) for file in tests if reached[file] and file.name.startswith("test_")]
    return sorted(found, key=lambda each: (each.distance, each.file))


def _dotted(file: Path) -> str:
    """The name under which a Python file is imported; for other files, a name that nobody imports."""
    parts = file.with_suffix("").parts if file.suffix == ".py" else (str(file),)
    return ".".join(parts[1:] if parts[0] == "src" else parts).removesuffix(".__init__")


def _distances(changed: Collection[str], importers: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Of each module that imports a changed one, itself or through others, the number of imports between them.

    A package that re-exports names of its own modules adds nothing.
    """
    found = dict.fromkeys(changed, 0)
    reached = list(changed)
    for name in reached:  # the list grows during the loop
        for each in importers[name]:
            distance = found[name] + (not name.startswith(f"{each}."))
            if distance < found.get(each, distance + 1):
                found[each] = distance
                reached.append(each)
    return found


def _imported(text: str, modules: Collection[str]) -> set[str]:
    """The names that a file of the tests imports, and the modules of promdrill that these are or lie in."""
    found = set(_NAMED.findall(text))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found | {name.rpartition(".")[0] for name in found if name not in modules}


def _with_helpers(file: Path, names: Mapping[Path, Collection[str]]) -> list[Path]:
    """The file, and the helpers that it imports, itself or through others."""
    found = [file]
    helpers = {_dotted(each): each for each in names if each != file}
    for each in found:  # the list grows during the loop
        found += sorted({helpers[name] for name in names[each] if name in helpers} - {*found})
    return found


def _names(text: str, file: Path) -> bool:
    """Whether a test names, in quotes, a file that is not imported, or its folder at the top of the checkout."""
    top = file.relative_to(TESTS).parts[0] if file.is_relative_to(TESTS) else file.parts[0]
    return re.search(rf"""["'/]{re.escape(top)}["'/]""", text) is not None


class Budget:
    """A pytest plugin that runs no further test once the time is up.

    Args:
        seconds: For how long tests may start.

    Attributes:
        left: The files with tests that were not run.
    """

    def __init__(self, seconds: float) -> None:
        self.left: dict[str, int] = {}
        self._until = SYSTEM.monotonic() + seconds

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Leave a test out once the time is up."""
        if SYSTEM.monotonic() < self._until:
            return None
        self.left[item.path.name] = self.left.get(item.path.name, 0) + 1
        return True


def importers() -> dict[str, set[str]]:
    """The importers of each module of promdrill; commands, which are imported by name when chosen, included."""
    graph = grimp.build_graph(
        "promdrill", exclude_type_checking_imports=True, cache_dir=str(ROOT / ".import_linter_cache")
    )
    for command in COMMANDS:
        graph.add_import(importer="promdrill.cli.main", imported=f"promdrill.cli.{command.module}")
    return {name: graph.find_modules_that_directly_import(name) for name in graph.modules}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests that the change touches. Returns pytest's exit code, 0 if there are none to run."""
    parser = argparse.ArgumentParser(prog="python -m tools.affected", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--base", default="main", help="commit to compare with (default: main)")
    parser.add_argument("--seconds", type=float, default=40.0, help="for how long tests may start (default: 40)")
    arguments = parser.parse_args(argv)
    try:
        files = changed(arguments.base)
    except UsageError as error:
        parser.error(str(error))
    tests = {file.relative_to(ROOT): file.read_text(encoding="utf-8") for file in (ROOT / TESTS).glob("*.py")}
    found = affected(files, tests, importers())
    _say(f"{len(files)} files differ from {arguments.base} and touch {len(found)} of {_count(tests)} unit test files")
    if not found:
        _say("no unit tests were run; make test runs them all")
        return 0
    budget = Budget(arguments.seconds)
    code = pytest.main([*_OPTIONS, *(str(each.file) for each in found)], plugins=[budget])
    for name, number in budget.left.items():
        _say(f"not run, out of time: {number} tests of {name}")
    _say(f"{_count(tests) - len(found)} unit test files are not affected and were not run; make test runs them all")
    return int(code)


def _count(tests: Iterable[Path]) -> int:
    return sum(file.name.startswith("test_") for file in tests)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())

"""Trying a mutant: the tests that run the changed line, in a copy of the checkout, the fastest first."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from promdrill.cli.run import OPTIONS
from promdrill.core import shell
from promdrill.core.errors import CommandFailed, CommandTimeout, PromdrillError
from tools import affected
from tools.mutants import in_order
from tools.mutants.changes import statement_lines
from tools.mutants.sample import ROOT, Mutant

LEARN_TIMEOUT_S = 3600.0

START_S = 60.0
"""Seconds that pytest may take before the first test, on a busy machine."""

PATIENCE = 4.0
"""A mutant whose tests take this many times as long as without it hangs, and so is caught."""

FEW = 25
"""Tests that are run first: they catch most mutants, and pytest has to collect few files for them."""

_PYTEST = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short")

_PASSED, _FAILED, _STOPPED, _INTERNAL, _USAGE = range(5)
"""pytest's exit codes; it is also stopped, or fails itself, when the changed code cannot be imported."""


class TestsFail(PromdrillError):
    """Tests fail without any change, so that they show nothing about a change."""

    __test__ = False


class Outcome(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    NO_TEST = "no test"

    @property
    def is_caught(self) -> bool:
        """Whether the tests noticed it."""
        return self in {Outcome.CAUGHT, Outcome.TIMED_OUT}


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutant that was tried.

    Attributes:
        mutant: The mutant.
        outcome: What became of it.
        tests: How many tests run the changed line.
        caught_by: The tests that failed; none if the code could not even be imported.
    """

    mutant: Mutant
    outcome: Outcome
    tests: int
    caught_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Learnt:
    """What one run of the tests showed.

    Attributes:
        took_s: Seconds that each test takes, by its id.
        lines: By file and line, the tests that run it. Lines that run only when a module is imported have none.
    """

    took_s: Mapping[str, float]
    lines: Mapping[str, Mapping[int, Collection[str]]]

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that a change should make fail, the fastest first.

        Of a line that runs when the module is imported, all tests that run any line of the module.
        """
        of_file = self.lines.get(str(mutant.file), {})
        span = [line for line in statement_lines(mutant.before, mutant.line) if line in of_file]
        at_import = any(not of_file[line] for line in span)
        found = {test for line in (of_file if at_import else span) for test in of_file[line]}
        return sorted(found, key=lambda test: (self.took_s[test], test))


class Copy:
    """A copy of the checkout, in which files may be changed and tests run.

    Args:
        folder: Of the copy.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_checkout(cls, folder: Path) -> Copy:
        """Copy every file that git has or would take."""
        listed = shell.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], timeout_s=60, cwd=ROOT
        ).stdout.split("\0")
        for name in filter(None, listed):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        # Python must notice each change, also one that leaves a file as long as it was, within a second.
        compiled = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src"]
        shell.run([sys.executable, *compiled], timeout_s=300, cwd=folder)
        return cls(folder)

    def again(self, folder: Path) -> Copy:
        """A copy of this copy."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Copy(folder)

    def learn(self, tests: Iterable[Path]) -> Learnt:
        """Run all tests of the files, once, and learn.

        Raises:
            TestsFail: Some fail.
        """
        notes = self.folder / "learnt.json"
        command = ["-p", "tools.mutants.learn", "--learn", str(notes), *map(str, tests)]
        try:
            self._pytest(command, timeout_s=LEARN_TIMEOUT_S, env={})
        except CommandFailed as error:
            raise TestsFail(
                f"the tests do not pass without any change:\n{error.output[-4000:]}", hint="make test"
            ) from error
        told = json.loads(notes.read_text())
        lines = {file: {int(line): tests for line, tests in each.items()} for file, each in told["lines"].items()}
        return Learnt(told["took_s"], lines)

    def attempt(self, mutant: Mutant, learnt: Learnt) -> Tried:
        """Run the tests that run the changed line, until one fails."""
        tests = learnt.tests(mutant)
        if not tests:
            return Tried(mutant, Outcome.NO_TEST, 0)
        file = self.folder / mutant.file
        file.write_text(mutant.after, encoding="utf-8")
        try:
            code, failed = self._in_order(tests[:FEW], learnt)
            if code == _PASSED and tests[FEW:]:
                code, failed = self._in_order(tests[FEW:], learnt)
        except CommandTimeout:
            return Tried(mutant, Outcome.TIMED_OUT, len(tests))
        finally:
            file.write_text(mutant.before, encoding="utf-8")
        outcome = Outcome.SURVIVED if code == _PASSED else Outcome.CAUGHT
        return Tried(mutant, outcome, len(tests), tuple(failed))

    def control(self, tried: Iterable[Tried], learnt: Learnt) -> None:
        """Run the tests that caught mutants, without any change.

        Raises:
            TestsFail: Some fail then too, so that they did not notice the mutants.
        """
        tests = sorted({test for each in tried for test in each.caught_by})
        if not tests:
            return
        code, failed = self._in_order(tests, learnt)
        if code != _PASSED:
            raise TestsFail(f"failed without any change: {', '.join(failed)}", hint="make these tests reliable")

    def _in_order(self, tests: Sequence[str], learnt: Learnt) -> tuple[int, list[str]]:
        """The exit code of pytest, and the tests that failed."""
        order = self.folder / "order.json"
        order.write_text(json.dumps(tests))
        failed = in_order.failed(order)
        failed.write_text("")
        files = dict.fromkeys(test.split("::")[0] for test in tests)
        command = ["-p", "tools.mutants.in_order", "--in-order", str(order), *files]
        timeout_s = START_S + PATIENCE * sum(learnt.took_s[test] for test in tests)
        ok = (_PASSED, _FAILED, _STOPPED, _INTERNAL, _USAGE)
        done = self._pytest(command, timeout_s=timeout_s, env={"PYTHONDONTWRITEBYTECODE": "1"}, ok=ok)
        return done.exit_code, [json.loads(line) for line in failed.read_text().splitlines()]

    def _pytest(
        self, arguments: Sequence[str], *, timeout_s: float, env: Mapping[str, str], ok: Iterable[int] = (_PASSED,)
    ) -> shell.Completed:
        return shell.run(
            [sys.executable, "-m", "pytest", *_PYTEST, *arguments],
            timeout_s=timeout_s,
            cwd=self.folder,
            env={**dict.fromkeys(OPTIONS, ""), "PYTHONPATH": str(self.folder / "src"), **env},
            ok=ok,
        )


def nearest_tests(changed: Collection[Path]) -> list[Path]:
    """The test files that import a changed file, themselves or through a helper."""
    tests = {file.relative_to(ROOT): file.read_text(encoding="utf-8") for file in (ROOT / affected.TESTS).glob("*.py")}
    return [each.file for each in affected.affected(changed, tests, affected.importers()) if each.distance <= 1]

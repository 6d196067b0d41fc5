"""``python -m tools.mutants [--number 150] [--seed 1] [--only path] [--jobs 1]``: how many changes the tests notice."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from promdrill.core.errors import PromdrillError
from tools.mutants import sample, trial
from tools.mutants.sample import Mutant
from tools.mutants.trial import Copy, Learnt, Tried

WANTED_PERCENT = 97.0
"""Percentage of the changes that the tests must notice."""


def main(argv: Sequence[str] | None = None) -> int:
    """Make the changes, run the tests, print what they noticed; 1 if that is too little."""
    parser = argparse.ArgumentParser(prog="make mutants", description="Change the code; see whether a test notices.")
    parser.add_argument("--number", type=int, default=150, help="changes to make (default: 150)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other changes (default: 1)")
    parser.add_argument("--only", help="change this file or folder only")
    parser.add_argument("--jobs", type=int, default=1, help="changes to try at a time (default: 1)")
    arguments = parser.parse_args(argv)
    try:
        files = sample.files(arguments.only)
        equivalent = sample.equivalents((sample.ROOT / sample.EQUIVALENT).read_text(encoding="utf-8"))
        mutants = sample.Pool(files, equivalent).sample(arguments.number, arguments.seed)
        with tempfile.TemporaryDirectory(prefix="promdrill-mutants-") as scratch:
            tried = _try_all(mutants, files, Path(scratch), arguments.jobs)
    except PromdrillError as error:
        _say(f"promdrill: {error}")
        return 2
    _say(report(tried))
    return 0 if _percent(tried) >= WANTED_PERCENT else 1


def _try_all(mutants: Sequence[Mutant], files: dict[Path, str], scratch: Path, jobs: int) -> list[Tried]:
    first = Copy.of_checkout(scratch / "1")
    tests = trial.nearest_tests(files)
    _say(f"{len(mutants)} changes; first, {len(tests)} test files run once without any change")
    learnt = first.learn(tests)
    copies = [first, *(first.again(scratch / str(number)) for number in range(2, jobs + 1))]
    tried = []
    for number, each in enumerate(_attempts(mutants, copies, learnt), 1):
        where = f"{each.mutant.file}:{each.mutant.line}"
        _say(f"{number:4}/{len(mutants)} {each.outcome:9} {where} ({each.mutant.kind}; {each.tests} tests)")
        tried.append(each)
    first.control(tried, learnt)
    return tried


def _attempts(mutants: Sequence[Mutant], copies: Sequence[Copy], learnt: Learnt) -> Iterator[Tried]:
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def attempt(mutant: Mutant) -> Tried:
        copy = free.get()
        try:
            return copy.attempt(mutant, learnt)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        yield from pool.map(attempt, mutants)


def report(tried: Sequence[Tried]) -> str:
    """The survivors, each as a diff, and a table by package."""
    lines = []
    for each in tried:
        if not each.outcome.is_caught:
            what = f"{each.tests} tests run this line and pass" if each.tests else "no test runs this line"
            lines.append(f"{each.mutant.file}:{each.mutant.line}: {what}\n{each.mutant.diff}")
    lines.append(f"{'':10}{'changes':>9}{'caught':>9}{'survived':>10}{'%':>8}")
    packages = dict.fromkeys(each.mutant.package for each in tried)
    lines += [_row(package, [each for each in tried if each.mutant.package == package]) for package in packages]
    lines.append(_row("together", tried))
    slow = sum(each.outcome is trial.Outcome.TIMED_OUT for each in tried)
    lines.append(f"{slow} of those caught made the tests hang. At least {WANTED_PERCENT:g} % must be caught.")
    return "\n".join(lines)


def _row(name: str, tried: Sequence[Tried]) -> str:
    caught = sum(each.outcome.is_caught for each in tried)
    return f"{name:10}{len(tried):9}{caught:9}{len(tried) - caught:10}{_percent(tried):8.1f}"


def _percent(tried: Sequence[Tried]) -> float:
    return 100 * sum(each.outcome.is_caught for each in tried) / len(tried) if tried else 0.0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())

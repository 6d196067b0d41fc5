"""Which changes are tried: a seeded sample, spread evenly over packages and kinds of operators."""

from __future__ import annotations

import difflib
import random
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promdrill.core.errors import UsageError
from tools.mutants.changes import Change, changes, is_change

ROOT = Path(__file__).resolve().parents[2]

PACKAGE = Path("src/promdrill")

PACKAGES = {
    "drill": ("drill",),
    "observe": ("observe",),
    "runbook": ("runbook",),
    "faults": ("faults",),
    "verdicts": ("results/expected.py", "incident/judge.py"),
}
"""What is changed: what decides whether a drill passed. Of each line of the table, the folders and files."""

EQUIVALENT = Path("tools/mutants/equivalent.toml")
"""Changes that no test can notice, each with the reason."""


@dataclass(frozen=True)
class Mutant:
    """A file after one change.

    Attributes:
        package: The line of the table that it belongs to.
        file: Relative to the checkout.
        kind: Of operator.
        line: Of the change.
        before: The file's text.
        after: The file's text after the change.
    """

    package: str
    file: Path
    kind: str
    line: int
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change, for `git apply`."""
        old, new = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(old, new, f"a/{self.file}", f"b/{self.file}"))

    @property
    def lines(self) -> tuple[str, str]:
        """The lines that differ, before and after, without what is around them."""
        old, new = self.before.splitlines(), self.after.splitlines()
        blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        differing = [each for each in blocks if each[0] != "equal"]
        first, last = differing[0], differing[-1]
        return "\n".join(old[first[1] : last[2]]).strip(), "\n".join(new[first[3] : last[4]]).strip()


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A change that no test can notice.

    Attributes:
        file: Relative to the checkout.
        line: The line before the change, without indentation; several lines where the change spans them.
        becomes: The line after it.
        reason: Why nothing can notice.
    """

    file: str
    line: str
    becomes: str
    reason: str


def files(only: str | None = None, root: Path = ROOT) -> dict[Path, str]:
    """The files to change, and their lines of the table.

    Args:
        only: A file or folder, relative to the checkout; all others are left out.
        root: The checkout.

    Raises:
        UsageError: Nothing under that path is ever changed.
    """
    found: dict[Path, str] = {}
    for package, parts in PACKAGES.items():
        for part in (root / PACKAGE / each for each in parts):
            for file in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
                found[file.relative_to(root)] = package
    if only:
        found = {file: package for file, package in found.items() if file.is_relative_to(only)}
    if not found:
        names = " ".join(str(PACKAGE / part) for parts in PACKAGES.values() for part in parts)
        raise UsageError(f"ONLY={only}: no code that is changed. It is one of, or under: {names}")
    return found


def equivalents(text: str) -> list[Equivalent]:
    """The entries of `EQUIVALENT`.

    Raises:
        UsageError: It is not what it should be.
    """
    try:
        entries = [Equivalent(**each) for each in tomllib.loads(text)["change"]]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{EQUIVALENT}: {error}", hint="each [[change]] has the strings file, line, becomes and reason"
        ) from error
    if nameless := [each.line for each in entries if not each.reason.strip()]:
        raise UsageError(f"{EQUIVALENT}: no reason for the change of: {nameless[0]}")
    return entries


class Pool:
    """All changes that can be made, less those that no test can notice.

    Args:
        found: The files to change, and their lines of the table.
        equivalent: Changes to leave out.
        root: The checkout.

    Raises:
        UsageError: An entry is no change that could be made to its file.
    """

    def __init__(self, found: Mapping[Path, str], equivalent: Iterable[Equivalent], root: Path = ROOT) -> None:
        self._texts = {file: (root / file).read_text(encoding="utf-8") for file in found}
        self._packages = found
        self._changes = {file: changes(text) for file, text in self._texts.items()}
        self._equivalent = {self._matched(entry) for entry in equivalent if Path(entry.file) in found}

    def sample(self, number: int, seed: int) -> list[Mutant]:
        """That many mutants, or all there are, the same for the same seed.

        The packages take turns; so do, in each package, the kinds of operators, while they last.
        """
        turns = [self._turns(package, seed) for package in dict.fromkeys(self._packages.values())]
        return [mutant for _, mutant in zip(range(number), _in_turn(turns), strict=False)]

    def _turns(self, package: str, seed: int) -> Iterator[Mutant]:
        kinds: dict[str, list[tuple[Path, Change]]] = {}
        for file, each in self._changes.items():
            for change in each if self._packages[file] == package else ():
                kinds.setdefault(change.kind, []).append((file, change))
        chance = random.Random(f"{seed} {package}")  # noqa: S311  a sample, no secret
        order = sorted(kinds)
        chance.shuffle(order)
        for kind in order:
            chance.shuffle(kinds[kind])
        made: set[tuple[Path, str]] = set()
        for mutant in _in_turn([self._mutants(kinds[kind]) for kind in order]):
            key = (mutant.file, mutant.after)
            if key not in made and key not in self._equivalent:
                made.add(key)
                yield mutant

    def _mutants(self, places: Sequence[tuple[Path, Change]]) -> Iterator[Mutant]:
        return (mutant for file, change in places if (mutant := self._mutant(file, change)))

    def _mutant(self, file: Path, change: Change) -> Mutant | None:
        before, after = self._texts[file], change.make()
        if after is None or not is_change(before, after):
            return None
        return Mutant(self._packages[file], file, change.kind, change.start[0], before, after)

    def _matched(self, entry: Equivalent) -> tuple[Path, str]:
        """The file and its text after the change of an entry."""
        file = Path(entry.file)
        text = self._texts[file]
        numbers = {text.count("\n", 0, at) + 1 for at in _all_places(text, entry.line)}
        span = range(entry.line.count("\n") + 1)
        for change in self._changes[file]:
            if not any(change.start[0] - line in span for line in numbers):
                continue
            mutant = self._mutant(file, change)
            if mutant and mutant.lines == (entry.line.strip(), entry.becomes.strip()):
                return file, mutant.after
        raise UsageError(
            f"{EQUIVALENT}: no change that could be made to {file} turns\n  {entry.line}\ninto\n  {entry.becomes}",
            hint="take the entry out, or write it as the code is now",
        )


def _all_places(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _in_turn(sources: Iterable[Iterator[Mutant]]) -> Iterator[Mutant]:
    """One of each source, then the next of each, until all are empty."""
    left = list(sources)
    while left:
        for each in list(left):
            mutant = next(each, None)
            if mutant is None:
                left.remove(each)
            else:
                yield mutant

"""Changes to the files that describe the drilled Prometheus; the cluster is not touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from promdrill.core.errors import UsageError
from promdrill.faults.base import FaultNotTaken, Ground
from promdrill.helm.values import edit as values


@dataclass(frozen=True, slots=True)
class Set:
    """Sets one value of a Helm values file, in the keys of prometheus 25.8.0; every other line stays as it is.

    Nothing inside a list can be set: Helm replaces lists as a whole, and so does this. `Replace` changes a line of a
    list.

    Attributes:
        path: Its keys, outermost first; or dotted, as in `server.extraFlags`, if no key contains a dot.
        value: The new value.
    """

    path: str | tuple[str, ...]
    value: Any

    def __str__(self) -> str:
        return f"set {'.'.join(self.keys)} to {self.value!r}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The path as a sequence of keys."""
        return tuple(self.path.split(".")) if isinstance(self.path, str) else self.path

    def here(self, ground: Ground) -> Set:
        """The same in the keys of what is installed, which may have others than prometheus 25.8.0."""
        return Set(*ground.installation.setting(self.keys, self.value))

    def changed(self, text: str) -> str:
        """The file's text with the value set; unchanged if it has that value already."""
        changed = values.set_value(text, self.keys, self.value)
        return text if values.load(changed) == values.load(text) else changed


@dataclass(frozen=True, slots=True)
class Replace:
    """Replaces one piece of text, as a typing error would. It must occur exactly once in all the files together.

    Attributes:
        old: The text that is there.
        new: The text that replaces it.
    """

    old: str
    new: str

    def __str__(self) -> str:
        return f"replace {self.old!r} with {self.new!r}"

    def here(self, _ground: Ground) -> Replace:
        """The same: the text is in the files as the scenario wrote it."""
        return self

    def changed(self, text: str) -> str:
        """The file's text with the piece replaced."""
        return text.replace(self.old, self.new)


Edit: TypeAlias = Set | Replace


Texts: TypeAlias = dict[Path, str]
"""Files, each with its whole text."""


def read(ground: Ground) -> Texts:
    """The files as they are."""
    return {file: file.read_text(encoding="utf-8") for file in ground.installation.files}


def write(texts: Texts) -> None:
    """Write each file's text."""
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")


def edited(texts: Texts, edits: Sequence[Edit]) -> Texts:
    """The files after all edits, made one after the other; nothing is written.

    Raises:
        FaultNotTaken: An edit finds nothing to change, or more than one place.
        UsageError: An edit would turn a list into something else.
    """
    after = dict(texts)
    for edit in edits:
        file = _place(edit, after)
        if isinstance(edit, Set):
            _refuse_lists(edit, file, after[file])
        changed = edit.changed(after[file])
        if changed == after[file]:
            raise FaultNotTaken(f"{edit}: {file.name} already says so")
        after[file] = changed
    return after


def _refuse_lists(edit: Set, file: Path, text: str) -> None:
    found = values.list_at(text, edit.keys, edit.value)
    if found is None:
        return
    path, line = found
    shown = text.splitlines()[line - 1].strip()
    message = f"{file}:{line}: {edit}: {path} is a list, and Helm replaces lists as a whole"
    raise UsageError(message, hint=f"Replace({shown!r}, ...) changes that line, Set({path!r}, [...]) the whole list")


def _place(edit: Edit, texts: Texts) -> Path:
    if isinstance(edit, Set):
        return next(iter(texts))
    found = [(file, text.count(edit.old)) for file, text in texts.items() if edit.old in text]
    if len(found) != 1 or found[0][1] != 1:
        times = sum(count for _, count in found)
        raise FaultNotTaken(
            f"{edit}: found {times} times in {', '.join(file.name for file in texts)}; it must be there exactly once"
        )
    return found[0][0]

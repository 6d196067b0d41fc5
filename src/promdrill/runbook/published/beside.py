"""The small file beside a published runbook, ``disk.drill.toml`` beside ``disk.md``: what its text cannot say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promdrill.core import reading, toml_read
from promdrill.core.choices import nearest
from promdrill.core.errors import UsageError
from promdrill.runbook.published.roles import Role, cleaned

SUFFIX = ".drill.toml"

KEYS = ("skip", "tools", "sections", "values", "words", "answers")
"""What the file may say, in the order of the documentation."""

_ROLES = {"diagnosis": Role.DIAGNOSIS, "remedy": Role.REMEDY, "proof": Role.PROOF, "not run": Role.NOT_RUN}
_LINES = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")


@dataclass(frozen=True, slots=True)
class Beside:
    """What a user says about a published runbook.

    Attributes:
        path: The file; None if there is none.
        headings: Role of a section by its heading, in lower case.
        ranges: Role of lines: first, last, role.
        skipped: Ranges of lines whose commands are left out.
        tools: Programs that are run although a drill would not.
        values: Value of a placeholder by its name or by how it is written.
        words: Other names in commands, and what a drill calls that.
        answers: Line of a command to the command to run instead.
    """

    path: Path | None = None
    headings: Mapping[str, Role] = field(default_factory=dict)
    ranges: tuple[tuple[int, int, Role], ...] = ()
    skipped: tuple[tuple[int, int], ...] = ()
    tools: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[int, str] = field(default_factory=dict)

    def role(self, line: int) -> Role | None:
        """The role that the file gives to a line; None if it says nothing of it."""
        return next((role for first, last, role in self.ranges if first <= line <= last), None)

    def skips(self, line: int) -> bool:
        """Whether a command that begins in this line is left out."""
        return any(first <= line <= last for first, last in self.skipped)


def of(runbook: Path) -> Path:
    """Where the file of a runbook lies."""
    return runbook.with_name(runbook.name.removesuffix(".md") + SUFFIX)


def read(runbook: Path) -> Beside:
    """The file beside a runbook; an empty one if there is none.

    Raises:
        UsageError: It cannot be read, is not TOML, or says something that has no meaning; with file and line.
    """
    file = of(runbook)
    if not file.is_file():
        return Beside()
    text = reading.text_of(file)
    return _Reader(file, text).read(toml_read.value_of(text, said=str(file)))


def bindings(texts: list[str] | tuple[str, ...], *, said: str) -> dict[str, str]:
    """Values of placeholders as typed: ``pvc=data,size=2Gi``.

    Args:
        texts: What was typed after each such option.
        said: The option's name, for messages.

    Raises:
        UsageError: One is not ``name=value``.
    """
    found = {}
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        name, equals, value = part.partition("=")
        if not (equals and name.strip() and value):
            raise UsageError(f"{said} {reading.shown(part)}: not name=value", hint=f"{said} pvc=data,new-size=2Gi")
        found[name.strip()] = value
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file."""

    file: Path
    text: str

    def read(self, data: Mapping[str, Any]) -> Beside:
        for key in data:
            if key not in KEYS:
                raise self._wrong(key, f"unknown key {key}", nearest(key, KEYS))
        headings, ranges = self._sections(self._table(data, "sections"))
        return Beside(
            path=self.file,
            headings=headings,
            ranges=ranges,
            skipped=tuple(self._range(str(item), "skip") for item in self._list(data, "skip")),
            tools=frozenset(str(item) for item in self._list(data, "tools")),
            values=self._table(data, "values"),
            words=self._table(data, "words"),
            answers={self._line(key): value for key, value in self._table(data, "answers").items()},
        )

    def _sections(self, table: Mapping[str, str]) -> tuple[dict[str, Role], tuple[tuple[int, int, Role], ...]]:
        headings, ranges = {}, []
        for key, value in table.items():
            if value not in _ROLES:
                raise self._wrong(key, f"sections: {value!r} is not one of {', '.join(_ROLES)}", nearest(value, _ROLES))
            if _LINES.fullmatch(key):
                ranges.append((*self._range(key, "sections"), _ROLES[value]))
            else:
                headings[cleaned(key)] = _ROLES[value]
        return headings, tuple(ranges)

    def _table(self, data: Mapping[str, Any], name: str) -> dict[str, str]:
        table = data.get(name, {})
        if not isinstance(table, dict):
            raise self._wrong(name, f"{name} must be a table", f"[{name}]")
        for key, value in table.items():
            if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
                raise self._wrong(key, f"{name}: the value of {key} must be a text that is not empty", f'{key} = "..."')
        return {key: str(value) for key, value in table.items()}

    def _list(self, data: Mapping[str, Any], name: str) -> list[Any]:
        found = data.get(name, [])
        if not isinstance(found, list) or any(isinstance(item, bool | dict | list) for item in found):
            raise self._wrong(name, f"{name} must be a list", f"{name} = [{'31' if name == 'skip' else ''}]")
        return found

    def _range(self, text: str, name: str) -> tuple[int, int]:
        found = _LINES.fullmatch(text.strip())
        if found is None or int(found[2] or found[1]) < int(found[1]):
            raise self._wrong(name, f"{name}: {text!r} is neither a line nor a range of lines", '31, "40-52"')
        return int(found[1]), int(found[2] or found[1])

    def _line(self, text: str) -> int:
        if not re.fullmatch("[0-9]{1,6}", text):
            raise self._wrong(text, f"answers: {text!r} is not the number of a line", '31 = "kubectl ..."')
        return int(text)

    def _wrong(self, key: str, what: str, hint: str) -> UsageError:
        lines = self.text.splitlines()
        at = next((number for number, line in enumerate(lines, 1) if key in line.partition("#")[0]), 1)
        return UsageError(f"{self.file}:{at}: {what}", hint=hint)

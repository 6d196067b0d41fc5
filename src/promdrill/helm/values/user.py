"""The user's values beneath what a drill needs: which of them are used, and which are not, in words.

A drill needs everything that its scenario's values.yaml sets, and that wins. One exception: a component that the drill
merely ignores is off there, and the user may turn it on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from promdrill.core import reading
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.core.redact import redact
from promdrill.helm.compatibility.rows import FIXED
from promdrill.helm.compatibility.table import Difference, Kind, at, keys, meant, nested, text_of
from promdrill.helm.values import assignments, nesting
from promdrill.helm.values.assignments import Assignment

Keys = tuple[str, ...]
Place = Callable[[Keys], str]

SHOWN = 60
"""Characters of a value that a message shows."""

_KINDS = {"str": "a text", "list": "a list", "bool": "true or false", "int": "a number", "float": "a number"}


@dataclass(frozen=True, slots=True)
class Conflict:
    """A user's value that is not used, because the drill needs another one.

    Attributes:
        path: The key.
        theirs: The user's value.
        drills: What the drill needs, in YAML, or in words if it is not a single value.
        place: The file and line of the user's value.
        why: Why the drill needs another one.
    """

    path: str
    theirs: Any
    drills: str
    place: str = ""
    why: str = ""

    def __str__(self) -> str:
        theirs = _said(self.path, self.theirs)
        return f"{self.path}: yours is {theirs}, the drill needs {self.drills}; using the drill's"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The part of the user's values that is laid over the scenario's.

    Attributes:
        layer: The values.
        conflicts: The values that were left out.
    """

    layer: dict[str, Any]
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """One of the user's files.

    Attributes:
        path: The file.
        text: Its text.
        steps: The way to the values in it, as in `promdrill.helm.values.nesting`; empty if it has nothing else.
    """

    path: Path
    text: str
    steps: nesting.Steps = ()

    @classmethod
    def read(cls, path: Path) -> ValuesFile:
        """Read a file, and find the values in it.

        Raises:
            UsageError: It cannot be read, or has no values.
        """
        file = cls(path, reading.text_of(path, said=f"VALUES={path}"))
        file = replace(file, steps=nesting.steps_in(file.text, said=file.said))
        found = file.part.value
        if not isinstance(found, dict | None):
            kind = _KINDS.get(type(found).__name__, type(found).__name__)
            what = f"must be a mapping of Helm values, not {kind}"
            raise UsageError(f"{file.said}:{nesting.line_of(file.part)}: {what}", hint="name: value")
        return file

    @property
    def said(self) -> str:
        """What messages call it."""
        return f"VALUES={self.path}"

    @property
    def part(self) -> nesting.Part:
        """The part with the values."""
        return nesting.part_at(self.text, self.steps, said=self.said)

    def below(self, key: str) -> ValuesFile:
        """The same file, of whose values only those below a key are meant, if it has them."""
        values = self.part.value or {}
        return replace(self, steps=(*self.steps, key)) if isinstance(values.get(key), Mapping) else self

    def line_of(self, path: Keys) -> tuple[int, int | None]:
        """How many of these keys it has, outermost first, and the line of the last of them."""
        part = self.part
        node, line, depth = part.node, None, 0
        for key in path:
            found = nesting.pair(node, key)
            if found is None:
                break
            name, node = found
            line, depth = part.first_line + name.start_mark.line, depth + 1
        return depth, line

    def repeated(self) -> Iterator[tuple[Keys, str, int]]:
        """Keys that it has again further down in the same mapping: the path, the place, and the line that counts."""
        part = self.part
        for path, line, last in nesting.repeated(part.node):
            yield path, f"{self.said}:{part.first_line + line}", part.first_line + last

    def line_with(self, value: str) -> int | None:
        """The first line that has this text as a value or as an item of a list; None if there is none."""
        part = self.part
        left = [part.node]
        lines = []
        while left:
            node = left.pop()
            if isinstance(node, yaml.MappingNode):
                left += [child for _, child in node.value]
            elif isinstance(node, yaml.SequenceNode):
                left += node.value
            elif isinstance(node, yaml.ScalarNode) and node.value == value:
                lines.append(part.first_line + node.start_mark.line)
        return min(lines, default=None)


@dataclass(frozen=True, slots=True)
class Own:
    """The user's own values: of files, the later over the earlier, and of ``--set`` over those.

    Attributes:
        files: The files.
        assigned: What ``--set`` says.
        values: The values, merged as Helm merges them.
    """

    files: tuple[ValuesFile, ...]
    assigned: tuple[Assignment, ...]
    values: dict[str, Any]

    @classmethod
    def read(cls, *paths: Path, assigned: str = "") -> Own:
        """Read files, and what ``--set`` says.

        Raises:
            UsageError: One cannot be read, or has no values; or `assigned` is not what ``--set`` takes.
        """
        read = _below_one_key([ValuesFile.read(path) for path in paths])
        values = dict[str, Any]()
        for file in read:
            values = merged(values, file.part.value or {})
        given = assignments.read(assigned)
        for each in given:
            values = merged(values, nested(each.path, each.value))
        return cls(tuple(read), given, values)

    def fits(self, defaults: Mapping[str, Any]) -> None:
        """Refuse a single value where the chart has a mapping; Helm only warns about it, and its templates then fail.

        Args:
            defaults: The chart's own values.

        Raises:
            UsageError: There is such a value.
        """
        for path, theirs in leaves(self.values):
            charts = at(defaults, path)
            if isinstance(charts, Mapping) and charts and not isinstance(theirs, Mapping | None):
                raise clash(self.place(path), path, theirs, "the chart has several values (a mapping)")

    def path_of(self, value: str) -> Keys | None:
        """The key of a value; None if there is none, or several have it."""
        found = [path for path, theirs in leaves(self.values) if str(theirs) == value]
        return found[0] if len(found) == 1 else None

    def place_of(self, value: str) -> str:
        """Where a text is a value or an item of a list; empty if it is nowhere, as where a template makes it."""
        lines = ((file, file.line_with(value)) for file in reversed(self.files))
        found = next((f"{file.said}:{line}" for file, line in lines if line is not None), "")
        return next((f"SET={text_of(each.path)}" for each in self.assigned if str(each.value) == value), found)

    def place(self, path: Keys) -> str:
        """Where a value is set, or the nearest key above it: the file and line that count, or the assignment."""
        for each in reversed(self.assigned):
            if path[: len(each.path)] == each.path:
                return f"SET={text_of(each.path)}"
        best, said = 0, self.files[-1].said if self.files else "SET"
        for file in reversed(self.files):
            depth, line = file.line_of(path)
            if depth > best:
                best, said = depth, f"{file.said}:{line}"
        return said


def _below_one_key(files: Sequence[ValuesFile]) -> list[ValuesFile]:
    """The files, and of those of an umbrella chart what it hands to Prometheus' chart.

    One of them shows the key; another may set so little below it that it alone would not show whose it is.
    """
    values = [file.part.value or {} for file in files]
    found = [nesting.key_in(each) for each in values]
    shown = next(filter(None, found), None)
    read = []
    for file, each, own in zip(files, values, found, strict=True):
        key = own if own is not None or nesting.tells(each) else shown
        read.append(file.below(key) if key is not None else file)
    return read


def resolve(
    needed: Mapping[str, Any], own: Mapping[str, Any], rules: Iterable[Difference], place: Place = text_of
) -> Resolved:
    """Lay the user's values over what a drill needs.

    Args:
        needed: What the drill needs: the scenario's values, also under the chart's own keys.
        own: The user's values.
        rules: Rows of the table that apply to the chart: its switches, and what every drill needs.
        place: Returns the file and line of a user's value, for an error.

    Raises:
        UsageError: The user sets a single value where the drill sets values below it.
    """
    rows = tuple(rules)
    judge = _Judge(
        needed,
        own,
        {keys(row.what): row for row in rows if row.kind in FIXED},
        {keys(row.what): keys(row.detail) for row in rows if row.kind is Kind.SWITCH},
        place,
        yielding=frozenset(keys(row.what) for row in rows if row.kind is Kind.YIELD),
    )
    layer: dict[str, Any] = {}
    conflicts: dict[str, Conflict] = {}
    for path, theirs in leaves(own):
        verdict = judge.of(path, theirs)
        if verdict is _TAKEN:
            layer = merged(layer, nested(path, theirs))
        elif isinstance(verdict, Conflict):
            conflicts[verdict.path] = verdict
            if path in judge.required:  # the chart's own default may be off
                layer = merged(layer, nested(path, True))
    return Resolved(layer, tuple(conflicts.values()))


def leaves(values: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Paths and values of everything except non-empty mappings."""
    for key, value in values.items():
        path = (*above, str(key))
        if isinstance(value, Mapping) and value:
            yield from leaves(value, path)
        else:
            yield path, value


def shown(value: Any) -> str:
    """A value as YAML on one line, shortened if it is long."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False).strip()
    text = text.removesuffix("...").strip()
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _said(path: str, theirs: Any) -> str:
    """A user's value in a message; what looks like a credential is not shown."""
    key = path.rpartition(".")[2]
    return shown(redact({key: theirs})[key])


_TAKEN, _SAME = "taken", "same"


class _Judge:
    """What happens to one user's value."""

    def __init__(
        self,
        needed: Mapping[str, Any],
        own: Mapping[str, Any],
        fixed: Mapping[Keys, Difference],
        switches: Mapping[Keys, Keys],
        place: Place,
        *,
        yielding: frozenset[Keys],
    ) -> None:
        self._needed, self._own, self._fixed, self._switches, self._place = needed, own, fixed, switches, place
        self._yielding = yielding
        self.required = {path for path, below in switches.items() if self._uses(path, below)}

    def of(self, path: Keys, theirs: Any) -> Conflict | str:
        """`_TAKEN`, `_SAME` (as the drill has it), or the conflict."""
        row = self._fixed.get(path)
        if row is not None and not row.detail:
            if not theirs:
                return _SAME
            return Conflict(text_of(path), theirs, "one of its own", self._place(path), row.source)
        here: Any = self._needed
        for depth, key in enumerate(path):
            if not isinstance(here, Mapping):  # the drill has one value where the user has a mapping
                return self._conflict(path[:depth], here)
            if key not in here:
                return self._unsaid(path, theirs)
            here = here[key]
        return self._said(path, theirs, here)

    def _said(self, path: Keys, theirs: Any, drills: Any) -> Conflict | str:
        if _same(theirs, drills):
            return _SAME
        if isinstance(drills, Mapping):
            if isinstance(theirs, Mapping):  # an empty one adds nothing
                return _SAME
            if theirs is not None:
                raise clash(self._place(path), path, theirs, "the drill needs several values (a mapping)")
        if path in self._yielding and theirs is not None:
            return _TAKEN
        if path in self._switches:
            if not isinstance(theirs, bool | None):
                raise clash(self._place(path), path, theirs, "the drill needs true or false")
            if drills is False and theirs:
                return _TAKEN
        return self._conflict(path, drills)

    def _unsaid(self, path: Keys, theirs: Any) -> Conflict | str:
        if path in self.required and not theirs:
            return self._conflict(path, drills=True, why="the scenario uses it")
        for fixed, row in self._fixed.items():
            if path[: len(fixed)] == fixed:
                yours, wanted = at(self._own, fixed), meant(row)
                if _same(yours, wanted) or (not yours and not wanted):
                    return _SAME
                return self._conflict(fixed, wanted, row.source)
        return _TAKEN

    def _uses(self, path: Keys, below: Keys) -> bool:
        """Whether the drill sets more of a component than whether it is on."""
        component = at(self._needed, below)
        return isinstance(component, Mapping) and any((*below, key) != path and key != "enabled" for key in component)

    def _conflict(self, path: Keys, drills: Any, why: str = "the scenario sets it") -> Conflict:
        return Conflict(text_of(path), at(self._own, path), shown(drills), self._place(path), why)


def clash(place: str, path: Keys, theirs: Any, wanted: str) -> UsageError:
    """The error for a value of the wrong type.

    Args:
        place: File and line.
        path: The key.
        theirs: The user's value.
        wanted: What is expected there, as a sentence.
    """
    found = _KINDS.get(type(theirs).__name__, f"a {type(theirs).__name__}")
    return UsageError(
        f"{place}: {text_of(path)}: {found} ({_said(text_of(path), theirs)}), where {wanted}",
        hint=f"remove {text_of(path)}, or use the type that the chart's values.yaml has",
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal, without Python's 1 == True."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)

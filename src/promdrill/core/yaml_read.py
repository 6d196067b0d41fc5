"""Read YAML that anybody may have written: what is wrong with it is one error with its line, whatever it is.

libyaml recurses without a limit, and Python's constructors raise whatever int() and datetime() raise. So depth and size
are counted first, on the parser's events, which need no stack; and what cannot be constructed is an error of YAML.

Only yaml and the standard library are imported, as in `promdrill.core.yaml_edit`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from promdrill.core.errors import UsageError

DEEPEST = 100
"""Most levels of a document: a Kubernetes object has some twenty."""

MOST_ALIASED = 100_000
"""Most values that the aliases of a document stand for: five times those of the largest chart."""

LARGEST = 2**53
"""Largest number: Helm turns YAML into JSON, whose numbers are exact up to it, and has no infinity."""

HINT = "correct it; a text may need quotes"

T = TypeVar("T")

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MERGE = "tag:yaml.org,2002:merge"
"""The tag of a key that takes over the pairs of another mapping: ``<<``."""


class Loader(_BASE):  # type: ignore[misc]  # libyaml where PyYAML was built with it: ten times as fast
    """A safe loader whose every error has a place."""

    exact = True
    """Whether to refuse a number beyond `LARGEST`."""
    unique = True
    """Whether to refuse a key that appears twice; otherwise the last one counts."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        """Construct one node; what Python says of an impossible value becomes an error of YAML."""
        try:
            value = super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            what = f"{_short(node)} is not a valid {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from error
        if self.exact and isinstance(value, int | float) and not abs(value) <= LARGEST:  # NaN is not below anything
            what = f"{_short(node)} is a number that loses digits on its way to Helm"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)
        return value

    def construct_mapping(self, node: Node, deep: bool = False) -> Any:
        """Construct a mapping whose keys differ."""
        if isinstance(node, MappingNode) and self.unique:
            seen: set[Hashable] = set()
            for key, _ in node.value:
                if isinstance(key, ScalarNode) and key.tag != MERGE:
                    if (key.tag, key.value) in seen:
                        what = f"the key {_short(key)} appears twice"
                        raise yaml.constructor.ConstructorError(None, None, what, key.start_mark)
                    seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


class Values(Loader):
    """As Helm reads a user's values: of a key that appears twice the last one counts."""

    unique = False


class Lenient(Values):
    """As Helm reads a chart: likewise, and a number may lose digits."""

    exact = False


# `=` is text; PyYAML has a type for it, and no value
Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))


def check(text: str, *, said: str, first_line: int = 1) -> None:
    """Refuse what is no YAML, is nested too deeply, or is too large once its aliases are followed.

    Args:
        text: The YAML.
        said: What messages call it, such as its file.
        first_line: The line of the file in which the text begins.

    Raises:
        UsageError: It is one of these, with the line and the column.
    """
    try:
        _measure(text)
    except yaml.YAMLError as error:
        raise wrong(error, text, said, first_line) from error


def node_of(text: str, *, said: str, first_line: int = 1) -> Node | None:
    """The outermost node of a text with one document; None if it is empty. Arguments and errors are as in `check`."""
    check(text, said=said, first_line=first_line)
    try:
        return yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise wrong(error, text, said, first_line) from error


def nodes_of(text: str, *, said: str) -> list[Node]:
    """The outermost node of each document of a text. Arguments and errors are as in `check`."""
    check(text, said=said)
    try:
        return list(yaml.compose_all(text, Loader=Loader))
    except yaml.YAMLError as error:
        raise wrong(error, text, said) from error


def value_of(text: str, *, said: str, first_line: int = 1, loader: type[Loader] = Loader) -> Any:
    """What a text with one document says; None if it is empty.

    Args:
        text: As for `check`.
        said: As for `check`.
        first_line: As for `check`.
        loader: `Values` for a user's values, `Lenient` for the files of a chart.

    Raises:
        UsageError: As `check`; or a value is impossible, or a key appears twice.
    """
    check(text, said=said, first_line=first_line)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506  a safe one
    except yaml.YAMLError as error:
        raise wrong(error, text, said, first_line) from error


def values_of(text: str, *, said: str, loader: type[Loader] = Lenient) -> list[Any]:
    """What each document of a text says. Arguments and errors are those of `value_of`."""
    check(text, said=said)
    try:
        return list(yaml.load_all(text, Loader=loader))
    except yaml.YAMLError as error:
        raise wrong(error, text, said) from error


def wrong(error: yaml.YAMLError, text: str, said: str, first_line: int = 1) -> UsageError:
    """The error for YAML that cannot be read: ``file:line:column: not YAML: why``."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "context", None) or getattr(error, "reason", None)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    position = getattr(error, "position", None)
    if mark is None and isinstance(position, int):
        before = text[:position]
        line, column = before.count("\n"), position - before.rfind("\n") - 1
    return UsageError(f"{said}:{line + first_line}:{column + 1}: not YAML: {what or error}", hint=HINT)


def _measure(text: str) -> None:
    """Raise an error of YAML for a document that is too deep or too large."""
    size = _Size()
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            size = _Size()
        elif isinstance(event, yaml.CollectionStartEvent):
            size.begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            size.end()
        elif isinstance(event, yaml.AliasEvent):
            size.again(event)
        elif isinstance(event, yaml.ScalarEvent):
            size.values += 1


class _Size:
    """How deep and how large one document is.

    Attributes:
        values: Keys, values and items so far, where an alias counts as all that it stands for.
    """

    def __init__(self) -> None:
        self.values = 0
        self._aliased = 0
        self._anchored: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = []

    def begin(self, event: yaml.CollectionStartEvent) -> None:
        """A mapping or a list begins."""
        self._open.append((event.anchor, self.values))
        self.values += 1
        if len(self._open) > DEEPEST:
            raise _refusal(f"nested more than {DEEPEST} levels deep", event)

    def end(self) -> None:
        """The innermost one ends."""
        anchor, before = self._open.pop()
        if anchor is not None:
            self._anchored[anchor] = self.values - before

    def again(self, event: yaml.AliasEvent) -> None:
        """An alias repeats what was said before."""
        if event.anchor in {anchor for anchor, _ in self._open}:
            raise _refusal(f"*{event.anchor} contains itself", event)
        size = self._anchored.get(event.anchor or "", 1)
        self.values += size
        self._aliased += size
        if self._aliased > MOST_ALIASED:
            raise _refusal(f"aliases that stand for more than {MOST_ALIASED} values", event)


def _refusal(what: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, what, event.start_mark)  # type: ignore[arg-type]  # libyaml's mark


def _short(node: Node) -> str:
    text = (str(node.value) or "an empty text") if isinstance(node, ScalarNode) else "this"
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004  enough to recognise it

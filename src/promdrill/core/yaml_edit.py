"""Edit one YAML document in place: everything else keeps its words, its quotes, its comments and its line ends.

Loading a file and dumping it again drops comments and moves lines, and a runbook edits the same file by its lines. So
the text is changed where the YAML parser found the node.

Only yaml and the standard library are imported: this runs within every `helm install`, `upgrade` and `template` of an
old chart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: ten times as fast, and its marks count characters too."""

QUOTES = ("'", '"')
BLOCK_STYLES = ("|", ">")

Pair = tuple[Node, Node]


class Refused(Exception):
    """A document that cannot be edited, with the reason."""


class Document:
    """The text of one YAML document, its nodes, and the edits to make.

    `put`, `put_pair`, `add` and `drop` edit nodes; `edited` returns the text with these edits. `set_value` and `merge`
    edit values by their keys.

    Args:
        text: The document, with or without its ``---``.

    Attributes:
        root: The document's outermost node; None when it has no content.

    Raises:
        Refused: It is not one YAML document.
    """

    root: Node | None

    def __init__(self, text: str) -> None:
        self._read(text)

    def _read(self, text: str) -> None:
        try:
            self.root = yaml.compose(text, Loader=LOADER)
        except yaml.YAMLError as error:
            raise Refused(f"not one YAML document: {error}") from error
        self._text = text
        self._edits: dict[tuple[int, int], str] = {}
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def edited(self) -> str:
        """The text with the edits.

        Raises:
            Refused: They do not leave one YAML document: an anchor went whose alias stayed, say.
        """
        text = self._text
        for (start, end), new in sorted(self._edits.items(), reverse=True):
            text = text[:start] + new + text[end:]
        Document(text)
        return text

    def set_value(self, path: Sequence[str], value: Any) -> None:
        """Replace the value at a path, or add it behind the others of its mapping.

        The document is read again afterwards; nodes found before no longer belong to it.

        Args:
            path: The keys, outermost first.
            value: Anything that YAML can write.

        Raises:
            Refused: The document is not a mapping, or the value cannot be set without other changes (anchors, say).
        """
        self._read(self.edited())
        wanted = self._values()
        _put(wanted, path, value)
        name = ".".join(path)
        self._set(path, value)
        try:
            self._read(self.edited())
        except Refused as error:
            raise Refused(f"{name} cannot be set in place") from error
        if self._values() != wanted:
            raise Refused(f"{name} cannot be set in place")

    def merge(self, additions: Mapping[str, Any]) -> None:
        """Lay values over the document as Helm does: mappings are merged, anything else is replaced.

        Raises:
            Refused: As `set_value`.
        """
        for path, value in _leaves(additions):
            self.set_value(path, value)

    def remove(self, path: Sequence[str]) -> None:
        """Remove what is at a path, with the comments in it; a mapping of which nothing is left stays, as ``{}``.

        The document is read again afterwards; nodes found before no longer belong to it.

        Raises:
            Refused: As `set_value`.
        """
        self._read(self.edited())
        above = find(self.root, *path[:-1])
        pair = find_pair(above, path[-1])
        if pair is None or not isinstance(above, MappingNode):
            return
        if len(above.value) == 1 or above.flow_style:
            self.set_value(path[:-1], {key: value for key, value in self._at(path[:-1]).items() if key != path[-1]})
            return
        wanted = self._values()
        _drop(wanted, path)
        start, end = self._text.rfind("\n", 0, _span(pair[0])[0]) + 1, self._text.find("\n", self._end(pair[1])) + 1
        self._edits[start, end or len(self._text)] = ""
        self._read(self.edited())
        if self._values() != wanted:
            raise Refused(f"{'.'.join(path)} cannot be removed in place")

    def put(self, scalar: Node, value: str) -> None:
        """Replace the text of a scalar, within its quotes if it has any."""
        start, end = _span(scalar)
        inside = int(isinstance(scalar, ScalarNode) and scalar.style in QUOTES)
        self._edits[start + inside, end - inside] = value

    def put_pair(self, pair: Pair, key: str, value: str) -> None:
        """Replace a pair by another key and another value, as JSON.

        Raises:
            Refused: The value is an alias, or is written over several lines.
        """
        self._edits[self._within(pair)] = f"{self._key(key, pair[0])}: {value}"

    def add(self, mapping: MappingNode, key: str, value: str) -> None:
        """Add a key with a value, as JSON, before the others of a mapping."""
        start = _span(mapping)[0]
        if not mapping.value:
            self._edits[start + 1, start + 1] = f"{json.dumps(key)}: {value}"
            return
        first = mapping.value[0][0]
        after = ", " if mapping.flow_style else self._newline + " " * first.start_mark.column
        start = _span(first)[0]
        self._edits[start, start] = f"{self._key(key, first)}: {value}{after}"

    def drop(self, mapping: MappingNode, pair: Pair) -> None:
        """Remove a pair with a one-line value from a mapping.

        Raises:
            Refused: The value is an alias, or is written over several lines; or it is the mapping's only pair.
        """
        at, (start, end) = mapping.value.index(pair), self._within(pair)
        if len(mapping.value) == 1:
            raise Refused(f"{text_of(pair[0])} is the only key of its mapping")
        if at == 0:
            self._edits[start, _span(mapping.value[1][0])[0]] = ""
        elif mapping.flow_style:
            self._edits[_span(mapping.value[at - 1][1])[1], end] = ""
        else:
            line_end = self._text.find("\n", end)
            self._edits[self._text.rfind("\n", 0, start) + 1, line_end + 1 if line_end >= 0 else len(self._text)] = ""

    def _within(self, pair: Pair) -> tuple[int, int]:
        (start, key_end), (value_start, end) = _span(pair[0]), _span(pair[1])
        block = isinstance(pair[1], ScalarNode) and pair[1].style in BLOCK_STYLES
        if value_start < key_end or block or "\n" in self._text[start:end]:
            raise Refused(f"{text_of(pair[0])} is an alias, or is not written on one line")
        return start, end

    def _key(self, key: str, like: Node) -> str:
        return json.dumps(key) if isinstance(like, ScalarNode) and like.style == '"' else key

    def _values(self) -> dict[str, Any]:
        values = yaml.load(self._text, Loader=LOADER)  # noqa: S506  LOADER is a safe one
        if values is None:
            return {}
        if not isinstance(values, dict):
            raise Refused(f"a {type(values).__name__}, not a mapping")
        return values

    def _at(self, path: Sequence[str]) -> dict[str, Any]:
        here: Any = self._values()
        for key in path:
            here = here[key]
        return dict(here)

    def _set(self, path: Sequence[str], value: Any) -> None:
        node = self.root
        if not isinstance(node, MappingNode) or not node.value:
            self._begin(path, value)
            return
        for depth, key in enumerate(path):
            pair, rest = find_pair(node, key), path[depth + 1 :]
            if pair is None:
                self._add_lines(self._end(node), self._block(path[depth:], value, node.start_mark.column))
                return
            name, child = pair
            if not rest or not isinstance(child, MappingNode) or child.flow_style or not child.value:
                self._edits[_span(name)[1], self._end(child)] = f": {_inline(_within(child, rest, value))}"
                return
            node = child

    def _begin(self, path: Sequence[str], value: Any) -> None:
        """Write the first value, where there is none or ``{}``."""
        lines = self._block(path, value, 0)
        if self.root is None:
            self._add_lines(len(self._text), lines)
            return
        start, end = _span(self.root)
        self._edits[start, end] = self._break_before(start) + lines.removesuffix(self._newline)

    def _add_lines(self, at: int, lines: str) -> None:
        """Insert lines behind the line that holds a position."""
        end = self._text.find("\n", at) + 1 or len(self._text)
        self._edits[end, end] = self._break_before(end) + lines

    def _break_before(self, at: int) -> str:
        return "" if at == 0 or self._text[at - 1] == "\n" else self._newline

    def _block(self, path: Sequence[str], value: Any, indent: int) -> str:
        lines = [f"{' ' * (indent + 2 * depth)}{key}:" for depth, key in enumerate(path)]
        lines[-1] += f" {_inline(value)}"
        return self._newline.join(lines) + self._newline

    def _end(self, node: Node) -> int:
        """Where a node's own text ends; the parser's mark of a block lies at the next token, lines further down."""
        if isinstance(node, (MappingNode, SequenceNode)) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        start, end = _span(node)
        if isinstance(node, ScalarNode) and node.style in BLOCK_STYLES:
            return start + len(self._text[start:end].rstrip("\r\n"))
        return end


def find(node: Node | None, *keys: str) -> Node | None:
    """The value at some keys below a mapping; None if there is none."""
    for key in keys:
        pair = find_pair(node, key)
        if pair is None:
            return None
        node = pair[1]
    return node


def find_pair(node: Node | None, key: str) -> Pair | None:
    """The pair of a key in a mapping; None if there is none."""
    if not isinstance(node, MappingNode):
        return None
    return next((pair for pair in node.value if text_of(pair[0]) == key), None)


def items(node: Node | None) -> list[Node]:
    """The items of a sequence; empty for any other node."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def text_of(node: Node | None) -> str:
    """A scalar's text; empty for any other node."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def is_empty(node: Node | None) -> bool:
    """Whether a node has no content: it is missing, null, or an empty collection."""
    return node is None or node.tag == "tag:yaml.org,2002:null" or not node.value


def as_json(node: Node) -> str:
    """A scalar, or a mapping of scalars to texts such as labels, as JSON.

    Raises:
        Refused: It is anything else.
    """
    if isinstance(node, MappingNode):
        if not all(isinstance(part, ScalarNode) for pair in node.value for part in pair):
            raise Refused("labels that are not a plain mapping")
        return json.dumps({text_of(key): text_of(value) for key, value in node.value}, ensure_ascii=False)
    if not isinstance(node, ScalarNode):
        raise Refused("a value that is not a scalar")
    number = node.tag == "tag:yaml.org,2002:int" and node.value.isdecimal() and not node.value.startswith("0")
    return str(node.value) if number else json.dumps(node.value, ensure_ascii=False)


def _span(node: Node) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _within(child: Node, rest: Sequence[str], value: Any) -> Any:
    """What replaces `child`: the value itself, or its mapping with the value inside it."""
    if not rest:
        return value
    found = yaml.SafeLoader("").construct_document(child) if isinstance(child, MappingNode) else None
    values = found if isinstance(found, dict) else {}
    _put(values, rest, value)
    return values


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    here = values
    for key in path[:-1]:
        if not isinstance(here.get(key), dict):
            here[key] = {}
        here = here[key]
    here[path[-1]] = value


def _drop(values: dict[str, Any], path: Sequence[str]) -> None:
    here = values
    for key in path[:-1]:
        here = here[key]
    del here[path[-1]]


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, str(key)))
        else:
            yield (*above, str(key)), value


def _inline(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").rstrip()

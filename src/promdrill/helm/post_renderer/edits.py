"""Edits of one YAML document in place: what is not edited keeps its words, its quotes, its comments and its line ends.

Only yaml is imported, and `typing`: this runs within every `helm install`, `upgrade` and `template` of an old chart.
"""

from __future__ import annotations

import json

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: ten times as fast, and its marks count characters too."""

QUOTES = ("'", '"')
BLOCK_STYLES = ("|", ">")

Pair = tuple[Node, Node]


class Refused(Exception):
    """A document that cannot be rewritten, with the reason."""


class Document:
    """The text of one YAML document, its nodes, and the edits that were asked for.

    Args:
        text: The document, with or without its ``---``.

    Raises:
        Refused: It is not one YAML document.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._edits: dict[tuple[int, int], str] = {}
        self._newline = "\r\n" if "\r\n" in text else "\n"
        try:
            self.root = yaml.compose(text, Loader=LOADER)
        except yaml.YAMLError as error:
            raise Refused(f"not one YAML document: {error}") from error

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

    def put(self, scalar: Node, value: str) -> None:
        """Write another text in a scalar's place, within its quotes if it has any."""
        start, end = _span(scalar)
        inside = int(isinstance(scalar, ScalarNode) and scalar.style in QUOTES)
        self._edits[start + inside, end - inside] = value

    def put_pair(self, pair: Pair, key: str, value: str) -> None:
        """Write another key and another value, as JSON, in a pair's place.

        Raises:
            Refused: The value is an alias, or is written over several lines.
        """
        self._edits[self._within(pair)] = f"{self._key(key, pair[0])}: {value}"

    def add(self, mapping: MappingNode, key: str, value: str) -> None:
        """Put one more key with a value, as JSON, before those of a mapping."""
        start = _span(mapping)[0]
        if not mapping.value:
            self._edits[start + 1, start + 1] = f"{json.dumps(key)}: {value}"
            return
        first = mapping.value[0][0]
        after = ", " if mapping.flow_style else self._newline + " " * first.start_mark.column
        start = _span(first)[0]
        self._edits[start, start] = f"{self._key(key, first)}: {value}{after}"

    def drop(self, mapping: MappingNode, pair: Pair) -> None:
        """Take a pair with a one-line value out of a mapping that has others.

        Raises:
            Refused: The value is an alias, or is written over several lines; or nothing would be left.
        """
        at, (start, end) = mapping.value.index(pair), self._within(pair)
        if len(mapping.value) == 1:
            raise Refused(f"{text_of(pair[0])} stands alone")
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


def find(node: Node | None, *keys: str) -> Node | None:
    """The value at some keys below a mapping; None where there is none."""
    for key in keys:
        pair = find_pair(node, key)
        if pair is None:
            return None
        node = pair[1]
    return node


def find_pair(node: Node | None, key: str) -> Pair | None:
    """The pair of a key in a mapping; None where there is none."""
    if not isinstance(node, MappingNode):
        return None
    return next((pair for pair in node.value if text_of(pair[0]) == key), None)


def items(node: Node | None) -> list[Node]:
    """What a sequence holds; nothing for what is no sequence."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def text_of(node: Node | None) -> str:
    """A scalar's text; empty for what is no scalar."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def is_empty(node: Node | None) -> bool:
    """Whether there is nothing: no node, null, or a collection without content."""
    return node is None or node.tag == "tag:yaml.org,2002:null" or not node.value


def as_json(node: Node) -> str:
    """A scalar, or a mapping of scalars to texts such as labels, as JSON.

    Raises:
        Refused: It is something else.
    """
    if isinstance(node, MappingNode):
        if not all(isinstance(part, ScalarNode) for pair in node.value for part in pair):
            raise Refused("labels that are not a plain mapping")
        return json.dumps({text_of(key): text_of(value) for key, value in node.value}, ensure_ascii=False)
    if not isinstance(node, ScalarNode):
        raise Refused("a value that is no scalar")
    number = node.tag == "tag:yaml.org,2002:int" and node.value.isdecimal() and not node.value.startswith("0")
    return str(node.value) if number else json.dumps(node.value, ensure_ascii=False)


def _span(node: Node) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index

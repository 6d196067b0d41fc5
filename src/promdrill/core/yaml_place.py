"""Where in a file a character of a YAML scalar stands: an expression of ten lines is wrong in one of them.

A parser gives the place where a scalar begins. Its text differs from the file's by indentation, folded lines, quotes
and escapes, but never in what is not blank: the n-th such character of the value is the n-th of the scalar in the file.

Only yaml and the standard library are imported, as in `promdrill.core.yaml_edit`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator

from yaml.nodes import ScalarNode

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
"""An anchor and a tag before the scalar."""

_HEADER = re.compile(r"[|>][^\r\n]*")
"""The first line of a block: ``|2- # comment``."""

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\r\n|.))|[^\\]", re.DOTALL)

_BLANK_ESCAPES = frozenset("tnvfrNLP_ \t\r\n")
"""What follows a backslash for a character that is blank, or for none."""


def indexes(node: ScalarNode, text: str) -> Callable[[int], int]:
    """How an index in the value of a scalar becomes one in the text that the scalar was composed from.

    The function takes the index of a character in ``node.value``, or its length, which is the end. For a character that
    is blank it returns the place of the next one that is not.

    Args:
        node: The scalar.
        text: The whole text.
    """
    start, end = node.start_mark.index, node.end_mark.index
    start = _PROPERTIES.match(text, start, end).end()  # type: ignore[union-attr]  # it matches nothing, too
    value = [index for index, char in enumerate(str(node.value)) if not char.isspace()]
    written = [place for place, char in _characters(node.style, text, start, end) if not char.isspace()]
    behind = written[len(value) - 1] + 1 if value else start

    def index_of(at: int) -> int:
        number = bisect_left(value, at)
        return written[number] if number < len(value) else behind

    return index_of


def _characters(style: str | None, text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Each character of the value, less some that are blank, with the index where it is written."""
    if style in {"|", ">"}:
        start = _HEADER.match(text, start).end()  # type: ignore[union-attr]  # a block has one
    if style not in {'"', "'"}:
        yield from ((place, text[place]) for place in range(start, end))
        return
    start, end = start + 1, end - 1
    if style == "'":
        places = iter(range(start, end))
        for place in places:
            yield place, text[place]
            if text[place] == "'":
                next(places, None)
        return
    for found in _ESCAPE.finditer(text, start, end):
        yield found.start(), _meant(found)


def _meant(found: re.Match[str]) -> str:
    digits = found[1] or found[2] or found[3]
    if digits:
        return chr(int(digits, 16))
    if found[4]:
        return " " if found[4][0] in _BLANK_ESCAPES else "\\"
    return found[0]

"""The words of a PromQL expression, with their places: promql-parser tells what is wrong, and not where.

The parser also reads a text in back quotes as if it were in quotes, where a backslash means something, and it has no
limit for nesting: it recurses until the stack is full. So texts are read here and given to it in one form, and depth is
counted first. The forms of texts are those of Prometheus' util/strutil/quote.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DEEPEST = 120
"""Most levels of an expression; a chain of operators counts as many. The deepest rule seen in the field has 31."""

OPENING = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(OPENING.values())

_WORD = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)
    |(?P<open>["'`])
    |(?P<number>(?:0[xX][0-9a-fA-F]+|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)[0-9a-zA-Z_]*)
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<sign>==|!=|=~|!~|<=|>=|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = frozenset({"+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">=", "and", "or", "unless", "atan2"})
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\\"'])|(.?))", re.DOTALL
)
_SHORT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HIGHEST = 0x10FFFF


class NotPromql(Exception):
    """A text that is not PromQL.

    Args:
        why: What is wrong.
        at: The index of the character at which it is.
    """

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.why, self.at = why, at


@dataclass(frozen=True, slots=True)
class Word:
    """A word of an expression.

    Attributes:
        kind: ``text``, ``number``, ``name`` or ``sign``.
        text: As it is written.
        at: The index of its first character.
    """

    kind: str
    text: str
    at: int

    @property
    def value(self) -> str:
        """What a text in quotes says.

        Raises:
            NotPromql: It has an escape that PromQL does not know.
        """
        inside = self.text[1:-1]
        return inside if self.text[0] == "`" else "".join(_pieces(inside, self.text[0], self.at + 1))


def words(expression: str) -> list[Word]:
    """The words of an expression, without blanks and comments.

    Raises:
        NotPromql: A text has no end, or the expression is nested too deeply.
    """
    found = []
    for each in _WORD.finditer(expression):
        kind = str(each.lastgroup)
        if kind == "open":
            raise NotPromql(f"a text that begins with {each[0]} and does not end", each.start())
        if kind != "blank":
            found.append(Word(kind, each[0], each.start()))
    if _depth(found) > DEEPEST:
        raise NotPromql(f"nested more than {DEEPEST} levels deep", 0)
    return found


def _depth(found: Sequence[Word]) -> int:
    """How many levels the tree of these words has at most."""
    levels = [(0, 0)]  # of each open bracket: operators in it, and the deepest of what was closed in it
    for word in found:
        operators, deepest = levels[-1]
        if word.text in OPENING:
            levels.append((0, 0))
        elif word.text in _CLOSING and len(levels) > 1:
            levels.pop()
            above, other = levels[-1]
            levels[-1] = above, max(other, operators + deepest + 1)
        elif word.text in _OPERATORS:
            levels[-1] = operators + 1, deepest
    return sum(operators + deepest + 1 for operators, deepest in levels)


def _pieces(inside: str, quote: str, at: int) -> Iterator[str]:
    """The parts of what stands in quotes, each as what it means."""
    raw = bytearray()  # escaped bytes: together they have to be UTF-8
    end = 0
    for each in _ESCAPE.finditer(inside):
        between, end = inside[end : each.start()], each.end()
        if between:
            yield _decoded(raw, at)
            yield between
        code = int(each[1], 16) if each[1] else int(each[2], 8) if each[2] else -1
        point = int(each[3] or each[4] or "0", 16)
        other_quote = each[5] in {'"', "'"} and each[5] != quote
        if each[6] is not None or other_quote or code > 255 or point > _HIGHEST or 0xD800 <= point < 0xE000:  # noqa: PLR2004
            raise NotPromql(f"{each[0]} is no escape of a text in {quote}", at + each.start())
        if code >= 0:
            raw.append(code)
        else:
            yield _decoded(raw, at)
            yield chr(point) if point or not each[5] else _SHORT.get(each[5], each[5])
    yield _decoded(raw, at)
    yield inside[end:]


def _decoded(raw: bytearray, at: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NotPromql("bytes that are not UTF-8", at) from error
    finally:
        raw.clear()

"""PromQL text to a tree, by promql-parser; the only module that knows that library.

Its nodes cannot be made or changed for the most part, and say less when they are written (milliseconds are lost, and a
metric's name in braces moves). So they become nodes of `promdrill.alerts.expressions` here.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import promql_parser

from promdrill.alerts import expressions
from promdrill.alerts.expressions import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Matcher,
    Matching,
    Negative,
    Number,
    Paren,
    Range,
    Selector,
    Shift,
    String,
    Subquery,
)
from promdrill.alerts.lexer import OPENING, NotPromql, Word, words

_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_GROUPS = {"ManyToOne": "group_left", "OneToMany": "group_right"}

_MOST_WORDS = 2000
"""Most words of an expression in which a place is looked for: the time for it grows with the square of them."""

_SYNTAX = re.compile(
    r"invalid promql|invalid syntax|unexpected|unclosed|unterminated|bad number|no expression|not a valid duration"
    r"|duration must|invalid duration|invalid number"
)
"""What the parser says of an order of words that it does not know, rather than of words that do not fit."""

_ENDINGS: dict[str, tuple[tuple[str, int], ...]] = {
    "{": (("", 0), ('"b"', 0), ('="b"', 0), ('a="b"', 0)),
    "[": (("", 0), ("5m", 0), (":", 0)),
    "(": (
        *(("", 0), ("x", 0), ("(x)", 0), ("1", 0), ("5m", 0), ("()", 0), ("(a) x", 0), ("(a) (x)", 0), ("(1) x", 0)),
        *((", x", 0), (") (x)", 1), (") x", 1), ("a) (x)", 1), ("a) x", 1)),
    ),
}
"""By the innermost open bracket: how an expression may go on, and how many brackets that closes already."""


def parse(expression: str) -> Expr:
    """The tree of an expression.

    Raises:
        NotPromql: It is not PromQL, in the parser's own words; or it is nested too deeply.
    """
    found = words(expression)
    try:
        return _converted(_library()(_given(found)))
    except (ValueError, OverflowError) as error:
        at = _place(found, str(error), len(expression))
        shown = next((f", at {word.text[:40]}" for word in found if word.at == at), "")
        raise NotPromql(f"{error}{shown}", at) from error


@functools.cache
def _library() -> Callable[[str], Any]:
    """The library's parser, which does not know a function that Prometheus 2 has and Prometheus 3 renamed."""
    vector, scalar, matrix = (getattr(promql_parser.ValueType, each) for each in ("Vector", "Scalar", "Matrix"))
    former = promql_parser.Function("holt_winters", [matrix, scalar, scalar], vector)
    promql_parser.register_extra_functions([former])
    return promql_parser.parse


def _given(found: Sequence[Word]) -> str:
    """The words in the form that the library reads as Prometheus does.

    Raises:
        NotPromql: A text has a wrong escape, or a moment is one that the library takes for another.
    """
    for word, following in itertools.pairwise(found):
        if word.text == "@" and following.text == "-":
            raise NotPromql("a moment before 1970", following.at)
    return " ".join(expressions.quoted(word.value) if word.kind == "text" else word.text for word in found)


# --- the library's nodes ---------------------------------------------------------------------------------------------


def _converted(node: Any) -> Expr:  # noqa: C901, PLR0911  a case for each kind
    match type(node).__name__:
        case "NumberLiteral":
            return Number(math.nan if math.isnan(node.val) else node.val)
        case "StringLiteral":
            return String(node.val)
        case "VectorSelector":
            return _selector(node)
        case "MatrixSelector":
            return Range(_selector(node.vector_selector), _seconds(node.range))
        case "SubqueryExpr":
            step = None if node.step is None else _seconds(node.step)
            return Subquery(_converted(node.expr), _seconds(node.range), step, _shift(node))
        case "Call":
            return Call(node.func.name, tuple(map(_converted, node.args)))
        case "AggregateExpr":
            return _aggregate(node)
        case "BinaryExpr":
            return _binary(node)
        case "UnaryExpr":
            return Negative(_converted(node.expr))
        case "ParenExpr":
            return Paren(_converted(node.expr))
        case other:
            raise ValueError(f"{other} is not known to promdrill")


def _selector(node: Any) -> Selector:
    if node.matchers.or_matchers:
        raise ValueError("unexpected or in braces: Prometheus has none there")
    matchers = tuple(Matcher(each.name, _OPS[_name(each.op)], each.value) for each in node.matchers.matchers)
    return Selector(node.name or "", matchers, _shift(node))


def _shift(node: Any) -> Shift:
    offset_s = 0.0 if node.offset is None else _seconds(node.offset)
    return Shift(offset_s, "" if node.at is None else _moment(node.at))


def _moment(at: Any) -> str:
    kind = _name(at.type)
    return _since_1970(at.at) if kind == "At" else f"{kind.lower()}()"


def _since_1970(moment: datetime) -> str:
    return expressions.number(round(moment.timestamp(), 3))


def _seconds(length: timedelta) -> float:
    return length / timedelta(milliseconds=1) / 1000


def _aggregate(node: Any) -> Aggregate:
    parameter = None if node.param is None else _converted(node.param)
    grouping, labels = "", ()
    if node.modifier is not None:
        grouping, labels = _name(node.modifier.type).lower(), tuple(node.modifier.labels)
    return Aggregate(str(node.op), _converted(node.expr), parameter, grouping, labels)


def _binary(node: Any) -> Binary:
    how, matching, returns_bool = node.modifier, Matching(), False
    if how is not None:
        keyword, labels = "", ()
        if how.matching is not None:
            keyword = "on" if _name(how.matching.type) == "Include" else "ignoring"
            labels = tuple(how.matching.labels)
        fill = how.fill_values
        matching = Matching(
            keyword, labels, _GROUPS.get(_name(how.card), ""), tuple(how.group_labels or ()), fill.lhs, fill.rhs
        )
        returns_bool = how.return_bool
    return Binary(str(node.op), _converted(node.lhs), _converted(node.rhs), matching, returns_bool)


def _name(member: Any) -> str:
    """The name of a member of one of the library's enumerations."""
    return str(member).rpartition(".")[2]


# --- where it is wrong -----------------------------------------------------------------------------------------------


def _place(found: Sequence[Word], why: str, end: int) -> int:
    """The index of the character at which an expression is wrong, as near as the parser's answers tell."""
    if len(found) > _MOST_WORDS:
        return 0
    return _first_wrong(found, end) if _SYNTAX.search(why) else _smallest(found, why)


def _first_wrong(found: Sequence[Word], end: int) -> int:
    """The first word that cannot follow those before it; the end, if only something is missing there."""
    for number in range(len(found), 0, -1):
        if _can_go_on(found[:number]):
            return found[number].at if number < len(found) else end
    return found[0].at if found else 0


def _can_go_on(found: Sequence[Word]) -> bool:
    """Whether there are words that make an expression of these."""
    brackets: list[str] = []
    for word in found:
        if word.text in OPENING:
            brackets.append(word.text)
        elif brackets and word.text == OPENING[brackets[-1]]:
            brackets.pop()
    begun, closing = _given(found), [OPENING[each] for each in reversed(brackets)]
    endings = _ENDINGS[brackets[-1] if brackets else "("]
    return any(not _SYNTAX.search(_said(f"{begun} {more} {' '.join(closing[closed:])}")) for more, closed in endings)


def _smallest(found: Sequence[Word], why: str) -> int:
    """Where the smallest part begins of which the parser says the same."""
    parts = [part for part in _parts(found) if _said(_given(part)) == why]
    smallest = min(parts, key=len, default=found)
    return smallest[0].at if smallest else 0


def _parts(found: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Each function, aggregation and selector, and what is in each pair of parentheses."""
    opened: list[int] = []
    for number, word in enumerate(found):
        if word.text in OPENING:
            opened.append(number)
        elif opened and word.text == OPENING[found[opened[-1]].text]:
            start = opened.pop()
            yield found[start + 1 : number]
            if start and found[start - 1].kind == "name":
                yield found[start - 1 : number + 1]


def _said(expression: str) -> str:
    """What the parser says of an expression; empty if it takes it."""
    try:
        _converted(_library()(expression))
    except (ValueError, OverflowError) as error:
        return str(error)
    return ""

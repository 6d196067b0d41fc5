"""PromQL as a tree: what `promdrill.alerts.parser` makes of a text, and how a text is written from it.

A node says all that its text says, except comments, layout and how a number or a string was written. So
``parse(write(tree)) == tree`` for every tree that was parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from promdrill.core import durations

COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
SETS = frozenset({"and", "or", "unless"})

WIDTH = 100
"""Most characters of a line; a longer binary expression takes a line for its operator."""

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t", "\r": r"\r"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number; a duration that stands for one is its seconds."""

    value: float


@dataclass(frozen=True, slots=True)
class String:
    """A text."""

    value: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label; ``op`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Shift:
    """What moves a selector or a subquery in time.

    Attributes:
        offset_s: Seconds into the past; negative ones into the future.
        at: ``start()``, ``end()``, a moment in seconds since 1970, or empty.
    """

    offset_s: float = 0.0
    at: str = ""


@dataclass(frozen=True, slots=True)
class Selector:
    """Series of one moment.

    Attributes:
        name: The metric's name before the braces; empty if there is none.
        matchers: What stands in the braces.
        shift: See `Shift`.
    """

    name: str
    matchers: tuple[Matcher, ...] = ()
    shift: Shift = Shift()

    @property
    def metric(self) -> str:
        """The metric's name, before the braces or in them; empty if it is not one name."""
        inside = (each.value for each in self.matchers if each.label == "__name__" and each.op == "=")
        return self.name or next(inside, "")


@dataclass(frozen=True, slots=True)
class Range:
    """Series of some time: a selector whose last ``range_s`` seconds are taken."""

    selector: Selector
    range_s: float


@dataclass(frozen=True, slots=True)
class Subquery:
    """An expression of some time, evaluated every ``step_s`` seconds; by default as often as Prometheus evaluates."""

    inner: Expr
    range_s: float
    step_s: float | None
    shift: Shift = Shift()


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregation.

    Attributes:
        op: Such as ``sum``.
        inner: What is aggregated.
        parameter: The first argument of ``topk`` and the like.
        grouping: ``by``, ``without`` or empty.
        labels: The labels of the grouping.
    """

    op: str
    inner: Expr
    parameter: Expr | None = None
    grouping: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matching:
    """How the series of both sides of an operator find each other.

    Attributes:
        keyword: ``on``, ``ignoring`` or empty.
        labels: Its labels.
        group: ``group_left``, ``group_right`` or empty.
        included: Labels that the group takes from the other side.
        fill_left: Value where the left side has no match; None for no result.
        fill_right: The same of the right side.
    """

    keyword: str = ""
    labels: tuple[str, ...] = ()
    group: str = ""
    included: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions and an operator; ``returns_bool`` makes a comparison 0 or 1 instead of a filter."""

    op: str
    left: Expr
    right: Expr
    matching: Matching = Matching()
    returns_bool: bool = False


@dataclass(frozen=True, slots=True)
class Negative:
    """An expression with a minus before it."""

    inner: Expr


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression in parentheses."""

    inner: Expr


Expr = Number | String | Selector | Range | Subquery | Call | Aggregate | Binary | Negative | Paren

Node = TypeVar("Node", bound=Expr)


def children(node: Expr) -> Iterator[Expr]:
    """The expressions in an expression, in the order of the text."""
    match node:
        case Aggregate(parameter=parameter, inner=inner):
            yield from (inner,) if parameter is None else (parameter, inner)
        case Range(selector=selector):
            yield selector
        case Call(arguments=arguments):
            yield from arguments
        case Binary(left=left, right=right):
            yield from (left, right)
        case Subquery(inner=inner) | Negative(inner=inner) | Paren(inner=inner):
            yield inner


def walk(node: Expr) -> Iterator[Expr]:
    """An expression and all that is in it, outer ones first."""
    yield node
    for child in children(node):
        yield from walk(child)


def changed(node: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with every node in it changed, inner ones first.

    Args:
        node: The expression.
        change: Gets a node whose inner nodes are changed already, and returns what replaces it.
    """
    new: dict[str, Any] = {}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Expr):
            new[field.name] = changed(value, change)
        elif field.name == "arguments":
            new[field.name] = tuple(changed(each, change) for each in value)
    return change(replace(node, **new))


def write(node: Expr) -> str:  # noqa: C901, PLR0911  a case for each kind
    """The expression as text that Prometheus reads."""
    match node:
        case Number(value=value):
            return number(value)
        case String(value=value):
            return quoted(value)
        case Selector():
            return _selector(node, "")
        case Range(selector=selector, range_s=range_s):
            return _selector(selector, f"[{durations.write(range_s)}]")
        case Subquery(inner=inner, range_s=range_s, step_s=step_s, shift=shift):
            step = "" if step_s is None else durations.write(step_s)
            return f"{write(inner)}[{durations.write(range_s)}:{step}]{_shift(shift)}"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(write, arguments))})"
        case Aggregate():
            return _aggregate(node)
        case Binary():
            return _binary(node)
        case Negative(inner=inner):
            return f"-{write(inner)}"
        case Paren(inner=inner):
            return f"({write(inner)})"


def number(value: float) -> str:
    """A number as PromQL writes it."""
    if value != value:  # noqa: PLR0124  NaN
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004  exact


def quoted(text: str) -> str:
    """A text in double quotes."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def _selector(node: Selector, behind: str) -> str:
    inside = ",".join(f"{_label(each.label)}{each.op}{quoted(each.value)}" for each in node.matchers)
    return f"{node.name}{f'{{{inside}}}' if inside else ''}{behind}{_shift(node.shift)}"


def _shift(shift: Shift) -> str:
    at = f" @ {shift.at}" if shift.at else ""
    sign = "-" if shift.offset_s < 0 else ""
    return at + (f" offset {sign}{durations.write(abs(shift.offset_s))}" if shift.offset_s else "")


def _aggregate(node: Aggregate) -> str:
    grouping = f" {node.grouping} ({_labels(node.labels)}) " if node.grouping else ""
    parameter = f"{write(node.parameter)}, " if node.parameter is not None else ""
    return f"{node.op}{grouping}({parameter}{write(node.inner)})"


def _binary(node: Binary) -> str:
    how = node.matching
    words = [node.op]
    if node.returns_bool:
        words.append("bool")
    if how.keyword:
        words.append(f"{how.keyword} ({_labels(how.labels)})")
    if how.group:
        words.append(f"{how.group} ({_labels(how.included)})")
    for keyword, value in (("fill_left", how.fill_left), ("fill_right", how.fill_right)):
        if value is not None:
            words.append(f"{keyword} ({number(value)})")
    left, right, operator = write(node.left), write(node.right), " ".join(words)
    between = "\n" if len(left) + len(operator) + len(right) > WIDTH else " "
    return f"{left}{between}{operator}{between}{right}"


def _labels(labels: tuple[str, ...]) -> str:
    return ", ".join(map(_label, labels))


def _label(name: str) -> str:
    return name if _LABEL.fullmatch(name) else quoted(name)

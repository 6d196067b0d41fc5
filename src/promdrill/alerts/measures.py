"""What the value of an expression measures, as far as that decides whether a limit in a rule can be scaled.

Most values can be compared with the same number at any speed: bytes, shares, requests per second. Some cannot. They
count what happened within a range that is now shorter, or are seconds of a clock that goes on as ever. This is worked
out from the tree, and from what other rules record.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping

from promdrill.alerts.expressions import (
    COMPARISONS,
    SETS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Negative,
    Number,
    Paren,
    Range,
    Selector,
    Subquery,
    walk,
)
from promdrill.alerts.rules import Rule


class Measure(enum.Enum):
    """What a value measures."""

    PLAIN = enum.auto()
    """Anything that is the same at any speed."""

    SECONDS = enum.auto()
    """Seconds by the clock: a moment, or the time between two."""

    EVENTS = enum.auto()
    """How much happened within a range."""

    SAMPLES = enum.auto()
    """A sum over the samples within a range, or their number."""

    CHANGE = enum.auto()
    """How much differs between now and an earlier moment."""


CLOCK = frozenset({"hour", "minute", "month", "year", "day_of_month", "day_of_week", "day_of_year", "days_in_month"})
"""Functions that ask what time or day it is."""

_OF_CLOCK = frozenset({"time", "timestamp"})
_EVENTS = frozenset({"increase", "delta", "changes", "resets"})
_SAMPLES = frozenset({"count_over_time", "sum_over_time"})
_OF_INNER = frozenset({"avg", "min", "max", "quantile", "last", "first", "mad", "stddev"})
"""What may stand before ``_over_time`` and leaves the value in its unit."""

_PLAIN = CLOCK | frozenset({"absent", "absent_over_time", "present_over_time", "histogram_quantile", "rate", "irate"})
_PLAIN_TOO = frozenset({"histogram_fraction", "histogram_quantiles", "deriv", "idelta", "sgn", "stdvar_over_time"})
_COUNTING = frozenset({"count", "group", "count_values"})

_MOMENT = re.compile(r"timestamp|_created$|_time$|(start|boot|completion|modification|success|last_\w+)_time_seconds$")
"""Names of metrics that are moments, in seconds since 1970."""

Recorded = Mapping[str, Measure]
"""What the series that rules record measure, by their names; without those that are plain."""


def recorded(rules: Iterable[Rule]) -> dict[str, Measure]:
    """What recording rules record; also by way of what other rules record."""
    recording = [rule for rule in rules if not rule.is_alert]
    found: dict[str, Measure] = {}
    for _ in recording:  # no chain is longer
        new = {rule.name: of(rule.expr, found) for rule in recording}
        new = {name: measure for name, measure in new.items() if measure is not Measure.PLAIN}
        if new == found:
            break
        found = new
    return found


def of(node: Expr, known: Recorded) -> Measure:
    """What an expression measures.

    Args:
        node: The expression.
        known: What recorded series measure.
    """
    match node:
        case Selector():
            return known.get(node.metric, Measure.PLAIN)
        case Range(selector=inner) | Subquery(inner=inner) | Negative(inner=inner) | Paren(inner=inner):
            return of(inner, known)
        case Aggregate(op=op, inner=inner):
            return Measure.PLAIN if op in _COUNTING else of(inner, known)
        case Call():
            return _call(node, known)
        case Binary():
            return _binary(node, known)
        case _:
            return Measure.PLAIN


def _call(node: Call, known: Recorded) -> Measure:
    name, arguments = node.function, node.arguments
    if name in _OF_CLOCK:
        return Measure.SECONDS
    if name in _EVENTS:
        return Measure.EVENTS
    if name in _SAMPLES:
        stepped = arguments and isinstance(arguments[0], Subquery) and arguments[0].step_s is not None
        return of(arguments[0], known) if stepped else Measure.SAMPLES
    if name in _PLAIN or name in _PLAIN_TOO:
        return Measure.PLAIN
    found = (of(each, known) for each in arguments)
    return next((measure for measure in found if measure is not Measure.PLAIN), Measure.PLAIN)


def _binary(node: Binary, known: Recorded) -> Measure:
    left, right = of(node.left, known), of(node.right, known)
    if node.op in COMPARISONS:
        return Measure.PLAIN if node.returns_bool else left
    if node.op in SETS:
        return left if node.op == "unless" or left is not Measure.PLAIN else right
    if node.op in {"/", "%"} and left is right and left is not Measure.CHANGE:
        return Measure.CHANGE if _other_time(node) else Measure.PLAIN
    if node.op == "-" and _is_moment(node.left) and _is_moment(node.right):
        return Measure.SECONDS
    if left is Measure.PLAIN and right is Measure.PLAIN:
        return Measure.CHANGE if _other_time(node) else Measure.PLAIN
    return left if left is not Measure.PLAIN else right


def _is_moment(node: Expr) -> bool:
    """Whether an expression is a metric whose name says that it is a moment, perhaps aggregated."""
    match node:
        case Selector():
            return _MOMENT.search(node.metric) is not None
        case Range(selector=inner) | Paren(inner=inner) | Aggregate(inner=inner):
            return _is_moment(inner)
        case Call(function=function, arguments=(inner, *_)):
            return function.removesuffix("_over_time") in _OF_INNER and _is_moment(inner)
        case _:
            return False


def compares_times(node: Binary) -> bool:
    """Whether a comparison is between what is now and what was, with a number in it: ``x > 1.5 * (x offset 1d)``."""
    return _other_time(node) and any(isinstance(each, Number) and each.value for each in walk(node))


def _other_time(node: Binary) -> bool:
    """Whether both sides have series, and of other moments."""
    left, right = _offsets(node.left), _offsets(node.right)
    return bool(left and right) and left != right


def _offsets(node: Expr) -> frozenset[float]:
    return frozenset(each.shift.offset_s for each in walk(node) if isinstance(each, Selector | Subquery))

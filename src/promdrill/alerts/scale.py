"""Rules for a drill: as they are, but faster, because all that happens in a drill happens faster too.

A drill scrapes every second what is scraped every half a minute elsewhere, and lasts a minute instead of an hour. So
`for`, ranges and all other durations are divided by a speed. A limit that depends on how fast time passes cannot be
divided without a guess at what it means; it stays as it is, and is told of. Nothing changes without being told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from promdrill.alerts import expressions, measures
from promdrill.alerts.expressions import (
    COMPARISONS,
    Binary,
    Call,
    Expr,
    Negative,
    Number,
    Paren,
    Range,
    Selector,
    Shift,
    Subquery,
    walk,
)
from promdrill.alerts.measures import Measure, Recorded
from promdrill.alerts.rules import Group, Place, Rule
from promdrill.core import durations
from promdrill.core.choices import FASTEST_ALERTS
from promdrill.core.errors import UsageError, shortened

DEFAULT_SPEED = 30.0
"""How much faster, unless it is said otherwise: a drill scrapes once a second, kube-prometheus-stack every 30 s."""

DRILL_SCRAPE_S = 1.0
"""Seconds between two scrapes, and between two evaluations, in a drill."""

_FEWEST_SCRAPES = 2
"""A range that is shorter than this many scrapes may hold one sample, of which no rate can be had."""

_SHOWN = 100  # characters of an expression that a message shows
_QUERY = re.compile(r"\{\{[^}]*(?<![.$\w])query\b[^}]*\}\}")
_RANGE_IN_NAME = re.compile(r"(?:^|[:_])[a-z_]*?([0-9]+(?:ms|[smhdwy]))(?:$|[:_])")


@dataclass(frozen=True, slots=True)
class Change:
    """A duration that was divided.

    Attributes:
        rule: The rule's name; a group's, if the duration is the group's.
        place: Where it begins.
        what: Which duration: ``for``, ``range``, ``offset``, ``step``, ``argument of predict_linear``, ``interval``.
        before: As it was written.
        after: As it is now.
    """

    rule: str
    place: Place
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.what} {self.before} is {self.after}"


@dataclass(frozen=True, slots=True)
class Left:
    """What means something else at another speed, and was left as it is.

    Attributes:
        rule: The rule's name.
        place: Where it begins.
        kind: Which kind of reason, one of `KINDS`.
        what: The part of the rule.
        why: The reason, as the end of a sentence.
    """

    rule: str
    place: Place
    kind: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.what}: {self.why}"


KINDS = {
    "seconds": "a number is compared with seconds by the clock",
    "fewer": "a number is compared with how much happened within a range",
    "samples": "a number is compared with a sum over samples, or their number",
    "earlier": "a number is compared with the difference between now and an earlier moment",
    "clock": "it asks what time or day it is",
    "moment": "it asks for a moment that is fixed",
    "gap": "it asks whether samples are missing",
    "name": "its name states a range",
    "query": "a text asks Prometheus a query of its own",
    "short-range": "a range is now shorter than two scrapes",
    "short-for": "an alert is now pending for less than one evaluation",
}
"""Kinds of what is left, and what each is about."""

_COMPARED = {
    Measure.SECONDS: ("seconds", "these are seconds by the clock, which does not run faster in a drill"),
    Measure.EVENTS: ("fewer", "it counts what happens within a range, which is now shorter, so it counts fewer"),
    Measure.SAMPLES: ("samples", "it adds up samples: as many as written only if they come {speed} times as often"),
    Measure.CHANGE: ("earlier", "the earlier moment is now {speed} times as near, so less has changed since"),
}


@dataclass(frozen=True, slots=True)
class Scaled:
    """Rules as a drill loads them.

    Attributes:
        groups: The groups.
        changes: Every duration that was divided.
        left: Everything that means something else at this speed, and stayed as it is.
    """

    groups: tuple[Group, ...]
    changes: tuple[Change, ...]
    left: tuple[Left, ...]


def scaled(groups: Sequence[Group], speed: float, *, scrape_s: float = DRILL_SCRAPE_S) -> Scaled:
    """Divide all durations of rules.

    Args:
        groups: As read.
        speed: What to divide by, from 1 to `promdrill.core.choices.FASTEST_ALERTS`. With 1 nothing changes.
        scrape_s: Seconds between two scrapes, and between two evaluations of a group that states no interval.

    Raises:
        UsageError: The speed or the interval is not a number that makes sense.
    """
    if not 1 <= speed <= FASTEST_ALERTS:
        what = f"speed {speed:g}: not a number from 1 to {FASTEST_ALERTS:.0f}"
        raise UsageError(what, hint="30 is half a minute a second")
    if not durations.SMALLEST_S <= scrape_s <= FASTEST_ALERTS:
        raise UsageError(f"scrape interval {scrape_s:g}: not a number of seconds from 0.001", hint="1")
    known = measures.recorded(rule for group in groups for rule in group.rules)
    works = [_Work(group, float(speed), scrape_s, known) for group in groups]
    return Scaled(
        tuple(work.group for work in works),
        tuple(change for work in works for change in work.changes),
        tuple(left for work in works for left in work.left),
    )


class _Work:
    """One group, scaled.

    Attributes:
        group: As a drill loads it.
        changes: See `Scaled`.
        left: See `Scaled`.
    """

    def __init__(self, group: Group, speed: float, scrape_s: float, known: Recorded) -> None:
        self._speed, self._scrape_s, self._known = speed, scrape_s, known
        self.changes: list[Change] = []
        self.left: list[Left] = []
        self._name, self._place = group.name, group.place
        interval_s = None if group.interval_s is None else self._divide("interval", group.interval_s)
        offset_s = None if group.query_offset_s is None else self._divide("query_offset", group.query_offset_s)
        self._interval_s, self._evaluated_s = group.interval_s, interval_s or scrape_s
        rules = tuple(map(self._rule, group.rules))
        self.group = replace(group, rules=rules, interval_s=interval_s, query_offset_s=offset_s)

    def _rule(self, rule: Rule) -> Rule:
        self._name, self._place = rule.name, rule.place
        if self._speed > 1:
            self._tell_left(rule)
        for_s = self._divide("for", rule.for_s)
        was_shorter = self._interval_s is not None and rule.for_s < self._interval_s
        if 0 < for_s < self._evaluated_s and not was_shorter:
            evaluated = durations.write(self._evaluated_s)
            self._leave(
                "short-for", f"for {durations.write(for_s)}", f"it fires at the second evaluation, {evaluated} later"
            )
        keep_s = self._divide("keep_firing_for", rule.keep_firing_for_s)
        expr = expressions.changed(rule.expr, self._node)
        return replace(rule, expr=expr, for_s=for_s, keep_firing_for_s=keep_s)

    # --- what changes ---

    def _divide(self, what: str, seconds: float) -> float:
        """A duration divided, and told of if that made a difference."""
        after = math.copysign(durations.divided(abs(seconds), self._speed), seconds)
        if after != seconds:
            sign = "-" if seconds < 0 else ""
            written = [f"{sign}{durations.write(abs(each))}" for each in (seconds, after)]
            self.changes.append(Change(self._name, self._place, what, *written))
        return after

    def _node(self, node: Expr) -> Expr:
        """A node of an expression whose inner nodes are scaled."""
        match node:
            case Selector(shift=shift):
                return replace(node, shift=self._shift(shift))
            case Range():
                after = replace(node, range_s=self._divide("range", node.range_s))
                self._check_range(after, after.range_s, self._scrape_s, "scrapes")
                return after
            case Subquery(step_s=step_s):
                shorter = replace(node, range_s=self._divide("range", node.range_s), shift=self._shift(node.shift))
                if step_s is not None:
                    return replace(shorter, step_s=self._divide("step", step_s))
                self._check_range(shorter, shorter.range_s, self._scrape_s, "evaluations, which are its steps")
                return shorter
            case Call(function="predict_linear", arguments=(series, ahead)):
                return replace(node, arguments=(series, self._seconds_of(ahead, node)))
            case _:
                return node

    def _shift(self, shift: Shift) -> Shift:
        return replace(shift, offset_s=self._divide("offset", shift.offset_s)) if shift.offset_s else shift

    def _seconds_of(self, argument: Expr, call: Call) -> Expr:
        """An argument that is a number of seconds, divided: as a number, or by a division of what computes it."""
        if self._speed == 1:
            return argument
        after: Expr
        if isinstance(argument, Number):
            after = Number(argument.value / self._speed)
        else:
            whole = argument if isinstance(argument, Call | Paren) else Paren(argument)
            after = Binary("/", whole, Number(self._speed))
        what = f"argument of {call.function}"
        self.changes.append(
            Change(self._name, self._place, what, expressions.write(argument), expressions.write(after))
        )
        return after

    # --- what is left ---

    def _leave(self, kind: str, what: str, why: str) -> None:
        self.left.append(
            Left(self._name, self._place, kind, shortened(what, _SHOWN), why.format(speed=f"{self._speed:g}"))
        )

    def _check_range(self, node: Expr, range_s: float, every_s: float, what: str) -> None:
        if range_s < _FEWEST_SCRAPES * every_s:
            why = f"shorter than two {what} ({durations.write(_FEWEST_SCRAPES * every_s)}), so it may hold too little"
            self._leave("short-range", expressions.write(node), why)

    def _tell_left(self, rule: Rule) -> None:
        """Everything of a rule that means something else at another speed."""
        for node in walk(rule.expr):
            if isinstance(node, Binary) and node.op in COMPARISONS:
                self._tell_comparison(node)
            elif isinstance(node, Call) and node.function in measures.CLOCK:
                self._leave("clock", expressions.write(node), "the time of day does not pass faster in a drill")
            elif isinstance(node, Call) and node.function == "absent_over_time":
                why = "a gap of a second, such as a restart's, is now as long as {speed} were"
                self._leave("gap", expressions.write(node), why)
            elif isinstance(node, Selector | Subquery) and node.shift.at[:1].isdigit():
                self._leave("moment", expressions.write(node), "a fixed moment is not divided")
        stated = None if rule.is_alert else _RANGE_IN_NAME.search(rule.name)
        if stated and durations.parse(stated[1]) in _ranges(rule.expr):
            self._leave("name", "its name", f"it stays, and the range that it states is no longer {stated[1]}")
        for name, text in (*rule.labels.items(), *rule.annotations.items()):
            query = _QUERY.search(text)
            if query:
                self._leave("query", f"{name}: {query[0]}", "a query in a text is not divided")

    def _tell_comparison(self, node: Binary) -> None:
        for mine, other in ((node.left, node.right), (node.right, node.left)):
            measure = measures.of(mine, self._known)
            if measure is Measure.PLAIN:
                continue
            if measures.of(other, self._known) is measure and not _added(node):
                return
            if _any_speed(node.op, measure, other):
                return
            kind, why = _COMPARED[measure]
            names = {each.metric for each in walk(mine) if isinstance(each, Selector)} & set(self._known)
            through = f" (recorded by {', '.join(sorted(names))})" if names else ""
            self._leave(kind, expressions.write(node), f"{why}{through}")
            return
        if measures.compares_times(node):
            self._leave("earlier", expressions.write(node), _COMPARED[Measure.CHANGE][1])


def _any_speed(op: str, measure: Measure, other: Expr) -> bool:
    """Whether a comparison says the same at any speed: with 0, whether there was anything, or which way it went."""
    clear = {"<", ">", "!="} if measure is Measure.EVENTS else COMPARISONS
    return _is_zero(other) and measure is not Measure.SAMPLES and op in clear


def _is_zero(node: Expr) -> bool:
    inner = node
    while isinstance(inner, Paren | Negative):
        inner = inner.inner
    return isinstance(inner, Number) and inner.value == 0


def _added(node: Binary) -> bool:
    """Whether a number is added to a side of a comparison: ``time() - a > b + 3600``."""
    return any(
        isinstance(each, Binary) and each.op in {"+", "-"} and (_is_number(each.left) or _is_number(each.right))
        for each in walk(node)
    )


def _is_number(node: Expr) -> bool:
    """Whether an expression is computed from numbers alone, and is not 0."""
    return all(isinstance(each, Number | Binary | Paren | Negative) for each in walk(node)) and not _is_zero(node)


def _ranges(node: Expr) -> Iterator[float]:
    return (each.range_s for each in walk(node) if isinstance(each, Range | Subquery))

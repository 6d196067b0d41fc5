"""PromQL as a tree: what is written from a tree is read as that tree, and what is wrong is wrong at a place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from promdrill.alerts.expressions import (
    COMPARISONS,
    SETS,
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
    changed,
    walk,
    write,
)
from promdrill.alerts.lexer import DEEPEST, NotPromql
from promdrill.alerts.parser import parse
from promdrill.core import durations

# --- any tree -------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["up", "job:x:rate5m", "a_b", "sum", "by", "offset_x", "hour", "start"])
LABELS = st.sampled_from(["a", "job", "le", "by", "a.b", "é", "with space"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
DURATIONS = st.integers(1, 10**9).map(lambda ms: ms / 1000)
SHIFTS = st.builds(
    Shift,
    st.one_of(st.just(0.0), DURATIONS, DURATIONS.map(lambda each: -each)),
    st.sampled_from(["", "", "start()", "end()", "1609746000", "1609746000.125"]),
)
MATCHERS = st.one_of(
    st.builds(Matcher, LABELS, st.sampled_from(["=", "!="]), TEXTS),
    st.builds(Matcher, LABELS, st.sampled_from(["=~", "!~"]), st.sampled_from(["a|b", r"\d+", ".*", "disk-full|", ""])),
)
SELECTORS = st.builds(Selector, NAMES, st.lists(MATCHERS, max_size=3).map(tuple), SHIFTS)
NUMBERS = st.floats(allow_nan=False, min_value=0).map(Number) | st.integers(0, 10**18).map(float).map(Number)
SCALARS = NUMBERS | st.just(Call("time", ()))
LABEL_LISTS = st.lists(LABELS, max_size=3, unique=True).map(tuple)


def in_parentheses(node: Expr) -> Expr:
    """What needs no parentheses on its own, or in an operation, has none."""
    return Paren(node) if isinstance(node, Binary | Negative) else node


def larger(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
    """Instant vectors made of instant vectors."""
    tight = inner.map(in_parentheses)
    ranges = st.builds(Range, SELECTORS, DURATIONS) | st.builds(
        Subquery, tight, DURATIONS, st.none() | DURATIONS, SHIFTS
    )
    matching = st.builds(
        lambda keyword, labels, group: Matching(keyword, labels, group if keyword else "", ()),
        st.sampled_from(["on", "ignoring"]),
        LABEL_LISTS,
        st.sampled_from(["", "group_left", "group_right"]),
    )
    return st.one_of(
        st.builds(lambda name, arg: Call(name, (arg,)), st.sampled_from(["abs", "absent", "sort", "timestamp"]), inner),
        st.builds(lambda name, arg: Call(name, (arg,)), st.sampled_from(["rate", "changes", "max_over_time"]), ranges),
        st.builds(lambda arg, ahead: Call("predict_linear", (arg, ahead)), ranges, SCALARS),
        st.builds(
            lambda arg, text: Call("label_replace", (arg, String("a"), String(text), String("b"), String(".*"))),
            inner,
            TEXTS,
        ),
        st.builds(
            Aggregate,
            st.sampled_from(["sum", "max"]),
            inner,
            st.none(),
            st.sampled_from(["by", "without"]),
            LABEL_LISTS,
        ),
        st.builds(Aggregate, st.sampled_from(["topk", "quantile"]), inner, NUMBERS),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2"]), tight, tight, matching),
        st.builds(Binary, st.sampled_from([*COMPARISONS]), tight, tight | SCALARS, returns_bool=st.booleans()),
        st.builds(Binary, st.sampled_from([*SETS]), tight, tight),
        tight.map(Negative),
        inner.map(Paren),
    )


TREES = st.recursive(SELECTORS, larger, max_leaves=8)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(TREES)
def test_what_is_written_is_read_as_the_same_tree(tree: Expr) -> None:
    assert parse(write(tree)) == tree


# --- any way of writing it ------------------------------------------------------------------------------------------

WRITTEN = {
    "up": "up",
    "up{}": "up",
    "{__name__='up'}": '{__name__="up"}',
    '{"a.b", job="x"}': '{__name__="a.b",job="x"}',
    'x{"a.b"=`c\\d`}': 'x{"a.b"="c\\\\d"}',
    "x{a=~`\\d+`}": 'x{a=~"\\\\d+"}',
    "x{a='it\\'s'}": 'x{a="it\'s"}',
    'x{a="\\x41\\101\\u00e9\\U0001F525\\t"}': 'x{a="AAé🔥\\t"}',
    'x{a="\\xc3\\xa9"}': 'x{a="é"}',
    "x [ 300 ]": "x[5m]",
    "x[1y2w3d4h5m6s7ms]": "x[382d4h5m6s7ms]",
    "x[5m:]": "x[5m:]",
    "x[5m:30s] offset 1h @ end()": "x[5m:30s] @ end() offset 1h",
    "x offset -5m @ 1609746000.5": "x @ 1609746000.5 offset -5m",
    "rate(x[5m] offset 1h)": "rate(x[5m] offset 1h)",
    "sum(x) by (a, 'b.c',)": 'sum by (a, "b.c") (x)',
    "sum without () (x)": "sum without () (x)",
    "topk(3, x)": "topk(3, x)",
    "count_values('v', x)": 'count_values("v", x)',
    "-x^2": "-x ^ 2",
    "2^3^4": "2 ^ 3 ^ 4",
    "2-(3-4)": "2 - (3 - 4)",
    "-1": "-1",
    "+x": "x",
    "1h30m": "5400",
    "0x1F": "31",
    "1e-7": "1e-07",
    "-Inf": "-Inf",
    "NaN": "NaN",
    "a > bool 1": "a > bool 1",
    "a * on() group_right b": "a * on () group_right () b",
    "a + ignoring(x) group_left(y) b": "a + ignoring (x) group_left (y) b",
    "a + on(x) fill_left(0) b": "a + on (x) fill_left (0) b",
    "a and on(x) b unless c or d": "a and on (x) b unless c or d",
    "holt_winters(x[5m], 0.1, 0.2)": "holt_winters(x[5m], 0.1, 0.2)",
    "# what is down\nup == 0 # is down": "up == 0",
}


@pytest.mark.parametrize("text", WRITTEN)
def test_every_form_is_written_in_one(text: str) -> None:
    assert write(parse(text)) == WRITTEN[text]
    assert parse(WRITTEN[text]) == parse(text)


def test_a_long_operation_takes_a_line_for_its_operator() -> None:
    long = "x" * 60
    assert write(parse(f"{long} / {long} > 1")) == f"{long}\n/\n{long}\n>\n1"


def test_the_metric_is_known_in_both_places() -> None:
    assert [Selector("up").metric, Selector("", (Matcher("__name__", "=", "up"),)).metric] == ["up", "up"]
    assert Selector("", (Matcher("__name__", "=~", "up|down"),)).metric == ""


def test_a_change_reaches_every_node_once() -> None:
    tree = parse("sum(rate(a[5m])) / topk(2, -(b offset 1h)) > f(c[1h:1m], 1) or d".replace("f(", "predict_linear("))
    seen: list[Expr] = []

    def note(node: Expr) -> Expr:
        seen.append(node)
        return node

    assert changed(tree, note) == tree
    assert sorted(map(repr, seen)) == sorted(map(repr, walk(tree)))


# --- what is wrong --------------------------------------------------------------------------------------------------

WRONG = (
    ("", 0, "no expression found in input"),
    ("# only this", 0, "no expression found in input"),
    ("foo bar", 4, "invalid promql query, at bar"),
    ("up == 0 for 5m", 8, "invalid promql query, at for"),
    ("up = 0", 3, "invalid promql query, at ="),
    ("a && b", 2, "unexpected character: '&', at &"),
    ("x > 5%", 6, "invalid promql query"),
    ("sum(a)) > 3", 6, "unexpected right parenthesis ')', at )"),
    ("sum(rate(x[5m]) by (a) > 3", 16, "unclosed left parenthesis, at by"),
    ("sum by (a", 9, "unclosed left parenthesis"),
    ("a * on (", 8, "unclosed left parenthesis"),
    ('x{a="b"', 7, "unexpected end of input inside braces"),
    ("up{a=b}", 5, "unexpected identifier 'b' in label matching, expected string, at b"),
    ("x[5m", 4, "unexpected end of input inside brackets"),
    ("x[1.5m]", 2, "not a valid duration string: 1.5m, at 1.5m"),
    ("x[0s]", 2, "duration must be greater than 0, at 0s"),
    ("a + rate(x) + rate(y[5m])", 4, "expected type matrix in call to function 'rate', got vector, at rate"),
    ("a + nofunc(b) + c", 4, "unknown function with name 'nofunc', at nofunc"),
    ("a > (1 > 2)", 5, "comparisons between scalars must use BOOL modifier, at 1"),
    ('sum(rate(f{a="b"}[5m])) / sum(rate(f{a="c" b="d"}[5m]))', 43, "invalid promql query, at b"),
    ('a or x{b=~"("}', 5, "illegal regex for (, at x"),
    ('a or {job=""}', 0, "vector selector must contain at least one non-empty matcher, at a"),
    ("x{a='b}", 4, "a text that begins with ' and does not end"),
    ('x{a="\\q"}', 5, '\\q is no escape of a text in "'),
    ('x{a="\\\'"}', 5, "\\' is no escape of a text in \""),
    ('x{a="\\xff"}', 5, "bytes that are not UTF-8"),
    ("x{a='\\ud800'}", 5, "\\ud800 is no escape of a text in '"),
    ("x @ -1", 4, "a moment before 1970"),
    ("x @ 1e300", 0, "number too large to fit in target type, at x"),
    ('x{a="b" or c="d"}', 12, "unexpected or in braces: Prometheus has none there, at ="),
    ("(" * 200 + "x" + ")" * 200, 0, f"nested more than {DEEPEST} levels deep"),
    ("x" + " + x" * 200, 0, f"nested more than {DEEPEST} levels deep"),
    ("(" * 100_000, 0, f"nested more than {DEEPEST} levels deep"),
)


@pytest.mark.parametrize(("text", "at", "why"), WRONG)
def test_what_is_wrong_is_said_with_its_place(text: str, at: int, why: str) -> None:
    with pytest.raises(NotPromql) as caught:
        parse(text)
    assert (caught.value.at, caught.value.why) == (at, why)


def test_what_is_as_deep_as_allowed_is_read() -> None:
    for text in (
        "(" * (DEEPEST - 1) + "x" + ")" * (DEEPEST - 1),
        "x" + " + x" * (DEEPEST - 1),
        "-" * (DEEPEST - 1) + "x",
    ):
        assert parse(write(parse(text))) == parse(text)


_PIECES = r"""
x up rate( sum( ) by (a) on( [5m] [1h:] { } a= =~ "b" '( , + - * / ^ == > bool and or unless offset @ 5m 1 1e9 start()
0x # ` \ é $ group_left
"""


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.lists(
        st.sampled_from(_PIECES.split()),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_read_or_refused_at_a_place_in_it(text: str) -> None:
    try:
        tree = parse(text)
    except NotPromql as error:
        if not 0 <= error.at <= len(text):
            raise AssertionError(error.at) from error
    else:
        assert parse(write(tree)) == tree


# --- durations ------------------------------------------------------------------------------------------------------


@given(st.integers(0, round(durations.LONGEST_S * 1000)))
def test_a_duration_is_read_as_it_was_written(ms: int) -> None:
    assert durations.parse(durations.write(ms / 1000)) == ms / 1000


@pytest.mark.parametrize(
    "text", ["", "5", "1.5h", "5m1h", "-5m", "5 m", "1h30", "m", "5M", "300y", "9" * 18 + "y", "\u0663s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a duration|longer than"):
        durations.parse(text)


def test_a_duration_is_divided_to_a_millisecond_and_not_to_nothing() -> None:
    found = [durations.divided(each, 7) for each in (0.0, 0.001, 300.0)]
    assert found == [0.0, 0.001, 42.857]
    assert math.isclose(durations.parse("1d1h1m1s1ms"), 90061.001)

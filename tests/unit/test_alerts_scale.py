"""Rules for a drill: every duration is divided and told of, and what cannot be divided is left and told of."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_alerts_expressions import TREES
from tests.unit.test_alerts_rules import GROUPS

from promdrill.alerts import expressions
from promdrill.alerts.apart import narrowed
from promdrill.alerts.expressions import Call, Expr, Range, Selector, Subquery, walk
from promdrill.alerts.parser import parse
from promdrill.alerts.rules import Group, Place, Rule, read_text
from promdrill.alerts.scale import KINDS, Scaled, scaled
from promdrill.core.alerts import DRILL_LABEL
from promdrill.core.errors import UsageError


def alert(expr: str, *, for_s: float = 0.0, keep_firing_for_s: float = 0.0) -> Group:
    """A group with one alert."""
    rule = Rule("A", is_alert=True, expr=parse(expr), for_s=for_s, keep_firing_for_s=keep_firing_for_s)
    return Group("mine", (replace(rule, place=Place("f.yaml", 4)),))


def at_10(expr: str, *others: Rule) -> Scaled:
    """A group with this alert and other rules, ten times as fast."""
    group = alert(expr)
    return scaled([replace(group, rules=(*group.rules, *others))], 10)


def record(name: str, expr: str) -> Rule:
    return Rule(name, is_alert=False, expr=parse(expr), place=Place("f.yaml", 9))


def kinds(found: Scaled) -> list[str]:
    return [left.kind for left in found.left if left.kind != "short-range"]


# --- what is divided ---


DIVIDED = {
    "up == 0": "up == 0",
    "rate(x[5m]) > 1": "rate(x[30s]) > 1",
    "x offset 1h": "x offset 6m",
    "x offset -1h": "x offset -6m",
    "rate(x[5m] offset 1h @ end())": "rate(x[30s] @ end() offset 6m)",
    "max_over_time(x[1d:5m] offset 1h)": "max_over_time(x[2h24m:30s] offset 6m)",
    "max_over_time(x[1h:])": "max_over_time(x[6m:])",
    "max_over_time(rate(x[5m])[1h:1m])": "max_over_time(rate(x[30s])[6m:6s])",
    "predict_linear(x[6h], 345600) < 0": "predict_linear(x[36m], 34560) < 0",
    "predict_linear(x[6h], 4*24*3600) < 0": "predict_linear(x[36m], (4 * 24 * 3600) / 10) < 0",
    "predict_linear(x[6h], (4*24*3600)) < 0": "predict_linear(x[36m], (4 * 24 * 3600) / 10) < 0",
    "predict_linear(x[6h], 4d) < 0": "predict_linear(x[36m], 34560) < 0",
    "predict_linear(x[6h], scalar(y)) < 0": "predict_linear(x[36m], scalar(y) / 10) < 0",
    "predict_linear(x[6h], -y) < 0".replace("-y", "-3600"): "predict_linear(x[36m], -360) < 0",
    "holt_winters(x[5m], 0.5, 0.5)": "holt_winters(x[30s], 0.5, 0.5)",
    "quantile_over_time(0.9, x[5m])": "quantile_over_time(0.9, x[30s])",
    "x[5ms]".replace("x[5ms]", "rate(x[5ms])"): "rate(x[1ms])",
    'x{range="[5m]"} > 300': 'x{range="[5m]"} > 300',
}


@pytest.mark.parametrize("expr", DIVIDED)
def test_durations_are_divided_and_nothing_else_is(expr: str) -> None:
    (group,) = at_10(expr).groups
    assert expressions.write(group.rules[0].expr) == DIVIDED[expr]
    assert parse(DIVIDED[expr]) == group.rules[0].expr


def test_the_durations_of_rule_and_group_are_divided_and_told_of() -> None:
    group = alert("rate(x[5m] offset 1h) > 0", for_s=900.0, keep_firing_for_s=60.0)
    group = replace(group, interval_s=30.0, query_offset_s=60.0, place=Place("f.yaml", 1))
    found = scaled([group], 10)
    (fast,) = found.groups
    assert (fast.interval_s, fast.query_offset_s) == (3.0, 6.0)
    assert (fast.rules[0].for_s, fast.rules[0].keep_firing_for_s) == (90.0, 6.0)
    assert list(map(str, found.changes)) == [
        "f.yaml:1: mine: interval 30s is 3s",
        "f.yaml:1: mine: query_offset 1m is 6s",
        "f.yaml:4: A: for 15m is 1m30s",
        "f.yaml:4: A: keep_firing_for 1m is 6s",
        "f.yaml:4: A: offset 1h is 6m",
        "f.yaml:4: A: range 5m is 30s",
    ]
    assert found.left == ()


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(GROUPS)
def test_at_speed_1_nothing_changes_and_nothing_is_left(groups: tuple[Group, ...]) -> None:
    found = scaled(groups, 1, scrape_s=0.001)
    assert found == Scaled(groups, (), ())


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(TREES, st.floats(1, 1000))
def test_any_expression_is_divided_on_its_tree(tree: Expr, speed: float) -> None:
    found = scaled([Group("mine", (Rule("A", is_alert=True, expr=tree),))], speed)
    after = found.groups[0].rules[0].expr
    assert parse(expressions.write(after)) == after
    assert lengths(after) == [max(0.001, round(each / speed, 3)) if each else 0.0 for each in lengths(tree)]
    durations = sum(1 for each in lengths(tree) if each and max(0.001, round(each / speed, 3)) != each)
    ahead = sum(isinstance(each, Call) and each.function == "predict_linear" for each in walk(tree))
    assert len(found.changes) == durations + (ahead if speed > 1 else 0)


def lengths(tree: Expr) -> list[float]:
    """Every duration in an expression, without signs."""
    found: list[float] = []
    for node in walk(tree):
        if isinstance(node, Range | Subquery):
            found.append(node.range_s)
        if isinstance(node, Subquery) and node.step_s is not None:
            found.append(node.step_s)
        if isinstance(node, Selector | Subquery):
            found.append(abs(node.shift.offset_s))
    return found


# --- what is left ---


LEFT = {
    # seconds by the clock
    "time() - x > 3600": "seconds",
    "time() - x > 1h": "seconds",
    "3600 < time() - x": "seconds",
    "x < time() - 3600": "seconds",
    "(time() - max by (a) (x)) / 3600 > 24": "seconds",
    "x - time() < 86400 * 21": "seconds",
    "time() - timestamp(x) > bool 60": "seconds",
    "vector(time()) - x > 60": "seconds",
    "max_over_time((time() - x)[1h:1m]) > 60": "seconds",
    "time() - a > on (job) b": "seconds",
    "a_timestamp_seconds - max_over_time(b_timestamp_seconds[5m]) > 120": "seconds",
    "kube_job_status_completion_time - kube_job_status_start_time > 600": "seconds",
    "time() - a > time() - b + 60": "seconds",
    # how much happened within a range
    "increase(x[5m]) > 5": "fewer",
    "sum(increase(x[5m])) >= 1": "fewer",
    "changes(x[15m]) == 0": "fewer",
    "resets(x[1h]) > 2": "fewer",
    "delta(x[1h]) > 2": "fewer",
    "increase(x[5m]) / 300 > 0.1": "fewer",
    "increase(x[5m]) > on (job) y": "fewer",
    "increase(x[5m]) > 0 and increase(y[5m]) <= 0": "fewer",
    "(increase(x[5m]) or y) > 5": "fewer",
    "(y or increase(x[5m])) > 5": "fewer",
    "max_over_time(increase(x[5m])[1h:1m]) > 5": "fewer",
    # samples
    "count_over_time(x[5m]) < 3": "samples",
    "sum_over_time(x[5m]) > 3": "samples",
    "count_over_time(x[5m:]) == 0": "samples",
    # an earlier moment
    "x - x offset 1d > 100": "earlier",
    "x / x offset 1d > 1.5": "earlier",
    "x > 1.5 * (x offset 1d)": "earlier",
    "abs(x - max_over_time(x[1h] offset 1d)) > 5": "earlier",
    # others
    "x and on () hour() > 8": "clock",
    "x and on () (day_of_week(x) == 0)": "clock",
    "x > 1 and absent_over_time(y[1h])": "gap",
    "x @ 1609746000 > 1": "moment",
}


@pytest.mark.parametrize("expr", LEFT)
def test_what_depends_on_how_fast_time_passes_is_left_and_told_of(expr: str) -> None:
    found = at_10(expr)
    assert kinds(found) == [LEFT[expr]]
    assert set(kinds(found)) <= set(KINDS)
    (told,) = [left for left in found.left if left.kind != "short-range"]
    assert told.what in expressions.write(parse(expr))
    assert str(told).startswith(f"f.yaml:4: A: {told.what}: ")


FAITHFUL = (
    "up == 0",
    "rate(x[5m]) > 5",
    "rate(x[5m]) * 3600 > 5",
    "irate(x[5m]) > 5",
    "deriv(x[5m]) > 5",
    "increase(x[5m]) > 0",
    "increase(x[5m]) != 0",
    "delta(x[5m]) < 0",
    "increase(x[5m]) / increase(y[5m]) > 0.25",
    "100 * sum(increase(x[5m])) / sum(increase(y[5m])) > 25",
    "increase(x[5m]) > increase(y[5m])",
    "increase(x[5m]) > 2 * increase(y[5m])",
    "count(increase(x[5m]) > 0) > 3",
    "histogram_quantile(0.9, sum by (le) (increase(x_bucket[5m]))) > 1",
    "sum_over_time(x[5m]) / count_over_time(x[5m]) > 3",
    "count_over_time(x[1h:1m]) > 30",
    "avg_over_time(x[5m]) > 5",
    "max_over_time(x[5m]) == 0",
    "predict_linear(x[6h], 3600) < 0",
    "x - time() < 0",
    "a_timestamp_seconds > b_timestamp_seconds",
    "x - x offset 1d < 0",
    "x offset 1h > 5",
    "x > x offset 1h",
    "x @ end() > 5",
    "time() - x",
    "absent(x)",
    "node_disk_io_time_seconds_total - node_disk_io_time_weighted_seconds_total > 5",
)


@pytest.mark.parametrize("expr", FAITHFUL)
def test_what_is_the_same_at_any_speed_is_not_told_of(expr: str) -> None:
    assert kinds(at_10(expr)) == []


def test_what_is_recorded_is_told_of_where_it_is_compared() -> None:
    others = (record("job:x:sum", "sum by (job) (job:x:age)"), record("job:x:age", "time() - x"))
    (left,) = at_10("job:x:sum / 60 > 5", *others).left
    assert left.kind == "seconds"
    assert left.why.endswith("(recorded by job:x:sum)")
    assert kinds(at_10("job:x:sum / 60 > 5", record("job:x:sum", "sum by (job) (x)"))) == []


def test_records_that_record_each_other_come_to_an_end() -> None:
    assert kinds(at_10("a > 5", record("a", "b + time()"), record("b", "a"))) == ["seconds"]


def test_a_name_that_states_a_range_stays_and_is_told_of() -> None:
    rules = [
        record("job:x:rate5m", "rate(x[5m])"),
        record("job:x:rate5m:max", "x"),
        record("x:burnrate1h", "rate(x[1h])"),
    ]
    assert kinds(at_10("up == 0", *rules)) == ["name", "name"]
    assert [rule.name for rule in at_10("up == 0", *rules).groups[0].rules[1:]] == [rule.name for rule in rules]


def test_a_query_in_a_text_is_told_of() -> None:
    text = """\
    groups:
    - name: mine
      rules:
      - alert: A
        expr: up == 0
        annotations:
          a: '{{ with query "rate(x[5m])" }}{{ . | first | value }}{{ end }}'
          b: '{{ $labels.query }}'
    """
    found = scaled(read_text(dedent(text), said="f.yaml"), 10)
    assert [str(left) for left in found.left] == [
        'f.yaml:4: A: a: {{ with query "rate(x[5m])" }}: a query in a text is not divided'
    ]


def test_what_becomes_too_short_is_told_of() -> None:
    group = alert("rate(x[1m]) > 0 and max_over_time(y[1m:]) > 0 and rate(z[5m]) > 0", for_s=60.0)
    assert [str(left) for left in scaled([group], 120).left] == [
        "f.yaml:4: A: for 500ms: it fires at the second evaluation, 1s later",
        "f.yaml:4: A: x[500ms]: shorter than two scrapes (2s), so it may hold too little",
        "f.yaml:4: A: y[500ms:]: shorter than two evaluations, which are its steps (2s), so it may hold too little",
    ]
    assert [left.kind for left in scaled([group], 60).left] == ["short-range", "short-range"]
    assert scaled([group], 60, scrape_s=0.5).left == ()


def test_an_alert_that_was_pending_for_less_than_an_evaluation_is_as_it_was() -> None:
    group = replace(alert("up == 0", for_s=60.0), interval_s=600.0)
    assert scaled([group], 60).left == ()
    assert [left.kind for left in scaled([replace(group, interval_s=None)], 120).left] == ["short-for"]


def test_a_speed_that_makes_no_sense_is_refused() -> None:
    for speed in (0, 0.5, -1, float("nan"), float("inf"), 1e9):
        with pytest.raises(UsageError, match=r"speed .*: not a number from 1 to 86400"):
            scaled([], speed)
    for scrape_s in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="scrape interval"):
            scaled([], 1, scrape_s=scrape_s)


# --- one drill's ---


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(TREES)
def test_every_selector_sees_one_drill_and_what_is_nobodys(tree: Expr) -> None:
    (group,) = narrowed([Group("mine", (Rule("A", is_alert=True, expr=tree, labels={"a": "b"}),))], "disk-full")
    (rule,) = group.rules
    assert rule.labels == {"a": "b", DRILL_LABEL: "disk-full"}
    before = [node for node in walk(tree) if isinstance(node, Selector)]
    after = [node for node in walk(rule.expr) if isinstance(node, Selector)]
    assert [expressions.write(node) for node in map(without, after)] == [expressions.write(node) for node in before]
    assert all(node.matchers[-1] == expressions.Matcher(DRILL_LABEL, "=~", "disk-full|") for node in after)
    assert parse(expressions.write(rule.expr)) == rule.expr


def without(node: Selector) -> Selector:
    return replace(node, matchers=node.matchers[:-1])


def test_a_drills_name_is_no_pattern() -> None:
    (group,) = narrowed([alert("up")], "oom[2].x-y")
    assert expressions.write(group.rules[0].expr) == 'up{promdrill_drill=~"oom\\\\[2\\\\]\\\\.x-y|"}'


def test_who_has_the_label_already_is_refused() -> None:
    wrong = {
        'f.yaml:4: A, in up{promdrill_drill="x"}, has the label': alert('sum(up{promdrill_drill="x"})'),
        "f.yaml:4: A has the label": replace(
            alert("up"), rules=(replace(alert("up").rules[0], labels={DRILL_LABEL: "x"}),)
        ),
        "f.yaml:1: the group mine has the label": replace(
            alert("up"), labels={DRILL_LABEL: "x"}, place=Place("f.yaml", 1)
        ),
    }
    for message, group in wrong.items():
        with pytest.raises(UsageError) as caught:
            narrowed([group], "disk-full")
        assert caught.value.message.startswith(message)

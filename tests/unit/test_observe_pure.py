"""Probes, snapshots, conditions, quantities: what needs no thread."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.observe_world import NOW, container, pod, said, snapshot

from promdrill.observe.conditions import Condition, Kind, Seen, all_of, any_of, negate, unknown
from promdrill.observe.observer import percentile
from promdrill.observe.poll import parse_metrics, read_metrics
from promdrill.observe.probes import HttpProbe, MetricsProbe, QueryProbe
from promdrill.observe.quantity import size_bytes
from promdrill.observe.snapshot import LogLine, container_status, moment

PROBES = (QueryProbe("s", 80, "up"), HttpProbe("s", 80, "GET", "/"))


def saw(name: str, seen: Seen, *, probe: int = 0) -> Condition:
    return Condition(name, Kind.POD, lambda _: seen, (PROBES[probe],))


YES = saw("yes", Seen(holds=True, text="is so", changed=NOW))
NO = saw("no", Seen(holds=False, text="is not so"), probe=1)
DARK = saw("dark", unknown("not asked yet"))


@pytest.mark.parametrize(
    ("condition", "holds", "known", "text"),
    [
        (all_of(YES), True, True, "yes: is so"),
        (all_of(YES, NO, DARK), False, True, "no: is not so; dark: not asked yet"),
        (all_of(YES, DARK), False, False, "dark: not asked yet"),
        (any_of(NO, YES), True, True, "yes: is so"),
        (any_of(YES, DARK), True, True, "yes: is so"),
        (any_of(NO, DARK), False, False, "no: is not so; dark: not asked yet"),
        (any_of(NO), False, True, "no: is not so"),
        (negate(NO, "n"), True, True, "is not so"),
        (negate(YES, "n"), False, True, "is so"),
        (negate(DARK, "n"), False, False, "not asked yet"),
        (negate(all_of(YES, DARK), "n"), False, False, "dark: not asked yet"),
    ],
)
def test_combinators_say_what_is_missing_and_never_hold_on_nothing_known(
    condition: Condition, *, holds: bool, known: bool, text: str
) -> None:
    seen = condition.judge(snapshot())
    assert (seen.holds, seen.known, seen.text) == (holds, known, text)


def test_combinators_keep_names_probes_and_moments() -> None:
    both = all_of(YES, NO, YES)
    assert both.name == "yes and no and yes"
    assert both.probes == PROBES
    assert any_of(YES, NO).name == "yes or no"
    assert any_of(YES, NO).judge(snapshot()).changed == NOW
    later = saw("later", Seen(holds=True, text="", changed=NOW + timedelta(seconds=1)))
    assert all_of(YES, later).judge(snapshot()).changed == NOW + timedelta(seconds=1)
    assert all_of(YES, saw("timeless", Seen(holds=True, text=""))).judge(snapshot()).changed is None
    with pytest.raises(ValueError, match="no conditions"):
        all_of()


def test_the_first_that_holds_is_the_moment_of_any() -> None:
    later = saw("later", Seen(holds=True, text="", changed=NOW + timedelta(seconds=1)))
    timeless = saw("timeless", Seen(holds=True, text=""))
    assert any_of(later, YES, timeless).judge(snapshot()).changed == NOW


def test_a_combination_is_of_the_kind_of_its_first() -> None:
    log = Condition("log", Kind.LOG, YES.judge)
    assert [each.kind for each in (all_of(log, YES), any_of(log, YES), negate(log, "n"))] == [Kind.LOG] * 3
    assert [each.kind for each in (all_of(YES, log), any_of(YES, log))] == [Kind.POD] * 2


def test_all_of_quotes_what_it_shows() -> None:
    quoted = saw("log", Seen(holds=True, text="a line", quotes=True))
    assert all_of(YES, quoted).judge(snapshot()).quotes
    assert not all_of(YES, YES).judge(snapshot()).quotes
    assert not all_of(quoted, NO).judge(snapshot()).quotes, "only what is missing is shown"


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        ("1300Gi", 1300 << 30),
        ("1G", 10**9),
        ("512", 512),
        ("1.5Ki", 1536),
        ("2k", 2000),
        ("1000m", 1),
        ("1Ei", 1 << 60),
    ],
)
def test_quantities(quantity: str, size: int) -> None:
    assert size_bytes(quantity) == size


@pytest.mark.parametrize("quantity", ["", "Gi", "1GB", "-1Gi", "1 Gi", ".", "..Gi", "1.2.3"])
def test_no_quantities(quantity: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        size_bytes(quantity)


def test_moments_to_the_microsecond() -> None:
    assert moment("2026-01-01T12:00:00Z") == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert moment("2026-01-01T12:00:00.123456789Z") == datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert moment("2026-01-01T12:00:00.5Z") == datetime(2026, 1, 1, 12, 0, 0, 500000, tzinfo=UTC)
    assert moment(None) is None


def test_pods_are_found_newest_first_and_not_while_leaving() -> None:
    old, new = pod("a-2", created_s=-9), pod("a-1", created_s=-3)
    gone = pod("a-0", created_s=-1, leaving=True)
    seen = snapshot(old, gone, new, pod("b", labels={}))
    labels = {"app.kubernetes.io/component": "server"}
    assert seen.select(labels) == (new, old)
    assert seen.select(labels, leaving=True) == (gone, new, old)
    assert seen.pod("a-") == new
    assert seen.pod({"no": "such"}) is None
    assert container_status(new, "nobody") is None
    assert container_status(pod("c", container("x", restarts=4)), "x")["restartCount"] == 4  # type: ignore[index]


def test_what_nobody_says_of_a_snapshot_or_a_line_is_nothing() -> None:
    assert (snapshot().version, LogLine(NOW, "x").restart) == (0, 0)


def test_lines_of_pods_by_prefix() -> None:
    line = LogLine(NOW, "hello")
    seen = snapshot(logs={("p-1", "c"): (line,), ("p-2", "d"): (line,), ("q-1", "c"): (line,)})
    assert list(seen.lines("p-", "c")) == [("p-1", line)]


def test_query_answers_become_vectors() -> None:
    def body(kind: str, result: object) -> str:
        return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})

    up = {"metric": {"job": "a"}, "value": [1.0, "1"]}
    assert said(200, body("vector", [up])).vector() == {frozenset({("job", "a")}): 1.0}
    assert said(200, body("vector", [])).vector() == {}
    assert said(200, body("scalar", [1.0, "2.5"])).vector() == {frozenset(): 2.5}
    assert said(503, body("vector", [])).vector() is None
    assert said(200, '{"status":"error"}').vector() is None
    assert said(200, "<html>").vector() is None
    assert said(None, error="away").vector() is None


@pytest.mark.parametrize(
    ("status", "text", "nobody"),
    [
        (None, "", True),
        (503, '{"kind": "Status", "apiVersion": "v1"}', True),
        (503, '{"kind": "Status"}', False),
        (503, '{"kind": "Other", "apiVersion": "v1"}', False),
        (503, '["apiVersion"]', False),
    ],
)
def test_no_pod_has_answered_where_nobody_did_or_the_api_server_did(
    status: int | None, text: str, *, nobody: bool
) -> None:
    assert said(status, text).from_no_pod is nobody


def test_query_paths_are_escaped_and_may_name_a_time() -> None:
    assert QueryProbe("s", 80, 'up{a="b"}').path == "/api/v1/query?query=up%7Ba%3D%22b%22%7D"
    assert QueryProbe("s", 80, "up", 1.5).path == "/api/v1/query?query=up&time=1.500"


PAGE = """# HELP a_total some
# TYPE a_total counter
a_total{type="float"} 3
a_total{type="hist"} 4
# TYPE a_total_more gauge
a_total_more 9
b 1e+09
"""


def test_metrics_are_kept_by_exact_name_and_summed_over_labels() -> None:
    assert parse_metrics(PAGE, frozenset({"a_total", "b"})) == {
        ("a_total", frozenset({("type", "float")})): 3.0,
        ("a_total", frozenset({("type", "hist")})): 4.0,
        ("b", frozenset()): 1e9,
    }
    assert ("a_total_more", frozenset()) in parse_metrics(PAGE)
    read = read_metrics(said(200, PAGE), MetricsProbe("s", 80, names=frozenset({"a_total"})))
    assert read.total("a_total") == 7
    assert read.total("a_total", type="hist") == 4
    assert read.total("b") is None
    assert read.text == "", "a page of hundreds of kilobytes is not kept"


def test_what_is_no_metrics_page_says_so() -> None:
    probe = MetricsProbe("s", 80)
    assert read_metrics(said(503, "no endpoints"), probe).metrics is None
    broken = read_metrics(said(200, "<html> {} %%"), probe)
    assert broken.metrics is None
    assert "not metrics" in broken.error


def test_percentiles() -> None:
    assert percentile([], 95) is None
    assert percentile([0.5], 95) == 0.5
    assert percentile([n / 1000 for n in range(1, 1001)], 95) == 0.95
    assert percentile([0.12345], 95) == 0.123
    assert percentile([0.3, 0.1, 0.2], 50) == 0.2

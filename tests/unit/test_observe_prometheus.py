"""Questions that are asked once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.observe_world import NAMESPACE, FakeKube

from promdrill.core.errors import ClusterError
from promdrill.observe.prometheus import buildinfo, history, instant, samples, targets
from promdrill.observe.server import Server

SERVER = Server.of(NAMESPACE, "prometheus")
BASE = f"/api/v1/namespaces/{NAMESPACE}/services/prometheus-server:80/proxy/api/v1"
A = frozenset({("job", "a")})


def kube(path: str, *answers: tuple[int, str]) -> Any:
    return FakeKube(answers={("GET", f"{BASE}{path}"): list(answers)})


def ok(data: Any) -> tuple[int, str]:
    return 200, json.dumps({"status": "success", "data": data})


def vector(*items: dict[str, Any]) -> tuple[int, str]:
    return ok({"resultType": "vector", "result": list(items)})


UP = {"metric": {"job": "a"}, "value": [5.0, "1"]}
MATRIX = ok({"resultType": "matrix", "result": [{"metric": {"job": "a"}, "values": [[1.5, "1"], [2.5, "0"]]}]})


def test_instant_queries_now_and_at_a_time() -> None:
    assert instant(kube("/query?query=up", vector(UP)), SERVER, "up") == {A: 1.0}
    assert instant(kube("/query?query=up&time=5.000", vector()), SERVER, "up", 5.0) == {}
    assert instant(kube("/query?query=1", ok({"resultType": "scalar", "result": [0, "1"]})), SERVER, "1") == {
        frozenset(): 1.0
    }


def test_stored_samples_keep_their_times() -> None:
    stored = kube("/query?query=up%5B7500ms%5D&time=9.000", MATRIX)
    assert samples(stored, SERVER, "up", start_s=1.5, end_s=9) == {A: [(1.5, 1.0), (2.5, 0.0)]}


def test_samples_of_no_time_are_those_of_its_last_millisecond() -> None:
    assert samples(kube("/query?query=up%5B1ms%5D&time=9.000", MATRIX), SERVER, "up", start_s=9, end_s=9)


def test_a_vector_where_a_matrix_belongs_is_an_error() -> None:
    with pytest.raises(ClusterError, match="expected a matrix, not a vector"):
        samples(kube("/query?query=1%5B1000ms%5D&time=1.000", vector()), SERVER, "1", start_s=0, end_s=1)


@pytest.mark.parametrize(
    "answer", [(503, "no endpoints"), (200, "<html>"), (200, "[]"), (400, '{"status":"error","error":"parse error"}')]
)
def test_anything_but_success_is_an_error_that_quotes_it(answer: tuple[int, str]) -> None:
    with pytest.raises(ClusterError, match=rf"prometheus-server\) does not answer .*: HTTP {answer[0]}") as error:
        instant(kube("/query?query=up", answer), SERVER, "up")
    assert answer[1] in str(error.value)


METRICS = f"/api/v1/namespaces/{NAMESPACE}/services/prometheus-server:80/proxy/metrics"


def page(**values: float) -> tuple[int, str]:
    """A /metrics page with the server's own metrics of these names."""
    return 200, "".join(f"prometheus_tsdb_{name} {value!r}\n" for name, value in values.items())


def counts(metrics: tuple[int, str], *stretches: tuple[int, int, tuple[int, str]]) -> Any:
    """A server with that page, which is asked for counts over stretches in ms, up to a second, and nothing else."""
    asked = {
        ("GET", f"{BASE}/query?query=count_over_time%28up%5B{ms}ms%5D%29&time={at}.000"): [answer]
        for ms, at, answer in stretches
    }
    return FakeKube(answers={("GET", METRICS): [metrics], **asked})


TWELVE = vector({"metric": {"job": "a"}, "value": [0, "12"]})


def test_history_without_a_block_is_two_halves_since_the_oldest_sample() -> None:
    server = counts(
        page(lowest_timestamp_seconds=100.0, head_min_time_seconds=100.0, blocks_loaded=0.0),
        (10001, 110, TWELVE),
        (10001, 120, TWELVE),
    )
    first, second = history(server, SERVER, since_s=105, until_s=120, stretch_s=0)
    assert (first.at_s, second.at_s) == (110, 120)
    assert first.result == second.result == {(A, 12.0)}


def test_a_head_too_short_for_two_scrapes_is_one_stretch() -> None:
    server = counts(
        page(lowest_timestamp_seconds=100.0, head_min_time_seconds=100.0, blocks_loaded=0.0), (20001, 120, TWELVE)
    )
    assert [each.at_s for each in history(server, SERVER, since_s=105, until_s=120, stretch_s=10.1)] == [120]


def test_a_head_just_long_enough_for_two_scrapes_is_two_stretches() -> None:
    server = counts(page(lowest_timestamp_seconds=100.0), (10001, 110, TWELVE), (10001, 120, TWELVE))
    assert [each.at_s for each in history(server, SERVER, since_s=105, until_s=120, stretch_s=10)] == [110, 120]


def test_blocks_that_are_not_there_are_no_stretch() -> None:
    server = counts(
        page(lowest_timestamp_seconds=100.0, head_min_time_seconds=104.0, blocks_loaded=0.0),
        (10001, 110, TWELVE),
        (10001, 120, TWELVE),
    )
    assert [each.at_s for each in history(server, SERVER, since_s=105, until_s=120, stretch_s=0)] == [110, 120]


def test_all_that_is_in_blocks_is_a_stretch_of_its_own() -> None:
    server = counts(
        page(lowest_timestamp_seconds=40.0, head_min_time_seconds=100.0, blocks_loaded=3.0),
        (60001, 100, TWELVE),
        (10001, 110, TWELVE),
        (10001, 120, TWELVE),
    )
    assert [each.at_s for each in history(server, SERVER, since_s=105, until_s=120, stretch_s=0)] == [100, 110, 120]


@pytest.mark.parametrize("head_s", [100.0, 120.0], ids=["written, and still in the head", "nothing in the head"])
def test_a_stretch_is_never_empty(head_s: float) -> None:
    server = counts(
        page(lowest_timestamp_seconds=100.0, head_min_time_seconds=head_s, blocks_loaded=1.0),
        (10001, 110, TWELVE),
        (10001, 120, TWELVE),
    )
    assert [each.at_s for each in history(server, SERVER, since_s=105, until_s=120, stretch_s=0)] == [110, 120]


def test_a_block_that_cannot_be_read_is_no_baseline() -> None:
    server = counts(
        page(lowest_timestamp_seconds=40.0, head_min_time_seconds=100.0, blocks_loaded=1.0),
        (60001, 100, (422, '{"status":"error","error":"invalid checksum"}')),
    )
    with pytest.raises(ClusterError, match=r"HTTP 422 .*invalid checksum"):
        history(server, SERVER, since_s=105, until_s=120, stretch_s=0)


@pytest.mark.parametrize(
    "unknown",
    [
        page(),
        page(lowest_timestamp_seconds=9.2e15, head_min_time_seconds=9.2e15, blocks_loaded=0.0),
        page(lowest_timestamp_seconds=120.0),
    ],
    ids=["no such metrics", "an empty database", "nothing before the end"],
)
def test_history_begins_with_the_baseline_if_the_server_does_not_say_where(unknown: tuple[int, str]) -> None:
    server = counts(unknown, (7501, 112, TWELVE), (7501, 120, TWELVE))
    server.answers["GET", f"{BASE}/query?query=count_over_time%28up%5B7501ms%5D%29&time=112.500"] = [TWELVE]
    assert [each.at_s for each in history(server, SERVER, since_s=105, until_s=120, stretch_s=0)] == [112.5, 120]


def test_what_is_remembered_must_be_something() -> None:
    known = page(lowest_timestamp_seconds=100.0)
    early = counts(known, (10001, 110, vector()), (10001, 120, TWELVE))
    assert [each.at_s for each in history(early, SERVER, since_s=105, until_s=120, stretch_s=0)] == [120]
    late = counts(known, (10001, 110, TWELVE), (10001, 120, vector()))
    with pytest.raises(ClusterError, match=r"empty result at 120\.000: nothing to remember"):
        history(late, SERVER, since_s=105, until_s=120, stretch_s=0)
    with pytest.raises(ClusterError, match="does not answer /metrics: HTTP 503"):
        history(counts((503, "no endpoints")), SERVER, since_s=105, until_s=120, stretch_s=0)
    with pytest.raises(ClusterError, match="/metrics is no page of metrics"):
        history(counts((200, "prometheus_tsdb_blocks_loaded x")), SERVER, since_s=105, until_s=120, stretch_s=0)


CONFIG = "global: {scrape_interval: 1m}\nscrape_configs:\n- {job_name: a, scrape_interval: 1m30s}\n- {job_name: b}\n"
UP_FROM_1_TO_9 = "/query?query=up%5B8000ms%5D&time=9.000"


def active(job: str, *, renamed: str = "", **more: str) -> dict[str, Any]:
    return {"labels": {"job": renamed or job, "instance": "x"}, "discoveredLabels": {"job": job}, **more}


def scraped(*listed: dict[str, Any], stored: tuple[int, str] = MATRIX) -> Any:
    server = kube("/targets?state=active", ok({"activeTargets": list(listed)}))
    server.answers["GET", f"{BASE}{UP_FROM_1_TO_9}"] = [stored]
    return server


def targets_of(server: Any) -> list[tuple[str, float, float | None]]:
    found = targets(server, SERVER, since_s=1, until_s=9, interval_s=60.0)
    return [(each.job, each.interval_s, each.first_s) for each in found]


def test_targets_have_the_interval_that_they_are_scraped_at() -> None:
    new = scraped(active("a", scrapeInterval="500ms"), active("b", scrapeInterval="2s"))
    assert targets_of(new) == [("a", 0.5, None), ("b", 2.0, None)]


def test_before_2_30_targets_have_the_interval_of_their_job() -> None:
    old = scraped(active("a", renamed="c"), active("b"), active("not in the configuration"))
    old.answers["GET", f"{BASE}/status/config"] = [ok({"yaml": CONFIG})]
    assert [(job, every_s) for job, every_s, _ in targets_of(old)] == [
        ("c", 90.0),
        ("b", 60.0),
        ("not in the configuration", 60.0),
    ]


def test_one_target_without_an_interval_is_enough_to_ask_for_those_of_the_jobs() -> None:
    mixed = scraped(active("b", scrapeInterval="2s"), active("a"))
    mixed.answers["GET", f"{BASE}/status/config"] = [ok({"yaml": CONFIG})]
    assert [(job, every_s) for job, every_s, _ in targets_of(mixed)] == [("b", 2.0), ("a", 90.0)]


def test_the_first_sample_of_a_target_is_the_first_that_was_scraped() -> None:
    metric = {"__name__": "up", "job": "a", "instance": "x"}
    stored = ok(
        {"resultType": "matrix", "result": [{"metric": metric, "values": [[2.5, "0"], [3.5, "1"], [4.5, "1"]]}]}
    )
    assert targets_of(scraped(active("a", scrapeInterval="1s"), stored=stored)) == [("a", 1.0, 3.5)]


def test_targets_of_another_drill_are_not_remembered() -> None:
    other = active("a", scrapeInterval="1s")
    other["discoveredLabels"]["__meta_kubernetes_namespace"] = "drill-other"
    assert targets_of(scraped(other)) == []


def test_build_information_of_new_and_old_versions() -> None:
    assert buildinfo(kube("/status/buildinfo", ok({"version": "2.48.0"})), SERVER) == {"version": "2.48.0"}
    old = kube("/status/buildinfo", (404, "404 page not found"))
    metric = {"metric": {"__name__": "prometheus_build_info", "version": "2.9.2"}, "value": [0, "1"]}
    old.answers["GET", f"{BASE}/query?query=prometheus_build_info"] = [vector(metric)]
    assert buildinfo(old, SERVER)["version"] == "2.9.2"
    with pytest.raises(ClusterError, match="HTTP 503"):
        buildinfo(kube("/status/buildinfo", (503, "no endpoints")), SERVER)

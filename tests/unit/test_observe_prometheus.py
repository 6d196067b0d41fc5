"""Questions that are asked once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.observe_world import NAMESPACE, FakeKube

from promdrill.core.errors import ClusterError
from promdrill.observe.prometheus import Remembered, buildinfo, instant, remember, samples
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


def test_what_is_remembered_must_be_something() -> None:
    path = "/query?query=up&time=5.000"
    assert remember(kube(path, vector(UP)), SERVER, "up", 5.0) == Remembered("up", 5.0, frozenset({(A, 1.0)}))
    with pytest.raises(ClusterError, match="empty result"):
        remember(kube(path, vector()), SERVER, "up", 5.0)


def test_build_information_of_new_and_old_versions() -> None:
    assert buildinfo(kube("/status/buildinfo", ok({"version": "2.48.0"})), SERVER) == {"version": "2.48.0"}
    old = kube("/status/buildinfo", (404, "404 page not found"))
    metric = {"metric": {"__name__": "prometheus_build_info", "version": "2.9.2"}, "value": [0, "1"]}
    old.answers["GET", f"{BASE}/query?query=prometheus_build_info"] = [vector(metric)]
    assert buildinfo(old, SERVER)["version"] == "2.9.2"
    with pytest.raises(ClusterError, match="HTTP 503"):
        buildinfo(kube("/status/buildinfo", (503, "no endpoints")), SERVER)

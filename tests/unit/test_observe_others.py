"""Conditions on everything but the drilled server: each holds, does not hold, and is not known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.observe_world import answered, container, ended, named, pod, said, snapshot, waiting

from promdrill.observe.conditions import Condition, negate
from promdrill.observe.judges import status_words
from promdrill.observe.others import (
    claim_phase,
    command,
    ended_with,
    exporter_metric,
    http_answer,
    no_claim,
    no_pod,
    object_shows,
    pods_ready,
)
from promdrill.observe.probes import ExecProbe, HttpProbe, MetricsProbe, ObjectProbe, ProbeAnswer
from promdrill.observe.snapshot import Object, Snapshot

APP = {"app.kubernetes.io/name": "app"}
LEAVES = {"app": "other"}


def app(name: str = "app-1", *containers: Object, **fields: Any) -> Object:
    """A pod of the app, 1/1."""
    return pod(name, *(containers or (container("app"),)), labels={**APP, "more": "labels"}, **fields)


OTHER = pod("other-1", container("other", ready=False), labels=LEAVES)
UNREADY = container("app", ready=False)
CRASHED = container(
    "app", ready=False, restarts=2, state=waiting("CrashLoopBackOff"), last=ended(137, reason="OOMKilled")
)


@pytest.mark.parametrize(
    ("pods", "holds", "text"),
    [
        ([app(), app("app-2"), OTHER], True, "app-2 1/1 Running; app-1 1/1 Running"),
        ([app()], False, "app-1 1/1 Running"),
        ([app(), app("app-2"), app("app-3")], False, "app-3"),
        ([app(), app("app-2", UNREADY)], False, "app running, not ready (0 restarts)"),
        ([app(), app("app-2"), app("app-3", leaving=True)], False, "app-3 1/1 Terminating"),
        ([app(), app("app-2", leaving=True)], False, "Terminating"),
        ([app(), app("app-2", container("app"), UNREADY)], False, "app-2 1/2"),
        ([OTHER], False, "no such pod"),
        ([], False, "no such pod"),
    ],
    ids=["two", "one", "three", "unready", "old one there", "leaving", "one container unready", "others", "none"],
)
def test_pods_ready(pods: list[Object], *, holds: bool, text: str) -> None:
    condition = pods_ready(APP, 2)
    assert condition.name == "2 pods ready of name=app"
    seen = condition.judge(snapshot(*pods))
    assert (seen.holds, seen.known, text in seen.text) == (holds, True, True)


def test_a_pod_whose_containers_are_not_told_yet_is_not_ready() -> None:
    young = app()
    young["status"] = {"phase": "Pending"}
    seen = pods_ready(APP, 1).judge(snapshot(young))
    assert (seen.holds, seen.text) == (False, "app-1 0/1 Pending")
    del young["status"]
    assert not pods_ready(APP, 1).judge(snapshot(young)).holds


def test_a_pod_without_a_list_of_containers_has_those_that_its_status_tells_of() -> None:
    bare = app()
    del bare["spec"]
    assert pods_ready(APP, 1).judge(snapshot(bare)).text == "app-1 1/1 Running"


def test_no_pod_counts_those_that_leave() -> None:
    assert no_pod(APP).judge(snapshot(OTHER)).holds
    assert no_pod(APP).judge(snapshot()).text == "no such pod"
    assert not no_pod(APP).judge(snapshot(app())).holds
    seen = no_pod(APP).judge(snapshot(app(leaving=True)))
    assert (seen.holds, seen.text) == (False, "app-1 1/1 Terminating")


@pytest.mark.parametrize(
    ("status", "holds", "text"),
    [
        (CRASHED, True, "OOMKilled (exit code 137)"),
        (container("app", ready=False, state=ended(137, reason="OOMKilled")), True, "OOMKilled (exit code 137)"),
        (
            container("app", ready=False, state=ended(1), last=ended(137, reason="OOMKilled")),
            True,
            "Error (exit code 1), OOMKilled (exit code 137)",
        ),
        (container("app", last=ended(1)), False, "Error (exit code 1)"),
        (container("app"), False, "app-1 1/1 Running"),
        (container("side", last=ended(137, reason="OOMKilled")), False, "app-1"),
    ],
    ids=["waits since", "just ended", "the run before", "other reason", "never ended", "other container"],
)
def test_ended_with(status: Object, *, holds: bool, text: str) -> None:
    seen = ended_with(APP, "app", "OOMKilled").judge(snapshot(app("app-1", status)))
    assert (seen.holds, text in seen.text) == (holds, True)
    assert not ended_with(APP, "app", "OOMKilled").judge(snapshot(OTHER)).holds


def test_ended_with_asks_the_newest_pod_alone() -> None:
    old = app("app-1", CRASHED, created_s=-9)
    assert not ended_with(APP, "app", "OOMKilled").judge(snapshot(old, app("app-2", created_s=-3))).holds
    assert ended_with(APP, "app", "OOMKilled").judge(snapshot(old, app("app-0", created_s=-99))).holds
    leaving = app("app-2", leaving=True, created_s=-1)
    assert ended_with(APP, "app", "OOMKilled").judge(snapshot(old, leaving)).holds


def claims(**phases: str | None) -> Snapshot:
    made = [{"metadata": {"name": name}, "status": {"phase": phase} if phase else {}} for name, phase in phases.items()]
    return snapshot(claims=named(*made))


def test_claim_phase() -> None:
    condition = claim_phase("data", "Pending")
    seen = condition.judge(claims(data="Pending", other="Bound"))
    assert (seen.holds, seen.text) == (True, "claim data: Pending")
    assert not condition.judge(claims(data="Bound", other="Pending")).holds
    assert not condition.judge(claims(data=None)).holds
    assert condition.judge(claims(other="Pending")).text == "claim data: does not exist"
    assert not condition.judge(claims(other="Pending")).holds


def test_no_claim() -> None:
    assert no_claim("data").judge(claims(other="Bound")).holds
    assert no_claim("data").judge(claims()).text == "no claims"
    seen = no_claim("data").judge(claims(data="Bound", other="Bound"))
    assert (seen.holds, seen.text) == (False, "data, other")


SERVICE = "/api/v1/namespaces/x/services/s"
HAS_PORT = object_shows(
    SERVICE, lambda s: bool(s["spec"]["port"] == 80), "port 80", show=lambda s: f"port {s['spec']['port']}"
)
METRIC = exporter_metric("kube-state-metrics", "http", "restarts", lambda v: v >= 3, "restarts are told", pod="p")
COMMAND = command("it is readable", "p-1", "c", ["cat", "/x"], pattern="^b$")


ANSWER = http_answer("grafana", 3000, "/api/health", 502, pattern="no such host", text="grafana says why")


def judged(condition: Condition, answer: ProbeAnswer) -> tuple[bool, bool, str]:
    (probe,) = condition.probes
    seen = condition.judge(answered(probe, answer))
    return seen.holds, seen.known, seen.text


def test_each_asks_what_it_says() -> None:
    assert HAS_PORT.probes == (ObjectProbe(SERVICE),)
    assert ANSWER.probes == (HttpProbe("grafana", 3000, "GET", "/api/health"),)
    assert METRIC.probes == (MetricsProbe("kube-state-metrics", "http", names=frozenset({"restarts"})),)
    assert COMMAND.probes == (ExecProbe("p-1", "c", ("cat", "/x")),)


CONDITIONS = {"object": HAS_PORT, "metric": METRIC, "command": COMMAND, "answer": ANSWER}


@pytest.mark.parametrize("name", CONDITIONS)
def test_what_was_not_asked_or_could_not_be_is_not_known(name: str) -> None:
    condition = CONDITIONS[name]
    (probe,) = condition.probes
    away = answered(probe, said(None, error="connection refused", refused=True))
    for seen in (snapshot(), away):
        for each in (condition, negate(condition, "not")):
            assert (each.judge(seen).holds, each.judge(seen).known) == (False, False)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(200, json.dumps({"spec": {"port": 80}})), (True, True, "port 80")),
        (said(200, json.dumps({"spec": {"port": 81}})), (False, True, "port 81")),
        (said(404, '{"kind": "Status"}'), (False, True, f"no {SERVICE}")),
        (said(403, "forbidden"), (False, False, "HTTP 403 forbidden")),
        (said(403, '{"kind": "Status", "apiVersion": "v1", "message": "no"}'), (False, False, "HTTP 403 no")),
        (said(200, "<html>"), (False, False, "HTTP 200 <html>")),
        (said(200, "[1]"), (False, False, "HTTP 200 [1]")),
    ],
    ids=["holds", "differs", "not there", "forbidden", "forbidden in JSON", "no JSON", "no object"],
)
def test_object_shows(answer: ProbeAnswer, expected: tuple[bool, bool, str]) -> None:
    assert judged(HAS_PORT, answer) == expected


def test_an_object_is_quoted_in_part() -> None:
    whole: Callable[[Object], bool] = lambda _: True  # noqa: E731  a name for its type
    large = said(200, json.dumps({"a": "b" * 999}))
    assert len(judged(object_shows(SERVICE, whole, "x"), large)[2]) == 80
    assert len(judged(object_shows(SERVICE, whole, "x", show=str), large)[2]) == 200


def test_without_words_of_its_own_an_object_shows_what_was_read_of_it() -> None:
    body = {"kind": "Service", "spec": {"port": 81, "type": "NodePort"}, "status": {"phase": "x" * 999}}
    condition = object_shows(SERVICE, lambda found: found["spec"]["port"] == 80, "port 80")
    assert judged(condition, said(200, json.dumps(body))) == (False, True, "spec.port is 81")


@pytest.mark.parametrize("condition", [METRIC, COMMAND], ids=["metric", "command"])
def test_what_nobody_answered_is_not_known(condition: Condition) -> None:
    holds, known, text = judged(condition, said(None, error="no pod p-1* there"))
    assert (holds, known, "no pod p-1* there" in text) == (False, False, True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(502, "dial: no such host\n"), (True, True, "HTTP 502 dial: no such host")),
        (said(502, "dial: refused"), (False, True, "HTTP 502 dial: refused")),
        (said(500, "no such host"), (False, True, "HTTP 500 no such host")),
        (said(None, error="timed out"), (False, True, "timed out")),
    ],
    ids=["holds", "other words", "other status", "silence"],
)
def test_http_answer(answer: ProbeAnswer, expected: tuple[bool, bool, str]) -> None:
    assert judged(ANSWER, answer) == expected


def page(**values: float) -> ProbeAnswer:
    metrics = {("restarts", frozenset({("pod", pod), ("c", c)})): v for pod, v in values.items() for c in "ab"}
    return said(200, metrics=metrics)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (page(p=2, q=9), (True, True, "restarts is 4")),
        (page(p=1, q=9), (False, True, "restarts is 2")),
        (page(q=9), (False, False, "no metric restarts")),
        (said(503, "no endpoints"), (False, False, "/metrics does not answer: HTTP 503 no endpoints")),
    ],
    ids=["sum of its samples", "too few", "no such labels", "no answer"],
)
def test_exporter_metric(answer: ProbeAnswer, expected: tuple[bool, bool, str]) -> None:
    assert judged(METRIC, answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(0, "a\nb\n"), (True, True, "exit code 0: a b")),
        (said(0, "ab\n"), (False, True, "exit code 0: ab")),
        (said(1, "b\n"), (False, True, "exit code 1: b")),
    ],
    ids=["holds", "other output", "other exit code"],
)
def test_command(answer: ProbeAnswer, expected: tuple[bool, bool, str]) -> None:
    assert judged(COMMAND, answer) == expected


def test_a_command_that_is_to_fail() -> None:
    denied = command("it is not readable", "p-1", "c", ["cat", "/x"], exit_code=1)
    assert judged(denied, said(1, "Permission denied"))[0]
    assert not judged(denied, said(0, ""))[0]


def test_what_the_api_server_says_instead_of_a_pod_is_its_message_alone() -> None:
    status = '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no endpoints available for service x"}'
    assert status_words(said(503, status)) == "HTTP 503 no endpoints available for service x"
    assert status_words(said(503, '{"message": "a pod\'s own"}')) == 'HTTP 503 {"message": "a pod\'s own"}'


def test_what_prometheus_says_of_an_error_is_its_message_alone() -> None:
    error = '{"status":"error","errorType":"execution","error":"invalid checksum"}'
    assert status_words(said(422, error)) == "HTTP 422 invalid checksum"
    assert status_words(said(422, '{"error": 1}')) == 'HTTP 422 {"error": 1}'
    assert status_words(said(200, '{"status":"success","data":{"error":"no"}}')).startswith('HTTP 200 {"status"')

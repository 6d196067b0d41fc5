"""The conditions of a server, over snapshots by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.observe_world import (
    NAMESPACE,
    NOW,
    RELOADER,
    SERVER,
    answered,
    container,
    ended,
    event,
    named,
    pod,
    said,
    snapshot,
    waiting,
)

from promdrill.observe.conditions import Condition, negate
from promdrill.observe.probes import HttpProbe, MetricsProbe, Probe, ProbeAnswer
from promdrill.observe.server import Server
from promdrill.observe.snapshot import LogLine, Snapshot
from promdrill.observe.targets import Demand

SERVER_OF = Server.of(NAMESPACE, "prometheus")
POD = "prometheus-server-abc"
FULL = "write to WAL: log samples: no space left on device"


def with_answer(condition: Condition, answer: ProbeAnswer) -> Snapshot:
    [probe] = condition.probes
    return answered(probe, answer)


def result(*values: float, kind: str = "vector") -> ProbeAnswer:
    found = [{"metric": {"job": f"j{n}"}, "value": [0, str(v)]} for n, v in enumerate(values)]
    return said(200, json.dumps({"status": "success", "data": {"resultType": kind, "result": found}}))


def data(content: Any) -> ProbeAnswer:
    return said(200, json.dumps({"status": "success", "data": content}))


@pytest.mark.parametrize(
    ("release", "fullname"),
    [
        ("prometheus", "prometheus-server"),
        ("my-prometheus", "my-prometheus-server"),
        ("drill", "drill-prometheus-server"),
    ],
)
def test_names_are_the_charts(release: str, fullname: str) -> None:
    server = Server.of(NAMESPACE, release)
    assert (server.fullname, server.service, server.claim) == (fullname, fullname, fullname)
    assert (server.containers, server.replicas, server.ready_after_s) == (2, 1, 0.0)


def test_pods_are_found_by_the_labels_of_new_and_old_charts() -> None:
    old = pod("o", labels={"release": "prometheus", "app": "prometheus", "component": "server"})
    other = pod("a", labels={"app.kubernetes.io/instance": "other", "app.kubernetes.io/component": "server"})
    assert SERVER_OF.pods(snapshot(pod(), other)) == (pod(),)
    assert SERVER_OF.pods(snapshot(old, other)) == (old,)
    leaving = pod("o", labels=old["metadata"]["labels"], leaving=True)
    assert SERVER_OF.pods(snapshot(leaving)) == ()
    assert SERVER_OF.pods(snapshot(leaving), leaving=True) == (leaving,)


CRASHED = container(ready=False, restarts=6, state=waiting("CrashLoopBackOff"), last=ended(1))


@pytest.mark.parametrize(
    ("pods", "holds", "text"),
    [
        ([pod()], True, f"{POD} 2/2 Running"),
        (
            [pod(POD, CRASHED, container(RELOADER))],
            False,
            "1/2 Running, prometheus-server CrashLoopBackOff (6 restarts)",
        ),
        ([pod(POD, container(ready=False), container(RELOADER))], False, "prometheus-server running, not ready"),
        ([pod(phase="Pending")], False, "2/2 Pending"),
        ([pod(leaving=True)], False, "2/2 Terminating"),
        ([pod(), pod("prometheus-server-old", leaving=True)], False, "Terminating"),
        ([pod(), pod("prometheus-server-2")], False, "; "),
        ([], False, "no server pod"),
    ],
    ids=["ready", "crashed", "unready", "pending", "leaving", "old one still there", "two", "none"],
)
def test_ready(pods: list[dict[str, Any]], *, holds: bool, text: str) -> None:
    seen = SERVER_OF.ready().judge(snapshot(*pods))
    assert seen.holds == holds
    assert text in seen.text


def test_one_of_two_ready_is_exact() -> None:
    assert [SERVER_OF.ready(n).name for n in (None, 2, 1)] == ["server pod 2/2", "server pod 2/2", "server pod 1/2"]
    assert SERVER_OF.ready(1).judge(snapshot(pod(POD, CRASHED, container(RELOADER)))).holds
    assert not SERVER_OF.ready(1).judge(snapshot(pod())).holds


@pytest.mark.parametrize(
    ("pods", "holds"),
    [
        ([pod(POD, CRASHED, container(RELOADER))], True),
        ([pod(POD, container(ready=False, state=ended(1)), container(RELOADER))], True),
        ([pod("prometheus-server-old"), pod(POD, CRASHED, container(RELOADER))], True),
        ([pod(POD, CRASHED)], True),
        ([pod(POD, CRASHED, container(RELOADER, ready=False))], False),
        ([pod(POD, CRASHED, container(RELOADER), container("side", ready=False))], False),
        ([pod(POD, container(ready=False, state=ended(0)), container(RELOADER))], False),
        ([pod(POD, container(ready=False, restarts=3, last=ended(1)), container(RELOADER))], False),
        ([pod()], False),
        ([], False),
    ],
    ids=[
        "backing off",
        "just crashed",
        "beside an old pod",
        "alone",
        "reloader too",
        "a third too",
        "completed",
        "starting",
        "ready",
        "none",
    ],
)
def test_crash_looping(pods: list[dict[str, Any]], *, holds: bool) -> None:
    seen = SERVER_OF.crash_looping().judge(snapshot(*pods))
    assert seen.holds == holds
    assert (POD in seen.text) == bool(pods)


def test_restarts_are_the_servers_own() -> None:
    seen = snapshot(pod(POD, container(restarts=2), container(RELOADER, restarts=9)))
    assert SERVER_OF.restarts_at_least(2).judge(seen).holds
    assert SERVER_OF.restarts_at_least(3).judge(seen).text == "2 restarts"
    assert not SERVER_OF.restarts_at_least(0).judge(snapshot()).holds
    never = container()
    del never["restartCount"]
    assert SERVER_OF.restarts_at_least(0).judge(snapshot(pod(POD, never))).text == "0 restarts"


def log(*lines: tuple[float, str, int], uid: str = "u1") -> tuple[LogLine, ...]:
    return tuple(
        LogLine(at, text, restart, uid, shown=at)
        for at, text, restart in ((NOW + timedelta(seconds=s), t, r) for s, t, r in lines)
    )


def logged(*lines: tuple[float, str, int], restarts: int = 0, read: bool = True, name: str = SERVER) -> Snapshot:
    return snapshot(
        pod(POD, container(restarts=restarts), container(RELOADER)),
        logs={(POD, name): log(*lines), ("prometheus-other-1", SERVER): log((0, FULL, 0))},
        read=frozenset({(POD, name)}) if read else frozenset(),
    )


def test_logs_say_where_and_when() -> None:
    seen = SERVER_OF.logs("no space left").judge(logged((-2, "fine", 0), (-1, FULL, 0)))
    assert seen.holds
    assert seen.text == f"{POD}/prometheus-server (restart 0): {FULL}"
    assert (seen.changed, seen.quotes) == (NOW - timedelta(seconds=1), True)
    missing = SERVER_OF.logs("nothing such").judge(logged((-2, "fine", 0)))
    assert (missing.holds, missing.text) == (False, "no such line among 1 of prometheus-server")


def test_logs_of_another_container_since_a_time_and_of_this_restart() -> None:
    lines = ((-9.0, "403 Forbidden", 0), (-1.0, "ok", 1))
    assert SERVER_OF.logs("403", container=RELOADER).judge(logged(*lines, name=RELOADER)).holds
    assert not SERVER_OF.logs("403").judge(logged(*lines, name=RELOADER)).holds
    assert not SERVER_OF.logs("403", since=NOW - timedelta(seconds=5)).judge(logged(*lines)).holds
    assert SERVER_OF.logs("ok", since=NOW - timedelta(seconds=1)).judge(logged(*lines)).holds
    assert not SERVER_OF.logs("403", this_restart=True).judge(logged(*lines, restarts=1)).holds
    assert SERVER_OF.logs("ok", this_restart=True).judge(logged(*lines, restarts=1)).holds


def test_a_pod_of_the_same_name_but_another_uid_is_another_run() -> None:
    seen = replace(logged(), logs={(POD, SERVER): log((-1, FULL, 0), uid="the pod before")})
    assert not SERVER_OF.logs("no space", this_restart=True).judge(seen).holds
    assert SERVER_OF.logs("no space").judge(seen).holds


def test_a_clean_log_must_have_been_read() -> None:
    clean = SERVER_OF.no_logs("no space left")
    assert clean.judge(logged((-1, "fine", 0))).holds
    dirty = clean.judge(logged((-1, FULL, 0)))
    assert (dirty.holds, FULL in dirty.text, dirty.changed) == (False, True, NOW - timedelta(seconds=1))
    for unread in (logged((-1, "fine", 0), read=False), snapshot()):
        seen = clean.judge(unread)
        assert (seen.holds, seen.known) == (False, False)
    assert "has not been read to its end" in seen.text


def test_a_clean_log_since_the_restart_needs_a_line_of_it() -> None:
    clean = SERVER_OF.no_logs("no space left", this_restart=True)
    assert not clean.judge(logged((-1, FULL, 0), restarts=1)).holds
    assert clean.judge(logged((-2, FULL, 0), (-1, "Server is ready", 1), restarts=1)).holds
    assert not clean.judge(logged((-2, "Server is ready", 1), (-1, FULL, 1), restarts=1)).holds
    assert SERVER_OF.no_logs("403", since=NOW).judge(logged((-2, "403", 0))).holds, "a quiet log is clean"


def test_http_status_and_what_was_answered() -> None:
    forbidden = SERVER_OF.http("POST", "/-/reload", 403)
    seen = forbidden.judge(with_answer(forbidden, said(403, "Lifecycle API is not enabled.\n")))
    assert (seen.holds, seen.text) == (True, "HTTP 403 Lifecycle API is not enabled.")
    assert not forbidden.judge(with_answer(forbidden, said(200))).holds
    assert forbidden.judge(with_answer(forbidden, said(503, "no endpoints"))).text == "HTTP 503 no endpoints"


def test_what_was_not_asked_or_could_not_be_is_not_known() -> None:
    away = said(None, error="connection refused", refused=True)
    conditions = [
        SERVER_OF.http("GET", "/", 200),
        SERVER_OF.flag("web.enable-lifecycle", "true"),
        SERVER_OF.stale(1),
        SERVER_OF.fresh(1),
        SERVER_OF.targets_up(),
        SERVER_OF.query("up", lambda _: True, "up"),
        SERVER_OF.metric("x", lambda _: True, "x"),
    ]
    for condition in conditions:
        for seen in (snapshot(), with_answer(condition, away)):
            for judged in (condition.judge(seen), negate(condition, "not").judge(seen)):
                assert (judged.holds, judged.known) == (False, False)


@pytest.mark.parametrize(
    ("answer", "stale", "fresh", "text"),
    [
        (result(0.4), False, True, "newest sample is 0.4 s old"),
        (result(12.0), True, False, "newest sample is 12.0 s old"),
        (result(5.0), True, False, "newest sample is 5.0 s old"),
        (result(3.5), False, False, "newest sample is 3.5 s old"),
        (result(-0.2), False, True, "newest sample is 0.0 s old"),
        (result(9.0, 0.4), False, True, "newest sample is 0.4 s old"),
        (result(), True, False, "no sample within the lookback (5 minutes)"),
        (said(503, "no endpoints"), True, False, "no answer from Prometheus: HTTP 503 no endpoints"),
        (said(200, "<html>"), True, False, "no answer from Prometheus: HTTP 200 <html>"),
    ],
)
def test_stale_and_fresh(answer: ProbeAnswer, *, stale: bool, fresh: bool, text: str) -> None:
    old, young = SERVER_OF.stale(5), SERVER_OF.fresh(3)
    assert old.judge(with_answer(old, answer)).holds == stale
    seen = young.judge(with_answer(young, answer))
    assert (seen.holds, seen.text) == (fresh, text)
    assert old.probes == young.probes, "one question serves both"


def targets(*states: tuple[str, str]) -> ProbeAnswer:
    return data(
        {
            "activeTargets": [
                {"labels": {"job": job}, "health": health, "scrapeUrl": f"http://{job}/metrics", "lastError": ""}
                for job, health in states
            ]
        }
    )


@pytest.mark.parametrize(
    ("jobs", "states", "holds", "text"),
    [
        ((), [("a", "up"), ("b", "up")], True, "2/2 targets up"),
        ((), [("a", "up"), ("b", "down")], False, "1/2 targets up; b http://b/metrics: down"),
        ((), [("a", "unknown")], False, "0/1 targets up; a http://a/metrics: unknown"),
        ((), [], False, "0/0 targets up"),
        (("a",), [("a", "up"), ("b", "down")], True, "1/1 targets up"),
        (("a", "c"), [("a", "up")], False, "1/1 targets up; no target of job c"),
        ({"a": 2}, [("a", "up")] * 3, True, "3/3 targets up"),
        ({"a": 5, "b": 1}, [("a", "up"), ("b", "up")], False, "2/2 targets up; 1 of 5 targets of job a"),
        ({"a": 2}, [("a", "up"), ("b", "up")], False, "1/1 targets up; 1 of 2 targets of job a"),
    ],
)
def test_targets_up(
    jobs: tuple[str, ...] | dict[str, int], states: list[tuple[str, str]], *, holds: bool, text: str
) -> None:
    condition = SERVER_OF.targets_up(jobs)
    seen = condition.judge(with_answer(condition, targets(*states)))
    assert (seen.holds, seen.text) == (holds, text)
    assert condition.name == f"targets up ({', '.join(jobs) or 'all'})"


@pytest.mark.parametrize(
    ("demand", "jobs", "states", "holds", "text"),
    [
        (Demand.TRIED, ("a",), [("a", "up"), ("b", "down")], True, "1/2 targets up"),
        (Demand.TRIED, ("a",), [("a", "up"), ("b", "unknown")], False, "1/2 targets up; b http://b/metrics: unknown"),
        (
            Demand.TRIED,
            ("a",),
            [("a", "down"), ("b", "up")],
            False,
            "1/2 targets up; a http://a/metrics: down; no target of job a",
        ),
        (Demand.TRIED, (), [], False, "0/0 targets up"),
        (Demand.LEAST, {"a": 2}, [("a", "up"), ("a", "up"), ("a", "down"), ("b", "down")], True, "2/3 targets up"),
        (
            Demand.LEAST,
            {"a": 2},
            [("a", "up"), ("a", "down")],
            False,
            "1/2 targets up; a http://a/metrics: down; 1 of 2 targets of job a",
        ),
        (Demand.LEAST, {"a": 1}, [("b", "up")], False, "0/0 targets up; no target of job a"),
    ],
)
def test_targets_of_which_some_may_be_down(
    demand: Demand,
    jobs: tuple[str, ...] | dict[str, int],
    states: list[tuple[str, str]],
    *,
    holds: bool,
    text: str,
) -> None:
    condition = SERVER_OF.targets_up(jobs, demand=demand)
    seen = condition.judge(with_answer(condition, targets(*states)))
    assert (seen.holds, seen.text) == (holds, text)
    assert condition.name != SERVER_OF.targets_up(jobs).name


def test_targets_of_another_drill_count_neither_as_lost_nor_as_found() -> None:
    def found(namespace: str, health: str = "up") -> dict[str, Any]:
        discovered = {"__meta_kubernetes_namespace": namespace}
        return {
            "labels": {"job": "a"},
            "discoveredLabels": discovered,
            "health": health,
            "scrapeUrl": "u",
            "lastError": "",
        }

    two = SERVER_OF.targets_up({"a": 2})
    own = [found(SERVER_OF.namespace), found("kube-system")]
    for beside in ([], [found("drill-other", "down")]):
        assert two.judge(with_answer(two, data({"activeTargets": [*own, *beside]}))).holds
    assert not two.judge(with_answer(two, data({"activeTargets": [own[0], found("drill-other")]}))).holds


def test_flags_configuration_and_other_json() -> None:
    flag = SERVER_OF.flag("web.enable-lifecycle", "true")
    assert flag.judge(with_answer(flag, data({"web.enable-lifecycle": "true"}))).holds
    seen = flag.judge(with_answer(flag, data({"web.enable-lifecycle": "false"})))
    assert (seen.holds, seen.text) == (False, "web.enable-lifecycle is false")
    config = SERVER_OF.config_has(r"^\s+scrape_interval: 7s$")
    assert config.judge(with_answer(config, data({"yaml": "global:\n  scrape_interval: 7s\n"}))).holds
    assert not config.judge(with_answer(config, data({"yaml": "global:\n  scrape_interval: 70s\n"}))).holds
    for answer, text in ((said(503, "{}"), "HTTP 503 {}"), (said(200, "<html>"), "HTTP 200 <html>")):
        seen = config.judge(with_answer(config, answer))
        assert (seen.known, seen.text) == (False, text)


def test_queries_and_metrics() -> None:
    query = SERVER_OF.query("up", lambda v: sum(v.values()) == 2, "two up", at_s=5.0)
    assert query.judge(with_answer(query, result(1, 1))).holds
    assert query.judge(with_answer(query, result())).text == "empty"
    assert not query.judge(with_answer(query, said(422, '{"status":"error"}'))).known
    assert query.judge(with_answer(query, result(1, 2, 3, 4))).text.endswith("{job=j2} 3 and 1 more")
    metric = SERVER_OF.metric("m", lambda v: v == 3, "m is 3", type="float")
    values = {("m", frozenset({("type", "float")})): 3.0, ("m", frozenset({("type", "hist")})): 4.0}
    seen = metric.judge(with_answer(metric, said(200, metrics=values)))
    assert (seen.holds, seen.text) == (True, "m is 3")
    assert metric.judge(with_answer(metric, said(200, metrics={}))).text == "no metric m"
    assert not metric.judge(with_answer(metric, said(503, "no"))).known
    probe: Probe = metric.probes[0]
    assert isinstance(probe, MetricsProbe)
    assert (probe.pod, probe.pod_port) == ("prometheus-server-", 9090), "the pod itself is asked, ready or not"
    assert MetricsProbe("s", 80).pod_port == HttpProbe("s", 80, "GET", "/").pod_port == 9090


def test_sizes_of_claim_and_volume() -> None:
    def claim(size: str, phase: str = "Bound") -> dict[str, Any]:
        return {"metadata": {"name": SERVER}, "status": {"phase": phase, "capacity": {"storage": size}}}

    def volume(size: str, namespace: str = NAMESPACE) -> dict[str, Any]:
        ref = {"namespace": namespace, "name": SERVER}
        return {
            "metadata": {"name": "pvc-1"},
            "spec": {"capacity": {"storage": size}, "claimRef": ref},
            "status": {"phase": "Bound"},
        }

    wanted = SERVER_OF.claim_size("1Gi")
    assert wanted.judge(snapshot(claims=named(claim("1024Mi")))).holds
    assert wanted.judge(snapshot(claims=named(claim("1000Mi")))).text == "prometheus-server Bound, 1000Mi"
    assert not wanted.judge(snapshot(claims=named(claim("1Gi", "Pending")))).holds
    assert wanted.judge(snapshot()).text == "does not exist"
    grown = SERVER_OF.volume_size("1Gi")
    assert grown.judge(snapshot(volumes=named(volume("1Gi")))).holds
    assert not grown.judge(snapshot(volumes=named(volume("300Mi")))).holds
    assert grown.judge(snapshot(volumes=named(volume("1Gi", "elsewhere")))).text == "does not exist"


def test_events() -> None:
    resized = event("FileSystemResizeSuccessful", "prometheus-server", "to 1Gi", kind="PersistentVolumeClaim", at_s=-9)
    seen = snapshot(events=named(event("Scheduled", POD), resized))
    condition = SERVER_OF.event("FileSystemResizeSuccessful", "prometheus-", "1Gi")
    assert condition.judge(seen).text == "PersistentVolumeClaim prometheus-server: FileSystemResizeSuccessful: to 1Gi"
    assert condition.judge(seen).holds
    assert condition.judge(seen).quotes
    within_its_second = NOW + timedelta(seconds=-9, milliseconds=500)
    assert SERVER_OF.event("FileSystemResizeSuccessful", "prometheus-", since=within_its_second).judge(seen).holds
    for other in (
        SERVER_OF.event("Resizing", "prometheus-"),
        SERVER_OF.event("FileSystemResizeSuccessful", "other-"),
        SERVER_OF.event("FileSystemResizeSuccessful", "prometheus-", "2Gi"),
        SERVER_OF.event("FileSystemResizeSuccessful", "prometheus-", since=NOW),
    ):
        assert not other.judge(seen).holds
    assert SERVER_OF.event("Resizing", "x").judge(seen).text == "no event Resizing about x*"
    larger = SERVER_OF.event("FileSystemResizeSuccessful", "prometheus-", "2Gi").judge(seen)
    assert larger.text.startswith("only PersistentVolumeClaim prometheus-server: FileSystemResizeSuccessful: to 1Gi")

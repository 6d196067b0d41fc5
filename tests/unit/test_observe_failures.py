"""Early failures: seen when they are there, silent on healthy clusters and on what lies before the wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.observe_world import NOW, container, ended, event, named, pod, snapshot, stamp, waiting

from promdrill.observe.conditions import Seen
from promdrill.observe.failures import DEFAULT_FAILURES, event_time, without
from promdrill.observe.probes import LOGIN_WANTED, TLS_WANTED, HttpProbe, Probe, ProbeAnswer
from promdrill.observe.snapshot import Snapshot

SINCE = NOW - timedelta(seconds=30)


def judged(name: str, seen: Snapshot) -> Seen:
    [failure] = [f for f in DEFAULT_FAILURES if f.name == name]
    return failure.judge(seen)


def unschedulable(at_s: float) -> list[dict[str, str]]:
    return [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available",
            "lastTransitionTime": stamp(at_s),
        }
    ]


def test_nothing_fails_on_a_healthy_namespace() -> None:
    healthy = snapshot(pod(), since=SINCE, events=named(event("Scheduled", "prometheus-server-abc")))
    assert [f.name for f in DEFAULT_FAILURES if f.judge(healthy).holds] == []


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_had(reason: str) -> None:
    broken = pod("x-1", container(ready=False, ident=None, state=waiting(reason, "not found")), phase="Pending")
    seen = judged("image_pull", snapshot(broken))
    assert seen.holds
    assert seen.text.startswith("pod x-1, container prometheus-server: ")
    assert reason in seen.text
    assert "not found" in seen.text


def test_waiting_for_other_reasons_or_leaving_is_no_image_failure() -> None:
    creating = pod("x-1", container(state=waiting("ContainerCreating")))
    leaving = pod("x-2", container(state=waiting("ImagePullBackOff")), leaving=True)
    assert not judged("image_pull", snapshot(creating, leaving)).holds


def test_scheduling_fails_only_after_its_grace() -> None:
    for at_s, holds in ((-5, False), (-15, False), (-16, True)):
        seen = judged("failed_scheduling", snapshot(pod("x", phase="Pending", conditions=unschedulable(at_s))))
        assert seen.holds == holds
    assert "FailedScheduling: 0/1 nodes are available" in seen.text


def test_neither_a_pod_that_leaves_nor_another_condition_is_a_scheduling_failure() -> None:
    leaving = pod("x", phase="Pending", conditions=unschedulable(-16), leaving=True)
    other = pod("y", phase="Pending", conditions=[{**unschedulable(-16)[0], "reason": "SchedulingGated"}])
    assert not judged("failed_scheduling", snapshot(leaving, other)).holds


def test_an_event_was_seen_last_when_the_newest_of_its_times_says() -> None:
    seen: dict[str, Any] = {
        "series": {"lastObservedTime": stamp(4)},
        "lastTimestamp": stamp(3),
        "eventTime": stamp(2),
        "metadata": {"creationTimestamp": stamp(1)},
    }
    for part, at_s in (("series", 4), ("lastTimestamp", 3), ("eventTime", 2)):
        assert event_time(seen) == NOW + timedelta(seconds=at_s)
        seen[part] = None
    assert event_time(seen) == NOW + timedelta(seconds=1)
    assert event_time({"metadata": {}}) is None


@pytest.mark.parametrize(
    ("created_s", "event_s", "phase", "holds"),
    [
        (-20, -1, "Pending", True),
        (-5, -1, "Pending", False),
        (-20, -1, "Running", False),
        (-200, -100, "Pending", False),
    ],
    ids=["stuck", "young", "recovered", "before the wait"],
)
def test_mounts_fail_only_while_they_keep_a_pod_from_starting(
    created_s: float, event_s: float, phase: str, *, holds: bool
) -> None:
    broken = pod("x", phase=phase, created_s=created_s)
    events = named(event("FailedMount", "x", "no such file", at_s=event_s))
    seen = judged("failed_mount", snapshot(broken, events=events, since=SINCE))
    assert seen.holds == holds
    assert ("no such file" in seen.text) == holds


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ('MountVolume.SetUp failed for volume "c" : object "n"/"c" not registered', False),
        ('MountVolume.SetUp failed for volume "c" : failed to sync configmap cache: timed out', False),
        ('MountVolume.SetUp failed for volume "c" : configmap "c" not found', True),
    ],
)
def test_what_a_kubelet_has_not_read_yet_is_no_failed_mount(said: str, *, holds: bool) -> None:
    broken = pod("x", phase="Pending", created_s=-40)
    events = named(event("FailedMount", "x", said, at_s=-1))
    assert judged("failed_mount", snapshot(broken, events=events, since=SINCE)).holds == holds


@pytest.mark.parametrize(
    ("states", "leaving", "holds"),
    [
        ({"state": ended(1, -5)}, False, True),
        ({"state": waiting("CrashLoopBackOff"), "last": ended(2, -5)}, False, True),
        ({"last": ended(137, -5, "OOMKilled")}, False, True),
        ({"last": ended(1, -30)}, False, True),
        ({"last": ended(1, -40)}, False, False),
        ({"state": ended(0, -5, "Completed")}, False, False),
        ({"state": ended(1, -5)}, True, False),
        ({"last": ended(128, -5, "StartError"), "restarts": 1}, False, False),
        ({"last": ended(128, -5, "StartError"), "restarts": 2}, False, True),
    ],
    ids=[
        "just now",
        "backing off",
        "restarted",
        "as the wait began",
        "before the wait",
        "completed",
        "leaving",
        "runtime tries again",
        "never starts",
    ],
)
def test_a_crash_in_this_wait(states: dict[str, Any], *, leaving: bool, holds: bool) -> None:
    crashed = pod("x", container(**states), leaving=leaving)
    assert judged("unexpected_crash", snapshot(crashed, since=SINCE)).holds == holds


def test_quota_and_jobs() -> None:
    denied = event("FailedCreate", "prometheus-server", "pods is forbidden: exceeded quota: q", kind="ReplicaSet")
    assert judged("quota_exceeded", snapshot(events=named(denied), since=SINCE)).holds
    assert not judged("quota_exceeded", snapshot(events=named(denied), since=NOW + timedelta(seconds=1))).holds
    assert judged("job_failed", snapshot(pod("hook", phase="Failed", owner="Job"))).holds
    assert not judged("job_failed", snapshot(pod("hook", phase="Succeeded", owner="Job"))).holds
    assert not judged("job_failed", snapshot(pod("evicted", phase="Failed", owner="ReplicaSet"))).holds


def test_failures_can_be_left_out_by_name_only() -> None:
    left = without(DEFAULT_FAILURES, "unexpected_crash", "image_pull")
    assert {f.name for f in DEFAULT_FAILURES} - {f.name for f in left} == {"unexpected_crash", "image_pull"}
    with pytest.raises(ValueError, match="no such failure: unexpected_crsh; known failures: image_pull"):
        without(DEFAULT_FAILURES, "unexpected_crsh")


@pytest.mark.parametrize(
    ("status", "text", "holds"),
    [
        (401, "Unauthorized", True),
        (401, '{"kind": "Status", "apiVersion": "v1", "message": "Unauthorized"}', False),
        (403, "Forbidden", False),
        (200, "ok", False),
    ],
    ids=["Prometheus'", "the API server's", "forbidden", "answered"],
)
def test_a_login_that_nobody_gave(status: int, text: str, *, holds: bool) -> None:
    """Waiting for it would help nobody."""
    probe: Probe = HttpProbe("prometheus", 80, "GET", "/")
    answers = {probe: ProbeAnswer(1.0, 1.0, NOW, status, text)}
    seen = judged("login_wanted", replace(snapshot(pod()), answers=answers))
    assert seen.holds == holds
    assert not holds or seen.text == f"Prometheus answers HTTP 401; {LOGIN_WANTED}"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            ProbeAnswer(1.0, 1.0, NOW, 400, "Client sent an HTTP request to an HTTPS server.\n"),
            f"Prometheus answers HTTP 400; {TLS_WANTED}",
        ),
        (ProbeAnswer(1.0, 1.0, NOW, None, error="GET /: not trusted", untrusted=True), "GET /: not trusted"),
        (ProbeAnswer(1.0, 1.0, NOW, 400, '{"status": "error", "error": "bad_data"}'), ""),
        (ProbeAnswer(1.0, 1.0, NOW, 200, "Client sent an HTTP request to an HTTPS server.\n"), ""),
        (ProbeAnswer(1.0, 1.0, NOW, None, error="the API server does not answer", refused=True), ""),
    ],
    ids=["not spoken", "not trusted", "a bad query", "only said", "no answer"],
)
def test_tls_that_nobody_spoke_of_or_trusts(answer: ProbeAnswer, said: str) -> None:
    """Waiting for it would help nobody."""
    probe: Probe = HttpProbe("prometheus", 80, "GET", "/")
    seen = judged("tls_wanted", replace(snapshot(pod()), answers={probe: answer}))
    assert seen.holds == bool(said)
    assert not said or seen.text == said

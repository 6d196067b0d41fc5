"""Whether the server runs on: what was restarted since, for how long it has run, and for how long it ran before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.observe_world import (
    NAMESPACE,
    RELOADER,
    SERVER,
    container,
    ended,
    pod,
    snapshot,
    stamp,
    waiting,
)

from promdrill.drill.running import Run, crashed_after_s, not_restarted_since, restarted_since, running_for
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Object

DRILLED = Server.of(NAMESPACE, "prometheus")
NAME = f"{SERVER}-abc"


def server_pod(restarts: int = 0, *, reloader: int = 0, uid: str = "u1") -> Object:
    """The server's pod, 2/2, with so many restarts."""
    return pod(NAME, container(restarts=restarts), container(RELOADER, restarts=reloader), uid=uid)


def began(*seconds_ago: float) -> Object:
    """The server's pod; its containers began to run so long ago."""
    states = [{"running": {"startedAt": stamp(-ago_s)}} for ago_s in seconds_ago]
    names = (SERVER, RELOADER)
    return pod(NAME, *(container(name, state=state) for name, state in zip(names, states, strict=True)))


def crashed(ran_s: float, *, code: int = 2, now: bool = False, leaving: bool = False) -> Object:
    """The server's pod; its server ran for so long, and ended."""
    run = {"exitCode": code, "startedAt": stamp(-30), "finishedAt": stamp(-30 + ran_s)}
    state = {"terminated": run} if now else waiting("CrashLoopBackOff")
    last = {} if now else {"terminated": run}
    return pod(NAME, container(ready=False, state=state, last=last), container(RELOADER), leaving=leaving)


@pytest.mark.parametrize(
    ("then", "now", "text"),
    [
        (server_pod(4), [server_pod(4)], ""),
        (server_pod(4), [server_pod(5)], f"{NAME}: restarted since: {SERVER} 1 times"),
        (server_pod(4), [server_pod(4, reloader=2)], f"{NAME}: restarted since: {RELOADER} 2 times"),
        (server_pod(4), [server_pod(4, uid="u2")], f"{NAME} has replaced the pod that was ready when the remedy ended"),
        (server_pod(4), [server_pod(0, uid="u2")], f"{NAME} has replaced the pod that was ready when the remedy ended"),
        (server_pod(4), [], "no server pod"),
    ],
    ids=["nothing", "the server", "another container", "another pod", "a new pod", "no pod"],
)
def test_nothing_is_restarted_since_a_moment(then: Object, now: list[Object], text: str) -> None:
    run = Run.of(DRILLED, snapshot(then))
    assert run is not None
    seen = not_restarted_since(DRILLED, run, "the remedy").judge(snapshot(*now))
    assert seen.holds == (not text)
    assert seen.text == (text or f"{NAME}: restarted since: nothing")
    over = restarted_since(DRILLED, run, "the remedy")
    assert over.judge(snapshot(*now)) == replace(seen, holds=bool(text)), "the same, to end a wait"
    assert over.name == "the server was restarted after the remedy"


def test_a_server_that_is_not_ready_is_no_run_to_compare_with() -> None:
    assert Run.of(DRILLED, snapshot()) is None
    assert Run.of(DRILLED, snapshot(crashed(1))) is None
    assert Run.of(DRILLED, snapshot(server_pod(), pod("prometheus-server-old", uid="u0", leaving=True))) is None


@pytest.mark.parametrize(
    ("ago_s", "holds"),
    [((60, 60), True), ((60, 8), False), ((8, 60), False), ((11, 60), False), ((12, 60), True)],
    ids=["long", "the reloader is new", "the server is new", "a cut second proves nothing", "longer than that"],
)
def test_every_container_must_have_run_for_long_enough(ago_s: tuple[float, float], holds: bool) -> None:
    assert running_for(DRILLED, 10).judge(snapshot(began(*ago_s))).holds == holds


def test_what_does_not_run_has_not_run_for_any_time() -> None:
    stopped = pod(NAME, container(state=waiting("CrashLoopBackOff")), container(RELOADER))
    for nothing in (snapshot(), snapshot(stopped), snapshot(pod(NAME, container(state=ended(0)), container(RELOADER)))):
        assert not running_for(DRILLED, 0).judge(nothing).holds


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        (crashed(4), 5),
        (crashed(4, now=True), 5),
        (crashed(4, code=0), 0),
        (crashed(4, leaving=True), 0),
        (server_pod(3), 0),
        (pod(NAME, container(ready=False, last=ended(128, reason="StartError")), container(RELOADER)), 0),
    ],
    ids=["before", "just now", "it ended by itself", "it was told to", "never", "it could not be started"],
)
def test_how_long_the_server_ran_before_it_crashed(found: Object, seconds: float) -> None:
    assert crashed_after_s(DRILLED, snapshot(found)) == seconds


def test_a_container_that_came_since_counts_from_none() -> None:
    run = Run.of(DRILLED, snapshot(pod(NAME, container(), container(RELOADER), uid="u1")))
    assert run is not None
    for restarts in (0, 1):
        more = pod(NAME, container(), container(RELOADER), container("debugger", restarts=restarts), uid="u1")
        assert not_restarted_since(DRILLED, run, "the remedy").judge(snapshot(more)).holds == (restarts == 0)


def test_a_container_without_a_count_has_not_been_restarted() -> None:
    found = server_pod()
    for status in found["status"]["containerStatuses"]:
        status.pop("restartCount", None)
    run = Run.of(DRILLED, snapshot(found))
    assert run is not None
    assert set(run.restarts.values()) == {0}


def test_what_has_just_been_started_has_run_for_no_time() -> None:
    """Kubernetes cuts the second in which it was started."""
    for nothing in (began(0, 0), began(1, 1), pod(NAME, container(state=waiting("X")), container(RELOADER))):
        seen = running_for(DRILLED, 0).judge(snapshot(nothing))
        assert (seen.holds, seen.text) == (False, f"{NAME} has been running for 0 s")


def test_a_pod_of_which_nothing_is_known_yet_has_not_run_and_not_crashed() -> None:
    bare = server_pod()
    bare["status"] = {}
    assert not running_for(DRILLED, 0).judge(snapshot(bare)).holds
    assert crashed_after_s(DRILLED, snapshot(bare)) == 0


def test_a_run_that_began_with_the_pod_was_one() -> None:
    found = crashed(4)
    found["metadata"]["creationTimestamp"] = stamp(-30)
    assert crashed_after_s(DRILLED, snapshot(found)) == 5


@pytest.mark.parametrize("missing", ["startedAt", "finishedAt", "creationTimestamp"])
def test_a_run_without_its_times_says_nothing(missing: str) -> None:
    found = crashed(4)
    for status in found["status"]["containerStatuses"]:
        status.get("lastState", {}).get("terminated", {}).pop(missing, None)
    found["metadata"].pop(missing, None)
    assert crashed_after_s(DRILLED, snapshot(found)) == 0

"""The observer as a whole, on its own threads, over scripted streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.observe_world import (
    AWAY,
    NAMESPACE,
    RELOADER,
    SERVER,
    FakeKube,
    Play,
    change,
    container,
    ended,
    event,
    listing,
    noted,
    pod,
    stamp,
    waiting,
)

from promdrill.core.errors import ClusterError, WaitTimeout
from promdrill.core.events import (
    ConditionChanged,
    Event,
    FreshnessAsked,
    ObserverBroke,
    WaitDone,
    WatchRefused,
    WatchRelisted,
)
from promdrill.core.journal import Journal
from promdrill.core.model import ObserverFigures
from promdrill.observe import observer as observer_module
from promdrill.observe.observer import Observer
from promdrill.observe.poll import PERIOD_S
from promdrill.observe.probes import QueryProbe
from promdrill.observe.server import Server
from promdrill.observe.snapshot import EPOCH
from promdrill.observe.until import until

SPACE = f"namespaces/{NAMESPACE}"
PODS = f"/api/v1/{SPACE}/pods"
CLAIMS = f"/api/v1/{SPACE}/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
EVENTS = f"/api/v1/{SPACE}/events"
SLICES = f"/apis/discovery.k8s.io/v1/{SPACE}/endpointslices"
POD = "prometheus-server-abc"
DRILLED = Server.of(NAMESPACE, "prometheus")
FULL = f"{stamp()[:-1]}.000000001Z opening storage failed: no space left on device"
READY = ("GET", f"/api/v1/{SPACE}/services/prometheus-server:80/proxy/-/ready")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl") as log:
        yield log


def crashed(restarts: int) -> dict[str, object]:
    broken = container(
        ready=False, restarts=restarts, ident=f"c{restarts}", state=waiting("CrashLoopBackOff"), last={"terminated": {}}
    )
    return pod(POD, broken, container(RELOADER, ident=None))


def world(**watches: Play) -> FakeKube:
    empty = {path: [listing("1")] for path in (CLAIMS, VOLUMES, EVENTS, SLICES)}
    healthy = pod(POD, container(), container(RELOADER, ident=None))
    return FakeKube(
        lists={**empty, PODS: [listing("1", healthy)]},
        watches={PODS: [watches["pods"]]} if "pods" in watches else {},
        logs={
            ("read", POD, SERVER): [Play([]), Play([FULL])],
            ("follow", POD, SERVER): [Play([], open=True)],
            ("previous", POD, SERVER): [Play([])],
        },
        answers={READY: [(200, "ready"), (503, "no endpoints")]},
    )


def observe(kube: FakeKube, journal: Journal) -> Observer:
    return Observer(kube, NAMESPACE, journal)  # type: ignore[arg-type]


def test_entering_lists_everything_and_leaving_ends_every_thread(journal: Journal) -> None:
    before = threading.active_count()
    kube = world()
    kube.requests_made, kube.questions_asked = 7, 9  # of before
    with observe(kube, journal) as observer:
        assert set(observer.snapshot().pods) == {POD}
        assert observer.snapshot(EPOCH).since == EPOCH < observer.snapshot().since
        assert all(thread.daemon for thread in observer._threads), "none keeps a program from ending"
        assert {"poller", f"watch {PODS}", f"log {POD}/{SERVER}"} <= {thread.name for thread in observer._threads}
        for path in (PODS, CLAIMS, VOLUMES, EVENTS, SLICES):
            kube.wait_asked("WATCH", path, "1")
        kube.wait_asked("LOG", "follow", POD, SERVER)
    assert threading.active_count() == before
    assert observer.figures() == ObserverFigures(None, 0, api_requests=5, prometheus_questions=0, relists=0)


def test_the_follower_of_a_container_that_has_ended_ends_too(journal: Journal) -> None:
    before = threading.active_count()
    kube = world()
    kube.lists[PODS] = [listing("1", pod(POD, container(state=ended(0)), container(RELOADER, ident=None)))]
    with observe(kube, journal):
        kube.wait_asked("LOG", "read", POD, SERVER)
    assert threading.active_count() == before


def test_figures_have_what_95_of_100_detections_took_at_most(journal: Journal) -> None:
    observer = observe(FakeKube(), journal)
    for number in range(1, 1001):
        observer.detected(number / 1000)
    assert observer.figures() == ObserverFigures(0.95, 1000, api_requests=0, prometheus_questions=0, relists=0)


def test_the_journal_is_told_of_the_newest_samples_age(journal: Journal) -> None:
    kube, (age,) = world(), DRILLED.fresh(3).probes
    assert isinstance(age, QueryProbe)
    body = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.5"]}]}}'
    kube.answers["GET", f"/api/v1/{SPACE}/services/prometheus-server:80/proxy{age.path}"] = [(200, body)]
    with observe(kube, journal) as observer:
        until(observer, [DRILLED.fresh(3)], timeout_s=5)
    assert {event.age_s for event in noted(journal, FreshnessAsked)} == {0.5}


def test_a_crash_is_seen_in_pods_logs_and_answers_and_is_timed(journal: Journal) -> None:
    breaks = threading.Event()
    kube = world(pods=Play([breaks, change("MODIFIED", crashed(1))], open=True))
    with observe(kube, journal) as observer:
        until(observer, [DRILLED.ready(), DRILLED.http("GET", "/-/ready", 200)], timeout_s=5)
        threading.Timer(0.1, breaks.set).start()
        wanted = [
            DRILLED.crash_looping(),
            DRILLED.logs("no space left", this_restart=True),
            DRILLED.http("GET", "/-/ready", 503),
        ]
        seen = until(observer, wanted, timeout_s=5)
        assert [line.restart for line in seen.logs[POD, SERVER]] == [1]
        figures = observer.figures()
    assert (figures.detections or 0) >= 1
    assert figures.prometheus_questions == 2
    assert [done.took_s < 2 for done in noted(journal, WaitDone)] == [True, True]


def test_a_condition_that_comes_to_hold_is_counted(journal: Journal) -> None:
    comes = threading.Event()
    kube = world()
    kube.watches[EVENTS] = [Play([comes, change("ADDED", event("Resizing", SERVER))], open=True)]
    with observe(kube, journal) as observer:
        threading.Timer(0.05, comes.set).start()
        until(observer, [DRILLED.event("Resizing", SERVER)], timeout_s=5)
        figures = observer.figures()
    assert figures.detections == 1
    assert 0 <= (figures.detect_p95_s or 0.0) < 0.25
    last = noted(journal, ConditionChanged)[-1]
    assert last.holds
    assert last.knew is not None
    assert last.changed is not None
    assert last.knew >= last.changed
    assert last.asked_every_s == 0.0, "a stream brings it"


def test_a_change_that_is_asked_for_says_how_often(journal: Journal) -> None:
    kube = world()
    kube.answers[READY] = [(503, ""), (200, "ready")]
    with observe(kube, journal) as observer:
        until(observer, [DRILLED.http("GET", "/-/ready", 200)], timeout_s=5)
    last = noted(journal, ConditionChanged)[-1]
    assert (last.holds, last.asked_every_s) == (True, PERIOD_S)


def test_at_the_end_of_a_hold_everything_that_was_looked_at_is_asked_for_once_more(journal: Journal) -> None:
    kube = world()
    kube.answers[READY] = [(200, "ready")]
    wanted = [DRILLED.ready(), DRILLED.http("GET", "/-/ready", 200), DRILLED.no_logs("never written")]
    with observe(kube, journal) as observer:
        until(observer, wanted, timeout_s=5, hold_s=0.05)
    asked = [what[:2] for what in kube.asked]
    assert asked.count(("GET", PODS)) == 2
    assert asked.count(("GET", CLAIMS)) == asked.count(("GET", EVENTS)) == 1, "no condition looked at those"
    assert asked.count(READY) >= 2, "at the beginning and at the end"
    assert asked.count(("LOG", "read")) >= 2


def test_a_stream_that_is_silent_proves_nothing_at_the_end_of_a_hold(journal: Journal) -> None:
    """The watch still shows a healthy pod, and the log's stream no line; the API server knows better."""
    kube = world()
    kube.lists[PODS] = [kube.lists[PODS][0], listing("2", crashed(1))]
    with observe(kube, journal) as observer:
        with pytest.raises(WaitTimeout, match=r"server pod 2/2: .* 1/2 .*CrashLoopBackOff"):
            until(observer, [DRILLED.ready()], timeout_s=1, hold_s=0.05)
        with pytest.raises(WaitTimeout, match=r"there is .*no space left on device"):
            until(observer, [DRILLED.no_logs("no space left")], timeout_s=1, hold_s=0.05)


def test_an_expired_stream_does_not_end_a_wait(journal: Journal) -> None:
    expires = threading.Event()
    kube = world(pods=Play([expires, change("ERROR", {"code": 410, "message": "too old"})]))
    kube.lists[PODS] += [AWAY, listing("2")]
    with observe(kube, journal) as observer:
        threading.Timer(0.05, expires.set).start()
        gone = DRILLED.restarts_at_least(0)
        until(observer, [gone], timeout_s=5)
        kube.wait_asked("WATCH", PODS, "2")
        with pytest.raises(WaitTimeout, match="-1 restarts"):
            until(observer, [gone], timeout_s=0.05)
        assert observer.figures().relists == 1
    told = [event for event in noted(journal, Event) if isinstance(event, WatchRefused | WatchRelisted)]
    assert [type(event) for event in told] == [WatchRefused, WatchRelisted]


def test_a_thread_that_breaks_is_told_of_by_the_next_snapshot(journal: Journal) -> None:
    kube = world(pods=Play([change("ADDED", {"no": "metadata"})], open=True))
    with observe(kube, journal) as observer, pytest.raises(ClusterError, match="the observer broke: KeyError"):
        until(observer, [DRILLED.ready(1)], timeout_s=5)
    assert noted(journal, ObserverBroke)[0].thread == f"watch {PODS}"


def test_an_api_server_that_cannot_be_listed_is_an_error_in_time(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer_module, "FIRST_LIST_S", 0.1)
    before = threading.active_count()
    kube = world()
    kube.lists[SLICES] = [AWAY]
    with pytest.raises(ClusterError, match="namespace drill-toy could not be listed"), observe(kube, journal):
        raise AssertionError
    assert threading.active_count() == before


def test_a_follower_that_a_watch_started_last_is_ended_too(journal: Journal) -> None:
    """A watch that was busy while everything ended may have started one more."""
    observer = Observer(FakeKube(), NAMESPACE, journal)  # type: ignore[arg-type]
    joined: list[str] = []

    class Follower(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            assert timeout is not None
            joined.append(self.name)

    class Busy(Follower):
        def join(self, timeout: float | None = None) -> None:
            super().join(timeout)
            if "late" not in [each.name for each in observer._threads]:
                observer._threads.append(Follower(name="late"))

    observer._threads.append(Busy(name="watch"))
    observer.close()
    assert joined == ["watch", "watch", "late"]

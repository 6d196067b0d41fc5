"""Alerts as they are looked at in two Prometheus and one Alertmanager: which events come of it."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from promdrill.core.alerts import AlertState, Evaluator
from promdrill.core.errors import ClusterError
from promdrill.core.events import AlertChanged, AlertMuted, AlertNotified, AlertsUnknown, Event
from promdrill.observe.server import Server
from promdrill.witness import answers, watching
from promdrill.witness.watching import Watching

SERVER = Server.of("drill-x", "prometheus-x")
SINCE = "2026-11-30T10:00:00.123456789Z"


def alert(
    name: str = "Full", state: str = "firing", *, drill: str = "drill-x", since: str = SINCE, **labels: str
) -> Any:
    own = {"alertname": name, "promdrill_drill": drill, "promdrill_evaluator": "witness", **labels}
    return {
        "labels": own,
        "annotations": {"summary": "it is full"},
        "state": state,
        "activeAt": since,
        "value": "1e+00",
    }


def page(*alerts: Any) -> Any:
    return {"status": "success", "data": {"alerts": list(alerts)}}


class Cluster:
    """A witness, and the drilled Prometheus behind the API server's proxy."""

    def __init__(self) -> None:
        self.witness: Any = page()
        self.inside: tuple[int, Any] = (200, page())
        self.alertmanager: Any = []
        self.lines: list[str] = []
        self.kube = SimpleNamespace(request=self._request, follow_log=self._follow, interrupt=self._interrupt)

    def ask(self, of: str, asked: str, timeout_s: float) -> Any:
        assert timeout_s > 0
        found = self.witness if of == "prometheus" else self.alertmanager
        assert asked == (answers.ALERTS if of == "prometheus" else answers.GROUPS)
        if isinstance(found, Exception):
            raise found
        return found

    def pod(self) -> str:
        return "witness-1"

    def _request(self, method: str, path: str, **_: Any) -> Any:
        assert (method, path) == (
            "GET",
            "/api/v1/namespaces/drill-x/services/prometheus-x-server:80/proxy/api/v1/alerts",
        )
        status, body = self.inside
        return SimpleNamespace(status=status, json=lambda: body)

    def _follow(self, namespace: str, pod: str, container: str, *, stop: threading.Event, **_: Any) -> Iterator[str]:
        assert (namespace, pod, container) == ("promdrill-witness", "witness-1", "receiver")
        yield from self.lines
        stop.wait()

    def _interrupt(self, stop: threading.Event) -> None:
        stop.set()


def looked(
    cluster: Cluster, *looks: Callable[[], None], inside: bool = True, muted: Any = lambda *_: ()
) -> list[Event]:
    """The events of some looks, one after the other; before each, something changes."""
    events: list[Event] = []
    beside: Any = cluster
    made = Watching(beside, SERVER, inside=inside, muted=muted, reaches=lambda _: True, write=events.append)
    for change in looks:
        change()
        for place in made._places:
            if (found := place.look()) is not None:
                made._compare(place.evaluator, found)
        made._see_muted()
    return events


def states(events: list[Event]) -> list[tuple[str, Evaluator, AlertState]]:
    return [(each.alert, each.evaluator, each.state) for each in events if isinstance(each, AlertChanged)]


def test_each_change_of_an_alert_is_told_once() -> None:
    cluster = Cluster()

    def to(state: str | None) -> Callable[[], None]:
        return lambda: setattr(cluster, "witness", page(alert(state=state, pod="a")) if state else page())

    events = looked(cluster, to("pending"), to("pending"), to("firing"), to("firing"), to(None), to(None))
    assert states(events) == [
        ("Full", Evaluator.WITNESS, AlertState.PENDING),
        ("Full", Evaluator.WITNESS, AlertState.FIRING),
        ("Full", Evaluator.WITNESS, AlertState.INACTIVE),
    ]
    first = events[0]
    assert isinstance(first, AlertChanged)
    assert (first.labels, first.summary, first.value) == ({"pod": "a"}, "it is full", "1e+00")
    assert first.active == datetime(2026, 11, 30, 10, 0, 0, 123456, UTC)


def test_alerts_of_another_drill_are_not_this_ones() -> None:
    cluster = Cluster()
    cluster.witness = page(alert(drill="drill-y"), alert(drill="drill-x2"))
    assert looked(cluster, lambda: None) == []


def test_what_a_drilled_prometheus_says_of_another_drill_beside_it_is_not_its_own() -> None:
    """It scrapes the kubelet, which tells of all volumes of the node; seen with no-default-class beside disk-full."""
    cluster = Cluster()
    cluster.witness = page(
        alert(namespace="drill-y", pod="a"), alert(namespace="kube-system"), alert(namespace="drill-x")
    )
    events = looked(cluster, lambda: None)
    assert [dict(each.labels) for each in events if isinstance(each, AlertChanged)] == [
        {"namespace": "kube-system"},
        {"namespace": "drill-x"},
    ]


def test_two_with_other_labels_are_two_and_one_that_begins_anew_is_told_again() -> None:
    cluster = Cluster()
    again = alert(state="pending", pod="a", since="2026-11-30T10:05:00Z")
    events = looked(
        cluster,
        lambda: setattr(cluster, "witness", page(alert(state="pending", pod="a"), alert(state="pending", pod="b"))),
        lambda: setattr(cluster, "witness", page(again, alert(state="pending", pod="b"))),
    )
    assert len(states(events)) == 3, "between two looks it was resolved and began anew"


@pytest.mark.parametrize(
    ("answer", "gone"), [((503, None), True), ((404, None), True), ((200, {"data": {}}), False), ((200, None), False)]
)
def test_a_prometheus_that_does_not_run_has_no_alerts_and_one_that_talks_nonsense_is_not_known(
    answer: tuple[int, Any], *, gone: bool
) -> None:
    cluster = Cluster()
    cluster.inside = (200, page(alert()))
    events = looked(cluster, lambda: None, lambda: setattr(cluster, "inside", answer))
    told = [("Full", Evaluator.INSIDE, AlertState.FIRING)]
    assert states(events) == told + ([("Full", Evaluator.INSIDE, AlertState.INACTIVE)] if gone else [])


def test_a_witness_that_does_not_answer_says_nothing() -> None:
    cluster = Cluster()
    cluster.witness = page(alert())
    events = looked(cluster, lambda: None, lambda: setattr(cluster, "witness", ClusterError("hangs")))
    assert [state for *_, state in states(events)] == [AlertState.FIRING]


def test_where_the_drilled_prometheus_has_no_rules_it_is_not_asked() -> None:
    cluster = Cluster()
    cluster.inside = (200, page(alert()))
    assert looked(cluster, lambda: None, inside=False) == []


def test_what_nobody_is_told_of_is_noted_once() -> None:
    found = [(Evaluator.WITNESS, "Full", {"pod": "a"}, "inhibited by Down")]
    events = looked(Cluster(), lambda: None, lambda: None, muted=lambda *_: found)
    assert events == [
        AlertMuted(alert="Full", labels={"pod": "a"}, evaluator=Evaluator.WITNESS, why="inhibited by Down")
    ]


def test_notifications_are_read_from_the_receivers_log() -> None:
    cluster = Cluster()
    told = {"alerts": [{**alert(pod="a"), "status": "resolved"}, {**alert(drill="drill-y"), "status": "firing"}]}
    line = json.dumps({"sent": "2026-11-30T10:01:00Z", "receiver": "team", "status": "resolved", **told})
    stamp = "2026-11-30T10:01:00.5Z"
    to_nobody = line.replace('"team"', '"null"')
    cluster.lines = [
        f"{stamp} alert-receiver listens on :9096",
        f"{stamp} {to_nobody}",
        f"{stamp} {line}",
        f"{stamp} {line}",
    ]
    events: list[Event] = []
    heard = threading.Event()

    def write(event: Event) -> None:
        events.append(event)
        heard.set()

    reaches = "team".__eq__
    with Watching(cluster, SERVER, inside=True, muted=lambda *_: (), reaches=reaches, write=write):  # type: ignore[arg-type]
        assert heard.wait(10)
    sent = datetime(2026, 11, 30, 10, 1, tzinfo=UTC)
    assert events == [
        AlertNotified(
            alert="Full", labels={"pod": "a"}, evaluator=Evaluator.WITNESS, receiver="team", resolved=True, sent=sent
        )
    ], "one of another drill's, one that tells nobody, and a line that was read twice are none"


def test_it_waits_for_what_began_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_S", 0.01)
    cluster = Cluster()
    cluster.witness = page(alert("Watchdog"))
    made = Watching(cluster, SERVER, inside=True, muted=lambda *_: (), reaches=lambda _: True, write=lambda _: None)  # type: ignore[arg-type]
    with made:
        while not made.firing:
            threading.Event().wait(0.01)
        before = made.firing
        assert made.settle(before, 5.0), "what fired before need not resolve"
        cluster.witness = page(alert("Watchdog"), alert())
        while made.firing == before:
            threading.Event().wait(0.01)
        assert not made.settle(before, 0.05)
        cluster.witness = page(alert("Watchdog"))
        assert made.settle(before, 5.0)


def test_a_bug_while_looking_is_noted_and_nothing_hangs() -> None:
    cluster = Cluster()
    events: list[Event] = []
    told = threading.Event()

    def write(event: Event) -> None:
        events.append(event)
        told.set()

    def muted(*_: Any) -> Any:
        raise TypeError("a bug")

    with Watching(cluster, SERVER, inside=True, muted=muted, reaches=lambda name: name != "null", write=write):  # type: ignore[arg-type]
        assert told.wait(10)
    assert events == [AlertsUnknown(error="alerts: TypeError: a bug")]

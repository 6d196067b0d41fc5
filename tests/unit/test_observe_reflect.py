"""Reflectors: whatever becomes of a stream, the list and watch go on, and nothing ends them but `stop`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from tests.unit.observe_world import AWAY, PATIENCE_S, FakeKube, Play, change, listing, pod

from promdrill.core.events import Event, WatchAway, WatchClosed, WatchNotUnderstood, WatchRefused, WatchRelisted
from promdrill.observe import reflect
from promdrill.observe.reflect import Backoff, Reflector
from promdrill.observe.snapshot import Object, name_of

PATH = "/api/v1/namespaces/drill-toy/pods"


class Sink:
    """Writes down what it is given."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str]]] = []

    def replace(self, objects: Iterable[Object]) -> None:
        self.got.append(("all", [name_of(o) for o in objects]))

    def put(self, obj: Object) -> None:
        self.got.append(("put", [name_of(obj)]))

    def drop(self, obj: Object) -> None:
        self.got.append(("drop", [name_of(obj)]))


@contextmanager
def running(kube: FakeKube) -> Iterator[tuple[Reflector, Sink, list[Event]]]:
    sink, stop = Sink(), threading.Event()
    told: list[Event] = []
    reflector = Reflector(kube, PATH, sink, stop, told.append)  # type: ignore[arg-type]
    thread = threading.Thread(target=reflector.run)
    thread.start()
    try:
        yield reflector, sink, told
    finally:
        kube.interrupt(stop)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_the_watch_starts_at_the_lists_version_and_every_event_is_taken() -> None:
    events = [change("ADDED", pod("b")), change("MODIFIED", pod("a")), change("DELETED", pod("b"))]
    bookmark = change("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    kube = FakeKube({PATH: [listing("7", pod("a")), listing("8")]}, {PATH: [Play([*events, bookmark])]})
    with running(kube) as (reflector, sink, _):
        kube.wait_asked("WATCH", PATH, "8")
        assert reflector.listed.is_set()
    assert kube.asked[:2] == [("GET", PATH), ("WATCH", PATH, "7")]
    assert sink.got == [("all", ["a"]), ("put", ["b"]), ("put", ["a"]), ("drop", ["b"]), ("all", [])]
    assert reflector.relists == 1


@pytest.mark.parametrize(
    ("play", "notes"),
    [
        (Play([]), [WatchClosed(path=PATH)]),
        (
            Play([change("ERROR", {"code": 410, "message": "too old"})]),
            [WatchRefused(path=PATH, code=410, why="too old")],
        ),
        (
            Play([change("ERROR", {"code": 500, "message": "etcd"})]),
            [WatchRefused(path=PATH, code=500, why="etcd"), WatchAway(path=PATH, why="etcd")],
        ),
        (Play([AWAY]), [WatchAway(path=PATH, why=AWAY.message)]),
        (Play([change("ADDED", pod("x")), AWAY]), [WatchAway(path=PATH, why=AWAY.message)]),
        (
            Play([change("NOVELTY", pod("x"))]),
            [WatchNotUnderstood(path=PATH, type="NOVELTY"), WatchClosed(path=PATH)],
        ),
    ],
    ids=["closed", "410", "500", "refused", "broken midway", "unknown event"],
)
def test_a_stream_that_ends_in_any_way_is_listed_again(play: Play, notes: list[Event]) -> None:
    kube = FakeKube({PATH: [listing("7", pod("a")), listing("8", pod("a"), pod("b"))]}, {PATH: [play]})
    with running(kube) as (reflector, sink, told):
        kube.wait_asked("WATCH", PATH, "8")
    assert sink.got[-1] == ("all", ["a", "b"])
    assert reflector.relists == 1
    assert told == [*notes, WatchRelisted(path=PATH)]


def test_an_api_server_that_is_away_is_waited_for_and_told_of_once() -> None:
    kube = FakeKube({PATH: [listing("7", pod("a")), AWAY, AWAY, AWAY, listing("8")]}, {PATH: [Play([AWAY])]})
    with running(kube) as (_, sink, told):
        kube.wait_asked("WATCH", PATH, "8")
    assert sink.got == [("all", ["a"]), ("all", [])]
    assert told == [WatchAway(path=PATH, why=AWAY.message), WatchRelisted(path=PATH)]


def test_an_api_server_that_goes_away_again_is_told_of_again() -> None:
    kube = FakeKube({PATH: [listing("7"), listing("8"), listing("9")]}, {PATH: [Play([AWAY]), Play([AWAY])]})
    with running(kube) as (_, _, told):
        kube.wait_asked("WATCH", PATH, "9")
    assert told == [WatchAway(path=PATH, why=AWAY.message), WatchRelisted(path=PATH)] * 2


def test_a_stream_that_brought_something_is_started_again_after_the_shortest_pause() -> None:
    kube = FakeKube({PATH: [AWAY, listing("7"), listing("8")]}, {PATH: [Play([change("ADDED", pod("b"))])]})
    with running(kube) as (reflector, _, _):
        kube.wait_asked("WATCH", PATH, "8")
        assert reflector._backoff.pause_s == 2 * reflect.FIRST_PAUSE_S, "one pause since"


def test_an_unknown_event_does_not_stop_the_ones_behind_it() -> None:
    play = Play([change("NOVELTY", {}), change("ADDED", pod("b"))], open=True)
    kube = FakeKube({PATH: [listing("7")]}, {PATH: [play]})
    with running(kube) as (_, sink, _):
        kube.wait_asked("WATCH", PATH)
        with kube.changed:
            kube.changed.wait_for(lambda: len(sink.got) == 2, 0.1)
    assert sink.got[-1] == ("put", ["b"])


def test_pauses_double_up_to_the_longest_and_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", waited.append)
    backoff = Backoff(stop)
    for _ in range(12):
        backoff.pause()
    backoff.reset()
    backoff.pause()
    assert waited[:3] == [0.05, 0.1, 0.2]
    assert waited[11] == reflect.LONGEST_PAUSE_S
    assert waited[12] == reflect.FIRST_PAUSE_S

"""The poller: only what is needed, at most twice a second, and never an answer from before the wait."""

from __future__ import annotations

import threading

import pytest
from tests.unit.observe_world import AWAY, NAMESPACE, PATIENCE_S, FakeClock, FakeKube, pod

from promdrill.kube.client import Untrusted
from promdrill.observe.poll import PERIOD_S, Poller
from promdrill.observe.probes import ExecProbe, HttpProbe, MetricsProbe, ObjectProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.snapshot import EPOCH
from promdrill.observe.store import Store

BASE = f"/api/v1/namespaces/{NAMESPACE}"
UP = QueryProbe("s", 80, "up")
UP_PATH = ("GET", f"{BASE}/services/s:80/proxy/api/v1/query?query=up")
EMPTY = '{"status":"success","data":{"resultType":"vector","result":[]}}'


class Turns:
    """A poller whose turns are taken by hand."""

    def __init__(self, **scripts: object) -> None:
        self.told: list[tuple[Probe, int | None]] = []
        self.clock = FakeClock()
        self.kube = FakeKube(**scripts)  # type: ignore[arg-type]
        self.store = Store(NAMESPACE, self.clock)
        self.stop = threading.Event()
        self.poller = Poller(
            self.kube,  # type: ignore[arg-type]
            self.store,
            NAMESPACE,
            self.stop,
            self.clock,
            told=lambda probe, answer: self.told.append((probe, answer.status)),
        )

    def turn(self) -> float:
        return min(self.poller.turns(), default=-1.0)

    def answer(self, probe: Probe) -> ProbeAnswer | None:
        return self.store.snapshot(EPOCH).answers.get(probe)


def test_nothing_is_asked_unless_a_wait_needs_it() -> None:
    turns = Turns(answers={UP_PATH: [(200, EMPTY)]})
    assert turns.turn() == -1.0
    with turns.poller.asking([UP]):
        turns.turn()
    turns.clock.passed_s += 10
    assert turns.turn() == -1.0
    assert turns.kube.asked == [(*UP_PATH, "once")]


def test_at_most_twice_a_second_also_across_waits() -> None:
    turns = Turns(answers={UP_PATH: [(200, EMPTY)]})
    for _ in range(20):
        with turns.poller.asking([UP, UP]):
            left_s = turns.turn()
            assert 0 < left_s <= PERIOD_S
        turns.clock.passed_s += 0.1
    assert len(turns.kube.asked) == 4


def test_answers_from_before_a_wait_are_forgotten_but_kept_as_history() -> None:
    turns = Turns(answers={UP_PATH: [(200, EMPTY), (503, "no endpoints")]})
    with turns.poller.asking([UP]):
        turns.turn()
        assert turns.answer(UP) is not None
    turns.clock.passed_s += 0.1
    with turns.poller.asking([UP]):
        assert turns.answer(UP) is None
        turns.clock.passed_s += 1
        turns.turn()
        seen = turns.answer(UP)
        assert seen is not None
        assert (seen.status, seen.text, seen.refused) == (503, "no endpoints", False)
    assert len(turns.store.snapshot(EPOCH).history[UP]) == 2
    assert turns.told == [(UP, 200), (UP, 503)]


def test_a_probe_that_two_waits_need_is_asked_until_both_have_ended() -> None:
    turns = Turns(answers={UP_PATH: [(200, EMPTY)]})
    with turns.poller.asking([UP]):
        with turns.poller.asking([UP]):
            turns.turn()
        turns.clock.passed_s += PERIOD_S
        turns.turn()
    turns.clock.passed_s += PERIOD_S
    assert turns.turn() == -1.0
    assert len(turns.kube.asked) == 2


def test_a_question_under_way_when_a_wait_begins_does_not_count_for_it() -> None:
    turns = Turns()
    began = threading.Event()

    def late(*_: object, **__: object) -> object:
        turns.clock.passed_s += 1
        with turns.poller.asking([UP]):
            began.set()
        turns.clock.passed_s += 1
        raise AWAY

    turns.kube.request = late  # type: ignore[method-assign,assignment]
    with turns.poller.asking([UP]):
        assert turns.turn() == 0.0, "its next time came while it was under way"
        assert began.is_set()
        assert turns.answer(UP) is None
    assert turns.told == []


def test_an_api_server_that_is_away_is_an_answer_that_says_so() -> None:
    turns = Turns(answers={UP_PATH: [AWAY]})
    with turns.poller.asking([UP]):
        turns.turn()
        seen = turns.answer(UP)
    assert seen is not None
    assert (seen.status, seen.error, seen.refused) == (None, "connection refused", True)


def test_a_certificate_that_nobody_trusts_is_an_answer_that_says_so() -> None:
    turns = Turns(answers={UP_PATH: [Untrusted("GET /: not trusted")]})
    with turns.poller.asking([UP]):
        turns.turn()
        seen = turns.answer(UP)
    assert seen is not None
    assert (seen.status, seen.error, seen.untrusted, seen.refused) == (None, "GET /: not trusted", True, False)


def test_probes_of_one_request_share_it() -> None:
    pages = {("GET", f"{BASE}/services/s:80/proxy/metrics"): [(200, "a 1\nb 2\n")]}
    a, b = (MetricsProbe("s", 80, names=frozenset({name})) for name in "ab")
    turns = Turns(answers=pages)
    with turns.poller.asking([a, b]):
        turns.turn()
        assert [turns.answer(p).total(n) for p, n in ((a, "a"), (b, "b"))] == [1, 2]  # type: ignore[union-attr]
        assert turns.answer(a).total("b") is None  # type: ignore[union-attr]
    assert len(turns.kube.asked) == 1


def test_a_pod_is_asked_itself_and_its_absence_is_an_answer() -> None:
    probe = HttpProbe("s", 80, "GET", "/-/ready", pod="s-")
    turns = Turns(answers={("GET", f"{BASE}/pods/s-2:9090/proxy/-/ready"): [(503, "Service Unavailable")]})
    with turns.poller.asking([probe]):
        turns.turn()
        assert turns.answer(probe).error == "no pod s-*"  # type: ignore[union-attr]
        turns.store.put("pods", pod("s-1", created_s=-20))
        turns.store.put("pods", pod("s-2", created_s=-10))
        turns.turn()
        assert turns.answer(probe).status == 503  # type: ignore[union-attr]


def test_methods_and_commands_are_passed_on() -> None:
    post = HttpProbe("s", "http", "POST", "/-/reload")
    df = ExecProbe("p", "c", ("df", "-hT"))
    turns = Turns(answers={("POST", f"{BASE}/services/s:http/proxy/-/reload"): [(403, "no")]}, execs=[(1, "full")])
    with turns.poller.asking([post, df]):
        turns.turn()
        assert turns.answer(post).status == 403  # type: ignore[union-attr]
        assert (turns.answer(df).status, turns.answer(df).text) == (1, "full")  # type: ignore[union-attr]
    assert ("EXEC", "p", "c", "df", "-hT") in turns.kube.asked


def test_a_new_wait_asks_its_commands_at_once() -> None:
    df = ExecProbe("p", "c", ("df", "-hT"))
    turns = Turns(execs=[(0, "first"), (0, "second")])
    with turns.poller.asking([df]):
        turns.turn()
        turns.clock.passed_s += PERIOD_S
        turns.turn()
        assert turns.answer(df).text == "first"  # type: ignore[union-attr]
    with turns.poller.asking([df]):
        turns.turn()
        assert turns.answer(df).text == "second"  # type: ignore[union-attr]


def test_what_is_asked_anew_does_not_wait_for_its_period() -> None:
    df = ExecProbe("p", "c", ("df", "-hT"))
    turns = Turns(answers={UP_PATH: [(200, EMPTY)]}, execs=[(0, "first"), (0, "second")])
    with turns.poller.asking([df, UP]):
        turns.turn()
        turns.clock.passed_s += 0.1
        turns.poller.wake.clear()
        turns.poller.ask_anew([df])
        assert turns.poller.wake.is_set(), "the thread is told"
        assert turns.turn() > 0
        seen = turns.answer(df)
        assert seen is not None
        assert (seen.text, seen.sent_s) == ("second", turns.clock.monotonic())
        turns.turn()
    assert [asked[0] for asked in turns.kube.asked].count("EXEC") == 2, "once, and nothing else"


def test_an_object_is_read_from_the_api_server_itself() -> None:
    probe = ObjectProbe("/apis/storage.k8s.io/v1/storageclasses/standard")
    turns = Turns(answers={("GET", probe.path): [(404, "{}"), (200, '{"kind": "StorageClass"}'), AWAY]})
    said = []
    with turns.poller.asking([probe]):
        for _ in range(3):
            turns.turn()
            answer = turns.answer(probe)
            assert answer is not None
            said.append((answer.status, answer.json(), answer.refused))
            turns.clock.passed_s += PERIOD_S
    assert said == [(404, {}, False), (200, {"kind": "StorageClass"}, False), (None, None, True)]
    assert turns.kube.asked == [("GET", probe.path, "once")] * 3


def test_a_query_may_go_through_another_service() -> None:
    through = QueryProbe("grafana", 3000, "up", at_s=7, prefix="/api/datasources/proxy/uid/p")
    path = f"{BASE}/services/grafana:3000/proxy/api/datasources/proxy/uid/p/api/v1/query?query=up&time=7.000"
    turns = Turns(answers={("GET", path): [(200, EMPTY)]})
    with turns.poller.asking([through]):
        turns.turn()
        assert turns.answer(through).vector() == {}  # type: ignore[union-attr]


def test_the_thread_asks_at_once_when_woken_and_ends_when_stopped() -> None:
    turns = Turns(answers={UP_PATH: [(200, EMPTY)]})
    thread = threading.Thread(target=turns.poller.run)
    thread.start()
    with turns.poller.asking([UP]):
        turns.kube.wait_asked(*UP_PATH)
        assert not turns.poller.wake.is_set(), "it was woken once"
    turns.stop.set()
    turns.poller.wake.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_the_thread_sleeps_until_the_next_probe_is_due_or_until_it_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, due, slept = Turns(), [[0.4, 0.2], []], []

    def wait(timeout_s: float | None) -> None:
        slept.append(timeout_s)
        if not due:
            turns.stop.set()

    monkeypatch.setattr(turns.poller, "turns", lambda: due.pop(0))
    monkeypatch.setattr(turns.poller.wake, "wait", wait)
    turns.poller.run()
    assert slept == [0.2, None]

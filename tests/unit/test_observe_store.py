"""The store: snapshots do not change, and every change is told."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from tests.unit.observe_world import AT, NAMESPACE, NOW, FakeClock, pod, said

from promdrill.observe.probes import MetricsProbe, QueryProbe
from promdrill.observe.snapshot import EPOCH, LogLine
from promdrill.observe.store import ANSWERS_KEPT, ARRIVALS_KEPT, Store

KEY = ("p", "c")


def store() -> Store:
    return Store(NAMESPACE, FakeClock())


def test_a_picture_stays_as_it_was() -> None:
    s = store()
    s.put("pods", pod("a"))
    before = s.snapshot(NOW)
    s.put("pods", pod("b"))
    s.add_line(KEY, "1", LogLine(NOW, "x"))
    assert (set(before.pods), before.logs, before.since) == ({"a"}, {}, NOW)
    after = s.snapshot(EPOCH)
    assert (set(after.pods), len(after.logs[KEY])) == ({"a", "b"}, 1)
    assert after.version == before.version + 2


def test_a_pod_that_is_gone_does_not_take_its_namesake_along() -> None:
    s = store()
    s.replace("pods", [pod("a", uid="new"), pod("b")])
    s.drop("pods", pod("a", uid="old"))
    s.drop("pods", pod("never there"))
    assert set(s.snapshot(EPOCH).pods) == {"a", "b"}
    s.drop("pods", pod("a", uid="new"))
    assert set(s.snapshot(EPOCH).pods) == {"b"}


def test_each_change_is_a_version_and_is_told_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    s, told, probe = store(), [], QueryProbe("s", 80, "up")
    monkeypatch.setattr(s.changed, "notify_all", lambda: told.append(s.snapshot(EPOCH).version))
    s.replace("pods", [pod("a")])
    s.put("pods", pod("b"))
    s.drop("pods", pod("b"))
    s.add_line(KEY, "1", LogLine(NOW, "x"))
    s.add_line(KEY, "1", LogLine(NOW, "x"))
    s.add_line(KEY, "1", LogLine(NOW, "x", restart=1))
    s.set_read(KEY, AT)
    s.set_read(KEY, AT)
    s.answer(probe, said(200))
    s.forget_answer(probe)
    s.drop("pods", pod("b"))
    assert told == [1, 2, 3, 4, 5, 6, 7]


def test_what_was_read_of_one_log_says_nothing_of_another() -> None:
    s = store()
    s.set_read(KEY, 1.0)
    s.set_read(("p", "other"), 2.0)
    assert s.snapshot(EPOCH).read == {KEY: 1.0, ("p", "other"): 2.0}
    s.set_read(KEY, 3.0)
    s.set_read(("p", "other"), None)
    assert s.snapshot(EPOCH).read == {KEY: 3.0}


def test_a_snapshot_names_its_namespace() -> None:
    assert store().snapshot(EPOCH).namespace == NAMESPACE


def test_lines_are_not_doubled_and_take_the_later_restart() -> None:
    s = store()
    assert s.add_line(KEY, "1.5", LogLine(NOW, "x", 1))
    assert not s.add_line(KEY, "1.5", LogLine(NOW, "x", 1))
    assert not s.add_line(KEY, "1.5", LogLine(NOW, "x", 0))
    assert s.add_line(KEY, "1.6", LogLine(NOW, "x", 1))
    assert s.add_line(KEY, "1.6", LogLine(NOW, "x", 1, uid="other pod"))
    assert [line.restart for line in s.snapshot(EPOCH).logs[KEY]] == [1, 1, 1]
    assert not s.add_line(KEY, "1.5", LogLine(NOW, "x", 2))
    assert [line.restart for line in s.snapshot(EPOCH).logs[KEY]] == [2, 1, 1]


def test_a_forgotten_answer_stays_in_the_history() -> None:
    s, probe = store(), QueryProbe("s", 80, "up")
    for n in range(ANSWERS_KEPT + 5):
        s.answer(probe, said(200, str(n), at_s=n))
    s.forget_answer(probe)
    s.forget_answer(QueryProbe("s", 80, "never asked"))
    seen = s.snapshot(EPOCH)
    assert probe not in seen.answers
    assert [a.text for a in seen.history[probe]] == [str(n) for n in range(5, ANSWERS_KEPT + 5)]


def test_the_first_reading_of_each_wait_and_after_each_silence_is_never_pushed_out() -> None:
    s, probe = store(), MetricsProbe("s", 80)
    none, some = said(503), said(200, metrics={})
    script = [none, some, some, none, none, some, *[some] * ANSWERS_KEPT]
    for n, answer in enumerate(script):
        if n == 2:
            s.forget_answer(probe)
        s.answer(probe, replace(answer, sent_s=n))
    kept = [a.sent_s for a in s.snapshot(EPOCH).history[probe]]
    assert kept == [1, 2, 5, *range(6, 6 + ANSWERS_KEPT)]


def test_a_first_reading_that_is_still_among_the_latest_is_there_once() -> None:
    s, probe = store(), MetricsProbe("s", 80)
    for n in range(3):
        s.answer(probe, said(200, metrics={}, at_s=n))
    assert [a.sent_s - AT for a in s.snapshot(EPOCH).history[probe]] == [0, 1, 2]


def test_of_the_changes_the_latest_arrivals_are_remembered() -> None:
    clock = FakeClock()
    s = Store(NAMESPACE, clock)
    s.set_read(KEY, 0)
    clock.passed_s = 1.0
    for n in range(1, ARRIVALS_KEPT + 1):
        s.set_read(KEY, n)
    assert s.arrival_after(0) == AT + 1.0


def test_a_wait_is_for_a_change_after_the_version_and_for_no_longer_than_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s, waits = store(), []
    monkeypatch.setattr(s.changed, "wait_for", lambda ready, timeout=None: waits.append((ready(), timeout)))
    s.put("pods", pod("a"))
    s.wait_beyond(0, 5)
    s.wait_beyond(1, 5)
    assert waits == [(True, 5), (False, 5)]


def test_waiting_ends_with_a_change_or_with_the_time() -> None:
    s = store()
    s.wait_beyond(0, 0.01)
    version = s.snapshot(EPOCH).version
    thread = threading.Thread(target=lambda: s.set_read(KEY, AT))
    thread.start()
    s.wait_beyond(version, 5)
    thread.join()
    assert s.snapshot(EPOCH).read == {KEY: AT}
    assert s.arrival_after(version) == AT
    assert s.arrival_after(version + 1) is None
    s.set_read(KEY, AT)
    assert s.snapshot(EPOCH).version == version + 1, "what changes nothing is no change"

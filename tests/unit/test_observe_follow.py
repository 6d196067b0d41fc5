"""Log followers: through restarts, broken streams and crash loops, every line once, under the restart that wrote it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from tests.unit.observe_world import (
    AT,
    AWAY,
    NAMESPACE,
    NOW,
    PATIENCE_S,
    FakeClock,
    FakeKube,
    Play,
    container,
    ended,
    pod,
    waiting,
)

from promdrill.kube.client import StreamRefused
from promdrill.observe.follow import Follower, Followers, Run, run_of
from promdrill.observe.reflect import FIRST_PAUSE_S
from promdrill.observe.snapshot import EPOCH, LogLine
from promdrill.observe.store import Store

KEY = ("p", "c")


def raw(second: int, text: str) -> str:
    return f"2026-01-01T12:00:{second:02}.123456789Z {text}"


def run(number: int, *, running: bool = True) -> Run:
    return Run(f"id{number}", number, running, NOW)


def logs(**scripts: list[Play]) -> dict[tuple[str, str, str], list[Play]]:
    return {(mode, *KEY): plays for mode, plays in scripts.items()}


class Followed:
    """One follower on a thread, and what it has stored."""

    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self.stop = threading.Event()
        self.clock = FakeClock()
        self.store = Store(NAMESPACE, self.clock)
        self.follower = Follower(
            kube,  # type: ignore[arg-type]
            self.store,
            namespace=NAMESPACE,
            key=KEY,
            uid="u1",
            stop=self.stop,
            clock=self.clock,
        )
        self.thread = threading.Thread(target=self.follower.run)

    def lines(self) -> list[tuple[int, str]]:
        return [(line.restart, line.text) for line in self.stored()]

    def stored(self) -> tuple[LogLine, ...]:
        return self.store.snapshot(EPOCH).logs.get(KEY, ())

    @property
    def read(self) -> bool:
        return KEY in self.store.snapshot(EPOCH).read

    def wait_lines(self, *wanted: tuple[int, str]) -> None:
        with self.store.changed:
            self.store.changed.wait_for(lambda: len(self.lines()) >= len(wanted), PATIENCE_S)
        assert self.lines() == list(wanted)

    def wait_read_at(self, asked: float) -> None:
        with self.store.changed:
            assert self.store.changed.wait_for(lambda: self.store.snapshot(EPOCH).read.get(KEY) == asked, PATIENCE_S), (
                self.store.snapshot(EPOCH).read
            )

    def wait_read(self, *, read: bool) -> None:
        with self.store.changed:
            assert self.store.changed.wait_for(lambda: self.read == read, PATIENCE_S)


@contextmanager
def following(kube: FakeKube, *runs: Run) -> Iterator[Followed]:
    followed = Followed(kube)
    for one in runs:
        followed.follower.tell(one)
    followed.thread.start()
    try:
        yield followed
    finally:
        kube.interrupt(followed.stop)
        followed.follower.leave()
        followed.thread.join(PATIENCE_S)
        assert not followed.thread.is_alive()


def test_what_is_there_is_read_first_and_then_followed() -> None:
    kube = FakeKube(
        logs=logs(read=[Play([raw(1, "a"), raw(2, "b")])], follow=[Play([raw(2, "b"), raw(3, "c")], open=True)])
    )
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "a"), (0, "b"), (0, "c"))
        assert followed.read
        assert [line.at.second for line in followed.stored()] == [1, 2, 3]
    assert kube.asked == [("LOG", "read", *KEY, ""), ("LOG", "follow", *KEY, "2026-01-01T12:00:01Z")]


def test_a_restart_is_finished_before_the_new_run_is_taken_up() -> None:
    died = threading.Event()
    kube = FakeKube(
        logs=logs(
            read=[Play([raw(1, "a")]), Play([raw(7, "new 1")])],
            follow=[Play([raw(5, "b"), died]), Play([raw(8, "new 2")], open=True)],
            previous=[Play([raw(5, "b"), raw(6, "panic: last words")])],
        )
    )
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "a"), (0, "b"))
        followed.follower.tell(run(1))
        died.set()
        followed.wait_lines((0, "a"), (0, "b"), (0, "panic: last words"), (1, "new 1"), (1, "new 2"))
    assert kube.asked[2] == ("LOG", "previous", *KEY, "2026-01-01T12:00:04Z")
    assert sum(1 for a in kube.asked if a[1] == "previous") == 1


def test_every_run_of_a_crash_loop_is_captured() -> None:
    kube = FakeKube(
        logs=logs(
            read=[Play([raw(n, f"opening storage failed {n}")]) for n in range(5)],
            follow=[Play([])],
            previous=[Play([])],
        )
    )
    with following(kube, run(0, running=False)) as followed:
        for n in range(5):
            if n:
                followed.follower.tell(run(n, running=False))
            followed.wait_lines(*[(m, f"opening storage failed {m}") for m in range(n + 1)])
            followed.wait_read(read=True)
    assert not any(a[1] == "follow" for a in kube.asked), "what has ended is not followed"


def test_a_follower_that_comes_late_reads_the_run_before_too() -> None:
    kube = FakeKube(
        logs=logs(previous=[Play([raw(1, "old")])], read=[Play([raw(2, "new")])], follow=[Play([], open=True)])
    )
    with following(kube, run(4)) as followed:
        followed.wait_lines((3, "old"), (4, "new"))


def test_a_run_before_that_cannot_be_read_now_is_read_later() -> None:
    away = StreamRefused(503, "starting", "/log")
    kube = FakeKube(
        logs=logs(
            previous=[Play([away]), Play([raw(1, "old")])], read=[Play([raw(2, "new")])], follow=[Play([], open=True)]
        )
    )
    with following(kube, run(4)) as followed:
        followed.wait_lines((3, "old"), (4, "new"))


def test_a_run_before_that_left_no_log_does_not_hold_up_the_next() -> None:
    refused = StreamRefused(400, "previous terminated container not found", "/log")
    kube = FakeKube(logs=logs(previous=[Play([refused])], read=[Play([raw(2, "new")])], follow=[Play([], open=True)]))
    with following(kube, run(4)) as followed:
        followed.wait_lines((4, "new"))
    assert sum(1 for a in kube.asked if a[1] == "previous") == 1


@pytest.mark.parametrize("broken", [AWAY, StreamRefused(503, "starting", "/log")], ids=["away", "starting"])
def test_a_broken_stream_is_taken_up_again_without_loss_or_doubles(broken: Exception) -> None:
    kube = FakeKube(
        logs=logs(
            read=[Play([raw(1, "a")]), Play([broken]), Play([raw(1, "a"), raw(2, "a"), raw(2, "b"), raw(3, "c")])],
            follow=[Play([raw(2, "a"), broken]), Play([raw(3, "c"), raw(4, "d")], open=True)],
        )
    )
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "a"), (0, "a"), (0, "b"), (0, "c"), (0, "d"))
        assert followed.read


def test_a_log_that_cannot_be_read_now_does_not_count_as_read() -> None:
    kube = FakeKube(logs=logs(read=[Play([raw(1, "a")]), Play([AWAY])], follow=[Play([AWAY])]))
    with following(kube, run(0)) as followed:
        kube.wait_asked("LOG", "read", *KEY, times=3)
        followed.wait_read(read=False)
        assert followed.follower._backoff.pause_s >= 4 * FIRST_PAUSE_S, "two pauses, each longer than the one before"
        assert not followed.follower._news.is_set(), "nothing is new, so nothing ends a pause"


@pytest.mark.parametrize("again", [raw(1, "a"), "unable to retrieve container logs"], ids=["known", "no line"])
def test_a_stream_that_brings_nothing_new_is_taken_up_more_and_more_rarely(again: str) -> None:
    kube = FakeKube(logs=logs(read=[Play([raw(1, "a")])], follow=[Play([again, AWAY])]))
    with following(kube, run(0)) as followed:
        kube.wait_asked("LOG", "follow", *KEY, times=3)
        assert followed.follower._backoff.pause_s >= 4 * FIRST_PAUSE_S


def test_a_stream_that_brings_a_line_is_taken_up_at_once_again() -> None:
    kube = FakeKube(
        logs=logs(
            read=[Play([AWAY]), Play([AWAY]), Play([raw(1, "a")]), Play([])], follow=[Play([]), Play([], open=True)]
        )
    )
    with following(kube, run(0)) as followed:
        kube.wait_asked("LOG", "follow", *KEY, times=2)
        assert followed.follower._backoff.pause_s == 2 * FIRST_PAUSE_S, "one pause since the line"


def test_a_status_that_says_nothing_new_leaves_the_log_read() -> None:
    kube = FakeKube(logs=logs(read=[Play([raw(1, "a")])]))
    with following(kube, run(0, running=False)) as followed:
        followed.wait_read(read=True)
        followed.follower.tell(run(0, running=False))
        assert followed.read


def test_a_run_that_ended_while_its_log_was_read_is_not_followed() -> None:
    hold = threading.Event()
    kube = FakeKube(logs=logs(read=[Play([raw(1, "a"), hold, raw(2, "b")]), Play([raw(3, "c")])], previous=[Play([])]))
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "a"))
        followed.follower.tell(run(1, running=False))
        hold.set()
        followed.wait_lines((0, "a"), (0, "b"), (1, "c"))
        followed.wait_read(read=True)
    assert [a[1] for a in kube.asked] == ["read", "previous", "read"]


def test_a_new_run_is_unread_from_the_moment_it_is_told() -> None:
    hold = threading.Event()
    kube = FakeKube(
        logs=logs(read=[Play([raw(1, "a")]), Play([hold])], follow=[Play([], open=True)], previous=[Play([])])
    )
    with following(kube, run(0, running=False)) as followed:
        followed.wait_read(read=True)
        followed.follower.tell(run(1, running=False))
        assert not followed.read
        hold.set()
        followed.wait_read(read=True)


def test_a_stream_that_ends_before_the_status_knows_is_read_on_until_it_does() -> None:
    kube = FakeKube(
        logs=logs(
            read=[Play([raw(1, "a")]), Play([raw(1, "a"), raw(2, "late")])],
            follow=[Play([])],
            previous=[Play([])],
        )
    )
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "a"), (0, "late"))
        followed.follower.tell(run(0, running=False))
        followed.wait_read(read=True)


def test_a_stream_that_outlives_its_container_does_not_hold_up_the_next_run() -> None:
    kube = FakeKube(
        logs=logs(
            read=[Play([raw(1, "a")]), Play([raw(1, "a"), raw(2, "b")]), Play([raw(3, "c")])],
            follow=[Play([], open=True)],
            previous=[Play([])],
        )
    )
    with following(kube, run(0)) as followed:
        kube.wait_asked("LOG", "follow", *KEY)
        followed.follower.tell(run(0, running=False))
        followed.wait_lines((0, "a"), (0, "b"))
        followed.wait_read(read=True)
        followed.follower.tell(run(1))
        followed.wait_lines((0, "a"), (0, "b"), (1, "c"))
        kube.wait_asked("LOG", "follow", *KEY, times=2)
    assert [a[1] for a in kube.asked] == ["read", "follow", "read", "previous", "read", "follow"]


def test_a_log_that_is_renewed_is_read_to_its_end_once_more_and_followed_on() -> None:
    """The stream stays open and silent although the log has another line: it may be dead."""
    reads = [Play([raw(1, "a")]), Play([raw(1, "a"), raw(2, "b")])]
    kube = FakeKube(logs=logs(read=reads, follow=[Play([], open=True)]))
    with following(kube, run(0)) as followed:
        followed.wait_read_at(AT)
        kube.wait_asked("LOG", "follow", *KEY)
        followed.clock.passed_s = 10
        followed.follower.renew()
        followed.wait_read_at(AT + 10)
        followed.wait_lines((0, "a"), (0, "b"))
        kube.wait_asked("LOG", "follow", *KEY, times=2)
        assert followed.read


def test_a_log_that_is_renewed_does_not_sit_out_a_pause() -> None:
    followed = Followed(FakeKube())
    followed.follower.renew()
    assert followed.follower._news.is_set()


def test_a_log_that_has_ended_never_needs_to_be_read_again() -> None:
    kube = FakeKube(logs=logs(read=[Play([raw(1, "a")])]))
    with following(kube, run(0, running=False)) as followed:
        followed.wait_read_at(math.inf)


def test_a_line_is_shown_when_its_container_was_known() -> None:
    kube = FakeKube(logs=logs(read=[Play([raw(1, "early"), raw(9, "late")])], follow=[Play([], open=True)]))
    known = NOW + timedelta(seconds=5)
    with following(kube, Run("id", 0, True, known)) as followed:
        followed.wait_lines((0, "early"), (0, "late"))
        early, late = followed.stored()
        assert early.shown == known
        assert late.shown == late.at


def test_the_kubelets_own_words_are_no_lines_and_zones_are_understood() -> None:
    own = "failed to create fsnotify watcher: too many open files"
    east = "2026-01-01T13:00:05.000000001+01:00 east"
    kube = FakeKube(logs=logs(read=[Play([own, east, raw(6, "")])], follow=[Play([], open=True)]))
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "east"), (0, ""))
        assert followed.stored()[0].at == NOW + timedelta(seconds=5)


def test_a_pod_that_is_gone_may_still_have_last_words() -> None:
    going = threading.Event()
    gone = StreamRefused(404, 'pods "p" not found', "/log")
    kube = FakeKube(
        logs=logs(read=[Play([raw(1, "a")]), Play([gone])], follow=[Play([raw(2, "b"), going, raw(3, "last words")])])
    )
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "a"), (0, "b"))
        followed.follower.leave()
        going.set()
        followed.wait_lines((0, "a"), (0, "b"), (0, "last words"))


def test_a_follower_of_a_run_that_has_ended_ends_with_its_pod() -> None:
    with following(FakeKube(logs=logs(read=[Play([raw(1, "a")])])), run(0, running=False)) as followed:
        followed.wait_read(read=True)
        followed.follower.leave()
        followed.thread.join(PATIENCE_S)
        assert not followed.thread.is_alive()
        assert not followed.stop.is_set()


def test_a_follower_ends_once_its_pod_is_gone() -> None:
    gone = StreamRefused(404, 'pods "p" not found', "/log")
    kube = FakeKube(logs=logs(read=[Play([raw(1, "a")]), Play([gone])], follow=[Play([])]))
    with following(kube, run(0)) as followed:
        followed.wait_lines((0, "a"))
        followed.follower.leave()
        followed.thread.join(PATIENCE_S)
        assert not followed.thread.is_alive()
        assert not followed.stop.is_set()
        assert followed.lines() == [(0, "a")], "what was read stays"
    assert [a[1] for a in kube.asked].count("follow") == 1, "there is nothing left to follow"


def test_runs_are_read_from_statuses() -> None:
    assert run_of(container("c", restarts=2, ident="x"), NOW) == Run("x", 2, True, NOW)
    crashed = container("c", restarts=2, ident="x", state=waiting("CrashLoopBackOff"), last=ended(1))
    assert run_of(crashed, NOW) == Run("x", 2, False, NOW)
    assert run_of(container("c", ident=None, state=ended(0)), NOW) == Run("c0", 0, False, NOW)
    backing_off = container("c", restarts=1, ident=None, state=waiting("CrashLoopBackOff"), last=ended(1))
    assert run_of(backing_off, NOW) == Run("c0", 1, False, NOW)
    assert run_of(container("c", ident=None, state=waiting("ContainerCreating")), NOW) is None
    assert run_of({"containerID": "x"}, NOW) == Run("x", 0, False, NOW)


def test_followers_are_started_once_per_container_and_end_with_their_pod() -> None:
    made: list[tuple[tuple[str, str], str]] = []
    started: list[str] = []

    class Told:
        def __init__(self) -> None:
            self.runs: list[Run] = []
            self.left = False
            self.renewed = 0

        def renew(self) -> None:
            self.renewed += 1

        def tell(self, run: Run) -> None:
            self.runs.append(run)

        def leave(self) -> None:
            self.left = True

        def run(self) -> None:
            raise AssertionError

    tellers: list[Told] = []

    def make(key: tuple[str, str], uid: str) -> Told:
        made.append((key, uid))
        tellers.append(Told())
        return tellers[-1]

    followers = Followers(make, lambda _, name: started.append(name), FakeClock())  # type: ignore[arg-type]
    creating = container("c", ident=None, state=waiting("ContainerCreating"))
    followers.see(pod("p", creating, uid="u1"))
    assert made == []
    beside = container("b", ident=None, state=waiting("ContainerCreating"))
    followers.see(pod("p", beside, container("c"), uid="u1"))
    followers.see(pod("p", container("c", restarts=1, ident="c1"), uid="u1"))
    followers.see(pod("p", container("c"), uid="u2"))
    assert made == [(("p", "c"), "u1"), (("p", "c"), "u2")]
    assert started == ["log p/c", "log p/c"]
    assert [r.restart for r in tellers[0].runs] == [0, 1]
    assert followers.uids() == {"u1", "u2"}
    followers.see(pod("q", container("d"), uid="u3"))
    followers.renew({("p", "c"), ("q", "c")})
    assert [t.renewed for t in tellers] == [1, 1, 0]
    followers.lost("u1")
    assert [t.left for t in tellers] == [True, False, False]
    assert followers.uids() == {"u2", "u3"}
    followers.lost("u2")
    assert [t.left for t in tellers] == [True, True, False]
    for each in tellers:
        each.left = False
    followers.leave()
    assert [t.left for t in tellers] == [True, True, True], "also those whose pod has gone before"

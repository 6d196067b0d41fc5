"""Work side by side: never wider than told, in order, apart or alone where it must be, and always told to the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from promdrill.parallel.messages import Line, Reached, State
from promdrill.parallel.pool import Pool, Tell

GIVE_UP_S = 10.0

SET = threading.Event()
SET.set()


@dataclass
class Works:
    """Jobs that note when they get ready and begin, end when told, and how many run at once."""

    together: Sequence[str] = ()
    alone: Sequence[str] = ()
    width: int = 2
    ahead: int = 1
    acts: dict[str, Callable[[Tell, threading.Event], str]] = field(default_factory=dict)
    uses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    last: str = ""
    interrupted_at: str | None = None
    unready: Sequence[str] = ()
    slow: dict[str, threading.Event] = field(default_factory=dict)
    ready: list[str] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    most: int = 0
    beside: dict[str, set[str]] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    heard: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._turns = {job: threading.Event() for job in (*self.together, *self.alone)}

    def work(self, job: str, tell: Tell, stop: threading.Event) -> str:
        self.ready.append(job)
        if job in self.unready:
            return "not ready"
        assert self.slow.get(job, SET).wait(GIVE_UP_S)
        tell(Reached(State.READY))
        while not self._turns[job].wait(0.01):
            if stop.is_set():
                return "asked to end before its turn"
        with self._lock:
            self.begun.add(job)
            self._running.add(job)
            self.most = max(self.most, len(self._running))
            for each in self._running:
                self.beside.setdefault(each, set()).update(self._running - {each})
        try:
            act = self.acts.get(job)
            return act(tell, stop) if act else f"{job} done"
        finally:
            with self._lock:
                self._running.discard(job)

    def on_turn(self, job: str) -> None:
        self.threads.add(threading.get_ident())
        assert job in self._turns
        self.turns.append(job)
        self._turns[job].set()

    def on_line(self, job: str, line: str) -> None:
        self.threads.add(threading.get_ident())
        self.told.append((job, line))
        if line == self.interrupted_at:  # as if then, in the thread in which it would be
            raise KeyboardInterrupt

    def on_end(self, job: str, outcome: str) -> bool:
        self.threads.add(threading.get_ident())
        self.told.append((job, outcome))
        self.heard.set()
        return job != self.last

    def run(self) -> None:
        pool = Pool(
            self.work,
            on_turn=self.on_turn,
            on_line=self.on_line,
            on_end=self.on_end,
            uses=lambda job: self.uses.get(job, ()),
        )
        try:
            pool.run(self.together, self.alone, width=self.width, ahead=self.ahead)
        finally:
            assert self.begun == set(self.turns)
        assert {job for job, _ in self.told} >= set(self.ready), "what was started is told"


def meet(barrier: threading.Barrier) -> Callable[[Tell, threading.Event], str]:
    def act(_tell: Tell, _stop: threading.Event) -> str:
        barrier.wait(GIVE_UP_S)
        return "met"

    return act


def test_as_many_at_once_as_told_and_no_more() -> None:
    barrier = threading.Barrier(3)
    works = Works("abcdef", width=3)
    works.acts = dict.fromkeys("abcdef", meet(barrier))
    works.run()
    assert works.most == 3
    assert sorted(works.told) == [(job, "met") for job in "abcdef"]


def test_one_at_a_time_is_in_order() -> None:
    works = Works("bcad", width=1)
    works.run()
    assert works.ready == works.turns == list("bcad")
    assert works.told == [(job, f"{job} done") for job in "bcad"]
    assert works.most == 1


def test_a_worker_that_gets_free_takes_the_next_in_order() -> None:
    ended = threading.Event()

    def long(_tell: Tell, _stop: threading.Event) -> str:
        assert ended.wait(GIVE_UP_S)
        return "long"

    def last(_tell: Tell, _stop: threading.Event) -> str:
        ended.set()
        return "last"

    works = Works("abcd", acts={"a": long, "d": last})
    works.run()
    assert works.turns == list("abcd")
    assert works.told[-2:] in ([("d", "last"), ("a", "long")], [("a", "long"), ("d", "last")])


def test_those_that_use_the_same_wait_and_others_go_first() -> None:
    met, ended = threading.Barrier(2), threading.Event()

    def last(_tell: Tell, _stop: threading.Event) -> str:
        ended.set()
        return "last"

    def first(_tell: Tell, _stop: threading.Event) -> str:
        met.wait(GIVE_UP_S)  # so that one that uses something else was started beside it
        assert ended.wait(GIVE_UP_S)
        return "first"

    works = Works(
        "abcde",
        acts={"a": first, "d": meet(met), "e": last},
        uses={"a": ("api", "more"), "b": ("api",), "c": ("more", "api")},
    )
    works.uses["d"] = ("something else",)
    works.run()
    assert works.turns == list("adebc")
    assert works.most == 2
    assert not works.beside["b"] & set("ac")
    assert not works.beside["c"] & set("ab")


def test_they_run_one_after_the_other_when_there_is_nothing_else() -> None:
    works = Works("abc", width=3, uses=dict.fromkeys("abc", ("api",)))
    works.run()
    assert works.turns == list("abc")
    assert works.most == 1


def test_what_was_used_is_free_for_those_alone() -> None:
    works = Works("a", "xy", uses=dict.fromkeys("axy", ("api",)))
    works.run()
    assert works.turns == list("axy")


def test_after_the_last_word_nobody_waits_for_what_is_in_use() -> None:
    works = Works("abc", uses=dict.fromkeys("abc", ("api",)), last="a")
    works.run()
    assert works.turns == ["a"]


def test_those_alone_get_ready_beside_the_last_and_go_on_when_nothing_runs_beside_them() -> None:
    def a(_tell: Tell, _stop: threading.Event) -> str:
        assert works.seen["x"].wait(GIVE_UP_S)
        assert not works.seen["y"].wait(0.2), "one of them at a time"
        assert "x" not in works.turns
        return "a done"

    def x(_tell: Tell, _stop: threading.Event) -> str:
        return "was alone" if not works.seen["y"].wait(0.2) else "was not"

    works = Watched("abc", "xy", width=3)
    works.acts = {"a": a, "x": x}
    works.run()
    assert sorted(works.told[:3]) == [("a", "a done"), ("b", "b done"), ("c", "c done")]
    assert works.told[3:] == [("x", "was alone"), ("y", "y done")]
    assert works.turns[3:] == ["x", "y"]
    assert works.beside["x"] == works.beside["y"] == set()


def test_one_that_is_to_be_alone_starts_only_when_no_other_waits() -> None:
    def first(_tell: Tell, _stop: threading.Event) -> str:
        assert not works.seen["x"].wait(0.2)
        return "first"

    works = Watched("ab", "x", width=2, uses={"a": ("api",), "b": ("api",)}, acts={})
    works.acts = {"a": first}
    works.run()
    assert works.told == [("a", "first"), ("b", "b done"), ("x", "x done")]


def test_lines_come_before_the_end_and_in_the_callers_thread() -> None:
    def talk(tell: Tell, _stop: threading.Event) -> str:
        for number in range(50):
            tell(Line(str(number)))
        return "end"

    works = Works("ab", acts={"a": talk, "b": talk})
    works.run()
    for job in "ab":
        assert [line for told, line in works.told if told == job] == [*map(str, range(50)), "end"]
    assert works.threads == {threading.get_ident()}


def test_no_more_are_started_after_the_last_word_but_those_running_end_well() -> None:
    met = threading.Barrier(2)

    def until_told(_tell: Tell, stop: threading.Event) -> str:
        met.wait(GIVE_UP_S)
        assert works.heard.wait(GIVE_UP_S)
        return "asked to end" if stop.is_set() else "well"

    works = Works("abcde", "x", acts={"a": meet(met), "b": until_told}, last="a")
    works.run()
    assert works.turns == ["a", "b"]
    assert works.told[:2] == [("a", "met"), ("b", "well")]
    assert set(works.told[2:]) <= {(job, "asked to end before its turn") for job in "cd"}


def test_an_interruption_asks_all_to_end_and_tells_what_came_of_them() -> None:
    barrier = threading.Barrier(2)

    def until_asked(tell: Tell, stop: threading.Event) -> str:
        if barrier.wait(GIVE_UP_S) == 0:
            tell(Line("Ctrl-C"))
        assert stop.wait(GIVE_UP_S)
        tell(Line("asked to end"))
        return "ended early"

    works = Works("abc", "x", acts=dict.fromkeys("abc", until_asked), interrupted_at="Ctrl-C")
    with pytest.raises(KeyboardInterrupt):
        works.run()
    assert works.turns == ["a", "b"]
    for job in "ab":
        lines = [line for told, line in works.told if told == job]
        assert lines[-2:] == ["asked to end", "ended early"]


def test_what_a_job_raises_ends_the_others_and_is_raised() -> None:
    barrier = threading.Barrier(2)

    def bad(_tell: Tell, _stop: threading.Event) -> str:
        barrier.wait(GIVE_UP_S)
        raise ZeroDivisionError

    def good(_tell: Tell, stop: threading.Event) -> str:
        barrier.wait(GIVE_UP_S)
        assert stop.wait(GIVE_UP_S)
        return "asked"

    works = Works("abc", acts={"a": bad, "b": good})
    with pytest.raises(ZeroDivisionError):
        works.run()
    assert ("b", "asked") in works.told
    assert works.turns == ["a", "b"]


def test_nothing_to_do() -> None:
    works = Works()
    works.run()
    assert works.told == []


class Watched(Works):
    """Works that tell when each of them gets ready."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.seen = {job: threading.Event() for job in (*self.together, *self.alone)}

    def work(self, job: str, tell: Tell, stop: threading.Event) -> str:
        self.seen[job].set()
        return super().work(job, tell, stop)


class Begins(Watched):
    """Works that also tell when each has its turn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.began = {job: threading.Event() for job in (*self.together, *self.alone)}

    def on_turn(self, job: str) -> None:
        super().on_turn(job)
        self.began[job].set()


@pytest.mark.parametrize(("width", "ahead"), [(1, 1), (2, 1), (2, 2), (3, 2), (4, 2)])
def test_while_some_have_their_turn_others_get_ready(width: int, ahead: int) -> None:
    jobs = "abcdefgh"
    begun, beside, after = jobs[:width], jobs[width : width + ahead], jobs[width + ahead :]
    met = threading.Barrier(width)

    def until_others_are_ready(_tell: Tell, _stop: threading.Event) -> str:
        for job in beside:
            assert works.seen[job].wait(GIVE_UP_S)
        assert not works.seen[after[0]].wait(0.2), "no more than that"
        met.wait(GIVE_UP_S)
        return "saw them"

    works = Watched(jobs, width=width, ahead=ahead)
    works.acts = dict.fromkeys(begun, until_others_are_ready)
    works.run()
    assert {(job, "saw them") for job in begun} <= set(works.told)
    assert set(works.turns[:width]) == set(begun)
    assert works.most == width


def test_before_any_has_its_turn_no_more_get_ready_than_may_have_one() -> None:
    works = Watched("abcd", width=2)
    works.slow = {"a": works.seen["b"], "b": threading.Event()}

    def first(_tell: Tell, _stop: threading.Event) -> str:
        assert works.seen["c"].wait(GIVE_UP_S), "one has its turn, so another gets ready"
        works.slow["b"].set()
        return "first"

    works.acts = {"a": first}
    works.run()
    assert works.ready[:2] == ["a", "b"]
    assert works.turns[0] == "a"


def test_a_turn_goes_to_the_first_that_is_ready() -> None:
    slow = threading.Event()

    def after_it(_tell: Tell, _stop: threading.Event) -> str:
        slow.set()
        return "did not wait for it"

    works = Works("abc", width=2, slow={"a": slow}, acts={"b": after_it})
    works.run()
    assert works.turns[0] == "b"
    assert ("b", "did not wait for it") in works.told


def test_without_a_turn_nothing_goes_on() -> None:
    def first(_tell: Tell, _stop: threading.Event) -> str:
        assert works.seen["b"].wait(GIVE_UP_S)
        assert works.turns == ["a"]
        return "first"

    works = Watched("ab", width=1)
    works.acts = {"a": first}
    works.run()
    assert works.turns == ["a", "b"]
    assert works.most == 1


def test_what_cannot_get_ready_is_told_and_takes_no_turn() -> None:
    def until_it_is_told(_tell: Tell, _stop: threading.Event) -> str:
        assert works.heard.wait(GIVE_UP_S)
        return "a done"

    works = Works("abc", width=1, acts={"a": until_it_is_told}, unready="b")
    works.run()
    assert works.told == [("b", "not ready"), ("a", "a done"), ("c", "c done")]
    assert works.turns == list("ac")


def test_one_that_was_ready_when_the_last_word_came_is_asked_to_end_and_told() -> None:
    def first(_tell: Tell, _stop: threading.Event) -> str:
        assert works.seen["b"].wait(GIVE_UP_S)
        return "first"

    works = Watched("ab", width=1, last="a")
    works.acts = {"a": first}
    works.run()
    assert works.told == [("a", "first"), ("b", "asked to end before its turn")]
    assert works.turns == ["a"]


def test_one_that_recovers_gives_its_turn_to_the_next_and_is_waited_for() -> None:
    def recovers(tell: Tell, _stop: threading.Event) -> str:
        tell(Reached(State.RECOVERING))
        assert works.began["b"].wait(GIVE_UP_S), "its turn is another's"
        return "recovered"

    works = Begins("ab", width=1)
    works.acts = {"a": recovers}
    works.run()
    assert works.turns == ["a", "b"]
    assert ("a", "recovered") in works.told


def test_those_that_recover_count_among_those_that_are_there() -> None:
    met = threading.Barrier(2)

    def recovers(tell: Tell, _stop: threading.Event) -> str:
        tell(Reached(State.RECOVERING))
        assert works.seen["c"].wait(GIVE_UP_S)
        assert not works.seen["d"].wait(0.2), "two recover, and one gets ready"
        met.wait(GIVE_UP_S)
        return "recovered"

    works = Watched("abcd", width=2, ahead=1)
    works.acts = dict.fromkeys("ab", recovers)
    works.slow = {"c": works.seen["d"]}
    works.run()
    assert sorted(works.told)[:2] == [("a", "recovered"), ("b", "recovered")]


def test_one_that_recovers_after_the_last_word_ends_well() -> None:
    def recovers(tell: Tell, stop: threading.Event) -> str:
        tell(Reached(State.RECOVERING))
        assert works.heard.wait(GIVE_UP_S), "another one ends, with the last word"
        return "asked to end" if stop.wait(0.2) else "well"

    works = Works("ab", width=2, last="b")
    works.acts = {"a": recovers}
    works.run()
    assert sorted(works.told) == [("a", "well"), ("b", "b done")]


def test_one_alone_that_recovers_is_still_alone() -> None:
    def recovers(tell: Tell, _stop: threading.Event) -> str:
        tell(Reached(State.RECOVERING))
        return "was alone" if not works.seen["y"].wait(0.2) else "was not"

    works = Watched("a", "xy")
    works.acts = {"x": recovers}
    works.run()
    assert works.told == [("a", "a done"), ("x", "was alone"), ("y", "y done")]


def test_one_alone_has_its_turn_once_nothing_recovers_either() -> None:
    def recovers(tell: Tell, _stop: threading.Event) -> str:
        tell(Reached(State.RECOVERING))
        assert works.seen["x"].wait(GIVE_UP_S), "it gets ready meanwhile"
        assert not works.began["x"].wait(0.2)
        return "recovered"

    works = Begins("a", "x")
    works.acts = {"a": recovers}
    works.run()
    assert works.told == [("a", "recovered"), ("x", "x done")]

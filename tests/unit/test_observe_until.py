"""Waiting: success, named failure, deadline; holding; and figures that are not prettier than the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.unit.observe_world import AT, AWAY, NOW, FakeClock, named, noted, pod, said, snapshot

from promdrill.core.clock import iso
from promdrill.core.errors import ClusterError, WaitFailed, WaitTimeout
from promdrill.core.events import ConditionChanged, FailureSeen, WaitDone, WaitTimedOut
from promdrill.core.journal import Journal
from promdrill.observe.conditions import Condition, Failure, Kind, Seen, unknown
from promdrill.observe.judges import http_status
from promdrill.observe.probes import ExecProbe, HttpProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.snapshot import ContainerKey, Listing, LogLine, Object, Snapshot
from promdrill.observe.until import TICK_S, until

PROBE = QueryProbe("s", 80, "up")

Step = tuple[float, Callable[[Snapshot], Snapshot] | None]
"""Seconds that pass, and what then changes; nothing changes when None."""


class Steps:
    """An observer whose snapshot changes in steps; waiting takes the next step, or lets the time pass."""

    def __init__(self, journal: Journal, *steps: Step) -> None:
        self.clock = FakeClock()
        self.journal = journal
        self.steps = list(steps)
        self.now = snapshot(version=1)
        self.asked: list[Probe] = []
        self.asking_now = False
        self.detections: list[float] = []
        self.arrived: float | None = None
        self.waits: list[float] = []
        self.asked_anew: list[tuple[float, set[Probe]]] = []
        self.read_anew_: list[ContainerKey] = []
        self.lists: list[Snapshot | ClusterError] = []
        self.listings = 0

    def snapshot(self, since: datetime) -> Snapshot:
        assert self.asking_now
        return replace(self.now, at=self.clock.monotonic(), utc=self.clock.utc(), since=since)

    @contextmanager
    def asking(self, probes: Sequence[Probe]) -> Iterator[None]:
        self.asked += probes
        self.asking_now = True
        try:
            yield
        finally:
            self.asking_now = False

    def wait_beyond(self, version: int, timeout_s: float) -> None:
        assert version == self.now.version
        assert timeout_s >= 0
        self.waits.append(timeout_s)
        if self.steps and self.steps[0][0] <= timeout_s:
            after_s, make = self.steps.pop(0)
            self.clock.passed_s += after_s
            if make:
                self.now = replace(make(self.now), version=version + 1)
                self.arrived = self.clock.monotonic()
                self.clock.passed_s += 0.002
        else:
            self.clock.passed_s += timeout_s
            if self.steps:
                self.steps[0] = (self.steps[0][0] - timeout_s, self.steps[0][1])

    def ask_anew(self, probes: Sequence[Probe]) -> None:
        self.asked_anew.append((self.clock.passed_s, set(probes)))

    def read_anew(self, keys: Sequence[ContainerKey]) -> None:
        self.read_anew_ += keys

    def listed_anew(self, snapshot: Snapshot) -> Snapshot:
        """The next of `lists`, and without any what the streams brought."""
        self.listings += 1
        if not self.lists:
            return snapshot
        listed = self.lists.pop(0)
        pods = Listing(partial(self._list, listed))
        return replace(snapshot, pods=pods)

    def _list(self, listed: Snapshot | ClusterError) -> Iterable[Object]:
        if isinstance(listed, ClusterError):
            raise listed
        return listed.pods.values()

    def arrival_after(self, version: int) -> float | None:
        return self.arrived if version < self.now.version else None

    def detected(self, after_s: float) -> None:
        self.detections.append(after_s)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl") as log:
        yield log


def there(name: str, *, probes: tuple[Probe, ...] = ()) -> Condition:
    """Pod `name` is there."""
    return Condition(f"pod {name}", Kind.POD, lambda p: Seen(holds=name in p.pods, text=f"{len(p.pods)} pods"), probes)


def comes(*names: str) -> Callable[[Snapshot], Snapshot]:
    return lambda p: replace(p, pods={**p.pods, **named(*[pod(n) for n in names])})


def goes(name: str) -> Callable[[Snapshot], Snapshot]:
    return lambda p: replace(p, pods={n: o for n, o in p.pods.items() if n != name})


BROKEN = Failure("pod_broken", Kind.POD, lambda p: Seen(holds="broken" in p.pods, text="it is broken"), (PROBE,))


def test_all_must_hold_at_once(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("a")), (1, goes("a")), (1, comes("b")), (1, comes("a")))
    seen = until(steps, [there("a", probes=(PROBE,)), there("b")], failed=[], timeout_s=10)  # type: ignore[arg-type]
    assert set(seen.pods) == {"a", "b"}
    assert seen.since == NOW
    assert steps.clock.passed_s == pytest.approx(4.008)
    assert steps.asked == [PROBE]
    assert not steps.asking_now
    assert [done.took_s for done in noted(journal, WaitDone)] == [pytest.approx(4.008)]


def test_what_holds_already_is_no_detection(journal: Journal) -> None:
    steps = Steps(journal)
    steps.now = snapshot(pod("a"), version=1)
    until(steps, [there("a")], timeout_s=1)  # type: ignore[arg-type]
    assert steps.detections == []
    assert [(e.holds, e.knew is not None) for e in noted(journal, ConditionChanged)] == [(True, False)]


def test_the_deadline_names_each_missing_condition_and_what_was_last_seen(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("a")))
    with pytest.raises(WaitTimeout) as error:
        until(steps, [there("a"), there("b"), there("c")], timeout_s=3, hint="see evidence/")  # type: ignore[arg-type]
    assert str(error.value) == (
        "not seen within 3 s: pod b and pod c; last seen: pod b: 1 pods; pod c: 1 pods\nHint: see evidence/"
    )
    assert steps.clock.passed_s == pytest.approx(3)
    assert not steps.asking_now
    assert noted(journal, WaitTimedOut)[0].missing == ("pod b", "pod c")


def test_a_failure_ends_the_wait_at_once_and_by_name(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("broken")), (1, comes("a")))
    with pytest.raises(
        WaitFailed, match=r"pod_broken \(it is broken\) after 1\.0 s, while waiting for pod a; last seen"
    ):
        until(steps, [there("a")], failed=[BROKEN], timeout_s=30)  # type: ignore[arg-type]
    assert steps.asked == [PROBE]
    assert noted(journal, FailureSeen)[0].failure == "pod_broken"


def test_a_failure_names_what_was_missing_and_while_holding_all_that_was_wanted(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("b")), (0.23456, comes("broken")))
    with pytest.raises(WaitFailed, match=r"while waiting for pod a; last seen: pod a: 2 pods$"):
        until(steps, [there("a"), there("b")], failed=[BROKEN], timeout_s=30)  # type: ignore[arg-type]
    assert noted(journal, FailureSeen)[-1].waited_s == 1.239, "to the millisecond"
    steps = Steps(journal, (1, comes("a")), (1, comes("broken")))
    with pytest.raises(WaitFailed, match="while waiting for pod a; last seen: pod a: 2 pods"):
        until(steps, [there("a")], failed=[BROKEN], timeout_s=30, hold_s=5)  # type: ignore[arg-type]


def test_what_a_wait_took_is_told_to_the_millisecond(journal: Journal) -> None:
    until(Steps(journal, (0.23456, comes("a"))), [there("a")], failed=[], timeout_s=9)  # type: ignore[arg-type]
    assert [done.took_s for done in noted(journal, WaitDone)] == [0.237]


def test_success_comes_before_a_failure_of_the_same_moment(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("a", "broken")))
    until(steps, [there("a")], failed=[BROKEN], timeout_s=5)  # type: ignore[arg-type]


def test_a_failure_while_holding_ends_the_wait(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("a")), (1, comes("broken")))
    with pytest.raises(WaitFailed, match="pod_broken"):
        until(steps, [there("a")], failed=[BROKEN], timeout_s=30, hold_s=5)  # type: ignore[arg-type]


def test_holding_begins_again_after_an_interruption(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("a")), (2, goes("a")), (1, comes("a")))
    until(steps, [there("a")], failed=[], timeout_s=30, hold_s=3)  # type: ignore[arg-type]
    assert steps.clock.passed_s == pytest.approx(7.006, abs=0.01)


def test_a_deadline_while_holding_says_so(journal: Journal) -> None:
    steps = Steps(journal, (2, comes("a")))
    with pytest.raises(WaitTimeout, match="pod a, for 3 s without interruption; last seen: pod a: 1 pods"):
        until(steps, [there("a")], failed=[], timeout_s=4, hold_s=3)  # type: ignore[arg-type]


def test_a_picture_without_changes_is_judged_again_as_time_passes(journal: Journal) -> None:
    late = Condition(
        "late", Kind.METRIC, lambda p: Seen(holds=p.utc >= NOW + timedelta(seconds=2), text=p.utc.isoformat())
    )
    steps = Steps(journal)
    until(steps, [late], timeout_s=10)  # type: ignore[arg-type]
    assert steps.clock.passed_s == pytest.approx(2)
    assert max(steps.waits) == TICK_S


def test_detection_counts_from_the_arrival_of_the_change(journal: Journal) -> None:
    steps = Steps(journal, (1, comes("a")))
    until(steps, [there("a")], failed=[], timeout_s=10)  # type: ignore[arg-type]
    assert steps.detections == [pytest.approx(0.002)]
    last = noted(journal, ConditionChanged)[-1]
    assert (last.holds, last.kind, last.detected_after_s) == (True, "pod", 0.002)
    assert last.changed is not None
    assert last.knew is not None
    assert (iso(last.changed), iso(last.knew)) == ("2026-01-01T12:00:01.000Z", "2026-01-01T12:00:01.002Z")


def test_detection_counts_from_the_evidences_own_time_but_not_from_before_the_wait(journal: Journal) -> None:
    def written(at_s: float) -> Callable[[Snapshot], Snapshot]:
        line = LogLine(NOW + timedelta(seconds=at_s), "x")
        return lambda p: replace(p, logs={("p", "c"): (line,)})

    def judge(p: Snapshot) -> Seen:
        lines = p.logs.get(("p", "c"), ())
        return Seen(holds=bool(lines), text=f"{len(lines)} lines", changed=lines[0].at if lines else None)

    for at_s, after_s in ((0.40006, 0.60194), (-50, 1.002), (50, 0.0)):
        steps = Steps(journal, (1, written(at_s)))
        until(steps, [Condition("line", Kind.LOG, judge)], failed=[], timeout_s=9)  # type: ignore[arg-type]
        assert steps.detections == [pytest.approx(after_s)]
        assert noted(journal, ConditionChanged)[-1].detected_after_s == round(after_s, 4), "to a tenth of a millisecond"


def test_the_journal_is_told_whether_a_condition_is_known_and_quotes_what_it_looks_for(journal: Journal) -> None:
    quoted = Condition("line", Kind.LOG, lambda p: Seen(holds=bool(p.pods), text="x", quotes=True))
    dark = Condition("dark", Kind.HTTP, lambda p: Seen(holds=bool(p.pods), text="x", known=bool(p.pods)))
    until(Steps(journal, (1, comes("a"))), [quoted, dark], failed=[], timeout_s=9)  # type: ignore[arg-type]
    told = [(each.condition, each.known, each.quotes) for each in noted(journal, ConditionChanged)]
    assert told == [("line", True, True), ("dark", False, False), ("line", True, True), ("dark", True, False)]


def test_a_first_answer_is_no_detection(journal: Journal) -> None:
    def judge(p: Snapshot) -> Seen:
        return Seen(holds=True, text="200") if p.pods else unknown("not asked yet")

    steps = Steps(journal, (1, comes("answer")))
    until(steps, [Condition("http", Kind.HTTP, judge)], failed=[], timeout_s=9)  # type: ignore[arg-type]
    assert steps.detections == []


def test_an_observer_that_broke_ends_the_wait(journal: Journal) -> None:
    steps = Steps(journal)

    def broken(_: datetime) -> Snapshot:
        raise ClusterError("the observer broke")

    steps.snapshot = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(ClusterError, match="broke"):
        until(steps, [there("a")], timeout_s=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", [[], [there("a"), there("a")]], ids=["nothing", "one name twice"])
def test_a_wait_for_nothing_would_always_succeed_and_is_refused(journal: Journal, wanted: list[Condition]) -> None:
    with pytest.raises(ValueError, match="each with a name of its own"):
        until(Steps(journal), wanted, timeout_s=1)  # type: ignore[arg-type]


HEALTHY, READY = (HttpProbe("s", 80, "GET", f"/-/{name}") for name in ("healthy", "ready"))
LOG = ("p", "c")


def ok(probe: HttpProbe) -> Condition:
    """The probe's answer is 200."""
    return Condition(f"{probe.path} is 200", Kind.HTTP, lambda p: http_status(p, probe, 200), (probe,))


def gives(*answers: tuple[HttpProbe, ProbeAnswer]) -> Callable[[Snapshot], Snapshot]:
    return lambda p: replace(p, answers={**p.answers, **dict(answers)})


def refused(at_s: float) -> ProbeAnswer:
    return said(None, at_s=at_s, error="connection refused", refused=True)


def test_a_hold_is_not_over_before_each_probe_answers_what_was_asked_at_its_end(journal: Journal) -> None:
    """The first question of the hold is the only one that was answered: the others hang, or wait for their turn."""
    steps = Steps(journal, (1, gives((HEALTHY, said(200, at_s=0.9)), (READY, said(200, at_s=0.9)))))
    steps.steps.append((3.1, gives((HEALTHY, said(200, at_s=4.05)))))
    with pytest.raises(WaitTimeout) as caught:
        until(steps, [ok(HEALTHY), ok(READY)], failed=[], timeout_s=10, hold_s=3)  # type: ignore[arg-type]
    assert caught.value.last_seen == "/-/ready is 200: it held for 3 s; what was asked after that is not answered"
    assert noted(journal, WaitTimedOut)[-1].missing == ("/-/ready is 200",)
    ((at_s, asked),) = steps.asked_anew  # once, and not again and again
    assert at_s == pytest.approx(4.002)
    assert sorted(str(probe) for probe in asked) == sorted(map(str, (HEALTHY, READY)))
    assert min(steps.waits) > 0, "it does not spin until the answers come"


@pytest.mark.parametrize(("asked_s", "ends_s"), [(4.001, 5.5), (4.002, 4.3), (4.2, 4.3)])
def test_an_answer_counts_for_the_end_of_a_hold_by_when_it_was_asked(
    journal: Journal, asked_s: float, ends_s: float
) -> None:
    steps = Steps(
        journal,
        (1, gives((READY, said(200, at_s=0.9)))),
        (3.298, gives((READY, replace(said(200, at_s=asked_s), answered_s=AT + 4.3)))),
        (1.198, gives((READY, said(200, at_s=5.4)))),
    )
    until(steps, [ok(READY)], failed=[], timeout_s=10, hold_s=3)  # type: ignore[arg-type]
    assert steps.clock.passed_s == pytest.approx(ends_s, abs=0.01)


@pytest.mark.parametrize("answer", [said(503, at_s=4.1), refused(4.1)], ids=["it fails", "it cannot be asked"])
def test_what_fails_or_cannot_be_asked_at_the_end_of_a_hold_breaks_it(journal: Journal, answer: ProbeAnswer) -> None:
    steps = Steps(
        journal,
        (1, gives((READY, said(200, at_s=0.9)))),
        (3.2, gives((READY, answer))),
        (1.8, gives((READY, said(200, at_s=6.0)))),
        (3.1, gives((READY, said(200, at_s=9.05)))),
    )
    until(steps, [ok(READY)], failed=[], timeout_s=20, hold_s=3)  # type: ignore[arg-type]
    assert steps.clock.passed_s == pytest.approx(9.1, abs=0.02)
    assert [round(at_s, 1) for at_s, _ in steps.asked_anew] == [4.0, 9.0]


def test_a_wait_that_ends_because_nobody_could_be_asked_says_so(journal: Journal) -> None:
    steps = Steps(journal, (1, gives((READY, said(200, at_s=0.9)))), (1, gives((READY, refused(1.9)))))
    with pytest.raises(WaitTimeout, match="last seen: /-/ready is 200: the API server could not be asked: connection"):
        until(steps, [ok(READY)], failed=[], timeout_s=10, hold_s=3)  # type: ignore[arg-type]


def test_at_the_end_of_a_hold_objects_are_listed_and_a_dead_stream_proves_nothing(journal: Journal) -> None:
    """The stream shows a pod that is gone; once it is there again, it must hold from then on."""
    steps = Steps(journal)
    steps.now = snapshot(pod("a"), version=1)
    steps.lists = [snapshot(), snapshot(), snapshot(), snapshot(pod("a")), snapshot(pod("a"))]
    seen = until(steps, [there("a")], failed=[], timeout_s=30, hold_s=3)  # type: ignore[arg-type]
    assert steps.clock.passed_s == pytest.approx(3 + 3 * TICK_S + 3), "held from the first list that showed it"
    assert steps.listings == 5
    assert set(seen.pods) == {"a"}


def test_an_api_server_that_cannot_list_at_the_end_of_a_hold_breaks_it_and_is_the_cause(journal: Journal) -> None:
    steps = Steps(journal)
    steps.now = snapshot(pod("a"), version=1)
    steps.lists = [AWAY] * 99
    with pytest.raises(WaitTimeout) as caught:
        until(steps, [there("a")], failed=[], timeout_s=4.9, hold_s=3)  # type: ignore[arg-type]
    assert caught.value.last_seen == "pod a: the API server could not be asked: connection refused"


def test_nothing_is_asked_or_listed_anew_for_a_wait_without_a_hold(journal: Journal) -> None:
    steps = Steps(journal, (1, gives((READY, said(200, at_s=0.9)))))
    until(steps, [ok(READY)], failed=[], timeout_s=5)  # type: ignore[arg-type]
    assert (steps.asked_anew, steps.listings) == ([], 0)


def test_the_end_of_a_hold_needs_logs_that_were_read_after_it(journal: Journal) -> None:
    def quiet(p: Snapshot) -> Seen:
        return Seen(holds=LOG in p.read and not p.logs, text=f"{len(p.logs)} lines")

    steps = Steps(journal, (3.5, lambda p: replace(p, read={LOG: steps.clock.monotonic() - 0.2})))
    steps.now = snapshot(pod("p"), version=1, read={LOG: 0.0, ("gone", "c"): 0.0})
    until(steps, [Condition("quiet", Kind.LOG, quiet)], failed=[], timeout_s=10, hold_s=3)  # type: ignore[arg-type]
    assert steps.clock.passed_s == pytest.approx(3.5, abs=0.01)
    assert set(steps.read_anew_) == {LOG}, "there is no more to read of a pod that is gone"
    steps = Steps(journal)
    steps.now = snapshot(pod("p"), version=1, read={LOG: 0.0})
    until(steps, [Condition("other", Kind.POD, quiet)], failed=[], timeout_s=10, hold_s=3)  # type: ignore[arg-type]
    assert steps.read_anew_ == [], "no condition on logs"


def test_at_the_end_of_a_hold_logs_are_read_if_one_of_the_conditions_is_on_logs(journal: Journal) -> None:
    for kind, anew in ((Kind.LOG, {LOG}), (Kind.POD, set())):
        steps = Steps(journal, (1, gives((READY, said(200, at_s=0.9)))))
        steps.now = snapshot(pod("p"), version=1, read={LOG: 0.0})
        other = Condition("other", kind, lambda _: Seen(holds=True, text=""))
        with pytest.raises(WaitTimeout):
            until(steps, [other, ok(READY)], failed=[], timeout_s=6, hold_s=3)  # type: ignore[arg-type]
        assert set(steps.read_anew_) == anew


@pytest.mark.parametrize(
    ("answer", "asked"),
    [(None, False), ("refused", False), ("answered", True)],
)
def test_a_timeout_says_of_each_missing_condition_whether_it_was_known_and_could_be_asked(
    journal: Journal, answer: str | None, asked: bool
) -> None:
    given = ProbeAnswer(0.0, 0.0, NOW, None, error="no", refused=answer == "refused")
    unseen = Condition("unseen", Kind.HTTP, lambda _: unknown("no answer"), (PROBE,))
    steps = Steps(journal, (1, lambda p: replace(p, answers={PROBE: given} if answer else {})))
    with pytest.raises(WaitTimeout) as caught:
        until(steps, [there("a"), unseen], failed=[], timeout_s=3)  # type: ignore[arg-type]
    here, there_ = caught.value.missing
    assert (here.text, here.known, here.asked) == ("pod a: 0 pods", True, True)
    assert (there_.text, there_.known, there_.asked) == ("unseen: no answer", False, asked)
    assert caught.value.undecided == ("" if asked else "unseen: no answer")


def test_a_condition_of_two_questions_was_asked_if_both_were_passed_on(journal: Journal) -> None:
    both = Condition("both", Kind.HTTP, lambda _: unknown("no answer"), (HEALTHY, READY))
    for answers, asked in (
        ([(HEALTHY, said(200))], False),
        ([(HEALTHY, said(200)), (READY, refused(1))], False),
        ([(HEALTHY, said(200)), (READY, said(503))], True),
    ):
        with pytest.raises(WaitTimeout) as caught:
            until(Steps(journal, (1, gives(*answers))), [both], failed=[], timeout_s=3)  # type: ignore[arg-type]
        assert [each.asked for each in caught.value.missing] == [asked]


def test_a_question_to_a_container_that_does_not_run_counts_as_asked(journal: Journal) -> None:
    shell = Condition("df", Kind.VOLUME, lambda _: unknown("not running"), (ExecProbe("pod", "server", ("df",)),))
    with pytest.raises(WaitTimeout) as caught:
        until(Steps(journal), [there("a"), shell], failed=[], timeout_s=3)  # type: ignore[arg-type]
    assert caught.value.undecided == ""

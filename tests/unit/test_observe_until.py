"""Waiting: success, named failure, deadline; holding; and figures that are not prettier than the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.observe_world import NOW, FakeClock, named, noted, pod, snapshot

from promdrill.core.clock import iso
from promdrill.core.errors import ClusterError, WaitFailed, WaitTimeout
from promdrill.core.events import ConditionChanged, FailureSeen, WaitDone, WaitTimedOut
from promdrill.core.journal import Journal
from promdrill.observe.conditions import Condition, Failure, Kind, Seen, unknown
from promdrill.observe.probes import ExecProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.snapshot import LogLine, Snapshot
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

    for at_s, after_s in ((0.4, 0.602), (-50, 1.002)):
        steps = Steps(journal, (1, written(at_s)))
        until(steps, [Condition("line", Kind.LOG, judge)], failed=[], timeout_s=9)  # type: ignore[arg-type]
        assert steps.detections == [pytest.approx(after_s)]


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


def test_a_question_to_a_container_that_does_not_run_counts_as_asked(journal: Journal) -> None:
    shell = Condition("df", Kind.VOLUME, lambda _: unknown("not running"), (ExecProbe("pod", "server", ("df",)),))
    with pytest.raises(WaitTimeout) as caught:
        until(Steps(journal), [there("a"), shell], failed=[], timeout_s=3)  # type: ignore[arg-type]
    assert caught.value.undecided == ""

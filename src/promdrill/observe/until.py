"""Waiting: until everything wanted holds, a named failure is seen, or the deadline passes.

A hold rests on fresh answers. At its end each probe is asked once more, at once; each log is read, and each kind of
object that a condition looks at is listed, once more: an answer from before the end says nothing about the end, and a
stream that is silent may be dead. The hold is over when all hold on what was asked for then. What cannot be asked is
not known, and breaks the hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError, Missing, WaitFailed, WaitTimeout
from promdrill.core.events import ConditionChanged, FailureSeen, WaitBegan, WaitDone, WaitTimedOut
from promdrill.observe.conditions import Condition, Failure, Kind, Seen, unknown
from promdrill.observe.failures import DEFAULT_FAILURES, without
from promdrill.observe.observer import Observer
from promdrill.observe.poll import period_s
from promdrill.observe.probes import ExecProbe, Probe, ProbeAnswer
from promdrill.observe.snapshot import Snapshot

__all__ = ["DEFAULT_FAILURES", "until", "without"]

TICK_S = 0.5
"""Seconds after which a snapshot is judged again although nothing changed: some conditions depend on the time."""


def until(
    observer: Observer,
    wanted: Sequence[Condition],
    *,
    failed: Sequence[Failure] = DEFAULT_FAILURES,
    timeout_s: float,
    hold_s: float = 0.0,
    hint: str = "",
) -> Snapshot:
    """Wait until all of `wanted` hold at once, and keep holding for `hold_s`; judged whenever something changes.

    With a hold, all of them also hold on answers, lists and logs that were asked for at or after its end.

    Args:
        observer: Where snapshots come from.
        wanted: What must hold.
        failed: What ends the wait at once.
        timeout_s: Seconds for the whole wait, `hold_s` included.
        hold_s: Seconds for which all must hold.
        hint: The next move, for the error.

    Returns:
        The snapshot that proved it.

    Raises:
        WaitFailed: A failure was seen.
        WaitTimeout: The deadline passed; the error names each missing condition and what was last seen of it.
        ClusterError: The observer itself broke.
    """
    began, deadline = observer.clock.utc(), Deadline.after(timeout_s, observer.clock)
    wait = _Wait(observer, tuple(wanted), tuple(failed), deadline, began, hold_s, hint)
    wait.announce()
    with observer.asking(_probes(wanted, failed)):
        while True:
            snapshot = observer.snapshot(began)
            proof = wait.proof(snapshot)
            if proof is not None:
                observer.journal.write(WaitDone(took_s=round(deadline.elapsed_s, 3)))
                return proof
            if deadline.passed:
                raise wait.timeout(snapshot)
            observer.wait_beyond(snapshot.version, min(deadline.remaining_s, wait.pause_s(snapshot)))


@dataclass(slots=True)
class _Wait:
    """One running wait.

    Attributes:
        seen: What the conditions last saw, by their names.
        held_since: Monotonic seconds from which on everything holds; None while something does not.
        asked_anew: Whether the probes were asked once more, at the end of this hold.
        doubted: Whether what the streams show was not confirmed: then a hold begins only with objects listed anew.
        version: Version of the snapshot that was judged last.
    """

    observer: Observer
    wanted: tuple[Condition, ...]
    failed: tuple[Failure, ...]
    deadline: Deadline
    began: datetime
    hold_s: float
    hint: str
    seen: dict[str, Seen] = field(default_factory=dict)
    held_since: float | None = None
    asked_anew: bool = field(init=False)
    doubted: bool = False
    version: int = field(init=False)
    answers: Mapping[Probe, ProbeAnswer] = field(default_factory=dict)

    def announce(self) -> None:
        """Write to the journal what is waited for; ValueError if that is nothing, or two conditions share a name."""
        names = tuple(c.name for c in self.wanted)
        if not names or len(set(names)) != len(names):
            raise ValueError("a wait needs conditions, each with a name of its own")
        self.observer.journal.write(WaitBegan(wanted=names, timeout_s=self.deadline.budget_s, hold_s=self.hold_s))

    def proof(self, snapshot: Snapshot) -> Snapshot | None:
        """The snapshot that proves that the wait has succeeded; None until it has. Raises `WaitFailed`."""
        if not self._all_hold(snapshot) or (self.held_since is None and self.doubted and not self._confirmed(snapshot)):
            self.held_since = None
        elif self.held_since is None:
            self.held_since, self.asked_anew = snapshot.at, False
        if self._hold_left_s(snapshot) <= 0:
            if not self.hold_s:
                return snapshot
            if stale := self._stale(snapshot):
                self._ask_anew(stale, snapshot)
            elif proof := self._confirmed(snapshot):
                return proof
        for failure in self.failed:
            hit = failure.judge(snapshot)
            if hit.holds:
                raise self._failure(failure, hit)
        return None

    def pause_s(self, snapshot: Snapshot) -> float:
        """Seconds after which to judge again although nothing changed."""
        left_s = self._hold_left_s(snapshot)
        return min(TICK_S, left_s) if left_s > 0 else TICK_S

    def _hold_left_s(self, snapshot: Snapshot) -> float:
        """Seconds for which everything must keep holding; infinite while something does not hold."""
        return self._end - snapshot.at

    @property
    def _end(self) -> float:
        """Monotonic seconds at which the hold ends; infinite while something does not hold."""
        return math.inf if self.held_since is None else self.held_since + self.hold_s

    def _all_hold(self, snapshot: Snapshot) -> bool:
        seen = {c.name: _judged(c, snapshot) for c in self.wanted}
        for condition in self.wanted:
            self._note(condition, seen[condition.name], snapshot)
        self.seen, self.version, self.answers = seen, snapshot.version, snapshot.answers
        return all(s.holds for s in seen.values())

    def _ask_anew(self, stale: Sequence[Condition], snapshot: Snapshot) -> None:
        """Ask for answers and logs once more, for conditions that were not asked at or after the end of the hold."""
        if not self.asked_anew:
            self.asked_anew = True
            self.observer.ask_anew(snapshot.unanswered(_probes(stale), since=self._end))
        if any(c.kind is Kind.LOG for c in stale):
            self.observer.read_anew(snapshot.unread(since=self._end))

    def _stale(self, snapshot: Snapshot) -> list[Condition]:
        """The conditions with an answer or a log that was not asked for at or after the end of the hold."""
        logs = snapshot.unread(since=self._end)
        return [
            c for c in self.wanted if snapshot.unanswered(c.probes, since=self._end) or (c.kind is Kind.LOG and logs)
        ]

    def _confirmed(self, snapshot: Snapshot) -> Snapshot | None:
        """The snapshot with its objects listed anew, if everything holds on it; otherwise the hold is broken."""
        listed = self.observer.listed_anew(snapshot)
        self.doubted = not self._all_hold(listed)
        if self.doubted:
            self.held_since = None
        return None if self.doubted else listed

    def timeout(self, snapshot: Snapshot) -> WaitTimeout:
        """The error for the deadline, which passed at that snapshot."""
        if self._hold_left_s(snapshot) <= 0:
            why = f"it held for {self.hold_s:g} s; what was asked after that is not answered"
            self.seen = self.seen | {c.name: unknown(why) for c in self._stale(snapshot)}
        missing = {name: s for name, s in self.seen.items() if not s.holds}
        wanted = " and ".join(missing or self.seen)
        last = _words(missing or self.seen)
        if not missing:
            wanted = f"{wanted}, for {self.hold_s:g} s without interruption"
        self.observer.journal.write(WaitTimedOut(missing=tuple(missing), last_seen=last))
        return WaitTimeout(wanted, self.deadline.budget_s, last, hint=self.hint, missing=self._missing())

    def _failure(self, failure: Failure, hit: Seen) -> WaitFailed:
        missing = {name: s for name, s in self.seen.items() if not s.holds} or self.seen
        waited_s = self.deadline.elapsed_s
        self.observer.journal.write(FailureSeen(failure=failure.name, text=hit.text, waited_s=round(waited_s, 3)))
        what = f"{failure.name} ({hit.text})"
        wanted, last = " and ".join(missing), _words(missing)
        return WaitFailed(wanted, what, last, waited_s, hint=self.hint, missing=self._missing())

    def _missing(self) -> list[Missing]:
        """Each condition that did not hold when it was last judged."""
        seen = [(condition, self.seen[condition.name]) for condition in self.wanted]
        return [
            Missing(f"{condition.name}: {s.text}", known=s.known, asked=_asked(condition, self.answers))
            for condition, s in seen
            if not s.holds
        ]

    def _note(self, condition: Condition, seen: Seen, snapshot: Snapshot) -> None:
        """Write to the journal that a condition began or ceased to hold: when the cluster changed, and when we knew."""
        before = self.seen.get(condition.name)
        if before is not None and before.holds == seen.holds:
            return
        news = ConditionChanged(
            condition=condition.name,
            kind=condition.kind,
            holds=seen.holds,
            text=seen.text,
            known=seen.known,
            quotes=seen.quotes,
        )
        if before is None or not before.known:  # it may have been like that for long: nothing was detected just now
            self.observer.journal.write(news)
            return
        knew = self.observer.clock.utc()
        changed = seen.changed if seen.changed is not None else self._arrival(snapshot, knew)
        after_s = max(0.0, (knew - max(changed, self.began)).total_seconds())
        if seen.holds:
            self.observer.detected(after_s)
        every_s = max(map(period_s, condition.probes), default=0.0)
        told = replace(news, changed=changed, knew=knew, detected_after_s=round(after_s, 4), asked_every_s=every_s)
        self.observer.journal.write(told)

    def _arrival(self, snapshot: Snapshot, knew: datetime) -> datetime:
        """When the oldest change that was not judged before arrived, for evidence without a time of its own."""
        arrived = self.observer.arrival_after(self.version)
        if arrived is None:
            return knew
        return knew - timedelta(seconds=self.observer.clock.monotonic() - min(arrived, snapshot.at))


def _judged(condition: Condition, snapshot: Snapshot) -> Seen:
    """What a condition sees; objects that could not be listed anew are not known, and so no proof."""
    try:
        return condition.judge(snapshot)
    except ClusterError as error:
        return unknown(f"the API server could not be asked: {error.message}")


def _probes(wanted: Sequence[Condition], failed: Sequence[Failure] = ()) -> list[Probe]:
    return [probe for c in wanted for probe in c.probes] + [probe for f in failed for probe in f.probes]


def _asked(condition: Condition, answers: Mapping[Probe, ProbeAnswer]) -> bool:
    """Whether the API server passed on all of a condition's questions; no container has to run for those to a shell."""
    asked = [answers.get(probe) for probe in condition.probes if not isinstance(probe, ExecProbe)]
    return all(answer is not None and not answer.refused for answer in asked)


def _words(seen: dict[str, Seen]) -> str:
    return "; ".join(f"{name}: {s.text}" for name, s in seen.items())

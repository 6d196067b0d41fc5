"""One drill over time, reduced from its events: the source of the page, the live view and the lines on a terminal.

A `Timeline` takes one entry after the other and is correct after each of them, whether the drill is over, still running
or was cut short.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from promdrill.core import events
from promdrill.core.events import Ending, Entry, Event
from promdrill.core.model import JobSamples, ObserverFigures, StepRecord, Variant, Verdict, drill_name

QUOTES = 3
"""How many lines of logs and events are remembered."""

BAD = re.compile(r"BackOff|Err[A-Z]|Error|OOMKilled|Evicted|Failed|Invalid|ContainerCannotRun|ContainerStatusUnknown")
"""Kubernetes' reasons that mean trouble, and not only that something is not ready yet."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in a drill.

    Attributes:
        at: UTC.
        s: Seconds since the drill began, on a clock that never runs backwards; never below 0.
    """

    at: datetime
    s: float


@dataclass(slots=True)
class Span:
    """A phase, a fault or a stage.

    Attributes:
        name: Its name.
        began: When it began.
        ended: When the phase ended, the fault was confirmed or the stage was seen; None until then.
        how: How a phase ended; `Ending.DONE` for a confirmed fault and for a stage that was seen; None until then.
        took_s: Seconds that a finished phase took, as the drill measured them; None for everything else.
        detail: What a fault may touch, in words.
    """

    name: str
    began: Instant
    ended: Instant | None = None
    how: Ending | None = None
    took_s: float | None = None
    detail: str = ""


@dataclass(slots=True)
class StepSpan:
    """A runbook step that was started.

    Attributes:
        file: As in `promdrill.core.model.StepRecord`, like the next three.
        line: As there.
        section: As there.
        command: As there.
        began: When it began.
        timeout_s: Seconds that it has; None if its start is not in the journal.
        ended: When it ended; None while it runs.
        record: What is recorded of it; None while it runs.
    """

    file: str
    line: int
    section: str
    command: str
    began: Instant
    timeout_s: float | None = None
    ended: Instant | None = None
    record: StepRecord | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A condition as it was last judged.

    Attributes:
        name: The condition's name.
        kind: Where its evidence comes from.
        holds: Whether it held.
        text: What was seen, in words.
        when: When.
    """

    name: str
    kind: str
    holds: bool
    text: str
    when: Instant


class WaitEnd(StrEnum):
    """How a wait ended: everything held, its deadline passed, a failure was seen, or its phase ended first."""

    DONE = "done"
    TIMEOUT = "timeout"
    FAILED = "failed"
    CUT_SHORT = "cut short"


@dataclass(slots=True)
class Wait:
    """A wait for conditions.

    Attributes:
        began: When it began.
        timeout_s: Seconds after which it gives up.
        hold_s: Seconds for which all must hold.
        wanted: Names, in order.
        seen: The last sighting of each, by name.
        held: When all began to hold; None while one does not.
        ended: How it ended; None while it runs.
        why: The failure that ended it, and what was seen of it; empty if none.
    """

    began: Instant
    timeout_s: float
    hold_s: float
    wanted: tuple[str, ...]
    seen: dict[str, Sighting] = field(default_factory=dict)
    held: Instant | None = None
    ended: WaitEnd | None = None
    why: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """The conditions that do not hold, as far as is known."""
        return tuple(name for name in self.wanted if name not in self.seen or not self.seen[name].holds)

    def left_s(self, now: datetime) -> float:
        """Seconds until its deadline; negative once that has passed."""
        return self.timeout_s - (now - self.began.at).total_seconds()


@dataclass(slots=True)
class Lane:
    """A condition over the waits that judged it.

    Attributes:
        name: The condition's name.
        kind: Where its evidence comes from.
        spans: (start, end, whether it held) while it was judged, in seconds since the drill began.
        changes: When it was seen to begin or cease to hold.
        missing: Whether a wait ended because it did not hold.
        judged: (start, whether it holds) while it is judged; otherwise None.
    """

    name: str
    kind: str
    spans: list[tuple[float, float, bool]] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    missing: bool = False
    judged: tuple[float, bool] | None = None

    def close(self, now_s: float) -> None:
        """It is no longer judged."""
        if self.judged is not None:
            self.spans.append((self.judged[0], now_s, self.judged[1]))
            self.judged = None

    def until(self, now_s: float) -> list[tuple[float, float, bool]]:
        """Its spans, including one that has not ended."""
        return [*self.spans, *([] if self.judged is None else [(self.judged[0], now_s, self.judged[1])])]


class PodState(StrEnum):
    """A container at a glance; `UP` runs but is not ready, `OFF` ended well or is being deleted."""

    READY = "ready"
    UP = "up"
    WAITING = "wait"
    BAD = "bad"
    OFF = "off"


@dataclass(slots=True)
class PodLane:
    """A container of a pod over time; the pod as a whole before any container has a status.

    Attributes:
        pod: The pod's name.
        container: The container's; empty for the pod as a whole.
        spans: (start, end, state, words), in seconds since the drill began.
        restarts: The container's restarts while it was watched.
        now: (start, state, words) while it exists; otherwise None.
    """

    pod: str
    container: str
    spans: list[tuple[float, float, PodState, str]] = field(default_factory=list)
    restarts: int = 0
    now: tuple[float, PodState, str] | None = None

    def see(self, now_s: float, state: PodState, words: str) -> None:
        """Record its current state."""
        if self.now is None or self.now[1:] != (state, words):
            self.close(now_s)
            self.now = (now_s, state, words)

    def close(self, now_s: float) -> None:
        """End its current state: it is gone, or has another state from now on."""
        if self.now is not None:
            since, state, words = self.now
            self.spans.append((since, now_s, state, words))
            self.now = None

    def until(self, now_s: float) -> list[tuple[float, float, PodState, str]]:
        """Its spans, including one that has not ended."""
        return [*self.spans, *([] if self.now is None else [(self.now[0], now_s, self.now[1], self.now[2])])]


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a volume was.

    Attributes:
        path: Where it is mounted.
        used_bytes: Its used bytes.
        size_bytes: Its size.
        when: When.
    """

    path: str
    used_bytes: int
    size_bytes: int
    when: Instant


@dataclass(frozen=True, slots=True)
class Age:
    """How old the newest stored sample was: None if there was no sample or no answer."""

    age_s: float | None
    when: Instant


@dataclass(frozen=True, slots=True)
class Gap:
    """A period without samples of a scrape job, in seconds since the drill began."""

    job: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong apart from the drill: an undo that failed, evidence that could not be collected.

    Attributes:
        event: The event's name.
        about: What it concerns; may be empty.
        error: What happened.
    """

    event: str
    about: str
    error: str


@dataclass(slots=True)
class Timeline:
    """One drill, as far as its events describe it.

    Attributes:
        folder: Name of the drill's folder; empty if there is none.
        scenario: The scenario's id; the folder's name until `announced`.
        profile: Kind configuration of the cluster.
        control: As in `promdrill.core.model.DrillResult`.
        repetition: As there.
        announced: Whether the journal has said which drill it is.
        began: When its first entry was written, or, once `announced`, when the drill began; None before.
        last: When its last entry was written.
        supplied: How the run was supplied; None if unknown.
        phases: Those entered, in order.
        faults: What was broken on purpose.
        growing: How far the last fault has come that grows, and when that was; None before.
        full: When that fault had its full effect; None until then, and where none grew.
        stages: Those of the signature, and those after recovery.
        steps: Runbook steps that were started, in order.
        wait: The last wait, running or ended.
        lanes: Conditions by name, in the order in which they were first judged.
        pods: The existing pods, by UID.
        pod_lanes: Containers over time, by their pod's name and UID and their own name.
        images: The image of each container, by its name.
        fills: How full volumes were, at each change.
        volume: What was last seen of claims and volumes, by condition or by path.
        ages: How old the newest sample was, at each query.
        samples: What the incident cost each job.
        quotes: The last lines of logs and events that conditions looked for, latest last.
        observer: How well the drill was observed; None before its end.
        trouble: What went wrong apart from the drill.
        reproduced: Whether the incident is left standing.
        verdict: How the drill ended; None before.
        reason: Why, unless it passed.
        detail: Everything that is known about why.
        entries: Every event with its moment.
    """

    folder: str = ""
    scenario: str = ""
    profile: str = ""
    control: str | None = None
    repetition: int | None = None
    announced: bool = False
    began: Instant | None = None
    last: Instant | None = None
    supplied: events.SupplyChosen | None = None
    phases: list[Span] = field(default_factory=list)
    faults: list[Span] = field(default_factory=list)
    growing: tuple[Instant, events.FaultGrows] | None = None
    full: Instant | None = None
    stages: list[Span] = field(default_factory=list)
    steps: list[StepSpan] = field(default_factory=list)
    wait: Wait | None = None
    lanes: dict[str, Lane] = field(default_factory=dict)
    pods: dict[str, events.PodChanged] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    volume: dict[str, Sighting | Fill] = field(default_factory=dict)
    ages: list[Age] = field(default_factory=list)
    samples: list[JobSamples] = field(default_factory=list)
    quotes: list[Sighting] = field(default_factory=list)
    observer: ObserverFigures | None = None
    trouble: list[Trouble] = field(default_factory=list)
    reproduced: bool = False
    verdict: Verdict | None = None
    reason: str = ""
    detail: str = ""
    entries: list[tuple[Instant, Event]] = field(default_factory=list)
    pod_lanes: dict[tuple[str, str], dict[str, PodLane]] = field(default_factory=dict)
    _zero_t: float = 0.0

    def __post_init__(self) -> None:
        self.scenario = self.scenario or self.folder

    def ends_before(self, event: Event) -> bool:
        """Whether the event starts another drill in the same journal."""
        return self.began is not None and (
            isinstance(event, events.SupplyChosen) or (isinstance(event, events.DrillBegan) and self.announced)
        )

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        event = entry.event
        if self.began is None or isinstance(event, events.DrillBegan):
            self._zero_t = entry.t
            self.began = self.last = now = Instant(entry.at, 0.0)
        else:
            now = Instant(entry.at, max(0.0, entry.t - self._zero_t))
            self.last = now if self.last is None else _later(self.last, now)
        self.entries.append((now, event))
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, now)

    @property
    def name(self) -> str:
        """The drill's name for people; its folder's name until `announced`."""
        if not self.announced:
            return self.folder
        return drill_name(self.scenario, Variant(self.control, repetition=self.repetition).label)

    @property
    def length_s(self) -> float:
        """Seconds from the drill's beginning to its last entry."""
        return 0.0 if self.last is None else self.last.s

    @property
    def phase(self) -> Span | None:
        """The phase that runs; None between phases."""
        return next((phase for phase in reversed(self.phases) if phase.ended is None), None)

    @property
    def step(self) -> StepSpan | None:
        """The last step that was started."""
        return self.steps[-1] if self.steps else None

    @property
    def ended_steps(self) -> list[tuple[StepSpan, StepRecord]]:
        """Runbook steps that ended, with their records."""
        return [(step, step.record) for step in self.steps if step.record is not None]

    @property
    def waiting(self) -> Wait | None:
        """The wait that runs."""
        return self.wait if self.wait is not None and self.wait.ended is None else None

    @property
    def took_s(self) -> float:
        """Seconds of the phases that have ended."""
        return sum(phase.took_s or 0.0 for phase in self.phases)

    @property
    def containers(self) -> list[PodLane]:
        """All containers over time, in the order in which their pods were seen; a pod without containers as a whole."""
        return [
            lane
            for lanes in self.pod_lanes.values()
            for lane in lanes.values()
            if lane.container or not any(other.container for other in lanes.values())
        ]

    @property
    def gaps(self) -> list[Gap]:
        """The longest gap of each job that has one."""
        return [gap for job in self.samples if (gap := self._gap(job)) is not None]

    def end_s(self, span: Span) -> float:
        """When a span ended, in seconds since the drill began; an open one ends with its phase, or the journal."""
        if span.ended is not None:
            return span.ended.s
        ends = (phase.ended.s for phase in self.phases if phase.ended is not None)
        return next((end_s for end_s in ends if end_s >= span.began.s), self.length_s)

    def _gap(self, job: JobSamples) -> Gap | None:
        if self.began is None or job.gap_began is None or not job.gap_s:
            return None
        try:
            start_s = (datetime.fromisoformat(job.gap_began) - self.began.at).total_seconds()
        except (TypeError, ValueError):  # not a moment, or one without a time zone
            return None
        return Gap(job.job, start_s, start_s + job.gap_s)


def timelines(entries: Iterable[Entry], *, folder: str = "") -> list[Timeline]:
    """The drills in a journal, in order: a drill that is run again is appended to the same file.

    Args:
        entries: The journal's.
        folder: Name of the drill's folder.
    """
    found: list[Timeline] = []
    for entry in entries:
        if not found or found[-1].ends_before(entry.event):
            found.append(Timeline(folder))
        found[-1].take(entry)
    return found


def _later(one: Instant, other: Instant) -> Instant:
    return other if one.s <= other.s else Instant(other.at, one.s)


def _supplied(drill: Timeline, event: events.SupplyChosen, _now: Instant) -> None:
    drill.supplied = event


def _drill_began(drill: Timeline, event: events.DrillBegan, _now: Instant) -> None:
    drill.announced = True
    drill.scenario, drill.profile = event.scenario, event.profile
    drill.control, drill.repetition = event.control, event.repetition


def _phase_began(drill: Timeline, event: events.PhaseBegan, now: Instant) -> None:
    drill.phases.append(Span(event.phase, now))


def _phase_ended(drill: Timeline, event: events.PhaseEnded, now: Instant) -> None:
    phase = next((phase for phase in drill.phases if phase.ended is None and phase.name == event.phase), None)
    if phase is None:  # its beginning could not be read
        phase = Span(event.phase, _before(now, event.took_s))
        drill.phases.append(phase)
    phase.ended, phase.how, phase.took_s = now, event.ended, event.took_s
    _end_wait(drill, WaitEnd.CUT_SHORT, now)


def _before(now: Instant, earlier_s: float) -> Instant:
    try:
        at = now.at - timedelta(seconds=earlier_s)
    except OverflowError:  # before the calendar begins: nothing took so long
        at = now.at
    return Instant(at, max(0.0, now.s - earlier_s))


def _fault(drill: Timeline, event: events.FaultApplied, now: Instant) -> None:
    drill.faults.append(Span(event.fault, now, detail=", ".join(event.blast_radius)))


def _grows(drill: Timeline, event: events.FaultGrows, now: Instant) -> None:
    drill.growing = (now, event)


def _full(drill: Timeline, _event: events.FaultFull, now: Instant) -> None:
    drill.full = now


def _fault_confirmed(drill: Timeline, event: events.FaultConfirmed, now: Instant) -> None:
    _done(drill.faults, event.fault, now)


def _stage(drill: Timeline, event: events.StageBegan, now: Instant) -> None:
    drill.stages.append(Span(event.stage, now))


def _stage_seen(drill: Timeline, event: events.StageSeen, now: Instant) -> None:
    _done(drill.stages, event.stage, now)


def _done(spans: list[Span], name: str, now: Instant) -> None:
    if spans and spans[-1].name == name and spans[-1].ended is None:
        spans[-1].ended, spans[-1].how = now, Ending.DONE


def _step_began(drill: Timeline, event: events.StepBegan, now: Instant) -> None:
    drill.steps.append(StepSpan(event.file, event.line, event.section, event.command, now, event.timeout_s))


def _step_ended(drill: Timeline, event: events.StepEnded, now: Instant) -> None:
    made, running = event.step, drill.step
    if running is None or running.ended is not None or (running.file, running.line) != (made.file, made.line):
        running = StepSpan(made.file, made.line, made.section, made.command, _before(now, made.took_s))
        drill.steps.append(running)
    running.ended, running.record = now, made


def _wait(drill: Timeline, event: events.WaitBegan, now: Instant) -> None:
    _end_wait(drill, WaitEnd.CUT_SHORT, now)
    drill.wait = Wait(now, event.timeout_s, event.hold_s, event.wanted)


def _wait_done(drill: Timeline, _event: events.WaitDone, now: Instant) -> None:
    _end_wait(drill, WaitEnd.DONE, now)


def _wait_timed_out(drill: Timeline, event: events.WaitTimedOut, now: Instant) -> None:
    _end_wait(drill, WaitEnd.TIMEOUT, now)
    for name in event.missing:
        if name in drill.lanes:
            drill.lanes[name].missing = True


def _failure_seen(drill: Timeline, event: events.FailureSeen, now: Instant) -> None:
    _end_wait(drill, WaitEnd.FAILED, now, why=f"{event.failure}: {event.text}")


def _end_wait(drill: Timeline, how: WaitEnd, now: Instant, *, why: str = "") -> None:
    if drill.waiting is not None:
        drill.waiting.why, drill.waiting.ended = why, how
    for lane in drill.lanes.values():
        lane.close(now.s)


def _condition(drill: Timeline, event: events.ConditionChanged, now: Instant) -> None:
    sighting = Sighting(event.condition, event.kind, event.holds, event.text, now)
    lane = drill.lanes.setdefault(sighting.name, Lane(sighting.name, sighting.kind))
    lane.close(now.s)
    lane.judged = (now.s, event.holds)
    if event.changed is not None:
        lane.changes.append(now.s)
    wait = drill.waiting
    if wait is not None:
        wait.seen[sighting.name] = sighting
        wait.held = None if wait.missing else wait.held or now
    if event.known and event.kind == "volume":
        drill.volume.pop(sighting.name, None)
        drill.volume[sighting.name] = sighting
    elif event.quotes and event.holds:
        drill.quotes = [*[quote for quote in drill.quotes if quote.text != event.text][1 - QUOTES :], sighting]


def _pod(drill: Timeline, event: events.PodChanged, now: Instant) -> None:
    drill.pods[event.uid] = event
    lanes = drill.pod_lanes.setdefault((event.pod, event.uid), {})
    for container in event.containers or (None,):
        name = "" if container is None else container.name
        lane = lanes.setdefault(name, PodLane(event.pod, name))
        lane.see(now.s, *_state(event, container))
        if container is not None:
            lane.restarts = max(lane.restarts, container.restarts)
            if container.image:
                drill.images[name] = container.image


def _pod_gone(drill: Timeline, event: events.PodGone, now: Instant) -> None:
    drill.pods.pop(event.uid, None)
    for lane in drill.pod_lanes.get((event.pod, event.uid), {}).values():
        lane.close(now.s)


def _state(pod: events.PodChanged, container: events.ContainerState | None) -> tuple[PodState, str]:
    """State and words of a container; of the whole pod before one has a status."""
    found = container or events.ContainerState(name="")
    reason = found.reason or pod.reason or ""
    if pod.leaving and found.state != "terminated":
        return PodState.OFF, "being deleted"
    if found.state == "running":
        return (PodState.READY, "ready") if found.ready else (PodState.UP, "running, not ready")
    if found.state == "terminated":
        words = " ".join(filter(None, (reason, f"exit code {found.exit_code}")))
        return (PodState.OFF if found.exit_code == 0 else PodState.BAD), words
    words = reason or pod.phase or "waiting"
    return (PodState.BAD if BAD.search(words) else PodState.WAITING), words


def _volume(drill: Timeline, event: events.VolumeMeasured, now: Instant) -> None:
    if event.size_bytes > 0:
        fill = Fill(event.path, event.used_bytes, event.size_bytes, now)
        drill.fills.append(fill)
        drill.volume[event.path] = fill


def _freshness(drill: Timeline, event: events.FreshnessAsked, now: Instant) -> None:
    drill.ages.append(Age(event.age_s, now))


def _samples(drill: Timeline, event: events.SamplesCounted, _now: Instant) -> None:
    drill.samples.append(event.samples)


def _observed(drill: Timeline, event: events.ObserverSummedUp, _now: Instant) -> None:
    drill.observer = event.figures


def _undone(drill: Timeline, event: events.Undone, _now: Instant) -> None:
    if event.error:
        drill.trouble.append(Trouble(event.name, event.what, event.error))


def _no_evidence(drill: Timeline, event: events.EvidenceMissing, _now: Instant) -> None:
    drill.trouble.append(Trouble(event.name, event.collector, event.error))


def _broken(drill: Timeline, event: events.ObserverBroke, _now: Instant) -> None:
    drill.trouble.append(Trouble(event.name, event.thread, event.error))


def _uncounted(drill: Timeline, event: events.SamplesUnknown, _now: Instant) -> None:
    drill.trouble.append(Trouble(event.name, "", event.error))


def _ended_early(drill: Timeline, event: events.EndedEarly, _now: Instant) -> None:
    drill.reason, drill.detail = event.reason or "", event.detail


def _reproduced(drill: Timeline, _event: events.Reproduced, _now: Instant) -> None:
    drill.reproduced = True


def _verdict(drill: Timeline, event: events.VerdictReached, _now: Instant) -> None:
    drill.verdict, drill.reason = event.verdict, event.reason or ""


_Handler: TypeAlias = Callable[[Timeline, Any, Instant], None]

_HANDLERS: dict[type[Event], _Handler] = {
    events.SupplyChosen: _supplied,
    events.DrillBegan: _drill_began,
    events.PhaseBegan: _phase_began,
    events.PhaseEnded: _phase_ended,
    events.FaultApplied: _fault,
    events.FaultGrows: _grows,
    events.FaultFull: _full,
    events.FaultConfirmed: _fault_confirmed,
    events.StageBegan: _stage,
    events.StageSeen: _stage_seen,
    events.StepBegan: _step_began,
    events.StepEnded: _step_ended,
    events.WaitBegan: _wait,
    events.WaitDone: _wait_done,
    events.WaitTimedOut: _wait_timed_out,
    events.FailureSeen: _failure_seen,
    events.ConditionChanged: _condition,
    events.PodChanged: _pod,
    events.PodGone: _pod_gone,
    events.VolumeMeasured: _volume,
    events.FreshnessAsked: _freshness,
    events.SamplesCounted: _samples,
    events.SamplesUnknown: _uncounted,
    events.ObserverSummedUp: _observed,
    events.ObserverBroke: _broken,
    events.EvidenceMissing: _no_evidence,
    events.Undone: _undone,
    events.EndedEarly: _ended_early,
    events.Reproduced: _reproduced,
    events.VerdictReached: _verdict,
}
"""What each event changes; all others only add to `Timeline.entries`."""

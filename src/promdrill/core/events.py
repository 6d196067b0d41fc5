"""The events of a drill: one frozen dataclass for each kind, and their form as lines of the journal.

A line is a JSON object with ``at`` (UTC, ISO 8601), ``t`` (monotonic seconds since the journal was opened), ``event``
(the event's name) and the event's fields. Only `encode` and `decode` know this form.

Seconds end in ``_s``, bytes in ``_bytes``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeVar, dataclass_transform

from promdrill.core import records
from promdrill.core.alerts import AlertRule, AlertState, Evaluator
from promdrill.core.clock import iso
from promdrill.core.model import JobSamples, ObserverFigures, PhaseName, StepRecord, Verdict
from promdrill.core.records import Misfit, Moment


class Ending(StrEnum):
    """How a phase ended: `DONE`, or `CUT_SHORT` by an error or an interruption."""

    DONE = "done"
    CUT_SHORT = "cut short"


class Event:
    """Something that happened.

    Attributes:
        name: The event's name in the journal.
    """

    __slots__ = ()

    name: ClassVar[str]


class UnknownEvent(Misfit):
    """The line is complete, but has an event that this promdrill does not know."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and when it was written.

    Attributes:
        at: UTC.
        t: Monotonic seconds since the journal was opened.
        event: What happened.
    """

    at: Moment
    t: float
    event: Event


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The fields that every line has besides its event's."""

    at: Moment
    t: float
    event: str


_KINDS: dict[str, type[Event]] = {}

_E = TypeVar("_E", bound=Event)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def _event(name: str) -> Callable[[type[_E]], type[_E]]:
    """Make a class a frozen dataclass with keyword fields, and register it under its name in the journal."""

    def register(kind: type[_E]) -> type[_E]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(kind)
        made.name = name
        _KINDS[name] = made
        return made

    return register


def kinds() -> dict[str, type[Event]]:
    """All events by name."""
    return dict(_KINDS)


def encode(entry: Entry) -> str:
    """An entry as a line of the journal, without a line end."""
    line = {"at": iso(entry.at), "t": round(entry.t, 4), "event": entry.event.name, **records.dump(entry.event)}
    return json.dumps(line)


def decode(line: str | bytes) -> Entry:
    """The entry in a line of a journal.

    Raises:
        UnknownEvent: Its event is not one of `kinds`.
        Misfit: The line is damaged: it is truncated, or a field is not valid.
    """
    return _quickly(line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")) or _slowly(line)


def _quickly(line: bytes) -> Entry | None:
    """The entry in a line without anything unusual; None for `_slowly` to say whether there is one."""
    stamp = records.quick(_Stamp, line) if records.is_plain(line) else None
    kind = None if stamp is None else _KINDS.get(stamp.event)
    event = None if kind is None else records.quick(kind, line)
    return None if stamp is None or event is None else Entry(stamp.at, stamp.t, event)


def _slowly(line: str | bytes) -> Entry:
    data = records.parse(line)
    if not isinstance(data, dict):
        raise Misfit("not an object")
    name = data.get("event")
    if not isinstance(name, str):
        raise Misfit("no event")
    stamp = records.load(_Stamp, data)
    kind = _KINDS.get(name)
    if kind is None:
        raise UnknownEvent(f"no event is called {name!r}")
    return Entry(stamp.at, stamp.t, records.load(kind, data))


# The course of a drill


@_event("supplied")
class SupplyChosen(Event):
    """The run's images and cluster are ready; the first event of a drill in a run.

    Attributes:
        supply: `source` or `registry`.
        why: Why that supply, in a sentence.
        kubernetes: Version of the cluster.
    """

    supply: str
    why: str
    kubernetes: str


@_event("drill-begin")
class DrillBegan(Event):
    """A drill begins.

    Attributes:
        scenario: The scenario's id.
        profile: Kind configuration of the cluster.
        control: As in `promdrill.core.model.DrillResult`.
        repetition: As there.
    """

    scenario: str
    profile: str = ""
    control: str | None = None
    repetition: int | None = None


@_event("phase-begin")
class PhaseBegan(Event):
    """A phase begins.

    Attributes:
        phase: Which.
    """

    phase: PhaseName


@_event("phase-end")
class PhaseEnded(Event):
    """A phase ended.

    Attributes:
        phase: Which.
        took_s: Seconds.
        ended: How.
    """

    phase: PhaseName
    took_s: float
    ended: Ending = Ending.DONE


@_event("leftover")
class LeftoverFound(Event):
    """The namespace of an earlier drill still existed and is removed.

    Attributes:
        namespace: Its name.
    """

    namespace: str


@_event("turn")
class TurnCame(Event):
    """The drill was ready, waited for others, and may now make its incident.

    Attributes:
        waited_s: Seconds for which it waited.
    """

    waited_s: float


@_event("control")
class ControlApplied(Event):
    """Something was left out on purpose.

    Attributes:
        control: Which control, as in `promdrill.core.model.DrillResult`.
        left_out: The fault's name, or the runbook's path.
        instead: The fault that was applied instead; None for none.
    """

    control: str
    left_out: str
    instead: str | None = None


@_event("fault")
class FaultApplied(Event):
    """A fault is applied.

    Attributes:
        fault: Its name.
        blast_radius: The objects that it may touch, in words.
    """

    fault: str
    blast_radius: tuple[str, ...] = ()


@_event("fault-grows")
class FaultGrows(Event):
    """How far a fault that grows has come.

    Attributes:
        fault: Its name.
        used: How much of what it uses up is used, whoever by, 0 to 1.
        left_s: Seconds, as measured, until its full effect.
    """

    fault: str
    used: float
    left_s: float


@_event("fault-full")
class FaultFull(Event):
    """A fault that grew has its full effect.

    Attributes:
        fault: Its name.
    """

    fault: str


@_event("fault-confirmed")
class FaultConfirmed(Event):
    """The proof of the fault was observed.

    Attributes:
        fault: Its name.
        by: Names of the conditions that prove it.
    """

    fault: str
    by: tuple[str, ...] = ()


@_event("stage-begin")
class StageBegan(Event):
    """A stage of the signature, or of what follows recovery, is looked for.

    Attributes:
        stage: Its name.
        wanted: Names of its conditions.
    """

    stage: str
    wanted: tuple[str, ...] = ()


@_event("stage-seen")
class StageSeen(Event):
    """All conditions of a stage held at once.

    Attributes:
        stage: Its name.
    """

    stage: str


@_event("persistence-not-asked")
class PersistenceNotAsked(Event):
    """The scenario does not require that the incident lasts.

    Attributes:
        why: In a sentence.
    """

    why: str


@_event("step-begin")
class StepBegan(Event):
    """A runbook step begins.

    Attributes:
        file: As in `promdrill.core.model.StepRecord`.
        line: As there.
        section: As there.
        command: As there.
        timeout_s: Seconds until it is ended.
    """

    file: str
    line: int
    section: str
    command: str
    timeout_s: float


@_event("step")
class StepEnded(Event):
    """A runbook step ended.

    Attributes:
        step: Its record.
    """

    step: StepRecord


@_event("samples")
class SamplesCounted(Event):
    """What the incident cost one scrape job.

    Attributes:
        samples: The job's samples.
    """

    samples: JobSamples


@_event("samples-unknown")
class SamplesUnknown(Event):
    """The cost of the incident could not be determined.

    Attributes:
        error: Why.
    """

    error: str


@_event("ended-early")
class EndedEarly(Event):
    """An error or an interruption ended the drill.

    Attributes:
        verdict: The resulting verdict.
        reason: One sentence.
        detail: The whole message of the error.
        traceback: The traceback of an error that promdrill does not raise itself.
    """

    verdict: Verdict
    reason: str | None = None
    detail: str = ""
    traceback: tuple[str, ...] = ()


@_event("reproduced")
class Reproduced(Event):
    """The incident was proven and is left standing: there is no verdict."""


@_event("verdict")
class VerdictReached(Event):
    """The drill is over.

    Attributes:
        verdict: How it ended.
        reason: One sentence; None if passed.
    """

    verdict: Verdict
    reason: str | None = None


# Waiting


@_event("wait")
class WaitBegan(Event):
    """A wait for conditions begins.

    Attributes:
        wanted: Their names.
        timeout_s: Seconds until the wait gives up.
        hold_s: Seconds for which all must hold without interruption.
    """

    wanted: tuple[str, ...]
    timeout_s: float
    hold_s: float = 0.0


@_event("wait-done")
class WaitDone(Event):
    """All conditions held.

    Attributes:
        took_s: Seconds.
    """

    took_s: float


@_event("wait-timeout")
class WaitTimedOut(Event):
    """The wait gave up.

    Attributes:
        missing: Names of the conditions that do not hold; empty if all hold, but not for long enough.
        last_seen: What was last seen of them, in words.
    """

    missing: tuple[str, ...]
    last_seen: str = ""


@_event("wait-failed")
class FailureSeen(Event):
    """A named failure ended the wait.

    Attributes:
        failure: Its name.
        text: What was seen of it.
        waited_s: Seconds until then.
    """

    failure: str
    text: str
    waited_s: float


@_event("condition")
class ConditionChanged(Event):
    """A condition was judged for the first time in a wait, or began or stopped to hold.

    Attributes:
        condition: Its name.
        kind: What its evidence is: one of `promdrill.observe.conditions.Kind`.
        holds: Whether it holds.
        text: What was seen, in words.
        known: Whether there was anything to judge.
        quotes: Whether `text` quotes a line of a log, or an event of the cluster, that was looked for.
        changed: When the cluster changed, UTC; None if that may be long ago.
        knew: When the drill knew, UTC; None likewise.
        detected_after_s: Seconds in between; None likewise.
        asked_every_s: Seconds between two questions for the evidence, so that the change may be that much older than
            its answer; 0 where a stream brings it, None likewise.
    """

    condition: str
    kind: str
    holds: bool
    text: str
    known: bool = True
    quotes: bool = False
    changed: Moment | None = None
    knew: Moment | None = None
    detected_after_s: float | None = None
    asked_every_s: float | None = None


# What was observed


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """A container, as in its pod's status.

    Attributes:
        name: Its name.
        state: `waiting`, `running` or `terminated`.
        reason: Why, in the API's word: ``CrashLoopBackOff``.
        exit_code: Exit code, if it has ended.
        ready: Whether it is ready.
        restarts: How often it was started again.
        image: Its image.
    """

    name: str
    state: str = "waiting"
    reason: str | None = None
    exit_code: int | None = None
    ready: bool = False
    restarts: int = 0
    image: str | None = None


@_event("pod")
class PodChanged(Event):
    """A pod appeared or changed.

    Attributes:
        pod: Its name.
        uid: Its UID: successive pods of a StatefulSet have the same name.
        phase: Its phase; None before it has one.
        reason: Why, in the API's word: ``Evicted``.
        leaving: Whether it is being deleted.
        containers: Init containers first; empty before they have a status.
    """

    pod: str
    uid: str
    phase: str | None = None
    reason: str | None = None
    leaving: bool = False
    containers: tuple[ContainerState, ...] = ()


@_event("pod-gone")
class PodGone(Event):
    """A pod is gone.

    Attributes:
        pod: Its name.
        uid: Its UID.
    """

    pod: str
    uid: str


@_event("volume")
class VolumeMeasured(Event):
    """How full a volume is, as ``df`` shows it; written when it changes.

    Attributes:
        path: Where it is mounted.
        used_bytes: Size minus what is free for an unprivileged writer.
        size_bytes: Size of the file system.
    """

    path: str
    used_bytes: int
    size_bytes: int


@_event("freshness")
class FreshnessAsked(Event):
    """The age of the newest stored sample.

    Attributes:
        age_s: Its age; None if there is no sample, or no answer.
    """

    age_s: float | None


@_event("observer")
class ObserverSummedUp(Event):
    """How well the drill was observed.

    Attributes:
        figures: The observer's own figures.
    """

    figures: ObserverFigures


@_event("observer-broken")
class ObserverBroke(Event):
    """One of the observer's threads crashed.

    Attributes:
        thread: Its name.
        error: The exception.
    """

    thread: str
    error: str


@_event("watch-away")
class WatchAway(Event):
    """The API server does not answer; written once until it answers again.

    Attributes:
        path: Of the watched collection.
        why: The error.
    """

    path: str
    why: str


@_event("watch-relisted")
class WatchRelisted(Event):
    """A watch started again with a list.

    Attributes:
        path: Of the watched collection.
    """

    path: str


@_event("watch-error")
class WatchRefused(Event):
    """The API server ended a watch with an error.

    Attributes:
        path: Of the watched collection.
        code: Its HTTP status.
        why: Its message.
    """

    path: str
    code: int | None = None
    why: str | None = None


@_event("watch-closed")
class WatchClosed(Event):
    """A watch ended normally.

    Attributes:
        path: Of the watched collection.
    """

    path: str


@_event("watch-unknown-event")
class WatchNotUnderstood(Event):
    """A watch delivered an event of a type that the observer does not know.

    Attributes:
        path: Of the watched collection.
        type: The type.
    """

    path: str
    type: str | None = None


# Alerts


@_event("alert-rules")
class AlertRulesLoaded(Event):
    """Alerting rules are evaluated from now on.

    Attributes:
        speed: As in `promdrill.core.alerts.AlertAccount`, like the next two.
        off_by_s: As there.
        not_inside: As there.
        rules: The rules.
    """

    speed: float
    off_by_s: float
    rules: tuple[AlertRule, ...] = ()
    not_inside: str = ""


@_event("alert")
class AlertChanged(Event):
    """An alert has another state than before.

    Attributes:
        alert: Its rule's name.
        labels: As in `promdrill.core.alerts.Alert`.
        evaluator: Which Prometheus has it.
        state: Its state from now on.
        active: Since when its expression is true, as that Prometheus says, UTC; None if it is not.
        value: The value of its expression; empty if it is not true.
        summary: As in `promdrill.core.alerts.Alert`.
    """

    alert: str
    labels: Mapping[str, str]
    evaluator: Evaluator
    state: AlertState
    active: Moment | None = None
    value: str = ""
    summary: str = ""


@_event("alert-notified")
class AlertNotified(Event):
    """Alertmanager notified a receiver of an alert.

    Attributes:
        alert: Its rule's name.
        labels: As in `promdrill.core.alerts.Alert`.
        evaluator: Which Prometheus sent it.
        receiver: The receiver's name.
        resolved: Whether it was told that the alert is resolved.
        sent: When the receiver got it, UTC.
    """

    alert: str
    labels: Mapping[str, str]
    evaluator: Evaluator
    receiver: str
    resolved: bool
    sent: Moment


@_event("alert-muted")
class AlertMuted(Event):
    """Alertmanager has an alert and notifies nobody of it.

    Attributes:
        alert: Its rule's name.
        labels: As in `promdrill.core.alerts.Alert`.
        evaluator: Which Prometheus sent it.
        why: As in `promdrill.core.alerts.Alert.muted_by`.
    """

    alert: str
    labels: Mapping[str, str]
    evaluator: Evaluator
    why: str


@_event("alert-rule")
class AlertRuleJudged(Event):
    """What the drill showed of a rule at its end.

    Attributes:
        alert: Its name.
        unknown_metrics: As in `promdrill.core.alerts.AlertRule`.
        error: As there.
    """

    alert: str
    unknown_metrics: tuple[str, ...] = ()
    error: str = ""


@_event("alerts-unknown")
class AlertsUnknown(Event):
    """Alerts could not be watched to the end.

    Attributes:
        error: Why.
    """

    error: str


# Evidence, and undo


@_event("evidence")
class EvidenceTaken(Event):
    """A file of evidence was written.

    Attributes:
        collector: What collected it.
        path: Relative to the drill's folder.
        size_bytes: Its size.
        sha256: Its hash, in hexadecimal digits.
        left_out_bytes: What was cut from it.
    """

    collector: str
    path: str
    size_bytes: int
    sha256: str
    left_out_bytes: int = 0


@_event("evidence-missing")
class EvidenceMissing(Event):
    """A piece of evidence could not be collected.

    Attributes:
        collector: What should have collected it.
        error: Why not.
    """

    collector: str
    error: str


@_event("evidence-index")
class EvidenceIndexed(Event):
    """The index of the evidence was written: all of it has been collected.

    Attributes:
        path: The index.
        took_s: Seconds for collecting it all.
    """

    path: str
    took_s: float


@_event("undo")
class Undone(Event):
    """A change of the drill was undone, or should have been.

    Attributes:
        what: The undo in words: "remove /data/promdrill.fill".
        error: Why the undo failed; None if it did not.
    """

    what: str
    error: str | None = None


@_event("undo-left")
class UndoLeft(Event):
    """Something need not be undone.

    Attributes:
        what: The undo in words.
        why: In words.
    """

    what: str
    why: str


@_event("undo-kept")
class UndoKept(Event):
    """Something is not undone, because it is meant to stay.

    Attributes:
        what: The undo in words.
    """

    what: str

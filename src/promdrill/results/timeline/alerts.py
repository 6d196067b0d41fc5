"""The alerts of a drill over time, and what they amount to: an `AlertAccount`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from promdrill.core import events
from promdrill.core.alerts import (
    SEVERITY,
    Alert,
    AlertAccount,
    AlertMoments,
    AlertRule,
    AlertState,
    Evaluator,
    Period,
    rules_named,
)
from promdrill.core.model import PhaseName
from promdrill.results.timeline.drill import PodState, Span, Timeline

_ENDED = {PodState.BAD, PodState.OFF}


SEEN_WITHIN_S = 1.0
"""Seconds by which an alert may be seen to fire too late: it is looked at that often (`promdrill.witness.watching`)."""


@dataclass(slots=True)
class AlertLane:
    """An alert over time, in seconds since the drill began.

    Attributes:
        alert: Its rule's name.
        labels: Its labels.
        evaluator: Which Prometheus had it.
        pending: (start, end) of each time that it was pending.
        firing: The same for firing; the end is None while it fires.
        active_s: Since when its expression is true; None while it is not, or if that is not known.
        value: As in `promdrill.core.alerts.Alert`, like all that follow.
        summary: As there.
        told: (moment, receiver) of each notification that it fires.
        notified_resolved_s: As there, since the drill began.
        muted_by: As there.
    """

    alert: str
    labels: Mapping[str, str]
    evaluator: Evaluator
    pending: list[tuple[float, float | None]] = field(default_factory=list)
    firing: list[tuple[float, float | None]] = field(default_factory=list)
    active_s: float | None = None
    value: str = ""
    summary: str = ""
    told: list[tuple[float, str]] = field(default_factory=list)
    notified_resolved_s: float | None = None
    muted_by: dict[str, None] = field(default_factory=dict)

    @property
    def notified_s(self) -> float | None:
        """As in `promdrill.core.alerts.Alert`, since the drill began."""
        return self.told[0][0] if self.told else None

    @property
    def receivers(self) -> tuple[str, ...]:
        """As there."""
        return tuple(dict.fromkeys(receiver for _, receiver in self.told))


AlertKey = tuple[Evaluator, str, frozenset[tuple[str, str]]]
"""What tells an alert from others: which Prometheus has it, its rule's name, and its labels."""


@dataclass(slots=True)
class Watched:
    """What the events of a drill say of alerts.

    Attributes:
        loaded: The rules; None before they were loaded.
        judged: What the end of the drill showed of rules, by their names.
        lanes: Alerts over time, in the order in which they were first seen.
        unknown: Why alerts could not be watched to the end; empty if they were.
    """

    loaded: events.AlertRulesLoaded | None = None
    judged: dict[str, events.AlertRuleJudged] = field(default_factory=dict)
    lanes: dict[AlertKey, AlertLane] = field(default_factory=dict)
    unknown: str = ""

    @property
    def rules(self) -> tuple[AlertRule, ...]:
        """The rules, with what the end of the drill showed of them."""
        found = () if self.loaded is None else self.loaded.rules
        return tuple(self._judged(rule) for rule in found)

    def _judged(self, rule: AlertRule) -> AlertRule:
        known = self.judged.get(rule.alert)
        return rule if known is None else replace(rule, unknown_metrics=known.unknown_metrics, error=known.error)


def watched(drill: Timeline) -> Watched:
    """The alerts of a drill over time."""
    found = Watched()
    began = drill.began
    told: list[events.AlertNotified | events.AlertMuted] = []
    for now, event in (entry for entry in drill.entries if type(entry[1]) in _OF_ALERTS):
        match event:
            case events.AlertRulesLoaded():
                found.loaded = event
            case events.AlertRuleJudged():
                found.judged[event.alert] = event
            case events.AlertChanged() if began is not None:
                active_s = None if event.active is None else max(0.0, (event.active - began.at).total_seconds())
                _change(found, event, active_s, now.s)
            case events.AlertNotified() | events.AlertMuted():
                told.append(event)
            case events.AlertsUnknown():
                found.unknown = event.error
            case _:
                pass
    for event in told:
        if isinstance(event, events.AlertMuted):
            _told_of(found, event).muted_by[event.why] = None
        elif began is not None:
            _notify(_told_of(found, event), event, (event.sent - began.at).total_seconds())
    return found


_OF_ALERTS = frozenset(
    {
        events.AlertRulesLoaded,
        events.AlertRuleJudged,
        events.AlertChanged,
        events.AlertNotified,
        events.AlertMuted,
        events.AlertsUnknown,
    }
)


def account(drill: Timeline, container: str) -> AlertAccount | None:
    """The alerts of a drill, relative to its fault; None if no rules were loaded.

    Args:
        drill: The drill.
        container: Name of the drilled Prometheus' container.
    """
    found = watched(drill)
    if found.loaded is None:
        return None
    fault_s = _fault_s(drill)
    return AlertAccount(
        speed=found.loaded.speed,
        off_by_s=found.loaded.off_by_s,
        moments=_moments(drill, fault_s, container),
        rules=found.rules,
        alerts=tuple(_alert(lane, fault_s) for lane in since_steady(found, drill)),
        not_inside=found.loaded.not_inside,
        unknown=found.unknown,
    )


def since_steady(found: Watched, drill: Timeline) -> list[AlertLane]:
    """The alerts that were pending or fired, without what was over before the baseline had been proven.

    Args:
        found: The drill's alerts.
        drill: The drill.
    """
    steady_s = _steady_s(drill)
    lanes = [_since_steady(lane, steady_s) for lane in found.lanes.values()]
    return [lane for lane in lanes if lane.pending or lane.firing]


def _lane(found: Watched, event: events.AlertChanged | events.AlertNotified | events.AlertMuted) -> AlertLane:
    key = (event.evaluator, event.alert, frozenset(event.labels.items()))
    if key not in found.lanes:
        found.lanes[key] = AlertLane(event.alert, dict(sorted(event.labels.items())), event.evaluator)
    return found.lanes[key]


def _told_of(found: Watched, event: events.AlertNotified | events.AlertMuted) -> AlertLane:
    """The alert that Alertmanager speaks of.

    A Prometheus adds its external labels to what it tells (Prometheus' documentation of `external_labels`), so this is
    the alert that has the most of these labels and no other.
    """
    of_rule = [lane for lane in found.lanes.values() if (lane.alert, lane.evaluator) == (event.alert, event.evaluator)]
    fitting = [lane for lane in of_rule if lane.labels.items() <= event.labels.items()]
    return max(fitting, key=lambda lane: len(lane.labels), default=None) or _lane(found, event)


def _for_s(found: Watched, event: events.AlertChanged) -> float:
    """Seconds, as measured, for which the expression of a rule must be true before its alert fires."""
    if found.loaded is None:
        return 0.0
    rules = rules_named(found.loaded.rules, event.alert, event.labels.get(SEVERITY, ""))
    return min((rule.for_s for rule in rules), default=0.0) / found.loaded.speed


def _change(found: Watched, event: events.AlertChanged, active_s: float | None, now_s: float) -> None:
    """Note a new state.

    Since when an expression is true, its Prometheus says to the millisecond. When it fired is seen by looking, unless
    it fired by the first look already.
    """
    lane = _lane(found, event)
    _end_former(lane, active_s, now_s)
    pending = _open(lane.pending)
    if event.state is AlertState.PENDING:
        if not pending:
            lane.pending.append((now_s if active_s is None else min(active_s, now_s), None))
    elif pending:
        _close(lane.pending, now_s)
    if event.state is AlertState.FIRING:
        if not _open(lane.firing):
            seen_s = now_s if pending or active_s is None else min(now_s, active_s + _for_s(found, event))
            lane.firing.append((seen_s, None))
    elif _open(lane.firing):
        _close(lane.firing, now_s)
    if event.value and (not lane.value or (event.state is AlertState.FIRING and len(lane.firing) == 1)):
        lane.value = event.value
    lane.summary = event.summary or lane.summary


def _end_former(lane: AlertLane, active_s: float | None, now_s: float) -> None:
    """End what lasted, where the expression is true since a later moment than at the last look: it was not between."""
    if active_s is not None and lane.active_s is not None and active_s > lane.active_s:
        for periods in (lane.pending, lane.firing):
            if _open(periods):
                _close(periods, min(active_s, now_s))
    lane.active_s = active_s


def _open(periods: list[tuple[float, float | None]]) -> bool:
    return bool(periods) and periods[-1][1] is None


def _close(periods: list[tuple[float, float | None]], now_s: float) -> None:
    periods[-1] = (periods[-1][0], max(now_s, periods[-1][0]))


def _notify(lane: AlertLane, event: events.AlertNotified, sent_s: float) -> None:
    if event.resolved:
        lane.notified_resolved_s = sent_s
    else:
        lane.told.append((sent_s, event.receiver))


def _alert(lane: AlertLane, fault_s: float) -> Alert:
    return Alert(
        alert=lane.alert,
        labels=lane.labels,
        evaluator=lane.evaluator,
        pending=tuple(_periods(lane.pending, fault_s)),
        firing=tuple(_periods(lane.firing, fault_s)),
        value=lane.value,
        summary=lane.summary,
        notified_s=_since(lane.notified_s, fault_s),
        notified_resolved_s=_since(lane.notified_resolved_s, fault_s),
        receivers=lane.receivers,
        muted_by=tuple(lane.muted_by) if lane.notified_s is None else (),
    )


def _periods(found: Iterable[tuple[float, float | None]], fault_s: float) -> Iterator[Period]:
    for began_s, ended_s in found:
        yield Period(began_s=round(began_s - fault_s, 3), ended_s=_since(ended_s, fault_s))


def _since(at_s: float | None, fault_s: float) -> float | None:
    return None if at_s is None else round(at_s - fault_s, 3)


def _steady_s(drill: Timeline) -> float:
    """When the baseline had been proven: before, Prometheus was still being installed."""
    ended = [phase.ended.s for phase in drill.phases if phase.name == PhaseName.BASELINE and phase.ended is not None]
    return max(ended, default=0.0)


def _since_steady(lane: AlertLane, steady_s: float) -> AlertLane:
    """An alert without what was over before, and without the notifications of that."""
    pending, firing = (
        [each for each in periods if each[1] is None or each[1] > steady_s] for periods in (lane.pending, lane.firing)
    )
    over = [each for each in lane.firing if each not in firing]
    first_s = firing[0][0] - SEEN_WITHIN_S if firing else math.inf
    told = [each for each in lane.told if each[0] >= first_s] if over else lane.told
    return replace(lane, pending=pending, firing=firing, told=told)


def _fault_s(drill: Timeline) -> float:
    """When the fault began, or would have; the drill's end if it did not come so far."""
    applied = [fault.began.s for fault in drill.faults[:1]]
    inject = [phase.began.s for phase in drill.phases if phase.name == PhaseName.INJECT]
    return next(iter((*applied, *inject)), drill.length_s)


def _moments(drill: Timeline, fault_s: float, container: str) -> AlertMoments:
    baseline, remediate, recovery = (
        _phase(drill, name) for name in (PhaseName.BASELINE, PhaseName.REMEDIATE, PhaseName.RECOVERY)
    )
    remedies = [phase.began.s for phase in drill.phases if phase.name == PhaseName.REMEDIATE]
    remedy_s = min(remedies, default=drill.length_s)
    gaps = sorted(drill.gaps, key=lambda gap: gap.start_s - gap.end_s)
    lost = [gap.start_s for gap in gaps if gap.start_s < remedy_s]
    crashed_s = _crashed_s(drill, fault_s, remedy_s, container)
    seen = [
        stage.ended for stage in drill.stages if stage.ended is not None and _within(stage, PhaseName.SIGNATURE, drill)
    ]
    return AlertMoments(
        baseline_s=None if baseline is None or baseline.ended is None else _since(baseline.ended.s, fault_s),
        full_s=None if drill.full is None else _since(drill.full.s, fault_s),
        first_lost_s=_since(lost[0], fault_s) if lost else None,
        crashed_s=_since(crashed_s, fault_s),
        signature_s=_since(seen[-1].s, fault_s) if seen else None,
        remedied_s=None if remediate is None or remediate.ended is None else _since(remediate.ended.s, fault_s),
        recovered_s=None if recovery is None or recovery.ended is None else _since(recovery.ended.s, fault_s),
        ended_s=_since(drill.length_s, fault_s),
    )


def _phase(drill: Timeline, name: PhaseName) -> Span | None:
    """The last phase of that name: a baseline may be proven twice."""
    return next((phase for phase in reversed(drill.phases) if phase.name == name), None)


def _within(stage: Span, name: PhaseName, drill: Timeline) -> bool:
    phase = _phase(drill, name)
    return phase is not None and phase.began.s <= stage.began.s <= drill.end_s(phase)


def _crashed_s(drill: Timeline, fault_s: float, remedy_s: float, container: str) -> float | None:
    """When the server's container was first seen to have ended, or to be in trouble, between fault and remedy."""
    spans = (span for lane in drill.containers if lane.container == container for span in lane.until(drill.length_s))
    ended = (start for start, _, state, _ in spans if state in _ENDED and fault_s <= start < remedy_s)
    return min(ended, default=None)

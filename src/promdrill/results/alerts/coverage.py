"""Which alerts told of the incidents of a run, when, and of which nobody was told: the coverage of its rules.

All times are seconds of the operator's: as measured, times the speed at which the rules were evaluated. A drill counts
as an incident when its fault was proven: it passed or failed. Controls are left out: they have no fault, no remedy or
that of another incident; so are invalid and aborted drills.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from promdrill.core.alerts import SEVERITY, Alert, AlertAccount, Evaluator, may_inhibit, rules_named
from promdrill.core.model import DrillResult, RunResult, Verdict
from promdrill.results.alerts.marks import FROM, HARM, NAMES, Mark, at_s, off_s, placed, zero
from promdrill.results.alerts.rule_remarks import RuleRemark, each_rule, remarks, unused
from promdrill.results.alerts.seen import anew_s, pending_s, stood_s, why_silent

COVERAGE_SCHEMA = 1
"""Version of the JSON form; raised when a field changes its meaning or goes away."""

HEARTBEAT = "none"
"""The severity of an alert that fires all the time, so that its absence tells: a dead man's switch.

One of that severity whose expression asks for series is there for Alertmanager, to inhibit others, and is left out.
"""

OF_INTEREST = (
    *("namespace", "pod", "container", "persistentvolumeclaim", "deployment", "statefulset", "daemonset"),
    *("horizontalpodautoscaler", "resourcequota", "service"),
)
"""Labels that say what an alert is about. Those that say who measured it, such as job and instance, do not."""

ROUTES = "ALERTMANAGER"
"""The option of a run that gives Alertmanager routes and inhibitions. Without it each alert is told by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCoverage:
    """What one alert did in one drill, as one Prometheus saw it; all its series together.

    Attributes:
        alert: Its rule's name.
        severity: Its label of that name; empty for none.
        evaluator: Which Prometheus had it.
        series: How many sets of labels there were.
        labels: The labels that all of them have alike.
        fired_s: When it fired, in seconds after the fault; None if it did not, or had fired before the fault already.
        lead_s: How many seconds before each moment it fired, by the moment's name; negative for after it. Moments that
            did not come are missing.
        late: Which of the first lost sample, the crash and recovery it came after.
        false_alarm: Whether it fired before the fault.
        foretold: Whether it fired after the fault and tells nothing of it: it was pending when the fault came.
        heartbeat: Whether it is there to fire all the time.
        silent_s: Of a heartbeat: when it ceased to fire, in seconds after the fault; None if not before recovery.
        resolved_s: When it fired for the last time, in seconds after recovery; negative for before it; None if unknown.
        still_fires: Whether it fired when the drill ended.
        pending_s: For how long it was pending, at most.
        why_not: Why it did not fire; empty if it did.
        notified_s: When its first notification came, in seconds after the fault; None for never.
        receivers: Who was notified.
        muted_by: Why nobody was, a sentence each.
        summary: What it says.
    """

    alert: str
    severity: str
    evaluator: Evaluator
    series: int
    labels: Mapping[str, str] = field(hash=False)
    fired_s: float | None = None
    lead_s: Mapping[str, float] = field(default_factory=dict, hash=False)
    late: tuple[Mark, ...] = ()
    false_alarm: bool = False
    foretold: bool = False
    heartbeat: bool = False
    silent_s: float | None = None
    resolved_s: float | None = None
    still_fires: bool = False
    pending_s: float = 0.0
    why_not: str = ""
    notified_s: float | None = None
    receivers: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    summary: str = ""

    @property
    def untold(self) -> str:
        """Why nobody was told of it although it fired; empty if somebody was."""
        if self.notified_s is not None:
            return ""
        return "; ".join(self.muted_by) or "no notification came"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCoverage:
    """The alerts of one incident.

    Attributes:
        drill: The drill's name.
        scenario: Its scenario.
        speed: As in `promdrill.core.alerts.AlertAccount`.
        off_s: How many seconds a time may be off.
        moments: When each moment was, in seconds after the fault, by its name; those that did not come are missing.
        stood_s: How long the incident stood; None if unknown.
        alerts: What was pending or fired, in the order in which it fired.
        told_s: When somebody was first told, in seconds after the fault, before recovery; None for never.
        in_time: Whether an alert of which somebody was told fired before anything was lost; None if it is not known.
        not_inside: As in `promdrill.core.alerts.AlertAccount`.
        unknown: As there.
    """

    drill: str
    scenario: str
    speed: float
    off_s: float
    moments: Mapping[str, float] = field(hash=False)
    stood_s: float | None = None
    alerts: tuple[AlertCoverage, ...] = ()
    told_s: float | None = None
    in_time: bool | None = None
    not_inside: str = ""
    unknown: str = ""

    @property
    def fired(self) -> tuple[AlertCoverage, ...]:
        """The alerts that fired because of the incident, before recovery, the first one first."""
        over_s = self.moments.get(Mark.RECOVERY)
        named = (each for each in self.alerts if each.fired_s is not None and not each.heartbeat)
        return tuple(each for each in named if over_s is None or (each.fired_s or 0.0) <= over_s)

    @property
    def told(self) -> tuple[AlertCoverage, ...]:
        """Those of which somebody was told before recovery, the first one first."""
        over_s = self.moments.get(Mark.RECOVERY)
        notified = (each for each in self.fired if each.notified_s is not None)
        return tuple(each for each in notified if over_s is None or (each.notified_s or 0.0) <= over_s)

    @property
    def first(self) -> AlertCoverage | None:
        """The first of them; None if there is none."""
        return next(iter(self.fired), None)


@dataclass(frozen=True, slots=True)
class DrillRemark:
    """Something about one drill.

    Attributes:
        drill: Its name.
        why: What there is to say.
    """

    drill: str
    why: str


@dataclass(frozen=True, slots=True)
class AlertRemark:
    """Something about an alert, and where it was seen.

    Attributes:
        alert: Its name.
        evaluator: Which Prometheus had it.
        what: What there is to say.
        drills: Names of the drills.
    """

    alert: str
    evaluator: Evaluator
    what: str
    drills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Several alerts that told of one incident, about the same thing.

    Attributes:
        drill: The drill's name.
        alerts: Their names, the first one first.
        labels: The labels of interest that they have alike.
    """

    drill: str
    alerts: tuple[str, ...]
    labels: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """An incident of which somebody would have been told later without an alert.

    Attributes:
        drill: Its drill's name.
        alert: The first alert that would have told.
        evaluator: Which Prometheus had that one.
        later_s: How many seconds later that one fired.
        off_s: How many seconds that may be off.
        too_late: Whether it fired after the harm, and the alert that is left out had not.
    """

    drill: str
    alert: str
    evaluator: Evaluator
    later_s: float
    off_s: float
    too_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNeed:
    """What an alert is needed for: what would have been lost without it.

    Attributes:
        alert: Its rule's name.
        severity: Its label of that name; empty for none.
        alone: Drills of the incidents that it alone told of.
        later: Incidents of which another alert would have told, by more than times may be off later, or too late.
        not_known: Incidents of which that is not known, and why.
    """

    alert: str
    severity: str
    alone: tuple[str, ...] = ()
    later: tuple[Delay, ...] = ()
    not_known: tuple[DrillRemark, ...] = ()

    @property
    def spare(self) -> bool:
        """Whether nothing would have been lost without it, as far as is known."""
        return not (self.alone or self.later or self.not_known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The coverage of a run.

    Attributes:
        incidents: The incidents, with their alerts.
        left_out: The drills that are none, and why.
        rules: How many alerting rules there were.
        untold: Incidents of which nobody was told at all, and why.
        too_late: Incidents of which somebody was told, but not before something was lost.
        not_known: Incidents of which it is not known whether somebody was told.
        duplicates: Alerts that told the same.
        needs: What each alert is needed for that fired in an incident; without heartbeats.
        late: Alerts that came after the first lost sample, the crash, or recovery.
        false_alarms: Alerts that fired before a fault, without heartbeats.
        foretold: Alerts that were pending when the fault came, and then fired.
        muted: Alerts of which nobody was notified, and what muted them.
        silent: Heartbeats that ceased during an incident, which is how they tell.
        unmet: Expectations that were not met, in any drill.
        unused: Rules that fired in no drill, and why.
        remarks: What is wrong with rules: no runbook_url, no summary, a template that failed, what could not be scaled.
    """

    incidents: tuple[IncidentCoverage, ...] = ()
    left_out: tuple[DrillRemark, ...] = ()
    rules: int = 0
    untold: tuple[DrillRemark, ...] = ()
    too_late: tuple[DrillRemark, ...] = ()
    not_known: tuple[DrillRemark, ...] = ()
    duplicates: tuple[Duplicates, ...] = ()
    needs: tuple[AlertNeed, ...] = ()
    late: tuple[AlertRemark, ...] = ()
    false_alarms: tuple[AlertRemark, ...] = ()
    foretold: tuple[AlertRemark, ...] = ()
    muted: tuple[AlertRemark, ...] = ()
    silent: tuple[AlertRemark, ...] = ()
    unmet: tuple[DrillRemark, ...] = ()
    unused: tuple[RuleRemark, ...] = ()
    remarks: tuple[RuleRemark, ...] = ()


def coverage(run: RunResult) -> Coverage:
    """The coverage of a run."""
    left_out = [(drill, _why_left_out(drill)) for drill in run.drills]
    watched = [
        (not why, incident(each.name, each.scenario, each.alerts)) for each, why in left_out if each.alerts is not None
    ]
    everywhere = tuple(found for _, found in watched)
    incidents = tuple(found for counts_here, found in watched if counts_here)
    accounts = [drill.alerts for drill in run.drills if drill.alerts is not None]
    return Coverage(
        incidents=incidents,
        left_out=tuple(DrillRemark(drill.name, why) for drill, why in left_out if why),
        rules=len(each_rule(accounts)),
        untold=_spots(incidents, lambda each: each.told_s is None and not each.unknown),
        too_late=_spots(incidents, lambda each: each.told_s is not None and each.in_time is False),
        not_known=_spots(incidents, lambda each: each.in_time is None),
        duplicates=tuple(found for each in incidents for found in _duplicates(each)),
        needs=tuple(_needs(incidents, depend=ROUTES in run.options)),
        late=_gathered(incidents, _late),
        false_alarms=_gathered(everywhere, _false_alarm),
        foretold=_gathered(everywhere, _foretold),
        muted=_gathered(incidents, _muted),
        silent=_gathered(incidents, _silent),
        unmet=tuple(_unmet(run.drills)),
        unused=tuple(unused(accounts)),
        remarks=tuple(remarks(accounts)),
    )


def incident(drill: str, scenario: str, account: AlertAccount) -> IncidentCoverage:
    """What the alerts of one drill amount to.

    Args:
        drill: The drill's name.
        scenario: Its scenario.
        account: Its alerts.
    """
    stood = stood_s(account)
    moments = {str(mark): real(at, account) for mark in Mark if (at := at_s(account.moments, mark)) is not None}
    found = IncidentCoverage(
        drill=drill,
        scenario=scenario,
        speed=account.speed,
        off_s=off_s(account),
        moments=moments,
        stood_s=None if stood is None else real(stood, account),
        alerts=_alerts(account, moments),
        not_inside=account.not_inside,
        unknown=account.unknown,
    )
    return _judged(found)


def _judged(found: IncidentCoverage) -> IncidentCoverage:
    """An incident with when somebody was first told of it, and whether that was in time, by its alerts."""
    harm_s = min((found.moments[mark] for mark in HARM if mark in found.moments), default=None)
    told = found.told
    in_time = any(harm_s is None or (each.fired_s or 0.0) <= harm_s for each in told)
    told_s = min((each.notified_s for each in told if each.notified_s is not None), default=None)
    return replace(found, told_s=told_s, in_time=None if found.unknown and not in_time else in_time)


def real(figure_s: float, account: AlertAccount) -> float:
    """What a measured time stands for, in seconds of the operator's."""
    return round(figure_s * account.speed, 3)


def first_alert(account: AlertAccount) -> str:
    """The first alert of an incident in one line, or that there was none.

    ``first alert: X from the witness, 2 min (±30 s) after the fault, 13 min before the crash``; of a fault that grows
    ``first alert: X from the witness, 8 min (±1 min) before the volume was full, 14 min before the crash``
    """
    found = incident("", "", account)
    if found.first is None:
        unknown = f"; alerts could not be watched to the end: {found.unknown}" if found.unknown else ""
        return f"no alert fired{unknown}"
    said = f"first alert: {_when(found, found.first, zero(found.moments), *reversed(HARM))}"
    return f"{said}; nobody was told of it: {found.first.untold}" if found.first.untold else said


def _when(found: IncidentCoverage, each: AlertCoverage, first: Mark, *others: Mark) -> str:
    """Which alert, from where, and when: relative to a moment, and to the first of the others that came."""
    marks = [first, *[mark for mark in others if mark in each.lead_s][:1]]
    offs = [found.off_s, 0.0]
    times = [placed(-each.lead_s[mark], mark, off) for mark, off in zip(marks, offs, strict=False)]
    return ", ".join([f"{each.alert} from {FROM[each.evaluator]}", *times])


def counts(drill: DrillResult) -> bool:
    """Whether a drill counts as an incident whose alerts were watched."""
    return not _why_left_out(drill)


def _why_left_out(drill: DrillResult) -> str:
    """Why a drill does not count as an incident; empty if it does."""
    if drill.control is not None:
        return f"a control: {drill.control}"
    if drill.verdict in {Verdict.INVALID, Verdict.ABORTED}:
        return str(drill.verdict)
    return "no rules were evaluated" if drill.alerts is None else ""


# --- one drill -------------------------------------------------------------------------------------------------------


def _alerts(account: AlertAccount, moments: Mapping[str, float]) -> tuple[AlertCoverage, ...]:
    """The alerts of a drill, each with all its series, in the order in which they fired."""
    series: dict[tuple[str, str, Evaluator], list[Alert]] = {}
    for alert in account.alerts:
        severity = alert.labels.get(SEVERITY, "")
        if severity == HEARTBEAT and any(
            rule.reads_series for rule in rules_named(account.rules, alert.alert, severity)
        ):
            continue
        series.setdefault((alert.alert, alert.labels.get(SEVERITY, ""), alert.evaluator), []).append(alert)
    found = [_alert(account, moments, severity, each) for (_, severity, _), each in series.items()]
    return tuple(sorted(found, key=lambda each: (each.fired_s is None, each.fired_s or 0.0)))


def _alert(
    account: AlertAccount, moments: Mapping[str, float], severity: str, series: Sequence[Alert]
) -> AlertCoverage:
    name, evaluator = series[0].alert, series[0].evaluator
    anew = [each for each in series if anew_s(each) is not None]
    fired_s = min((real(at, account) for each in anew if (at := anew_s(each)) is not None), default=None)
    lead_s = {} if fired_s is None else {mark: round(at - fired_s, 3) for mark, at in moments.items()}
    heartbeat = severity == HEARTBEAT
    notified = [each.notified_s for each in anew if each.notified_s is not None]
    return AlertCoverage(
        alert=name,
        severity=severity,
        evaluator=evaluator,
        series=len(series),
        labels=_alike([each.labels for each in series]),
        fired_s=fired_s,
        lead_s=lead_s,
        late=tuple(mark for mark in (*HARM, Mark.RECOVERY) if not heartbeat and lead_s.get(mark, 0.0) < 0),
        false_alarm=not heartbeat and any(each.fired_at_baseline for each in series),
        foretold=not heartbeat and any(each.firing and each.pending_at_fault for each in series),
        heartbeat=heartbeat,
        silent_s=_silent_s(account, series) if heartbeat else None,
        resolved_s=_resolved_s(account, anew),
        still_fires=any(each.still_fires for each in anew),
        pending_s=real(pending_s(series, account.moments.ended_s), account),
        why_not="" if fired_s is not None else why_silent(account, name, (evaluator,), severity),
        notified_s=real(min(notified), account) if notified else None,
        receivers=tuple(dict.fromkeys(receiver for each in anew for receiver in each.receivers)),
        muted_by=tuple(dict.fromkeys(why for each in anew for why in each.muted_by)),
        summary=next((each.summary for each in (*anew, *series) if each.summary), ""),
    )


def _alike(several: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The labels that all of these have, with the same value."""
    first, *others = several
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def _resolved_s(account: AlertAccount, anew: Sequence[Alert]) -> float | None:
    """When the last series that fired ceased to, in seconds after recovery."""
    recovered_s = account.moments.recovered_s
    ends = [each.resolved_s for each in anew]
    known = [end for end in ends if end is not None]
    return None if recovered_s is None or not ends or None in ends else real(max(known) - recovered_s, account)


def _silent_s(account: AlertAccount, series: Sequence[Alert]) -> float | None:
    """When all series of a heartbeat that fired before the fault had ceased to, before recovery."""
    over_s = account.moments.recovered_s
    beating = [each.firing for each in series if each.fired_at_baseline]
    ends = [period.ended_s for firing in beating for period in firing if period.began_s < 0]
    if not ends or any(end is None or end < 0 or (over_s is not None and end > over_s) for end in ends):
        return None
    return real(max(end for end in ends if end is not None), account)


# --- over the run ----------------------------------------------------------------------------------------------------


def _spots(incidents: Iterable[IncidentCoverage], which: Callable[[IncidentCoverage], bool]) -> tuple[DrillRemark, ...]:
    return tuple(DrillRemark(each.drill, _blindness(each)) for each in incidents if which(each))


def _blindness(found: IncidentCoverage) -> str:
    """Why nobody was told of an incident, or not in time."""
    if found.unknown:
        return f"alerts could not be watched to the end: {found.unknown}"
    if found.told:
        harm = min((mark for mark in HARM if mark in found.moments), key=lambda mark: found.moments[mark])
        return f"the first was {_when(found, found.told[0], harm)}"
    if found.first is not None:
        told = "; ".join(f"{each.alert} from {FROM[each.evaluator]}: {_untold(found, each)}" for each in found.fired)
        return f"nobody was told of what fired: {told}"
    after = next((each for each in found.alerts if each.fired_s is not None and not each.heartbeat), None)
    if after is not None:
        return f"the first was {_when(found, after, Mark.RECOVERY)}"
    waited = dict.fromkeys(each.alert for each in found.alerts if each.pending_s and each.fired_s is None)
    if not waited:
        return "no alert fired"
    return f"no alert fired; {', '.join(waited)} {'was' if len(waited) == 1 else 'were'} pending"


def _untold(found: IncidentCoverage, each: AlertCoverage) -> str:
    if each.notified_s is None:
        return each.untold
    return f"the notification came {placed(each.notified_s - found.moments[Mark.RECOVERY], Mark.RECOVERY)}"


def _duplicates(found: IncidentCoverage) -> Iterator[Duplicates]:
    """Groups of alerts of different names, from the same Prometheus, that agree in their labels of interest."""
    groups: list[list[AlertCoverage]] = []
    for each in found.fired:
        fitting = (group for group in groups if all(_same_thing(each, other) for other in group))
        group = next(fitting, None)
        if group is None:
            groups.append([each])
        else:
            group.append(each)
    seen: list[Duplicates] = []
    for group in groups:
        names = tuple(dict.fromkeys(each.alert for each in group))
        labels = _alike([_interest(each) for each in group])
        if len(names) > 1 and not any(set(names) <= set(other.alerts) for other in seen):
            seen.append(Duplicates(found.drill, names, labels))
    yield from seen


def _same_thing(one: AlertCoverage, other: AlertCoverage) -> bool:
    """Whether two alerts of one Prometheus are about the same, as far as their labels of interest say."""
    mine, theirs = _interest(one), _interest(other)
    both = mine.keys() & theirs.keys()
    return one.evaluator is other.evaluator and bool(both) and all(mine[name] == theirs[name] for name in both)


def _interest(each: AlertCoverage) -> dict[str, str]:
    return {name: each.labels[name] for name in OF_INTEREST if name in each.labels}


_AlertKey = tuple[str, str]
"""What tells an alert from others of an incident: its name and its severity."""


def _needs(incidents: Sequence[IncidentCoverage], *, depend: bool) -> Iterator[AlertNeed]:
    """What each alert is needed for: each incident is judged again without it.

    Args:
        incidents: The incidents.
        depend: Whether one alert may hold back another, by an inhibition or because both are in one group.
    """
    keys = dict.fromkeys(
        (alert.alert, alert.severity)
        for found in incidents
        for alert in found.alerts
        if not alert.heartbeat and (alert.fired_s is not None or alert.false_alarm)
    )
    for key in keys:
        yield _need(key, [(found, _without(found, key)) for found in incidents], depend=depend)


def _without(found: IncidentCoverage, key: _AlertKey) -> IncidentCoverage:
    """The incident as it would be if an alert had no rule."""
    kept = tuple(each for each in found.alerts if (each.alert, each.severity) != key)
    return _judged(replace(found, alerts=kept)) if len(kept) < len(found.alerts) else found


def _need(key: _AlertKey, pairs: Iterable[tuple[IncidentCoverage, IncidentCoverage]], *, depend: bool) -> AlertNeed:
    """What an alert is needed for, from each incident with it and without it."""
    alone, later, not_known = [], [], []
    for found, left in pairs:
        if _loses(found, left):
            why = _why_not_known(left, key, depend=depend)
            if why:
                not_known.append(DrillRemark(found.drill, why))
            elif left.told:
                later.append(_delay(found, left))
            else:
                alone.append(found.drill)
    alert, severity = key
    return AlertNeed(alert=alert, severity=severity, alone=tuple(alone), later=tuple(later), not_known=tuple(not_known))


def _loses(found: IncidentCoverage, left: IncidentCoverage) -> bool:
    """Whether an incident is told of less well without an alert: by nobody, too late, or measurably later."""
    if not found.told or not left.told:
        return bool(found.told)
    delay = _delay(found, left)
    return delay.too_late or delay.later_s > delay.off_s


def _delay(found: IncidentCoverage, left: IncidentCoverage) -> Delay:
    """How much later an incident is told of without an alert."""
    before, then = found.told[0], left.told[0]
    return Delay(
        drill=found.drill,
        alert=then.alert,
        evaluator=then.evaluator,
        later_s=round((then.fired_s or 0.0) - (before.fired_s or 0.0), 3),
        off_s=found.off_s,
        too_late=bool(found.in_time and not left.in_time),
    )


def _why_not_known(left: IncidentCoverage, key: _AlertKey, *, depend: bool) -> str:
    """Why it is not known what an incident would have been without an alert; empty if it is.

    Of an alert that is inhibited, Alertmanager names the first inhibition that it finds (its inhibit.go, Mutes) and
    looks no further. So nobody knows whether it would have been told of otherwise.
    """
    if left.in_time is None:
        return f"alerts could not be watched to the end: {left.unknown}"
    first_s = min((each.fired_s or 0.0 for each in left.told), default=math.inf)
    held = [
        each.alert
        for each in left.fired
        if each not in left.told and (each.fired_s or 0.0) < first_s and _may_be_held(each, key, depend=depend)
    ]
    names = ", ".join(dict.fromkeys(held))
    return f"{names} fired without telling anybody, perhaps because of it" if held else ""


def _may_be_held(each: AlertCoverage, key: _AlertKey, *, depend: bool) -> bool:
    """Whether nobody was told of an alert in time perhaps only because of another one."""
    return any(may_inhibit(*key, why) for why in each.muted_by) if each.muted_by else depend


_What = Callable[[IncidentCoverage, AlertCoverage], Iterable[str]]
"""What there is to say about an alert of a drill."""


def _gathered(incidents: Iterable[IncidentCoverage], what: _What) -> tuple[AlertRemark, ...]:
    """What there is to say about alerts, each remark once with the drills that it is about."""
    found: dict[tuple[str, Evaluator, str], dict[str, None]] = {}
    for each in incidents:
        for alert in each.alerts:
            for said in what(each, alert):
                found.setdefault((alert.alert, alert.evaluator, said), {})[each.drill] = None
    return tuple(AlertRemark(*key, tuple(drills)) for key, drills in found.items())


def _late(_found: IncidentCoverage, each: AlertCoverage) -> Iterable[str]:
    if not each.late:
        return ()
    *others, last = (NAMES[mark] for mark in each.late)
    return (f"after {', '.join(others)} and {last}" if others else f"after {last}",)


def _false_alarm(_found: IncidentCoverage, each: AlertCoverage) -> Iterable[str]:
    return ("fired before the fault",) if each.false_alarm else ()


def _foretold(_found: IncidentCoverage, each: AlertCoverage) -> Iterable[str]:
    return ("pending when the fault came",) if each.foretold else ()


def _muted(_found: IncidentCoverage, each: AlertCoverage) -> Iterable[str]:
    fired = each.fired_s is not None and not each.heartbeat
    return (each.untold,) if fired and each.untold else ()


def _silent(_found: IncidentCoverage, each: AlertCoverage) -> Iterable[str]:
    return ("ceased to fire during the incident",) if each.silent_s is not None else ()


def _unmet(drills: Iterable[DrillResult]) -> Iterator[DrillRemark]:
    for drill in drills:
        for each in () if drill.alerts is None else drill.alerts.expected:
            if not each.met:
                yield DrillRemark(drill.name, f"{each.why} ({each.place})" if each.place else each.why)

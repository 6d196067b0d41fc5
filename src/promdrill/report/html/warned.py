"""Whether somebody would have been warned: the coverage of a run's rules as a matrix of incidents and alerts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from promdrill.core import workers
from promdrill.core.model import RunResult
from promdrill.core.redact import redact_lines
from promdrill.report.html.load import Column
from promdrill.report.html.overview import Shown
from promdrill.results.alerts import show
from promdrill.results.alerts.coverage import AlertCoverage, Coverage, IncidentCoverage, coverage
from promdrill.results.alerts.marks import HARM, NAMES, Mark, placed
from promdrill.results.words import span

MOST_ALERTS = 40
"""Most alerts that have a column; the lists below the matrix name the others, too."""

OPENED = 3
"""How many of the lists are open from the start where they have lines: blind spots, told too late, false alarms."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=_)")
"""Where the name of an alert may be broken."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an alert did in an incident, in words and with the class of its colour.

    Attributes:
        word: What it did, in one or two words.
        kind: The class of its colour.
        when: When it fired; empty if it did not.
        where: Which Prometheus had it; for the incident itself, the first alert that told. In parts between which it
            may be broken.
        more: More words, for a tooltip.
    """

    word: str
    kind: str
    when: str = ""
    where: tuple[str, ...] = ()
    more: str = ""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """An incident: its drill's name and anchor, whether somebody was told, and what each alert did."""

    name: str
    anchor: str
    told: Said
    cells: tuple[tuple[Said, ...], ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """Lines under a title, and whether they are shown from the start."""

    title: str
    lines: tuple[str, ...]
    opened: bool


@dataclass(frozen=True, slots=True)
class Warned:
    """The coverage of one run.

    Attributes:
        name: The run's, for several runs on a page.
        counted: How many incidents and rules there were, in words.
        hints: What to know: what was left out, how fast the rules ran.
        alerts: The names of the matrix' columns, in parts between which they may be broken.
        others: How many alerts fired that have no column.
        rows: Of the matrix, blind spots first.
        lists: What there is to say over the run, as `promdrill alerts` prints it.
    """

    name: str
    counted: str
    hints: tuple[str, ...]
    alerts: tuple[tuple[str, ...], ...]
    others: int
    rows: tuple[MatrixRow, ...]
    lists: tuple[Listed, ...]


def warned(columns: Sequence[Column], shown: Mapping[int, Sequence[Shown]], *, many: bool = False) -> list[Warned]:
    """The coverage of each run that had rules.

    Args:
        columns: The runs.
        shown: The drills of each column by its index.
        many: Whether there are so many drills that several processes are of use.
    """
    found = [
        (column.name, column.run, {each.drill.name: each.anchor for each in shown[at]})
        for at, column in enumerate(columns)
        if column.run is not None and any(drill.alerts is not None for drill in column.run.drills)
    ]
    return list((workers.in_order if many else map)(_of_run, found))


def _of_run(of: tuple[str, RunResult, Mapping[str, str]]) -> Warned:
    name, run, anchors = of
    return _warned(name, coverage(run), anchors)


def _warned(name: str, found: Coverage, anchors: Mapping[str, str]) -> Warned:
    keys = _keys(found.incidents)
    several = {alert for alert, _ in keys if sum(alert == other for other, _ in keys) > 1}
    rows = sorted(found.incidents, key=lambda each: (_ORDER.index(_told(each).word), each.drill))
    lists = [(title, tuple(redact_lines(line) for line in lines)) for title, lines in show.lists(found)]
    return Warned(
        name=name,
        counted=show.counted(found),
        hints=tuple(_begun(redact_lines(text)) for text in (*show.times(found.incidents), *show.left_out(found))),
        alerts=tuple(
            (*_broken(alert), *([f" ({severity})"] if alert in several and severity else []))
            for alert, severity in keys[:MOST_ALERTS]
        ),
        others=max(0, len(keys) - MOST_ALERTS),
        rows=tuple(
            MatrixRow(each.drill, anchors.get(each.drill, ""), _told(each), tuple(_cells(each, keys[:MOST_ALERTS])))
            for each in rows
        ),
        lists=tuple(
            Listed(_begun(title), lines, bool(lines) and at < OPENED) for at, (title, lines) in enumerate(lists)
        ),
    )


def _broken(alert: str) -> tuple[str, ...]:
    """The name of an alert, in parts between which it may be broken."""
    return tuple(_HUMP.split(alert))


def _begun(text: str) -> str:
    """A text as the beginning of a sentence."""
    return f"{text[:1].upper()}{text[1:]}"


_ORDER = ("blind", "late", "not known", "told")
"""The words for incidents, what has to be looked at first first."""


def _told(found: IncidentCoverage) -> Said:
    """Whether somebody was told of an incident: of the first alert that told, when it fired."""
    if found.told_s is None and not found.unknown:
        return Said("blind", "failed", "nobody was told")
    if found.in_time is None or found.told_s is None:
        return Said("not known", "aborted", more=redact_lines(found.unknown))
    word, kind = ("told", "passed") if found.in_time else ("late", "invalid")
    first = found.told[0]
    more = f"first notification {_moment(found, found.told_s)}"
    return Said(word, kind, _when(found, first), _broken(first.alert), more)


def _keys(incidents: Iterable[IncidentCoverage]) -> list[tuple[str, str]]:
    """(name, severity) of the alerts that fired in any incident: those that told most often first, heartbeats last."""
    times: dict[tuple[str, str], list[int]] = {}
    for incident in incidents:
        for each in incident.alerts:
            if each.fired_s is not None or each.false_alarm or each.heartbeat:
                told = times.setdefault((each.alert, each.severity), [each.heartbeat, 0])
                told[1] -= each in incident.told
    return sorted(times, key=lambda key: (*times[key], key))


def _cells(found: IncidentCoverage, keys: Iterable[tuple[str, str]]) -> Iterator[tuple[Said, ...]]:
    for key in keys:
        here = [each for each in found.alerts if (each.alert, each.severity) == key]
        here.sort(key=lambda each: str(each.evaluator), reverse=True)
        yield tuple(said for each in here for said in _said(found, each))


def _said(found: IncidentCoverage, each: AlertCoverage) -> Iterator[Said]:
    """What an alert did, as one Prometheus had it: before the fault, and because of the incident."""
    where, more = (str(each.evaluator),), redact_lines(each.summary)
    if each.heartbeat:
        yield _beat(found, each)
        return
    if each.false_alarm:
        yield Said("false alarm", "failed", "before the fault", where, more)
    if each.fired_s is None:
        if not each.false_alarm:
            yield Said("unrelated" if each.foretold else "pending", "skipped", "", where, redact_lines(each.why_not))
    elif each not in found.told:
        why = redact_lines(each.untold) or "the notification came after recovery"
        yield Said("not told", "failed", _when(found, each), where, why)
    elif any(mark in HARM for mark in each.late):
        yield Said("late", "invalid", _when(found, each), where, more)
    else:
        yield Said("told", "passed", _when(found, each), where, more)


def _beat(found: IncidentCoverage, each: AlertCoverage) -> Said:
    """What a heartbeat did: it tells by its absence."""
    where = (str(each.evaluator),)
    if each.silent_s is not None:
        return Said("ceased", "passed", _moment(found, each.silent_s), where, "its absence tells")
    if each.fired_s is not None:
        return Said("began", "skipped", _when(found, each), where)
    return Said("pending", "skipped", "", where) if each.pending_s else Said("fired on", "skipped", "", where)


def _when(found: IncidentCoverage, each: AlertCoverage) -> str:
    """When an alert fired: before or after what it has to come before."""
    lead_s = each.lead_s[_base(found)]
    return f"{span(abs(lead_s))} {'before' if lead_s > 0 else 'after'}{_suffix(found)}"


def _moment(found: IncidentCoverage, after_s: float) -> str:
    return placed(after_s, Mark.FAULT, found.off_s)


def _base(found: IncidentCoverage) -> Mark:
    """The moment that an alert has to come before: the full effect of a fault that grew, else the first harm.

    The fault itself where there was neither.
    """
    if Mark.FULL in found.moments:
        return Mark.FULL
    came = [mark for mark in HARM if mark in found.moments]
    return min(came, key=lambda mark: found.moments[mark], default=Mark.FAULT)


def _suffix(found: IncidentCoverage) -> str:
    return {Mark.FAULT: f" {NAMES[Mark.FAULT]}", Mark.FULL: " it was full"}.get(_base(found), "")

"""The coverage of a run as plain text for 100 columns, as Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from promdrill.core import durations, records
from promdrill.results.alerts.coverage import (
    COVERAGE_SCHEMA,
    AlertCoverage,
    AlertNeed,
    AlertRemark,
    Coverage,
    Delay,
    DrillRemark,
    IncidentCoverage,
)
from promdrill.results.alerts.marks import FROM, NAMES, Mark, placed
from promdrill.results.alerts.rule_remarks import RuleRemark
from promdrill.results.table import NOTHING, Table, escape, wrap
from promdrill.results.words import count, span

WIDTH = 100
"""Columns of plain text."""

NO_RULES = "No drill of this run had alerting rules."

_FIRST = {"fault": Mark.FAULT, "full": Mark.FULL, "lost": Mark.FIRST_LOST, "crash": Mark.CRASH}
_ALL = {
    "fault": Mark.FAULT,
    "full": Mark.FULL,
    "signature": Mark.SIGNATURE,
    "lost": Mark.FIRST_LOST,
    "crash": Mark.CRASH,
}
"""Columns: what an alert is compared to. `full` is left out where no fault grew."""

_LEGEND = (
    "Times are when the alert fired, relative to the fault, to the complete signature, to the first lost sample and to "
    "the crash: +2m is two minutes after it, -13m thirteen minutes before it. Told is when the first notification "
    "came, relative to the fault; resolved is relative to recovery."
)
_GREW = " A fault that grew begins when most of the volume is filled, at once; full is relative to when all of it was."


def to_text(found: Coverage, name: str) -> str:
    """Blind spots first, then each incident's first alert, then all of them.

    Args:
        found: The coverage.
        name: What the run is called.
    """
    out = [*_wrap(f"{name}: {counted(found)}")]
    out += [line for text in left_out(found) for line in _wrap(text)]
    if not found.incidents:
        return "\n".join([*out, *([] if found.rules else [NO_RULES])])
    out += [line for text in times(found.incidents) for line in _wrap(text)]
    out += ["", *_wrap(_legend(found)), "", *_fitted(_first_table(found), WIDTH)]
    for title, lines in lists(found):
        out += ["", *_wrap(f"{title}: {len(lines)}"), *(line for text in lines for line in _wrap(text, 2))]
    for each in found.incidents:
        if each.alerts or each.not_inside or each.unknown:
            out += ["", *_incident(each)]
    return "\n".join(out)


def to_markdown(found: Coverage, name: str) -> str:
    """The same for the summary page of a CI job; arguments as in `to_text`."""
    out = [f"## promdrill alerts: {escape(counted(found))}", "", f"- {escape(name)}"]
    out += [f"- {escape(text)}" for text in (*left_out(found), *times(found.incidents))]
    if not found.incidents:
        return "\n".join([*out, *([] if found.rules else [f"- {NO_RULES}"])])
    out += ["", escape(_legend(found)), "", *_first_table(found).markdown()]
    for title, lines in lists(found):
        out += ["", f"**{escape(title)}: {len(lines)}**"]
        out += ["", *(f"- {escape(text)}" for text in lines)] if lines else []
    for each in found.incidents:
        if each.alerts or each.not_inside or each.unknown:  # Markdown inside HTML needs an empty line before it
            out += ["", "<details>", f"<summary>{escape(_title(each))}</summary>"]
            table, silent = _table(each), [f"- {escape(text)}" for text in _silent(each)]
            out += ["", *table.markdown()] if table.rows else []
            out += ["", *silent] if silent else []
            out += ["", "</details>"]
    return "\n".join(out)


def to_json(found: Coverage, name: str) -> str:
    """Everything, with every figure; arguments as in `to_text`."""
    return json.dumps({"schema": COVERAGE_SCHEMA, "run": name, **records.dump(found)}, indent=2)


def _wrap(text: str, indent: int = 0) -> list[str]:
    return wrap(text, WIDTH, first=indent, rest=indent + 2)


def counted(found: Coverage) -> str:
    """How many incidents and rules there were, and of how many incidents nobody was told, or too late."""
    parts = [count(len(found.incidents), "incident"), count(found.rules, "alerting rule")]
    if found.incidents:
        parts += [f"{len(found.untold)} of which nobody was told", f"{len(found.too_late)} told too late"]
        parts += [f"{len(found.not_known)} not known"] if found.not_known else []
    return ", ".join(parts)


def left_out(found: Coverage) -> Iterator[str]:
    """The drills that do not count, each reason once with how many."""
    reasons: dict[str, list[str]] = {}
    for each in found.left_out:
        reasons.setdefault(each.why, []).append(each.drill)
    for why, drills in reasons.items():
        yield f"left out, {why}: {count(len(drills), 'drill')} ({', '.join(drills)})"


def times(incidents: Iterable[IncidentCoverage]) -> Iterator[str]:
    """What a second stands for, and how far off times are: once for each speed."""
    for speed, off_s in dict.fromkeys((each.speed, each.off_s) for each in incidents):
        off = f"times may be off by {span(off_s)}" if off_s else "times are exact"
        told = (
            "rules as they are written" if speed == 1 else f"rules {speed:g} times as fast, and times as in real life"
        )
        yield f"{told}; {off}"


def _legend(found: Coverage) -> str:
    return _LEGEND + (_GREW if _columns(_FIRST, found.incidents).get("full") else "")


def _columns(all_of: Mapping[str, Mark], incidents: Iterable[IncidentCoverage]) -> dict[str, Mark]:
    """The columns of a table; without that of full volumes, where none was filled slowly."""
    grew = any(Mark.FULL in each.moments for each in incidents)
    return {name: mark for name, mark in all_of.items() if grew or mark is not Mark.FULL}


def _fitted(table: Table, width: int) -> list[str]:
    """A table's lines, its columns closer together where it would be too wide."""
    return (table if table.width <= width else replace(table, gap=" ")).text(width)


def _first_table(found: Coverage) -> Table:
    """Each incident with its first alert."""
    columns = _columns(_FIRST, found.incidents)
    nothing = ("none", *[NOTHING] * (len(columns) + 2))
    rows = [(each.drill, *(_first(each.first, columns) if each.first else nothing)) for each in found.incidents]
    return Table(("incident", "first alert", "from", *columns, "told"), rows, frozenset(range(3, 4 + len(columns))))


def _first(each: AlertCoverage, columns: Mapping[str, Mark]) -> tuple[str, ...]:
    return each.alert, str(each.evaluator), *_offsets(each, columns), _told(each)


def _table(found: IncidentCoverage) -> Table:
    """The alerts that fired in one incident."""
    columns = _columns(_ALL, [found])
    rows = [
        (_named(each), str(each.evaluator), *_offsets(each, columns), _resolved(each), _told(each))
        for each in found.alerts
        if each.fired_s is not None
    ]
    return Table(("alert", "from", *columns, "resolved", "told"), rows, frozenset(range(2, 4 + len(columns))))


def _title(found: IncidentCoverage) -> str:
    """Which incident, and when its moments were."""
    moments = [f"{NAMES[mark]} {_offset(found.moments[mark])}" for mark in Mark if mark in found.moments]
    return f"{found.drill}: {', '.join(moments[1:])}" if moments[1:] else found.drill


def _incident(each: IncidentCoverage) -> Iterator[str]:
    yield from _wrap(_title(each))
    table = _table(each)
    yield from (f"  {line}" for line in _fitted(table, WIDTH - 2)) if table.rows else ()
    for text in _silent(each):
        yield from _wrap(text, 2)


def _silent(found: IncidentCoverage) -> Iterator[str]:
    """What did not fire because of the incident, a sentence each."""
    for each in found.alerts:
        who = f"{_named(each)} ({each.evaluator})"
        if each.heartbeat and each.silent_s is not None:
            yield f"{who} ceased to fire {placed(each.silent_s, Mark.FAULT, found.off_s)}, which is how it tells"
        elif each.heartbeat and each.fired_s is None and not each.pending_s:
            yield f"{who} went on firing"
        elif each.fired_s is None:
            yield f"{who} {'tells nothing' if each.foretold else 'did not fire'}; {each.why_not}"
    if found.not_inside:
        yield f"the drilled Prometheus did not evaluate the rules: {found.not_inside}"
    if found.unknown:
        yield f"alerts could not be watched to the end: {found.unknown}"


def _named(each: AlertCoverage) -> str:
    return each.alert if each.series == 1 else f"{each.alert} (x{each.series})"


def _offsets(each: AlertCoverage, columns: Mapping[str, Mark]) -> Iterator[str]:
    for mark in columns.values():
        lead_s = each.lead_s.get(mark)
        yield _offset(None if lead_s is None else -lead_s)


def _offset(after_s: float | None) -> str:
    if after_s is None:
        return NOTHING
    return f"{'-' if round(after_s) < 0 else '+'}{_short(abs(after_s))}"


def _short(figure_s: float) -> str:
    """A time for a column: without seconds from one hour on."""
    return durations.write(round(figure_s / 60) * 60 if figure_s >= 3600 else round(figure_s))  # noqa: PLR2004  an hour, a minute


def _resolved(each: AlertCoverage) -> str:
    if each.still_fires:
        return "no"
    return _offset(each.resolved_s)


def _told(each: AlertCoverage) -> str:
    return "muted" if each.untold and each.muted_by else "no" if each.untold else _offset(each.notified_s)


def lists(found: Coverage) -> Iterator[tuple[str, Sequence[str]]]:
    """What there is to say over the run: a title, and lines. Blind spots and false alarms also where there are none."""
    yield "blind spots, incidents of which nobody was told", _of_drills(found.untold)
    yield "told too late, after the first lost sample or the crash", _of_drills(found.too_late)
    yield "false alarms, fired before the fault", _of_alerts(found.false_alarms)
    optional = (
        ("true without the fault, so that they tell nothing of it", _of_alerts(found.foretold)),
        ("expectations that were not met", _of_drills(found.unmet)),
        ("incidents of which it is not known whether somebody was told", _of_drills(found.not_known)),
        ("alerts of which nobody was notified", _of_alerts(found.muted)),
        (
            "several alerts for one cause",
            [f"{each.drill}: {', '.join(each.alerts)}{_about(each.labels)}" for each in found.duplicates],
        ),
        ("what each alert is needed for", list(_needed(found.needs))),
        ("alerts that this run could have gone without", list(_spare(found.needs))),
        ("late alerts", _of_alerts(found.late)),
        ("dead man's switches that told", _of_alerts(found.silent)),
        ("rules that never fired", _of_rules(found.unused)),
        ("remarks on rules", _of_rules(found.remarks)),
    )
    yield from ((title, lines) for title, lines in optional if lines)


def _about(labels: Mapping[str, str]) -> str:
    pairs = [f'{name}="{value}"' for name, value in labels.items()]
    return f" {{{', '.join(pairs)}}}" if pairs else ""


def _needed(needs: Sequence[AlertNeed]) -> Iterator[str]:
    """A line for each alert without which something would have been lost, or may have been."""
    for each in needs:
        kinds = (
            ("without it nobody is told of", each.alone),
            ("told later without it:", [_later(delay) for delay in each.later]),
            ("not known without it:", [f"{remark.drill} ({remark.why})" for remark in each.not_known]),
        )
        said = [f"{what} {', '.join(drills)}" for what, drills in kinds if drills]
        if said:
            yield f"{_called(each, needs)}: {'; '.join(said)}"


def _later(each: Delay) -> str:
    then = f"{each.alert} from {FROM[each.evaluator]}"
    return f"{each.drill} ({span(each.later_s)}, {then}{'; too late' if each.too_late else ''})"


def _spare(needs: Sequence[AlertNeed]) -> Iterator[str]:
    return (_called(each, needs) for each in needs if each.spare)


def _called(each: AlertNeed, needs: Sequence[AlertNeed]) -> str:
    """An alert's name, with its severity where alerts of several have that name."""
    several = sum(each.alert == other.alert for other in needs) > 1
    return f"{each.alert} ({each.severity or 'no severity'})" if several else each.alert


def _of_drills(remarks: Iterable[DrillRemark]) -> list[str]:
    return [f"{each.drill}: {each.why}" for each in remarks]


def _of_alerts(remarks: Iterable[AlertRemark]) -> list[str]:
    return [f"{each.alert} ({each.evaluator}): {each.what}: {', '.join(each.drills)}" for each in remarks]


def _of_rules(remarks: Iterable[RuleRemark]) -> list[str]:
    """Each remark once, with the rules that it is about; where all of them stand in one place, that once."""
    found: dict[str, list[RuleRemark]] = {}
    for each in remarks:
        found.setdefault(each.what, []).append(each)
    return [f"{what}: {_placed(rules)}" for what, rules in found.items()]


def _placed(rules: Sequence[RuleRemark]) -> str:
    places = {each.place for each in rules}
    if len(places) == 1:
        said = ", ".join(dict.fromkeys(each.alert for each in rules))
        return said + "".join(f" ({place})" for place in places if place)
    return ", ".join(dict.fromkeys(f"{each.alert} ({each.place})" if each.place else each.alert for each in rules))

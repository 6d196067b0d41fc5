"""A first alerts.toml, from what the alerts of a run did: a start, to be read and changed by a person."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from promdrill.core import durations
from promdrill.core.alerts import Evaluator
from promdrill.core.model import RunResult, Verdict
from promdrill.core.terminal import one_line
from promdrill.results.alerts.coverage import AlertCoverage, IncidentCoverage, incident
from promdrill.results.alerts.expectations import TABLE
from promdrill.results.alerts.marks import HARM, Mark, placed
from promdrill.results.table import wrap
from promdrill.results.words import count, span

_WIDTH = 100  # columns of a comment

_STEPS_S = ((300.0, 30.0), (3600.0, 60.0), (math.inf, 300.0))
"""To what a limit is rounded up: up to 5 min to 30 s, up to an hour to a minute, above to 5 min."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A first alerts.toml.

    Attributes:
        text: The file.
        expected: How many expectations it has.
        silent: The scenarios for which it has none, as no alert named their incident.
    """

    text: str
    expected: int
    silent: tuple[str, ...]


def propose(run: RunResult, name: str) -> Proposal:
    """The first alert of each incident that was repaired, as what is expected from now on.

    Of repeats, the alert counts that fired in all of them, as late as it did in the slowest.

    Args:
        run: The run.
        name: What the run is called.
    """
    found: dict[str, list[IncidentCoverage]] = {}
    for drill in run.drills:
        if drill.verdict is Verdict.PASSED and drill.control is None and drill.alerts is not None:
            found.setdefault(drill.scenario, []).append(incident(drill.name, drill.scenario, drill.alerts))
    blocks, silent = [], []
    for scenario, incidents in found.items():
        first = _first(incidents)
        if first:
            blocks.append("\n".join(_entry(scenario, incidents, first)))
        else:
            silent.append(scenario)
    head = _remark(f"Which alerts have to tell of which incident: a proposal, made from {name}. {_HEAD}")
    head += [line for each in silent for line in _remark(f"{each}: no alert fired{_in_all(found[each])}.")]
    return Proposal("\n\n".join(["\n".join(head), *blocks]) + "\n", len(blocks), tuple(silent))


_HEAD = (
    "Durations are real time. Each limit is what was measured, plus by how much that may be off, rounded up. "
    "Read each of them: is it early enough for you?"
)


def _remark(text: str) -> list[str]:
    """A comment, wrapped."""
    return [f"# {line}" for line in wrap(one_line(text), _WIDTH - 2)]


def _first(incidents: Sequence[IncidentCoverage]) -> Sequence[AlertCoverage]:
    """The alert that fired in all of these drills and, in the slowest, first: once for each drill; empty for none."""
    by_alert: dict[tuple[str, Evaluator], list[AlertCoverage]] = {}
    for each in incidents:
        for key, alert in {(alert.alert, alert.evaluator): alert for alert in reversed(each.fired)}.items():
            by_alert.setdefault(key, []).append(alert)
    everywhere = [alerts for alerts in by_alert.values() if len(alerts) == len(incidents)]
    return min(everywhere, key=_slowest_s, default=())


def _slowest_s(alerts: Iterable[AlertCoverage]) -> float:
    return max((alert.fired_s or 0.0) for alert in alerts)


def _entry(scenario: str, incidents: Sequence[IncidentCoverage], alerts: Sequence[AlertCoverage]) -> Iterator[str]:
    first, slowest_s, off = alerts[0], _slowest_s(alerts), max(each.off_s for each in incidents)
    limit_s = _up(slowest_s + off)
    slowest = next(each for each in alerts if each.fired_s == slowest_s)
    when = f"{placed(slowest_s, Mark.FAULT, off)}{_harm(slowest)}{_each(incidents)}"
    yield from _remark(f"It fired {when}. {_margin(off, limit_s)}")
    ends = [alert.resolved_s for alert in alerts]
    known = [end for end in ends if end is not None]
    resolve_s = _up(max(0.0, *known) + off) if len(known) == len(ends) else None
    if resolve_s is not None:
        yield from _remark(f"It was resolved {placed(max(known), Mark.RECOVERY, off)}. {_margin(off, resolve_s)}")
    else:
        yield from _remark("It was not seen to be resolved.")
    yield f"[[{TABLE}]]"
    yield f"scenario = {_text(scenario)}"
    yield f"alert = {_text(first.alert)}"
    yield f'within = "{durations.write(limit_s)}"'
    yield f'after = "{Mark.FAULT}"'
    yield f'seen_by = "{first.evaluator}"'
    if resolve_s is not None:
        yield f'must_resolve = "{durations.write(resolve_s)}"'


def _harm(alert: AlertCoverage) -> str:
    mark = next((mark for mark in (Mark.FULL, *reversed(HARM)) if mark in alert.lead_s), None)
    return "" if mark is None else f", {placed(-alert.lead_s[mark], mark)}"


def _each(incidents: Sequence[IncidentCoverage]) -> str:
    return f", in the slowest of {count(len(incidents), 'drill')}" if len(incidents) > 1 else ""


def _in_all(incidents: Sequence[IncidentCoverage]) -> str:
    return f" in all of {count(len(incidents), 'drill')}" if len(incidents) > 1 else ""


def _margin(off: float, limit_s: float) -> str:
    added = f"{span(off)} that this may be off, then" if off else ""
    return f"Margin: {added}{' ' if added else ''}rounded up to {span(limit_s)}."


def _up(figure_s: float) -> float:
    """Rounded up to a limit that a person would write."""
    step_s = next(step_s for most_s, step_s in _STEPS_S if figure_s <= most_s)
    return max(step_s, math.ceil(figure_s / step_s - 1e-9) * step_s)


def _text(value: str) -> str:
    """A text as a TOML string."""
    escaped = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in value)
    return f'"{"".join(escaped)}"'

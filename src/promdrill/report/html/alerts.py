"""The alerts of a drill as rows of its timeline: when each was pending, when it fired, and when somebody was told."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from promdrill.core.alerts import SEVERITY, Evaluator
from promdrill.core.redact import redact_lines
from promdrill.report.html.draw import Canvas
from promdrill.report.html.lanes import Group, LaneRow
from promdrill.report.html.limits import Limits
from promdrill.results.alerts.coverage import HEARTBEAT
from promdrill.results.timeline.alerts import AlertLane, Watched, since_steady, watched
from promdrill.results.timeline.drill import Timeline
from promdrill.results.words import count, offset, seconds, span

LEGEND = (("pending", "pending"), ("firing", "fires"), ("told", "first notification"))
"""(class, words) of what is drawn."""

MOST_SERIES = 6
"""Most sets of labels of one alert that its row says in words."""

_NEVER = float("inf")

Key = tuple[str, str, Evaluator]
"""What shares a row: the rule's name, the severity, and which Prometheus had it, as in the coverage."""


def group(drill: Timeline, canvas: Canvas, most: Limits) -> Group:
    """A row for each alert that was pending or fired, the first to fire first, heartbeats last; none without rules.

    Args:
        drill: The drill.
        canvas: What the rows are drawn on.
        most: How many rows there may be, and how many characters one may say.
    """
    found = watched(drill)
    if found.loaded is None:
        return Group("Alerts", ())
    series: dict[Key, list[AlertLane]] = {}
    for lane in since_steady(found, drill):
        series.setdefault((lane.alert, lane.labels.get(SEVERITY, ""), lane.evaluator), []).append(lane)
    ordered = sorted(series.items(), key=lambda item: (item[0][1] == HEARTBEAT, _began_s(item[1])))
    rows = [_row(key, lanes, drill, canvas, most) for key, lanes in ordered[: most.alerts]]
    note = " ".join(_note(found, drill, len(ordered), most))
    return Group("Alerts", tuple(rows), note, LEGEND if rows else ())


def _began_s(lanes: Sequence[AlertLane]) -> tuple[float, float]:
    """When the first of these fired, and when the first was pending."""
    fired = min((start for lane in lanes for start, _ in lane.firing), default=_NEVER)
    return fired, min((start for lane in lanes for start, _ in lane.pending), default=_NEVER)


def _note(found: Watched, drill: Timeline, alerts: int, most: Limits) -> Iterator[str]:
    """How fast the rules ran, how far off a moment may be, when a slow fault was done, and what is not drawn."""
    if found.loaded is not None:
        speed, off_s = found.loaded.speed, found.loaded.off_by_s
        ran = "Rules ran as they are written"
        if speed != 1:
            ran = (
                f"Rules ran {speed:g} times as fast as they are written: 1 s here stands for {span(speed)} of real time"
            )
        real = "" if speed == 1 else f", which is {span(off_s * speed)} of real time"
        yield f"{ran}. {f'A moment may be off by {seconds(off_s)}{real}' if off_s else 'Moments are exact'}."
        if drill.full is not None:
            yield f"The volume was filled slowly, and full at {offset(drill.full.s)}."
        if found.loaded.not_inside:
            yield f"The drilled Prometheus did not evaluate the rules: {redact_lines(found.loaded.not_inside)}."
    if found.unknown:
        yield f"Alerts could not be watched to the end: {redact_lines(found.unknown)}."
    if not alerts:
        yield "No alert was pending, and none fired."
    if alerts > most.alerts:
        yield f"Not drawn, but in the log below: {count(alerts - most.alerts, 'more alert')}."


def _row(key: Key, lanes: Sequence[AlertLane], drill: Timeline, canvas: Canvas, most: Limits) -> LaneRow:
    name, severity, evaluator = key
    drawing, length_s = canvas.lane(), drill.length_s
    drawing.bars("pending", [span for lane in lanes for span in _until(lane.pending, length_s)])
    drawing.bars("firing", [span for lane in lanes for span in _until(lane.firing, length_s)])
    notified = [lane.notified_s for lane in lanes if lane.notified_s is not None]
    drawing.dots("told", [(min(notified), 0.5)] if notified else [])
    label = name if len(lanes) == 1 else f"{name} (x{len(lanes)})"
    return LaneRow(label, _told(lanes, length_s, most), str(evaluator), note=_remark(lanes, severity, drill))


def _until(periods: Sequence[tuple[float, float | None]], length_s: float) -> Iterator[tuple[float, float]]:
    """The periods with their ends, the drill's where there is none."""
    for start, end in periods:
        yield start, length_s if end is None else end


def _remark(lanes: Sequence[AlertLane], severity: str, drill: Timeline) -> str:
    """What the drawing alone does not tell."""
    fired = [start for lane in lanes for start, _ in lane.firing]
    if severity == HEARTBEAT:
        return "its absence tells"
    if not fired:
        return "pending only"
    said = ["false alarm: fired before the fault"] if drill.faults and min(fired) < drill.faults[0].began.s else []
    said += [] if any(lane.notified_s is not None for lane in lanes) else ["nobody was told"]
    return "; ".join(said)


def _told(lanes: Sequence[AlertLane], length_s: float, most: Limits) -> str:
    """The labels that all have alike, and each series in words, as far as there is space."""
    alike = dict(_pairs(lanes))
    said = [_labels(alike), *(_series(lane, alike, length_s) for lane in lanes[:MOST_SERIES])]
    if len(lanes) > MOST_SERIES:
        said.append(f"And {len(lanes) - MOST_SERIES} more.")
    each = max(1, most.detail // 2)  # for each, so that one that says much does not hide the others
    return "\n".join(textwrap.shorten(redact_lines(text), each, placeholder=" …") for text in said if text)


def _pairs(lanes: Sequence[AlertLane]) -> set[tuple[str, str]]:
    """The labels that all of these have, with the same value."""
    return set.intersection(*(set(lane.labels.items()) for lane in lanes))


def _series(lane: AlertLane, alike: Mapping[str, str], length_s: float) -> str:
    """One set of labels: those that others do not have, when it was what, who was told, its value, its summary."""
    told = [f"pending from {offset(start)} to {offset(end)}" for start, end in _until(lane.pending, length_s)]
    told += [f"fires from {offset(start)} to {offset(end)}" for start, end in _until(lane.firing, length_s)]
    if lane.notified_s is not None:
        told.append(f"first notification at {offset(lane.notified_s)} to {', '.join(lane.receivers)}")
    elif lane.firing:
        told.append(f"nobody was told: {'; '.join(lane.muted_by) or 'no notification came'}")
    told += [f"value {_figure(lane.value)}"] if lane.value else []
    own = _labels({name: value for name, value in lane.labels.items() if name not in alike})
    return f"{own} {lane.summary} {'; '.join(told)}.".strip()


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{pairs}}}" if pairs else ""


def _figure(value: str) -> str:
    """A value for people; as it is where it is no number."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value

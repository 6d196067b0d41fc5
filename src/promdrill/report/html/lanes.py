"""The rows of a drill's timeline: what it did, what it judged, and what its pods did, each over the same seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from promdrill.core.events import Ending
from promdrill.core.model import PhaseName
from promdrill.report.html.draw import Canvas, Svg
from promdrill.results.timeline.drill import Lane, PodLane, PodState, Span, Timeline
from promdrill.results.words import count, offset, seconds

PHASES = frozenset(str(name) for name in PhaseName)

WIDE_ENOUGH = 0.03
"""Share of the width from which a phase's bar gets its name; the style sheet hides what does not fit."""

MOST_LANES = 40
"""Most conditions, and most containers, that are drawn: no drill has as many, and nobody would read more."""

_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Label:
    """Words over a drawing: its left edge and width in percent of the drawing, and what kind it is."""

    left: float
    width: float
    text: str
    kind: str = ""


@dataclass(slots=True)
class LaneRow:
    """One row.

    Attributes:
        label: At its left.
        figure: At its right; empty for nothing.
        told: The drawing in words.
        labels: Over the drawing.
        scale: (percent from the top, text) of a chart's own scale.
        kind: ``lane``, ``phases`` or ``chart``.
        note: Below the label.
        svg: The drawing, once it is drawn.
    """

    label: str
    told: str
    figure: str = ""
    labels: list[Label] = field(default_factory=list)
    scale: list[tuple[float, str]] = field(default_factory=list)
    kind: str = "lane"
    note: str = ""
    svg: Svg = field(default_factory=lambda: Svg("", ()))


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading.

    Attributes:
        title: The heading.
        rows: The rows.
        note: What readers have to know about them.
        legend: (class, words) of what is drawn in these rows only.
    """

    title: str
    rows: tuple[LaneRow, ...]
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()


def ticks(length_s: float) -> list[tuple[float, str]]:
    """The ticks of the axis: percent of the width, and the moment."""
    step = next((step for step in _TICKS_S if length_s / step <= _MOST_TICKS), _TICKS_S[-1])
    moments = [step * number for number in range(int(length_s // step) + 1)]
    return [(percent(t, length_s), f"{t // 60}:{t % 60:02d}") for t in moments if not t or t < length_s * 0.97]


def percent(t: float, length_s: float) -> float:
    """A moment in percent of the width."""
    return round(100 * min(1.0, max(0.0, t / max(length_s, 0.1))), 2)


def course(drill: Timeline, canvas: Canvas) -> Group:
    """Phases, faults, stages and steps."""
    rows = [_phases(drill, canvas)]
    if drill.faults:
        rows.append(_spans("Injected fault", drill, drill.faults, canvas, "fault"))
    if drill.stages:
        rows.append(_spans("Stages of the signature", drill, drill.stages, canvas, "stage"))
    if drill.ended_steps:
        rows.append(_steps(drill, canvas))
    return Group("Course", tuple(rows))


def conditions(drill: Timeline, canvas: Canvas) -> Group:
    """The conditions that changed while they were judged, or did not hold at the end; others are only counted."""
    told = [lane for lane in drill.lanes.values() if lane.changes or lane.missing]
    rows = [_condition(lane, drill.length_s, canvas) for lane in told[:MOST_LANES]]
    others = len(drill.lanes) - len(rows)
    note = f"{count(others, 'more condition')} did not change while judged; the log below has them." if others else ""
    return Group("Conditions", tuple(rows), note)


def pods(drill: Timeline, canvas: Canvas) -> Group:
    """Containers of pods."""
    rows = [_pod(lane, drill.length_s, canvas) for lane in drill.containers[:MOST_LANES]]
    return Group("Pods and containers", tuple(rows))


def _phases(drill: Timeline, canvas: Canvas) -> LaneRow:
    drawing, labels, told = canvas.lane(), [], []
    for span in drill.phases:
        name = span.name if span.name in PHASES else str(PhaseName.UNDO)
        start_s, end_s = span.began.s, drill.end_s(span)
        drawing.bars(f"ph-{name}", [(start_s, end_s)])
        left, right = percent(start_s, canvas.length), percent(end_s, canvas.length)
        if right - left >= 100 * WIDE_ENOUGH:
            labels.append(Label(left, round(right - left, 2), span.name, "ph"))
        how = "" if span.how is Ending.DONE else f", {span.how or 'not ended'}"
        told.append(f"{span.name} from {offset(start_s)} to {offset(end_s)}{how}")
    return LaneRow("Phases", _told(told), seconds(drill.length_s), labels, kind="phases")


def _spans(label: str, drill: Timeline, spans: Sequence[Span], canvas: Canvas, kind: str) -> LaneRow:
    drawing = canvas.lane()
    drawing.bars(kind, [(span.began.s, drill.end_s(span)) for span in spans if span.ended is not None])
    drawing.bars(f"{kind} open", [(span.began.s, drill.end_s(span)) for span in spans if span.ended is None])
    ended = "seen" if kind == "stage" else "confirmed"
    told = []
    for span in spans:
        how = ended if span.ended is not None else f"not {ended}"
        told.append(f"{span.name}: from {offset(span.began.s)}, {how} by {offset(drill.end_s(span))}")
    return LaneRow(label, _told(told), f"at {offset(spans[0].began.s)}")


def _steps(drill: Timeline, canvas: Canvas) -> LaneRow:
    drawing = canvas.lane()
    bars = [(step.began.s, step.began.s + record.took_s, record) for step, record in drill.ended_steps]
    for parity in (0, 1):
        good = [bar[:2] for at, bar in enumerate(bars) if at % 2 == parity and bar[2].exit_code == 0]
        drawing.bars(f"step{parity}", good)
    drawing.bars("bad", [bar[:2] for bar in bars if bar[2].exit_code != 0])
    told = [
        f"{record.section}, line {record.line}: {offset(start_s)} to {offset(end_s)}, "
        + ("ended at its deadline" if record.exit_code is None else f"exit code {record.exit_code}")
        for start_s, end_s, record in bars
    ]
    return LaneRow("Runbook steps", _told(told), count(len(bars), "step"))


def _condition(lane: Lane, length_s: float, canvas: Canvas) -> LaneRow:
    drawing, spans = canvas.lane(), lane.until(length_s)
    drawing.bars("no", [(start, end) for start, end, holds in spans if not holds])
    drawing.bars("ok", [(start, end) for start, end, holds in spans if holds])
    drawing.dots("seen", [(t, 0.5) for t in lane.changes])
    told = [
        f"{'held' if holds else 'did not hold'} from {offset(start)} to {offset(end)}"
        for start, end, holds in _joined(spans)
    ]
    note = "did not hold at the end of its wait" if lane.missing else ""
    return LaneRow(lane.name, _told(told), lane.kind, note=note)


def _joined(spans: Sequence[tuple[float, float, bool]]) -> list[tuple[float, float, bool]]:
    out: list[tuple[float, float, bool]] = []
    for start, end, holds in spans:
        if out and out[-1][2] == holds and start <= out[-1][1]:
            out[-1] = (out[-1][0], end, holds)
        else:
            out.append((start, end, holds))
    return out


def _pod(lane: PodLane, length_s: float, canvas: Canvas) -> LaneRow:
    drawing, spans = canvas.lane(), lane.until(length_s)
    for state in PodState:
        drawing.bars(state, [(start, end) for start, end, found, _ in spans if found is state])
    told = [f"{words} from {offset(start)} to {offset(end)}" for start, end, _, words in spans]
    ending = lane.pod.rsplit("-", 1)[-1]
    label = f"{lane.container} · {ending}" if lane.container else lane.pod
    figure = count(lane.restarts, "restart") if lane.restarts else ""
    return LaneRow(label, f"Pod {lane.pod}. {_told(told)}", figure)


def _told(parts: Sequence[str], most: int = 24) -> str:
    more = f"; and {len(parts) - most} more" if len(parts) > most else ""
    return ("; ".join(parts[:most]) + more) or "nothing"

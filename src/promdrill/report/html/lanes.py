"""The rows of a drill's timeline: what it did, what it judged, and what its pods did, each over the same seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from promdrill.core.model import PhaseName
from promdrill.report.html import sightings
from promdrill.report.html.draw import Canvas, Picture, Svg
from promdrill.report.html.sightings import PodLane
from promdrill.report.html.story import Lane, Span, Story
from promdrill.report.html.words import count, offset, seconds

PHASES = frozenset(str(name) for name in PhaseName)

WIDE_ENOUGH = 0.03
"""Part of the width from which on a phase's bar gets its name; the style sheet hides what does not fit."""

MOST_LANES = 40
"""Conditions, and containers, that are drawn: no drill has as many, and beyond it nobody would look."""

_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Label:
    """Words over a picture: its left edge and width in percent of the picture, and what kind it is."""

    left: float
    width: float
    text: str
    kind: str = ""


@dataclass(slots=True)
class Row:
    """One row.

    Attributes:
        label: At its left.
        figure: At its right; empty for nothing.
        told: The picture in words.
        labels: Over the picture.
        scale: (percent from the top, text) of a chart's own scale.
        kind: ``lane``, ``phases`` or ``chart``.
        note: Below the label.
        svg: The picture, once it is drawn.
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
    """Rows under one heading; `note` says what a reader has to know about them."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


def ticks(length_s: float) -> list[tuple[float, str]]:
    """Moments for the axis of seconds: percent of the width, and the moment."""
    step = next((step for step in _TICKS_S if length_s / step <= _MOST_TICKS), _TICKS_S[-1])
    moments = [step * number for number in range(int(length_s // step) + 1)]
    return [(percent(t, length_s), f"{t // 60}:{t % 60:02d}") for t in moments if not t or t < length_s * 0.97]


def percent(t: float, length_s: float) -> float:
    """A moment in percent of the width."""
    return round(100 * min(1.0, max(0.0, t / max(length_s, 0.1))), 2)


def course(story: Story, canvas: Canvas) -> Group:
    """Phases, faults, stages and steps."""
    rows = [_phases(story, canvas)]
    if story.faults:
        rows.append(_spans("Injected fault", story.faults, canvas, "fault"))
    if story.stages:
        rows.append(_spans("Stages of the signature", story.stages, canvas, "stage"))
    if story.steps:
        rows.append(_steps(story, canvas))
    return Group("Course", tuple(rows))


def conditions(story: Story, canvas: Canvas) -> Group:
    """The conditions that changed while they were judged, or were missing at the end; others are only counted."""
    told = [lane for lane in story.lanes if lane.seen or lane.missing]
    rows = [_condition(lane, canvas) for lane in told[:MOST_LANES]]
    others = len(story.lanes) - len(rows)
    note = f"{count(others, 'more condition')} did not change while judged; the log below has them." if others else ""
    return Group("Conditions", tuple(rows), note)


def pods(story: Story, canvas: Canvas) -> Group:
    """Containers of pods."""
    found = sightings.pods(story)
    rows = [_pod(lane, canvas) for lane in found[:MOST_LANES]]
    exact = all(lane.exact for lane in found)
    note = "" if exact else "Dots: moments at which a condition said so. This journal does not follow pods in between."
    return Group("Pods and containers", tuple(rows), note)


def _phases(story: Story, canvas: Canvas) -> Row:
    picture, labels, told = canvas.lane(), [], []
    for span in story.phases:
        name = span.name if span.name in PHASES else str(PhaseName.UNDO)
        picture.bars(f"ph-{name}", [(span.start_s, span.end_s)])
        left, right = percent(span.start_s, canvas.length), percent(span.end_s, canvas.length)
        if right - left >= 100 * WIDE_ENOUGH:
            labels.append(Label(left, round(right - left, 2), span.name, "ph"))
        how = "" if span.ended == "done" else f", {'cut short' if span.ended == 'cut short' else 'not ended'}"
        told.append(f"{span.name} from {offset(span.start_s)} to {offset(span.end_s)}{how}")
    return Row("Phases", _told(told), seconds(story.length_s), labels, kind="phases")


def _spans(label: str, spans: Sequence[Span], canvas: Canvas, kind: str) -> Row:
    picture = canvas.lane()
    picture.bars(kind, [(span.start_s, span.end_s) for span in spans if span.ended == "done"])
    picture.bars(f"{kind} open", [(span.start_s, span.end_s) for span in spans if span.ended != "done"])
    ended = "seen" if kind == "stage" else "confirmed"
    told = []
    for span in spans:
        how = ended if span.ended == "done" else f"not {ended}"
        told.append(f"{span.name}: from {offset(span.start_s)}, {how} by {offset(span.end_s)}")
    return Row(label, _told(told), f"at {offset(spans[0].start_s)}")


def _steps(story: Story, canvas: Canvas) -> Row:
    picture = canvas.lane()
    for parity in (0, 1):
        good = [step for at, step in enumerate(story.steps) if at % 2 == parity and step.exit_code == 0]
        picture.bars(f"step{parity}", [(step.start_s, step.end_s) for step in good])
    picture.bars("bad", [(step.start_s, step.end_s) for step in story.steps if step.exit_code != 0])
    told = [
        f"{step.section}, line {step.line}: {offset(step.start_s)} to {offset(step.end_s)}, "
        + ("ended at its deadline" if step.exit_code is None else f"exit code {step.exit_code}")
        for step in story.steps
    ]
    return Row("Runbook steps", _told(told), count(len(story.steps), "step"))


def _condition(lane: Lane, canvas: Canvas) -> Row:
    picture = canvas.lane()
    picture.bars("no", [(start, end) for start, end, holds in lane.spans if not holds])
    picture.bars("ok", [(start, end) for start, end, holds in lane.spans if holds])
    picture.dots("seen", [(t, 0.5) for t in lane.seen])
    told = [
        f"{'held' if holds else 'did not hold'} from {offset(start)} to {offset(end)}"
        for start, end, holds in _joined(lane.spans)
    ]
    note = "missing at the end of its wait" if lane.missing else ""
    return Row(lane.name, _told(told), lane.kind, note=note)


def _joined(spans: Sequence[tuple[float, float, bool]]) -> list[tuple[float, float, bool]]:
    out: list[tuple[float, float, bool]] = []
    for start, end, holds in spans:
        if out and out[-1][2] == holds and start <= out[-1][1]:
            out[-1] = (out[-1][0], end, holds)
        else:
            out.append((start, end, holds))
    return out


def _pod(lane: PodLane, canvas: Canvas) -> Row:
    picture = canvas.lane()
    if lane.exact:
        _containers(lane, picture)
    else:
        for state in ("ready", "up", "wait", "bad", "off"):
            picture.dots(f"p-{state}", [(span[0], 0.5) for span in lane.spans if span[2] == state])
    told = [
        f"{words} from {offset(start)} to {offset(end)}" if lane.exact else f"{words} at {offset(start)}"
        for start, end, _, words in lane.spans
    ]
    ending = lane.pod.rsplit("-", 1)[-1]
    label = f"{lane.container} · {ending}" if lane.container else lane.pod
    figure = count(lane.restarts, "restart") if lane.restarts else ""
    return Row(label, f"Pod {lane.pod}. {_told(told)}", figure)


def _containers(lane: PodLane, picture: Picture) -> None:
    for state in ("ready", "up", "wait", "bad", "off"):
        picture.bars(state, [(start, end) for start, end, found, _ in lane.spans if found == state])


def _told(parts: Sequence[str], most: int = 24) -> str:
    more = f"; and {len(parts) - most} more" if len(parts) > most else ""
    return ("; ".join(parts[:most]) + more) or "nothing"

"""The charts of a drill: how full its volume was, and how old the newest sample was, with the gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from promdrill.report.html.draw import Canvas, Drawing, stepped, thinned, ticks
from promdrill.report.html.lanes import Group, Label, LaneRow, percent
from promdrill.results.timeline.drill import Fill, Gap, Timeline
from promdrill.results.words import offset, seconds, size

LEAST_TOP_S = 5.0
"""Least end of the scale of ages: otherwise the usual ages of up to a second would fill it."""

_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def charts(drill: Timeline, canvas: Canvas) -> Group:
    """Volume and samples, as far as the journal has them."""
    rows, absent = [], []
    fills = _fills(drill)
    if fills:
        rows.append(_volume(fills, canvas))
    else:
        absent.append("the volume's fill")
    ages = [(age.when.s, age.age_s) for age in drill.ages if age.age_s is not None]
    if ages or drill.gaps:
        rows.append(_samples(ages, drill.gaps, canvas))
    else:
        absent.append("the samples' age")
    note = f"This journal does not have {' or '.join(absent)}." if absent else ""
    return Group("Volume and samples", tuple(rows), note)


def _fills(drill: Timeline) -> list[Fill]:
    """Those of one volume, the one that was measured most often."""
    paths = Counter(fill.path for fill in drill.fills)
    most = max(paths, key=lambda path: paths[path], default="")
    return [fill for fill in drill.fills if fill.path == most]


def _volume(fills: Sequence[Fill], canvas: Canvas) -> LaneRow:
    most = max(max(fill.size_bytes, fill.used_bytes) for fill in fills)
    unit, bytes_each = next(((name, each) for name, each in _UNITS if most >= each), ("B", 1))
    scale = ticks(most / bytes_each)
    drawing = canvas.chart(scale[-1])
    used = [(fill.when.s, fill.used_bytes / bytes_each) for fill in fills]
    room = [(fill.when.s, fill.size_bytes / bytes_each) for fill in fills]
    _grid(drawing, scale, canvas)
    line = stepped(thinned(used), canvas.length)
    drawing.area("fill", line)
    drawing.line("curve", line)
    drawing.line("limit", stepped(thinned(room), canvas.length))
    fullest, last = max(fills, key=lambda fill: fill.used_bytes / fill.size_bytes), fills[-1]
    told = (
        f"At its fullest, at {offset(fullest.when.s)}, {size(fullest.used_bytes)} of {size(fullest.size_bytes)} "
        f"were used; at {offset(last.when.s)} it was {size(last.used_bytes)} of {size(last.size_bytes)}."
    )
    return LaneRow(
        f"Volume, {unit} used",
        told,
        f"{fullest.used_bytes / fullest.size_bytes:.0%} at most",
        scale=_labels(scale),
        kind="chart",
        note="Dashed: its size.",
    )


def _samples(ages: Sequence[tuple[float, float]], gaps: Sequence[Gap], canvas: Canvas) -> LaneRow:
    scale = ticks(max([LEAST_TOP_S, *(age_s for _, age_s in ages)]))
    drawing = canvas.chart(scale[-1])
    widest = max(gaps, key=lambda gap: gap.end_s - gap.start_s, default=None)
    labels = []
    if widest is not None:
        drawing.area("gap", [(widest.start_s, scale[-1]), (widest.end_s, scale[-1])])
        labels.append(_gap_label(widest, canvas))
    _grid(drawing, scale, canvas)
    drawing.line("curve", thinned(ages))
    words = [_gap_words(widest)] if widest else ["No gap is known."]
    if ages:
        oldest = max(ages, key=lambda point: point[1])
        words.append(f"The greatest age asked for was {seconds(oldest[1])}, at {offset(oldest[0])}.")
    figure = f"gap {seconds(widest.end_s - widest.start_s)}" if widest else ""
    return LaneRow("Age of the newest sample, s", " ".join(words), figure, labels, _labels(scale), "chart")


def _gap_words(gap: Gap) -> str:
    took = seconds(gap.end_s - gap.start_s)
    return f"No sample of job {gap.job} from {offset(gap.start_s)} to {offset(gap.end_s)}: {took}."


def _gap_label(gap: Gap, canvas: Canvas) -> Label:
    left, right = percent(gap.start_s, canvas.length), percent(gap.end_s, canvas.length)
    return Label(left, round(right - left, 2), f"gap {seconds(gap.end_s - gap.start_s)}", "gap")


def _grid(drawing: Drawing, scale: list[float], canvas: Canvas) -> None:
    for tick in scale[:-1]:
        drawing.line("grid", [(0.0, tick), (canvas.length, tick)])


def _labels(scale: list[float]) -> list[tuple[float, str]]:
    return [(round(100 - 100 * tick / scale[-1], 1), f"{tick:g}") for tick in scale]

"""The charts of a drill: how full its volume was, and how old the newest sample, with the gap."""

from __future__ import annotations

import itertools

from promdrill.report.html import sightings
from promdrill.report.html.draw import (
    Canvas,
    Picture,
    stepped,
    thinned,
    ticks,
)
from promdrill.report.html.lanes import (
    Group,
    Label,
    Row,
    percent,
)
from promdrill.report.html.sightings import Fill, Gap, Samples
from promdrill.report.html.story import Story
from promdrill.report.html.words import offset, seconds, size

LEAST_TOP_S = 5.0
"""End of the scale of ages where nothing was older: the usual ages of up to a second would fill it otherwise."""

SAID = "Dots: moments at which a condition said so."

_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def charts(story: Story, canvas: Canvas) -> Group:
    """Volume and samples, as far as the journal tells of them."""
    rows, absent = [], []
    fills, exact = sightings.volume(story)
    if fills:
        rows.append(_volume(fills, canvas, exact=exact))
    else:
        absent.append("the volume's fill")
    samples = sightings.samples(story)
    if samples.ages or samples.runs:
        rows.append(_samples(samples, canvas))
    else:
        absent.append("the samples' age")
    note = f"This journal does not tell {' or '.join(absent)}." if absent else ""
    return Group("Volume and samples", tuple(rows), note)


def _volume(fills: list[Fill], canvas: Canvas, *, exact: bool) -> Row:
    most = max(max(fill.size_bytes, fill.used_bytes) for fill in fills)
    unit, bytes_each = next(((name, each) for name, each in _UNITS if most >= each), ("B", 1))
    scale = ticks(most / bytes_each)
    picture = canvas.chart(scale[-1])
    used = [(fill.t, fill.used_bytes / bytes_each) for fill in fills]
    room = [(fill.t, fill.size_bytes / bytes_each) for fill in fills]
    _grid(picture, scale, canvas)
    if exact:
        line = stepped(thinned(used), canvas.length)
        picture.area("fill", line)
        picture.line("curve", line)
    else:
        picture.line("guess", used)
        picture.dots("dot", used)
    picture.line("limit", stepped(thinned(room), canvas.length))
    fullest, last = max(fills, key=lambda fill: fill.used_bytes / fill.size_bytes), fills[-1]
    told = (
        f"At its fullest, at {offset(fullest.t)}, {size(fullest.used_bytes)} of {size(fullest.size_bytes)} were used; "
        f"at {offset(last.t)} it was {size(last.used_bytes)} of {size(last.size_bytes)}."
    )
    return Row(
        f"Volume, {unit} used",
        told,
        f"{fullest.used_bytes / fullest.size_bytes:.0%} at most",
        scale=_labels(scale),
        kind="chart",
        note="Dashed: its size." if exact else f"Dashed: its size. {SAID}",
    )


def _samples(samples: Samples, canvas: Canvas) -> Row:
    job, ramp = _ramp(samples)
    told = [t for _, t in (*samples.ages, *ramp)] + [gap.end_s - gap.start_s for gap in samples.gaps if not gap.exact]
    scale = ticks(max([LEAST_TOP_S, *told]))
    picture = canvas.chart(scale[-1])
    widest = max(samples.gaps, key=lambda gap: gap.end_s - gap.start_s, default=None)
    labels = []
    if widest is not None:
        picture.area("gap", [(widest.start_s, scale[-1]), (widest.end_s, scale[-1])])
        labels.append(_gap_label(widest, canvas))
    _grid(picture, scale, canvas)
    if ramp:
        picture.line("stored", thinned(ramp))
    if samples.exact:
        picture.line("curve", thinned(samples.ages))
    else:
        picture.dots("dot", samples.ages)
    words = [_gap_words(widest)] if widest else ["No gap is known."]
    if samples.ages:
        oldest = max(samples.ages, key=lambda point: point[1])
        words.append(f"The greatest age asked for was {seconds(oldest[1])}, at {offset(oldest[0])}.")
    notes = [SAID] if samples.ages and not samples.exact else []
    if ramp:
        notes.append(f"Thin line: from the stored samples of job {job}.")
    if widest is not None and not widest.exact:
        notes.append("The gap is placed by the oldest age seen.")
    figure = f"gap {seconds(widest.end_s - widest.start_s)}" if widest else ""
    return Row("Age of the newest sample, s", " ".join(words), figure, labels, _labels(scale), "chart", " ".join(notes))


def _ramp(samples: Samples) -> tuple[str, list[tuple[float, float]]]:
    """The job with the longest gap, and its age over time from the stretches of its stored samples."""
    if not samples.runs:
        return "", []
    lost = {job: max((b[0] - a[1] for a, b in itertools.pairwise(runs)), default=0.0) for job, runs in samples.runs}
    job, runs = max(samples.runs, key=lambda item: lost[item[0]])
    points: list[tuple[float, float]] = []
    for first, last in runs:
        if points:
            points.append((first, first - points[-1][0]))
        points += [(first, 0.0), (last, 0.0)]
    return job, points


def _gap_words(gap: Gap) -> str:
    job = f" of job {gap.job}" if gap.job else ""
    return f"No sample{job} from {offset(gap.start_s)} to {offset(gap.end_s)}: {seconds(gap.end_s - gap.start_s)}."


def _gap_label(gap: Gap, canvas: Canvas) -> Label:
    left, right = percent(gap.start_s, canvas.length), percent(gap.end_s, canvas.length)
    return Label(left, round(right - left, 2), f"gap {seconds(gap.end_s - gap.start_s)}", "gap")


def _grid(picture: Picture, scale: list[float], canvas: Canvas) -> None:
    for tick in scale[:-1]:
        picture.line("grid", [(0.0, tick), (canvas.length, tick)])


def _labels(scale: list[float]) -> list[tuple[float, str]]:
    return [(round(100 - 100 * tick / scale[-1], 1), f"{tick:g}") for tick in scale]

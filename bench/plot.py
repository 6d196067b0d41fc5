"""A growth as a picture: the work over the size of its input, both axes logarithmic, beside a line of linear growth.

It is SVG that stands for itself, with its own colours on white, so that it is readable wherever it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from xml.sax.saxutils import escape

from bench.record import Growth
from promdrill.report.html.draw import path_data

WIDTH, HEIGHT = 640, 400
"""Units, and pixels, of the whole picture."""

LEFT, RIGHT, TOP, BOTTOM = 90, 20, 46, 60
"""Units between its edges and the axes."""

STYLE = """\
text { font: 14px sans-serif; fill: #222 }
text.title { font-size: 16px; font-weight: bold }
path { fill: none }
path.grid { stroke: #ddd }
path.linear { stroke: #888; stroke-width: 1.5; stroke-dasharray: 6 5 }
path.work { stroke: #0b62a4; stroke-width: 2.5 }
path.spread { stroke: #0b62a4 }
circle { fill: #0b62a4 }"""


class Axis:
    """A logarithmic axis, from the power of ten below the least value to that above the most.

    Args:
        values: What it must hold, all above zero.
        start: Where its lower end is, in units.
        end: Where its upper end is.
    """

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._least = math.floor(math.log10(min(values)))
        self._most = max(math.ceil(math.log10(max(values))), self._least + 1)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """Where a value is, in units."""
        share = (math.log10(value) - self._least) / (self._most - self._least)
        return self._start + share * (self._end - self._start)

    @property
    def powers(self) -> list[float]:
        """The powers of ten on it, both ends included."""
        return [10.0**power for power in range(self._least, self._most + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a picture shows.

    Attributes:
        title: Above it.
        about: What it shows, for those who cannot see it.
        across: What grows, below the axis.
        up: The figure and its unit, beside the axis.
        unit: After each figure at that axis; empty for none.
        points: Each size with its samples, in ascending order; all above zero.
        ticks: Sizes to name at the axis; powers of ten without any.
    """

    title: str
    about: str
    across: str
    up: str
    unit: str
    points: Sequence[tuple[float, Sequence[float]]]
    ticks: Sequence[float] = ()


def picture(growth: Growth, floor_s: float) -> str:
    """The picture of a growth's processor time.

    Args:
        growth: What was measured; sizes that took no time are left out, and at least one took some.
        floor_s: As for `bench.fit.work`.
    """
    found = [(point.size, sorted(took_s - floor_s for took_s in point.cpu_s)) for point in growth.points]
    drawn = Drawn(
        title=growth.what,
        about=f"{growth.what}: processor time by number of {growth.of}",
        across=growth.of,
        up="processor time, s",
        unit=" s",
        points=[(size, samples) for size, samples in found if samples[0] > 0],
    )
    return chart(drawn)


def chart(drawn: Drawn) -> str:
    """The picture: median, least and most of each size."""
    told = [(size, sorted(samples)) for size, samples in drawn.points]
    first, (last, _) = told[0], told[-1]
    linear = [(size, median(first[1]) * size / first[0]) for size in (first[0], last)]
    across = Axis([size for size, _ in told], LEFT, WIDTH - RIGHT)
    up = Axis([*(figure for _, samples in told for figure in samples), linear[1][1]], HEIGHT - BOTTOM, TOP)
    parts = [
        *_frame(drawn, across, up),
        *path("linear", [(across.at(size), up.at(figure)) for size, figure in linear]),
        *path("work", [(across.at(size), up.at(median(samples))) for size, samples in told]),
    ]
    for size, samples in told:
        x = across.at(size)
        parts += path("spread", [(x, up.at(samples[0])), (x, up.at(samples[-1]))])
        parts.append(f'<circle cx="{x:.1f}" cy="{up.at(median(samples)):.1f}" r="4"/>')
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    body = "\n".join(parts)
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return f'<svg {box} role="img">\n<style>\n{STYLE}\n</style>\n{ground}\n{body}\n</svg>\n'


def _frame(drawn: Drawn, across: Axis, up: Axis) -> Iterator[str]:
    """The title, the axes with their units, and their grid."""
    yield f"<title>{escape(drawn.about)}</title>"
    yield text(WIDTH / 2, 26, drawn.title, "middle", "title")
    for value in up.powers:
        y = up.at(value)
        yield from path("grid", [(LEFT, y), (WIDTH - RIGHT, y)])
        yield text(LEFT - 8, y + 5, f"{value:g}{drawn.unit}", "end")
    for value in drawn.ticks or across.powers:
        x = across.at(value)
        yield from path("grid", [(x, TOP), (x, HEIGHT - BOTTOM)])
        yield text(x, HEIGHT - BOTTOM + 22, f"{value:g}", "middle")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, f"{drawn.across} (dashed: linear growth)", "middle")
    x, y = 20, (TOP + HEIGHT - BOTTOM) / 2
    turned = f'text-anchor="middle" transform="rotate(-90 {x} {y:g})"'
    yield f'<text x="{x}" y="{y:g}" {turned}>{escape(drawn.up)}</text>'


def path(kind: str, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    """A line through these points, of a class of `STYLE`."""
    yield f'<path class="{kind}" d="{path_data(points)}"/>'


def text(x: float, y: float, words: str, anchor: str, kind: str = "label") -> str:
    """Words that start, have their middle or end at a point."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'

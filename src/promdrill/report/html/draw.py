"""Drawing: shapes over the seconds of a drill, as SVG paths that the page colours, labels and stretches.

A canvas is `WIDTH` units wide and holds drawings one below the other: a lane for each row of the timeline, and charts
with scales of their own. Each drawing is a `viewBox` and a few paths with one class each. Colours come from the style
sheet, for light and dark. Words are HTML beside the drawings, so that they stay readable when a drawing is stretched to
the width of a phone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

WIDTH = 1000
"""Units of a drawing's width, whatever its width on the screen."""

LANE = 20
"""Units, and pixels on the screen, of a lane's height."""

CHART = 120
"""The same of a chart's."""

MOST_POINTS = 300
"""Points of one line: one for each three units of its width; more would hardly be visible."""

THINNEST = 2.0
"""Least width in units, however short something was."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Svg:
    """One drawing: its `viewBox`, and (class, path data) of its shapes from back to front."""

    box: str
    shapes: tuple[tuple[str, str], ...]

    @property
    def paths(self) -> Markup:
        """The shapes as elements."""
        paths = (f'<path class="{kind}" d="{data}"/>' for kind, data in self.shapes if data)
        return Markup("".join(paths))  # noqa: S704  our own classes, and figures


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape under construction.

    Attributes:
        kind: Its class.
        strokes: The points of each stroke, as (seconds, height).
        closed: Whether the last point of each stroke is joined to the first.
    """

    kind: str
    strokes: tuple[Points, ...]
    closed: bool = False


@dataclass(slots=True)
class Drawing:
    """A drawing under construction.

    Attributes:
        height: Units.
        top: Upper end of its scale; None for a lane.
        shapes: From back to front.
    """

    height: int
    top: float | None = None
    shapes: list[Shape] = field(default_factory=list)

    def down(self, y: float) -> float:
        """A height as a part of the drawing's, from its top: lanes count from there, scales from the bottom."""
        return y if self.top is None else 1 - y / self.top

    def bars(self, kind: str, spans: Iterable[tuple[float, float]], *, at: float = 0.5) -> None:
        """Horizontal bars in a lane, as strokes; `at` is the height within it, from 0 at the top to 1."""
        self._add(kind, [((start, at), (end, at)) for start, end in spans])

    def uprights(self, kind: str, moments: Iterable[float]) -> None:
        """Vertical strokes over the whole height."""
        top = self.top or 1.0
        self._add(kind, [((t, 0.0), (t, top)) for t in moments])

    def dots(self, kind: str, points: Iterable[tuple[float, float]]) -> None:
        """Round dots."""
        self._add(kind, [(point, point) for point in points])

    def line(self, kind: str, points: Points) -> None:
        """A line."""
        self._add(kind, [points] if points else [])

    def area(self, kind: str, points: Points) -> None:
        """The area between a line and zero."""
        around = [[(points[0][0], 0.0), *points, (points[-1][0], 0.0)]] if points else []
        self._add(kind, around, closed=True)

    def _add(self, kind: str, strokes: Sequence[Points], *, closed: bool = False) -> None:
        if strokes:
            self.shapes.append(Shape(kind, tuple(strokes), closed))


class Canvas:
    """Drawings that share one axis of seconds.

    Args:
        length: The time that the width stands for, in seconds.
    """

    def __init__(self, length: float) -> None:
        self.length = max(length, 0.1)
        self._drawings: list[Drawing] = []

    def lane(self) -> Drawing:
        """A new lane."""
        self._drawings.append(Drawing(LANE))
        return self._drawings[-1]

    def chart(self, top: float) -> Drawing:
        """A new chart with a scale from 0 to `top`."""
        self._drawings.append(Drawing(CHART, top))
        return self._drawings[-1]

    def render(self) -> list[Svg]:
        """All drawings, in the order in which they were begun."""
        out, offset = [], 0
        for drawing in self._drawings:
            shapes = tuple((shape.kind, self._path(drawing, shape, offset)) for shape in drawing.shapes)
            out.append(Svg(f"0 {offset} {WIDTH} {drawing.height}", shapes))
            offset += drawing.height
        return out

    def _path(self, drawing: Drawing, shape: Shape, offset: int) -> str:
        strokes: Iterable[Points] = shape.strokes
        if drawing.top is None and shape.kind not in _ROUND:
            strokes = _widened(shape.strokes, THINNEST * self.length / WIDTH, self.length)
        per_second, height, down, end = WIDTH / self.length, drawing.height, drawing.down, "z" if shape.closed else ""
        return "".join(
            [path_data([(x * per_second, offset + height * down(y)) for x, y in stroke]) + end for stroke in strokes]
        )


_ROUND = frozenset({"dot", "seen", "told", "p-ready", "p-up", "p-wait", "p-bad", "p-off"})
"""Classes of dots, which are not widened."""

_ROUNDING = 1 + 1e-9
"""Lets 0.3 be three times 0.1, in spite of binary fractions."""


def path_data(points: Points) -> str:
    """One stroke as SVG path data: one decimal, and H and V where a line is level or upright."""
    out: list[str] = []
    before_y, last_x, last_y = math.nan, "", ""
    for x, y in points:
        new_x = _short(x)
        new_y = last_y if y == before_y else _short(y)  # most lines are level
        if not out:
            out.append(f"M{new_x} {new_y}")
        elif new_y == last_y:
            out.append("h0" if new_x == last_x else f"H{new_x}")
        else:
            out.append(f"V{new_y}" if new_x == last_x else f"L{new_x} {new_y}")
        before_y, last_x, last_y = y, new_x, new_y
    return "".join(out)


def ticks(top: float, most: int = 4) -> list[float]:
    """Round figures from 0 up to `top` or just above, at equal distances.

    The distance is 1, 2, 2.5 or 5 times a power of ten: the smallest of these with at most `most` distances. These are
    the "nice numbers" of Paul Heckbert (Graphics Gems, 1990, page 61), with 2.5 added for quarters.

    Args:
        top: What the scale must reach; with 0 the scale goes to 1.
        most: Number of distances; there is one tick more.
    """
    if top <= 0:
        return [0.0, 1.0]
    power = math.floor(math.log10(top / most))
    steps = (factor * 10.0**exponent for exponent in (power, power + 1) for factor in (1, 2, 2.5, 5))
    step = next(step for step in steps if top / step <= most * _ROUNDING)
    return [round(step * number, 12) for number in range(math.ceil(top / step / _ROUNDING) + 1)]


def thinned(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """The points that shape a line, at most about `most`: the lowest and the highest of each stretch."""
    if len(points) <= most:
        return list(points)
    per = -(-len(points) * 2 // most)
    out: list[tuple[float, float]] = [points[0]]
    for start in range(0, len(points), per):
        part = points[start : start + per]
        ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        out += sorted(ends)
    return [*out, points[-1]]


def stepped(points: Points, until: float) -> list[tuple[float, float]]:
    """Points joined so that each value lasts until the next, the last until `until`."""
    out: list[tuple[float, float]] = []
    for x, y in points:
        if out:
            out.append((x, out[-1][1]))
        out.append((x, y))
    return [*out, (max(until, out[-1][0]), out[-1][1])] if out else []


def _widened(strokes: Iterable[Points], least: float, length: float) -> Iterator[Points]:
    """Bars with their least width, inside the drawing; other strokes are only moved inside."""
    for (x0, y0), (x1, y1) in strokes:
        end = max(x1, x0 + least) if y0 == y1 else x1
        over = max(0.0, end - length)
        yield (x0 - over, y0), (end - over, y1)


def _short(value: float) -> str:
    text = f"{value:.1f}"
    if text[-1] != "0":
        return text
    return text[:-2] if text != "-0.0" else "0"

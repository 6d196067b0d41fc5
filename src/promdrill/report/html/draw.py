"""Drawing by matplotlib: shapes over the seconds of a drill, as SVG paths that the page colours, labels and stretches.

A canvas is one figure of matplotlib's, `WIDTH` units wide, with its pictures one below the other: a lane for each row
of the timeline, and charts with scales of their own. Of matplotlib's SVG the paths are kept, with one class each, and a
`viewBox` for each picture: colours are the style sheet's, for light and dark, and words are HTML beside the pictures,
so that they stay readable when a picture is stretched to the width of a telephone.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from promdrill.core import paths

os.environ.setdefault("MPLCONFIGDIR", str(paths.cache_dir() / "matplotlib"))  # it would write to the home folder

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 1000
"""Units of a picture's width, whatever its width on the screen."""

LANE = 20
"""Units, and pixels on the screen, of a lane's height."""

CHART = 120
"""The same of a chart's."""

MOST_POINTS = 300
"""Of one line: one for three units of its width, beyond which hardly anybody sees a difference."""

THINNEST = 2.0
"""Units that something takes at least, however short it was."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Svg:
    """One picture: its `viewBox`, and (class, path data) of its shapes from back to front."""

    box: str
    shapes: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Picture:
    """A picture in the making.

    Attributes:
        height: Units.
        top: Upper end of its scale; None for a lane, which has none.
        shapes: (class, vertices, codes, whether the last vertex is joined to the first).
    """

    height: int
    top: float | None = None
    shapes: list[tuple[str, list[tuple[float, float]], list[int]]] = field(default_factory=list)

    def down(self, y: float) -> float:
        """A height as a part of the picture's, from its top: lanes count from there, scales from the bottom."""
        return y if self.top is None else 1 - y / self.top

    def bars(self, kind: str, spans: Iterable[tuple[float, float]], *, at: float = 0.5) -> None:
        """Horizontal bars in a lane, as strokes; `at` is the height within it, from 0 at the top to 1."""
        self._strokes(kind, [((start, at), (end, at)) for start, end in spans])

    def uprights(self, kind: str, moments: Iterable[float]) -> None:
        """Vertical strokes over the whole height."""
        top = self.top or 1.0
        self._strokes(kind, [((t, 0.0), (t, top)) for t in moments])

    def dots(self, kind: str, points: Iterable[tuple[float, float]]) -> None:
        """Round dots."""
        self._strokes(kind, [(point, point) for point in points])

    def line(self, kind: str, points: Points) -> None:
        """A line."""
        if points:
            self.shapes.append((kind, list(points), _one_stroke(len(points))))

    def area(self, kind: str, points: Points) -> None:
        """The area between a line and zero."""
        if points:
            around = [(points[0][0], 0.0), *points, (points[-1][0], 0.0)]
            self.shapes.append((kind, [*around, around[0]], [*_one_stroke(len(around)), int(Path.CLOSEPOLY)]))

    def _strokes(self, kind: str, strokes: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
        if strokes:
            vertices = [end for stroke in strokes for end in stroke]
            self.shapes.append((kind, vertices, [int(Path.MOVETO), int(Path.LINETO)] * len(strokes)))


class Canvas:
    """Pictures that share one axis of seconds.

    Args:
        length: What the width stands for, in seconds.
    """

    def __init__(self, length: float) -> None:
        self.length = max(length, 0.1)
        self._pictures: list[Picture] = []

    def lane(self) -> Picture:
        """A new lane."""
        self._pictures.append(Picture(LANE))
        return self._pictures[-1]

    def chart(self, top: float) -> Picture:
        """A new chart whose scale goes from 0 to `top`."""
        self._pictures.append(Picture(CHART, top))
        return self._pictures[-1]

    def render(self) -> list[Svg]:
        """All pictures, in the order in which they were begun."""
        height = sum(picture.height for picture in self._pictures)
        if not height:
            return []
        settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "promdrill", "path.simplify": False}
        with mpl.rc_context(settings):
            figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
            FigureCanvasSVG(figure)
            axes = figure.add_axes((0, 0, 1, 1))
            axes.set_axis_off()
            axes.set_xlim(0, self.length)
            axes.set_ylim(height, 0)
            offset = 0
            for number, picture in enumerate(self._pictures):
                self._add(axes, picture, number, offset)
                offset += picture.height
            written = io.StringIO()
            figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        return self._read(written.getvalue())

    def _add(self, axes: Axes, picture: Picture, number: int, offset: int) -> None:
        """Each picture has its own stretch of the y axis: axes of its own would take most of the time."""
        least = THINNEST * self.length / WIDTH
        for at, (kind, vertices, codes) in enumerate(picture.shapes):
            ends = vertices
            if picture.top is None and kind not in _ROUND:
                ends = _widened(vertices, least, self.length)
            path = Path([(x, offset + picture.height * picture.down(y)) for x, y in ends], codes)
            axes.add_artist(PathPatch(path, fill=False, clip_on=False, gid=f"p-{number}-{at}"))

    def _read(self, svg: str) -> list[Svg]:
        found: dict[tuple[int, int], str] = {}
        for group in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):  # noqa: S314  matplotlib wrote it
            match = re.fullmatch(r"p-(\d+)-(\d+)", group.get("id", ""))
            path = group.find("{http://www.w3.org/2000/svg}path")
            if match and path is not None:
                found[int(match[1]), int(match[2])] = shorten(path.get("d", ""))
        out, offset = [], 0
        for number, picture in enumerate(self._pictures):
            shapes = tuple((shape[0], found.get((number, at), "")) for at, shape in enumerate(picture.shapes))
            out.append(Svg(f"0 {offset} {WIDTH} {picture.height}", shapes))
            offset += picture.height
        return out


_ROUND = frozenset({"dot", "seen", "p-ready", "p-up", "p-wait", "p-bad", "p-off"})
"""Classes of dots: a moment is not made wider."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def shorten(data: str) -> str:
    """Path data with one decimal, and H and V where a line is level or upright."""
    out, before = [], ("", "")
    for command, numbers in re.findall(r"([MLz])([^MLz]*)", data):
        if command == "z":
            out.append("z")
            continue
        x, y = (_short(float(text)) for text in _NUMBER.findall(numbers)[:2])
        if command == "L" and (x, y) == before:
            out.append("h0")
        elif command == "L" and y == before[1]:
            out.append(f"H{x}")
        elif command == "L" and x == before[0]:
            out.append(f"V{y}")
        else:
            out.append(f"{command}{x} {y}")
        before = (x, y)
    return "".join(out)


def ticks(top: float, most: int = 4) -> list[float]:
    """Round figures from 0 to just above `top`."""
    return [float(tick) for tick in MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(0, top)]


def thinned(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """The points that make a line's shape, at most about `most`: of each stretch the lowest and the highest."""
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


def _one_stroke(length: int) -> list[int]:
    return [int(Path.MOVETO)] + [int(Path.LINETO)] * (length - 1)


def _widened(vertices: list[tuple[float, float]], least: float, length: float) -> list[tuple[float, float]]:
    out = []
    for (x0, y0), (x1, y1) in zip(vertices[::2], vertices[1::2], strict=True):
        end = max(x1, x0 + least) if y0 == y1 else x1
        over = max(0.0, end - length)
        out += [(x0 - over, y0), (end - over, y1)]
    return out


def _short(value: float) -> str:
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"

"""Delays as a picture: how many of the changes were known after how long, the time logarithmic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from bench.plot import BOTTOM, HEIGHT, LEFT, RIGHT, STYLE, TOP, WIDTH, Axis, path, text
from promdrill.report.bench.detection import Spread
from promdrill.report.html.draw import path_data

SHORTEST_S, LONGEST_S = 0.001, 100.0
"""Where the axis of time begins and ends: what is shorter is at its beginning."""

POINTS = 240
"""Points of a line: about one for each two units of the picture."""

COLOURS = ("#0b62a4", "#0b8a6a", "#c58a00", "#c0541a", "#a01c4a")
"""Of the lines, in their order."""


def picture(spreads: Mapping[str, Spread], *, words: Mapping[str, str], bound_s: float, title: str) -> str:
    """The picture of several spreads of the same changes.

    Args:
        spreads: By name, at most as many as `COLOURS`.
        words: Each name, in words.
        bound_s: The most seconds that 95 % should take, drawn as a cross of lines.
        title: What the changes are of.
    """
    across = Axis([SHORTEST_S, LONGEST_S], LEFT, WIDTH - RIGHT)
    parts = [*_frame(title, across)]
    parts += path("linear", [(across.at(bound_s), TOP), (across.at(bound_s), HEIGHT - BOTTOM)])
    parts += path("linear", [(LEFT, _up(0.95)), (WIDTH - RIGHT, _up(0.95))])
    for number, (name, spread) in enumerate(spreads.items()):
        y = HEIGHT - BOTTOM - 16 * (len(spreads) - number) + 4  # below the lines, which begin higher
        points = [(across.at(moment_s), _up(spread.within(moment_s) / spread.count)) for moment_s in _moments()]
        parts += [_line(COLOURS[number], points), _line(COLOURS[number], [(LEFT + 26, y - 5), (LEFT + 46, y - 5)])]
        parts.append(text(LEFT + 52, y, words[name], "start"))
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    body = "\n".join(parts)
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return f'<svg {box} role="img">\n<style>\n{STYLE}\n</style>\n{ground}\n{body}\n</svg>\n'


def _frame(title: str, across: Axis) -> Iterator[str]:
    """The title, the axes with their units, and their grid."""
    yield f"<title>{escape(title)}: share of the changes that are known, by the time since each</title>"
    yield text(WIDTH / 2, 26, title, "middle", "title")
    for percent in range(0, 101, 20):
        yield from path("grid", [(LEFT, _up(percent / 100)), (WIDTH - RIGHT, _up(percent / 100))])
        yield text(LEFT - 8, _up(percent / 100) + 5, f"{percent} %", "end")
    for value in across.powers:
        x = across.at(value)
        yield from path("grid", [(x, TOP), (x, HEIGHT - BOTTOM)])
        yield text(x, HEIGHT - BOTTOM + 22, f"{value:g} s", "middle")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "time since the change (dashed: 95 %, and its bound)", "middle")
    x, y = 20, (TOP + HEIGHT - BOTTOM) / 2
    yield f'<text x="{x}" y="{y:g}" text-anchor="middle" transform="rotate(-90 {x} {y:g})">changes known, %</text>'


def _line(colour: str, points: Sequence[tuple[float, float]]) -> str:
    return f'<path style="stroke:{colour};stroke-width:2.5" d="{path_data(points)}"/>'


def _up(share: float) -> float:
    return HEIGHT - BOTTOM + share * (TOP - HEIGHT + BOTTOM)


def _moments() -> Iterator[float]:
    """Moments from the beginning of the axis to its end, as far apart on it."""
    for number in range(POINTS + 1):
        yield SHORTEST_S * (LONGEST_S / SHORTEST_S) ** (number / POINTS)

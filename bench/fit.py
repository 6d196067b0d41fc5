"""How work grows with its input: the exponent k where the time is proportional to size ** k."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

from bench.record import Growth

LINEAR = 1.15
"""The largest exponent that counts as linear: the rest is noise, and the logarithm of a sort."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The exponents of a growth.

    Attributes:
        overall: The slope of the least squares' line through all points, both axes logarithmic.
        last: The slope between the two largest sizes: what does not depend on the size flattens `overall`, and this
            least.
    """

    overall: float
    last: float

    @property
    def linear(self) -> bool:
        """Whether the growth is linear or better, by the worse of both."""
        return max(self.overall, self.last) <= LINEAR


def fit(points: Sequence[tuple[float, float]]) -> Fit | None:
    """The exponents of these (size, seconds), by size; None if less than two took any time."""
    logs = [(math.log(size), math.log(took_s)) for size, took_s in points if took_s > 0]
    if len(logs) < 2:  # noqa: PLR2004  a line needs two points
        return None
    overall = linear_regression(*zip(*logs, strict=True)).slope
    last = linear_regression(*zip(*logs[-2:], strict=True)).slope
    return Fit(overall, last)


def work(growth: Growth, floor_s: float) -> list[tuple[float, float]]:
    """(size, seconds of processor time) of each point: the median, without the command's start.

    Args:
        growth: The growth.
        floor_s: Seconds that its command takes to start, as `Growth.floor` measured them; 0 for none.
    """
    return [(point.size, median(point.cpu_s) - floor_s) for point in growth.points]

"""What a comparison may be told to look across: fields of a cell that need not be equal in OLD and in NEW.

A field that is left out is `ANY` in the cell, so that everything else goes on as it does with equal fields; what it is
in OLD and in NEW stands in each side's `own`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any

from promdrill.core.errors import UsageError
from promdrill.report.compare.cells import Cell

ANY = "*"
"""In a cell, in place of what is left out."""


class Axis(StrEnum):
    """What can be looked across, in the order in which it is proposed."""

    CHART = "chart"
    PROMETHEUS = "prometheus"
    KUBERNETES = "kubernetes"
    PROFILE = "profile"


FIELDS: Mapping[Axis, tuple[str, ...]] = {
    Axis.CHART: ("chart", "chart_version"),
    Axis.PROMETHEUS: ("app_version",),
    Axis.KUBERNETES: ("kubernetes",),
    Axis.PROFILE: ("profile",),
}
"""The fields of a cell that each of them leaves out."""


def left_out(across: Iterable[Axis]) -> dict[str, Any]:
    """The fields that are left out, each with `ANY`."""
    return {name: ANY for axis in across for name in FIELDS[axis]}


def refuse_several(
    side: str, pairs: Iterable[tuple[Cell, Cell]], other: Collection[Cell], across: Sequence[Axis]
) -> None:
    """Refuse a side that has several cells in place of one: which of them is meant cannot be known.

    Nothing is pooled, because a median of two charts is that of neither; and not each is compared with each, because
    a scenario that fails on one chart would be a regression and an improvement at once.

    Args:
        side: ``OLD`` or ``NEW``.
        pairs: Its cells without the fields that are left out, each with the same as a result names it.
        other: The cells of the other side: a cell that is in one side only is compared with nothing.
        across: What is left out.

    Raises:
        UsageError: There are several; names them.
    """
    found: dict[Cell, dict[str, None]] = defaultdict(dict)
    for cell, real in pairs:
        told = {axis: [getattr(real, name) for name in FIELDS[axis]] for axis in across}
        if cell in other and not any(None in values for values in told.values()):  # what tells not may be any of them
            found[cell][", ".join(" ".join([axis, *values]) for axis, values in told.items())] = None
    crowded = [cell for cell, told in found.items() if len(told) > 1]
    if not crowded:
        return
    cell = crowded[0]
    drill = cell.scenario if cell.control is None else f"{cell.scenario}[{cell.control}]"
    more = f" (and so for {len(crowded) - 1} more)" if len(crowded) > 1 else ""
    raise UsageError(
        f"--across {','.join(across)}: {side} has several cells for one: {drill} with {'; '.join(found[cell])}{more}",
        hint=f"name as {side} the folder of one cell or run, such as reports/matrix/<cell>",
    )


def wider(across: Sequence[Axis]) -> Iterable[tuple[Axis, ...]]:
    """All that could be looked across besides, the least first."""
    rest = [axis for axis in Axis if axis not in across]
    for number in range(1, len(rest) + 1):
        for more in combinations(rest, number):
            yield tuple(axis for axis in Axis if axis in (*across, *more))

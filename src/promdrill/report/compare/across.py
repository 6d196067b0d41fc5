"""The fields of a cell that a comparison can ignore: they need not be equal in OLD and NEW.

An ignored field is `ANY` in the cell, so that everything else works as with equal fields; each side's `own` has its
values in OLD and in NEW.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any

from promdrill.core.errors import UsageError
from promdrill.report.compare.cells import ComparedCell

ANY = "*"
"""The value of an ignored field in a cell."""


class Axis(StrEnum):
    """The fields that can be ignored, in the order in which that is proposed."""

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
"""The fields of a cell that each of them ignores."""


def left_out(across: Iterable[Axis]) -> dict[str, Any]:
    """The ignored fields, each with `ANY`."""
    return {name: ANY for axis in across for name in FIELDS[axis]}


def refuse_several(
    side: str,
    pairs: Iterable[tuple[ComparedCell, ComparedCell]],
    other: Collection[ComparedCell],
    across: Sequence[Axis],
) -> None:
    """Refuse a side with several cells that would count as one: nobody can know which of them is meant.

    They are not pooled, because the median of two charts is that of neither; and they are not compared each with each,
    because a scenario that fails on one chart would be a regression and an improvement at once.

    Args:
        side: ``OLD`` or ``NEW``.
        pairs: Its cells without the ignored fields, each with the cell as a result has it.
        other: The cells of the other side: a cell on one side only is compared with nothing.
        across: What is ignored.

    Raises:
        UsageError: There are several; the message names them.
    """
    found: dict[ComparedCell, dict[str, None]] = defaultdict(dict)
    for cell, real in pairs:
        told = {axis: [getattr(real, name) for name in FIELDS[axis]] for axis in across}
        if cell in other and not any(
            None in values for values in told.values()
        ):  # a cell that does not have it may be any of them
            found[cell][", ".join(" ".join([axis, *values]) for axis, values in told.items())] = None
    crowded = [cell for cell, told in found.items() if len(told) > 1]
    if not crowded:
        return
    cell = crowded[0]
    drill = cell.scenario if cell.control is None else f"{cell.scenario}[{cell.control}]"
    more = f" (and so for {len(crowded) - 1} more)" if len(crowded) > 1 else ""
    raise UsageError(
        f"--across {','.join(across)}: {side} has several cells that would count as one: "
        f"{drill} with {'; '.join(found[cell])}{more}",
        hint=f"use the folder of one cell or run as {side}, such as reports/matrix/<cell>",
    )


def wider(across: Sequence[Axis]) -> Iterable[tuple[Axis, ...]]:
    """All further combinations of fields to ignore, the smallest first."""
    rest = [axis for axis in Axis if axis not in across]
    for number in range(1, len(rest) + 1):
        for more in combinations(rest, number):
            yield tuple(axis for axis in Axis if axis in (*across, *more))

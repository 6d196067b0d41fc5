"""The tables that close a session of controls or ablations: plain text for 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from promdrill.core.model import DrillResult, LeftOut
from promdrill.results.outcome import as_due

WIDTH = 80
"""Columns, as in the summary."""

_LINE, _STEP = 4, 32  # columns of the step's line and of its command; the longest finding takes the other 40
_ABSENT = "-"
_DUE = {True: "as due", False: "NOT AS DUE"}


def lines(drills: Sequence[DrillResult], kind: str | None) -> list[str]:
    """The table of what was run, in the order of ids and of the runbooks' lines, whatever ended first.

    Args:
        drills: The drills that have ended.
        kind: `controls`: scenario by control; `ablate`: for each scenario its steps; None: no table.
    """
    if kind is None or not drills:
        return []
    return ["", *(_controls(drills) if kind == "controls" else _ablations(drills))]


def _controls(drills: Sequence[DrillResult]) -> list[str]:
    names = sorted({drill.scenario for drill in drills})
    controls = list(dict.fromkeys(drill.control or "" for drill in drills))
    found = {(drill.scenario, drill.control or ""): f"{drill.verdict}, {_DUE[as_due(drill)]}" for drill in drills}
    rows = [["scenario", *controls]]
    rows += [[name, *(found.get((name, control), _ABSENT) for control in controls)] for name in names]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _ablations(drills: Sequence[DrillResult]) -> list[str]:
    out = []
    for name in sorted({drill.scenario for drill in drills}):
        out.append(f"{name}: each step of its Mitigation left out once")
        out.append(f"{'line':>{_LINE}}  {'step':<{_STEP}}  the step is")
        found = [(drill.left_out, drill) for drill in drills if drill.scenario == name and drill.left_out is not None]
        for step, drill in sorted(found, key=lambda pair: pair[0].line):
            out += _step(drill, step)
    return out


def _step(drill: DrillResult, step: LeftOut) -> list[str]:
    from promdrill.drill.verdicts import need, shortfall  # noqa: PLC0415  as in `promdrill.results.outcome`

    command = step.command if len(step.command) <= _STEP else step.command[: _STEP - 3] + "..."
    found = f"{need(drill)}{', optional' if step.optional else ''}"
    row = f"{step.line:>{_LINE}}  {command:<{_STEP}}  {found}"
    short = shortfall(drill)
    if short is None:
        return [row]
    indent = " " * (_LINE + 2)
    return [row, *textwrap.wrap(f"NOT AS DUE: {short}", WIDTH, initial_indent=indent, subsequent_indent=indent)]

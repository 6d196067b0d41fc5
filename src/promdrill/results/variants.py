"""The closing tables of controls, ablations and other repairs: plain text for 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from promdrill.core.model import DrillResult, LeftOut
from promdrill.results.expected import as_expected, need, shortfall
from promdrill.results.table import NOTHING, Table

_HEAD = ("line", "step", "the step is")
_LINE, _STEP = 4, 32  # columns of the step's line and of its command; the longest finding takes the other 40
_DUE = {True: "as expected", False: "NOT AS EXPECTED"}


def lines(drills: Sequence[DrillResult], kind: str | None) -> list[str]:
    """The table of what was run, ordered by id and by line of the runbook.

    Args:
        drills: The drills that have ended.
        kind: `controls` for scenario by control, `ablate` for the steps of each scenario, `repairs` for the repairs of
            each scenario, None for no table.
    """
    if kind is None or not drills:
        return []
    return ["", *_TABLES[kind](drills)]


def _controls(drills: Sequence[DrillResult]) -> list[str]:
    names = sorted({drill.scenario for drill in drills})
    controls = list(dict.fromkeys(drill.control or "" for drill in drills))
    found = {(drill.scenario, drill.control or ""): f"{drill.verdict}, {_DUE[as_expected(drill)]}" for drill in drills}
    rows = [[name, *(found.get((name, control), NOTHING) for control in controls)] for name in names]
    return Table(["scenario", *controls], rows).text()


def _repairs(drills: Sequence[DrillResult]) -> list[str]:
    rows = []
    for drill in sorted(drills, key=lambda drill: drill.scenario):  # stable: in the order of the file
        due, _, name = (drill.control or "").partition(":")
        rows.append([drill.scenario, name, due, f"{drill.verdict}, {_DUE[as_expected(drill)]}"])
    return Table(["scenario", "repair", "must be", "ended"], rows).text()


def _ablations(drills: Sequence[DrillResult]) -> list[str]:
    out = []
    for name in sorted({drill.scenario for drill in drills}):
        found = [(drill.left_out, drill) for drill in drills if drill.scenario == name and drill.left_out is not None]
        found.sort(key=lambda pair: pair[0].line)
        out += [f"{name}: each step of its Mitigation left out once", *_steps(found)]
    return out


def _steps(found: Sequence[tuple[LeftOut, DrillResult]]) -> list[str]:
    rows = [
        (str(step.line), _cut(step.command), f"{need(drill)}{', optional' if step.optional else ''}")
        for step, drill in found
    ]
    short = ((number, shortfall(drill)) for number, (_, drill) in enumerate(found))
    under = {number: (f"NOT AS EXPECTED: {said}",) for number, said in short if said is not None}
    return Table(_HEAD, rows, frozenset({0}), under, _LINE + 2, least={0: _LINE, 1: _STEP}).text()


def _cut(command: str) -> str:
    return command if len(command) <= _STEP else command[: _STEP - 3] + "..."


_TABLES = {"controls": _controls, "ablate": _ablations, "repairs": _repairs}

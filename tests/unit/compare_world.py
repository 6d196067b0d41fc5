"""Drills and runs to compare with each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from promdrill.core.model import DrillResult, LeftOut, PhaseName, PhaseRecord, RunResult, Verdict

PHASES = tuple(PhaseRecord(name, "", 1.0) for name in PhaseName)

UNTOLD: dict[str, Any] = {"chart_version": None, "app_version": None}
"""The versions of a drill that ended before they were known."""


def drill(scenario: str = "disk-full", took_s: float | None = 12.0, **fields: Any) -> DrillResult:
    """A drill that passed, unless `fields` say something else."""
    passed = DrillResult(
        scenario, "prometheus", "25.8.0", "2.48.0", "fast", None, Verdict.PASSED, None, PHASES, recovered_after_s=took_s
    )
    return replace(passed, **fields)


def failed(scenario: str = "disk-full", reason: str = "no recovery: 1/2", **fields: Any) -> DrillResult:
    """A drill that failed, unless `fields` say something else."""
    return drill(scenario, None, **{"verdict": Verdict.FAILED, "reason": reason, **fields})


def aborted(scenario: str = "disk-full", **fields: Any) -> DrillResult:
    """A drill that was interrupted."""
    return drill(
        scenario, None, verdict=Verdict.ABORTED, reason="interrupted during inject", interrupted=True, **fields
    )


def no_fault(**fields: Any) -> DrillResult:
    """A control that ended as it must, unless `fields` say something else."""
    due = failed(reason="the incident was not observed", control="no-fault", verdict=Verdict.INVALID)
    return replace(due, **{"phases": (*PHASES[:4], PHASES[-1]), **fields})


def without(line: int, command: str, **fields: Any) -> DrillResult:
    """An ablation that shows that the step is needed, unless `fields` say something else."""
    step = LeftOut("runbook.md", line, command, optional=False)
    return failed(control=f"without:runbook.md:{line}", left_out=step, **fields)


def run(
    *drills: DrillResult, started: str = "2026-01-01", kubernetes: str = "1.36.3", finished: bool = True
) -> RunResult:
    return RunResult(started, "2026-01-02" if finished else None, "source", kubernetes, drills)


def passed(*figures: float) -> list[DrillResult]:
    """A drill for each recovery time in seconds."""
    return [drill(took_s=figure) for figure in figures]

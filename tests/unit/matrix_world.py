"""Cells and results to test the matrix with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from promdrill.core.model import DrillResult, RunResult, Skipped, Verdict
from promdrill.matrix.cells import Cell, expand
from promdrill.matrix.reading import Known, read
from promdrill.results.store import RESULTS
from promdrill.supply.kubernetes import Offer

KNOWN = Known(Offer(("1.36.3", "1.34.4")), ("4", "3"), ("config-typo", "disk-full", "rolling-lock"))


def cells_of(folder: Path, text: str) -> tuple[Cell, ...]:
    file = folder / "matrix.toml"
    file.write_text(text)
    return expand(read(file, KNOWN)).cells


def cell(kubernetes: str = "1.36.3", app: str = "3.14.0", **variables: str) -> Cell:
    """A cell whose id says what is given first."""
    names = ("CHART", "CHART_VERSION", "REPO", "APP_VERSION", "KUBE_VERSION", "HELM_VERSION", "PROFILE", "SCENARIO")
    said = dict.fromkeys((*names, "VALUES", "SCRAPES", "SUBCHARTS", "IMAGES"), "")
    said |= {"KUBE_VERSION": kubernetes, "APP_VERSION": app, "HELM_VERSION": "4", "PROFILE": "fast", **variables}
    return Cell(f"k{kubernetes}-p{app}", f"Prometheus {app} on {kubernetes}", said)


def drill(scenario: str = "disk-full", verdict: Verdict = Verdict.PASSED, **fields: Any) -> DrillResult:
    reason = None if verdict is Verdict.PASSED else "not seen within 90 s"
    return DrillResult(scenario, "prometheus", "25.8.0", "3.14.0", "fast", None, verdict, reason, **fields)


def ran(*drills: DrillResult, skipped: tuple[Skipped, ...] = (), finished: bool = True) -> RunResult:
    ended = "2026-11-22T06:01:40.000Z" if finished else None
    return RunResult("2026-11-22T06:00:00.000Z", ended, "source", "1.36.3", drills, skipped)


def write(folder: Path, run: RunResult) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).write_text(json.dumps(run.to_json()))

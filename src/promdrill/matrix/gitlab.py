"""The matrix as a child pipeline of GitLab: one job per cell, and one that makes a report of them all.

The jobs call ``promdrill`` and do not say where they run: a ``default:`` section, which the user puts before this text,
names a runner and installs promdrill there.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import yaml

from promdrill.core.errors import UsageError
from promdrill.matrix.cells import Cell
from promdrill.matrix.kept import MATRIX
from promdrill.results.folder import CELL
from promdrill.results.store import JUNIT, RESULTS

MOST_JOBS = 500
"""Jobs in one pipeline on GitLab.com's free tier; paid tiers and your own instance may accept more.

Source: "Maximum jobs in a single pipeline" in docs.gitlab.com/user/gitlab_com. The limit of 50 names in `needs` does
not matter: the report's job has its own stage, and gets the artifacts of the stage before without naming jobs.
"""

MERGE = "merge"
"""Name of the job that makes the report. It cannot clash with a cell: their ids begin with k."""

_HEAD = "# Made by `promdrill matrix --format gitlab`."
_CELL = ".cell"
_TIMEOUT, _SCRIPT_TIMEOUT = "3h", "165m"  # the results so far are still uploaded; GitLab's default limit is an hour
_KEPT, _KEPT_SUMMARY = "14 days", "90 days"


def to_gitlab(cells: Sequence[Cell], *, listing: Sequence[str], running: Sequence[str], reports: str) -> str:
    """The cells as the YAML of a child pipeline; the same cells give the same text.

    Args:
        cells: The cells to run.
        listing: Options with which ``promdrill matrix`` finds these cells in another checkout.
        running: Further options with which it runs one.
        reports: The folder of all reports, relative to the checkout.

    Raises:
        UsageError: There are more than GitLab accepts.
    """
    if len(cells) + 1 > MOST_JOBS:
        raise UsageError(
            f"{len(cells)} cells and a report; GitLab accepts at most {MOST_JOBS} jobs in one pipeline",
            hint="use --cell ID, or two files",
        )
    folder = f"{reports}/{MATRIX}"
    jobs = {cell.id: _job(cell, [*listing, *running], f"{folder}/{cell.id}") for cell in cells}
    pipeline = {"stages": ["cells", "report"], _CELL: _common(), **jobs, MERGE: _merge(cells, listing, folder)}
    return f"{_HEAD}\n{yaml.safe_dump(pipeline, sort_keys=False, width=1_000_000)}".rstrip("\n")


def _common() -> dict[str, Any]:
    return {"stage": "cells", "timeout": _TIMEOUT, "variables": {"RUNNER_SCRIPT_TIMEOUT": _SCRIPT_TIMEOUT}}


def _job(cell: Cell, options: Sequence[str], folder: str) -> dict[str, Any]:
    return {
        "extends": _CELL,
        "script": [shlex.join(["promdrill", "matrix", "--run", f"--cell={cell.id}", *options])],
        "artifacts": {
            "when": "always",
            "expire_in": _KEPT,
            "paths": [f"{folder}/"],
            "reports": {"junit": f"{folder}/junit.xml"},
        },
    }


def _merge(cells: Sequence[Cell], listing: Sequence[str], folder: str) -> dict[str, Any]:
    ids = f"--cell={','.join(cell.id for cell in cells)}"
    expected = shlex.join(["promdrill", "matrix", "--format=json", ids, *listing])
    every = [f"{folder}/*/{file}" for file in (CELL, RESULTS, JUNIT)]
    return {
        "stage": "report",
        "when": "always",  # the report matters most when a cell is red
        "script": [f"{expected} >cells.json", shlex.join(["promdrill", MERGE, folder, "--expect=cells.json"])],
        "artifacts": {"when": "always", "expire_in": _KEPT_SUMMARY, "paths": [f"{folder}/summary.*", *every]},
    }

"""The matrix as a child pipeline of GitLab: one job per cell, and one that makes a report of them all.

With a cache, a job before them fetches what the cells need, and GitLab hands it to each of them. They are jobs of their
own, and not those of ``parallel:matrix``, which makes 200 at most.

The jobs call ``promdrill`` and do not say where they run: a ``default:`` section, which the user puts before this text,
names a runner and installs promdrill there.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from promdrill.core import paths
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

FETCH = "supply"
"""Name of the job that fetches what the cells need; it cannot clash with a cell either."""

_HEAD = "# Made by `promdrill matrix --format gitlab`."
_CELL = ".cell"
_TIMEOUT, _SCRIPT_TIMEOUT = "3h", "165m"  # the results so far are still uploaded; GitLab's default limit is an hour
_KEPT, _KEPT_SUMMARY = "14 days", "90 days"


@dataclass(frozen=True, slots=True)
class CiCache:
    """GitLab's cache of what the cells need.

    Attributes:
        key: As from `promdrill.request.cache_key`.
        folder: promdrill's cache folder in a job, relative to the checkout: GitLab keeps nothing outside it.
    """

    key: str
    folder: str


def to_gitlab(
    cells: Sequence[Cell],
    *,
    listing: Sequence[str],
    running: Sequence[str],
    reports: str,
    cache: CiCache | None = None,
) -> str:
    """The cells as the YAML of a child pipeline; the same cells give the same text.

    Args:
        cells: The cells to run.
        listing: Options with which ``promdrill matrix`` finds these cells in another checkout.
        running: Further options with which it runs one.
        reports: The folder of all reports, relative to the checkout.
        cache: Where GitLab keeps what the cells need; None to leave that to each runner.

    Raises:
        UsageError: There are more than GitLab accepts.
    """
    others, beside = (1, "a report") if cache is None else (2, "two jobs beside them")
    if len(cells) + others > MOST_JOBS:
        raise UsageError(
            f"{len(cells)} cells and {beside}; GitLab accepts at most {MOST_JOBS} jobs in one pipeline",
            hint=f"--shard 1/{-(-len(cells) // (MOST_JOBS - others))} for the first of that many",
        )
    folder = f"{reports}/{MATRIX}"
    jobs = {cell.id: _job(cell, [*listing, *running], f"{folder}/{cell.id}") for cell in cells}
    report = {MERGE: _merge(cells, listing, folder)}
    if cache is None:
        pipeline = {"stages": ["cells", "report"], _CELL: _common(), **jobs, **report}
    else:
        fetch = {FETCH: _fetch(cells, listing, cache)}
        pipeline = {"stages": [FETCH, "cells", "report"], **fetch, _CELL: _common(cache), **jobs, **report}
    return f"{_HEAD}\n{yaml.safe_dump(pipeline, sort_keys=False, width=1_000_000)}".rstrip("\n")


def _common(cache: CiCache | None = None) -> dict[str, Any]:
    limits = {"RUNNER_SCRIPT_TIMEOUT": _SCRIPT_TIMEOUT}
    common = {"stage": "cells", "timeout": _TIMEOUT, "variables": limits}
    if cache is not None:
        common |= {"variables": limits | _place(cache), "cache": _cached(cache, "pull")}
    return common


def _fetch(cells: Sequence[Cell], listing: Sequence[str], cache: CiCache) -> dict[str, Any]:
    ids = f"--cell={','.join(cell.id for cell in cells)}"
    return {
        "stage": FETCH,
        "timeout": _TIMEOUT,
        "allow_failure": True,  # each cell then fetches what it needs
        "variables": _place(cache),
        "cache": _cached(cache, "pull-push"),
        "script": [shlex.join(["promdrill", "matrix", "--fetch", ids, *listing])],
    }


def _place(cache: CiCache) -> dict[str, str]:
    return {paths.CACHE_VARIABLE: f"$CI_PROJECT_DIR/{cache.folder}"}


def _cached(cache: CiCache, policy: str) -> dict[str, Any]:
    return {"key": cache.key, "paths": [f"{cache.folder}/"], "policy": policy}


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

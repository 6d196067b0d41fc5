"""What whole drills show: how soon they knew of changes, and what observing cost; as a page with a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench import delays, record
from promdrill.core import records
from promdrill.core.errors import UsageError
from promdrill.core.model import RunResult
from promdrill.report.bench import show
from promdrill.report.bench.detection import Change, recorded, spreads
from promdrill.report.bench.figures import BOUNDS, Bench, bench, changes_in
from promdrill.results.table import Table
from promdrill.results.words import count, delay, when

PAGE, RECORD, PICTURE = "drills.md", "drills.json", "delays.svg"

DRAWN = ("recorded", "with_questions", "poll_1_s", "poll_2_s", "poll_15_s")
"""The delays that the picture has."""

MADE = f"<!-- Made by `make bench-docs REPORTS=...`; the figures are in {RECORD}. Do not edit. -->"

LEAD = f"""\
How soon drills know of a change in the cluster, and what observing costs. `promdrill bench RESULTS` shows these figures
for any run; `docs/benchmarks/{RECORD}` has every change."""

ON_DELAYS = """\
A change is a condition that began to hold while a drill waited for it. The table says within which time how many of
them were known."""

ON_KINDS = "As recorded, by where the evidence comes from:"

ON_COST = """\
Each drill that passed. Requests are those of its acts, too: manifests are applied and deleted object by object. Objects
that it does not watch are asked for twice a second. Percentages are processor time of the drill's own process over the
drill's phases; its start is Python, pytest and what is imported, its commands are Helm and those of the runbook."""

BEYOND = "Requests to the API server of the drills above the bound: "

UNUSED = "These drills did not record the processor time and the memory of their processes."


def write(runs: Mapping[RunResult, Path], folder: Path, *, commit: str) -> None:
    """Write the page, its picture and its figures.

    Args:
        runs: Each run with its folder.
        folder: Gets them; it need not exist.
        commit: What was drilled with, in words.

    Raises:
        UsageError: The runs cannot be combined, or have no journal with a change.
    """
    told, found = bench(runs), changes_in(runs)
    if not found:
        raise UsageError("no journal of these runs has a change that a drill noticed", hint="make test-scenarios")
    folder.mkdir(parents=True, exist_ok=True)
    data = {"commit": commit, **json.loads(show.to_json(told)), "changes": [asdict(change) for change in found]}
    (folder / RECORD).write_text(records.dumps(data), encoding="utf-8")
    (folder / PAGE).write_text(page(told, found, asking_much(runs), commit=commit), encoding="utf-8")
    drawn = {name: spread for name, spread in spreads(found).items() if name in DRAWN}
    svg = delays.picture(
        drawn,
        words=show.DELAYS,
        bound_s=BOUNDS["detect_p95_s"],
        title=f"Until {count(len(found), 'change')} were known",
    )
    (folder / PICTURE).write_text(svg, encoding="utf-8")


def asking_much(runs: Iterable[RunResult]) -> dict[str, int]:
    """The most requests that a scenario's drills made, for the scenarios above the bound, the most first."""
    found: dict[str, int] = {}
    for drill in (drill for run in runs for drill in run.drills):
        made = (drill.observer and drill.observer.api_requests) or 0
        if drill.control is None and made > max(BOUNDS["api_requests"], found.get(drill.scenario, 0)):
            found[drill.scenario] = made
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def page(told: Bench, found: Sequence[Change], asking: Mapping[str, int], *, commit: str) -> str:
    """The page of the documentation.

    Args:
        told: The figures.
        found: The changes behind them.
        asking: As `asking_much` finds it.
        commit: As for `write`.
    """
    kinds = sorted({change.kind for change in found})
    by_kind = {kind: recorded([each for each in found if each.kind == kind]).summed_up() for kind in kinds}
    cost = [] if "peak_bytes" in told.observed else [UNUSED]
    cost += [f"{BEYOND}{', '.join(f'{name} {most}' for name, most in asking.items())}."] if asking else []
    parts = [
        f"# Drills\n\n{MADE}\n\n{LEAD}",
        _where(told, commit),
        f"## From a change to the drill knowing of it\n\n{ON_DELAYS}",
        _markdown(show.delays(told.delays, show.DELAYS)),
        f"{show.RECORDED}\n\n{show.POLLED}",
        f"![Share of the changes that are known, by the time since each]({PICTURE})",
        ON_KINDS,
        _markdown(show.delays(by_kind, {kind: f"{kind}, {by_kind[kind].count}" for kind in kinds})),
        f"## What observing costs\n\n{ON_COST}",
        _markdown(show.observed(told)),
        *cost,
    ]
    return "\n\n".join(parts) + "\n"


def _where(told: Bench, commit: str) -> str:
    machine, ground = record.machine(), told.ground
    passed = sum(row.all_s.count for row in told.rows)
    recorded_s, full_s = (told.delays[name].p95_s for name in ("recorded", "with_questions"))
    return (
        f"{count(passed, 'drill')} that passed, of {count(len(told.rows), 'scenario')}, in "
        f"{count(len(told.runs), 'run')} from {when(told.runs[0].started)} on, JOBS={told.runs[0].jobs}, "
        f"commit {commit}, Kubernetes {ground.kubernetes}, profile {ground.profile}, on {machine.cores} cores "
        f"({machine.cpu or 'model unknown'}). 95 % of {told.delays['recorded'].count} changes were known within "
        f"{delay(recorded_s)} of their message or answer, and within {delay(full_s)} in full, as Prometheus is asked "
        f"twice a second; the bound is {delay(BOUNDS['detect_p95_s'])}."
    )


def _markdown(table: Table) -> str:
    return "\n".join(table.markdown())

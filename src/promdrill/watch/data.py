"""The view as data, for ``promdrill watch --json``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from promdrill.core.clock import iso
from promdrill.watch.drill import (
    DrillState,
    Sighting,
    Step,
    Wait,
)
from promdrill.watch.rows import Row, rows
from promdrill.watch.run import RunState


def to_json(run: RunState, now: datetime, *, drill: str | None = None) -> dict[str, Any]:
    """All that the view shows and what it leaves out for want of room; null for what is not known, seconds in ``_s``.

    Args:
        run: What is known.
        now: UTC.
        drill: Name or folder of the only drill to tell of; None for all.
    """
    listed = [row for row in rows(run, now) if drill is None or drill in {row.name, row.folder}]
    found = run.results
    return {
        "folder": str(run.folder),
        "state": str(run.ending(now)),
        "started": found.started if found is not None else None,
        "finished": found.finished if found is not None else None,
        "supply": found.supply if found is not None else None,
        "kubernetes": found.kubernetes if found is not None else None,
        "quiet_s": _rounded(run.quiet_s(now)),
        "drills": [_drill(row, run.drills.get(row.folder), now) for row in listed],
        "skipped": [{"scenario": skipped.scenario, "reason": skipped.reason} for skipped in run.skipped],
    }


def _drill(row: Row, drill: DrillState | None, now: datetime) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": row.name,
        "folder": row.folder,
        "status": str(row.status),
        "phase_or_verdict": str(row.word),
        "as_due": row.good,
        "took_s": _rounded(row.took_s),
        "said": row.said,
    }
    if drill is None:
        return about
    return about | {
        "phases": [
            {"name": phase.name, "began": iso(phase.began), "took_s": phase.took_s, "ended": phase.ended}
            for phase in drill.phases
        ],
        "wait": None if drill.wait is None else _wait(drill.wait, now),
        "stage": drill.stage or None,
        "faults": [{"name": name, "confirmed": confirmed} for name, confirmed in drill.faults.items()],
        "step": None if drill.step is None else _step(drill.step),
        "pods": [{"name": pod.name, "text": pod.text, "ready": pod.ready} for pod in drill.pods.values()]
        or [{"name": None, "text": seen.text, "ready": None} for seen in [drill.pod] if seen is not None],
        "volume": _sightings(drill.volume.values()),
        "sample": next(iter(_sightings([drill.sample] if drill.sample else [])), None),
        "quotes": _sightings(drill.quotes),
        "gaps": drill.gaps,
        "trouble": drill.trouble,
        "last": iso(drill.last) if drill.last is not None else None,
    }


def _wait(wait: Wait, now: datetime) -> dict[str, Any]:
    return {
        "began": iso(wait.began),
        "timeout_s": wait.timeout_s,
        "left_s": None if wait.ended else _rounded(wait.left_s(now)),
        "hold_s": wait.hold_s,
        "ended": wait.ended or None,
        "missing": list(wait.missing),
        "conditions": _sightings(wait.seen[name] for name in wait.wanted if name in wait.seen),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "file": step.file,
        "line": step.line,
        "section": step.section,
        "command": step.command,
        "running": not step.ended,
        "exit_code": step.exit_code,
        "took_s": step.took_s,
    }


def _sightings(seen: Iterable[Sighting]) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "kind": each.kind, "holds": each.holds, "text": each.text, "at": iso(each.at)}
        for each in seen
    ]


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 1)

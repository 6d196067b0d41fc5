"""The view as data, for ``promdrill watch --json``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from promdrill.core.clock import iso
from promdrill.results.timeline.drill import Age, Fill, Sighting, StepSpan, Timeline, Wait
from promdrill.watch.rows import DrillRow, rows
from promdrill.watch.run import RunState
from promdrill.watch.words import age_words, gap_words, is_ready, pod_words, trouble_words, volume_words


def to_json(run: RunState, now: datetime, *, drill: str | None = None) -> dict[str, Any]:
    """Everything that the view shows, and what it leaves out for lack of space; null means unknown, ``_s`` seconds.

    Args:
        run: What is known.
        now: UTC.
        drill: Name or folder of the only drill to include; None for all.
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


def _drill(row: DrillRow, drill: Timeline | None, now: datetime) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": row.name,
        "folder": row.folder,
        "status": str(row.status),
        "phase_or_verdict": str(row.word),
        "as_expected": row.good,
        "took_s": _rounded(row.took_s),
        "said": row.said,
    }
    if drill is None:
        return about
    return about | {
        "phases": [
            {"name": phase.name, "began": iso(phase.began.at), "took_s": phase.took_s, "ended": phase.how}
            for phase in drill.phases
        ],
        "wait": None if drill.wait is None else _wait(drill.wait, now),
        "stage": drill.stages[-1].name if drill.stages else None,
        "faults": [{"name": fault.name, "confirmed": fault.ended is not None} for fault in drill.faults],
        "step": None if drill.step is None else _step(drill.step),
        "pods": [{"name": pod.pod, "text": pod_words(pod), "ready": is_ready(pod)} for pod in drill.pods.values()],
        "volume": [_fill(seen) if isinstance(seen, Fill) else _sighting(seen) for seen in drill.volume.values()],
        "sample": _sample(drill.ages[-1]) if drill.ages else None,
        "quotes": list(map(_sighting, drill.quotes)),
        "gaps": list(map(gap_words, drill.samples)),
        "trouble": list(map(trouble_words, drill.trouble)),
        "last": iso(drill.last.at) if drill.last is not None else None,
    }


def _wait(wait: Wait, now: datetime) -> dict[str, Any]:
    return {
        "began": iso(wait.began.at),
        "timeout_s": wait.timeout_s,
        "left_s": None if wait.ended is not None else _rounded(wait.left_s(now)),
        "hold_s": wait.hold_s,
        "ended": wait.ended,
        "missing": list(wait.missing),
        "conditions": [_sighting(wait.seen[name]) for name in wait.wanted if name in wait.seen],
    }


def _step(step: StepSpan) -> dict[str, Any]:
    return {
        "file": step.file,
        "line": step.line,
        "section": step.section,
        "command": step.command,
        "running": step.record is None,
        "exit_code": step.record.exit_code if step.record is not None else None,
        "took_s": step.record.took_s if step.record is not None else None,
    }


def _sighting(seen: Sighting) -> dict[str, Any]:
    return {"name": seen.name, "kind": seen.kind, "holds": seen.holds, "text": seen.text, "at": iso(seen.when.at)}


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        "path": fill.path,
        "text": volume_words(fill),
        "used_bytes": fill.used_bytes,
        "size_bytes": fill.size_bytes,
        "at": iso(fill.when.at),
    }


def _sample(age: Age) -> dict[str, Any]:
    return {"age_s": age.age_s, "text": age_words(age), "at": iso(age.when.at)}


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 1)

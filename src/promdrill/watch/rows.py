"""The drills of a run as rows: the state of each, its seconds, and what it does or how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from promdrill.core.model import DrillResult, Verdict
from promdrill.core.terminal import one_line
from promdrill.results.expected import as_expected, outcome
from promdrill.results.folder import of_result
from promdrill.results.timeline.drill import Timeline, Wait
from promdrill.results.timeline.lines import growth_line
from promdrill.watch.run import Ending, RunState
from promdrill.watch.text import passing, seconds


class Status(StrEnum):
    """How far a drill is. `LOST`: it began, and the process that ran it is gone."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DrillRow:
    """One drill.

    Attributes:
        name: As in results.json.
        folder: Name of its folder.
        status: How far it is.
        word: Its phase, its verdict, or its status.
        good: Whether it ended as expected; None before that.
        took_s: Seconds of all phases once it has ended, before that of the running phase; None when unknown.
        said: What is waited for, or how it ended.
    """

    name: str
    folder: str
    status: Status
    word: str
    good: bool | None = None
    took_s: float | None = None
    said: str = ""


def rows(run: RunState, now: datetime) -> list[DrillRow]:
    """All known drills: those with a journal in the order in which they began, those without, those to come."""
    lost = run.ending(now) is not Ending.RUNNING
    found = [_row(run, drill, now, lost=lost) for drill in run.drills.values()]
    ended = run.results.drills if run.results is not None else ()
    found += [_ended(result) for result in ended if of_result(result) not in run.drills]
    known = {row.name for row in found} | {skipped.scenario for skipped in run.skipped}
    to_come = [] if lost else [name for name in run.planned if name not in known]
    return found + [DrillRow(name, name, Status.WAITING, Status.WAITING) for name in to_come]


def name_of(run: RunState, drill: Timeline) -> str:
    """A drill's name, from its result or else its journal."""
    result = run.result(drill.folder)
    return drill.name if result is None else result.name


def _row(run: RunState, drill: Timeline, now: datetime, *, lost: bool) -> DrillRow:
    name, result = name_of(run, drill), run.result(drill.folder)
    if result is not None:
        return _ended(result)
    if drill.verdict:
        good = None if drill.control else drill.verdict is Verdict.PASSED  # for a control, only the result knows
        said = drill.reason or _cost(drill)
        return DrillRow(name, drill.folder, Status.ENDED, drill.verdict, good, drill.took_s, said)
    phase = drill.phase
    if lost:
        where = phase or (drill.phases[-1] if drill.phases else None)
        said = f"nothing was written after {where.name} began" if where else "no phase began"
        return DrillRow(name, drill.folder, Status.LOST, "cut short", None, None, said)
    took_s = (now - phase.began.at).total_seconds() if phase else None
    word = phase.name if phase else "evidence" if drill.reason else "prepares"
    return DrillRow(name, drill.folder, Status.RUNNING, word, None, took_s, doing(drill, now))


def _ended(result: DrillResult) -> DrillRow:
    took = [phase.took_s for phase in result.phases if phase.took_s is not None]
    said = one_line(outcome(result)) or f"recovered in {seconds(result.recovered_after_s)}"
    folder = of_result(result)
    return DrillRow(
        result.name, folder, Status.ENDED, result.verdict, as_expected(result), sum(took) if took else None, said
    )


def _cost(drill: Timeline) -> str:
    recovered = [phase.took_s for phase in drill.phases if phase.name in {"remediate", "recovery"} and phase.took_s]
    return f"recovered in {seconds(sum(recovered))}" if recovered else ""


def doing(drill: Timeline, now: datetime) -> str:
    """What a running drill does, in a few words: missing conditions and time left, its step, or its fault."""
    wait, step, phase = drill.waiting, drill.step, drill.phase
    if wait is not None:
        return f"{passing(wait.left_s(now))} left: " + (", ".join(wait.missing) if wait.missing else holding(wait, now))
    if phase is not None and phase.name in {"remediate", "recovery"} and step is not None:
        if step.record is None:
            return f"runs {step.file}:{step.line} {step.command}"
        return f"after {step.file}:{step.line}, exit code {step.record.exit_code}"
    if phase is not None and phase.name == "inject" and drill.faults:
        return _growth(drill, now) or drill.faults[-1].name
    return drill.reason


def _growth(drill: Timeline, now: datetime) -> str:
    """How far a fault that grows has come, by now; empty if it does not, or is done."""
    if drill.growing is None or drill.full is not None:
        return ""
    told, event = drill.growing
    passed_s = (now - told.at).total_seconds()
    return growth_line(replace(event, left_s=max(0.0, event.left_s - passed_s)))


def holding(wait: Wait, now: datetime) -> str:
    """How long everything has held."""
    held_s = 0.0 if wait.held is None else max(0.0, (now - wait.held.at).total_seconds())
    if not wait.hold_s:
        return "all hold"
    return f"all hold, for {min(held_s, wait.hold_s):.0f} of {wait.hold_s:g} s"

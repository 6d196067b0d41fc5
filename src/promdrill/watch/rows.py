"""The drills of a run as rows: the state of each, its seconds, and what there is to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from promdrill.core.model import DrillResult, Verdict, drill_name
from promdrill.results.outcome import as_due, outcome
from promdrill.watch.drill import DrillState, Wait
from promdrill.watch.run import Ending, RunState, folder_name
from promdrill.watch.text import clean, passing, seconds


class Status(StrEnum):
    """How far a drill is. `LOST`: it was begun, and whoever ran it is gone."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Row:
    """One drill.

    Attributes:
        name: As in results.json.
        folder: Name of its folder.
        status: How far it is.
        word: Its phase, its verdict, or its status.
        good: Whether it ended as it had to; None before that.
        took_s: Seconds of all phases when it has ended, of the running one before; None when unknown.
        said: What is waited for, or how it ended.
    """

    name: str
    folder: str
    status: Status
    word: str
    good: bool | None = None
    took_s: float | None = None
    said: str = ""


def rows(run: RunState, now: datetime) -> list[Row]:
    """All drills that are known: those with a journal as they began, those without, those that are still to come."""
    lost = run.ending(now) is not Ending.RUNNING
    found = [_row(run, drill, now, lost=lost) for drill in run.drills.values()]
    ended = run.results.drills if run.results is not None else ()
    found += [_ended(result) for result in ended if folder_name(result) not in run.drills]
    known = {row.name for row in found} | {skipped.scenario for skipped in run.skipped}
    to_come = [] if lost else [name for name in run.planned if name not in known]
    return found + [Row(name, name, Status.WAITING, Status.WAITING) for name in to_come]


def name_of(run: RunState, drill: DrillState) -> str:
    """A drill's name: as its result says, else from its folder's, which has it without the odd characters."""
    result = run.result(drill.folder)
    if result is not None:
        return result.name
    label = drill.folder.removeprefix(drill.scenario).removeprefix(".") or None
    named = drill_name(drill.scenario, label)
    plain = {clean(name).replace(":", "-").replace(",", "-"): name for name in run.planned}
    return plain.get(named, named)


def _row(run: RunState, drill: DrillState, now: datetime, *, lost: bool) -> Row:
    name, result = name_of(run, drill), run.result(drill.folder)
    if result is not None:
        return _ended(result)
    if drill.verdict:
        good = None if drill.control else drill.verdict == Verdict.PASSED  # of a control, the result says it
        said = drill.reason or _cost(drill)
        return Row(name, drill.folder, Status.ENDED, drill.verdict, good, drill.took_s, said)
    phase = drill.phase
    if lost:
        where = phase or (drill.phases[-1] if drill.phases else None)
        said = f"nothing was written after {where.name} began" if where else "nothing was begun"
        return Row(name, drill.folder, Status.LOST, "cut short", None, None, said)
    took_s = (now - phase.began).total_seconds() if phase else None
    word = phase.name if phase else "evidence" if drill.reason else "prepares"
    return Row(name, drill.folder, Status.RUNNING, word, None, took_s, doing(drill, now))


def _ended(result: DrillResult) -> Row:
    took = [phase.took_s for phase in result.phases if phase.took_s is not None]
    said = clean(outcome(result)) or f"recovered in {seconds(result.recovered_after_s)}"
    folder = folder_name(result)
    return Row(result.name, folder, Status.ENDED, result.verdict, as_due(result), sum(took) if took else None, said)


def _cost(drill: DrillState) -> str:
    recovered = [phase.took_s for phase in drill.phases if phase.name in {"remediate", "recovery"} and phase.took_s]
    return f"recovered in {seconds(sum(recovered))}" if recovered else ""


def doing(drill: DrillState, now: datetime) -> str:
    """What a running drill does, in a few words: what is missing and until when, its step, its fault."""
    wait, step, phase = drill.waiting, drill.step, drill.phase
    if wait is not None:
        left_s = wait.left_s(now)
        until = "" if left_s is None else f"{passing(left_s)} left: "
        return until + (", ".join(wait.missing) if wait.missing else holding(wait, now))
    if phase is not None and phase.name in {"remediate", "recovery"} and step is not None:
        if not step.ended:
            return f"runs {step.file}:{step.line} {step.command}"
        return f"after {step.file}:{step.line}, exit code {step.exit_code}"
    if phase is not None and phase.name == "inject" and drill.faults:
        return list(drill.faults)[-1]
    return drill.reason


def holding(wait: Wait, now: datetime) -> str:
    """How long everything has held."""
    held_s = 0.0 if wait.held is None else max(0.0, (now - wait.held).total_seconds())
    if not wait.hold_s:
        return "all hold"
    return f"all hold, for {min(held_s, wait.hold_s):.0f} of {wait.hold_s:g} s"

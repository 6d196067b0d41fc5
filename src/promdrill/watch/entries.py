"""From a journal's entries to what is known of its drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from promdrill.report.html.journal import Entry
from promdrill.watch.drill import (
    DrillState,
    Phase,
    Sighting,
    Step,
    Wait,
)
from promdrill.watch.pods import pod_of
from promdrill.watch.text import clean, moment

_UNKNOWN = ("not asked yet", "not answered yet", "no answer yet", "no such line among")
"""What conditions say when they have seen nothing: no news of a volume or of a log."""

_QUOTES = 3
"""Lines of logs and events that are remembered."""


def take(drill: DrillState, entry: Entry) -> bool:
    """Take an entry; whether it could be made sense of. One without a moment cannot."""
    at = moment(entry.at)
    if at is None:
        return False
    drill.began, drill.last = drill.began or at, at
    handler = _HANDLERS.get(entry.event)
    if handler is not None:
        handler(drill, entry, at)
    return True


def begins_anew(drill: DrillState, entry: Entry) -> bool:
    """Whether the entry is the first of one more drill in the same journal."""
    if drill.began is None:
        return False
    return entry.event == "supplied" or (entry.event == "drill-begin" and bool(drill.phases or drill.verdict))


def _drill_begin(drill: DrillState, entry: Entry, _at: datetime) -> None:
    drill.scenario = clean(entry.text("scenario")) or drill.folder
    drill.control = clean(entry.text("control")) or None


def _phase_begin(drill: DrillState, entry: Entry, at: datetime) -> None:
    drill.phases.append(Phase(clean(entry.text("phase")), at))


def _phase_end(drill: DrillState, entry: Entry, at: datetime) -> None:
    name = clean(entry.text("phase"))
    phase = next((phase for phase in drill.phases if phase.ended is None and phase.name == name), None)
    if phase is None:
        drill.phases.append(phase := Phase(name, at))
    took_s = entry.number("took_s")
    phase.took_s = (at - phase.began).total_seconds() if took_s is None else took_s
    phase.ended = clean(entry.text("ended")) or "done"
    if drill.waiting is not None:
        drill.waiting.ended = "cut short"


def _wait(drill: DrillState, entry: Entry, at: datetime) -> None:
    wanted = tuple(clean(name) for name in entry.items("wanted"))
    drill.wait = Wait(at, entry.number("timeout_s"), entry.number("hold_s") or 0.0, wanted)


def _wait_ended(drill: DrillState, entry: Entry, _at: datetime) -> None:
    if drill.wait is None:
        return
    drill.wait.ended = entry.event.removeprefix("wait-")
    if drill.wait.ended == "failed":
        drill.wait.why = f"{clean(entry.text('failure'))}: {clean(entry.text('text'))}"


def _condition(drill: DrillState, entry: Entry, at: datetime) -> None:
    holds = entry.fields.get("holds") is True
    kind, text = entry.text("kind"), clean(entry.text("text"))
    sighting = Sighting(clean(entry.text("name")), kind, holds, text, at)
    if drill.waiting is not None:
        drill.waiting.see(sighting)
    if any(phrase in text for phrase in _UNKNOWN):
        return
    if kind == "pod":
        drill.pod = sighting
    elif kind == "volume":
        drill.volume.pop(sighting.name, None)
        drill.volume[sighting.name] = sighting
    elif text.startswith("newest sample"):
        drill.sample = sighting
    elif kind in {"log", "event"} and holds:
        drill.quotes = [*[quote for quote in drill.quotes if quote.text != text][1 - _QUOTES :], sighting]


def _pod(drill: DrillState, entry: Entry, at: datetime) -> None:
    pod, key = pod_of(entry, at), entry.text("uid") or entry.text("pod")  # a StatefulSet's pods share one name
    if pod is None:
        drill.pods.pop(key, None)
    else:
        drill.pods[key] = pod


def _volume(drill: DrillState, entry: Entry, at: datetime) -> None:
    used, size = entry.number("used_bytes"), entry.number("size_bytes")
    if used is None or not size:
        return
    path = clean(entry.text("path")) or "volume"
    drill.volume[path] = Sighting(path, "fill", holds=True, text=_fill(used, size), at=at)


def _freshness(drill: DrillState, entry: Entry, at: datetime) -> None:
    age_s = entry.number("age_s")
    text = "no sample" if age_s is None else f"newest sample is {age_s:.1f} s old"
    drill.sample = Sighting("freshness", "metric", age_s is not None, text, at)


def _stage(drill: DrillState, entry: Entry, _at: datetime) -> None:
    drill.stage = clean(entry.text("stage"))


def _fault(drill: DrillState, entry: Entry, _at: datetime) -> None:
    drill.faults[clean(entry.text("fault"))] = entry.event == "fault-confirmed"


def _step_begin(drill: DrillState, entry: Entry, at: datetime) -> None:
    drill.steps.append(_step_of(entry, at))


def _step(drill: DrillState, entry: Entry, at: datetime) -> None:
    step, running = _step_of(entry, at), drill.step
    if running is not None and not running.ended and (running.file, running.line) == (step.file, step.line):
        drill.steps.pop()
    code = entry.fields.get("exit_code")
    step.exit_code = code if isinstance(code, int) else None
    step.took_s, step.ended = entry.number("took_s"), True
    drill.steps.append(step)


def _step_of(entry: Entry, at: datetime) -> Step:
    command = next((line for line in entry.text("command").splitlines() if line.strip()), "")
    section, file = clean(entry.text("section")), clean(entry.text("file"))
    return Step(file, int(entry.number("line") or 0), section, clean(command), at, entry.number("timeout_s"))


def _samples(drill: DrillState, entry: Entry, _at: datetime) -> None:
    gap_s, lost = entry.number("gap_s"), entry.number("lost")
    if gap_s is not None and lost is not None:
        drill.gaps.append(f"{clean(entry.text('job'))}: a gap of {gap_s:.1f} s, {lost:.0f} samples lost")


def _trouble(drill: DrillState, entry: Entry, _at: datetime) -> None:
    error = clean(entry.text("error"))
    if error:
        about = clean(entry.text("what") or entry.text("collector") or entry.text("thread"))
        drill.trouble.append(f"{entry.event}: {about}: {error}")


def _ended(drill: DrillState, entry: Entry, _at: datetime) -> None:
    drill.reason = clean(entry.text("reason"))
    if entry.event == "verdict":
        drill.verdict = clean(entry.text("verdict"))
    else:
        drill.detail = entry.text("detail")


def _fill(used: float, size: float) -> str:
    return f"{used / 2**20:.0f} of {size / 2**20:.0f} MiB, {max(0.0, size - used) / 2**10:.0f} KiB left"


_HANDLERS: Mapping[str, Callable[[DrillState, Entry, datetime], None]] = {
    "drill-begin": _drill_begin,
    "phase-begin": _phase_begin,
    "phase-end": _phase_end,
    "wait": _wait,
    "wait-done": _wait_ended,
    "wait-timeout": _wait_ended,
    "wait-failed": _wait_ended,
    "condition": _condition,
    "pod": _pod,
    "volume": _volume,
    "freshness": _freshness,
    "stage-begin": _stage,
    "fault": _fault,
    "fault-confirmed": _fault,
    "step-begin": _step_begin,
    "step": _step,
    "samples": _samples,
    "undo": _trouble,
    "evidence-missing": _trouble,
    "observer-broken": _trouble,
    "samples-unknown": _trouble,
    "ended-early": _ended,
    "verdict": _ended,
}

"""The seconds of one run: in total, inside drills, and outside of drills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from promdrill.core.model import DrillResult, PhaseName, RunResult
from promdrill.results.expected import as_expected
from promdrill.results.words import between

_GETS_READY = (PhaseName.PROVISION, PhaseName.BASELINE)
_LOOKS_ON = (PhaseName.RECOVERY, PhaseName.UNDO)
"""Phases before and after a drill's turn, which take none of another drill's; the baseline that is proven again after a
wait does. Verification has no turn either, but a phase with the steps before it."""

_AT_ONCE = 2
"""How many drills there are at once at most for each that has its turn: others get ready or recover."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The seconds of a run outside of drills: `before_s`, `between_s` and `after_s` together.

    Attributes:
        all_s: The sum.
        before_s: From the run's start to its first drill: supply, and the cluster.
        between_s: From the first drill's start to the last one's end, minus `Ran.packed_s`: workers are idle until the
            first drills are ready, beside a drill that runs alone, and at the end.
        after_s: From then to the run's end, while the cluster is deleted.
    """

    all_s: float
    before_s: float
    between_s: float
    after_s: float


@dataclass(frozen=True, slots=True)
class Ran:
    """One run.

    Attributes:
        started: When it started, as in results.json.
        took_s: Seconds from its start to its end; None if it did not finish.
        jobs: How many workers it had.
        verdicts: How many drills ended how.
        skipped: How many scenarios were skipped.
        as_expected: Whether it finished, and all drills ended as expected.
        drilled_s: Seconds of all drills together, however they ended.
        packed_s: The least they can take. With one worker their sum; with more, the incidents divided by `jobs`, as
            others get ready or recover beside them; at least all of it divided by twice `jobs`, as no more drills are
            there at once, and at least the longest drill.
        outside: The seconds outside of drills; None if the times for it are missing.
        options: Its other settings that differ from the defaults.
    """

    started: str
    took_s: float | None
    jobs: int
    verdicts: Mapping[str, int]
    skipped: int
    as_expected: bool
    drilled_s: float
    packed_s: float
    outside: Outside | None
    options: Mapping[str, str]

    @property
    def drills(self) -> int:
        """How many drills were run."""
        return sum(self.verdicts.values())


def workers(run: RunResult) -> int:
    """How many incidents a run had at once at most: JOBS; where it says none, as many as drills ran at once."""
    asked = run.options.get("JOBS", "")
    return int(asked) if asked.isdecimal() else max(1, _most_at_once(run))


def _most_at_once(run: RunResult) -> int:
    """0 if no drill has its start and end."""
    spans = [span for drill in run.drills if (span := _span(drill)) is not None]
    changes = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])  # ends before beginnings
    most = there = 0
    for _, change in changes:
        there += change
        most = max(most, there)
    return most


def drill_s(drill: DrillResult) -> float:
    """Seconds of all phases of a drill together."""
    return sum(phase.took_s or 0.0 for phase in drill.phases)


def _turn_s(drill: DrillResult) -> float:
    """Seconds of a drill's incident, from the end of the first proof of its baseline to its recovery."""
    before = [phase for phase in drill.phases[: len(_GETS_READY)] if phase.name in _GETS_READY]
    return sum(phase.took_s or 0.0 for phase in drill.phases[len(before) :] if phase.name not in _LOOKS_ON)


def ran(run: RunResult) -> Ran:
    """The figures of one run."""
    jobs = workers(run)
    seconds = [drill_s(drill) for drill in run.drills]
    turns_s = sum(map(_turn_s, run.drills)) if jobs > 1 else sum(seconds)
    packed_s = max([turns_s / jobs, sum(seconds) / (jobs * _AT_ONCE), *seconds])
    return Ran(
        started=run.started,
        took_s=between(run.started, run.finished),
        jobs=jobs,
        verdicts=dict(Counter(str(drill.verdict) for drill in run.drills)),
        skipped=len(run.skipped),
        as_expected=run.finished is not None and all(map(as_expected, run.drills)),
        drilled_s=round(sum(seconds), 3),
        packed_s=round(packed_s, 3),
        outside=_outside(run, packed_s),
        options={name: value for name, value in run.options.items() if name != "JOBS"},
    )


def _outside(run: RunResult, packed_s: float) -> Outside | None:
    spans = [_span(drill) for drill in run.drills]
    known = [span for span in spans if span is not None]
    began, ended = _moment(run.started), _moment(run.finished)
    if not known or len(known) < len(spans) or began is None or ended is None:
        return None
    first, last = min(start for start, _ in known), max(end for _, end in known)
    before_s, after_s = (first - began).total_seconds(), (ended - last).total_seconds()
    between_s = (last - first).total_seconds() - packed_s
    return Outside(*(round(part, 3) for part in (before_s + between_s + after_s, before_s, between_s, after_s)))


def _span(drill: DrillResult) -> tuple[datetime, datetime] | None:
    """From the start of the first phase to the end of the last."""
    began, last = (_moment(drill.phases[at].started) if drill.phases else None for at in (0, -1))
    if began is None or last is None:
        return None
    try:
        return began, last + timedelta(seconds=drill.phases[-1].took_s or 0.0)
    except OverflowError:  # after the calendar ends: nothing took so long
        return None


def _moment(text: str | None) -> datetime | None:
    """A time with its time zone, as promdrill writes all times; None for any other text."""
    try:
        moment = datetime.fromisoformat(text or "")
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None

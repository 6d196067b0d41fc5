"""How long it took from a change in the cluster until the drill knew of it, and what polls would have given.

The moments come from the journals; what polls give is computed from the same moments, not measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from promdrill.core import events
from promdrill.core.journal import JOURNAL
from promdrill.core.model import DrillResult
from promdrill.observe.conditions import Kind
from promdrill.observe.poll import EXEC_PERIOD_S, PERIOD_S
from promdrill.results.folder import of_result
from promdrill.results.timeline.drill import Timeline
from promdrill.results.timeline.read import read

POLLS_S = (1.0, 2.0, 15.0)
"""Seconds between two looks of the polls that promdrill is compared with: a shell loop, ``helm --wait``, a scrape."""

_STEPS = 40
"""Halvings of a search: a thousandth of a millisecond of an hour is found long before."""


@dataclass(frozen=True, slots=True)
class Change:
    """A condition began to hold while it was waited for.

    Attributes:
        scenario: The drill's scenario.
        kind: Where the evidence came from: a `Kind`.
        after_s: Seconds from the change, or from the arrival of the answer that shows it, until the drill knew.
        asked_every_s: Seconds between two questions for the evidence; 0 where a stream brings it.
        lasted_s: Seconds for which the condition held; None if it held as long as it was waited for.
    """

    scenario: str
    kind: str
    after_s: float
    asked_every_s: float
    lasted_s: float | None = None


@dataclass(frozen=True, slots=True)
class Delays:
    """How long it took until changes were known.

    Attributes:
        count: The number of changes.
        p50_s: Half of those that were seen were known within it, in seconds.
        p95_s: 95 % of them.
        p99_s: 99 % of them.
        worst_s: All of them.
        mean_s: Their mean.
        missed: Share of the changes that were over before anybody looked, 0 to 1.
    """

    count: int
    p50_s: float
    p95_s: float
    p99_s: float
    worst_s: float
    mean_s: float
    missed: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Delays of several changes, each of them known to lie between two bounds, anywhere with the same probability.

    Attributes:
        parts: Of each pair of bounds, in seconds, the number of changes; less than one for a change that is not always
            seen.
        count: The number of changes, seen or not.
    """

    parts: Mapping[tuple[float, float], float]
    count: int

    @property
    def seen(self) -> float:
        """The number of changes that are seen, on average."""
        return sum(self.parts.values())

    @property
    def worst_s(self) -> float:
        """The longest delay."""
        return max(most_s for _, most_s in self.parts)

    def within(self, delay_s: float) -> float:
        """The number of changes that are known after so many seconds, on average."""
        return sum(number * _share(bounds, delay_s) for bounds, number in self.parts.items())

    def quantile_s(self, share: float) -> float:
        """The seconds within which that share of the changes that are seen is known."""
        low_s, high_s = 0.0, self.worst_s
        for _ in range(_STEPS):
            middle_s = (low_s + high_s) / 2
            if self.within(middle_s) >= share * self.seen:
                high_s = middle_s
            else:
                low_s = middle_s
        return high_s

    def summed_up(self) -> Delays:
        """Its figures, to a tenth of a millisecond."""
        mean_s = sum(number * (least_s + most_s) / 2 for (least_s, most_s), number in self.parts.items()) / self.seen
        told = (*map(self.quantile_s, (0.5, 0.95, 0.99)), self.worst_s, mean_s, 1 - self.seen / self.count)
        return Delays(self.count, *(round(each, 4) for each in told))


def changes_of(folder: Path, drill: DrillResult) -> list[Change]:
    """The changes that a drill noticed, from its journal; none without one.

    Args:
        folder: The run's folder.
        drill: The drill's result.
    """
    *_, last = (None, *read(folder / of_result(drill) / JOURNAL).drills)
    return [] if last is None else list(changes(last))


def changes(drill: Timeline) -> Iterator[Change]:
    """The changes that a drill noticed."""
    holding: dict[str, tuple[Change, datetime]] = {}
    for when, event in drill.entries:
        if isinstance(event, events.WaitBegan):
            yield from (change for change, _ in holding.values())
            holding.clear()
        elif isinstance(event, events.ConditionChanged):
            if (before := holding.pop(event.condition, None)) is not None:
                change, since = before
                lasted_s = max(0.0, ((event.changed or when.at) - since).total_seconds())
                yield replace(change, lasted_s=round(lasted_s, 4))
            if event.holds and event.changed is not None and event.detected_after_s is not None:
                found = Change(drill.scenario, event.kind, event.detected_after_s, _asked_every_s(event))
                holding[event.condition] = (found, event.changed)
    yield from (change for change, _ in holding.values())


def recorded(found: Sequence[Change]) -> Spread:
    """The delays that the drills recorded: from a stream's message, or an answer, until the drill knew."""
    return _spread(found, [(change.after_s, change.after_s, 1.0) for change in found])


def with_questions(found: Sequence[Change]) -> Spread:
    """The same from the change itself, also of what has to be asked for: it came at any time since the last answer."""
    return _spread(found, [(change.after_s, change.after_s + change.asked_every_s, 1.0) for change in found])


def polled(found: Sequence[Change], period_s: float) -> Spread:
    """What a poll would have given that looks every so many seconds, begins at any time, and takes no time itself.

    It sees a change that lasts d seconds after 0 to min(d, period) seconds, and with the probability 1 - d / period,
    if d is shorter, not at all.
    """
    there_s = [period_s if change.lasted_s is None else min(change.lasted_s, period_s) for change in found]
    return _spread(found, [(0.0, most_s, most_s / period_s) for most_s in there_s])


def spreads(found: Sequence[Change]) -> dict[str, Spread]:
    """All of them by name, without those of no change."""
    streams = [change for change in found if not change.asked_every_s]
    asked = [change for change in found if change.asked_every_s]
    told = {
        "recorded": recorded(found),
        "streams": recorded(streams),
        "answers": recorded(asked),
        "with_questions": with_questions(found),
        **{f"poll_{period_s:g}_s": polled(found, period_s) for period_s in POLLS_S},
    }
    return {name: each for name, each in told.items() if each.seen}


def _spread(found: Sequence[Change], parts: Sequence[tuple[float, float, float]]) -> Spread:
    numbers: defaultdict[tuple[float, float], float] = defaultdict(float)
    for least_s, most_s, number in parts:
        if number > 0:
            numbers[least_s, most_s] += number
    return Spread(numbers, len(found))


def _share(bounds: tuple[float, float], delay_s: float) -> float:
    """The probability that a delay between these bounds is at most `delay_s`."""
    least_s, most_s = bounds
    if delay_s >= most_s:
        return 1.0
    return (delay_s - least_s) / (most_s - least_s) if delay_s > least_s else 0.0


def _asked_every_s(event: events.ConditionChanged) -> float:
    """As in `Change`; in a journal that does not say it, the kind of the evidence does."""
    if event.asked_every_s is not None:
        return event.asked_every_s
    if event.kind == Kind.VOLUME:
        return EXEC_PERIOD_S if event.condition.startswith("df") else 0.0
    return PERIOD_S if event.kind in {Kind.HTTP, Kind.METRIC, Kind.OBJECT} else 0.0

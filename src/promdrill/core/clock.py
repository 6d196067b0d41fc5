"""Time: the only module that reads a clock.

Durations are monotonic seconds; points in time are UTC. Tests pass a fake `Clock`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The clock that the rest of promdrill uses."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences are meaningful."""
        ...

    def utc(self) -> datetime:
        """Now, with time zone UTC."""
        ...


class SystemClock:
    """The system's clocks."""

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    def utc(self) -> datetime:
        """See `Clock.utc`."""
        return datetime.now(UTC)


SYSTEM: Clock = SystemClock()


def iso(moment: datetime) -> str:
    """A UTC moment as ISO 8601 with milliseconds and a ``Z``, as in results.json."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock at which a wait gives up.

    Attributes:
        at: Monotonic seconds.
        budget_s: The seconds that were granted, for messages.
        clock: The clock that `at` belongs to.
    """

    at: float
    budget_s: float
    clock: Clock = SYSTEM

    @classmethod
    def after(cls, budget_s: float, clock: Clock = SYSTEM) -> Deadline:
        """A deadline `budget_s` seconds from now."""
        return cls(clock.monotonic() + budget_s, budget_s, clock)

    @property
    def remaining_s(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the deadline has passed."""
        return self.clock.monotonic() >= self.at

    @property
    def elapsed_s(self) -> float:
        """Seconds since the deadline was set."""
        return self.budget_s - (self.at - self.clock.monotonic())

"""What is known of one drill: phases, what is waited for, what was last seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from promdrill.watch.pods import Pod


@dataclass(frozen=True, slots=True)
class Sighting:
    """A condition as it was last journalled, or something else that was seen; `name` says what."""

    name: str
    kind: str
    holds: bool
    text: str
    at: datetime


@dataclass(slots=True)
class Phase:
    """A phase that was entered; `took_s` and `ended` are None while it runs."""

    name: str
    began: datetime
    took_s: float | None = None
    ended: str | None = None


@dataclass(slots=True)
class Step:
    """A runbook's step; one that runs has neither `took_s` nor `ended`. An exit code of None is that of a deadline."""

    file: str
    line: int
    section: str
    command: str
    began: datetime
    timeout_s: float | None = None
    exit_code: int | None = None
    took_s: float | None = None
    ended: bool = False


@dataclass(slots=True)
class Wait:
    """A wait for conditions.

    Attributes:
        began: UTC.
        timeout_s: Seconds after which it gives up; None when that is not known.
        hold_s: Seconds for which all must hold.
        wanted: Names, in order.
        seen: The last sighting of each, by name.
        held: Since when all hold; None while one is missing.
        ended: ``done``, ``timeout`` or ``failed``; empty while it runs.
        why: What ended it early.
    """

    began: datetime
    timeout_s: float | None
    hold_s: float
    wanted: tuple[str, ...]
    seen: dict[str, Sighting] = field(default_factory=dict)
    held: datetime | None = None
    ended: str = ""
    why: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What does not hold, as far as is known."""
        return tuple(name for name in self.wanted if name not in self.seen or not self.seen[name].holds)

    def left_s(self, now: datetime) -> float | None:
        """Seconds until its deadline, below zero when that has passed; None when it has none."""
        return None if self.timeout_s is None else self.timeout_s - (now - self.began).total_seconds()

    def see(self, sighting: Sighting) -> None:
        """Take a condition's news."""
        self.seen[sighting.name] = sighting
        self.held = None if self.missing else self.held or sighting.at


@dataclass(slots=True)
class DrillState:
    """One drill, as far as its journal tells; `promdrill.watch.entries` writes it.

    Attributes:
        folder: Name of its folder.
        scenario: Its scenario's id; the folder's name until the journal says it.
        control: As in `promdrill.core.model.DrillResult`.
        began: UTC of the first entry; None before it.
        last: UTC of the last entry.
        phases: Those entered, in order.
        wait: The last wait, running or ended.
        stage: The stage of the signature that is looked for, or was found last.
        faults: Names of faults, each with whether it was confirmed.
        steps: Runbook steps that were started, in order.
        pods: By UID, those that are there; empty where the journal has no entries for pods.
        pod: What a condition last said of a pod.
        volume: What was last said of claims and of the volume's fill, by what said it.
        sample: What was last said of the newest sample.
        quotes: The last lines of logs and events that conditions were looking for, latest last.
        gaps: What the incident cost in samples, a text for each job.
        trouble: What went wrong beside the drill: an undo that failed, evidence that could not be had.
        verdict: How it ended; empty while it runs.
        reason: Why, unless it passed.
        detail: All that is known of why.
    """

    folder: str
    scenario: str = ""
    control: str | None = None
    began: datetime | None = None
    last: datetime | None = None
    phases: list[Phase] = field(default_factory=list)
    wait: Wait | None = None
    stage: str = ""
    faults: dict[str, bool] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    pods: dict[str, Pod] = field(default_factory=dict)
    pod: Sighting | None = None
    volume: dict[str, Sighting] = field(default_factory=dict)
    sample: Sighting | None = None
    quotes: list[Sighting] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    verdict: str = ""
    reason: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        self.scenario = self.scenario or self.folder

    @property
    def phase(self) -> Phase | None:
        """The phase that runs; None between phases."""
        return next((phase for phase in reversed(self.phases) if phase.ended is None), None)

    @property
    def step(self) -> Step | None:
        """The last step that was started."""
        return self.steps[-1] if self.steps else None

    @property
    def waiting(self) -> Wait | None:
        """The wait that runs."""
        return self.wait if self.wait is not None and not self.wait.ended else None

    @property
    def took_s(self) -> float:
        """Seconds of the phases that have ended."""
        return sum(phase.took_s or 0.0 for phase in self.phases)

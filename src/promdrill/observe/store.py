"""What the watching threads write to and snapshots are taken from: one lock, and one condition that signals changes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from promdrill.core.clock import Clock
from promdrill.observe.probes import Probe, ProbeAnswer
from promdrill.observe.snapshot import ContainerKey, LogLine, Object, Snapshot, name_of

KINDS = ("pods", "claims", "volumes", "events", "endpoints")
"""The kinds of object that are watched: fields of `Snapshot`."""

ANSWERS_KEPT = 240
"""Latest answers kept per probe: two minutes at two a second, enough to see whether a counter rises."""

ARRIVALS_KEPT = 4096
"""Changes whose arrival is remembered; a wait judges every few milliseconds and never falls that far behind."""


@dataclass(slots=True)
class _Asked:
    """One probe's answers.

    Attributes:
        latest: The latest that counts; None if a new wait has none yet.
        recent: The latest, oldest first.
        openings: Readings of /metrics that later ones never push out: the first of each wait, and the first after none
            could be read. A counter's value at the moment when a wait began is known for as long as the drill lasts.
    """

    latest: ProbeAnswer | None = None
    recent: deque[ProbeAnswer] = field(default_factory=lambda: deque(maxlen=ANSWERS_KEPT))
    openings: list[ProbeAnswer] = field(default_factory=list)


class Store:
    """The mutable side of `Snapshot`. Every method is safe to call from any thread.

    Attributes:
        changed: Notified after every change.
    """

    def __init__(self, namespace: str, clock: Clock) -> None:
        self.changed = threading.Condition()
        self._namespace = namespace
        self._clock = clock
        self._version = 0
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=ARRIVALS_KEPT)
        self._objects: dict[str, Mapping[str, Object]] = {kind: {} for kind in KINDS}
        self._logs: dict[ContainerKey, dict[tuple[str, str], LogLine]] = {}
        self._frozen: dict[ContainerKey, tuple[LogLine, ...]] = {}
        self._read: Mapping[ContainerKey, float] = {}
        self._asked: dict[Probe, _Asked] = {}

    def replace(self, kind: str, objects: Iterable[Object]) -> None:
        """Set all objects of a kind: the result of a list."""
        with self.changed:
            self._objects[kind] = {name_of(obj): obj for obj in objects}
            self._note()

    def put(self, kind: str, obj: Object) -> None:
        """Add or change one object."""
        with self.changed:
            self._objects[kind] = {**self._objects[kind], name_of(obj): obj}
            self._note()

    def drop(self, kind: str, obj: Object) -> None:
        """Remove one object, unless another of its name has taken its place."""
        with self.changed:
            there = self._objects[kind].get(name_of(obj))
            if there is not None and there["metadata"].get("uid") == obj["metadata"].get("uid"):
                self._objects[kind] = {name: o for name, o in self._objects[kind].items() if name != name_of(obj)}
                self._note()

    def add_line(self, key: ContainerKey, stamp: str, line: LogLine) -> bool:
        """Add a log line, unless it is known. Returns whether it was new.

        A line is identified by its pod, its timestamp to the nanosecond and its text. If it comes again from a later
        container, it was first read just as the container changed: it gets the later restart count.
        """
        with self.changed:
            lines = self._logs.setdefault(key, {})
            mark = (line.uid, f"{stamp} {line.text}")
            there = lines.get(mark)
            if there is not None and there.restart >= line.restart:
                return False
            lines[mark] = line if there is None else replace(there, restart=line.restart)
            self._frozen.pop(key, None)
            self._note()
            return there is None

    def set_read(self, key: ContainerKey, asked: float | None) -> None:
        """Record when (monotonic seconds) the log was asked for that has been read to its end; None if it has not."""
        with self.changed:
            if self._read.get(key) != asked:
                others = {k: at for k, at in self._read.items() if k != key}
                self._read = others if asked is None else {**others, key: asked}
                self._note()

    def answer(self, probe: Probe, answer: ProbeAnswer) -> None:
        """Add a probe's answer."""
        with self.changed:
            asked = self._asked.setdefault(probe, _Asked())
            if answer.metrics is not None and (asked.latest is None or asked.latest.metrics is None):
                asked.openings.append(answer)
            asked.latest = answer
            asked.recent.append(answer)
            self._note()

    def forget_answer(self, probe: Probe) -> None:
        """Take the latest answer out of the snapshot; it stays in the history."""
        with self.changed:
            if probe in self._asked:
                self._asked[probe].latest = None

    def snapshot(self, since: datetime) -> Snapshot:
        """What is known now, for a wait that began at `since`."""
        with self.changed:
            for key, lines in self._logs.items():
                if key not in self._frozen:
                    self._frozen[key] = tuple(lines.values())
            return Snapshot(
                at=self._clock.monotonic(),
                utc=self._clock.utc(),
                since=since,
                namespace=self._namespace,
                version=self._version,
                **self._objects,
                logs=dict(self._frozen),
                read=self._read,
                answers={probe: asked.latest for probe, asked in self._asked.items() if asked.latest},
                history={probe: _history(asked) for probe, asked in self._asked.items()},
            )

    def wait_beyond(self, version: int, timeout_s: float) -> None:
        """Return once there is a change after `version`, or after `timeout_s` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self._version > version, timeout=timeout_s)

    def arrival_after(self, version: int) -> float | None:
        """Monotonic seconds at which the first change after `version` arrived; None if there was none."""
        with self.changed:
            return next((at for number, at in self._arrivals if number > version), None)

    def _note(self) -> None:
        self._version += 1
        self._arrivals.append((self._version, self._clock.monotonic()))
        self.changed.notify_all()


def _history(asked: _Asked) -> tuple[ProbeAnswer, ...]:
    return (*(answer for answer in asked.openings if answer.sent_s < asked.recent[0].sent_s), *asked.recent)

"""Conditions: named, pure predicates over a snapshot that also say in words what they saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from promdrill.core.errors import UsageError
from promdrill.observe.probes import Probe
from promdrill.observe.snapshot import Snapshot


class Kind(StrEnum):
    """Where a condition's evidence comes from."""

    POD = "pod"
    LOG = "log"
    HTTP = "http"
    METRIC = "metric"
    EVENT = "event"
    OBJECT = "object"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a condition saw.

    Attributes:
        holds: Whether it holds.
        text: The observation in words.
        known: Whether there was anything to judge. What is not known does not hold, and neither does its negation.
        changed: UTC time of the change in the cluster, if the evidence has it.
        quotes: Whether `text` quotes the log line or the event that the condition looks for.
    """

    holds: bool
    text: str
    known: bool = True
    changed: datetime | None = None
    quotes: bool = False


Judge: TypeAlias = Callable[[Snapshot], Seen]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that can be waited for.

    Attributes:
        name: What it is, as in "2/2 containers ready".
        kind: Where its evidence comes from.
        judge: The predicate.
        probes: What has to be asked while something waits for it.
    """

    name: str
    kind: Kind
    judge: Judge
    probes: tuple[Probe, ...] = ()


def several(what: str, given: object) -> None:
    """Refuse a single condition where a tuple is expected: ``(condition)`` without its comma is not a tuple.

    Args:
        what: What was passed, with its verb: "conditions are".
        given: The value.

    Raises:
        UsageError: It is a single condition.
    """
    if isinstance(given, Condition):
        raise UsageError(f"{what} a tuple, not a single condition: {given.name}", hint="add the comma: (condition,)")


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that ends a wait at once when it holds; attributes as in `Condition`."""

    name: str
    kind: Kind
    judge: Judge
    probes: tuple[Probe, ...] = ()


def unknown(text: str) -> Seen:
    """Nothing could be judged; `text` says why."""
    return Seen(holds=False, text=text, known=False)


def all_of(*conditions: Condition, name: str = "") -> Condition:
    """Holds while all hold; the observation names those that do not."""

    def judge(snapshot: Snapshot) -> Seen:
        seen = [(c.name, c.judge(snapshot)) for c in conditions]
        missing = [(n, s) for n, s in seen if not s.holds]
        known = not missing or any(s.known for _, s in missing)
        moments = [s.changed for _, s in seen if s.changed is not None]
        changed = max(moments) if len(moments) == len(seen) else None
        return Seen(
            holds=not missing,
            text=_words(missing or seen),
            known=known,
            changed=None if missing else changed,
            quotes=any(s.quotes for _, s in missing or seen),
        )

    return Condition(name or " and ".join(c.name for c in conditions), _kind(conditions), judge, _probes(conditions))


def any_of(*conditions: Condition, name: str = "") -> Condition:
    """Holds while at least one holds."""

    def judge(snapshot: Snapshot) -> Seen:
        seen = [(c.name, c.judge(snapshot)) for c in conditions]
        holding = [(n, s) for n, s in seen if s.holds]
        known = bool(holding) or all(s.known for _, s in seen)
        moments = [s.changed for _, s in holding if s.changed is not None]
        changed = min(moments) if moments else None
        return Seen(holds=bool(holding), text=_words(holding or seen), known=known, changed=changed)

    return Condition(name or " or ".join(c.name for c in conditions), _kind(conditions), judge, _probes(conditions))


def negate(condition: Condition, name: str) -> Condition:
    """Holds while the condition is known not to hold."""

    def judge(snapshot: Snapshot) -> Seen:
        seen = condition.judge(snapshot)
        return Seen(holds=seen.known and not seen.holds, text=seen.text, known=seen.known)

    return Condition(name, condition.kind, judge, condition.probes)


def _kind(conditions: Sequence[Condition]) -> Kind:
    if not conditions:
        raise ValueError("a combination of no conditions would always, or never, hold")
    return conditions[0].kind


def _probes(conditions: Sequence[Condition]) -> tuple[Probe, ...]:
    return tuple(dict.fromkeys(probe for c in conditions for probe in c.probes))


def _words(seen: Sequence[tuple[str, Seen]]) -> str:
    return "; ".join(f"{name}: {s.text}" for name, s in seen)

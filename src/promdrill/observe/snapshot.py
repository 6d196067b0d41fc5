"""The snapshot: everything that is known about a drill's namespace at one moment. Immutable; reading it asks nobody.

The one exception is the snapshot that ends a hold: its objects are a `Listing` each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeAlias

from promdrill.core.errors import ClusterError
from promdrill.observe.probes import Probe, ProbeAnswer

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object as the API server gives it."""

ContainerKey: TypeAlias = tuple[str, str]
"""Pod name and container name."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A time before anything that can be observed."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a container's log.

    Attributes:
        at: When the container runtime received it, UTC.
        text: The line, without its end.
        restart: The container's restart count when it wrote the line.
        uid: UID of the pod, which distinguishes pods of the same name.
        shown: When the cluster could first show it: `at`, or later if the container became known later.
    """

    at: datetime
    text: str
    restart: int = 0
    uid: str = ""
    shown: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot. Objects are raw dicts by name and must not be changed.

    Attributes:
        at: Monotonic seconds.
        utc: The same moment in UTC.
        since: UTC start of the wait that the snapshot is judged for.
        namespace: The drill's namespace.
        version: Counts changes: higher in a later snapshot, unless nothing changed.
        pods: Pods.
        claims: PersistentVolumeClaims.
        volumes: PersistentVolumes of the whole cluster.
        events: Events.
        endpoints: EndpointSlices.
        logs: Every line read so far, in order, including those of deleted pods.
        read: When (monotonic seconds) the log of a container was asked for that has been read to its end since, and is
            followed from there; infinite if it has ended. Other logs have not been read.
        answers: The latest answer to each probe, asked after the wait began.
        history: All answers to each probe that are kept, oldest first: see `promdrill.observe.store`.
    """

    at: float
    utc: datetime
    since: datetime = EPOCH
    namespace: str = ""
    version: int = 0
    pods: Mapping[str, Object] = field(default_factory=dict)
    claims: Mapping[str, Object] = field(default_factory=dict)
    volumes: Mapping[str, Object] = field(default_factory=dict)
    events: Mapping[str, Object] = field(default_factory=dict)
    endpoints: Mapping[str, Object] = field(default_factory=dict)
    logs: Mapping[ContainerKey, tuple[LogLine, ...]] = field(default_factory=dict)
    read: Mapping[ContainerKey, float] = field(default_factory=dict)
    answers: Mapping[Probe, ProbeAnswer] = field(default_factory=dict)
    history: Mapping[Probe, tuple[ProbeAnswer, ...]] = field(default_factory=dict)

    def select(self, selector: Mapping[str, str], *, leaving: bool = False) -> tuple[Object, ...]:
        """Pods that carry all labels of `selector`, newest first; with `leaving` also pods that are being deleted."""
        found = [p for p in self.pods.values() if matches(p, selector) and (leaving or not is_leaving(p))]
        return tuple(
            sorted(found, key=lambda p: (p["metadata"].get("creationTimestamp") or "", name_of(p)), reverse=True)
        )

    def pod(self, wanted: str | Mapping[str, str]) -> Object | None:
        """The newest pod that is not being deleted and whose name starts with, or whose labels include, `wanted`."""
        if not isinstance(wanted, str):
            return next(iter(self.select(wanted)), None)
        return next((p for p in self.select({}) if name_of(p).startswith(wanted)), None)

    def unanswered(self, probes: Iterable[Probe], *, since: float) -> tuple[Probe, ...]:
        """Those of `probes` to which no answer is known that was asked at or after monotonic second `since`."""
        return tuple(p for p in dict.fromkeys(probes) if p not in self.answers or self.answers[p].sent_s < since)

    def unread(self, *, since: float) -> tuple[ContainerKey, ...]:
        """Containers of the pods whose log is followed, but was not read to its end since monotonic second `since`."""
        return tuple(key for key, asked in self.read.items() if asked < since and key[0] in self.pods)

    def lines(self, pod_prefix: str, container: str) -> Iterator[tuple[str, LogLine]]:
        """(pod name, line) of every container of that name in pods whose name starts with `pod_prefix`."""
        for (pod, name), lines in self.logs.items():
            if name == container and pod.startswith(pod_prefix):
                for line in lines:
                    yield pod, line


class Listing(Mapping[str, Object]):
    """The objects of one kind by name, listed when they are first looked at: nobody is asked for what nobody looks at.

    Looking raises ClusterError if they could not be listed.

    Args:
        ask: Lists them; called once.
    """

    def __init__(self, ask: Callable[[], Iterable[Object]]) -> None:
        self._ask = ask

    def __getitem__(self, name: str) -> Object:
        return self._objects[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def _objects(self) -> Mapping[str, Object]:
        if isinstance(self._outcome, ClusterError):
            raise self._outcome
        return self._outcome

    @cached_property
    def _outcome(self) -> Mapping[str, Object] | ClusterError:
        try:
            return {name_of(obj): obj for obj in self._ask()}
        except ClusterError as error:  # kept, so that an API server that hangs is asked once and not by each condition
            return error


def name_of(obj: Object) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def is_leaving(obj: Object) -> bool:
    """Whether the object is being deleted."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def matches(obj: Object, selector: Mapping[str, str]) -> bool:
    """Whether the object carries all labels of `selector`."""
    labels = obj["metadata"].get("labels") or {}
    return all(labels.get(k) == v for k, v in selector.items())


def container_status(pod: Object, container: str) -> Object | None:
    """The container's entry in the pod's status, init containers included; None if there is none yet."""
    return next((s for s in container_statuses(pod) if s["name"] == container), None)


def container_statuses(pod: Object) -> tuple[Object, ...]:
    """Status entries of all containers, init containers first."""
    status = pod.get("status") or {}
    return (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))


def moment(text: str | None) -> datetime | None:
    """A Kubernetes timestamp, to the microsecond; None for none."""
    if not text:
        return None
    head, dot, tail = text.rstrip("Z").partition(".")
    fraction = int(tail[:6].ljust(6, "0")) if dot else 0
    return datetime.strptime(head, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC, microsecond=fraction)

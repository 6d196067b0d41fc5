"""The observer: the watches, log followers and poller of one drill's namespace behind one live snapshot."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from promdrill.core.clock import SYSTEM, Clock, Deadline
from promdrill.core.errors import ClusterError
from promdrill.core.events import ObserverBroke
from promdrill.core.journal import Journal
from promdrill.core.model import ObserverFigures
from promdrill.kube.client import Kube
from promdrill.observe.follow import Follower, Followers
from promdrill.observe.noted import Notes
from promdrill.observe.poll import Poller
from promdrill.observe.probes import Probe
from promdrill.observe.reflect import LIST_TIMEOUT_S, Reflector, Sink
from promdrill.observe.snapshot import ContainerKey, Listing, Object, Snapshot
from promdrill.observe.store import Store

FIRST_LIST_S = 60.0
"""Seconds for the first lists: they take milliseconds, or longer if the API server has just started."""

JOIN_S = 10.0
"""Seconds for each thread to end: streams end at once, a running request at its own deadline."""


@dataclass(frozen=True, slots=True)
class _Objects:
    """The sink of one kind of object."""

    store: Store
    kind: str

    def replace(self, objects: Iterable[Object]) -> None:
        self.store.replace(self.kind, objects)

    def put(self, obj: Object) -> None:
        self.store.put(self.kind, obj)

    def drop(self, obj: Object) -> None:
        self.store.drop(self.kind, obj)


@dataclass(frozen=True, slots=True)
class _Pods:
    """The sink of pods: their containers' logs are followed. They learn of a new run before the snapshot has it."""

    store: Store
    followers: Followers
    notes: Notes

    def replace(self, objects: Iterable[Object]) -> None:
        pods = tuple(objects)
        for pod in pods:
            self.followers.see(pod)
        self.notes.pods(pods)
        for uid in self.followers.uids() - {str(pod["metadata"].get("uid", "")) for pod in pods}:
            self.followers.lost(uid)
        self.store.replace("pods", pods)

    def put(self, obj: Object) -> None:
        self.followers.see(obj)
        self.notes.pod(obj)
        self.store.put("pods", obj)

    def drop(self, obj: Object) -> None:
        self.store.drop("pods", obj)
        self.notes.gone(obj)
        self.followers.lost(str(obj["metadata"].get("uid", "")))


class Observer:
    """The live snapshot of one namespace, for the length of a ``with`` block.

    Entering returns when everything has been listed once; leaving ends every thread.

    Args:
        kube: The API server, through the drill's own client, so that its requests can be counted.
        namespace: The drill's.
        journal: Where dropped streams and the conditions' changes are noted.
        volumes: Whether PersistentVolumes are watched, which no namespace has; if not, none is ever seen.
        clock: Where time comes from.
    """

    def __init__(
        self, kube: Kube, namespace: str, journal: Journal, *, volumes: bool = True, clock: Clock = SYSTEM
    ) -> None:
        self.clock = clock
        self.journal = journal
        self._kube, self._namespace = kube, namespace
        self._stop = threading.Event()
        self._store = Store(namespace, clock)
        self._notes = Notes(journal.write)
        self._poller = Poller(kube, self._store, namespace, self._stop, clock, told=self._notes.answer)
        self._followers = Followers(self._follower, self._start, clock)
        space = f"namespaces/{namespace}"
        self._paths = {
            "pods": f"/api/v1/{space}/pods",
            "claims": f"/api/v1/{space}/persistentvolumeclaims",
            "events": f"/api/v1/{space}/events",
            "endpoints": f"/apis/discovery.k8s.io/v1/{space}/endpointslices",
        }
        if volumes:
            self._paths["volumes"] = "/api/v1/persistentvolumes"
        self._reflectors: tuple[Reflector, ...] = ()
        self._threads: list[threading.Thread] = []
        self._broken: BaseException | None = None
        self._began_utc = clock.utc()
        self._requests_before, self._questions_before = kube.requests_made, kube.questions_asked
        self._detections_s: list[float] = []

    def __enter__(self) -> Self:
        """Start, and return once everything is listed.

        Raises:
            ClusterError: That did not happen within `FIRST_LIST_S` seconds.
        """
        write = self.journal.write
        self._reflectors = tuple(
            Reflector(self._kube, path, self._sink(kind), self._stop, write) for kind, path in self._paths.items()
        )
        for reflector, path in zip(self._reflectors, self._paths.values(), strict=True):
            self._start(reflector.run, f"watch {path}")
        self._start(self._poller.run, "poller")
        deadline = Deadline.after(FIRST_LIST_S, self.clock)
        if not all(reflector.listed.wait(deadline.remaining_s) for reflector in self._reflectors):
            self.close()
            raise ClusterError(f"namespace {self._namespace} could not be listed within {FIRST_LIST_S:.0f} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every thread. More than once is fine."""
        self._kube.interrupt(self._stop)
        self._poller.wake.set()
        for _ in range(2):  # a watch that was busy may have started one more follower meanwhile
            self._followers.leave()
            for thread in tuple(self._threads):
                thread.join(JOIN_S)

    def snapshot(self, since: datetime | None = None) -> Snapshot:
        """What is known now, for a wait that began at `since` (by default: when the observer was made).

        Raises:
            ClusterError: One of the observer's threads has broken, so that the snapshot cannot be trusted.
        """
        if self._broken is not None:
            raise ClusterError(f"the observer broke: {self._broken!r}") from self._broken
        return self._store.snapshot(since or self._began_utc)

    def wait_beyond(self, version: int, timeout_s: float) -> None:
        """Return at the first change after a snapshot's version, or after `timeout_s` seconds."""
        self._store.wait_beyond(version, timeout_s)

    def arrival_after(self, version: int) -> float | None:
        """When (monotonic seconds) the first change after a snapshot's version arrived; None if there was none."""
        return self._store.arrival_after(version)

    @contextmanager
    def asking(self, probes: Sequence[Probe]) -> Iterator[None]:
        """Ask these probes, each at most twice a second, while the block runs; earlier answers do not count."""
        with self._poller.asking(probes):
            yield

    def ask_anew(self, probes: Iterable[Probe]) -> None:
        """Ask these probes, which `asking` asks, once more as soon as possible."""
        self._poller.ask_anew(probes)

    def read_anew(self, keys: Iterable[ContainerKey]) -> None:
        """Read the logs of these containers, which are followed, to their end once more."""
        self._followers.renew(keys)

    def listed_anew(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with objects that are not what the streams brought, but asked for from now on.

        Each kind is listed once, when it is first looked at; that raises ClusterError if nobody answers.
        """
        listed: dict[str, Any] = {kind: Listing(partial(self._list, path)) for kind, path in self._paths.items()}
        return replace(snapshot, **listed)

    def detected(self, after_s: float) -> None:
        """Record one detection: the seconds from a change in the cluster until the drill knew of it."""
        self._detections_s.append(after_s)

    def figures(self) -> ObserverFigures:
        """The observer's own figures so far, for results.json.

        ``detect_p95_s`` is the 95th percentile over ``detections`` (None without any); ``api_requests`` leaves out
        watches, log streams and ``prometheus_questions``, which the API server only passes on.
        """
        return ObserverFigures(
            detect_p95_s=percentile(self._detections_s, 95),
            detections=len(self._detections_s),
            api_requests=self._kube.requests_made - self._requests_before,
            prometheus_questions=self._kube.questions_asked - self._questions_before,
            relists=sum(reflector.relists for reflector in self._reflectors),
        )

    def _sink(self, kind: str) -> Sink:
        return _Pods(self._store, self._followers, self._notes) if kind == "pods" else _Objects(self._store, kind)

    def _list(self, path: str) -> Sequence[Object]:
        return self._kube.get(path, timeout_s=LIST_TIMEOUT_S).get("items") or ()

    def _follower(self, key: ContainerKey, uid: str) -> Follower:
        return Follower(
            self._kube, self._store, namespace=self._namespace, key=key, uid=uid, stop=self._stop, clock=self.clock
        )

    def _start(self, body: Callable[[], None], name: str) -> None:
        def guarded() -> None:
            try:
                body()
            except BaseException as error:  # noqa: BLE001  a thread has nobody to raise to: `snapshot` raises it
                self._broken = error
                self.journal.write(ObserverBroke(thread=name, error=repr(error)))

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that `percent` of the values, more than none, do not exceed, to the millisecond.

    None without values.
    """
    if not values:
        return None
    return round(sorted(values)[math.ceil(len(values) * percent / 100) - 1], 3)

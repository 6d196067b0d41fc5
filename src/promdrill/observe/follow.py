"""Follow the log of one container through all its restarts, without losing or repeating a line.

Each container of a pod has one thread. A new run of the container (a new container id in the pod's status) is taken up
in this order: the run before it once more to its end, what the new run has written so far, then its lines as they come.
A stream that ends is reopened a little before its last line; lines that were read before are recognised by time and
text. The kubelet ends the stream of a dead container up to a second later (logForceCheckPeriod of cri-client), so a
change of the status ends it here.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from promdrill.core.clock import Clock
from promdrill.core.errors import ClusterError
from promdrill.kube.client import Kube, StreamRefused
from promdrill.observe.reflect import Backoff
from promdrill.observe.snapshot import ContainerKey, LogLine, Object, container_statuses, moment, name_of
from promdrill.observe.store import Store

OVERLAP = timedelta(seconds=1)
"""How far before the last line a stream is reopened: `sinceTime` counts whole seconds, and standard output and
standard error may pass each other by some microseconds."""

NO_LOG = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
"""How the API server says that a run has left no log, so there is nothing more to read."""

STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d) ?(.*)", re.DOTALL)
"""A log line as the kubelet gives it with timestamps=true."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a container, as the pod's status describes it.

    Attributes:
        id: The container id.
        restart: Its restart count.
        running: Whether it runs.
        known: UTC time at which the status arrived.
    """

    id: str
    restart: int
    running: bool
    known: datetime


class Follower:
    """One container of one pod.

    Args:
        kube: The API server.
        store: Where lines go.
        namespace: The pod's namespace.
        key: Pod and container.
        uid: UID of the pod.
        stop: Ends `run`, with `Kube.interrupt`.
        clock: For lines that carry no time.
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        *,
        namespace: str,
        key: ContainerKey,
        uid: str,
        stop: threading.Event,
        clock: Clock,
    ) -> None:
        self._kube, self._store, self._stop, self._clock = kube, store, stop, clock
        self._namespace, self._key, self._uid = namespace, key, uid
        self._news = threading.Event()
        self._latest: Run | None = None
        self._gone = False
        self._last: datetime | None = None
        self._entered = ""
        self._stream = threading.Event()
        self._backoff = Backoff(stop)

    def tell(self, run: Run) -> None:
        """A status of the container has arrived."""
        before = self._latest
        if before is None or (before.id, before.running) != (run.id, run.running):
            self._store.set_read(self._key, None)
            self._latest = run
            self._news.set()
            self._kube.interrupt(self._stream)

    def renew(self) -> None:
        """End the stream, so that the log is read to its end once more: a stream that is silent may be dead."""
        self._news.set()
        self._kube.interrupt(self._stream)

    def leave(self) -> None:
        """The pod is gone: end once its log cannot be read any more. Also wakes the thread after `stop` was set."""
        self._gone = True
        self._news.set()
        if self._stop.is_set():
            self._kube.interrupt(self._stream)

    def run(self) -> None:
        """Follow until `stop` is set or the pod is gone."""
        done: Run | None = None
        while not self._stop.is_set():
            self._news.clear()
            run = self._latest
            if run is None or run == done:
                if self._gone:
                    return
                self._news.wait()
            elif self._finish_before(run) and self._take_up(run):
                done = run
            elif self._gone:
                return
            else:
                self._backoff.pause(self._news)

    def _finish_before(self, run: Run) -> bool:
        """Read the run before this one to its end, once. Returns whether that is done."""
        if self._entered != run.id and (run.restart == 0 or self._read(run, label=run.restart - 1, previous=True)):
            self._entered = run.id
        return self._entered == run.id

    def _take_up(self, run: Run) -> bool:
        """Read a run to its present end, and on while it runs. Returns whether nothing more can come."""
        asked = self._clock.monotonic()
        if not self._read(run, label=run.restart):
            return False
        self._stream = threading.Event()
        if self._latest != run or self._stop.is_set():
            return False
        self._store.set_read(self._key, asked if run.running else math.inf)
        if run.running and not self._read(run, label=run.restart, follow=True):
            self._store.set_read(self._key, None)
        return not run.running

    def _read(self, run: Run, *, label: int, previous: bool = False, follow: bool = False) -> bool:
        """Read a log. Returns whether it came to a proper end."""
        since = None if self._last is None else (self._last - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
        pod, container = self._key
        try:
            for raw in self._kube.follow_log(
                self._namespace,
                pod,
                container,
                stop=self._stream if follow else self._stop,
                previous=previous,
                since_time=since,
                follow=follow,
            ):
                if self._keep(raw, run, label):
                    self._backoff.reset()
        except StreamRefused as refused:
            return previous and refused.status in NO_LOG
        except ClusterError:
            return False
        return not self._stop.is_set()

    def _keep(self, raw: str, run: Run, label: int) -> bool:
        found = STAMP.fullmatch(raw)
        if found is None:
            return False  # the kubelet's own words about a log that it cannot read
        stamp, zone, text = found.groups()
        at = moment(stamp) if zone == "Z" else datetime.fromisoformat(stamp + zone).astimezone(UTC)
        at = at or self._clock.utc()
        self._last = at if self._last is None else max(self._last, at)
        line = LogLine(at, text, label, self._uid, shown=max(at, run.known))
        return self._store.add_line(self._key, stamp, line)


class Followers:
    """The followers of a namespace's containers, started as pods come and ended as they go.

    Args:
        make: Makes a follower for a container of the pod with that UID.
        start: Starts a thread that runs the given function.
        clock: Where the arrival of a status is read.
    """

    def __init__(
        self,
        make: Callable[[ContainerKey, str], Follower],
        start: Callable[[Callable[[], None], str], Any],
        clock: Clock,
    ) -> None:
        self._make, self._start, self._clock = make, start, clock
        self._all: dict[tuple[str, ContainerKey], Follower] = {}
        self._left: list[Follower] = []

    def see(self, pod: Object) -> None:
        """A pod as it is now."""
        uid = str(pod["metadata"].get("uid", ""))
        for status in container_statuses(pod):
            run = run_of(status, self._clock.utc())
            if run is None:
                continue
            key = (name_of(pod), str(status["name"]))
            follower = self._all.get((uid, key))
            if follower is None:
                follower = self._all[uid, key] = self._make(key, uid)
                follower.tell(run)
                self._start(follower.run, f"log {key[0]}/{key[1]}")
            else:
                follower.tell(run)

    def lost(self, uid: str) -> None:
        """The pod of that UID is gone."""
        for key in [k for k in self._all if k[0] == uid]:
            follower = self._all.pop(key)
            self._left.append(follower)
            follower.leave()

    def renew(self, keys: Iterable[ContainerKey]) -> None:
        """Read the logs of these containers to their end once more."""
        wanted = set(keys)
        for follower in [f for (_, key), f in tuple(self._all.items()) if key in wanted]:
            follower.renew()

    def uids(self) -> set[str]:
        """UIDs of the pods that are followed."""
        return {uid for uid, _ in self._all}

    def leave(self) -> None:
        """Wake every thread, after `stop` was set."""
        for follower in (*self._all.values(), *self._left):
            follower.leave()


def run_of(status: Object, known: datetime) -> Run | None:
    """The run that a container status describes; None before the first."""
    state = status.get("state") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    ident = status.get("containerID") or ended.get("containerID")
    if not ident:
        return None
    return Run(str(ident), int(status.get("restartCount", 0)), "running" in state, known)

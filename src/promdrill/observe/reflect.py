"""Keep one kind of object up to date: list, watch from there, and start over whenever the stream ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from promdrill.core.errors import ClusterError
from promdrill.core.events import Event, WatchAway, WatchClosed, WatchNotUnderstood, WatchRefused, WatchRelisted
from promdrill.kube.client import Kube
from promdrill.observe.snapshot import Object

STREAM_S = 3300.0
"""Seconds after which the server closes a watch: shorter than a proxy's hour, longer than any drill's wait."""

LIST_TIMEOUT_S = 3.0
"""Seconds for one list with its retries; the loop around it never gives up."""

FIRST_PAUSE_S = 0.05
"""Seconds before a stream that ended is started again; doubled each time until a stream brings something."""

LONGEST_PAUSE_S = 2.0
"""Seconds at most between two attempts: how late the return of an API server may be noticed."""


class Sink(Protocol):
    """Where the objects of one kind go."""

    def replace(self, objects: Iterable[Object]) -> None:
        """All existing objects."""

    def put(self, obj: Object) -> None:
        """One that is new or has changed."""

    def drop(self, obj: Object) -> None:
        """One that is gone."""


@dataclass(slots=True)
class Backoff:
    """Pauses that double, on an event that ends them."""

    stop: threading.Event
    pause_s: float = FIRST_PAUSE_S

    def pause(self, waker: threading.Event | None = None) -> None:
        """Wait for the next pause, or until `waker` (by default `stop`) is set."""
        seconds = self.pause_s
        self.pause_s = min(LONGEST_PAUSE_S, 2 * seconds)
        (waker or self.stop).wait(seconds)

    def reset(self) -> None:
        """Something worked: the next pause is the shortest again."""
        self.pause_s = FIRST_PAUSE_S


class Reflector:
    """Lists and watches one collection until `stop` is set, whatever happens to the stream.

    Args:
        kube: The API server.
        path: The collection's path.
        sink: Where its objects go.
        stop: Ends `run`, with `Kube.interrupt`.
        write: Writes to the journal what happened to the stream.

    Attributes:
        listed: Set after the first list.
        relists: Lists after the first.
    """

    def __init__(
        self, kube: Kube, path: str, sink: Sink, stop: threading.Event, write: Callable[[Event], None]
    ) -> None:
        self._kube, self._path, self._sink, self._stop, self._write = kube, path, sink, stop, write
        self._backoff = Backoff(stop)
        self._away = False
        self.listed = threading.Event()
        self.relists = 0

    def run(self) -> None:
        """List and watch until `stop` is set."""
        while not self._stop.is_set():
            try:
                self._watch(self._list())
            except ClusterError as error:
                if not self._away:
                    self._say(WatchAway(path=self._path, why=error.message))
                self._away = True
            self._backoff.pause()

    def _list(self) -> str:
        found = self._kube.get(self._path, timeout_s=LIST_TIMEOUT_S)
        self._sink.replace(found.get("items") or ())
        if self.listed.is_set():
            self.relists += 1
            self._say(WatchRelisted(path=self._path))
        self._away = False
        self.listed.set()
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> None:
        for event in self._kube.watch(self._path, resource_version=version, stop=self._stop, timeout_s=STREAM_S):
            if event.get("type") == "ERROR":
                status = event.get("object") or {}
                self._say(WatchRefused(path=self._path, code=status.get("code"), why=status.get("message")))
                if status.get("code") == HTTPStatus.GONE:
                    return
                raise ClusterError(str(status.get("message")))
            self._take(event)
            self._backoff.reset()
        self._say(WatchClosed(path=self._path))

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "ADDED" | "MODIFIED":
                self._sink.put(event["object"])
            case "DELETED":
                self._sink.drop(event["object"])
            case "BOOKMARK":
                pass
            case other:
                self._say(WatchNotUnderstood(path=self._path, type=other))

    def _say(self, event: Event) -> None:
        if not self._stop.is_set():
            self._write(event)

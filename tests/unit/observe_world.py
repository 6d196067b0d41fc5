"""Snapshots by hand, a clock that moves when told, and a scripted API server without a wire.

`FakeKube` plays streams: a list, a watch or a log is a script of items, and what nobody scripted is an AssertionError.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from promdrill.core.errors import ClusterError
from promdrill.core.events import Event, decode
from promdrill.core.journal import Journal
from promdrill.kube.client import Answer
from promdrill.observe.probes import Probe, ProbeAnswer
from promdrill.observe.snapshot import Object, Snapshot

E = TypeVar("E", bound=Event)

NAMESPACE = "drill-toy"
LABELS = {"app.kubernetes.io/instance": "prometheus", "app.kubernetes.io/component": "server"}
SERVER = "prometheus-server"
RELOADER = "prometheus-server-configmap-reload"
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
AT = 1000.0
PATIENCE_S = 5.0
"""Seconds that a test waits for a thread before it fails."""


def stamp(offset_s: float = 0.0) -> str:
    """A Kubernetes time, whole seconds, `offset_s` from now."""
    return (NOW + timedelta(seconds=offset_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def monotonic(self) -> float:
        return AT + self.passed_s

    def utc(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)


def container(
    name: str = SERVER,
    *,
    ready: bool = True,
    restarts: int = 0,
    ident: str | None = "c0",
    state: Mapping[str, Any] | None = None,
    last: Mapping[str, Any] | None = None,
) -> Object:
    """A container status; running by default."""
    return {
        "name": name,
        "ready": ready,
        "restartCount": restarts,
        **({"containerID": ident} if ident else {}),
        "state": dict(state if state is not None else {"running": {"startedAt": stamp(-60)}}),
        "lastState": dict(last or {}),
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """A container state."""
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, offset_s: float = 0.0, reason: str = "Error") -> dict[str, Any]:
    """A container state."""
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": stamp(offset_s), "containerID": "c0"}}


def pod(
    name: str = f"{SERVER}-abc",
    *containers: Object,
    uid: str = "u1",
    phase: str = "Running",
    labels: Mapping[str, str] | None = None,
    leaving: bool = False,
    created_s: float = -60.0,
    conditions: Sequence[Object] = (),
    owner: str | None = None,
) -> Object:
    """A pod; by default the server's, 2/2."""
    states = containers or (container(), container(RELOADER))
    metadata: Object = {
        "name": name,
        "uid": uid,
        "labels": dict(LABELS if labels is None else labels),
        "creationTimestamp": stamp(created_s),
    }
    if leaving:
        metadata["deletionTimestamp"] = stamp()
    if owner:
        metadata["ownerReferences"] = [{"kind": owner, "name": "owner"}]
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": c["name"]} for c in states]},
        "status": {"phase": phase, "containerStatuses": list(states), "conditions": list(conditions)},
    }


def event(
    reason: str, about: str, message: str = "", *, at_s: float = 0.0, uid: str = "u1", kind: str = "Pod", name: str = ""
) -> Object:
    """An event, last seen `at_s` from now."""
    return {
        "metadata": {"name": name or f"{about}.{reason}", "creationTimestamp": stamp(at_s)},
        "reason": reason,
        "message": message,
        "lastTimestamp": stamp(at_s),
        "involvedObject": {"kind": kind, "name": about, "uid": uid},
    }


def named(*objects: Object) -> dict[str, Object]:
    """Objects by name, as a snapshot holds them."""
    return {o["metadata"]["name"]: o for o in objects}


def snapshot(*pods: Object, **fields: Any) -> Snapshot:
    """A snapshot of these pods, now."""
    return Snapshot(**{"at": AT, "utc": NOW, "namespace": NAMESPACE, "pods": named(*pods), **fields})


def said(status: int | None, text: str = "", *, at_s: float = 0.0, **fields: Any) -> ProbeAnswer:
    """An answer given `at_s` from now."""
    return ProbeAnswer(AT + at_s, AT + at_s, NOW + timedelta(seconds=at_s), status, text, **fields)


def answered(probes: Mapping[Probe, ProbeAnswer] | Probe, answer: ProbeAnswer | None = None) -> Snapshot:
    """A snapshot with answers and no pods."""
    answers = probes if isinstance(probes, Mapping) else {probes: answer}
    return snapshot(answers=answers, history={p: (a,) for p, a in answers.items()})


def noted(journal: Journal, kind: type[E]) -> list[E]:
    """The events of a kind in a journal."""
    events = (decode(line).event for line in journal.path.read_text().splitlines())
    return [event for event in events if isinstance(event, kind)]


@dataclass
class Play:
    """One scripted stream: items in order; an exception is raised, an Event is waited for, a function is called."""

    items: Sequence[Any]
    open: bool = False


@dataclass
class FakeKube:
    """Plays lists, watches and logs. Log scripts are keyed by (mode, pod, container); the last one is played again."""

    lists: dict[str, list[Any]] = field(default_factory=dict)
    watches: dict[str, list[Play]] = field(default_factory=dict)
    logs: dict[tuple[str, str, str], list[Play]] = field(default_factory=dict)
    answers: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    execs: list[tuple[int, str]] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    requests_made: int = 0
    questions_asked: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def get(self, path: str, *, timeout_s: float = 10) -> dict[str, Any]:
        """The next list of a path; an exception is raised."""
        assert timeout_s > 0
        self._ask("GET", path)
        self.requests_made += 1
        script = self.lists[path]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def watch(
        self, path: str, *, resource_version: str, stop: threading.Event, timeout_s: float
    ) -> Iterator[dict[str, Any]]:
        """The next watch of a path; open and silent when no more are scripted."""
        assert timeout_s > 0
        self._ask("WATCH", path, resource_version)
        script = self.watches.get(path, [])
        yield from self._play(script.pop(0) if script else Play((), open=True), stop)

    def follow_log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        stop: threading.Event,
        previous: bool = False,
        since_time: str | None = None,
        follow: bool = True,
    ) -> Iterator[str]:
        """The next stream of a container's log."""
        assert namespace == NAMESPACE
        mode = "previous" if previous else "follow" if follow else "read"
        self._ask("LOG", mode, pod, container, since_time or "")
        script = self.logs[mode, pod, container]
        yield from self._play(script.pop(0) if len(script) > 1 else script[0], stop)

    def request(self, method: str, path: str, *, timeout_s: float, retry: bool = True) -> Answer:
        """The next answer; the last one again and again."""
        assert timeout_s > 0
        self._ask(method, path, "retried" if retry else "once")
        self.questions_asked += 1
        script = self.answers[method, path]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        status, text = answer
        return Answer(status, text, 0.0)

    def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], *, timeout_s: float, reads: bool
    ) -> tuple[int, str]:
        """The next outcome."""
        assert (namespace, timeout_s > 0, reads) == (NAMESPACE, True, True)
        self._ask("EXEC", pod, container, *argv)
        return self.execs.pop(0)

    def interrupt(self, stop: threading.Event) -> None:
        """End every open stream of `stop`."""
        stop.set()
        with self.changed:
            self.changed.notify_all()

    def wait_asked(self, *wanted: str, times: int = 1) -> None:
        """Return once that was asked so often."""
        with self.changed:
            found = self.changed.wait_for(
                lambda: sum(1 for a in self.asked if a[: len(wanted)] == wanted) >= times, PATIENCE_S
            )
        assert found, f"never asked {times} times: {wanted}; asked: {self.asked}"

    def _ask(self, *what: str) -> None:
        with self.changed:
            self.asked.append(what)
            self.changed.notify_all()

    def _play(self, play: Play, stop: threading.Event) -> Iterator[Any]:
        for item in play.items:
            if stop.is_set():
                return
            if isinstance(item, Exception):
                raise item
            if isinstance(item, threading.Event):
                assert item.wait(PATIENCE_S), "the test never went on"
            else:
                yield item
        if play.open:
            stop.wait(PATIENCE_S)


AWAY = ClusterError("connection refused")


def listing(version: str, *objects: Object) -> dict[str, Any]:
    """A list as the API server gives it."""
    return {"metadata": {"resourceVersion": version}, "items": list(objects)}


def change(kind: str, obj: Any) -> dict[str, Any]:
    """A watch event."""
    return {"type": kind, "object": obj}

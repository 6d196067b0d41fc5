"""A small strict world for the drill engine: one fake cluster with one Prometheus that breaks and recovers.

The world stands in for the API server, for Helm and for the observer, on a clock of its own that moves only while the
engine waits. What nobody expected to be asked is an AssertionError. The runbook is real: bash edits $VALUES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeAlias

import pytest

from promdrill.core.clock import iso
from promdrill.core.journal import Journal
from promdrill.core.model import DrillResult, ObserverFigures
from promdrill.drill import baseline, course
from promdrill.kube.client import NotFound
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.probes import Labels
from promdrill.observe.prometheus import Remembered
from promdrill.observe.server import POD_NAME
from promdrill.observe.snapshot import LogLine, Snapshot
from promdrill.observe.targets import Target

POD = "prometheus-server-0"
RESTART_EVERY_S = 3.0
LABELS: tuple[Labels, ...] = tuple(frozenset({("job", "prometheus"), ("instance", f"pod-{n}")}) for n in range(5))
Targets: TypeAlias = tuple[Target, ...]


class FakeClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._epoch = datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return self._epoch + timedelta(seconds=self.now)


@dataclass
class World:
    """What is true, and what was done. The knobs say in which way this world differs from a good one."""

    folder: Path
    name: str = "toy"
    clock: FakeClock = field(default_factory=FakeClock)
    done: list[str] = field(default_factory=list)
    results: list[DrillResult] = field(default_factory=list)
    starts: bool = True
    breaks: bool = True
    heals_after_s: float | None = None
    remedy_works: bool = True
    keeps_history: bool = True
    keeps_samples: bool = True
    helm_error: Exception | None = None
    leftover: dict[str, Any] | None = None
    leftover_class: bool = False
    beside: tuple[str, ...] = ()
    remembered: list[float] = field(default_factory=list)
    metrics_since: list[datetime] = field(default_factory=list)
    installed_at: float | None = None
    broken_at: float | None = None
    version: int = 0
    restarts_before: int = 0
    runs_for_s: float = 60.0
    crashed_after_s: float = 0.0
    _restarts: int = 0
    uid: str = "uid-0"
    trouble: Callable[[datetime], str] = lambda _since: ""
    checks: int = 0
    not_ours: Exception | None = None
    watches_volumes: bool = True
    another: Callable[[], Sequence[dict[str, Any]]] = tuple

    @property
    def namespace(self) -> str:
        return f"drill-{self.name}"

    @property
    def release(self) -> str:
        return f"prometheus-{self.name}"

    @property
    def values(self) -> Path:
        return self.folder / "private" / "values" / self.name / "values.yaml"

    @property
    def ill(self) -> bool:
        if self.broken_at is None or not self.breaks:
            return False
        if self.heals_after_s is not None and self.clock.now - self.broken_at >= self.heals_after_s:
            return False
        return not (self.remedy_works and "size: large" in self.values.read_text())

    @property
    def restarts(self) -> int:
        """Restarts of the server: one each `RESTART_EVERY_S` while it is ill, besides those of before."""
        if self.ill:
            self._restarts = int((self.clock.now - (self.broken_at or 0)) / RESTART_EVERY_S)
        return self.restarts_before + self._restarts

    # the API server

    def get(self, path: str) -> dict[str, Any]:
        if path == f"/api/v1/namespaces/{self.namespace}":
            if self.leftover is None:
                raise NotFound(path, 404, "")
            return self.leftover
        assert path == "/apis/storage.k8s.io/v1/storageclasses", path
        left = [{**default_class(), "metadata": {"name": self.namespace}}] if self.leftover_class else []
        return {"items": [default_class(), *left]}

    def apply(self, obj: dict[str, Any]) -> dict[str, Any]:
        about = obj["metadata"]
        own = about["name"] == self.namespace and "namespace" not in about
        beside = about["name"] in self.beside and about["namespace"] == self.namespace
        assert own or beside, about
        self.done.append(f"apply {obj['kind']}" if own else f"apply {obj['kind']} {about['name']}")
        return obj

    def delete(self, path: str, **_: object) -> None:
        assert path.endswith(f"/{self.namespace}"), path
        self.done.append(f"delete {path.split('/')[-2]}")
        self.leftover = None

    def require_expected(self) -> None:
        """It is the drill's own cluster, or `not_ours` says otherwise."""
        self.checks += 1
        if self.not_ours is not None:
            raise self.not_ours

    # Helm

    def install(self, release: str, _chart: Path, namespace: str, values: Sequence[Path], *, timeout_s: float) -> None:
        assert (release, namespace, list(values)) == (self.release, self.namespace, [self.values])
        assert timeout_s > 0
        if self.helm_error is not None:
            raise self.helm_error
        self.done.append("install")
        self.installed_at = self.clock.now

    def hooks(self, release: str, namespace: str) -> list[dict[str, Any]]:
        assert (release, namespace) == (self.release, self.namespace)
        return []

    def uninstall(self, release: str, namespace: str, *, missing_ok: bool) -> None:
        assert (release, namespace, missing_ok) == (self.release, self.namespace, True)
        self.done.append("uninstall")

    # the observer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.done.append("observer closed")

    @property
    def journal(self) -> Any:
        return self._journal

    def observe(self, _kube: object, namespace: str, journal: Journal, *, volumes: bool, clock: object) -> World:
        assert namespace == self.namespace
        self.watches_volumes = volumes
        assert clock is self.clock
        self._journal = journal
        return self

    def snapshot(self, since: datetime | None = None) -> Snapshot:
        self.version += 1
        pods = {POD: self._pod()} if self.installed_at is not None and self.starts else {}
        pods |= {pod["metadata"]["name"]: pod for pod in self.another()}
        return Snapshot(
            at=self.clock.now,
            utc=self.clock.utc(),
            since=since or self.clock.utc(),
            namespace=self.namespace,
            pods=pods,
            version=self.version,
            logs={
                (f"{self.release}-server-0", "prometheus-server"): (LogLine(self.clock.utc(), "ready"),)
                for name in pods
            },
            read={(name, "prometheus-server"): self.clock.now for name in pods},
        )

    def wait_beyond(self, _version: int, timeout_s: float) -> None:
        self.clock.now += max(timeout_s, 0.01)

    def ask_anew(self, probes: Sequence[object]) -> None:
        assert not probes, "this world answers no probes"

    def listed_anew(self, snapshot: Snapshot) -> Snapshot:
        return snapshot

    def arrival_after(self, _version: int) -> float | None:
        return None

    def detected(self, _after_s: float) -> None: ...

    def figures(self) -> ObserverFigures:
        return ObserverFigures(0.1, 1, 9, 3, 0)

    @contextmanager
    def asking(self, probes: Sequence[object]) -> Iterator[None]:
        assert not probes, "this world answers no probes"
        yield

    def _ago(self, seconds: float) -> str:
        return iso(self.clock.utc() - timedelta(seconds=seconds))

    def _pod(self) -> dict[str, Any]:
        created, began = self._ago(1000), self._ago(self.runs_for_s)
        crash = {"exitCode": 2, "startedAt": created, "finishedAt": self._ago(1000 - self.crashed_after_s)}
        state = {"running": {"startedAt": began}}
        reloader = {"name": "prometheus-server-configmap-reload", "ready": True, "restartCount": 0, "state": state}
        server = {**reloader, "name": "prometheus-server", "ready": not self.ill, "restartCount": self.restarts}
        if self.ill:
            server["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
        if self.crashed_after_s:
            server["lastState"] = {"terminated": crash}
        containers = [reloader, server]
        labels = {"app.kubernetes.io/instance": self.release, "app.kubernetes.io/component": "server", POD_NAME: POD}
        return {
            "metadata": {"name": POD, "uid": self.uid, "labels": labels, "creationTimestamp": created},
            "spec": {"containers": [{"name": c["name"]} for c in containers]},
            "status": {"phase": "Running", "containerStatuses": containers},
        }


def default_class() -> dict[str, Any]:
    """The cluster's default StorageClass."""
    return {
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true", "kept": "yes"},
        },
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
    }


def condition(name: str, holds: Callable[[Snapshot], bool]) -> Condition:
    """A condition over the snapshot."""
    return Condition(name, Kind.POD, lambda snapshot: Seen(holds=holds(snapshot), text=f"{name} looked at"))


def server_ready(snapshot: Snapshot) -> bool:
    """Whether the server container is ready."""
    pods = list(snapshot.pods.values())
    return bool(pods) and bool(pods[0]["status"]["containerStatuses"][1]["ready"])


DOWN = condition("server is down", lambda snapshot: bool(snapshot.pods) and not server_ready(snapshot))
ALWAYS = condition("always", lambda _: True)
NEVER = condition("never", lambda _: False)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A good world, in place of the cluster."""
    made = World(tmp_path)

    def valid_metrics(
        _server: object,
        *,
        since: datetime,
        jobs: Mapping[str, int],
        early: Sequence[Remembered],
        data_loss: bool,
        **_: object,
    ) -> tuple[Condition, ...]:
        made.metrics_since.append(since)

        def remembered(snapshot: Snapshot) -> bool:
            return server_ready(snapshot) and (data_loss or made.keeps_history or made.broken_at is None)

        assert jobs == {"prometheus": 5 if early else 1}, "those of the plan, then those that the baseline had"
        answered = (condition("history is there", remembered),) if early else ()
        return (condition("metrics are valid", server_ready), *answered)

    def history(
        _kube: object, _server: object, *, since_s: float, until_s: float, stretch_s: float
    ) -> tuple[Remembered, ...]:
        assert since_s <= until_s <= until_s + stretch_s
        made.remembered.append(until_s)
        return (Remembered("count_over_time(up[1s])", until_s, frozenset({(frozenset(), 3.0)})),)

    def targets(_kube: object, _server: object, *, since_s: float, until_s: float, interval_s: float) -> Targets:
        assert since_s < until_s
        return tuple(Target(labels, interval_s, since_s) for labels in LABELS)

    def samples(*_: object, start_s: float, end_s: float) -> dict[Labels, list[tuple[float, float]]]:
        times = [start_s + n for n in range(int(end_s - start_s) + 1)]
        return {labels: [(at_s, 1.0) for at_s in times] for labels in LABELS if made.keeps_samples}

    monkeypatch.setattr(course, "Observer", made.observe)
    monkeypatch.setattr(course, "stored_samples", samples)
    monkeypatch.setattr(baseline, "valid_metrics", valid_metrics)
    monkeypatch.setattr(baseline, "targets", targets)
    monkeypatch.setattr(baseline, "history", history)
    monkeypatch.setattr(baseline, "buildinfo", lambda *_: {"version": "2.48.0"})
    return made

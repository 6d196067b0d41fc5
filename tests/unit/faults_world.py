"""A small strict place for faults: API server, Helm, observer and undo in one, every act taken down in order.

A GET that nobody scripted is an AssertionError, and so is a command; what a fault changes stands in `done`, which tests
compare as a whole. `fails` makes one act go wrong, `later` says what the cluster does while somebody waits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.drill_world import FakeClock

from promdrill.core.errors import ClusterError
from promdrill.core.journal import Journal
from promdrill.faults import Fault, Ground, Undo
from promdrill.install import Release
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVER = Server.of("drill-x", "prometheus")
VALUES = "server:\n  extraFlags: [web.enable-lifecycle]\n"
PROOF = (Condition("it shows", Kind.HTTP, lambda _: Seen(holds=True, text="seen")),)
LABELS = {"app.kubernetes.io/instance": "prometheus", "app.kubernetes.io/component": "server"}


def pod(uid: str, *, restarts: int = 0, name: str = "prometheus-server", **spec: Any) -> dict[str, Any]:
    """A pod; the server's by default."""
    statuses = [{"name": SERVER.container, "ready": True, "restartCount": restarts}]
    labels = LABELS if name == "prometheus-server" else {}
    return {
        "metadata": {"name": f"{name}-{uid}", "uid": uid, "labels": labels},
        "spec": {"nodeName": "node-1", **spec},
        "status": {"containerStatuses": statuses},
    }


def snapshot(*pods: dict[str, Any], **fields: Any) -> Snapshot:
    """A snapshot of these pods."""
    return Snapshot(at=0, utc=NOW, pods={p["metadata"]["name"]: p for p in pods}, **fields)


@dataclass
class Place:
    """What is there, and what was done."""

    folder: Path
    journal: Journal
    pods: tuple[dict[str, Any], ...] = (pod("a"),)
    claims: tuple[str, ...] = ()
    objects: dict[str, Callable[[], dict[str, Any]]] = field(default_factory=dict)
    script: Callable[[str], tuple[int, str]] | None = None
    fails: str = ""
    later: list[Callable[[], None]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    server: Server = SERVER
    undo: Undo = field(init=False)

    def __post_init__(self) -> None:
        self.undo = Undo(self.journal)

    @property
    def release(self) -> Release:
        """The Helm release that is drilled."""
        return Release(cast(Any, self), "prometheus", "drill-x", self.folder / "chart", self.folder / "values.yaml")

    def inject(self, fault: Fault) -> tuple[Condition, ...]:
        """Apply the fault."""
        assert fault.name
        assert fault.blast_radius
        world = cast(Any, self)
        return fault.apply(
            Ground(world, self.server, self.release, world, self.journal, {"node-1": "c0ffee"}), self.undo
        )

    def undone(self) -> list[str]:
        """Run the undo: what it did."""
        before = len(self.done)
        self.fails = ""
        assert self.undo.run() is None
        return self.done[before:]

    def undo_errors(self) -> list[str]:
        """What went wrong in the undo, as the journal has it."""
        lines = map(json.loads, self.journal.path.read_text().splitlines())
        return [line["error"] for line in lines if line["event"] == "undo" and line["error"]]

    def act(self, what: str) -> None:
        """Take an act down; it goes wrong when it is the one that `fails`."""
        self.done.append(what)
        if self.fails and what.startswith(self.fails):
            raise ClusterError(f"{self.fails} was refused")

    # the API server

    def get(self, path: str) -> dict[str, Any]:
        return self.objects[path]()

    def apply(self, obj: Mapping[str, Any]) -> None:
        about = obj["metadata"]
        self.act(f"apply {obj['kind']} {about.get('namespace', '')}/{about['name']}")

    def patch(self, path: str, patch: Any, *, kind: str) -> None:
        self.act(f"{kind} patch {path} {json.dumps(patch)}")

    def delete(self, path: str, *, missing_ok: bool = True) -> None:
        self.act(f"delete {path}{'' if missing_ok else ', which must be there'}")

    def exec(
        self, namespace: str, name: str, container: str, argv: Sequence[str], *, timeout_s: float
    ) -> tuple[int, str]:
        assert (namespace, list(argv[:2]), len(argv), timeout_s > 0) == ("drill-x", ["sh", "-c"], 3, True)
        self.act(f"exec {name}/{container}: {argv[2]}")
        assert self.script is not None, "no exec was expected"
        return self.script(argv[2])

    # Helm

    def install(self, *release: object, timeout_s: float) -> None:
        self._helm("install", *release, timeout_s=timeout_s)

    def upgrade(self, *release: object, timeout_s: float) -> None:
        self._helm("upgrade", *release, timeout_s=timeout_s)

    def uninstall(self, release: str, namespace: str, *, missing_ok: bool) -> None:
        assert (release, namespace, missing_ok) == ("prometheus", "drill-x", True)
        self.act("uninstall")

    def _helm(self, what: str, *release: object, timeout_s: float) -> None:
        values = self.folder / "values.yaml"
        assert release == ("prometheus", self.folder / "chart", "drill-x", [values])
        assert timeout_s > 0
        self.act(f"{what} with {values.read_text()!r}")

    # the observer

    def snapshot(self, _since: datetime | None = None) -> Snapshot:
        return snapshot(*self.pods, claims={name: {"metadata": {"name": name}} for name in self.claims})

    def wait_beyond(self, _version: int, timeout_s: float) -> None:
        self.clock.now += max(timeout_s, 0.01)
        if self.later:
            self.later.pop(0)()

    def arrival_after(self, _version: int) -> None: ...

    def detected(self, _after_s: float) -> None: ...

    @contextmanager
    def asking(self, probes: Sequence[object]) -> Iterator[None]:
        assert not probes, "this place answers no probes"
        yield


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A good place."""
    (tmp_path / "values.yaml").write_text(VALUES)
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart/Chart.yaml").write_text("name: prometheus\nversion: 25.8.0\n")
    with Journal(tmp_path / "journal.jsonl") as journal:
        yield Place(tmp_path, journal)

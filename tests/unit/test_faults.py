"""Each fault against a strict cluster: what it does, its undo, its proof, and that it notices doing nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from promdrill import shell
from promdrill.faults import (
    Fault,
    FaultNotTaken,
    FillVolume,
    Ground,
    Release,
    RestartServer,
    TouchConfig,
    Undo,
    ValuesEdit,
    volume_full,
    volume_shows,
)
from promdrill.faults.pods import replaced, untouched
from promdrill.journal import Journal
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.picture import Picture
from promdrill.observe.probes import ExecProbe, ProbeAnswer
from promdrill.observe.server import Server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVER = Server.of("drill-x", "prometheus")
VALUES = "server:\n  extraFlags: [web.enable-lifecycle]\n"
PROOF = (Condition("flag gone", Kind.HTTP, lambda _: Seen(holds=True, text="gone")),)


def pod(uid: str, *, restarts: int = 0) -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": "prometheus", "app.kubernetes.io/component": "server"}
    statuses = [{"name": SERVER.container, "ready": True, "restartCount": restarts}]
    return {
        "metadata": {"name": f"prometheus-server-{uid}", "uid": uid, "labels": labels},
        "status": {"containerStatuses": statuses},
    }


def picture(*pods: dict[str, Any]) -> Picture:
    return Picture(at=0, utc=NOW, pods={p["metadata"]["name"]: p for p in pods})


@dataclass
class Place:
    """API server, Helm and observer in one; what was not expected is an AssertionError."""

    folder: Path
    pods: tuple[dict[str, Any], ...] = (pod("a"),)
    done: list[str] = field(default_factory=list)
    shell: Callable[[str], tuple[int, str]] | None = None
    config: str | None = None

    def picture(self) -> Picture:
        return picture(*self.pods)

    def delete(self, path: str) -> None:
        assert path == "/api/v1/namespaces/drill-x/pods/prometheus-server-a"
        self.done.append("pod deleted")

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/api/v1/namespaces/drill-x/configmaps/prometheus-server"
        values = (self.folder / "values.yaml").read_text()
        return {"data": {"prometheus.yml": self.config if self.config is not None else values}}

    def exec(
        self, namespace: str, name: str, container: str, argv: Sequence[str], *, timeout_s: float
    ) -> tuple[int, str]:
        assert (namespace, name, container) == ("drill-x", "prometheus-server-a", "prometheus-server")
        assert argv[:2] == ["sh", "-c"]
        assert timeout_s > 0
        assert self.shell is not None, "no exec was expected"
        return self.shell(argv[2])

    def upgrade(self, release: str, _chart: Path, namespace: str, values: list[Path], *, timeout_s: float) -> None:
        assert (release, namespace, timeout_s > 0) == ("prometheus", "drill-x", True)
        self.done.append(f"upgrade to {values[0].read_text()!r}")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "values.yaml").write_text(VALUES)
    return Place(tmp_path)


def apply(fault: Fault, place: Place) -> tuple[tuple[Condition, ...], Undo]:
    """Apply the fault; its journal lies in the place's folder."""
    world = cast(Any, place)
    with Journal(place.folder / "journal.jsonl") as journal:
        release = Release(world, "prometheus", "drill-x", place.folder, place.folder / "values.yaml")
        undo = Undo(journal)
        assert fault.name
        assert fault.blast_radius
        return fault.apply(Ground(world, SERVER, release, world, journal), undo), undo


def test_values_edit_and_its_undo(place: Place) -> None:
    proof, undo = apply(ValuesEdit("server.extraFlags", [], PROOF), place)
    assert proof == PROOF
    assert place.done == ["upgrade to 'server:\\n  extraFlags: []\\n'"]
    undo.run()
    assert place.done[1:] == [f"upgrade to {VALUES!r}"]


def test_an_edit_that_changes_nothing_is_noticed(place: Place) -> None:
    with pytest.raises(FaultNotTaken, match="already"):
        apply(ValuesEdit("server.extraFlags", ["web.enable-lifecycle"], PROOF), place)
    assert place.done == []


def test_touch_config_reaches_the_configmap(place: Place) -> None:
    proof, undo = apply(TouchConfig("second"), place)
    assert proof == ()
    assert "drill: second" in place.done[0]
    undo.run()
    assert place.done[1:] == [f"upgrade to {VALUES!r}"]


def test_touch_config_that_does_not_reach_the_configmap_is_noticed(place: Place) -> None:
    place.config = "global: {}"
    with pytest.raises(FaultNotTaken, match="does not hold drill: second"):
        apply(TouchConfig("second"), place)


def test_restart_deletes_the_pod_and_waits_for_another(place: Place) -> None:
    proof, undo = apply(RestartServer(), place)
    assert place.done == ["pod deleted"]
    assert [c.judge(picture(pod("a"))).holds for c in proof] == [False]
    assert [c.judge(picture(pod("b"))).holds for c in proof] == [True]
    assert undo.run() is None


def test_a_fault_of_a_pod_needs_one(place: Place) -> None:
    place.pods = ()
    with pytest.raises(FaultNotTaken, match="no pod"):
        apply(RestartServer(), place)


def test_fill_writes_until_no_byte_is_left(place: Place) -> None:
    ran: list[str] = []

    def local(script: str) -> tuple[int, str]:
        ran.append(script)
        done = shell.run(["sh", "-c", script.replace("/data/promdrill.fill", "/dev/full")], timeout_s=10)
        return done.exit_code, done.stdout + done.stderr

    place.shell = local
    proof, undo = apply(FillVolume(), place)
    assert [condition.name for condition in proof] == ["df: nothing left on /data"]

    def remove(script: str) -> tuple[int, str]:
        ran.append(script)
        return 0, ""

    place.shell = remove
    undo.run()
    assert ran[1:] == ["rm -f /data/promdrill.fill"]


@pytest.mark.parametrize("output", ["", "dd: can't open '/data/promdrill.fill': Read-only file system"])
def test_a_fill_that_did_not_fill_is_noticed(place: Place, output: str) -> None:
    place.shell = lambda _: (0, output)
    with pytest.raises(FaultNotTaken, match="did not end in"):
        apply(FillVolume(), place)


def test_undoing_a_fill_without_a_pod_leaves_it_to_the_volume(place: Place) -> None:
    place.shell = lambda _: (0, "No space left on device")
    _, undo = apply(FillVolume(), place)
    place.pods, place.shell = (), None
    assert undo.run() is None


def df(size_kib: int, left_kib: int, *, status: int | None = 0) -> Picture:
    probe = ExecProbe("p", SERVER.container, ("df", "-kP", "/data"))
    text = (
        "Filesystem           1024-blocks    Used Available Capacity Mounted on\n"
        f"/dev/loop0 {size_kib} {size_kib - left_kib} {left_kib} 50% /data\n"
    )
    answer = ProbeAnswer(0, 0, NOW, status, text if status == 0 else "exec failed")
    return replace(picture(), answers={probe: answer})


def test_df_full() -> None:
    full = volume_full(SERVER, "p", "/data")
    assert full.judge(df(240_000, 0)).holds
    assert full.judge(df(240_000, 20)).holds
    assert not full.judge(df(240_000, 4096)).holds


def test_df_grown() -> None:
    grown = volume_shows(SERVER, "p", "/data", "450Mi")
    assert not grown.judge(df(236 * 1024, 100_000)).holds  # 300Mi of xfs
    assert grown.judge(df(386 * 1024, 100_000)).holds
    assert not grown.judge(df(386 * 1024, 0)).holds


@pytest.mark.parametrize("seen", [picture(), df(1, 1, status=1)])
def test_df_that_was_not_answered_is_not_known(seen: Picture) -> None:
    for condition in (volume_full(SERVER, "p", "/data"), volume_shows(SERVER, "p", "/data", "1Mi")):
        judged = condition.judge(seen)
        assert (judged.holds, judged.known) == (False, False)


def test_the_same_pod() -> None:
    same = untouched(SERVER, "a", 1)
    assert same.judge(picture(pod("a", restarts=1))).holds
    assert not same.judge(picture(pod("a", restarts=2))).holds
    assert not same.judge(picture(pod("b", restarts=1))).holds
    assert not same.judge(picture()).holds


def test_another_pod() -> None:
    another = replaced(SERVER, "a")
    assert not another.judge(picture()).holds
    assert not another.judge(picture(pod("a"), pod("b"))).holds
    assert another.judge(picture(pod("b"))).holds

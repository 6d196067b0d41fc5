"""Faults of objects and by command: what they send, that the undo is known before, and what it sends."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit import fake_shell
from tests.unit.faults_world import PROOF, Place, place, pod

from promdrill.core.errors import ClusterError, CommandFailed
from promdrill.faults import Applied, Deleted, Fault, FaultNotTaken, OnNode, Patched, RunIn
from promdrill.kube.client import NotFound

__all__ = ["place"]

SERVICE = "/api/v1/namespaces/drill-x/services/s"
QUOTA: dict[str, Any] = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "any"}}
CLASS: dict[str, Any] = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "c"}}
TO_9091, TO_9090 = {"spec": {"port": 9091}}, {"spec": {"port": 9090}}

ACTS: list[tuple[Fault, str, list[str]]] = [
    (
        Applied(QUOTA, PROOF),
        "apply ResourceQuota drill-x/q",
        ["delete /api/v1/namespaces/drill-x/resourcequotas/q"],
    ),
    (Applied(CLASS, PROOF), "apply StorageClass /c", ["delete /apis/storage.k8s.io/v1/storageclasses/c"]),
    (
        Patched("point it elsewhere", SERVICE, TO_9091, TO_9090, proof=PROOF),
        f'merge patch {SERVICE} {{"spec": {{"port": 9091}}}}',
        [f'merge patch {SERVICE} {{"spec": {{"port": 9090}}}}'],
    ),
    (
        Patched("drop it", SERVICE, [{"op": "remove"}], [{"op": "add"}], kind="json", proof=PROOF),
        f'json patch {SERVICE} [{{"op": "remove"}}]',
        [f'json patch {SERVICE} [{{"op": "add"}}]'],
    ),
    (
        Patched("leave it so", SERVICE, TO_9091, kind="strategic", proof=PROOF),
        f'strategic patch {SERVICE} {{"spec": {{"port": 9091}}}}',
        [],
    ),
    (Deleted(SERVICE, QUOTA, PROOF), f"delete {SERVICE}, which must be there", ["apply ResourceQuota any/q"]),
    (Deleted(SERVICE, proof=PROOF), f"delete {SERVICE}, which must be there", []),
]
IDS = ["apply", "apply cluster-wide", "patch", "json patch", "patch for good", "delete", "delete for good"]


@pytest.mark.parametrize(("fault", "sent", "back"), ACTS, ids=IDS)
def test_what_is_sent_and_what_takes_it_back(place: Place, fault: Fault, sent: str, back: list[str]) -> None:
    assert place.inject(fault) == PROOF
    assert place.done == [sent]
    assert place.undone() == back


@pytest.mark.parametrize(("fault", "sent", "back"), ACTS, ids=IDS)
def test_an_act_that_is_refused_is_taken_back_all_the_same(
    place: Place, fault: Fault, sent: str, back: list[str]
) -> None:
    place.fails = sent
    with pytest.raises(ClusterError):
        place.inject(fault)
    assert place.undone() == back


def test_faults_of_objects_say_what_they_touch() -> None:
    patched = Patched("point it elsewhere", SERVICE, TO_9091)
    assert (patched.name, patched.blast_radius) == ("point it elsewhere", (SERVICE,))
    assert (Deleted(SERVICE).name, Deleted(SERVICE).blast_radius) == ("delete services/s", (SERVICE,))
    assert (Applied(QUOTA).name, Applied(QUOTA).blast_radius) == ("apply ResourceQuota q", ("ResourceQuota q",))
    assert QUOTA["metadata"]["namespace"] == "any", "the scenario's own object stays as it is"


def test_what_is_not_there_cannot_be_deleted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: str, *, missing_ok: bool) -> None:
        assert not missing_ok
        raise NotFound(path, 404, "")

    monkeypatch.setattr(place, "delete", gone)
    with pytest.raises(FaultNotTaken, match="no such object"):
        place.inject(Deleted(SERVICE))


@pytest.mark.parametrize(
    ("where", "target"),
    [
        ({}, "prometheus-server-a/prometheus-server"),
        ({"container": "reloader"}, "prometheus-server-a/reloader"),
        ({"pod": "grafana-"}, "grafana-b/prometheus-server"),
        ({"pod": "grafana-", "container": "grafana"}, "grafana-b/grafana"),
    ],
    ids=["server", "beside it", "other pod", "other pod's container"],
)
def test_a_script_runs_in_the_container_that_is_meant(place: Place, where: dict[str, Any], target: str) -> None:
    place.pods = (pod("a"), pod("b", name="grafana"))
    place.script = lambda _: (0, "")
    assert place.inject(RunIn("spoil it", "rm x", "touch x", proof=PROOF, **where)) == PROOF
    assert place.done == [f"exec {target}: rm x"]
    assert place.undone() == [f"exec {target}: touch x"]


def test_a_script_that_needs_no_undo_has_none(place: Place) -> None:
    place.script = lambda _: (137, "")
    place.inject(RunIn("kill it", "kill 1", exit_codes=(0, 137)))
    assert place.undone() == []


def test_a_script_that_ends_otherwise_is_noticed_and_taken_back(place: Place) -> None:
    place.script = lambda script: (0 if script == "touch x" else 2, "  no such file\n")
    with pytest.raises(FaultNotTaken, match=r"spoil it: exit code 2: no such file$"):
        place.inject(RunIn("spoil it", "rm x", "touch x"))
    assert place.undone() == ["exec prometheus-server-a/prometheus-server: touch x"]


def test_an_undo_that_does_not_work_is_noted(place: Place) -> None:
    place.script = lambda script: (int(script == "touch x"), "read-only")
    place.inject(RunIn("spoil it", "rm x", "touch x"))
    assert place.undone()
    assert place.undo_errors() == ["FaultNotTaken: spoil it: exit code 1: read-only"]


@pytest.mark.parametrize(("fault", "missing"), [(RunIn("x", "y"), "no pod of"), (RunIn("x", "y", pod="z-"), r"z-\*")])
def test_a_script_needs_its_pod(place: Place, fault: Fault, missing: str) -> None:
    place.pods = ()
    with pytest.raises(FaultNotTaken, match=missing):
        place.inject(fault)
    assert place.done == []


def test_a_script_on_the_node_of_the_servers_pod(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = fake_shell.install(monkeypatch)
    for script in ("chown root /x", "chown 65534 /x"):
        shell.expect("docker", "exec", "c0ffee", "sh", "-c", script)
    assert place.inject(OnNode("give it to root", "chown root /x", "chown 65534 /x", PROOF)) == PROOF
    place.pods = ()  # the undo goes to the same node, whatever has become of the pod
    assert place.undone() == []
    shell.done()
    assert place.undo_errors() == []


@pytest.mark.parametrize("back", ["", "chown 65534 /x"], ids=["no undo", "undo"])
def test_a_script_on_the_node_that_fails_is_taken_back(
    place: Place, monkeypatch: pytest.MonkeyPatch, back: str
) -> None:
    shell = fake_shell.install(monkeypatch)
    shell.expect("chown root /x", answer=CommandFailed(["docker"], 1, "no"))
    if back:
        shell.expect(back)
    with pytest.raises(CommandFailed):
        place.inject(OnNode("give it to root", "chown root /x", back))
    place.undone()
    shell.done()


@pytest.mark.parametrize("pods", [(), (pod("a", nodeName=None),)], ids=["no pod", "not scheduled"])
def test_a_script_on_the_node_needs_a_pod_there(
    place: Place, monkeypatch: pytest.MonkeyPatch, pods: tuple[dict[str, Any], ...]
) -> None:
    fake_shell.install(monkeypatch)
    place.pods = pods
    with pytest.raises(FaultNotTaken, match=r"no pod of|is on no node"):
        place.inject(OnNode("give it to root", "chown root /x", "chown 65534 /x"))
    assert place.undone() == []

"""What the storage scenarios need besides: growth, a cluster without storage, and a pod that no node has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
import yaml
from tests.unit.faults_world import NOW, PROOF, SERVER, VALUES, Place, place, pod, snapshot

from promdrill.cluster.storage import CLASSES, is_default
from promdrill.core.errors import ClusterError
from promdrill.faults import FaultNotTaken, GrowVolume, RemoveStorage
from promdrill.faults.storage import DEPLOYMENT, default_class, no_class
from promdrill.observe.conditions import Condition
from promdrill.observe.probes import ObjectProbe, ProbeAnswer
from promdrill.observe.server_pods import unscheduled
from promdrill.observe.snapshot import Snapshot

__all__ = ["place"]

GROWN = f"{VALUES}  persistentVolume:\n    size: 450Mi\n"
LABELS = {"app": "local-path-provisioner"}
PODS = f"/api/v1/namespaces/local-path-storage/pods?labelSelector={quote('app=local-path-provisioner')}"
KEPT = {"defaultVolumeType": "local"}
ADDED = {
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "deployment.kubernetes.io/revision": "1",
}


def class_named(name: str, **about: Any) -> dict[str, Any]:
    """A class as it was applied."""
    metadata = {"name": name, **about}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, "provisioner": "p"}


def deployment(**about: Any) -> dict[str, Any]:
    """The provisioner, as it was applied."""
    metadata = {"name": "local-path-provisioner", "namespace": "local-path-storage", **about}
    spec = {"replicas": 1, "selector": {"matchLabels": LABELS}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@pytest.fixture
def storage(place: Place) -> Place:
    """A cluster with two classes and the provisioner, with what the API server adds to them."""
    served = {"uid": "1", "resourceVersion": "2", "generation": 3, "managedFields": [], "creationTimestamp": "now"}
    place.objects = {
        CLASSES: lambda: {"items": [class_named("standard"), class_named("local-path")]},
        f"{CLASSES}/standard": lambda: class_named("standard", **served),
        f"{CLASSES}/local-path": lambda: class_named("local-path", annotations={**KEPT, **ADDED}, **served),
        DEPLOYMENT: lambda: {**deployment(annotations=ADDED, **served), "status": {"replicas": 1}},
    }
    return place


@pytest.fixture
def applied(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The objects that are applied, in full."""
    objects: list[Mapping[str, Any]] = []
    former = place.apply

    def apply(obj: Mapping[str, Any]) -> None:
        objects.append(obj)
        former(obj)

    monkeypatch.setattr(place, "apply", apply)
    return objects


def seen(conditions: Sequence[Condition], listed: Mapping[str, Sequence[str]]) -> list[bool]:
    """Which of them hold when the API server lists these names under these paths."""
    answers = {
        ObjectProbe(path): ProbeAnswer(
            0, 0, NOW, 200, json.dumps({"items": [{"metadata": {"name": n}} for n in names]})
        )
        for path, names in listed.items()
    }
    now = Snapshot(at=0, utc=NOW, answers=cast(Any, answers))
    return [condition.judge(now).holds for condition in conditions]


def test_growth_is_asked_for_by_an_upgrade_and_not_taken_back(place: Place) -> None:
    assert place.inject(GrowVolume("450Mi", PROOF)) == PROOF
    assert place.done == [f"upgrade with {GROWN!r}"]
    assert place.undone() == []
    assert place.release.read() == GROWN
    assert place.undo_errors() == []


def test_a_stateful_sets_claim_is_asked_itself(place: Place) -> None:
    """Its template cannot be changed, and claims would not follow it; the values stay."""
    place.server = replace(place.server, workload="statefulset", claim_name="db-0")
    before = place.release.read()
    assert place.inject(GrowVolume("450Mi", PROOF)) == PROOF
    claim = f"/api/v1/namespaces/{place.server.namespace}/persistentvolumeclaims/db-0"
    asked = '{"spec": {"resources": {"requests": {"storage": "450Mi"}}}}'
    assert place.done == [f"merge patch {claim} {asked}"]
    assert place.release.read() == before
    assert place.undone() == []


def test_growth_to_the_size_that_is_there_is_none(place: Place) -> None:
    place.release.write(GROWN)
    with pytest.raises(FaultNotTaken, match="already says so"):
        place.inject(GrowVolume("450Mi"))
    assert place.done == []


def test_classes_and_provisioner_go_and_come_back_as_they_were(
    storage: Place, applied: list[Mapping[str, Any]]
) -> None:
    manifest = storage.folder / "new/folders/provisioner.yaml"
    storage.inject(RemoveStorage(manifest))
    paths = [f"{CLASSES}/standard", f"{CLASSES}/local-path", DEPLOYMENT]
    assert storage.done == [f"delete {path}, which must be there" for path in paths]
    own = class_named("local-path", annotations=KEPT)
    assert list(yaml.safe_load_all(manifest.read_text())) == [deployment(annotations={}), own]
    assert applied == []
    assert storage.undone() == [
        "apply Deployment local-path-storage/local-path-provisioner",
        "apply StorageClass /local-path",
        "apply StorageClass /standard",
    ]
    assert applied == [deployment(annotations={}), own, class_named("standard")]


def test_the_loss_is_proven_by_what_the_api_server_lists(storage: Place) -> None:
    proof = storage.inject(RemoveStorage(storage.folder / "provisioner.yaml"))
    assert seen(proof, {CLASSES: [], PODS: []}) == [True, True]
    assert seen(proof, {CLASSES: ["standard"], PODS: ["local-path-provisioner-x"]}) == [False, False]
    assert seen(proof, {}) == [False, False]
    assert seen([no_class()], {CLASSES: []}) == [True]


@pytest.mark.parametrize("refused", ["standard", "local-path", "local-path-provisioner"])
def test_what_was_deleted_before_one_was_refused_comes_back(storage: Place, refused: str) -> None:
    path = DEPLOYMENT if refused == "local-path-provisioner" else f"{CLASSES}/{refused}"
    storage.fails = f"delete {path}"
    with pytest.raises(ClusterError, match="refused"):
        storage.inject(RemoveStorage(storage.folder / "provisioner.yaml"))
    deleted = [act.removeprefix("delete ").partition(",")[0].rpartition("/")[2] for act in storage.done]
    assert deleted[-1] == refused
    assert [act.rpartition("/")[2] for act in storage.undone()] == deleted[::-1]


def test_storage_without_a_class_to_install_again_is_left_alone(storage: Place) -> None:
    storage.objects[CLASSES] = lambda: {"items": [class_named("standard")]}
    with pytest.raises(FaultNotTaken, match="no StorageClass local-path"):
        storage.inject(RemoveStorage(storage.folder / "provisioner.yaml"))
    assert storage.done == []


def test_the_loss_of_storage_says_that_it_is_the_whole_clusters() -> None:
    fault = RemoveStorage(Path("provisioner.yaml"))
    assert fault.name == "delete all storage classes and the provisioner"
    everything = ("every StorageClass of the cluster", "Deployment local-path-storage/local-path-provisioner")
    assert fault.blast_radius == everything
    assert GrowVolume("1Gi").name == "ask for a volume of 1Gi"
    assert GrowVolume("1Gi").blast_radius == ("the Helm release that is drilled", "the server's claim and its volume")


def test_a_class_is_made_the_default_and_no_default() -> None:
    key = "storageclass.kubernetes.io/is-default-class"
    assert default_class(default=True) == {"metadata": {"annotations": {key: "true"}}}
    assert default_class(default=False) == {"metadata": {"annotations": {key: None}}}
    said = [{"metadata": about} for about in ({}, {"annotations": {key: "false"}}, {"annotations": {key: "true"}})]
    assert [is_default(found) for found in said] == [False, False, True]


@pytest.mark.parametrize(
    ("phase", "node", "waits"),
    [("Pending", "", True), ("Pending", "node-1", False), ("Running", "node-1", False)],
)
def test_a_pod_waits_for_a_node(phase: str, node: str, *, waits: bool) -> None:
    waiting = pod("a", nodeName=node)
    waiting["status"]["phase"] = phase
    found = unscheduled(SERVER).judge(snapshot(waiting))
    assert (found.holds, "prometheus-server-a" in found.text) == (waits, True)


def test_all_server_pods_have_to_wait_and_others_do_not_count() -> None:
    waiting, running = pod("a", nodeName=""), pod("b")
    waiting["status"]["phase"], running["status"]["phase"] = "Pending", "Running"
    assert not unscheduled(SERVER).judge(snapshot(waiting, running)).holds
    stranger = pod("c", name="stranger", nodeName="")
    stranger["status"]["phase"] = "Pending"
    assert unscheduled(SERVER).judge(snapshot(stranger)).text == "no server pod"
    assert not unscheduled(SERVER).judge(snapshot(stranger)).holds

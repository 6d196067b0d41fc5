"""The life of a cluster: recorded before it is made, deleted however the block is left, kept only on purpose."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.fake_shell import FakeShell, install

from promdrill.cluster import lease, lifecycle, owners, storage
from promdrill.cluster.kind import configuration
from promdrill.core import paths
from promdrill.core.errors import ClusterError, CommandFailed, UsageError

CLASSES = {"items": [{"metadata": {"name": "standard", "annotations": {storage.DEFAULT_CLASS: "true"}}}]}
PROVISIONER = """
kind: Namespace
metadata: {name: local-path-storage}
---
kind: ConfigMap
metadata: {name: local-path-config}
---
kind: Deployment
metadata: {name: local-path-provisioner}
"""


@pytest.fixture
def shell_(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeShell:
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    (tmp_path / "lpp.yaml").write_text(PROVISIONER)
    return install(monkeypatch)


def _cluster(tmp_path: Path, *, profile: str = "fast", **options: Any) -> Any:
    tools: dict[str, Any] = {
        "kind_path": Path("/kind"),
        "kubectl_path": Path("/kubectl"),
        "provisioner": tmp_path / "lpp.yaml",
    }
    return lifecycle.cluster(name="promdrill", profile=profile, image="node:1", **tools, **options)


def _expect_creation(fake: FakeShell, *, profile: str = "fast") -> None:
    fake.expect("get", "clusters", answer="other\n")
    fake.expect("create", "cluster", "--name=promdrill", "--image=node:1")
    if profile == "fast":
        fake.expect("/kubectl", "apply", "--server-side")
    _expect_ready(fake)


def _expect_ready(fake: FakeShell, *, installed: bool = False) -> None:
    if not installed:
        fake.expect("docker", "ps", answer="promdrill-control-plane\n")
        for _ in storage._UNIT:
            fake.expect("docker", "exec", "-i", "promdrill-control-plane")
        fake.expect("docker", "exec", "systemctl", "enable")
        fake.expect("/kubectl", "apply", "--server-side")
    fake.expect("/kubectl", "wait", "node")
    fake.expect("/kubectl", "wait", "--for=condition=Available", "deployment/coredns")
    for what in ("daemonset/volume-agent", "deployment/local-path-provisioner"):
        fake.expect("/kubectl", "rollout", "status", what)
    fake.expect("/kubectl", "get", "storageclass", answer=json.dumps(CLASSES))


def _expect_deletion(fake: FakeShell, *, others: str = "") -> None:
    fake.expect("delete", "cluster", "--name=promdrill")
    fake.expect("docker", "ps", "--all", answer=others)
    if not others:
        fake.expect("docker", "network", "rm", "kind")


def test_a_cluster_is_recorded_made_ready_and_deleted(shell_: FakeShell, tmp_path: Path) -> None:
    _expect_creation(shell_)
    with _cluster(tmp_path) as made:
        owner = owners.of(made.path)
        assert owner is not None
        assert (owner.pid, owner.kept, owner.alive) == (os.getpid(), False, True)
        applied = shell_.calls[7][1]["stdin"]
        kinds = [item["kind"] for item in yaml.safe_load_all(applied)]
        assert kinds[:2] == ["Namespace", "ConfigMap"]
        assert kinds.count("ConfigMap") == 1, "the provisioner's own configuration is replaced"
        dns = yaml.safe_load(shell_.calls[2][1]["stdin"])
        assert (dns["kind"], dns["metadata"]["name"]) == ("Deployment", "coredns")
        _expect_deletion(shell_)
    shell_.done()
    assert not made.path.exists()


def test_kubeadms_own_objects_are_left_alone_as_shipped(shell_: FakeShell, tmp_path: Path) -> None:
    _expect_creation(shell_, profile="as-shipped")
    with _cluster(tmp_path, profile="as-shipped"):
        _expect_deletion(shell_)
    shell_.done()


def test_the_network_stays_while_another_cluster_is_on_it(shell_: FakeShell, tmp_path: Path) -> None:
    _expect_creation(shell_)
    with _cluster(tmp_path):
        _expect_deletion(shell_, others="abc\n")
    shell_.done()


def test_a_cluster_that_cannot_be_created_is_deleted(shell_: FakeShell, tmp_path: Path) -> None:
    shell_.expect("get", "clusters")
    shell_.expect("create", answer=CommandFailed(["kind", "create"], 1, "port is taken"))
    _expect_deletion(shell_)
    with (
        pytest.raises(ClusterError, match=r"could not create cluster promdrill\n(.|\n)*port is taken"),
        _cluster(tmp_path),
    ):
        pass
    shell_.done()


def test_a_cluster_that_does_not_get_ready_says_what_and_is_deleted(shell_: FakeShell, tmp_path: Path) -> None:
    _expect_creation(shell_)
    del shell_.expected[-4:]
    shell_.expect("wait", "deployment/coredns", answer=CommandFailed(["kubectl"], 1, "timed out waiting"))
    shell_.expect("get", "pods", answer="coredns 0/1 Pending")
    _expect_deletion(shell_)
    with (
        pytest.raises(ClusterError, match=r"not DNS available within 180 s: .*timed out waiting\ncoredns 0/1"),
        _cluster(tmp_path),
    ):
        pass
    shell_.done()


def test_a_kept_cluster_stays_and_is_used_again_only_when_asked_for(shell_: FakeShell, tmp_path: Path) -> None:
    said: list[str] = []
    _expect_creation(shell_)
    with _cluster(tmp_path, keep=True, on_event=said.append) as made:
        pass
    assert said[-2:] == [
        f"cluster promdrill is kept: export KUBECONFIG={made.kubeconfig_path}",
        f"to delete it: {paths.program()} clean promdrill",
    ]
    shell_.expect("get", "clusters", answer="promdrill\n")
    with pytest.raises(ClusterError, match="already exists"), _cluster(tmp_path):
        pass
    shell_.expect("get", "clusters", answer="promdrill\n")
    shell_.expect("load", "image-archive", "one.tar")
    _expect_ready(shell_, installed=True)
    incident = made.path / "incident"
    incident.mkdir()
    with _cluster(tmp_path, reuse=True, archives=(Path("one.tar"),), on_event=said.append):
        owner = owners.of(made.path)
        assert owner is not None
        assert (owner.pid, owner.kept, owner.profile, owner.image) == (os.getpid(), True, "fast", "node:1")
    shell_.done()
    assert said[-1] == f"cluster promdrill stays kept; to delete it: {paths.program()} clean promdrill"
    assert incident.is_dir()
    assert made.kubeconfig_path.exists()


def test_a_kept_cluster_that_does_not_get_ready_again_stays(shell_: FakeShell, tmp_path: Path) -> None:
    _expect_creation(shell_)
    with _cluster(tmp_path, keep=True) as made:
        pass
    shell_.expect("get", "clusters", answer="promdrill\n")
    shell_.expect("wait", "node", answer=CommandFailed(["kubectl"], 1, "timed out"))
    shell_.expect("get", "pods")
    with pytest.raises(ClusterError, match="not nodes ready"), _cluster(tmp_path, reuse=True):
        pass
    shell_.done()
    owner = owners.of(made.path)
    assert owner is not None
    assert owner.kept


@pytest.mark.parametrize(("kept", "wanted"), [("as-shipped", "fast"), ("fast", "as-shipped")])
def test_a_kept_cluster_of_another_profile_is_not_used(
    shell_: FakeShell, tmp_path: Path, kept: str, wanted: str
) -> None:
    _expect_creation(shell_, profile=kept)
    with _cluster(tmp_path, profile=kept, keep=True):
        pass
    shell_.expect("get", "clusters", answer="promdrill\n")
    message = f"was made with profile {kept}, and this run asks for {wanted}"
    with pytest.raises(ClusterError, match=message), _cluster(tmp_path, profile=wanted, reuse=True):
        pass
    shell_.done()


def test_a_new_cluster_takes_over_nothing_from_an_earlier_one_of_its_name(shell_: FakeShell, tmp_path: Path) -> None:
    before = paths.clusters_dir() / "promdrill"
    owners.claim(before, kept=True)
    (before / "incident").mkdir()
    (before / "notes.txt").write_text("a person's")
    _expect_creation(shell_)
    with _cluster(tmp_path, reuse=True) as made:
        assert not (made.path / "incident").exists()
        _expect_deletion(shell_)
    shell_.done()
    assert [each.name for each in made.path.iterdir()] == ["notes.txt"]


def test_somebody_elses_cluster_of_that_name_is_left_alone(shell_: FakeShell, tmp_path: Path) -> None:
    shell_.expect("get", "clusters", answer="promdrill\n")
    with pytest.raises(ClusterError, match=r"already exists(.|\n)*kind delete cluster"), _cluster(tmp_path, reuse=True):
        pass
    shell_.done()


@pytest.mark.parametrize("record", ['{"pid": 1, "started": "long ago", "kept": false}', "{", None])
def test_what_a_killed_run_left_is_deleted_first(shell_: FakeShell, tmp_path: Path, record: str | None) -> None:
    said: list[str] = []
    left = paths.clusters_dir() / "promdrill"
    left.mkdir(parents=True)
    if record is not None:
        (left / owners.FILE_NAME).write_text(record)
    _expect_deletion(shell_)
    _expect_creation(shell_)
    with _cluster(tmp_path, on_event=said.append):
        _expect_deletion(shell_)
    shell_.done()
    assert said[0] == "deleted cluster promdrill, which a killed run had left"


def test_clusters_of_living_makers_and_leased_names_are_left(shell_: FakeShell) -> None:
    owners.claim(paths.clusters_dir() / "promdrill-2", kept=False)
    (paths.clusters_dir() / "promdrill-3").mkdir()
    with lease.this_name("promdrill-3"):
        assert lifecycle.remove_abandoned(Path("/kind"), mine="promdrill") == []
    shell_.done()


def test_more_than_one_default_class_is_an_error(shell_: FakeShell, tmp_path: Path) -> None:
    _expect_creation(shell_)
    both = {"items": [*CLASSES["items"], {"metadata": {**CLASSES["items"][0]["metadata"], "name": "second"}}]}
    shell_.expected[-1].answer = json.dumps(both)
    _expect_deletion(shell_)
    with (
        pytest.raises(ClusterError, match="expected standard to be the default storage class, found standard, second"),
        _cluster(tmp_path),
    ):
        pass
    shell_.done()


def test_a_patch_merges_tables_and_adds_to_lists() -> None:
    patch = {
        "featureGates": {"X": True},
        "kubeadmConfigPatches": ["kind: A\n"],
        "networking": {"disableDefaultCNI": True},
    }
    merged = configuration("fast", patch)
    assert merged["featureGates"] == {
        "KubeletCrashLoopBackOffMax": True,
        "ReduceDefaultCrashLoopBackOffDecay": True,
        "X": True,
    }
    assert merged["kubeadmConfigPatches"][-1] == "kind: A\n"
    assert merged["kubeadmConfigPatches"][:-1] == configuration("fast", {})["kubeadmConfigPatches"]
    assert merged["networking"] == {"disableDefaultCNI": True}
    assert configuration("as-shipped", {}) == {
        "kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}],
    }  # fmt: skip
    with pytest.raises(UsageError, match="no profile named 'slow'"):
        configuration("slow", {})


def test_the_fast_autoscaler_is_written_so_that_kind_adds_it_to_either_form_of_kubeadms_arguments() -> None:
    patches = [yaml.safe_load(patch) for patch in configuration("fast", {})["kubeadmConfigPatches"]]
    (arguments,) = (patch for patch in patches if patch["kind"] == "ClusterConfiguration")
    period = {"horizontal-pod-autoscaler-sync-period": "2s", "pvclaimbinder-sync-period": "2s"}
    assert arguments == {"kind": "ClusterConfiguration", "controllerManager": {"extraArgs": period}}

"""The life of a cluster: recorded before it is made, deleted however the block is left, kept only on purpose."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.cluster_world import CLASSES, Engine, engine, kubeconfig_of

from promdrill.cluster import lease, lifecycle, network, owners, removal, sweep
from promdrill.cluster.address import Address
from promdrill.cluster.kind import configuration
from promdrill.core import paths
from promdrill.core.errors import ClusterError, CommandFailed, NotOurs, UsageError

__all__ = ["engine"]

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


def _cluster(tmp_path: Path, *, profile: str = "fast", **options: Any) -> Any:
    (tmp_path / "lpp.yaml").write_text(PROVISIONER)
    tools: dict[str, Any] = {
        "kind_path": Path("/kind"),
        "kubectl_path": Path("/kubectl"),
        "provisioner": tmp_path / "lpp.yaml",
    }
    return lifecycle.cluster(name="promdrill", profile=profile, image="node:1", **tools, **options)


def _kept(engine: Engine, tmp_path: Path, **options: Any) -> Any:
    """A cluster that a run of its own kept."""
    with _cluster(tmp_path, keep=True, **options) as made:
        pass
    engine.done.clear()
    return made


def test_a_cluster_is_recorded_made_ready_and_deleted(engine: Engine, tmp_path: Path) -> None:
    with _cluster(tmp_path) as made:
        owner = owners.of(made.path)
        assert owner is not None
        assert (owner.pid, owner.kept, owner.alive) == (os.getpid(), False, True)
        (container,) = engine.containers
        assert made.identity == owner.identity
        assert made.identity.nodes == {"promdrill-control-plane": container}
        assert made.identity.engine == "engine-1"
        assert {made.identity.server: made.identity.uid} == engine.uids
        assert made.kubeconfig_path.stat().st_mode & 0o777 == 0o600
        dns, stored = engine.inputs
        kinds = [item["kind"] for item in yaml.safe_load_all(stored)]
        assert kinds[:2] == ["Namespace", "ConfigMap"]
        assert kinds.count("ConfigMap") == 1, "the provisioner's own configuration is replaced"
        assert yaml.safe_load(dns)["metadata"]["name"] == "coredns"
    assert (engine.containers, engine.network) == ({}, "")
    assert not made.path.exists()


def test_kubeadms_own_objects_are_left_alone_as_shipped(engine: Engine, tmp_path: Path) -> None:
    with _cluster(tmp_path, profile="as-shipped"):
        assert len(engine.inputs) == 1
    assert not engine.containers


def test_the_network_stays_while_another_cluster_is_on_it_and_goes_with_the_last(
    engine: Engine, tmp_path: Path
) -> None:
    with _cluster(tmp_path):
        engine.record("promdrill-2")  # made meanwhile by another promdrill, which found the network there
    assert engine.network
    assert sweep.delete_clusters(engine=True, say=lambda _: None).deleted == ("promdrill-2",)
    assert not engine.network


def test_a_network_that_was_there_before_stays(engine: Engine, tmp_path: Path) -> None:
    engine.network = "theirs"
    with _cluster(tmp_path):
        pass
    assert engine.network == "theirs"


def test_a_network_of_the_same_name_that_came_later_stays(engine: Engine, tmp_path: Path) -> None:
    with _cluster(tmp_path):
        engine.network = "made anew by somebody"
    assert engine.network == "made anew by somebody"
    network.remove_unused(engine.id)
    assert engine.network == "made anew by somebody"


def test_a_cluster_that_cannot_be_created_is_deleted(engine: Engine, tmp_path: Path) -> None:
    engine.refuses["/kind create"] = "port is taken"
    with (
        pytest.raises(ClusterError, match=r"could not create cluster promdrill: port is taken\n"),
        _cluster(tmp_path),
    ):
        pass
    assert owners.recorded() == {}


def test_a_cluster_that_does_not_get_ready_says_what_and_is_deleted(engine: Engine, tmp_path: Path) -> None:
    engine.refuses["wait deployment/coredns"] = "timed out waiting"
    with pytest.raises(ClusterError, match=r"not DNS available within 180 s: .*timed out waiting"), _cluster(tmp_path):
        pass
    assert not engine.containers


def test_the_cause_is_seen_even_if_the_cluster_cannot_be_deleted_and_the_next_command_deletes_it(
    engine: Engine, tmp_path: Path
) -> None:
    said: list[str] = []
    engine.refuses |= {"wait node": "timed out", "docker rm": "the engine is gone"}
    with pytest.raises(ClusterError, match="not nodes ready"), _cluster(tmp_path, on_event=said.append):
        pass
    assert said[-1].startswith("cluster promdrill is not deleted yet: exit code 1: docker rm")
    engine.refuses.clear()
    _ended("promdrill")
    assert sweep.remove_abandoned() == ["promdrill"]
    assert not engine.containers


def test_a_cluster_that_cannot_be_deleted_is_an_error_of_its_own(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="the engine is gone"), _cluster(tmp_path):
        engine.refuses["docker rm"] = "the engine is gone"


def test_a_kept_cluster_stays_and_is_used_again_only_when_asked_for(engine: Engine, tmp_path: Path) -> None:
    said: list[str] = []
    made = _kept(engine, tmp_path, on_event=said.append)
    assert said[-2:] == [
        f"cluster promdrill is kept: export KUBECONFIG={made.kubeconfig_path}",
        f"to delete it: {paths.program()} clean promdrill",
    ]
    with pytest.raises(ClusterError, match="already exists"), _cluster(tmp_path):
        pass
    incident = made.path / "incident"
    incident.mkdir()
    with _cluster(tmp_path, reuse=True, archives=(_archive(tmp_path, "one.tar"),), on_event=said.append) as again:
        owner = owners.of(made.path)
        assert owner is not None
        assert (owner.pid, owner.kept, owner.profile, owner.image) == (os.getpid(), True, "fast", "node:1")
        assert again.identity == made.identity
    assert engine.done == ["loaded one.tar", *["exec in promdrill-control-plane"] * 3]
    assert said[-1] == f"cluster promdrill stays kept; to delete it: {paths.program()} clean promdrill"
    assert incident.is_dir()
    assert made.kubeconfig_path.exists()


def test_no_archive_is_loaded_twice_into_a_cluster(engine: Engine, tmp_path: Path) -> None:
    one, two = _archive(tmp_path, "one.tar"), _archive(tmp_path, "two.tar")
    made = _kept(engine, tmp_path, archives=(one,))
    with _cluster(tmp_path, reuse=True, archives=(one, two)):
        assert _loaded(engine) == ["loaded two.tar"]
    made.delete()
    engine.done.clear()
    with _cluster(tmp_path, archives=(one,)):
        assert _loaded(engine) == ["loaded one.tar"], "a new cluster has nothing"


def test_an_archive_that_was_written_again_is_loaded_again(engine: Engine, tmp_path: Path) -> None:
    one = _archive(tmp_path, "one.tar")
    _kept(engine, tmp_path, archives=(one,))
    os.utime(one, ns=(1, 1))
    with _cluster(tmp_path, reuse=True, archives=(one,)):
        assert _loaded(engine) == ["loaded one.tar"]


def test_after_another_image_of_its_name_an_archive_is_loaded_again(engine: Engine, tmp_path: Path) -> None:
    old, new = _archive(tmp_path, "old.tar"), _archive(tmp_path, "new.tar")
    _kept(engine, tmp_path, archives=(old,))
    for archive in (new, old):
        with _cluster(tmp_path, reuse=True, archives=(archive,)):
            pass
    assert _loaded(engine) == ["loaded new.tar", "loaded old.tar"]


def _archive(folder: Path, name: str) -> Path:
    file = folder / name
    file.touch()
    return file


def _loaded(engine: Engine) -> list[str]:
    return [each for each in engine.done if each.startswith("loaded ")]


def test_an_archive_that_could_not_be_loaded_is_loaded_the_next_time(engine: Engine, tmp_path: Path) -> None:
    archives = (_archive(tmp_path, "x.tar"),)
    _kept(engine, tmp_path)
    engine.refuses["load image-archive"] = "no space left on device"
    with (
        pytest.raises(CommandFailed, match="no space left"),
        _cluster(tmp_path, reuse=True, archives=archives),
    ):
        pass
    engine.refuses.clear()
    with _cluster(tmp_path, reuse=True, archives=archives):
        pass
    assert _loaded(engine) == ["loaded x.tar"]


def test_a_kept_cluster_that_does_not_get_ready_again_stays(engine: Engine, tmp_path: Path) -> None:
    made = _kept(engine, tmp_path)
    engine.refuses["wait node"] = "timed out"
    with pytest.raises(ClusterError, match="not nodes ready"), _cluster(tmp_path, reuse=True):
        pass
    owner = owners.of(made.path)
    assert owner is not None
    assert owner.kept
    assert engine.containers


@pytest.mark.parametrize(("kept", "wanted"), [("as-shipped", "fast"), ("fast", "as-shipped")])
def test_a_kept_cluster_of_another_profile_is_not_used(engine: Engine, tmp_path: Path, kept: str, wanted: str) -> None:
    _kept(engine, tmp_path, profile=kept)
    message = f"was made with profile {kept}, and this run asks for {wanted}"
    with pytest.raises(ClusterError, match=message), _cluster(tmp_path, profile=wanted, reuse=True):
        pass


def test_a_new_cluster_takes_over_nothing_from_an_earlier_one_of_its_name(engine: Engine, tmp_path: Path) -> None:
    before = _kept(engine, tmp_path).path
    (before / "incident").mkdir()
    (before / "notes.txt").write_text("a person's")
    engine.containers.clear()  # deleted by other means
    assert sweep.forget_gone() == ["promdrill"]
    with _cluster(tmp_path, reuse=True) as made:
        assert not (made.path / "incident").exists()
    assert [each.name for each in made.path.iterdir()] == ["notes.txt"]
    assert owners.recorded() == {}, "a person's notes are no record"


def test_somebody_elses_cluster_of_that_name_is_left_alone(engine: Engine, tmp_path: Path) -> None:
    engine.add("promdrill")
    with pytest.raises(ClusterError, match=r"already exists(.|\n)*kind delete cluster"), _cluster(tmp_path, reuse=True):
        pass
    assert engine.done == []


# --- identity ---------------------------------------------------------------------------------------------------


def test_a_kept_cluster_that_somebody_replaced_by_one_of_the_same_name_is_not_used(
    engine: Engine, tmp_path: Path
) -> None:
    _kept(engine, tmp_path)
    engine.containers.clear()
    stranger = engine.add("promdrill")
    with pytest.raises(NotOurs, match=f"is container {stranger[:12]}, recorded: "), _cluster(tmp_path, reuse=True):
        pass
    assert engine.done == []


def test_a_kept_cluster_at_whose_address_another_one_answers_is_not_used(engine: Engine, tmp_path: Path) -> None:
    made = _kept(engine, tmp_path)
    engine.uids[made.identity.server] = "another"
    with pytest.raises(NotOurs, match=f"has UID another, .* is {made.identity.uid}"), _cluster(tmp_path, reuse=True):
        pass
    assert engine.done == []


@pytest.mark.usefixtures("engine")
def test_a_context_that_was_switched_in_the_private_kubeconfig_is_noticed(tmp_path: Path) -> None:
    with _cluster(tmp_path) as made:
        own = made.kubeconfig_path.read_text()
        made.kubeconfig_path.write_text(kubeconfig_of("promdrill", made.identity.server, further="production"))
        with pytest.raises(ClusterError, match="not the private kubeconfig of one cluster"):
            made.kubectl("delete", "namespace", "x")
        made.kubeconfig_path.write_text(kubeconfig_of("promdrill", "https://10.0.0.1:6443"))
        with pytest.raises(NotOurs, match=r"leads to https://10\.0\.0\.1:6443, and promdrill recorded"):
            made.kubectl("delete", "namespace", "x")
        made.kubeconfig_path.write_text(own)


def test_a_cluster_whose_node_was_replaced_is_not_deleted_and_stays_recorded(engine: Engine, tmp_path: Path) -> None:
    made = _kept(engine, tmp_path)
    engine.containers.clear()
    engine.add("promdrill")
    with pytest.raises(NotOurs, match="is not the one that promdrill made"):
        made.delete()
    assert engine.done == []
    assert made.path in owners.recorded()


def test_a_cluster_is_not_deleted_in_another_engine(engine: Engine, tmp_path: Path) -> None:
    made = _kept(engine, tmp_path)
    engine.containers.clear()
    engine.id = "engine-2"
    with pytest.raises(NotOurs, match="was made in the container engine engine-1, and engine-2 answers now"):
        made.delete()
    assert made.path in owners.recorded()


def test_images_are_not_loaded_into_a_cluster_that_is_not_ours(engine: Engine, tmp_path: Path) -> None:
    made = _kept(engine, tmp_path)
    engine.containers.clear()
    with pytest.raises(NotOurs, match="is gone; nothing was done"):
        made.load_archive(Path("one.tar"))
    engine.add("promdrill")
    with pytest.raises(NotOurs, match="is not the one that promdrill made"):
        made.load_docker_image("a/b:1")
    assert engine.done == []


def test_an_address_leads_only_to_the_cluster_that_is_recorded_under_its_name(engine: Engine, tmp_path: Path) -> None:
    made = _kept(engine, tmp_path)
    address = Address.of(made)
    assert address.cluster().identity == made.identity
    for other in (
        replace(address, folder=tmp_path / "elsewhere"),
        replace(address, name="promdrill-2"),
        replace(address, identity=replace(made.identity, uid="another")),
    ):
        with pytest.raises(NotOurs, match=r"is not, or no longer, the one that promdrill recorded"):
            other.cluster()


# --- killed runs ------------------------------------------------------------------------------------------------


def _ended(name: str) -> None:
    """As if the process that made the cluster had ended."""
    folder = paths.clusters_dir() / name
    owner = owners.of(folder)
    assert owner is not None
    owners.write(folder, replace(owner, pid=999999999, started="1"))


def test_what_a_killed_run_left_is_deleted(engine: Engine) -> None:
    engine.record("promdrill", kept=False)
    assert sweep.remove_abandoned() == ["promdrill"]
    assert (engine.containers, owners.recorded()) == ({}, {})


def test_what_a_run_left_that_was_killed_while_kind_made_the_cluster_is_deleted(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.refuses["killed"] = "a SIGKILL"
    monkeypatch.setattr(lifecycle._Undo, "__exit__", lambda *_: None)
    with pytest.raises(KeyboardInterrupt), _cluster(tmp_path):
        pass
    assert (len(engine.containers), bool(engine.network)) == (1, True)
    _ended("promdrill")
    assert sweep.remove_abandoned() == ["promdrill"]
    assert (engine.containers, engine.network, owners.recorded()) == ({}, "", {})


def test_a_cluster_that_somebody_made_after_a_run_was_killed_is_left_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.refuses["killed"] = "a SIGKILL"
    monkeypatch.setattr(lifecycle._Undo, "__exit__", lambda *_: None)
    with pytest.raises(KeyboardInterrupt), _cluster(tmp_path):
        pass
    engine.containers.clear()
    stranger = engine.add("promdrill", binds=["/lib/modules:/lib/modules:ro"])
    _ended("promdrill")
    assert sweep.remove_abandoned() == []
    assert list(engine.containers) == [stranger]


@pytest.mark.parametrize("record", ["{", "[]", '{"pid": "x"}', None], ids=["torn", "list", "types", "missing"])
def test_an_owner_that_is_missing_or_cannot_be_read_is_no_reason_to_delete_anything(
    engine: Engine, record: str | None
) -> None:
    said: list[str] = []
    theirs = engine.add("promdrill")
    folder = paths.clusters_dir() / "promdrill"
    folder.mkdir(parents=True)
    (folder / "kubeconfig").touch()
    if record is not None:
        (folder / owners.FILE_NAME).write_text(record)
    assert sweep.remove_abandoned() == []
    assert sweep.delete_clusters(engine=True, say=said.append) == sweep.Swept((), ("promdrill",))
    assert list(engine.containers) == [theirs]
    assert (folder / "kubeconfig").exists()
    assert "owner.json is missing or cannot be read, so it may be somebody's" in said[0]
    assert "kind delete cluster --name promdrill; rm -r " in said[0]
    if record is not None:
        with pytest.raises(NotOurs, match="cannot be read"):
            owners.claim(folder, kept=True)


def test_a_record_of_an_older_promdrill_without_containers_deletes_nothing(engine: Engine) -> None:
    theirs = engine.add("promdrill")
    owners.claim(paths.clusters_dir() / "promdrill", kept=True)
    _ended("promdrill")
    said: list[str] = []
    sweep.delete_clusters(engine=True, say=said.append)
    assert list(engine.containers) == [theirs]
    assert "owner.json does not say which containers it is" in said[0]


def test_clusters_of_living_makers_and_leased_names_are_left(engine: Engine) -> None:
    engine.record("promdrill-2", kept=False, alive=True)
    engine.record("promdrill-3", kept=False)
    with lease.this_name("promdrill-3"):
        assert sweep.remove_abandoned() == []
        assert sweep.delete_clusters(engine=True, say=lambda _: None).left == ("promdrill-3",)
    assert len(engine.containers) == 2


def test_without_an_engine_nothing_is_said_to_be_deleted_and_the_record_stays(engine: Engine) -> None:
    said: list[str] = []
    engine.record("promdrill")
    engine.refuses["docker"] = "cannot connect"
    assert sweep.delete_clusters(engine=False, say=said.append) == sweep.Swept((), ("promdrill",))
    folder = paths.clusters_dir() / "promdrill"
    assert said == [f"cluster promdrill is not deleted: no container engine answers; its record stays in {folder}"]
    assert owners.of(folder) is not None


def test_a_name_whose_record_belongs_to_another_engine_is_not_used_for_a_new_cluster(
    engine: Engine, tmp_path: Path
) -> None:
    engine.record("promdrill")
    engine.containers.clear()
    engine.id = "engine-2"
    assert sweep.forget_gone() == [], "another engine has it"
    with pytest.raises(ClusterError, match="records a cluster of that name that this engine does not have"):
        _cluster(tmp_path).__enter__()
    assert paths.clusters_dir() / "promdrill" in owners.recorded()


# --- the user's own kubeconfig ----------------------------------------------------------------------------------


def test_a_kubeconfig_of_the_users_is_never_written_and_nothing_is_made(engine: Engine, tmp_path: Path) -> None:
    theirs = tmp_path / "config"
    theirs.write_text("current-context: production\n")
    message = r"there is a file already, and promdrill changes no kubeconfig of yours"
    with pytest.raises(UsageError, match=message), _cluster(tmp_path, kubeconfig=theirs):
        pass
    assert (theirs.read_text(), engine.done) == ("current-context: production\n", [])


def test_a_kubeconfig_that_is_asked_for_is_a_copy_that_goes_with_the_cluster(engine: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "config"
    with _cluster(tmp_path, kubeconfig=copy) as made:
        assert made.kubeconfig_path == made.path / "kubeconfig", "it works with the private one"
        assert copy.read_text() == made.kubeconfig_path.read_text()
        assert copy.stat().st_mode & 0o777 == 0o600
    assert not copy.exists()
    assert not engine.containers


def test_a_copy_that_somebody_changed_stays(engine: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "config"
    with _cluster(tmp_path, kubeconfig=copy):
        copy.write_text("mine now")
    assert copy.read_text() == "mine now"
    assert not engine.containers


@pytest.mark.parametrize("name", ["/etc", "../x", "a/b", "", ".", "..", "-x", "UPPER", "a b", "x" * 51, "a\n"])
def test_a_name_that_kind_would_not_take_is_refused_before_it_becomes_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="a cluster's name has at most 50 of"), lease.this_name(name):
        pass
    assert not list(tmp_path.iterdir())


# --- the configuration ------------------------------------------------------------------------------------------


def test_more_than_one_default_class_is_an_error(engine: Engine, tmp_path: Path) -> None:
    engine.classes = {"items": [*CLASSES["items"], {"metadata": {**CLASSES["items"][0]["metadata"], "name": "second"}}]}
    with (
        pytest.raises(ClusterError, match="expected standard to be the default storage class, found standard, second"),
        _cluster(tmp_path),
    ):
        pass
    assert not engine.containers


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


def test_a_volume_whose_node_is_gone_already_is_removed_too(engine: Engine) -> None:
    """An engine that was killed while it removed the node has forgotten the node, and not its volume."""
    node = engine.record("promdrill")
    folder = paths.clusters_dir() / "promdrill"
    engine.volumes.add("somebody's")
    engine.refuses = {"docker rm": "the engine was killed"}
    with pytest.raises(CommandFailed):
        removal.remove(folder)
    engine.refuses = {}
    del engine.containers[node]
    removal.remove(folder)
    assert engine.volumes == {"somebody's"}
    assert not folder.exists()


def test_a_full_disk_is_no_reason_to_leave_a_cluster_behind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.record("promdrill")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owners, "write", full)
    removal.remove(paths.clusters_dir() / "promdrill")
    assert not engine.containers
    assert not (paths.clusters_dir() / "promdrill").exists()


def test_what_is_frozen_in_a_node_is_thawed_so_that_it_can_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With cgroup v1 a kill does not reach a frozen process; only the container's own folders are touched."""
    monkeypatch.setattr(removal, "FREEZER", tmp_path)
    states = {"docker/c0ffee": "THAWED", "docker/c0ffee/kubelet/pod": "FROZEN", "docker/other/pod": "FROZEN"}
    for folder, state in states.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "freezer.state").write_text(f"{state}\n")
    removal.thaw("c0ffee")
    found = {folder: (tmp_path / folder / "freezer.state").read_text().strip() for folder in states}
    assert found == {"docker/c0ffee": "THAWED", "docker/c0ffee/kubelet/pod": "THAWED", "docker/other/pod": "FROZEN"}


def test_a_node_is_killed_thawed_and_waited_for_before_it_is_removed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    thawed: list[str] = []
    monkeypatch.setattr(removal, "thaw", lambda each: thawed.append(f"{each}, ending: {each in engine.ending}"))
    node = engine.record("promdrill-7")
    removal.remove(paths.clusters_dir() / "promdrill-7")
    assert thawed == [f"{node}, ending: True"]
    assert node not in engine.containers


def test_all_that_drills_write_into_a_clusters_folder_goes_with_it(engine: Engine) -> None:
    engine.record("promdrill-7")
    folder = paths.clusters_dir() / "promdrill-7"
    for name in (owners.INCIDENT, owners.VALUES, owners.RUNBOOKS):
        (folder / name / "toy").mkdir(parents=True)
    owners.note_not_undone(folder, ["x"])
    removal.remove(folder)
    assert not folder.exists()

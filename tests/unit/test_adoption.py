"""A cluster that promdrill did not make: only namespaces are made in it, and exactly these are removed again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.unit.adopted_world import IMAGES, NAME, SERVER, SPACES, Theirs, claimed, engine, theirs
from tests.unit.cluster_world import Engine

from promdrill.cli import main
from promdrill.cluster import adoption, lease, owners, rights, sweep
from promdrill.cluster.adoption import AdoptedCluster
from promdrill.core import paths, records
from promdrill.core.errors import ClusterError, NotOurs, UsageError
from promdrill.kube import client
from promdrill.kube.expected import Expected
from promdrill.supply.engine import lifecycle

__all__ = ["engine", "theirs"]

DRILL = "drill-quota"
FOLDER = "adopted"


@contextlib.contextmanager
def adopt(
    said: list[str] | None = None, *, name: str = NAME, images: Any = IMAGES, archives: Mapping[str, Path] | None = None
) -> Iterator[AdoptedCluster]:
    tell = (said if said is not None else []).append
    kind, kubectl = Path("/kind"), Path("/kubectl")
    with adoption.adopted(
        name, kind_path=kind, kubectl_path=kubectl, images=images, archives=archives or {}, say=tell
    ) as made:
        yield made


def folder() -> Path:
    return paths.state_dir() / FOLDER / NAME


def killed(theirs: Theirs, *namespaces: str) -> None:
    """A run that adopted the cluster and was killed with these namespaces made."""
    with adopt() as made, contextlib.ExitStack() as stack:
        for name in namespaces:
            stack.enter_context(made.namespace(name))
        record = records.loads(adoption.Adopted, (folder() / "adopted.json").read_bytes())
        kept = {file.relative_to(folder()): file.read_bytes() for file in folder().rglob("*") if file.is_file()}
        objects = deepcopy(theirs.objects)
    theirs.objects = objects
    for file, content in kept.items():
        (folder() / file).parent.mkdir(parents=True, exist_ok=True)
        (folder() / file).write_bytes(content)
    (folder() / "adopted.json").write_text(records.dumps(replace(record, pid=999999999, started="1")))
    theirs.done.clear()


# --- one adoption ---------------------------------------------------------------------------------------------------


def test_a_namespace_is_recorded_made_and_removed_and_nothing_else_is_touched(theirs: Theirs, engine: Engine) -> None:
    said: list[str] = []
    before = deepcopy(theirs.objects)
    with adopt(said) as made:
        assert made.recorded.nodes == {"theirs-control-plane": theirs.container}
        assert (made.recorded.engine, made.recorded.server) == ("engine-1", SERVER)
        assert made.version == "1.33.1"
        assert not theirs.done, "an adoption changes nothing"
        with made.namespace(DRILL) as space:
            own = theirs.objects[f"{SPACES}/{DRILL}"]
            assert space.expected == Expected(SERVER, own["metadata"]["uid"], f"{SPACES}/{DRILL}")
            assert theirs.namespaces() == {"kube-system", "shop", DRILL}
            assert own["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
            theirs.put(f"/api/v1/persistentvolumes/pvc-{DRILL}", claimed(DRILL))
        assert theirs.objects == before
    inside = [f"create {SPACES}/{DRILL}", f"delete {SPACES}/{DRILL}"]
    assert [each for each in theirs.done if each not in inside and f"namespaces/{DRILL}/" not in each] == []
    assert engine.done == [], "neither nodes nor network"
    assert not folder().exists()
    assert owners.recorded() == {}
    assert "which promdrill did not make" in said[0]


def test_it_is_recorded_before_it_is_made(theirs: Theirs) -> None:
    seen: list[Mapping[str, str]] = []

    def before(_what: str) -> None:
        record = records.loads(adoption.Adopted, (folder() / "adopted.json").read_bytes())
        assert record.alive
        seen.append(record.namespaces)

    theirs.before = before
    with adopt() as made, made.namespace(DRILL):
        pass
    assert seen[0] == {DRILL: ""}
    assert seen[-1] == {DRILL: "uid-6"}, "what is removed is known by its UID"


@pytest.mark.usefixtures("theirs")
def test_the_drill_gets_the_token_of_an_account_and_never_the_administrators_credentials() -> None:
    with adopt() as made, made.namespace(DRILL) as space:
        content = yaml.safe_load(space.kubeconfig.read_text())
        assert [user["user"] for user in content["users"]] == [
            {"token": f"token of {SPACES}/{DRILL}/serviceaccounts/promdrill/token"}
        ]
        assert content["clusters"][0]["cluster"]["server"] == SERVER
        assert space.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert made.kubeconfig_path.stat().st_mode & 0o777 == 0o600
        with client.Kube(space.kubeconfig, expected=space.expected) as kube:
            kube.require_expected()
    assert not space.kubeconfig.exists()


def test_a_namespace_that_exists_is_refused_and_left_alone(theirs: Theirs) -> None:
    theirs.put(f"{SPACES}/{DRILL}", {"metadata": {"name": DRILL, "labels": dict(client.MANAGED_BY)}})
    with (
        adopt() as made,
        pytest.raises(NotOurs, match=f"cluster theirs has a namespace {DRILL} already"),
        made.namespace(DRILL),
    ):
        pass
    assert theirs.done == []
    assert DRILL in theirs.namespaces()
    assert not folder().exists()


def test_one_that_somebody_made_anew_meanwhile_is_left_alone(theirs: Theirs) -> None:
    path = f"{SPACES}/{DRILL}"
    with adopt() as made, made.namespace(DRILL):
        theirs.put(path, theirs.objects[path])  # with another UID
    assert f"delete {path}" not in theirs.done
    assert DRILL in theirs.namespaces()


def test_one_that_stays_is_told_and_recorded_for_the_next_command(theirs: Theirs) -> None:
    said: list[str] = []
    theirs.stays.add(f"{SPACES}/{DRILL}")
    still_there = pytest.raises(ClusterError, match=f"namespaces {DRILL} is still there")
    with adopt(said) as made, made.namespace(DRILL) as space, still_there:
        space.remove()
    assert f"namespaces {DRILL} is still there" in said[-1]
    assert (folder() / "adopted.json").exists()


def test_a_volume_that_stays_is_told(theirs: Theirs) -> None:
    theirs.stays.add(f"/api/v1/persistentvolumes/pvc-{DRILL}")
    with adopt() as made, made.namespace(DRILL) as space:
        theirs.put(f"/api/v1/persistentvolumes/pvc-{DRILL}", claimed(DRILL))
        with pytest.raises(ClusterError, match=f"persistentvolumes pvc-{DRILL} is still there"):
            space.remove()


@pytest.mark.parametrize(
    "act",
    [
        lambda made: made.create(),
        lambda made: made.delete(),
        lambda made: made.load_docker_image("busybox"),
        lambda made: made.load_archive(Path("images.tar")),
        lambda made: made.kubectl("delete", "namespace", "shop"),
        lambda made: made.apply("kind: X"),
        lambda made: made.api,
    ],
    ids=["create", "delete", "load", "load-archive", "kubectl", "apply", "api"],
)
def test_what_would_change_more_than_a_namespace_is_refused(theirs: Theirs, engine: Engine, act: Any) -> None:
    with adopt() as made, pytest.raises(NotOurs, match="cluster theirs was not made by promdrill"):
        act(made)
    assert (theirs.done, engine.done) == ([], [])


def test_nothing_is_made_or_removed_once_another_cluster_answers(theirs: Theirs, engine: Engine) -> None:
    said: list[str] = []
    with adopt(said) as made:
        engine.containers.pop(theirs.container)
        engine.add(NAME)
        with pytest.raises(NotOurs, match="its node theirs-control-plane is container"), made.namespace(DRILL):
            pass
    assert theirs.done == []


def test_nothing_is_removed_where_the_api_server_is_another_one(theirs: Theirs) -> None:
    said: list[str] = []
    with adopt(said) as made, made.namespace(DRILL):
        theirs.done.clear()
        theirs.put(f"{SPACES}/kube-system", {"metadata": {"name": "kube-system"}})
    assert theirs.done == []
    assert "another cluster answers" in said[-1]
    assert (folder() / "adopted.json").exists()


# --- what is refused before that -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("theirs")
def test_a_name_that_the_engine_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match=r"CLUSTER=other: .* has no kind cluster of that name; it has: theirs"):
        adoption.require_foreign("other")
    with pytest.raises(UsageError, match="has no kind cluster"), adopt(name="other"):
        pass
    assert not (paths.state_dir() / FOLDER / "other").exists()


def test_a_cluster_of_promdrills_own_is_not_adopted(engine: Engine, theirs: Theirs) -> None:
    engine.record("promdrill")
    with pytest.raises(UsageError, match="promdrill made this cluster") as caught:
        adoption.require_foreign("promdrill")
    assert caught.value.hint == "leave ADOPT out"
    assert theirs.done == []


def test_a_cluster_in_use_is_refused(theirs: Theirs) -> None:
    with lease.this_name(NAME), pytest.raises(UsageError, match="in use by another run"), adopt():
        pass
    assert theirs.done == []


@pytest.mark.parametrize("changes", [{"reclaimPolicy": "Retain"}, {"metadata": {"name": "standard"}}])
def test_without_a_default_class_that_deletes_its_volumes_nothing_is_made(
    theirs: Theirs, changes: dict[str, Any]
) -> None:
    theirs.objects["/apis/storage.k8s.io/v1/storageclasses/standard"] |= changes
    with pytest.raises(UsageError, match="CLUSTER=theirs: drills take volumes of its default storage class"), adopt():
        pass
    assert theirs.done == []
    assert not folder().exists()


def test_a_node_without_an_image_is_refused_for_nothing_is_loaded(theirs: Theirs, engine: Engine) -> None:
    refused = pytest.raises(UsageError, match=r"node theirs-control-plane does not have docker.io/library/busybox:1")
    with refused as no, adopt(images=(*IMAGES, "busybox:1")):
        pass
    assert no.value.hint == "kind load docker-image --name=theirs docker.io/library/busybox:1"
    assert (theirs.done, engine.done) == ([], [])


@pytest.mark.usefixtures("theirs")
def test_what_lies_in_an_archive_is_loaded_from_it_for_no_engine_has_it() -> None:
    archives = {
        "busybox:1": Path("/my cache/b.tar"),
        "docker.io/a/a:1": Path("/a.tar"),
        "docker.io/z/z:1": Path("/a.tar"),
    }
    with (
        pytest.raises(
            UsageError, match=r"does not have docker.io/a/a:1, .*busybox:1, docker.io/x/x:1, docker.io/z/z:1,"
        ) as no,
        adopt(images=(*IMAGES, "z/z:1", "x/x:1", "a/a:1", "busybox:1"), archives=archives),
    ):
        pass
    assert no.value.hint.split(" && ") == [
        "kind load image-archive --name=theirs /a.tar",
        "kind load image-archive --name=theirs '/my cache/b.tar'",
        "kind load docker-image --name=theirs docker.io/x/x:1",
    ]


# --- after a kill ---------------------------------------------------------------------------------------------------


def test_the_next_command_removes_what_a_killed_run_has_left(theirs: Theirs) -> None:
    said: list[str] = []
    before = deepcopy(theirs.objects)
    killed(theirs, DRILL, "drill-oom")
    assert theirs.namespaces() == {"kube-system", "shop", DRILL, "drill-oom"}
    swept = adoption.remove_left(engine=True, say=said.append)
    assert (swept.deleted, swept.left) == ((NAME,), ())
    assert theirs.objects == before
    assert said == [
        f"cluster {NAME} is as it was; namespaces that a killed run had made and are gone: {DRILL}, drill-oom"
    ]
    assert not folder().exists()


def test_one_cluster_can_be_named(theirs: Theirs, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(theirs, DRILL)
    assert adoption.recorded() == {NAME}
    assert adoption.remove_left(engine=True, say=lambda _: None, only="another") == sweep.Swept()
    assert DRILL in theirs.namespaces()
    monkeypatch.setattr(lifecycle, "ask", lambda: SimpleNamespace(engine=object()))
    assert main.main(["clean", NAME]) == 0
    assert DRILL not in theirs.namespaces()
    assert adoption.recorded() == frozenset()


def test_one_that_is_in_use_is_not_cleaned_by_its_name(theirs: Theirs, capsys: pytest.CaptureFixture[str]) -> None:
    with adopt() as made, made.namespace(DRILL):
        assert adoption.recorded() == {NAME}
        assert main.main(["clean", NAME]) == 1
        assert DRILL in theirs.namespaces()
    assert f"cluster {NAME} is used by a run that is still going" in capsys.readouterr().err


def test_the_next_adoption_does_so_too(theirs: Theirs) -> None:
    killed(theirs, DRILL)
    with adopt():
        assert theirs.namespaces() == {"kube-system", "shop"}


def test_one_whose_uid_was_not_recorded_yet_is_known_by_the_run(theirs: Theirs) -> None:
    killed(theirs, DRILL)
    file = folder() / "adopted.json"
    record = replace(records.loads(adoption.Adopted, file.read_bytes()), namespaces={DRILL: "", "shop": ""})
    file.write_text(records.dumps(record))
    assert adoption.remove_left(engine=True, say=lambda _: None).left == ()
    assert theirs.namespaces() == {"kube-system", "shop"}, "shop does not have this run's annotation"


def test_a_run_that_goes_on_is_left_alone(theirs: Theirs) -> None:
    with adopt() as made, made.namespace(DRILL):
        assert adoption.in_use() == {
            NAME: records.loads(adoption.Adopted, (folder() / "adopted.json").read_bytes()).pid
        }
        assert adoption.remove_left(engine=True, say=lambda _: None) == sweep.Swept()
        assert DRILL in theirs.namespaces()


def test_the_record_of_a_cluster_that_is_gone_goes(theirs: Theirs, engine: Engine) -> None:
    killed(theirs, DRILL)
    engine.containers.clear()
    assert adoption.remove_left(engine=True, say=lambda _: None).deleted == (NAME,)
    assert not folder().exists()


@pytest.mark.parametrize("how", ["no engine", "another engine", "another cluster", "unreadable"])
def test_what_cannot_be_removed_stays_recorded(theirs: Theirs, engine: Engine, how: str) -> None:
    killed(theirs, DRILL)
    if how == "another engine":
        engine.containers.clear()
        engine.id = "engine-2"
    if how == "another cluster":
        engine.containers.clear()
        engine.add(NAME)
    if how == "unreadable":
        (folder() / "adopted.json").write_text("{")
    said: list[str] = []
    assert adoption.remove_left(engine=how != "no engine", say=said.append).left == (NAME,)
    assert len(said) == 1
    assert theirs.done == []
    assert (folder() / "adopted.json").exists()


def test_nothing_that_deletes_promdrills_own_clusters_ever_sees_it(theirs: Theirs, engine: Engine) -> None:
    killed(theirs, DRILL)
    assert sweep.delete_clusters(engine=True, say=lambda _: None) == sweep.Swept()
    assert sweep.remove_abandoned() == []
    assert theirs.container in engine.containers
    assert engine.done == []


# --- what an account may do -----------------------------------------------------------------------------------------


def allows(verb: str, group: str, resource: str, name: str = "") -> bool:
    """Whether the account's Role allows something in its namespace, as Kubernetes reads a Role."""
    _, role, _ = rights.account(DRILL)
    return any(
        (group in rule["apiGroups"])
        and ({resource, "*"} & set(rule["resources"]))
        and (verb in rule["verbs"])
        and (not rule.get("resourceNames") or name in rule["resourceNames"])
        for rule in role["rules"]
    )


def test_an_account_may_do_what_drills_do() -> None:
    assert allows("create", "", "pods/exec")
    assert allows("get", "", "services/proxy")
    for verb in ("create", "get"):  # of a WebSocket: get, and from Kubernetes 1.35 on create
        assert allows(verb, "", "pods/portforward")
    assert allows("get", "", "services")
    assert allows("list", "discovery.k8s.io", "endpointslices")
    assert allows("patch", "", "resourcequotas")
    assert allows("delete", "", "persistentvolumeclaims")
    assert allows("patch", "apps", "deployments/scale")
    assert allows("watch", "discovery.k8s.io", "endpointslices")
    assert allows("get", "", "namespaces", DRILL)


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("patch", "", "namespaces"),
        ("delete", "", "namespaces"),
        ("get", "", "nodes"),
        ("create", "", "nodes/proxy"),
        ("list", "", "persistentvolumes"),
        ("patch", "storage.k8s.io", "storageclasses"),
        ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
        ("create", "apiregistration.k8s.io", "apiservices"),
        ("create", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("escalate", "rbac.authorization.k8s.io", "roles"),
        ("bind", "rbac.authorization.k8s.io", "roles"),
        ("impersonate", "", "serviceaccounts"),
    ],
)
def test_an_account_may_do_nothing_that_reaches_further(verb: str, group: str, resource: str) -> None:
    assert not allows(verb, group, resource, DRILL)


def test_all_that_is_made_for_an_account_is_in_its_namespace() -> None:
    objects = rights.account(DRILL)
    assert [obj["kind"] for obj in objects] == ["ServiceAccount", "Role", "RoleBinding"]
    assert {obj["metadata"]["namespace"] for obj in objects} == {DRILL}
    binding = objects[-1]
    assert binding["roleRef"]["kind"] == "Role"
    assert [subject["namespace"] for subject in binding["subjects"]] == [DRILL]


POD = {"containers": [{"name": "c"}]}


def of_pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {**POD, **spec}}}}


@pytest.mark.parametrize(
    ("version", "kind", "more", "said"),
    [
        ("v1", "ConfigMap", {}, ""),
        ("apps/v1", "Deployment", of_pod(), ""),
        ("rbac.authorization.k8s.io/v1", "Role", {}, ""),
        ("v1", "Service", {"spec": {"type": "ClusterIP"}}, ""),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", {}, "ClusterRole x"),
        ("networking.k8s.io/v1", "IngressClass", {}, "IngressClass x"),
        ("storage.k8s.io/v1", "StorageClass", {}, "StorageClass x"),
        ("v1", "PersistentVolume", {}, "PersistentVolume x"),
        ("v1", "Namespace", {}, "Namespace x"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, "CustomResourceDefinition x"),
        ("monitoring.coreos.com/v1", "Prometheus", {}, "Prometheus x"),
        ("v1", "Service", {"spec": {"type": "NodePort"}}, "Service x, a NodePort: it takes a port of every node"),
        (
            "v1",
            "Service",
            {"metadata": {"name": "x", "namespace": "kube-system"}},
            "Service x in namespace kube-system",
        ),
        ("v1", "ConfigMap", {"data": {"p.yml": "kubernetes_sd_configs: []"}}, "kubernetes_sd_configs in ConfigMap x"),
        ("v1", "Secret", {"stringData": {"p.yml": "kubernetes_sd_configs: []"}}, "kubernetes_sd_configs in Secret x"),
        ("apps/v1", "DaemonSet", of_pod(hostNetwork=True, volumes=[{"hostPath": {}}]), "with hostNetwork, hostPath of"),
        ("v1", "Pod", {"spec": {**POD, "hostPID": True}}, "Pod x, with hostPID of the node"),
        ("batch/v1", "Job", of_pod(containers=[{"securityContext": {"privileged": True}}]), "with privileged of"),
        ("apps/v1", "Deployment", of_pod(containers=[{"ports": [{"hostPort": 1}]}]), "with hostPort of the node"),
        ("batch/v1", "CronJob", {"spec": {"jobTemplate": of_pod(hostIPC=True)}}, "with hostIPC of the node"),
    ],
)
def test_what_of_an_object_is_outside_its_namespace(version: str, kind: str, more: dict[str, Any], said: str) -> None:
    found = rights.outside({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **more}, DRILL)
    assert said in found
    assert bool(found) is bool(said)

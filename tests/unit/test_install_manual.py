"""The manual install: the drill's own names in the shipped manifests, and the order of what is done with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError, CommandFailed, UsageError
from promdrill.install import Manual, manual
from promdrill.install.manifests import APP_VERSION, PROMETHEUS
from promdrill.kube.client import NotFound, object_path
from promdrill.observe.snapshot import EPOCH, Snapshot

SHIPPED = paths.manifests_dir() / "manual"
VOLUME = "/api/v1/persistentvolumes/prometheus-drill-x"
FOLDER = "/opt/prometheus/drill-x"


class Cluster:
    """API server and node: what was done, in order; tests compare it as a whole."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.gone_after = 0
        self.node_error: Exception | None = None

    def get(self, path: str) -> dict[str, Any]:
        if path == "/api/v1/nodes":
            return {"items": [{"metadata": {"name": "node-1"}}, {"metadata": {"name": "node-2"}}]}
        assert path == VOLUME, path
        self.done.append("volume looked for")
        self.gone_after -= 1
        if self.gone_after < 0:
            raise NotFound(path, 404, "")
        return {"metadata": {"resourceVersion": "1"}}

    def watch(self, *_: object, **__: object) -> list[object]:
        return []

    def apply(self, obj: Mapping[str, Any]) -> None:
        self.done.append(f"apply {object_path(obj)}")

    def delete(self, path: str) -> None:
        self.done.append(f"delete {path}")

    def run(self, argv: Sequence[str], *, timeout_s: float) -> None:
        *where, script = argv
        assert (where, timeout_s > 0) == (["docker", "exec", "c0ffee", "sh", "-c"], True)
        self.done.append(f"node: {script}")
        if self.node_error is not None:
            raise self.node_error

    @property
    def on_node(self) -> list[str]:
        return [done for done in self.done if done.startswith("node: ")]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster in place of the subprocess gateway too."""
    made = Cluster()
    monkeypatch.setattr(shell, "run", made.run)
    return made


def composed(tmp_path: Path, cluster: Cluster, values: str = "") -> Manual:
    """The install with its manifests written."""
    file = tmp_path / "values.yaml"
    file.write_text(values)
    install = Manual(cast(Any, cluster), "drill-x", tmp_path / "manifests", nodes={"node-1": "c0ffee"})
    install.compose(file, [tmp_path / "helm.yaml", {"server": 1}], "drill-x")
    return install


def named(install: Manual, kind: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in install.objects() if obj["kind"] == kind]


def test_all_manifests_are_written_under_the_drills_names(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster)
    assert [file.name for file in install.files] == sorted(path.name for path in SHIPPED.glob("*.yaml"))
    written = "".join(file.read_text() for file in install.files)
    assert "monitoring" not in written
    assert "promdrill-control-plane" not in written
    shipped = "".join(path.read_text() for path in sorted(SHIPPED.glob("*.yaml")))
    assert written == shipped.replace("monitoring", "drill-x").replace("promdrill-control-plane", "node-1")


def test_no_name_is_shared_with_another_drill(tmp_path: Path, cluster: Cluster) -> None:
    for obj in composed(tmp_path, cluster).objects():
        about = obj["metadata"]
        own = about["namespace"] if "namespace" in about else re.search(r"drill-x$", about["name"])
        assert own, f"{obj['kind']} {about['name']} is the whole cluster's"


def test_the_namespace_is_the_engines(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster)
    assert any("kind: Namespace" in file.read_text() for file in install.files)
    assert named(install, "Namespace") == []
    assert len(install.objects()) > 10


def test_the_scenarios_replacements_come_before_the_names(tmp_path: Path, cluster: Cluster) -> None:
    values = "replace:\n  'storage: 5Gi': 'storage: 1Gi'\n  8080: 8081\n  '# your node': '# monitoring'\n"
    install = composed(tmp_path, cluster, values)
    written = "".join(file.read_text() for file in install.files)
    shipped = "".join(path.read_text() for path in SHIPPED.glob("*.yaml"))
    assert ("5Gi" in written, written.count("storage: 1Gi")) == (False, shipped.count("storage: 5Gi"))
    assert ("8080" in written, written.count("8081")) == (False, shipped.count("8080"))
    assert "node-1 # drill-x: kubectl get nodes" in written


@pytest.mark.parametrize("values", ["", "# nothing\n", "replace:\n", "replace: {}\n"])
def test_nothing_has_to_be_replaced(tmp_path: Path, cluster: Cluster, values: str) -> None:
    assert composed(tmp_path, cluster, values).files


def test_a_replacement_that_matches_nothing_is_refused(tmp_path: Path, cluster: Cluster) -> None:
    with pytest.raises(UsageError, match=r"values\.yaml: replace: 'storage: 6Gi' is not in any of ") as caught:
        composed(tmp_path, cluster, "replace: {'storage: 5Gi': 'storage: 1Gi', 'storage: 6Gi': x}")
    assert "manual/*.yaml" in caught.value.message
    assert not (tmp_path / "manifests").exists(), "nothing is written"


def test_the_servers_names_are_those_of_the_manifests(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster)
    server = install.server
    assert named(install, "Deployment")[0] == install.name == server.fullname
    deployment = next(obj for obj in install.objects() if obj["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert (server.container, server.containers, server.reloader) == (container["name"], 1, "")
    assert server.pod_port == container["ports"][0]["containerPort"]
    pod = {"metadata": {"name": "prometheus-1", "labels": template["metadata"]["labels"]}}
    assert server.pods(Snapshot(0, EPOCH, pods={"prometheus-1": pod})) == (pod,)
    service = next(obj for obj in install.objects() if obj["metadata"]["name"] == server.service)
    assert (service["kind"], service["spec"]["ports"][0]["port"]) == ("Service", server.port)


def test_the_servers_claim_is_that_of_the_manifests(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster)
    assert named(install, "PersistentVolumeClaim") == [install.server.claim]


def test_runbooks_find_the_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    install = Manual(cast(Any, None), "drill-x", Path("manifests"))
    assert install.environment == {"MANIFESTS": f"{tmp_path}/manifests", "NAMESPACE": "drill-x"}


def test_the_scrape_interval_is_the_configurations(tmp_path: Path, cluster: Cluster) -> None:
    assert composed(tmp_path, cluster).scrape_interval_s == 10
    assert (
        composed(tmp_path, cluster, "replace: {'scrape_interval: 10s': 'scrape_interval: 2s'}").scrape_interval_s == 2
    )
    assert composed(tmp_path, cluster, "replace: {'scrape_interval: 10s': 'x: 10s'}").scrape_interval_s == 60
    with pytest.raises(UsageError, match="'soon' is not a duration"):
        assert composed(
            tmp_path, cluster, "replace: {'scrape_interval: 10s': 'scrape_interval: soon'}"
        ).scrape_interval_s


def test_install_replaces_the_volume_makes_its_folder_and_applies_in_order(tmp_path: Path, cluster: Cluster) -> None:
    cluster.gone_after = 1
    install = composed(tmp_path, cluster)
    install.install()
    assert cluster.done == [
        f"delete {VOLUME}",
        *["volume looked for"] * 2,
        f"node: rm -rf {FOLDER} && mkdir -p {FOLDER} && chown 65534:65534 {FOLDER} && chmod 0750 {FOLDER}",
        *(f"apply {object_path(obj)}" for obj in install.objects()),
    ]


def test_objects_come_in_the_order_of_the_files(tmp_path: Path, cluster: Cluster) -> None:
    texts = [file.read_text() for file in composed(tmp_path, cluster).files]
    every = [obj for text in texts for obj in yaml.safe_load_all(text) if obj and obj["kind"] != "Namespace"]
    assert composed(tmp_path, cluster).objects() == every
    kinds = [obj["kind"] for obj in every]
    assert kinds.index("ServiceAccount") < kinds.index("PersistentVolume") < kinds.index("Deployment")


def only(install: Manual, text: str) -> Manual:
    """The install with this text in place of all manifests."""
    for file in install.files[1:]:
        file.unlink()
    install.files[0].write_text(text)
    return install


def test_upgrade_applies_the_files_as_they_are_and_touches_no_node(tmp_path: Path, cluster: Cluster) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: drill-x}\n---\n"
    only(composed(tmp_path, cluster), service).upgrade()
    assert cluster.done == ["apply /api/v1/namespaces/drill-x/services/s"]


def test_uninstall_deletes_all_the_last_first_and_the_folder_when_the_volume_is_gone(
    tmp_path: Path, cluster: Cluster
) -> None:
    cluster.gone_after = 1
    install = composed(tmp_path, cluster)
    install.uninstall()
    deleted = [f"delete {object_path(obj)}" for obj in reversed(install.objects())]
    assert cluster.done == [*deleted, f"delete {VOLUME}", *["volume looked for"] * 2, f"node: rm -rf {FOLDER}"]


def test_the_folder_of_a_volume_that_does_not_go_is_removed_all_the_same(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manual, "GONE_S", 0)
    cluster.gone_after = 9
    with pytest.raises(ClusterError, match="prometheus-drill-x is still there"):
        composed(tmp_path, cluster).uninstall()
    assert cluster.done[-2:] == ["volume looked for", f"node: rm -rf {FOLDER}"]


def test_a_node_that_refuses_ends_the_installation(tmp_path: Path, cluster: Cluster) -> None:
    cluster.node_error = CommandFailed(["docker"], 1, "no")
    with pytest.raises(CommandFailed):
        composed(tmp_path, cluster).install()
    assert cluster.done[-1].startswith("node: rm -rf"), "nothing is applied"


SHIPPED_PATH = "path: /opt/prometheus/monitoring"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/opt/prometheus",
        "/opt/prometheus/drill-xy",
        "/opt/drill-x-no-fault/data",
        "/opt/drill-x/../other",
        "drill",
    ],
)
def test_folders_that_are_not_the_drills_own_are_never_touched(tmp_path: Path, cluster: Cluster, path: str) -> None:
    install = composed(tmp_path, cluster, f"replace: {{'{SHIPPED_PATH}': 'path: {path}'}}")
    install.install()
    install.uninstall()
    assert cluster.on_node == []


def test_a_folder_with_a_space_is_one_folder(tmp_path: Path, cluster: Cluster) -> None:
    composed(tmp_path, cluster, f"replace: {{'{SHIPPED_PATH}': 'path: /opt/my disk/monitoring/data'}}").uninstall()
    assert cluster.on_node == ["node: rm -rf '/opt/my disk/drill-x/data'"]


def test_other_volumes_and_other_objects_paths_are_left_alone(tmp_path: Path, cluster: Cluster) -> None:
    text = (
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: prometheus-drill-x}\nspec: {csi: {driver: d}}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: drill-x}\n"
        f"spec: {{hostPath: {{path: {FOLDER}}}}}\n"
    )
    install = only(composed(tmp_path, cluster), text)
    install.install()
    install.uninstall()
    pod = "/api/v1/namespaces/drill-x/pods/p"
    removed = [f"delete {VOLUME}", "volume looked for"]
    put = [*removed, f"apply {VOLUME}", f"apply {pod}"]
    assert cluster.done == [*put, f"delete {pod}", f"delete {VOLUME}", *removed]


def test_another_version_of_prometheus_takes_the_place_of_the_manifests_own(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("own", "other")}
    (tmp_path / "values.yaml").write_text("")
    for name, version in (("own", ""), ("other", "3.14.0")):
        install = Manual(cast(Any, Cluster()), "drill-x", folders[name], app_version=version)
        install.compose(tmp_path / "values.yaml", [], "drill-x")
    changed = [
        (mine, theirs)
        for file in folders["own"].iterdir()
        for mine, theirs in zip(
            file.read_text().splitlines(), (folders["other"] / file.name).read_text().splitlines(), strict=True
        )
        if mine != theirs
    ]
    assert [(mine.strip(), theirs.strip()) for mine, theirs in changed] == [
        (f"image: {PROMETHEUS}:v{APP_VERSION}", f"image: {PROMETHEUS}:v3.14.0")
    ]

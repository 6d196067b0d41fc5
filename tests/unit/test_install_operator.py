"""The operator's install: the drill's own names in the shipped manifests, and the order of what is done with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from promdrill.core import paths, shell
from promdrill.core.errors import CommandFailed, UsageError
from promdrill.install import Operator
from promdrill.install.operator import NAMESPACE, definitions_in
from promdrill.kube.client import object_path
from promdrill.observe.snapshot import EPOCH, Snapshot

SHIPPED = paths.manifests_dir() / "operator"
BASE = ["00-namespace.yaml", "10-operator.yaml", "20-prometheus.yaml"]
CUSTOM_METRICS = ["50-demo-app.yaml", "60-adapter.yaml", "70-autoscaler.yaml", "80-api.yaml"]
DEFINITIONS = (
    "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {enum: [=]}\n"
    "---\n---\nkind: CustomResourceDefinition\nmetadata: {name: b}\n"
)
OTHERS = "---\nkind: Deployment\nmetadata: {name: prometheus-operator, namespace: default}\n"


class Cluster:
    """API server and kubectl: what was done, in order; tests compare it as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []
        self.given: list[str] = []
        self.refused = ""
        self.asked = False

    def require_expected(self) -> None:
        self.asked = True

    def delete(self, path: str) -> None:
        self.done.append(f"delete {path}")

    def run(self, argv: Sequence[object], *, timeout_s: float, env: Mapping[str, str], stdin: str) -> None:
        binary, kubeconfig, *args = map(str, argv)
        assert (binary, kubeconfig) == ("/opt/kubectl", f"--kubeconfig={self.folder}/kubeconfig")
        assert timeout_s > 0
        assert self.asked, "kubectl changes nothing before it is known whose cluster answers"
        self.asked = False
        assert env == {"HOME": env["HOME"], "KUBECACHEDIR": f"{env['HOME']}/cache"}
        assert Path(env["HOME"]).is_dir(), "a folder of its own"
        self.done.append(" ".join(args))
        self.given.append(stdin)
        if self.refused and self.done[-1].startswith(self.refused):
            raise CommandFailed([binary, *args], 1, "no")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster in place of the subprocess gateway too."""
    made = Cluster(tmp_path)
    monkeypatch.setattr(shell, "run", made.run)
    return made


def composed(tmp_path: Path, cluster: Cluster, values: str = "") -> Operator:
    """The install with its manifests written."""
    file, crds = tmp_path / "values.yaml", tmp_path / "bundle.yaml"
    file.write_text(values)
    crds.write_text(DEFINITIONS + OTHERS)
    kubectl, kubeconfig = Path("/opt/kubectl"), tmp_path / "kubeconfig"
    install = Operator(cast(Any, cluster), "drill-x", tmp_path / "manifests", kubectl, kubeconfig, crds)
    install.compose(file, [tmp_path / "helm.yaml", {"server": 1}], "my-class")
    return install


def only(install: Operator, kind: str, name: str) -> dict[str, Any]:
    (found,) = (obj for obj in install.objects() if (obj["kind"], obj["metadata"]["name"]) == (kind, name))
    return found


@pytest.mark.parametrize(
    ("values", "names"),
    [("", BASE), ("folders:\n", BASE), ("folders: [custom-metrics]", [*BASE, *CUSTOM_METRICS])],
)
def test_the_wanted_manifests_are_written_under_the_drills_names(
    tmp_path: Path, cluster: Cluster, values: str, names: list[str]
) -> None:
    install = composed(tmp_path, cluster, values)
    assert [file.name for file in install.files] == names
    for file in install.files:
        (shipped,) = SHIPPED.rglob(file.name)
        own = shipped.read_text().replace("observability", "drill-x")
        assert file.read_text() == own.replace("storageClassName: standard", "storageClassName: my-class")
        assert NAMESPACE not in file.read_text()


def test_the_volume_has_the_drills_class(tmp_path: Path, cluster: Cluster) -> None:
    claim = only(composed(tmp_path, cluster), "Prometheus", "main")["spec"]["storage"]["volumeClaimTemplate"]["spec"]
    assert claim["storageClassName"] == "my-class"


def test_folders_that_there_are_not_are_refused_with_those_there_are(tmp_path: Path, cluster: Cluster) -> None:
    with pytest.raises(UsageError, match=r"values\.yaml: folders: no manifests in .*operator/metrics") as caught:
        composed(tmp_path, cluster, "folders: [metrics]")
    assert caught.value.hint == "custom-metrics"
    assert not (tmp_path / "manifests").exists(), "nothing is written"


def test_the_scenarios_replacements_come_before_the_names(tmp_path: Path, cluster: Cluster) -> None:
    values = (
        "folders: [custom-metrics]\nreplace: {'storage: 300Mi': 'storage: 1Gi', 'maxReplicas: 3': 'maxReplicas: 2'}"
    )
    install = composed(tmp_path, cluster, values)
    assert "storage: 1Gi" in install.files[2].read_text()
    assert only(install, "HorizontalPodAutoscaler", "demo-app")["spec"]["maxReplicas"] == 2
    with pytest.raises(UsageError, match=r"replace: 'maxReplicas: 3' is not in any of .*operator/\*\.yaml"):
        composed(tmp_path, cluster, "replace: {'maxReplicas: 3': 'maxReplicas: 2'}")


def test_no_name_is_shared_with_another_drill(tmp_path: Path, cluster: Cluster) -> None:
    shared = []
    for obj in composed(tmp_path, cluster, "folders: [custom-metrics]").objects():
        about = obj["metadata"]
        if about.get("namespace") != "drill-x" and not about["name"].endswith("-drill-x"):
            shared.append(about["name"])
    assert shared == ["v1beta1.custom.metrics.k8s.io"], "a cluster has one; drills with it are exclusive"


def test_the_servers_names_are_those_that_the_operator_makes(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster)
    server = install.server
    assert only(install, "Prometheus", install.name)
    assert (server.container, server.reloader, server.containers) == ("prometheus", "config-reloader", 2)
    assert server.claim == "prometheus-main-db-prometheus-main-0"
    service = only(install, "Service", server.service)["spec"]
    pod = {"metadata": {"name": f"{server.fullname}-0", "labels": service["selector"]}}
    assert server.pods(Snapshot(0, EPOCH, pods={"p": pod})) == (pod,)
    assert [port["port"] for port in service["ports"]] == [server.port]
    patched = {each["name"] for each in only(install, "Prometheus", "main")["spec"]["containers"]}
    assert patched == {server.container, server.reloader}


def test_runbooks_find_the_manifests(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster)
    assert install.environment == {"MANIFESTS": f"{tmp_path}/manifests", "NAMESPACE": "drill-x"}


def test_the_scrape_interval_is_the_prometheus_objects(tmp_path: Path, cluster: Cluster) -> None:
    assert composed(tmp_path, cluster).scrape_interval_s == 1
    assert composed(tmp_path, cluster, "replace: {'scrapeInterval: 1s': 'scrapeInterval: 2m'}").scrape_interval_s == 120
    assert composed(tmp_path, cluster, "replace: {'scrapeInterval: 1s': 'other: 1s'}").scrape_interval_s == 30
    with pytest.raises(UsageError, match="'soon' is not a duration"):
        assert composed(tmp_path, cluster, "replace: {'scrapeInterval: 1s': 'scrapeInterval: soon'}").scrape_interval_s


def test_install_waits_for_the_definitions_and_then_applies_all(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster, "folders: [custom-metrics]")
    install.install()
    assert cluster.done == [
        "apply --server-side --force-conflicts --filename=-",
        "wait --for=condition=Established --timeout=60s --filename=-",
        "apply --validate=false --openapi-patch=false --filename=-",
        "wait --for=condition=Available --timeout=90s --namespace=drill-x deployment --all",
        "apply --validate=false --openapi-patch=false --filename=-",
    ]
    definitions, waited_for, objects, _, groups = cluster.given
    assert definitions == waited_for
    assert re.findall("name: (.*)}", definitions) == ["a", "b"]
    first, last = (list(yaml.safe_load_all(text)) for text in (objects, groups))
    assert first + last == install.objects()
    assert {obj["kind"] for obj in last} == {"APIService"}, "once somebody serves its group"
    assert "Namespace" not in {obj["kind"] for obj in install.objects()}, "the engine's"


@pytest.mark.parametrize(("refused", "done"), [("apply --server-side", 1), ("wait", 2)])
def test_nothing_is_applied_before_the_definitions_are_served(
    tmp_path: Path, cluster: Cluster, refused: str, done: int
) -> None:
    cluster.refused = refused
    with pytest.raises(CommandFailed):
        composed(tmp_path, cluster).install()
    assert len(cluster.done) == done


def test_a_manifest_without_definitions_is_refused() -> None:
    with pytest.raises(UsageError, match="no custom resource definitions"):
        definitions_in(OTHERS)
    with pytest.raises(UsageError, match="no custom resource definitions"):
        definitions_in("")


def test_upgrade_applies_the_files_as_they_are(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster)
    for file in install.files[1:]:
        file.unlink()
    install.files[0].write_text("kind: Service\nmetadata: {name: s}\n---\n---\nkind: Namespace\n")
    install.upgrade()
    assert cluster.given == ["kind: Service\nmetadata:\n  name: s\n"]


PLURALS = {
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/drill-x/horizontalpodautoscalers",
    "Prometheus": "/apis/monitoring.coreos.com/v1/namespaces/drill-x/prometheuses",
    "ServiceMonitor": "/apis/monitoring.coreos.com/v1/namespaces/drill-x/servicemonitors",
}


def test_uninstall_deletes_all_the_last_first_and_no_definition(tmp_path: Path, cluster: Cluster) -> None:
    install = composed(tmp_path, cluster, "folders: [custom-metrics]")
    install.uninstall()
    expected = []
    for obj in reversed(install.objects()):
        collection = PLURALS.get(obj["kind"]) or object_path(obj).rpartition("/")[0]
        expected.append(f"delete {collection}/{obj['metadata']['name']}")
    assert cluster.done == expected
    assert cluster.done[0].endswith("/v1beta1.custom.metrics.k8s.io"), "before the adapter that serves it"

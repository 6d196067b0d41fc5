"""What rendered objects need that a new cluster does not have: what is made, and what is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.unit import charts_world

from promdrill.core.clock import Deadline
from promdrill.drill import provision
from promdrill.install.needs import Made, Needs, Node, needs_of
from promdrill.kube.client import NotFound

NODE = Node(cpu=4, memory_bytes=8 << 30, architecture="amd64")


def deployment(spec: str, kind: str = "Deployment", name: str = "prom-x-server") -> dict[str, Any]:
    pod = {"containers": [{"name": "server"}], **yaml.safe_load(spec)}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {"template": {"spec": pod}}}


def needs(tmp_path: Path, *objects: dict[str, Any]) -> Needs:
    return needs_of(objects, charts_world.chart(tmp_path / "chart"), NODE, "prom-x")


def made(found: Needs) -> dict[str, Any]:
    return {each.name: each.body.get("stringData", each.body.get("data")) for each in found.made}


def test_what_fields_of_the_operators_objects_name(tmp_path: Path) -> None:
    """Seen in public values: Thanos' bucket, and logins of remote storage. Without them there is no pod."""
    spec = yaml.safe_load("""
      thanos: {objectStorageConfig: {name: bucket, key: config}}
      additionalAlertManagerConfigs: {name: alerts, key: all}
      remoteWrite:
        - basicAuth: {username: {name: login, key: user}, password: {name: login, key: password}}
          tlsConfig:
            ca: {configMap: {name: authority, key: ca.crt}}
            cert: {secret: {name: gone, key: c, optional: true}}
      containers:
        - name: proxy
          env:
            - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}
            - {name: key, value: text}
      tolerations: [{key: dedicated, operator: Exists}]
    """)
    found = needs(tmp_path, {"kind": "Prometheus", "metadata": {"name": "p"}, "spec": spec})
    assert made(found) == {
        "ConfigMap settings": {"a": "promdrill"},
        "Secret bucket": {"config": ""},
        "Secret alerts": {"all": ""},
        "Secret login": {"user": "promdrill", "password": "promdrill"},
        "ConfigMap authority": {"ca.crt": "promdrill"},
    }
    pod = deployment("{}")
    pod["spec"]["template"]["spec"]["thanos"] = {"objectStorageConfig": {"name": "bucket", "key": "config"}}
    assert made(needs(tmp_path / "2", pod)) == {}, "only the operator's objects have such fields"


def test_what_pods_name_and_nobody_makes(tmp_path: Path) -> None:
    pod = deployment("""
      serviceAccountName: theirs
      priorityClassName: high
      runtimeClassName: gvisor
      imagePullSecrets: [{name: registry}]
      containers:
        - name: server
          args: [--web.config.file=/etc/web/web.yml]
          env:
            - {name: A, valueFrom: {secretKeyRef: {name: tokens, key: a}}}
            - {name: B, valueFrom: {secretKeyRef: {name: tokens, key: b}}}
            - {name: C, valueFrom: {configMapKeyRef: {name: settings, key: c}}}
          envFrom: [{secretRef: {name: all}}]
          volumeMounts:
            - {name: web, mountPath: /etc/web/}
            - {name: one, mountPath: /etc/one.json, subPath: one.json}
      volumes:
        - {name: web, secret: {secretName: web}}
        - {name: one, configMap: {name: one}}
        - {name: listed, projected: {sources: [{secret: {name: parts, items: [{key: p, path: q}]}}]}}
    """)
    found = needs(tmp_path, pod)
    assert made(found) == {
        "PriorityClass high": None,
        "RuntimeClass gvisor": None,
        "ServiceAccount theirs": None,
        "Secret tokens": {"a": "promdrill", "b": "promdrill"},
        "ConfigMap settings": {"c": "promdrill"},
        "Secret all": {},
        "Secret web": {"web.yml": ""},
        "ConfigMap one": {"one.json": ""},
        "Secret parts": {"p": "promdrill"},
        "Secret registry": {".dockerconfigjson": '{"auths": {}}'},
    }
    assert found.remarks[3] == (
        "Secret tokens is made: Deployment RELEASE-server names it and nobody makes it: with a, b."
    )
    assert [each.name for each in found.made if each.shared] == ["PriorityClass high", "RuntimeClass gvisor"]


def test_a_file_that_only_the_configuration_names(tmp_path: Path) -> None:
    pod = deployment("""
      containers: [{name: server, volumeMounts: [{name: v, mountPath: /etc/secrets}]}]
      volumes: [{name: v, secret: {secretName: login}}]
    """)
    text = {"prometheus.yml": "basic_auth: {username: me, password_file: /etc/secrets/password}"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": text}
    assert made(needs(tmp_path, pod, config)) == {"Secret login": {"password": "promdrill"}}


def test_what_is_there_or_may_be_missing_is_not_made(tmp_path: Path) -> None:
    pod = deployment("""
      serviceAccountName: default
      priorityClassName: system-node-critical
      containers:
        - name: server
          env: [{name: A, valueFrom: {secretKeyRef: {name: gone, key: a, optional: true}}}]
          envFrom: [{configMapRef: {name: gone, optional: true}}]
      volumes:
        - {name: a, secret: {secretName: there}}
        - {name: b, secret: {secretName: gone, optional: true}}
        - {name: c, secret: {secretName: certificates}}
    """)
    there = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "there"}}
    hook = deployment("containers: [{name: make, args: [--secret-name=certificates]}]", kind="Job")
    assert needs(tmp_path, pod, there, hook) == Needs()


def test_a_cron_job_and_an_operators_resource_have_pods_too(tmp_path: Path) -> None:
    job = {"spec": {"template": {"spec": {"containers": [], "priorityClassName": "p"}}}}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec": {"jobTemplate": job}}
    prometheus = {"kind": "Prometheus", "metadata": {"name": "p"}, "spec": {"secrets": ["s"], "configMaps": ["m"]}}
    assert made(needs(tmp_path, cron, prometheus)) == {"PriorityClass p": None, "Secret s": {}, "ConfigMap m": {}}


def test_kinds_of_others(tmp_path: Path) -> None:
    scaler = {"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "metadata": {"name": "v"}}
    policy = {"apiVersion": "example.org/v1beta1", "kind": "ClusterPolicy", "metadata": {"name": "p"}}
    known = {"apiVersion": "brought.example/v1", "kind": "Thing", "metadata": {"name": "t"}}
    ours = [{"apiVersion": f"{group}/v1", "kind": "X", "metadata": {}} for group in ("apps", "networking.k8s.io")]
    charts_world.write(tmp_path / "chart/crds", {"a.yaml": "spec:\n  group: brought.example\n"})
    found = needs(tmp_path, scaler, policy, known, *ours, {"apiVersion": "v1", "kind": "Service", "metadata": {}})
    stubs = [each.body for each in found.made]
    assert [(each["metadata"]["name"], each["spec"]["scope"]) for each in stubs] == [
        ("verticalpodautoscalers.autoscaling.k8s.io", "Namespaced"),
        ("clusterpolicies.example.org", "Cluster"),
    ]
    (version,) = stubs[0]["spec"]["versions"]
    assert version["name"] == "v1"
    assert version["schema"]["openAPIV3Schema"]["x-kubernetes-preserve-unknown-fields"] is True
    assert "api-approved.kubernetes.io" in stubs[0]["metadata"]["annotations"], "or the API server refuses *.k8s.io"


def test_labels_of_the_node(tmp_path: Path) -> None:
    pod = deployment("""
      nodeSelector: {disk: ssd, kubernetes.io/os: linux, kubernetes.io/arch: amd64}
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
              - matchExpressions:
                  - {key: pool, operator: In, values: [monitoring, other]}
                  - {key: fast, operator: Exists}
                  - {key: spot, operator: DoesNotExist}
              - matchExpressions: [{key: never, operator: Exists}]
      topologySpreadConstraints:
        - {topologyKey: zone, whenUnsatisfiable: DoNotSchedule}
        - {topologyKey: rack, whenUnsatisfiable: ScheduleAnyway}
        - {topologyKey: kubernetes.io/hostname}
    """)
    found = needs(tmp_path, pod)
    assert {label: value for label, (value, _) in found.labels.items()} == {
        "disk": "ssd",
        "pool": "monitoring",
        "fast": "promdrill",
        "zone": "promdrill",
    }
    assert found.refused == ()
    assert "The node gets the label disk=ssd: Deployment RELEASE-server asks for it." in found.remarks


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("nodeSelector: {kubernetes.io/arch: arm64}", "needs a node with kubernetes.io/arch=arm64"),
        ("nodeSelector: {kubernetes.io/os: windows}", "needs a node with kubernetes.io/os=windows"),
        (
            "containers: [{resources: {requests: {memory: 6Gi}}}, {resources: {limits: {memory: 3Gi}}}]",
            "9.0Gi of memory",
        ),
        ("containers: [{resources: {requests: {cpu: 4500m}}}]", "requests 4.5 of cpu, the drill's node has 4"),
        ("containers: [{resources: {requests: {nvidia.com/gpu: 1}}}]", "1 of nvidia.com/gpu, the drill's node has 0"),
    ],
)
def test_what_no_node_has(tmp_path: Path, spec: str, what: str) -> None:
    (refused,) = needs(tmp_path, deployment(spec)).refused
    assert what in refused.what


def test_all_replicas_are_on_the_one_node(tmp_path: Path) -> None:
    pod = deployment("containers: [{name: a, resources: {requests: {cpu: 1500m}}}]", "StatefulSet")
    for replicas, refused in ((None, 0), (2, 0), (3, 1)):
        pod["spec"]["replicas"] = replicas
        assert len(needs(tmp_path, pod).refused) == refused
    (said,) = needs(tmp_path, pod).refused
    assert said.what == "StatefulSet RELEASE-server requests 1.5 of cpu in each of 3 replicas, the drill's node has 4"


def test_what_a_node_has(tmp_path: Path) -> None:
    spec = "containers: [{resources: {requests: {cpu: 0.1, memory: 6Gi, ephemeral-storage: 1Ti}, limits: {cpu: 9}}}]"
    assert needs(tmp_path, deployment(spec)).refused == ()


@pytest.mark.parametrize(("address", "refused"), [("10.43.1.1", 1), ("10.96.7.7", 0), ("None", 0), ("x", 1)])
def test_the_address_of_a_service(tmp_path: Path, address: str, refused: int) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "prom-x"}, "spec": {"clusterIP": address}}
    assert len(needs(tmp_path, service).refused) == refused


class Api:
    """What is applied and patched; some objects are there already."""

    def __init__(self, *there: str) -> None:
        self.there, self.done, self.asked = there, list[Any](), list[str]()

    def get(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        if path not in self.there:
            raise NotFound(path, 404, "")
        return {
            "metadata": {"resourceVersion": "1"},
            "status": {"conditions": [{"type": "Established", "status": "True"}]},
        }

    def apply(self, obj: dict[str, Any]) -> None:
        self.done.append(obj["metadata"])
        self.there = (*self.there, f"/apis/{obj['apiVersion']}/{obj['kind'].lower()}s/{obj['metadata']['name']}")

    def patch(self, path: str, patch: Any) -> None:
        self.done.append((path, patch["metadata"]["labels"]))


def test_what_shares_the_nodes_network_is_named(tmp_path: Path) -> None:
    """Nothing keeps what it sends inside the cluster; a remark in the result says so."""
    found = needs(tmp_path, deployment("hostNetwork: true"), deployment("hostNetwork: false", name="prom-x-other"))
    assert found.on_nodes_network == ("Deployment RELEASE-server",)
    assert found.remarks == (
        "Deployment RELEASE-server shares its node's network, so nothing keeps what it sends inside the cluster.",
    )


def test_what_is_needed_is_made_before_the_installation() -> None:
    secret = Made({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}, "x")
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a.b"}}
    urgent = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "p"}}
    shared = (Made(urgent, "x", shared=True), Made(kind, "x", shared=True))
    found = Needs((secret, *shared), {"disk": ("ssd", "x")})
    api = Api("/apis/scheduling.k8s.io/v1/priorityclasses/p")
    within = Deadline.after(5.0)
    provision.supply(api, found, "drill-x", ("one", "two"), within, storage_class="drill-x")  # type: ignore[arg-type]
    ours = {"labels": {"app.kubernetes.io/managed-by": "promdrill"}}
    assert api.done == [
        {"name": "s", "namespace": "drill-x", **ours},
        {"name": "a.b", **ours},
        ("/api/v1/nodes/one", {"disk": "ssd"}),
        ("/api/v1/nodes/two", {"disk": "ssd"}),
    ], "a drill beside it made the class, and keeps it; what comes after it is made all the same"
    kind_path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.b"
    assert api.asked == ["/apis/scheduling.k8s.io/v1/priorityclasses/p", kind_path, kind_path], "and then it is served"


@pytest.mark.parametrize(("given", "found"), [("drill-x", {"a": 1, "storageClassName": "drill-x"}), ("", {"a": 1})])
def test_a_claim_is_of_the_drills_class_where_it_has_one(given: str, found: dict[str, Any]) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {"a": 1}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {}}
    made: list[dict[str, Any]] = []
    api: Any = SimpleNamespace(apply=made.append)
    supplied = Needs((Made(claim, "x"), Made(config, "x")))
    provision.supply(api, supplied, "drill-x", ("one",), Deadline.after(5.0), storage_class=given)
    assert made[0]["spec"] == found
    assert "spec" not in made[1]

"""Checks of manifests/manual, and the mistakes that they have to find.

Each check is a function from the files' texts to what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from promdrill.core.paths import manifests_dir
from promdrill.observe.quantity import size_bytes

Texts = dict[str, str]
Object = dict[str, Any]

FOLDER = manifests_dir() / "manual"
SHIPPED: Texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yaml"))}
WORD = "monitoring"
OF_THE_CLUSTER = {"Namespace", "PersistentVolume", "ClusterRole", "ClusterRoleBinding"}
RESOURCES_OF_THE_CLUSTER = {"nodes", "persistentvolumes"}
DISCOVERY_NEEDS = {"node": {"nodes"}, "endpointslice": {"endpointslices", "services", "pods"}}


def renamed(texts: Texts, name: str) -> Texts:
    """The same install under another name."""
    return {file: text.replace(WORD, name) for file, text in texts.items()}


def objects(texts: Texts) -> list[Object]:
    """Every object, in the order in which kubectl applies them."""
    return [each for file in sorted(texts) for each in yaml.safe_load_all(texts[file])]


def of_kind(found: list[Object], *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [each for each in found if each["kind"] in kinds]


def identity(kind: str, name: str, namespace: str | None = None) -> tuple[str, str, str]:
    """What no two objects of a cluster may share."""
    return (kind, "" if kind in OF_THE_CLUSTER else str(namespace), name)


def of(each: Object) -> tuple[str, str, str]:
    """The identity of an object."""
    return identity(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace"))


def workloads(found: list[Object]) -> list[tuple[str, Object, Object]]:
    """Namespace, pod template and its one container of each workload."""
    pods = []
    for each in of_kind(found, "Deployment", "DaemonSet"):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        pods.append((each["metadata"]["namespace"], each["spec"]["template"], container))
    return pods


def server(found: list[Object]) -> tuple[Object, Object]:
    """The spec of the server's pod, and its container."""
    return next((t["spec"], c) for _, t, c in workloads(found) if t["metadata"]["labels"]["app"] == "prometheus-server")


def config(found: list[Object]) -> tuple[Object, Object]:
    """The ConfigMap's data, and prometheus.yml of it."""
    (data,) = (each["data"] for each in of_kind(found, "ConfigMap"))
    return data, yaml.safe_load(data["prometheus.yml"])


def has_port(container: Object, port: int | str) -> bool:
    """Whether a probe or a service can name this port."""
    return any(port in (each["name"], each["containerPort"]) for each in container["ports"])


def unresolved(texts: Texts) -> Iterator[str]:
    """References to objects that are not there, or not before."""
    there: set[tuple[str, str, str]] = set()
    for each in objects(texts):
        wanted, namespace, spec = [], each["metadata"].get("namespace"), each.get("spec", {})
        if each["kind"] not in OF_THE_CLUSTER:
            wanted.append(identity("Namespace", str(namespace)))
        if "roleRef" in each:
            wanted.append(identity(each["roleRef"]["kind"], each["roleRef"]["name"], namespace))
            wanted += [identity(who["kind"], who["name"], who["namespace"]) for who in each["subjects"]]
        pod = spec.get("template", {}).get("spec", {})
        if "serviceAccountName" in pod:
            wanted.append(identity("ServiceAccount", pod["serviceAccountName"], namespace))
        for volume in pod.get("volumes", ()):
            if "configMap" in volume:
                wanted.append(identity("ConfigMap", volume["configMap"]["name"], namespace))
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                wanted.append(identity("PersistentVolumeClaim", claim, namespace))
        yield from (f"{of(each)} needs {each_wanted}" for each_wanted in wanted if each_wanted not in there)
        there.add(of(each))


def unfit_pods(texts: Texts) -> Iterator[str]:
    """Selectors, mounts, probes and services that do not fit their pods."""
    found = objects(texts)
    for each in of_kind(found, "Deployment", "DaemonSet"):
        spec = each["spec"]
        if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
            yield f"{of(each)}: selector"
    for _, template, container in workloads(found):
        name, volumes = container["name"], {each["name"] for each in template["spec"].get("volumes", ())}
        if volumes != {each["name"] for each in container.get("volumeMounts", ())}:
            yield f"{name}: volumes"
        probes = [value["httpGet"]["port"] for key, value in container.items() if key.endswith("Probe")]
        if not probes or not all(has_port(container, port) for port in probes):
            yield f"{name}: probes"
    for service in of_kind(found, "Service"):
        chosen = [
            container
            for namespace, template, container in workloads(found)
            if namespace == service["metadata"]["namespace"]
            and service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ]
        if len(chosen) != 1:
            yield f"{of(service)}: {len(chosen)} workloads"
        elif not all(has_port(chosen[0], port["targetPort"]) for port in service["spec"]["ports"]):
            yield f"{of(service)}: targetPort"


def unbound(texts: Texts) -> Iterator[str]:
    """What keeps the claim from its volume (pkg/controller/volume/persistentvolume of Kubernetes)."""
    found = objects(texts)
    (volume,), (claim,) = of_kind(found, "PersistentVolume"), of_kind(found, "PersistentVolumeClaim")
    has, wants = volume["spec"], claim["spec"]
    if not has["storageClassName"] or has["storageClassName"] != wants["storageClassName"]:
        yield "class"
    if not wants["selector"]["matchLabels"].items() <= volume["metadata"]["labels"].items():
        yield "label"
    if size_bytes(wants["resources"]["requests"]["storage"]) > size_bytes(has["capacity"]["storage"]):
        yield "size"
    if not set(wants["accessModes"]) <= set(has["accessModes"]):
        yield "access mode"
    if has["persistentVolumeReclaimPolicy"] != "Retain" or has["hostPath"]["type"] != "DirectoryOrCreate":
        yield "kind of volume"


def misconfigured(texts: Texts) -> Iterator[str]:
    """Files and folders that Prometheus does not find, targets that do not exist, discovery without the right to it."""
    found = objects(texts)
    data, settings = config(found)
    pod, container = server(found)
    kinds = {each["name"]: next(key for key in each if key != "name") for each in pod["volumes"]}
    mounts = {each["mountPath"]: kinds.get(each["name"]) for each in container["volumeMounts"]}
    flags = dict(arg.removeprefix("--").partition("=")[::2] for arg in container["args"])
    file = PurePosixPath(flags["config.file"])
    for path in (file, *(file.parent / each for each in settings["rule_files"])):
        if mounts.get(str(path.parent)) != "configMap" or path.name not in data:
            yield f"no file {path}"
    if mounts.get(flags["storage.tsdb.path"]) != "persistentVolumeClaim":
        yield "data directory"
    names = {
        f"{each['metadata']['name']}.{each['metadata']['namespace']}.svc": each for each in of_kind(found, "Service")
    }
    (own,) = (each["metadata"]["name"] for each in of_kind(found, "Namespace"))
    (role,) = (each for each in of_kind(found, "ClusterRole") if each["metadata"]["name"].startswith("prometheus"))
    granted = {resource for rule in role["rules"] for resource in rule.get("resources", ()) if "watch" in rule["verbs"]}
    for job in settings["scrape_configs"]:
        for target in (target for each in job.get("static_configs", ()) for target in each["targets"]):
            host, _, port = target.rpartition(":")
            ports = [each["port"] for each in names.get(host, {}).get("spec", {}).get("ports", ())]
            if int(port) not in ports and not (host == "localhost" and has_port(container, int(port))):
                yield f"no target {target}"
        for each in job.get("kubernetes_sd_configs", ()):
            if not DISCOVERY_NEEDS[each["role"]] <= granted:
                yield f"no right to {each['role']}"
            asked = {"kubernetes-apiservers": "default"}.get(job["job_name"], own)
            if each["role"] != "node" and each["namespaces"]["names"] != [asked]:
                yield f"namespaces of {job['job_name']}"


def unwatched(texts: Texts) -> Iterator[str]:
    """Where kube-state-metrics may not see what it is told to, or may see more."""
    found = objects(texts)
    (container,) = (c for _, _, c in workloads(found) if c["name"] == "kube-state-metrics")
    flags = dict(arg.removeprefix("--").partition("=")[::2] for arg in container["args"])
    if flags["namespaces"] not in {each["metadata"]["name"] for each in of_kind(found, "Namespace")}:
        yield "namespaces"
    granted: dict[str, set[str]] = {"ClusterRole": set(), "Role": set()}
    for role in of_kind(found, *granted):
        if role["metadata"]["name"].startswith("kube-state-metrics"):
            granted[role["kind"]] |= {resource for rule in role["rules"] for resource in rule["resources"]}
    wanted = set(flags["resources"].split(","))
    if granted["ClusterRole"] != wanted & RESOURCES_OF_THE_CLUSTER:
        yield "ClusterRole"
    if granted["Role"] != wanted - RESOURCES_OF_THE_CLUSTER:
        yield "Role"


def clashing(texts: Texts) -> Iterator[str]:
    """What two installs in one cluster would both want."""
    one, other = (objects(renamed(texts, name)) for name in ("drill-a", "drill-b"))
    yield from (f"both have {each}" for each in {of(each) for each in one} & {of(each) for each in other})
    for kind, key in (("PersistentVolume", "hostPath"), ("PersistentVolumeClaim", "storageClassName")):
        if [each["spec"][key] for each in of_kind(one, kind)] == [each["spec"][key] for each in of_kind(other, kind)]:
            yield f"both have {key}"
    text = yaml.safe_dump_all(one)  # without the comments
    yield from (key for key in ("hostPort", "hostNetwork", "hostPID", "nodePort") if f"{key}:" in text)


FITTING = (unresolved, unfit_pods, unbound, misconfigured, unwatched)

MISTAKES: list[tuple[Callable[[Texts], Iterator[str]], str, str, str, str]] = [
    (unresolved, "00", "  name: monitoring", "  name: other", "Namespace"),
    (unresolved, "10", "ClusterRole\n  name: prometheus-", "ClusterRole\n  name: p-", "needs ('ClusterRole'"),
    (unresolved, "10", "- kind: ServiceAccount\n  name: p", "- kind: ServiceAccount\n  name: q", "ServiceAccount"),
    (unresolved, "40", "serviceAccountName: prometheus", "serviceAccountName: p", "ServiceAccount"),
    (unresolved, "40", "name: prometheus-config", "name: config", "ConfigMap"),
    (unresolved, "40", "claimName: prometheus", "claimName: data", "PersistentVolumeClaim"),
    (unfit_pods, "40", "app: prometheus-server\n  template", "app: prometheus\n  template", "selector"),
    (unfit_pods, "40", "- name: data\n          mount", "- name: date\n          mount", "volumes"),
    (unfit_pods, "40", "/-/ready\n            port: http", "/-/ready\n            port: web", "probes"),
    (unfit_pods, "50", "app: prometheus-server", "app: prometheus", "0 workloads"),
    (unfit_pods, "50", "targetPort: 9090", "targetPort: 9091", "targetPort"),
    (unfit_pods, "60", "targetPort: metrics", "targetPort: http", "targetPort"),
    (unbound, "20", "manual-monitoring # as", "manual # as", "class"),
    (unbound, "20", "volume: prometheus-data # as", "volume: data # as", "label"),
    (unbound, "20", "storage: 5Gi # at most", "storage: 6Gi # at most", "size"),
    (unbound, "20", "[ReadWriteOnce] # as", "[ReadWriteMany] # as", "access mode"),
    (unbound, "20", "Policy: Retain", "Policy: Delete", "kind of volume"),
    (misconfigured, "10", "[nodes, services, pods]", "[nodes, services]", "no right to endpointslice"),
    (misconfigured, "30", "- prometheus.rules", "- rules/prometheus.rules", "no file"),
    (misconfigured, "30", "localhost:9090", "locaslhost:9090", "no target"),
    (misconfigured, "30", "monitoring.svc:8080", "kube-system.svc:8080", "no target"),
    (misconfigured, "30", "names: [monitoring]", "names: [default]", "namespaces of kubernetes-service-endpoints"),
    (misconfigured, "30", "names: [default]", "names: []", "namespaces of kubernetes-apiservers"),
    (misconfigured, "40", "mountPath: /etc/prometheus", "mountPath: /etc/config", "no file"),
    (misconfigured, "40", "mountPath: /prometheus", "mountPath: /data", "data directory"),
    (unwatched, "70", "--namespaces=monitoring", "--namespaces=all", "namespaces"),
    (unwatched, "70", "[nodes, persistentvolumes]", "[nodes]", "ClusterRole"),
    (unwatched, "70", "pods, services]", "pods, services, secrets]", "Role"),
    (clashing, "20", "name: prometheus-monitoring", "name: prometheus", "both have ('PersistentVolume'"),
    (clashing, "20", "/opt/prometheus/monitoring", "/opt/prometheus", "both have hostPath"),
    (clashing, "50", "port: 8080", "port: 8080\n    nodePort: 30000", "nodePort"),
    (clashing, "60", "containerPort: 9100", "containerPort: 9100\n          hostPort: 9100", "hostPort"),
]
"""Check, file, what it says, what it must not say, and what the check then says."""

"""What the objects of a chart need that a new cluster does not have: some of it can be made, the rest is refused.

Values name things that their owner's cluster has: Secrets, node labels, priority classes, kinds of other projects. What
they are for does not matter to a drill, only that the pods start. So they are made, empty or with placeholders.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from promdrill.helm.source import files
from promdrill.helm.source.tree import content_of
from promdrill.observe.quantity import amount

SERVICES = ipaddress.ip_network("10.96.0.0/16")
"""The range of a kind cluster's services."""

PLACEHOLDER = "promdrill"
"""The value of what is made, where nothing says what it should be."""

CLAIM, CLAIM_SIZE = "PersistentVolumeClaim", "300Mi"
"""The kind of a claim, and the size of one that is made: the least that mkfs.xfs takes."""

_BUILT_IN = frozenset(
    {
        *("", "apps", "autoscaling", "batch", "extensions", "policy"),
        *("admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io"),
        *("authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io"),
        *("flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io"),
        *("resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io"),
    }
)
"""API groups that every cluster has."""

_OPERATORS = frozenset({"Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler"})
"""Kinds whose `spec` becomes that of a pod."""

_GROUP = re.compile(r"^  group: *[\"']?([\w.-]+)", re.MULTILINE)
_EVERYWHERE = frozenset({"kubernetes.io/os", "kubernetes.io/arch", "kubernetes.io/hostname"})
_CLASSES = ("system-cluster-critical", "system-node-critical")
_ACCOUNTS = ("", "default")


@dataclass(frozen=True, slots=True)
class Made:
    """An object that is made because values name it.

    Attributes:
        body: The object, without a namespace.
        why: Who names it, in words.
        shared: Whether it is the whole cluster's, so that other drills use it too.
    """

    body: Mapping[str, Any]
    why: str
    shared: bool = False

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"{self.body['kind']} {self.body['metadata']['name']}"


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that no cluster of promdrill has.

    Attributes:
        what: What is wrong, in words.
        value: The value as rendered, by which the user's own is found.
    """

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What objects need.

    Attributes:
        made: The objects that are made.
        labels: Labels for the node, each with its value and who asks for it.
        refused: What cannot be had.
        on_nodes_network: Whose pods share their node's network. `promdrill.cluster.egress` does not hold them back.
    """

    made: tuple[Made, ...] = ()
    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    on_nodes_network: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is made, and what is not held back, a sentence each."""
        nodes = (f"The node gets the label {label}={value}: {why}." for label, (value, why) in self.labels.items())
        free = (
            f"{each} shares its node's network, so nothing keeps what it sends inside the cluster."
            for each in self.on_nodes_network
        )
        return (*(f"{each.name} is made: {each.why}." for each in self.made), *nodes, *free)


@dataclass(frozen=True, slots=True)
class Node:
    """What the node has: what the machine has.

    Attributes:
        cpu: Cores.
        memory_bytes: Memory; 0 if it is not known.
        architecture: `amd64` or `arm64`.
    """

    cpu: int
    memory_bytes: int
    architecture: str


def needs_of(objects: Sequence[Mapping[str, Any]], chart: Path, node: Node, release: str) -> Needs:
    """What these objects need.

    Args:
        objects: The objects that the chart renders to.
        chart: The chart's folder or .tgz, which may bring definitions of kinds.
        node: The node.
        release: Name of the release, which words leave out.

    Raises:
        UsageError: There is no chart.
    """
    pods = [_Pod.of(each, release) for each in objects if _pod_spec(each) is not None]
    there = {(str(each.get("kind")), _name(each)) for each in objects}
    made: dict[tuple[str, str], Made] = {}
    for each in (*_kinds(objects, chart), *_classes(pods), *_accounts(pods), *_claims(pods), *_data(pods, objects)):
        key = (str(each.body["kind"]), str(each.body["metadata"]["name"]))
        if key not in there:
            made.setdefault(key, each)
    labels: dict[str, tuple[str, str]] = {}
    refused = [*_addresses(objects, release)]
    for pod in pods:
        refused += _too_large(pod, node)
        for label, value in _labels(pod):
            if label not in _EVERYWHERE:
                labels.setdefault(label, (value, f"{pod.owner} asks for it"))
            elif not _has(node, label, value):
                refused.append(Refused(f"{pod.owner} needs a node with {label}={value}, and there is none", value))
    free = tuple(dict.fromkeys(pod.owner for pod in pods if pod.spec.get("hostNetwork") is True))
    return Needs(tuple(made.values()), labels, tuple(refused), free)


def replicas_of(each: Mapping[str, Any]) -> int:
    """How many pods an object has; 1 where it does not say so, or says none."""
    said = str((each.get("spec") or {}).get("replicas"))
    return max(1, int(said)) if said.isdecimal() else 1


@dataclass(frozen=True, slots=True)
class _Pod:
    """The pods of one object: who they belong to, their spec, and how many there are."""

    owner: str
    spec: Mapping[str, Any]
    operated: bool
    replicas: int

    @classmethod
    def of(cls, each: Mapping[str, Any], release: str) -> _Pod:
        return cls(
            f"{each['kind']} {_name(each).replace(release, 'RELEASE')}",
            _pod_spec(each) or {},
            each["kind"] in _OPERATORS,
            replicas_of(each),
        )

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        return [each for key in ("initContainers", "containers") for each in self.spec.get(key) or ()]


def _pod_spec(each: Mapping[str, Any]) -> Mapping[str, Any] | None:
    spec = each.get("spec")
    if not isinstance(spec, Mapping):
        return None
    if each.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    if each.get("kind") == "Pod" or each.get("kind") in _OPERATORS:
        return spec
    found = (spec.get("template") or {}).get("spec") if isinstance(spec.get("template"), Mapping) else None
    return found if isinstance(found, Mapping) and "containers" in found else None


def _name(each: Mapping[str, Any]) -> str:
    return str((each.get("metadata") or {}).get("name", ""))


# --- kinds ----------------------------------------------------------------------------------------------------------


def _kinds(objects: Iterable[Mapping[str, Any]], chart: Path) -> Iterator[Made]:
    """Definitions of kinds of other projects, as far as the API server has to know them."""
    brought: set[str] = set()
    wanted: dict[tuple[str, str], set[str]] = {}
    for each in objects:
        group, _, version = str(each.get("apiVersion", "")).rpartition("/")
        if each.get("kind") == "CustomResourceDefinition":
            brought.add(str((each.get("spec") or {}).get("group")))
        elif group not in _BUILT_IN:
            wanted.setdefault((group, str(each.get("kind"))), set()).add(version)
    brought |= set(_brought(chart)) if wanted else set()
    for (group, kind), versions in wanted.items():
        if group not in brought:
            yield Made(_definition(group, kind, versions), f"for its {kind}, on which nothing acts", shared=True)


def _brought(chart: Path) -> Iterator[str]:
    for part in files.parts(chart):
        for name, content in part.tree.items():
            if name.startswith("crds/"):
                yield from _GROUP.findall(content_of(content).decode("utf-8", "replace"))


def _definition(group: str, kind: str, versions: Iterable[str]) -> dict[str, Any]:
    singular = kind.lower()
    plural = singular + ("es" if singular.endswith(("s", "x", "ch")) else "s")
    plural = f"{singular[:-1]}ies" if singular.endswith("y") else plural
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = [
        {"name": version, "served": True, "storage": number == 0, "schema": schema}
        for number, version in enumerate(sorted(versions))
    ]
    annotations = {"api-approved.kubernetes.io": "unapproved, a stub"} if group.endswith(".k8s.io") else {}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": annotations},
        "spec": {
            "group": group,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": singular},
            "scope": "Cluster" if kind.startswith("Cluster") else "Namespaced",
            "versions": served,
        },
    }


# --- what pods name -------------------------------------------------------------------------------------------------


def _classes(pods: Iterable[_Pod]) -> Iterator[Made]:
    for pod in pods:
        name, runtime = pod.spec.get("priorityClassName"), pod.spec.get("runtimeClassName")
        if name and name not in _CLASSES:
            body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 0}
            yield Made({**body, "metadata": {"name": name}}, f"{pod.owner} names it", shared=True)
        if runtime:
            body = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "runc"}
            yield Made({**body, "metadata": {"name": runtime}}, f"{pod.owner} names it", shared=True)


def _accounts(pods: Iterable[_Pod]) -> Iterator[Made]:
    for pod in pods:
        name = str(pod.spec.get("serviceAccountName") or "")
        if name not in _ACCOUNTS:
            body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
            yield Made(body, f"{pod.owner} names it, it has no rights")


def _claims(pods: Iterable[_Pod]) -> Iterator[Made]:
    """Claims that exist where the values are from; their class is the drill's."""
    for pod in pods:
        for volume in pod.spec.get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if name:
                spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": CLAIM_SIZE}}}
                body = {"apiVersion": "v1", "kind": CLAIM, "metadata": {"name": name}, "spec": spec}
                yield Made(body, f"{pod.owner} names it and nobody makes it: of {CLAIM_SIZE}")


def _data(pods: Sequence[_Pod], objects: Sequence[Mapping[str, Any]]) -> Iterator[Made]:
    """The Secrets and ConfigMaps, with all keys that any pod reads of them."""
    by_jobs = "\n".join(str(each.spec) for each in pods if each.owner.startswith("Job "))
    found: dict[tuple[str, str], tuple[dict[str, str], str]] = {}
    for pod in pods:
        for kind, name, keys in (*_of_variables(pod), *_of_volumes(pod, objects), *_of_pulls(pod)):
            if f"={name}" not in by_jobs:  # such as the certificates of a webhook, which a hook makes
                data, owner = found.setdefault((kind, name), ({}, pod.owner))
                data |= keys
    for (kind, name), (data, owner) in found.items():
        body: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
        body |= {"stringData" if kind == "Secret" else "data": data}
        if ".dockerconfigjson" in data:
            body["type"] = "kubernetes.io/dockerconfigjson"
        said = f"with {', '.join(sorted(data))}" if data else "empty"
        yield Made(body, f"{owner} names it and nobody makes it: {said}")


_Named = Iterator[tuple[str, str, dict[str, str]]]
_SOURCES = (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name"))


def _of_variables(pod: _Pod) -> _Named:
    for container in pod.containers:
        for each in container.get("env") or ():
            source = each.get("valueFrom") or {}
            for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                ref = source.get(key) or {}
                if ref.get("name") and not ref.get("optional"):
                    yield kind, str(ref["name"]), {str(ref.get("key", "")): PLACEHOLDER}
        for each in container.get("envFrom") or ():
            for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                ref = each.get(key) or {}
                if ref.get("name") and not ref.get("optional"):
                    yield kind, str(ref["name"]), {}


def _of_volumes(pod: _Pod, objects: Iterable[Mapping[str, Any]]) -> _Named:
    texts = "\n".join(str(each.get("data")) for each in objects if each.get("kind") == "ConfigMap")
    for volume in pod.spec.get("volumes") or ():
        parts = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for part in parts:
            for key, kind, name in _SOURCES:
                source = part.get(key) or {}
                named = source.get(name) or source.get("name")
                if named and not source.get("optional"):
                    items = [str(item["key"]) for item in source.get("items") or ()]
                    wanted = items or list(_read_from(pod, str(volume.get("name")), texts))
                    yield kind, str(named), {each: _content(each) for each in wanted}
    if pod.operated:
        for key, kind in (("secrets", "Secret"), ("configMaps", "ConfigMap")):
            for name in pod.spec.get(key) or ():
                yield kind, str(name), {}


def _read_from(pod: _Pod, volume: str, texts: str) -> Iterator[str]:
    """The files of a volume that containers, or a configuration, name."""
    for container in pod.containers:
        said = "\n".join(map(str, (*(container.get("command") or ()), *(container.get("args") or ()), texts)))
        for mount in container.get("volumeMounts") or ():
            if mount.get("name") == volume:
                if mount.get("subPath"):
                    yield str(mount["subPath"])
                    continue
                folder = re.escape(str(mount.get("mountPath", "")).rstrip("/"))
                yield from dict.fromkeys(re.findall(rf"(?<![\w/.-]){folder}/([\w.-]+)", said))


def _content(key: str) -> str:
    """What a file may hold so that it can be read: as YAML, nothing."""
    return "" if re.search(r"\.(ya?ml|json|conf|rules)$", key) else PLACEHOLDER


def _of_pulls(pod: _Pod) -> _Named:
    for each in pod.spec.get("imagePullSecrets") or ():
        if isinstance(each, Mapping) and each.get("name"):
            yield "Secret", str(each["name"]), {".dockerconfigjson": '{"auths": {}}'}


# --- nodes and addresses --------------------------------------------------------------------------------------------


def _labels(pod: _Pod) -> Iterator[tuple[str, str]]:
    """Labels that a node must have for the pod to run on it."""
    for label, value in (pod.spec.get("nodeSelector") or {}).items():
        yield str(label), str(value)
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    for each in (terms[0].get("matchExpressions") or ()) if terms else ():
        if each.get("operator") == "In" and each.get("values"):
            yield str(each["key"]), str(next(iter(each["values"])))
        elif each.get("operator") == "Exists":
            yield str(each["key"]), PLACEHOLDER
    for each in pod.spec.get("topologySpreadConstraints") or ():
        if each.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule":
            yield str(each.get("topologyKey")), PLACEHOLDER


def _has(node: Node, label: str, value: str) -> bool:
    """Whether the node has one of the labels that every node has, with this value; the placeholder is any."""
    known = {"kubernetes.io/os": "linux", "kubernetes.io/arch": node.architecture}
    return value in {known.get(label), PLACEHOLDER}


def _too_large(pod: _Pod, node: Node) -> Iterator[Refused]:
    """What the containers of all replicas request together beyond what the node, the only one, has."""
    total: dict[str, Decimal] = {}
    said: dict[str, str] = {}
    for container in pod.spec.get("containers") or ():
        for resource, text in _requests(container).items():
            try:
                total[resource] = total.get(resource, Decimal(0)) + amount(str(text))
            except ValueError:
                continue
            said[resource] = str(text)
    has = {"cpu": Decimal(node.cpu), "memory": Decimal(node.memory_bytes or "Infinity")}
    for resource, wanted in total.items():
        there = has.get(resource, Decimal("Infinity") if "ephemeral" in resource else Decimal(0))
        if wanted * pod.replicas > there:
            each = f" in each of {pod.replicas} replicas" if pod.replicas > 1 else ""
            shown = f"{_shown(resource, wanted)} of {resource}{each}, the drill's node has {_shown(resource, there)}"
            yield Refused(f"{pod.owner} requests {shown}", said[resource])


def _requests(container: Mapping[str, Any]) -> Mapping[str, Any]:
    resources = container.get("resources") or {}
    return {**(resources.get("limits") or {}), **(resources.get("requests") or {})}


def _shown(resource: str, value: Decimal) -> str:
    return f"{value / 1024**3:.1f}Gi" if resource == "memory" else f"{value.normalize():f}"


def _addresses(objects: Iterable[Mapping[str, Any]], release: str) -> Iterator[Refused]:
    for each in objects:
        address = str((each.get("spec") or {}).get("clusterIP") or "None") if each.get("kind") == "Service" else "None"
        if address != "None" and not _in_range(address):
            name = _name(each).replace(release, "RELEASE")
            what = f"Service {name}: clusterIP {address} is not in {SERVICES}, the drill's range of services"
            yield Refused(what, address)


def _in_range(address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in SERVICES
    except ValueError:
        return False

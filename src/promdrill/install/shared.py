"""What an install takes of the cluster that a second one beside it could not have: names and ports that values fix.

A drill has a namespace and a release of its own, after which a chart names what lies outside that namespace. Values can
name it otherwise, such as `server.fullnameOverride`: Helm then refuses the second release, whose ClusterRole the first
one has. Fixed ports of the node and fixed addresses are the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

_CLUSTER_WIDE = frozenset(
    {
        *("APIService", "CSIDriver", "CertificateSigningRequest", "CustomResourceDefinition", "FlowSchema"),
        *("IngressClass", "MutatingWebhookConfiguration", "Namespace", "PersistentVolume", "PodSecurityPolicy"),
        *("PriorityClass", "PriorityLevelConfiguration", "RuntimeClass", "StorageClass"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration"),
    }
)
"""Kinds without a namespace; so are those that begin with `Cluster`, by custom."""

_NO_ADDRESS = ("", "None")
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_NAMESPACE = "kubernetes.io/metadata.name"

EVERYWHERE = "webhooks for all namespaces"
"""What is said of those that may refuse objects of other drills."""

Object = Mapping[str, Any]


def shared(objects: Iterable[Object], own: Collection[str], namespace: str) -> tuple[str, ...]:
    """What only one of several installs can have at a time, in words, each once.

    Args:
        objects: The objects that a chart renders to.
        own: Texts that only one drill's names contain, such as its release.
        namespace: The namespace that they were rendered for.
    """
    found: dict[str, None] = {}
    for each in _flat(objects):
        found |= dict.fromkeys((*_name(each, own, namespace), *_ports(each), *_webhooks(each)))
    return tuple(found)


def outside(each: Object, namespace: str) -> Object | None:
    """An object that is the whole cluster's, or another namespace's; None for any other.

    Args:
        each: The object.
        namespace: The namespace where it is installed.

    Returns:
        The object; one of the whole cluster's without the namespace that some templates write there.
    """
    about = dict(each.get("metadata") or {})
    if _is_clusters(str(each.get("kind", ""))):
        return {**each, "metadata": {key: value for key, value in about.items() if key != "namespace"}}
    return each if str(about.get("namespace") or namespace) != namespace else None


def _is_clusters(kind: str) -> bool:
    return kind in _CLUSTER_WIDE or kind.startswith("Cluster")


def _flat(objects: Iterable[Object]) -> Iterator[Object]:
    for each in objects:
        items = each.get("items")
        if str(each.get("kind")).endswith("List") and isinstance(items, list):
            yield from _flat(item for item in items if isinstance(item, Mapping))
        else:
            yield each


def _name(each: Object, own: Collection[str], namespace: str) -> Iterator[str]:
    kind, about = str(each.get("kind", "")), each.get("metadata") or {}
    name, place = str(about.get("name", "")), str(about.get("namespace") or namespace)
    if any(text in name for text in own):
        return
    if _is_clusters(kind):
        yield f"{kind} {name}"
    elif place != namespace:
        yield f"{kind} {name} in namespace {place}"


def _webhooks(each: Object) -> Iterator[str]:
    """One that fails refuses what it is asked about, unless it says otherwise (admissionregistration.k8s.io/v1)."""
    if each.get("kind") in _WEBHOOKS:
        for webhook in each.get("webhooks") or ():
            if webhook.get("failurePolicy") != "Ignore" and not _keeps_to_one(webhook.get("namespaceSelector") or {}):
                yield EVERYWHERE


def _keeps_to_one(selector: Mapping[str, Any]) -> bool:
    """Whether a selector of namespaces names them."""
    said = selector.get("matchExpressions") or ()
    named = any(each.get("key") == _NAMESPACE and each.get("operator") == "In" for each in said)
    return named or _NAMESPACE in (selector.get("matchLabels") or {})


def _ports(each: Object) -> Iterator[str]:
    spec = each.get("spec")
    if not isinstance(spec, Mapping):
        return
    if each.get("kind") == "Service":
        for port in spec.get("ports") or ():
            if port.get("nodePort"):
                yield f"port {port['nodePort']} of the node"
        if (address := str(spec.get("clusterIP") or "")) not in _NO_ADDRESS:
            yield f"address {address}"
    template = spec.get("template")
    pod = (template.get("spec") if isinstance(template, Mapping) else None) or {}
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        for port in container.get("ports") or ():
            taken = port.get("hostPort") or (pod.get("hostNetwork") and port.get("containerPort"))
            if taken:
                yield f"port {taken} of the node"

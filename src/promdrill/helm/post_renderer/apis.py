"""The API versions that Kubernetes has removed, and how to write their objects today: one table.

Source: Kubernetes' Deprecated API Migration Guide (docs/reference/using-api/deprecation-guide). Defaults are then
those of the new version: a Deployment of extensions/v1beta1 without a strategy gets apps/v1's 25 %.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from yaml.nodes import MappingNode, Node

from promdrill.core.yaml_edit import Document, Pair, Refused, as_json, find, find_pair, is_empty, items, text_of

Change = Callable[[Document, Node], str]
"""Adapts an object's body to its new version and returns what else it changed; raises Refused."""

AUTOSCALER = "HorizontalPodAutoscaler"


class Dropped(Exception):
    """An object without a successor, which is left out."""


class ApiChange(NamedTuple):
    """What happened to some kinds.

    Attributes:
        kinds: The kinds.
        old: Their API versions that Kubernetes removed.
        new: Their current API version; None if the object is left out.
        gone: First Kubernetes without the last of `old`.
        change: What else has to change; None for nothing.
        refusal: Why it cannot be rewritten; empty if it can.
    """

    kinds: tuple[str, ...]
    old: tuple[str, ...]
    new: str | None
    gone: str
    change: Change | None = None
    refusal: str = ""


def _workload(document: Document, body: Node) -> str:
    """apps/v1 requires a selector and has no templateGeneration."""
    spec = find(body, "spec")
    generation = find_pair(spec, "templateGeneration")
    if isinstance(spec, MappingNode) and generation is not None:
        document.drop(spec, generation)
    selector = find_pair(spec, "selector")
    if selector is not None and not is_empty(selector[1]):
        return ""
    labels = find(spec, "template", "metadata", "labels")
    if not isinstance(spec, MappingNode) or labels is None or is_empty(labels):
        raise Refused("apps/v1 requires spec.selector, and the template has no labels to make it from")
    value = f'{{"matchLabels": {as_json(labels)}}}'
    if selector is None:
        document.add(spec, "selector", value)
    else:
        document.put_pair(selector, "selector", value)
    return "spec.selector is the template's labels"


def _ingress(document: Document, body: Node) -> str:
    """networking.k8s.io/v1 requires pathType, has another form of backends, and another name for the default one."""
    spec = find(body, "spec")
    default = find_pair(spec, "backend")
    if default is not None:
        document.put(default[0], "defaultBackend")
        _backend(document, default[1])
    for rule in items(find(spec, "rules")):
        for path in items(find(rule, "http", "paths")):
            if isinstance(path, MappingNode) and find(path, "pathType") is None:
                document.add(path, "pathType", '"ImplementationSpecific"')  # the old version's default
            _backend(document, find(path, "backend"))
    return ""


def _backend(document: Document, backend: Node | None) -> None:
    name, port = find_pair(backend, "serviceName"), find_pair(backend, "servicePort")
    if name is None and port is None and find(backend, "resource") is not None:
        return
    if not isinstance(backend, MappingNode) or name is None or port is None:
        raise Refused("a backend without serviceName and servicePort")
    said = text_of(port[1])
    numbered = f'{{"number": {int(said)}}}' if said.isdecimal() else f'{{"name": {json.dumps(said)}}}'
    value = f'{{"name": {json.dumps(text_of(name[1]))}, "port": {numbered}}}'
    document.put_pair(name, "service", value)
    document.drop(backend, port)


def _budget(_document: Document, body: Node) -> str:
    """The same fields; only the empty selector has another meaning."""
    selector = find(body, "spec", "selector")
    empty = isinstance(selector, MappingNode) and not selector.value
    return "its empty selector matched no pod and now matches every pod of its namespace" if empty else ""


_METRICS: dict[str, dict[str, tuple[str, str]]] = {
    "resource": {
        "targetAverageUtilization": ("target", '{{"type": "Utilization", "averageUtilization": {}}}'),
        "targetAverageValue": ("target", '{{"type": "AverageValue", "averageValue": {}}}'),
    },
    "pods": {
        "metricName": ("metric", '{{"name": {}}}'),
        "targetAverageValue": ("target", '{{"type": "AverageValue", "averageValue": {}}}'),
    },
    "external": {
        "metricName": ("metric", '{{"name": {}}}'),
        "targetValue": ("target", '{{"type": "Value", "value": {}}}'),
        "targetAverageValue": ("target", '{{"type": "AverageValue", "averageValue": {}}}'),
    },
}
"""By a metric's source: key of autoscaling/v2beta1 to key and value in v2; `name` stays, other keys are refused."""


def _autoscaler(document: Document, body: Node) -> str:
    """v2beta2 equals v2; v2beta1 has another form of each metric's name and target."""
    if text_of(find(body, "apiVersion")) != "autoscaling/v2beta1":
        return ""
    for metric in items(find(body, "spec", "metrics")):
        source = text_of(find(metric, "type")).lower()
        known, wanted = _METRICS.get(source, {}), find(metric, source)
        pairs: list[Pair] = list(wanted.value) if isinstance(wanted, MappingNode) else []
        strange = {text_of(key) for key, _ in pairs} - {*known, "name"}
        if not pairs or strange:
            raise Refused(f"a metric of type {source or 'none'} with {', '.join(sorted(strange)) or 'nothing'}")
        for pair in pairs:
            if text_of(pair[0]) in known:
                key, template = known[text_of(pair[0])]
                document.put_pair(pair, key, template.format(as_json(pair[1])))
    return ""


_RBAC = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_STORAGE = ("StorageClass", "CSIDriver", "CSINode", "VolumeAttachment")
_APPS = ("extensions/v1beta1", "apps/v1beta1", "apps/v1beta2")

TABLE = (
    ApiChange(("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"), _APPS, "apps/v1", "1.16", _workload),
    ApiChange(("NetworkPolicy",), ("extensions/v1beta1",), "networking.k8s.io/v1", "1.16"),
    ApiChange(
        ("Ingress",),
        ("extensions/v1beta1", "networking.k8s.io/v1beta1"),
        "networking.k8s.io/v1",
        "1.22",
        change=_ingress,
    ),
    ApiChange(("IngressClass",), ("networking.k8s.io/v1beta1",), "networking.k8s.io/v1", "1.22"),
    ApiChange(_RBAC, ("rbac.authorization.k8s.io/v1beta1",), "rbac.authorization.k8s.io/v1", "1.22"),
    ApiChange(("APIService",), ("apiregistration.k8s.io/v1beta1",), "apiregistration.k8s.io/v1", "1.22"),
    ApiChange(("PriorityClass",), ("scheduling.k8s.io/v1beta1",), "scheduling.k8s.io/v1", "1.22"),
    ApiChange(_STORAGE, ("storage.k8s.io/v1beta1",), "storage.k8s.io/v1", "1.22"),
    ApiChange(("Lease",), ("coordination.k8s.io/v1beta1",), "coordination.k8s.io/v1", "1.22"),
    ApiChange(("PodDisruptionBudget",), ("policy/v1beta1",), "policy/v1", "1.25", _budget),
    ApiChange(("PodSecurityPolicy",), ("extensions/v1beta1", "policy/v1beta1"), None, "1.25"),
    ApiChange(("CronJob",), ("batch/v2alpha1", "batch/v1beta1"), "batch/v1", "1.25"),
    ApiChange(("RuntimeClass",), ("node.k8s.io/v1beta1",), "node.k8s.io/v1", "1.25"),
    ApiChange((AUTOSCALER,), ("autoscaling/v2beta1", "autoscaling/v2beta2"), "autoscaling/v2", "1.26", _autoscaler),
    ApiChange(
        ("CustomResourceDefinition",),
        ("apiextensions.k8s.io/v1beta1",),
        "apiextensions.k8s.io/v1",
        "1.22",
        refusal="apiextensions.k8s.io/v1 requires a schema for each version; take the definition from a newer release",
    ),
    ApiChange(
        _WEBHOOKS,
        ("admissionregistration.k8s.io/v1beta1",),
        "admissionregistration.k8s.io/v1",
        "1.22",
        refusal="admissionregistration.k8s.io/v1 needs sideEffects and admissionReviewVersions, for its author to set",
    ),
)

OLD = frozenset(version for row in TABLE for version in row.old)
"""A document that contains none of these is not even parsed."""

_ROWS = {(kind, old): row for row in TABLE for kind in row.kinds for old in row.old}


def rewrite(document: Document, body: Node) -> str:
    """Record the edits that an object needs.

    Returns:
        What was rewritten, in a sentence without the object's name; empty if nothing was.

    Raises:
        Refused: It cannot be rewritten.
        Dropped: Its kind was removed without a successor.
    """
    kind, version = find(body, "kind"), find(body, "apiVersion")
    row = _ROWS.get((text_of(kind), text_of(version)))
    said = _scale_target(document, body) if text_of(kind) == AUTOSCALER else ""
    if row is None or version is None:
        return said
    gone = f"{text_of(version)} was removed in Kubernetes {row.gone}"
    if row.refusal:
        raise Refused(f"{gone} and cannot be rewritten: {row.refusal}")
    if row.new is None:
        raise Dropped(f"{gone} and has no successor")
    try:
        also = row.change(document, body) if row.change else ""
    except Refused as error:
        raise Refused(f"{gone} and cannot be rewritten: {error}") from error
    document.put(version, row.new)
    return "; ".join(part for part in (f"{text_of(version)} becomes {row.new}", also, said) if part)


def _scale_target(document: Document, body: Node) -> str:
    """An autoscaler names its target's API version, whatever its own is."""
    target = find(body, "spec", "scaleTargetRef")
    kind, version = find(target, "kind"), find(target, "apiVersion")
    row = _ROWS.get((text_of(kind), text_of(version)))
    if row is None or row.new is None or version is None:
        return ""
    document.put(version, row.new)
    return f"its target's {text_of(version)} becomes {row.new}"

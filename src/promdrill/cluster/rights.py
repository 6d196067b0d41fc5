"""What a drill may do in a cluster that is not promdrill's: everything that stays in its own namespace, nothing else.

The API server enforces it. The drill, its Helm and the steps of its runbook get the token of an account whose Role is
in that namespace, so that every request for anything else is refused. Pod Security keeps its pods from the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from promdrill.core.errors import ClusterError
from promdrill.kube.client import MANAGED_BY

ACCOUNT = "promdrill"
"""Name of the account, its Role and its RoleBinding."""

RUN = "promdrill.io/run"
"""Annotation of a namespace: which adoption made it. One without it, or with another one's, is never removed."""

TOKEN_S = 24 * 3600
"""Seconds for which the token is valid: longer than any drill. It ends before that, with its namespace."""

POD_SECURITY = "baseline"
"""Level of Pod Security: no privileged container, and nothing of the node, neither files nor network nor processes."""

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

# Not "*" here: that would include the namespace itself, and with it the label that keeps pods from the node.
_CORE = (
    *("configmaps", "endpoints", "events", "limitranges", "persistentvolumeclaims", "podtemplates"),
    *("replicationcontrollers", "resourcequotas", "secrets", "serviceaccounts", "services", "services/proxy"),
    *("pods", "pods/attach", "pods/ephemeralcontainers", "pods/eviction", "pods/exec", "pods/log"),
    *("pods/portforward", "pods/proxy", "pods/resize"),
)
# No verb of `_VERBS` lets a Role give more than its maker has: that would take "escalate" or "bind".
_GROUPS = (
    *("apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io"),
    *("networking.k8s.io", "policy", "rbac.authorization.k8s.io"),
)

_KINDS = frozenset({
    *("ConfigMap", "Endpoints", "Event", "LimitRange", "PersistentVolumeClaim", "PodTemplate", "Pod"),
    *("ReplicationController", "ResourceQuota", "Secret", "ServiceAccount", "Service"),
})  # fmt: skip
_CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding", "IngressClass", "IPAddress", "ServiceCIDR"})
_OF_THE_NODE = ("hostNetwork", "hostPID", "hostIPC")
_EXPOSED = ("NodePort", "LoadBalancer")
_DISCOVERY = "kubernetes_sd_configs"


def namespace(name: str, run: str) -> dict[str, Any]:
    """The namespace of a drill.

    Args:
        name: Its name.
        run: The value of `RUN`.
    """
    labels = {**MANAGED_BY, "pod-security.kubernetes.io/enforce": POD_SECURITY}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels, "annotations": {RUN: run}},
    }


def account(name: str) -> tuple[dict[str, Any], ...]:
    """The account of the drill in a namespace, its Role and its RoleBinding, in the order to create them."""
    about = {"name": ACCOUNT, "namespace": name, "labels": dict(MANAGED_BY)}
    group, version = "rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1"
    rules = [
        {"apiGroups": [""], "resources": list(_CORE), "verbs": _VERBS},
        {"apiGroups": list(_GROUPS), "resources": ["*"], "verbs": _VERBS},
        # Its own alone: that is how it knows which cluster answers.
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": [name], "verbs": ["get"]},
    ]
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about},
        {"apiVersion": version, "kind": "Role", "metadata": about, "rules": rules},
        {
            "apiVersion": version,
            "kind": "RoleBinding",
            "metadata": about,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": name}],
        },
    )


def token_request() -> dict[str, Any]:
    """What asks the API server for the account's token."""
    version = "authentication.k8s.io/v1"
    return {"apiVersion": version, "kind": "TokenRequest", "spec": {"expirationSeconds": TOKEN_S}}


def kubeconfig(of: Path, name: str, token: str) -> str:
    """A kubeconfig that leads to the same cluster, as the account in a namespace.

    Args:
        of: The kubeconfig with the cluster's address and certificate.
        name: The namespace, also of commands that name none.
        token: The account's token.

    Raises:
        ClusterError: `of` is no kubeconfig of one cluster.
    """
    try:
        content: Mapping[str, Any] = yaml.safe_load(of.read_text(encoding="utf-8"))
        (cluster,) = content["clusters"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ClusterError(f"{of} is not the private kubeconfig of one cluster") from error
    context = {"cluster": cluster["name"], "user": ACCOUNT, "namespace": name}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": ACCOUNT,
            "clusters": [cluster],
            "contexts": [{"name": ACCOUNT, "context": context}],
            "users": [{"name": ACCOUNT, "user": {"token": token}}],
        }
    )


def outside(obj: Mapping[str, Any], name: str) -> str:
    """What of an object is outside the namespace of its drill, in words; empty if all of it is inside.

    Args:
        obj: The object, as it would be created.
        name: The namespace.
    """
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    about, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    kind = str(obj.get("kind", ""))
    what = f"{kind} {about.get('name', '')}"
    if kind not in _KINDS if not group else kind in _CLUSTER_WIDE or group not in _GROUPS:
        return what
    if about.get("namespace", name) != name:
        return f"{what} in namespace {about['namespace']}"
    if kind == "Service" and spec.get("type") in _EXPOSED:
        return f"{what}, a {spec['type']}: it takes a port of every node"
    if kind in {"ConfigMap", "Secret"} and _DISCOVERY in str({**(obj.get("data") or {}), **_texts(obj)}):
        return f"{_DISCOVERY} in {what}: a ClusterRole lets Prometheus ask for them"
    taken = sorted({each for pod in _pods(spec, kind) for each in _of_the_node(pod)})
    return f"{what}, with {', '.join(taken)} of the node" if taken else ""


def _texts(secret: Mapping[str, Any]) -> Mapping[str, Any]:
    return secret.get("stringData") or {}


def _pods(spec: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    """The specification of the pods that an object makes."""
    if kind == "Pod":
        yield spec
    for made in (spec, (spec.get("jobTemplate") or {}).get("spec") or {}):
        yield (made.get("template") or {}).get("spec") or {}


def _of_the_node(pod: Mapping[str, Any]) -> Iterator[str]:
    """What a pod takes of its node that `POD_SECURITY` refuses."""
    yield from (each for each in _OF_THE_NODE if pod.get(each))
    yield from ("hostPath" for each in pod.get("volumes") or () if "hostPath" in each)
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        yield from ("privileged" for _ in [0] if (container.get("securityContext") or {}).get("privileged"))
        yield from ("hostPort" for port in container.get("ports") or () if port.get("hostPort"))

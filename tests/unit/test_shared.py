"""What an install takes of the cluster that a second one beside it could not have."""

from __future__ import annotations

from typing import Any

import pytest

from promdrill.core.errors import UsageError
from promdrill.install.shared import EVERYWHERE, outside, shared
from promdrill.request import planning
from promdrill.request.request import KindOptions, Request
from promdrill.request.settings import Settings

OWN = ("prometheus-x", "prometheus-y")
NAME = "kubernetes.io/metadata.name"


def named(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, **more}


def pods(**spec: Any) -> dict[str, Any]:
    return named("Deployment", "mon", spec={"template": {"spec": spec}})


@pytest.mark.parametrize("release", OWN)
def test_what_is_named_after_a_release_is_its_own(release: str) -> None:
    """Of whichever drill: those with the same values are rendered once."""
    kinds = ("ClusterRole", "ClusterRoleBinding", "PriorityClass", "ValidatingWebhookConfiguration")
    elsewhere = {"kind": "Service", "metadata": {"name": f"{release}-kubelet", "namespace": "kube-system"}}
    assert shared([*(named(kind, f"{release}-server") for kind in kinds), elsewhere], OWN, "ns") == ()


@pytest.mark.parametrize(
    "kind", ["ClusterRole", "ClusterRoleBinding", "ClusterPolicy", "MutatingWebhookConfiguration", "StorageClass"]
)
def test_what_has_a_name_of_the_users_in_the_whole_cluster(kind: str) -> None:
    assert shared([named(kind, "mon-server"), named(kind, "mon-server")], OWN, "ns") == (f"{kind} mon-server",)


def test_what_is_in_its_namespace_may_have_any_name() -> None:
    inside = {"kind": "Service", "metadata": {"name": "mon", "namespace": "ns"}, "spec": {"ports": [{"port": 80}]}}
    assert shared([named("Deployment", "mon"), named("Prometheus", "mon"), inside], OWN, "ns") == ()


def test_what_is_in_another_namespace() -> None:
    other = {"kind": "RoleBinding", "metadata": {"name": "mon-auth", "namespace": "kube-system"}}
    assert shared([other], OWN, "ns") == ("RoleBinding mon-auth in namespace kube-system",)


@pytest.mark.parametrize(
    ("each", "said"),
    [
        (named("Service", "mon", spec={"ports": [{"port": 80, "nodePort": 30090}]}), "port 30090 of the node"),
        (named("Service", "mon", spec={"clusterIP": "10.96.7.7"}), "address 10.96.7.7"),
        (pods(containers=[{"ports": [{"containerPort": 1, "hostPort": 9100}]}]), "port 9100 of the node"),
        (pods(hostNetwork=True, containers=[{"ports": [{"containerPort": 9100}]}]), "port 9100 of the node"),
    ],
)
def test_fixed_ports_and_addresses(each: dict[str, Any], said: str) -> None:
    assert shared([each], OWN, "ns") == (said,)


@pytest.mark.parametrize(
    "each",
    [
        named("Service", "mon", spec={"clusterIP": "None", "ports": [{"port": 80}]}),
        named("Service", "mon", spec={"clusterIP": ""}),
        named("Service", "mon", spec=None),
        pods(containers=[{"ports": [{"containerPort": 9090}]}, {}]),
        named("Prometheus", "mon", spec={"template": "text"}),
    ],
)
def test_others_are_not_fixed(each: dict[str, Any]) -> None:
    assert shared([each], OWN, "ns") == ()


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
@pytest.mark.parametrize(
    ("webhook", "apart"),
    [
        ({"failurePolicy": "Fail"}, False),
        ({}, False),  # Fail, if nothing is said
        ({"failurePolicy": "Fail", "namespaceSelector": None}, False),
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["x"]}]}}, False),
        ({"failurePolicy": "Ignore"}, True),
        ({"namespaceSelector": {"matchLabels": {NAME: "ns"}}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "In", "values": ["ns"]}]}}, True),
    ],
)
def test_webhooks_that_may_refuse_what_another_drill_makes(kind: str, webhook: dict[str, Any], *, apart: bool) -> None:
    quiet = {"failurePolicy": "Ignore"}
    found = shared([named(kind, OWN[0], webhooks=[quiet, webhook, webhook])], OWN, "ns")
    assert found == (() if apart else (EVERYWHERE,)), "the same words in every drill: only so they are kept apart"


@pytest.mark.parametrize(
    ("kind", "where", "left"),
    [
        ("ClusterRole", {}, {}),
        ("ClusterRole", {"namespace": "ns"}, {}),  # some templates write one, and Kubernetes ignores it
        ("ValidatingWebhookConfiguration", {}, {}),
        ("Role", {}, None),
        ("Role", {"namespace": "ns"}, None),
        ("Role", {"namespace": "kube-system"}, {"namespace": "kube-system"}),
    ],
)
def test_what_does_not_go_with_the_namespace(kind: str, where: dict[str, str], left: dict[str, str] | None) -> None:
    found = outside({"kind": kind, "metadata": {"name": "x", **where}}, "ns")
    assert found == (None if left is None else {"kind": kind, "metadata": {"name": "x", **left}})


def test_a_list_is_what_it_lists() -> None:
    rules = {"kind": "ClusterRoleList", "items": [named("ClusterRole", "mon"), named("ClusterRole", OWN[0])]}
    assert shared([{"kind": "List", "metadata": {"name": "a"}, "items": [rules]}], OWN, "ns") == ("ClusterRole mon",)


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (Request(cluster=KindOptions(keep=True)), "disk-full would keep ClusterRole mon, which oom needs too"),
        (Request(), ""),
        (Request(cluster=KindOptions(keep=True), variants="controls"), "ClusterRole mon, which"),
        (Request(cluster=KindOptions(keep=True), settings=Settings(repeat=2)), "ClusterRole mon, which"),
    ],
)
def test_what_a_drill_keeps_the_next_could_not_have(request_: Request, refused: str) -> None:
    taken = {"disk-full": ("ClusterRole mon",), "oom": ("ClusterRole mon",), "quota": ()}
    if not refused:
        planning._refuse_kept(taken, request_)
        return
    with pytest.raises(UsageError, match=refused):
        planning._refuse_kept(taken, request_)


def test_one_drill_may_be_kept() -> None:
    kept = Request(cluster=KindOptions(keep=True))
    planning._refuse_kept({"disk-full": ("ClusterRole mon",), "quota": ("ClusterRole b",)}, kept)
    with pytest.raises(UsageError, match="which its next drill needs too"):
        planning._refuse_kept({"disk-full": ("ClusterRole mon",)}, Request(Settings(repeat=2), cluster=kept.cluster))

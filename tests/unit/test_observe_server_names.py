"""A server that no chart has named: its own service, claim, labels and containers."""

from __future__ import annotations

from typing import Any

from tests.unit.observe_world import NAMESPACE, container, named, pod, snapshot

from promdrill.observe.probes import HttpProbe, MetricsProbe, QueryProbe
from promdrill.observe.server import Server

BY_HAND = Server(
    NAMESPACE,
    "prometheus",
    "prometheus",
    container="prometheus",
    reloader="",
    port=8080,
    service_name="prometheus-service",
    claim_name="data",
    containers=1,
    labels=(("app", "prometheus-server"),),
)


def by_hand(name: str = "prometheus-1", *, ready: bool = True, **labels: str) -> dict[str, Any]:
    return pod(name, container("prometheus", ready=ready), labels=labels or {"app": "prometheus-server", "x": "y"})


def test_names_that_are_not_the_charts_are_asked_for() -> None:
    assert (BY_HAND.fullname, BY_HAND.service, BY_HAND.claim) == ("prometheus", "prometheus-service", "data")
    for condition in (BY_HAND.http("GET", "/", 200), BY_HAND.fresh(1), BY_HAND.metric("x", bool, "x")):
        (probe,) = condition.probes
        assert isinstance(probe, HttpProbe | QueryProbe | MetricsProbe)
        assert (probe.service, probe.port) == ("prometheus-service", 8080)


def test_claim_and_volume_are_those_of_the_claims_own_name() -> None:
    def sized(name: str, size: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "status": {"phase": "Bound", "capacity": {"storage": size}}}

    def volume(claim: str, size: str) -> dict[str, Any]:
        ref = {"namespace": NAMESPACE, "name": claim}
        spec = {"capacity": {"storage": size}, "claimRef": ref}
        return {"metadata": {"name": f"pv-{claim}"}, "spec": spec, "status": {"phase": "Bound"}}

    seen = snapshot(
        claims=named(sized("data", "2Gi"), sized("prometheus", "1Gi")),
        volumes=named(volume("data", "2Gi"), volume("prometheus", "1Gi")),
    )
    for size in (BY_HAND.claim_size, BY_HAND.volume_size):
        assert (size("2Gi").judge(seen).holds, size("3Gi").judge(seen).holds) == (True, False)


def test_pods_are_found_by_labels_of_their_own() -> None:
    charts = pod("prometheus-2")
    assert BY_HAND.pods(snapshot(charts, by_hand("prometheus-3", app="other"), by_hand())) == (by_hand(),)
    of_old_charts = pod("prometheus-4", labels={"release": "prometheus", "app": "prometheus", "component": "server"})
    assert BY_HAND.pods(snapshot(charts, of_old_charts)) == ()


def test_a_pod_of_one_container_is_ready_with_one() -> None:
    ready = BY_HAND.ready()
    assert ready.name == "server pod 1/1"
    assert ready.judge(snapshot(by_hand())).holds
    assert not ready.judge(snapshot(by_hand(ready=False))).holds
    assert BY_HAND.ready(0).judge(snapshot(by_hand(ready=False))).holds
    two = pod("prometheus-1", container("prometheus"), container("side"), labels={"app": "prometheus-server"})
    assert not ready.judge(snapshot(two)).holds, "another container is not what was installed"

"""Several replicas of Prometheus, each with a volume of its own: one of them is drilled, the others must stay healthy.

It is the last one, with the highest number: a StatefulSet's update begins there, and goes on only once that pod is
ready (Kubernetes' documentation of StatefulSets, Rolling Updates). A change that breaks Prometheus is seen there alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from promdrill.install.needs import Made, Needs, replicas_of
from promdrill.observe.server import POD_NAME, Server

OWN_SERVICE = "promdrill"
"""Name of the Service that leads to the drilled replica: the chart's own leads to any."""

_FIRST_CLAIM = "-0"


def one_of(server: Server, objects: Iterable[Mapping[str, Any]]) -> Server:
    """The replica that is drilled; the same server where there is only one.

    Args:
        server: The server.
        objects: The objects that its chart renders to.
    """
    replicas = _replicas(server, objects)
    if replicas == 1:
        return server
    last = replicas - 1
    claim = server.claim
    return replace(
        server,
        replicas=replicas,
        labels=(*server.selector.items(), (POD_NAME, f"{server.fullname}-{last}")),
        claim_name=f"{claim.removesuffix(_FIRST_CLAIM)}-{last}" if claim.endswith(_FIRST_CLAIM) else claim,
        own_service=OWN_SERVICE,
        ready_after_s=replicas * server.ready_after_s,  # by default one starts once the one before it is ready
    )


def with_service(needs: Needs, server: Server) -> Needs:
    """The same needs, with the Service that leads to the drilled replica where there are several."""
    if server.replicas == 1:
        return needs
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": server.query_service},
        "spec": {
            "selector": server.selector,
            "ports": [{"name": "http", "port": server.port, "targetPort": server.pod_port}],
        },
    }
    why = f"the drill asks the last of {server.replicas} replicas alone, in which the incident is made and seen"
    return replace(needs, made=(*needs.made, Made(body, why)))


def _replicas(server: Server, objects: Iterable[Mapping[str, Any]]) -> int:
    """How many pods the StatefulSet of the server has, or is to get from the operator; 1 for a Deployment."""
    for each in objects:
        kind, name = each.get("kind"), (each.get("metadata") or {}).get("name")
        if kind == "Prometheus" or (kind, name) == ("StatefulSet", server.fullname):
            return replicas_of(each)
    return 1

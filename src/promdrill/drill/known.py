"""What a drill knows of the Prometheus that it drills, for the placeholders of a published runbook."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from promdrill.core.errors import UsageError
from promdrill.drill.plan import Plan
from promdrill.drill.scene import Scene
from promdrill.drill.site import Site
from promdrill.observe.quantity import size_bytes
from promdrill.observe.snapshot import Object, name_of
from promdrill.runbook.parse import parse

NEW_SIZE = "NEW_SIZE"
"""The variable of shipped runbooks for the size that a volume is to have."""


def known(site: Site, plan: Plan, scene: Scene) -> Mapping[str, str]:
    """The facts as they are now, by the names of `promdrill.runbook.facts.FACTS`; without those that there are not."""
    server, snapshot = site.server, scene.ground.observer.snapshot()
    given = site.installation.environment
    claim = snapshot.claims.get(server.claim, {})
    pod = next(iter(server.pods(snapshot)), {})
    spec = claim.get("spec") or {}
    size = _requested(claim)
    found = {
        "namespace": server.namespace,
        "release": given.get("RELEASE", ""),
        "chart": given.get("CHART", ""),
        "values": given.get("VALUES", ""),
        "manifests": given.get("MANIFESTS", ""),
        "workload": server.fullname,
        "service": server.service,
        "port": str(server.port),
        "pod": name_of(pod) if pod else "",
        "container": server.container,
        "node": (pod.get("spec") or {}).get("nodeName", ""),
        "claim": server.claim,
        "volume": spec.get("volumeName", ""),
        "class": spec.get("storageClassName") or "",
        "size": size,
        "new_size": _of_scenario(site, plan) or _doubled(size),
    }
    return {name: value for name, value in found.items() if value}


def _requested(claim: Object) -> str:
    return str((((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage", ""))


def _of_scenario(site: Site, plan: Plan) -> str:
    """NEW_SIZE as the scenario's own runbook has it; empty if it does not ask for a larger volume."""
    with contextlib.suppress(UsageError):
        return {**parse(site.drilled.runbook).variables, **plan.variables}.get(NEW_SIZE, "")
    return ""


def _doubled(size: str) -> str:
    with contextlib.suppress(ValueError):
        return f"{2 * size_bytes(size) >> 20}Mi"
    return ""

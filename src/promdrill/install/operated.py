"""The names of a Prometheus that an operator makes, found in the objects that a chart renders to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from promdrill.core.errors import UsageError
from promdrill.observe.server import Server

LONGEST_NAME = 40
"""Characters of a Prometheus object's name: the operator calls a volume of its pod ``prometheus-<name>-rulefiles-0``
(pkg/prometheus/server of prometheus-operator 0.72), and Kubernetes takes 63."""

PORT = 9090
"""The port of Prometheus in the pod, and of the operator's own Service; the operator takes no other."""

OPERATORS_SERVICE = "prometheus-operated"
"""The headless Service that the operator makes for the pods, unless `spec.serviceName` names another."""

NAME_LABEL = "operator.prometheus.io/name"
"""The label of the pods that has the Prometheus object's name."""

_GROUP = "monitoring.coreos.com/"
_PORT_NAME = "web"  # the operator's own, where the object names none
_OWN = ("prometheus", "config-reloader")
_THANOS = "thanos-sidecar"

Object = Mapping[str, Any]


def server_of(objects: Iterable[Object], usual: Server) -> Server:
    """The server that the operator makes of the Prometheus object among these; the usual one if there is none.

    Args:
        objects: The objects that a chart renders to.
        usual: The names where values change nothing.

    Raises:
        UsageError: The object's name is longer than `LONGEST_NAME`.
    """
    listed = list(objects)
    found = _prometheus(listed, usual.release)
    if found is None:
        return usual
    name, spec = str(found["metadata"]["name"]), found.get("spec") or {}
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"the name of the Prometheus object {name} has {len(name)} characters, and the operator can make pods only "
            f"for up to {LONGEST_NAME}",
            hint="a shorter fullnameOverride",
        )
    stateful_set = f"prometheus-{name}"
    service, port = _service(listed, name, spec)
    return replace(
        usual,
        fullname=stateful_set,
        containers=len({*_OWN, *_sidecars(spec)}),
        labels=((NAME_LABEL, name),),
        claim_name=f"{_volume(spec) or f'{stateful_set}-db'}-{stateful_set}-0",
        service_name=service,
        port=port,
        prefix=prefix_of(spec.get("routePrefix")),
    )


def prefix_of(route: Any) -> str:
    """The path below which a Prometheus answers, as `Server.prefix`.

    The operator always gives the flag ``--web.route-prefix``, so that the path of `externalUrl` does not matter, and
    Prometheus puts a slash before it and takes those at its end away (cmd/prometheus/main.go).

    Args:
        route: The object's `routePrefix`; None for none.
    """
    path = str(route or "").strip("/")
    return f"/{path}" if path else ""


def _prometheus(objects: Sequence[Object], release: str) -> Object | None:
    """The Prometheus object; of several, the one with the release's label, by which runbooks find it."""
    found = [
        each
        for each in objects
        if each.get("kind") == "Prometheus" and str(each.get("apiVersion", "")).startswith(_GROUP)
    ]
    return min(found, key=lambda each: _labels(each).get("release") != release, default=None)


def _labels(each: Object) -> Mapping[str, Any]:
    return (each.get("metadata") or {}).get("labels") or {}


def _sidecars(spec: Mapping[str, Any]) -> list[str]:
    """Containers besides the operator's two; one of `spec.containers` with the name of such a one only changes it."""
    thanos = [_THANOS] if spec.get("thanos") is not None else []
    return [*thanos, *(str(each["name"]) for each in spec.get("containers") or ())]


def _volume(spec: Mapping[str, Any]) -> str:
    """The name that the claim's template has of its own; empty for none."""
    template = (spec.get("storage") or {}).get("volumeClaimTemplate") or {}
    return str((template.get("metadata") or {}).get("name") or "")


def _service(objects: Sequence[Object], name: str, spec: Mapping[str, Any]) -> tuple[str, int]:
    """The Service that leads to the server, and its port there; the operator's own if the chart has none that does."""
    own = (spec.get("podMetadata") or {}).get("labels") or {}
    labels = {
        **own,
        "app.kubernetes.io/name": "prometheus",
        "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/instance": name,
        "prometheus": name,
        NAME_LABEL: name,
    }
    leads = {str(PORT), str(spec.get("portName") or _PORT_NAME)}
    for each in objects:
        about = each.get("spec") or {}
        selector = about.get("selector") or {}
        if each.get("kind") == "Service" and selector and selector.items() <= labels.items():
            for port in about.get("ports") or ():
                if str(port.get("targetPort", port.get("port"))) in leads:
                    return str(each["metadata"]["name"]), int(port["port"])
    return str(spec.get("serviceName") or OPERATORS_SERVICE), PORT

"""The names of a Prometheus, found in the objects that a chart renders to: whatever values call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from promdrill.observe.server import POD_NAME, Server

_FLAG = re.compile(
    r"--?(storage\.tsdb\.path|config\.file|web\.route-prefix|web\.external-url|web\.listen-address)=(.*)"
)
_COMPONENTS = ("app.kubernetes.io/component", "component")
_KINDS = ("Deployment", "StatefulSet")
_PORT = 9090

Object = Mapping[str, Any]


def server_of(objects: Iterable[Object], usual: Server) -> Server:
    """The server among these objects; the usual one if there is none that could be it.

    Args:
        objects: The objects that a chart renders to.
        usual: The names where values change nothing.
    """
    listed = list(objects)
    for kind in _KINDS:
        for each in listed:
            if each.get("kind") == kind and (container := _prometheus(_spec(each))) is not None:
                return _named(each, container, listed, usual)
    return usual


def _named(workload: Object, container: Object, objects: Sequence[Object], usual: Server) -> Server:
    spec, name = _spec(workload), str(workload["metadata"]["name"])
    labels = {str(k): str(v) for k, v in (workload["spec"].get("selector") or {}).get("matchLabels", {}).items()}
    on_pods = {**((workload["spec"]["template"].get("metadata") or {}).get("labels") or {})}
    flags = _flags(container)
    port = _port(container, flags)
    service = _service(objects, on_pods, container, port)
    containers = spec.get("containers") or ()
    component = next((labels[key] for key in _COMPONENTS if key in labels), usual.component)
    return replace(
        usual,
        fullname=name,
        workload=str(workload["kind"]).lower(),
        container=str(container["name"]),
        reloader=_reloader(containers, container),
        containers=len(containers),
        component=component,
        labels=tuple(sorted(labels.items())),
        claim_name=_claim(workload, container, flags) or usual.claim,
        service_name=str(service["metadata"]["name"]) if service is not None else usual.service,
        port=_service_port(service, container, port) if service is not None else usual.port,
        pod_port=port,
        prefix=_prefix(flags),
        data=_mount(container, flags) or usual.data,
        ready_after_s=float((container.get("readinessProbe") or {}).get("initialDelaySeconds") or 0),
    )


def _spec(each: Object) -> Mapping[str, Any]:
    found = ((each.get("spec") or {}).get("template") or {}).get("spec")
    return found if isinstance(found, Mapping) else {}


def _prometheus(spec: Mapping[str, Any]) -> Object | None:
    """The container that runs Prometheus: it is told where its database and its configuration are."""
    for container in spec.get("containers") or ():
        flags = _flags(container)
        if "storage.tsdb.path" in flags and "config.file" in flags:
            found: Object = container
            return found
    return None


def _flags(container: Object) -> dict[str, str]:
    said = (str(each) for each in (*(container.get("command") or ()), *(container.get("args") or ())))
    return {match[1]: match[2] for each in said if (match := _FLAG.fullmatch(each))}


def _reloader(containers: Iterable[Object], server: Object) -> str:
    """The other container that is told to reload Prometheus, or is named after it; empty for none."""
    for container in containers:
        said = " ".join(map(str, (container.get("name"), container.get("image"), *(container.get("args") or ()))))
        if container is not server and re.search(r"reload", said):
            return str(container["name"])
    return ""


def _port(container: Object, flags: Mapping[str, str]) -> int:
    listens = flags.get("web.listen-address", "").rpartition(":")[2]
    ports = [int(each["containerPort"]) for each in container.get("ports") or ()]
    return int(listens) if listens.isdecimal() else next(iter(ports), _PORT)


def _service(objects: Sequence[Object], labels: Mapping[str, str], container: Object, port: int) -> Object | None:
    """The service that leads to the server's port, of any replica; one with an address of its own if there is one."""
    found = [
        each
        for each in objects
        if each.get("kind") == "Service"
        and (selector := (each["spec"].get("selector") or {}))
        and {key: value for key, value in selector.items() if key != POD_NAME}.items() <= labels.items()
        and any(_leads_to(one, container, port) for one in each["spec"].get("ports") or ())
    ]
    return min(found, key=lambda each: each["spec"].get("clusterIP") == "None", default=None)


def _service_port(service: Object, container: Object, port: int) -> int:
    return next(int(each["port"]) for each in service["spec"]["ports"] if _leads_to(each, container, port))


def _leads_to(port: Object, container: Object, number: int) -> bool:
    target = port.get("targetPort", port.get("port"))
    named = {each.get("name"): int(each["containerPort"]) for each in container.get("ports") or ()}
    return target == number or str(target) == str(number) or named.get(target) == number


def _claim(workload: Object, container: Object, flags: Mapping[str, str]) -> str:
    """The claim of the volume that the database is on."""
    mount = _mounted(container, flags)
    volume = str((mount or {}).get("name", ""))
    for each in _spec(workload).get("volumes") or ():
        if each.get("name") == volume and "persistentVolumeClaim" in each:
            return str(each["persistentVolumeClaim"]["claimName"])
    templates = [each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates") or ()]
    return f"{volume}-{workload['metadata']['name']}-0" if volume in templates else ""


def _mount(container: Object, flags: Mapping[str, str]) -> str:
    return str((_mounted(container, flags) or {}).get("mountPath", "")).rstrip("/")


def _mounted(container: Object, flags: Mapping[str, str]) -> Object | None:
    """The mount that the database is on: the longest path that its own begins with."""
    path = f"{flags['storage.tsdb.path'].rstrip('/')}/"
    mounts = [
        each
        for each in container.get("volumeMounts") or ()
        if path.startswith(f"{str(each.get('mountPath', '')).rstrip('/')}/")
    ]
    return max(mounts, key=lambda each: len(str(each["mountPath"])), default=None)


def _prefix(flags: Mapping[str, str]) -> str:
    """The path below which it answers: its own flag, else that of the address that it is told to have."""
    said = flags.get("web.route-prefix")
    path = urlsplit(flags.get("web.external-url", "")).path if said is None else said
    return path.rstrip("/")

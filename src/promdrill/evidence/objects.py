"""Objects as YAML, events as a table, and what kubectl describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from promdrill.cluster.storage import CLASSES
from promdrill.core.clock import Deadline
from promdrill.core.redact import dump, redact, redact_lines
from promdrill.evidence.sources import Collector, Sources
from promdrill.evidence.store import Artefact

LIST_S = 5.0
"""Seconds for one list: it takes milliseconds, or a try or two while an API server starts."""

DESCRIBE_S = 10.0
"""Seconds for one `kubectl describe`, which asks for the events of each object."""

_NAMESPACED = {
    "pods": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "services": "/api/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "configmaps": "/api/v1",
    "secrets": "/api/v1",
}
_NONE = "# none\n"


def collectors() -> tuple[Collector, ...]:
    """One collector for each kind of object, and one for each kind that is described."""
    return (
        *(_kind(plural, group) for plural, group in _NAMESPACED.items()),
        Collector("persistentvolumes", LIST_S, lambda s, d: [_file("persistentvolumes", s.volumes(d))]),
        Collector("storageclass", LIST_S, lambda s, d: [_file("storageclass", _class(s, d))]),
        Collector("events", LIST_S, _events),
        Collector("describe-pods", DESCRIBE_S, lambda s, d: [_described("pods", s, d)]),
        Collector("describe-persistentvolumeclaims", DESCRIBE_S, lambda s, d: [_described(_CLAIMS, s, d)]),
        Collector("describe-persistentvolumes", DESCRIBE_S, _describe_volumes),
    )


_CLAIMS = "persistentvolumeclaims"


def _kind(plural: str, group: str) -> Collector:
    def gather(sources: Sources, deadline: Deadline) -> Iterable[Artefact]:
        return [_file(plural, sources.items(f"{group}/namespaces/{sources.namespace}/{plural}", deadline))]

    return Collector(plural, LIST_S, gather)


def _class(sources: Sources, deadline: Deadline) -> list[dict[str, Any]]:
    """The drill's storage class, which is named after its namespace."""
    return [c for c in sources.items(CLASSES, deadline) if c["metadata"]["name"] == sources.namespace]


def _file(name: str, objects: Sequence[Mapping[str, Any]]) -> Artefact:
    return Artefact(f"{name}.yaml", dump([redact(_tidy(obj)) for obj in objects]) or _NONE)


def _tidy(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object without managedFields, as kubectl shows it."""
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}


def _events(sources: Sources, deadline: Deadline) -> Iterator[Artefact]:
    events = sorted(sources.items(f"/api/v1/namespaces/{sources.namespace}/events", deadline), key=_last)
    yield Artefact("events.txt", redact_lines("".join(f"{_line(event)}\n" for event in events)) or _NONE, cut=True)
    yield _file("events", events)


def _last(event: Mapping[str, Any]) -> str:
    """When the event was last seen, in RFC 3339."""
    series = event.get("series") or {}
    times = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    return str(next((time for time in times if time), event["metadata"].get("creationTimestamp") or ""))


def _line(event: Mapping[str, Any]) -> str:
    about = event.get("involvedObject") or {}
    count = event.get("count") or (event.get("series") or {}).get("count") or 1
    place = f"{about.get('kind', '')}/{about.get('name', '')}"
    message = " ".join(str(event.get("message") or "").split())
    return f"{_last(event)}  {event.get('type', ''):<7}  {event.get('reason', ''):<24}  {place}  x{count}  {message}"


def _describe_volumes(sources: Sources, deadline: Deadline) -> list[Artefact]:
    names = [str(volume["metadata"]["name"]) for volume in sources.volumes(deadline)]
    return [_described("persistentvolumes", sources, deadline, *names)] if names else []


def _described(plural: str, sources: Sources, deadline: Deadline, *names: str) -> Artefact:
    text = sources.kubectl("describe", plural, *names, deadline=deadline)
    return Artefact(f"describe-{plural}.txt", redact_lines(text), cut=True)

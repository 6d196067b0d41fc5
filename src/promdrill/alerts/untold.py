"""Why nobody was told of an alert, in Alertmanager's own words: what its API says, with the user's routes beside it.

The answer is that of ``GET /api/v2/alerts/groups``, which has the time intervals that mute a group (from 0.28 on); that
of ``/api/v2/alerts`` is read too, and never has them. The fields are those of api/v2/openapi.yaml, 0.26 to 0.33.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promdrill.alerts.alertmanager import Configuration, Muting
from promdrill.core.alerts import GONE, INHIBITED_BY, OWN_LABELS


@dataclass(frozen=True, slots=True)
class Routed:
    """What Alertmanager says of one alert.

    Attributes:
        labels: Its labels, as Alertmanager has them.
        receivers: The receivers to which its routes lead, each once.
        untold: Why nobody is told, a sentence each; empty if somebody is.
    """

    labels: Mapping[str, str] = field(hash=False)
    receivers: tuple[str, ...]
    untold: tuple[str, ...]


def routed(answer: Sequence[Mapping[str, Any]], configuration: Configuration) -> tuple[Routed, ...]:
    """What Alertmanager says of each of its alerts.

    Args:
        answer: What its API said: groups with alerts, or alerts.
        configuration: The configuration that it has.
    """
    ways: dict[str, list[_Way]] = {}
    for way in _ways(answer):
        ways.setdefault(way.alert["fingerprint"], []).append(way)
    names = {fingerprint: said(each[0].alert["labels"]) for fingerprint, each in ways.items()}
    return tuple(
        Routed(
            each[0].alert["labels"],
            tuple(dict.fromkeys(way.receiver for way in each)),
            _untold(each, names, configuration),
        )
        for each in ways.values()
    )


def said(labels: Mapping[str, str]) -> str:
    """An alert in words, without the labels that promdrill added: ``VolumeFull{volume="data"}``."""
    shown = (f'{name}="{value}"' for name, value in sorted(labels.items()) if name not in {"alertname", *OWN_LABELS})
    return f"{labels.get('alertname', '')}{{{', '.join(shown)}}}"


@dataclass(frozen=True, slots=True)
class _Way:
    """An alert on its way to one receiver."""

    alert: Mapping[str, Any]
    receiver: str


def _ways(answer: Sequence[Mapping[str, Any]]) -> Iterator[_Way]:
    for each in answer:
        if "alerts" in each:
            yield from (_Way(alert, each["receiver"]["name"]) for alert in each["alerts"])
        else:
            yield from (_Way(each, receiver["name"]) for receiver in each["receivers"])


def _untold(ways: Sequence[_Way], names: Mapping[str, str], configuration: Configuration) -> tuple[str, ...]:
    found: list[str] = []
    for way in ways:
        why = [*_why(way, names, configuration)]
        if not why:
            return ()
        found += why
    return tuple(dict.fromkeys(found))


def _why(way: _Way, names: Mapping[str, str], configuration: Configuration) -> Iterator[str]:
    """Why an alert does not get to one receiver."""
    status = way.alert["status"]
    for fingerprint in status.get("inhibitedBy", ()):
        yield f"{INHIBITED_BY}{names.get(fingerprint, f'{GONE} ({fingerprint})')}"
    for silence in status.get("silencedBy", ()):
        yield f"silenced by {silence}"
    muted = status.get("mutedBy", ())
    if muted:
        yield from _muted(muted, way.receiver, configuration)
    if not configuration.reaches_somebody(way.receiver):
        yield f"its receiver {way.receiver!r} tells nobody"


def _muted(names: Sequence[str], receiver: str, configuration: Configuration) -> Iterator[str]:
    """In words which route is silent now; Alertmanager says the intervals and not the route."""
    routes = [each for each in configuration.mutings if each.receiver == receiver]
    for each in routes:
        if named := [name for name in each.mute if name in names]:
            yield f"muted by {_intervals(named)} at {_at(each)}"
        elif each.active and set(each.active) == set(names):
            yield f"not within {_intervals(each.active)}, when alone {_at(each)} tells somebody"
    if not any({*each.mute, *each.active} & {*names} for each in routes):
        yield f"muted by {_intervals(names)}"


def _at(route: Muting) -> str:
    return f"route {route.route} ({route.place})"


def _intervals(names: Sequence[str]) -> str:
    quoted = " and ".join(f"{name!r}" for name in dict.fromkeys(names))
    return f"time interval{'s' if len({*names}) > 1 else ''} {quoted}"

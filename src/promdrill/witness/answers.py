"""What Prometheus and Alertmanager answer about alerts, read into promdrill's own terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promdrill.core.alerts import DRILL_LABEL, AlertState, Evaluator
from promdrill.witness.files import evaluator, is_of, own

ALERTS = "/api/v1/alerts"
"""Prometheus' page of the alerts that are pending or fire."""

RULES = "/api/v1/rules?type=alert"
"""Prometheus' page of its alerting rules, with what kept one from being evaluated."""

GROUPS = "/api/v2/alerts/groups"
"""Alertmanager's page of its alerts, with what keeps it from telling somebody."""

_SAID = ("summary", "description", "message")


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert as a Prometheus has it now.

    Attributes:
        alert: Its rule's name.
        labels: Its labels, as people see them.
        state: `AlertState.PENDING` or `AlertState.FIRING`.
        active: Since when its expression is true, UTC; None if the answer does not say so.
        value: The value of its expression.
        summary: As in `promdrill.core.alerts.Alert`.
    """

    alert: str
    labels: Mapping[str, str]
    state: AlertState
    active: datetime | None
    value: str
    summary: str

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from others of the same Prometheus."""
        return (self.alert, *(part for pair in sorted(self.labels.items()) for part in pair))


def alerts(body: Any, drill: str) -> dict[tuple[str, ...], Seen]:
    """The alerts of one drill in an answer to `ALERTS`, by their keys.

    Args:
        body: The answer's JSON.
        drill: The drill's namespace.

    Raises:
        KeyError: It is no such answer; TypeError and ValueError likewise.
    """
    found = {}
    for each in body["data"]["alerts"]:
        labels = each["labels"]
        if not is_of(labels, drill):
            continue
        said = each.get("annotations") or {}
        seen = Seen(
            alert=str(labels["alertname"]),
            labels=own(labels),
            state=AlertState(each["state"]),
            active=datetime.fromisoformat(each["activeAt"]) if each.get("activeAt") else None,
            value=str(each.get("value", "")),
            summary=next((str(said[name]) for name in _SAID if said.get(name)), ""),
        )
        found[seen.key] = seen
    return found


def errors(body: Any, drill: str) -> dict[str, str]:
    """What kept the rules of one drill from being evaluated, by their names, in an answer to `RULES`.

    Args:
        body: The answer's JSON.
        drill: The drill's namespace.

    Raises:
        KeyError: It is no such answer; TypeError likewise.
    """
    return {
        str(rule["name"]): str(rule["lastError"])
        for group in body["data"]["groups"]
        for rule in group["rules"]
        if rule.get("lastError") and (rule.get("labels") or {}).get(DRILL_LABEL) == drill
    }


@dataclass(frozen=True, slots=True)
class Notified:
    """One alert in a notification.

    Attributes:
        alert: Its rule's name.
        labels: Its labels, as people see them.
        evaluator: Which Prometheus sent it.
        receiver: The receiver's name.
        resolved: Whether it is resolved.
        sent: When the receiver got it, UTC.
    """

    alert: str
    labels: Mapping[str, str]
    evaluator: Evaluator
    receiver: str
    resolved: bool
    sent: datetime


def notified(line: Any, drill: str) -> Iterator[Notified]:
    """The alerts of one drill in a notification, as the receiver writes it down.

    Args:
        line: The line's JSON.
        drill: The drill's namespace.

    Raises:
        KeyError: It is no notification; TypeError and ValueError likewise.
    """
    for each in line["alerts"]:
        labels = each["labels"]
        if is_of(labels, drill):
            yield Notified(
                alert=str(labels["alertname"]),
                labels=own(labels),
                evaluator=evaluator(labels),
                receiver=str(line["receiver"]),
                resolved=each["status"] == "resolved",
                sent=datetime.fromisoformat(line["sent"]),
            )

"""What one rule's alerts did in a drill, and why one did not fire.

An alert that fired before the fault is a false alarm, and says nothing of the incident when it goes on firing. Nor does
one that was pending when the fault came: its expression was true without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from promdrill.core.alerts import SEVERITY, Alert, AlertAccount, AlertRule, Evaluator, rules_named
from promdrill.results.words import span

NEVER_TRUE = "its expression was never true"
"""The reason where nothing else is known."""

_PART = 0.001
"""Seconds below which two measured times are the same: they are recorded in milliseconds."""


def anew_s(alert: Alert) -> float | None:
    """When an alert fired for the first time, in seconds as measured since the fault.

    None if it never did, or if its expression was true without the fault.
    """
    if not alert.firing or alert.fired_at_baseline or alert.pending_at_fault:
        return None
    return alert.firing[0].began_s


def pending_s(alerts: Iterable[Alert], ended_s: float | None) -> float:
    """The longest time for which one of these alerts was pending, in seconds as measured.

    Args:
        alerts: The alerts.
        ended_s: When alerts were no longer watched.
    """
    periods = [period for alert in alerts for period in alert.pending]
    lasted = ((ended_s if each.ended_s is None else each.ended_s, each.began_s) for each in periods)
    return max((end_s - began_s for end_s, began_s in lasted if end_s is not None), default=0.0)


def stood_s(account: AlertAccount) -> float | None:
    """How long the incident stood, in seconds as measured: from the fault to recovery, or to the drill's end."""
    moments = account.moments
    return moments.ended_s if moments.recovered_s is None else moments.recovered_s


def why_silent(
    account: AlertAccount, alert: str, evaluators: Collection[Evaluator], severity: str | None = None
) -> str:
    """Why an alert did not fire, as far as is known; in words that may follow "it did not fire; ".

    Args:
        account: The drill's alerts, among which it did not fire after the fault.
        alert: Its rule's name.
        evaluators: Whose word counts.
        severity: As for `promdrill.core.alerts.rules_named`.
    """
    rules = rules_named(account.rules, alert, severity)
    if not rules:
        return "no rule has that name"
    seen = [each for each in account.alerts if each.alert == alert and each.evaluator in evaluators]
    seen = [each for each in seen if severity is None or each.labels.get(SEVERITY, "") == severity]
    return "; ".join(_reasons(account, rules, seen, evaluators))


def _reasons(
    account: AlertAccount, rules: Collection[AlertRule], seen: Collection[Alert], evaluators: Collection[Evaluator]
) -> Iterator[str]:
    errors = dict.fromkeys(rule.error for rule in rules if rule.error)
    if account.not_inside and set(evaluators) == {Evaluator.INSIDE}:
        yield f"the drilled Prometheus did not evaluate the rules: {account.not_inside}"
    elif any(each.fired_at_baseline for each in seen):
        yield "it had fired before the fault already"
    elif any(each.firing for each in seen):
        yield "it was pending when the fault came, so its expression was true without it"
    elif errors:
        yield from (f"its rule could not be evaluated: {error}" for error in errors)
    elif any(each.pending for each in seen):
        yield from _pending(account, rules, seen)
    elif unknown := dict.fromkeys(name for rule in rules for name in rule.unknown_metrics):
        yield f"it reads {', '.join(unknown)}, of which nothing is stored"
    else:
        yield NEVER_TRUE
    if account.unknown:
        yield f"alerts could not be watched to the end: {account.unknown}"


def _pending(account: AlertAccount, rules: Collection[AlertRule], seen: Collection[Alert]) -> Iterator[str]:
    """How long it was pending, and what it would have taken."""
    waited_s = pending_s(seen, account.moments.ended_s)
    needed_s, stood = min(rule.for_s for rule in rules), stood_s(account)
    yield f"it was pending for {span(waited_s * account.speed)}"
    if stood is not None and needed_s > stood * account.speed + _PART:
        yield f"its `for` is {span(needed_s)}, and the incident stood for {span(stood * account.speed)}"
    elif any(period.ended_s is None for each in seen for period in each.pending):
        yield f"its `for` is {span(needed_s)}, and the drill ended before"
    else:
        yield f"its `for` is {span(needed_s)}, and its expression was no longer true before that"

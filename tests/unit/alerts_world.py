"""Alerts of drills: rules, what they did, and the drills that they were in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.unit.compare_world import drill

from promdrill.core.alerts import Alert, AlertAccount, AlertMoments, AlertRule, Evaluator, Period
from promdrill.core.model import DrillResult

SPEED = 30.0
"""One second of the drill stands for half a minute of the operator's."""

OFF_BY_S = 1.0

MOMENTS = AlertMoments(
    baseline_s=-10.0, first_lost_s=2.0, crashed_s=30.0, signature_s=8.0, remedied_s=40.0, recovered_s=44.0, ended_s=60.0
)
"""A drill whose volume is full at 2 s, whose server crashes at 30 s, and that is over at 60 s."""

FULL = "KubePersistentVolumeFillingUp"
LOOPS = "KubePodCrashLooping"
BEATS = "Watchdog"


def rule(alert: str = FULL, **fields: Any) -> AlertRule:
    """A rule with everything that a rule should have, unless `fields` say something else."""
    whole: dict[str, Any] = {"evaluators": tuple(Evaluator), "for_s": 60.0, "severity": "critical"}
    whole |= {"runbook_url": "https://example.com/full", "place": "rules.yaml:3"}
    return AlertRule(alert=alert, **(whole | fields))


def periods(*pairs: tuple[float, float | None]) -> tuple[Period, ...]:
    """Times that something lasted, as (began, ended)."""
    return tuple(Period(began_s=began_s, ended_s=ended_s) for began_s, ended_s in pairs)


def alert(
    name: str = FULL,
    firing: Sequence[tuple[float, float | None]] = ((4.0, 50.0),),
    pending: Sequence[tuple[float, float | None]] = (),
    **fields: Any,
) -> Alert:
    """An alert of the witness, of which the receiver `pager` was told as soon as it fired, unless `fields` say more."""
    whole: dict[str, Any] = {"labels": {"namespace": "n", "severity": "critical"}, "evaluator": Evaluator.WITNESS}
    whole |= {"summary": "It fills.", "notified_s": firing[0][0] if firing else None}
    whole |= {"receivers": ("pager",) if firing else ()}
    return Alert(alert=name, firing=periods(*firing), pending=periods(*pending), **(whole | fields))


def muted(why: str = "inhibited by X", name: str = FULL, **fields: Any) -> Alert:
    """An alert that fired, and of which nobody was told."""
    return alert(name, **{"notified_s": None, "receivers": (), "muted_by": (why,), **fields})


def account(*alerts: Alert, rules: Sequence[AlertRule] | None = None, **fields: Any) -> AlertAccount:
    """The alerts of a drill, with a rule for each, unless `fields` say something else."""
    made = [rule(name) for name in dict.fromkeys(each.alert for each in alerts)] if rules is None else rules
    whole: dict[str, Any] = {"speed": SPEED, "off_by_s": OFF_BY_S, "moments": MOMENTS, "rules": tuple(made)}
    return AlertAccount(alerts=alerts, **(whole | fields))


def moments(**fields: Any) -> AlertMoments:
    """The usual moments, but for these."""
    return replace(MOMENTS, **fields)


def alerted(scenario: str = "disk-full", *alerts: Alert, **fields: Any) -> DrillResult:
    """A drill that passed, with these alerts."""
    return drill(scenario, alerts=account(*alerts, **fields))

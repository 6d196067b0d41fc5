"""The records of alerts in a drill: which there were, when, who evaluated them, and what became of them.

Moments are seconds as they were measured since the fault began, so what came before it is negative. A fault that grows
(GROWTH) begins with its first byte. Where rules are scaled, a second stands for `AlertAccount.speed` seconds of the
operator's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

DRILL_LABEL = "promdrill_drill"
"""Label of series and alerts with the namespace of the drill that they belong to; empty for what drills share."""

EVALUATOR_LABEL = "promdrill_evaluator"
"""Label of alerts with which Prometheus evaluated them: an `Evaluator`."""

OWN_LABELS = (DRILL_LABEL, EVALUATOR_LABEL)
"""Labels that promdrill adds, and takes off before anybody sees an alert."""


class Evaluator(StrEnum):
    """Which Prometheus evaluates a rule.

    `INSIDE`: the drilled one. `WITNESS`: the one beside it, which the fault does not touch.
    """

    INSIDE = "inside"
    WITNESS = "witness"


class AlertState(StrEnum):
    """The state of an alert, in Prometheus' words (its `/api/v1/rules`)."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """An alerting rule, as it was loaded.

    Attributes:
        alert: Its name.
        evaluators: The Prometheus that had it.
        for_s: Its `for` in seconds, as its author wrote it.
        severity: Its label of that name; empty for none.
        runbook_url: Its annotation of that name; empty for none.
        place: Where it is written: ``rules.yaml:12``.
        unscaled: What in it could not be scaled, and why, a sentence each.
        unknown_metrics: Names in its expression of which the witness has never seen a series.
        error: Why it could not be evaluated, or a template not be expanded, in Prometheus' words; empty if it could.
        reads_series: Whether its expression asks for series; that of a dead man's switch does not.
    """

    alert: str
    evaluators: tuple[Evaluator, ...] = ()
    for_s: float = 0.0
    severity: str = ""
    runbook_url: str = ""
    place: str = ""
    unscaled: tuple[str, ...] = ()
    unknown_metrics: tuple[str, ...] = ()
    error: str = ""
    reads_series: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """How long something lasted.

    Attributes:
        began_s: When it began.
        ended_s: When it ended; None if it had not by the end of the drill.
    """

    began_s: float
    ended_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert: a rule and one set of labels, in one Prometheus.

    Attributes:
        alert: The rule's name.
        labels: Its labels, without the name and without those that promdrill added.
        evaluator: Which Prometheus had it.
        pending: When it was pending.
        firing: When it fired.
        value: The value of its expression when it was first seen to fire, or, if it never did, when it was pending.
        summary: Its annotation `summary`, or else `description` or `message`, expanded; empty for none.
        notified_s: When its first notification reached the receiver; None for never.
        notified_resolved_s: When the last notification that it is resolved did; None for never.
        receivers: Names of the receivers that were notified.
        muted_by: Why nobody was notified, a sentence each: an inhibition, a time interval, a receiver that tells none.
    """

    alert: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    evaluator: Evaluator
    pending: tuple[Period, ...] = ()
    firing: tuple[Period, ...] = ()
    value: str = ""
    summary: str = ""
    notified_s: float | None = None
    notified_resolved_s: float | None = None
    receivers: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()

    @property
    def fired_s(self) -> float | None:
        """When it first fired at or after the fault, also if it had begun before; None for never."""
        after = [each for each in self.firing if each.ended_s is None or each.ended_s > 0]
        return max(0.0, after[0].began_s) if after else None

    @property
    def fired_at_baseline(self) -> bool:
        """Whether it fired before the fault: a false alarm."""
        return any(each.began_s < 0 for each in self.firing)

    @property
    def pending_at_fault(self) -> bool:
        """Whether it was pending when the fault came: its expression was true without it."""
        return any(each.began_s < 0 and (each.ended_s is None or each.ended_s > 0) for each in self.pending)

    @property
    def still_fires(self) -> bool:
        """Whether it fired at the end of the drill."""
        return any(each.ended_s is None for each in self.firing)

    @property
    def resolved_s(self) -> float | None:
        """When it fired for the last time; None if it never did, or still does."""
        return None if self.still_fires else max((each.ended_s or 0.0 for each in self.firing), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMoments:
    """The moments to which alerts are compared; None for what did not happen.

    Attributes:
        baseline_s: When the baseline had been proven; what was over by then is left out. Not above zero.
        full_s: When a fault that grows had its full effect; None also for one that took effect at once.
        first_lost_s: When the last sample before the longest gap was stored; a gap that the remedy made does not count.
        crashed_s: When the server's container first ended, or was gone, after the fault and before the remedy.
        signature_s: When the whole signature was seen.
        remedied_s: When the runbook had been carried out.
        recovered_s: When recovery was proven.
        ended_s: When alerts were no longer watched.
    """

    baseline_s: float | None = None
    full_s: float | None = None
    first_lost_s: float | None = None
    crashed_s: float | None = None
    signature_s: float | None = None
    remedied_s: float | None = None
    recovered_s: float | None = None
    ended_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What became of an expectation of alerts.toml, or of a runbook's front matter.

    Attributes:
        text: The expectation, in words.
        met: Whether it was met.
        why: Why not; empty if it was.
        place: Where it is written: ``alerts.toml:7`` or ``runbook.md:7``.
    """

    text: str
    met: bool
    why: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAccount:
    """The alerts of one drill.

    Attributes:
        speed: How many seconds of the operator's one second of the drill stands for; 1 if rules are as written.
        off_by_s: How many seconds, as measured, a moment may be off: an evaluation, and the time between two looks.
        moments: What alerts are compared to.
        rules: The alerting rules.
        alerts: All alerts that were pending or fired.
        not_inside: Why the drilled Prometheus did not evaluate the rules, in one sentence; empty if it did.
        unknown: Why alerts could not be watched to the end, in one sentence; empty if they were.
        expected: What became of each expectation that is about this drill.
    """

    speed: float = 1.0
    off_by_s: float = 0.0
    moments: AlertMoments = AlertMoments()
    rules: tuple[AlertRule, ...] = ()
    alerts: tuple[Alert, ...] = ()
    not_inside: str = ""
    unknown: str = ""
    expected: tuple[Expected, ...] = ()


INHIBITED_BY = "inhibited by "
"""How a reason in `Alert.muted_by` begins that is an inhibition; the alert that inhibits follows, or `GONE`."""

GONE = "an alert that is gone"
"""What stands in place of an alert that inhibits and that Alertmanager no longer lists."""


def may_inhibit(alert: str, severity: str, why: str) -> bool:
    """Whether a reason in `Alert.muted_by` is an inhibition by an alert, or may be: by one that was gone.

    Args:
        alert: The name of the alert that may inhibit.
        severity: Its label `SEVERITY`; empty for none.
        why: The reason.
    """
    by = why.removeprefix(INHIBITED_BY)
    if by == why:
        return False
    named = by.startswith(f"{alert}{{") and (not severity or f'{SEVERITY}="{severity}"' in by)
    return named or by.startswith(GONE)


SEVERITY = "severity"
"""The label by which rules of the same name differ: kube-prometheus-stack has several such pairs."""


def rules_named(rules: Sequence[AlertRule], alert: str, severity: str | None = None) -> tuple[AlertRule, ...]:
    """The rules of that name; of several, those of that severity if there are any.

    Args:
        rules: All rules.
        alert: The name.
        severity: The label `SEVERITY` of the alert that is meant; None for any.
    """
    named = tuple(rule for rule in rules if rule.alert == alert)
    return tuple(rule for rule in named if rule.severity == severity) or named

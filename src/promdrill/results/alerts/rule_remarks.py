"""What there is to say about the rules of a run: those that never fired, and what their authors can mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from promdrill.core.alerts import SEVERITY, Alert, AlertAccount, AlertRule, Evaluator, rules_named
from promdrill.results.alerts.seen import NEVER_TRUE, why_silent

_TROUBLE = "<error expanding template"
"""What Prometheus writes in place of a template that it cannot expand (its rules/alerting.go)."""


@dataclass(frozen=True, slots=True)
class RuleRemark:
    """Something about a rule.

    Attributes:
        alert: Its alert's name.
        place: Where it is written.
        what: What there is to say.
    """

    alert: str
    place: str
    what: str


_RuleKey = tuple[str, str, str, float]


def _key(rule: AlertRule) -> _RuleKey:
    """What tells a rule from others, in each drill in which it was loaded."""
    return rule.alert, rule.severity, rule.place, rule.for_s


def each_rule(accounts: Iterable[AlertAccount]) -> dict[_RuleKey, AlertRule]:
    """The rules of a run, as they were in the last drill that had them."""
    return {_key(rule): rule for account in accounts for rule in account.rules}


def _firing(accounts: Iterable[AlertAccount]) -> dict[_RuleKey, list[Alert]]:
    """The alerts that fired in any drill, by the rules that may have made them."""
    found: dict[_RuleKey, list[Alert]] = {}
    for account in accounts:
        for each in account.alerts:
            for rule in rules_named(account.rules, each.alert, each.labels.get(SEVERITY, "")) if each.firing else ():
                found.setdefault(_key(rule), []).append(each)
    return found


def unused(accounts: Sequence[AlertAccount]) -> Iterator[RuleRemark]:
    """The rules that fired in no drill, with the reason of the drill that says most."""
    fired, keys = _firing(accounts), [{_key(rule) for rule in account.rules} for account in accounts]
    for key, rule in each_rule(accounts).items():
        if key not in fired:
            having = [account for account, own in zip(accounts, keys, strict=True) if key in own]
            said = dict.fromkeys(why_silent(account, rule.alert, tuple(Evaluator), rule.severity) for account in having)
            yield RuleRemark(rule.alert, rule.place, max(said, key=lambda why: why != NEVER_TRUE))


def remarks(accounts: Sequence[AlertAccount]) -> Iterator[RuleRemark]:
    """What is wrong with rules, as far as their author can mend it."""
    fired = _firing(accounts)
    for key, rule in each_rule(accounts).items():
        seen = fired.get(key, [])
        said = {
            "no runbook_url": not rule.runbook_url,
            "no summary, description or message": any(not each.summary for each in seen),
            "a template could not be expanded": any(_unexpanded(each) for each in seen),
            rule.error: bool(rule.error and seen),
            **{f"not scaled: {why}": True for why in rule.unscaled},
        }
        yield from (RuleRemark(rule.alert, rule.place, what) for what, holds in said.items() if holds)


def _unexpanded(each: Alert) -> bool:
    """Whether a label or the summary has what Prometheus writes for a template that fails."""
    return any(_TROUBLE in text for text in (each.summary, *each.labels.values()))

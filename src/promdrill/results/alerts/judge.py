"""What became of the expectations of alerts.toml, and of a runbook's front matter, in one drill.

What is not known is not met: a moment that did not come, alerts that could not be watched, a rule that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from promdrill.core.alerts import Alert, AlertAccount, Evaluator, Expected, rules_named
from promdrill.results.alerts.expectations import Expectation, SeenBy
from promdrill.results.alerts.marks import ABSENT, FROM, NAMES, Mark, at_s, off_s, placed
from promdrill.results.alerts.seen import anew_s, why_silent
from promdrill.results.words import count, span


def judged(expectations: Iterable[Expectation], scenario: str, account: AlertAccount | None) -> tuple[Expected, ...]:
    """What became of those expectations that are about a scenario.

    Args:
        expectations: What is expected.
        scenario: The scenario that was drilled.
        account: The alerts of the drill; None if none were watched, which meets no expectation.
    """
    return tuple(_judged(each, account) for each in expectations if each.about(scenario))


def shortfall(expected: Sequence[Expected]) -> str | None:
    """Why a drill fails because of its alerts, in one sentence that begins with the reason; None if it does not."""
    missed = [each for each in expected if not each.met]
    if not missed:
        return None
    more = len(missed) - 1
    others = f"; {count(more, 'more expectation')} {'is' if more == 1 else 'are'} not met" if more else ""
    place = f" ({missed[0].place})" if missed[0].place else ""
    return f"{missed[0].why}{place}{others}"


def words(each: Expectation) -> str:
    """An expectation in words: ``X fires within 2 min after the fault, is resolved within 5 min after recovery``."""
    if each.must_not_fire:
        return f"{each.alert} does not fire{_by(each)}"
    parts = [f"{each.alert}, if it fires" if each.only_if_fired else f"{each.alert} fires{_limit(each)}{_by(each)}"]
    if each.resolve_within_s is not None:
        parts.append(f"is resolved within {span(each.resolve_within_s)} after {NAMES[Mark.RECOVERY]}")
    if each.notify:
        parts.append(f"notifies {each.notify}")
    return ", ".join(parts)


def _judged(each: Expectation, account: AlertAccount | None) -> Expected:
    if account is None:
        why = f"{each.alert}: its alerts were not watched"
    else:
        case = _Case.of(each, account)
        why = "; ".join(_silence(case) if each.must_not_fire else _told(case))
    return Expected(text=words(each), met=not why, why=why, place=each.place)


@dataclass(frozen=True, slots=True)
class _Case:
    """An expectation and what the drill showed of it.

    Attributes:
        each: The expectation.
        account: The drill's alerts.
        series: The alerts of that name, as those saw it whose word counts.
        anew: Those of them that fired, and had not before the fault.
        fired_s: When the first of them did, in seconds as measured since the fault; None for never.
    """

    each: Expectation
    account: AlertAccount
    series: tuple[Alert, ...]
    anew: tuple[Alert, ...]
    fired_s: float | None

    @classmethod
    def of(cls, each: Expectation, account: AlertAccount) -> _Case:
        """What a drill showed of an expectation."""
        series = _series(account, each.alert, each.seen_by.evaluators)
        anew = tuple(alert for alert in series if anew_s(alert) is not None)
        times = [at for alert in anew if (at := anew_s(alert)) is not None]
        return cls(each, account, series, anew, min(times, default=None))

    def place(self, at_measured_s: float, mark: Mark, relative_to_s: float = 0.0) -> str:
        """A measured moment, relative to another, in words."""
        account = self.account
        return placed((at_measured_s - relative_to_s) * account.speed, mark, off_s(account))


def _series(account: AlertAccount, alert: str, evaluators: Iterable[Evaluator]) -> tuple[Alert, ...]:
    wanted = set(evaluators)
    return tuple(each for each in account.alerts if each.alert == alert and each.evaluator in wanted)


# --- an alert that must not fire -------------------------------------------------------------------------------------


def _silence(case: _Case) -> Iterator[str]:
    each = case.each
    fired = [period.began_s for alert in case.series for period in alert.firing]
    if fired:
        when = "before the fault" if min(fired) < 0 else case.place(min(fired), Mark.FAULT)
        yield f"{each.alert} fired {when}, and must not"
        return
    why = _not_judged(case)
    if why:
        yield f"it is not known whether {each.alert} would have fired: {why}"


def _not_judged(case: _Case) -> str:
    """Why it says nothing that an alert did not fire; empty if it does say something."""
    each, account = case.each, case.account
    rules = rules_named(account.rules, each.alert)
    error = next((rule.error for rule in rules if rule.error), "")
    if not rules:
        return "no rule has that name"
    if error:
        return f"its rule could not be evaluated: {error}"
    if account.not_inside and each.seen_by is SeenBy.INSIDE:
        return f"the drilled Prometheus did not evaluate the rules: {account.not_inside}"
    if account.unknown:
        return _unwatched(account)
    needed_s, watched_s = min(rule.for_s for rule in rules), _watched_s(account)
    if any(alert.pending for alert in case.series) and watched_s is not None and needed_s > watched_s:
        return f"it was pending, and its `for` is {span(needed_s)}, but alerts were watched for {span(watched_s)}"
    return ""


def _unwatched(account: AlertAccount) -> str:
    return f"alerts could not be watched to the end: {account.unknown}"


def _watched_s(account: AlertAccount) -> float | None:
    """How long alerts were watched, in seconds of the operator's; None if unknown."""
    began_s, ended_s = account.moments.baseline_s, account.moments.ended_s
    return None if ended_s is None else (ended_s - (began_s or 0.0)) * account.speed


# --- an alert that must fire -----------------------------------------------------------------------------------------


def _told(case: _Case) -> Iterator[str]:
    """What an alert that must fire lacks: each shortfall in one sentence."""
    late = "" if case.each.only_if_fired else _lateness(case)
    if late:
        yield f"{case.each.alert} {late}"
    if case.fired_s is None:
        if case.each.only_if_fired and case.account.unknown:
            yield f"it is not known whether {case.each.alert} fired: {_unwatched(case.account)}"
        return
    for why in (_unresolved(case), _not_notified(case)):
        if why:
            yield why if late else f"{case.each.alert} {why}"


def _lateness(case: _Case) -> str:
    """Why it did not fire in time; empty if it did."""
    each, account = case.each, case.account
    missed = f"did not fire{_limit(each)}{_by(each)}"
    mark_s = None if each.mark is None else at_s(account.moments, each.mark)
    if case.fired_s is None:
        return f"{missed}; {_why_not(case)}"
    if each.mark is None or each.within_s is None:
        return ""
    if mark_s is None:
        when = case.place(case.fired_s, Mark.FAULT)
        return f"fired {when}, but it is not known whether in time: {ABSENT[each.mark]}"
    after_s = round((case.fired_s - mark_s) * account.speed, 3)
    if after_s <= (-each.within_s if each.before else each.within_s):
        return ""
    return f"{missed}; it fired {case.place(case.fired_s, each.mark, mark_s)}"


def _why_not(case: _Case) -> str:
    """Why it did not fire where it had to, and whether the other Prometheus saw it fire."""
    each, account = case.each, case.account
    why = why_silent(account, each.alert, each.seen_by.evaluators)
    others = set(Evaluator) - set(each.seen_by.evaluators)
    elsewhere = [
        (at, alert.evaluator) for alert in _series(account, each.alert, others) if (at := anew_s(alert)) is not None
    ]
    if not elsewhere:
        return why
    at, evaluator = min(elsewhere)
    return f"{why}; from {FROM[evaluator]} it fired {case.place(at, Mark.FAULT)}"


def _unresolved(case: _Case) -> str:
    """Why it is not resolved in time; empty if it is, or need not be."""
    each, account = case.each, case.account
    if each.resolve_within_s is None:
        return ""
    recovered_s, ended_s = account.moments.recovered_s, account.moments.ended_s
    missed = f"was not resolved within {span(each.resolve_within_s)} after {NAMES[Mark.RECOVERY]}"
    if recovered_s is None:
        return f"{missed}; {ABSENT[Mark.RECOVERY]}"
    ends = [alert.resolved_s for alert in case.anew]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        still = "" if ended_s is None else f" {case.place(ended_s, Mark.RECOVERY, recovered_s)}, when the drill ended"
        return f"{missed}; it still fired{still}"
    after_s = round((max(known) - recovered_s) * account.speed, 3)
    if after_s <= each.resolve_within_s:
        return ""
    return f"{missed}; it was {case.place(max(known), Mark.RECOVERY, recovered_s)}"


def _not_notified(case: _Case) -> str:
    """Why its receiver was not notified; empty if it was, or need not be."""
    receiver = case.each.notify
    notified = dict.fromkeys(name for alert in case.anew for name in alert.receivers)
    if not receiver or receiver in notified:
        return ""
    muted = dict.fromkeys(why for alert in case.anew for why in alert.muted_by)
    others = f"{', '.join(notified)} was" if len(notified) == 1 else f"{', '.join(notified)} were"
    why = f"{others} notified" if notified else "; ".join(muted) or "no notification came"
    return f"did not notify {receiver}; {why}"


def _by(each: Expectation) -> str:
    """Whose word counts, in words that follow; empty where either's does."""
    return "" if each.seen_by is SeenBy.EITHER else f" ({each.seen_by})"


def _limit(each: Expectation) -> str:
    """Until when it has to fire, in words that follow a verb; empty where it only has to fire."""
    if each.mark is None or each.within_s is None:
        return ""
    if not each.before:
        return f" within {span(each.within_s)} after {NAMES[each.mark]}"
    earlier = f"{span(each.within_s)} before" if each.within_s else "before"
    return f" {'at the latest ' if each.within_s else ''}{earlier} {NAMES[each.mark]}"

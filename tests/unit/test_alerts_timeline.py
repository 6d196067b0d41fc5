"""What a drill's events say of alerts: when they were pending and fired, and what they are compared to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.html_world import BEGAN, Told, a_drill, container, pod, samples

from promdrill.core import events
from promdrill.core.alerts import AlertAccount, AlertMoments, AlertRule, AlertState, Evaluator, Period
from promdrill.core.events import (
    AlertChanged,
    AlertMuted,
    AlertNotified,
    AlertRuleJudged,
    AlertRulesLoaded,
    AlertsUnknown,
    FaultApplied,
    FaultConfirmed,
    FaultFull,
    FaultGrows,
    PhaseBegan,
    PhaseEnded,
    StageBegan,
    StageSeen,
    Undone,
)
from promdrill.core.model import PhaseName
from promdrill.results.timeline.alerts import account, watched
from promdrill.results.timeline.drill import timelines

RULES = (AlertRule(alert="Full", for_s=60.0), AlertRule(alert="Loops", for_s=900.0))
SERVER = "prometheus-server"


def at(figure: float) -> datetime:
    """A moment, in seconds since the drill began."""
    return BEGAN + timedelta(seconds=0.5 + figure)


def change(state: str, active: float | None = None, alert: str = "Full", **fields: Any) -> AlertChanged:
    """An alert's new state."""
    whole: dict[str, Any] = {"labels": {"namespace": "n"}, "evaluator": Evaluator.WITNESS} | fields
    return AlertChanged(alert=alert, state=AlertState(state), active=None if active is None else at(active), **whole)


def told(*rules: AlertRule) -> Told:
    """A drill in which rules were loaded, 30 times as fast."""
    return Told().tell(AlertRulesLoaded(speed=30.0, off_by_s=1.0, rules=rules or RULES))


def faulted(made: Told, after: float) -> Told:
    """The same, and a fault."""
    return made.tell(PhaseBegan(phase=PhaseName.INJECT), after).tell(FaultApplied(fault="fill"))


def found(made: Told) -> AlertAccount:
    """What the drill's alerts amount to."""
    account_of = account(made.timeline(), SERVER)
    assert account_of is not None
    return account_of


def test_without_rules_there_is_no_account() -> None:
    assert account(a_drill().timeline(), SERVER) is None
    assert account(Told().tell(change("firing")).timeline(), SERVER) is None


def test_what_was_pending_before_the_fault_began_when_its_prometheus_says() -> None:
    made = told().tell(change("pending", 1.5, value="0.02"), 2.0)
    faulted(made, 3.0).tell(change("firing", 1.5, value="0.01", summary="It fills."), 3.0).tell(Undone(what="x"), 2.0)
    (alert,) = found(made).alerts
    assert alert.pending == (Period(began_s=-3.5, ended_s=3.0),)
    assert alert.firing == (Period(began_s=3.0),)
    assert (alert.value, alert.summary) == ("0.01", "It fills.")
    assert (alert.fired_s, alert.fired_at_baseline, alert.still_fires, alert.resolved_s) == (3.0, False, True, None)


def test_an_alert_that_flaps_has_all_its_times() -> None:
    made = faulted(told(), 1.0)
    for state, active in (("pending", 2.0), ("firing", 2.0), ("inactive", None), ("pending", 8.0), ("firing", 8.0)):
        made.tell(change(state, active), 2.0)
    made.tell(change("inactive"), 2.0).tell(Undone(what="x"), 5.0)
    (alert,) = found(made).alerts
    assert alert.pending == (Period(began_s=1.0, ended_s=4.0), Period(began_s=7.0, ended_s=10.0))
    assert alert.firing == (Period(began_s=4.0, ended_s=6.0), Period(began_s=10.0, ended_s=12.0))
    assert (alert.fired_s, alert.resolved_s) == (4.0, 12.0)


def test_what_ceased_and_began_between_two_looks_has_both_its_times() -> None:
    made = faulted(told(), 1.0).tell(change("pending", 2.0, "Loops"), 2.0).tell(change("pending", 9.0, "Loops"), 8.0)
    (loops,) = found(made.tell(Undone(what="x"), 3.0)).alerts
    assert loops.pending == (Period(began_s=1.0, ended_s=8.0), Period(began_s=8.0))
    made = faulted(told(), 1.0).tell(change("firing", 2.0), 3.0).tell(change("firing", 9.0), 9.0)
    (full,) = found(made.tell(change("inactive"), 3.0)).alerts
    assert full.firing == (Period(began_s=3.0, ended_s=8.0), Period(began_s=10.0, ended_s=15.0))
    made = faulted(told(), 1.0).tell(change("firing", 2.0), 3.0).tell(change("firing", 2.0, value="2"), 9.0)
    assert found(made).alerts[0].firing == (Period(began_s=3.0),), "another value is no other time"


def test_an_alert_that_was_pending_and_no_more_never_fired() -> None:
    made = faulted(told(), 1.0).tell(change("pending", 2.0, "Loops", value="1"), 2.0)
    made.tell(change("inactive", None, "Loops"), 4.0)
    (alert,) = found(made).alerts
    assert (alert.pending, alert.firing, alert.value) == ((Period(began_s=1.0, ended_s=6.0),), (), "1")
    assert (alert.fired_s, alert.resolved_s) == (None, None)


@pytest.mark.parametrize(
    ("active", "fired_s"),
    [(2.0, 3.0), (6.0, 6.0), (None, 6.0)],
    ids=["its `for` was over between two looks", "it is over now", "since when is not known"],
)
def test_what_fires_at_the_first_look_fired_when_its_for_was_over(active: float | None, fired_s: float) -> None:
    made = faulted(told(), 1.0).tell(change("firing", active), 6.0)
    (alert,) = found(made).alerts
    assert (alert.pending, alert.firing) == ((), (Period(began_s=fired_s),))


def test_of_two_rules_of_one_name_the_one_of_that_severity_says_how_long() -> None:
    rules = (
        AlertRule(alert="Full", for_s=60.0, severity="critical"),
        AlertRule(alert="Full", for_s=150.0, severity="warning"),
    )
    made = faulted(told(*rules), 1.0)
    made.tell(change("firing", 2.0, labels={"severity": "warning"}), 9.0)
    made.tell(change("firing", 2.0, labels={"severity": "critical"}))
    assert [alert.firing[0].began_s for alert in found(made).alerts] == [6.0, 3.0]


def test_each_prometheus_and_each_set_of_labels_has_an_alert_of_its_own() -> None:
    made = faulted(told(), 1.0)
    made.tell(change("firing", evaluator=Evaluator.INSIDE), 1.0).tell(change("firing"), 1.0)
    made.tell(change("firing", labels={"namespace": "other"}), 1.0)
    made.tell(change("inactive", evaluator=Evaluator.INSIDE), 1.0)
    assert [(alert.evaluator, alert.labels, alert.firing) for alert in found(made).alerts] == [
        (Evaluator.INSIDE, {"namespace": "n"}, (Period(began_s=1.0, ended_s=4.0),)),
        (Evaluator.WITNESS, {"namespace": "n"}, (Period(began_s=2.0),)),
        (Evaluator.WITNESS, {"namespace": "other"}, (Period(began_s=3.0),)),
    ]


def test_a_false_alarm_that_goes_on_fired_at_the_fault() -> None:
    made = faulted(told().tell(change("firing"), 1.0), 3.0)
    (alert,) = found(made.tell(Undone(what="x"), 2.0)).alerts
    assert (alert.firing, alert.fired_at_baseline, alert.fired_s) == ((Period(began_s=-3.0),), True, 0.0)
    made = faulted(told().tell(change("firing"), 1.0).tell(change("inactive"), 1.0), 3.0)
    (alert,) = found(made).alerts
    assert (alert.firing, alert.fired_s) == ((Period(began_s=-4.0, ended_s=-3.0),), None)


def notified(sent: float, receiver: str = "pager", *, resolved: bool = False, **fields: Any) -> AlertNotified:
    whole = {"alert": "Full", "labels": {"namespace": "n"}, "evaluator": Evaluator.WITNESS} | fields
    return AlertNotified(receiver=receiver, resolved=resolved, sent=at(sent), **whole)


def test_notifications_count_from_when_the_receiver_got_them() -> None:
    made = faulted(told(), 1.0).tell(change("firing"), 1.0)
    made.tell(notified(2.5), 1.0).tell(notified(3.5, "mail"), 1.0).tell(notified(9.5, resolved=True), 6.0)
    (alert,) = found(made).alerts
    assert (alert.notified_s, alert.notified_resolved_s, alert.receivers) == (1.5, 8.5, ("pager", "mail"))


def test_a_notification_of_what_was_over_before_the_baseline_is_of_no_incident() -> None:
    made = told().tell(PhaseBegan(phase=PhaseName.BASELINE)).tell(change("firing", 0.5)).tell(change("inactive"), 1.0)
    made.tell(notified(2.0)).tell(PhaseEnded(phase=PhaseName.BASELINE, took_s=2.0), 1.0)
    faulted(made, 2.0).tell(change("firing", 6.0), 2.0).tell(Undone(what="x"), 1.0)
    (alert,) = found(made).alerts
    assert (alert.notified_s, alert.receivers) == (None, ())
    (alert,) = found(made.tell(notified(6.5, "mail")).tell(notified(7.0))).alerts
    assert (alert.notified_s, alert.receivers) == (2.5, ("mail", "pager"))


EXTERNAL = {"namespace": "n", "volume": "v", "cluster": "here", "replica": "a"}
"""Labels of an alert, with two that its Prometheus adds to all that it tells."""


def test_what_is_told_with_external_labels_is_of_the_alert_with_the_most_of_them() -> None:
    made = faulted(told(), 1.0).tell(notified(1.5, labels=EXTERNAL), 0.5)  # it may come before the look
    alerts = ({"namespace": "n"}, {"namespace": "n", "volume": "v"}, {"volume": "v"}, {"namespace": "n", "volume": "w"})
    for labels in alerts:
        made.tell(change("firing", labels=labels))
    made.tell(change("firing", labels=alerts[1], evaluator=Evaluator.INSIDE))
    made.tell(change("firing", labels=alerts[1], alert="Loops"))
    why = AlertMuted(alert="Full", labels=EXTERNAL, evaluator=Evaluator.INSIDE, why="inhibited by X")
    made.tell(why).tell(notified(4.0, labels=EXTERNAL, alert="Loops"), 1.0)
    assert [(alert.notified_s, alert.muted_by) for alert in found(made).alerts] == [
        *((None, ()), (0.5, ()), (None, ()), (None, ())),
        (None, ("inhibited by X",)),
        (3.0, ()),
    ]


def test_what_is_told_of_no_alert_that_was_seen_is_none() -> None:
    made = faulted(told(), 1.0).tell(change("firing"), 1.0).tell(notified(2.5, labels={"namespace": "other"}), 1.0)
    assert [(alert.labels, alert.notified_s) for alert in found(made).alerts] == [({"namespace": "n"}, None)]


def test_what_mutes_an_alert_is_kept_until_somebody_is_told_of_it() -> None:
    why = AlertMuted(alert="Full", labels={"namespace": "n"}, evaluator=Evaluator.WITNESS, why="inhibited by X")
    made = faulted(told(), 1.0).tell(change("firing"), 1.0).tell(why).tell(why, 1.0)
    assert found(made).alerts[0].muted_by == ("inhibited by X",)
    assert found(made.tell(notified(4.0), 1.0)).alerts[0].muted_by == ()


def test_rules_have_what_the_end_of_the_drill_showed_of_them() -> None:
    made = faulted(told(), 1.0).tell(AlertRuleJudged(alert="Loops", unknown_metrics=("kube_x",), error="no such label"))
    full, loops = found(made).rules
    assert full == RULES[0]
    assert (loops.for_s, loops.unknown_metrics, loops.error) == (900.0, ("kube_x",), "no such label")
    assert watched(made.timeline()).rules == (full, loops)


def test_alerts_that_could_not_be_watched_to_the_end_are_an_account_all_the_same() -> None:
    made = faulted(told(), 1.0).tell(AlertsUnknown(error="the witness does not answer"))
    assert (found(made).unknown, found(told()).unknown) == ("the witness does not answer", "")


def test_what_the_rules_were_loaded_with_is_in_the_account() -> None:
    made = Told().tell(AlertRulesLoaded(speed=1.0, off_by_s=0.5, rules=RULES, not_inside="it takes no rules"))
    whole = found(made)
    assert (whole.speed, whole.off_by_s, whole.not_inside, whole.rules) == (1.0, 0.5, "it takes no rules", RULES)


# --- a journal cut short ---------------------------------------------------------------------------------------------


def test_a_journal_cut_short_before_the_fault_has_nothing_but_a_baseline() -> None:
    made = told().tell(change("firing"), 2.0).tell(PhaseBegan(phase=PhaseName.BASELINE), 3.0)
    whole = found(made)
    (alert,) = whole.alerts
    assert (alert.firing, alert.fired_at_baseline) == ((Period(began_s=-3.0),), True)
    assert whole.moments == AlertMoments(ended_s=0.0)


def test_a_journal_cut_short_while_an_alert_fires_has_it_open() -> None:
    made = faulted(told(), 1.0).tell(change("pending", 2.0, "Loops"), 2.0).tell(change("firing"), 1.0)
    for kept in range(len(made.entries)):  # wherever it is cut, there is an account or none, and no error
        account(timelines(made.entries[: kept + 1])[0], SERVER)
    whole = found(made)
    assert [(alert.alert, alert.pending, alert.firing) for alert in whole.alerts] == [
        ("Loops", (Period(began_s=1.0),), ()),
        ("Full", (), (Period(began_s=3.0),)),
    ]
    assert whole.moments == AlertMoments(ended_s=3.0)


def test_an_alert_of_before_the_drill_began_began_with_it() -> None:
    early = change("firing", evaluator=Evaluator.INSIDE, alert="Loops")
    made = faulted(told().tell(change("pending", -20.0)).tell(early, 1.0), 3.0)
    full, loops = found(made).alerts
    assert (full.pending[0].began_s, loops.firing[0].began_s) == (-4.0, -3.0)


# --- moments ---------------------------------------------------------------------------------------------------------


def a_whole_drill(*, crashes: bool = True) -> Told:
    """Baseline at 1 s and again at 3, fault at 6, crash at 9, signature at 10, remedy from 12 to 15, recovery at 20."""
    up = pod("p-1", container(SERVER, ready=True))
    made = told().tell(up).phase(PhaseName.PROVISION, (1.0, Undone(what="x")))
    made.phase(PhaseName.BASELINE, (2.0, Undone(what="x"))).phase(PhaseName.BASELINE, (3.0, Undone(what="x")))
    made.phase(PhaseName.INJECT, (0.0, FaultApplied(fault="fill")), (2.0, FaultApplied(fault="once more")))
    made.tell(PhaseBegan(phase=PhaseName.SIGNATURE)).tell(StageBegan(stage="old")).tell(StageSeen(stage="old"), 1.0)
    if crashes:
        made.tell(pod("p-1", container(SERVER, "terminated", reason="Error", exit_code=1)))
    made.tell(StageBegan(stage="crashes")).tell(StageSeen(stage="crashes"), 1.0)
    made.tell(events.PhaseEnded(phase=PhaseName.SIGNATURE, took_s=2.0))
    gone = pod("p-1", container(SERVER, ready=True), leaving=True)
    made.tell(Undone(what="x"), 2.0).phase(PhaseName.REMEDIATE, (1.0, gone), (2.0, Undone(what="x")))
    after = ((1.0, StageBegan(stage="later")), (1.0, StageSeen(stage="later")), (3.0, samples(6.0, 7.0)))
    return made.phase(PhaseName.RECOVERY, *after, (0.0, samples(2.0, 4.0, "shop"))).phase(PhaseName.UNDO)


def test_moments_are_relative_to_the_fault() -> None:
    assert found(a_whole_drill()).moments == AlertMoments(
        baseline_s=0.0,
        first_lost_s=1.0,
        crashed_s=3.0,
        signature_s=4.0,
        remedied_s=9.0,
        recovered_s=14.0,
        ended_s=14.0,
    )


def test_a_fault_that_grows_begins_with_its_first_byte_and_has_its_full_effect_later() -> None:
    made = told().phase(PhaseName.BASELINE, (3.0, Undone(what="x")))
    made.tell(PhaseBegan(phase=PhaseName.INJECT)).tell(FaultApplied(fault="fill"), 1.0)
    made.tell(FaultGrows(fault="fill", used=0.9, left_s=20.0), 20.0).tell(change("firing", 30.0), 10.0)
    cut_short = found(made)
    assert cut_short.moments.full_s is None, "it never was"
    whole = found(made.tell(FaultFull(fault="fill"), 12.0).tell(FaultConfirmed(fault="fill"), 1.0))
    assert whole.moments.full_s == 42.0
    (alert,) = whole.alerts
    assert (alert.firing[0].began_s, alert.fired_at_baseline) == (28.0, False), "2 s after 30 s, less the 4 s"
    timeline = made.timeline()
    assert timeline.growing is not None
    assert (timeline.growing[0].s, timeline.growing[1].left_s) == (24.0, 20.0)
    assert timeline.full is not None
    assert timeline.full.s == 46.0


def test_what_the_remedy_ends_or_loses_is_neither_a_crash_nor_a_loss() -> None:
    made = a_whole_drill(crashes=False)
    assert found(made).moments.crashed_s is None
    restart = a_whole_drill()
    restart.entries = [each for each in restart.entries if not isinstance(each.event, events.SamplesCounted)]
    assert found(restart.tell(samples(6.0, 13.0))).moments.first_lost_s is None


def test_verification_in_an_ablation_is_no_other_remedy() -> None:
    made = a_whole_drill(crashes=False).phase(PhaseName.REMEDIATE, (1.0, Undone(what="x")))
    assert found(made).moments.crashed_s is None


def test_another_container_is_not_the_server() -> None:
    crashed = account(a_whole_drill().timeline(), "reloader")
    assert crashed is not None
    assert crashed.moments.crashed_s is None


def test_what_was_over_when_the_baseline_was_proven_is_no_false_alarm() -> None:
    """While Prometheus is installed its claim is pending, for example. What goes on then is one."""
    made = told().tell(PhaseBegan(phase=PhaseName.BASELINE)).tell(change("firing", 0.5, alert="Waits"))
    made.tell(change("firing", 0.5), 0.5).tell(change("inactive", alert="Waits"), 1.0)
    made.tell(PhaseEnded(phase=PhaseName.BASELINE, took_s=3.0), 1.0)
    faulted(made, 1.0).tell(change("inactive"), 2.0)
    whole = found(made)
    assert [each.alert for each in whole.alerts] == ["Full"]
    assert whole.alerts[0].fired_at_baseline
    assert whole.moments.baseline_s == -1.0

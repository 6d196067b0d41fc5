"""Which alerts told of which incident: per drill, over the run, and how it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.alerts_world import (
    BEATS,
    FULL,
    LOOPS,
    MOMENTS,
    OFF_BY_S,
    SPEED,
    account,
    alert,
    alerted,
    moments,
    muted,
    rule,
)
from tests.unit.compare_world import aborted, drill, failed, no_fault, run

from promdrill.core.alerts import Alert, AlertAccount, AlertMoments, Evaluator, Expected
from promdrill.core.model import AT_ONCE, RunResult, Verdict
from promdrill.results import summary
from promdrill.results.alerts.coverage import (
    AlertRemark,
    Coverage,
    DrillRemark,
    Duplicates,
    IncidentCoverage,
    coverage,
    first_alert,
    incident,
)
from promdrill.results.alerts.marks import Mark
from promdrill.results.alerts.rule_remarks import RuleRemark
from promdrill.results.alerts.show import WIDTH, to_json, to_markdown, to_text
from promdrill.results.junit import properties, to_junit

INSIDE, WITNESS = Evaluator.INSIDE, Evaluator.WITNESS


def of(*alerts: Alert, **fields: Any) -> IncidentCoverage:
    """The coverage of one incident."""
    return incident("disk-full", "disk-full", account(*alerts, **fields))


def over(*alerts: Alert, **fields: Any) -> Coverage:
    """The coverage of a run with one incident."""
    return coverage(run(alerted("disk-full", *alerts, **fields)))


# --- one alert -------------------------------------------------------------------------------------------------------


def test_lead_times_are_the_operators_and_count_to_each_moment() -> None:
    (found,) = of(alert()).alerts
    assert found.fired_s == 120.0
    leads = {"fault": -120.0, "signature": 120.0, "first-lost-sample": -60.0, "crash": 780.0, "recovery": 1200.0}
    assert found.lead_s == leads
    assert found.late == (Mark.FIRST_LOST,)
    assert (found.resolved_s, found.still_fires, found.notified_s, found.receivers) == (180.0, False, 120.0, ("pager",))


def test_lead_times_count_to_the_full_effect_of_a_fault_that_grew() -> None:
    found = of(alert(firing=[(1.0, 50.0)]), moments=moments(full_s=24.0, first_lost_s=25.0))
    assert found.moments["full"] == 720.0
    assert found.alerts[0].lead_s["full"] == 690.0
    assert (found.in_time, found.alerts[0].late) == (True, ()), "what it has to come before is the harm"
    assert "full" not in of(alert()).moments
    late = of(alert(firing=[(24.5, 50.0)]), moments=moments(full_s=24.0, first_lost_s=25.0))
    assert (late.in_time, late.alerts[0].late) == (True, ())


def test_moments_that_did_not_come_have_no_lead_time() -> None:
    (found,) = of(alert(), moments=AlertMoments(ended_s=60.0)).alerts
    assert found.lead_s == {"fault": -120.0}
    assert (found.late, found.resolved_s) == ((), None)


def test_series_of_one_alert_count_together_and_severities_apart() -> None:
    other = {"namespace": "n", "severity": "critical", "pod": "b"}
    warns = {"namespace": "n", "severity": "warning"}
    first, second, third = of(
        alert(firing=[(9.0, 20.0)], labels={**other, "pod": "a"}),
        alert(firing=[(5.0, 46.0)], labels=other, receivers=("mail",)),
        alert(firing=[(12.0, None)], labels=warns),
        alert(firing=[(13.0, None)], evaluator=INSIDE),
    ).alerts
    assert (first.series, first.fired_s, first.resolved_s, first.labels) == (
        *(2, 150.0, 60.0),
        {"namespace": "n", "severity": "critical"},
    )
    assert first.receivers == ("pager", "mail")
    assert [(each.severity, each.evaluator) for each in (second, third)] == [("warning", WITNESS), ("critical", INSIDE)]
    assert (second.still_fires, second.resolved_s) == (True, None)


def test_a_false_alarm_tells_nothing_of_the_incident() -> None:
    found = of(alert(firing=[(-5.0, -1.0), (4.0, 50.0)]))
    assert (found.alerts[0].false_alarm, found.alerts[0].fired_s, found.first, found.told_s) == (True, None, None, None)
    assert found.alerts[0].why_not == "it had fired before the fault already"
    both = of(alert(firing=[(-5.0, None)]), alert(firing=[(6.0, None)], labels={"pod": "b", "severity": "critical"}))
    assert (both.alerts[0].false_alarm, both.alerts[0].fired_s) == (True, 180.0), "another series is another matter"


@pytest.mark.parametrize(
    ("pending", "for_s", "fields", "why"),
    [
        (
            *([(4.0, 40.0)], 3600.0, {}),
            "it was pending for 18 min; its `for` is 1 h, and the incident stood for 22 min",
        ),
        (
            *([(4.0, 14.0), (20.0, 22.0)], 900.0, {}),
            "it was pending for 5 min; its `for` is 15 min, and its expression was no longer true before that",
        ),
        (
            *([(44.0, None)], 900.0, {}),
            "it was pending for 8 min; its `for` is 15 min, and the drill ended before",
        ),
        (
            *([(4.0, None)], 3600.0, {"moments": moments(recovered_s=None)}),
            "it was pending for 28 min; its `for` is 1 h, and the incident stood for 30 min",
        ),
        ([(4.0, 5.0)], 60.0, {"error": "no such label"}, "its rule could not be evaluated: no such label"),
    ],
)
def test_what_was_pending_and_did_not_come_says_both_times(
    pending: list[tuple[float, float | None]], for_s: float, fields: dict[str, Any], why: str
) -> None:
    own = rule(for_s=for_s, error=fields.pop("error", ""))
    (found,) = of(alert(firing=[], pending=pending), rules=[own], **fields).alerts
    assert found.why_not == why


@pytest.mark.parametrize(
    ("pending", "fired_s"),
    [
        ([(-5.0, 4.0)], None),
        ([(-5.0, None)], None),
        ([(-5.0, -1.0), (2.0, 4.0)], 120.0),
        ([(-5.0, 0.0), (2.0, 4.0)], 120.0),
        ([(0.0, 4.0)], 120.0),
    ],
)
def test_what_was_pending_when_the_fault_came_tells_nothing_of_it(
    pending: list[tuple[float, float | None]], fired_s: float | None
) -> None:
    found = over(alert(pending=pending))
    (told,) = found.incidents[0].alerts
    assert told.fired_s == fired_s
    assert told.foretold is (fired_s is None)
    if fired_s is not None:
        assert not found.foretold
        return
    assert told.why_not == "it was pending when the fault came, so its expression was true without it"
    assert found.incidents[0].first is None
    assert found.foretold == (AlertRemark(FULL, WITNESS, "pending when the fault came", ("disk-full",)),)
    text = to_text(found, "x")
    assert f"true without the fault, so that they tell nothing of it: 1\n  {FULL} (witness)" in text
    assert f"{FULL} (witness) tells nothing; it was pending when the fault came" in text


def test_an_alert_for_alertmanager_is_no_dead_mans_switch() -> None:
    """InfoInhibitor has the severity of one, asks for series, and is there to mute others."""
    beats = alert(BEATS, firing=[(-9.0, 20.0)], labels={"severity": "none"})
    asks = rule(BEATS, severity="none", reads_series=True)
    assert not over(beats, rules=[asks]).incidents[0].alerts
    assert over(beats, rules=[rule(BEATS, severity="none")]).silent
    warns = replace(beats, labels={"severity": "warning"})
    assert over(warns, rules=[replace(asks, severity="warning")]).false_alarms


def test_a_heartbeat_is_no_false_alarm_and_tells_by_its_absence() -> None:
    beats = {"severity": "none"}
    goes_on = alert(BEATS, firing=[(-9.0, None)], labels=beats)
    ceased = alert(BEATS, firing=[(-9.0, 31.0)], labels=beats, evaluator=INSIDE)
    after = alert(BEATS, firing=[(-9.0, 50.0)], labels={**beats, "pod": "b"})
    found = over(goes_on, ceased)
    assert [each.silent_s for each in found.incidents[0].alerts] == [None, 930.0]
    assert (found.false_alarms, found.silent) == (
        (),
        (AlertRemark(BEATS, INSIDE, "ceased to fire during the incident", ("disk-full",)),),
    )
    assert found.untold == (DrillRemark("disk-full", "no alert fired"),), "a heartbeat names nothing"
    assert of(after).alerts[0].silent_s is None, "it ceased after recovery"
    assert of(alert(BEATS, firing=[(3.0, None)], labels=beats)).first is None, "nor does one that begins to beat"


# --- one incident ----------------------------------------------------------------------------------------------------


def test_in_time_is_before_anything_is_lost() -> None:
    assert of(alert(firing=[(2.0, None)])).in_time is True
    late = of(alert(firing=[(2.5, None)]))
    assert (late.in_time, late.told_s) == (False, 75.0)
    assert of(alert(firing=[(43.0, None)]), moments=moments(first_lost_s=None, crashed_s=None)).in_time is True
    assert of(alert(firing=[(29.0, None)]), moments=moments(first_lost_s=None)).in_time is True
    assert of(alert(firing=[(31.0, None)]), moments=moments(first_lost_s=None)).in_time is False


def test_what_fires_or_is_told_after_recovery_is_no_warning() -> None:
    fired_late = of(alert(firing=[(45.0, None)]))
    assert (fired_late.first, fired_late.told_s, fired_late.alerts[0].late[-1]) == (None, None, Mark.RECOVERY)
    told_late = of(alert(firing=[(5.0, None)], notified_s=46.0))
    assert (told_late.told_s, told_late.in_time) == (None, False)
    assert told_late.first is not None


def test_the_first_alert_is_the_one_that_fired_first() -> None:
    found = of(alert("A", firing=[(5.0, None)]), alert("B", firing=[(3.0, None)]), alert("C", firing=[]))
    assert [each.alert for each in found.fired] == ["B", "A"]
    assert found.first is not None
    assert found.first.alert == "B"


# --- a run -----------------------------------------------------------------------------------------------------------


def test_controls_invalid_and_aborted_drills_are_left_out_and_told() -> None:
    found = coverage(
        run(
            alerted("disk-full", alert()),
            failed("oom", alerts=account()),
            alerted("quota", alert(firing=[(-5.0, None)])),
            drill("plain"),
            no_fault(alerts=account(alert())),
            drill("typo", verdict=Verdict.INVALID, alerts=account(alert())),
            aborted("wal", alerts=account(alert())),
        )
    )
    assert [each.drill for each in found.incidents] == ["disk-full", "oom", "quota"]
    assert [(each.drill, each.why) for each in found.left_out] == [
        ("plain", "no rules were evaluated"),
        ("disk-full[no-fault]", "a control: no-fault"),
        ("typo", "invalid"),
        ("wal", "aborted"),
    ]


@pytest.mark.parametrize(
    ("alerts", "why"),
    [
        ([], "no alert fired"),
        ([alert(firing=[], pending=[(4.0, 9.0)])], f"no alert fired; {FULL} was pending"),
        (
            [alert(firing=[], pending=[(4.0, 9.0)]), alert(LOOPS, firing=[], pending=[(4.0, 9.0)])],
            f"no alert fired; {FULL}, {LOOPS} were pending",
        ),
        ([muted()], f"nobody was told of what fired: {FULL} from the witness: inhibited by X"),
        (
            [replace(muted(), muted_by=())],
            f"nobody was told of what fired: {FULL} from the witness: no notification came",
        ),
        (
            [alert(notified_s=46.0)],
            f"nobody was told of what fired: {FULL} from the witness: the notification came 1 min after recovery",
        ),
        ([alert(firing=[(46.0, None)])], f"the first was {FULL} from the witness, 1 min (±30 s) after recovery"),
    ],
)
def test_a_blind_spot_says_why(alerts: list[Alert], why: str) -> None:
    found = over(*alerts)
    assert found.untold == (DrillRemark("disk-full", why),)
    assert (found.too_late, found.not_known) == ((), ())


def test_told_too_late_is_no_blind_spot_and_says_by_how_much() -> None:
    found = over(muted(firing=[(2.0, None)]), alert(LOOPS, firing=[(33.0, None)]))
    assert found.untold == ()
    why = f"the first was {LOOPS} from the witness, 15 min 30 s (±30 s) after the first lost sample"
    assert found.too_late == (DrillRemark("disk-full", why),)
    assert over(alert(firing=[(1.0, None)])).too_late == ()


def test_what_could_not_be_watched_is_not_known() -> None:
    found = over(unknown="the witness is gone")
    why = "alerts could not be watched to the end: the witness is gone"
    assert (found.untold, found.too_late, found.not_known) == ((), (), (DrillRemark("disk-full", why),))
    assert over(alert(firing=[(1.0, None)]), unknown="the witness is gone").not_known == ()


def test_duplicates_are_about_the_same_thing() -> None:
    pod = {"namespace": "n", "pod": "p"}
    found = over(
        alert("A", labels={**pod, "job": "kube-state-metrics"}),
        alert("B", labels={**pod, "job": "kubelet"}),
        alert("C", labels={"namespace": "n", "deployment": "d"}),
        alert("D", labels={"namespace": "other"}),
        alert("E", labels={}),
        alert("A", labels=pod, evaluator=INSIDE),
        alert("B", labels={**pod, "severity": "warning"}, evaluator=INSIDE),
    )
    assert found.duplicates == (Duplicates("disk-full", ("A", "B", "C"), {"namespace": "n"}),)
    assert over(alert("A", labels=pod), alert("B", labels={**pod, "pod": "q"})).duplicates == ()
    assert over(alert(), alert(evaluator=INSIDE)).duplicates == (), "one rule, evaluated twice"


def test_late_alerts_false_alarms_and_muted_ones_are_gathered_over_the_run() -> None:
    found = coverage(
        run(
            alerted("disk-full", alert(LOOPS, firing=[(33.0, None)]), muted()),
            alerted("oom", alert(LOOPS, firing=[(34.0, None)]), muted(firing=[(50.0, None)])),
            no_fault(alerts=account(alert(firing=[(-3.0, -1.0)]))),
        )
    )
    after = {(each.alert, each.what): each.drills for each in found.late}
    assert after == {
        (LOOPS, "after the first lost sample and the crash"): ("disk-full", "oom"),
        (FULL, "after the first lost sample"): ("disk-full",),
        (FULL, "after the first lost sample, the crash and recovery"): ("oom",),
    }
    assert found.muted == (AlertRemark(FULL, WITNESS, "inhibited by X", ("disk-full", "oom")),)
    alarm = AlertRemark(FULL, WITNESS, "fired before the fault", ("disk-full[no-fault]",))
    assert found.false_alarms == (alarm,), "a control has a baseline, too"


def test_rules_that_never_fired_say_why() -> None:
    rules = [
        rule(),
        rule("Typo", unknown_metrics=("kube_tyop",)),
        rule("Broken", error="vector cannot contain metrics with the same labelset"),
        rule("Patient", for_s=7200.0),
        rule("Quiet", place=""),
        rule(FULL, severity="warning", for_s=3600.0),
    ]
    waits = alert("Patient", firing=[], pending=[(4.0, 40.0)])
    found = over(alert(), waits, rules=rules)
    assert found.rules == 6
    assert found.unused == (
        RuleRemark("Typo", "rules.yaml:3", "it reads kube_tyop, of which nothing is stored"),
        RuleRemark(
            *("Broken", "rules.yaml:3"),
            "its rule could not be evaluated: vector cannot contain metrics with the same labelset",
        ),
        RuleRemark(
            *("Patient", "rules.yaml:3"),
            "it was pending for 18 min; its `for` is 2 h, and the incident stood for 22 min",
        ),
        RuleRemark("Quiet", "", "its expression was never true"),
        RuleRemark(FULL, "rules.yaml:3", "its expression was never true"),
    )


def test_rules_of_one_place_have_it_once() -> None:
    of_chart = "the rules of the chart"
    text = to_text(over(rules=[rule("A", place=of_chart), rule("B", place=of_chart)]), "x")
    assert "its expression was never true: A, B (the rules of the chart)" in text
    text = to_text(over(rules=[rule("A", place="r.yaml:3"), rule("B", place="r.yaml:5"), rule("C", place="")]), "x")
    assert "its expression was never true: A (r.yaml:3), B (r.yaml:5), C" in text
    text = to_text(over(rules=[rule("A", place="")]), "x")
    assert text.endswith("its expression was never true: A")


def test_the_drill_that_says_most_says_why_a_rule_never_fired() -> None:
    waits = alert(LOOPS, firing=[], pending=[(4.0, 9.0)])
    found = coverage(run(alerted("a", rules=[rule(LOOPS)]), alerted("b", waits), alerted("c", rules=[rule(LOOPS)])))
    assert [each.what.partition(";")[0] for each in found.unused] == ["it was pending for 2 min 30 s"]
    elsewhere = coverage(run(alerted("a", rules=[rule(LOOPS)]), no_fault(alerts=account(alert(LOOPS)))))
    assert elsewhere.unused == (), "it fired in a control"


def test_what_is_wrong_with_a_rule_is_remarked_once() -> None:
    rules = [rule(runbook_url="", unscaled=("hour() is of the clock",)), rule(LOOPS, error="error expanding")]
    trouble = "<error expanding template: no such function>"
    one = alerted("a", alert(summary=""), alert(LOOPS, summary=trouble), rules=rules)
    found = coverage(run(one, replace(one, scenario="b")))
    assert [(each.alert, each.what) for each in found.remarks] == [
        (FULL, "no runbook_url"),
        (FULL, "no summary, description or message"),
        (FULL, "not scaled: hour() is of the clock"),
        (LOOPS, "a template could not be expanded"),
        (LOOPS, "error expanding"),
    ]
    assert over(alert()).remarks == ()
    labelled = over(alert(labels={"severity": "critical", "team": trouble}))
    assert [each.what for each in labelled.remarks] == ["a template could not be expanded"]


def test_expectations_that_were_not_met_are_told_of_every_drill() -> None:
    met, missed = Expected(text="a", met=True), Expected(text="b", met=False, why="X did not fire", place="a.toml:7")
    found = coverage(
        run(
            alerted("disk-full", alert(), expected=(met, missed)),
            drill("oom", verdict=Verdict.INVALID, alerts=account(expected=(replace(missed, place=""),))),
        )
    )
    assert found.unmet == (DrillRemark("disk-full", "X did not fire (a.toml:7)"), DrillRemark("oom", "X did not fire"))
    assert "expectations that were not met: 2\n  disk-full: X did not fire (a.toml:7)\n" in to_text(found, "x")


# --- shown -----------------------------------------------------------------------------------------------------------


LONG = "KubePersistentVolumeInodesFillingUp"


def a_run() -> RunResult:
    """A run with some of everything."""
    beats = alert(BEATS, firing=[(-10.0, None)], labels={"severity": "none"})
    waits = alert(LOOPS, firing=[], pending=[(31.0, 41.0)])
    rules = (rule(), rule(LOOPS, for_s=900.0), rule(BEATS, severity="none", runbook_url=""), rule("Typo"))
    return run(
        alerted("disk-full", alert(), muted(evaluator=INSIDE, firing=[(5.0, 20.0)]), waits, beats, rules=rules),
        alerted("oom", not_inside="its version takes no rules", rules=rules),
        alerted("quota", alert(LOOPS, firing=[(35.0, None)]), rules=rules),
        no_fault(),
        drill("typo", verdict=Verdict.INVALID),
    )


TEXT = """\
reports/latest: 3 incidents, 4 alerting rules, 1 of which nobody was told, 2 told too late
left out, a control: no-fault: 1 drill (disk-full[no-fault])
left out, invalid: 1 drill (typo)
rules 30 times as fast, and times as in real life; times may be off by 30 s

Times are when the alert fired, relative to the fault, to the complete signature, to the first lost
  sample and to the crash: +2m is two minutes after it, -13m thirteen minutes before it. Told is
  when the first notification came, relative to the fault; resolved is relative to recovery.

incident   first alert                    from       fault     lost   crash     told
disk-full  KubePersistentVolumeFillingUp  witness      +2m      +1m    -13m      +2m
oom        none                           -              -        -       -        -
quota      KubePodCrashLooping            witness  +17m30s  +16m30s  +2m30s  +17m30s

blind spots, incidents of which nobody was told: 1
  oom: no alert fired

told too late, after the first lost sample or the crash: 2
  disk-full: the first was KubePersistentVolumeFillingUp from the witness, 1 min (±30 s) after the
    first lost sample
  quota: the first was KubePodCrashLooping from the witness, 16 min 30 s (±30 s) after the first
    lost sample

false alarms, fired before the fault: 0

alerts of which nobody was notified: 1
  KubePersistentVolumeFillingUp (inside): inhibited by X: disk-full

what each alert is needed for: 2
  KubePersistentVolumeFillingUp: without it nobody is told of disk-full
  KubePodCrashLooping: without it nobody is told of quota

late alerts: 3
  KubePersistentVolumeFillingUp (witness): after the first lost sample: disk-full
  KubePersistentVolumeFillingUp (inside): after the first lost sample: disk-full
  KubePodCrashLooping (witness): after the first lost sample and the crash: quota

rules that never fired: 1
  its expression was never true: Typo (rules.yaml:3)

remarks on rules: 1
  no runbook_url: Watchdog (rules.yaml:3)

disk-full: the signature +4m, the first lost sample +1m, the crash +15m, recovery +22m
  alert                          from      fault  signature    lost    crash  resolved   told
  KubePersistentVolumeFillingUp  witness     +2m        -2m     +1m     -13m       +3m    +2m
  KubePersistentVolumeFillingUp  inside   +2m30s     -1m30s  +1m30s  -12m30s      -12m  muted
  KubePodCrashLooping (witness) did not fire; it was pending for 5 min; its `for` is 15 min, and its
    expression was no longer true before that
  Watchdog (witness) went on firing

oom: the signature +4m, the first lost sample +1m, the crash +15m, recovery +22m
  the drilled Prometheus did not evaluate the rules: its version takes no rules

quota: the signature +4m, the first lost sample +1m, the crash +15m, recovery +22m
  alert                from       fault  signature     lost   crash  resolved     told
  KubePodCrashLooping  witness  +17m30s    +13m30s  +16m30s  +2m30s        no  +17m30s"""


def test_a_fault_that_grew_has_a_column() -> None:
    grew = alerted("disk-full", alert(), moments=moments(full_s=24.0))
    text = " ".join(to_text(coverage(run(grew, alerted("oom", alert(LOOPS)))), "x").split())
    assert "incident first alert from fault full lost crash told" in text
    assert f"disk-full {FULL} witness +2m -10m +1m -13m +2m" in text
    assert f"oom {LOOPS} witness +2m - +1m -13m +2m" in text
    assert "A fault that grew begins when most of the volume is filled, at once; full is relative" in text
    assert "disk-full: the volume was full +12m, the signature +4m, the first lost sample +1m, the crash +15m" in text
    assert f"alert from fault full signature lost crash resolved told {FULL} witness +2m -10m -2m" in text
    assert f"alert from fault signature lost crash resolved told {LOOPS} witness +2m -2m" in text, "it did not grow"
    markdown = to_markdown(coverage(run(grew)), "x")
    assert "A fault that grew begins" in markdown
    assert "A fault that grew" not in to_markdown(coverage(run(alerted("oom", alert()))), "x")


def test_text() -> None:
    assert to_text(coverage(a_run()), "reports/latest") == TEXT


def test_the_longest_names_and_times_fit_a_hundred_columns() -> None:
    times = {"moments": moments(first_lost_s=119.0, signature_s=300.0, crashed_s=900.0, recovered_s=3000.0)}
    late = alert(LONG, firing=[(1234.0, None)], evaluator=WITNESS)
    told = alerted("disk-full-cooldown", late, replace(late, evaluator=INSIDE), **times)
    lines = to_text(coverage(run(told)), "reports/latest").splitlines()
    assert max(map(len, lines)) <= WIDTH
    rows = [line for line in lines if line.strip().startswith(LONG) and " witness " in line]
    assert len(rows) == 1, "a row stays one line"
    assert rows[0].split()[2:] == ["+10h17m", "+7h47m", "+9h18m", "+2h47m", "no", "+10h17m"]


def test_markdown_is_one_table_for_all_and_a_folded_one_for_each() -> None:
    text = to_markdown(coverage(a_run()), "reports/latest")
    assert text.startswith(
        "## promdrill alerts: 3 incidents, 4 alerting rules, 1 of which nobody was told, 2 told too late\n\n"
    )
    assert "\n| disk-full | KubePersistentVolumeFillingUp | witness | +2m | +1m | -13m | +2m |\n" in text
    assert "\n**false alarms, fired before the fault: 0**\n\n**alerts of which" in text
    assert text.count("<details>\n<summary>") == text.count("</summary>\n\n") == text.count("\n\n</details>") == 3
    assert "- no runbook\\_url: Watchdog (rules.yaml:3)" in text
    assert "\n\n\n" not in text


def test_json_has_every_figure() -> None:
    found = json.loads(to_json(coverage(a_run()), "reports/latest"))
    assert (found["schema"], found["run"], found["rules"]) == (1, "reports/latest", 4)
    first = found["incidents"][0]
    assert (first["drill"], first["speed"], first["off_s"], first["stood_s"]) == ("disk-full", 30.0, 30.0, 1320.0)
    assert first["alerts"][0]["lead_s"]["crash"] == 780.0
    assert first["alerts"][0]["late"] == ["first-lost-sample"]
    assert found["untold"] == [{"drill": "oom", "why": "no alert fired"}]
    assert [each["why"] for each in found["left_out"]] == ["a control: no-fault", "invalid"]


def test_a_run_without_rules_says_so() -> None:
    nothing = coverage(run(drill(), no_fault()))
    for form in (to_text, to_markdown):
        assert "No drill of this run had alerting rules." in form(nothing, "x")
    assert json.loads(to_json(nothing, "x"))["incidents"] == []
    only_invalid = coverage(run(drill(verdict=Verdict.INVALID, alerts=account(alert()))))
    assert "had alerting rules" not in to_text(only_invalid, "x")


def test_rules_as_they_are_written_are_said_to_be() -> None:
    found = coverage(run(alerted("oom", alert(), speed=1.0, off_by_s=0.0), alerted("quota", alert())))
    lines = to_text(found, "x").splitlines()
    assert "rules as they are written; times are exact" in lines
    assert "rules 30 times as fast, and times as in real life; times may be off by 30 s" in lines


# --- elsewhere -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            account(alert()),
            f"first alert: {FULL} from the witness, 2 min (±30 s) after the fault, 13 min before the crash",
        ),
        (
            account(alert(evaluator=INSIDE), moments=moments(crashed_s=None)),
            f"first alert: {FULL} from inside, 2 min (±30 s) after the fault, 1 min after the first lost sample",
        ),
        (
            account(muted("a route"), moments=AlertMoments()),
            f"first alert: {FULL} from the witness, 2 min (±30 s) after the fault; nobody was told of it: a route",
        ),
        (
            account(alert(firing=[(0.0, None)]), moments=AlertMoments(), off_by_s=0.0, speed=1.0),
            f"first alert: {FULL} from the witness, at the fault",
        ),
        (
            account(alert(), moments=moments(full_s=24.0)),
            f"first alert: {FULL} from the witness, 10 min (±30 s) before the volume was full, 13 min before the crash",
        ),
        (
            account(alert(firing=[(26.0, None)]), moments=AlertMoments(full_s=24.0)),
            f"first alert: {FULL} from the witness, 1 min (±30 s) after the volume was full",
        ),
        (
            account(alert(firing=[(24.0, None)]), moments=AlertMoments(full_s=24.0)),
            f"first alert: {FULL} from the witness, when the volume was full (±30 s)",
        ),
        (account(), "no alert fired"),
        (account(unknown="gone"), "no alert fired; alerts could not be watched to the end: gone"),
    ],
)
def test_the_first_alert_in_one_line(said: AlertAccount, text: str) -> None:
    assert first_alert(said) == text


def test_the_summary_has_a_line_for_each_drill_with_rules() -> None:
    lines = summary.lines([alerted("disk-full", alert()), failed("oom", "no recovery", alerts=account()), drill("x")])
    assert lines[2:] == [
        "         first alert: KubePersistentVolumeFillingUp from the witness, 2 min (±30",
        "         s) after the fault, 13 min before the crash",
        "failed   oom                -          -          -",
        "         no recovery",
        "         no alert fired",
        "passed   x                  -     12.0 s          -",
    ]


def test_drills_whose_fault_cannot_grow_are_named_once() -> None:
    slow = [drill(name, remarks=("Another.", AT_ONCE)) for name in ("oom", "quota")]
    lines = summary.lines([*slow, drill("disk-full", remarks=("Another.",))])
    assert lines[-1] == "at once  oom, quota: GROWTH did nothing, as these faults do not grow"
    assert summary.lines([drill("disk-full")])[-1].startswith("passed")
    assert AT_ONCE == "GROWTH: its fault does not grow; it took effect at once."


def test_junit_has_the_first_alert_and_its_lead_times() -> None:
    found = {name: value for name, value in properties(alerted("oom", alert())).items() if value is not None}
    assert {name: value for name, value in found.items() if "alert" in name or "lead" in name or "told" in name} == {
        "first_alert": FULL,
        "first_alert_from": "witness",
        "first_alert_after_s": 120.0,
        "first_told_after_s": 120.0,
        "alerts_off_by_s": SPEED * OFF_BY_S,
        "lead_fault_s": -120.0,
        "lead_signature_s": 120.0,
        "lead_first_lost_sample_s": -60.0,
        "lead_crash_s": 780.0,
        "lead_recovery_s": 1200.0,
    }
    assert not any("alert" in name for name in properties(drill()))
    text = to_junit(run(alerted("oom", alert(), moments=replace(MOMENTS, crashed_s=None))))
    assert '<property name="first_alert" value="KubePersistentVolumeFillingUp" />' in text
    assert "lead_crash_s" not in text

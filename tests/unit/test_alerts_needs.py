"""What each alert is needed for: each incident is judged again without it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.alerts_world import BEATS, FULL, LOOPS, account, alert, alerted, moments, muted
from tests.unit.compare_world import drill, no_fault, run

from promdrill.core.alerts import Alert, Evaluator
from promdrill.core.model import Verdict
from promdrill.results.alerts.coverage import AlertNeed, Delay, DrillRemark, coverage
from promdrill.results.alerts.show import WIDTH, to_json, to_markdown, to_text

INSIDE, WITNESS = Evaluator.INSIDE, Evaluator.WITNESS

HARMLESS = moments(first_lost_s=None, crashed_s=None)
"""An incident that costs no sample, so that every alert is in time."""

THIRD = "KubePodNotReady"


def needs(*alerts: Alert, options: dict[str, str] | None = None, **fields: Any) -> dict[str, AlertNeed]:
    """What each alert is needed for in a run with one incident, by the alert's name."""
    made = replace(run(alerted("disk-full", *alerts, **{"moments": HARMLESS, **fields})), options=options or {})
    return {each.alert: each for each in coverage(made).needs}


def loops(at_s: float, **fields: Any) -> Alert:
    """Another alert than `FULL`, that fires at a moment, in seconds as measured."""
    return alert(LOOPS, firing=[(at_s, 50.0)], **fields)


def held(why: str, at_s: float = 5.0) -> Alert:
    """An alert that fires at a moment, and of which nobody was told."""
    return muted(why, LOOPS, firing=[(at_s, 50.0)])


def inhibited(by: str = FULL, labels: str = 'namespace="n", severity="critical"') -> str:
    """A reason in the words of a drill's record."""
    return f"inhibited by {by}{{{labels}}}"


# --- what is lost ----------------------------------------------------------------------------------------------------


def test_an_alert_that_alone_tells_is_needed() -> None:
    (found,) = needs(alert()).values()
    assert found == AlertNeed(alert=FULL, severity="critical", alone=("disk-full",))
    assert not found.spare


@pytest.mark.parametrize(("at_s", "later_s"), [(4.0, None), (5.0, None), (5.1, 33.0), (14.0, 300.0)])
def test_later_is_what_is_more_than_times_may_be_off(at_s: float, later_s: float | None) -> None:
    found = needs(alert(), loops(at_s))
    delay = Delay(drill="disk-full", alert=LOOPS, evaluator=WITNESS, later_s=later_s or 0.0, off_s=30.0, too_late=False)
    assert found[FULL].later == ((delay,) if later_s else ())
    assert found[FULL].spare is (later_s is None)
    assert found[LOOPS].spare, "it was not the first"


def test_too_late_is_lost_also_where_times_may_be_off_by_that_much() -> None:
    found = needs(alert(), loops(5.0), moments=moments(first_lost_s=4.5))
    assert [(each.later_s, each.too_late) for each in found[FULL].later] == [(30.0, True)]
    assert needs(alert(), loops(5.0), moments=moments(first_lost_s=3.0))[FULL].spare, "it was too late itself"
    assert needs(alert(), loops(5.0), moments=moments(first_lost_s=5.0))[FULL].spare


def test_an_alert_goes_with_all_its_series_in_both_prometheus() -> None:
    both = (alert(), alert(firing=[(4.5, 50.0)], evaluator=INSIDE), alert(labels={"pod": "b", "severity": "critical"}))
    assert needs(*both, loops(9.0, evaluator=INSIDE))[FULL].later[0].evaluator is INSIDE
    assert needs(*both)[FULL].alone == ("disk-full",)


def test_severities_are_alerts_of_their_own() -> None:
    warns = {"namespace": "n", "severity": "warning"}
    found = coverage(run(alerted("disk-full", alert(), alert(firing=[(9.0, 50.0)], labels=warns), moments=HARMLESS)))
    assert [(each.alert, each.severity, len(each.later), each.spare) for each in found.needs] == [
        (FULL, "critical", 1, False),
        (FULL, "warning", 0, True),
    ]
    text = to_text(found, "x")
    assert f"\nwhat each alert is needed for: 1\n  {FULL} (critical): told later without it: disk-full (2" in text
    assert f"\nalerts that this run could have gone without: 1\n  {FULL} (warning)\n" in text
    bare = coverage(run(alerted("disk-full", alert(), alert(firing=[(9.0, 50.0)], labels={}), moments=HARMLESS)))
    assert f"  {FULL} (no severity)\n" in to_text(bare, "x")


def test_what_told_of_nothing_is_spare() -> None:
    muted_alone = needs(held("a route"))
    assert muted_alone[LOOPS].spare
    assert needs(loops(45.0, notified_s=46.0))[LOOPS].spare, "it fired after recovery"
    assert needs(alert(firing=[(-5.0, -1.0)]))[FULL].spare, "it is only a false alarm"


def test_what_did_not_fire_is_not_asked_about_and_no_heartbeat() -> None:
    beats = {"severity": "none"}
    waits = alert(LOOPS, firing=[], pending=[(4.0, 9.0)])
    assert needs(waits, alert(BEATS, firing=[(-9.0, 31.0)], labels=beats)) == {}
    assert needs(alert(BEATS, firing=[(3.0, None)], labels=beats)) == {}


def test_only_incidents_count() -> None:
    whole = alerted("oom", alert())
    others = (replace(whole, verdict=Verdict.INVALID), no_fault(alerts=account(alert())), drill("quota"))
    (found,) = coverage(run(alerted("disk-full", alert()), whole, *others)).needs
    assert found.alone == ("disk-full", "oom")


# --- what is not known -----------------------------------------------------------------------------------------------


PERHAPS = f"{LOOPS} fired without telling anybody, perhaps because of it"


@pytest.mark.parametrize(
    "why",
    [
        inhibited(),
        inhibited(labels='severity="critical"'),
        "inhibited by an alert that is gone (1a2b)",
    ],
)
def test_what_an_alert_inhibited_might_have_told(why: str) -> None:
    found = needs(alert(), held(why))
    assert found[FULL].not_known == (DrillRemark("disk-full", PERHAPS),)
    assert (found[FULL].alone, found[FULL].later, found[FULL].spare) == ((), (), False)


@pytest.mark.parametrize(
    "why",
    [
        inhibited(THIRD),
        inhibited(f"{FULL}Soon"),
        inhibited(labels='severity="warning"'),
        "muted by time interval 'night' at route 1 (a.yaml:3)",
        f"its receiver '{FULL}{{' tells nobody",
    ],
)
def test_what_something_else_mutes_would_not_have_told(why: str) -> None:
    assert needs(alert(), held(why), options={"ALERTMANAGER": "am.yaml"})[FULL].alone == ("disk-full",)


def test_one_of_several_reasons_is_enough() -> None:
    several = replace(held("x"), muted_by=("muted by time interval 'night'", inhibited()))
    assert needs(alert(), several)[FULL].not_known


def test_an_alert_without_a_severity_inhibits_by_its_name() -> None:
    found = needs(alert(labels={}), held(inhibited(labels="")))
    assert found[FULL].not_known == (DrillRemark("disk-full", PERHAPS),)


def test_what_is_muted_matters_only_where_it_fired_before_the_next_one_that_told() -> None:
    third = alert(THIRD, firing=[(9.0, 50.0)])
    assert needs(alert(), held(inhibited(), 8.9), third)[FULL].not_known
    assert needs(alert(), held(inhibited(), 9.0), third)[FULL].later
    assert needs(alert(), held(inhibited(), 45.0))[FULL].alone, "it fired after recovery"
    assert needs(alert(), held(inhibited()), alert(THIRD))[FULL].spare, "another one tells as soon"


def test_routes_of_yours_may_hold_an_alert_back_without_a_reason() -> None:
    late = loops(5.0, notified_s=45.0)
    never = loops(5.0, notified_s=None)
    for each in (late, never):
        assert needs(alert(), each)[FULL].alone == ("disk-full",), "each alert is told by itself"
        assert needs(alert(), each, options={"ALERTMANAGER": "am.yaml"})[FULL].not_known[0].why == PERHAPS


def test_all_that_may_have_been_held_back_are_named_once() -> None:
    two = (
        held(inhibited()),
        replace(held(inhibited()), evaluator=INSIDE),
        muted(inhibited(), THIRD, firing=[(6.0, 50.0)]),
    )
    why = f"{LOOPS}, {THIRD} fired without telling anybody, perhaps because of it"
    assert needs(alert(), *two)[FULL].not_known[0].why == why


def test_alerts_that_could_not_be_watched_to_the_end_might_have_come() -> None:
    found = needs(alert(), unknown="the witness was gone")[FULL]
    why = "alerts could not be watched to the end: the witness was gone"
    assert found.not_known == (DrillRemark("disk-full", why),)
    assert needs(alert(), loops(9.0), unknown="the witness was gone")[FULL].later
    late = needs(alert(), loops(5.0), unknown="the witness was gone", moments=moments(first_lost_s=4.5))[FULL]
    assert late.not_known == (DrillRemark("disk-full", why),), "perhaps another one came before the harm"


# --- shown -----------------------------------------------------------------------------------------------------------


def test_all_forms_say_it() -> None:
    found = coverage(
        run(
            alerted("disk-full", alert(), loops(14.0), moments=moments(first_lost_s=10.0)),
            alerted("oom", alert(), alert(THIRD, firing=[(6.0, 50.0)], evaluator=INSIDE), moments=HARMLESS),
            alerted("quota", alert(), held(inhibited())),
            alerted("wal-corrupt", alert()),
            alerted("stale-claim", alert()),
        )
    )
    said = (
        f"{FULL}: without it nobody is told of wal-corrupt, stale-claim; told later without it: disk-full (5 min, "
        f"{LOOPS} from the witness; too late), oom (1 min, {THIRD} from inside); not known without it: quota "
        f"({PERHAPS})"
    )
    text = to_text(found, "x")
    assert f"what each alert is needed for: 1 {said} alerts that this run could have gone without: 2" in " ".join(
        text.split()
    )
    assert f"\nalerts that this run could have gone without: 2\n  {LOOPS}\n  {THIRD}\n" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert f"**what each alert is needed for: 1**\n\n- {said}\n\n**alerts that" in to_markdown(found, "x")
    first = json.loads(to_json(found, "x"))["needs"][0]
    assert (first["alert"], first["severity"], first["alone"]) == (FULL, "critical", ["wal-corrupt", "stale-claim"])
    assert first["later"][0] == {
        "drill": "disk-full",
        "alert": LOOPS,
        "evaluator": "witness",
        "later_s": 300.0,
        "off_s": 30.0,
        "too_late": True,
    }
    assert first["not_known"] == [{"drill": "quota", "why": PERHAPS}]


def test_where_nothing_is_spare_there_is_no_list_of_it() -> None:
    text = to_text(coverage(run(alerted("disk-full", alert()))), "x")
    assert "what each alert is needed for: 1\n" in text
    assert "could have gone without" not in text
    assert "needed for" not in to_text(coverage(run(alerted("disk-full", held("a route")))), "x")

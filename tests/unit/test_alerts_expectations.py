"""alerts.toml: what is read, what is refused, and what becomes of an expectation in a drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.alerts_world import FULL, LOOPS, account, alert, alerted, moments, muted, rule
from tests.unit.compare_world import failed, no_fault, run
from tests.unit.inputs_world import GOOD_EXPECTATIONS

from promdrill.core import durations
from promdrill.core.alerts import Alert, AlertAccount, AlertMoments, Evaluator, Expected
from promdrill.core.errors import UsageError
from promdrill.core.model import RunResult
from promdrill.results.alerts.expectations import Expectation, SeenBy, read, require_known
from promdrill.results.alerts.judge import judged, shortfall, words
from promdrill.results.alerts.marks import Mark
from promdrill.results.alerts.propose import propose
from promdrill.results.words import about, span

INSIDE, WITNESS = Evaluator.INSIDE, Evaluator.WITNESS


# --- durations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "figure_s"),
    [
        *(("2m", 120.0), ("1h30m", 5400.0), ("90s", 90.0), ("500ms", 0.5), ("1d2h", 93600.0), ("1w", 604800.0)),
        *(("0", 0.0), ("0s", 0.0), ("1y", 31536000.0), ("1m500ms", 60.5)),
    ],
)
def test_durations_are_those_of_prometheus(text: str, figure_s: float) -> None:
    assert durations.parse(text) == figure_s
    assert durations.parse(durations.write(figure_s)) == figure_s


@pytest.mark.parametrize(
    "text", ["", "2", "m", "1m1h", "1.5m", "-1m", "1 m", "2M", "1m2m", "1h30", "\u0663m", "300y", "9" * 19 + "s"]
)
def test_all_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a duration|longer than"):
        durations.parse(text)


def test_times_of_the_operators_are_written_for_people() -> None:
    figures = (0, 4.24, 9.96, 30.4, 60, 125, 3599.6, 3600, 3720, 90000)
    said = ["0 s", "4.2 s", "10 s", "30 s", "1 min", "2 min 05 s", "1 h", "1 h", "1 h 02 min", "25 h"]
    assert [span(figure) for figure in figures] == said
    assert [about(120, 30), about(120, 0)] == ["2 min (±30 s)", "2 min"]


# --- reading ---------------------------------------------------------------------------------------------------------


def file_of(folder: Path, text: str) -> Path:
    """An alerts.toml."""
    file = folder / "alerts.toml"
    file.write_text(text, encoding="utf-8")
    return file


def entry(**lines: str) -> str:
    """One expectation, of the alert X of disk-full unless it is said otherwise; an empty value leaves the key out."""
    whole = {"scenario": '"disk-full"', "alert": '"X"', **lines}
    return "[[expect]]\n" + "".join(f"{key} = {value}\n" for key, value in whole.items() if value)


def test_what_is_written_is_what_is_expected(tmp_path: Path) -> None:
    file = file_of(tmp_path, GOOD_EXPECTATIONS)
    assert read(file) == (
        Expectation(
            scenario="disk-full",
            alert=FULL,
            within_s=90.0,
            mark=Mark.FAULT,
            seen_by=SeenBy.WITNESS,
            resolve_within_s=300.0,
            notify="pager",
            place=f"{file}:2",
        ),
        Expectation(scenario="*", alert=LOOPS, within_s=0.0, mark=Mark.CRASH, before=True, place=f"{file}:11"),
        Expectation(scenario="oom", alert="PrometheusBadConfig", must_not_fire=True, place=f"{file}:16"),
    )


@pytest.mark.parametrize("mark", list(Mark))
def test_every_moment_can_be_named(tmp_path: Path, mark: Mark) -> None:
    (found,) = read(file_of(tmp_path, entry(within='"5m"', before=f'"{mark}"')))
    assert (found.mark, found.before, found.within_s) == (mark, True, 300.0)


def test_an_alert_may_be_asked_only_to_fire(tmp_path: Path) -> None:
    (found,) = read(file_of(tmp_path, entry()))
    assert (found.mark, found.within_s, found.must_not_fire, found.seen_by) == (None, None, False, SeenBy.EITHER)


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("", "1: has no [[expect]]", "promdrill alerts propose"),
        ("x = 1\n", "1: x: not a key", "[[expect]]"),
        ("\n[[expct]]\n", "2: expct: not a key", "[[expect]]"),
        ("[expect]\nx = 1\n", "1: expect: each one needs its own header", "[[expect]]"),
        ("expect = [1]\n", "1: expect: each one needs its own header", "[[expect]]"),
        (entry(scenario=""), "1: scenario is missing", 'scenario = "..."'),
        (entry(alert=""), "1: alert is missing", 'alert = "..."'),
        (entry(alert='" "'), '3: alert: " ": not a name', 'alert = "..."'),
        (entry(alert="7"), "3: alert: 7: not a name", 'alert = "..."'),
        (entry(witin='"2m"'), "4: witin: not a key of [[expect]]", "within"),
        (entry(within="120"), "4: within: 120: not a duration, which is a text", 'within = "2m"'),
        (
            entry(within='"2 min"', after='"fault"'),
            '4: within: "2 min": not a duration, such as 30s, 5m or 1h30m',
            'within = "2m"',
        ),
        (entry(within='"2m"'), "4: within: says no moment", 'after = "fault"'),
        (entry(after='"fault"'), "4: after: does not say how long after it", 'within = "2m"'),
        (
            entry(within='"2m"', after='"fault"', before='"crash"'),
            "5: after: there is a before too",
            "one of the two",
        ),
        (
            entry(within='"2m"', after='"fualt"'),
            '5: after: "fualt": not one of fault, full, signature, first-lost-sample, crash, recovery',
            'after = "fault"',
        ),
        (entry(seen_by='"outside"'), '4: seen_by: "outside": not one of inside, witness, either', 'seen_by = "inside"'),
        (entry(seen_by="true"), "4: seen_by: true: not one of inside, witness, either", 'seen_by = "inside"'),
        (entry(must_not_fire='"yes"'), '4: must_not_fire: "yes": neither true nor false', "must_not_fire = true"),
        *(
            (
                entry(must_not_fire="true", **{key: value}),
                f"5: {key}: asks for an alert that fires, and must_not_fire for none",
                f"no {key}",
            )
            for key, value in (
                *(("within", '"2m"'), ("before", '"crash"'), ("after", '"fault"')),
                *(("must_resolve", '"5m"'), ("notify", '"pager"')),
            )
        ),
        (entry(must_resolve="true"), "4: must_resolve: true: not a duration", 'must_resolve = "2m"'),
        (entry(notify='""'), '4: notify: "": not a name', 'notify = "..."'),
        (f"{entry()}\n{entry()}", "5: the same as ", "remove one"),
        ("[[expect]]\nalert = X\n", "2: not TOML", "texts need quotes"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, why: str, hint: str) -> None:
    file = file_of(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        read(file)
    assert refused.value.message.startswith(f"{file}:{why}"), refused.value.message
    assert hint in refused.value.hint


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*alerts\.toml"):
        read(tmp_path / "alerts.toml")


def test_names_are_refused_only_where_all_of_them_are_known(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, GOOD_EXPECTATIONS))
    require_known(found)
    require_known(found, alerts=[FULL, LOOPS, "PrometheusBadConfig"], scenarios=["disk-full", "oom"])
    with pytest.raises(UsageError) as refused:
        require_known(found, alerts=[f"{FULL}s", LOOPS])
    assert refused.value.message.endswith(f"alerts.toml:2: no rule has the alert {FULL}")
    assert refused.value.hint == f'alert = "{FULL}s"'
    with pytest.raises(UsageError) as refused:
        require_known(found, scenarios=["disk-full", "oomm"])
    assert refused.value.message.endswith("alerts.toml:16: no scenario is called oom")
    assert refused.value.hint == 'scenario = "oomm"'


# --- judging ---------------------------------------------------------------------------------------------------------


def expect(**fields: Any) -> Expectation:
    """That the alert fires, unless `fields` say more."""
    return Expectation(**{"scenario": "disk-full", "alert": FULL, "place": "alerts.toml:7", **fields})


def why(expectation: Expectation, *alerts: Alert, **fields: Any) -> str:
    """Why it is not met by a drill with these alerts; empty if it is."""
    (found,) = judged([expectation], "disk-full", account(*alerts, **{"rules": [rule(), rule(LOOPS)], **fields}))
    assert found.met == (not found.why)
    assert (found.place, found.text) == ("alerts.toml:7", words(expectation))
    return found.why


IN_2M = expect(within_s=120.0, mark=Mark.FAULT)
BEFORE_CRASH = expect(within_s=0.0, mark=Mark.CRASH, before=True)


def test_only_what_is_about_the_scenario_is_judged() -> None:
    every, other = expect(scenario="*"), expect(scenario="oom")
    assert [each.text for each in judged([every, other], "disk-full", account(alert()))] == [f"{FULL} fires"]
    assert judged([other], "disk-full", account()) == ()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "fires"),
        ({"within_s": 120.0, "mark": Mark.FAULT}, "fires within 2 min after the fault"),
        ({"within_s": 0.0, "mark": Mark.CRASH, "before": True}, "fires before the crash"),
        (
            {"within_s": 300.0, "mark": Mark.FIRST_LOST, "before": True, "seen_by": SeenBy.INSIDE},
            "fires at the latest 5 min before the first lost sample (inside)",
        ),
        (
            {"resolve_within_s": 300.0, "notify": "pager"},
            "fires, is resolved within 5 min after recovery, notifies pager",
        ),
        (
            {"within_s": 900.0, "mark": Mark.FULL, "before": True},
            "fires at the latest 15 min before the volume was full",
        ),
        ({"within_s": 60.0, "mark": Mark.FULL}, "fires within 1 min after the volume was full"),
        ({"must_not_fire": True, "seen_by": SeenBy.WITNESS}, "does not fire (witness)"),
    ],
)
def test_expectations_in_words(fields: dict[str, Any], text: str) -> None:
    assert words(expect(**fields)) == f"{FULL} {text}"


def test_an_alert_in_time_meets_its_expectation() -> None:
    assert why(IN_2M, alert(firing=[(4.0, None)])) == ""
    assert why(BEFORE_CRASH, alert(firing=[(29.0, None)])) == ""
    assert why(expect(within_s=780.0, mark=Mark.CRASH, before=True), alert()) == ""
    assert why(expect(within_s=60.0, mark=Mark.CRASH), alert()) == "", "before it is not later than after it"
    assert why(expect(), alert(firing=[(59.0, None)])) == ""


@pytest.mark.parametrize(
    ("each", "alerts", "fields", "said"),
    [
        (IN_2M, [], {}, f"{FULL} did not fire within 2 min after the fault; its expression was never true"),
        (
            *(IN_2M, [alert(firing=[], pending=[(4.0, 7.0)])], {}),
            (
                f"{FULL} did not fire within 2 min after the fault; it was pending for 1 min 30 s; its `for` is 1 min, "
                "and its expression was no longer true before that"
            ),
        ),
        (
            *(IN_2M, [alert(firing=[(5.0, None)])], {}),
            f"{FULL} did not fire within 2 min after the fault; it fired 2 min 30 s (±30 s) after the fault",
        ),
        (
            *(BEFORE_CRASH, [alert(firing=[(31.0, None)])], {}),
            f"{FULL} did not fire before the crash; it fired 30 s (±30 s) after the crash",
        ),
        (
            *(expect(within_s=300.0, mark=Mark.CRASH, before=True), [alert(firing=[(25.0, None)])], {}),
            f"{FULL} did not fire at the latest 5 min before the crash; it fired 2 min 30 s (±30 s) before the crash",
        ),
        (
            *(IN_2M, [alert(firing=[(-3.0, None)])], {}),
            f"{FULL} did not fire within 2 min after the fault; it had fired before the fault already",
        ),
        (expect(), [], {"rules": []}, f"{FULL} did not fire; no rule has that name"),
        (
            *(expect(), [], {"rules": [rule(unknown_metrics=("kubelet_volumes",))]}),
            f"{FULL} did not fire; it reads kubelet_volumes, of which nothing is stored",
        ),
        (
            *(expect(), [], {"rules": [rule(error="bad matching")]}),
            f"{FULL} did not fire; its rule could not be evaluated: bad matching",
        ),
        (
            *(expect(seen_by=SeenBy.INSIDE), [alert()], {"not_inside": "it takes no rules"}),
            (
                f"{FULL} did not fire (inside); the drilled Prometheus did not evaluate the rules: it takes no rules; "
                "from the witness it fired 2 min (±30 s) after the fault"
            ),
        ),
        (
            *(expect(), [], {"unknown": "the witness is gone"}),
            (
                f"{FULL} did not fire; its expression was never true; alerts could not be watched to the end: the "
                "witness is gone"
            ),
        ),
    ],
)
def test_an_alert_that_did_not_come_in_time_says_why(
    each: Expectation, alerts: Sequence[Alert], fields: dict[str, Any], said: str
) -> None:
    assert why(each, *alerts, **fields) == said


@pytest.mark.parametrize(
    ("mark", "missing", "said"),
    [
        (Mark.CRASH, {"crashed_s": None}, "the server did not crash"),
        (Mark.FULL, {"full_s": None}, "no volume was filled slowly, with GROWTH, to its end"),
        (Mark.FIRST_LOST, {"first_lost_s": None}, "no sample was lost"),
        (Mark.SIGNATURE, {"signature_s": None}, "the signature was not seen"),
        (Mark.RECOVERY, {"recovered_s": None}, "recovery was not proven"),
    ],
)
def test_a_moment_that_did_not_come_is_never_met(mark: Mark, missing: dict[str, None], said: str) -> None:
    for before in (True, False):
        each = expect(within_s=0.0, mark=mark, before=before)
        found = why(each, alert(), moments=moments(**missing))
        assert found == f"{FULL} fired 2 min (±30 s) after the fault, but it is not known whether in time: {said}"


def test_an_alert_may_have_to_come_before_the_volume_is_full() -> None:
    grew = moments(full_s=24.0)
    early = expect(within_s=600.0, mark=Mark.FULL, before=True)
    assert why(early, alert(), moments=grew) == ""
    assert why(early, alert(firing=[(5.0, None)]), moments=grew) == (
        f"{FULL} did not fire at the latest 10 min before the volume was full; "
        "it fired 9 min 30 s (±30 s) before the volume was full"
    )
    late = expect(within_s=60.0, mark=Mark.FULL)
    assert why(late, alert(firing=[(26.0, None)]), moments=grew) == ""
    assert why(late, alert(firing=[(27.0, None)]), moments=grew).endswith(
        "it fired 1 min 30 s (±30 s) after the volume was full"
    )
    sharp = expect(within_s=0.0, mark=Mark.FULL, before=True)
    assert why(sharp, alert(firing=[(24.0, None)]), moments=grew) == "", "just in time"


def test_who_has_to_see_it_counts() -> None:
    seen = alert(firing=[(4.0, None)], evaluator=INSIDE)
    assert why(replace(IN_2M, seen_by=SeenBy.INSIDE), seen) == ""
    assert why(IN_2M, seen) == ""
    late = why(replace(IN_2M, seen_by=SeenBy.WITNESS), seen, alert(firing=[(9.0, None)]))
    assert (
        late
        == f"{FULL} did not fire within 2 min after the fault (witness); it fired 4 min 30 s (±30 s) after the fault"
    )
    only = why(replace(IN_2M, seen_by=SeenBy.WITNESS), seen)
    assert only.endswith("its expression was never true; from inside it fired 2 min (±30 s) after the fault")


def test_an_alert_that_must_not_fire_must_not_fire_at_any_time() -> None:
    never = expect(must_not_fire=True)
    assert why(never) == ""
    assert why(never, alert(firing=[], pending=[(3.0, 4.0)])) == ""
    assert why(never, alert()) == f"{FULL} fired 2 min (±30 s) after the fault, and must not"
    assert why(never, alert(firing=[(-4.0, -3.0)])) == f"{FULL} fired before the fault, and must not"
    assert why(never, alert(LOOPS)) == ""
    assert why(replace(never, seen_by=SeenBy.INSIDE), alert()) == "", "the witness is not asked"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rules": []}, "no rule has that name"),
        ({"rules": [rule(error="bad matching")]}, "its rule could not be evaluated: bad matching"),
        ({"unknown": "the witness is gone"}, "alerts could not be watched to the end: the witness is gone"),
        ({"not_inside": "too old"}, "the drilled Prometheus did not evaluate the rules: too old"),
    ],
)
def test_a_silence_that_proves_nothing_is_not_met(fields: dict[str, Any], said: str) -> None:
    each = expect(must_not_fire=True, seen_by=SeenBy.INSIDE)
    assert why(each, **fields) == f"it is not known whether {FULL} would have fired: {said}"


def test_an_alert_that_could_not_fire_in_the_time_there_was_proves_nothing() -> None:
    waits = alert(firing=[], pending=[(3.0, None)])
    patient = {"rules": [rule(for_s=2101.0)]}
    found = why(expect(must_not_fire=True), waits, **patient)
    assert found.endswith("it was pending, and its `for` is 35 min 01 s, but alerts were watched for 35 min")
    assert why(expect(must_not_fire=True), waits, rules=[rule(for_s=2100.0)]) == ""
    assert why(expect(must_not_fire=True), **patient) == "", "it was never even pending"


@pytest.mark.parametrize(
    ("firing", "fields", "said"),
    [
        ([(4.0, 50.0)], {}, ""),
        ([(4.0, 40.0)], {}, ""),
        ([(4.0, 54.5)], {}, "it was 5 min 15 s (±30 s) after recovery"),
        ([(4.0, None)], {}, "it still fired 8 min (±30 s) after recovery, when the drill ended"),
        ([(4.0, None)], {"moments": moments(ended_s=None)}, "it still fired"),
        ([(4.0, 50.0)], {"moments": moments(recovered_s=None)}, "recovery was not proven"),
    ],
)
def test_an_alert_must_be_resolved_in_time(
    firing: list[tuple[float, float | None]], fields: dict[str, Any], said: str
) -> None:
    missed = f"{FULL} was not resolved within 5 min after recovery; "
    found = why(expect(resolve_within_s=300.0), alert(firing=firing), **fields)
    assert found == (f"{missed}{said}" if said else "")


def test_all_of_its_series_must_be_resolved() -> None:
    other = alert(firing=[(5.0, None)], labels={"pod": "b"})
    assert "it still fired" in why(expect(resolve_within_s=300.0), alert(), other)


def test_an_alert_that_did_not_fire_need_not_be_resolved_where_nothing_asks_that_it_fires() -> None:
    asked = expect(only_if_fired=True, resolve_within_s=300.0)
    assert words(asked) == f"{FULL}, if it fires, is resolved within 5 min after recovery"
    assert why(asked) == ""
    assert why(asked, alert(firing=[], pending=[(4.0, 9.0)])) == ""
    assert why(asked, alert(firing=[(-5.0, None)])) == "", "it had fired before the fault already"
    assert why(asked, alert(firing=[(4.0, 54.0)])) == ""
    late = f"{FULL} was not resolved within 5 min after recovery; it "
    assert why(asked, alert(firing=[(4.0, 54.1)])) == f"{late}was 5 min 03 s (±30 s) after recovery"
    assert why(asked, alert(firing=[(4.0, None)])).startswith(f"{late}still fired")
    assert why(asked, alert(firing=[(4.0, None)], evaluator=INSIDE)).startswith(f"{late}still fired")


def test_whether_it_fired_is_not_known_where_alerts_could_not_be_watched() -> None:
    asked = expect(only_if_fired=True, resolve_within_s=300.0)
    said = f"it is not known whether {FULL} fired: alerts could not be watched to the end: gone"
    assert why(asked, unknown="gone") == said
    assert why(asked, alert(firing=[(4.0, 50.0)]), unknown="gone") == ""


def test_its_receiver_must_be_notified() -> None:
    page = expect(notify="pager")
    assert why(page, alert()) == ""
    assert why(page, muted()) == f"{FULL} did not notify pager; inhibited by X"
    assert why(page, replace(muted(), muted_by=())) == f"{FULL} did not notify pager; no notification came"
    assert why(page, alert(receivers=("mail",))) == f"{FULL} did not notify pager; mail was notified"
    assert why(page, alert(receivers=("mail", "chat"))) == f"{FULL} did not notify pager; mail, chat were notified"


def test_an_alert_that_fails_in_several_ways_says_all_of_them() -> None:
    each = replace(IN_2M, resolve_within_s=60.0, notify="pager")
    assert why(each, muted(firing=[(5.0, None)])) == (
        f"{FULL} did not fire within 2 min after the fault; it fired 2 min 30 s (±30 s) after the fault; was not "
        "resolved within 1 min after recovery; it still fired 8 min (±30 s) after recovery, when the drill ended; did "
        "not notify pager; inhibited by X"
    )
    assert why(each).count(";") == 1, "what did not fire need not be resolved"


def test_without_alerts_nothing_is_met() -> None:
    found = judged([expect(), expect(must_not_fire=True)], "disk-full", None)
    assert [(each.met, each.why) for each in found] == [(False, f"{FULL}: its alerts were not watched")] * 2


def test_a_drill_fails_with_the_first_reason_first() -> None:
    met, missed = (
        Expected(text="a", met=True),
        Expected(text="b", met=False, why="X did not fire", place="alerts.toml:7"),
    )
    assert (shortfall([]), shortfall([met])) == (None, None)
    assert shortfall([met, missed]) == "X did not fire (alerts.toml:7)"
    assert shortfall([missed, met, missed]) == "X did not fire (alerts.toml:7); 1 more expectation is not met"
    assert shortfall([replace(missed, place=""), missed, missed]) == "X did not fire; 2 more expectations are not met"


# --- proposing -------------------------------------------------------------------------------------------------------


PROPOSED = """\
# Which alerts have to tell of which incident: a proposal, made from reports/latest. Durations are
# real time. Each limit is what was measured, plus by how much that may be off, rounded up. Read
# each of them: is it early enough for you?
# oom: no alert fired.

# It fired 2 min (±30 s) after the fault, 13 min before the crash. Margin: 30 s that this may be
# off, then rounded up to 2 min 30 s.
# It was resolved 3 min (±30 s) after recovery. Margin: 30 s that this may be off, then rounded up
# to 3 min 30 s.
[[expect]]
scenario = "disk-full"
alert = "KubePersistentVolumeFillingUp"
within = "2m30s"
after = "fault"
seen_by = "witness"
must_resolve = "3m30s"

# It fired 17 min 30 s (±30 s) after the fault, 2 min 30 s after the crash. Margin: 30 s that this
# may be off, then rounded up to 18 min.
# It was not seen to be resolved.
[[expect]]
scenario = "quota"
alert = "KubePodCrashLooping"
within = "18m"
after = "fault"
seen_by = "inside"
"""


def a_run() -> RunResult:
    """Two incidents that alerts named, one that none did, and drills that say nothing."""
    return run(
        alerted("disk-full", alert(LOOPS, firing=[(5.0, None)]), alert()),
        alerted("oom", alert(firing=[(50.0, None)])),
        alerted("quota", alert(LOOPS, firing=[(35.0, None)], evaluator=INSIDE)),
        failed("typo", alerts=account(alert())),
        no_fault(alerts=account(alert())),
    )


def test_a_proposal_has_the_first_alert_of_each_repaired_incident(tmp_path: Path) -> None:
    found = propose(a_run(), "reports/latest")
    assert found.text == PROPOSED
    assert (found.expected, found.silent) == (2, ("oom",))
    expectations = read(file_of(tmp_path, found.text))
    assert [each.alert for each in expectations] == [FULL, LOOPS]
    for drill in a_run().drills[:3]:
        assert shortfall(judged(expectations, drill.scenario, drill.alerts)) is None, "the run meets its own proposal"


def test_a_proposal_says_how_long_before_a_slow_volume_was_full() -> None:
    made = propose(run(alerted("disk-full", alert(), moments=moments(full_s=24.0))), "x")
    assert "# It fired 2 min (±30 s) after the fault, 10 min before the volume was full. Margin" in made.text


def test_of_repeats_the_slowest_counts_and_only_what_fired_in_all() -> None:
    found = propose(
        run(
            alerted("oom", alert(firing=[(2.0, 46.0)]), alert(LOOPS, firing=[(8.0, 50.0)])),
            alerted("oom", alert(LOOPS, firing=[(12.0, 45.0)])),
            alerted("quota", alert()),
            alerted("quota", alert(LOOPS)),
        ),
        "x",
    )
    assert (found.expected, found.silent) == (1, ("quota",))
    assert f'alert = "{LOOPS}"\nwithin = "7m"\n' in found.text
    assert 'must_resolve = "3m30s"' in found.text
    assert "# It fired 6 min (±30 s) after the fault, 9 min before the crash, in the slowest of 2 drills." in found.text
    assert "# quota: no alert fired, in the slowest of 2 drills." not in found.text
    assert "# quota: no alert fired in all of 2 drills." in found.text


@pytest.mark.parametrize(
    ("fired_s", "within"), [(0.0, "30s"), (9.0, "5m"), (9.1, "6m"), (118.9, "1h"), (119.1, "1h5m"), (500.0, "4h15m")]
)
def test_limits_are_rounded_up_to_what_a_person_would_write(fired_s: float, within: str) -> None:
    found = propose(run(alerted("oom", alert(firing=[(fired_s, None)]), moments=AlertMoments())), "x")
    assert f'\nwithin = "{within}"\n' in found.text


def test_any_name_can_be_proposed(tmp_path: Path) -> None:
    odd = 'A "quoted"\\ \N{SNOWMAN}\N{PILE OF POO}'
    found = propose(run(alerted("oom", alert(odd, labels={}))), "a\nb\x1b[31m")
    (expectation,) = read(file_of(tmp_path, found.text))
    assert expectation.alert == odd


def test_a_run_without_alerts_proposes_nothing() -> None:
    found: AlertAccount | None = None
    assert propose(run(failed(alerts=found)), "x").expected == 0

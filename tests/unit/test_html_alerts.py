"""Alerts on the page: a row for each in the timeline, and whether somebody would have been warned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.alerts_world import BEATS, LOOPS, alert, alerted, moments, muted, rule
from tests.unit.compare_world import aborted
from tests.unit.html_world import Page, Told, a_drill, a_run, result
from tests.unit.test_alerts_timeline import at, change, faulted, told

from promdrill.core.alerts import Alert, Evaluator
from promdrill.core.events import AlertMuted, AlertNotified, AlertRulesLoaded, AlertsUnknown, FaultFull
from promdrill.core.model import DrillResult
from promdrill.report.html import alerts, warned
from promdrill.report.html.draw import Canvas
from promdrill.report.html.lanes import Group
from promdrill.report.html.limits import Limits, limits
from promdrill.report.html.page import to_html
from promdrill.results.alerts import show
from promdrill.results.alerts.coverage import coverage
from promdrill.results.store import read
from promdrill.results.words import NOTHING

EVIL = '<img src=https://example.org/x onerror="x"> password=hunter2'


def drawn(made: Told, most: Limits | None = None) -> Group:
    """The rows of a drill's alerts, with their drawings."""
    timeline = made.timeline()
    canvas = Canvas(timeline.length_s)
    found = alerts.group(timeline, canvas, most or Limits())
    for row, svg in zip(found.rows, canvas.render(), strict=True):
        row.svg = svg
    return found


def notified(after: float, **fields: Any) -> AlertNotified:
    """The first notification, so many seconds after the drill began."""
    whole: dict[str, Any] = {"alert": "Full", "labels": {"namespace": "n"}, "evaluator": Evaluator.WITNESS}
    return AlertNotified(**(whole | {"receiver": "pager", "resolved": False, "sent": at(after)} | fields))


def html_of(place: Path, *results: DrillResult, made: Told | None = None) -> str:
    a_run(place, *results, journals=[("disk-full", made or a_drill())])
    return to_html([place], beside=place)


def matrix(*results: DrillResult, tmp_path: Path) -> str:
    """The words from the title to the end of the lists."""
    text = Page(html_of(tmp_path / "run", *results)).text
    return text[text.index("Would you have been warned?") : text.index("Time to recovery")]


def rows(html: str) -> dict[str, str]:
    """The words of each row of the matrix, by its incident."""
    (table,) = re.findall(r'<table class="grid warned">.*?</table>', html, re.DOTALL)
    found = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table, re.DOTALL)
    return {Page(name).text: Page(f"<table>{cells}</table>").text for name, cells in found}


# --- rows of a timeline ----------------------------------------------------------------------------------------------


def test_pending_is_light_firing_strong_and_the_first_notification_a_mark() -> None:
    made = faulted(told(), 1.0).tell(change("pending", 2.0, value="0.01"), 2.0)
    made.tell(change("firing", 2.0, summary="It fills.", value="0.0200001"), 2.0).tell(notified(6.0), 1.0)
    made.tell(notified(8.0)).tell(change("inactive"), 4.0)
    (row,) = drawn(made).rows
    assert (row.label, row.figure, row.note) == ("Full", "witness", "")
    assert dict(row.svg.shapes) == {"pending": "M200 10H500", "firing": "M500 10H1000", "told": "M600 10h0"}
    assert row.told == (
        '{namespace="n"}\nIt fills. pending from 0:02.0 to 0:05.0; fires from 0:05.0 to 0:10.0; '
        "first notification at 0:06.0 to pager; value 0.02."
    )


def test_series_of_one_alert_share_a_row_and_evaluators_do_not() -> None:
    made = faulted(told(), 1.0)
    for pod in ("a", "b"):
        made.tell(change("firing", 1.0, labels={"namespace": "n", "pod": pod}), 1.0)
    made.tell(change("firing", 1.0, evaluator=Evaluator.INSIDE)).tell(change("firing", 1.0, labels={"severity": "x"}))
    found = drawn(made)
    assert [(row.label, row.figure) for row in found.rows] == [
        ("Full (x2)", "witness"),
        ("Full", "inside"),
        ("Full", "witness"),
    ]
    common, first, second = found.rows[0].told.splitlines()
    assert common == '{namespace="n"}'
    assert first.startswith('{pod="a"} ')
    assert second.startswith('{pod="b"} ')


def test_the_first_to_fire_comes_first_then_what_was_pending_then_heartbeats() -> None:
    made = told().tell(change("firing", 0.0, alert=BEATS, labels={"severity": "none"}))
    faulted(made, 2.0).tell(change("pending", 2.0, alert="Waits"), 1.0)
    made.tell(change("firing", 3.0, alert="Late"), 3.0).tell(change("firing", 2.5, alert="Early"), 0.0)
    found = drawn(made)
    assert [row.label for row in found.rows] == ["Early", "Late", "Waits", BEATS]
    assert [row.note for row in found.rows[2:]] == ["pending only", "its absence tells"]


def test_a_row_says_what_its_drawing_does_not() -> None:
    made = told().tell(change("firing", 0.0), 1.0).tell(notified(1.0))
    faulted(made, 2.0).tell(change("firing", 3.0, alert="Loops"), 1.0)
    made.tell(AlertMuted(alert="Loops", labels={"namespace": "n"}, evaluator=Evaluator.WITNESS, why="inhibited by X"))
    first, second = drawn(made).rows
    assert first.note == "false alarm: fired before the fault"
    assert second.note == "nobody was told"
    assert "nobody was told: inhibited by X" in second.told


def test_the_caption_says_how_fast_rules_ran_and_how_far_off_moments_are() -> None:
    assert drawn(told()).note == (
        "Rules ran 30 times as fast as they are written: 1 s here stands for 30 s of real time. "
        "A moment may be off by 1.0 s, which is 30 s of real time. No alert was pending, and none fired."
    )
    made = Told().tell(AlertRulesLoaded(speed=1.0, off_by_s=0.0, not_inside="no chart"))
    made.tell(AlertsUnknown(error="connection refused"))
    note = drawn(made).note
    assert note.startswith("Rules ran as they are written. Moments are exact. The drilled Prometheus did not")
    assert "the rules: no chart. Alerts could not be watched to the end: connection refused." in note


def test_the_caption_says_when_a_volume_was_full_that_was_filled_slowly() -> None:
    made = faulted(told(), 1.0).tell(FaultFull(fault="fill"), 40.5)
    assert "of real time. The volume was filled slowly, and full at 0:41.5. No alert" in drawn(made).note


def test_of_too_many_alerts_there_is_the_number() -> None:
    made = faulted(told(), 1.0)
    for number in range(5):
        made.tell(change("firing", 1.0, alert=f"Alert{number}"), 0.5)
    found = drawn(made, Limits(alerts=3))
    assert [row.label for row in found.rows] == ["Alert0", "Alert1", "Alert2"]
    assert found.note.endswith("Not drawn, but in the log below: 2 more alerts.")
    assert limits(1).alerts == Limits().alerts > limits(1000).alerts > 0


def test_many_series_stay_short() -> None:
    made = faulted(told(), 1.0)
    for number in range(50):
        labels = {"pod": str(number), "long": "very long " * 200}
        made.tell(change("firing", 1.0, labels=labels, summary="says much " * 200), 0.1)
    (row,) = drawn(made).rows
    assert row.label == "Full (x50)"
    assert row.told.endswith(f"\nAnd {50 - alerts.MOST_SERIES} more.")
    assert len(row.told) < (alerts.MOST_SERIES + 2) * Limits().detail


# --- the page --------------------------------------------------------------------------------------------------------


def test_without_rules_nothing_is_said_of_alerts(tmp_path: Path) -> None:
    html = html_of(tmp_path / "run", result())
    page = html[html.index("</style>") :]
    for words in ("larm", "Alerts", "warned", "k-firing", "pending"):
        assert words not in page


def test_a_drill_shows_its_alerts(tmp_path: Path) -> None:
    made = a_drill()
    made.tell(AlertRulesLoaded(speed=30.0, off_by_s=1.0)).tell(change("firing", 1.0), 1.0)
    text = Page(html_of(tmp_path / "run", result(), made=made)).text
    assert "Alerts Rules ran 30 times as fast" in text
    assert "pending fires first notification" in text


def test_blind_spots_come_first_and_everything_is_said_in_words(tmp_path: Path) -> None:
    harmless = moments(first_lost_s=None, crashed_s=None)
    html = html_of(
        tmp_path / "run",
        alerted("a-told", alert(firing=((4.0, 50.0),)), moments=moments(first_lost_s=None)),
        alerted("a-told-slowly", alert(firing=((4.0, 50.0),)), moments=moments(full_s=24.0, first_lost_s=25.0)),
        alerted("b-harmless", alert(firing=((4.0, 50.0),)), moments=harmless),
        alerted("c-late", alert(firing=((4.0, 50.0),)), alert(LOOPS, ((-1.0, 3.0), (5.0, 50.0)))),
        alerted("d-unknown", unknown="connection refused"),
        alerted("e-blind", muted("inhibited by X")),
        alerted("f-blind", alert(firing=(), pending=((4.0, 9.0),))),
        alerted("f-without", alert(firing=((4.0, 9.0),), pending=((-4.0, 4.0),))),
        aborted("g-aborted"),
    )
    found = rows(html)
    assert list(found) == [
        "e-blind",
        "f-blind",
        "f-without",
        "c-late",
        "d-unknown",
        "a-told",
        "a-told-slowly",
        "b-harmless",
    ]
    none = f"{NOTHING} no"
    parts = "Kube Persistent Volume Filling Up"
    assert found["e-blind"] == f"blind nobody was told not told 1 min after, witness {none}"
    assert found["f-blind"] == f"blind nobody was told pending witness {none}"
    assert found["f-without"] == f"blind nobody was told unrelated witness {none}"
    assert (
        found["c-late"] == f"late 1 min after, {parts} late 1 min after, witness false alarm before the fault, witness"
    )
    assert found["d-unknown"] == f"not known {none} {none}"
    assert found["a-told"].startswith(f"told 13 min before, {parts} told 13 min before, witness")
    assert found["a-told-slowly"].startswith(f"told 10 min before it was full, {parts} told 10 min before it was full,")
    assert found["b-harmless"].startswith(f"told 2 min after the fault, {parts} told 2 min after the fault, witness")
    assert 'title="inhibited by X"' in html
    assert 'title="connection refused"' in html


def test_both_evaluators_and_both_severities_are_told_apart(tmp_path: Path) -> None:
    inside = alert(firing=((6.0, 50.0),), evaluator=Evaluator.INSIDE)
    warning = alert(labels={"severity": "warning"})
    html = html_of(tmp_path / "run", alerted("disk-full", alert(), inside, warning))
    head = Page(re.findall(r"<thead>.*?</thead>", html[html.index('"grid warned"') :], re.DOTALL)[0]).text
    name = "Kube Persistent Volume Filling Up"
    assert head == f"incident was somebody told? {name} (critical) {name} (warning)"
    assert rows(html)["disk-full"].endswith(
        "late 1 min after, witness late 2 min after, inside late 1 min after, witness"
    )


@pytest.mark.parametrize(
    ("firing", "said"),
    [
        (((-9.0, None),), "fired on witness"),
        (((-9.0, 20.0),), "ceased 10 min (±30 s) after the fault, witness"),
        (((5.0, 20.0),), "began 1 min 30 s after, witness"),
    ],
)
def test_a_heartbeat_tells_by_its_absence(
    firing: tuple[tuple[float, float | None], ...], said: str, tmp_path: Path
) -> None:
    beat = alert(BEATS, firing, labels={"severity": "none"})
    named = alert("Zzz")
    found = rows(html_of(tmp_path / "run", alerted("disk-full", beat, named, rules=[rule(BEATS), rule("Zzz")])))
    assert found["disk-full"].endswith(f"late 1 min after, witness {said}")  # the last column


def test_the_lists_are_those_of_promdrill_alerts(tmp_path: Path) -> None:
    results = (
        alerted("disk-full", alert(LOOPS, ((-1.0, 50.0),)), rules=[rule(LOOPS), rule("Never", runbook_url="")]),
        alerted("oom", muted("inhibited by X"), alert(LOOPS)),
    )
    place = a_run(tmp_path / "run", *results)
    found = coverage(read(place))
    text = matrix(*results, tmp_path=tmp_path)
    assert show.counted(found) in text
    lists = list(show.lists(found))
    assert len(lists) >= 5
    for title, lines in lists:
        assert title[1:] in text
        for line in lines:
            assert line in text
    assert "Rules 30 times as fast, and times as in real life; times may be off by 30 s." in text


def test_each_run_has_its_own_coverage(tmp_path: Path) -> None:
    a_run(tmp_path / "a", alerted("disk-full", alert()), kubernetes="1.34.4")
    a_run(tmp_path / "b", alerted("disk-full", muted()), kubernetes="1.36.3")
    a_run(tmp_path / "c", result(scenario="oom"), kubernetes="1.37.0")
    html = to_html([tmp_path], beside=tmp_path)
    found = Page(html)
    assert html.count('<table class="grid warned">') == 2
    assert all(later - earlier <= 1 for earlier, later in zip(found.headings, found.headings[1:], strict=False))
    anchors = re.findall(r'<a href="#(d\d+)">disk-full</a></th><td class="first">', html)
    assert anchors == ["d1", "d2"]


def test_more_alerts_than_columns_are_counted(tmp_path: Path) -> None:
    many = [alert(f"Alert{number:03}") for number in range(warned.MOST_ALERTS + 3)]
    html = html_of(tmp_path / "run", alerted("disk-full", *many))
    assert "3 more alerts fired." in Page(html).text
    assert len(re.findall(r'<th scope="col">Alert\d', html)) == warned.MOST_ALERTS


def test_what_alerts_say_is_words_and_asks_nothing_of_a_network(tmp_path: Path) -> None:
    made = faulted(told(), 1.0).tell(change("firing", 1.0, alert=EVIL, labels={"a": EVIL}, summary=EVIL), 1.0)
    evil = Alert(alert=EVIL, labels={"a": EVIL}, evaluator=Evaluator.WITNESS, firing=alert().firing, summary=EVIL)
    html = html_of(tmp_path / "run", alerted("disk-full", evil, rules=[rule(EVIL)]), made=made)
    found = Page(html)
    assert found.tags["img"] == 0
    assert [address for address in found.addresses if ":" in address] == ["data:,"]
    assert found.tags["table"] == found.tags["caption"]
    assert found.tags["svg"] == found.tags["title"]
    assert len(found.ids) == len(set(found.ids))

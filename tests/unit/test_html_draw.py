"""The drawings: short SVG paths, one class each, the same every time."""

from __future__ import annotations

import re

import pytest
from tests.unit.html_world import Told, a_drill, condition, samples

from promdrill.core.events import FreshnessAsked, Undone, VolumeMeasured, WaitBegan, WaitDone, WaitTimedOut
from promdrill.report.html import draw, lanes
from promdrill.report.html.charts import charts
from promdrill.report.html.draw import CHART, LANE, MOST_POINTS, WIDTH, Canvas
from promdrill.report.html.limits import Limits, limits

WAIT = WaitBegan(wanted=("c",), timeout_s=9.0)


def test_a_lane_holds_bars_and_dots_at_their_moments() -> None:
    canvas = Canvas(100.0)
    lane = canvas.lane()
    lane.bars("ok", [(0.0, 25.0), (50.0, 100.0)])
    lane.dots("seen", [(50.0, 0.5)])
    (svg,) = canvas.render()
    assert svg.box == f"0 0 {WIDTH} {LANE}"
    assert svg.shapes == (("ok", "M0 10H250M500 10H1000"), ("seen", "M500 10h0"))


def test_pictures_lie_below_each_other() -> None:
    canvas = Canvas(10.0)
    for _ in range(2):
        canvas.lane().bars("ok", [(0.0, 5.0)])
    chart = canvas.chart(8.0)
    chart.area("fill", [(0.0, 4.0), (10.0, 8.0)])
    chart.line("curve", [(0.0, 2.0), (5.0, 2.0), (5.0, 6.0)])
    first, second, third = canvas.render()
    assert [svg.box for svg in (first, second, third)] == ["0 0 1000 20", "0 20 1000 20", f"0 40 1000 {CHART}"]
    assert second.shapes == (("ok", "M0 30H500"),)
    assert dict(third.shapes) == {"fill": "M0 160V100L1000 40V160z", "curve": "M0 130H500V70"}


def test_what_is_short_can_still_be_seen_and_stays_inside() -> None:
    canvas = Canvas(1000.0)
    canvas.lane().bars("bad", [(10.0, 10.0), (1000.0, 1000.0)])
    (svg,) = canvas.render()
    assert svg.shapes == (("bad", "M10 10H12M998 10H1000"),)


def test_nothing_to_draw_makes_no_shapes() -> None:
    assert Canvas(5.0).render() == []
    canvas = Canvas(0.0)
    canvas.lane().bars("ok", [])
    assert canvas.render() == [draw.Svg("0 0 1000 20", ())]


@pytest.mark.parametrize(
    ("points", "path"),
    [
        ([(0.0, 10.0), (5.04, 10.0), (5.04, 2.96), (5.04, 2.96)], "M0 10H5V3h0"),
        ([(-0.01, 1e-7), (3.25, 4.75)], "M0 0L3.2 4.8"),
        ([], ""),
    ],
)
def test_path_data_is_short(points: draw.Points, path: str) -> None:
    assert draw.path_data(points) == path


def test_long_lines_keep_their_peaks() -> None:
    points = [(float(x), 0.0) for x in range(10_000)]
    points[7777] = (7777.0, 42.0)
    thin = draw.thinned(points)
    assert len(thin) <= MOST_POINTS + 2
    assert (7777.0, 42.0) in thin
    assert thin == sorted(thin)
    assert draw.thinned(points[:50]) == points[:50]


def test_steps_last_until_the_next_value() -> None:
    assert draw.stepped([(0.0, 1.0), (2.0, 3.0)], 5.0) == [(0.0, 1.0), (2.0, 1.0), (2.0, 3.0), (5.0, 3.0)]
    assert draw.stepped([], 5.0) == []


@pytest.mark.parametrize(
    ("top", "most", "ticks"),
    [
        (236.0, 4, [0.0, 100.0, 200.0, 300.0]),
        (100.0, 4, [0.0, 25.0, 50.0, 75.0, 100.0]),
        (100.1, 4, [0.0, 50.0, 100.0, 150.0]),
        (0.3, 4, [0.0, 0.1, 0.2, 0.3]),
        (8.0, 4, [0.0, 2.0, 4.0, 6.0, 8.0]),
        (5.0, 4, [0.0, 2.0, 4.0, 6.0]),
        (62.0, 6, [0.0, 20.0, 40.0, 60.0, 80.0]),
        (0.0, 4, [0.0, 1.0]),
    ],
)
def test_scales_are_round_and_reach_the_top(top: float, most: int, ticks: list[float]) -> None:
    assert draw.ticks(top, most) == ticks


def test_every_scale_is_short_and_no_longer_than_it_must_be() -> None:
    for at in range(1, 2000):
        top = 1.013**at / 1000
        scale = draw.ticks(top)
        assert scale[-2] < top <= scale[-1] * (1 + 1e-9)
        assert 3 <= len(scale) <= 5
        assert f"{scale[1]:e}"[:3] in {"1.0", "2.0", "2.5", "5.0"}


def test_moments_are_round() -> None:
    assert lanes.ticks(45.0) == [(0.0, "0:00"), (22.22, "0:10"), (44.44, "0:20"), (66.67, "0:30"), (88.89, "0:40")]
    assert lanes.ticks(100_000.0)[1] == (14.4, "240:00")
    assert lanes.ticks(0.0) == [(0.0, "0:00")]


def test_the_course_of_a_drill_is_told_in_words_too() -> None:
    told, canvas = a_drill().timeline(), Canvas(23.0)
    rows = {row.label: row for row in lanes.course(told, canvas).rows}
    assert list(rows) == ["Phases", "Injected fault", "Stages of the signature", "Runbook steps"]
    assert "baseline from 0:00.0 to 0:06.0" in rows["Phases"].told
    assert rows["Injected fault"].told == "fill /data: from 0:06.0, confirmed by 0:07.0"
    assert rows["Stages of the signature"].told == "nothing is stored: from 0:07.0, seen by 0:13.0"
    assert rows["Runbook steps"].told.startswith("Diagnosis, line 14: 0:13.0 to 0:13.5, exit code 0; Mitigation")
    assert [label.text for label in rows["Phases"].labels] == [
        "baseline",
        "inject",
        "signature",
        "remediate",
        "recovery",
    ]


def test_conditions_that_never_changed_are_counted() -> None:
    told = a_drill().tell(WAIT).tell(condition("still", holds=True, kind="http")).tell(WaitDone(took_s=0.0))
    group = lanes.conditions(told.timeline(), Canvas(23.0))
    assert [row.label for row in group.rows] == ["server pod 2/2", "fresh", "df: nothing left on /data", "old"]
    assert group.note.startswith("1 more condition did not change")


def test_a_missing_condition_is_drawn_and_said() -> None:
    told = Told().tell(WAIT).tell(condition("c", holds=False)).tell(WaitTimedOut(missing=("c",)), 3.0)
    (row,) = lanes.conditions(told.timeline(), Canvas(3.0)).rows
    assert (row.note, row.told) == ("did not hold at the end of its wait", "did not hold from 0:00.0 to 0:03.0")


def test_charts_say_what_they_are_made_of() -> None:
    volume, ages = charts(a_drill().timeline(), Canvas(23.0)).rows
    assert (volume.label, volume.figure) == ("Volume, MiB used", "100% at most")
    assert volume.note == "Dashed: its size."
    assert ages.figure == "gap 14.0 s"
    assert ages.told.startswith("No sample of job prometheus from 0:07.5 to 0:21.5: 14.0 s.")
    assert "The greatest age asked for was 5.5 s, at 0:13.0." in ages.told
    assert [(label.left, label.width, label.text) for label in ages.labels] == [(32.61, 60.87, "gap 14.0 s")]


def test_charts_of_many_readings() -> None:
    told = Told()
    for second in range(40):
        told.tell(VolumeMeasured(path="/data", used_bytes=2**20 * second, size_bytes=2**20 * 64), 0.5)
        told.tell(FreshnessAsked(age_s=0.5))
    told.tell(VolumeMeasured(path="/other", used_bytes=2**20, size_bytes=2**20))
    told.tell(samples(8.0, 4.0, "shop")).tell(samples(2.0, 4.0, "prometheus"))
    canvas = Canvas(43.0)
    group = charts(told.timeline(), canvas)
    volume, ages = group.rows
    assert (volume.figure, volume.note, group.note) == ("61% at most", "Dashed: its size.", "")
    assert "No sample of job shop from 0:04.0 to 0:12.0: 8.0 s." in ages.told
    kinds = [[kind for kind, _ in svg.shapes] for svg in canvas.render()]
    assert [set(each) for each in kinds] == [
        {"grid", "fill", "curve", "limit"},
        {"grid", "gap", "curve"},
    ]


def test_a_journal_without_readings_says_so() -> None:
    group = charts(Told().tell(Undone(what="x"), 1.0).timeline(), Canvas(1.0))
    assert (group.rows, group.note) == ((), "This journal does not have the volume's fill or the samples' age.")


def test_a_picture_is_the_same_every_time_and_holds_no_style() -> None:
    def once() -> list[draw.Svg]:
        canvas = Canvas(23.0)
        lanes.course(a_drill().timeline(), canvas)
        charts(a_drill().timeline(), canvas)
        return canvas.render()

    assert once() == once()
    assert all(re.fullmatch(r"[MLHVhz\d. -]+", data) for svg in once() for _, data in svg.shapes)


def test_many_drills_share_the_room() -> None:
    assert limits(1) == Limits()
    assert limits(0) == Limits()
    assert limits(200) == Limits(output=1000, detail=250, rows=120, values=2000, alerts=10)

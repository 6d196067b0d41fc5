"""How soon changes are known: what journals say, and what polls would have given on the same changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from promdrill.core.events import ConditionChanged, DrillBegan, Entry, Event, WaitBegan, encode
from promdrill.core.model import DrillResult, Verdict
from promdrill.observe.poll import EXEC_PERIOD_S, PERIOD_S
from promdrill.report.bench.detection import (
    Change,
    Delays,
    Spread,
    changes,
    changes_of,
    polled,
    recorded,
    spreads,
    with_questions,
)
from promdrill.results.timeline.drill import Timeline, timelines

BEGAN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
WAIT = WaitBegan(wanted=("a", "b"), timeout_s=60)
PASSED = DrillResult("oom", "prometheus", "0.1.0", "2.48.0", "fast", None, Verdict.PASSED, None)


def at(offset_s: float) -> datetime:
    return BEGAN + timedelta(seconds=offset_s)


def changed(condition: str, changed_s: float, after_s: float, *, holds: bool = True) -> ConditionChanged:
    """A pod's condition changed, and the drill knew of it so much later."""
    return ConditionChanged(
        condition=condition,
        kind="pod",
        holds=holds,
        text="x",
        changed=at(changed_s),
        knew=at(changed_s + after_s),
        detected_after_s=after_s,
        asked_every_s=0.0,
    )


def first(condition: str, *, holds: bool) -> ConditionChanged:
    """A condition as a wait finds it."""
    return ConditionChanged(condition=condition, kind="pod", holds=holds, text="x")


def entries(*told: tuple[float, Event]) -> Iterator[Entry]:
    yield Entry(BEGAN, 0.0, DrillBegan(scenario="oom", profile="fast"))
    for moment_s, event in told:
        yield Entry(at(moment_s), moment_s, event)


def drill(*told: tuple[float, Event]) -> Timeline:
    (timeline,) = timelines(entries(*told))
    return timeline


def change(after_s: float = 0.0, *, every_s: float = 0.0, lasted_s: float | None = None) -> Change:
    return Change("oom", "pod", after_s, every_s, lasted_s)


# --- from journals -----------------------------------------------------------------------------------------------


def test_a_change_is_a_condition_that_begins_to_hold_in_a_wait() -> None:
    told = drill((1, WAIT), (1, first("a", holds=True)), (1, first("b", holds=False)), (5.1, changed("b", 5, 0.1)))
    assert list(changes(told)) == [Change("oom", "pod", 0.1, 0.0)]


def test_a_change_lasts_until_the_condition_ceases_to_hold() -> None:
    told = drill((1, WAIT), (5.1, changed("a", 5, 0.1)), (7.3, changed("a", 7.25, 0.05, holds=False)))
    assert list(changes(told)) == [Change("oom", "pod", 0.1, 0.0, lasted_s=2.25)]


def test_a_change_that_lasts_as_long_as_its_wait_has_no_end() -> None:
    told = drill(
        (1, WAIT), (5.1, changed("a", 5, 0.1)), (6, WAIT), (6, first("a", holds=False)), (9, changed("b", 9, 0))
    )
    assert list(changes(told)) == [Change("oom", "pod", 0.1, 0.0), Change("oom", "pod", 0.0, 0.0)]


def test_a_condition_that_holds_anew_is_one_more_change() -> None:
    ceased = changed("a", 6, 0, holds=False)
    told = drill((1, WAIT), (5, changed("a", 5, 0)), (6, ceased), (8, changed("a", 8, 0)))
    assert [each.lasted_s for each in changes(told)] == [1.0, None]


@pytest.mark.parametrize(
    ("kind", "condition", "every_s"),
    [
        ("http", "ready", PERIOD_S),
        ("metric", "fresh", PERIOD_S),
        ("object", "hpa", PERIOD_S),
        ("volume", "df: nothing left on /data", EXEC_PERIOD_S),
        ("volume", "claim of at least 450Mi", 0.0),
        ("pod", "server pod 2/2", 0.0),
        ("log", "log has /x/", 0.0),
    ],
)
def test_in_an_older_journal_the_kind_says_how_often_was_asked(kind: str, condition: str, every_s: float) -> None:
    event = replace(changed(condition, 5, 0), kind=kind, asked_every_s=None)
    assert [each.asked_every_s for each in changes(drill((1, WAIT), (5, event)))] == [every_s]
    assert [each.asked_every_s for each in changes(drill((1, WAIT), (5, replace(event, asked_every_s=7.0))))] == [7.0]


def test_changes_are_read_from_the_drills_folder(tmp_path: Path) -> None:
    (tmp_path / "oom").mkdir()
    lines = [encode(entry) for entry in entries((1, WAIT), (5, changed("a", 5, 0.25)))]
    (tmp_path / "oom" / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert changes_of(tmp_path, PASSED) == [Change("oom", "pod", 0.25, 0.0)]
    assert changes_of(tmp_path, replace(PASSED, scenario="quota")) == [], "no journal, no change"


# --- as recorded -------------------------------------------------------------------------------------------------


def test_recorded_delays_are_ranked() -> None:
    found = recorded([change(number / 1000) for number in range(1, 101)])
    assert found.summed_up() == Delays(100, p50_s=0.05, p95_s=0.095, p99_s=0.099, worst_s=0.1, mean_s=0.0505, missed=0)


def test_what_is_asked_for_changed_at_any_time_since_the_last_answer() -> None:
    found = with_questions([change(0.1, every_s=0.5), change(0.1)])
    assert found.summed_up() == Delays(2, p50_s=0.1, p95_s=0.55, p99_s=0.59, worst_s=0.6, mean_s=0.225, missed=0)


# --- polls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("period_s", [1.0, 2.0, 15.0])
def test_a_poll_sees_what_stays_after_half_its_period(period_s: float) -> None:
    told = polled([change(0.001), change(0.7, lasted_s=15.0)], period_s).summed_up()
    assert (told.mean_s, told.worst_s, told.missed) == (period_s / 2, period_s, 0)
    assert (told.p50_s, told.p95_s) == pytest.approx((period_s / 2, 0.95 * period_s), abs=1e-4)


def test_a_poll_never_sees_some_of_what_is_soon_over() -> None:
    told = polled([change(lasted_s=0.5)], 2.0).summed_up()
    assert (told.mean_s, told.worst_s, told.missed) == (0.25, 0.5, 0.75)


@pytest.mark.parametrize("period_s", [1.0, 2.0, 15.0])
def test_a_poll_gives_what_trying_every_phase_gives(period_s: float) -> None:
    """Each phase in turn, in 1/1000 of the period: the next look after the change, if it is not over by then."""
    lasted_s = [None, 0.3, 1.2, 5.0, None]
    tried = [period_s * (number + 0.5) / 1000 for number in range(1000)]
    seen = sorted(wait_s for each in lasted_s for wait_s in tried if each is None or wait_s < each)
    told = polled([change(lasted_s=each) for each in lasted_s], period_s).summed_up()
    assert told.missed == pytest.approx(1 - len(seen) / (len(lasted_s) * len(tried)), abs=0.002)
    assert told.mean_s == pytest.approx(sum(seen) / len(seen), rel=0.01)
    for share, figure_s in ((0.5, told.p50_s), (0.95, told.p95_s), (0.99, told.p99_s)):
        assert figure_s == pytest.approx(seen[int(share * len(seen)) - 1], rel=0.01, abs=0.002)


def test_what_is_over_at_once_is_seen_by_no_poll() -> None:
    assert polled([change(lasted_s=0.0)], 1.0).seen == 0
    assert list(spreads([change(lasted_s=0.0)])) == ["recorded", "streams", "with_questions"]


def test_every_spread_is_of_the_same_changes() -> None:
    told = spreads([change(), change(every_s=0.5)])
    assert {name: each.count for name, each in told.items()} == {
        "recorded": 2,
        "streams": 1,
        "answers": 1,
        "with_questions": 2,
        "poll_1_s": 2,
        "poll_2_s": 2,
        "poll_15_s": 2,
    }
    assert spreads([]) == {}


def test_a_spread_counts_what_is_known_after_a_while() -> None:
    spread = Spread({(0.0, 2.0): 1.0, (1.0, 1.0): 2.0}, 4)
    assert [spread.within(moment_s) for moment_s in (0.0, 0.5, 1.0, 2.0, 9.0)] == [0.0, 0.25, 2.5, 3.0, 3.0]
    assert (spread.seen, spread.worst_s) == (3.0, 2.0)

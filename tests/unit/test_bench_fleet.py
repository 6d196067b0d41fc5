"""The simulation of many cells on many runners: its schedules are right, and the page is what it says now."""

from __future__ import annotations

import pytest
from tests.unit.matrix_world import cell

from bench import fleet
from bench.fleet import DOCS, PAGE, RUNNERS, Figure, Fleet, Inputs, drilling_s, longest_first, makespan_s


@pytest.fixture(scope="module")
def shipped() -> Fleet:
    return fleet.load()


def test_a_runner_takes_the_next_cell_when_it_is_free() -> None:
    assert makespan_s([3, 1, 1, 1], 2) == 3
    assert makespan_s([1, 1, 1, 3], 2) == 4, "a long one at the end is waited for"
    assert makespan_s([5, 4, 3], 1) == 12
    assert makespan_s([5, 4, 3], 9) == 5


def test_the_longest_first_is_not_always_the_best_order() -> None:
    assert makespan_s(longest_first([3, 3, 2, 2, 2]), 2) == 7


def test_no_schedule_beats_what_is_possible(shipped: Fleet) -> None:
    took = shipped.alone_s(shipped.inputs.cached.value_s)
    for runners in RUNNERS:
        best = max(sum(took) / runners, *took)
        assert best <= makespan_s(took, runners) + 1e-6
        assert makespan_s(longest_first(took), runners) <= sum(took) / runners + max(took), "Graham, 1966"


def test_the_drills_of_a_cell_share_its_jobs() -> None:
    medians = {"oom": 30.0, "quota": 20.0, "disk-full": 40.0}
    assert drilling_s(cell(SCENARIO="oom,quota"), medians, 2) == 30
    assert drilling_s(cell(SCENARIO="oom,quota"), medians, 1) == 50
    assert drilling_s(cell(), medians, 2) == 50, "no ids are all scenarios"


def test_a_part_fetches_once_and_makes_one_cluster_for_cells_that_share_it() -> None:
    inputs = Inputs(4, 2, cold=Figure(0, ""), cached=Figure(0, ""), around=Figure(10, ""))
    cells = [cell("1.34.4"), cell("1.36.3"), cell("1.34.4", app="3.0.0"), cell("1.36.3", app="3.0.0")]
    made = Fleet(inputs, cells, [100, 100, 100, 100])
    assert made.alone_s(5) == [115] * 4
    assert made.shards_s(5, 1) == [5 + 2 * 10 + 400]
    assert made.shards_s(5, 2) == [5 + 10 + 200] * 2
    assert made.shards_s(5, 4) == [115] * 4


@pytest.mark.parametrize(
    ("seconds", "said"), [(59, "1 min"), (720, "12 min"), (3599, "1 h 0 min"), (11_100, "3 h 5 min")]
)
def test_durations_are_hours_and_minutes(seconds: float, said: str) -> None:
    assert fleet.duration(seconds) == said


def test_the_page_is_what_the_inputs_give_and_says_that_it_is_a_simulation(shipped: Fleet) -> None:
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    assert text == fleet.page(shipped), "make bench-fleet"
    assert "**Simulated, not run.** The 1,000 cells" in text
    for figure in (shipped.inputs.cold, shipped.inputs.cached, shipped.inputs.around):
        assert f"{figure.value_s:g} s. {figure.source}" in text

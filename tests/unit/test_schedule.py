"""The task graph: order, width, the first failure stops the rest."""

import threading

import pytest

from promdrill.core.errors import SupplyError
from promdrill.supply.build.schedule import Lane, Progress, State, Task, run

WIDE = {Lane.DOWNLOAD: 2, Lane.COMPILE: 2}


def _ignore(_: Progress) -> None:
    pass


def test_a_task_runs_after_what_it_needs() -> None:
    order: list[str] = []
    tasks = [
        Task("c", Lane.COMPILE, lambda _: order.append("c"), ("a", "b")),
        Task("b", Lane.COMPILE, lambda _: order.append("b"), ("a",)),
        Task("a", Lane.DOWNLOAD, lambda _: order.append("a")),
    ]
    run(tasks, widths=WIDE, report=_ignore)
    assert order == ["a", "b", "c"]


def test_lanes_run_side_by_side_but_no_wider_than_told() -> None:
    lock, running, most = threading.Lock(), 0, 0
    both = threading.Barrier(2, timeout=10)

    def work(_: threading.Event) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1

    run([Task(f"t{i}", Lane.COMPILE, work) for i in range(6)], widths=WIDE, report=_ignore)
    assert most == 2


def test_the_first_failure_stops_the_others_and_is_raised() -> None:
    seen: list[Progress] = []
    waiting = threading.Event()

    def patient(stop: threading.Event) -> None:
        waiting.set()
        assert stop.wait(10)
        raise SupplyError("stopped")

    def fail(_: threading.Event) -> None:
        waiting.wait(10)
        raise SupplyError("the real cause")

    tasks = [
        Task("patient", Lane.COMPILE, patient),
        Task("bad", Lane.COMPILE, fail),
        Task("never", Lane.COMPILE, fail, ("bad",)),
    ]
    with pytest.raises(SupplyError, match="the real cause"):
        run(tasks, widths=WIDE, report=seen.append)
    states = {(item.task, item.state) for item in seen}
    assert ("bad", State.FAILED) in states
    assert ("patient", State.STOPPED) in states
    assert not any(task == "never" for task, _ in states)


def test_a_need_that_nothing_meets_is_an_error() -> None:
    with pytest.raises(SupplyError, match="task a needs b"):
        run([Task("a", Lane.COMPILE, lambda _: None, ("b",))], widths=WIDE, report=_ignore)


def test_tasks_that_need_each_other_are_an_error() -> None:
    tasks = [Task("a", Lane.COMPILE, lambda _: None, ("b",)), Task("b", Lane.COMPILE, lambda _: None, ("a",))]
    with pytest.raises(SupplyError, match="circular dependency between tasks: a, b"):
        run(tasks, widths=WIDE, report=_ignore)


def test_progress_counts_down_to_zero() -> None:
    seen: list[Progress] = []
    run(
        [Task("a", Lane.COMPILE, lambda _: None), Task("b", Lane.COMPILE, lambda _: None, ("a",))],
        widths=WIDE,
        report=seen.append,
    )
    assert [item.remaining for item in seen if item.state is State.DONE] == [1, 0]


def test_a_free_place_goes_to_the_first_ready_task_in_the_given_order() -> None:
    order: list[str] = []

    def note(name: str, *needs: str) -> Task:
        return Task(name, Lane.COMPILE, lambda _: order.append(name), needs)

    run([note("large", "first"), note("first"), note("small")], widths={Lane.COMPILE: 1}, report=_ignore)
    assert order == ["first", "large", "small"]

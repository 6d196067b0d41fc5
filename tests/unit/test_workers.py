"""Work in several processes: the same results in the same order, the same errors, and no process left."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from promdrill.core import shell, workers

BEGIN = """
import gc, multiprocessing.context, multiprocessing.util, os, signal, sys, threading
from promdrill.core import workers
os.cpu_count = lambda: 3
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job, as CI may be one, ignores it
ours = os.getpid()
def left():
    return multiprocessing.active_children()
"""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one process only")


def told(script: str, *, ok: tuple[int, ...] = (0,)) -> list[str]:
    """What a Python prints that has one thread, unlike one that runs tests, and believes in three processors."""
    return shell.run([sys.executable, "-c", BEGIN + script], timeout_s=60, ok=list(ok)).stdout.split("\n")[:-1]


@on_linux
def test_several_processes_make_the_results_in_the_order_of_the_items() -> None:
    script = """
found = list(workers.in_order(lambda item: (item * item, os.getpid()), range(20)))
print([square for square, _ in found] == [item * item for item in range(20)])
print(len({pid for _, pid in found}), ours in {pid for _, pid in found}, left())
print(list(workers.in_order(len, [])), list(workers.in_order(len, ["abc"])))
"""
    assert told(script) == ["True", "3 False []", "[] [3]"]


@on_linux
def test_results_may_be_larger_than_a_pipe() -> None:
    script = "print([len(text) for text in workers.in_order(lambda item: 'x' * item * 100_000, range(7))], left())"
    assert told(script) == [f"{[each * 100_000 for each in range(7)]} []"]


@on_linux
def test_an_error_is_that_of_the_first_item_that_fails_and_what_came_before_is_there() -> None:
    script = """
from promdrill.core.errors import UsageError
def work(item):
    if item > 4:
        raise UsageError(f"{item} is too much", hint="less")
    return item
try:
    for item in workers.in_order(work, range(9)):
        print(item)
except UsageError as error:
    print(error, left())
"""
    assert told(script) == ["0", "1", "2", "3", "4", "5 is too much", "Hint: less []"]


@on_linux
def test_what_a_killed_process_did_not_make_is_made_here() -> None:
    script = """
def work(item):
    if item == 4 and os.getpid() != ours:
        os.kill(os.getpid(), signal.SIGKILL)
    return item, os.getpid() == ours
print(list(workers.in_order(work, range(9))) == [(item, item in {4, 7}) for item in range(9)], left())
"""
    assert told(script) == ["True []"]


@on_linux
def test_an_interrupt_ends_all_processes() -> None:
    script = """
def work(item):
    if item == 3:
        os.killpg(os.getpgrp(), signal.SIGINT)  # as a terminal does; only the first process minds
    if item >= 3:
        signal.pause()
    return item
try:
    for item in workers.in_order(work, range(9)):
        print(item)
except KeyboardInterrupt:
    print("interrupted", left())
"""
    *_, last = told(script)
    assert last == "interrupted []"


@on_linux
def test_an_interrupt_while_a_process_begins_leaves_none() -> None:
    script = """
def work(item):
    signal.pause()
def interrupt(_):
    if multiprocessing.current_process().name.endswith("-2"):
        os.kill(ours, signal.SIGINT)
multiprocessing.util.register_after_fork(work, interrupt)
try:
    list(workers.in_order(work, range(9)))
except KeyboardInterrupt:
    print("interrupted", left())
"""
    assert told(script) == ["interrupted []"]


@on_linux
def test_a_second_interrupt_leaves_none_either() -> None:
    script = """
def work(item):
    signal.pause()
kill = multiprocessing.context.ForkProcess.kill
def again(process):
    os.kill(ours, signal.SIGINT)
    kill(process)
multiprocessing.context.ForkProcess.kill = again
made = workers.in_order(work, range(9))
signal.setitimer(signal.ITIMER_REAL, 0.2)
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    next(made)
except KeyboardInterrupt:
    print("interrupted", left())
"""
    assert told(script) == ["interrupted []"]


@on_linux
def test_who_takes_no_more_leaves_no_process() -> None:
    script = """
made = workers.in_order(lambda item: item, range(100_000))
print(next(made), len(left()))
made.close()
print(left())
"""
    assert told(script) == ["0 3", "[]"]


@on_linux
def test_processes_end_with_the_one_they_are_of() -> None:
    script = """
made = workers.in_order(lambda item: (os.getpid(), "x" * 1000), range(100_000))
print(*(next(made)[0] for _ in range(3)), flush=True)
os.kill(ours, signal.SIGKILL)
"""
    (pids,) = told(script, ok=(-9,))
    there = [psutil.Process(int(pid)) for pid in pids.split() if psutil.pid_exists(int(pid))]
    assert psutil.wait_procs(there, timeout=30)[1] == []


@on_linux
def test_beside_another_thread_there_is_one_process_only() -> None:
    script = """
over = threading.Event()
thread = threading.Thread(target=over.wait)
thread.start()
print({pid for pid in workers.in_order(lambda item: os.getpid(), range(9))} == {ours})
over.set()
thread.join()
print(len({pid for pid in workers.in_order(lambda item: os.getpid(), range(9))}))
"""
    assert told(script) == ["True", "3"]


def test_with_one_processor_there_is_one_process_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert set(workers.in_order(lambda _item: os.getpid(), range(9))) == {os.getpid()}


@pytest.mark.parametrize("before", [True, False])
def test_the_collector_rests_only_within_its_block(before: bool) -> None:
    script = f"""
from promdrill.core import collector
gc.enable() if {before} else gc.disable()
try:
    with collector.resting():
        with collector.resting():
            print(gc.isenabled())
        print(gc.isenabled())
        raise ValueError
except ValueError:
    print(gc.isenabled())
"""
    assert told(script) == ["False", "False", str(before)]

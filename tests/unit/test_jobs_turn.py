"""A child's turn: waited for while it is held, there at once when it is not."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from promdrill.parallel import turn
from promdrill.parallel.turn import ALONE, BEGIN, Turn

GIVE_UP_S = 10.0


@pytest.mark.parametrize("what", [BEGIN, ALONE])
def test_a_child_waits_until_it_is_given_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    had_to_wait: list[bool] = []
    waits = threading.Event()
    held = Turn(tmp_path, what)

    def flock(file: IO[bytes], operation: int, lock: Callable[[IO[bytes], int], None] = fcntl.flock) -> None:
        if not operation & fcntl.LOCK_NB:
            waits.set()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    child = threading.Thread(target=lambda: had_to_wait.append(turn.wait_for(tmp_path, what)), daemon=True)
    child.start()
    assert waits.wait(GIVE_UP_S)
    child.join(0.1)
    assert child.is_alive()
    held.give()
    child.join(GIVE_UP_S)
    assert had_to_wait == [True]


def test_one_that_comes_after_its_turn_was_given_goes_on_at_once(tmp_path: Path) -> None:
    with Turn(tmp_path, BEGIN) as held:
        held.give()
        assert not turn.wait_for(tmp_path, BEGIN)


def test_one_turn_is_not_another(tmp_path: Path) -> None:
    with Turn(tmp_path, ALONE):
        assert not turn.wait_for(tmp_path, BEGIN)


def test_nobody_waits_for_a_parent_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Turn(tmp_path, BEGIN):
        raise ZeroDivisionError
    assert not turn.wait_for(tmp_path, BEGIN)

"""A child's turn: waited for while it is held, there at once when it is not."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from promdrill.parallel import turn
from promdrill.parallel.turn import Turn

GIVE_UP_S = 10.0


def test_a_child_waits_until_it_is_given_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited_s: list[float] = []
    waits = threading.Event()
    held = Turn(tmp_path)

    def flock(file: IO[bytes], operation: int, lock: Callable[[IO[bytes], int], None] = fcntl.flock) -> None:
        waits.set()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    child = threading.Thread(target=lambda: waited_s.append(turn.wait_for(tmp_path)), daemon=True)
    child.start()
    assert waits.wait(GIVE_UP_S)
    child.join(0.1)
    assert child.is_alive()
    held.give()
    child.join(GIVE_UP_S)
    assert waited_s[0] >= 0.1


def test_one_that_comes_after_its_turn_was_given_goes_on_at_once(tmp_path: Path) -> None:
    with Turn(tmp_path) as held:
        held.give()
        assert turn.wait_for(tmp_path) < GIVE_UP_S


def test_nobody_waits_for_a_parent_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Turn(tmp_path):
        raise ZeroDivisionError
    assert turn.wait_for(tmp_path) < GIVE_UP_S

"""A wait ends as soon as nothing answers and the reason is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from promdrill.drill.ground_lost import SILENT_S, GroundLost, Silence
from promdrill.observe.probes import HttpProbe, ProbeAnswer
from promdrill.observe.snapshot import Snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, OTHER = HttpProbe("a", 80, "GET", "/"), HttpProbe("b", 80, "GET", "/")
GONE = "the container engine does not answer: no such file"


def at(seconds: float, *refused: bool) -> Snapshot:
    """A snapshot whose probes were refused, or answered."""
    answers = (ProbeAnswer(seconds, seconds, NOW, None, refused=each) for each in refused)
    return Snapshot(at=seconds, utc=NOW, answers=dict(zip((ONE, OTHER), answers, strict=False)))


def test_nothing_is_asked_before_it_has_been_silent_for_long() -> None:
    failure = Silence(lambda: pytest.fail("asked")).failure
    for seconds in (100.0, 110.0, 100.0 + SILENT_S - 0.1):
        assert not failure.judge(at(seconds, True, True)).holds


def test_what_is_gone_ends_the_wait() -> None:
    failure = Silence(lambda: GONE).failure
    failure.judge(at(100.0, True))
    with pytest.raises(GroundLost, match=GONE):
        failure.judge(at(100.0 + SILENT_S, True, True))


def test_an_answer_begins_the_silence_anew() -> None:
    failure = Silence(lambda: GONE).failure
    failure.judge(at(100.0, True, True))
    failure.judge(at(115.0, True, False))
    assert not failure.judge(at(125.0, True, True)).holds
    with pytest.raises(GroundLost):
        failure.judge(at(115.0 + SILENT_S, True, True))


def test_who_asks_nothing_hears_nothing() -> None:
    failure = Silence(lambda: pytest.fail("asked")).failure
    for seconds in (100.0, 200.0, 300.0):
        assert not failure.judge(at(seconds)).holds


def test_without_a_reason_the_wait_goes_on_and_asks_again_later() -> None:
    """An API server that is only slow."""
    asked: list[int] = []

    def trouble() -> str:
        asked.append(1)
        return ""

    failure = Silence(trouble).failure
    for seconds in range(100, 100 + 3 * int(SILENT_S)):
        assert not failure.judge(at(float(seconds), True)).holds
    assert len(asked) == 2

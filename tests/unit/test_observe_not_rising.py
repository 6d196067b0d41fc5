"""A counter that stands still, and one that rises: what proves either, and what proves nothing."""

from __future__ import annotations

import pytest
from tests.unit.observe_world import NAMESPACE, said, snapshot

from promdrill.observe import Condition, Seen, Server, negate
from promdrill.observe.judges import STARTED
from promdrill.observe.probes import ProbeAnswer

SERVER = Server.of(NAMESPACE, "prometheus")
NAME = "prometheus_tsdb_compactions_total"
STILL = SERVER.not_rising(NAME, 5.0)


def page(at_s: float, value: float | None, *, started: float = 1.0, **labels: str) -> ProbeAnswer:
    """A /metrics page read at that moment, with the counter or without it."""
    metrics = {(STARTED, frozenset[tuple[str, str]]()): started}
    if value is not None:
        metrics[NAME, frozenset(labels.items())] = value
    return said(200, at_s=at_s, metrics=metrics)


def seen(*readings: ProbeAnswer, condition: Condition = STILL) -> Seen:
    """What the condition sees after these readings, the last one the latest."""
    (probe,) = condition.probes
    return condition.judge(snapshot(answers={probe: readings[-1]}, history={probe: readings}))


def test_it_holds_once_the_counter_stood_still_for_so_long() -> None:
    found = seen(page(0, 7), page(2, 7), page(5, 7))
    assert (found.holds, found.known) == (True, True)
    assert found.text == f"{NAME} is 7, and was so 5.0 s before"
    assert STILL.name == f"{NAME} not rising for 5 s"


@pytest.mark.parametrize(
    ("readings", "text"),
    [
        ((page(0, 7), page(4, 7)), f"{NAME} is 7; watched for 4.0 of 5 s"),
        ((page(4, 7),), f"{NAME} is 7; watched for 0.0 of 5 s"),
        ((page(0, None), page(5, None)), f"no metric {NAME}"),
        ((page(0, None), page(5, 7)), f"{NAME} is 7; watched for 0.0 of 5 s"),
        ((page(0, 7), said(503, "no", at_s=5)), "/metrics does not answer: HTTP 503 no"),
        ((page(0, 9, started=1.0), page(5, 3, started=4.0)), f"{NAME} is 3; watched for 0.0 of 5 s"),
    ],
    ids=["too short", "once", "not there", "new", "no page", "another process"],
)
def test_what_proves_neither(readings: tuple[ProbeAnswer, ...], text: str) -> None:
    found = seen(*readings)
    assert (found.holds, found.known, found.text) == (False, False, text)
    assert not seen(*readings, condition=negate(STILL, "rising")).holds


def test_what_was_never_asked_proves_nothing() -> None:
    assert (STILL.judge(snapshot()).holds, STILL.judge(snapshot()).known) == (False, False)


@pytest.mark.parametrize("readings", [(page(0, 7), page(5, 8)), (page(0, 7), page(2, 8))], ids=["in time", "at once"])
def test_a_counter_that_rose_does_not_stand_still_and_rises(readings: tuple[ProbeAnswer, ...]) -> None:
    found = seen(*readings)
    assert (found.holds, found.known) == (False, True)
    assert f"{NAME} rose by 1 in" in found.text
    assert seen(*readings, condition=negate(STILL, "rising")).holds


def test_a_rise_before_that_time_is_of_the_past() -> None:
    assert seen(page(0, 6), page(1, 7), page(3, 7), page(6, 7)).holds


def test_only_samples_with_the_labels_count() -> None:
    condition = SERVER.not_rising(NAME, 5.0, kind="a")
    assert seen(page(0, 7, kind="a"), page(5, 7, kind="a"), condition=condition).holds
    assert not seen(page(0, 7, kind="b"), page(5, 7, kind="b"), condition=condition).known
    assert condition.name == f"{NAME}{{kind=a}} not rising for 5 s"

"""What a drill notes while it runs, by itself: phases, steps, and what its journal has of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.drill_world import FakeClock
from tests.unit.observe_world import noted

from promdrill.core.events import Ending, PhaseEnded, StepBegan, StepEnded
from promdrill.core.journal import Journal
from promdrill.core.model import PhaseName, StepRecord
from promdrill.drill.record import Record
from promdrill.runbook.run import StepResult
from promdrill.runbook.step import Step

STEP = Step("Mitigation", 7, 1, "rm x")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl") as made:
        yield made


def record(journal: Journal, clock: FakeClock) -> Record:
    return Record(journal, clock, journal.path.parent)


def test_a_phase_is_timed_to_the_millisecond_and_its_end_told(journal: Journal) -> None:
    clock = FakeClock()
    kept = record(journal, clock)
    with kept.during(PhaseName.INJECT):
        clock.now += 1.23456
    with pytest.raises(ZeroDivisionError), kept.during(PhaseName.SIGNATURE):
        raise ZeroDivisionError
    assert [each.took_s for each in kept.phases] == [1.235, 0.0]
    assert noted(journal, PhaseEnded) == [
        PhaseEnded(phase=PhaseName.INJECT, took_s=1.235, ended=Ending.DONE),
        PhaseEnded(phase=PhaseName.SIGNATURE, took_s=0.0, ended=Ending.CUT_SHORT),
    ]


def test_undo_is_no_phase_that_a_drill_ended_in(journal: Journal) -> None:
    kept = record(journal, FakeClock())
    with kept.during(PhaseName.RECOVERY):
        pass
    with kept.during(PhaseName.UNDO):
        pass
    assert kept.phase is PhaseName.RECOVERY


def test_before_the_first_phase_it_is_about_to_provision(journal: Journal) -> None:
    assert record(journal, FakeClock()).phase is PhaseName.PROVISION


def test_a_step_is_told_with_its_file_and_its_seconds(journal: Journal) -> None:
    kept, folder = record(journal, FakeClock()), journal.path.parent
    kept.step_begins(STEP, 12.3456, folder / "runbook.md")
    kept.step(StepResult(STEP, 1, 1.23456, "no such file"), Path("/elsewhere/mine.md"))
    assert noted(journal, StepBegan) == [
        StepBegan(file="runbook.md", line=7, section="Mitigation", command="rm x", timeout_s=12.3)
    ]
    done = StepRecord(
        file="/elsewhere/mine.md",
        line=7,
        section="Mitigation",
        command="rm x",
        exit_code=1,
        took_s=1.235,
        output="no such file",
    )
    assert kept.steps == [done]
    assert noted(journal, StepEnded) == [StepEnded(step=done)]

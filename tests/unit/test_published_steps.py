"""From judged commands to the steps of a drill, or one refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.core.errors import UsageError
from promdrill.runbook.published import steps
from promdrill.runbook.published.judged import Assessment, Judged, Outcome, Status
from promdrill.runbook.published.roles import Role

FILE = Path("runbooks/DiskFull_2.md")


def runnable(line: int, role: Role = Role.REMEDY) -> Judged:
    return Judged(line, "date\n  more", role, Status.RUNNABLE, command="date ⟦pod⟧\n  more")


def refused(line: int, role: Role = Role.REMEDY, status: Status = Status.NOT_RUNNABLE) -> Judged:
    return Judged(line, "  ssh a\nssh b", role, status, "it is far", "do it here")


def found(*commands: Judged) -> Assessment:
    return Assessment(FILE, "Disk is full", commands)


def test_the_runbook_that_a_drill_runs() -> None:
    book = steps.runbook(
        found(
            runnable(1, Role.DIAGNOSIS),
            refused(5, Role.DIAGNOSIS),
            runnable(9),
            runnable(12, Role.PROOF),
            runnable(15, Role.UNKNOWN),
        )
    )
    assert (book.path, book.id, book.title) == (FILE, "disk-full-2", "Disk is full")
    assert (book.variables, book.data_loss, book.data_loss_reason, book.optional) == ({}, False, "", ())
    assert [(each.section, each.line, each.fence_line, each.column, each.lenient) for each in book.steps] == [
        ("Diagnosis", 1, 1, 1, True),
        ("Mitigation", 9, 8, 1, False),
        ("Verification", 12, 11, 1, True),
    ]
    assert {each.command for each in book.steps} == {"date ⟦pod⟧\n  more"}
    assert book.steps[0].first_line == "date {pod}"


@pytest.mark.parametrize(("name", "slug"), [("Disk Full!", "disk-full"), ("a--b", "a-b"), ("의미", "runbook")])
def test_a_name_becomes_an_id(name: str, slug: str) -> None:
    assert steps.slug(name) == slug


def refusal(assessment: Assessment) -> UsageError:
    with pytest.raises(UsageError) as caught:
        steps.require_runnable(assessment)
    return caught.value


def test_each_command_of_the_remedy_that_cannot_be_run_is_named() -> None:
    ten = [refused(line) for line in range(1, 11)]
    error = refusal(found(runnable(30), *ten))
    assert error.message.splitlines() == [f"{FILE}:{line}: it is far: ssh a" for line in range(1, 11)]
    assert error.hint.startswith("do it here; ")
    error = refusal(found(*ten, refused(11), refused(12)))
    assert error.message.splitlines()[10:] == [f"{FILE}:11: 2 more"]


def test_a_runbook_without_a_remedy_is_refused_with_what_no_heading_places() -> None:
    unplaced = [refused(line, Role.UNKNOWN, Status.NOT_PLACED) for line in range(1, 12)]
    error = refusal(found(runnable(30, Role.DIAGNOSIS), refused(31, Role.DIAGNOSIS), *unplaced))
    first, *lines = error.message.splitlines()
    assert first == f"{FILE}: no command of a remedy that could be run"
    assert lines == [f"{FILE}:{line}: it is far" for line in range(1, 11)]
    assert error.hint.startswith("[sections] in DiskFull_2.drill.toml says which part is the remedy; ")


def test_what_a_runbook_is_as_a_whole() -> None:
    left_out = Judged(1, "date", Role.NOT_RUN, Status.LEFT_OUT)
    assert found(left_out).outcome is Outcome.NO_COMMANDS
    assert found(left_out, runnable(2)).outcome is Outcome.RUNNABLE
    both = (refused(2, Role.DIAGNOSIS), refused(3, Role.UNKNOWN, Status.NOT_PLACED))
    assert found(*both).outcome is Outcome.NO_SECTION
    values, prose = refused(4, status=Status.NEEDS_VALUE), refused(5, status=Status.PROSE)
    assert found(prose, values, refused(6)).outcome is Outcome.NOT_RUNNABLE
    assert found(prose, values).outcome is Outcome.NEEDS_VALUES
    assert found(prose, *both).outcome is Outcome.PROSE

"""The journal: appended to as things happen, and on the disk before an act is done."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from promdrill.core.errors import no_room
from promdrill.core.events import (
    ControlApplied,
    DrillBegan,
    Event,
    FaultApplied,
    FaultConfirmed,
    LeftoverFound,
    PhaseBegan,
    Reproduced,
    StepBegan,
)
from promdrill.core.journal import Journal
from promdrill.core.model import PhaseName

ACTS: tuple[Event, ...] = (
    DrillBegan(scenario="x", profile="fast", control=None, repetition=1),
    PhaseBegan(phase=PhaseName.PROVISION),
    LeftoverFound(namespace="drill-x"),
    FaultApplied(fault="x"),
    ControlApplied(control="no-remedy", left_out="x"),
    StepBegan(section="Mitigation", file="runbook.md", line=3, command="true", timeout_s=1.0),
)


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was flushed to the disk: the inodes of files and folders, and how long they were."""
    seen: list[tuple[int, int]] = []

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        seen.append((found.st_ino, 0 if stat.S_ISDIR(found.st_mode) else found.st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_a_new_journal_and_its_folders_have_their_names_on_the_disk(
    tmp_path: Path, flushed: list[tuple[int, int]]
) -> None:
    folder = tmp_path / "a" / "b"
    with Journal(folder / "journal.jsonl"):
        assert set(flushed) == {(place.stat().st_ino, 0) for place in (tmp_path, folder.parent, folder)}


@pytest.mark.parametrize("event", ACTS, ids=lambda event: type(event).__name__)
def test_what_announces_an_act_is_on_the_disk_before_the_act(
    tmp_path: Path, flushed: list[tuple[int, int]], event: Event
) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        flushed.clear()
        journal.write(event)
        found = journal.path.stat()
        assert found.st_size
        assert flushed == [(found.st_ino, found.st_size)]


@pytest.mark.parametrize("event", [FaultConfirmed(fault="x"), Reproduced()], ids=lambda event: type(event).__name__)
def test_what_was_only_seen_costs_no_flush(tmp_path: Path, flushed: list[tuple[int, int]], event: Event) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        flushed.clear()
        journal.write(event)
        assert flushed == []
        assert journal.path.read_text()


def test_a_full_disk_names_the_journal_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes is told, and nobody is when the file is closed: what is lost then was told."""

    class Full:
        closed = False

        def write(self, _: str) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    journal = Journal(tmp_path / "journal.jsonl")
    journal.close()
    monkeypatch.setattr(journal, "_file", Full())
    with pytest.raises(OSError, match="No space left on device") as caught:
        journal.write(Reproduced())
    assert no_room(caught.value) == f"No space left on device: {tmp_path / 'journal.jsonl'}"
    journal.close()

"""Records are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from promdrill.core import files


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "owner.json"
    assert files.write(file, "first\n") == file
    files.write(file, "zwölf\n")
    assert file.read_bytes() == "zwölf\n".encode()
    assert [each.name for each in tmp_path.iterdir()] == ["owner.json"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_on_the_disk_before_it_has_its_name_and_the_name_is_there_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, seen = tmp_path / "owner.json", []

    def fsync(descriptor: int) -> None:
        what = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else os.fstat(descriptor).st_size
        seen.append((what, file.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    files.write(file, "1234")
    assert seen == [(4, False), ("folder", True)]


def test_a_folder_is_made_with_its_parents_and_each_name_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(files, "flush", flushed.append)
    folder = tmp_path / "a" / "b"
    assert files.make_folder(folder) == folder
    assert folder.is_dir()
    assert set(flushed) == {tmp_path, tmp_path / "a"}
    flushed.clear()
    files.make_folder(folder)
    assert flushed == []


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = files.write(tmp_path / "owner.json", "first")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(file, "second")
    assert file.read_text() == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["owner.json"]

"""Temporary folders: gone when the block is left, and by the next one when the maker was killed."""

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from promdrill.core import paths, scratch, shell

KILLED = """
import os, sys
from promdrill.core import scratch
with scratch.folder("left"):
    print("made", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path))


def test_a_folder_is_private_and_gone_afterwards() -> None:
    with scratch.folder("helm") as made:
        assert made.parent == scratch.place()
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        (made / "file").write_text("x")
    assert list(scratch.place().iterdir()) == []


def test_an_error_in_the_block_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), scratch.folder("helm"):
        _ = 1 / 0
    assert list(scratch.place().iterdir()) == []


def test_the_folders_of_others_stay_while_they_are_used() -> None:
    with scratch.folder("one") as one:
        with scratch.folder("two"):
            assert one.is_dir()
        assert scratch.sweep(scratch.place()) == 0
        assert one.is_dir()


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    env = {paths.STATE_VARIABLE: str(tmp_path)}
    with shell.spawn([sys.executable, "-c", KILLED], env=env, stdin="") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        (left,) = (path for path in scratch.place().iterdir() if path.is_dir())
        assert scratch.sweep(scratch.place()) == 0, "its maker lives"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with scratch.folder("next"):
        assert not left.exists()
    assert list(scratch.place().iterdir()) == []


def test_the_caches_folder_is_its_own(tmp_path: Path) -> None:
    with scratch.folder("layer", within=tmp_path / "cache") as made:
        assert made.parent == tmp_path / "cache"

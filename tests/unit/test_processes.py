"""Processes are told apart by more than their id."""

import os
from pathlib import Path

from promdrill import processes


def test_a_start_time_tells_processes_with_one_id_apart(tmp_path: Path) -> None:
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("b\n")
    (tmp_path / "7").mkdir()
    stat = "7 (od) d (x) {} 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {} 1 1\n"
    (tmp_path / "7/stat").write_text(stat.format("S", 4711))
    assert processes.start_of(7, proc=tmp_path) == "b/4711"
    (tmp_path / "7/stat").write_text(stat.format("Z", 4711))
    assert processes.start_of(7, proc=tmp_path) is None
    assert processes.start_of(8, proc=tmp_path) is None


def test_the_real_process_has_a_start_time() -> None:
    assert processes.start_of(os.getpid()) == processes.start_of(os.getpid())
    assert "/" in str(processes.start_of(os.getpid()))

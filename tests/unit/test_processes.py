"""Processes are told apart by more than their id."""

import os
import signal
import sys
from pathlib import Path

import pytest

from promdrill.core import processes, shell


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


def test_elsewhere_the_time_of_the_start_tells() -> None:
    with shell.spawn(["sleep", "600"]) as process:
        ours, theirs = (processes.start_of(pid, system="darwin") for pid in (os.getpid(), process.pid))
        assert ours == processes.start_of(os.getpid(), system="darwin")
        assert float(str(ours)) <= float(str(theirs))
        assert ours != theirs
    assert processes.start_of(process.pid, system="darwin") is None


def test_remains_that_nobody_waited_for_are_no_process() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        assert [processes.start_of(pid, system=system) for system in ("linux", "darwin")] == [None, None]
        assert pid not in {found.pid for found in processes.marked("none", [pid])}
    finally:
        os.waitpid(pid, 0)


@pytest.mark.parametrize("handles", [True, False])
def test_where_no_mark_can_be_read_session_and_parents_tell(monkeypatch: pytest.MonkeyPatch, handles: bool) -> None:
    """As on macOS, which shows the environment of its own programs to nobody, and has no handles of processes."""
    monkeypatch.setattr(processes, "_marks", lambda _: [])
    if not handles:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    script = "sleep 600 & python3 -c 'import os; os.setsid(); print(1, flush=True); import time; time.sleep(600)'; :"
    with shell.spawn(["sh", "-c", script]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        found = processes.marked(process.mark, [process.pid])
        assert len(found) == 3
        assert os.getpid() not in {each.pid for each in found}
        processes.end(found)
        assert process.stdout.read() == b""
        assert process.wait() == -signal.SIGKILL

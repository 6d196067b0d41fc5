"""Commands end with all that they started: at their deadline, and with promdrill, however that ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess  # noqa: TID251  a command that the gateway did not start
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import guardian, processes, shell
from promdrill.core.errors import CommandFailed, CommandTimeout

GIVE_UP_S = 30.0

Command = Callable[..., list[str]]


def _grandchild(script: str, *, says: str = "/dev/stdout") -> list[str]:
    """A command whose child leaves its session and outlives it by far; the command goes on with the script."""
    child = f"import os, time; os.setsid(); f = open({says!r}, 'w'); f.write('up'); f.flush(); time.sleep(600)"
    start = f"import os, sys, time; os.fork() or exec({child!r}); {script}"
    return [sys.executable, "-c", start]


def _orphan(script: str, *, says: str) -> list[str]:
    """The same, but the child hides as a daemon does: another session, no parent, no output, an empty environment."""
    child = f"import time; f = open({says!r}, 'w'); f.write('up'); f.flush(); time.sleep(600)"
    hide = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    for each in (1, 2):
        os.dup2(0, each)
    os.execve(sys.executable, [sys.executable, '-c', {child!r}], {{}})
os.wait()
{script}
"""
    return [sys.executable, "-c", hide]


on_linux = pytest.mark.skipif(processes.SYSTEM != "linux", reason="elsewhere nobody is told who holds a pipe")
hidden = pytest.param(_orphan, marks=on_linux, id="orphan")


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Where a grandchild says that it is up, and which it holds as long as it lives."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def _until_nobody_holds(fifo: int) -> bytes:
    """All that comes from a pipe whose writers are to end."""
    got = b""
    while select.select([fifo], [], [], GIVE_UP_S)[0]:
        chunk = os.read(fifo, 100)
        if not chunk:
            return got
        got += chunk
    pytest.fail("somebody still holds it")


def test_a_command_is_run_to_its_end() -> None:
    done = shell.run(["sh", "-c", "cat; echo err >&2; exit 3"], timeout_s=GIVE_UP_S, stdin="in\n", ok=(3,))
    assert (done.stdout, done.stderr, done.exit_code) == ("in\n", "err\n", 3)


def test_lines_come_as_they_are_said_and_bad_bytes_are_replaced() -> None:
    lines: list[str] = []
    script = r"printf 'a\nb'; printf '\377\n' >&2; printf last"
    done = shell.run(["sh", "-c", script], timeout_s=GIVE_UP_S, on_line=lines.append)
    assert lines == ["a", "b\ufffd", "last"]
    assert (done.stdout, done.stderr) == ("a\nb\ufffd\nlast", "")


def test_more_than_a_pipe_holds_goes_both_ways() -> None:
    text = "0123456789abcdef" * (1 << 16)
    assert shell.run(["cat"], timeout_s=GIVE_UP_S, stdin=text).stdout == text
    assert shell.run(["true"], timeout_s=GIVE_UP_S, stdin=text).stdout == ""


def test_what_cannot_be_started_or_fails_is_an_error() -> None:
    with pytest.raises(CommandFailed, match="cannot start"):
        shell.run(["/nowhere"], timeout_s=1)
    with pytest.raises(CommandFailed, match="exit code 4") as caught:
        shell.run(["sh", "-c", "echo why >&2; exit 4"], timeout_s=GIVE_UP_S)
    assert caught.value.output == "why\n"


def test_at_the_deadline_a_grandchild_that_left_and_holds_the_output_goes_too() -> None:
    with pytest.raises(CommandTimeout, match="not done within 2 s") as caught:
        shell.run(_grandchild("time.sleep(600)"), timeout_s=2)
    assert "up" in caught.value.output  # and so it held the pipe


@pytest.mark.parametrize("child", [_grandchild, hidden])
def test_a_deadline_ends_the_whole_tree_however_it_hides(fifo: Path, child: Command) -> None:
    up = threading.Event()
    with ThreadPoolExecutor() as pool:
        run = pool.submit(shell.run, child("time.sleep(600)", says=str(fifo)), timeout_s=600, stop=up)
        with fifo.open("rb", buffering=0) as held:
            assert held.read(2) == b"up"
            up.set()
            assert _until_nobody_holds(held.fileno()) == b""
        with pytest.raises(CommandTimeout):
            run.result()


def test_a_deadline_ends_a_grandchild_that_holds_the_output_of_a_command_that_has_ended(fifo: Path) -> None:
    child = f"import os, time; os.setsid(); f = open({str(fifo)!r}, 'w'); f.write('up'); f.flush(); time.sleep(600)"
    command = [sys.executable, "-c", f"import os, sys; os.fork() or exec({child!r})"]
    up = threading.Event()
    with ThreadPoolExecutor() as pool:
        run = pool.submit(shell.run, command, timeout_s=600, stop=up)
        with fifo.open("rb", buffering=0) as held:
            assert held.read(2) == b"up"
            up.set()
            assert _until_nobody_holds(held.fileno()) == b""
        with pytest.raises(CommandTimeout):
            run.result()


@pytest.mark.parametrize("child", [_grandchild, hidden])
def test_what_left_a_command_that_has_ended_stays_unless_the_whole_is_to_end(fifo: Path, child: Command) -> None:
    command = child("", says=str(fifo))
    with shell.spawn(command) as left, fifo.open("rb", buffering=0) as held:
        assert held.read(2) == b"up"
        left.wait()
    kept = processes.marked(left.mark, (), [left.leash])
    assert len(kept) == 1
    processes.end(kept)
    with shell.spawn(command, whole=True) as process, fifo.open("rb", buffering=0) as held:
        assert held.read(2) == b"up"
        process.wait()
    assert processes.marked(process.mark, (), [process.leash]) == []


def test_a_stop_request_ends_a_command() -> None:
    stop = threading.Event()
    with pytest.raises(CommandTimeout, match="on request"):
        shell.run(["sh", "-c", "echo up; exec sleep 600"], timeout_s=600, on_line=lambda _: stop.set(), stop=stop)


def test_a_command_that_is_asked_to_end_may_say_more_than_a_pipe_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "GRACE_S", GIVE_UP_S)
    stop = threading.Event()
    script = "trap 'head -c 1000000 /dev/zero; exit 5' TERM; echo up; sleep 600 & wait"
    with pytest.raises(CommandTimeout) as caught:
        shell.run(["sh", "-c", script], timeout_s=600, on_line=lambda _: stop.set(), stop=stop)
    assert caught.value.exit_code == 5
    assert len(caught.value.output) == 1000000 + len("up\n")


def test_the_end_of_a_command_is_seen_beside_its_output() -> None:
    with shell.spawn(_grandchild("sys.exit(7)")) as process:
        assert select.select([process.ended_fd], [], [], GIVE_UP_S)[0]
        assert process.wait() == 7
        processes.end_marked(process.mark)


def test_a_daemon_and_what_it_starts_bear_no_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(processes.MARK, "outer.1")
    log = tmp_path / "log"
    pid = shell.start_daemon(["sh", "-c", f"echo ${processes.MARK}; exec sleep 600"], log=log)
    try:
        assert processes.marked("outer", [os.getpid()]) == []
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert log.read_text() in {"daemon\n", ""}


def test_a_command_inside_a_command_bears_both_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(processes.MARK, "outer.1")
    with shell.spawn(["sh", "-c", "echo up; sleep 600; :"]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n", "while a program begins, the kernel shows no environment of it"
        for mark in ("outer", "outer.1", process.mark):
            assert process.pid in {found.pid for found in processes.marked(mark)}
        assert process.pid not in {found.pid for found in processes.marked("out")}


@pytest.mark.parametrize("child", [_grandchild, hidden])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_all_that_runs_dies_with_promdrill(fifo: Path, how: signal.Signals, child: Command) -> None:
    command = child("time.sleep(600)", says=str(fifo))
    promdrill = [sys.executable, "-c", f"from promdrill.core import shell; shell.run({command!r}, timeout_s=600)"]
    with shell.spawn(promdrill) as process:
        with fifo.open("rb", buffering=0) as held:
            assert held.read(2) == b"up"
            process.send_signal(how)
            assert _until_nobody_holds(held.fileno()) == b""
        assert process.wait() == -how


@pytest.mark.parametrize("child", [_grandchild, hidden])
def test_a_guardian_that_is_gone_is_replaced_and_knows_all_that_runs(fifo: Path, child: Command) -> None:
    command = child("time.sleep(600)", says=str(fifo))
    script = f"""
import os, signal, psutil
from promdrill.core import shell
with shell.spawn({command!r}) as first:
    (guardian,) = [child for child in psutil.Process().children() if "promdrill.core.guardian" in child.cmdline()]
    guardian.kill()
    os.waitpid(guardian.pid, 0)
    with shell.spawn(["sleep", "600"]):
        print("again", flush=True)
        signal.pause()
"""
    with shell.spawn([sys.executable, "-c", script]) as process, fifo.open("rb", buffering=0) as held:
        assert held.read(2) == b"up"
        assert process.stdout is not None
        assert process.stdout.readline() == b"again\n"
        process.kill()
        assert _until_nobody_holds(held.fileno()) == b""


@pytest.mark.parametrize(
    ("lines", "ended"),
    [
        (["+7 a", "+8 b", "-7"], ([8], ["b"])),
        (["+7 a", "-7"], ([], [])),
        (["+7", "ended"], ([7], [""])),
        (["ended", "+7 a"], ([7], ["a"])),
        (["+7 a", "+9 b"], ([7], ["a", "b"])),  # its id is another's, but those on its leash are its own
        (["+7 a", "-7", "ended"], None),
    ],
)
def test_what_a_guardian_ends(monkeypatch: pytest.MonkeyPatch, lines: list[str], ended: Any) -> None:
    starts: dict[int, list[str | None]] = {7: ["a", "a"], 8: ["b", None], 9: ["c", "d"]}  # 9 is another's by then
    monkeypatch.setattr(processes, "start_of", lambda pid: starts[pid].pop(0))
    monkeypatch.setattr(os, "getsid", lambda pid: pid)
    calls: list[Any] = []
    monkeypatch.setattr(processes, "end_marked", lambda mark, *found: calls.append((mark, found)))
    guardian.main("m", (f"{line}\n" for line in lines))
    assert calls == ([] if ended is None else [("m", ended)])


def test_a_guardian_takes_nothing_for_a_command_that_cannot_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(processes, "end_marked", lambda _mark, *found: calls.append(found))
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as in_our_session:
        told = [0, 1, os.getpid(), os.getppid(), in_our_session.pid]
        guardian.main("m", [f"+{pid}\n" for pid in told])
    assert calls == [([], [])]

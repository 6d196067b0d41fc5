"""What a Docker leaves behind: found by its folders, and nothing else found."""

import os
import signal
from pathlib import Path

import pytest

from promdrill.core import processes, shell
from promdrill.core.errors import CommandFailed
from promdrill.supply.engine import residue
from promdrill.supply.engine.residue import Found


def test_mounts_are_found_below_the_folders_deepest_first(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    points = ["/", "/data", "/data/overlay2/x/merged", "/database", "/run/a\\040b/netns/1"]
    table.write_text("".join(f"36 35 98:0 / {point} rw - ext4 /dev/x rw\n" for point in points))
    found = residue.mounts([Path("/data"), Path("/run/a b")], table=table)
    assert found == [Path("/run/a b/netns/1"), Path("/data/overlay2/x/merged"), Path("/data")]


def test_a_mount_that_was_there_before_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[object] = []
    monkeypatch.setattr(residue, "mounts", lambda _: [Path("/d/x"), Path("/d"), Path("/d")])
    monkeypatch.setattr(shell, "run", lambda argv, timeout_s: ended.append((argv, timeout_s)))
    residue.unmount([Path("/d")], keep=["/d", "/gone"])
    assert ended == [(["umount", "--lazy", Path("/d/x")], 30), (["umount", "--lazy", Path("/d")], 30)]


def test_bridges_are_those_in_dockers_own_database(tmp_path: Path) -> None:
    for name in ("br-0123456789ab", "br-ffffffffffff", "br-000000000000", "eth0"):
        (tmp_path / "net" / name).mkdir(parents=True)
    for name in ("br-0123456789ab", "br-ffffffffffff"):
        (tmp_path / "net" / name / "bridge").mkdir()
    assert residue.bridges(tmp_path, network=tmp_path / "net") == []
    (tmp_path / "network/files").mkdir(parents=True)
    (tmp_path / "network/files/local-kv.db").write_bytes(b"\0\1network/0123456789abcdef/ 000000000000")
    assert residue.bridges(tmp_path, network=tmp_path / "net") == ["br-0123456789ab"]


def test_a_bridge_that_is_not_there_is_no_trouble() -> None:
    residue.delete_bridge("promdrill-none")


def test_helpers_are_found_by_their_mark_and_containers_by_their_helper(tmp_path: Path) -> None:
    run = tmp_path / "run"
    proc = tmp_path / "proc"
    (proc / "sys/kernel/random").mkdir(parents=True)
    (proc / "sys/kernel/random/boot_id").write_text("b")
    theirs: dict[int, tuple[int, str]] = {
        11: (1, f"A=1\0{residue.MARK}={run}\0B=2\0"),
        12: (11, f"{residue.MARK}={run}\0"),
        13: (1, f"{residue.MARK}={run}away\0"),
        14: (12, "PATH=/bin\0"),  # a container's own environment
        15: (1, "PATH=/bin\0"),  # the id of a container that has ended, given to another
        17: (1, f"PWD={run}\0NOTE=x{residue.MARK}={run}\0"),
        18: (1, ""),
    }
    for pid, (parent, environ) in theirs.items():
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "environ").write_text(environ)
        (proc / str(pid) / "cmdline").write_text(f"vim\0{run}/notes.txt\0")  # what is in a command line says nothing
        (proc / str(pid) / "stat").write_text(f"{pid} (a b) S {parent} {' 0' * 17} {pid}0 1\n")
    for name, pid in (("a", 14), ("b", 15), ("c", 16)):
        folder = run / "containerd/daemon/io.containerd.runtime.v2.task/moby" / name
        folder.mkdir(parents=True)
        (folder / "init.pid").write_text(str(pid))
    found = residue.processes(run, proc=proc)
    assert found[0] == Found(14, "b/140")
    assert sorted(each.pid for each in found) == [11, 12, 14]


def _daemon(tmp_path: Path, script: str, run: Path) -> int:
    (tmp_path / "log").touch()
    pid = shell.start_daemon(["sh", "-c", script], log=tmp_path / "log", env={residue.MARK: str(run)})
    with (tmp_path / "log").open("rb") as log:
        while log.read(1) == b"":  # what it writes once it is what it is to be
            assert processes.start_of(pid) is not None
    return pid


def test_real_helpers_are_found_and_ended_and_a_process_that_names_the_folder_is_not(tmp_path: Path) -> None:
    run = tmp_path / "run"
    helper = _daemon(tmp_path, "trap '' TERM; echo up; while :; do sleep 600; done", run)
    with shell.spawn(["sh", "-c", f"echo {run}/x; exec sleep 600"]) as named:
        found = residue.processes(run)
        assert helper in {each.pid for each in found}
        assert named.pid not in {each.pid for each in found}
        residue.end([*found, *found])
        assert processes.start_of(helper) is None
        assert os.waitpid(helper, 0)[1] == signal.SIGKILL
        assert processes.start_of(named.pid) is not None


def test_a_later_process_with_the_same_id_is_never_ended() -> None:
    with shell.spawn(["sleep", "600"]) as process:
        residue.end([Found(process.pid, "another boot/1")])
        assert process.poll() is None


def test_a_part_that_fails_is_said_and_the_others_go_on() -> None:
    said: list[str] = []

    def fail() -> None:
        raise CommandFailed(["umount", "/x"], 32, "busy")

    residue.attempt("mounts", fail, said.append)
    assert len(said) == 1
    assert said[0].startswith("left behind: mounts (exit code 32: umount /x")

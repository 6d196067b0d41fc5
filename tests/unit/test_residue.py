"""What a Docker leaves behind: found by its folders, and nothing else found."""

import os
import signal
from pathlib import Path

import pytest

from promdrill.core import processes, shell
from promdrill.core.errors import CommandFailed
from promdrill.supply.engine import residue

RULES = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:MINE - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT
-A FORWARD -i br-other -j ACCEPT
-A FORWARD -i docker01 -j ACCEPT
-A DOCKER -d 172.18.0.2/32 ! -i br-0123456789ab -o br-0123456789ab -j ACCEPT
-A DOCKER-USER -j RETURN
-A MINE -j DROP
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE
COMMIT
"""

CLEARED = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:MINE - [0:0]
-A FORWARD -i br-other -j ACCEPT
-A FORWARD -i docker01 -j ACCEPT
-A MINE -j DROP
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE
COMMIT
"""


def test_only_dockers_rules_go() -> None:
    assert residue.without_docker(RULES, ["docker0", "br-0123456789ab"]) == CLEARED


def test_rules_without_docker_stay_as_they_are() -> None:
    strict = CLEARED.replace("FORWARD ACCEPT", "FORWARD DROP")
    assert residue.without_docker(strict, ["docker0"]) == strict


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


def test_helpers_are_found_by_the_folder_in_their_arguments(tmp_path: Path) -> None:
    run = tmp_path / "run"
    lines = {
        "11": f"containerd\0--config\0{run}/containerd/containerd.toml\0",
        "12": f"shim\0-address\0{run}/containerd/containerd.sock\0",
        "13": f"other\0{run}away/x\0",
        "14": "sleep\x001000\0",
        str(os.getpid()): f"us\0{run}/x\0",
    }
    for pid, line in lines.items():
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "cmdline").write_text(line)
    (tmp_path / "proc/14/stat").write_text("14 (sleep) S 12 14 14\n")
    (tmp_path / "proc/15").mkdir()
    (tmp_path / "proc/15/stat").write_text("15 (given to another) S 1 15 15\n")
    for name, pid in (("a", "14"), ("b", "15"), ("c", "16")):
        folder = run / "containerd/daemon/io.containerd.runtime.v2.task/moby" / name
        folder.mkdir(parents=True)
        (folder / "init.pid").write_text(pid)
    found = residue.processes(run, proc=tmp_path / "proc")
    assert (found[0], sorted(found)) == (14, [11, 12, 14])


def test_processes_are_killed_and_waited_for(tmp_path: Path) -> None:
    pid = shell.start_daemon(["sh", "-c", "trap '' TERM; read _ < /dev/tty || exec sleep 60"], log=tmp_path / "log")
    assert processes.start_of(pid) is not None
    residue.end([pid, pid])
    assert processes.start_of(pid) is None
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_a_part_that_fails_is_said_and_the_others_go_on() -> None:
    said: list[str] = []

    def fail() -> None:
        raise CommandFailed(["umount", "/x"], 32, "busy")

    residue.attempt("mounts", fail, said.append)
    assert len(said) == 1
    assert said[0].startswith("left behind: mounts (exit code 32: umount /x")

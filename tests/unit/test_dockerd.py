"""The Docker of our own: a small program stands in for dockerd and tells readiness as the real one does."""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from promdrill.core import processes, records, shell
from promdrill.core.errors import SupplyError
from promdrill.supply.engine import dockerd, firewall, residue
from promdrill.supply.engine.dockerd import Places, Started
from promdrill.supply.engine.firewall import Before

READY = """\
import os, signal, socket, sys, json
assert sys.argv[1] == "--config-file", sys.argv
config = json.load(open(sys.argv[2]))
server = socket.socket(socket.AF_UNIX); server.bind(config["hosts"][0][7:]); server.listen()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
notify.send(b"STATUS=starting"); notify.send(b"READY=1")
signal.pause()
"""


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    monkeypatch.setattr(firewall, "_listings", dict)  # no packet filter is touched
    monkeypatch.setattr(residue, "DEFAULT_BRIDGE", "lo")  # is there before, so it is left
    with tempfile.TemporaryDirectory(prefix="pd-", dir="/tmp") as folder:  # a socket's path must be short
        yield Places(Path(folder) / "s", Path(folder) / "d", Path(folder) / "docker.sock")


def _program(tmp_path: Path, code: str) -> Path:
    program = tmp_path / "dockerd"
    program.write_text(f"#!{sys.executable} -IS\n{code}")
    program.chmod(0o755)
    return program


def test_it_is_started_recorded_and_ended(tmp_path: Path, places: Places) -> None:
    dockerd.start(places, _program(tmp_path, READY), (), within_s=20)
    pid = dockerd.running(places)
    assert pid is not None
    assert json.loads(places.record.read_text())["start"] == processes.start_of(pid)
    assert pid in {each.pid for each in residue.processes(places.exec_root)}
    said: list[str] = []
    assert dockerd.stop(places, say=said.append)
    assert said == []
    assert dockerd.running(places) is None
    os.waitpid(pid, 0)
    assert (places.record.exists(), places.exec_root.exists(), places.socket.exists()) == (False, False, False)
    assert not dockerd.stop(places, say=said.append)


def test_what_was_there_before_is_on_the_disk_before_it_is_started(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firewall, "examine", lambda: Before({"iptables": "*filter\nCOMMIT\n"}, ("ip6tables",)))

    def killed(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(shell, "start_daemon", killed)
    with pytest.raises(KeyboardInterrupt):
        dockerd.start(places, _program(tmp_path, READY), ())
    record = records.loads(Started, places.record.read_bytes())
    assert (record.pid, record.bridge) == (0, True)
    assert record.firewall == Before({"iptables": "*filter\nCOMMIT\n"}, ("ip6tables",))
    assert dockerd.running(places) is None
    assert dockerd.stop(places, say=pytest.fail)


@pytest.mark.parametrize("damage", ["", "{}", '{"pid": 0, "rules": true}'])
def test_a_record_that_says_nothing_of_the_packet_filter_leaves_it_alone_and_that_is_said(
    places: Places, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(firewall, "take_back", lambda *_, **__: pytest.fail("touched"))
    places.state.mkdir()
    places.record.write_text(damage)
    said: list[str] = []
    assert dockerd.stop(places, say=said.append)
    assert [line.partition(" (")[0] for line in said] == ["left behind: packet filter rules"]


def test_one_that_dies_is_told_with_the_end_of_its_log(tmp_path: Path, places: Places) -> None:
    program = _program(tmp_path, "print('failed to start: no iptables', flush=True); raise SystemExit(1)\n")
    with pytest.raises(SupplyError, match="no iptables") as caught:
        dockerd.start(places, program, (), within_s=20)
    assert str(places.log) in caught.value.hint
    assert not places.record.exists()


def test_one_that_never_gets_ready_is_ended(tmp_path: Path, places: Places) -> None:
    program = _program(tmp_path, "import signal\nsignal.pause()\n")
    with pytest.raises(SupplyError, match="did not become ready"):
        dockerd.start(places, program, (), within_s=0.3)
    assert dockerd.running(places) is None


def test_a_process_that_got_the_same_id_is_not_ours(places: Places) -> None:
    places.state.mkdir()
    places.record.write_text(json.dumps({"pid": os.getpid(), "start": "another boot/1", "bridge": True, "rules": True}))
    assert dockerd.running(places) is None
    assert dockerd.stop(places, say=lambda _: None)  # and we are still here


def test_a_socket_that_answers_is_another_dockers(places: Places) -> None:
    places.state.mkdir()
    places.record.write_text(json.dumps({"pid": 0, "start": None, "bridge": True, "rules": True}))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(places.socket))
        server.listen()
        dockerd.stop(places, say=lambda _: None)
        assert places.socket.exists()


def test_the_shim_is_configured_only_where_something_is_missing(tmp_path: Path, places: Places) -> None:
    none = tmp_path / "none.json"
    plain = dockerd.configuration(places, None, user=none)
    assert plain["data-root"] == str(places.data)
    assert plain["hosts"] == [f"unix://{places.socket}"]
    assert "default-runtime" not in plain
    fitted = dockerd.configuration(places, Path("/s/runc-fit"), user=none)
    assert fitted["runtimes"][fitted["default-runtime"]] == {"path": "/s/runc-fit"}


def test_what_a_user_says_of_the_network_holds_and_the_rest_does_not(tmp_path: Path, places: Places) -> None:
    user = tmp_path / "daemon.json"
    user.write_text(json.dumps({"registry-mirrors": ["https://m"], "data-root": "/else", "debug": True}))
    config = dockerd.configuration(places, None, user=user)
    assert (config["registry-mirrors"], config["data-root"]) == (["https://m"], str(places.data))
    assert "debug" not in config


def test_a_folder_too_deep_for_sockets_is_refused_before_anything_starts(tmp_path: Path) -> None:
    places = Places(tmp_path / ("x" * 80), tmp_path / "d", tmp_path / "docker.sock")
    with pytest.raises(SupplyError, match="too long"):
        dockerd.start(places, Path("/nowhere/dockerd"), ())
    assert not places.state.exists()

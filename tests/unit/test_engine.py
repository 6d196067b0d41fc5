"""The container engine: used when it answers, brought up where that is allowed, else an error with what to start."""

from pathlib import Path
from typing import Any

import pytest

from promdrill.artefacts import machine
from promdrill.artefacts.machine import Machine
from promdrill.core.errors import CommandFailed, SupplyError, UsageError
from promdrill.core.say import Say
from promdrill.supply import host_changes, packages
from promdrill.supply.engine import dockerd, lifecycle
from promdrill.supply.engine.dockerd import Places
from promdrill.supply.engine.lifecycle import Answer, Engine, Trouble
from promdrill.supply.host_changes import Change

DEBIAN = Machine(
    root=True, debian=True, distribution="Debian", missing=(), architecture="amd64", kernel="6.1", hostname="box"
)
DOWN = "Cannot connect to the Docker daemon"
OURS = Engine("20.10", ours=True, kernel="6.1", hostname="box")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return folder


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("PROMDRILL_STATE_DIR", str(tmp_path / "state"))
    return Places(tmp_path / "s", tmp_path / "d", tmp_path / "docker.sock")


def _put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/calls\n{script}\n')
    (folder / name).chmod(0o755)


def _calls(folder: Path) -> list[str]:
    log = folder / "calls"
    return log.read_text().splitlines() if log.exists() else []


def _host(**changed: Any) -> Machine:
    facts = {name: getattr(DEBIAN, name) for name in Machine.__slots__}
    return Machine(**(facts | changed))


def test_not_root_starts_nothing(programs: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dockerd, "start", lambda *_: pytest.fail("started"))
    with pytest.raises(UsageError, match="no container engine"):
        lifecycle.ensure(say=pytest.fail, places=places, host=_host(root=False))
    assert _calls(programs) == []


@pytest.mark.parametrize("trouble", [each for each in Trouble if not each.name.startswith("NOT_")])
def test_something_in_the_way_is_never_taken_over(
    places: Places, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    monkeypatch.setattr(dockerd, "start", lambda *_: pytest.fail("started"))
    monkeypatch.setattr(packages, "install", lambda *_, **__: pytest.fail("installed"))
    monkeypatch.setattr(lifecycle, "ask", lambda _: Answer(None, "why", trouble))
    with pytest.raises(UsageError):
        lifecycle.ensure(say=pytest.fail, places=places, host=DEBIAN)


def test_of_a_docker_elsewhere_nothing_is_asked_of_this_kernel(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop = Engine("28", ours=False, kernel="6.10-linuxkit", hostname="docker-desktop")
    bench = _Bench(monkeypatch, tmp_path, [Answer(desktop)], set())
    monkeypatch.setattr(lifecycle, "_check_foreign", bench.done.append)
    assert lifecycle.ensure(say=pytest.fail, places=places, host=_host(system="darwin", debian=False)) == desktop
    assert bench.done == []
    assert not bench.modules.exists()


class _Bench:
    """Stands in for everything that changes the machine, and notes the order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: list[Answer], have: set[str]) -> None:
        self.done: list[Any] = []
        self.have = have
        self.modules = tmp_path / "lib/modules"
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        monkeypatch.setattr(lifecycle, "MODULES", self.modules)
        monkeypatch.setattr(lifecycle, "ask", lambda _: answers.pop(0))
        monkeypatch.setattr(machine, "program", lambda name: Path("/sbin", name) if name in have else None)
        monkeypatch.setattr(packages, "install", self.install)
        monkeypatch.setattr(dockerd, "stop", self.stop)
        monkeypatch.setattr(dockerd, "start", self.start)

    def install(self, names: list[str], *, change: Change, why: str, say: Say) -> None:
        change.announce(say, why)
        self.done.append(("install", names))
        self.have.add("dockerd")

    def stop(self, _: Places, *, say: Say) -> bool:
        assert callable(say)
        self.done.append("clear")
        return False

    def start(self, _: Places, program: Path, missing: tuple[str, ...]) -> None:
        self.done.append(("start", program, missing))


def test_what_is_missing_is_installed_and_started_and_said_before(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _Bench(monkeypatch, tmp_path, [Answer(None, DOWN)] * 3 + [Answer(OURS)] * 2, {"docker", "runc"})
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        bench.done.append("said")

    lacking = _host(missing=("CAP_SYS_RESOURCE",))
    assert lifecycle.ensure(say=say, places=places, host=lacking) == OURS
    start = ("start", Path("/sbin/dockerd"), ("CAP_SYS_RESOURCE",))
    installed = ("install", ["docker.io", "iptables"])
    assert bench.done == ["said", installed, "said", "said", "said", "clear", start, "said"]
    assert "works without CAP_SYS_RESOURCE" in said[1]
    made = ("ENGINE_PACKAGES", "DOCKERD", "NETWORK", "KERNEL_MODULES", "MODULES_FOLDER")
    assert [line.partition(": ")[2] for line in said] == [f"{getattr(host_changes, name).after}." for name in made]
    assert bench.modules.is_dir()
    assert lifecycle.ensure(say=pytest.fail, places=places, host=lacking) == OURS  # what is there is not made again


def test_nothing_is_installed_when_all_is_there(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have = {"docker", "dockerd", "runc", "iptables"}
    bench = _Bench(monkeypatch, tmp_path, [Answer(None, DOWN)] * 2 + [Answer(OURS)], have)
    lifecycle.ensure(say=lambda _: None, places=places, host=DEBIAN)
    assert bench.done == ["clear", ("start", Path("/sbin/dockerd"), ())]


def test_a_docker_that_came_up_meanwhile_is_used(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _Bench(monkeypatch, tmp_path, [Answer(None, DOWN), Answer(OURS)], set())
    bench.modules.mkdir(parents=True)
    assert lifecycle.ensure(say=pytest.fail, places=places, host=DEBIAN) == OURS
    assert bench.done == []


def test_one_that_the_package_started_is_not_ours(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Engine("26", ours=False, kernel="6.1", hostname="box")
    bench = _Bench(monkeypatch, tmp_path, [Answer(None, DOWN)] * 2 + [Answer(theirs)], set())
    monkeypatch.setattr(lifecycle, "_check_foreign", bench.done.append)
    assert lifecycle.ensure(say=lambda _: None, places=places, host=DEBIAN) == theirs
    assert bench.done == [("install", ["docker.io", "iptables", "runc"]), theirs]


def test_what_turns_out_to_be_in_the_way_after_the_installation_stops_it(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Answer(None, DOWN)] * 2 + [Answer(None, "dial tcp: refused", Trouble.CONTEXT)]
    bench = _Bench(monkeypatch, tmp_path, found, set())
    with pytest.raises(UsageError, match="does not answer: dial tcp: refused"):
        lifecycle.ensure(say=lambda _: None, places=places, host=DEBIAN)
    assert bench.done == [("install", ["docker.io", "iptables", "runc"])]


FOREIGN = """\
case "$*" in
  import*) cat > /dev/null ;;
  run*) echo '{said}' >&2; exit 127 ;;
  image*) ;;
  *) exit 99 ;;
esac
"""


@pytest.mark.parametrize(
    ("missing", "runtime", "said", "refused", "calls"),
    [
        ((), "runc", "", False, 0),
        (("CAP_X",), "other", "", False, 0),
        (("CAP_X",), "runc", "exec: /nothing: no such file or directory", False, 3),
        (("CAP_X",), "runc", "unable to apply caps: operation not permitted", True, 3),
    ],
)
def test_a_docker_of_others_is_tried_and_never_changed(
    programs: Path, monkeypatch: pytest.MonkeyPatch, *, missing: Any, runtime: str, said: str, refused: bool, calls: int
) -> None:
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    _put(programs, "docker", FOREIGN.format(said=said))
    monkeypatch.setattr(lifecycle, "_missing_in_server", lambda: missing)
    if refused:
        with pytest.raises(SupplyError, match="CAP_X"):
            lifecycle._check_foreign(Engine("1", ours=False, runtime=runtime))
    else:
        lifecycle._check_foreign(Engine("1", ours=False, runtime=runtime))
    made = _calls(programs)
    assert len(made) == calls
    assert calls < 3 or made[-1].startswith("docker image rm --force promdrill/probe:")


@pytest.mark.parametrize("remapped", [True, False])
def test_a_docker_that_maps_users_is_tried_without_that(
    programs: Path, monkeypatch: pytest.MonkeyPatch, remapped: bool
) -> None:
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    _put(programs, "docker", FOREIGN.format(said="no such file"))
    monkeypatch.setattr(lifecycle, "_missing_in_server", lambda: ("CAP_X",))
    lifecycle._check_foreign(Engine("1", ours=False, remapped=remapped))
    assert ("--userns=host" in _calls(programs)[1]) is remapped


def test_a_docker_on_another_machine_is_not_judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2375")
    assert lifecycle._missing_in_server() == ()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert lifecycle._missing_in_server() == ()


def test_nothing_of_ours_is_nothing_to_stop(places: Places) -> None:
    assert not lifecycle.stop(say=pytest.fail, places=places)
    assert not places.state.exists()


def test_forgetting_ends_it_before_its_images_go(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    places.state.mkdir()
    places.data.mkdir()
    seen: list[bool] = []

    def stop(found: Places, *, say: Say) -> bool:
        assert callable(say)
        seen.append(found.data.exists())
        return True

    monkeypatch.setattr(dockerd, "stop", stop)
    lifecycle.forget(say=pytest.fail, places=places)
    assert seen == [True]
    assert not places.data.exists()


def test_a_docker_command_that_fails_is_told(programs: Path) -> None:
    _put(programs, "docker", "echo no such image >&2; exit 1")
    with pytest.raises(CommandFailed, match="no such image"):
        OURS.docker("image", "inspect", "x", timeout_s=5)

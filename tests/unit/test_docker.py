"""What is behind the docker command: the real command against servers of our own, and what it says elsewhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.docker_stub import DOCKER_INFO, DOCKER_VERSION, PODMAN_INFO, PODMAN_VERSION, serving

from promdrill import doctor
from promdrill.artefacts.machine import Machine
from promdrill.cli.main import main
from promdrill.core import docker_target, shell
from promdrill.core.errors import SupplyError, UsageError
from promdrill.doctor import GIB, Level, Probes
from promdrill.supply.choose import Choice
from promdrill.supply.engine import docker, dockerd
from promdrill.supply.engine.docker import Answer, Engine, Trouble, ask
from promdrill.supply.engine.dockerd import Places

USER = Machine(
    root=False, debian=True, distribution="Debian", missing=(), architecture="amd64", kernel="6.1", hostname="box"
)
OLD_DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
NEW_DOWN = (
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the "
    "daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory"
)
OLD_DENIED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix /var/run/docker.sock: connect: permission denied'
)
NEW_DENIED = "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock"

real = pytest.mark.skipif(shutil.which("docker") is None, reason="needs the docker command")


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_API_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PROMDRILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PROMDRILL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(docker_target, "DEFAULT_SOCKET", tmp_path / "default.sock")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "s", tmp_path / "d", tmp_path / "docker.sock")


def _says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, out: object = None, err: str = "", info: Any = None
) -> None:
    """A docker command that says this, and fails where there is no server in it."""
    (folder / "bin").mkdir()
    for name, what in (("version", out), ("info", info)):
        (folder / name).write_text("" if what is None else json.dumps(what))
    (folder / "err").write_text(f"{err}\n")
    cat = shutil.which("cat")
    script = f"#!/bin/sh\n{cat} {folder}/$1\n{cat} {folder}/err >&2\n[ -s {folder}/info ]\n"
    (folder / "bin/docker").write_text(script)
    (folder / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"))


@real
def test_a_docker_tells_its_facts_and_those_of_the_system_it_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(DOCKER_VERSION, DOCKER_INFO) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        found = ask().engine
    assert found == Engine(
        version="28.2.2",
        ours=False,
        architecture="arm64",
        product="Docker Desktop",
        kernel="6.10.14-linuxkit",
        hostname="docker-desktop",
        memory_bytes=8217018368,
        cpus=8,
        data_root="/var/lib/docker",
        runtime="runc",
        cgroup_v2=True,
    )
    assert not found.here(USER)


@real
@pytest.mark.parametrize(
    ("version", "info", "trouble", "why"),
    [
        (PODMAN_VERSION, PODMAN_INFO, Trouble.PODMAN, "podman 5.3.1 answers instead of Docker"),
        ({"Components": None}, {"SecurityOptions": ["name=rootless"]}, Trouble.ROOTLESS, "Docker 28.2.2 runs rootless"),
        ({"Os": "windows"}, {"OSType": "windows"}, Trouble.WINDOWS, "Windows containers"),
        ({"ApiVersion": "1.40", "Version": "19.03"}, {}, Trouble.TOO_OLD, "Docker 19.03 is too old for kind"),
        ({}, {"ServerVersion": ""}, Trouble.STRANGE, "docker info says nothing"),
    ],
)
def test_an_engine_that_cannot_be_used_is_known_by_name(
    monkeypatch: pytest.MonkeyPatch, version: dict[str, Any], info: dict[str, Any], trouble: Trouble, why: str
) -> None:
    with serving({**DOCKER_VERSION, **version}, {**DOCKER_INFO, **info}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        found = ask()
    assert (found.engine, found.trouble) == (None, trouble)
    assert why in found.why


@real
@pytest.mark.parametrize("remapped", [True, False])
def test_mapped_users_are_no_obstacle_but_known(monkeypatch: pytest.MonkeyPatch, remapped: bool) -> None:
    options = ["name=userns"] if remapped else []
    with serving(DOCKER_VERSION, {**DOCKER_INFO, "SecurityOptions": options}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        found = ask().engine
    assert found is not None
    assert found.remapped is remapped


@real
def test_an_answer_that_is_none_of_dockers_is_not_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(DOCKER_VERSION, DOCKER_INFO, status=500) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        assert ask().trouble is Trouble.HOST


@real
def test_a_variable_a_context_and_no_context_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"unix://{tmp_path}/none.sock"
    shell.run(["docker", "context", "create", "dead", "--docker", f"host={nowhere}"], timeout_s=30)
    for name, trouble in (("dead", Trouble.CONTEXT), ("gone", Trouble.NO_CONTEXT)):
        monkeypatch.setenv("DOCKER_CONTEXT", name)
        assert (ask().trouble, docker_target.context()) == (trouble, name)
        monkeypatch.delenv("DOCKER_CONTEXT")
        (tmp_path / "config/config.json").write_text(json.dumps({"currentContext": name}))
        assert (ask().trouble, docker_target.context()) == (trouble, name)
    monkeypatch.setenv("DOCKER_HOST", nowhere)  # beats every context
    assert (ask().trouble, docker_target.context()) == (Trouble.HOST, "default")


@pytest.mark.parametrize("version", ["1.99", "1.11"])
def test_a_command_that_asks_for_another_version_of_the_api(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    words = {"1.99": "is too new. Maximum supported API", "1.11": "is too old. Minimum supported API"}[version]
    _says(
        tmp_path,
        monkeypatch,
        out={"Client": {}, "Server": None},
        err=f"Error: client version {version} {words} version",
    )
    assert ask().trouble is Trouble.API


@pytest.mark.parametrize(
    ("err", "trouble"),
    [
        (OLD_DOWN, Trouble.NOT_RUNNING),
        (NEW_DOWN, Trouble.NOT_RUNNING),
        (f"warning: x\n{OLD_DOWN}\n\n", Trouble.NOT_RUNNING),
        (OLD_DENIED, Trouble.NO_PERMISSION),
        (NEW_DENIED, Trouble.NO_PERMISSION),
        ("The command 'docker' could not be found in this WSL 2 distro.", Trouble.NOT_INSTALLED),
        ("client version 1.41 is too old. Minimum supported API version is 1.44", Trouble.API),
        ("", Trouble.NOT_RUNNING),
    ],
)
def test_what_the_docker_commands_of_several_years_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Places, err: str, trouble: Trouble
) -> None:
    _says(tmp_path, monkeypatch, out={"Client": {"Context": "default"}, "Server": None}, err=err)
    found = ask(places)
    assert (found.engine, found.trouble) == (None, trouble)
    assert found.why


def test_somebody_behind_the_default_socket_is_not_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Places
) -> None:
    _says(tmp_path, monkeypatch, out={"Client": {}, "Server": None}, err="Error response: server gave HTTP 502")
    with serving({}, {}) as address:
        monkeypatch.setattr(docker_target, "DEFAULT_SOCKET", Path(address.removeprefix("unix://")))
        assert ask(places).trouble is Trouble.STRANGE


@pytest.mark.parametrize(
    ("out", "err"),
    [
        ({"Client": {"APIVersion": "5.3.1", "OsArch": "linux/amd64"}}, ""),
        (None, "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg."),
    ],
)
def test_a_docker_command_that_is_podman(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: object, err: str
) -> None:
    _says(tmp_path, monkeypatch, out=out, err=err)
    assert ask() == Answer(None, "the docker command is podman", Trouble.PODMAN)


def test_no_docker_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask() == Answer(None, "the docker command is not installed", Trouble.NOT_INSTALLED)


@pytest.mark.parametrize(("name", "trouble"), [("DOCKER_HOST", Trouble.HOST), ("DOCKER_CONTEXT", Trouble.CONTEXT)])
def test_where_a_docker_was_chosen_a_missing_command_is_no_reason_to_start_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trouble: Trouble
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(name, "tcp://far:2375")
    assert ask() == Answer(None, "the docker command is not installed", trouble)


def test_a_docker_command_that_cannot_be_started_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").write_bytes(b"\0")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask().trouble is Trouble.STRANGE


def test_a_docker_that_hangs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(docker, "ANSWER_S", 0.2)
    with pytest.raises(SupplyError, match="does not answer"):
        ask()


@pytest.mark.parametrize(
    ("pointed", "runs", "ours"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"DOCKER_HOST": "tcp://x"}, True, False),
        ({"DOCKER_CONTEXT": "y"}, True, False),
    ],
)
def test_ours_is_only_what_we_started_and_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Places, *, pointed: dict[str, str], runs: bool, ours: bool
) -> None:
    _says(tmp_path, monkeypatch, out={"Client": {}, "Server": dict(DOCKER_VERSION)}, info=dict(DOCKER_INFO))
    monkeypatch.setattr(docker_target, "listens", lambda path: runs and path == docker_target.own_socket())
    monkeypatch.setattr(dockerd, "running", lambda _: 7)
    for name, value in pointed.items():
        monkeypatch.setenv(name, value)
    found = ask(places).engine
    assert found is not None
    assert found.ours is ours


@pytest.mark.parametrize(
    ("host", "kernel", "hostname", "here"),
    [
        (USER, "6.1", "box", True),
        (USER, "6.1", "docker-desktop", False),  # Docker Desktop's distribution of WSL 2: same kernel
        (USER, "6.10-linuxkit", "box", False),
        (replace(USER, system="darwin"), "6.1", "box", False),
        (replace(USER, kernel="", hostname=""), "", "", False),
    ],
)
def test_whether_containers_run_on_this_system(host: Machine, kernel: str, hostname: str, here: bool) -> None:
    assert Engine("28", ours=False, kernel=kernel, hostname=hostname).here(host) is here


def _probes(host: Machine = USER, *, places: Places, free: int = 100 * GIB) -> Probes:
    return Probes(
        machine=lambda: host,
        engine=lambda: ask(places),
        choice=lambda _: Choice("registry", "it answers."),
        free_bytes=lambda _: free,
        memory_bytes=lambda: 16 * GIB,
        bash_version=lambda: "5.2",
        needs_go=lambda: False,
    )


CASES = {
    "stopped": ("no container engine: Cannot connect to the Docker daemon", "sudo systemctl start docker"),
    "no group": ("a Docker runs, but you may not use it", "usermod -aG docker"),
    "dead context": (
        "no container engine: Docker's context dead does not answer: Cannot connect",
        "unset DOCKER_CONTEXT",
    ),
    "1 GiB of disk": ("too little disk: ", "larger disk"),
    "podman socket": (
        "podman 5.3.1 answers instead of Docker, and promdrill needs Docker itself",
        "unset DOCKER_HOST",
    ),
}


@real
@pytest.mark.parametrize("case", CASES)
def test_doctor_and_run_agree_on_one_clear_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Places, case: str
) -> None:
    podman = case == "podman socket"
    silent: dict[str, Any] = {"Client": {}, "Server": None}
    with serving(PODMAN_VERSION, PODMAN_INFO) if podman else serving(DOCKER_VERSION, DOCKER_INFO) as address:
        if case == "stopped":
            _says(tmp_path, monkeypatch, out=silent, err=OLD_DOWN)
        elif case == "no group":
            _says(tmp_path, monkeypatch, out=silent, err=OLD_DENIED)
        elif case == "dead context":
            nowhere = f"host=unix://{tmp_path}/none.sock"
            shell.run(["docker", "context", "create", "dead", "--docker", nowhere], timeout_s=30)
            monkeypatch.setenv("DOCKER_CONTEXT", "dead")
        else:
            monkeypatch.setenv("DOCKER_HOST", address)
        probes = _probes(places=places, free=GIB if "disk" in case else 100 * GIB)
        failed = [line for line in doctor.examine(probes=probes) if line.level is Level.FAIL]
        with pytest.raises(UsageError) as caught:
            doctor.require(supply="registry", probes=probes)
    (line,) = failed
    assert (caught.value.message, caught.value.hint) == (line.text, line.mend)
    assert CASES[case][0] in line.text
    assert "\n" not in line.text
    assert CASES[case][1] in line.mend


@real
@pytest.mark.parametrize(
    "command", [["run", "--scenario", "disk-full"], ["controls"], ["reproduce", "--scenario", "oom"]]
)
def test_the_commands_say_what_the_doctor_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.setenv("SUPPLY", "registry")
    monkeypatch.setenv("COLUMNS", "400")
    with serving(PODMAN_VERSION, PODMAN_INFO) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        assert main(["doctor"]) == 1
        said = capsys.readouterr().out
        assert main(command) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message.removeprefix("promdrill: ") in said
    assert hint.removeprefix("Hint: ") in said

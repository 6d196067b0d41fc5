"""Which refusal, and which next move, on each platform; and that only where nothing is there one may be started."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from promdrill.artefacts.machine import Machine
from promdrill.core import shell
from promdrill.supply.engine import refusal
from promdrill.supply.engine.docker import Answer, Trouble

ROOT = Machine(root=True, debian=True, distribution="Debian", missing=(), architecture="amd64")
USER = replace(ROOT, root=False)
FEDORA = replace(USER, debian=False, distribution="Fedora")
WSL = replace(USER, wsl=2, distribution="Ubuntu")
MAC = replace(USER, debian=False, distribution="macOS 15", system="darwin", architecture="arm64")
DOWN = Answer(None, "Cannot connect")
NONE = Answer(None, "the docker command is not installed", Trouble.NOT_INSTALLED)


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def _said(host: Machine, answer: Answer, has: Collection[str] = ()) -> tuple[str, str]:
    error = refusal.obstacle(host, answer, has=lambda name: name in has)
    assert error is not None
    assert "\n" not in error.message
    return error.message, error.hint


@pytest.mark.parametrize(
    ("host", "answer", "has", "message", "hint"),
    [
        (USER, DOWN, (), "(this is not root on Debian)", "sudo systemctl start docker"),
        (USER, NONE, (), "the docker command is not installed", "sudo apt-get install docker.io"),
        (FEDORA, NONE, (), "not root on Fedora", "install Docker: https://docs.docker.com/engine/install/"),
        (replace(FEDORA, root=True), DOWN, (), "(this is root on Fedora)", "systemctl start docker"),
        (WSL, DOWN, ("dockerd",), "not root on Ubuntu", "sudo service docker start"),
        (
            WSL,
            DOWN,
            (),
            "not root on Ubuntu",
            "start Docker Desktop, with WSL integration for this distribution switched on",
        ),
        (
            WSL,
            NONE,
            (),
            "not installed",
            "switch on WSL integration in Docker Desktop's settings, or sudo apt-get install docker.io",
        ),
        (MAC, DOWN, ("Docker.app",), "no container engine: Cannot connect", "open -a Docker"),
        (MAC, DOWN, ("OrbStack.app",), "no container engine: Cannot connect", "orb start"),
        (MAC, DOWN, ("colima",), "no container engine: Cannot connect", "colima start"),
        (MAC, DOWN, ("Docker.app", "colima"), "Cannot connect", "open -a Docker or colima start"),
        (MAC, NONE, (), "not installed", "install Docker Desktop, OrbStack or colima, and start it"),
        (
            replace(MAC, root=True),
            NONE,
            (),
            "not installed",
            "install Docker Desktop, OrbStack or colima, and start it",
        ),
    ],
)
def test_where_nothing_is_there(
    host: Machine, answer: Answer, *, has: Collection[str], message: str, hint: str
) -> None:
    said = _said(host, answer, has)
    assert message in said[0]
    assert said[1] == hint
    assert ("Debian or Ubuntu" in said[0]) == (host.system == "linux")


@pytest.mark.parametrize("answer", [DOWN, NONE])
def test_root_on_debian_may_start_one_where_nothing_is_there(answer: Answer) -> None:
    assert refusal.obstacle(ROOT, answer) is None


@pytest.mark.parametrize("host", [ROOT, USER, FEDORA, WSL, MAC])
@pytest.mark.parametrize("trouble", [each for each in Trouble if not each.name.startswith("NOT_")])
def test_every_other_trouble_is_refused_everywhere_with_a_next_move(host: Machine, trouble: Trouble) -> None:
    message, hint = _said(host, Answer(None, "why", trouble))
    assert message
    assert hint


@pytest.mark.parametrize(
    ("host", "trouble", "message", "hint"),
    [
        (USER, Trouble.NO_PERMISSION, "you may not use it", 'sudo usermod -aG docker "$USER", log in again'),
        (MAC, Trouble.NO_PERMISSION, "you may not use it: why", "docker context ls"),
        (USER, Trouble.STRANGE, "not as Docker does: why", "docker version"),
        (USER, Trouble.API, "are incompatible: why", "use the same version of the docker command and its server"),
        (USER, Trouble.TOO_OLD, "why", "install a newer Docker"),
        (USER, Trouble.PODMAN, "why, and promdrill needs Docker itself", "install Docker: https"),
        (WSL, Trouble.PODMAN, "Docker itself", "switch on WSL integration"),
        (MAC, Trouble.PODMAN, "Docker itself", "install Docker Desktop, OrbStack or colima"),
        (
            USER,
            Trouble.ROOTLESS,
            "why, and its nodes have no loop devices",
            "use a Docker that runs as root: install Docker",
        ),
        (WSL, Trouble.WINDOWS, "why, and nodes are Linux", "switch Docker Desktop to Linux containers"),
    ],
)
def test_by_name(host: Machine, trouble: Trouble, message: str, hint: str) -> None:
    said = _said(host, Answer(None, "why", trouble))
    assert message in said[0]
    assert hint in said[1]


@pytest.mark.parametrize(
    ("host", "context", "hint"),
    [
        (MAC, "desktop-linux", "open -a Docker"),
        (USER, "desktop-linux", "systemctl --user start docker-desktop"),
        (MAC, "orbstack", "orb start"),
        (MAC, "colima", "colima start"),
        (MAC, "colima-work", "colima start work"),
        (MAC, "rancher-desktop", "start Rancher Desktop"),
        (USER, "far", "docker context use default; docker context ls names all"),
    ],
)
def test_a_context_that_is_dead_is_started_by_its_name(tmp_path: Path, host: Machine, context: str, hint: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": context}))
    said = _said(host, Answer(None, "why", Trouble.CONTEXT))
    assert said == (f"no container engine: Docker's context {context} does not answer: why", hint)


def test_what_the_environment_says_is_undone_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    said = _said(USER, Answer(None, "why", Trouble.NO_CONTEXT))
    assert said[0] == "no container engine: there is no Docker context named gone"
    assert said[1].startswith("unset DOCKER_CONTEXT;")
    assert _said(USER, Answer(None, "why", Trouble.PODMAN))[1].startswith("docker context use a Docker's")
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2375")
    said = _said(ROOT, Answer(None, "why", Trouble.HOST))
    assert said == ("no container engine: DOCKER_HOST is tcp://far:2375, and why", "unset DOCKER_HOST")
    assert _said(USER, Answer(None, "why", Trouble.PODMAN))[1].startswith("unset DOCKER_HOST, with a Docker")


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (replace(USER, wsl=1), "this is WSL 1"),
        (replace(USER, architecture="s390x"), "promdrill does not run on linux/s390x"),
        (replace(USER, system="windows"), "promdrill does not run on windows/amd64"),
        (USER, None),
        (replace(USER, architecture="arm64"), None),
        (WSL, None),
        (MAC, None),
        (replace(MAC, architecture="amd64"), None),
    ],
)
def test_platforms(host: Machine, message: str | None) -> None:
    error = refusal.platform(host)
    assert (error is None) if message is None else (error is not None and message in error.message and error.hint)


@pytest.mark.parametrize("system", ["win32", "cygwin"])
def test_windows_itself_is_refused_before_anything_is_imported(system: str) -> None:
    done = shell.run([sys.executable, "-c", f"import sys; sys.platform = {system!r}; import promdrill"],
                     timeout_s=30, ok=(2,))  # fmt: skip
    assert "does not run on Windows itself, but in WSL 2" in done.stderr
    assert "Hint: wsl --install" in done.stderr
    assert "Traceback" not in done.stderr

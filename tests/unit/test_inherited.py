"""No variable of the user's leads a command elsewhere: a fake of each program tells what reached it."""

from __future__ import annotations

import ast
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import promdrill
from promdrill.cluster.kind import PinnedKindCluster
from promdrill.core import docker_target, inherited, shell
from promdrill.helm.command import Helm
from promdrill.helm.source import repositories
from promdrill.helm.values.render import Renderer
from promdrill.supply.build import node, toolchain
from promdrill.supply.bundle import pack
from promdrill.supply.engine import docker
from promdrill.supply.pull import registry

ROGUE = {
    **dict.fromkeys(("HELM_KUBEAPISERVER", "HELM_KUBECONTEXT", "HELM_KUBETOKEN", "HELM_NAMESPACE"), "rogue"),
    **dict.fromkeys(("HELM_REPOSITORY_CONFIG", "HELM_REGISTRY_CONFIG", "HELM_CONFIG_HOME", "HELM_PLUGINS"), "rogue"),
    **dict.fromkeys(("HELM_CACHE_HOME", "HELM_DATA_HOME", "HELM_DRIVER", "HELM_REPOSITORY_CACHE"), "rogue"),
    **dict.fromkeys(("KUBECONFIG", "KUBERNETES_MASTER", "KUBERC", "KUBECTL_KUBERC", "KUBE_EDITOR"), "rogue"),
    **dict.fromkeys(("KUBECACHEDIR", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"), "rogue"),
    **dict.fromkeys(("KIND_EXPERIMENTAL_PROVIDER", "KIND_CLUSTER_NAME", "KIND_EXPERIMENTAL_DOCKER_NETWORK"), "rogue"),
    **dict.fromkeys(("DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "DOCKER_BUILDKIT"), "rogue"),
    **dict.fromkeys(("GOFLAGS", "GOTOOLCHAIN", "GOOS", "GOARCH", "CGO_ENABLED", "GOWORK", "GOPATH"), "rogue"),
    **dict.fromkeys(("BASH_ENV", "ENV", "CDPATH", "PYTHONPATH", "GIT_DIR", "HUB_TOKEN"), "rogue"),
}
"""Variables that nothing may read, but for what promdrill states of that name itself."""

OTHERS = {"DOCKER_HOST": "tcp://other:2375", "DOCKER_CONTEXT": "other", "DOCKER_TLS_VERIFY": "1"}
"""Variables for docker and kind alone."""


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder, first in PATH, with programs that write down their environment; the user's is poisoned."""
    with tempfile.TemporaryDirectory(prefix="pd-", dir="/tmp") as name:  # a socket's path must be short
        folder = Path(name)
        for program in ("helm", "kubectl", "kind", "docker", "go", "apt-get", "mmdebstrap", "bash"):
            (folder / program).write_text(f"#!/bin/sh\nenv >> {folder}/{program}.env\necho '[]'\n")
            (folder / program).chmod(0o755)
        for variable, value in (ROGUE | OTHERS).items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setenv("PROMDRILL_STATE_DIR", str(folder / "state"))
        yield folder


def _said(folder: Path, program: str) -> dict[str, str]:
    lines = (folder / f"{program}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _history(folder: Path) -> None:
    Helm(folder / "helm", folder / "private", folder / "home").history("r", "n")


def _offers(folder: Path) -> None:
    repositories.offers(folder / "helm", "http://127.0.0.1:1")


def _rendered(folder: Path) -> None:
    Renderer(folder / "helm", folder, "c", None, "1.34.0", {}).objects("r", {})


def _cluster(folder: Path) -> PinnedKindCluster:
    cluster = PinnedKindCluster(
        "c", folder=folder / "c", image=None, kind_path=folder / "kind", kubectl_path=folder / "kubectl"
    )
    cluster.path.mkdir(parents=True, exist_ok=True)
    return cluster


def _go(folder: Path) -> None:
    assert toolchain._version(folder / "go") is None


def _daemon(folder: Path) -> None:
    pid = shell.start_daemon(["bash"], log=folder / "log")
    os.waitpid(pid, 0)


CALLS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a release's history": ("helm", _history),
    "a repository's charts": ("helm", _offers),
    "a chart rendered": ("helm", _rendered),
    "Helm's version": ("helm", lambda folder: registry.version_of("helm", folder / "helm")),
    "kubectl": ("kubectl", lambda folder: _cluster(folder).kubectl("get", "pods")),
    "kubectl's version": ("kubectl", lambda folder: registry.version_of("kubectl", folder / "kubectl")),
    "kind": ("kind", lambda folder: _cluster(folder).existing()),
    "Docker asked": ("docker", lambda _: docker.ask()),
    "Docker used": ("docker", lambda _: docker.Engine("1", ours=False).docker("ps", timeout_s=30)),
    "an image saved": ("docker", lambda _: pack.docker_save("x", lambda _: None)),
    "a node built": ("docker", lambda _: node._docker(["ps"], None)),
    "Go": ("go", _go),
    "any command": ("bash", lambda _: shell.run(["bash"], timeout_s=30)),
    "a command that stays": ("bash", _daemon),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_variable_of_the_users_leads_a_program_elsewhere(fakes: Path, call: str) -> None:
    program, act = CALLS[call]
    act(fakes)
    said = _said(fakes, program)
    assert [name for name in ROGUE if said.get(name) == "rogue"] == []
    asks_docker = program in {"docker", "kind"}
    assert {name: said.get(name) for name in OTHERS} == (OTHERS if asks_docker else dict.fromkeys(OTHERS))
    assert said["PATH"].startswith(str(fakes))


def test_an_engine_of_ours_is_what_docker_and_kind_find_and_nobody_else(
    fakes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in OTHERS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_CONFIG", str(fakes))
    assert inherited.environment("docker").get("DOCKER_HOST") is None
    monkeypatch.setenv("APT_CONFIG", "theirs")
    assert inherited.environment("apt-get")["APT_CONFIG"] == "theirs"
    path = docker_target.own_socket()
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert not docker_target.ours()  # a socket that a killed one left behind
        server.listen()
        found = {
            name: inherited.environment(f"/x/{name}").get("DOCKER_HOST")
            for name in ("docker", "kind-linux-amd64", "helm")
        }
        assert found == {"docker": f"unix://{path}", "kind-linux-amd64": f"unix://{path}", "helm": None}
        (fakes / "config.json").write_text('{"currentContext": "desktop-linux"}')
        assert inherited.environment("docker").get("DOCKER_HOST") is None  # the user chose another
        monkeypatch.setenv("DOCKER_CONTEXT", "default")
        assert docker_target.ours()
        monkeypatch.setenv("DOCKER_HOST", "tcp://other:2375")
        assert inherited.environment("kind")["DOCKER_HOST"] == "tcp://other:2375"


def test_helm_finds_dockers_login_and_none_of_helms_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_CONFIG", *ROGUE):
        monkeypatch.setenv(name, "rogue")
    with repositories.homes() as env:
        assert env["DOCKER_CONFIG"] == "rogue"
        assert [name for name in ROGUE if env.get(name) == "rogue"] == []


def test_a_child_of_our_own_kind_reads_what_we_read(fakes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP", "1")
    assert inherited.environment("promdrill").items() >= ({"KEEP": "1"} | ROGUE).items()
    shell.run([fakes / "go"], timeout_s=30, env={"GOFLAGS": "ours"}, inherits_as="pip")
    said = _said(fakes, "go")
    assert (said["GOFLAGS"], said.get("KEEP")) == ("ours", None)


def test_nothing_takes_the_whole_environment_but_the_one_list() -> None:
    package = Path(promdrill.__file__).parent
    whole = {file.relative_to(package).as_posix() for file in package.rglob("*.py") if _takes_all(file)}
    assert whole == {"core/inherited.py"}


def _takes_all(file: Path) -> bool:
    """Whether a module does anything with the environment but look up one variable."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    single = [node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    single += [node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "get"]
    single += [each for node in ast.walk(tree) if isinstance(node, ast.Compare) for each in node.comparators]
    environs = [
        node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb")
    ]
    return any(node not in single and ast.unparse(node).startswith("os.") for node in environs)

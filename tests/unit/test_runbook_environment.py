"""What a step sees of the world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from promdrill.core.errors import UsageError
from promdrill.runbook.environment import environment


@dataclass(frozen=True)
class Pinned:
    """The tools as the supply hands them over."""

    kubectl: Path
    helm: Path


def tool(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def build(tmp_path: Path, tools: Pinned, **changes: object) -> dict[str, str]:
    arguments = {
        "kubeconfig": tmp_path / "kubeconfig",
        "given": {"NAMESPACE": "drill-x", "CHART": "/opt/chart"},
        "home": tmp_path / "home",
        "variables": {"NEW_SIZE": "450Mi", "NAMESPACE": "monitoring", "KUBECONFIG": "theirs", "PATH": "/theirs"},
        **changes,
    }
    return environment(tools=tools, **arguments)  # type: ignore[arg-type]


def test_only_the_drills_own_world_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "KUBECONFIG",
        "HELM_KUBECONTEXT",
        "HELM_NAMESPACE",
        "KUBECTL_EXTERNAL_DIFF",
        "BASH_ENV",
        "AWS_PROFILE",
    ):
        monkeypatch.setenv(name, "of the user")
    monkeypatch.setenv("HOME", "/home/user")
    monkeypatch.setenv("HTTPS_PROXY", "proxy:1")
    monkeypatch.setenv("PATH", "/usr/bin::relative:/bin")
    pinned = Pinned(tool(tmp_path / "a", "kubectl-1.36.3"), tool(tmp_path / "a", "helm-4"))
    env = build(tmp_path, pinned)
    assert "of the user" not in env.values()
    assert env["HTTPS_PROXY"] == "proxy:1"
    assert env["PATH"] == f"{tmp_path}/home/bin:/usr/bin:/bin"
    assert (tmp_path / "home/bin/kubectl").resolve() == pinned.kubectl
    assert (tmp_path / "home/bin/helm").resolve() == pinned.helm
    assert env["NAMESPACE"] == "drill-x"
    assert env["NEW_SIZE"] == "450Mi"
    assert env["KUBECONFIG"] == f"{tmp_path}/kubeconfig"
    assert env["CHART"] == "/opt/chart"
    assert not {"RELEASE", "VALUES", "MANIFESTS"} & set(env), "an installation gives what its runbooks need"
    folders = [name for name in env if name == "HOME" or name.endswith("_HOME")]
    assert len(folders) == 8
    assert all(Path(env[name]).is_dir() and env[name].startswith(f"{tmp_path}/home") for name in folders)


def test_links_follow_the_pinned_tools(tmp_path: Path) -> None:
    build(tmp_path, Pinned(tool(tmp_path / "a", "kubectl"), tool(tmp_path / "a", "helm")))
    newer = Pinned(tool(tmp_path / "b", "kubectl"), tool(tmp_path / "b", "helm"))
    env = build(tmp_path, newer, given={"MANIFESTS": "/opt/manifests"})
    assert (tmp_path / "home/bin/kubectl").resolve() == newer.kubectl
    assert sorted(path.name for path in (tmp_path / "home/bin").iterdir()) == ["helm", "kubectl"]
    assert (env["MANIFESTS"], env["NAMESPACE"]) == ("/opt/manifests", "monitoring")
    assert "CHART" not in env


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no helm at {tmp_path}/nowhere"):
        build(tmp_path, Pinned(tool(tmp_path / "a", "kubectl"), tmp_path / "nowhere"))


def test_a_tool_that_cannot_be_started_is_missing(tmp_path: Path) -> None:
    pinned = Pinned(tool(tmp_path / "a", "kubectl"), tool(tmp_path / "a", "helm"))
    pinned.kubectl.chmod(0o644)
    with pytest.raises(UsageError, match=f"no kubectl at {tmp_path}/a/kubectl"):
        build(tmp_path, pinned)


@pytest.mark.parametrize(("system", "locale"), [("linux", "C.UTF-8"), ("darwin", "en_US.UTF-8")])
def test_the_locale_is_one_that_the_system_has(tmp_path: Path, system: str, locale: str) -> None:
    pinned = Pinned(tool(tmp_path / "a", "kubectl"), tool(tmp_path / "a", "helm"))
    assert build(tmp_path, pinned, system=system)["LC_ALL"] == locale

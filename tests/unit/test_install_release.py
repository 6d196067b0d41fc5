"""A Helm release: how its values file is put together, and what Helm is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from promdrill.core.errors import UsageError
from promdrill.install import Release
from promdrill.observe.quantity import duration_s
from promdrill.observe.server import Server


class Helm:
    """Takes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def install(self, *words: Any, timeout_s: float) -> None:
        self.asked.append(("install", *words, timeout_s))

    def upgrade(self, *words: Any, timeout_s: float) -> None:
        self.asked.append(("upgrade", *words, timeout_s))

    def hooks(self, *words: Any) -> list[dict[str, Any]]:
        self.asked.append(("hooks", *words))
        return HOOKS

    def uninstall(self, *words: Any, missing_ok: bool) -> None:
        self.asked.append(("uninstall", *words, missing_ok))

    def delete(self, path: str) -> None:
        self.asked.append(("delete", path))


def hook(version: str, kind: str, **about: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x-admission", **about}}


RBAC = "rbac.authorization.k8s.io/v1"
HOOKS = [
    hook("v1", "ServiceAccount", namespace="drill-x"),
    hook(RBAC, "ClusterRole"),
    hook(RBAC, "ClusterRoleBinding"),
    hook(RBAC, "Role"),
    hook("v1", "ConfigMap", namespace="kube-system"),
    hook("batch/v1", "Job", namespace="drill-x"),
]


def release_in(folder: Path, text: str | None = None) -> Release:
    release = Release(cast(Any, Helm()), "prometheus", "drill-x", folder / "chart", folder / "report" / "values.yaml")
    if text is not None:
        release.write(text)
    return release


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("15s", 15), ("1m", 60), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), ("1d", 86400)],
)
def test_scrape_interval(tmp_path: Path, text: str, seconds: float) -> None:
    assert release_in(tmp_path, f"server: {{global: {{scrape_interval: {text}}}}}").scrape_interval_s == seconds


def test_the_charts_own_interval_where_the_values_state_none(tmp_path: Path) -> None:
    assert release_in(tmp_path, "{}").scrape_interval_s == 60


@pytest.mark.parametrize("text", ["soon", "", "15", "s", "1s ", "-1s", "1.5s", "1s1y"])
def test_what_is_no_duration_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        duration_s(text, "here")
    assert caught.value.message == f"here: {text!r} is not a duration"


def test_values_are_layered_into_one_file_below_the_drills_own_class(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("# mine\nserver:\n  size: small\n")
    second.write_text("server: {size: large, persistentVolume: {storageClass: theirs, size: 1Gi}}\n")
    release = release_in(tmp_path)
    release.compose(first, [second, {"server": {"image": "x"}}], "drill-x")
    assert release.read().startswith("# mine\nserver:\n  size: large\n")
    volume = {"storageClass": "drill-x", "size": "1Gi"}
    assert yaml.safe_load(release.read()) == {"server": {"size": "large", "persistentVolume": volume, "image": "x"}}
    assert release.files == (release.values,)


@pytest.mark.parametrize("wrong", [0, 1], ids=["the scenario's", "a layer"])
def test_values_that_are_none_are_refused(tmp_path: Path, wrong: int) -> None:
    layers = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for number, layer in enumerate(layers):
        layer.write_text("- a list\n" if number == wrong else "a: 1\n")
    with pytest.raises(UsageError, match="not a mapping"):
        release_in(tmp_path).compose(layers[0], layers[1:], "drill-x")


def test_helm_is_asked_for_the_release_with_its_one_file(tmp_path: Path) -> None:
    release = release_in(tmp_path, "{}")
    release.install()
    release.upgrade()
    release.uninstall()
    what = ("prometheus", tmp_path / "chart", "drill-x", [release.values], release.timeout_s)
    asked = cast(Any, release.helm).asked
    assert asked == [("install", *what), ("upgrade", *what), ("uninstall", "prometheus", "drill-x", True)]


def test_what_its_hooks_left_outside_its_namespace_goes_with_it(tmp_path: Path) -> None:
    """Helm deletes the objects of a hook that succeeded, and no others; the namespace's own go with the namespace."""
    helm: Any = Helm()
    Release(helm, "prometheus", "drill-x", tmp_path, tmp_path / "values.yaml", kube=helm).uninstall()
    assert helm.asked == [
        ("hooks", "prometheus", "drill-x"),
        ("uninstall", "prometheus", "drill-x", True),
        ("delete", f"/apis/{RBAC}/clusterroles/x-admission"),
        ("delete", f"/apis/{RBAC}/clusterrolebindings/x-admission"),
        ("delete", "/api/v1/namespaces/kube-system/configmaps/x-admission"),
    ]


def test_runbooks_find_it_by_four_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    release = Release(cast(Any, Helm()), "prometheus", "drill-x", Path("chart.tgz"), Path("values.yaml"))
    assert release.environment == {
        "NAMESPACE": "drill-x",
        "RELEASE": "prometheus",
        "CHART": f"{tmp_path}/chart.tgz",
        "VALUES": f"{tmp_path}/values.yaml",
    }
    assert release.server == Server.of("drill-x", "prometheus")

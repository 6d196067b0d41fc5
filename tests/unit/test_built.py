"""How much of what a run needs is in the cache: told before anything begins, and never too much."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.doctor import Cached
from promdrill.request import built
from promdrill.request.settings import Settings
from promdrill.supply.build import catalogue, debian, toolchain
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.toolchain import Go

DISK_FULL = {
    *("kind", "helm-4", "containerd", "node-rootfs", "kubernetes-1.36.3", "etcd-3.6.8", "coredns-1.14.2", "pause"),
    *("netfilter", "local-path-provisioner", "volume-agent", "prometheus-operator-crds"),
    *("prometheus-2.48", "config-reloader-0.69", "busybox"),
}
"""What a cluster of Kubernetes 1.36.3 and the drill disk-full are made of."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("PROMDRILL_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(toolchain, "expected", lambda _: Go(Path("go"), "go1.26.8", {}))
    return Cache(tmp_path)


def fill(cache: Cache, *names: str, go: str = "go1.26.8") -> None:
    """Put artefacts into the cache as if that toolchain had built them."""
    shelf = catalogue.load(paths.images_dir())
    for artefact in map(shelf.artefact, names):
        key = gobuild.key(artefact, Go(Path("go"), go, {})) if artefact.of_go else debian.key(artefact)
        cache.build(artefact.name, key, lambda _: {})


def level(*drilled: str, supply: str = "source", **settings: Any) -> Cached:
    folders = [paths.scenarios_dir() / name for name in drilled or ("disk-full",)]
    return built.level(replace(Settings(), **settings), folders, supply)


def test_everything_is_there_once_all_that_the_drill_needs_is_built(cache: Cache) -> None:
    fill(cache, *DISK_FULL - {"config-reloader-0.69"})
    assert level() is Cached.TREES
    fill(cache, "config-reloader-0.69")
    assert level() is Cached.ALL


@pytest.mark.parametrize(
    ("drilled", "expected"),
    [
        (("disk-full", "hpa-custom-metric"), Cached.TREES),  # the operator and the adapter are to be compiled
        (("disk-full", "oom"), Cached.TREES),  # kube-state-metrics
        (("restarts-metric",), Cached.KUBERNETES),  # the Debian tree of nginx too
    ],
)
def test_a_cache_that_one_drill_filled_lacks_what_others_need(
    cache: Cache, drilled: tuple[str, ...], expected: Cached
) -> None:
    fill(cache, *DISK_FULL)
    assert level(*drilled) is expected
    assert built.level(Settings(), [], "source") is Cached.KUBERNETES, "the whole book"


def test_a_build_that_was_interrupted_after_kubernetes_has_most_before_it(cache: Cache) -> None:
    fill(cache, "kubernetes-1.36.3")
    assert level() is Cached.KUBERNETES


def test_what_another_recipe_or_an_unfinished_build_left_does_not_count(cache: Cache) -> None:
    fill(cache, *DISK_FULL, go="go1.26.0")
    (cache.root / "artefacts/kubernetes-1.36.3/.0a1b-xyz").mkdir()
    assert level() is Cached.NOTHING


def test_another_version_of_kubernetes_is_another_build(cache: Cache) -> None:
    fill(cache, *DISK_FULL)
    assert level(kubernetes="1.34.4") is Cached.NOTHING
    assert level(kubernetes="1.36.4") is Cached.NOTHING, "a version that no entry builds"


@pytest.mark.parametrize(
    "settings",
    [
        {"chart": "prometheus-community/kube-prometheus-stack"},
        {"chart_version": "25.8.0"},
        {"values": (Path("mine.yaml"),)},
        {"assigned": "server.image.tag=v3.0.0"},
        {"app_version": "3.14.0"},
        {"subcharts": "off"},
        {"rules": "own"},
    ],
)
def test_what_only_helm_could_tell_is_taken_to_be_missing(cache: Cache, settings: dict[str, Any]) -> None:
    fill(cache, *DISK_FULL)
    assert level(**settings) is Cached.TREES


def test_a_scenario_that_is_wrong_is_left_to_who_plans_its_drill(cache: Cache, tmp_path: Path) -> None:
    fill(cache, *DISK_FULL)
    (tmp_path / "mine").mkdir()
    assert built.level(Settings(), [tmp_path / "mine"], "source") is Cached.TREES


def test_on_the_registry_the_largest_pull_tells(cache: Cache) -> None:
    assert level(supply="registry") is Cached.NOTHING
    (cache.root / "artefacts" / "pulled-prometheus-prometheus" / "key").mkdir(parents=True)
    assert level(supply="registry", kubernetes="1.36.4") is Cached.ALL
    assert level(supply="bundle") is Cached.NOTHING

"""Charts whose subcharts are not vendored: named, fetched into a copy, or taken out of one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit import charts_world as world

from promdrill.artefacts.cache import Cache
from promdrill.core.errors import SupplyError, UsageError
from promdrill.helm.source import files, repositories, subcharts
from promdrill.helm.source.files import Dependency
from promdrill.helm.source.subcharts import Usable

DEPENDENCIES = """# a comment
appVersion: "2.10"
dependencies:
- {name: kube-state-metrics, version: 5.15.*, repository: https://k/x, condition: "kube-state-metrics.enabled,g.k"}
- {name: alertmanager, version: 1.7.*, repository: https://a/x, condition: alertmanager.enabled, alias: am}
- {name: node-exporter, version: 4.24.0, repository: "@stable", condition: deep.node.enabled}
- {name: bare, version: 1.0.0, repository: oci://127.0.0.1:5000/c}
"""
ALL = {"kube-state-metrics", "alertmanager", "node-exporter", "bare"}


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart that names four subcharts and has none of them."""
    folder = world.chart(tmp_path / "mine/prometheus", more=DEPENDENCIES, values="server: {}\n")
    world.write(folder, {"templates/deploy.yaml": "kind: Deployment\n"})
    return folder


def _put(*names: str) -> Callable[[Path], None]:
    """A fetch that vendors these, whatever is asked for."""

    def fetch(copy: Path) -> None:
        for name in names:
            world.chart(copy / "charts" / name, name, "1.0.0")

    return fetch


def _refuse(copy: Path) -> None:
    raise AssertionError(f"nothing is to be fetched into {copy}")


def _content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _usable(path: Path, tmp_path: Path, said: list[str] | None = None, **options: Any) -> Usable:
    given: dict[str, Any] = {"off": False, "needed": frozenset(), "fetch": None, **options}
    before = _content(path) if path.is_dir() else {}
    try:
        return subcharts.usable(
            path, cache=Cache(tmp_path / "c"), say=(said if said is not None else []).append, **given
        )
    finally:
        assert (_content(path) if path.is_dir() else {}) == before, "the user's folder was written to"


@pytest.mark.parametrize(
    ("condition", "key"),
    [("a.enabled", "a.enabled"), (" a.enabled , b.enabled", "a.enabled"), ("", "")],
)
def test_the_switch_is_the_first_key_of_the_condition(condition: str, key: str) -> None:
    assert subcharts.switch(Dependency("a", "1", "", condition, "", vendored=False)) == key


def test_a_chart_that_lacks_nothing_is_used_as_it_is(chart: Path, tmp_path: Path) -> None:
    _put(*ALL)(chart)
    assert _usable(chart, tmp_path, fetch=_refuse) == Usable(chart, {}, ())
    assert _usable(chart, tmp_path, fetch=_refuse, off=True, needed=frozenset({*ALL, "grafana"})).path == chart
    plain = world.chart(tmp_path / "plain")
    assert _usable(plain, tmp_path, fetch=_refuse, off=True, needed=frozenset({"kube-state-metrics"})).path == plain
    assert not (tmp_path / "c").exists()


def test_each_missing_subchart_is_named_with_its_switch_and_both_ways_out(chart: Path, tmp_path: Path) -> None:
    _put("alertmanager")(chart)
    with pytest.raises(UsageError) as caught:
        _usable(chart, tmp_path)
    assert caught.value.message.splitlines() == [
        f"CHART={chart}: subcharts are missing in its charts/, and nothing is fetched here:",
        "  kube-state-metrics 5.15.* from https://k/x; turned off by kube-state-metrics.enabled: false",
        "  node-exporter 4.24.0 from @stable; turned off by deep.node.enabled: false",
        "  bare 1.0.0 from oci://127.0.0.1:5000/c; no value key turns it off",
    ]
    assert caught.value.hint == (
        f"SUBCHARTS=off removes the subcharts that no drill needs; or vendor them: helm dependency build {chart}"
    )


def test_what_is_missing_is_fetched_into_a_copy_once(chart: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = _usable(chart, tmp_path, said, fetch=_put(*ALL))
    note = (
        "Fetching the subcharts that chart prometheus lacks: kube-state-metrics 5.15.*, am 1.7.*, "
        "node-exporter 4.24.0, bare 1.0.0."
    )
    assert (found.values, found.notes, said) == ({}, (note,), [note])
    assert found.path.is_relative_to(tmp_path / "c")
    assert all(item.vendored for item in files.dependencies(found.path))
    assert (found.path / "Chart.yaml").read_bytes() == (chart / "Chart.yaml").read_bytes()
    assert (found.path / "templates/deploy.yaml").exists()
    assert _usable(chart, tmp_path, said, fetch=_refuse) == found
    assert said == [note]
    (chart / "values.yaml").write_text("server: {a: 1}\n")
    assert _usable(chart, tmp_path, fetch=_put(*ALL)).path != found.path


def test_an_archive_is_copied_too(chart: Path, tmp_path: Path) -> None:
    archive = world.packed(chart, tmp_path / "prometheus-25.8.0.tgz")
    found = _usable(archive, tmp_path, off=True)
    assert files.metadata(found.path)["name"] == "prometheus"
    assert files.dependencies(found.path) == ()


def test_a_fetch_that_fails_or_brings_nothing_names_what_is_missing(chart: Path, tmp_path: Path) -> None:
    def fail(_copy: Path) -> None:
        raise SupplyError("https://k/x did not answer within 60 s\nmore")

    with pytest.raises(UsageError, match=r"cannot be fetched: https://k/x did not answer within 60 s:\n  kube-"):
        _usable(chart, tmp_path, fetch=fail)
    with pytest.raises(UsageError, match=r"helm dependency build did not provide them:\n  alertmanager 1\.7\.\*"):
        _usable(chart, tmp_path, fetch=_put(*(ALL - {"alertmanager"})))
    assert list((tmp_path / "c/artefacts/chart-copy").iterdir()) == []


def test_off_takes_out_all_and_says_the_values_for_it(chart: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = _usable(chart, tmp_path, said, off=True, fetch=_refuse)
    note = "Chart prometheus is used without its subcharts am, bare, kube-state-metrics, node-exporter."
    assert (found.notes, said) == ((note,), [note])
    assert found.values == {
        "kube-state-metrics": {"enabled": False},
        "alertmanager": {"enabled": False},
        "deep": {"node": {"enabled": False}},
    }
    assert yaml.safe_load((found.path / "Chart.yaml").read_text()) == {
        "apiVersion": "v2",
        "name": "prometheus",
        "version": "25.8.0",
        "appVersion": "2.10",
        "dependencies": [],
    }
    assert _content(found.path).keys() == _content(chart).keys()


@pytest.mark.parametrize("needed", ["am", "alertmanager"])
def test_off_keeps_what_is_needed_by_name_or_alias(chart: Path, tmp_path: Path, needed: str) -> None:
    _put("alertmanager", "node-exporter", "undeclared")(chart)
    found = _usable(chart, tmp_path, off=True, needed=frozenset({needed, "grafana"}), fetch=_refuse)
    assert [(item.called, item.vendored) for item in files.dependencies(found.path)] == [("am", True)]
    assert [part.name for part in files.vendored(found.path)] == ["alertmanager"]
    assert "alertmanager" not in found.values
    assert found.notes == (
        "Chart prometheus is used without its subcharts bare, kube-state-metrics, node-exporter, undeclared.",
    )


def test_off_leaves_a_switch_that_what_stays_shares(tmp_path: Path) -> None:
    listed = "dependencies: [{name: a, condition: both.on}, {name: b, condition: both.on}]\n"
    folder = world.chart(tmp_path / "x", more=listed)
    _put("a", "b")(folder)
    assert _usable(folder, tmp_path, off=True, needed=frozenset({"a"})).values == {}


def test_off_keeps_vendored_libraries(chart: Path, tmp_path: Path) -> None:
    world.chart(chart / "charts/bare", "bare", "1.0.0", more="type: library\n")
    world.chart(chart / "charts/undeclared", "undeclared", "1.0.0", more="type: library\n")
    found = _usable(chart, tmp_path, off=True, fetch=_refuse)
    assert [item.name for item in files.dependencies(found.path)] == ["bare"]
    assert [part.name for part in files.vendored(found.path)] == ["bare", "undeclared"]


def test_off_removes_archives_of_subcharts(chart: Path, tmp_path: Path) -> None:
    world.packed(world.chart(tmp_path / "a", "alertmanager", "1.7.0"), chart / "charts/alertmanager-1.7.0.tgz")
    assert not (_usable(chart, tmp_path, off=True).path / "charts").exists()


def test_needed_and_missing_is_told_with_who_needs_it(chart: Path, tmp_path: Path) -> None:
    needed = frozenset({"kube-state-metrics"})
    with pytest.raises(
        UsageError, match=r"\n  kube-state-metrics 5\.15\.\* from .*\n.*restarts-metric needs"
    ) as caught:
        _usable(chart, tmp_path, off=True, needed=needed, needed_by="restarts-metric")
    assert "alertmanager" not in caught.value.message
    assert "SUBCHARTS=off" not in caught.value.hint
    assert f"helm dependency build {chart}" in caught.value.hint


def test_needed_and_missing_is_fetched_as_the_lock_names_it(chart: Path, tmp_path: Path) -> None:
    lock = (
        "dependencies: [{name: kube-state-metrics, version: 5.15.2}, {name: bare, version: 1.0.0}]\ndigest: sha256:x\n"
    )
    (chart / "Chart.lock").write_text(lock)
    seen: list[dict[str, Any]] = []

    def fetch(copy: Path) -> None:
        assert not (copy / "Chart.lock").exists()
        seen.extend(yaml.safe_load((copy / "Chart.yaml").read_text())["dependencies"])
        _put("kube-state-metrics")(copy)

    found = _usable(chart, tmp_path, off=True, needed=frozenset({"kube-state-metrics"}), fetch=fetch)
    assert [(item["name"], item["version"]) for item in seen] == [("kube-state-metrics", "5.15.2")]
    assert len(found.notes) == 2


def test_requirements_of_the_first_api_version_are_taken_out(chart: Path, tmp_path: Path) -> None:
    listed = "dependencies:" + DEPENDENCIES.partition("dependencies:")[2]
    (chart / "Chart.yaml").write_text("name: prometheus\nversion: 8.11.4\n")
    world.write(chart, {"requirements.yaml": listed, "requirements.lock": "dependencies: []\ndigest: x\n"})
    found = _usable(chart, tmp_path, off=True, needed=frozenset({"bare"}), fetch=_put("bare"))
    left = yaml.safe_load((found.path / "requirements.yaml").read_text())["dependencies"]
    assert [item["name"] for item in left] == ["bare"]
    assert not (found.path / "requirements.lock").exists()


def test_charts_beside_the_chart_are_beside_the_copy(tmp_path: Path) -> None:
    listed = "dependencies: [{name: common, version: 0.1.0, repository: 'file://../../common'}]\n"
    folder = world.chart(tmp_path / "all/more/prometheus", more=listed)
    world.chart(tmp_path / "all/common", "common", "0.1.0", values="a: 1\n")
    seen: list[str] = []

    def fetch(copy: Path) -> None:
        seen.append((copy / "../../common/values.yaml").read_text())
        _put("common")(copy)

    one = _usable(folder, tmp_path, fetch=fetch)
    assert seen == ["a: 1\n"]
    (tmp_path / "all/common/values.yaml").write_text("a: 2\n")
    assert _usable(folder, tmp_path, fetch=fetch).path != one.path


# ---- by Helm


def test_helm_builds_with_homes_of_its_own_and_all_repositories_added(chart: Path, tmp_path: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'repo add'": ":", "'dependency build'": ":"})
    subcharts.by_helm(helm)(chart)
    assert world.calls(helm) == [
        "repo add stable https://charts.helm.sh/stable",
        "repo add it0 https://a/x",
        "repo add it1 https://k/x",
        f"dependency build --skip-refresh --plain-http {chart}",
    ]
    homes = set(helm.with_name("homes").read_text().splitlines())
    assert len(homes) == 1
    assert not any(Path(home).exists() or home.startswith(str(Path.home())) for home in homes.pop().split())


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        (
            {"'repo add'": "echo 'Error: 404 Not Found' >&2; exit 1"},
            "cannot add https://charts.helm.sh/stable: .* does not have it",
        ),
        ({"'repo add'": "exec sleep 20"}, "cannot add .*: .* did not answer within 0 s"),
        (
            {"'repo add'": ":", "'dependency build'": "echo 'Error: no good range' >&2; exit 1"},
            "helm dependency build failed: Error: no good range",
        ),
        ({"'repo add'": ":", "'dependency build'": "exec sleep 20"}, "build failed: .*https://k/x.* did not answer"),
    ],
)
def test_helm_that_fails_is_told_in_words(
    chart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cases: dict[str, str], words: str
) -> None:
    monkeypatch.setattr(repositories, "CHART_S", 0.4)
    monkeypatch.setattr(subcharts, "FETCH_S", 0.4)
    helm = world.helm(tmp_path / "h", cases)
    with pytest.raises(SupplyError, match=words):
        subcharts.by_helm(helm)(chart)
    world.calls(helm)

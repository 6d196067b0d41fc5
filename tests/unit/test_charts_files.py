"""What lies in a chart, of a folder and of its archive the same; and archives that no packager wrote."""

from pathlib import Path

import pytest
from tests.unit import charts_world as world

from promdrill.core.errors import UsageError
from promdrill.helm.source import files as chart_files
from promdrill.helm.source import tree

DEPENDENCIES = """
dependencies:
- {name: kube-state-metrics, version: 5.15.*, repository: https://k/x, condition: "kube-state-metrics.enabled,g.k"}
- {name: alertmanager, version: 1.7.0, repository: https://a/x, condition: alertmanager.enabled, alias: am}
- {name: crds}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = world.chart(
        tmp_path / "mine/prometheus",
        more=DEPENDENCIES,
        values="server: {retention: 15d}\nam: {persistence: {size: 2Gi}, gone: null}\n",
    )
    am = world.chart(
        tmp_path / "am", "alertmanager", "1.7.0", values="persistence: {size: 50Mi, enabled: true}\ngone: 1"
    )
    world.packed(am, folder / "charts/alertmanager-1.7.0.tgz")
    world.chart(folder / "charts/crds", "crds", "0.0.0", values="deep: {a: 1}\nop: '='\nkind: =\n")
    world.chart(folder / "charts/crds/charts/inner", "inner", "0.1.0", values="b: 2\n")
    world.write(folder, {"charts/README.md": "no chart", "charts/_off/Chart.yaml": "name: off\nversion: 1.0.0\n"})
    return folder


@pytest.fixture(params=["folder", "archive"])
def either(request: pytest.FixtureRequest, chart: Path, tmp_path: Path) -> Path:
    return chart if request.param == "folder" else world.packed(chart, tmp_path / "prometheus-25.8.0.tgz")


def test_metadata_is_of_the_chart_and_not_of_a_subchart(either: Path) -> None:
    found = chart_files.metadata(either)
    assert (found["name"], found["version"], found["apiVersion"]) == ("prometheus", "25.8.0", "v2")


def test_dependencies_are_told_whether_they_are_there_or_not(either: Path) -> None:
    ksm, alertmanager, crds = chart_files.dependencies(either)
    assert ksm == chart_files.Dependency(
        "kube-state-metrics", "5.15.*", "https://k/x", "kube-state-metrics.enabled,g.k", "", vendored=False
    )
    assert (alertmanager.called, alertmanager.vendored, ksm.called) == ("am", True, "kube-state-metrics")
    assert (crds.version, crds.repository, crds.condition, crds.vendored) == ("", "", "", True)


def test_vendored_charts_are_told_with_their_place(either: Path) -> None:
    found = [(part.entry, part.name, part.version, part.library) for part in chart_files.vendored(either)]
    assert found == [
        ("charts/alertmanager-1.7.0.tgz", "alertmanager", "1.7.0", False),
        ("charts/crds", "crds", "0.0.0", False),
    ]


def test_values_are_those_of_subcharts_under_those_of_the_chart(either: Path) -> None:
    assert chart_files.values(either) == {
        "server": {"retention": "15d"},
        "am": {"persistence": {"size": "2Gi", "enabled": True}, "gone": None},
        "crds": {"deep": {"a": 1}, "op": "=", "kind": "=", "inner": {"b": 2}},
    }


def test_requirements_of_a_chart_of_the_first_api_version(tmp_path: Path) -> None:
    folder = world.chart(tmp_path / "old", version="8.11.4")
    world.write(folder, {"Chart.yaml": "name: prometheus\nversion: 8.11.4\n", "requirements.yaml": DEPENDENCIES})
    assert [item.called for item in chart_files.dependencies(folder)] == ["kube-state-metrics", "am", "crds"]


def test_a_chart_without_dependencies_or_values(tmp_path: Path) -> None:
    folder = world.chart(tmp_path / "c")
    assert chart_files.dependencies(folder) == ()
    assert chart_files.values(folder) == {}
    (folder / "values.yaml").unlink()
    assert chart_files.values(folder) == {}


@pytest.mark.parametrize("listed", ["dependencies: {a: 1}", "dependencies: [kube]", "dependencies: [{version: 1.0.0}]"])
def test_dependencies_that_are_no_list_of_subcharts(tmp_path: Path, listed: str) -> None:
    folder = world.chart(tmp_path / "c", more=listed)
    with pytest.raises(UsageError, match=r"CHART=.*/c: dependencies in Chart\.yaml must be a list of named subcharts"):
        chart_files.dependencies(folder)


@pytest.mark.parametrize(("values", "words"), [("- a", "must be a mapping, not a list"), ("a: [", "not YAML")])
def test_default_values_that_are_no_values(tmp_path: Path, values: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        chart_files.values(world.chart(tmp_path / "c", values=values))


def test_the_digest_is_that_of_the_content(chart: Path, tmp_path: Path) -> None:
    one = chart_files.digest(chart)
    world.write(chart, {".git/HEAD": "not part of it"})
    assert chart_files.digest(chart) == one
    (chart / "values.yaml").write_text("server: {retention: 16d}\n")
    two = chart_files.digest(chart)
    (chart / "values.yaml").rename(chart / "values.yml")
    archive = world.packed(chart, tmp_path / "c.tgz")
    assert len({one, two, chart_files.digest(chart), chart_files.digest(archive)}) == 4


def test_links_in_a_folder_are_followed_but_not_for_ever(chart: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.txt").write_text("shared")
    (chart / "shared.txt").symlink_to(tmp_path / "shared.txt")
    (chart / "files").symlink_to(tmp_path / "am")
    (chart / "loop").symlink_to(chart)
    files = tree.tree(chart)
    assert {"shared.txt", "files/Chart.yaml"} <= set(files)
    assert not any(name.startswith("loop/") for name in files)


def test_a_folder_that_holds_a_whole_disk_is_no_chart(chart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "FOLDER_FILES", 5)
    with pytest.raises(UsageError, match="more than 5 files"):
        chart_files.values(chart)


def test_a_place_that_is_not_there_names_what_is_beside_it(chart: Path) -> None:
    with pytest.raises(UsageError, match=r"promtheus: no such folder or \.tgz file") as caught:
        chart_files.metadata(chart.parent / "promtheus")
    assert caught.value.hint == f"CHART={chart}"
    with pytest.raises(UsageError, match=r"cannot be read: .*too long"):
        chart_files.metadata(chart / ("x" * 300))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name: prometheus\n", "not a chart, no Chart.yaml with a name and a version"),
        ("name: a/../b\nversion: 1.0.0\n", "not a chart"),
        ("a: [", "not YAML"),
        ("- a\n", "not a chart"),
        ("", "not a chart"),
    ],
)
def test_a_folder_that_is_no_chart(chart: Path, content: str, words: str) -> None:
    (chart / "Chart.yaml").write_text(content)
    with pytest.raises(UsageError, match=words):
        chart_files.metadata(chart)


META = "name: a\nversion: 1.0.0\n"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a/Chart.yaml": META, "a/../../x": ""}, r"a/\.\./\.\./x points outside the chart"),
        ({"a/Chart.yaml": META, "/etc/x": ""}, "/etc/x points outside"),
        ({"a/Chart.yaml": META, "a\\..\\x": ""}, "points out"),
        ({"a/Chart.yaml": META, "b/Chart.yaml": META}, "has one folder, this has a, b"),
        ({"Chart.yaml": META}, "not a chart"),
        ({"a/chart.yaml": META}, "not a chart"),
        ({"a/b/Chart.yaml": META}, "not a chart"),
        ({"a/Chart.yaml": META, "a/large": "x" * 2000}, "more than 0 MiB"),
    ],
)
def test_an_archive_that_no_packager_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, str], words: str
) -> None:
    monkeypatch.setattr(tree, "ARCHIVE_BYTES", 1000)
    with pytest.raises(UsageError, match=words):
        chart_files.metadata(world.archive(tmp_path / "a.tgz", members))


@pytest.mark.parametrize("left", [0, 10, 100])
def test_an_archive_that_broke_off(chart: Path, tmp_path: Path, left: int) -> None:
    archive = world.packed(chart, tmp_path / "a.tgz")
    archive.write_bytes(archive.read_bytes()[:left])
    with pytest.raises(UsageError, match=r"a\.tgz: cannot be read"):
        chart_files.metadata(archive)


def test_a_subcharts_archive_that_broke_off_is_named(chart: Path) -> None:
    (chart / "charts/alertmanager-1.7.0.tgz").write_text("no archive")
    with pytest.raises(UsageError, match=r"prometheus: charts/alertmanager-1\.7\.0\.tgz: cannot be read"):
        chart_files.dependencies(chart)

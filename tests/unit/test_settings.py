"""What a run may be asked for: charts, and the scenarios there are. The rest is tried through the command line."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from promdrill.core.choices import nearest
from promdrill.core.errors import UsageError
from promdrill.helm.source.files import metadata
from promdrill.request import scenarios
from promdrill.request.request import Request, make

CHART = "apiVersion: v2\nname: prometheus\nversion: 25.8.0\nappVersion: v2.48.0\n"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "prometheus"
    (folder / "charts/alertmanager").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(CHART)
    (folder / "charts/alertmanager/Chart.yaml").write_text("name: alertmanager\nversion: 1.0.0\n")
    return folder


def packed(chart: Path) -> Path:
    archive = chart.parent / "prometheus-25.8.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(chart / "charts/alertmanager/Chart.yaml", "prometheus/charts/alertmanager/Chart.yaml")
        tar.add(chart / "Chart.yaml", "prometheus/Chart.yaml")
    return archive


def test_a_folder_and_its_archive_are_the_same_chart(chart: Path) -> None:
    assert metadata(chart) == metadata(packed(chart))
    assert metadata(chart)["version"] == "25.8.0"


def test_a_version_that_yaml_reads_as_a_number_stays_text(chart: Path) -> None:
    (chart / "Chart.yaml").write_text("name: prometheus\nversion: 25.8\n")
    assert metadata(chart)["version"] == "25.8"


def test_a_chart_beside_the_one_that_was_named_is_proposed(chart: Path) -> None:
    with pytest.raises(UsageError) as caught:
        metadata(chart.parent / "promtheus")
    assert caught.value.hint == f"CHART={chart}"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("name: prometheus\n", "not a chart"), ("a: [", "not YAML"), ("- a\n", "not a chart"), ("", "not a chart")],
)
def test_a_folder_that_is_no_chart(chart: Path, content: str, complaint: str) -> None:
    (chart / "Chart.yaml").write_text(content)
    with pytest.raises(UsageError, match=complaint):
        metadata(chart)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "chart.tgz").write_text("no")
    with pytest.raises(UsageError, match="cannot be read"):
        metadata(tmp_path / "chart.tgz")


def test_an_archive_without_a_chart(chart: Path) -> None:
    (chart / "Chart.yaml").rename(chart / "chart.yaml")
    archive = chart.parent / "x.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(chart, "prometheus")
    with pytest.raises(UsageError, match="not a chart"):
        metadata(archive)


def test_the_version_that_was_asked_for_must_be_the_charts(chart: Path) -> None:
    make({"CHART": str(chart), "CHART_VERSION": "25.8.0"})
    with pytest.raises(UsageError) as caught:
        make({"CHART": str(chart), "CHART_VERSION": "25.30.2"})
    assert caught.value.hint == "CHART_VERSION=25.8.0, or leave it out"


def test_the_charts_own_version_on_source_is_known_before_anything_starts() -> None:
    with pytest.raises(UsageError, match=r"CHART_VERSION=0\.0\.0"):
        make({"SUPPLY": "source", "CHART_VERSION": "0.0.0"})


def test_defaults_can_be_had() -> None:
    assert make({}) == Request()


def test_the_supply_is_asked_for_what_was_asked(chart: Path) -> None:
    given = {"SUPPLY": "source", "KUBE_VERSION": "1.34.4", "HELM_VERSION": "3", "CHART": str(chart)}
    request = make(given).of_supply()
    assert (request.supply, request.kubernetes, request.helm, request.chart.chart) == (
        "source",
        "1.34.4",
        "3",
        str(chart),
    )


@pytest.mark.parametrize(("typed", "meant"), [("disk-ful", "disk-full"), ("lifecycle", "lifecycle-flag")])
def test_nearest(typed: str, meant: str) -> None:
    assert nearest(typed, ["a", "disk-full", "lifecycle-flag"]) == meant


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("lifecycle-flag", "disk-full"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"test_{name.replace('-', '_')}.py").touch()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "half-made").mkdir()
    return tmp_path


def test_scenarios_are_folders_with_a_test_of_their_name(root: Path) -> None:
    assert [scenario.id for scenario in scenarios.find_all(root)] == ["disk-full", "lifecycle-flag"]
    assert [scenario.id for scenario in scenarios.select([], root)] == ["disk-full", "lifecycle-flag"]
    assert [scenario.id for scenario in scenarios.select(["lifecycle-flag"] * 2, root)] == ["lifecycle-flag"]


def test_an_unknown_scenario_is_answered_with_the_nearest_and_all(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        scenarios.select(["disk-full", "lifecycle-flga"], root)
    assert caught.value.hint == "SCENARIO=lifecycle-flag; or SCENARIOS=FOLDER, if it is one of your own"
    assert "the scenarios are disk-full, lifecycle-flag" in caught.value.message


def test_no_scenarios_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scenarios"):
        scenarios.select([], tmp_path / "none")


def test_a_scenario_without_a_runbook_has_no_title(root: Path) -> None:
    assert scenarios.find_all(root)[0].title == ""

"""The key of a CI's cache: another one for everything that decides what drills fetch, the same one otherwise."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from promdrill.artefacts.pins import PINS_VARIABLE
from promdrill.cli import main
from promdrill.core import paths
from promdrill.request import cache_key

Captured = pytest.CaptureFixture[str]
SETTINGS = {"SUPPLY": "registry", "CHART": "prometheus-community/prometheus", "VALUES": "prod.yaml", "REPO": None}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small promdrill, and a user's folder."""
    monkeypatch.delenv(PINS_VARIABLE, raising=False)
    folder, user = tmp_path / "project", tmp_path / "user"
    for name in ("images/a/go.mod", "manifests/kind.yaml", "scenarios/oom/values.yaml", "scenarios/quota/values.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1\n")
    user.mkdir()
    (user / "prod.yaml").write_text("a: b\n")
    monkeypatch.setattr(paths, "project_dir", lambda: folder)
    monkeypatch.chdir(user)
    return folder


def key(settings: Mapping[str, str | None] = SETTINGS, *scenarios: str) -> str:
    return cache_key.of([settings], [paths.scenarios_dir() / name for name in scenarios or ("oom",)])


def test_the_same_gives_the_same_key_anywhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = key()
    assert re.fullmatch(r"promdrill-[a-z]+-[a-z0-9]+-[0-9a-f]{32}", first)
    elsewhere = shutil.copytree(project, tmp_path / "elsewhere")
    monkeypatch.setattr(paths, "project_dir", lambda: elsewhere)
    assert key() == first
    assert key({**SETTINGS, "APP_VERSION": ""}) == first, "what is not set does not count"
    (elsewhere / "scenarios/quota/values.yaml").write_text("2\n")
    (elsewhere / "scenarios/oom/__pycache__").mkdir()
    (elsewhere / "scenarios/oom/__pycache__/x.pyc").write_text("2\n")
    assert key() == first, "nor what is not drilled"


@pytest.mark.parametrize("changed", ["images/a/go.mod", "manifests/kind.yaml", "scenarios/oom/values.yaml"])
def test_what_is_pinned_counts(project: Path, changed: str) -> None:
    first = key()
    (project / changed).write_text("2\n")
    assert key() != first


def test_a_file_with_another_name_counts(project: Path) -> None:
    first = key()
    (project / "images/a/go.mod").rename(project / "images/a/go.sum")
    assert key() != first


def test_the_settings_count_and_the_files_that_they_name() -> None:
    first = key()
    assert key({**SETTINGS, "APP_VERSION": "3.14.0"}) != first
    assert key(SETTINGS, "oom", "quota") != first
    Path("prod.yaml").write_text("a: c\n")
    assert key() != first


def test_a_chart_in_a_folder_counts() -> None:
    Path("chart").mkdir()
    Path("chart/Chart.yaml").write_text("version: 1.0.0\n")
    first = key({"CHART": "chart"})
    Path("chart/Chart.yaml").write_text("version: 1.0.1\n")
    assert key({"CHART": "chart"}) != first


def test_pins_of_the_users_count(monkeypatch: pytest.MonkeyPatch) -> None:
    first = key()
    Path("pins.toml").write_text("")
    monkeypatch.setenv(PINS_VARIABLE, "pins.toml")
    second = key()
    Path("pins.toml").write_text("# another\n")
    assert len({first, second, key()}) == 3


def test_the_order_of_runs_does_not_count() -> None:
    one, other = {"APP_VERSION": "2.48.0"}, {"APP_VERSION": "3.14.0"}
    assert cache_key.of([one, other], []) == cache_key.of([other, one, one], [])


def test_the_command_prints_what_a_ci_takes(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.undo()
    monkeypatch.setenv(paths.CACHE_VARIABLE, "/somewhere")
    assert main.main(["supply", "--key", "--scenario=oom", "--supply=registry"]) == 0
    found, place = capsys.readouterr().out.splitlines()
    assert (re.sub("[0-9a-f]{32}", "", found).startswith("key=promdrill-"), place) == (True, "path=/somewhere")
    assert main.main(["supply", "--key", "--scenario=oomm", "--supply=registry"]) == 2

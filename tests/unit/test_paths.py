"""Where things are in a checkout and in a wheel, and what a person is told to type in each."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from promdrill.cli import main
from promdrill.core import paths

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TOLD = [
    (("clean", {}), "make clean", "promdrill clean"),
    (("clean-cache", {}), "make clean-cache", "promdrill clean-cache"),
    (("doctor", {}), "make doctor", "promdrill doctor"),
    (("controls", {"SCENARIO": "oom"}), "make controls SCENARIO=oom", "promdrill controls --scenario oom"),
    (
        ("test-scenarios", {"SCENARIO": "oom", "KUBE_VERSION": "1.36.3", "KEEP": 1}),
        "make test-scenarios SCENARIO=oom KUBE_VERSION=1.36.3 KEEP=1",
        "promdrill run --scenario oom --kube-version 1.36.3 --keep 1",
    ),
    (
        ("test-scenarios", {"VALUES": Path("my values.yaml"), "CHART": None, "REPO": ""}),
        "make test-scenarios 'VALUES=my values.yaml'",
        "promdrill run --values 'my values.yaml'",
    ),
    (
        ("matrix", {"RESUME": 1, "CELL": "a,b"}),
        "make matrix RESUME=1 CELL=a,b",
        "promdrill matrix --run --resume 1 --cell a,b",
    ),
    (("matrix-cells", {}), "make matrix-cells", "promdrill matrix --format github"),
    (("matrix-supply", {}), "make matrix-supply", "promdrill matrix --fetch"),
]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's folder, as a wheel leaves it: with the data inside."""
    package = tmp_path / "lib" / "python3" / "site-packages" / "promdrill"
    (package / "_data").mkdir(parents=True)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    return package


def test_a_checkout_has_everything_at_its_root() -> None:
    assert paths.in_checkout()
    assert paths.project_dir() == ROOT
    assert (paths.scenarios_dir(), paths.manifests_dir(), paths.images_dir(), paths.reports_dir()) == tuple(
        ROOT / name for name in ("scenarios", "manifests", "images", "reports")
    )
    assert (paths.own_chart() / "Chart.yaml").is_file()
    assert paths.program() == ".venv/bin/promdrill"


def test_a_wheel_has_it_in_the_package(wheel: Path) -> None:
    data = wheel / "_data"
    assert not paths.in_checkout()
    assert paths.project_dir() == data
    assert (paths.scenarios_dir(), paths.manifests_dir(), paths.images_dir()) == tuple(
        data / name for name in ("scenarios", "manifests", "images")
    )
    assert paths.own_chart() == data / "manifests/charts/prometheus"
    assert paths.program() == "promdrill"


def test_a_wheel_that_was_unpacked_inside_a_checkout_uses_its_own(wheel: Path) -> None:
    for name in ("scenarios", "images", "manifests"):
        (wheel.parents[1] / name).mkdir()
    assert paths.project_dir() == wheel / "_data"


def test_reports_of_a_wheel_go_where_one_is(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.reports_dir().absolute() == tmp_path / "reports"
    assert wheel not in paths.reports_dir().absolute().parents


@pytest.mark.parametrize(("asked", "in_checkout", "_elsewhere"), TOLD)
def test_what_to_type_in_a_checkout(asked: tuple[str, dict[str, object]], in_checkout: str, _elsewhere: str) -> None:
    target, variables = asked
    assert paths.command(target, **variables) == in_checkout
    assert re.search(rf"^\.PHONY: {target}$", MAKEFILE, re.MULTILINE)


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize(("asked", "_in_checkout", "elsewhere"), TOLD)
def test_what_to_type_elsewhere(asked: tuple[str, dict[str, object]], _in_checkout: str, elsewhere: str) -> None:
    target, variables = asked
    assert paths.command(target, **variables) == elsewhere
    program, *arguments = shlex.split(elsewhere)
    assert program == "promdrill"
    main.build_parser().parse_args(arguments)


def test_every_target_renamed_is_one_that_calls_that_subcommand() -> None:
    for target, subcommand in paths._SUBCOMMANDS.items():
        recipe = MAKEFILE.partition(f"\n{target}:")[2].partition("\n\n")[0]
        assert f".venv/bin/promdrill {subcommand}" in recipe


def test_drills_have_a_configuration_of_their_own(wheel: Path) -> None:
    assert paths.pytest_config().parent == wheel, "where the wheel has it: beside the modules"
    assert paths.pytest_config().name not in {"pytest.ini", ".pytest.ini"}, "pytest finds those by itself"
    assert "[pytest]\n" in (ROOT / "src/promdrill" / paths.pytest_config().name).read_text(encoding="utf-8")


def test_the_wheel_puts_the_data_where_it_is_looked_for() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    data = f"promdrill/{paths._DATA}/"
    assert wheel["sources"] == {
        "src/promdrill": "promdrill",
        **{name: data + name for name in ("scenarios", "manifests", "images", "rules")},
    }
    assert sorted(wheel["only-include"]) == sorted(wheel["sources"])
    assert wheel["force-include"] == {"matrix.toml": f"{data}matrix.toml"}
    assert build["dev-mode-dirs"] == ["src"], "an editable install has no copies that grow old"

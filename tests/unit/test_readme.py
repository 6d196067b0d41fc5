"""README.md stays true: what it quotes is what is there, and every target, variable and path it names exists."""

import re

import pytest

from promdrill import paths
from promdrill.cli.run import OPTIONS

ROOT = paths.project_dir()
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_scenarios_that_it_shows_are_those_that_run() -> None:
    shown = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert shown == [path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios").glob("*/test_*.py"))]


def test_every_make_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([a-z-]+)", TEXT, re.MULTILINE)) | set(re.findall(r"`make ([a-z-]+)`", TEXT))
    assert {"test", "test-scenarios", "doctor", "clean", "clean-cache"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_variable_is_in_its_table() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", TEXT, re.MULTILINE)) == set(OPTIONS)


def test_every_scenario_is_in_its_table() -> None:
    listed = re.findall(r"^\| \[([a-z-]+)\]\(scenarios/([a-z-]+)/runbook.md\)", TEXT, re.MULTILINE)
    assert [name for name, _ in listed] == sorted(
        path.parent.name for path in paths.scenarios_dir().glob("*/runbook.md")
    )
    assert all(name == folder for name, folder in listed)


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)#]+)", TEXT))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()

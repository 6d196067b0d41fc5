"""README.md stays true: what it quotes is what is there, and every target, variable and path it names exists."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import promdrill.faults
from promdrill.cli import main
from promdrill.cli.new import DEFAULT_LIKE
from promdrill.cli.run import OPTIONS
from promdrill.core import paths
from promdrill.drill import Drill
from promdrill.observe.server import Server
from promdrill.request import scenarios
from promdrill.request.markers import MARKERS

ROOT = paths.project_dir()
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines() if line.strip()
]


def test_the_scenarios_that_it_shows_are_those_that_run() -> None:
    shown = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    tests = [scenario.test.read_text(encoding="utf-8") for scenario in scenarios.find_all()]
    assert [text for text in shown if text not in tests] == [], "word for word"
    assert len(shown) == len(set(shown)) == min(3, len(tests))


def makefile_line(name: str) -> str:
    (line,) = re.findall(rf"^{name} := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return str(line)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_can_be_typed(line: str) -> None:
    command, *arguments = shlex.split(line, comments=True)
    if command == "uvx":
        command, *arguments = arguments
    if command in {".venv/bin/promdrill", "promdrill"}:
        main.build_parser().parse_args(arguments)
    elif command == "make":
        known = set(OPTIONS) | set(
            re.findall(r"[A-Z]+", makefile_line("MATRIX_VARIABLES") + makefile_line("OTHER_VARIABLES"))
        )
        assert {word.partition("=")[0] for word in arguments if "=" in word} <= known
    elif command != "pytest":
        assert command in {"grep", ".venv/bin/pytest"}, "what this test does not know"
        assert all((ROOT / word).exists() or "my-incident" in word for word in arguments if "/" in word)


def test_the_page_on_a_new_scenario_goes_on_where_the_command_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = TEXT.partition("## Add a scenario\n")[2].partition("\n## ")[0]
    like = tmp_path / "scenarios" / DEFAULT_LIKE
    shutil.copytree(ROOT / "scenarios" / DEFAULT_LIKE, like, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(paths, "scenarios_dir", lambda: like.parent)
    monkeypatch.chdir(tmp_path)
    typed = [line for line in COMMANDS if line.startswith(".venv/bin/promdrill new")]
    assert [main.main(shlex.split(line, comments=True)[1:]) for line in typed] == [0]
    said = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert len(said) == 4
    assert [line for line in said if not re.search(rf"^{re.escape(line)}( |$)", page, re.MULTILINE)] == []
    assert 50 <= len(page.splitlines()) <= 80, "one page"


def test_every_building_block_is_there() -> None:
    heads = re.compile(r"^\| `?(?:promdrill.faults|promdrill.observe|marker)", re.MULTILINE)
    _, faults, conditions, marks = heads.split(TEXT)
    named = re.findall(r"^\| `(\w+)\(", faults, re.MULTILINE)
    assert {"FillVolume", "RestartServer", "TouchConfig", "ValuesEdit"} <= set(named)
    assert set(named) <= set(promdrill.faults.__all__)
    rows = re.findall(r"^\| (`.*?`) \|", conditions, re.MULTILINE)
    on_server = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert "crash_looping" in on_server
    assert [name for name in on_server if not callable(getattr(Server, name, None))] == []
    assert all(callable(getattr(Drill, name)) for name in re.findall(r"`drill\.(wording|same_pod)`", TEXT))
    known = {line.partition("(")[0] for line in MARKERS}
    assert set(re.findall(r"^\| `(\w+)\(\"", marks.partition("\n## ")[0], re.MULTILINE)) == known


def test_every_make_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([a-z-]+)", TEXT, re.MULTILINE)) | set(re.findall(r"`make ([a-z-]+)`", TEXT))
    assert {"test", "test-scenarios", "doctor", "clean", "clean-cache"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_variable_is_in_its_table() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", TEXT, re.MULTILINE)) == set(OPTIONS)


def test_every_scenario_is_in_its_table() -> None:
    listed = re.findall(r"^\| \[([a-z0-9-]+)\]\(scenarios/([a-z0-9-]+)/runbook.md\)", TEXT, re.MULTILINE)
    there = sorted(path.parent.name for path in paths.scenarios_dir().glob("*/runbook.md"))
    missing = [name for name in there if (name, name) not in listed]
    assert not missing, (
        f"README.md, The drills: no row | [{missing[0]}](scenarios/{missing[0]}/runbook.md) | ... | ... |"
    )
    assert [name for name, _ in listed] == there, "in order of id, and none that is not there"
    assert all(name == folder for name, folder in listed)


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)#]+)", TEXT))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()

"""README and the pages of docs/ stay true: every command, target, variable, name and path in them exists.

What is generated from the code (reference, incident book) is checked where it is made, and so are links between pages
of the site.
"""

import ast
import importlib
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

from promdrill.cli import main
from promdrill.cli.new import create
from promdrill.cli.run import OPTIONS
from promdrill.core import paths
from promdrill.core.model import Verdict
from promdrill.drill import Drill
from promdrill.request import markers, scenarios
from promdrill.runbook import front
from promdrill.runbook.parse import parse
from promdrill.supply import kubernetes
from promdrill.supply.build import catalogue, debian
from promdrill.supply.engine import lifecycle

ROOT = paths.project_dir()
DOCS = ROOT / "docs"
FOLDERS = ("tutorial", "how-to", "explanation", "decisions")
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(DOCS.glob("*.md")),
    *(page for folder in FOLDERS for page in sorted((DOCS / folder).glob("*.md"))),
)
TUTORIAL = DOCS / "tutorial" / "your-own-scenario.md"
WRITING = DOCS / "how-to" / "write-a-scenario.md"
SUPPLY = DOCS / "explanation" / "supply.md"
OWN_VALUES = DOCS / "how-to" / "your-own-chart-and-values.md"
OWN_RUNBOOK = DOCS / "how-to" / "your-own-runbook.md"
README = ROOT / "README.md"


@cache
def text_of(page: Path) -> str:
    """A page without the files that it quotes whole, between four backticks."""
    return re.sub(r"^````.*?^````$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, those in lists too."""
    fence = re.compile(rf"^( *)```{language}\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    return [dedent(text) for _, text in fence.findall(text_of(page))]


def commands(page: Path) -> list[str]:
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]


LINES = [
    pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}")
    for page in PAGES
    for line in dict.fromkeys(commands(page))
]


def makefile_words(*names: str) -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [re.search(rf"^{name} := (.*)$", text, re.MULTILINE) for name in names]
    return {word for line in lines if line for word in line[1].split()}


def subcommands() -> set[str]:
    listed = main.build_parser().format_help().partition("  COMMAND\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^    ([a-z-]+)", listed, re.MULTILINE))


@pytest.mark.parametrize("line", LINES)
def test_every_command_can_be_typed(line: str) -> None:
    command, *arguments = (word for word in shlex.split(line, comments=True) if not word.startswith(">"))
    if command == "uvx":
        command, *arguments = arguments
    if command in {".venv/bin/promdrill", "promdrill"}:
        main.build_parser().parse_args(arguments)
    elif command == "make":
        targets, given = [word for word in arguments if "=" not in word], [word for word in arguments if "=" in word]
        assert len(targets) == 1
        named = set(OPTIONS) | makefile_words("RUN_VARIABLES", "MATRIX_VARIABLES", "OTHER_VARIABLES")
        assert {word.partition("=")[0] for word in given} <= named
    elif command == "grep":
        assert all(word.startswith("drills/") for word in arguments if "/" in word), "what `promdrill new` makes"
    elif command in {"pytest", ".venv/bin/pytest"}:
        assert all((ROOT / word).exists() for word in arguments if word == "scenarios")
    else:
        assert command in {"mkdir", "cd", "git", "python3", ".", "pip", "docker", "kubectl"}, (
            "what this test does not know"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_and_subcommand_is_there(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"(?:^ *|`)make ([a-z-]+)", text_of(page), re.MULTILINE)
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
    called = re.findall(r"`(?:\.venv/bin/)?promdrill ([a-z-]+)", text_of(page))
    assert [name for name in called if name not in subcommands()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    generated = {DOCS / "incidents" / f"{scenario.id}.md" for scenario in scenarios.find_all()}
    targets = re.findall(r"\]\(((?!https://)[^)#\s]+)", text_of(page))
    paths_of = {target: (page.parent / target).resolve() for target in targets}
    assert [target for target, path in paths_of.items() if not path.exists() and path not in generated] == []


def test_the_makefile_is_read_as_it_is() -> None:
    assert {"SCENARIO", "CELL", "RUNS"} <= makefile_words("RUN_VARIABLES", "MATRIX_VARIABLES", "OTHER_VARIABLES")
    assert {"run", "clean-cache"} <= subcommands()
    assert len(LINES) > 60


# --- README --------------------------------------------------------------------------------------------------------


def test_the_readme_is_short() -> None:
    assert 5_000 <= len(README.read_bytes()) <= 8_000


def test_every_scenario_is_in_its_table_once() -> None:
    table = text_of(README).partition("## The incidents\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [^|`]+ \| (`.*`) \|$", table, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row)]
    there = sorted(scenario.id for scenario in scenarios.find_all())
    assert sorted(listed) == there, "README.md, The incidents: each id once, none that is not there"
    assert f"All {len(there)} take" in table
    assert all(re.findall(r"`([a-z0-9-]+)`", row) == sorted(re.findall(r"`([a-z0-9-]+)`", row)) for row in rows)


def test_every_verdict_is_explained() -> None:
    table = text_of(README).partition("| verdict | meaning |\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE) == list(Verdict)


# --- docs ----------------------------------------------------------------------------------------------------------


def test_the_scenarios_that_are_shown_are_those_that_run() -> None:
    shown = re.findall(r"^```\{literalinclude\} (\S+)$", text_of(WRITING), re.MULTILINE)
    tests = {scenario.test.resolve() for scenario in scenarios.find_all()}
    assert [path for path in shown if (WRITING.parent / path).resolve() not in tests] == []
    assert len(shown) == len(set(shown)) == 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_name_of_the_code_can_be_imported(page: Path) -> None:
    for name in re.findall(r"`(promdrill(?:\.[a-z_]+)+(?:\.[A-Za-z_]+)?)`", text_of(page)):
        assert importable(name), name
    for name in re.findall(r"\bdrill\.([a-z_]+)\(", text_of(page)):
        assert callable(getattr(Drill, name)), name
    known = {line.partition("(")[0] for line in markers.MARKERS}
    assert set(re.findall(r"pytest\.mark\.([a-z_]+)", text_of(page))) <= known
    assert set(re.findall(r"^\| `([a-z]+)\(\"", text_of(page), re.MULTILINE)) <= known
    for block in blocks(page, "python"):
        ast.parse(f"{block}def f(): ...\n" if block.lstrip().startswith("@") else block)


def importable(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return hasattr(importlib.import_module(module), attribute)
    return True


def test_the_guide_goes_on_where_the_command_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "project_dir", lambda: ROOT)
    monkeypatch.setattr(paths, "in_checkout", lambda: False)  # the guides are for an installed promdrill
    (typed,) = [line for line in commands(WRITING) if " new " in line]
    assert main.main(shlex.split(typed)[1:]) == 0
    said = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert len(said) == 4
    assert [line for line in said if line not in commands(WRITING)] == []


def test_the_versions_that_can_be_had_are_all_there() -> None:
    kube = text_of(OWN_VALUES).partition("## Kubernetes and Helm\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"\b\d+\.\d+\.\d+\b", kube)) == sorted(kubernetes.offered_anywhere().versions)


def test_all_that_any_version_can_be_had_of_is_there() -> None:
    families = catalogue.load(paths.images_dir()).families.values()
    titles = [family.image.name.rpartition("/")[2] for family in families]
    told = text_of(SUPPLY).partition("## Any version, on `source`\n")[2].partition("\n## ")[0].lower()
    listed = told.partition("serves it: ")[2].partition(". ")[0]
    assert sorted(" ".join(listed.split()).split(", ")) == sorted(titles)


def test_the_keys_of_front_matter_are_all_there() -> None:
    format_ = text_of(OWN_RUNBOOK).partition("It begins with front matter")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `([a-z_]+)` \|", format_, re.MULTILINE)) == front.KEYS


def test_the_scenario_of_the_tutorial_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files, over what the command makes, are a scenario that loads, with a runbook that parses."""
    monkeypatch.chdir(tmp_path)
    page = TUTORIAL.read_text(encoding="utf-8")
    folder = create("target-port", like="target-typo", base=tmp_path / "drills")
    (test,) = blocks(TUTORIAL, "python")
    (runbook,) = re.findall(r"^````markdown\n(.*?)^````$", page, re.MULTILINE | re.DOTALL)
    (first,) = blocks(TUTORIAL, "yaml")
    assert "promdrill new target-port --scenarios drills --like target-typo" in commands(TUTORIAL)
    assert {path.name for path in folder.iterdir()} == {"test_target_port.py", "runbook.md", "values.yaml"}
    (folder / "test_target_port.py").write_text(test, encoding="utf-8")
    (folder / "runbook.md").write_text(runbook, encoding="utf-8")
    values = (folder / "values.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "values.yaml").write_text(first + "".join(values[1:]), encoding="utf-8")

    assert values[0].startswith("# target-port: TODO")
    (scenario,) = [each for each in scenarios.find_all(further=[folder.parent]) if each.folder == folder]
    assert scenarios.traits(scenario.test).touches == ("scrape configuration", "release")
    variables = parse(folder / "runbook.md").variables
    assert f'"{variables["RIGHT"]}", "{variables["WRONG"]}"' in test
    whole = (folder / "values.yaml").read_text(encoding="utf-8")
    assert (whole.count(variables["RIGHT"]), whole.count(variables["WRONG"])) == (1, 0), "Replace wants it once"
    assert not any("TODO" in path.read_text(encoding="utf-8") for path in folder.iterdir())


def test_the_glossary_says_each_term_once() -> None:
    terms = re.findall(r"^\*\*(.+)\*\*$", text_of(DOCS / "glossary.md"), re.MULTILINE)
    assert len(terms) == len(set(terms)) > 50
    assert text_of(DOCS / "glossary.md").count("\n: ") == len(terms)


def test_decisions_are_numbered_and_have_their_parts() -> None:
    records = sorted((DOCS / "decisions").glob("0*.md"))
    for number, record in enumerate(records, 1):
        text = text_of(record)
        assert record.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert "\nStatus: accepted" in text
    assert len(records) >= 9


# --- the repository --------------------------------------------------------------------------------------------------


def test_what_is_installed_as_root_is_told() -> None:
    installed = {*lifecycle.PROGRAMS.values(), *debian.HOST_PACKAGES.values()}
    rows = re.findall(r"^\| `apt-get install ([^|]+) \|", text_of(ROOT / "SECURITY.md"), re.MULTILINE)
    assert {name.strip("` ") for row in rows for name in row.split(",")} == installed


def test_the_package_says_that_it_is_typed_and_where_it_comes_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (used,) = re.findall(r"uses: (promdrill/\w+)@v", text_of(DOCS / "how-to" / "in-your-own-ci.md"))
    assert (ROOT / "src" / "promdrill" / "py.typed").is_file()
    assert "Typing :: Typed" in project["classifiers"]
    assert all(url.startswith(f"https://github.com/{used}") for url in project["urls"].values())


def test_hooks_before_a_commit_fetch_nothing() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"repo: (.*)", text)) == {"local"}
    assert set(re.findall(r"language: (.*)", text)) == {"system"}
    assert all(entry.startswith(".venv/bin/") for entry in re.findall(r"entry: (.*)", text))


def test_the_journeys_enter_files_that_there_are() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    journeys = text.partition("## Four journeys")[2].split("\n### ")[1:]
    assert len(journeys) == 4
    for journey in journeys:
        entered = [cell for line in journey.splitlines() for cell in re.findall(r"`([\w/]+\.py|Makefile)`", line)]
        assert len(entered) > 5
        folder = Path()
        for name in entered:
            found = ROOT / name if name == "Makefile" else ROOT / "src/promdrill" / name
            if not found.exists():  # beside the one before it
                found = ROOT / "src/promdrill" / folder / name
            assert found.is_file(), name
            folder = found.parent.relative_to(ROOT / "src/promdrill") if name != "Makefile" else folder

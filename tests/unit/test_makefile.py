"""The Makefile says what it can do, passes on what it is given, and refuses what it does not know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promdrill.cli.run import OPTIONS
from promdrill.core import shell

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str, env: dict[str, str] | None = None, ok: tuple[int, ...] = (0,)) -> shell.Completed:
    clean = {"MAKEFLAGS": "", "MAKELEVEL": "0", "MAKEOVERRIDES": "", "MFLAGS": "", **dict.fromkeys(OPTIONS, "")}
    return shell.run(["make", *arguments], timeout_s=20, cwd=ROOT, env={**clean, **(env or {})}, ok=ok)


def targets() -> set[str]:
    return set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE)) - {
        "environment",
        "stitch",
    }  # the former name of merge is hidden


def test_help_is_the_default_and_lists_every_target() -> None:
    listed = {line.split()[0] for line in make().stdout.splitlines() if re.match(r"[a-z-]+  +\S", line)}
    assert listed == targets()
    assert {"test", "test-scenarios", "controls", "ablate", "doctor", "lint", "clean", "clean-cache"} <= listed
    assert make("help").stdout == make().stdout


def test_help_groups_the_targets() -> None:
    groups = [block.splitlines() for block in make("help").stdout.split("\n\n")[:-1]]
    assert [group[0] for group in groups] == [
        "Drills",
        "Look at an incident",
        "Matrix and releases",
        "The house: change promdrill itself",
    ]
    assert sum(1 for group in groups for line in group[1:] if re.match(r"[a-z-]+  +\S", line)) == len(targets())


def test_the_loop_of_a_change_runs_what_it_touches() -> None:
    commands = make("-n", "check").stdout
    for tool in ("ruff check", "ruff format --check", "lint-imports", "mypy", 'tools.affected --base "main"'):
        assert f".venv/bin/{tool}" in commands or tool in commands
    assert 'tools.affected --base "HEAD~1"' in make("-n", "check", "BASE=HEAD~1").stdout


def test_clean_takes_one_cluster() -> None:
    def command(**env: str) -> str:
        """What is really run, in place of promdrill."""
        recipe = make("-n", "clean", env=env).stdout.splitlines()[-1].removeprefix("@")
        assert recipe.startswith(".venv/bin/promdrill clean")
        return shell.run(["sh", "-c", f"printf '%s,' {recipe}"], timeout_s=20, env=env).stdout

    assert command(CLUSTER="") == ".venv/bin/promdrill,clean,"
    assert command(CLUSTER="promdrill-2; id") == ".venv/bin/promdrill,clean,promdrill-2; id,"


def test_help_fits_a_terminal() -> None:
    assert max(map(len, make("help").stdout.splitlines())) <= 80


def test_the_variables_are_those_of_promdrill_run() -> None:
    (line,) = re.findall(r"^RUN_VARIABLES := (.*)$", MAKEFILE, re.MULTILINE)
    assert line.split() == list(OPTIONS)
    assert set(OPTIONS) <= set(make("help").stdout.split())


@pytest.mark.parametrize("target", ["controls", "ablate", "repairs"])
def test_each_command_that_drills_has_a_target(target: str) -> None:
    assert make("-n", target, "SCENARIO=disk-full").stdout.splitlines()[-1] == f".venv/bin/promdrill {target}"


@pytest.mark.parametrize(("typed", "meant"), [("PROFIL", "PROFILE?"), ("KUBE", "KUBE_VERSION?")])
def test_a_misspelt_variable_is_refused(typed: str, meant: str) -> None:
    done = make("-n", "test-scenarios", f"{typed}=x", ok=(2,))
    assert f"unknown variable {typed}; did you mean {meant}" in done.stderr


def test_a_variable_like_no_other_is_refused_too() -> None:
    done = make("-n", "test-scenarios", "ZOO=x", ok=(2,))
    assert "unknown variable ZOO; drills take SCENARIO SCENARIOS KEEP CLUSTER" in done.stderr


@pytest.mark.parametrize("how", ["command line", "environment"])
def test_values_arrive_word_for_word(tmp_path: Path, how: str) -> None:
    odd = "a b\"c'd $HOME $(shell id) #e"
    wrapper = tmp_path / "wrapper.mk"
    wrapper.write_text(f"include {ROOT}/Makefile\nshow:\n\t@printenv VALUES CHART\n")
    given = {"VALUES": odd, "CHART": "x"}
    arguments = [f"{name}={value}" for name, value in given.items()] if how == "command line" else []
    done = make("-s", "-f", str(wrapper), "show", *arguments, env=given if how == "environment" else None)
    assert done.stdout == f"{odd}\nx\n"


def test_ci_runs_the_targets() -> None:
    text = (ROOT / ".ci/run").read_text()
    used = set(re.findall(r"^[^#\n]*\bmake ([a-z-]+)", text, re.MULTILINE))
    assert used == {"test", "test-scenarios", "clean"}

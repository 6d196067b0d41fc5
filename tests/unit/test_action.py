"""The action for other people's repositories: its inputs are the options of a run, and its steps do what they say."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from promdrill.cli import supply
from promdrill.cli.run import OPTIONS
from promdrill.core import shell

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "action.yml").read_text()
ACTION: dict[str, Any] = yaml.safe_load(TEXT)
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
RUNS = {step["name"]: step for step in STEPS if "run" in step}
OWN = {"command", "version", "cache", "artifact"}
NOT_HERE = {"KEEP", "CLUSTER", "ADOPT", "BUNDLE"}
"""No cluster outlives its runner, and a bundle is for where there is no network."""

FAKE_PROMDRILL = """#!{python}
import json, os, sys
from pathlib import Path
here = Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
if sys.argv[1] in ("run", "controls") and "VERDICTS" in os.environ:
    drills = [{{"verdict": verdict}} for verdict in os.environ["VERDICTS"].split()]
    Path(sys.argv[sys.argv.index("--report-dir") + 1], "results.json").write_text(json.dumps({{"drills": drills}}))
if sys.argv[1] == "report":
    print("## promdrill: 2 drills, all as expected")
sys.exit(int(os.environ.get("CODE", "0")))
"""


def variable(name: str) -> str:
    return name.upper().replace("-", "_")


def passed(step: dict[str, Any]) -> dict[str, str]:
    """Variables that a step gets from inputs of the same name."""
    inputs = {variable(name): f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    return {name: text for name, text in step["env"].items() if inputs.get(name) == text}


def test_its_inputs_are_the_options_of_a_run() -> None:
    assert {variable(name) for name in set(ACTION["inputs"]) - OWN} == set(OPTIONS) - NOT_HERE
    assert all(each["description"] and "default" in each for each in ACTION["inputs"].values()), "none is required"


def test_a_run_gets_all_of_them_and_the_supply_those_that_decide_what_is_needed() -> None:
    assert set(passed(RUNS["promdrill run"])) == (set(OPTIONS) - NOT_HERE) | {"COMMAND"}
    needed = {"SCENARIO", "SCENARIOS", "COMMAND", *supply.VARIABLES}
    assert set(passed(RUNS["promdrill supply"])) == needed
    named = set(re.findall(r"inputs\.([\w-]+)", RUNS["compute the cache key"]["env"]["WHAT"]))
    assert {variable(name) for name in named} == needed | {"VERSION"}, "what is kept is kept for the same settings"


def test_no_input_ever_becomes_part_of_a_script() -> None:
    assert [name for name, step in RUNS.items() if "${{" in step["run"] or step["shell"] != "bash"] == []


def test_it_is_pinned_like_the_workflows() -> None:
    workflows = "".join(file.read_text() for file in (ROOT / ".github/workflows").glob("*.yml"))
    lines = re.findall(r"\buses: (.*)", TEXT)
    assert lines
    assert [line for line in lines if f"uses: {line}\n" not in workflows] == []
    (version,) = re.findall(r"^UV_VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"\nuv=={version} " in (ROOT / "tools" / "uv.txt").read_text()


def test_uv_is_installed_by_its_sums_alone() -> None:
    for text in ((ROOT / "Makefile").read_text(), RUNS["install promdrill"]["run"]):
        (typed,) = re.findall(r"-m pip install (.*)", text)
        assert "--require-hashes -r " in typed
        assert "tools/uv.txt" in typed


def test_what_was_brought_is_kept_before_the_drills_and_what_was_learnt_after_them() -> None:
    names = [step["name"] for step in STEPS]
    order = ["restore the cache", "install promdrill", "promdrill supply", "save the cache"]
    order += ["promdrill run", "add the verdicts to the job summary", "upload the report", "promdrill clean"]
    assert [name for name in names if name in order] == order
    assert all("always()" in step["if"] for step in STEPS[names.index("promdrill run") + 1 :])
    restored, saved = (next(step for step in STEPS if step["name"] == name) for name in (order[0], order[3]))
    assert restored["with"] == saved["with"]


# --- the steps, as a runner runs them ------------------------------------------------------------------------------


class Runner:
    """Folders and files of a runner, with a promdrill that notes what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.work, self.temp, self.home = (folder / name for name in ("work", "temp", "home"))
        self.tools = self.temp / "promdrill/bin"
        for place in (self.work, self.tools, self.home):
            place.mkdir(parents=True)
        (self.tools / "promdrill").write_text(FAKE_PROMDRILL.format(python=sys.executable))
        (self.tools / "promdrill").chmod(0o755)
        (self.tools / "python").symlink_to(sys.executable)
        self.files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}

    def step(self, name: str, env: Mapping[str, str] | None = None, *, code: int = 0) -> dict[str, str]:
        """Run a step; returns its outputs."""
        self.files["GITHUB_OUTPUT"].write_text("")
        places = {"GITHUB_ACTION_PATH": str(ROOT), "RUNNER_TEMP": str(self.temp), "HOME": str(self.home)}
        machine = {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64"}
        files = {variable: str(path) for variable, path in self.files.items()}
        literal = {key: text for key, text in RUNS[name].get("env", {}).items() if "${{" not in str(text)}
        shell.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", RUNS[name]["run"]],
            timeout_s=30,
            cwd=self.work,
            env={**places, **machine, **files, **literal, **(env or {})},
            ok=(code,),
        )
        lines = self.files["GITHUB_OUTPUT"].read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def calls(self) -> list[tuple[list[str], dict[str, str]]]:
        return [(argv, env) for argv, env in map(json.loads, (self.tools / "calls").read_text().splitlines())]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_what_is_kept_has_a_name_that_changes_with_what_is_asked_and_with_files_of_ones_own(runner: Runner) -> None:
    (runner.work / "drills/one").mkdir(parents=True)
    (runner.work / "drills/one/app.yaml").write_text("image: a")
    (runner.work / "values.yaml").write_text("a: 1")

    def key(**env: str) -> str:
        given = {"WHAT": "disk-full", "LOCAL": "drills,values.yaml,", **env}
        return runner.step("compute the cache key", given)["key"]

    first = key()
    assert re.fullmatch(r"promdrill-Linux-X64-[0-9a-f]{32}", first)
    assert key() == first
    keys = {first, key(WHAT="oom"), key(RUNNER_ARCH="ARM64"), key(LOCAL=",,prometheus-community/prometheus")}
    (runner.work / "values.yaml").write_text("a: 2")
    keys.add(key())
    (runner.work / "drills/one/app.yaml").write_text("image: b")
    keys.add(key())
    assert len(keys) == 6


def test_what_is_kept_is_named_after_the_pins(runner: Runner, tmp_path: Path) -> None:
    here = tmp_path / "action"
    for name in re.findall(r"files=\((.*)\)", RUNS["compute the cache key"]["run"])[0].split():
        assert (ROOT / name).exists()
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text("pin")
    given = {"WHAT": "", "LOCAL": ",,", "GITHUB_ACTION_PATH": str(here)}
    first = runner.step("compute the cache key", given)["key"]
    (here / "src/promdrill/artefacts/pins.toml").write_text("another pin")
    assert runner.step("compute the cache key", given)["key"] != first


@pytest.mark.parametrize(("code", "verdicts"), [(0, "passed passed"), (1, "passed failed")])
def test_a_run_ends_as_promdrill_does_and_tells_how_drills_ended(runner: Runner, code: int, verdicts: str) -> None:
    given = {"COMMAND": "run", "VERDICTS": verdicts, "CODE": str(code), "VALUES": "my v"}
    outputs = runner.step("promdrill run", given, code=code)
    counted = {word: verdicts.split().count(word) for word in verdicts.split()}
    assert json.loads(outputs["verdicts"]) == counted
    ((argv, env),) = runner.calls
    assert argv == ["run", "--report-dir", outputs["report"]]
    assert env["VALUES"] == "my v"
    assert env["PROMDRILL_CACHE_DIR"] == f"{runner.home}/.cache/promdrill-action/promdrill"
    runner.step("add the verdicts to the job summary", {"REPORT": outputs["report"]})
    assert runner.files["GITHUB_STEP_SUMMARY"].read_text() == "## promdrill: 2 drills, all as expected\n"


def test_a_run_that_was_refused_has_no_verdicts(runner: Runner) -> None:
    outputs = runner.step("promdrill run", {"COMMAND": "run", "CODE": "2"}, code=2)
    assert set(outputs) == {"report"}


def test_two_runs_in_one_job_do_not_share_a_report(runner: Runner) -> None:
    given = {"COMMAND": "controls", "VERDICTS": "invalid"}
    assert len({runner.step("promdrill run", given)["report"] for _ in range(2)}) == 2


def test_an_unknown_command_starts_nothing(runner: Runner) -> None:
    assert runner.step("promdrill run", {"COMMAND": "clean-cache; true"}, code=2) == {}
    assert not (runner.tools / "calls").exists()


@pytest.mark.parametrize("name", ["promdrill doctor", "promdrill supply", "promdrill clean"])
def test_the_other_steps_are_one_command_each(runner: Runner, name: str) -> None:
    runner.step(name)
    ((argv, env),) = runner.calls
    assert argv == [name.split()[1]]
    assert env["PROMDRILL_CACHE_DIR"] == f"{runner.home}/.cache/promdrill-action/promdrill"


def test_what_was_not_installed_is_not_cleaned_up(runner: Runner) -> None:
    (runner.tools / "promdrill").unlink()
    runner.step("promdrill clean")


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("", [["sync", "--quiet", f"--project={ROOT}", "--locked", "--no-dev", "--no-editable"]]),
        ("1.2.3", [["venv"], ["pip", "install", "promdrill==1.2.3"]]),
    ],
)
def test_the_locked_packages_are_installed_or_a_released_wheel(
    runner: Runner, tmp_path: Path, version: str, wanted: list[list[str]]
) -> None:
    """With a Python whose environments have a uv that only notes what it is asked."""
    python = tmp_path / "python"
    noting = f'#!/bin/sh\\necho "$@" >>{tmp_path}/uv-calls\\n'
    python.write_text(
        f"""#!/bin/sh
for last; do :; done
mkdir -p "$last/bin"
printf '#!/bin/sh\\necho "$@" >>{tmp_path}/pip-calls\\n' >"$last/bin/python"
printf '{noting}' >"$last/bin/uv"
chmod +x "$last/bin/python" "$last/bin/uv"
"""
    )
    python.chmod(0o755)
    runner.step("install promdrill", {"PYTHON": str(python), "VERSION": version})
    assert "/tools/uv.txt" in (tmp_path / "pip-calls").read_text()
    calls = (tmp_path / "uv-calls").read_text().replace("--project ", "--project=").splitlines()
    assert len(calls) == len(wanted)
    assert all(set(words) <= set(call.split()) for call, words in zip(calls, wanted, strict=True))

"""`promdrill new`: what it makes can be run, checked and linted at once, and cannot come out green."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.drill_toy import Break, drill_in
from tests.unit.drill_world import DOWN, World, world

from promdrill.authoring.check import check
from promdrill.cli import main, new
from promdrill.core import paths, shell
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, PhaseName, Verdict
from promdrill.drill import Drill, DrillNotPassed, Stage
from promdrill.drill.site import LONGEST_RELEASE
from promdrill.request import scenarios
from promdrill.request.scenarios import Traits
from promdrill.runbook.parse import parse

__all__ = ["world"]

SHIPPED = paths.scenarios_dir()
ID = "my-incident-2"


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for scenarios that holds copies of two of those shipped."""
    folder = tmp_path / "scenarios"
    for name in ("disk-full", "lifecycle-flag"):
        (folder / name).mkdir(parents=True)
        for file in (SHIPPED / name).iterdir():
            if file.is_file():
                (folder / name / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(paths, "scenarios_dir", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return folder


def listing(base: Path) -> list[str]:
    return sorted(path.name for path in base.iterdir())


def test_a_new_scenario_is_whole_and_says_what_comes_next(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["new", ID]) == 0
    assert listing(base) == ["disk-full", "lifecycle-flag", ID]
    assert listing(base / ID) == ["runbook.md", "test_my_incident_2.py", "values.yaml"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"created scenarios/{ID}: runbook.md, test_my_incident_2.py, values.yaml"
    assert [line.strip() for line in lines if line.startswith("  ")] == [
        f".venv/bin/promdrill check scenarios/{ID}",
        f"make test-scenarios SCENARIO={ID} KEEP=1",
        f"make controls SCENARIO={ID} JOBS=2",
        f"make ablate SCENARIO={ID} JOBS=2",
    ]
    assert main.main(["runbook", "check", f"scenarios/{ID}/runbook.md"]) == 0
    assert [scenario.id for scenario in scenarios.find_all()] == listing(base)
    assert scenarios.traits(base / ID / "test_my_incident_2.py") == Traits(
        touches=("TODO",), looks_like="lifecycle-flag"
    )
    assert "@" not in (base / ID / "runbook.md").read_text(), "no placeholder is left"


def test_check_finds_in_what_is_made_nothing_but_what_is_left_to_write(base: Path) -> None:
    new.create(ID)
    notes: list[str] = []
    found = check([base / ID], note=notes.append)
    assert {finding.file.name for finding in found} == {"runbook.md", "test_my_incident_2.py", "values.yaml"}
    others = [each.problem.what for each in found if not each.problem.what.startswith("still to be written: ")]
    assert others == ["set server.retention to '1d': values.yaml already says so"], "the fault is left to write too"
    assert notes == [], "style, types and what the test states are checked too"


def test_every_file_has_a_todo(base: Path) -> None:
    for file in new.create(ID).iterdir():
        assert "TODO" in file.read_text()
    assert listing(base)[-1] == ID


@pytest.mark.parametrize("name", ["a", "x" * 30, "on", "null"])
def test_what_is_made_passes_lint(base: Path, name: str) -> None:
    folder = new.create(name)
    assert folder == base / name
    book = parse(folder / "runbook.md")
    assert book.id == name
    assert f"\n# {book.title}\n" in book.path.read_text()
    assert [step.command.endswith("\nfalse") for step in book.steps if step.section == "Mitigation"] == [True, False]
    config = f"--config={paths.project_dir() / 'pyproject.toml'}"
    for command in (["check", "--ignore=INP001,I001"], ["format", "--check"]):  # both ask where the file lies
        argv = [sys.executable, "-m", "ruff", command[0], "--no-cache", config, *command[1:], str(folder)]
        shell.run(argv, timeout_s=30)


def test_values_are_those_of_the_scenario_that_it_is_like(base: Path) -> None:
    for like, made in ((new.DEFAULT_LIKE, new.create("one")), ("disk-full", new.create("two", like="disk-full"))):
        text = (made / "values.yaml").read_text()
        shipped = (base / like / "values.yaml").read_text()
        assert text.splitlines()[0] == f"# {made.name}: TODO what these values are for. They were copied from {like}."
        assert shipped.endswith(text.partition("\n")[2])
        assert yaml.safe_load(text) == yaml.safe_load(shipped)
        assert "The runbook edits" not in text


@pytest.mark.parametrize(
    ("name", "near"),
    [
        *(("Disk_Full", "disk-full"), ("disk--full", "disk-full"), ("-disk", "disk"), ("2-disks", "disks")),
        *(("disk-full-", "disk-full"), ("../disk", "disk"), ("", "my-incident"), ("ü", "my-incident"), ("a\n", "a")),
    ],
)
def test_what_is_no_id(base: Path, name: str, near: str) -> None:
    with pytest.raises(
        UsageError, match="is not an id: lower case letters and digits, words joined by dashes"
    ) as caught:
        new.create(name)
    assert caught.value.hint == near
    assert listing(base) == ["disk-full", "lifecycle-flag"]


def test_an_id_leaves_room_for_the_names_of_its_variants(base: Path) -> None:
    longest = new.create("x" * 30)
    assert len(f"prometheus-{longest.name}{scenarios.LONGEST_SUFFIX}") == LONGEST_RELEASE
    with pytest.raises(UsageError, match="has 31 characters; the limit is 30") as caught:
        new.create("x" * 29 + "-y")
    assert caught.value.hint == "x" * 29
    assert len(listing(base)) == 3


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["disk-full"], "scenarios/disk-full already exists", "choose another id"),
        (
            ["x", "--like=disk-ful"],
            "--like disk-ful: no such scenario; the scenarios are broken, disk-full, ",
            "--like disk-full",
        ),
        (
            ["x", "--like=lifecycle-flag"],
            "--like lifecycle-flag has no Helm values: its install is manual",
            "choose another scenario",
        ),
        (["x", "--like=broken"], "cannot read ", "ls -ld "),
    ],
)
def test_bad_input_is_one_clear_error(
    base: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str, hint: str
) -> None:
    text = "import pytest\n@pytest.mark.install('manual')\ndef test_lifecycle_flag(drill): ...\n"
    (base / "lifecycle-flag/test_lifecycle_flag.py").write_text(text)
    (base / "broken").mkdir()
    (base / "broken/test_broken.py").write_text("def test_broken(drill): ...\n")
    before = listing(base)
    assert main.main(["new", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("promdrill: ")
    assert message in said.err
    assert f"Hint: {hint}" in said.err or not hint
    assert len(said.err.splitlines()) <= 2
    assert listing(base) == before


def test_a_place_that_cannot_be_written_keeps_nothing(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.write_text

    def full(path: Path, text: str, **options: Any) -> int:
        if path.name == "values.yaml":
            raise OSError(28, "No space left on device")
        return real(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match=f"cannot create {base}/x: No space left on device"):
        new.create("x")
    assert listing(base) == ["disk-full", "lifecycle-flag"]


def test_a_folder_that_appears_meanwhile_is_left_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rename

    def late(path: Path, target: Path) -> Path:
        target.mkdir()
        (target / "mine").touch()
        return real(path, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(UsageError, match=r"cannot create .*not empty"):
        new.create("x")
    assert listing(base / "x") == ["mine"]
    assert listing(base) == ["disk-full", "lifecycle-flag", "x"]


def drilled(world: World, change: Callable[[dict[str, Any]], None] = lambda _plan: None) -> DrillResult:
    """The result of a new scenario's own test, run as it is, or with its plan changed."""
    drill = drill_in(world)
    folder = drill.site.scenario_dir
    for file in new.create("toy-2").iterdir():
        file.rename(folder / file.name)
    spec = importlib.util.spec_from_file_location("test_toy_2", folder / "test_toy_2.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    real = Drill.run

    def run(**plan: Any) -> DrillResult:
        change(plan)
        return real(drill, **plan)

    drill.run = run  # type: ignore[method-assign]
    with drill.site.recording.journal, pytest.raises(DrillNotPassed) as caught:
        module.test_toy_2(drill)
    return caught.value.result


@pytest.mark.usefixtures("base")
def test_run_as_it_is_it_proves_nothing_and_says_why(world: World) -> None:
    result = drilled(world)
    assert result.verdict is Verdict.INVALID
    assert [phase.name for phase in result.phases][-2:] == [PhaseName.INJECT, PhaseName.UNDO]
    assert "server.retention" in str(result.reason)


@pytest.mark.usefixtures("base")
def test_with_a_fault_alone_it_proves_nothing_either(world: World) -> None:
    result = drilled(world, lambda plan: plan.update(fault=Break(world)))
    assert result.verdict is Verdict.INVALID
    assert [phase.name for phase in result.phases][-2:] == [PhaseName.SIGNATURE, PhaseName.UNDO]


@pytest.mark.usefixtures("base")
def test_with_fault_and_signature_its_runbook_does_not_get_through(world: World) -> None:
    def change(plan: dict[str, Any]) -> None:
        (stage,) = plan["signature"]
        assert [condition.name for condition in stage.conditions][1].count("TODO") == 1
        plan.update(fault=Break(world), signature=(Stage("down", (DOWN,)),), persistence=None)

    result = drilled(world, change)
    assert result.verdict is Verdict.FAILED
    assert [phase.name for phase in result.phases][-2:] == [PhaseName.REMEDIATE, PhaseName.UNDO]

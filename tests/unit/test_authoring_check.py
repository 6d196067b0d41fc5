"""`promdrill check`: each rule finds what breaks it, and nothing is found where all is well."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from promdrill.authoring import check as checking
from promdrill.authoring import tools
from promdrill.authoring.check import check, scenarios_in
from promdrill.cli import main
from promdrill.core import paths
from promdrill.core.errors import PromdrillError, UsageError

GOOD = Path(__file__).parents[2] / "examples/github/drills/watchdog-silent"
ID, TEST = GOOD.name, "test_watchdog_silent.py"


@pytest.fixture
def drills(tmp_path: Path) -> Path:
    """A folder with one scenario that is sound."""
    shutil.copytree(GOOD, tmp_path / "drills" / ID, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "drills"


def found_in(*folders: Path, with_tools: bool = False) -> tuple[list[str], list[str]]:
    """What is found, a line each, and what could not be checked."""
    notes: list[str] = []
    found = check(folders, note=notes.append, with_tools=with_tools)
    return [f"{each.file.name}:{each.problem.line}: {each.problem.what}" for each in found], notes


def change(file: Path, old: str, new: str) -> int:
    """Replace a text, and return the line at which it stood."""
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def test_nothing_is_found_in_what_is_sound(drills: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found_in(drills) == ([], [])
    assert found_in(drills / ID) == ([], [])
    assert main.main(["check", str(drills)]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("1 scenario: no problems\n", "")


TEST_CASES: dict[str, tuple[str, str, str]] = {
    "marker twice": (
        '@pytest.mark.touches("alerting rules", "release")',
        '@pytest.mark.touches("release")\n@pytest.mark.touches("rules")',
        ":+1: the marker touches may appear only once and takes one text or more",
    ),
    "no touches": ('@pytest.mark.touches("alerting rules", "release")\n', "", ":+0: no marker says what the fault and"),
    "no look-alike": (
        '@pytest.mark.looks_like("target-typo")\n',
        "",
        ":+2: no marker names a scenario whose incident looks like this one, for the control other-fault",
    ),
    "an unknown look-alike": ('"target-typo"', '"target-tipo"', ":+0: looks_like('target-tipo'): not another scenario"),
    "itself": ('"target-typo"', '"watchdog-silent"', ":+0: looks_like('watchdog-silent'): not another scenario"),
    "two that cannot wait for each other": (
        '@pytest.mark.looks_like("target-typo")',
        '@pytest.mark.exclusive("rules")\n@pytest.mark.looks_like("no-default-class")',
        ":+1: the drill needs 'rules' for itself, the scenario that looks like it 'default storage class'",
    ),
    "touches too long": (
        '"alerting rules", "release"',
        '"alerting rules, all of them", "the release"',
        ":+0: touches has 40 characters, but the limit is 37: alerting rules, all of them, the release",
    ),
    "range": ('">=15"', '"15"', ":+0: charts: '15' is not a version range"),
    "stack": ('">=15"', '">=15", stack="57"', ":+0: stack: '57' is not a version range"),
    "install": (
        '@pytest.mark.charts(">=15")',
        '@pytest.mark.install("manul")',
        ":+0: install('manul'): not one of helm, manual, operator",
    ),
    "charts beside install": (
        '@pytest.mark.charts(">=15")',
        '@pytest.mark.install("manual")\n@pytest.mark.charts(">=15")',
        ":+1: the marker charts has no meaning with install manual",
    ),
    "unknown marker": ('@pytest.mark.charts(">=15")', '@pytest.mark.chart(">=15")', ":+0: unknown marker chart"),
    "alone without a text": (
        '@pytest.mark.charts(">=15")',
        "@pytest.mark.alone",
        ":+0: the marker alone may appear only once and takes one text, written as a literal",
    ),
    "long with two": (
        '@pytest.mark.charts(">=15")',
        '@pytest.mark.long("a", "b")',
        ":+0: the marker long may appear only once and takes one text, written as a literal",
    ),
    "exclusive without text": (
        '@pytest.mark.charts(">=15")',
        "@pytest.mark.exclusive(API)",
        ":+0: the marker exclusive may appear only once and takes one text, written as a literal",
    ),
    "docstring": (
        '"""watchdog-silent: the',
        '"""The',
        ":1: the file's docstring does not begin with 'watchdog-silent:'",
    ),
    "docstring of the test": (
        '    """Two letters change places in the rule; the runbook finds the label that no series has, and',
        '    fires = """',
        ":-1: the test has no docstring",
    ),
    "name of the test": ("def test_watchdog_silent(", "def test_watchdog(", ":+0: the test is test_watchdog"),
    "no drill": ("(drill: Drill)", "(capsys: object)", ":+0: the test has no argument drill, so it drills nothing"),
    "no run": ("    drill.run(", "    print(", ":-4: the test never calls drill.run, so it drills nothing"),
    "two tests": (
        "def rule(",
        "def test_too(drill: Drill) -> None:\n    pass\n\n\ndef rule(",
        ":1: has 2 tests; a scenario has one",
    ),
    "syntax": ("def rule(", "def rule[", ":+0: not Python: "),
    "import": (
        "from promdrill.faults import Edited, Replace",
        "from promdrill.faults.settings import Edited\nfrom promdrill.faults import Replace",
        ":+0: promdrill.faults.settings is not public",
    ),
    "import of a module": (
        "import pytest\n",
        "import pytest\nimport promdrill.observe.others\n",
        ":+1: promdrill.observe.others is not public",
    ),
    "import of a name that is not listed": (
        "from promdrill.faults import Edited, Replace",
        "from promdrill.faults import Edited, Replace, settings",
        ":+0: promdrill.faults.settings is not public",
    ),
    "import of a name that does not exist": (
        "from promdrill.faults import Edited, Replace",
        "from promdrill.faults import Edit, Edited, Replace",
        ":+0: promdrill.faults has no Edit",
    ),
    "todo": ('"Watchdog fires"', '"TODO fires"', ":+0: still to be written: "),
    # What it states.
    "comma": ("proof=(rule(server, WRONG),)", "proof=(rule(server, WRONG))", ":+0: the proof of Edited is a tuple"),
    "names": (
        'lambda found: not found, "Watchdog does not fire"',
        'lambda found: not found, "server pod 2/2"',
        ":drill.run: the stage '2/2 and well reloaded, but Watchdog does not fire' has two conditions named 'ser",
    ),
    "names of the baseline": (
        '"Watchdog fires")',
        '"Prometheus is storing samples")',
        ":drill.run: recovery, with the baseline's own, has two conditions named 'Prometheus is storing samples'",
    ),
    "NameError": (
        "persistence=Persistence(hold_s=5.0)",
        "persistence=Persist(hold_s=5.0)",
        ":+0: NameError: name 'Per",
    ),
    "in a condition": ("drill.same_pod(at)", "drill.same_pod(at.nothing)", ":+0: AttributeError: "),
    "variables": (
        "persistence=Persistence(hold_s=5.0),",
        'persistence=Persistence(hold_s=5.0), variables={"SIZE": "1Gi"},',
        ":drill.run: the runbook has no variable SIZE",
    ),
}


@pytest.mark.parametrize("case", TEST_CASES)
def test_what_is_wrong_with_a_test(drills: Path, case: str) -> None:
    old, new, wanted = TEST_CASES[case]
    test = drills / ID / TEST
    at = change(test, old, new)
    run = next((n for n, line in enumerate(test.read_text().splitlines(), 1) if "drill.run(" in line), 0)
    place, _, what = wanted[1:].partition(": ")
    line = run if place == "drill.run" else at + int(place) if place[0] in "+-" else int(place)
    found, notes = found_in(drills)
    assert [each for each in found if each.startswith(f"{TEST}:{line}: {what}")], found
    assert len(found) == 1, found
    stated = {"comma", "names", "names of the baseline", "NameError", "in a condition", "variables", "todo"}
    assert notes == (
        [] if case in stated else [f"{ID}: the plan in the test was not checked; fix the other problems first"]
    )


@pytest.mark.parametrize(
    "fault",
    [
        'ValuesEdit("serverFiles.rules.groups.0", "x", proof=())',
        'Edited((Set("serverFiles.rules.groups.0", "x"),), proof=())',
        'Reinstall(acts=(InOrder((ValuesEdit("serverFiles.rules.groups.0", "x", proof=()),)),))',
        'Reinstall(edits=(Set("serverFiles.rules.groups.0", "x"),))',
    ],
)
def test_an_edit_inside_a_list_is_found_before_the_drill(drills: Path, fault: str) -> None:
    test = drills / ID / TEST
    change(test, "fault=Edited((Replace(RIGHT, WRONG),), proof=(rule(server, WRONG),))", f"fault={fault}")
    change(test, "import Edited, Replace", "import Edited, InOrder, Reinstall, Replace, Set, ValuesEdit")
    (drills / ID / "values.yaml").write_text("serverFiles:\n  rules:\n    groups:\n      - name: a\n")
    (found,), _ = found_in(drills)
    assert re.match(rf"{TEST}:\d+: values.yaml:4: set .*: serverFiles.rules.groups is a list, and Helm", found)


FAULT = "fault=Edited((Replace(RIGHT, WRONG),), proof=(rule(server, WRONG),))"
EDIT_CASES: dict[str, tuple[str, str, str, str]] = {
    "not there": (
        'Edited((Replace("vectr(1)", "x"),), proof=())',
        "",
        "replace 'vectr(1)' with 'x': found 0 times in values.yaml; it must be there exactly once",
        "the nearest line is '- expr: vector(1)'",
    ),
    "nothing like it": (
        'Edited((Replace("###", "x"),), proof=())',
        "",
        "replace '###' with 'x': found 0 times in values.yaml; it must be there exactly once",
        "use a text that the file has",
    ),
    "twice": (
        'Edited((Replace("vector(1)", "x"),), proof=())',
        "# vector(1) stands here too\n",
        "replace 'vector(1)' with 'x': found 2 times in values.yaml; it must be there exactly once",
        "use a longer text that only one place has",
    ),
    "a value that is set": (
        'ValuesEdit("server.retention", "1d", proof=())',
        "",
        "set server.retention to '1d': values.yaml already says so",
        "set a value that the file does not have",
    ),
    "an edit of a reinstallation": (
        'Reinstall(edits=(Set("server.retention", "1d"),))',
        "",
        "set server.retention to '1d': values.yaml already says so",
        "set a value that the file does not have",
    ),
    "what the edit before it changed": (
        'InOrder((ValuesEdit("server.retention", "2d", proof=()), ValuesEdit("server.retention", "2d", proof=())))',
        "",
        "set server.retention to '2d': values.yaml already says so",
        "set a value that the file does not have",
    ),
}


@pytest.mark.parametrize("case", EDIT_CASES)
def test_an_edit_that_finds_nothing_to_change_is_found_before_the_drill(drills: Path, case: str) -> None:
    fault, above, what, hint = EDIT_CASES[case]
    test, values = drills / ID / TEST, drills / ID / "values.yaml"
    change(test, "import Edited, Replace", "import Edited, InOrder, Reinstall, Replace, Set, ValuesEdit")
    line = change(test, FAULT, f"fault=(\n{fault}\n)") + 1
    values.write_text(f"{above}server:\n  retention: 1d\nalerts:\n  - expr: vector(1)\n")
    (found,) = check([drills], note=print, with_tools=False)
    assert (found.file, found.problem.what, found.problem.hint) == (test, what, hint)
    wanted = test.read_text().splitlines().index("    drill.run(") + 1 if case.startswith("what the edit") else line
    assert found.problem.line == wanted, "the line of drill.run where several lines might state the edit"


def test_an_edit_that_can_be_made_is_no_finding(drills: Path) -> None:
    change(drills / ID / TEST, "import Edited, Replace", "import Edited, InOrder, Replace, ValuesEdit")
    steps = ("2d", "1d")
    made = ", ".join(f'ValuesEdit("server.retention", "{value}", proof=())' for value in steps)
    change(drills / ID / TEST, FAULT, f"fault=InOrder(({made}))")
    (drills / ID / "values.yaml").write_text("server:\n  retention: 1d\n")
    assert found_in(drills) == ([], [])


def test_an_edit_of_manifests_is_made_in_the_manifests(drills: Path) -> None:
    test = drills / ID / TEST
    change(test, '@pytest.mark.charts(">=15")', '@pytest.mark.install("manual")')
    (drills / ID / "values.yaml").write_text("{}\n")
    change(test, "Replace(RIGHT, WRONG)", 'Replace("targetPort: 9090", "targetPort: 9091")')
    assert found_in(drills) == ([], [])
    line = change(test, "targetPort: 9090", "targetPort: 9099")
    (found,), _ = found_in(drills)
    assert found.startswith(f"{TEST}:{line}: replace 'targetPort: 9099' with 'targetPort: 9091': found 0 times in ")


def test_what_a_fault_of_ones_own_does_to_the_files_is_not_guessed(drills: Path) -> None:
    test = drills / ID / TEST
    test.write_text(
        test.read_text()
        .replace("def rule(", "class Mine(Edited):\n    pass\n\n\ndef rule(")
        .replace("fault=Edited((Replace(RIGHT, WRONG),)", 'fault=Mine((Replace("nowhere", "x"),)')
    )
    assert found_in(drills) == ([], [])


def test_a_signature_from_one_side(drills: Path) -> None:
    test = drills / ID / TEST
    text = test.read_text()
    begin, end = (
        text.index("                    server.metric("),
        text.index("                ),\n            ),\n        ),"),
    )
    test.write_text(text[:begin] + text[end:])
    (found,), _ = found_in(drills)
    assert "the signature looks from one side only: all its conditions are about the pod" in found
    test.write_text(re.sub(r"signature=\(.*?\n        \),", "signature=(),", text, flags=re.DOTALL))
    (found,), _ = found_in(drills)
    assert found.endswith(": the signature is empty")
    test.write_text(
        text.replace("lambda at: (rule(server, RIGHT), drill.same_pod(at))", "lambda at: rule(server, RIGHT)")
    )
    (found,), _ = found_in(drills)
    assert "conditions are a tuple, not a single condition: a rule with" in found


def test_what_only_a_cluster_knows_is_said_to_be_unchecked(drills: Path) -> None:
    change(
        drills / ID / TEST, "    server = drill.server\n", '    server = drill.server\n    drill.site.kube.get("/x")\n'
    )
    assert found_in(drills) == ([], [f"{ID}: the plan in the test was not checked: it asks the cluster for /x"])


RUNBOOK_CASES: dict[str, tuple[str, str, str]] = {
    "id": ("id: watchdog-silent", "id: watchdog", ":+0: the id is watchdog, the folder watchdog-silent"),
    "unknown key": ("data_loss: false", "data_lost: false", ":+0: unknown key data_lost in the front matter"),
    "data_loss": ("data_loss: false", "data_loss: 'no'", ":+0: data_loss must be true, false, or text"),
    "heading": ("## Mitigation", "## Mitgation", ":+0: heading Mitgation must be ## Mitigation"),
    "paste": ("export RELEASE=", "export RELEASES=", ":9: the variables of the front matter must be exported"),
    "why it fails": (
        "data_loss: false",
        "data_loss: false\nfails_because: it does\nfails_with: x",
        ":+1: fails_because is for a runbook that does not work",
    ),
    "variable": ('grep -n -F "$WRONG" "$VALUES"', 'grep -n -F "$WRONG" "$VALEUS"', ":+0: nothing sets $VALEUS"),
    "todo": ("## Impact\n", "## Impact\n\nTODO: all\n", ":+2: still to be written: "),
}


@pytest.mark.parametrize("case", RUNBOOK_CASES)
def test_what_is_wrong_with_a_runbook(drills: Path, case: str) -> None:
    old, new, wanted = RUNBOOK_CASES[case]
    file = drills / ID / "runbook.md"
    at = change(file, old, new)
    place, _, what = wanted[1:].partition(": ")
    found, _ = found_in(drills)
    if case == "paste":
        assert re.match(rf"runbook\.md:\d+: {what}", found[0])
        assert file.read_text().splitlines()[int(found[0].split(":")[1]) - 1].startswith("export ")
    else:
        line = at + int(place) if place[0] in "+-" else int(place)
        assert found[0].startswith(f"runbook.md:{line}: {what}")
    assert len(found) == 1, found


def test_a_title_that_is_not_the_heading(drills: Path) -> None:
    file = drills / ID / "runbook.md"
    file.write_text(re.sub("^# .*$", "# Another", file.read_text(), count=1, flags=re.MULTILINE))
    (found,), _ = found_in(drills)
    assert re.match(r"runbook\.md:\d+: the first heading is not the title", found)


def test_a_title_in_a_fence_is_no_heading(drills: Path) -> None:
    file = drills / ID / "runbook.md"
    title = re.search("^# .*$", file.read_text(), re.MULTILINE)
    assert title
    file.write_text(file.read_text().replace(title[0], f"```sh\n{title[0]}\n```\n\n# Another", 1))
    (found,), _ = found_in(drills)
    line = file.read_text().splitlines().index("# Another") + 1
    assert found.startswith(f"runbook.md:{line}: the first heading is not the title")


def test_a_runbook_that_is_kept_says_why_it_fails(drills: Path) -> None:
    shutil.copy(drills / ID / "runbook.md", drills / ID / "runbook.as-written.md")
    assert found_in(drills)[0] == [
        "runbook.as-written.md:1: a runbook that is kept because it does not work must say why, and how that shows"
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: [", "values.yaml:1: not YAML: expected the node content"),
        ("a: 1\nb: x: y\n", "values.yaml:2: not YAML: mapping values are not allowed here"),
        ("- a\n", "values.yaml:1: Helm values must be one mapping"),
        ("a: 1\n---\nb: 1\n", "values.yaml:1: Helm values must be one mapping"),
        (None, "values.yaml:1: no such file"),
    ],
)
def test_what_is_wrong_with_values(drills: Path, text: str | None, wanted: str) -> None:
    file = drills / ID / "values.yaml"
    file.write_text(text) if text is not None else file.unlink()
    (found,), _ = found_in(drills)
    assert found.startswith(wanted)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n"])
def test_no_values_are_values(drills: Path, text: str) -> None:
    change(drills / ID / TEST, "import Edited, Replace", "import ValuesEdit")
    change(drills / ID / TEST, FAULT, 'fault=ValuesEdit("server.retention", "1d", proof=())')
    (drills / ID / "values.yaml").write_text(text)
    assert found_in(drills)[0] == []


def test_a_manifest_that_is_not_yaml(drills: Path) -> None:
    (drills / ID / "busy.yaml").write_text("a: 1\n---\nb: [\n")
    (found,), _ = found_in(drills)
    assert found.startswith("busy.yaml:4: not YAML")


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lambda folder: folder.rename(folder.with_name("Watchdog")), "Watchdog:1: 'Watchdog' is not an id: "),
        (
            lambda folder: folder.rename(folder.with_name("w" * 31)),
            f"{'w' * 31}:1: the id has 31 characters; the limit is 30",
        ),
        (lambda folder: (folder / TEST).rename(folder / "test_other.py"), f"{TEST}:1: no such file"),
        (
            lambda folder: (folder / TEST).rename(folder / "test_other.py"),
            f"test_other.py:1: the test of {ID} is {TEST}",
        ),
        (lambda folder: (folder / "runbook.md").unlink(), "runbook.md:1: no such file"),
    ],
)
def test_files_and_names(drills: Path, made: Callable[[Path], object], wanted: str) -> None:
    made(drills / ID)
    assert [each for each in found_in(drills)[0] if each.startswith(wanted)]


def test_everything_is_told_at_once_in_a_line_each(drills: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(drills / ID / TEST, '">=15"', '"15"')
    change(drills / ID / "runbook.md", "id: watchdog-silent", "id: watchdog")
    (drills / ID / "values.yaml").write_text("- a\n")
    assert main.main(["check", str(drills / ID)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(re.match(rf"{re.escape(str(drills / ID))}/[\w.]+:\d+: \S.*\. Hint: \S", line) for line in lines), lines


def test_a_place_is_named_as_a_person_would_from_here(
    drills: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(drills)
    (drills / ID / "values.yaml").write_text("- a\n")
    monkeypatch.setattr(checking, "_tools", lambda _groups, _note: iter(()))
    assert main.main(["check", "."]) == 1
    assert capsys.readouterr().out.startswith(f"{ID}/values.yaml:1: ")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("nothing", "no such folder"),
        ("file", "is a file; name its folder"),
        ("empty", "no scenarios; each is a folder"),
    ],
)
def test_what_is_no_folder_of_scenarios(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, message: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    assert main.main(["check", str(tmp_path / folder)]) == 2
    assert message in capsys.readouterr().err


def test_a_half_written_scenario_is_one(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half/runbook.md").touch()
    (tmp_path / "__pycache__").mkdir()
    assert [scenario.id for scenario in scenarios_in(tmp_path)] == ["half"]
    with pytest.raises(UsageError):
        scenarios_in(tmp_path / "__pycache__")


def test_ruff_and_mypy_are_asked(drills: Path) -> None:
    test = drills / ID / TEST
    imported = change(test, "import pytest\n", "import os\nimport pytest\n")
    fault = change(test, "server = drill.server\n", "server = drill.server\n    server.ready('x')\n") + 1
    found, notes = found_in(drills, with_tools=True)
    assert f"{TEST}:{imported}: `os` imported but unused (F401)" in found
    assert [each for each in found if each.startswith(f'{TEST}:{fault}: Argument 1 to "ready" of "Server" has')]
    assert len(found) == 2, found
    assert notes == []


def test_without_the_tools_it_is_said_what_is_not_checked(
    drills: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "command", lambda _tool: None)
    assert main.main(["check", str(drills)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "promdrill: style was not checked: ruff is not installed. Hint: pip install 'promdrill[check]'",
        "promdrill: types were not checked: mypy is not installed. Hint: pip install 'promdrill[check]'",
    ]


def test_a_tool_of_another_environment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "ruff" else None)
    assert [tools.command(name) for name in ("ruff", "mypy")] == [["ruff"], None]


def test_a_tool_that_breaks_is_an_error(drills: Path) -> None:
    tests = [drills / ID / TEST]
    with pytest.raises(PromdrillError, match="ruff could not check: it broke"):
        tools.style(["sh", "-c", "echo it broke >&2; exit 2"], tests)
    with pytest.raises(PromdrillError, match="mypy could not check: it broke"):
        tools.types(["sh", "-c", "echo it broke >&2; exit 2"], tests)


def test_the_settings_of_the_tools_come_along() -> None:
    folder = Path(tools.__file__).parent
    assert {"ruff.toml", "mypy.ini"} <= {file.name for file in folder.iterdir()}
    assert (folder.parent / "py.typed").is_file(), "mypy reads the types of what a scenario imports"
    assert paths.cache_dir()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("id: watchdog-silent", "id: watchdog", 2, "the id is not the folder's name"),
        ("Refused: ", "Refuse: ", 6, "heading 'Refuse: nobody looks' says neither Refused: nor Accepted:"),
        ("true\n", "if true\n", 9, "not a complete command: syntax error"),
        ("true\n", 'echo "$NOBODY"\n', 9, "nothing sets $NOBODY"),
    ],
)
def test_other_repairs_are_checked_as_they_would_be_carried_out(
    drills: Path, old: str, new: str, line: int, said: str
) -> None:
    front = "---\nid: watchdog-silent\ntitle: Other repairs\n---\n\n"
    text = front + "## Refused: nobody looks\n\n```sh name=nobody-looks\ntrue\n```\n\n> something\n"
    (drills / ID / "repairs.md").write_text(text)
    assert found_in(drills) == ([], [])
    (drills / ID / "repairs.md").write_text(text.replace(old, new))
    ((found,), _) = found_in(drills)
    assert found.startswith(f"repairs.md:{line}: ")
    assert said in found

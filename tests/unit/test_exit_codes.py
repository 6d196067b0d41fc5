"""What the process ends with: bad input is 2, an error that nobody expected is 70, and neither is ever 1."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from promdrill.cli import listing, main, parser, run
from promdrill.core import paths
from promdrill.core.errors import SupplyError, UsageError
from promdrill.results import folder

ROOT = Path(__file__).parents[2]


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The exit code of a command in which this is raised."""

    def execute(_arguments: object) -> int:
        raise error

    monkeypatch.setattr(listing, "_execute", execute)
    return main.main(["list"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("bad", hint="better"), parser.EXIT_USAGE),
        (SupplyError("none"), parser.EXIT_FAILED),
        (KeyboardInterrupt(), parser.EXIT_INTERRUPTED),
        (ValueError("what?"), parser.EXIT_SOFTWARE),
        (KeyError("x"), parser.EXIT_SOFTWARE),
        (RecursionError(), parser.EXIT_SOFTWARE),
        (OSError(28, "No space left on device"), parser.EXIT_FAILED),
        (OSError(122, "Disk quota exceeded"), parser.EXIT_FAILED),
        (OSError(30, "Read-only file system"), parser.EXIT_FAILED),
        (OSError(9, "Bad file descriptor"), parser.EXIT_SOFTWARE),
        (AssertionError(), parser.EXIT_SOFTWARE),
    ],
)
def test_each_kind_of_error_has_its_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException, code: int
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ending(monkeypatch, error) == code


def test_an_error_that_nobody_expected_is_one_message_and_its_traceback_a_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ending(monkeypatch, ValueError("half a\nlemon")) == 70
    said = capsys.readouterr().err
    assert said.startswith("promdrill: an error in promdrill that nobody expected: ValueError: half a lemon; ")
    assert "Traceback" not in said
    assert "Hint: report it at https://" in said
    (kept,) = tmp_path.iterdir()
    assert str(kept) in said
    assert kept.stat().st_mode & 0o777 == 0o600
    text = kept.read_text()
    assert re.search(r"promdrill \S+, Python 3", text)
    assert "Traceback (most recent call last)" in text
    assert "half a" in text


def test_without_a_place_for_the_traceback_it_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert ending(monkeypatch, ValueError("x")) == 70
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert "its traceback is above" in said


def test_a_full_disk_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ending(monkeypatch, OSError(28, "No space left on device", "reports/x/results.json")) == 1
    said = capsys.readouterr().err
    assert said.startswith("promdrill: No space left on device: reports/x/results.json\n")
    assert re.search(r"Hint: df -h \S+ \S+ \S+; make room, then \S*promdrill clean", said)
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_within_pytest_is_no_failed_drill(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        """A session in which promdrill's plugin breaks."""

        request = type("Request", (), {"scenarios": ()})

        def pytest_sessionstart(self) -> None:
            raise ValueError("half a lemon")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "test_x.py").write_text("def test_x(): ...\n")
    monkeypatch.setattr(run, "_pytest_arguments", lambda _: ["-q", "-p", "no:cacheprovider", str(tmp_path)])
    assert run._drill(Broken()) == 70  # type: ignore[arg-type]  # as much of one as is asked for
    assert "that nobody expected: ValueError: half a lemon" in capsys.readouterr().err


def test_a_working_folder_that_has_gone_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert main.main(["list"]) == 2
    finally:
        os.chdir(tmp_path)
    assert "the working folder no longer exists" in capsys.readouterr().err


@pytest.mark.parametrize("variable", [paths.CACHE_VARIABLE, paths.STATE_VARIABLE])
@pytest.mark.parametrize("text", ["~nouser/x", "a" * 300, "/dev/null"])
def test_a_folder_of_promdrills_that_cannot_be_one_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    assert main.main(["list"]) == 2
    assert variable in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "~nouser/x"],
        ["report", "a" * 300],
        ["compare", "~nouser/x", "b"],
        ["merge", "a" * 300],
        ["merge", ".", "--expect", "~nouser/x"],
        ["matrix", "--file", "~nouser/x"],
        ["matrix", "--file", "a/" * 3000],
        ["bundle", "--list", "a" * 300],
        ["bundle", "--list", "~nouser/x"],
        ["runbook", "check", "~nouser/x"],
        ["runbook", "check", "/dev/zero"],
        ["check", "~nouser/x"],
        ["watch", "a" * 300],
        ["new", "mine", "--scenarios", "~nouser/x"],
        ["run", "--reports", "~nouser/x"],
        ["run", "--in-cluster", "/dev/zero"],
        ["run", "--report-dir", "a" * 300],
        ["list", "--scenarios", "~nouser/x"],
        ["list", "--reports", "a" * 300],
        ["bench", "a" * 300],
        ["bench", "--runs", "9" * 5000],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_a_path_or_a_number_that_can_be_none_is_bad_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folder, "create", lambda *_: pytest.fail("something was started"))
    try:
        code = main.main(arguments)
    except SystemExit as ended:  # argparse's own way
        code = int(str(ended.code))
    assert code == 2
    said = capsys.readouterr()
    assert said.err.startswith("promdrill: ")
    assert "Traceback" not in said.err
    assert len(said.err) < 2000
    assert list(tmp_path.iterdir()) == []


def test_a_runbook_with_a_problem_is_1_and_one_that_cannot_be_read_2(tmp_path: Path) -> None:
    (tmp_path / "wrong.md").write_text("# No front matter\n")
    good = paths.scenarios_dir() / "disk-full" / "runbook.md"
    assert main.main(["runbook", "check", str(good)]) == 0
    assert main.main(["runbook", "check", str(good), str(tmp_path / "wrong.md")]) == 1
    assert main.main(["runbook", "check", str(tmp_path / "none.md"), str(tmp_path / "wrong.md")]) == 2


def test_the_page_has_a_row_for_each_code() -> None:
    codes = {value for name, value in vars(parser).items() if name.startswith("EXIT_")}
    assert codes == {0, 1, 2, 70, 130, 141}
    assert "{from-code} exit-codes" in (ROOT / "docs/reference/exit-codes.md").read_text()

"""What `make check` runs: the tests that a change touches, nearest first, until the time is up."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.core import shell
from promdrill.core.errors import UsageError
from tools import affected
from tools.affected import Affected, Budget

IMPORTERS: dict[str, set[str]] = {
    "promdrill": set(),
    "promdrill.drill": {"promdrill.cli.run"},
    "promdrill.drill.engine": {"promdrill.drill"},
    "promdrill.core.clock": {"promdrill.drill.engine", "promdrill.core.shell"},
    "promdrill.core.shell": {"promdrill.core.clock"},  # a circle ends too
    "promdrill.cli": set(),
    "promdrill.cli.run": {"promdrill.cli.main"},
    "promdrill.cli.main": set(),
}

TESTS = {
    "test_clock.py": "from promdrill.core import clock\n",
    "test_engine.py": "from promdrill.drill import Drill\n",
    "test_cli.py": "import pytest\nfrom promdrill.cli import main\nfrom tests.unit.world import World\n",
    "world.py": "from tests.unit.inner import Inner\n",
    "inner.py": "def patch(monkeypatch):\n    monkeypatch.setattr('promdrill.drill.engine.Drill', None)\n",
    "test_release.py": "def test_it():\n    from release import dry\n",
    "test_scenarios.py": "ROOT = paths.project_dir()\nBOOK = ROOT / 'scenarios'\n",
    "test_makefile.py": 'MAKEFILE = ROOT / "Makefile"\n',
}


def touched(*files: str) -> list[tuple[str, int]]:
    tests = {affected.TESTS / name: text for name, text in TESTS.items()}
    found = affected.affected([Path(file) for file in files], tests, IMPORTERS)
    return [(each.file.name, each.distance) for each in found]


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("src/promdrill/drill/engine.py", [("test_cli.py", 1), ("test_engine.py", 1)]),
        ("src/promdrill/core/clock.py", [("test_clock.py", 1), ("test_cli.py", 2), ("test_engine.py", 2)]),
        ("src/promdrill/cli/run.py", [("test_cli.py", 2)]),
        ("src/promdrill/drill/__init__.py", [("test_engine.py", 1), ("test_cli.py", 3)]),
        ("tests/unit/test_engine.py", [("test_engine.py", 0)]),
        ("tests/unit/inner.py", [("test_cli.py", 0)]),
        ("release/dry.py", [("test_release.py", 1)]),
        ("scenarios/oom/runbook.md", [("test_scenarios.py", 1)]),
        ("Makefile", [("test_makefile.py", 1)]),
        ("LICENSE", []),
        ("src/promdrill/drills.ini", []),
    ],
)
def test_a_change_touches_what_imports_or_names_it_nearest_first(file: str, tests: list[tuple[str, int]]) -> None:
    assert touched(file) == tests


def test_of_several_changes_the_nearest_counts() -> None:
    assert touched("src/promdrill/core/clock.py", "tests/unit/test_engine.py")[0] == ("test_engine.py", 0)


def test_the_graph_is_that_of_promdrill() -> None:
    importers = affected.importers()
    assert "promdrill.cli.main" in importers["promdrill.cli.clean"]
    assert "promdrill.core.files" in importers


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a commit on main, and one after it on a branch."""
    monkeypatch.setattr(affected, "ROOT", tmp_path)

    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        shell.run(["git", *who, *words], timeout_s=20, cwd=tmp_path)

    git("init", "--quiet", "--initial-branch=main")
    for name in ("same.py", "edited.py", "gone.py", ".gitignore"):
        (tmp_path / name).write_text("*.log\n" if name == ".gitignore" else "1\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    git("checkout", "--quiet", "-b", "mine")
    (tmp_path / "committed.py").write_text("1\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "second")
    (tmp_path / "edited.py").write_text("2\n")
    (tmp_path / "gone.py").unlink()
    (tmp_path / "a new one.py").write_text("1\n")
    (tmp_path / "ignored.log").write_text("1\n")
    return tmp_path


@pytest.mark.usefixtures("checkout")
def test_what_changed_is_committed_or_not_or_new() -> None:
    assert [str(file) for file in affected.changed("main")] == ["a new one.py", "committed.py", "edited.py", "gone.py"]
    assert [str(file) for file in affected.changed("HEAD")] == ["a new one.py", "edited.py", "gone.py"]
    with pytest.raises(UsageError, match="BASE=nope: not a commit"):
        affected.changed("nope")


class Clock:
    """A clock that moves when told."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_no_test_begins_once_the_time_is_up(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(affected, "SYSTEM", clock)
    pytester.makepyfile(
        test_a="def test_one(): pass\ndef test_two(spend): spend()\ndef test_three(): assert False\n",
        test_b="def test_four(): assert False\n",
    )
    budget = Budget(10)

    class Spend:
        @pytest.fixture
        def spend(self) -> object:
            return lambda: setattr(clock, "now", 11.0)

    done = pytester.inline_run("-p", "no:cacheprovider", plugins=[budget, Spend()])
    done.assertoutcome(passed=2)
    assert done.ret == 0
    assert budget.left == {"test_a.py": 1, "test_b.py": 1}


def test_what_was_run_and_what_was_not_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(arguments: list[str], plugins: list[Budget]) -> int:
        ran.append(arguments[-2:])
        plugins[0].left = {"test_b.py": 7}
        return 1

    monkeypatch.setattr(affected, "changed", lambda base: [Path(f"{base}.py")])
    monkeypatch.setattr(
        affected, "affected", lambda *_: [Affected(Path("tests/unit/test_b.py"), 0), Affected(Path("test_a.py"), 1)]
    )
    monkeypatch.setattr(pytest, "main", run)
    assert affected.main(["--base=x"]) == 1
    assert ran == [["tests/unit/test_b.py", "test_a.py"]]
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1 files differ from x and touch 2 of ")
    assert said[1] == "not run, out of time: 7 tests of test_b.py"
    assert said[2].endswith("unit test files are not affected and were not run; make test runs them all")
    monkeypatch.setattr(affected, "affected", lambda *_: [])
    assert affected.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no unit tests were run; make test runs them all"

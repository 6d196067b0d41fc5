"""What is printed does not act on the terminal, whoever wrote it."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from tests.unit.compare_world import failed
from tests.unit.html_world import a_journal, a_run

import promdrill
from promdrill.cli.main import main
from promdrill.cli.parser import aside, complain, say
from promdrill.core.console import Console
from promdrill.core.errors import UsageError
from promdrill.core.terminal import one_line, printable, shown

TITLE, RED, BIDI, ALONE = "\x1b]0;owned\x07", "\x1b[31m", "\N{RIGHT-TO-LEFT OVERRIDE}", "\udce9"
FOREIGN = f"a{TITLE}b{RED}c\x9b2Jd\x1b[?1049he\x1b]8;;http://x\x1b\\f\x08\x07\x00\x85{BIDI}g{ALONE}\x1bPq\x1b\\h"
SAID = "password=hunter2-Xy"


def acts(text: str) -> list[str]:
    """What in a text acts on a terminal, or cannot be written to one."""
    return [char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs"} and char not in "\n\t"]


@given(st.text())
def test_no_text_acts_on_a_terminal(text: str) -> None:
    for written in (printable(text), shown(text), one_line(text)):
        assert acts(written) == []
        written.encode()
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"{RED}red\x1b[0m", "red"),
        (f"{TITLE}x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("10%\r20%", "10% 20%"),
        (f"x{BIDI}y", "x y"),
        (f"x{ALONE}y", "x y"),
        ("\x1b[31", " [31"),
        ("Grüße, 日本 ✓ …", "Grüße, 日本 ✓ …"),
    ],
)
def test_colours_and_titles_go_whole_and_the_rest_becomes_a_space(text: str, left: str) -> None:
    assert printable(text) == left


@pytest.mark.parametrize("terminal", [False, True])
def test_only_colours_of_our_own_reach_a_terminal_through_a_console(terminal: bool) -> None:
    table = Table("name", title=FOREIGN)
    table.add_row(FOREIGN, style="green")
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, color_system="standard" if terminal else None, width=200)
    for what in (FOREIGN, f"[bold]{FOREIGN}[/]", Text(FOREIGN, "green"), table, Panel(FOREIGN)):
        console.print(what)
    drawn = file.getvalue()
    assert drawn.isascii() or acts(Text.from_ansi(drawn).plain) == []
    assert not [mark for mark in (TITLE, RED, "\x9b", "\x1b[?", "\x1b]", "\x07", "\x08", BIDI, ALONE) if mark in drawn]
    assert ("\x1b" in drawn) is terminal
    assert drawn.count("owned") >= 3, "the words stay"


def _foreign_run(folder: Path) -> Path:
    """A run whose results have what nobody checked."""
    told = failed(scenario=f"disk{FOREIGN}", reason=f"no recovery: {FOREIGN} {SAID}", remarks=(FOREIGN,))
    return a_run(folder, told, failed(reason=FOREIGN), started=FOREIGN, kubernetes=FOREIGN)


def _runbook(folder: Path) -> list[str]:
    (folder / "runbook.md").write_text(f"---\n{TITLE}x: 1\n---\n# {FOREIGN[:-8]}\n\n## {TITLE}\n", errors="replace")
    return ["runbook", "check", str(folder / "runbook.md")]


def _compare(folder: Path) -> list[str]:
    return ["compare", str(_foreign_run(folder / "a")), str(_foreign_run(folder / "b"))]


def _watch(folder: Path) -> list[str]:
    made = _foreign_run(folder / "a")
    line = {"at": "2026-01-02T03:04:05.000Z", "t": 1, "event": "drill-begin", "scenario": FOREIGN}
    a_journal(made / "disk", json.dumps(line) + "\n")
    return ["watch", str(made), "--once"]


def _check(folder: Path) -> list[str]:
    (folder / "own").mkdir()
    (folder / "own" / "test_own.py").write_text(f"x = 'a{TITLE}'\n")
    return ["check", str(folder / "own")]


def _listed(folder: Path) -> list[str]:
    made = folder / "own"
    made.mkdir()
    (made / "test_own.py").write_text("def test_own(drill): pass\n")
    (made / "runbook.md").write_text(f"# Own {TITLE}{RED}\n")
    return ["list", "--scenarios", str(folder)]


def _bundle(folder: Path) -> list[str]:
    (folder / "b.tar").write_bytes(FOREIGN.encode(errors="replace"))
    return ["bundle", "--list", str(folder / "b.tar")]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "a wrong option": lambda _: [f"--x{FOREIGN}"],
    "a wrong command": lambda _: [f"x{FOREIGN}"],
    "a wrong value": lambda _: ["run", f"--profile={FOREIGN}"],
    "a wrong scenario": lambda _: ["run", f"--scenario={FOREIGN}"],
    "a wrong chart": lambda _: ["run", f"--chart=./{FOREIGN}".replace("\x00", "")],
    "a wrong address": lambda _: ["run", "--registry-mirror=u:hunter2-Xy@host", "--chart-version=1.2.3"],
    "runbook check": _runbook,
    "compare": _compare,
    "watch": _watch,
    "check": _check,
    "list": _listed,
    "bundle": _bundle,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_nothing_that_acts(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = COMMANDS[name](tmp_path)
    with contextlib.suppress(SystemExit):
        main(words)
    printed = "".join(capsys.readouterr())
    assert printed
    assert acts(printed) == []
    assert "hunter2" not in printed


def test_the_ways_to_print_clean_what_they_print(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{FOREIGN} {SAID}")
    aside(f"{FOREIGN} {SAID}")
    complain(UsageError(f"{FOREIGN} {SAID}", hint=f"{FOREIGN} {SAID}"))
    printed = "".join(capsys.readouterr())
    assert acts(printed) == []
    assert printed.count("password=REDACTED") == 4
    assert "hunter2" not in printed


DOORS = {
    "cli/matrix.py": "a manifest, which YAML has escaped, and whose Secret must not be redacted",
    "cli/parser.py": "the door out of commands",
    "cli/unexpected.py": "into a file, for the traceback",
    "core/console.py": "the door out of tables and views",
    "parallel/joined.py": "a child's lines to its parent",
    "__init__.py": "on Windows nothing else can be imported",
    "helm/post_renderer/rewrite.py": "a program for Helm, which keeps what it says",
}
"""The modules that may write to the terminal."""


def test_nothing_is_printed_past_the_doors() -> None:
    root = Path(promdrill.__file__).parent
    found = {}
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called in {"print", "sys.stdout.write", "sys.stderr.write", "rich.print"}:
                found[str(file.relative_to(root))] = called
    assert found.keys() <= DOORS.keys()


def test_every_console_is_one_that_cleans() -> None:
    root = Path(promdrill.__file__).parent
    for file in root.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        made = [
            node
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Console")
        ]
        assert not made or "from promdrill.core.console import Console" in text, file

"""The check of steps: bash's own verdict, each step for itself, in one process, and nothing of a step is executed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import shell
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.runbook import lint
from promdrill.runbook.parse import Runbook, parse
from promdrill.runbook.step import Step

COMPLETE = (
    "echo ok",
    "cat <<END\nfoo\nEND",
    "cat <<A\n$(cat <<B\nA",
    "cat <<-END\n\tfoo\n\tEND",
    "for x in a b; do\n  echo $x\ndone",
    'echo "$(cat <<X\nx\nX\n)"',
    "set +n; touch EXECUTED",
    "set -n; set -v; set -x",
    "touch EXECUTED",
    "$(touch EXECUTED) `touch EXECUTED`",
    "x[$(touch EXECUTED)]=1",
    "trap 'touch EXECUTED' EXIT DEBUG ERR RETURN",
    "shopt -s expand_aliases\nalias a='touch EXECUTED'\na",
    "exit 3",
    "return",
    "break 9",
    "kill $$",
    "exec 2>/dev/null",
    "read_only() { touch EXECUTED; }; read_only",
    "printf() { touch EXECUTED; }",
    "END",
    "\x1e\x1f é",
)
INCOMPLETE = (
    "}; touch EXECUTED; f() {",
    "}\ntouch EXECUTED\nf() {",
    "\"\nset +n\ntouch EXECUTED\n: '",
    ")\ntouch EXECUTED\n(",
    "echo 'open",
    'echo "open',
    "echo `open",
    "echo $'open",
    "'",
    "cat <<END\nfoo",
    "cat <<'END'\nfoo",
    'echo "$(cat <<X',
    "echo ${open",
    "echo $((1 +",
    "x=(1 2",
    "((1",
    "[[ a",
    "a |",
    "a &&",
    "f() {",
    "if true; then\necho x",
    "case x in",
    "fi",
    "done",
    "esac",
    ")",
    ";;",
)
EVERY = COMPLETE + INCOMPLETE


def step(command: str, line: int = 1) -> Step:
    return Step("Diagnosis", line, 1, command)


def book(*commands: str) -> Runbook:
    steps = tuple(step(command, 10 * number) for number, command in enumerate(commands, 1))
    return Runbook(Path("runbook.md"), "x", "X", {}, data_loss=False, data_loss_reason="", optional=(), steps=steps)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The commands that were started."""
    found: list[Sequence[str]] = []

    def run(argv: Sequence[str], **options: Any) -> shell.Completed:
        found.append(argv)
        return real(argv, **options)

    real = shell.run
    monkeypatch.setattr(shell, "run", run)
    return found


def test_a_runbook_is_read_without_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "spawn", lambda *_, **__: pytest.fail("a process was started"))
    headings = "## Meaning\n## Impact\n## Diagnosis\n## Mitigation\n```sh\necho 'open\n```\n## Verification\n"
    (tmp_path / "runbook.md").write_text(f"---\nid: x\ntitle: X\n---\n{headings}")
    assert parse(tmp_path / "runbook.md").steps[0].command == "echo 'open"


def test_a_thousand_good_steps_take_one_process(
    started: list[Sequence[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lint.lint(book(*COMPLETE, *["echo one"] * 1000))
    assert len(started) == 1


def test_each_bad_step_is_named_and_takes_one_process_more(started: list[Sequence[str]]) -> None:
    commands = ["echo a", "echo 'open\nb", "echo c", "cat <<END\nd", "cat <<END\nd\nEND", "echo e\n  done", "echo f'"]
    with pytest.raises(UsageError) as caught:
        lint.lint(book(*commands))
    lines = caught.value.message.split("\n")
    assert [line.partition(": ")[0] for line in lines] == [
        f"runbook.md:{at}" for at in ("20:1", "41:1", "61:3", "70:1")
    ]
    assert all(": not a complete command: " in line for line in lines)
    assert "here-document at line 40" in lines[1]
    assert len(started) == 1 + 4


def test_of_a_thousand_bad_steps_the_first_are_named_and_the_rest_counted(started: list[Sequence[str]]) -> None:
    with pytest.raises(UsageError, match="980 more steps like these") as caught:
        lint.lint(book(*["echo 'open"] * 1000))
    assert len(caught.value.message.splitlines()) == lint.MOST_SHOWN + 1
    assert len(started) == 1 + lint.MOST_SHOWN


def test_the_verdict_is_that_of_bash_alone() -> None:
    assert [bool(lint._complaint(step(command))) for command in EVERY] == [command in INCOMPLETE for command in EVERY]


def test_no_step_changes_the_verdict_on_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a check that executed steps must leave nothing in the checkout
    pairs = [step(command) for first in EVERY for second in EVERY for command in (first, second)]
    wrong = {each.command for each, said in zip(pairs, lint._read(pairs), strict=True) if bool(said) != _bad(each)}
    assert not wrong


def test_nothing_of_a_step_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever our own environment says to bash."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before").write_text("touch EXECUTED\n")
    monkeypatch.setenv("BASH_ENV", str(tmp_path / "before"))
    monkeypatch.setenv("SHELLOPTS", "braceexpand:xtrace:posix")
    monkeypatch.setenv("POSIXLY_CORRECT", "1")
    for name in ("set", "local", "eval", "read", "printf"):
        monkeypatch.setenv(f"BASH_FUNC_{name}%%", "() { touch EXECUTED; }")
    every = [step(command) for command in EVERY]
    assert [bool(said) for said in lint._read(every)] == [_bad(each) for each in every]
    assert [bool(lint._complaint(each)) for each in every] == [_bad(each) for each in every]
    assert [file.name for file in tmp_path.iterdir()] == ["before"]


def test_a_bash_that_is_too_old_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bash").write_text(
        '#!/bin/sh\nprintf "%s" "$4" >&2\necho "local: -: not a valid identifier" >&2\nexit 1\n'
    )
    (tmp_path / "bash").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(PromdrillError, match=r"could not check the steps: local: -: not a valid(.|\n)*4\.4 or newer"):
        lint.lint(book("echo a", "echo b"))


def _bad(each: Step) -> bool:
    return each.command in INCOMPLETE

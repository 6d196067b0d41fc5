"""One child, seen from outside: what it said, what it left, how it ended. Python is a shell script here."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from promdrill.core import shell
from promdrill.core.model import DrillResult, Verdict
from promdrill.parallel import child, messages
from promdrill.parallel.child import Left
from promdrill.parallel.messages import Message, Reached, State
from promdrill.results.store import Results

TEARDOWN = '{"when": "teardown"}'


@dataclass
class Child:
    """A child whose program is `script`, with the outbox as $OUTBOX."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    said: list[str] = field(default_factory=list)
    reached: list[State] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    stop_at: str = ""

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    def hear(self, message: Message) -> None:
        if isinstance(message, Reached):
            self.reached.append(message.state)
            return
        self.said.append(message.text)
        if message.text == self.stop_at:
            self.stop.set()

    def run(self, script: str, **more: float) -> Left:
        self.outbox.mkdir()
        program = self.folder / "python"
        program.write_text(f"#!/bin/bash\nOUTBOX={self.outbox}\n{script}\n")
        program.chmod(0o755)
        self.monkeypatch.setattr(sys, "executable", str(program))
        join = self.outbox / "join.json"
        return child.run("t.py::t", ["-q"], join=join, cwd=self.folder, on_message=self.hear, stop=self.stop, **more)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    shell.run(["true"], timeout_s=10)  # the first command starts the guardian, which has to be a real Python
    return Child(tmp_path, monkeypatch)


def report(when: str) -> str:
    return f"echo '{json.dumps({'when': when})}' >>$OUTBOX/{child.REPORTS}"


def test_the_command_line_and_its_surroundings(made: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--junitxml=of-the-parent.xml")
    made.run('echo "$@"; pwd; echo "addopts: $PYTEST_ADDOPTS"')
    assert made.said == [
        f"-m pytest -q --join={made.outbox}/join.json t.py::t",
        str(made.folder),
        "addopts: ",
    ]


def test_a_child_that_came_to_its_end(made: Child) -> None:
    made.outbox.mkdir()
    results = Results(made.outbox, supply="source", kubernetes="1.36.3")
    drilled = DrillResult("toy", None, None, None, "fast", None, Verdict.FAILED, "no recovery")
    results.add(drilled)
    made.outbox.rename(made.folder / "kept")
    left = made.run(f"cp {made.folder}/kept/* $OUTBOX; {report('call')}; {report('teardown')}; echo; echo bye; exit 1")
    assert left == Left((drilled,), ({"when": "call"}, {"when": "teardown"}), None)
    assert made.said == ["bye"]


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("echo one; echo; kill -9 $$", "its process ended, killed by SIGKILL: one"),
        ("echo 'ERROR: not found' >&2; exit 4", "its process ended, exit code 4: ERROR: not found"),
        ("exit 3", "its process ended, exit code 3: no output"),
        ("exit 0", "its process ended before the test did"),
    ],
)
def test_a_child_that_dies_has_its_last_words_as_the_reason(made: Child, script: str, end: str) -> None:
    assert made.run(script) == Left((), (), end)


def test_what_was_told_before_death_is_kept_and_a_cut_off_line_is_not(made: Child) -> None:
    left = made.run(f'{report("setup")}; printf \'{{"when": "te\' >>$OUTBOX/{child.REPORTS}; kill -9 $$')
    assert left.reports == ({"when": "setup"},)
    assert left.end is not None


def test_a_child_that_is_asked_to_end(made: Child) -> None:
    made.stop_at = "here"
    left = made.run("trap 'echo undone; exit 2' TERM; echo here; sleep 60 & wait")
    assert left == Left((), (), "interrupted", stopped=True)
    assert made.said == ["here", "undone"]


def test_a_child_that_hangs(made: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "TIMEOUT_S", 0.3)
    assert made.run("echo here; exec sleep 60").end == "its process did not end within 0 s: here"


def test_a_child_has_what_was_asked_for_besides_and_so_has_the_one_before_it(
    made: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "TIMEOUT_S", 0.6)
    assert made.run("echo here; exec sleep 60", lasts_s=1.0).end == "its process did not end within 3 s: here"


def test_a_state_is_told_by_a_message_and_not_by_what_is_printed(made: Child) -> None:
    """The child's own end of the pipe is Python's, as in a real one; a pipe that is closed again is no end."""
    post = f"{sys.executable} -c 'from promdrill.parallel.messages import State, post; from pathlib import Path"
    post += "; post(Path(\"'$OUTBOX'\"), State.READY)'"
    made.run(f"echo provision; echo baseline; {post}; echo fault; {post}")
    assert made.said == ["provision", "baseline", "fault"]
    assert made.reached == [State.READY] * 2


def test_where_nobody_listens_nothing_is_told(tmp_path: Path) -> None:
    messages.post(tmp_path, State.READY)
    os.mkfifo(tmp_path / messages.PIPE)
    messages.post(tmp_path, State.READY)

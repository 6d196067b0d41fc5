"""A cell as a process: how it is asked for, and how it ends. Python is a shell script here."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.matrix_world import cell

from promdrill.core.errors import CommandFailed
from promdrill.matrix import child, ground
from promdrill.matrix.child import Ended
from promdrill.request import options
from promdrill.request.request import Request


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/env/python")
    chart = "my charts/$x/prometheus"
    tmp_path.joinpath(chart).mkdir(parents=True)
    tmp_path.joinpath(chart, "Chart.yaml").write_text("name: prometheus\nversion: 25.8.0\n")
    monkeypatch.chdir(tmp_path)
    found = cell(CHART=f"./{chart}", SCENARIO="disk-full,oom", SUBCHARTS="off")
    said = {"SUPPLY": "source", "JOBS": "2"}
    request = replace(ground.request(found, lambda name: said.get(name), None), reports=tmp_path)  # noqa: PLW0108  typed
    argv = child.command(request)
    assert argv == ["/env/python", "-m", "promdrill.cli.main", "run", f"--request={tmp_path}/request.json"]
    assert Request.read(tmp_path / "request.json") == request
    settings = request.settings
    assert (settings.chart, settings.app_version, settings.kubernetes) == (f"./{chart}", "3.14.0", "1.36.3")
    assert (settings.helm, settings.profile, settings.subcharts, settings.supply) == ("4", "fast", "off", "source")
    assert ([folder.name for folder in request.scenarios], request.jobs) == (["disk-full", "oom"], 2)
    assert ground.request(cell(), lambda _name: None, None).settings.supply == "auto"


def test_nothing_of_another_run_is_inherited() -> None:
    environment = dict(child.environment())
    assert [environment.pop(name) for name in ("PYTHONUNBUFFERED", "KEEP_BUILD")] == ["1", "1"]
    assert set(environment.values()) == {""}
    assert set(environment) == {option.variable for option in (*options.OPTIONS, *options.SESSION)}
    assert set(cell().variables) <= set(environment)


@pytest.fixture(autouse=True)
def interruptions_are_heard() -> Iterator[None]:
    """A background job of a shell, as CI may be one, ignores SIGINT, and so would all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@dataclass
class Process:
    """A shell script in place of a cell; we are interrupted when it says a line of `interrupt_at`."""

    interrupt_at: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        self.said.append(line)
        if line in self.interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)

    def run(self, script: str, **times: Any) -> Ended:
        return child.run(["bash", "-c", script], self.hear, **times)


@pytest.mark.parametrize(
    ("script", "ended"),
    [
        ("echo hello; echo", Ended(0, "hello")),
        ("exit 3", Ended(3, "no output")),
        ("echo 'promdrill: KUBE_VERSION=1: no'; echo 'Hint: 1.36.3' >&2; exit 2", Ended(2, "KUBE_VERSION=1: no")),
        ("echo 'promdrill: one'; echo 'promdrill: two'; echo three; exit 2", Ended(2, "two")),
        ("echo x; kill -9 $$", Ended(-9, "x")),
    ],
)
def test_how_it_ended_and_what_it_said_of_that(script: str, ended: Ended) -> None:
    assert Process().run(script) == ended


def test_its_lines_are_told_and_variables_are_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHART", "of-another-run")
    monkeypatch.setenv("EVIDENCE", "always")
    monkeypatch.setenv("PROMDRILL_CACHE_DIR", "/there")
    process = Process()
    told = "chart=[$CHART] evidence=[$EVIDENCE] cache=[$PROMDRILL_CACHE_DIR]"
    process.run(f"echo one >&2; echo \"{told}\"; printf 'bad \\377 byte'")
    assert process.said == ["one", "chart=[] evidence=[] cache=[/there]", "bad \ufffd byte"]


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(CommandFailed, match="cannot start"):
        child.run(["/nope/python"], lambda _: None)


UNDOES = "trap 'echo undoing; sleep 0.1; echo undone; exit 130' INT; echo here; while :; do sleep 0.05; done"


def test_an_interruption_is_passed_on_and_its_end_awaited() -> None:
    process = Process(("here",))
    assert process.run(UNDOES) == Ended(130, "undone", interrupted=True)
    assert process.said == [
        "here",
        "interrupted; it is cleaning up; Ctrl-C again kills it",
        "undoing",
        "undone",
    ]


def test_a_shell_that_made_us_deaf_to_interruptions_made_the_process_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: {signal.SIGINT: signal.SIG_IGN}[number])
    process = Process(("here",))
    script = "trap '' INT; trap 'exit 130' TERM; echo here; while :; do sleep 0.05; done"
    assert process.run(script, stop_s=5.0).code == 130


def test_a_second_interruption_ends_it_at_once() -> None:
    process = Process(("here", "undoing"))
    with pytest.raises(KeyboardInterrupt):
        process.run("trap 'echo undoing; sleep 60' INT; trap 'exit 9' TERM; echo here; sleep 60 & wait; wait")
    assert process.said[-1] == "undoing"


def test_one_that_does_not_end_when_asked_is_ended() -> None:
    process = Process(("here",))
    ended = process.run("trap '' INT; echo here; exec sleep 60", stop_s=0.2)
    assert ended == Ended(-signal.SIGTERM, "here", interrupted=True)
    assert process.said[-1] == "it did not end within 0 s; killing it"


def test_one_that_is_late_is_asked_to_end() -> None:
    process = Process()
    assert process.run(UNDOES, timeout_s=2.0) == Ended(130, "it was not done within 2 s")
    assert process.said == [
        "here",
        "not done within 2 s; it is cleaning up; Ctrl-C again kills it",
        "undoing",
        "undone",
    ]

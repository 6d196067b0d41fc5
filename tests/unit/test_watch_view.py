"""What is shown of a run: in a terminal of any size, below the lines of a run, in a pipe, and as data."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.compare_world import drill
from tests.unit.html_world import Told, a_run, container, pod
from tests.unit.watch_world import Terminal, at, drawn, followed, put, real, sees, waits

from promdrill.cli import main as cli
from promdrill.core.console import Console
from promdrill.core.events import (
    FaultApplied,
    FaultConfirmed,
    PhaseBegan,
    StageBegan,
    StageSeen,
    Undone,
    VerdictReached,
)
from promdrill.core.model import PhaseName, Verdict
from promdrill.watch import live
from promdrill.watch.live import MOST_LINES, LiveRun, live_run
from promdrill.watch.loop import Watching
from promdrill.watch.run import Ending, Follower
from promdrill.watch.view import STAY_S, Focus


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        raise AssertionError("the view has no use for it")


class Pause(threading.Event):
    """Does something in place of each wait, and fails when there is nothing left to do."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self._acts = list(acts)

    def wait(self, timeout: float | None = None) -> bool:
        if timeout != 0:
            assert self._acts, "waits for ever"
            self._acts.pop(0)()
        return False


def a_running_drill(name: str = "disk-full", *, timeout_s: float = 98.0) -> Told:
    told = Told(name).phase(PhaseName.PROVISION, (1.7, Undone(what="nothing")))
    told.tell(pod("server-1", container("prometheus-server", ready=True), container("reloader", ready=True)))
    told.tell(PhaseBegan(phase=PhaseName.SIGNATURE))
    told.tell(FaultApplied(fault="fill /data")).tell(FaultConfirmed(fault="fill /data"))
    told.tell(StageBegan(stage="2/2, but nothing is stored"))
    waits(told, "server pod 2/2", "no sample stored for 5 s", "df: nothing left", timeout_s=timeout_s)
    sees(told, "server pod 2/2", "server-1 2/2 Running", holds=True)
    sees(told, "no sample stored for 5 s", "not asked yet", holds=False, kind="metric", known=False)
    return sees(told, "df: nothing left", "236 MiB, 20 KiB left", holds=True, kind="volume")


def _follower(folder: Path, *told: Told, planned: tuple[str, ...] = ()) -> Follower:
    for each in told:
        put(folder, each.scenario, each.text())
    follower = Follower(folder, planned)
    follower.look()
    follower.run.written = at(told[0].now) if told else at(0)
    return follower


def test_a_running_drill(tmp_path: Path) -> None:
    follower = _follower(tmp_path, a_running_drill(), planned=("disk-full", "oom"))
    assert drawn(follower, at(2.2 + 5))[1:] == [
        "1 running, 1 waiting",
        "",
        "▸ signature   disk-full     5 s  93 s left: no sample stored for 5 s",
        "· waiting     oom",
        "",
        "── disk-full " + "─" * 67,
        "phases    provision 1.7 s  signature 5 s",
        "fault     fill /data",
        "stage     2/2, but nothing is stored",
        "deadline  93 s left of 98 s     ━───────────────────",
        "  · no sample stored for 5 s  not asked yet",
        "  ✓ server pod 2/2            server-1 2/2 Running",
        "  ✓ df: nothing left          236 MiB, 20 KiB left",
        "pods      server-1 2/2 Running",
        "volume    236 MiB, 20 KiB left  (5 s ago)",
    ]


@pytest.mark.parametrize("verdict", ["passed", "failed", "invalid", "interrupted"])
@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [1, 3, 8, 24, None])
@pytest.mark.parametrize("beside_lines", [False, True])
def test_real_journals_fit_any_room(
    tmp_path: Path, verdict: str, width: int, height: int | None, *, beside_lines: bool
) -> None:
    follower = followed(tmp_path, it=real(verdict), other=a_running_drill("other"))
    for after in (1.0, 10.0**6):
        lines = drawn(follower, at(after), width=width, height=height, beside_lines=beside_lines)
        assert max(map(len, lines)) <= width
        assert height is None or len(lines) <= height


def test_the_journal_of_a_kill_at_every_line_can_be_shown(tmp_path: Path) -> None:
    lines = real("passed").splitlines(keepends=True)
    for count in range(1, len(lines), 3):
        follower = followed(tmp_path / str(count), it="".join(lines[:count]))
        last = follower.run.drills["it"].last
        assert last is not None
        assert len(drawn(follower, last.at)) >= 4


def test_why_a_drill_failed_is_told_in_full(tmp_path: Path) -> None:
    shown = "\n".join(drawn(followed(tmp_path, it=real("failed")), at(0)))
    assert "✗ failed" in shown
    assert "because   the runbook did not get through:" in shown
    assert "step      runbook.md:151 Verification, exit code 1 after 0.2 s" in shown
    assert "remediate 8.8 s (cut short)" in shown


def test_what_was_waited_for_in_vain_stands_first(tmp_path: Path) -> None:
    shown = drawn(followed(tmp_path, it=real("invalid")), at(0))
    conditions = [line[2] for line in shown if line.startswith(("  ✓", "  ✗", "  ·"))]
    assert conditions == ["✗", "✓", "✓"]


def test_rows_beyond_the_screen_are_counted(tmp_path: Path) -> None:
    ended = [drill(f"d{number:02d}") for number in range(30)]
    ended[3] = drill("broken", verdict="failed", reason="no recovery: 1/2")
    folder = a_run(tmp_path / "run", *ended, finished=False, journals=[("disk-full", a_running_drill())])
    follower = Follower(folder)
    follower.look()
    follower.run.written = at(1)
    lines = drawn(follower, at(5), height=20)
    assert len(lines) == 20
    assert lines[1].startswith("29 passed, 1 failed, 1 running")
    counted = next(line for line in lines if line.startswith("· and"))
    rows = [line for line in lines if line.startswith(("✓", "✗", "▸"))]
    assert counted == f"· and {29 - sum(line[0] == '✓' for line in rows)} passed"
    assert [line[14:24].strip() for line in rows if line[0] != "✓"] == ["disk-full", "broken"]


def test_escapes_in_a_log_do_not_reach_the_terminal(tmp_path: Path) -> None:
    told = a_running_drill().tell(FaultApplied(fault="a\x1b[2Jb\nc\u202e"))
    lines = drawn(_follower(tmp_path, told), at(3))
    assert "          ab c, not confirmed yet" in lines
    assert "\x1b" not in "".join(lines)


def test_the_detail_stays_for_a_while(tmp_path: Path) -> None:
    one, two = a_running_drill("one"), a_running_drill("two")
    follower = _follower(tmp_path, one, two)
    focus = Focus()
    assert follower.run.open
    first = focus.pick(follower.run, at(3))
    assert first is not None
    other = next(name for name in ("one", "two") if name != first.folder)
    put(tmp_path, other, one.tell(StageSeen(stage="x"), 4.0).last_line())
    follower.look()
    assert focus.pick(follower.run, at(3 + STAY_S - 1)) is first
    changed = focus.pick(follower.run, at(3 + STAY_S + 1))
    assert changed is not None
    assert changed.folder == other
    assert Focus(first.folder).pick(follower.run, at(99)) is first


def test_colour_is_only_a_second_way_to_say_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = followed(tmp_path, it=real("failed"))
    for variable, colours in ((None, True), ("NO_COLOR", False)):
        if variable:
            monkeypatch.setenv(variable, "1")
        terminal = Terminal()
        Watching(follower, _console(terminal), Focus(), clock=Clock(at(0))).once()
        assert terminal.colours is colours
        assert any(line.startswith("✗ failed") for line in terminal.shown)


def _console(terminal: Terminal, **environment: str) -> Console:
    size = {"width": 80, "height": 24}
    names = {**os.environ, "TERM": "xterm-256color", **environment}
    return Console(file=terminal, force_terminal=True, _environ=names, highlight=False, **size)  # type: ignore[arg-type]


def _finish(folder: Path) -> None:
    put(folder, "disk-full", Told().tell(VerdictReached(verdict=Verdict.PASSED)).last_line())
    a_run(folder, drill())


def test_a_terminal_is_left_with_the_last_state(tmp_path: Path) -> None:
    folder = a_run(tmp_path, finished=False, journals=[("disk-full", a_running_drill())])
    terminal = Terminal()
    seen: list[tuple[bool, str]] = []

    def look() -> None:
        seen.append((terminal.alternate, "\n".join(terminal.shown)))

    pause = Pause(look, lambda: _finish(folder))
    watching = Watching(Follower(folder), _console(terminal), Focus(), clock=Clock(at(5)), pause=pause)
    assert watching.follow() is Ending.FINISHED
    [(alternate, shown)] = seen
    assert alternate
    assert "▸ signature   disk-full" in shown
    assert (terminal.alternate, terminal.cursor) == (False, True)
    assert terminal.shown[3].split()[:3] == ["✓", "passed", "disk-full"]


def test_ctrl_c_leaves_at_once_and_leaves_what_was_seen(tmp_path: Path) -> None:
    folder = a_run(tmp_path, finished=False, journals=[("disk-full", a_running_drill())])
    terminal = Terminal()

    def ctrl_c() -> None:
        raise KeyboardInterrupt

    watching = Watching(Follower(folder), _console(terminal), Focus(), clock=Clock(at(5)), pause=Pause(ctrl_c))
    with pytest.raises(KeyboardInterrupt):
        watching.follow()
    assert (terminal.alternate, terminal.cursor) == (False, True)
    assert "▸ signature   disk-full" in "\n".join(terminal.shown)


@pytest.mark.parametrize("dumb", [True, False], ids=["dumb terminal", "pipe"])
def test_elsewhere_events_are_lines(tmp_path: Path, *, dumb: bool, capsys: pytest.CaptureFixture[str]) -> None:
    folder = a_run(tmp_path, finished=False, journals=[("disk-full", a_running_drill())])
    terminal = Terminal()
    console = _console(terminal, TERM="dumb") if dumb else Console(highlight=False, width=80)
    watching = Watching(
        Follower(folder), console, Focus(), clock=Clock(at(5)), pause=Pause(lambda: None, lambda: _finish(folder))
    )
    assert watching.follow() is Ending.FINISHED
    written = terminal.getvalue() if dumb else capsys.readouterr().out
    assert written.isprintable() or set(filter(lambda char: not char.isprintable(), written)) == {"\n"}
    assert written.splitlines() == [
        "03:04:05 disk-full: begins, profile fast",
        "03:04:07 disk-full: provision        1.7 s",
        "03:04:07 disk-full: fault: fill /data",
        "03:04:05 disk-full: passed",
        "",
        "passed      disk-full     8 s  recovered in 12.0 s",
    ]


def test_lines_of_a_real_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follower = Follower(a_run(tmp_path, drill("it", verdict="failed", reason="not seen")))
    put(tmp_path, "it", real("failed"))
    Watching(follower, Console(highlight=False, width=80), Focus(), clock=Clock(at(5)), pause=Pause()).follow()
    lines = capsys.readouterr().out.splitlines()
    steps = [line.partition(" it: ")[2] for line in lines if " it: step" in line]
    assert steps[-1] == "step runbook.md:151 (Verification): exit code 1, 0.2 s"
    assert lines[-1].startswith("failed      it")
    assert all(len(line) <= 80 or " " not in line.strip() for line in lines)


def test_a_run_says_lines_above_the_view(tmp_path: Path) -> None:
    terminal = Terminal()
    told = a_running_drill()
    with LiveRun(tmp_path, _console(terminal), planned=("disk-full", "oom"), clock=Clock(at(5))) as shown:
        shown.say("creating cluster [promdrill]")
        assert terminal.shown == ["creating cluster [promdrill]"]
        put(tmp_path, "disk-full", told.text())
        shown.say("disk-full: provision 1.7 s")
        shown._live.refresh()
        assert terminal.shown[:3] == [
            "creating cluster [promdrill]",
            "disk-full: provision 1.7 s",
            "1 running, 1 waiting",
        ]
        assert "▸ signature   disk-full" in terminal.shown[3]
        shown.say("disk-full: signature 5 s")
        assert terminal.shown[2:4] == ["disk-full: signature 5 s", "1 running, 1 waiting"]
        assert len(terminal.shown) <= 3 + MOST_LINES
    assert terminal.shown == [
        "creating cluster [promdrill]",
        "disk-full: provision 1.7 s",
        "disk-full: signature 5 s",
    ]
    assert terminal.cursor
    shown.say("after it")
    assert terminal.shown[-1] == "after it"


def test_a_view_that_breaks_does_not_break_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    put(tmp_path, "disk-full", a_running_drill().text())

    def broken(*_args: Any, **_options: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(live, "view", broken)
    with LiveRun(tmp_path, _console(terminal), clock=Clock(at(5))) as shown:
        shown.say("a line")
        shown._live.refresh()
        assert terminal.shown == ["a line", "no view: ValueError: broken"]
    assert terminal.shown == ["a line"]


@pytest.mark.parametrize(
    ("term", "tty", "there"), [("xterm", True, True), ("dumb", True, False), ("xterm", False, False)]
)
def test_only_a_terminal_that_can_show_it_has_the_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, term: str, *, tty: bool, there: bool
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", term)
    terminal = Terminal()
    monkeypatch.setattr(terminal, "isatty", lambda: tty)
    monkeypatch.setattr("sys.stdout", terminal)
    assert (live_run(tmp_path, ()) is not None) is there


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``promdrill watch``, typed."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return lambda *words: cli.main(["watch", *map(str, words)])


def test_once(tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    a_run(tmp_path / "2026-01-01T00-00-00Z", drill(), journals=[("disk-full", a_running_drill())])
    assert command(tmp_path, "--once") == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "\x1b" not in shown.out
    assert shown.out.splitlines()[1] == "1 passed  Kubernetes 1.36.3, source"


def test_json(tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    a_run(tmp_path, drill("oom"), finished=False)
    put(tmp_path, "disk-full", a_running_drill().text())
    assert command(tmp_path, "--json", "--drill", "disk-full") == 0
    data = json.loads(capsys.readouterr().out)
    [found] = data["drills"]
    assert data["state"] == "running"
    assert (found["name"], found["status"], found["phase_or_verdict"]) == ("disk-full", "running", "signature")
    assert found["wait"]["missing"] == ["no sample stored for 5 s"]
    assert found["pods"] == [{"name": "server-1", "text": "2/2 Running", "ready": True}]
    assert found["faults"] == [{"name": "fill /data", "confirmed": True}]


def test_a_finished_run_ends_at_once_with_its_history(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    a_run(tmp_path, drill())
    put(tmp_path, "disk-full", real("passed"))
    assert command(tmp_path, "--drill", "disk-full") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "06:33:59 disk-full: begins, profile fast"
    assert lines[-1] == "passed      disk-full     8 s  recovered in 12.0 s"


def test_a_run_that_was_cut_short_is_no_success(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "it", real("interrupted"))
    os.utime(tmp_path, (0, 0))
    journal = tmp_path / "it" / "journal.jsonl"
    journal.write_text(journal.read_text(encoding="utf-8").replace("2026-11-22", "2020-11-22"), encoding="utf-8")
    os.utime(tmp_path, (0, 0))
    assert command(tmp_path) == 1
    assert "cut short: last entry" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--drill", "nope"], "no drill nope"), (["--colour"], "unrecognized arguments")],
)
def test_bad_input(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    a_run(tmp_path, drill())
    try:
        code = command(tmp_path, *words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err

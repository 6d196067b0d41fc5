"""chaos-self's own judgement: what counts as left behind, and what counts as a lie."""

import os
from dataclasses import replace
from typing import Any

import pytest
from tests.chaos import machine, prove
from tests.chaos.machine import Machine
from tests.chaos.strikes import KINDS, Interrupt, Kill, KillNode, Strike

from promdrill.core.model import DrillResult, Verdict

EMPTY = Machine(**{name: frozenset() for name in Machine.__dataclass_fields__})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here ends by itself while it is looked at."""
    monkeypatch.setattr(machine, "ENDING_S", 0.0)


def _run(code: int, *drills: tuple[Verdict, str], output: str = "") -> Any:
    class Ended:
        def __init__(self) -> None:
            self.code, self.output, self.lines = code, output, output.splitlines()

        def drills(self) -> list[DrillResult]:
            base = DrillResult("toy", "prometheus", "1", None, "fast", None, Verdict.PASSED, None, ())
            return [replace(base, verdict=verdict, reason=reason) for verdict, reason in drills]

    return Ended()


def test_what_came_and_what_went_is_told() -> None:
    before = replace(EMPTY, mounts=frozenset({"/", "/data"}), rules=frozenset({":FORWARD DROP"}))
    after = replace(EMPTY, mounts=frozenset({"/", "/mnt"}), rules=frozenset({":FORWARD ACCEPT"}))
    assert before.changes(after) == [
        "+ mounts /mnt",
        "- mounts /data",
        "+ rules :FORWARD ACCEPT",
        "- rules :FORWARD DROP",
    ]


def test_processes_that_ended_or_are_others_children_are_nobodys_concern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_parents", lambda: {20: 1, 31: 30, 40: os.getpid()})
    before = replace(EMPTY, processes=frozenset({"1 0.0 0 init", "30 1.0 1 shell", "9 1.0 1 gone"}))
    came = {"20 5.0 1 dockerd", "21 5.0 20 containerd", "31 5.0 30 make", "32 5.0 31 cc", "41 5.0 40 docker"}
    after = replace(EMPTY, processes=frozenset({"1 0.0 0 init", "30 1.0 1 shell", *came}))
    assert before.changes(after) == ["+ processes 20 5.0 1 dockerd", "+ processes 21 5.0 20 containerd"]


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.INVALID])
def test_a_struck_drill_never_fails_and_is_never_invalid(verdict: Verdict) -> None:
    (said,) = prove._lies(KillNode(), _run(1, (verdict, "no recovery")), missed=False)
    assert said == f"wrong verdict: {verdict}: no recovery"


def test_an_aborted_drill_names_the_strike() -> None:
    cause = "node container drill-control-plane is exited, exit code 137; noticed during recovery"
    assert prove._lies(KillNode(), _run(1, (Verdict.ABORTED, cause)), missed=False) == []
    assert prove._lies(KillNode(), _run(1, (Verdict.ABORTED, "KeyError")), missed=False) == ["another cause: KeyError"]


def test_only_a_killed_run_may_be_silent() -> None:
    assert prove._lies(Kill(), _run(-9), missed=False) == []
    (said,) = prove._lies(Interrupt(), _run(130, output="no words"), missed=False)
    assert said.startswith("ended before its drill without saying why")


def test_a_green_run_without_a_drill_is_a_lie() -> None:
    assert prove._lies(Kill(), _run(0), missed=False) == ["exit code 0 without a drill"]


def test_a_traceback_is_never_right() -> None:
    (said,) = prove._lies(Kill(), _run(-9, output="Traceback (most recent call last):"), missed=False)
    assert said == "a traceback"


@pytest.mark.parametrize("kind", KINDS)
def test_each_strike_says_what_an_aborted_drill_must_say(kind: type[Strike]) -> None:
    assert kind.name
    assert kind.cause or kind.ends_run

"""What a drill that ended early is called, phase by phase."""

from pathlib import Path
from typing import Any

import pytest

from promdrill.core.errors import ClusterError, Missing, UsageError, WaitError, WaitTimeout
from promdrill.core.model import PhaseName, StepRecord, Variant, Verdict
from promdrill.drill.verdicts import NO_SUCH_COMMAND, REASON_CHARS, judge, line_in, of_variant, slips


@pytest.mark.parametrize(
    ("phase", "verdict", "reason"),
    [
        (PhaseName.PROVISION, Verdict.INVALID, "no baseline: not seen"),
        (PhaseName.BASELINE, Verdict.INVALID, "no usable baseline: not seen"),
        (PhaseName.INJECT, Verdict.INVALID, "the fault was not confirmed: not seen"),
        (PhaseName.SIGNATURE, Verdict.INVALID, "the incident was not observed: not seen"),
        (PhaseName.PERSISTENCE, Verdict.INVALID, "the incident did not last: not seen"),
        (PhaseName.REMEDIATE, Verdict.FAILED, "the runbook did not get through: not seen"),
        (PhaseName.RECOVERY, Verdict.FAILED, "no recovery: not seen"),
        (PhaseName.UNDO, Verdict.ABORTED, "the harness failed during undo: not seen"),
    ],
)
def test_what_was_not_seen_means_something_else_in_each_phase(phase: PhaseName, verdict: Verdict, reason: str) -> None:
    assert judge(phase, WaitError("not seen"), Path("toy")) == (verdict, reason)


@pytest.mark.parametrize("phase", PhaseName)
def test_a_cluster_that_fails_or_a_signal_shows_nothing_in_any_phase(phase: PhaseName) -> None:
    broken = judge(phase, ClusterError("gone"), Path("toy"))
    assert broken == (Verdict.ABORTED, f"the harness failed during {phase}: gone")
    assert judge(phase, KeyboardInterrupt(), Path("toy")) == (Verdict.ABORTED, f"interrupted during {phase}")


def test_what_breaks_outside_the_scenario_is_the_harness() -> None:
    broken = judge(PhaseName.INJECT, RuntimeError("no"), Path("toy"))
    assert broken == (Verdict.ABORTED, "the harness failed during inject: RuntimeError: no")


def raised(folder: Path, text: str) -> Exception:
    """What the test of a scenario raises, line by line as in a file."""
    file = folder / "test_toy.py"
    file.write_text(text)
    made: dict[str, Any] = {"UsageError": UsageError, "ClusterError": ClusterError}
    exec(compile(text, str(file), "exec"), made)  # noqa: S102  as pytest does
    with pytest.raises(Exception) as caught:  # noqa: PT011  whatever it is
        made["test"]()
    return caught.value


NESTED = "def inner():\n    raise {error}\n\n\ndef outer():\n    inner()\n\n\ndef test():\n    outer()\n"


def test_the_line_that_raised_is_named_and_not_those_that_called_it(tmp_path: Path) -> None:
    error = raised(tmp_path, NESTED.format(error="KeyError('x')"))
    assert line_in(tmp_path, error) == "test_toy.py:2"
    assert line_in(tmp_path / "other", error) == ""


def test_bad_input_in_the_scenarios_test_is_told_with_its_line(tmp_path: Path) -> None:
    error = raised(tmp_path, NESTED.format(error="UsageError('no such version')"))
    told = "bad input, found during baseline: test_toy.py:2: no such version"
    assert judge(PhaseName.BASELINE, error, tmp_path) == (Verdict.ABORTED, told)


def test_a_cluster_that_fails_under_the_scenarios_test_is_no_slip_of_the_test(tmp_path: Path) -> None:
    error = raised(tmp_path, NESTED.format(error="ClusterError('gone')"))
    assert judge(PhaseName.BASELINE, error, tmp_path)[1] == "the harness failed during baseline: gone"


SAID = "no recovery: "


@pytest.mark.parametrize(
    ("word", "kept"),
    [(REASON_CHARS, None), (REASON_CHARS - 4, REASON_CHARS - 4), (REASON_CHARS - 3, len(SAID) - 1)],
    ids=["it fits", "a word that just fits", "a word that does not"],
)
def test_a_reason_is_cut_behind_the_last_word_that_fits(word: int, kept: int | None) -> None:
    """The first word ends there; dots take the place of what comes after it."""
    whole = SAID + "x" * (word - len(SAID)) + (" more" if kept else "")
    cut = judge(PhaseName.RECOVERY, WaitError(whole.removeprefix(SAID)), Path("toy"))[1]
    assert cut == (whole if kept is None else whole[:kept] + "...")


def step(exit_code: int, output: str = "") -> StepRecord:
    return StepRecord(
        file="runbook.md", line=1, section="Mitigation", command="x", exit_code=exit_code, took_s=0.0, output=output
    )


def test_a_command_that_does_not_exist_is_known_by_its_exit_code_or_its_message() -> None:
    assert NO_SUCH_COMMAND == 127
    assert slips([step(0), step(127)])
    assert slips([step(0, "bash: line 1: gerp: command not found"), step(1)])
    assert not slips([step(0), step(126, "Permission denied"), step(128)])


def test_a_control_that_broke_stays_broken_whatever_was_known() -> None:
    unknown = WaitTimeout("x", 1.0, "", missing=(Missing("not answered", known=False, asked=False),))
    broken = (Verdict.ABORTED, "node toy is gone")
    assert of_variant(Variant("no-remedy"), broken, unknown, None, ()) == broken
    failed = (Verdict.FAILED, "no recovery")
    assert of_variant(Variant("no-remedy"), failed, unknown, None, ())[0] is Verdict.ABORTED
    assert of_variant(Variant(), failed, unknown, None, ()) == failed

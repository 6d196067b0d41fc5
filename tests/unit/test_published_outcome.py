"""What a drill shows about a published runbook."""

from __future__ import annotations

import pytest

from promdrill.core.model import DrillResult, PhaseName, PhaseRecord, SampleAccount, StepRecord, Verdict
from promdrill.runbook.published.outcome import Tried, of

UP_TO = list(PhaseName)


def result(verdict: Verdict, last: PhaseName, reason: str | None = "why", **more: object) -> DrillResult:
    phases = tuple(PhaseRecord(name, "2026-01-01T00:00:00Z", 1.0) for name in UP_TO[: UP_TO.index(last) + 1])
    return DrillResult("toy", None, None, None, "fast", None, verdict, reason, phases, **more)  # type: ignore[arg-type]


def step(output: str = "", exit_code: int = 1) -> StepRecord:
    return StepRecord("any.md", 12, "Mitigation", "x", exit_code, 0.1, output)


def test_it_cures() -> None:
    found = of(result(Verdict.PASSED, PhaseName.UNDO, None, recovered_after_s=12.3, samples=SampleAccount(lost=4)))
    assert (found.tried, found.why) == (Tried.CURES, "recovered after 12.3 s, 4 samples lost while it lasted")


def test_it_does_not_cure() -> None:
    found = of(result(Verdict.FAILED, PhaseName.RECOVERY, "no recovery: server pod 2/2: 1/2"))
    assert (found.tried, found.why) == (Tried.DOES_NOT_CURE, "no recovery: server pod 2/2: 1/2")


def test_its_remedy_fails() -> None:
    found = of(result(Verdict.FAILED, PhaseName.REMEDIATE, "forbidden", steps=(step("Error: forbidden"),)))
    assert (found.tried, found.why) == (Tried.DOES_NOT_CURE, "its remedy ends at line 12: forbidden")


@pytest.mark.parametrize(
    "ended", [step(exit_code=127), step("bash: x: command not found"), step("error: unknown flag: --now2")]
)
def test_it_cannot_be_executed(ended: StepRecord) -> None:
    assert of(result(Verdict.FAILED, PhaseName.REMEDIATE, steps=(ended,))).tried is Tried.NOT_EXECUTABLE


LOST = "samples from before the fault, up to 10:00:00Z, are still there: fewer in 3 of 3 series: a 0"


def test_it_does_harm_if_what_was_stored_is_gone_although_the_reason_is_cut() -> None:
    found = of(result(Verdict.FAILED, PhaseName.RECOVERY, "no recovery: ..."), f"not seen: {LOST}; more")
    assert (found.tried, found.why) == (Tried.HARMFUL, f"it loses data: {LOST}")


def test_samples_that_nobody_could_ask_for_are_not_lost() -> None:
    text = "samples from before the fault, up to 10:00:00Z, are still there: not answered: 503"
    assert of(result(Verdict.FAILED, PhaseName.RECOVERY, text)).tried is Tried.DOES_NOT_CURE


@pytest.mark.parametrize(
    ("verdict", "last"),
    [
        (Verdict.INVALID, PhaseName.SIGNATURE),
        (Verdict.ABORTED, PhaseName.REMEDIATE),
        (Verdict.FAILED, PhaseName.BASELINE),
    ],
)
def test_nothing_is_learnt_from_a_drill_that_proves_nothing(verdict: Verdict, last: PhaseName) -> None:
    assert of(result(verdict, last)).tried is Tried.NOTHING_LEARNT


def test_without_numbers_it_says_only_that_it_recovered() -> None:
    assert of(result(Verdict.PASSED, PhaseName.UNDO, None)).why == "recovered"


def test_the_last_step_is_the_one_that_ended_it() -> None:
    steps = (step(exit_code=0), step(exit_code=127), step("Error: forbidden"))
    assert of(result(Verdict.FAILED, PhaseName.REMEDIATE, steps=steps)).tried is Tried.DOES_NOT_CURE


def test_a_remedy_without_a_step_and_a_drill_without_a_reason_have_an_outcome() -> None:
    found = of(result(Verdict.FAILED, PhaseName.REMEDIATE, "no time"))
    assert (found.tried, found.why) == (Tried.DOES_NOT_CURE, "no time")
    assert of(result(Verdict.FAILED, PhaseName.RECOVERY, None)).why == ""


def test_what_is_lost_may_be_told_over_several_lines() -> None:
    found = of(result(Verdict.FAILED, PhaseName.RECOVERY, LOST.replace(": fewer", ":\n  fewer")))
    assert found.why == f"it loses data: {LOST}"

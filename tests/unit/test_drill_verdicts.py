"""What a drill that ended early is called, phase by phase."""

from pathlib import Path

import pytest

from promdrill.core.errors import ClusterError, WaitError
from promdrill.core.model import PhaseName, Verdict
from promdrill.drill.verdicts import judge


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

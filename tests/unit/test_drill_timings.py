"""The deadlines of each profile, figure by figure; drill/timings.py has the reasons."""

from __future__ import annotations

import pytest

from promdrill.drill.timings import Timings, timings

FAST = Timings(
    provision_s=90,
    baseline_s=180,
    baseline_hold_s=3,
    inject_s=90,
    stage_s=90,
    persistence_s=90,
    remediate_s=300,
    step_s=180,
    recovery_s=90,
    recovery_hold_s=3,
    ablation_s=45,
)
AS_SHIPPED = Timings(
    provision_s=90,
    baseline_s=300,
    baseline_hold_s=3,
    inject_s=180,
    stage_s=300,
    persistence_s=900,
    remediate_s=900,
    step_s=600,
    recovery_s=480,
    recovery_hold_s=11,
    ablation_s=480,
)
LATER_FAST = Timings(  # a scrape each 5 s, and a probe that waits 20 s longer than the chart's own
    provision_s=90,
    baseline_s=180 + 40 + 20,
    baseline_hold_s=3,
    inject_s=90 + 20,
    stage_s=90 + 40 + 20,
    persistence_s=90 + 40 + 20,
    remediate_s=300 + 2 * 20,
    step_s=180 + 20,
    recovery_s=90 + 40 + 20,
    recovery_hold_s=3,
    ablation_s=45 + 40 + 20,
)


@pytest.mark.parametrize(
    ("profile", "interval_s", "ready_after_s", "expected"),
    [
        ("fast", 0.0, 0.0, FAST),
        ("as-shipped", 0.0, 30.0, AS_SHIPPED),
        ("fast", 5.0, 50.0, LATER_FAST),
    ],
    ids=["fast", "as shipped", "scrapes and a delay"],
)
def test_each_phase_has_its_time(profile: str, interval_s: float, ready_after_s: float, expected: Timings) -> None:
    assert timings(profile, interval_s, ready_after_s) == expected

"""How long each phase may take: one table per profile, with a reason for every figure.

The kubelet makes the difference. `fast` compresses its crash back-off (at most 2 s) and its sync of ConfigMaps
and volumes (2 s); `as-shipped` leaves the defaults: a crashing container is started again after 10, 20, 40, 80,
160 and then every 300 s, and a changed ConfigMap reaches its volume after up to about 90 s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from promdrill.core.errors import UsageError

BACK_OFF_S = {"fast": 2.0, "as-shipped": 300.0}
"""The most seconds that the kubelet of a profile waits before it starts a crashing container again: what
manifests/kind says, or the kubelet's default."""

FIRST_BACK_OFF_S = 10.0
"""Seconds that a kubelet with the default back-off waits the first time. No profile holds for longer than that: five
minutes in every drill would be too much. What `as-shipped` proves instead is in docs/explanation/proof.md."""

SCRAPES_TO_JUDGE = 8
"""Scrape intervals added to each wait for metrics: staleness takes three, and rates need two samples after that."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Deadlines (and holds) in seconds.

    Attributes:
        provision_s: Until what an earlier drill left is gone. Helm has its own deadline; pods belong to the baseline.
        baseline_s: From the installed release to a baseline that held.
        baseline_hold_s: How long the baseline must hold without interruption.
        inject_s: From applying the fault to its confirmation.
        stage_s: For each stage of the signature.
        persistence_s: For the stated restarts to be seen, besides the stated hold.
        remediate_s: For the whole runbook.
        step_s: For each of its steps.
        recovery_s: From the end of the runbook to a recovery that held; also for each stage after it.
        recovery_hold_s: How long recovery must hold without interruption: longer than a crash loop's back-off.
        ablation_s: Instead of `recovery_s` in a drill that leaves out a step of its runbook.
    """

    provision_s: float
    baseline_s: float
    baseline_hold_s: float
    inject_s: float
    stage_s: float
    persistence_s: float
    remediate_s: float
    step_s: float
    recovery_s: float
    recovery_hold_s: float
    ablation_s: float


def _longer_than_back_off_s(profile: str) -> float:
    return min(BACK_OFF_S[profile], FIRST_BACK_OFF_S) + 1.0


_FAST = Timings(
    provision_s=90.0,  # Prometheus may take 30 s to end on a full volume, and the namespace a little longer
    baseline_s=180.0,  # images are in the cluster; the chart's own readiness delay is 30 s
    baseline_hold_s=3.0,  # three scrapes at the scenarios' 1 s
    inject_s=90.0,  # 1 GiB of zeros on a slow disk, or a Recreate with the readiness delay
    stage_s=90.0,  # a ConfigMap's sync and reload show within about 3 s, a crash within about 5 s
    persistence_s=90.0,  # a restart every 2 s plus the start itself
    remediate_s=300.0,  # a rollout or two, each with the readiness delay
    step_s=180.0,  # `kubectl rollout status` of one Recreate
    recovery_s=90.0,  # measured: 2/2 within 1 to 3 s of the growth; the readiness delay is 30 s
    recovery_hold_s=_longer_than_back_off_s("fast"),
    # Most ablations wait for all of it, one per step that is needed. Controls keep `recovery_s`: they are the proof.
    # The shipped drills recover within 9 to 11 s, and this is four times that. If it is too short, a step that only
    # makes recovery quicker is called needed; a needed step is never called superfluous.
    ablation_s=45.0,
)

_AS_SHIPPED = replace(
    _FAST,
    baseline_s=300.0,
    inject_s=180.0,
    stage_s=300.0,  # the reloader's own watch interval is 3 min, if it missed the ConfigMap's change
    persistence_s=900.0,  # two more restarts after the first few: 80 + 160 + 300 s
    remediate_s=900.0,
    step_s=600.0,  # a step that waits for the pod may have to wait for a back-off of 300 s
    recovery_s=480.0,  # the same
    recovery_hold_s=_longer_than_back_off_s("as-shipped"),
    ablation_s=480.0,  # the same
)

_TABLE = {"fast": _FAST, "as-shipped": _AS_SHIPPED}


DELAY_INCLUDED_S = 30.0
"""Seconds of the chart's own readiness delay, which the table includes."""


def timings(profile: str, scrape_interval_s: float, ready_after_s: float = 0.0) -> Timings:
    """The deadlines of a profile for a server that scrapes every `scrape_interval_s` seconds.

    Args:
        profile: The profile.
        scrape_interval_s: Seconds between two scrapes.
        ready_after_s: Seconds that the server's readiness probe waits before it asks for the first time.

    Raises:
        UsageError: There is no such profile.
    """
    if profile not in _TABLE:
        raise UsageError(f"no timings for profile {profile!r}", hint=f"one of {', '.join(_TABLE)}")
    base = _TABLE[profile]
    delay_s = max(0.0, ready_after_s - DELAY_INCLUDED_S)
    more_s = SCRAPES_TO_JUDGE * scrape_interval_s + delay_s
    return replace(
        base,
        baseline_s=base.baseline_s + more_s,
        inject_s=base.inject_s + delay_s,
        stage_s=base.stage_s + more_s,
        persistence_s=base.persistence_s + more_s,
        remediate_s=base.remediate_s + 2 * delay_s,  # a rollout or two
        step_s=base.step_s + delay_s,
        recovery_s=base.recovery_s + more_s,
        ablation_s=base.ablation_s + more_s,
    )

"""The course of the control `other-fault`: another scenario's incident, which must not be taken for this one's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from promdrill.core.choices import OTHER_FAULT
from promdrill.core.errors import PromdrillError, WaitError, WaitTimeout
from promdrill.core.events import ControlApplied
from promdrill.core.model import PhaseName
from promdrill.drill.alerts import DrillAlerts
from promdrill.drill.course import Course, Standing
from promdrill.drill.plan import Moments, Plan, conditions_of
from promdrill.drill.record import Record
from promdrill.drill.remedy import Remedy
from promdrill.drill.scene import Scene
from promdrill.drill.site import Site
from promdrill.drill.verdicts import WronglyAccepted, slips
from promdrill.faults.base import Undo
from promdrill.observe.conditions import Condition
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepFailed

STANDS_WITHIN_S = 20.0
"""Seconds within which the other incident must be seen once more, after it was looked at; a crash loop has pauses."""

SEEN_WITHIN_S = 20.0
"""Seconds for each stage of the signature that must not be seen. The other incident is there already, all of it."""


class OtherFault(Course):
    """From provision to the signature of the other scenario; then nothing of this scenario may accept that.

    Args:
        site: The site of the other incident.
        plan: What the other scenario states.
        runbook: This scenario's runbook.
        own: What this scenario states.
        record: Notes what happens.
        undo: Learns how to take everything back.
        closing: Closes at the drill's end what is open during it.
        alerts: The drill's alerts.
    """

    def __init__(
        self,
        site: Site,
        plan: Plan,
        runbook: Runbook,
        *,
        own: Plan,
        record: Record,
        undo: Undo,
        closing: ExitStack,
        alerts: DrillAlerts,
    ) -> None:
        super().__init__(site, plan, runbook, record=record, undo=undo, closing=closing, alerts=alerts)
        self._own = own
        self._other = site.scenario_dir.name

    def forward(self) -> None:
        """Make the other incident, see that it is there, and have signature and Diagnosis refuse it.

        Raises:
            WaitTimeout: The signature was not seen, and the Diagnosis failed: as it must be.
            WronglyAccepted: One of them accepts the other incident.
            PromdrillError: The other incident was over before both had refused it.
            WaitError: The other incident was not seen; the phase is then an earlier one.
            PromdrillError: As in `Course.forward`, too.
        """
        during = self._record.during
        standing = self._make_ready()
        with during(PhaseName.INJECT):  # as far as the other scenario's own signature, so that its incident is there
            fault = f"{self._other}: {self._plan.fault.name}"
            self._journal.write(ControlApplied(control=OTHER_FAULT, left_out=self._own.fault.name, instead=fault))
            moments = self._inject(standing.scene, standing.moments)
            moments, incident = self._observe_signature(standing.scene, moments)
            self._record.detected_after_s = None
        with during(PhaseName.SIGNATURE):
            unseen = self._refused_by_signature(standing._replace(moments=moments))
            if not unseen.undecided:
                self._require_refusal_by_diagnosis(standing)
                self._require_standing(standing.scene, self._after_own_acts(standing.scene, moments, incident))
            raise unseen

    def _refused_by_signature(self, standing: Standing) -> WaitTimeout:
        moments = standing.moments
        try:
            for stage in self._own.signature:
                moments, _ = standing.scene.see(stage, moments, SEEN_WITHIN_S)
        except WaitTimeout as unseen:
            return unseen
        raise WronglyAccepted(f"its signature accepts the incident of {self._other}")

    def _after_own_acts(self, scene: Scene, moments: Moments, incident: Sequence[Condition]) -> Sequence[Condition]:
        """The other incident's conditions; of the new pod and since now, if a stage of this scenario replaced it."""
        now = scene.begun(moments)
        if now.pod_uid == moments.pod_uid:
            return incident
        return conditions_of(self._plan.signature[-1].conditions, replace(now, injected=now.began))

    def _require_standing(self, scene: Scene, incident: Sequence[Condition]) -> None:
        """What has healed meanwhile is refused by anything."""
        try:
            scene.wait(incident, STANDS_WITHIN_S)
        except WaitError as over:
            raise PromdrillError(f"the incident of {self._other} was over while it was looked at: {over}") from over

    def _require_refusal_by_diagnosis(self, standing: Standing) -> None:
        with Remedy(self._site, self._own, self._runbook, record=self._record, scene=standing.scene) as remedy:
            try:
                remedy.diagnose()
            except StepFailed as refusal:
                if refusal.result.exit_code is not None and not slips(self._record.steps):
                    return
                what = f"the Diagnosis of its runbook does not refuse the incident of {self._other}, but breaks"
                raise WronglyAccepted(f"{what}: {refusal.reason}") from refusal
        raise WronglyAccepted(f"the Diagnosis of its runbook accepts the incident of {self._other}")

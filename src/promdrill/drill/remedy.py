"""The remedy of a drill: its runbook's steps in one shell, or nothing in the control without it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from promdrill.core import scratch
from promdrill.core.choices import NO_REMEDY
from promdrill.core.events import ControlApplied
from promdrill.drill.known import known
from promdrill.drill.part import FromRemedy
from promdrill.drill.plan import Plan
from promdrill.drill.record import Record
from promdrill.drill.scene import Scene
from promdrill.drill.site import Site
from promdrill.runbook.environment import environment
from promdrill.runbook.facts import asked
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepResult, Steps, opened
from promdrill.runbook.step import STEP_SECTIONS, Step


class Remedy:
    """What is done about an incident. Left as a context, whatever the runbook's steps left running is ended.

    In an ablation, Verification comes after recovery: only then is it known whether the step that is left out is needed
    for recovery, or only for Verification, whose steps may wait for minutes for what does not come.

    Args:
        site: Where the drill takes place.
        plan: What its scenario states.
        runbook: What is carried out.
        record: Notes each step.
        scene: The incident.
    """

    def __init__(self, site: Site, plan: Plan, runbook: Runbook, *, record: Record, scene: Scene) -> None:
        self._site = site
        self._plan = plan
        self._runbook = runbook
        self._record = record
        self._scene = scene
        self._shell = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._shell.close()

    def carry_out(self) -> None:
        """Run the runbook, without Verification in an ablation; do nothing in the control `no-remedy`.

        Raises:
            StepFailed: A step failed, or they took too long.
            NotOurs: Another cluster answers than the drill's.
        """
        execution = self._site.execution
        if execution.variant.control != NO_REMEDY:
            self._run(STEP_SECTIONS[:-1] if execution.ablates else STEP_SECTIONS)
            return
        left_out = str(self._runbook.path)
        self._scene.ground.journal.write(ControlApplied(control=NO_REMEDY, left_out=left_out))

    def diagnose(self) -> None:
        """Run the runbook's Diagnosis.

        Raises:
            StepFailed: A step failed, or they took too long.
        """
        self._run(STEP_SECTIONS[:1])

    def verify(self) -> None:
        """Run the runbook's Verification.

        Raises:
            StepFailed: A step failed, or they took too long.
        """
        self._run(STEP_SECTIONS[-1:])

    def _run(self, sections: Sequence[str]) -> None:
        """Run the steps of these sections; what the last section leaves running is ended: it does not help recovery."""
        part, deadline_s = self._site.execution.part, self._scene.limits.remediate_s
        if isinstance(part, FromRemedy) and part.remediate_s is not None:
            deadline_s = part.remediate_s
        self._steps.run(deadline_s=deadline_s, sections=sections)
        if STEP_SECTIONS[-1] in sections:
            self._shell.close()

    @cached_property
    def _steps(self) -> Steps:
        """The steps, in a shell that opens with the first of them."""
        site, cluster = self._site, self._site.cluster
        home = self._shell.enter_context(scratch.folder("home"))
        env = environment(
            tools=cluster.tools,
            kubeconfig=cluster.kubeconfig,
            given=site.environment,
            home=home,
            variables={**self._runbook.variables, **self._plan.variables},
        )
        steps = opened(
            self._runbook,
            env=env,
            step_timeout_s=self._scene.limits.step_s,
            on_begin=self._begins,
            on_step=self._stepped,
            leaves_out=self._leaves_out,
            prepared=self._prepared,
        )
        return self._shell.enter_context(steps)

    def _prepared(self, step: Step) -> Step:
        """The step with the drill's values, which are looked up only where it refers to some."""
        return step.filled(known(self._site, self._plan, self._scene)) if asked(step.command) else step

    def _begins(self, step: Step, budget_s: float) -> None:
        self._site.cluster.kube.require_expected()
        if step.section == STEP_SECTIONS[-1]:
            self._site.execution.turn_over()
        self._record.step_begins(step, budget_s, self._runbook.file_of(step))

    def _leaves_out(self, at: int) -> bool:
        execution = self._site.execution
        if isinstance(execution.part, FromRemedy):
            return execution.part.leaves_out(self._runbook, at)
        return at in execution.variant.skip

    def _stepped(self, result: StepResult) -> None:
        self._record.step(result, self._runbook.file_of(result.step))
        part = self._site.execution.part
        if isinstance(part, FromRemedy):
            part.on_step(result)

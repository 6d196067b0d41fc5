"""The remedy of a drill: its runbook's steps, in one shell that is open from the first of them to the last."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from promdrill.drill.plan import Plan
from promdrill.drill.record import Record
from promdrill.drill.site import Site
from promdrill.drill.timings import Timings
from promdrill.runbook.environment import environment
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepResult, Steps, opened
from promdrill.runbook.step import STEP_SECTIONS


class Remedy:
    """A runbook as the program that runs. Left as a context, whatever its steps left running is ended.

    Args:
        site: Where the drill takes place.
        plan: What its scenario states.
        runbook: What is carried out.
        record: Takes down each step.
    """

    def __init__(self, site: Site, plan: Plan, runbook: Runbook, record: Record) -> None:
        self._site = site
        self._plan = plan
        self._runbook = runbook
        self._record = record
        self._shell = ExitStack()
        self._steps: Steps | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._shell.close()

    def run(self, limits: Timings, sections: Sequence[str]) -> None:
        """Run the steps of these sections; what the last section leaves running is ended: it does not help recovery.

        Args:
            limits: How long they may take.
            sections: Some of `STEP_SECTIONS`, in order.

        Raises:
            StepFailed: A step failed, or they took too long.
        """
        if self._steps is None:
            self._steps = self._open(limits)
        self._steps.run(deadline_s=self._site.part.remediate_s or limits.remediate_s, sections=sections)
        if STEP_SECTIONS[-1] in sections:
            self._shell.close()

    def _open(self, limits: Timings) -> Steps:
        site = self._site
        home = self._shell.enter_context(tempfile.TemporaryDirectory(prefix="promdrill-home-"))
        env = environment(
            tools=site.tools,
            kubeconfig=site.kubeconfig,
            given=site.installation.environment,
            home=Path(home),
            variables={**self._runbook.variables, **self._plan.variables},
        )
        steps = opened(
            self._runbook,
            env=env,
            step_timeout_s=limits.step_s,
            on_begin=lambda step, budget_s: self._record.step_begins(step, budget_s, self._runbook.path),
            on_step=self._stepped,
            skip=site.skip_steps if site.part.skip is None else site.part.skip(self._runbook),
        )
        return self._shell.enter_context(steps)

    def _stepped(self, result: StepResult) -> None:
        self._record.step(result, self._runbook.path)
        self._site.part.on_step(result)

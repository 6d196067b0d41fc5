"""The record of a drill while it runs: phases, steps and figures, each also written to the journal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from promdrill.core.clock import Clock, iso
from promdrill.core.events import Ending, ObserverSummedUp, PhaseBegan, PhaseEnded, StepBegan, StepEnded
from promdrill.core.journal import Journal
from promdrill.core.model import AT_ONCE, ObserverFigures, PhaseName, PhaseRecord, SampleAccount, StepRecord
from promdrill.runbook.run import StepResult
from promdrill.runbook.step import Step


class Record:
    """What is known so far.

    Attributes:
        phase: The phase that is running, or the last one that did; `undo` does not count.
        phases: The phases that were entered.
        steps: Runbook steps that were started.
        app_version: Version of Prometheus, from its build info.
        not_up: Scrape jobs of which targets were not up at a baseline that learnt which are, and how many.
        at_once: Whether the fault was to grow, and cannot.
        detected_after_s: See `DrillResult`.
        recovered_after_s: See `DrillResult`.
        samples: See `DrillResult`.
        observer: See `DrillResult`.
    """

    def __init__(self, journal: Journal, clock: Clock, folder: Path) -> None:
        self.phase = PhaseName.PROVISION
        self.phases: list[PhaseRecord] = []
        self.steps: list[StepRecord] = []
        self.app_version: str | None = None
        self.not_up: Mapping[str, int] = {}
        self.at_once = False
        self.detected_after_s: float | None = None
        self.recovered_after_s: float | None = None
        self.samples = SampleAccount()
        self.observer: ObserverFigures | None = None
        self._journal = journal
        self._clock = clock
        self._folder = folder

    @contextlib.contextmanager
    def during(self, phase: PhaseName) -> Iterator[None]:
        """The block is this phase. Its time is recorded however it ends."""
        if phase is not PhaseName.UNDO:
            self.phase = phase
        began = self._clock.monotonic()
        self.phases.append(PhaseRecord(phase, iso(self._clock.utc())))
        self._journal.write(PhaseBegan(phase=phase))
        ended = Ending.CUT_SHORT
        try:
            yield
            ended = Ending.DONE
        finally:
            took_s = round(self._clock.monotonic() - began, 3)
            self.phases[-1] = replace(self.phases[-1], took_s=took_s)
            self._journal.write(PhaseEnded(phase=phase, took_s=took_s, ended=ended))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the result should know of the baseline, and of the fault."""
        said = ", ".join(f"{job} ({count})" for job, count in self.not_up.items())
        not_up = (f"Not up before the fault, and so not asked for after it: {said}.",) if said else ()
        return (*not_up, *([AT_ONCE] if self.at_once else []))

    def observed(self, figures: ObserverFigures) -> None:
        """Record the observer's own figures."""
        self.observer = figures
        self._journal.write(ObserverSummedUp(figures=figures))

    def step_begins(self, step: Step, budget_s: float, runbook: Path) -> None:
        """Note in the journal that a step begins, and the seconds that it has."""
        self._journal.write(
            StepBegan(
                file=self._named(runbook),
                line=step.line,
                section=step.section,
                command=step.command,
                timeout_s=round(budget_s, 1),
            )
        )

    def _named(self, runbook: Path) -> str:
        """A runbook's path, relative to the scenario's folder if it is inside it."""
        inside = runbook.is_relative_to(self._folder)
        return str(runbook.relative_to(self._folder) if inside else runbook)

    def step(self, result: StepResult, runbook: Path) -> None:
        """Record one runbook step."""
        step = StepRecord(
            file=self._named(runbook),
            line=result.step.line,
            section=result.step.section,
            command=result.step.command,
            exit_code=result.exit_code,
            took_s=round(result.took_s, 3),
            output=result.output,
        )
        self.steps.append(step)
        self._journal.write(StepEnded(step=step))

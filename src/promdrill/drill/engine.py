"""The engine: from what a scenario states to a verdict that means something.

A scenario's test gets a `Drill` and calls `run` once. Everything else is here and in the modules beside it: `plan`
(what is stated), `site` (where), `course` (the phases in order), `baseline` and `signature` (what is proven, and
against what), `record`, `samples` and `verdicts` (what comes of it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from promdrill import versions
from promdrill.drill.course import Course
from promdrill.drill.interrupts import terminable
from promdrill.drill.plan import Moments, Persistence, Plan, Stage, Wanted
from promdrill.drill.record import Record
from promdrill.drill.site import Site
from promdrill.drill.verdicts import DrillNotPassed, judge, shortfall
from promdrill.faults.base import Fault, Undo
from promdrill.faults.pods import untouched
from promdrill.model import DrillResult, PhaseName, Verdict
from promdrill.observe.conditions import Condition
from promdrill.observe.server import Server
from promdrill.runbook.parse import parse


class Drill:
    """One drill, to be run once.

    Attributes:
        site: Where it takes place.
        server: The names of the Prometheus that is drilled; its methods make conditions.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.server: Server = site.server

    def wording(self, meaning: str) -> str:
        """How the drilled version of Prometheus says something in its log, as a regular expression.

        Raises:
            UsageError: No words are known for it.
        """
        return versions.wording(meaning, self.site.chart.app_version)

    def same_pod(self, at: Moments) -> Condition:
        """The server's pod is the one of that moment, and none of its server container's restarts are new."""
        return untouched(self.server, at.pod_uid, at.restarts)

    def run(
        self,
        *,
        fault: Fault,
        signature: Sequence[Stage],
        persistence: Persistence | None,
        recovery: Wanted = (),
        recovery_hold_s: float = 0.0,
        afterwards: Sequence[Stage] = (),
        jobs: Sequence[str] = ("prometheus",),
        storage: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> DrillResult:
        """Run the drill from provision to undo. Arguments as in `promdrill.drill.plan.Plan`.

        Returns:
            The result, when it is the one that was due.

        Raises:
            DrillNotPassed: It is not; the message is the reason in one sentence.
            KeyboardInterrupt: The run was interrupted (Ctrl-C, SIGTERM); the drill was undone and recorded.
        """
        plan = Plan(
            fault=fault,
            signature=signature,
            persistence=persistence,
            recovery=recovery,
            recovery_hold_s=recovery_hold_s,
            afterwards=afterwards,
            jobs=jobs,
            storage=storage or {},
            variables=variables or {},
        )
        result, error = self._carry_out(plan)
        self.site.on_result(result)
        if error is not None and not isinstance(error, Exception):
            raise error
        if (sentence := shortfall(result)) is not None:
            raise DrillNotPassed(result, sentence) from error
        return result

    def _carry_out(self, plan: Plan) -> tuple[DrillResult, BaseException | None]:
        """The result, and what ended the drill early or interrupted its undo."""
        site = self.site
        record = Record(site.journal, site.clock, site.scenario_dir)
        undo = Undo(site.journal)
        verdict, reason, error = Verdict.PASSED, None, None
        site.journal.note("drill-begin", scenario=site.scenario, profile=site.profile, control=site.control)
        with terminable(), ExitStack() as closing:
            try:
                runbook = parse(site.runbook_file)
                Course(site, plan, runbook, record=record, undo=undo, closing=closing).forward()
            except BaseException as ended:  # noqa: BLE001  every end has a verdict; interruptions are raised again
                error = ended
                verdict, reason = judge(record.phase, ended)
                site.journal.note("ended-early", verdict=verdict, reason=reason, detail=str(ended))
            with record.during(PhaseName.UNDO):
                interruption = None if site.keep else undo.run()
                undo.keep()
        site.journal.note("verdict", verdict=verdict, reason=reason)
        return self._result(record, verdict, reason), error or interruption

    def _result(self, record: Record, verdict: Verdict, reason: str | None) -> DrillResult:
        site = self.site
        return DrillResult(
            scenario=site.scenario,
            chart=site.chart.name,
            chart_version=site.chart.version,
            app_version=record.app_version,
            profile=site.profile,
            control=site.control,
            verdict=verdict,
            reason=reason,
            phases=tuple(record.phases),
            detected_after_s=record.detected_after_s,
            recovered_after_s=record.recovered_after_s,
            samples=record.samples,
            steps=tuple(record.steps),
        )

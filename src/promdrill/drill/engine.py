"""The engine: from what a scenario states to a verdict that means something.

A scenario's test gets a `Drill` and calls `run` once. Everything else is here and in the modules beside it: `plan`
(what is stated), `site` and `part` (where it is run, and how much of it), `course` (the phases in order), `scene` and
`remedy` (what phases act on and wait for, and what repairs it), `baseline` and `signature` (what is proven, and against
what), `record`, `samples` and `verdicts` (what comes of it).
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec

import yaml

from promdrill.cluster import owners
from promdrill.core.alerts import AlertAccount
from promdrill.core.choices import OTHER_FAULT
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.events import DrillBegan, EndedEarly, EvidenceMissing, Reproduced, VerdictReached
from promdrill.core.model import DrillResult, PhaseName, Verdict
from promdrill.core.usage import Meter
from promdrill.drill.alerts import DrillAlerts
from promdrill.drill.course import Course
from promdrill.drill.ground_lost import GroundLost
from promdrill.drill.interrupts import terminable
from promdrill.drill.other_fault import OtherFault
from promdrill.drill.part import FromRecovery, FromRemedy, UpToIncident
from promdrill.drill.plan import Moments, Plan
from promdrill.drill.record import Record
from promdrill.drill.site import Site
from promdrill.drill.stating import call_test
from promdrill.drill.verdicts import DrillNotPassed, judge, of_variant
from promdrill.evidence import ALWAYS, Subject, gather
from promdrill.faults.base import Undo
from promdrill.faults.pods import untouched
from promdrill.observe import log_patterns
from promdrill.observe.conditions import Condition
from promdrill.observe.server import Server
from promdrill.results.alerts.expectations import Expectation
from promdrill.results.alerts.judge import judged
from promdrill.results.alerts.judge import shortfall as shortfall_of
from promdrill.results.expected import shortfall
from promdrill.results.timeline.alerts import account as account_of
from promdrill.results.timeline.read import read as read_journal
from promdrill.runbook.parse import Runbook

_Stated = ParamSpec("_Stated")


def _stating(
    plan: Callable[_Stated, Plan],
) -> Callable[[Callable[[Drill, Plan], DrillResult]], Callable[Concatenate[Drill, _Stated], DrillResult]]:
    """Let a method that takes a plan be called with what the plan lists; its signature says so, to mypy too."""

    def decorated(
        method: Callable[[Drill, Plan], DrillResult],
    ) -> Callable[Concatenate[Drill, _Stated], DrillResult]:
        @functools.wraps(method)
        def called(drill: Drill, /, *args: _Stated.args, **stated: _Stated.kwargs) -> DrillResult:
            return method(drill, plan(*args, **stated))

        first, _ = inspect.signature(method).parameters.values()
        parameters = (first, *inspect.signature(plan).parameters.values())
        called.__signature__ = inspect.signature(method).replace(parameters=parameters)  # type: ignore[attr-defined]
        return called

    return decorated


class Drill:
    """One drill, to be run once.

    Attributes:
        site: Where it takes place.
        server: The names of the Prometheus that is drilled; its methods make conditions.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.server: Server = site.incident.server

    @property
    def on_stack(self) -> bool:
        """Whether kube-prometheus-stack is drilled, whose operator makes the server."""
        return self.site.incident.drilled.on_stack

    @property
    def hold_s(self) -> float:
        """Seconds for which the incident is held before it is repaired, because the run asks for that."""
        return 0.0 if self.site.alerts is None else self.site.alerts.hold_s

    def wording(self, meaning: str) -> str:
        """How the drilled version of Prometheus says something in its log, as a regular expression.

        Raises:
            UsageError: No words are known for it.
        """
        return log_patterns.wording(meaning, self.site.drilled.chart.app_version)

    def same_pod(self, at: Moments) -> Condition:
        """The server's pod is the one of that moment, and its server container has not been restarted since."""
        return untouched(self.server, at.pod_uid, at.restarts)

    def manifest(self, file: str) -> list[dict[str, Any]]:
        """The objects of a YAML file in the scenario's folder, for `beside`.

        Raises:
            UsageError: It does not exist, or is not YAML.
        """
        path = self.site.scenario_dir / file
        try:
            return [obj for obj in yaml.safe_load_all(path.read_text(encoding="utf-8")) if obj]
        except (OSError, yaml.YAMLError) as error:
            raise UsageError(f"{path}: {' '.join(str(error).split())}") from error

    def image(self, reference: str) -> str:
        """An image for a runbook's variable, once it is known that no step has to wait until it is pulled.

        In the cluster before the drill are the images of the manifests (``*.yaml``) in the scenario's folder, which
        `manifest` reads for ``beside``, and those that the marker `images` names. Where image registries answer, they
        may be any; where everything is built from source, those of ``promdrill reference image``.

        Args:
            reference: The image, with its tag.

        Returns:
            The reference, as given.

        Raises:
            UsageError: No step loads it into the cluster; the marker `images` does.
        """
        self.site.require_image(reference)
        return reference

    @_stating(Plan)
    def run(self, plan: Plan) -> DrillResult:
        """Run the drill from provision to undo. It ends at the first thing that is not proven.

        Each attribute of `Plan` is a keyword argument: `fault`, `signature` and `persistence` must be given, the others
        may be.

        Returns:
            The result, if the drill ended as expected.

        Raises:
            DrillNotPassed: It did not end as expected; the message says why in one sentence, and where the evidence is.
            KeyboardInterrupt: The run was interrupted (Ctrl-C, SIGTERM); the drill was undone and recorded.
        """
        return self._run(plan)

    def _run(self, plan: Plan) -> DrillResult:
        """As `run`. An incident that is left standing has a result here, but none is recorded: it has no verdict."""
        result, error, hint = self._carry_out(plan)
        if error is not None or not self._leaves_incident:
            self.site.recording.on_result(result)
        if error is not None and not isinstance(error, Exception):
            raise error
        if (sentence := shortfall(result)) is not None:
            raise DrillNotPassed(result, _ending_with(hint, sentence)) from error
        return result

    @property
    def _leaves_incident(self) -> bool:
        return isinstance(self.site.execution.part, UpToIncident)

    def _carry_out(self, plan: Plan) -> tuple[DrillResult, BaseException | None, str]:
        """The result, what ended the drill early or interrupted what follows it, and where the evidence is."""
        site, journal, variant = self.site, self.site.recording.journal, self.site.execution.variant
        record = Record(journal, site.recording.clock, site.scenario_dir)
        undo = Undo(journal)
        alerts = DrillAlerts(site.alerts, site.server, journal, site.recording.clock)
        verdict, reason, error, runbook = Verdict.PASSED, None, None, None
        began, meter = site.recording.clock.utc(), Meter()
        journal.write(
            DrillBegan(
                scenario=site.drilled.scenario,
                profile=site.execution.profile,
                control=variant.control,
                repetition=variant.repetition,
            )
        )
        with terminable(), ExitStack() as closing:
            try:
                runbook = site.runbook()
                site.keep_runbook()
                if runbook.fails_because:
                    instead = "as written" if runbook.repairs is None else "another repair"
                    plan = replace(plan, remarks=(*plan.remarks, f"{instead}: {runbook.fails_because}"))
                plan = replace(plan, remarks=(*plan.remarks, *alerts.unheard_of(runbook)))
                self._course(plan, runbook, record=record, undo=undo, closing=closing, alerts=alerts).forward()
            except BaseException as ended:  # noqa: BLE001  every end has a verdict; interruptions are raised again
                error = ended
                judged = judge(record.phase, ended, site.scenario_dir)
                if isinstance(ended, GroundLost):
                    judged = Verdict.ABORTED, f"{ended.message}; noticed during {record.phase}"
                elif isinstance(ended, Exception) and (trouble := site.cluster.trouble(began)):
                    judged = Verdict.ABORTED, f"{trouble}; noticed during {record.phase}: {judged[1]}"
                verdict, reason = of_variant(variant, judged, ended, runbook, record.steps)
                stack = () if isinstance(ended, PromdrillError) else tuple(traceback.format_exception(ended))
                journal.write(EndedEarly(verdict=verdict, reason=reason, detail=str(ended), traceback=stack))
            alerts.end()
            account = self._account(() if runbook is None else alerts.expected(site.drilled.scenario, runbook))
            if verdict is Verdict.PASSED and account is not None and (missed := shortfall_of(account.expected)):
                verdict, reason = Verdict.FAILED, missed
            hint, cut_short = self._gather(self._result(plan, record, (verdict, reason), error, account))
            reason = reason and _ending_with(hint, reason)
            reproduced = error is None and self._leaves_incident
            interruption = self._take_back(record, undo, reproduced=reproduced)
        journal.write(Reproduced() if reproduced else VerdictReached(verdict=verdict, reason=reason))
        if undo.failures:
            owners.note_not_undone(site.cluster.private, undo.failures)
        result = self._result(plan, record, (verdict, reason), error, account)
        result = replace(result, not_undone=tuple(undo.failures), process=meter.figures())
        return result, cut_short or interruption or error, hint

    def _course(
        self,
        plan: Plan,
        runbook: Runbook,
        *,
        record: Record,
        undo: Undo,
        closing: ExitStack,
        alerts: DrillAlerts,
    ) -> Course:
        """The course of this drill; in the control `other-fault`, of the incident that is made instead."""
        site = self.site
        if site.execution.variant.control != OTHER_FAULT:
            return Course(site, plan, runbook, record=record, undo=undo, closing=closing, alerts=alerts)
        asked = _Asked(site.incident)
        call_test(site.incident.scenario_dir, asked)
        return OtherFault(
            site.incident, asked.plan, runbook, own=plan, record=record, undo=undo, closing=closing, alerts=alerts
        )

    def _take_back(self, record: Record, undo: Undo, *, reproduced: bool) -> BaseException | None:
        """The phase undo, unless an incident is to stay. Returns what interrupted it."""
        if reproduced:
            undo.keep()
            return None
        with record.during(PhaseName.UNDO):
            interruption = None if self.site.execution.keep else undo.run()
            undo.keep()
        return interruption

    def _gather(self, result: DrillResult) -> tuple[str, BaseException | None]:
        """Collect evidence if the drill needs it. Returns where it is, and what interrupted the collection.

        Nothing is raised. A drill that entered no phase left nothing to see; where a person repairs, that person looks.
        An interrupted drill is undone at once, unless evidence is always wanted: whoever sent the signal may soon send
        one that cannot be caught.
        """
        execution, recording = self.site.execution, self.site.recording
        telling = not result.interrupted and (result.verdict is not Verdict.PASSED or shortfall(result) is not None)
        by_hand = isinstance(execution.part, FromRemedy | FromRecovery)
        if not result.phases or by_hand or not (telling or execution.evidence == ALWAYS):
            return "", None
        try:
            taken = gather(_subject(self.site.incident), recording.folder, recording.journal, clock=recording.clock)
        except BaseException as failed:  # noqa: BLE001  the drill's own outcome must surface; interruptions are returned
            missing = EvidenceMissing(collector="evidence", error=f"{type(failed).__name__}: {failed}")
            recording.journal.write(missing)
            return "", None if isinstance(failed, Exception) else failed
        return taken.hint, taken.interruption

    def _result(
        self,
        plan: Plan,
        record: Record,
        ended: tuple[Verdict, str | None],
        error: BaseException | None,
        alerts: AlertAccount | None,
    ) -> DrillResult:
        drilled, variant = self.site.drilled, self.site.execution.variant
        return DrillResult(
            scenario=drilled.scenario,
            chart=drilled.chart.name,
            chart_version=drilled.chart.version,
            app_version=record.app_version,
            profile=self.site.execution.profile,
            control=variant.control,
            verdict=ended[0],
            reason=ended[1],
            phases=tuple(record.phases),
            detected_after_s=record.detected_after_s,
            recovered_after_s=record.recovered_after_s,
            samples=record.samples,
            steps=tuple(record.steps),
            left_out=variant.left_out,
            observer=record.observer,
            remarks=(*self.site.recording.remarks, *plan.remarks, *record.remarks),
            repetition=variant.repetition,
            interrupted=error is not None and not isinstance(error, Exception),
            alerts=alerts,
        )

    def _account(self, expected: Iterable[Expectation]) -> AlertAccount | None:
        """The alerts, as the drill's own journal has them, and what was expected of them; None without rules.

        A control is no incident of which somebody should have been told, so nothing is expected of its alerts.
        """
        given, site = self.site.alerts, self.site
        if given is None:
            return None
        *_, drill = read_journal(site.recording.journal.path).drills
        found = account_of(drill, site.server.container)
        if found is None or site.execution.variant.control is not None:
            return found
        return replace(found, expected=judged(expected, site.drilled.scenario, found))


class _Asked(Drill):
    """A drill that keeps what another scenario's test states, and runs nothing."""

    plan: Plan

    def _run(self, plan: Plan) -> Any:
        self.plan = plan


def _subject(site: Site) -> Subject:
    return Subject(
        scenario=site.drilled.scenario,
        server=site.server,
        kubeconfig=site.cluster.kubeconfig,
        helm=site.cluster.helm,
        kubectl_binary=site.cluster.tools.kubectl,
        helm_binary=site.cluster.tools.helm,
        nodes=site.cluster.nodes,
        login=site.drilled.login,
    )


def _ending_with(hint: str, sentence: str) -> str:
    return sentence if not hint or sentence.endswith(hint) else f"{sentence}; {hint}"

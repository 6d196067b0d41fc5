"""The engine: from what a scenario states to a verdict that means something.

A scenario's test gets a `Drill` and calls `run` once. Everything else is here and in the modules beside it: `plan`
(what is stated), `site` (where), `course` (the phases in order), `baseline` and `signature` (what is proven, and
against what), `record`, `samples` and `verdicts` (what comes of it).
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import yaml

from promdrill.core.choices import AS_WRITTEN
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.events import (
    DrillBegan,
    EndedEarly,
    EvidenceMissing,
    Reproduced,
    VerdictReached,
)
from promdrill.core.model import DrillResult, PhaseName, Verdict
from promdrill.drill.course import Course
from promdrill.drill.interrupts import terminable
from promdrill.drill.plan import (
    Moments,
    Persistence,
    Plan,
    Stage,
    Wanted,
)
from promdrill.drill.record import Record
from promdrill.drill.site import Site
from promdrill.drill.verdicts import DrillNotPassed, as_written, judge
from promdrill.evidence import ALWAYS, Subject, gather
from promdrill.faults.base import Fault, Undo
from promdrill.faults.pods import untouched
from promdrill.observe import log_patterns
from promdrill.observe.conditions import Condition
from promdrill.observe.server import Server
from promdrill.results.expected import shortfall
from promdrill.runbook.lint import lint
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
        return log_patterns.wording(meaning, self.site.chart.app_version)

    def same_pod(self, at: Moments) -> Condition:
        """The server's pod is the one of that moment, and none of its server container's restarts are new."""
        return untouched(self.server, at.pod_uid, at.restarts)

    def manifest(self, file: str) -> list[dict[str, Any]]:
        """The objects of a YAML file in the scenario's folder, for `beside`.

        Raises:
            UsageError: It is not there, or not YAML.
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
        breaking: Fault | None = None,
        beside: Sequence[Mapping[str, Any]] = (),
        beside_ready: Sequence[Condition] = (),
        remarks: Sequence[str] = (),
    ) -> DrillResult:
        """Run the drill from provision to undo. It ends at the first thing that is not proven.

        Args:
            fault: The change that causes the incident.
            signature: What must then be seen, stage by stage, in this order. No stage may hold before the fault.
            persistence: How long the incident must last on its own; None if it heals by itself by design.
            recovery: What must hold after the runbook, in addition to the baseline's own conditions.
            recovery_hold_s: Seconds for which recovery must hold; at least the profile's own time.
            afterwards: Stages that must be seen after recovery.
            jobs: Scrape jobs that the baseline must have; recovery asks for every job that was found there.
            storage: Fields merged into the drill's StorageClass, a copy of the default one.
            variables: Values for the runbook's variables, instead of its own defaults.
            breaking: For an incident that heals by itself: what the control `no-remedy` does instead of the runbook, so
                that recovery cannot be proven. None for all other incidents.
            beside: Further objects for the drill's namespace (whatever namespace they name): workloads, a quota. For
                the images that they may run, see `image`.
            beside_ready: What must hold of them at the baseline, and again at recovery.
            remarks: Remarks for a reader of the result.

        Of a part of a drill (`Site.part`) that leaves the incident there is a result here, and none is recorded: what
        was not repaired has no verdict. A part that follows undoes its own acts alone.

        Returns:
            The result, if the drill ended as expected.

        Raises:
            DrillNotPassed: It is not; the message is the reason in one sentence, and where the evidence lies.
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
            breaking=breaking,
            beside=beside,
            beside_ready=beside_ready,
            remarks=remarks,
        )
        result, error, hint = self._carry_out(plan)
        if error is not None or not self.site.part.leaves_incident:
            self.site.on_result(result)
        if error is not None and not isinstance(error, Exception):
            raise error
        if (sentence := shortfall(result)) is not None:
            raise DrillNotPassed(result, _ending_with(hint, sentence)) from error
        return result

    def _carry_out(self, plan: Plan) -> tuple[DrillResult, BaseException | None, str]:
        """The result, what ended the drill early or interrupted what follows it, and where the evidence lies."""
        site = self.site
        record = Record(site.journal, site.clock, site.scenario_dir)
        undo = Undo(site.journal)
        verdict, reason, error, runbook = Verdict.PASSED, None, None, None
        site.journal.write(
            DrillBegan(scenario=site.scenario, profile=site.profile, control=site.control, repetition=site.repetition)
        )
        with terminable(), ExitStack() as closing:
            try:
                runbook = parse(site.runbook_file)
                lint(runbook)
                site.keep_runbook()
                if runbook.fails_because:
                    plan = replace(plan, remarks=(*plan.remarks, f"as written: {runbook.fails_because}"))
                Course(site, plan, runbook, record=record, undo=undo, closing=closing).forward()
            except BaseException as ended:  # noqa: BLE001  every end has a verdict; interruptions are raised again
                error = ended
                verdict, reason = judge(record.phase, ended, site.scenario_dir)
                if site.control == AS_WRITTEN and runbook is not None:
                    verdict, reason = as_written(verdict, reason, ended, runbook)
                stack = () if isinstance(ended, PromdrillError) else tuple(traceback.format_exception(ended))
                site.journal.write(EndedEarly(verdict=verdict, reason=reason, detail=str(ended), traceback=stack))
            hint, cut_short = self._gather(self._result(plan, record, verdict, reason, error))
            reason = reason and _ending_with(hint, reason)
            interruption = self._take_back(record, undo, reproduced=error is None and site.part.leaves_incident)
        if error is None and site.part.leaves_incident:
            site.journal.write(Reproduced())
        else:
            site.journal.write(VerdictReached(verdict=verdict, reason=reason))
        return self._result(plan, record, verdict, reason, error), cut_short or interruption or error, hint

    def _take_back(self, record: Record, undo: Undo, *, reproduced: bool) -> BaseException | None:
        """The phase undo, which an incident that is to stay does not have; what interrupted it."""
        if reproduced:
            undo.keep()
            return None
        with record.during(PhaseName.UNDO):
            interruption = None if self.site.keep else undo.run()
            undo.keep()
        return interruption

    def _gather(self, result: DrillResult) -> tuple[str, BaseException | None]:
        """Take evidence where it is due: where it lies, and what interrupted it. Nothing is raised.

        A drill of which nothing was begun left nothing to see; where a person repairs, that person looks on. One that
        was interrupted is undone at once, unless evidence is always wanted: whoever sent the signal may soon send one
        that cannot be caught.
        """
        site = self.site
        due = not result.interrupted and (result.verdict is not Verdict.PASSED or shortfall(result) is not None)
        if not result.phases or site.part.incident is not None or not (due or site.evidence == ALWAYS):
            return "", None
        try:
            taken = gather(_subject(site), site.folder, site.journal, clock=site.clock)
        except BaseException as failed:  # noqa: BLE001  the drill's own outcome must surface; interruptions are given back
            site.journal.write(EvidenceMissing(collector="evidence", error=f"{type(failed).__name__}: {failed}"))
            return "", None if isinstance(failed, Exception) else failed
        return taken.hint, taken.interruption

    def _result(
        self, plan: Plan, record: Record, verdict: Verdict, reason: str | None, error: BaseException | None
    ) -> DrillResult:
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
            left_out=site.left_out,
            observer=record.observer,
            remarks=(*site.remarks, *plan.remarks),
            repetition=site.repetition,
            interrupted=error is not None and not isinstance(error, Exception),
        )


def _subject(site: Site) -> Subject:
    return Subject(
        scenario=site.scenario,
        server=site.server,
        kubeconfig=site.kubeconfig,
        helm=site.helm,
        kubectl_binary=site.tools.kubectl,
        helm_binary=site.tools.helm,
    )


def _ending_with(hint: str, sentence: str) -> str:
    return sentence if not hint or sentence.endswith(hint) else f"{sentence}; {hint}"

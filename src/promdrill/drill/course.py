"""The course of one drill: each phase in turn, every one proven before the next begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

from promdrill.core.choices import NO_FAULT, NO_REMEDY
from promdrill.core.errors import PromdrillError
from promdrill.core.events import (
    AloneAtLast,
    ControlApplied,
    FaultApplied,
    FaultConfirmed,
    PersistenceNotAsked,
    SamplesCounted,
    SamplesUnknown,
    StageBegan,
    StageSeen,
)
from promdrill.core.model import PhaseName
from promdrill.drill import provision, samples
from promdrill.drill.incident import Incident, LastingBaseline
from promdrill.drill.part import RECOVERY
from promdrill.drill.plan import (
    Moments,
    Plan,
    Stage,
    conditions_of,
)
from promdrill.drill.record import Record
from promdrill.drill.remedy import Remedy
from promdrill.drill.signature import healed, refute
from promdrill.drill.site import Site
from promdrill.drill.timings import Timings, timings
from promdrill.faults.base import (
    RELEASE,
    Fault,
    Ground,
    Undo,
)
from promdrill.observe.conditions import Condition, Failure
from promdrill.observe.observer import Observer
from promdrill.observe.prometheus import samples as stored_samples
from promdrill.observe.snapshot import container_status, name_of
from promdrill.observe.until import DEFAULT_FAILURES, until
from promdrill.runbook.parse import Runbook
from promdrill.runbook.step import STEP_SECTIONS


class Course:
    """One drill under way.

    Args:
        site: Where the drill takes place.
        plan: What its scenario states.
        runbook: What is to remedy it.
        record: Takes down what happens.
        undo: Learns how to take everything back.
        closing: Ends, with the drill, what is open during it.
    """

    def __init__(
        self, site: Site, plan: Plan, runbook: Runbook, *, record: Record, undo: Undo, closing: ExitStack
    ) -> None:
        self._site = site
        self._plan = plan
        self._runbook = runbook
        self._record = record
        self._undo = undo
        self._closing = closing
        self._remedy = Remedy(site, plan, runbook, record)
        self._moments = Moments(began=site.clock.utc())
        self._last: tuple[Condition, ...] = ()
        self._limits: Timings
        self._ground: Ground
        self._baseline: LastingBaseline

    def forward(self) -> None:
        """Go from provision to recovery, or through the part that was asked for; what is not proven ends it by raising.

        With a step left out, Verification comes after recovery: only then is it known whether the step is needed for
        recovery, or only for Verification, whose steps may wait for minutes for what does not come.

        Raises:
            WaitError: Something was not seen.
            NothingProven: Something that was seen proves nothing.
            FaultNotTaken: The fault did nothing.
            StepFailed: A runbook step failed.
            PromdrillError: The harness itself could not go on.
        """
        phases: tuple[tuple[PhaseName, Callable[[], None]], ...] = (
            (PhaseName.PROVISION, self._provision),
            (PhaseName.BASELINE, self._prove_baseline),
            (PhaseName.INJECT, self._inject),
            (PhaseName.SIGNATURE, self._observe_signature),
            (PhaseName.PERSISTENCE, self._observe_persistence),
            (PhaseName.REMEDIATE, self._remediate),
            (PhaseName.RECOVERY, self._prove_recovery),
            *(((PhaseName.REMEDIATE, self._verify),) if self._site.skip_steps else ()),
        )
        part = self._site.part
        with self._remedy:
            if part.incident is not None:
                self._resume(part.incident)
            for name, phase in phases:
                if part.has(name):
                    with self._record.during(name):
                        phase()
                    if name is PhaseName.BASELINE:
                        self._await_alone()
        if part.leaves_incident:
            part.on_incident(self._incident())

    def _resume(self, incident: Incident) -> None:
        """Go on where another process stopped: the incident stands, and may have been repaired by hand meanwhile."""
        memory, moments = incident.memory, incident.moments
        self._limits = timings(self._site.profile, memory.interval_s)
        self._look(memory.interval_s)
        self._baseline.recall(memory, moments.baseline or memory.began)
        self._moments = replace(moments, remediated=self._site.clock.utc())

    def _incident(self) -> Incident:
        """The record of the incident, which was proven and persists."""
        site, runbook, watch = self._site, self._runbook, self._site.part.watch
        return Incident(
            scenario=site.scenario,
            scenario_dir=site.scenario_dir.absolute(),
            title=runbook.title,
            folder=site.folder.absolute(),
            runbook=site.runbook_file.absolute(),
            own_runbook=site.runbook is not None,
            profile=site.profile,
            chart=f"{site.chart.name} {site.chart.version}",
            app_version=self._record.app_version,
            environment={**runbook.variables, **self._plan.variables, **site.installation.environment},
            server={
                "namespace": site.server.namespace,
                "container": site.server.container,
                "service": site.server.service,
                "port": str(site.server.port),
            },
            signature={} if watch is None else watch.texts,
            moments=replace(self._moments, remediating=site.clock.utc(), remediated=None),
            memory=self._baseline.memory(),
        )

    def _provision(self) -> None:
        site, installation = self._site, self._site.installation
        installation.compose(site.scenario_dir / "values.yaml", site.values, site.namespace)
        interval_s = installation.scrape_interval_s
        self._limits = timings(site.profile, interval_s)
        site.require_images(self._plan.beside)
        provision.prepare(
            site.kube,
            installation,
            self._undo,
            storage=self._plan.storage,
            beside=self._plan.beside,
            journal=site.journal,
            timeout_s=self._limits.provision_s,
        )
        self._look(interval_s)
        self._undo.register(f"uninstall {installation.name}", installation.uninstall, ends=RELEASE)
        installation.install()

    def _look(self, interval_s: float) -> None:
        """Have the drill's namespace watched from here to its end."""
        site = self._site
        observer = self._closing.enter_context(Observer(site.kube, site.namespace, site.journal, clock=site.clock))
        self._closing.callback(lambda: self._record.observed(observer.figures()))
        self._ground = Ground(site.kube, site.server, site.installation, observer, site.journal)
        self._baseline = LastingBaseline(site.kube, site.server, interval_s, self._plan.jobs)

    def _prove_baseline(self) -> None:
        began = self._site.clock.utc()
        conditions = (*self._baseline.conditions(since=began), *self._plan.beside_ready)
        limits = self._limits
        hold_s = max(limits.baseline_hold_s, self._baseline.settled_after_s)
        self._wait(conditions, limits.baseline_s + hold_s, hold_s=hold_s, failed=DEFAULT_FAILURES)
        self._record.app_version = self._baseline.learn(began, self._site.clock.utc())
        self._moments = replace(self._moments, baseline=self._baseline.remembered_at)
        self._begin()
        refute(self._ground.observer, self._plan.signature, self._moments, timeout_s=limits.stage_s)

    def _await_alone(self) -> None:
        """Wait until the drill may change what drills share; what was proven before a wait is proven again after it."""
        if self._site.until_alone():
            self._site.journal.write(AloneAtLast())
            with self._record.during(PhaseName.BASELINE):
                self._prove_baseline()

    def _inject(self) -> None:
        if self._site.control == NO_FAULT:
            self._site.journal.write(ControlApplied(control=NO_FAULT, left_out=self._plan.fault.name))
        else:
            self._act(self._plan.fault)
        self._moments = replace(self._moments, injected=self._site.clock.utc())

    def _observe_signature(self) -> None:
        began = self._site.clock.monotonic()
        for stage in self._plan.signature:
            self._last = self._pass(stage, self._limits.stage_s)
        self._record.detected_after_s = round(self._site.clock.monotonic() - began, 3)

    def _observe_persistence(self) -> None:
        lasting = self._plan.persistence
        if lasting is None:
            self._site.journal.write(PersistenceNotAsked(why="the incident heals by itself by design"))
            return
        self._begin()
        wanted = list(self._last)
        if lasting.more_restarts:
            wanted.append(self._ground.server.restarts_at_least(self._moments.restarts + lasting.more_restarts))
        baseline = self._baseline.conditions(since=self._moments.began)
        over = healed(baseline, self._last, hold_s=self._limits.baseline_hold_s)
        timeout_s = self._limits.persistence_s + lasting.hold_s
        self._wait(wanted, timeout_s, hold_s=lasting.hold_s, failed=(over,))

    def _remediate(self) -> None:
        site = self._site
        self._moments = replace(self._moments, remediating=site.clock.utc())
        if site.control == NO_REMEDY:
            breaking = self._plan.breaking
            instead = breaking.name if breaking is not None else None
            site.journal.write(ControlApplied(control=NO_REMEDY, left_out=str(self._runbook.path), instead=instead))
            if breaking is not None:
                self._act(breaking)
        else:
            self._remedy.run(self._limits, STEP_SECTIONS[:-1] if site.skip_steps else STEP_SECTIONS)
        self._moments = replace(self._moments, remediated=site.clock.utc())

    def _verify(self) -> None:
        self._remedy.run(self._limits, STEP_SECTIONS[-1:])

    def _prove_recovery(self) -> None:
        site, plan, limits = self._site, self._plan, self._limits
        self._begin()
        since = self._moments.remediated or self._moments.began
        conditions = (
            *self._baseline.conditions(since=since, remembered=not self._runbook.data_loss),
            *plan.beside_ready,
            *conditions_of(plan.recovery, self._moments),
        )
        hold_s = max(limits.recovery_hold_s, plan.recovery_hold_s)
        deadline_s = site.part.recovery_s or (limits.ablation_s if site.skip_steps else limits.recovery_s)
        if site.part.watch is not None:
            site.part.watch.later = tuple(stage.name for stage in plan.afterwards)
        self._wait(self._watched(RECOVERY, conditions), deadline_s + hold_s, hold_s=hold_s)
        for stage in plan.afterwards:
            self._pass(stage, deadline_s)
        started = self._moments.remediating or self._moments.began
        self._record.recovered_after_s = round((site.clock.utc() - started).total_seconds(), 3)
        self._account()

    def _account(self) -> None:
        """Count the samples; the drill's outcome does not hang on the count, so a count that fails is noted."""
        now = self._site.clock.utc()
        fault_at = self._moments.injected or now
        try:
            began_s, now_s = self._baseline.began.timestamp(), now.timestamp()
            series = stored_samples(self._site.kube, self._ground.server, "up", start_s=began_s, end_s=now_s)
        except PromdrillError as error:
            self._site.journal.write(SamplesUnknown(error=str(error)))
            return
        jobs = samples.account(series, before_s=fault_at.timestamp(), after_s=self._fresh_since(now))
        for job in jobs:
            self._site.journal.write(SamplesCounted(samples=job))
        self._record.samples = samples.total(jobs)

    def _fresh_since(self, now: datetime) -> float:
        return now.timestamp() - self._baseline.stale_after_s

    def _begin(self) -> None:
        """Take down the moment at which a phase or stage begins, and the pod that is there."""
        pods = self._ground.server.pods(self._ground.observer.snapshot())
        status = container_status(pods[0], self._ground.server.container) if pods else None
        self._moments = replace(
            self._moments,
            began=self._site.clock.utc(),
            pod=name_of(pods[0]) if pods else "",
            pod_uid=str(pods[0]["metadata"]["uid"]) if pods else "",
            restarts=int(status["restartCount"]) if status else 0,
        )

    def _pass(self, stage: Stage, timeout_s: float) -> tuple[Condition, ...]:
        """Do a stage's act and see its conditions; they are returned."""
        self._begin()
        if stage.before is not None:
            self._act(stage.before)
        conditions = conditions_of(stage.conditions, self._moments)
        self._site.journal.write(StageBegan(stage=stage.name, wanted=tuple(c.name for c in conditions)))
        self._wait(self._watched(stage.name, conditions), timeout_s + stage.hold_s, hold_s=stage.hold_s)
        self._site.journal.write(StageSeen(stage=stage.name))
        return conditions

    def _act(self, fault: Fault) -> None:
        journal = self._site.journal
        journal.write(FaultApplied(fault=fault.name, blast_radius=fault.blast_radius))
        proof = fault.apply(self._ground, self._undo)
        if proof:
            self._wait(proof, self._limits.inject_s)
        journal.write(FaultConfirmed(fault=fault.name, by=tuple(c.name for c in proof)))

    def _watched(self, what: str, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
        watch = self._site.part.watch
        return tuple(conditions) if watch is None else watch.over(what, conditions)

    def _wait(
        self,
        wanted: Sequence[Condition],
        timeout_s: float,
        *,
        hold_s: float = 0.0,
        failed: Sequence[Failure] = (),
    ) -> None:
        hint = f"see {self._site.journal.path}"
        until(self._ground.observer, wanted, failed=failed, timeout_s=timeout_s, hold_s=hold_s, hint=hint)

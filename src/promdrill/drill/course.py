"""The course of one drill: each phase in turn, every one proven before the next begins.

Each phase is a method that is given what earlier ones made, and returns what it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from promdrill.core.choices import NO_FAULT
from promdrill.core.errors import PromdrillError
from promdrill.core.events import ControlApplied, PersistenceNotAsked, SamplesCounted, SamplesUnknown, TurnCame
from promdrill.core.model import PhaseName
from promdrill.drill import provision, samples
from promdrill.drill.alerts import DrillAlerts
from promdrill.drill.baseline import Baseline, Memory
from promdrill.drill.ground_lost import Silence
from promdrill.drill.incident import Incident
from promdrill.drill.part import FromRecovery, FromRemedy, UpToIncident, Whole
from promdrill.drill.plan import Moments, Plan, conditions_of
from promdrill.drill.record import Record
from promdrill.drill.remedy import Remedy
from promdrill.drill.running import CRASH_RUNS, Run, not_restarted_since, passed, restarted_since, running_for
from promdrill.drill.scene import Scene
from promdrill.drill.signature import healed, refute
from promdrill.drill.site import Site
from promdrill.drill.timings import Timings, timings
from promdrill.drill.watch import RECOVERY
from promdrill.faults.base import RELEASE, Ground, Undo
from promdrill.install import Installation
from promdrill.observe.conditions import Condition, Failure
from promdrill.observe.observer import Observer
from promdrill.observe.prometheus import samples as stored_samples
from promdrill.observe.server import Server
from promdrill.observe.targets import Demand
from promdrill.observe.until import DEFAULT_FAILURES
from promdrill.runbook.parse import Runbook
from promdrill.runbook.step import STEP_SECTIONS

BASELINE_KEEPS_S = 1.0
"""Seconds for which a baseline that was proven needs no other proof. A drill that waits for nobody begins its incident
within a few milliseconds; one that waited longer than this asks again."""

ASKED_ANEW_S = 0.001
"""The hold of a baseline that is proven again, in seconds: everything is asked and listed anew. It need not hold for
longer, since nothing may have been restarted, and nothing may have failed, since it was proven first. A replica that
was not ready in that moment may have been; then the whole hold is asked for again."""


class Standing(NamedTuple):
    """A proven incident: not repaired yet, or left by an earlier process and perhaps repaired by hand since.

    Attributes:
        scene: The drilled Prometheus.
        memory: What its baseline showed.
        moments: The drill's moments so far.
    """

    scene: Scene
    memory: Memory
    moments: Moments

    @property
    def baseline(self) -> Baseline:
        """The baseline, which must hold again."""
        return Baseline.recalled(self.scene.ground.server, self.memory)


class Course:
    """One drill under way.

    Args:
        site: Where the drill takes place.
        plan: What its scenario states.
        runbook: Its runbook.
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
        record: Record,
        undo: Undo,
        closing: ExitStack,
        alerts: DrillAlerts,
    ) -> None:
        self._site = site
        self._plan = plan
        self._runbook = runbook
        self._record = record
        self._undo = undo
        self._closing = closing
        self._clock = site.recording.clock
        self._journal = site.recording.journal
        self._alerts = alerts

    def forward(self) -> None:
        """Go from provision to recovery, or through the part that was asked for. What is not proven raises.

        Raises:
            WaitError: Something was not seen.
            NothingProven: Something that was seen proves nothing.
            FaultNotTaken: The fault did nothing.
            StepFailed: A runbook step failed.
            PromdrillError: The harness itself failed.
        """
        match self._site.execution.part:
            case Whole():
                self._repair(self._make_incident())
            case UpToIncident() as part:
                part.on_incident(self._described(self._make_incident()))
            case FromRemedy(incident=incident):
                self._repair(self._resume(incident))
            case FromRecovery(incident=incident):
                standing = self._resume(incident)
                with self._record.during(PhaseName.RECOVERY):
                    self._prove_recovery(standing)

    def _make_incident(self) -> Standing:
        """From provision to persistence."""
        during = self._record.during
        scene, memory, moments = self._make_ready()
        self._alerts.incident_begins()
        with during(PhaseName.INJECT):
            moments = self._inject(scene, moments)
        with during(PhaseName.SIGNATURE):
            moments, signature = self._observe_signature(scene, moments)
        with during(PhaseName.PERSISTENCE):
            moments = self._observe_persistence(Standing(scene, memory, moments), signature)
            self._hold(Standing(scene, memory, moments), signature)
        return Standing(scene, memory, moments)

    def _make_ready(self) -> Standing:
        """From provision to the baseline: nothing is broken yet."""
        during, site = self._record.during, self._site
        with during(PhaseName.PROVISION):
            scene = self._provision()
            self._alerts.begin(self._undo, self._closing)
        with during(PhaseName.BASELINE):
            demand = Demand.TRIED if site.drilled.keeps_scrapes else Demand.ALL
            jobs = dict.fromkeys(self._plan.jobs, 1)
            first = Baseline(scene.ground.server, scene.interval_s, jobs, demand=demand)
            hold_s = max(scene.limits.baseline_hold_s, first.settled_after_s)
            memory, moments = self._prove_baseline(scene, first, since=self._clock.utc(), hold_s=hold_s)
            runs = self._runs(scene)
        waited_s = site.execution.until_turn()
        if waited_s > BASELINE_KEEPS_S:
            self._journal.write(TurnCame(waited_s=round(waited_s, 3)))
            with during(PhaseName.BASELINE):
                again = Baseline.recalled(scene.ground.server, memory)
                over = [restarted_since(each, run, "the baseline") for each, run in runs]
                all_run = len(over) == scene.ground.server.replicas
                anew_s = ASKED_ANEW_S if all_run else hold_s
                memory, moments = self._prove_baseline(scene, again, since=memory.began, hold_s=anew_s, failed=over)
        return Standing(scene, memory, moments)

    def _resume(self, incident: Incident) -> Standing:
        """Continue where another process stopped: the incident may have been repaired by hand in the meantime."""
        interval_s = incident.memory.interval_s
        limits = timings(self._site.execution.profile, interval_s, self._site.server.ready_after_s)
        scene = self._watched(self._site.installation, limits, interval_s)
        return Standing(scene, incident.memory, replace(incident.moments, remediated=self._clock.utc()))

    def _repair(self, incident: Standing) -> None:
        """From the remedy to recovery; in an ablation, Verification follows."""
        during, scene = self._record.during, incident.scene
        with Remedy(self._site, self._plan, self._runbook, record=self._record, scene=scene) as remedy:
            with during(PhaseName.REMEDIATE):
                moments = self._remediate(remedy, incident.moments)
            self._site.execution.turn_over()
            with during(PhaseName.RECOVERY):
                self._prove_recovery(incident._replace(moments=moments))
            self._alerts.settle(self._site.drilled.scenario, self._runbook)
            if self._site.execution.ablates:
                with during(PhaseName.REMEDIATE):
                    remedy.verify()

    def _described(self, standing: Standing) -> Incident:
        """The record of the incident, which was proven and persists."""
        site, runbook, server = self._site, self._runbook, standing.scene.ground.server
        drilled, execution, watch = site.drilled, site.execution, standing.scene.watch
        return Incident(
            scenario=drilled.scenario,
            scenario_dir=drilled.scenario_dir.absolute(),
            title=runbook.title,
            folder=site.folder.absolute(),
            runbook=site.runbook_file.absolute(),
            own_runbook=execution.runbook is not None,
            bound=execution.bound,
            profile=execution.profile,
            chart=f"{drilled.chart.name} {drilled.chart.version}",
            app_version=self._record.app_version,
            environment={**runbook.variables, **self._plan.variables, **site.installation.environment},
            server={
                "namespace": server.namespace,
                "container": server.container,
                "service": server.service,
                "port": str(server.port),
            },
            signature={} if watch is None else watch.texts,
            moments=replace(standing.moments, remediating=self._clock.utc()),
            memory=standing.memory,
        )

    def _provision(self) -> Scene:
        site, installation, drilled = self._site, self._site.installation, self._site.drilled
        leave = site.cluster.leave
        storage_class = site.namespace if leave is None else ""  # the cluster's default
        installation.compose(site.scenario_values, drilled.values, storage_class)
        interval_s = installation.scrape_interval_s
        limits = timings(site.execution.profile, interval_s, site.server.ready_after_s)
        site.require_images(self._plan.beside)
        if leave is None:
            provision.prepare(
                site.cluster.kube,
                installation,
                self._undo,
                storage=self._plan.storage,
                beside=self._plan.beside,
                needs=drilled.needs,
                nodes=site.cluster.nodes,
                journal=self._journal,
                timeout_s=limits.provision_s,
            )
        else:
            provision.prepare_adopted(
                site.cluster.kube,
                site.namespace,
                self._undo,
                storage=self._plan.storage,
                beside=self._plan.beside,
                needs=drilled.needs,
                leave=leave,
                timeout_s=limits.provision_s,
            )
        scene = self._watched(installation, limits, interval_s)
        self._undo.register(f"uninstall {installation.name}", installation.uninstall, ends=RELEASE)
        installation.install()
        return scene

    def _watched(self, installation: Installation, limits: Timings, interval_s: float) -> Scene:
        """The drill's namespace, watched from here to the drill's end."""
        site, kube, part = self._site, self._site.cluster.kube, self._site.execution.part
        site.keep_values()  # now, for a run that is killed, and at the end, as the runbook leaves them
        self._closing.callback(site.keep_values)
        own = site.cluster.leave is None
        watching = Observer(kube, site.namespace, self._journal, volumes=own, clock=self._clock)
        observer = self._closing.enter_context(watching)
        self._closing.callback(lambda: self._record.observed(observer.figures()))
        return Scene(
            ground=Ground(kube, site.server, installation, observer, self._journal, site.cluster.nodes),
            limits=limits,
            interval_s=interval_s,
            undo=self._undo,
            clock=self._clock,
            watch=None if isinstance(part, Whole) else part.watch,
            silence=Silence(partial(site.cluster.trouble, self._clock.utc())),
        )

    def _prove_baseline(
        self,
        scene: Scene,
        baseline: Baseline,
        *,
        since: datetime,
        hold_s: float,
        failed: Sequence[Failure] = (),
    ) -> tuple[Memory, Moments]:
        """Prove a baseline that nothing has gone wrong with since a moment; learn what recovery is compared with."""
        began, limits = self._clock.utc(), scene.limits
        conditions = (*baseline.conditions(since=since), *self._plan.beside_ready)
        scene.wait(conditions, limits.baseline_s + hold_s, hold_s=hold_s, failed=(*DEFAULT_FAILURES, *failed))
        learnt = baseline.learn(scene.ground.kube, since, self._clock.utc())
        self._record.app_version = learnt.app_version
        self._record.not_up = learnt.memory.down
        moments = scene.begun(Moments(began=began, baseline=learnt.moment, interval_s=baseline.interval_s))
        refute(scene.ground.observer, self._plan.signature, moments, timeout_s=limits.stage_s)
        return learnt.memory, moments

    def _inject(self, scene: Scene, moments: Moments) -> Moments:
        if self._site.execution.variant.control == NO_FAULT:
            self._journal.write(ControlApplied(control=NO_FAULT, left_out=self._plan.fault.name))
        else:
            growth_s = self._alerts.growth_s
            self._record.at_once = growth_s > 0 and not self._plan.fault.grows
            scene.act(self._plan.fault, growth_s=growth_s)
        return replace(moments, injected=self._clock.utc())

    def _observe_signature(self, scene: Scene, moments: Moments) -> tuple[Moments, tuple[Condition, ...]]:
        """See each stage; the conditions of the last one are returned."""
        began = self._clock.monotonic()
        conditions: tuple[Condition, ...] = ()
        for stage in self._plan.signature:
            moments, conditions = scene.see(stage, moments, scene.limits.stage_s)
        self._record.detected_after_s = round(self._clock.monotonic() - began, 3)
        return moments, conditions

    def _observe_persistence(self, standing: Standing, signature: tuple[Condition, ...]) -> Moments:
        lasting, scene = self._plan.persistence, standing.scene
        if lasting is None:
            self._journal.write(PersistenceNotAsked(why="the incident heals by itself by design"))
            return standing.moments
        moments = scene.begun(standing.moments)
        baseline = standing.baseline.conditions(since=moments.began)
        over = healed(baseline, signature, hold_s=scene.limits.baseline_hold_s)
        timeout_s = scene.limits.persistence_s
        if lasting.more_restarts:
            restarts = scene.ground.server.restarts_at_least(moments.restarts + lasting.more_restarts)
            scene.wait((restarts,), timeout_s, failed=(over,))
        # a wait of its own, so that every answer was asked after the restarts
        scene.wait(signature, timeout_s + lasting.hold_s, hold_s=lasting.hold_s, failed=(over,))
        return moments

    def _hold(self, standing: Standing, signature: tuple[Condition, ...]) -> None:
        """Leave the incident as it is for as long as was asked for, so that slow alerts get to fire.

        It may not heal meanwhile, and is seen again at the end; the signature of a server that crashes again and again
        comes and goes.
        """
        hold_s, scene = self._alerts.hold_s, standing.scene
        if not hold_s:
            return
        failed: tuple[Failure, ...] = ()
        if self._plan.persistence is not None:
            baseline = standing.baseline.conditions(since=standing.moments.began)
            failed = (healed(baseline, signature, hold_s=scene.limits.baseline_hold_s),)
        scene.wait((passed(self._clock.utc(), hold_s),), hold_s + scene.limits.stage_s, failed=failed)
        scene.wait(signature, scene.limits.stage_s, failed=failed)

    def _remediate(self, remedy: Remedy, moments: Moments) -> Moments:
        began = self._clock.utc()
        remedy.carry_out()
        return replace(moments, remediating=began, remediated=self._clock.utc())

    def _prove_recovery(self, standing: Standing) -> None:
        plan, scene = self._plan, standing.scene
        moments = scene.begun(standing.moments)
        since = moments.remediated or moments.began
        hold_s = max(scene.limits.recovery_hold_s, plan.recovery_hold_s)
        runs_s = max(hold_s, CRASH_RUNS * moments.crashed_after_s)
        conditions = (
            *standing.baseline.conditions(since=since, data_loss=self._runbook.data_loss),
            *plan.beside_ready,
            *self._runs_on(scene, runs_s),
            *conditions_of(plan.recovery, moments),
        )
        deadline_s = self._recovery_s(scene)
        if scene.watch is not None:
            scene.watch.later = tuple(stage.name for stage in plan.afterwards)
        scene.wait(scene.watched(RECOVERY, conditions), deadline_s + runs_s, hold_s=hold_s)
        for stage in plan.afterwards:
            moments, _ = scene.see(stage, moments, deadline_s)
        started = moments.remediating or moments.began
        self._record.recovered_after_s = round((self._clock.utc() - started).total_seconds(), 3)
        self._account(standing)

    def _runs_on(self, scene: Scene, runs_s: float) -> tuple[Condition, ...]:
        """That what runs, and has for more than `runs_s` seconds, is no crash loop between two crashes.

        Where the runbook's Verification was carried out, nothing may be restarted after it, in any replica. One that
        was not ready by then may still come up, and so may all where a person did the repair, or nothing is verified.
        """
        server, execution = scene.ground.server, self._site.execution
        runs = running_for(server, runs_s)
        if not any(step.section == STEP_SECTIONS[-1] and not step.lenient for step in self._runbook.steps):
            return (runs,)
        if execution.ablates or not isinstance(execution.part, Whole):
            return (runs,)
        return (runs, *(not_restarted_since(each, run, "the remedy") for each, run in self._runs(scene)))

    def _runs(self, scene: Scene) -> list[tuple[Server, Run]]:
        """What runs now of the server, each replica that is ready."""
        snapshot = scene.ground.observer.snapshot()
        return [(each, run) for each in scene.ground.server.each if (run := Run.of(each, snapshot)) is not None]

    def _recovery_s(self, scene: Scene) -> float:
        """Seconds until recovery must begin to hold; likewise for each stage after it."""
        execution = self._site.execution
        if isinstance(execution.part, FromRemedy | FromRecovery) and execution.part.recovery_s is not None:
            return execution.part.recovery_s
        return scene.limits.ablation_s if execution.ablates else scene.limits.recovery_s

    def _account(self, standing: Standing) -> None:
        """Count the samples. The drill's outcome does not depend on the count, so one that fails is only noted."""
        now, ground = self._clock.utc(), standing.scene.ground
        try:
            began_s, now_s = standing.memory.began.timestamp(), now.timestamp()
            series = stored_samples(ground.kube, ground.server, "up", start_s=began_s, end_s=now_s)
        except PromdrillError as error:
            self._journal.write(SamplesUnknown(error=str(error)))
            return
        jobs = samples.account(standing.memory.targets, series, end_s=now_s)
        for job in jobs:
            self._journal.write(SamplesCounted(samples=job))
        self._record.samples = samples.total(jobs)

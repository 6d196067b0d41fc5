"""The drilled Prometheus while it is watched: acts on it, and waits for what must be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promdrill.core.clock import Clock
from promdrill.core.errors import WaitError
from promdrill.core.events import FaultApplied, FaultConfirmed, StageBegan, StageSeen
from promdrill.drill.ground_lost import Silence
from promdrill.drill.plan import Moments, Stage, conditions_of
from promdrill.drill.running import crashed_after_s
from promdrill.drill.timings import Timings
from promdrill.drill.watch import Watch
from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.observe.conditions import Condition, Failure
from promdrill.observe.snapshot import container_status, name_of
from promdrill.observe.until import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The drilled Prometheus, and what a phase needs to act on it and to wait.

    Attributes:
        ground: What faults act on, and the observer that watches it.
        limits: How long each phase may take.
        interval_s: Seconds between two scrapes.
        undo: Learns how to take acts back.
        clock: Where time comes from.
        watch: Notes what the conditions of stages and of recovery see; None where nobody asks.
        silence: Ends a wait when what the drill runs on is gone.
    """

    ground: Ground
    limits: Timings
    interval_s: float
    undo: Undo
    clock: Clock
    watch: Watch | None
    silence: Silence

    def begun(self, moments: Moments) -> Moments:
        """The moments of a phase or stage that begins now, with the pod that is there."""
        server = self.ground.server
        snapshot = self.ground.observer.snapshot()
        pods = server.pods(snapshot)
        status = container_status(pods[0], server.container) if pods else None
        return replace(
            moments,
            began=self.clock.utc(),
            pod=name_of(pods[0]) if pods else "",
            pod_uid=str(pods[0]["metadata"]["uid"]) if pods else "",
            restarts=int(status["restartCount"]) if status else 0,
            crashed_after_s=max(moments.crashed_after_s, crashed_after_s(server, snapshot)),
        )

    def act(self, fault: Fault, *, growth_s: float = 0.0) -> None:
        """Apply a fault, and wait for its proof.

        Args:
            fault: The fault.
            growth_s: Seconds that it takes to its full effect, if it is one that grows; 0 for at once. The proof's
                deadline begins after that.

        Raises:
            FaultNotTaken: It had no effect, or its proof was not seen.
        """
        journal, fault = self.ground.journal, fault.here(self.ground)
        journal.write(FaultApplied(fault=fault.name, blast_radius=fault.blast_radius))
        ground = replace(self.ground, growth_s=growth_s if fault.grows else 0.0)
        proof = fault.apply(ground, self.undo)
        if proof:
            try:
                self.wait(proof, self.limits.inject_s)
            except WaitError as error:
                raise FaultNotTaken(error.message, hint=error.hint) from error
        journal.write(FaultConfirmed(fault=fault.name, by=tuple(c.name for c in proof)))

    def see(self, stage: Stage, moments: Moments, timeout_s: float) -> tuple[Moments, tuple[Condition, ...]]:
        """Do a stage's act and see its conditions. Returns the moments of the stage, and the conditions."""
        journal, moments = self.ground.journal, self.begun(moments)
        if stage.before is not None:
            self.act(stage.before)
        conditions = conditions_of(stage.conditions, moments)
        journal.write(StageBegan(stage=stage.name, wanted=tuple(c.name for c in conditions)))
        self.wait(self.watched(stage.name, conditions), timeout_s + stage.hold_s, hold_s=stage.hold_s)
        journal.write(StageSeen(stage=stage.name))
        return moments, conditions

    def watched(self, what: str, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
        """The same conditions; where somebody asks, what they see is noted under this name."""
        return tuple(conditions) if self.watch is None else self.watch.over(what, conditions)

    def wait(
        self,
        wanted: Sequence[Condition],
        timeout_s: float,
        *,
        hold_s: float = 0.0,
        failed: Sequence[Failure] = (),
    ) -> None:
        """Wait until all conditions hold, as `promdrill.observe.until.until` does.

        Raises:
            WaitError: They did not hold in time, or one of `failed` does.
            GroundLost: Nothing answers any more, and why is known.
        """
        hint = f"see {self.ground.journal.path}"
        failed = (*failed, self.silence.failure)
        until(self.ground.observer, wanted, failed=failed, timeout_s=timeout_s, hold_s=hold_s, hint=hint)

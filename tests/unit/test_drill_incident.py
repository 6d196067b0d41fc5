"""A drill in two parts: the incident is left by one process, and judged by another from what was written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill_toy import Break, drill_in
from tests.unit.drill_world import ALWAYS, DOWN, LABELS, NEVER, World, condition, world
from tests.unit.observe_world import said, snapshot

from promdrill.core.errors import UsageError
from promdrill.core.journal import Journal
from promdrill.core.model import DrillResult, PhaseName, Verdict
from promdrill.drill import Drill, DrillNotPassed, Moments, Persistence, Stage
from promdrill.drill.incident import FILE, Incident
from promdrill.drill.part import FromRecovery, FromRemedy, Repair, UpToIncident
from promdrill.drill.watch import RECOVERY, Watch
from promdrill.faults import Fault, Ground, Undo
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.probes import HttpProbe, ObjectProbe, ProbeAnswer
from promdrill.runbook.parse import Runbook
from promdrill.runbook.run import StepResult

__all__ = ["world"]


def plan(world: World, **changes: Any) -> dict[str, Any]:
    large = condition("size is large", lambda _: "size: large" in world.values.read_text())
    return {
        "fault": Break(world),
        "signature": (Stage("it is down", (DOWN,)),),
        "persistence": Persistence(more_restarts=2),
        "recovery": (large,),
        "variables": {"NEW_SIZE": "large"},
    } | changes


def reproduce(world: World, **changes: Any) -> tuple[Drill, Incident]:
    """The incident, left there; and what was kept, as another process reads it."""
    left: list[Incident] = []
    whole = drill_in(world, **changes.pop("toy", {}))
    first = up_to_incident(whole, left.append, keep=True)
    with first.site.recording.journal:
        first.run(**plan(world, **changes))
    left[0].write(world.folder / "incident")
    return whole, Incident.read(world.folder / "incident")


def up_to_incident(drill: Drill, on_incident: Callable[[Incident], None], *, keep: bool = False) -> Drill:
    part = UpToIncident(on_incident=on_incident)
    return Drill(replace(drill.site, execution=replace(drill.site.execution, part=part, keep=keep)))


def go_on(drill: Drill, world: World, part: Repair, **changes: Any) -> DrillResult:
    site = drill.site
    with Journal(world.folder / "later.jsonl") as journal:
        execution = replace(site.execution, part=part)
        site = replace(site, execution=execution, recording=replace(site.recording, journal=journal))
        return Drill(site).run(**plan(world, **changes))


def repair(world: World, size: str) -> None:
    world.values.write_text(world.values.read_text().replace("small", size))


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_reproduced_incident_stays_and_has_no_verdict(world: World) -> None:
    reproduce(world)
    assert world.ill
    assert world.results == [], "no result is recorded of what was not repaired"
    assert world.done == ["apply Namespace", "apply StorageClass", "install", "broken", "observer closed"]
    lines = told(world.folder / "report" / "journal.jsonl")
    assert lines[-1]["event"] == "reproduced"
    assert not [line for line in lines if line["event"] in {"verdict", "undo", "step"}]
    assert [line["phase"] for line in lines if line["event"] == "phase-begin"] == list(PhaseName)[:5]
    assert {line["what"] for line in lines if line["event"] == "undo-kept"} >= {"mend it", "delete namespace drill-toy"}


def test_what_is_kept_outlives_the_process_unchanged(world: World) -> None:
    drill, kept = reproduce(world)
    assert (kept.scenario, kept.title, kept.folder) == ("toy", "it is small", world.folder / "report")
    assert (kept.runbook, kept.own_runbook) == (world.folder / "toy" / "runbook.md", False)
    assert kept.environment == {**drill.site.installation.environment, "NEW_SIZE": "large"}
    assert kept.server["namespace"] == "drill-toy"
    assert kept.signature == {"it is down": {"server is down": "server is down looked at"}}
    assert kept.app_version == "2.48.0"
    assert kept.memory.interval_s == 1.0
    assert kept.memory.jobs == {"prometheus": 5}
    assert [target.labels for target in kept.memory.targets] == list(LABELS)
    assert {target.first_s for target in kept.memory.targets} == {kept.memory.began.timestamp()}
    assert [each.at_s for each in kept.memory.early] == world.remembered
    assert kept.memory.early[0].result == frozenset({(frozenset(), 3.0)})
    moments = kept.moments
    assert moments.baseline is not None
    assert world.remembered == [moments.baseline.timestamp()], "until when all samples were stored"
    assert moments.injected is not None
    assert moments.remediating is not None
    assert kept.memory.began < moments.baseline < moments.injected < moments.remediating
    assert moments.remediated is None
    assert moments.pod_uid == "uid-0"


def test_labels_of_remembered_series_are_kept(world: World) -> None:
    _, kept = reproduce(world)
    labels = frozenset({("job", "prometheus"), ("instance", "a:1")})
    early = replace(kept.memory.early[0], result=frozenset({(labels, 3.0), (frozenset(), 0.1)}))
    again = replace(kept, memory=replace(kept.memory, early=(early,)))
    kept.write(world.folder / "again")
    again.write(world.folder / "again")
    assert Incident.read(world.folder / "again") == again, "in place of the one that was there"


def test_a_right_repair_by_hand_passes_and_nothing_is_undone(world: World) -> None:
    drill, kept = reproduce(world)
    repair(world, "large")
    before, watch = list(world.done), Watch()
    result = go_on(drill, world, FromRecovery(incident=kept, watch=watch))
    assert result.verdict is Verdict.PASSED
    assert result.steps == ()
    assert [phase.name for phase in result.phases] == [PhaseName.RECOVERY, PhaseName.UNDO]
    assert world.results == [result]
    assert world.done == [*before, "observer closed"]
    assert result.recovered_after_s is not None
    assert {name: seen.holds for name, seen in watch.seen[RECOVERY].items()} == {
        "server pod 2/2": True,
        "the server has been running for more than 3 s": True,
        "metrics are valid": True,
        "history is there": True,
        "size is large": True,
    }


def test_a_wrong_repair_by_hand_says_what_is_missing_and_may_be_mended(world: World) -> None:
    drill, kept = reproduce(world)
    repair(world, "medium")
    began, watch = world.clock.now, Watch()
    with pytest.raises(DrillNotPassed, match="no recovery"):
        go_on(drill, world, FromRecovery(incident=kept, watch=watch, recovery_s=20.0))
    assert world.clock.now - began == pytest.approx(23, abs=1), "20 s, and the hold"
    assert not any(seen.holds for seen in watch.seen[RECOVERY].values())
    assert world.results[0].verdict is Verdict.FAILED
    assert not (world.folder / "report" / "evidence").exists(), "a person looks on"
    world.values.write_text(world.values.read_text().replace("medium", "large"))
    assert go_on(drill, world, FromRecovery(incident=kept)).verdict is Verdict.PASSED


def test_samples_from_before_the_fault_are_asked_for_again(world: World) -> None:
    drill, kept = reproduce(world)
    world.keeps_history = False
    repair(world, "large")
    watch = Watch()
    with pytest.raises(DrillNotPassed, match="history is there"):
        go_on(drill, world, FromRecovery(incident=kept, watch=watch))
    assert [name for name, seen in watch.seen[RECOVERY].items() if not seen.holds] == ["history is there"]
    assert len(world.remembered) == 1, "nothing new is remembered of a broken Prometheus"


def test_the_moments_are_those_of_the_incident(world: World) -> None:
    drill, kept = reproduce(world)
    repair(world, "large")
    world.clock.now += 60
    began, seen = world.clock.utc(), []

    def recovery(at: Moments) -> tuple[Condition, ...]:
        seen.append(at)
        return (ALWAYS,)

    go_on(drill, world, FromRecovery(incident=kept), recovery=recovery)
    assert seen[0].injected == kept.moments.injected
    assert seen[0].remediating == kept.moments.remediating, "a repair began when the incident was left"
    assert seen[0].remediated == seen[0].began == began


@dataclass(frozen=True)
class Touch(Fault):
    """An act after recovery that cannot be done twice without being taken back."""

    world: World

    @property
    def name(self) -> str:
        return "touch it"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the toy",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        assert ground.server.namespace == "drill-toy"
        assert self.world.done.count("touched") == self.world.done.count("touch taken back")
        undo.register("take the touch back", lambda: self.world.done.append("touch taken back"))
        self.world.done.append("touched")
        return ()


def test_acts_of_the_judgement_itself_are_taken_back_so_that_it_can_be_repeated(world: World) -> None:
    drill, kept = reproduce(world)
    repair(world, "large")
    touched, wrong = Stage("touched", (ALWAYS,), before=Touch(world)), Stage("wrong", (NEVER,))
    for _ in range(2):
        watch = Watch()
        part = FromRecovery(incident=kept, watch=watch, recovery_s=5.0)
        with pytest.raises(DrillNotPassed):
            go_on(drill, world, part, afterwards=(touched, wrong, Stage("later", (ALWAYS,))))
        assert [*watch.seen] == [RECOVERY, "touched", "wrong"]
        assert watch.later == ("touched", "wrong", "later")
    assert world.done[-6:] == ["touched", "touch taken back", "observer closed"] * 2
    assert "mended" not in world.done
    assert "uninstall" not in world.done


def test_the_runbook_runs_and_recovery_is_judged(world: World) -> None:
    drill, kept = reproduce(world)
    steps: list[StepResult] = []
    result = go_on(drill, world, FromRemedy(incident=kept, on_step=steps.append))
    assert result.verdict is Verdict.PASSED
    assert [step.exit_code for step in steps] == [0, 0, 0]
    assert [phase.name for phase in result.phases] == [PhaseName.REMEDIATE, PhaseName.RECOVERY, PhaseName.UNDO]


def test_a_step_is_asked_for_when_its_turn_comes(world: World) -> None:
    drill, kept = reproduce(world)
    log: list[str] = []

    def second(runbook: Runbook, at: int) -> bool:
        log.append(f"asked {at} of {len(runbook.steps)}")
        return at == 1

    part = FromRemedy(
        incident=kept,
        leaves_out=second,
        on_step=lambda step: log.append(f"ended {step.step.section}"),
        recovery_s=5.0,
    )
    with pytest.raises(DrillNotPassed, match="no recovery"):
        go_on(drill, world, part)
    assert log == ["asked 0 of 3", "ended Diagnosis", "asked 1 of 3", "asked 2 of 3", "ended Verification"]


def test_an_incident_that_is_not_observed_is_invalid_and_not_kept(world: World) -> None:
    world.breaks = False
    left: list[Incident] = []
    drill = drill_in(world)
    first = up_to_incident(drill, left.append)
    with first.site.recording.journal, pytest.raises(DrillNotPassed, match="the incident was not observed"):
        first.run(**plan(world))
    assert left == []
    assert [result.verdict for result in world.results] == [Verdict.INVALID]
    assert "mended" in world.done


def test_a_drill_that_cannot_be_written_down_is_not_reproduced(world: World) -> None:
    def full(_kept: Incident) -> None:
        raise OSError(28, "No space left on device")

    drill = drill_in(world)
    first = up_to_incident(drill, full)
    with first.site.recording.journal, pytest.raises(DrillNotPassed, match="No space left on device"):
        first.run(**plan(world))
    assert [result.verdict for result in world.results] == [Verdict.ABORTED]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "cannot be read as the record of an incident"),
        (lambda _: "[]", "cannot be read as the record of an incident"),
        (lambda _: "{}", "cannot be read as the record of an incident: 'schema'"),
        (lambda text: text.replace('"schema": 4', '"schema": 7'), r"another version of promdrill \(schema 7"),
        (lambda text: text.replace('"scenario": "toy",', ""), "cannot be read as the record of an incident.*scenario"),
        (
            lambda text: text.replace('"interval_s": 1.0', '"interval_s": "often"'),
            "cannot be read as the record of an incident",
        ),
        (lambda text: text.replace('Z"', '"'), "expected datetime with a timezone"),
        (
            lambda text: text.replace('"signature": {', '"signature": 3, "spare": {'),
            "cannot be read as the record of an incident",
        ),
    ],
)
def test_a_file_that_is_damaged_or_of_another_version_is_refused(world: World, damage: Any, message: str) -> None:
    reproduce(world)
    file = world.folder / "incident" / FILE
    whole = file.read_text()
    damaged = damage(whole)
    assert damaged != whole
    file.write_text(damaged)
    with pytest.raises(UsageError, match=message) as caught:
        Incident.read(file.parent)
    assert f"clean {world.folder.name}" in caught.value.hint


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read as the record of an incident: .*No such file"):
        Incident.read(tmp_path)


REFUSAL = '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"address not allowed","code":400}'


@pytest.mark.parametrize(
    ("answer", "silent"),
    [
        (said(400, REFUSAL), True),  # of the API server, in place of a Service without a pod
        (said(503, REFUSAL.replace("400", "503")), True),
        (said(None, error="no pod prometheus* there"), True),
        (said(503, "Service Unavailable"), False),  # of Prometheus itself
        (said(200, '{"status":"success"}'), False),
        (said(None, error="connection refused", refused=True), False),  # the API server itself does not answer
        (None, False),
    ],
)
def test_what_does_not_hold_because_no_pod_answers_is_told_apart(answer: ProbeAnswer | None, *, silent: bool) -> None:
    probe = HttpProbe("prometheus-server", 80, "GET", "/api/v1/targets")
    beside = ObjectProbe("/api/v1/nodes")
    holds = [False]
    asking = Condition("targets up", Kind.HTTP, lambda _: Seen(holds=holds[0], text="as told"), (beside, probe))
    watch = Watch()
    (watched,) = watch.over("recovery", (asking,))
    seen = snapshot(answers={} if answer is None else {probe: answer})
    watched.judge(seen)
    assert watch.unanswered == ({("recovery", "targets up"): "prometheus-server"} if silent else {})
    holds[0] = True
    watched.judge(seen)
    assert watch.unanswered == {}

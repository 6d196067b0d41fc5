"""The course of a drill in the fake world: what is waited for and how long, what is noted, and what is handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill_toy import Break, drill_in, run_toy
from tests.unit.drill_world import ALWAYS, DOWN, NEVER, POD, World, condition, world
from tests.unit.observe_world import noted
from tests.unit.published_world import written
from tests.unit.test_drill_alerts import Watching, Witness, plan
from tests.unit.test_drill_incident import go_on, repair, reproduce
from tests.unit.test_drill_other_fault import REFUSES, control

from promdrill.cluster import owners
from promdrill.core.alerts import AlertRule
from promdrill.core.errors import ClusterError
from promdrill.core.events import (
    ControlApplied,
    DrillBegan,
    EndedEarly,
    FaultApplied,
    FaultConfirmed,
    LeftoverFound,
    PersistenceNotAsked,
    SamplesCounted,
    SamplesUnknown,
    StageBegan,
    StepBegan,
    TurnCame,
    UndoKept,
    WaitBegan,
)
from promdrill.core.model import DrillResult, PhaseName, Variant, Verdict
from promdrill.drill import Drill, DrillNotPassed, Moments, Persistence, Stage, baseline, course
from promdrill.drill import alerts as drill_alerts
from promdrill.drill.part import FromRecovery, FromRemedy
from promdrill.drill.timings import timings
from promdrill.faults import Undo
from promdrill.faults.base import NAMESPACE, RELEASE
from promdrill.install.needs import Needs
from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.observe.snapshot import Snapshot
from promdrill.observe.targets import Demand

__all__ = ["world"]

LIMITS = timings("fast", 1.0)


def took_s(result: DrillResult, phase: PhaseName) -> float:
    (found,) = [entry.took_s for entry in result.phases if entry.name is phase]
    assert found is not None
    return found


def not_passed(drill: Drill, world: World, **stated: Any) -> DrillResult:
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world, **stated)
    return caught.value.result


# --- how long ---------------------------------------------------------------------------------------------------------


def test_each_wait_of_a_drill_has_its_deadline_and_its_hold(world: World) -> None:
    """A hold comes on top of the time until it must have begun."""
    stage = Stage("it is down", (DOWN,), hold_s=4.0)
    run_toy(drill_in(world), world, signature=(stage,), persistence=Persistence(hold_s=5.0, more_restarts=1))
    told = [(wait.timeout_s, wait.hold_s) for wait in noted(world.journal, WaitBegan)]
    assert told == [
        (LIMITS.baseline_s + 3.0, 3.0),
        (LIMITS.stage_s, 0.0),  # whether the signature holds already
        (LIMITS.stage_s + 4.0, 4.0),
        (LIMITS.persistence_s, 0.0),  # restarts
        (LIMITS.persistence_s + 5.0, 5.0),
        (LIMITS.recovery_s + 3.0, 3.0),
    ]


def test_an_act_is_waited_for_until_it_is_proven_and_no_longer(world: World) -> None:
    result = run_toy(drill_in(world), world, fault=Break(world, proof=(ALWAYS,)))
    assert took_s(result, PhaseName.INJECT) == 0
    assert noted(world.journal, WaitBegan)[2] == WaitBegan(wanted=("always",), timeout_s=LIMITS.inject_s)


def test_recovery_holds_for_as_long_as_is_stated(world: World) -> None:
    assert took_s(run_toy(drill_in(world), world, recovery_hold_s=30.0), PhaseName.RECOVERY) == pytest.approx(30, abs=1)


def test_an_incident_is_held_on_top_of_the_time_that_it_takes_to_show(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_toy(with_alerts(world, monkeypatch, hold_s=40.0), world)
    held, seen = noted(world.journal, WaitBegan)[-3:-1]
    assert (held.wanted, held.timeout_s, held.hold_s) == (("40 s have passed",), LIMITS.stage_s + 40.0, 0.0)
    assert (seen.wanted, seen.timeout_s, seen.hold_s) == ((DOWN.name,), LIMITS.stage_s, 0.0)


def test_figures_are_told_to_the_millisecond(world: World) -> None:
    def later(_at: object) -> tuple[Condition, ...]:
        world.clock.now += 1.23456
        return (DOWN,)

    def last(_at: object) -> tuple[Condition, ...]:
        world.clock.now += 1.23456
        return (ALWAYS,)

    result = run_toy(drill_in(world), world, signature=(Stage("it is down", later),), recovery=last)
    assert result.detected_after_s == 1.235
    recovered_s = result.recovered_after_s
    assert recovered_s is not None
    assert recovered_s == round(recovered_s, 3) != round(recovered_s, 2)


def test_recovery_is_counted_from_the_remedys_first_step(world: World) -> None:
    drill, kept = reproduce(world)

    def slow(_step: object) -> None:
        world.clock.now += 10

    result = go_on(drill, world, FromRemedy(incident=kept, on_step=slow))
    assert result.recovered_after_s == pytest.approx(30 + 3, abs=1)


def test_a_remedy_that_may_take_no_time_ends_in_its_first_step(world: World) -> None:
    drill, kept = reproduce(world)
    with pytest.raises(DrillNotPassed, match="the runbook did not get through"):
        go_on(drill, world, FromRemedy(incident=kept, remediate_s=0.0))


def test_a_crash_that_was_seen_once_counts_until_the_end(world: World) -> None:
    """The server ran for 35 s before it crashed; a new pod's status does not tell of that any more."""
    world.crashed_after_s = 35.0

    def forgotten(_at: object) -> tuple[Condition, ...]:
        world.crashed_after_s = 0.0
        return (DOWN,)

    result = not_passed(drill_in(world), world, signature=(Stage("it is down", forgotten),))
    assert "running for more than 72 s" in str(result.reason)


# --- what is demanded -------------------------------------------------------------------------------------------------


def test_what_is_asked_of_metrics_is_what_the_drill_knows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples from before the fault may be lost at recovery only; all targets are asked for, each second."""
    asked: list[tuple[Demand, float, bool]] = []
    stretches: list[float] = []

    def valid_metrics(
        _: object, *, demand: Demand, scrape_interval_s: float, data_loss: bool, **__: object
    ) -> tuple[Condition, ...]:
        asked.append((demand, scrape_interval_s, data_loss))
        return ()

    def history(*_: object, stretch_s: float, **__: object) -> tuple[()]:
        stretches.append(stretch_s)
        return ()

    monkeypatch.setattr(baseline, "valid_metrics", valid_metrics)
    monkeypatch.setattr(baseline, "history", history)
    drill = drill_in(world, data_loss=True)
    text = "server:\n  size: small\n  global: {scrape_interval: 2s}\n"
    (world.folder / "toy" / "values.yaml").write_text(text)
    run_toy(drill, world)
    assert asked == [(Demand.ALL, 2.0, False), (Demand.ALL, 2.0, False), (Demand.ALL, 2.0, True)]
    assert stretches == [3.0], "one and a half intervals"


def test_a_baseline_that_waiting_does_not_bring_is_not_waited_for(world: World) -> None:
    """A pod beside whose image nobody has."""
    waiting = {"name": "app", "state": {"waiting": {"reason": "ErrImageNeverPull"}}}
    world.another = lambda: ({"metadata": {"name": "app"}, "spec": {}, "status": {"containerStatuses": [waiting]}},)
    result = not_passed(drill_in(world), world, beside_ready=(NEVER,))
    assert result.verdict is Verdict.INVALID
    assert "ErrImageNeverPull" in str(result.reason)
    assert took_s(result, PhaseName.BASELINE) < LIMITS.baseline_s


def test_a_signature_that_is_not_known_before_the_fault_aborts_a_control(world: World) -> None:
    dark = Condition("dark", Kind.HTTP, lambda _: unknown("HTTP 503"))
    result = not_passed(drill_in(world, variant=Variant("no-fault")), world, signature=(Stage("down", (dark,)),))
    assert result.verdict is Verdict.ABORTED
    assert "not known whether it ended as it must" in str(result.reason)


PUBLISHED = """# It is small

## Troubleshooting

```sh
$ true
```

## Fix

```sh
$ sed -i 's/small/large/' <values>
```
"""


def test_where_nothing_is_verified_the_server_may_restart_after_the_remedy(world: World, tmp_path: Path) -> None:
    def restarted_meanwhile(_at: object) -> tuple[Condition, ...]:
        world.restarts_before += 1
        return (ALWAYS,)

    drill = drill_in(world, runbook=written(tmp_path, PUBLISHED))
    assert run_toy(drill, world, recovery=restarted_meanwhile).verdict is Verdict.PASSED


# --- what is noted ----------------------------------------------------------------------------------------------------


def test_acts_and_stages_are_noted_with_what_they_touch_and_want(world: World) -> None:
    run_toy(drill_in(world, variant=Variant(repetition=2)), world, fault=Break(world, proof=(ALWAYS,)))
    began, acted = noted(world.journal, DrillBegan), noted(world.journal, FaultApplied)
    assert began == [DrillBegan(scenario="toy", profile="fast", control=None, repetition=2)]
    assert acted == [FaultApplied(fault="break it", blast_radius=("the toy",))]
    assert noted(world.journal, FaultConfirmed) == [FaultConfirmed(fault="break it", by=("always",))]
    assert noted(world.journal, StageBegan) == [StageBegan(stage="it is down", wanted=(DOWN.name,))]
    assert [step.timeout_s for step in noted(world.journal, StepBegan)] == [LIMITS.step_s] * 3
    assert [each.samples.job for each in noted(world.journal, SamplesCounted)] == ["prometheus"]
    assert world.results[0].repetition == 2
    assert not world.results[0].interrupted
    assert owners.not_undone(world.folder / "private") == ()
    assert not (world.folder / "private" / owners.NOT_UNDONE).exists(), "there is nothing to remember"


def test_a_wait_for_its_turn_is_noted(world: World) -> None:
    run_toy(drill_in(world, until_turn=lambda: 7.25), world)
    assert noted(world.journal, TurnCame) == [TurnCame(waited_s=7.25)]


def test_a_turn_that_came_at_once_is_not(world: World) -> None:
    run_toy(drill_in(world, until_turn=lambda: 1.0), world)
    assert noted(world.journal, TurnCame) == []


def test_that_an_incident_is_not_asked_to_last_is_noted(world: World) -> None:
    run_toy(drill_in(world), world, persistence=None)
    assert len(noted(world.journal, PersistenceNotAsked)) == 1


@pytest.mark.parametrize("control", ["no-fault", "no-remedy"])
def test_a_control_notes_what_it_leaves_out(world: World, control: str) -> None:
    drill = drill_in(world, variant=Variant(control))
    left_out = {"no-fault": "break it", "no-remedy": str(drill.site.runbook_file)}
    run_toy(drill, world)
    assert noted(world.journal, ControlApplied) == [ControlApplied(control=control, left_out=left_out[control])]
    assert noted(world.journal, DrillBegan)[0].control == control


def test_samples_that_cannot_be_counted_are_noted_and_change_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ClusterError("it does not answer")

    monkeypatch.setattr(course, "stored_samples", refused)
    result = run_toy(drill_in(world), world)
    assert (result.verdict, result.samples.lost) == (Verdict.PASSED, None)
    assert noted(world.journal, SamplesUnknown) == [SamplesUnknown(error="it does not answer")]
    assert noted(world.journal, SamplesCounted) == []


def test_an_early_end_is_noted_with_its_verdict_and_its_words(world: World) -> None:
    world.breaks = False
    not_passed(drill_in(world), world)
    (ended,) = noted(world.journal, EndedEarly)
    assert ended.verdict is Verdict.INVALID
    assert ended.detail
    assert ended.traceback == ()


def test_what_an_earlier_drill_left_is_noted_and_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace that somebody deletes already is not deleted again."""
    labels = {"app.kubernetes.io/managed-by": "promdrill"}
    leaving = {"name": "drill-toy", "labels": labels, "resourceVersion": "1", "deletionTimestamp": "now"}
    world.leftover = {"metadata": leaving}

    def watch(*_: object, **__: object) -> Any:
        world.done.append("waited")
        world.leftover = None
        yield {"type": "DELETED"}

    monkeypatch.setattr(world, "watch", watch, raising=False)
    run_toy(drill_in(world), world)
    assert world.done[:2] == ["waited", "apply Namespace"]
    assert noted(world.journal, LeftoverFound) == [LeftoverFound(namespace="drill-toy")]


def test_a_drill_that_ends_before_it_provisions_was_about_to(world: World) -> None:
    result = not_passed(drill_in(world, remedy="echo 'open"), world)
    assert str(result.reason).startswith("bad input, found during provision: ")


# --- what is handed on ------------------------------------------------------------------------------------------------


def test_the_values_are_kept_from_the_beginning_and_as_the_runbook_leaves_them(world: World) -> None:
    """A run that is killed has them too."""
    kept = world.folder / "report" / "values.yaml"
    early: list[str] = []
    run_toy(drill_in(world), world, fault=Break(world, then=lambda _: early.append(kept.read_text())))
    assert "size: small" in early[0]
    assert "size: large" in kept.read_text()


def test_in_promdrills_own_cluster_claims_are_of_the_drills_class(world: World) -> None:
    run_toy(drill_in(world), world)
    assert "storageClass: drill-toy" in world.values.read_text()


def test_what_goes_with_the_release_or_the_namespace_is_not_taken_back_by_itself(world: World) -> None:
    def register(undo: Undo) -> None:
        undo.register("edit", lambda: world.done.append("edited back"), within=RELEASE)
        undo.register("file", lambda: world.done.append("file removed"), within=NAMESPACE)

    run_toy(drill_in(world), world, fault=Break(world, then=register))
    assert "edited back" not in world.done
    assert "file removed" not in world.done


def test_what_is_kept_is_noted(world: World) -> None:
    run_toy(drill_in(world, keep=True), world)
    kept = [each.what for each in noted(world.journal, UndoKept)]
    assert kept == [
        "delete namespace drill-toy",
        "delete StorageClass drill-toy",
        "uninstall prometheus-toy",
        "mend it",
    ]


def test_nodes_get_the_labels_that_the_chart_asks_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def patch(path: str, patch: Mapping[str, Any]) -> None:
        world.done.append(f"{path} {patch['metadata']['labels']}")

    monkeypatch.setattr(world, "patch", patch, raising=False)
    site = drill_in(world).site
    drilled = replace(site.drilled, needs=Needs((), {"disk": ("ssd", "x")}))
    run_toy(Drill(replace(site, drilled=drilled, cluster=replace(site.cluster, nodes={"one": "c0ffee"}))), world)
    assert "/api/v1/nodes/one {'disk': 'ssd'}" in world.done


def test_an_image_that_would_have_to_be_pulled_is_refused_before_anything_is_made(world: World) -> None:
    app = {"kind": "Pod", "metadata": {"name": "app"}, "spec": {"containers": [{"image": "docker.io/library/app:1"}]}}
    result = not_passed(drill_in(world), world, beside=(app,))
    assert "no step loads the image docker.io/library/app:1 into the cluster" in str(result.reason)
    assert world.done == []


def test_conditions_know_the_pod(world: World) -> None:
    seen: list[Moments] = []

    def down(at: Moments) -> tuple[Condition, ...]:
        seen.append(at)
        return (DOWN,)

    run_toy(drill_in(world), world, signature=(Stage("it is down", down),))
    assert [(at.pod, at.injected is not None) for at in seen] == [(POD, False), (POD, True)]


def test_a_repair_by_hand_is_watched_without_its_stages_until_it_holds(world: World) -> None:
    drill, kept = reproduce(world)
    repair(world, "large")
    result = go_on(drill, world, FromRecovery(incident=kept), recovery=(condition("ok", lambda _: True),))
    assert took_s(result, PhaseName.RECOVERY) == pytest.approx(3, abs=1)


# --- its alerts -------------------------------------------------------------------------------------------------------


class Watched(Watching):
    """What looks at alerts, made with all that it needs and nothing else."""

    made: Watched

    def __init__(
        self, witness: object, server: object, *, inside: bool, muted: Any, reaches: Any, write: Any, clock: Any
    ) -> None:
        super().__init__(witness, server, inside=inside)
        self.given = (muted, reaches, write, clock)
        Watched.made = self


def with_alerts(world: World, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Drill:
    monkeypatch.setattr(drill_alerts, "Watching", Watched)
    drill = drill_in(world)
    drill.site = replace(drill.site, alerts=plan(Witness(), **given))
    return drill


def test_alerts_are_watched_with_the_drills_clock_and_journal_and_get_to_resolve(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drill = with_alerts(world, monkeypatch)
    given = drill.site.alerts
    assert given is not None
    run_toy(drill, world)
    assert Watched.made.given == (given.muted, given.reaches, world.journal.write, world.clock)
    before = frozenset({("witness", "Watchdog")})
    assert Watched.made.waited == [(before, drill_alerts.SETTLE_S)], "but for what fired before the incident"


def test_why_alerts_are_not_watched_inside_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_toy(with_alerts(world, monkeypatch, not_inside="it has no alerts"), world)
    assert result.alerts is not None
    assert result.alerts.not_inside == "it has no alerts"


def test_a_plan_for_alerts_may_say_no_more_than_it_must() -> None:
    given = plan(Witness())
    fewest: Sequence[str] = ("witness", "speed", "interval_s", "job", "rules", "rules_yml", "muted", "reaches")
    least = drill_alerts.AlertPlan(**{name: getattr(given, name) for name in fewest})
    assert (least.reads, least.recorded, least.not_inside, least.hold_s, least.expectations) == (
        {}, frozenset(), "", 0.0, ()
    )  # fmt: skip
    assert least.rules[0] == AlertRule(alert="Full", place="rules.yaml:3")


def test_an_incident_that_comes_back_while_it_must_be_gone_is_no_recovery(world: World) -> None:
    """It holds for two of the three seconds for which it must."""
    since: list[float] = []

    def judge(snapshot: Snapshot) -> Seen:
        since.append(snapshot.at)
        return Seen(holds=snapshot.at - since[0] < 2, text="well so far")

    result = not_passed(drill_in(world), world, recovery=(Condition("well", Kind.POD, judge),))
    assert "no recovery" in str(result.reason)


def test_another_incident_is_over_with_its_own_signature_and_detects_nothing(world: World) -> None:
    """What the drill's own signature is judged with knows that something was injected."""
    known: list[bool] = []

    def own(at: Moments) -> tuple[Condition, ...]:
        known.append(at.injected is not None)
        return (NEVER,)

    result = run_toy(control(world, REFUSES), world, signature=(Stage("our own", own),))
    assert result.detected_after_s is None
    assert known == [True]

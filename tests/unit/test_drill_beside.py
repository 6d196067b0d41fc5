"""What a scenario has beside its Prometheus, what it remarks, and the moments that its conditions know."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill_toy import Break, drill_in, run_toy
from tests.unit.drill_world import ALWAYS, NEVER, World, condition, world

from promdrill.core.clock import iso
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, PhaseName, Verdict
from promdrill.drill import DrillNotPassed, Moments, Stage
from promdrill.observe.conditions import Condition

__all__ = ["world"]

QUOTA: dict[str, Any] = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}}
APP: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "namespace": "any", "labels": {}}}


def not_passed(world: World, **plan: Any) -> DrillResult:
    with pytest.raises(DrillNotPassed):
        run_toy(drill_in(world), world, **plan)
    return world.results[0]


def test_objects_beside_are_applied_in_the_drills_namespace_before_prometheus(world: World) -> None:
    world.beside = ("q", "app")
    run_toy(drill_in(world), world, beside=(QUOTA, APP))
    made = ["apply Namespace", "apply StorageClass", "apply ResourceQuota q", "apply Pod app", "install"]
    assert world.done[:5] == made
    assert APP["metadata"]["namespace"] == "any", "the scenario's own object stays as it is"
    assert world.done[-2:] == ["delete namespaces", "observer closed"], "they go with the namespace"


def test_what_is_beside_must_be_ready_at_the_baseline(world: World) -> None:
    result = not_passed(world, beside_ready=(ALWAYS, NEVER))
    assert result.verdict is Verdict.INVALID
    assert "no usable baseline: not seen within" in str(result.reason)
    assert "never" in str(result.reason)
    assert "broken" not in world.done


def test_what_is_beside_must_be_ready_again_at_recovery(world: World) -> None:
    lost = condition("app is there", lambda _: world.broken_at is None)
    result = not_passed(world, beside_ready=(lost,))
    assert result.verdict is Verdict.FAILED
    assert "no recovery: not seen within" in str(result.reason)
    assert "app is there" in str(result.reason)
    assert result.phases[-2].name is PhaseName.RECOVERY


def test_what_is_beside_may_be_away_during_the_incident(world: World) -> None:
    well = condition("app is there", lambda _: not world.ill)
    assert run_toy(drill_in(world), world, beside_ready=(well,)).verdict is Verdict.PASSED


def test_remarks_are_told_with_the_result(world: World) -> None:
    said = ("the node has one disk", "the limit is lower than in the source")
    assert run_toy(drill_in(world), world, remarks=said).remarks == said


def test_remarks_are_told_of_a_drill_that_ended_early_too(world: World) -> None:
    world.starts = False
    assert not_passed(world, remarks=("the node has one disk",)).remarks == ("the node has one disk",)


def test_a_drill_without_remarks_has_none(world: World) -> None:
    assert run_toy(drill_in(world), world).remarks == ()


def test_conditions_know_the_moment_of_the_baseline_whose_samples_are_stored(world: World) -> None:
    seen: list[Moments] = []

    def wanted(at: Moments) -> tuple[Condition, ...]:
        seen.append(at)
        return (condition("as it should be", lambda _: world.ill or at.remediated is not None),)

    result = run_toy(drill_in(world), world, signature=(Stage("down", wanted),), recovery=wanted)
    refuted, observed, recovered = seen
    began = {phase.name: phase.started for phase in result.phases}
    assert refuted.baseline is not None
    assert began[PhaseName.BASELINE] < iso(refuted.baseline) < began[PhaseName.INJECT]
    settled = timedelta(seconds=2)  # two intervals of the toy
    assert refuted.baseline + settled == refuted.began, "what was scraped until then is stored by now"
    assert [at.baseline for at in (observed, recovered)] == [refuted.baseline] * 2
    assert world.remembered == [refuted.baseline.timestamp()], "and it is the one that is asked for again"


def test_objects_come_from_a_file_of_the_scenario(world: World) -> None:
    drill = drill_in(world)
    manifest(world).write_text("kind: Pod\n---\n# nothing\n---\nkind: Service\n")
    assert drill.manifest("app.yaml") == [{"kind": "Pod"}, {"kind": "Service"}]
    drill.site.recording.journal.close()


@pytest.mark.parametrize(
    "text", [None, "kind: [Pod\n", "a: 1\n---\n}\n"], ids=["not there", "no YAML", "no YAML later"]
)
def test_a_file_without_objects_is_refused_in_one_line(world: World, text: str | None) -> None:
    drill = drill_in(world)
    if text is not None:
        manifest(world).write_text(text)
    with pytest.raises(UsageError) as caught:
        drill.manifest("app.yaml")
    assert caught.value.message.startswith(f"{manifest(world)}: ")
    assert "\n" not in caught.value.message
    drill.site.recording.journal.close()


def manifest(world: World) -> Path:
    return world.folder / "toy" / "app.yaml"


def test_a_fault_finds_the_installation_and_its_files(world: World) -> None:
    found: list[Any] = []

    class Look(Break):
        def apply(self, ground: Any, undo: Any) -> Any:
            found.extend((ground.installation.name, ground.installation.files))
            return super().apply(ground, undo)

    run_toy(drill_in(world), world, fault=Look(world))
    assert found == [world.release, (world.values,)]

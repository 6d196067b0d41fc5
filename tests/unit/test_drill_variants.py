"""Controls and ablations: what they leave out, and what must come of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill_toy import Break, drill_in, run_toy
from tests.unit.drill_world import ALWAYS, NEVER, World, world

from promdrill.core import paths
from promdrill.core.errors import CommandFailed, UsageError
from promdrill.core.model import DrillResult, PhaseName, Variant, Verdict
from promdrill.drill import Drill, DrillNotPassed, Stage
from promdrill.drill.timings import timings
from promdrill.drill.variants import ablations, controls, other_repairs
from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.observe.snapshot import Snapshot
from promdrill.results.expected import Need, need
from promdrill.runbook.parse import parse

__all__ = ["world"]

CURE = "sed -i 's/small/large/' \"$VALUES\""
TWO_STEPS = f"{CURE}\n```\n\n```sh\necho done >note"


def ablated(
    world: World, at: int, *, optional: bool = False, remedy: str = TWO_STEPS, verification: str = "true"
) -> Drill:
    """The toy drill without one of its Mitigation steps; of the two that it has by default, the first one cures."""
    drill = drill_in(world, remedy=remedy, verification=verification)
    variant = ablations(parse(drill.site.runbook_file))[at]
    assert variant.left_out is not None
    left_out = replace(variant.left_out, optional=optional)
    execution = replace(drill.site.execution, variant=replace(variant, left_out=left_out))
    drill = Drill(replace(drill.site, execution=execution))
    world.name = drill.site.name
    return drill


def not_due(drill: Drill, world: World, **plan: Any) -> tuple[DrillResult, str]:
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world, **plan)
    return caught.value.result, str(caught.value)


def took_s(result: DrillResult, phase: PhaseName) -> float:
    (found,) = [entry.took_s for entry in result.phases if entry.name is phase]
    assert found is not None
    return found


def test_the_controls_are_those_that_the_scenario_has_the_means_for(tmp_path: Path) -> None:
    written = tmp_path / "runbook.as-written.md"
    assert [variant.control for variant in controls(written, look_alike=False)] == ["no-fault", "no-remedy"]
    source = paths.scenarios_dir() / "rolling-lock" / written.name
    written.write_text(source.read_text())
    found = controls(written, look_alike=True)
    assert [variant.control for variant in found] == ["no-fault", "no-remedy", "other-fault", "as-written"]
    assert all(variant.left_out is None and not variant.skip for variant in found)


def test_a_runbook_that_is_kept_says_why_and_how_it_fails(tmp_path: Path) -> None:
    written = tmp_path / "runbook.as-written.md"
    shutil.copy(paths.scenarios_dir() / "rolling-lock" / "runbook.md", written)
    with pytest.raises(UsageError, match=r"as-written.md:1: .* must say why, and how that shows") as caught:
        controls(written, look_alike=False)
    assert "fails_because: a sentence; fails_with: a pattern" in caught.value.hint


def test_an_ablation_for_each_mitigation_step_of_the_shipped_runbooks() -> None:
    found = ablations(parse(paths.scenarios_dir() / "lifecycle-flag/runbook.md"))
    lines = (paths.scenarios_dir() / "lifecycle-flag/runbook.md").read_text().splitlines()
    assert len(found) == 4
    for variant in found:
        step = variant.left_out
        assert step is not None
        assert variant.control == f"without:runbook.md:{step.line}"
        assert lines[step.line - 1].strip() == step.command
    assert [variant.left_out.optional for variant in found if variant.left_out] == [False, True, False, True]
    assert len({variant.skip for variant in found}) == 4


def test_a_step_without_which_there_is_no_recovery_is_needed(world: World) -> None:
    result = run_toy(ablated(world, 0), world)
    assert (result.verdict, need(result)) == (Verdict.FAILED, Need.NEEDED)
    assert result.recovered_after_s is None
    assert [step.line for step in result.steps] == [18, 28], "diagnosis, and the other step; no verification"
    assert result.left_out is not None
    assert result.left_out.line == 24
    assert result.control == "without:runbook.md:24"


def test_a_recovery_is_not_waited_for_as_long_as_in_the_drill_itself(world: World) -> None:
    limits = timings("fast", 1.0)
    waited_s = took_s(run_toy(ablated(world, 0), world), PhaseName.RECOVERY)
    assert waited_s == pytest.approx(limits.ablation_s + limits.recovery_hold_s, abs=1)
    assert limits.ablation_s < limits.recovery_s


def test_controls_wait_for_as_long_as_the_drill_itself(world: World) -> None:
    limits = timings("fast", 1.0)
    result = run_toy(drill_in(world, variant=Variant("no-remedy")), world)
    assert took_s(result, PhaseName.RECOVERY) == pytest.approx(limits.recovery_s + limits.recovery_hold_s, abs=1)


def test_a_step_without_which_the_next_one_fails_is_needed(world: World) -> None:
    result = run_toy(ablated(world, 0, remedy="touch here\n```\n\n```sh\ntest -e here; " + CURE), world)
    assert (result.verdict, need(result)) == (Verdict.FAILED, Need.NEEDED)
    assert "Mitigation: exit code 1" in str(result.reason)
    assert PhaseName.RECOVERY not in {phase.name for phase in result.phases}


def test_what_an_ablation_leaves_to_the_cluster_may_restart_the_server_after_the_remedy(world: World) -> None:
    """Verification, which waits for that, comes after recovery; in the drill itself this is no recovery."""

    def restarted_meanwhile(_at: object) -> tuple[Condition, ...]:
        world.restarts_before += 1
        return (ALWAYS,)

    result = run_toy(ablated(world, 1, optional=True), world, recovery=restarted_meanwhile)
    assert result.verdict is Verdict.PASSED


def test_an_optional_step_that_is_not_needed_is_as_expected(world: World) -> None:
    result = run_toy(ablated(world, 1, optional=True), world)
    assert (result.verdict, need(result)) == (Verdict.PASSED, Need.NOT_NEEDED)
    assert [phase.name for phase in result.phases][-4:] == ["remediate", "recovery", "remediate", "undo"]
    assert [step.line for step in result.steps] == [18, 24, 34]


def test_a_step_that_is_not_needed_and_not_marked_is_caught(world: World) -> None:
    result, sentence = not_due(ablated(world, 1), world)
    assert need(result) is Need.NOT_NEEDED
    assert sentence == "toy: the step at runbook.md:28 is not needed, and not marked optional"


def test_an_optional_step_that_is_needed_is_caught(world: World) -> None:
    result, sentence = not_due(ablated(world, 0, optional=True), world)
    assert need(result) is Need.NEEDED
    assert sentence.startswith("toy: the step at runbook.md:24 is marked optional, but needed; without it")


def test_a_step_that_only_verification_asks_for(world: World) -> None:
    result = run_toy(ablated(world, 1, verification="test -e note"), world)
    assert (result.verdict, need(result)) == (Verdict.FAILED, Need.ONLY_VERIFIED)
    assert result.recovered_after_s is not None
    assert "Verification" in str(result.reason)
    assert [step.exit_code for step in result.steps] == [0, 0, 1], "one shell: the folder of the first steps"


def test_an_optional_step_that_verification_asks_for_is_caught(world: World) -> None:
    _, sentence = not_due(ablated(world, 1, optional=True, verification="test -e note"), world)
    assert "is marked optional, but needed only for verification" in sentence


def test_what_steps_leave_running_is_there_for_the_next_step_and_gone_at_recovery(world: World) -> None:
    remedy = CURE + '\nsleep 300 &\necho "$!" >"$VALUES.pid"\n```\n\n```sh\nkill -0 "$!"'
    alive: list[bool] = []

    def recovery(_at: object) -> tuple[Condition, ...]:
        process = Path("/proc", Path(f"{world.values}.pid").read_text().strip())
        alive.append(process.exists() and process.joinpath("cmdline").read_bytes() != b"")  # empty once it has ended
        return (ALWAYS,)

    run_toy(drill_in(world, remedy=remedy), world, recovery=recovery)
    assert alive == [False]


@pytest.mark.parametrize("optional", [True, False])
def test_an_ablation_that_shows_nothing_is_caught(world: World, optional: bool) -> None:
    world.breaks = False
    result, sentence = not_due(ablated(world, 0, optional=optional), world)
    assert (result.verdict, need(result)) == (Verdict.INVALID, Need.UNKNOWN)
    assert "runbook.md:24 was not judged; the drill without it ended invalid: the incident was not observed" in sentence


def test_an_ablation_that_the_harness_cannot_carry_out_is_caught(world: World) -> None:
    world.helm_error = CommandFailed(["helm", "install"], 1, "no")
    result, _ = not_due(ablated(world, 0), world)
    assert (result.verdict, need(result)) == (Verdict.ABORTED, Need.UNKNOWN)


def test_an_incident_that_heals_by_itself_is_caught_by_the_control_without_the_remedy(world: World) -> None:
    world.heals_after_s = 4
    with pytest.raises(DrillNotPassed, match="no-remedy must end failed in recovery; it ended passed"):
        run_toy(drill_in(world, variant=Variant("no-remedy")), world, persistence=None)


def test_a_signature_that_always_holds_is_caught_by_the_control_without_the_fault(world: World) -> None:
    with pytest.raises(DrillNotPassed, match="no-fault must end invalid in signature"):
        run_toy(drill_in(world, variant=Variant("no-fault")), world, signature=(Stage("always", (ALWAYS,)),))


UNSEEN = Condition("nobody answers", Kind.HTTP, lambda _: unknown("not answered: HTTP 503"))


@pytest.mark.parametrize("others", [(), (ALWAYS,)], ids=["alone", "beside one that holds"])
def test_a_signature_that_is_not_known_to_be_missing_aborts_the_control_without_the_fault(
    world: World, others: tuple[Condition, ...]
) -> None:
    """It was known at the baseline, and is asked in vain since."""
    known = [Seen(holds=False, text="it answers")]

    def judge(_snapshot: Snapshot) -> Seen:
        return known.pop() if known else unknown("not answered: HTTP 503")

    drill = drill_in(world, variant=Variant("no-fault"))
    wanted = (*others, Condition("nobody answers", Kind.HTTP, judge))
    result, sentence = not_due(drill, world, signature=(Stage("unseen", wanted),))
    assert (result.verdict, result.phases[-2].name) == (Verdict.ABORTED, PhaseName.SIGNATURE)
    assert "not known whether it ended as it must: nobody answers: not answered: HTTP 503" in sentence


@pytest.mark.parametrize("variant", [Variant("no-remedy"), None])
def test_a_recovery_that_is_not_known_to_be_missing_aborts_the_control_or_ablation(
    world: World, variant: Variant | None
) -> None:
    world.heals_after_s = 9
    drill = ablated(world, 0) if variant is None else drill_in(world, variant=variant)
    result, sentence = not_due(drill, world, persistence=None, recovery=(UNSEEN,))
    assert (result.verdict, result.phases[-2].name) == (Verdict.ABORTED, PhaseName.RECOVERY)
    assert "nobody answers: not answered" in sentence


def test_one_condition_that_is_known_not_to_hold_is_enough(world: World) -> None:
    drill = drill_in(world, variant=Variant("no-fault"))
    assert run_toy(drill, world, signature=(Stage("unseen", (UNSEEN, NEVER)),)).verdict is Verdict.INVALID


def test_a_control_whose_own_acts_do_nothing_is_aborted(world: World) -> None:
    drill = drill_in(world, variant=Variant("no-fault"))
    stage = Stage("after a restart", (NEVER,), before=Break(world, proof=(NEVER,)))
    result, sentence = not_due(drill, world, signature=(stage,))
    assert result.verdict is Verdict.ABORTED
    assert "the no-fault drill could not be carried out: the incident was not observed: not seen within" in sentence


def test_a_remedy_that_does_nothing_is_caught_by_its_ablation(world: World) -> None:
    world.remedy_works, world.heals_after_s = False, 9
    _, sentence = not_due(ablated(world, 0), world)
    assert "is not needed, and not marked optional" in sentence


def as_written(world: World, fails_with: str = "", *, remedy: str = "true", **site: Any) -> Drill:
    """A drill with a runbook that says how it fails."""
    drill = drill_in(world, variant=Variant("as-written"), remedy=remedy, **site)
    if fails_with:
        said = f"fails_because: nobody is cured\nfails_with: '{fails_with}'\ntitle:"
        drill.site.runbook_file.write_text(drill.site.runbook_file.read_text().replace("title:", said))
    return drill


@pytest.mark.parametrize(
    ("fails_with", "remedy", "verification", "steps"),
    [
        ("server pod 2/2: .* 1/2 Running", "true", "true", 3),
        ("Forbidden: may not", "echo 'spec: Forbidden: may not'; false", "true", 2),
        ("timed out", "true", "echo 'error: timed out' >&2; false", 3),
    ],
)
def test_a_remedy_that_does_not_work_as_written_ends_failed_as_it_must(
    world: World, fails_with: str, remedy: str, verification: str, steps: int
) -> None:
    result = run_toy(as_written(world, fails_with, remedy=remedy, verification=verification), world)
    assert (result.verdict, len(result.steps)) == (Verdict.FAILED, steps)


@pytest.mark.parametrize(
    ("fails_with", "remedy", "why"),
    [
        (
            "Forbidden",
            "echo 'error: not this' >&2; false",
            "it failed, but not as its fails_with says, /Forbidden/: ",
        ),
        ("Forbidden", "true", "it failed, but not as its fails_with says, /Forbidden/: no recovery: "),
        ("", "true", "its runbook lacks fails_because or fails_with: no recovery: "),
    ],
)
def test_a_remedy_that_fails_otherwise_than_it_says_proves_nothing(
    world: World, fails_with: str, remedy: str, why: str
) -> None:
    result, sentence = not_due(as_written(world, fails_with, remedy=remedy), world)
    assert result.verdict is Verdict.INVALID
    assert sentence.startswith(f"toy: the control as-written must end failed; it ended invalid: {why}")


def test_a_slip_in_its_diagnosis_does_not_prove_that_a_remedy_does_not_work(world: World) -> None:
    drill = as_written(world, "command not found")
    text = drill.site.runbook_file.read_text()
    drill.site.runbook_file.write_text(text.replace("grep ", "gerp "))
    _, sentence = not_due(drill, world)
    assert "it ended invalid: the runbook ended in Diagnosis, before its remedy was tried: " in sentence
    assert "gerp: command not found" in sentence


@pytest.mark.parametrize("remedy", ["gerp x", "gerp x | cat >/dev/null; false", "gerp x || true", "gerp x; false"])
def test_a_misspelt_command_does_not_prove_that_a_remedy_does_not_work(world: World, remedy: str) -> None:
    result, sentence = not_due(as_written(world, ".", remedy=remedy), world)
    assert result.verdict is Verdict.INVALID
    assert "ended invalid: one of its steps names a command that does not exist: " in sentence


def test_a_remedy_as_written_whose_failure_is_not_known_is_aborted(world: World) -> None:
    drill = as_written(world, "nobody answers", remedy=CURE)
    assert not_due(drill, world, recovery=(UNSEEN,))[0].verdict is Verdict.ABORTED


def test_a_remedy_that_works_as_written_is_caught(world: World) -> None:
    with pytest.raises(DrillNotPassed, match=r"toy: the control as-written must end failed; it ended passed$"):
        run_toy(drill_in(world, variant=Variant("as-written")), world)


def test_why_a_remedy_does_not_work_is_told_with_the_result(world: World) -> None:
    result = run_toy(as_written(world, "1/2"), world, remarks=("the first",))
    assert result.remarks == ("the first", "as written: nobody is cured")


REFUSED = """---
id: toy
title: other repairs
---

## Refused: it is only called large

```sh name=called-large
{bad}
```

> {missing}

## Accepted: another size that is large

```sh name=larger
sed -i 's/size: small/size: larger/' "$VALUES"
```
"""


def repaired(
    world: World, at: int, *, bad: str = "true", missing: str = "server pod 2/2: ... 1/2 Running", **site: Any
) -> Drill:
    """The toy drill with one of its other repairs."""
    drill = drill_in(world, **site)
    file = drill.site.scenario_dir / "repairs.md"
    file.write_text(REFUSED.format(bad=bad, missing=missing))
    drill = Drill(replace(drill.site, execution=replace(drill.site.execution, variant=other_repairs(file)[at])))
    world.name = drill.site.name
    return drill


def test_a_variant_for_each_other_repair(tmp_path: Path) -> None:
    file = tmp_path / "repairs.md"
    assert other_repairs(file) == ()
    file.write_text(REFUSED.format(bad="true", missing="x"))
    assert other_repairs(file) == (
        Variant("refused:called-large", repair_line=9),
        Variant("accepted:larger", repair_line=17),
    )


def test_a_repair_that_is_none_is_refused_by_recovery(world: World) -> None:
    result = run_toy(repaired(world, 0, verification="false"), world)
    assert (result.verdict, result.control) == (Verdict.FAILED, "refused:called-large")
    assert [(step.file, step.section) for step in result.steps] == [
        ("runbook.md", "Diagnosis"),
        ("repairs.md", "Mitigation"),
    ]
    assert result.remarks == ("another repair: it is only called large",)
    assert {file.name for file in (world.folder / "report").glob("*.md")} == {"runbook.md", "repairs.md"}
    assert world.name == "toy-repair-9"


def test_a_repair_that_is_as_good_is_accepted(world: World) -> None:
    result = run_toy(repaired(world, 1, verification="false"), world)
    assert (result.verdict, result.control) == (Verdict.PASSED, "accepted:larger")


def test_a_bad_repair_that_recovery_accepts_is_caught(world: World) -> None:
    _, sentence = not_due(repaired(world, 0, bad=CURE), world)
    assert sentence == "toy: the control refused:called-large must end failed in recovery; it ended passed"


def test_a_good_repair_that_recovery_refuses_is_caught(world: World) -> None:
    world.remedy_works = False
    _, sentence = not_due(repaired(world, 1), world)
    assert sentence.startswith("toy: the control accepted:larger must end passed; it ended failed: no recovery: ")


def test_a_bad_repair_that_is_refused_for_another_reason_proves_nothing(world: World) -> None:
    result, sentence = not_due(repaired(world, 0, missing="the volume has grown"), world)
    assert result.verdict is Verdict.INVALID
    assert "it was refused, but for another reason than repairs.md:9 quotes: no recovery: " in sentence


def test_a_bad_repair_that_is_not_carried_out_proves_nothing(world: World) -> None:
    result, sentence = not_due(repaired(world, 0, bad="echo 'server pod 2/2: 1/2 Running'; false"), world)
    assert result.verdict is Verdict.INVALID
    assert "ended invalid: the repair was not carried out: the runbook did not get through: " in sentence
    assert "repairs.md:9: Mitigation: exit code 1" in sentence


def test_a_refusal_that_is_not_known_is_aborted(world: World) -> None:
    result, _ = not_due(repaired(world, 0, bad=CURE), world, recovery=(UNSEEN,))
    assert result.verdict is Verdict.ABORTED

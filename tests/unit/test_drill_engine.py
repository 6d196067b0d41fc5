"""The engine, driven through every verdict in a fake world."""

import contextlib
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

import pytest
from tests.unit.drill_toy import Break, drill_in, run_toy
from tests.unit.drill_world import ALWAYS, DOWN, LABELS, NEVER, World, condition, server_ready, world
from tests.unit.observe_world import noted
from tests.unit.test_drill_alerts import Watching, Witness, plan

from promdrill.cluster import owners
from promdrill.core.alerts import AlertState, Evaluator
from promdrill.core.errors import CommandFailed, UsageError
from promdrill.core.events import AlertChanged, Event, StepBegan, WaitBegan, decode
from promdrill.core.model import AT_ONCE, DrillResult, ObserverFigures, PhaseName, Variant, Verdict
from promdrill.drill import Drill, DrillNotPassed, Moments, Persistence, Stage, baseline
from promdrill.drill import alerts as drill_alerts
from promdrill.drill.ground_lost import GroundLost, Silence
from promdrill.drill.running import Run
from promdrill.faults import Ground, Undo
from promdrill.kube.client import ApiError
from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.observe.snapshot import Snapshot
from promdrill.observe.targets import Demand, Target
from promdrill.results.alerts.expectations import Expectation
from promdrill.results.alerts.marks import Mark

__all__ = ["world"]

UNDONE = ["mended", "uninstall", "delete storageclasses", "delete namespaces", "observer closed"]


def phases(result: DrillResult) -> list[PhaseName]:
    return [phase.name for phase in result.phases]


def took_s(result: DrillResult, phase: PhaseName) -> float:
    (found,) = [entry.took_s for entry in result.phases if entry.name is phase]
    assert found is not None
    return found


def not_passed(world: World, *, site: dict[str, Any] | None = None, **plan: Any) -> DrillResult:
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill_in(world, **site or {}), world, **plan)
    assert [caught.value.result] == world.results
    assert str(world.results[0].reason) in str(caught.value)
    assert phases(world.results[0])[-1] is PhaseName.UNDO
    return world.results[0]


def test_a_good_drill_passes(world: World) -> None:
    result = run_toy(drill_in(world), world)
    assert result.verdict is Verdict.PASSED
    assert result.reason is None
    assert world.results == [result]
    assert phases(result) == list(PhaseName)
    assert all(phase.took_s is not None for phase in result.phases)
    assert result.app_version == "2.48.0"
    assert result.detected_after_s == 0
    assert result.recovered_after_s is not None
    assert result.alerts is None, "as no rules were given"
    assert [(step.file, step.exit_code) for step in result.steps] == [("runbook.md", 0)] * 3
    assert world.done[-5:] == UNDONE


def test_persistence_is_waited_for(world: World) -> None:
    result = run_toy(drill_in(world), world)
    took = {phase.name: phase.took_s for phase in result.phases}
    assert took[PhaseName.PERSISTENCE] == pytest.approx(6, abs=1)  # two restarts, one each 3 s
    assert took[PhaseName.BASELINE] == pytest.approx(3, abs=1)  # held


def test_restarts_are_counted_from_the_moment_and_not_from_the_pods_first(world: World) -> None:
    world.restarts_before = 5
    assert took_s(run_toy(drill_in(world), world), PhaseName.PERSISTENCE) == pytest.approx(6, abs=1)


def test_the_signature_is_asked_for_after_the_restarts(world: World) -> None:
    """In a wait of its own: answers from before the last restart do not count."""
    run_toy(drill_in(world), world)
    waits = [event.wanted for event in noted(world.journal, WaitBegan)]
    restarts = waits.index(("at least 2 restarts of the server",))
    assert waits[restarts + 1] == (DOWN.name,)


def test_the_baseline_holds_until_the_samples_of_its_first_moment_are_stored(world: World) -> None:
    drill = drill_in(world)
    slow = "server:\n  size: small\n  global: {scrape_interval: 5s}\n"
    (world.folder / "toy" / "values.yaml").write_text(slow)
    assert took_s(run_toy(drill, world), PhaseName.BASELINE) == pytest.approx(10, abs=1)


def test_the_baseline_is_proven_again_after_a_wait_for_the_turn(world: World) -> None:
    def until_turn() -> float:
        world.done.append("turn")
        world.clock.now += 40
        return 40.0

    result = run_toy(drill_in(world, until_turn=until_turn), world)
    assert result.verdict is Verdict.PASSED
    assert phases(result) == [*list(PhaseName)[:2], PhaseName.BASELINE, *list(PhaseName)[2:]]
    assert world.done.index("turn") < world.done.index("broken")
    took_s = [phase.took_s for phase in result.phases if phase.name is PhaseName.BASELINE]
    assert took_s == [pytest.approx(3, abs=1), pytest.approx(1, abs=1)], "the wait is in neither"


def test_a_replica_that_was_not_seen_ready_has_to_hold_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would know that it was restarted meanwhile."""
    monkeypatch.setattr(Run, "of", lambda *_: None)
    result = run_toy(drill_in(world, until_turn=lambda: 40.0), world)
    took_s = [phase.took_s for phase in result.phases if phase.name is PhaseName.BASELINE]
    assert took_s == [pytest.approx(3, abs=1)] * 2


def test_a_restart_while_it_waits_makes_the_drill_invalid_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Run(uid="of another pod", restarts={})
    monkeypatch.setattr(Run, "of", lambda *_: before)
    result = not_passed(world, site={"until_turn": lambda: 40.0})
    assert result.verdict is Verdict.INVALID
    assert "the server was restarted after the baseline" in str(result.reason)
    assert [phase.took_s for phase in result.phases if phase.name is PhaseName.BASELINE][-1] == pytest.approx(0, abs=1)


def test_what_waits_for_no_turn_proves_its_baseline_once(world: World) -> None:
    result = run_toy(drill_in(world, until_turn=lambda: 0.9), world)
    assert phases(result) == list(PhaseName)


def test_a_baseline_that_is_gone_after_such_a_wait_makes_the_drill_invalid(world: World) -> None:
    def until_turn() -> float:
        world.broken_at = world.clock.now
        return 40.0

    result = not_passed(world, site={"until_turn": until_turn})
    assert (result.verdict, phases(result)[-2]) == (Verdict.INVALID, PhaseName.BASELINE)


@pytest.mark.parametrize(
    ("control", "verification", "begun"),
    [
        (None, "true", ["Diagnosis", "Mitigation"]),
        (None, "", ["Diagnosis", "Mitigation"]),
        ("no-remedy", "true", []),
    ],
)
def test_its_turn_is_over_when_the_remedy_is_carried_out(
    world: World, control: str | None, verification: str, begun: list[str]
) -> None:
    heard: list[list[str]] = []

    def turn_over() -> None:
        heard.append([each.section for each in noted(world.journal, StepBegan)])

    drill = drill_in(world, variant=Variant(control), verification=verification or "true", turn_over=turn_over)
    if not verification:
        text = drill.site.runbook_file.read_text()
        drill.site.runbook_file.write_text(text.replace("```sh\ntrue\n```\n", "It is large.\n"))
    with contextlib.suppress(DrillNotPassed):
        run_toy(drill, world)
    assert heard[0] == begun


def test_the_journal_tells_the_story(world: World) -> None:
    run_toy(drill_in(world), world)
    lines = [json.loads(line) for line in (world.folder / "report" / "journal.jsonl").read_text().splitlines()]
    events = [line["event"] for line in lines]
    wanted = ["drill-begin", "fault", "fault-confirmed", "stage-begin", "stage-seen", "step", "undo", "verdict"]
    assert [event for event in dict.fromkeys(events) if event in wanted] == wanted
    assert [line["phase"] for line in lines if line["event"] == "phase-begin"] == list(PhaseName)
    assert next(line for line in lines if line["event"] == "observer")["figures"]["detections"] == 1
    assert [decode(json.dumps(line)).event.name for line in lines] == events


def test_the_result_says_how_well_the_drill_was_observed(world: World) -> None:
    observer = run_toy(drill_in(world), world).observer
    assert observer == ObserverFigures(
        detect_p95_s=0.1, detections=1, api_requests=9, prometheus_questions=3, relists=0
    )


def test_the_result_says_what_the_drills_process_used(world: World) -> None:
    process = run_toy(drill_in(world), world).process
    assert process is not None
    assert (process.cpu_s or 0) >= 0
    assert (process.start_cpu_s or 0) > 0
    assert (process.peak_bytes or 0) > 2**20


def test_a_drill_that_ends_early_was_observed_too(world: World) -> None:
    world.starts = False
    assert not_passed(world).observer is not None


def test_no_baseline_is_invalid(world: World) -> None:
    world.starts = False
    result = not_passed(world)
    assert result.verdict is Verdict.INVALID
    assert "no usable baseline" in str(result.reason)
    assert "broken" not in world.done


def test_a_fault_that_is_never_observed_is_invalid(world: World) -> None:
    world.breaks = False
    result = not_passed(world)
    assert result.verdict is Verdict.INVALID
    assert "not observed" in str(result.reason)
    assert "server is down" in str(result.reason)
    assert result.steps == ()
    assert world.done[-5:] == UNDONE


def test_a_fault_that_is_not_confirmed_is_invalid(world: World) -> None:
    result = not_passed(world, fault=Break(world, proof=(NEVER,)))
    assert result.verdict is Verdict.INVALID
    assert "not confirmed" in str(result.reason)
    assert "mended" in world.done


def test_a_signature_that_holds_at_the_baseline_is_invalid(world: World) -> None:
    result = not_passed(world, signature=(Stage("down", (DOWN,)), Stage("says nothing", (ALWAYS,))))
    assert result.verdict is Verdict.INVALID
    assert "'says nothing' holds already" in str(result.reason)
    assert "broken" not in world.done


def test_what_is_not_known_before_the_fault_is_no_proof_that_the_signature_does_not_hold(world: World) -> None:
    dark = Condition("dark", Kind.HTTP, lambda _: unknown("the API server could not be asked: refused"))
    result = not_passed(world, signature=(Stage("down", (DOWN,)), Stage("answers", (ALWAYS, dark))))
    assert result.verdict is Verdict.INVALID
    assert "the stage 'answers': dark: the API server could not be asked: refused" in str(result.reason)
    assert "broken" not in world.done


def test_one_condition_that_is_known_not_to_hold_refutes_a_stage(world: World) -> None:
    dark = Condition(
        "dark", Kind.HTTP, lambda s: unknown("no answer") if server_ready(s) else Seen(holds=True, text="")
    )
    result = run_toy(drill_in(world), world, signature=(Stage("down", (dark, DOWN)),))
    assert result.verdict is Verdict.PASSED


@pytest.mark.parametrize("signature", [(), (Stage("empty", ()),)])
def test_an_empty_signature_is_invalid(world: World, signature: tuple[Stage, ...]) -> None:
    assert not_passed(world, signature=signature).verdict is Verdict.INVALID
    assert "broken" not in world.done


def test_a_stage_that_partly_holds_at_the_baseline_is_fine(world: World) -> None:
    result = run_toy(drill_in(world), world, signature=(Stage("both", (ALWAYS, DOWN)),))
    assert result.verdict is Verdict.PASSED


def test_an_incident_that_heals_by_itself_is_invalid(world: World) -> None:
    world.heals_after_s = 4
    result = not_passed(world)
    assert result.verdict is Verdict.INVALID
    assert "healed by itself" in str(result.reason)
    assert phases(result)[-2] is PhaseName.PERSISTENCE
    assert result.steps == ()


def test_an_incident_that_heals_while_it_must_hold_is_invalid(world: World) -> None:
    world.heals_after_s = 4
    result = not_passed(world, persistence=Persistence(hold_s=10))
    assert "healed by itself" in str(result.reason)


def test_an_incident_that_heals_by_design_is_not_asked_to_last(world: World) -> None:
    world.heals_after_s = 4
    assert run_toy(drill_in(world), world, persistence=None).verdict is Verdict.PASSED


def test_a_remedy_that_does_nothing_is_failed(world: World) -> None:
    world.remedy_works = False
    result = not_passed(world)
    assert result.verdict is Verdict.FAILED
    assert "no recovery" in str(result.reason)
    assert "server pod 2/2" in str(result.reason)
    assert len(result.steps) == 3
    assert result.recovered_after_s is None
    assert world.done[-5:] == UNDONE


def test_recovery_counts_failures_from_the_moment_of_the_remedy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No two moments are the same in this world."""
    utc = world.clock.utc
    moments: list[Moments] = []

    def later() -> datetime:
        world.clock.now += 0.001
        return utc()

    monkeypatch.setattr(world.clock, "utc", later)

    def recovery(at: Moments) -> tuple[Condition, ...]:
        moments.append(at)
        return (ALWAYS,)

    run_toy(drill_in(world), world, recovery=recovery)
    (at,) = moments
    assert at.remediating is not None
    assert at.remediated is not None
    assert at.remediating < at.remediated < at.began
    assert world.metrics_since[-1] == at.remediated


def test_a_restart_after_the_remedy_is_no_recovery(world: World) -> None:
    def restarted_meanwhile(_at: object) -> tuple[Condition, ...]:
        world.restarts_before += 1
        return (ALWAYS,)

    result = not_passed(world, recovery=restarted_meanwhile)
    assert result.verdict is Verdict.FAILED
    assert "nothing restarted since the remedy: prometheus-server-0: restarted since: prometheus-server 1" in str(
        result.reason
    )


def test_a_server_that_comes_up_after_the_remedy_may_have_restarted_for_it(world: World) -> None:
    """A container that waits in its back-off when the remedy ends is started once more."""
    world.restarts_before = 1

    def comes_up(_at: object) -> tuple[Condition, ...]:
        world.values.write_text("size: large")
        world.restarts_before += 1
        return (ALWAYS,)

    result = run_toy(drill_in(world, remedy="true"), world, recovery=comes_up)
    assert result.verdict is Verdict.PASSED


def test_a_server_that_has_run_no_longer_than_before_it_crashed_may_be_in_a_crash_loop(world: World) -> None:
    world.crashed_after_s = 35.0
    result = not_passed(world)
    assert result.verdict is Verdict.FAILED
    assert "running for more than 72 s: prometheus-server-0 has been running for 59 s" in str(result.reason)


def test_a_step_that_fails_is_failed_at_its_line(world: World) -> None:
    result = not_passed(world, site={"remedy": "echo trying\nfalse"})
    assert result.verdict is Verdict.FAILED
    assert "runbook.md:25" in str(result.reason)
    assert [step.exit_code for step in result.steps] == [0, 1]


def test_a_step_that_bash_cannot_read_ends_the_drill_before_it_begins(world: World) -> None:
    result = not_passed(world, site={"remedy": "echo good\necho 'open"})
    assert "runbook.md:25:1: not a complete command: " in str(result.reason)
    assert result.steps == ()
    assert phases(result) == [PhaseName.UNDO]
    assert not [each for each in world.done if "upgrade" in each or "install" in each]


def test_lost_history_is_failed(world: World) -> None:
    world.keeps_history = False
    result = not_passed(world)
    assert result.verdict is Verdict.FAILED
    assert "history is there" in str(result.reason)


def test_history_may_be_lost_by_design(world: World) -> None:
    world.keeps_history = False
    assert run_toy(drill_in(world, data_loss=True), world).verdict is Verdict.PASSED


def test_a_drill_without_a_gap_has_lost_nothing(world: World) -> None:
    assert run_toy(drill_in(world), world).samples.lost == 0


def test_lost_samples_are_those_of_the_targets_that_the_baseline_had(world: World) -> None:
    """Nothing is stored that a query finds: all is lost, and the number says so."""
    world.keeps_samples = False
    result = run_toy(drill_in(world), world)
    assert result.verdict is Verdict.PASSED
    (job,) = result.samples.jobs
    assert (job.job, job.stored, job.lost) == ("prometheus", 0, result.samples.lost)
    assert job.lost > 0
    assert job.lost % len(LABELS) == 0


def test_with_the_users_jobs_the_baseline_learns_what_is_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five targets two are never scraped with success: nothing is asked of them, and the result says so."""
    wanted: list[tuple[Demand, dict[str, int]]] = []

    def valid_metrics(_: object, *, demand: Demand, jobs: Mapping[str, int], **__: object) -> tuple[Condition, ...]:
        wanted.append((demand, dict(jobs)))
        return (condition("metrics are valid", server_ready),)

    def targets(_: object, __: object, *, since_s: float, interval_s: float, **___: object) -> tuple[Target, ...]:
        return tuple(Target(labels, interval_s, since_s if n < 3 else None) for n, labels in enumerate(LABELS))

    monkeypatch.setattr(baseline, "valid_metrics", valid_metrics)
    monkeypatch.setattr(baseline, "targets", targets)
    drill = drill_in(world)
    drill.site = replace(drill.site, drilled=replace(drill.site.drilled, keeps_scrapes=True))
    result = run_toy(drill, world)
    assert wanted[0] == (Demand.TRIED, {"prometheus": 1})
    assert wanted[-1] == (Demand.LEAST, {"prometheus": 3})
    assert result.remarks == ("Not up before the fault, and so not asked for after it: prometheus (2).",)


def test_conditions_know_the_scrape_interval(world: World) -> None:
    seen: list[float] = []

    def down(at: Any) -> tuple[Condition, ...]:
        seen.append(at.interval_s)
        return (DOWN,)

    run_toy(drill_in(world), world, signature=(Stage("it is down", down),))
    assert set(seen) == {1.0}


def test_a_wait_in_which_nothing_answers_ends_with_what_is_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(silence: Silence, _snapshot: Snapshot) -> Seen:
        if "large" in world.values.read_text():  # the remedy is done
            raise GroundLost(silence.trouble())
        return unknown("not yet")

    monkeypatch.setattr(Silence, "_judge", judge)
    world.trouble = lambda _since: "node container toy is exited, exit code 137"
    result = not_passed(world)
    assert result.verdict is Verdict.ABORTED
    assert result.reason == "node container toy is exited, exit code 137; noticed during recovery"


def test_recovery_asks_for_the_scenarios_own_conditions(world: World) -> None:
    result = not_passed(world, recovery=(NEVER,))
    assert result.verdict is Verdict.FAILED
    assert "never" in str(result.reason)


def test_recovery_conditions_know_the_moments(world: World) -> None:
    seen: list[Any] = []

    def recovery(at: Any) -> tuple[Any, ...]:
        seen.append(at)
        return (condition("recovered", server_ready),)

    run_toy(drill_in(world), world, recovery=recovery)
    (at,) = seen
    assert at.injected < at.remediating <= at.remediated <= at.began
    assert at.pod_uid == "uid-0"


def test_a_stage_afterwards_is_proven_too(world: World) -> None:
    again = Break(world)
    result = not_passed(world, afterwards=(Stage("after it", (NEVER,), before=again),))
    assert result.verdict is Verdict.FAILED
    assert world.done.count("broken") == 2
    assert world.done[-6:] == ["mended", *UNDONE]


def test_a_slip_of_the_scenarios_own_test_is_told_with_its_line(world: World) -> None:
    test = world.folder / "toy" / "test_toy.py"
    drill = drill_in(world)
    test.write_text("\n\ndef recovery(at):\n    return {}['grups']\n")
    made: dict[str, Any] = {}
    exec(compile(test.read_text(), str(test), "exec"), made)  # noqa: S102  as pytest does
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world, recovery=made["recovery"])
    assert caught.value.result.verdict is Verdict.ABORTED
    assert "the scenario's test failed during recovery: test_toy.py:4: KeyError: 'grups'" in str(caught.value)
    lines = [json.loads(line) for line in (world.folder / "report" / "journal.jsonl").read_text().splitlines()]
    (ended,) = (line for line in lines if line["event"] == "ended-early")
    assert "test_toy.py" in "".join(ended["traceback"])
    assert world.done[-5:] == UNDONE


def test_one_condition_in_place_of_several_is_refused_where_it_is_written(world: World) -> None:
    single = "a tuple, not a single condition: server is down"
    with pytest.raises(UsageError, match=f"the conditions of the stage 'down' are {single}"):
        Stage("down", DOWN)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"the proof of Break is {single}"):
        Break(world, proof=DOWN)  # type: ignore[arg-type]
    result = not_passed(world, recovery=lambda _at: DOWN)
    assert result.verdict is Verdict.ABORTED
    assert str(result.reason).startswith(
        "bad input, found during recovery: conditions are a tuple, not a single condition: server"
    )


def test_a_harness_error_is_aborted_and_undone(world: World) -> None:
    output = "coalesce.go: warning\nError: the provided network does not match\n\nUse --debug for more"
    world.helm_error = CommandFailed(["helm", "install", "x" * 500], 1, output, env={"HELM_HOME": "/x"})
    result = not_passed(world)
    assert result.verdict is Verdict.ABORTED
    cause = "the harness failed during provision: Error: the provided network does not match (exit code 1: helm install"
    assert str(result.reason).startswith(cause), "the cause first, then the command"
    assert not result.interrupted
    assert world.done[-4:] == UNDONE[1:]


def test_a_refusal_is_the_reason_first_and_whole(world: World) -> None:
    sentence = f"INSTALLATION FAILED: Service x is invalid: {'x' * 900}: the provided network does not match"
    refused = CommandFailed(["/opt/helm", "install", "x" * 500], 1, "any", env={"HELM_HOME": "/x"})
    refused.refusal = sentence
    world.helm_error = refused
    result = not_passed(world)
    assert (result.verdict, result.reason) == (
        Verdict.ABORTED,
        f"{sentence} (helm install, during provision: exit code 1)",
    )


def test_a_refusal_of_the_api_server_is_the_reason(world: World) -> None:
    said = '{"kind": "Status", "reason": "Invalid", "message": "spec.x: Invalid value: 3"}'
    world.helm_error = ApiError("PATCH /apis/x", 422, said)
    expected = "spec.x: Invalid value: 3 (the API server, during provision: PATCH /apis/x)"
    assert not_passed(world).reason == expected


def test_an_api_server_that_is_ill_is_no_refusal(world: World) -> None:
    world.helm_error = ApiError("GET /x", 503, "starting")
    assert str(not_passed(world).reason).startswith("the harness failed during provision: GET /x: HTTP 503: starting")


@pytest.mark.parametrize(
    "variant", [Variant(), Variant("no-remedy"), Variant("no-fault")], ids=lambda v: v.control or "drill"
)
def test_a_drill_whose_ground_is_gone_is_aborted_with_the_cause_first(world: World, variant: Variant) -> None:
    """Whatever it would have ended as: a dead node says nothing of a fault or a remedy."""
    began: list[datetime] = []

    def trouble(since: datetime) -> str:
        began.append(since)
        return "node container toy is exited, exit code 137"

    world.remedy_works, world.trouble = False, trouble
    start = world.clock.utc()
    result = not_passed(world, site={"variant": variant})
    assert result.verdict is Verdict.ABORTED
    phase = "signature" if variant.control == "no-fault" else "recovery"
    assert str(result.reason).startswith(f"node container toy is exited, exit code 137; noticed during {phase}: ")
    assert began == [start]


def test_a_drill_that_passed_asks_nobody_what_became_of_its_ground(world: World) -> None:
    world.trouble = lambda _since: pytest.fail("asked")
    run_toy(drill_in(world), world)


def test_ctrl_c_is_recorded_undone_and_raised(world: World) -> None:
    def interrupt(_undo: Undo) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_toy(drill_in(world), world, fault=Break(world, then=interrupt))
    assert world.results[0].verdict is Verdict.ABORTED
    assert "inject" in str(world.results[0].reason)
    assert world.results[0].interrupted
    assert world.done[-5:] == UNDONE


def test_sigterm_is_recorded_undone_and_raised(world: World) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def terminate(_undo: Undo) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        run_toy(drill_in(world), world, fault=Break(world, then=terminate))
    assert world.results[0].verdict is Verdict.ABORTED
    assert world.done[-5:] == UNDONE
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_error_in_the_undo_hides_nothing_and_stops_nothing(world: World) -> None:
    def spoil(undo: Undo) -> None:
        undo.register("go wrong", lambda: 1 / 0)

    world.remedy_works = False
    result = not_passed(world, fault=Break(world, then=spoil))
    assert result.verdict is Verdict.FAILED
    assert world.done[-5:] == UNDONE
    journal = (world.folder / "report" / "journal.jsonl").read_text()
    assert "ZeroDivisionError" in journal


def test_a_drill_that_could_not_be_undone_passed_and_is_not_as_expected(world: World) -> None:
    drill = drill_in(world)
    fault = Break(world, then=lambda undo: undo.register("give it back", lambda: 1 / 0))
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world, fault=fault)
    result = caught.value.result
    assert (result.verdict, result.reason) == (Verdict.PASSED, None)
    assert result.not_undone == ("give it back: ZeroDivisionError: division by zero",)
    assert owners.not_undone(world.folder / "private") == result.not_undone, (
        "remembered for a later run in this cluster"
    )
    assert world.results == [result]
    assert str(caught.value) == (
        "toy passed; the cluster is not as it was; not done: give it back: ZeroDivisionError: division by zero"
    )


def test_keep_undoes_nothing(world: World) -> None:
    run_toy(drill_in(world, keep=True), world)
    made = ["apply Namespace", "apply StorageClass", "install"]
    assert world.done == [*made, "broken", "observer closed"]


def test_a_class_that_a_killed_run_left_is_made_anew(world: World) -> None:
    world.leftover_class = True
    run_toy(drill_in(world, keep=True), world)
    assert world.done[:3] == ["apply Namespace", "delete storageclasses", "apply StorageClass"]


def test_without_its_fault_a_good_scenario_ends_invalid_as_it_must(world: World) -> None:
    result = run_toy(drill_in(world, variant=Variant("no-fault")), world)
    assert result.verdict is Verdict.INVALID
    assert "broken" not in world.done


def test_without_its_remedy_a_good_scenario_ends_failed_as_it_must(world: World) -> None:
    result = run_toy(drill_in(world, variant=Variant("no-remedy")), world)
    assert result.verdict is Verdict.FAILED
    assert result.steps == ()


def test_a_control_that_ends_invalid_for_another_reason_is_caught(world: World) -> None:
    result = not_passed(world, site={"variant": Variant("no-fault")}, signature=(Stage("says nothing", (ALWAYS,)),))
    assert result.verdict is Verdict.INVALID


def test_a_recovery_that_needs_no_remedy_is_caught(world: World) -> None:
    world.heals_after_s = 12
    with pytest.raises(DrillNotPassed, match="no-remedy must end failed in recovery; it ended passed"):
        run_toy(drill_in(world, variant=Variant("no-remedy")), world)


def test_a_leftover_of_ours_is_removed_first(world: World) -> None:
    labels = {"app.kubernetes.io/managed-by": "promdrill"}
    world.leftover = {"metadata": {"name": "drill-toy", "labels": labels, "resourceVersion": "1"}}
    run_toy(drill_in(world), world)
    assert world.done[:3] == ["uninstall", "delete namespaces", "apply Namespace"]


def test_a_namespace_of_others_is_left_alone(world: World) -> None:
    world.leftover = {"metadata": {"name": "drill-toy", "labels": {}, "resourceVersion": "1"}}
    result = not_passed(world)
    assert result.verdict is Verdict.ABORTED
    assert "not promdrill's" in str(result.reason)
    assert world.done == []


def _with_alerts(world: World, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Drill:
    monkeypatch.setattr(drill_alerts, "Watching", Watching)
    drill = drill_in(world, **given.pop("site", {}))
    drill.site = replace(drill.site, alerts=plan(Witness(), **given))
    return drill


EXPECTED = Expectation(scenario="toy", alert="Full", within_s=120.0, mark=Mark.FAULT, place="alerts.toml:1")


def test_a_drill_with_rules_has_their_account(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_toy(_with_alerts(world, monkeypatch), world)
    assert result.verdict is Verdict.PASSED
    assert result.alerts is not None
    assert [rule.alert for rule in result.alerts.rules] == ["Full", "Typo", "Broken"]
    assert result.alerts.rules[1].unknown_metrics == ("disk_fre",)
    assert result.alerts.moments.recovered_s is not None


def test_an_alert_that_was_expected_and_did_not_come_fails_a_drill_that_repaired_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(_with_alerts(world, monkeypatch, expectations=(EXPECTED,)), world)
    result = caught.value.result
    assert result.verdict is Verdict.FAILED
    assert result.reason is not None
    assert result.reason.startswith("Full did not fire within 2 min after the fault")
    assert result.recovered_after_s is not None
    assert result.alerts is not None
    assert [each.met for each in result.alerts.expected] == [False]


class StillFires(Watching):
    """An alert that begins to fire with recovery, and goes on."""

    def __init__(self, *args: Any, write: Callable[[Event], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._write = write

    def settle(self, but: Any, timeout_s: float) -> None:
        super().settle(but, timeout_s)
        self._write(
            AlertChanged(alert="Full", labels={"pod": "x"}, evaluator=Evaluator.WITNESS, state=AlertState.FIRING)
        )


def _answering(drill: Drill, alerts: str) -> Drill:
    """The drill, with a runbook to which these alerts lead."""
    file = drill.site.runbook_file
    file.write_text(file.read_text().replace("data_loss:", f"alerts: [{alerts}]\ndata_loss:", 1))
    return drill


def test_recovery_is_not_complete_while_an_alert_fires_that_the_runbook_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drill = _answering(_with_alerts(world, monkeypatch), "{alert: Full, must_resolve: 1m}, Typo")
    monkeypatch.setattr(drill_alerts, "Watching", StillFires)
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world)
    result = caught.value.result
    assert result.verdict is Verdict.FAILED
    assert str(result.reason).startswith("Full was not resolved within 1 min after recovery; it still fired")
    assert "(runbook.md:4)" in str(result.reason)
    assert result.recovered_after_s is not None


@pytest.mark.parametrize("alerts", ["Full", "{alert: Typo, must_resolve: 1m}"])
def test_an_alert_that_is_only_named_or_did_not_fire_fails_no_drill(
    world: World, monkeypatch: pytest.MonkeyPatch, alerts: str
) -> None:
    drill = _answering(_with_alerts(world, monkeypatch), alerts)
    monkeypatch.setattr(drill_alerts, "Watching", StillFires)
    result = run_toy(drill, world)
    assert (result.verdict, result.remarks) == (Verdict.PASSED, ())
    assert result.alerts is not None
    assert [each.text for each in result.alerts.expected] == (
        [] if alerts == "Full" else ["Typo, if it fires, is resolved within 1 min after recovery"]
    )


def test_an_alert_of_the_runbook_that_no_rule_has_is_a_remark(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_toy(_answering(_with_alerts(world, monkeypatch), "{alert: Ful, must_resolve: 1m}"), world)
    assert result.verdict is Verdict.PASSED
    assert [each for each in result.remarks if each.endswith("no rule has, so that nothing is asked of them: Ful")]


def test_without_rules_a_runbooks_alerts_ask_nothing(world: World) -> None:
    result = run_toy(_answering(drill_in(world), "{alert: Full, must_resolve: 1m}"), world)
    assert (result.verdict, result.remarks, result.alerts) == (Verdict.PASSED, (), None)


def test_nothing_is_expected_of_a_controls_alerts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    control = {"variant": Variant("no-remedy")}
    drill = _with_alerts(world, monkeypatch, site=control, expectations=(EXPECTED,))
    result = run_toy(_answering(drill, "{alert: Full, must_resolve: 1m}"), world)
    assert result.verdict is Verdict.FAILED
    assert result.alerts is not None
    assert result.alerts.expected == ()


def test_an_incident_is_held_for_as_long_as_was_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drill = _with_alerts(world, monkeypatch, hold_s=40.0)
    assert drill.hold_s == 40.0, "what a scenario may ask for"
    held = run_toy(drill, world)
    assert took_s(held, PhaseName.PERSISTENCE) == pytest.approx(6 + 40, abs=2), "after what it proves anyway"


def test_without_rules_no_incident_is_held(world: World) -> None:
    drill = drill_in(world)
    assert drill.hold_s == 0.0
    run_toy(drill, world)


def test_an_incident_that_comes_and_goes_is_held_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a crash loop, between two crashes."""
    blinks = condition("it blinks", lambda snapshot: int(snapshot.at) % 10 > 4)
    stage = Stage("it is down, and blinks", (DOWN, blinks))
    result = run_toy(_with_alerts(world, monkeypatch, hold_s=40.0), world, signature=(stage,))
    assert result.verdict is Verdict.PASSED


def test_an_incident_that_heals_while_it_is_held_is_invalid(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.heals_after_s = 20
    drill = _with_alerts(world, monkeypatch, hold_s=40.0)
    with pytest.raises(DrillNotPassed, match="healed by itself"):
        run_toy(drill, world)
    assert world.results[-1].verdict is Verdict.INVALID


def test_an_incident_that_heals_by_design_is_held_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_toy(_with_alerts(world, monkeypatch, hold_s=40.0), world, persistence=None)
    assert took_s(result, PhaseName.PERSISTENCE) == pytest.approx(40, abs=2)


def test_a_fault_that_grows_has_its_time_and_its_proof_has_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slowly(Break):
        grows: ClassVar[bool] = True

        def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
            asked.append(ground.growth_s)
            world.clock.now += 3600
            return super().apply(ground, undo)

    asked: list[float] = []
    grown = run_toy(_with_alerts(world, monkeypatch, growth_s=80.0), world, fault=Slowly(world, proof=(DOWN,)))
    assert (grown.verdict, asked, grown.remarks) == (Verdict.PASSED, [80.0], ())


def test_only_the_fault_of_the_drill_grows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    class Act(Break):
        grows: ClassVar[bool] = True

        def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
            asked.append(ground.growth_s)
            return super().apply(ground, undo)

    stages = (Stage("it is down", (DOWN,), before=Act(world)),)
    once = run_toy(_with_alerts(world, monkeypatch, growth_s=80.0), world, signature=stages)
    assert (once.verdict, asked) == (Verdict.PASSED, [0.0])
    assert once.remarks == (AT_ONCE,), "and it does not grow"


def test_without_a_growth_nothing_is_remarked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_toy(_with_alerts(world, monkeypatch), world).remarks == ()

"""When the engine takes evidence, and that it never changes a drill's outcome."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill_toy import Break, drill_in, run_toy
from tests.unit.drill_world import NEVER, World, world

from promdrill.core.journal import Journal
from promdrill.core.login import Login
from promdrill.core.model import Variant, Verdict
from promdrill.drill import Drill, DrillNotPassed, Stage, engine
from promdrill.evidence import ALWAYS, FAILURE, Evidence, Subject
from promdrill.evidence.store import Kept
from promdrill.faults import Undo

__all__ = ["world"]

HINT = "see report/evidence/"


class Gathering:
    """In place of `gather`: what was true when it was called; `raises` in place of an answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: list[list[str]] = []
        self.subject: Subject
        self.raises: BaseException | None = None
        self.interruption: BaseException | None = None

    def __call__(self, subject: Subject, report: Path, journal: Journal, *, clock: object) -> Evidence:
        assert report == journal.path.parent
        assert clock is self.world.clock
        self.subject = subject
        self.seen.append(list(self.world.done))
        if self.raises is not None:
            raise self.raises
        return Evidence(report / "evidence", (Kept("pods.yaml", 1, "0"),), (), self.interruption)


@pytest.fixture
def gathering(world: World, monkeypatch: pytest.MonkeyPatch) -> Gathering:
    made = Gathering(world)
    monkeypatch.setattr(engine, "gather", made)
    monkeypatch.chdir(world.folder)
    return made


def journal(world: World) -> list[dict[str, Any]]:
    text = (world.folder / "report" / "journal.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def undone(world: World) -> bool:
    return world.done[-5:] == ["mended", "uninstall", "delete storageclasses", "delete namespaces", "observer closed"]


def test_a_drill_that_passes_leaves_none(world: World, gathering: Gathering) -> None:
    assert run_toy(drill_in(world), world).verdict is Verdict.PASSED
    assert gathering.seen == []


def test_evidence_is_taken_with_the_login_of_the_drilled_prometheus(world: World, gathering: Gathering) -> None:
    world.remedy_works = False
    site, known = drill_in(world).site, Login("drill", "a b")
    with pytest.raises(DrillNotPassed):
        run_toy(Drill(replace(site, drilled=replace(site.drilled, login=known))), world)
    assert gathering.subject.login == known


def test_a_drill_that_fails_is_looked_at_before_undo_and_says_where(world: World, gathering: Gathering) -> None:
    world.remedy_works = False
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill_in(world), world)
    (done,) = gathering.seen
    assert done[-1] == "broken", "nothing was undone, and the observer was open"
    assert undone(world)
    assert str(world.results[0].reason).endswith(f"; {HINT}")
    assert str(caught.value).endswith(f"; {HINT}")
    assert str(caught.value).count(HINT) == 1
    assert next(e for e in journal(world) if e["event"] == "verdict")["reason"] == world.results[0].reason


def test_the_subject_is_the_drills_own(world: World, gathering: Gathering) -> None:
    world.breaks = False
    drill = drill_in(world)
    with pytest.raises(DrillNotPassed):
        run_toy(drill, world)
    subject = gathering.subject
    cluster = drill.site.cluster
    assert (subject.scenario, subject.server) == ("toy", drill.site.server)
    assert (subject.kubeconfig, subject.helm) == (cluster.kubeconfig, cluster.helm)
    assert (subject.kubectl_binary, subject.helm_binary) == (cluster.tools.kubectl, cluster.tools.helm)


def test_always_means_of_drills_that_pass_too(world: World, gathering: Gathering) -> None:
    result = run_toy(drill_in(world, evidence=ALWAYS), world)
    assert (result.verdict, result.reason) == (Verdict.PASSED, None)
    assert len(gathering.seen) == 1


def test_failure_is_the_default(world: World) -> None:
    drill = drill_in(world)
    drill.site.recording.journal.close()
    assert drill.site.execution.evidence == FAILURE


def test_a_control_that_passes_and_must_not_says_where(world: World, gathering: Gathering) -> None:
    world.heals_after_s = 12
    with pytest.raises(DrillNotPassed, match=f"it ended passed; {HINT}$"):
        run_toy(drill_in(world, variant=Variant("no-remedy")), world)
    assert world.results[0].reason is None
    assert len(gathering.seen) == 1


def test_a_runbook_that_cannot_be_read_leaves_nothing_to_see(world: World, gathering: Gathering) -> None:
    drill = drill_in(world)
    (world.folder / "toy" / "runbook.md").write_text("no runbook")
    with pytest.raises(DrillNotPassed):
        run_toy(drill, world)
    assert gathering.seen == []


@pytest.mark.parametrize(("evidence", "times"), [(FAILURE, 0), (ALWAYS, 1)])
def test_an_interrupted_drill_is_undone_at_once(world: World, gathering: Gathering, evidence: str, times: int) -> None:
    def interrupt(_undo: Undo) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_toy(drill_in(world, evidence=evidence), world, fault=Break(world, then=interrupt))
    assert len(gathering.seen) == times
    assert world.results[0].verdict is Verdict.ABORTED
    assert undone(world)


def test_an_error_in_gathering_changes_nothing(world: World, gathering: Gathering) -> None:
    world.remedy_works = False
    gathering.raises = RuntimeError("no")
    with pytest.raises(DrillNotPassed, match="no recovery"):
        run_toy(drill_in(world), world)
    assert (world.results[0].verdict, HINT in str(world.results[0].reason)) == (Verdict.FAILED, False)
    assert undone(world)
    assert next(e for e in journal(world) if e["event"] == "evidence-missing")["error"] == "RuntimeError: no"


@pytest.mark.parametrize("escapes", [True, False])
def test_ctrl_c_while_gathering_is_recorded_undone_and_raised(
    world: World, gathering: Gathering, escapes: bool
) -> None:
    if escapes:
        gathering.raises = KeyboardInterrupt()
    else:
        gathering.interruption = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_toy(drill_in(world), world, signature=(Stage("says nothing", (NEVER,)),))
    assert world.results[0].verdict is Verdict.INVALID
    assert undone(world)


def test_ctrl_c_in_the_undo_ends_the_run_although_the_drill_had_failed(world: World, gathering: Gathering) -> None:
    def spoil(undo: Undo) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        undo.register("be interrupted", interrupt)

    world.remedy_works = False
    with pytest.raises(KeyboardInterrupt):
        run_toy(drill_in(world), world, fault=Break(world, then=spoil))
    assert world.results[0].verdict is Verdict.FAILED
    assert len(gathering.seen) == 1
    assert undone(world)


def test_collectors_that_all_fail_hide_nothing(world: World) -> None:
    world.remedy_works = False  # the world's Helm has no environment, and there is no kubeconfig
    with pytest.raises(DrillNotPassed, match="no recovery"):
        run_toy(drill_in(world), world)
    assert "evidence/" not in str(world.results[0].reason)
    index = json.loads((world.folder / "report" / "evidence" / "index.json").read_text())
    assert index["artefacts"] == []
    noted = [e["collector"] for e in journal(world) if e["event"] == "evidence-missing"]
    assert noted == [entry["collector"] for entry in index["missing"]]
    assert {"pods", "df", "helm/values", "logs", "describe-pods"} <= set(noted)
    assert undone(world)

"""The control `other-fault`: another scenario's incident is made, and must not be taken for this one's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill_toy import RIVAL, RIVAL_TEST, Break, drill_in, run_toy
from tests.unit.drill_world import ALWAYS, DOWN, NEVER, World, world

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, PhaseName, Variant, Verdict
from promdrill.drill import Drill, DrillNotPassed, Moments, Persistence, Stage
from promdrill.faults.base import Undo
from promdrill.observe.conditions import Condition, Kind, Seen, unknown
from promdrill.parallel import wanted
from promdrill.request import scenarios
from promdrill.request.request import Request
from promdrill.request.settings import Settings

__all__ = ["world"]

UNSEEN = Condition("nobody answers", Kind.HTTP, lambda _: unknown("not answered: HTTP 503"))
REFUSES = ('"size: small"', '"size: huge"')
"""Makes a Diagnosis that accepts the world refuse it."""


def control(world: World, edit: tuple[str, str] | None = None, **rival: Any) -> Drill:
    """The toy's control: `rival` is what the other scenario states besides; `edit` changes the toy's runbook."""
    drill = drill_in(world, variant=Variant("other-fault"))
    folder = world.folder / "rival"
    folder.mkdir()
    (folder / "test_rival.py").write_text(RIVAL_TEST)
    (folder / "values.yaml").write_text("server:\n  size: small\n  rival: true\n  global: {scrape_interval: 1s}\n")
    if edit is not None:
        drill.site.runbook_file.write_text(drill.site.runbook_file.read_text().replace(edit[0], edit[1]))
    RIVAL.clear()
    stated = {"fault": Break(world), "signature": (Stage("it is down", (DOWN,)),), "persistence": Persistence()}
    RIVAL.update(stated | rival)
    return Drill(replace(drill.site, other=replace(drill.site.drilled, scenario_dir=folder)))


def seen(drill: Drill, world: World, *signature: Condition) -> tuple[DrillResult, str]:
    """The result with that signature, and why it is not as expected; empty if it is."""
    own = {"fault": Break(world), "signature": (Stage("our own", signature),)}
    try:
        return run_toy(drill, world, **own), ""
    except DrillNotPassed as caught:
        return caught.result, str(caught)


def test_an_incident_that_signature_and_diagnosis_refuse_is_as_expected(world: World) -> None:
    drill = control(world, REFUSES)
    result, short = seen(drill, world, DOWN, NEVER)
    assert short == ""
    assert (result.verdict, result.phases[-2].name, result.control) == (
        Verdict.INVALID,
        PhaseName.SIGNATURE,
        "other-fault",
    )
    assert [step.section for step in result.steps] == ["Diagnosis"]
    assert world.values.read_text().count("rival: true") == 1, "the other scenario's values are installed"
    assert world.done.count("broken") == 1
    journal = drill.site.recording.journal.path.read_text()
    assert '"left_out":"break it","instead":"rival: break it"' in journal.replace('": ', '":').replace(', "', ',"')


def test_a_signature_that_accepts_another_incident_is_caught(world: World) -> None:
    result, short = seen(control(world, REFUSES), world, DOWN)
    assert result.verdict is Verdict.FAILED
    assert "must end invalid in signature; it ended failed: its signature accepts the incident of rival" in short


def test_a_diagnosis_that_accepts_another_incident_is_caught(world: World) -> None:
    result, short = seen(control(world), world, NEVER)
    assert result.verdict is Verdict.FAILED
    assert "the Diagnosis of its runbook accepts the incident of rival" in short


def test_a_diagnosis_that_breaks_refuses_nothing(world: World) -> None:
    result, short = seen(control(world, ("grep ", "gerp ")), world, NEVER)
    assert result.verdict is Verdict.FAILED
    assert "does not refuse the incident of rival, but breaks: " in short
    assert "gerp: command not found" in short


def test_a_signature_of_which_nothing_is_known_aborts_the_control(world: World) -> None:
    result, short = seen(control(world, REFUSES), world, ALWAYS, UNSEEN)
    assert result.verdict is Verdict.ABORTED
    assert "nobody answers: not answered: HTTP 503" in short
    assert result.steps == ()


def test_an_other_incident_that_heals_while_it_is_looked_at_proves_nothing(world: World) -> None:
    world.heals_after_s = 10.0
    result, short = seen(control(world, REFUSES), world, NEVER)
    assert result.verdict is Verdict.ABORTED
    assert "the incident of rival was over while it was looked at: " in short


@pytest.mark.parametrize("heals", [False, True])
def test_a_pod_that_this_scenarios_stage_replaces_is_no_healing(world: World, heals: bool) -> None:
    injected: list[Any] = []

    def same_pod(at: Moments) -> tuple[Condition, ...]:
        injected.append(at.injected)
        holds = world.uid == at.pod_uid
        return (DOWN, Condition("the same pod", Kind.POD, lambda _: Seen(holds=holds, text=world.uid)))

    def replace_pod(_: Undo) -> None:
        world.uid, world.breaks = "uid-1", not heals

    own = {"fault": Break(world), "signature": (Stage("ours", (NEVER,), before=Break(world, then=replace_pod)),)}
    drill = control(world, REFUSES, signature=(Stage("it is down", same_pod),))
    if heals:
        with pytest.raises(DrillNotPassed, match="the incident of rival was over while it was looked at: "):
            run_toy(drill, world, **own)
    else:
        assert run_toy(drill, world, **own).verdict is Verdict.INVALID
    *_, before, again = injected
    assert before < again, "what the log had while the pod was replaced does not count"


def test_an_other_incident_that_is_not_there_proves_nothing(world: World) -> None:
    world.breaks = False
    result, short = seen(control(world, REFUSES), world, NEVER)
    assert (result.verdict, result.phases[-2].name) == (Verdict.INVALID, PhaseName.INJECT)
    assert "must end invalid in signature" in short


@pytest.mark.parametrize("scenario", scenarios.find_all(), ids=lambda scenario: scenario.id)
def test_each_scenario_names_one_that_looks_like_it(scenario: scenarios.ScenarioFolder) -> None:
    other = scenarios.look_alike(scenario.folder)
    assert other is not None
    assert other.id != scenario.id
    asked = Request(Settings(), variants="controls").needed([scenario.folder])
    assert asked == (scenario.folder, other.folder)
    assert Request(Settings()).needed([scenario.folder]) == (scenario.folder,)


def test_one_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "test_mine.py").write_text(
        "import pytest\n\n\n@pytest.mark.looks_like('disk-ful')\ndef test_mine(drill): ...\n"
    )
    with pytest.raises(UsageError, match=r"looks_like\('disk-ful'\): not another scenario") as caught:
        scenarios.look_alike(folder)
    assert caught.value.hint == '@pytest.mark.looks_like("disk-full")'


def test_where_there_is_no_other_scenario_the_refusal_has_no_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "test_mine.py").write_text(
        "import pytest\n\n\n@pytest.mark.looks_like('disk-full')\ndef test_mine(drill): ...\n"
    )
    monkeypatch.setattr(paths, "scenarios_dir", lambda: tmp_path)
    with pytest.raises(UsageError, match=r"looks_like\('disk-full'\): not another scenario") as caught:
        scenarios.look_alike(folder)
    assert caught.value.hint == ""


def test_the_control_needs_for_itself_what_the_other_fault_needs(pytester: pytest.Pytester) -> None:
    (pytester.mkdir("mine") / "test_mine.py").write_text(
        "import pytest\n@pytest.mark.looks_like('no-default-class')\ndef test_mine(drill): ...\n"
    )
    item = pytester.getitem((pytester.path / "mine/test_mine.py").read_text(), "test_mine")
    item.path = pytester.path / "mine/test_mine.py"
    marks = wanted.of_other(item, Variant("other-fault"))
    assert [(mark.name, mark.args) for mark in marks] == [("exclusive", ("default storage class",))]
    assert wanted.of_other(item, Variant("no-fault")) == []

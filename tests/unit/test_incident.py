"""reproduce, look, repair by hand or by the runbook, verify: as a person types it, in the fake world."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from tests.unit.cluster_world import IDENTITY, Container, Engine
from tests.unit.drill_world import world
from tests.unit.incident_world import KUBECONFIG, Machine, machine

from promdrill.cluster import kind, lease, owners
from promdrill.core import paths, redact, shell
from promdrill.core.errors import CommandFailed, UsageError
from promdrill.drill.incident import FILE, refuse_again
from promdrill.drill.watch import Watch
from promdrill.incident import judge as judging
from promdrill.incident import record, show
from promdrill.incident.record import StandingIncident
from promdrill.observe.conditions import Seen
from promdrill.parallel.joining import Joined
from promdrill.plugin.session import DrillSession
from promdrill.request import fulfil
from promdrill.request.request import Request
from promdrill.supply.engine import lifecycle

__all__ = ["machine", "world"]

Capture = pytest.CaptureFixture[str]
SMALL, MEDIUM, LARGE = "size: small", "size: medium", "size: large"


@pytest.fixture
def kept(machine: Machine, capsys: Capture) -> Machine:
    """The machine, with the toy's incident reproduced."""
    assert machine.promdrill("reproduce", "--scenario=toy") == 0
    capsys.readouterr()
    return machine


def folder(number: int = 1) -> Path:
    return paths.clusters_dir() / f"promdrill-{number}" / "incident"


def test_an_incident_is_reproduced_and_left_with_directions(machine: Machine, capsys: Capture) -> None:
    assert machine.promdrill("reproduce", "--scenario=toy", "--subcharts=off") == 0
    said, wrong = capsys.readouterr()
    assert wrong == ""
    assert machine.world.ill
    assert machine.log == ["provided off", "drill in promdrill-1, keep True, values ()", "kept promdrill-1"]
    assert "toy is reproduced and left standing: it is small\n" in said
    assert "  it is down\n    server is down: server is down looked at\n" in said
    for line in (
        f"export KUBECONFIG={folder() / 'kubeconfig'}",
        f"export PATH={folder() / 'home' / 'bin'}:$PATH",
        "export NAMESPACE=drill-toy",
        "kubectl get pods,pvc --namespace $NAMESPACE",
        "kubectl describe pod --namespace $NAMESPACE prometheus-server-0",
        "kubectl logs --namespace $NAMESPACE --container prometheus-server --tail=20 \\\n    prometheus-server-0",
        f"runbook    {machine.folder / 'scenarios' / 'toy' / 'runbook.md'}",
    ):
        assert f"\n  {line}\n" in said
    assert re.search(r"^  values     \S*toy/values.yaml$", said, re.MULTILINE)
    for words in ("shell", "remedy", "verify"):
        assert f"  {paths.program()} {words} " in said
    assert f"  {paths.program()} clean promdrill-1 " in said
    assert "passed" not in said, "nothing has passed yet"
    assert "no drill was run" not in said
    assert (folder() / "home" / "bin" / "kubectl").readlink() == Path("/bin/true")
    prose = [line for line in said.splitlines() if str(machine.folder) not in line]
    assert max(map(len, prose)) <= 80


def test_a_repair_by_hand_is_judged_wrong_then_right(kept: Machine, capsys: Capture) -> None:
    kept.repair(SMALL, MEDIUM)
    assert kept.promdrill("verify", "--timeout=20") == 1
    said, wrong = capsys.readouterr()
    assert wrong == ""
    assert "toy: judging for up to 20 s" in said
    missing, _, rest = said.partition("Missing\n")[2].partition("Not judged yet\n")
    assert "  size is large: size is large looked at\n" in missing
    assert "  server pod 2/2: " in missing
    assert rest.startswith("  it stays so\n")
    assert "toy: not yet, 5 of 5 conditions missing\n" in said

    kept.repair(MEDIUM, LARGE)
    assert kept.promdrill("verify") == 0
    said, wrong = capsys.readouterr()
    assert wrong == ""
    assert "missing" not in said.replace("shows what is missing", "").lower()
    assert "no sample was lost" in said
    holds = said.partition("Holds\n")[2]
    assert "  size is large: size is large looked at\n" in holds
    assert "  always: always looked at\n" in holds
    assert "toy: passed, all 6 conditions held at once; recovered" in said
    assert (kept.reports / "verify-1.jsonl").is_file()
    assert (kept.reports / "verify-2.jsonl").is_file()
    assert kept.world.done[-2:] == ["observer closed"] * 2, "nothing is undone"
    assert [line for line in kept.log if line.startswith("drill")][1:] == [
        "drill in promdrill-1, keep False, values ()"
    ] * 2


def test_the_first_journal_ends_where_the_incident_was_left(kept: Machine) -> None:
    journal = kept.reports / "journal.jsonl"
    before = journal.read_text()
    assert kept.promdrill("verify", "--timeout=5") == 1
    assert journal.read_text() == before
    assert json.loads(before.splitlines()[-1])["event"] == "reproduced"
    results = json.loads((kept.reports.parent / "results.json").read_text())
    assert results["drills"] == []
    assert results["finished"] is not None


def test_verify_for_programs(kept: Machine, capsys: Capture) -> None:
    assert kept.promdrill("verify", "--json", "--timeout=5") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["scenario"], told["cluster"], told["passed"]) == ("toy", "promdrill-1", False)
    assert "no recovery" in told["reason"]
    assert {"stage": "recovery", "name": "size is large", "holds": False, "seen": "size is large looked at"} in told[
        "conditions"
    ]
    assert told["conditions"][-1] == {"stage": "it stays so", "name": None, "holds": False, "seen": None}
    kept.repair(SMALL, LARGE)
    assert kept.promdrill("verify", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["reason"]) == (True, None)
    assert all(row["holds"] for row in told["conditions"])


def test_values_of_the_user_are_not_needed_any_more(machine: Machine) -> None:
    own = machine.folder / "own.yaml"
    own.write_text("server: {}\n")
    assert machine.promdrill("reproduce", "--scenario=toy", f"--values={own}") == 0
    own.unlink()
    machine.repair(SMALL, LARGE)
    assert machine.promdrill("verify") == 0


def test_the_runbook_repairs_it(kept: Machine, capsys: Capture) -> None:
    assert kept.promdrill("remedy") == 0
    said, wrong = capsys.readouterr()
    assert wrong == ""
    assert "step 1 of 3, Diagnosis (runbook.md:" in said
    assert "  |   size: small\n  exit code 0, " in said
    assert '  sed -i "s/small/$NEW_SIZE/" "$VALUES"\n' in said
    assert "run it?" not in said
    assert "toy: passed, all 6 conditions held at once" in said
    assert LARGE in kept.values.read_text()


def test_a_step_that_fails_ends_the_remedy(kept: Machine, capsys: Capture) -> None:
    kept.repair(SMALL, MEDIUM)  # the first step of the diagnosis finds something else
    assert kept.promdrill("remedy") == 1
    said, wrong = capsys.readouterr()
    assert "step 1 of 3" in said
    assert "step 2 of 3" not in said
    assert "the runbook did not get through" in wrong
    assert f"Hint: {paths.program()} verify" in wrong


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a person types, in order; an end of file after that. Everything must have been asked for."""
    typed: list[str] = []

    def asked(question: str) -> str:
        assert question == "run it? y yes, n skip, q quit: "
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr("builtins.input", asked)
    yield typed
    assert typed == []


def test_step_by_step(kept: Machine, capsys: Capture, answers: list[str]) -> None:
    answers += ["y", "what?", "YES", "n"]
    assert kept.promdrill("remedy", "--step") == 0
    said = capsys.readouterr().out
    assert said.count("  exit code 0, ") == 2, "the third step was declined"
    assert "toy: passed" in said


def test_quitting_leaves_what_was_done(kept: Machine, capsys: Capture, answers: list[str]) -> None:
    answers += ["y", "q"]
    assert kept.promdrill("remedy", "--step") == 1
    said, wrong = capsys.readouterr()
    assert "promdrill: stopped before step 2 of 3; the steps before it stay done\n" in wrong
    assert "passed" not in said
    assert SMALL in kept.values.read_text()


@pytest.mark.usefixtures("answers")
def test_nobody_to_answer_is_a_quit(kept: Machine, capsys: Capture) -> None:
    assert kept.promdrill("remedy", "--step") == 1
    assert "stopped before step 1 of 3" in capsys.readouterr().err


def test_an_incident_that_is_not_observed_leaves_no_cluster(machine: Machine, capsys: Capture) -> None:
    machine.world.breaks = False
    assert machine.promdrill("reproduce", "--scenario=toy") == 1
    said, wrong = capsys.readouterr()
    assert machine.log[-1] == "deleted promdrill-1"
    assert "toy was not reproduced: the incident was not observed" in wrong
    assert "toy: invalid: the incident was not observed" in said
    assert "is reproduced and stays" not in said
    assert machine.promdrill("verify") == 2
    assert "there is no standing incident" in capsys.readouterr().err


def test_a_scenario_that_does_not_apply_is_not_reproduced(machine: Machine, capsys: Capture) -> None:
    test = machine.folder / "scenarios" / "toy" / "test_toy.py"
    marked = "import pytest\n" + test.read_text().replace("def test", '@pytest.mark.charts(">=26")\ndef test')
    test.write_text(marked)
    assert machine.promdrill("reproduce", "--scenario=toy") == 2
    assert "toy was not reproduced: it applies to prometheus-community/prometheus >=26" in capsys.readouterr().err
    assert machine.clusters == 0


def test_a_test_that_cannot_be_imported_is_said(machine: Machine, capsys: Capture) -> None:
    (machine.folder / "scenarios" / "toy" / "test_toy.py").write_text(
        "import nothing_like_it\ndef test_toy(drill): ...\n"
    )
    assert machine.promdrill("reproduce", "--scenario=toy") == 2
    assert "nothing_like_it" in capsys.readouterr().err
    assert machine.clusters == 0


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (((), {}), ("SCENARIO is not set: name one scenario. The scenarios are toy", "SCENARIO=toy")),
        ((("--scenario=tyo",), {}), ("--scenario tyo: no such scenario; the scenarios are toy", "--scenario toy; or")),
        (
            (("--scenario=toy",), {"CONTROL": "no-fault"}),
            ("CONTROL=no-fault: not allowed with reproduce: nothing", "leave CONTROL out"),
        ),
        (
            (("--scenario=toy",), {"CLUSTER": "mine"}),
            ("CLUSTER=mine: not allowed with reproduce: an incident", "leave CLUSTER out"),
        ),
        (
            (("--scenario=toy",), {"REPEAT": "3"}),
            ("REPEAT=3: not allowed with reproduce: an incident is made once", "leave REPEAT out"),
        ),
        (
            (("--scenario=toy",), {"RULES": "own"}),
            ("RULES=own: not allowed with reproduce: alerts are watched while a drill goes on", "leave RULES out"),
        ),
        ((("--scenario=toy", "--profile=slow"), {}), ("PROFILE=slow: not one of", "PROFILE=")),
        (((), {"SCENARIO": "toy,toy"}), ("SCENARIO=toy,toy: name one scenario. The scenarios are toy", "SCENARIO=toy")),
    ],
)
def test_bad_input_starts_nothing(
    machine: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch, typed: Any, answer: tuple[str, str]
) -> None:
    (argv, env), (message, hint) = typed, answer
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert machine.promdrill("reproduce", *argv) == 2
    wrong = capsys.readouterr().err
    assert wrong.startswith(f"promdrill: {message}")
    assert f"Hint: {hint}" in wrong
    assert machine.log == []
    assert not (machine.folder / "here" / "reports").exists()


@pytest.mark.parametrize("command", ["verify", "remedy", "shell"])
def test_nothing_kept(machine: Machine, capsys: Capture, command: str) -> None:
    assert machine.promdrill(command) == 2
    hint = paths.command("reproduce", SCENARIO="disk-full")
    assert capsys.readouterr().err == f"promdrill: there is no standing incident\nHint: {hint}\n"


def test_of_several_one_has_to_be_named(kept: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.world.broken_at = None  # another cluster
    assert kept.promdrill("reproduce", "--scenario=toy") == 0
    capsys.readouterr()
    assert kept.promdrill("verify") == 2
    both = "toy (cluster promdrill-1), toy (cluster promdrill-2)"
    assert f"2 incidents are standing: {both}\nHint: {paths.program()} verify promdrill-1\n" in capsys.readouterr().err
    assert kept.promdrill("verify", "oom") == 2
    assert f"no standing incident oom; there are {both}" in capsys.readouterr().err
    kept.repair(SMALL, LARGE)
    assert kept.promdrill("verify", "promdrill-2") == 0
    assert kept.log[-1] == "drill in promdrill-2, keep False, values ()"
    monkeypatch.setenv("PROMDRILL_DRILL", "promdrill-2")  # as in its shell
    assert kept.promdrill("verify") == 0


@pytest.mark.parametrize("command", [("verify",), ("remedy",), ("shell", "--", "true")])
def test_a_cluster_that_does_not_answer(kept: Machine, capsys: Capture, command: tuple[str, ...]) -> None:
    again = f"{paths.program()} clean promdrill-1, then {paths.command('reproduce', SCENARIO='toy')}"
    kept.answers = False
    assert kept.promdrill(*command) == 1
    said = f"promdrill: cluster promdrill-1 does not answer: connection refused\nHint: {again}\n"
    assert capsys.readouterr().err == said
    kept.answers, kept.namespace_gone = True, True
    assert kept.promdrill(*command) == 1
    assert "namespace drill-toy is gone from cluster promdrill-1" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("verify",), ("remedy",), ("shell", "--", "true")])
def test_nothing_is_judged_repaired_or_opened_in_another_cluster_that_answers(
    kept: Machine, capsys: Capture, command: tuple[str, ...]
) -> None:
    kept.replaced, before = True, list(kept.log)
    assert kept.promdrill(*command) == 1
    assert capsys.readouterr().err == "promdrill: another cluster answers; nothing was done\n"
    assert kept.log == before


@pytest.mark.parametrize("command", [("verify",), ("remedy",), ("shell", "--", "true"), ("verify", "toy")])
def test_a_cluster_that_is_gone_takes_its_record_along(
    kept: Machine, capsys: Capture, command: tuple[str, ...]
) -> None:
    kept.answers, kept.deleted = False, {"promdrill-1"}
    assert kept.promdrill(*command) == 1
    assert capsys.readouterr().err == (
        "promdrill: toy is gone with its cluster promdrill-1; its record was removed\n"
        f"Hint: {paths.command('reproduce', SCENARIO='toy')}\n"
    )
    assert not (paths.clusters_dir() / "promdrill-1").exists()
    assert kept.promdrill(*command) == 2
    assert "there is no standing incident" in capsys.readouterr().err


def test_a_cluster_of_another_engine_is_not_taken_for_gone(kept: Machine, capsys: Capture) -> None:
    kept.deleted, kept.engine = {"promdrill-1"}, "engine-2"
    kept.repair(SMALL, LARGE)
    assert kept.promdrill("verify") == 0
    assert "passed" in capsys.readouterr().out


def test_without_an_engine_nothing_is_taken_for_gone(
    kept: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names() -> set[str]:
        raise CommandFailed(["docker", "ps"], 1, "Cannot connect to the Docker daemon")

    monkeypatch.setattr(kind, "names", names)
    kept.answers = False
    assert kept.promdrill("verify") == 1
    assert "cluster promdrill-1 does not answer" in capsys.readouterr().err
    assert folder().is_dir()


def test_a_gone_cluster_is_said_and_another_is_judged(kept: Machine, capsys: Capture) -> None:
    kept.world.broken_at = None
    assert kept.promdrill("reproduce", "--scenario=toy") == 0
    capsys.readouterr()
    kept.deleted, kept.answers = {"promdrill-1"}, False
    with lease.this_name("promdrill-1"):
        assert kept.promdrill("list") == 0, "somebody is at work on it"
    assert capsys.readouterr().err == ""
    assert kept.promdrill("list") == 0
    said, wrong = capsys.readouterr()
    assert said.endswith(f"\nreproduced: toy (cluster promdrill-2); {paths.program()} verify promdrill-2\n")
    assert "toy is gone with its cluster promdrill-1; its record was removed" in wrong
    kept.answers = True
    kept.repair(SMALL, LARGE)
    assert kept.promdrill("verify") == 0


def test_the_judgement_leaves_nothing_beside_the_incident(kept: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a session that joins the cluster, as the one was that made the incident; its folders are its own."""
    joined: list[Joined] = []
    joining = DrillSession.joining

    def spied(found: Joined, **given: Any) -> DrillSession:
        joined.append(found)
        return joining(found, **given)

    monkeypatch.setattr(DrillSession, "joining", spied)
    kept.repair(SMALL, LARGE)
    assert kept.promdrill("verify") == 0
    (of_judgement,) = joined
    assert of_judgement.outbox.parent == of_judgement.reports.parent
    assert not of_judgement.outbox.exists()


@pytest.mark.parametrize("name", ["promdrill-1", "toy"])
def test_one_cluster_is_deleted_and_others_and_the_engine_stay(
    kept: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(lifecycle, "ask", lambda: lifecycle.Answer(cast(Any, "an engine")))
    monkeypatch.setattr(lifecycle, "stop", lambda **_: pytest.fail("the engine is stopped"))
    engine = Engine()
    (container,) = IDENTITY.nodes.values()
    engine.containers[container] = Container("promdrill-1-control-plane", "promdrill-1")
    monkeypatch.setattr(shell, "run", engine.run)
    other = paths.clusters_dir() / "promdrill-7"
    owners.claim(other, kept=True)
    assert kept.promdrill("clean", name) == 0
    assert capsys.readouterr().out == "deleted cluster promdrill-1\n"
    assert engine.done == ["removed promdrill-1-control-plane"]
    assert [each.name for each in owners.recorded()] == ["promdrill-7"]


def test_clean_names_what_is_there(kept: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "stop", lambda **_: pytest.fail("the engine is stopped"))
    owners.claim(paths.clusters_dir() / "promdrill-7", kept=True)
    owners.claim(paths.clusters_dir() / "promdrill-8", kept=False)
    assert kept.promdrill("clean", "oom") == 2
    assert capsys.readouterr().err == (
        "promdrill: no cluster or standing incident oom; "
        "the clusters are promdrill-1 (toy, reproduced), promdrill-7 (kept), promdrill-8 (in use)\n"
        f"Hint: {paths.program()} clean promdrill-1\n"
    )
    kept.world.broken_at = None
    assert kept.promdrill("reproduce", "--scenario=toy") == 0
    capsys.readouterr()
    assert kept.promdrill("clean", "toy") == 2
    assert "toy was reproduced in 2 clusters; the clusters are promdrill-1 (toy" in capsys.readouterr().err
    with lease.this_name("promdrill-1"):
        assert kept.promdrill("clean", "promdrill-1") == 2
    assert "cluster promdrill-1 is in use by another run\nHint: wait until" in capsys.readouterr().err
    assert len(owners.recorded()) == 4, "nothing is deleted"


def test_a_drill_does_not_run_over_its_own_incident(kept: Machine, capsys: Capture) -> None:
    said = "the incident of toy stands in cluster promdrill-1, and its drill would remove it"
    assert kept.promdrill("run", "--scenario=toy", "--cluster=promdrill-1") == 2
    assert capsys.readouterr().err == (
        f"promdrill: {said}\nHint: other scenarios, or {paths.program()} clean promdrill-1\n"
    )
    with pytest.raises(UsageError, match=said):
        refuse_again(folder().parent, {"oom", "toy"})
    refuse_again(folder().parent, {"oom"})
    refuse_again(paths.clusters_dir() / "promdrill-9", {"toy"})
    (folder() / FILE).write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        refuse_again(folder().parent, {"oom"})


def test_clean_with_a_name_where_nothing_is(machine: Machine, capsys: Capture) -> None:
    assert machine.promdrill("clean", "disk-full") == 2
    assert capsys.readouterr().err == "promdrill: no cluster or standing incident disk-full; there are no clusters\n"


@pytest.mark.parametrize("name", [FILE, "join.json"])
@pytest.mark.parametrize("text", ["{", '{"schema": 99}', ""])
def test_what_is_left_is_damaged(kept: Machine, capsys: Capture, name: str, text: str) -> None:
    (folder() / name).write_text(text)
    assert kept.promdrill("verify") == 2
    wrong = capsys.readouterr().err
    assert str(folder() / name) in wrong
    assert f"{paths.program()} clean promdrill-1" in wrong
    assert "--join" not in wrong


def test_the_scenario_is_not_there_any_more(kept: Machine, capsys: Capture) -> None:
    (kept.folder / "scenarios" / "toy" / "test_toy.py").unlink()
    assert kept.promdrill("verify") == 2
    assert "test_toy.py is gone" in capsys.readouterr().err


def test_two_at_a_time_are_refused(kept: Machine, capsys: Capture) -> None:
    with lease.this_name("promdrill-1"):
        assert kept.promdrill("verify") == 2
    assert "another promdrill is working on toy in cluster promdrill-1" in capsys.readouterr().err


def test_while_it_is_judged_the_cluster_is_in_use_and_stays_kept(
    kept: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, seen = paths.clusters_dir() / "promdrill-1", []
    owners.claim(place, kept=True)
    record = place / owners.FILE_NAME
    record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": 1, "started": "long ago"}))
    drill = kept.drill

    def looked(*args: Any, **options: Any) -> Any:
        seen.append(owners.of(place))
        return drill(*args, **options)

    monkeypatch.setattr("promdrill.request.fulfil.drill", looked)
    assert kept.promdrill("verify", "--timeout=5") == 1
    assert [(owner.pid, owner.kept, owner.alive) for owner in seen if owner] == [(os.getpid(), True, True)]


def test_a_time_that_is_none(kept: Machine, capsys: Capture) -> None:
    for text in ("0", "-1", "soon", "nan", "1e9"):
        with pytest.raises(SystemExit) as caught:
            kept.promdrill("verify", f"--timeout={text}")
        assert caught.value.code == 2
        assert f"{text}: not a number of seconds" in capsys.readouterr().err


def test_ctrl_c_ends_the_judgement_and_says_what_is_missing(
    kept: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kept.world, "wait_beyond", interrupted)
    assert kept.promdrill("verify") == 130
    said = capsys.readouterr().out
    assert "Missing\n" in said
    assert "  size is large: size is large looked at\n" in said
    assert "toy: not yet, 5 of 5 conditions missing\n" in said


def test_ctrl_c_while_it_is_reproduced_leaves_no_cluster(
    machine: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(machine.world, "wait_beyond", interrupted)
    assert machine.promdrill("reproduce", "--scenario=toy") == 130
    assert machine.log[-1] == "deleted promdrill-1"
    assert "promdrill: interrupted; everything but " in capsys.readouterr().err


def test_a_drill_whose_tools_are_gone_is_not_left(
    machine: Machine, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StandingIncident, "environment", lambda _drill: Path("/no/such/kubectl").stat())
    assert machine.promdrill("reproduce", "--scenario=toy") == 1
    assert machine.log[-1] == "deleted promdrill-1"
    assert "No such file" in capsys.readouterr().err
    assert not folder().exists()


def test_a_shared_cause_is_said_once() -> None:
    watch = Watch()
    service = "prometheus-toy-server"
    names = ["targets up (prometheus)", "newest sample younger than 3 s", "appended samples rising"]
    refusal = '/metrics not answered: HTTP 400 {"kind":"Status","message":"address not allowed"}'
    watch.seen["recovery"] = {
        "claim is bound": Seen(holds=True, text="bound " * 40),
        "server pod 2/2": Seen(holds=False, text="no server pod"),
        **{name: Seen(holds=False, text=f"{refusal} {number}", known=False) for number, name in enumerate(names)},
        "one": Seen(holds=False, text="not asked yet", known=False),
        "another": Seen(holds=False, text="not asked yet", known=False),
    }
    watch.unanswered = {("recovery", name): service for name in names}
    watch.later = ("it stays so",)
    said = show.judged(watch)
    assert said[:-1] == [
        "Missing",
        "  server pod 2/2: no server pod",
        f"  no pod answers behind service {service} (3 conditions):",
        *(f"    {name}" for name in names),
        "  not asked yet (2 conditions):",
        "    one",
        "    another",
        "Not judged yet",
        "  it stays so",
        "Holds",
    ]
    assert said[-1].startswith("  claim is bound: bound bound")
    assert said[-1].endswith(" ...")
    assert len(said[-1]) <= 80


class Become(BaseException):
    """Raised in place of becoming another program."""


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], dict[str, str]]]:
    calls: list[tuple[str, list[str], dict[str, str]]] = []

    def execve(path: str, argv: list[str], env: dict[str, str]) -> None:
        calls.append((path, argv, env))
        raise Become

    monkeypatch.setattr(os, "execve", execve)
    return calls


def test_a_shell_has_everything_set(
    kept: Machine, become: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("KUBECONFIG", "/somebody/else")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(Become):
        kept.promdrill("shell", "toy")
    path, argv, env = become[0]
    assert (Path(path).name, argv[1:]) == ("bash", ["-i"])
    home = folder() / "home"
    own = yaml.safe_load(Path(env["KUBECONFIG"]).read_text())
    assert own["contexts"][0]["context"] == {
        "cluster": "kind-promdrill",
        "user": "kind-promdrill",
        "namespace": "drill-toy",
    }
    assert (paths.clusters_dir() / "promdrill-1" / "kubeconfig").read_text() == KUBECONFIG, "the cluster's own"
    assert env["HELM_NAMESPACE"] == "drill-toy"
    assert (env["NAMESPACE"], env["RELEASE"], env["NEW_SIZE"]) == ("drill-toy", "prometheus-toy", "large")
    assert Path(env["VALUES"]) == kept.values.absolute()
    assert (env["HOME"], env["TERM"]) == (str(home), "xterm-256color")
    assert env["PATH"].split(":")[0] == str(home / "bin")
    assert (env[paths.STATE_VARIABLE], env["PROMDRILL_DRILL"]) == (str(kept.folder / "state"), "promdrill-1")
    assert "AWS_SECRET_ACCESS_KEY" not in env
    assert (home / ".bashrc").read_text() == "PS1='[toy] \\w \\$ '\n"
    said = capsys.readouterr().out
    assert "toy: it is small\n" in said
    assert "their default namespace is drill-toy" in " ".join(said.split())
    assert f"  VALUES={env['VALUES']}\n" in said


def test_a_repair_is_judged_with_the_values_that_the_incident_was_made_with(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of all objects follow from them: with others, nothing would be found, and nothing recovered."""
    (machine.folder / "here" / "own.yaml").write_text("server: {name: core}")
    asked: list[Request] = []
    drill = machine.drill

    def noting(*arguments: Any, request: Request, **rest: Any) -> Any:
        asked.append(request)
        return drill(*arguments, request=request, **rest)

    monkeypatch.setattr(fulfil, "drill", noting)
    assert machine.promdrill("reproduce", "--scenario=toy", "--values=own.yaml", "--set=server.retention=5d") == 0
    monkeypatch.chdir(machine.folder)
    assert machine.promdrill("verify") == 1
    assert machine.promdrill("remedy") == 0
    made, *judged = asked
    assert len(judged) == 2
    for each in judged:
        assert each.values == made.values
        assert (each.settings.values, each.settings.assigned) == (made.settings.values, "server.retention=5d")


def test_a_repair_is_judged_as_the_drill_is_whatever_was_asked_for_besides(kept: Machine) -> None:
    """A control, another runbook or several runs were asked for of the drill, and not of who repairs its incident."""
    assert kept.promdrill("verify") == 1
    standing = record.choose(None, command="verify", warn=lambda _: None)
    settings = replace(
        standing.joined.request.settings,
        profile="as-shipped",
        control="no-remedy",
        runbook=Path("theirs.md"),
        bind="pvc=x",
        repeat=3,
    )
    asked = replace(standing, joined=replace(standing.joined, request=Request(settings)))
    found = judging._request(asked).settings
    assert (found.control, found.runbook, found.bind, found.repeat) == (None, None, None, 1)
    assert found.profile == standing.incident.profile == "fast"
    assert not judging.Judged(Watch(), Path("verify-1.jsonl")).interrupted, "until Ctrl-C ends it"


def test_the_login_is_known_to_whoever_repairs_it_and_kept_nowhere(
    machine: Machine, become: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of its file: the shell has it in the variable of the steps, and every judgement is made with it."""
    monkeypatch.setattr(redact, "_KNOWN", {})
    file = machine.folder / "here" / "login.txt"
    file.write_text("drill:Hunter2 Canary")
    asked: list[Path | None] = []
    drill = machine.drill

    def noting(*arguments: Any, request: Request, **rest: Any) -> Any:
        asked.append(request.settings.login)
        return drill(*arguments, request=request, **rest)

    monkeypatch.setattr(fulfil, "drill", noting)
    assert machine.promdrill("reproduce", "--scenario=toy", "--login=login.txt") == 0
    monkeypatch.chdir(machine.folder)
    assert machine.promdrill("verify") == 1
    assert machine.promdrill("remedy") == 0
    assert asked == [file] * 3
    with pytest.raises(Become):
        machine.promdrill("shell")
    assert become[0][2]["PROMETHEUS_LOGIN"] == "drill:Hunter2%20Canary"
    assert "Hunter2" not in capsys.readouterr().out
    kept = [path for path in machine.folder.rglob("*") if path.is_file() and path != file]
    assert [path for path in kept if b"Hunter2" in path.read_bytes()] == []
    file.unlink()
    assert machine.promdrill("shell") == 2
    assert f"cannot read {file}: No such file or directory" in capsys.readouterr().err


def test_a_command_in_the_shell(kept: Machine, become: Any, capsys: Capture) -> None:
    for words in (("--", "helm", "list", "--all"), ("promdrill-1", "--", "helm", "list", "--all")):
        with pytest.raises(Become):
            kept.promdrill("shell", *words)
    for path, argv, env in become:
        assert path == str(folder() / "home" / "bin" / "helm")
        assert argv == ["helm", "list", "--all"]
        assert env["NAMESPACE"] == "drill-toy"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--",), ("no command after --", "shell -- kubectl get pods")),
        (("toy", "ls"), ("name at most one incident, not: toy ls", "shell -- toy ls")),
        (
            ("oom", "--", "ls"),
            ("no standing incident oom; there is only toy (cluster promdrill-1)", "shell promdrill-1"),
        ),
        (("--", "no-such-command"), ("no command named no-such-command", "shell")),
        (("--", "a|b"), ("no command named a|b", "shell -- bash -c 'a|b'")),
        (("--", "echo $HOME"), ("no command named echo $HOME", "shell -- bash -c 'echo $HOME'")),
        (("--", "no-such | b", "c"), ("no command named no-such | b", "shell")),
    ],
)
def test_a_shell_that_is_asked_for_wrongly(
    kept: Machine, become: Any, capsys: Capture, words: tuple[str, ...], answer: tuple[str, str]
) -> None:
    message, hint = answer
    assert kept.promdrill("shell", *words) == 2
    assert capsys.readouterr().err == f"promdrill: {message}\nHint: {paths.program()} {hint}\n"
    assert become == []


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("command", ["reproduce", "remedy", "verify", "shell"])
def test_help_has_an_example(machine: Machine, command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        machine.promdrill(command, "--help")
    assert caught.value.code == 0
    assert f"Example:\n  promdrill {command}" in capsys.readouterr().out


@pytest.mark.usefixtures("kept")
def test_a_judgement_asks_for_what_was_installed_and_for_nothing_that_was_tried() -> None:
    """Another runbook, its values, a control or repetitions are no part of the incident; the profile is that of it."""
    standing = record.choose(None, command="verify", warn=lambda _: None)
    made = standing.joined.request
    tried = replace(
        made.settings,
        profile="as-shipped",
        control="no-fault",
        runbook=Path("mine.md"),
        bind="a=b",
        repeat=3,
        subcharts="off",
    )
    joined = replace(standing.joined, request=replace(made, settings=tried))
    asked = judging._request(replace(standing, joined=joined)).settings
    assert asked == replace(made.settings, profile=standing.incident.profile, repeat=1, subcharts="off")
    assert (asked.control, asked.runbook, asked.bind, asked.repeat) == (None, None, None, 1)

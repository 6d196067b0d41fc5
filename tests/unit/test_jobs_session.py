"""Sessions with --jobs and their children, whole: real processes; supply, cluster and engine are fakes."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from promdrill.core import paths, shell
from promdrill.core.clock import Deadline

CONFTEST = """
import contextlib, json, os, threading
from pathlib import Path
from types import SimpleNamespace

from promdrill import doctor
from promdrill.cluster import owners
from promdrill.cluster.identity import Identity
from promdrill.core import paths
from promdrill.plugin import session
from promdrill.request import fulfil
from promdrill.drill import DrillNotPassed
from promdrill.drill.interrupts import terminable
from promdrill.core.errors import ClusterError, SupplyError
from promdrill.core.events import Undone
from promdrill.core.model import DrillResult, Verdict
from promdrill.supply import choose
from promdrill.supply.supplied import Supplied, Tools

HERE = Path(__file__).parent
HERE.joinpath("log").touch()
HERE.joinpath("chart").mkdir(exist_ok=True)
HERE.joinpath("chart/Chart.yaml").write_text("name: prometheus\\nversion: 25.8.0\\n")


def log(text):
    with HERE.joinpath("log").open("a") as file:
        file.write(f"{text}\\n")


def wait_for(done):
    for _ in range(2000):
        if done(HERE.joinpath("log").read_text().splitlines()):
            return
        threading.Event().wait(0.01)
    raise TimeoutError


def provide(request, folders, *, say, found):
    log(f"provided {os.getpid()}")
    if HERE.joinpath("no-supply").exists():
        raise SupplyError("no etcd", hint="make doctor")
    say("everything is there")
    tools = Tools(HERE / "kind", HERE / "kubectl", HERE / "helm")
    files = [HERE / name for name in ("chart", "p.yaml", "bundle.yaml")]
    return Supplied("source", "told", tools, "1.34.4", "node:1", *files, image_values={"a": 1})


@contextlib.contextmanager
def cluster(supplied, options, *, profile, say):
    log(f"created {os.getpid()}")
    say("cluster mine is ready")
    identity = Identity("engine-1", "feed", {}, "https://127.0.0.1:6443", "uid-1")
    folder = paths.clusters_dir() / "mine"
    owners.claim(folder, kept=options.keep, identity=identity)
    try:
        yield SimpleNamespace(name="mine", path=folder, kubeconfig_path=folder / "kubeconfig", image="node:1",
                              kind_path=HERE / "kind", kubectl_path=HERE / "kubectl",
                              recorded=identity)
    finally:
        log("deleted")
    if HERE.joinpath("no-delete").exists():
        raise ClusterError("kind cannot delete mine")


@contextlib.contextmanager
def drill(scenario, supplied, made, *, variant, install, run, request, until_turn, turn_over):
    assert install == "helm"
    name = scenario.name if variant.label is None else f"{scenario.name}[{variant.label}]"

    def result(verdict, reason):
        profile = request.settings.profile
        return DrillResult(scenario.name, None, None, None, profile, variant.control, Verdict(verdict), reason)

    def end(verdict="passed", reason=None):
        ended = result(verdict, reason)
        run.record(ended)
        log(f"ended {name}")
        if ended.reason:
            raise DrillNotPassed(ended, f"{name} {ended.verdict}: {ended.reason}")

    def interrupted():
        with terminable():
            try:
                log(f"waits {name}")
                threading.Event().wait(60)
            except KeyboardInterrupt:
                run.record(result("aborted", "interrupted during signature"))
                raise

    with run.journal(scenario.name, variant) as journal:
        given = dict(cluster=made.name, kubeconfig=str(made.kubeconfig_path), supply=supplied.name,
                     values=dict(supplied.image_values), chart=str(supplied.chart), keep=request.cluster.keep,
                     profile=request.settings.profile)
        journal.write(Undone(what=json.dumps(given)))
        log(f"began {name}")
        yield SimpleNamespace(end=end, log=log, wait_for=wait_for, interrupted=interrupted, until_turn=until_turn)


fulfil.provide, fulfil.cluster, fulfil.drill = provide, cluster, drill
doctor.require = lambda **_: None
choose.chosen = lambda *_: choose.Choice("source", "told")  # no registry is asked
session.write_page = lambda _run: None
"""


@pytest.fixture
def place(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder for scenarios, whose sessions have fakes for what makes clusters."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\naddopts = --strict-markers -ra\nfilterwarnings = error\n")
    return pytester


def scenario(place: pytest.Pytester, name: str, *body: str, mark: str = "touches('x')") -> None:
    function = name.replace("-", "_")
    lines = "".join(f"    {line}\n" for line in body)
    text = f"import os, signal, pytest\n@pytest.mark.{mark}\ndef test_{function}(drill):\n{lines}"
    (place.mkdir(name) / f"test_{function}.py").write_text(text)


def log(place: pytest.Pytester) -> list[str]:
    return (place.path / "log").read_text().splitlines()


def stored(place: pytest.Pytester) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((place.path / "reports/latest/results.json").read_text())
    return loaded


def verdicts(place: pytest.Pytester) -> dict[str, tuple[str, str | None]]:
    return {drill["scenario"]: (drill["verdict"], drill["reason"]) for drill in stored(place)["drills"]}


def test_drills_side_by_side_in_one_cluster(place: pytest.Pytester) -> None:
    both = "drill.wait_for(lambda log: {'began able', 'began best'} <= set(log))"
    scenario(place, "able", "print('a stray line')", both, "drill.end()")
    scenario(place, "best", both, "drill.end(verdict='failed', reason='no recovery')")
    scenario(place, "dead", "print('last words', flush=True)", "os.kill(os.getpid(), signal.SIGKILL)")
    result = place.runpytest_subprocess(
        *("-q", "--capture=no", "--jobs=2", "--profile=as-shipped", "--keep-cluster", "--junitxml=own.xml")
    )
    result.assert_outcomes(passed=1, failed=2)
    assert verdicts(place) == {
        "able": ("passed", None),
        "best": ("failed", "no recovery"),
        "dead": ("aborted", "its process ended, killed by SIGKILL: last words"),
    }
    run, told = stored(place), log(place)
    assert (run["supply"], run["kubernetes"]) == ("source", "1.34.4")
    assert run["finished"] is not None
    assert [line.split()[0] for line in told].count("created") == 1, "children join"
    assert [line.split()[0] for line in told].count("provided") == 1
    assert told[-1] == "deleted"
    latest = place.path / "reports/latest"
    assert {path.name for path in latest.iterdir()} == {"results.json", "junit.xml", "able", "best", "dead"}
    (begin,) = map(json.loads, (latest / "best/journal.jsonl").read_text().splitlines())
    here = str(place.path)
    assert json.loads(begin["what"]) == {
        "cluster": "mine",
        "kubeconfig": str(paths.clusters_dir() / "mine" / "kubeconfig"),
        "supply": "source",
        "values": {"a": 1},
        "chart": f"{here}/chart",
        "keep": True,
        "profile": "as-shipped",
    }
    said = result.stdout.str()
    for line in (
        *("able: a stray line", "able: passed", "best: failed: no recovery", "dead: last words"),
        "dead: aborted: its process ended, killed by SIGKILL: last words",
        *("best failed: no recovery", "everything is there"),
    ):
        assert said.splitlines().count(line) == 1, line
    assert said.count("report: ") == 1
    cases = {case.get("name"): case for case in ET.parse(place.path / "own.xml").iter("testcase")}  # noqa: S314
    assert set(cases) == {"test_able", "test_best", "test_dead"}
    assert cases["test_able"].find(".//property[@name='verdict']") is not None


def test_one_that_is_to_be_alone_gets_ready_beside_the_last_and_waits_for_its_end(place: pytest.Pytester) -> None:
    scenario(
        place,
        "able",
        *("assert drill.until_turn() > 0.0", "drill.log('able is alone')"),
        *("drill.until_turn()", "drill.end()"),
        mark="alone('all classes')",
    )
    scenario(
        place,
        "best",
        *("drill.until_turn()", "drill.wait_for(lambda log: 'began able' in log)", "drill.end()"),
    )
    result = place.runpytest_subprocess("-q", "--capture=no", "--jobs=2")
    result.assert_outcomes(passed=2)
    told = log(place)
    assert told.index("began able") < told.index("ended best") < told.index("able is alone")
    assert "able: now runs alone, because it changes what drills share (all classes)" in result.outlines


def test_others_get_ready_while_some_have_their_turn(place: pytest.Pytester) -> None:
    """As many as there are jobs have their turn, and as many get ready; half as many with three jobs on two cores."""
    for name in ("able", "best"):
        scenario(
            place,
            name,
            *("drill.until_turn()", f"drill.log('{name} has its turn')"),
            *("drill.wait_for(lambda log: 'began cold' in log)", "drill.end()"),
        )
    for name in ("cold", "dear", "ease"):
        scenario(place, name, "drill.until_turn()", f"drill.log('{name} has its turn')", "drill.end()")
    result = place.runpytest_subprocess("-q", "--capture=no", "--jobs=2")
    result.assert_outcomes(passed=5)
    told = log(place)
    ended = min(told.index("ended able"), told.index("ended best"))
    assert told.index("began cold") < ended < told.index("cold has its turn")
    assert told.index("began ease") > ended


def test_ctrl_c_ends_all_and_deletes_the_cluster(place: pytest.Pytester) -> None:
    scenario(place, "able", "drill.interrupted()")
    scenario(place, "best", "drill.wait_for(lambda log: False)")
    scenario(place, "cold", "drill.end()")
    argv = ["env", "--default-signal=INT"]  # a shell's background job, as CI may be one, ignores it otherwise
    argv += [sys.executable, "-m", "pytest", "-q", "--jobs=2", "--capture=no"]
    with shell.spawn(argv, cwd=place.path) as session:
        pause, deadline = threading.Event(), Deadline.after(120.0)  # children that start on a busy machine
        while not ((place.path / "log").exists() and {"waits able", "began best"} <= set(log(place))):
            assert not deadline.passed, "the drills did not begin"
            pause.wait(0.02)
        session.send_signal(signal.SIGINT)
        output, _ = session.communicate(timeout=120)
    assert session.returncode == pytest.ExitCode.INTERRUPTED, output.decode()
    assert verdicts(place) == {
        "able": ("aborted", "interrupted during signature"),
        "best": ("aborted", "interrupted"),
    }
    assert stored(place)["finished"] is None
    assert log(place)[-1] == "deleted"
    assert "began cold" not in log(place)
    children = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal() and joins(path, place)]
    assert children == []


def joins(process: Path, place: pytest.Pytester) -> bool:
    with contextlib.suppress(OSError):
        return str(place.path).encode() in (process / "cmdline").read_bytes()
    return False

"""The pytest plugin, in sessions of pytest within pytest; supply, cluster and engine are fakes."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from promdrill import doctor
from promdrill.core import paths
from promdrill.core.errors import ClusterError, PromdrillError, SupplyError, UsageError
from promdrill.core.events import PhaseBegan, PhaseEnded
from promdrill.core.model import (
    DrillResult,
    LeftOut,
    PhaseName,
    PhaseRecord,
    SampleAccount,
    Variant,
    Verdict,
    drill_name,
)
from promdrill.drill import DrillNotPassed
from promdrill.helm.values.user import Own, ValuesFile
from promdrill.plugin import session as ours
from promdrill.request import fulfil
from promdrill.request.request import KindOptions, Request
from promdrill.request.settings import Settings
from promdrill.results import store
from promdrill.results.expected import shortfall
from promdrill.results.run import Run
from promdrill.supply import choose
from promdrill.supply.choose import Choice

DRILL_TEST = "def test_{name}(drill):\n    drill.run()\n"

DUE: dict[str | None, Verdict] = {"no-fault": Verdict.INVALID, "no-remedy": Verdict.FAILED}
"""How the fakes' controls end unless a test says otherwise; ablations pass, as if no step were needed."""

ENDS = {Verdict.INVALID: PhaseName.SIGNATURE}

RUNBOOK = """---
id: x
title: X
optional: [warm-up]
---
## Meaning
## Impact
## Diagnosis
## Mitigation
```sh name=warm-up
echo warm
```
```sh
echo cure
```
## Verification
"""


class Fakes:
    """What the fixtures call, replaced; `asked` says how."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.log: list[str] = []
        self.pages: list[Run] = []
        self.verdicts: dict[str, Verdict] = {}
        self.not_undone: dict[str, tuple[str, ...]] = {}
        self.refusal: Exception | None = None
        self.supply_error: Exception | None = None
        self.cluster_error: Exception | None = None

    def require(self, *, supply: str, cached: doctor.Cached) -> None:
        self.asked.update(required=(supply, cached))
        if self.refusal is not None:
            raise self.refusal

    def provide(self, request: Request, folders: Any, *, say: Any, found: Any) -> Any:
        assert found == fulfil.Preflight()
        self.asked.update(request=request.of_supply(), folders=[folder.name for folder in folders])
        if self.supply_error is not None:
            raise self.supply_error
        say("everything is there")
        return SimpleNamespace(
            name="source",
            kubernetes="1.34.4",
            chart=paths.manifests_dir() / "charts" / "prometheus",
            app_version="2.48.0",
        )

    @contextlib.contextmanager
    def cluster(self, supplied: Any, options: Any, *, profile: str, say: Any) -> Iterator[Any]:
        del supplied, say
        self.asked.update(options=options, profile=profile)
        if self.cluster_error is not None:
            raise self.cluster_error
        self.log.append("created")
        yield SimpleNamespace(name="pinned")
        self.log.append("deleted")

    @contextlib.contextmanager
    def drill(
        self,
        scenario: Path,
        supplied: Any,
        made: Any,
        *,
        variant: Variant,
        install: str,
        run: Run,
        request: Request,
        until_turn: Callable[[], float],
        turn_over: Callable[[], None],
    ) -> Iterator[Any]:
        del supplied
        assert install == "helm"
        assert until_turn() < 1.0, "nothing runs beside it"
        turn_over()
        assert made.name == "pinned"
        self.asked.update(request_of_drill=request, variant=variant)
        name = drill_name(scenario.name, variant.label)

        def drilled() -> None:
            verdict = self.verdicts.get(name, DUE.get(variant.control, Verdict.PASSED))
            with run.journal(scenario.name, variant) as journal:
                journal.write(PhaseBegan(phase=PhaseName.RECOVERY))
                journal.write(PhaseEnded(phase=PhaseName.RECOVERY, took_s=15.5))
            reason = None if verdict is Verdict.PASSED else "no recovery: 1/2 after 60 s"
            result = DrillResult(
                scenario=scenario.name,
                chart="prometheus",
                chart_version="25.8.0",
                app_version="2.48.0",
                profile=request.settings.profile,
                control=variant.control,
                verdict=verdict,
                reason=reason,
                phases=(PhaseRecord(ENDS.get(verdict, PhaseName.RECOVERY), "", 1.0),),
                samples=SampleAccount(gap_s=24.0),
                left_out=variant.left_out,
                repetition=variant.repetition,
                not_undone=self.not_undone.get(name, ()),
            )
            run.record(result)
            if verdict is Verdict.ABORTED:
                raise KeyboardInterrupt
            if (sentence := shortfall(result)) is not None:
                raise DrillNotPassed(result, sentence)

        yield SimpleNamespace(run=drilled)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    made = Fakes()
    monkeypatch.setattr(ours, "write_page", made.pages.append)
    monkeypatch.setattr(doctor, "require", made.require)
    monkeypatch.setattr(choose, "chosen", lambda wanted, _mirror: Choice(wanted.replace("auto", "source"), "told"))
    for name in ("provide", "cluster", "drill"):
        monkeypatch.setattr(fulfil, name, getattr(made, name))
    return made


@pytest.fixture
def session(pytester: pytest.Pytester, fakes: Fakes) -> pytest.Pytester:
    """A folder with two scenarios."""
    assert not fakes.log
    for scenario in ("disk-full", "lifecycle-flag"):
        name = scenario.replace("-", "_")
        folder = pytester.mkdir(scenario)
        (folder / f"test_{name}.py").write_text(DRILL_TEST.format(name=name))
    return pytester


def stored(pytester: pytest.Pytester) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((pytester.path / "reports/latest/results.json").read_text())
    return loaded


@pytest.mark.parametrize("order", [["promdrill", "pytest-kind"], ["pytest-kind", "promdrill"]])
def test_our_kind_cluster_wins_whatever_is_loaded_first(
    pytester: pytest.Pytester, fakes: Fakes, order: list[str]
) -> None:
    pytester.makepyfile("def test_users_own(kind_cluster):\n    assert kind_cluster.name == 'pinned'\n")
    result = pytester.runpytest_inprocess("-p", order[0], "-p", order[1])
    result.assert_outcomes(passed=1)
    assert fakes.log == ["created", "deleted"]
    assert not (pytester.path / "reports").exists(), "a session without drills leaves no report"


def test_a_users_conftest_still_has_the_last_word(pytester: pytest.Pytester, fakes: Fakes) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef kind_cluster():\n    return 'mine'\n")
    pytester.makepyfile("def test_it(kind_cluster):\n    assert kind_cluster == 'mine'\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert fakes.log == []


def test_pytest_kinds_options_keep_their_meaning(pytester: pytest.Pytester, fakes: Fakes) -> None:
    pytester.makepyfile("def test_it(kind_cluster): pass\n")
    pytester.runpytest_inprocess(
        *("--cluster-name=mine", "--keep-cluster", "--kubeconfig=kube/config", "--kind-image=kindest/node:v1.36.3"),
        *("--kind-bin=/opt/kind", "--kind-kubectl-bin=/opt/kubectl"),
    ).assert_outcomes(passed=1)
    assert fakes.asked["options"] == KindOptions(
        name="mine",
        keep=True,
        kubeconfig=pytester.path / "kube/config",
        image="kindest/node:v1.36.3",
        kind=Path("/opt/kind"),
        kubectl=Path("/opt/kubectl"),
    )


def test_a_named_cluster_is_not_drilled_over_its_own_incident(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, set[str]]] = []

    def refuse(cluster: Path, scenarios: set[str]) -> None:
        asked.append((cluster.name, scenarios))
        raise UsageError("the incident of disk-full stands in cluster mine")

    monkeypatch.setattr("promdrill.plugin.session.refuse_again", refuse)
    session.runpytest_inprocess("-k", "disk_full").assert_outcomes(passed=1, deselected=1)
    assert asked == [], "a new cluster has none"
    done = session.runpytest_inprocess("--cluster-name=mine", "-k", "disk_full")
    done.assert_outcomes(errors=1, deselected=1)
    done.stdout.fnmatch_lines("*the incident of disk-full stands in cluster mine*")
    assert asked == [("mine", {"disk-full"})]


def test_a_cluster_without_a_name_gets_a_free_one(pytester: pytest.Pytester, fakes: Fakes) -> None:
    pytester.makepyfile("def test_it(kind_cluster): pass\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert fakes.asked["options"] == KindOptions()
    assert fakes.asked["profile"] == "fast"


def test_options_reach_supply_and_drill(session: pytest.Pytester, fakes: Fakes) -> None:
    values = session.makefile(".yaml", values="server: {}")
    session.runpytest_inprocess(
        *("--supply=source", "--kube-version=1.34.4", "--helm-version=3", "--profile=as-shipped"),
        *("--values=values.yaml", "--control=no-remedy", "--evidence=always", "-k", "disk_full"),
    ).assert_outcomes(passed=1, deselected=1)
    assert (fakes.asked["request"].kubernetes, fakes.asked["request"].helm) == ("1.34.4", "3")
    assert fakes.asked["profile"] == "as-shipped"
    request = fakes.asked["request_of_drill"]
    assert request.settings.values == (values,)
    assert request.values == Own((ValuesFile(values, "server: {}"),), (), {"server": {}})
    assert request.settings.evidence == "always"
    assert fakes.asked["variant"] == Variant("no-remedy")
    assert [(drill["scenario"], drill["control"]) for drill in stored(session)["drills"]] == [
        ("disk-full", "no-remedy"),
    ]


def test_a_session_that_pytest_is_given_has_its_request_with_it(session: pytest.Pytester, fakes: Fakes) -> None:
    request = Request(Settings(profile="as-shipped", control="no-remedy"), reports=session.path / "mine")
    given = ours.DrillSession(request)
    session.runpytest_inprocess("disk-full", plugins=[given]).assert_outcomes(passed=1)
    assert fakes.asked["request_of_drill"] == request.with_supply()
    assert (fakes.asked["profile"], fakes.asked["variant"]) == ("as-shipped", Variant("no-remedy"))
    assert [drill.scenario for drill in given.run.drills] == ["disk-full"]
    assert given.run.folder == session.path / "mine"


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--chart=/nope", "*CHART=/nope: no such folder*"),
        ("--kube-version=1.36", "*KUBE_VERSION=1.36: not one of*"),
        ("--values=nope.yaml", "*nope.yaml: no such file*"),
        ("--supply=moon", "*SUPPLY=moon: not one of*"),
        ("--control=no-foult", "*CONTROL=no-foult: not one of*"),
        ("--variants=control", "*invalid choice: 'control'*"),
        (
            "--variants=controls --control=no-fault",
            "*CONTROL=no-fault: not allowed with controls, which runs every control*",
        ),
        (
            "--variants=ablate --control=no-fault",
            "*CONTROL=no-fault: not allowed with ablate, which leaves out one step at a time*",
        ),
        (
            "--variants=controls --runbook=disk-full/runbook.md",
            "*RUNBOOK=*: not allowed with controls, which runs no runbook*",
        ),
        ("--evidence=never", "*EVIDENCE=never: not one of*"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_started(
    session: pytest.Pytester, fakes: Fakes, option: str, complaint: str
) -> None:
    (session.path / "disk-full/runbook.md").write_text(RUNBOOK)
    result = session.runpytest_inprocess(*option.split())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])
    assert fakes.log == []
    assert not (session.path / "reports").exists()


def test_every_run_leaves_a_report(session: pytest.Pytester, fakes: Fakes) -> None:
    fakes.verdicts["lifecycle-flag"] = Verdict.FAILED
    result = session.runpytest_inprocess("-q", "--capture=no")
    result.assert_outcomes(passed=1, failed=1)
    run = stored(session)
    assert (run["supply"], run["kubernetes"]) == ("source", "1.34.4")
    assert run["finished"] is not None
    assert run["planned"] == ["disk-full", "lifecycle-flag"]
    assert [(drill["scenario"], drill["verdict"]) for drill in run["drills"]] == [
        ("disk-full", "passed"),
        ("lifecycle-flag", "failed"),
    ]
    latest = session.path / "reports/latest"
    assert {path.name for path in latest.iterdir()} == {"results.json", "junit.xml", "disk-full", "lifecycle-flag"}
    assert (latest / "disk-full/journal.jsonl").is_file()
    result.stdout.fnmatch_lines(
        [
            "everything is there",
            "disk-full: recovery        15.5 s",
            "disk-full: passed",
            "lifecycle-flag: failed: no recovery: 1/2 after 60 s",
            "lifecycle-flag failed: no recovery: 1/2 after 60 s",
            "verdict *",
            "passed   disk-full *24.0 s",
            "failed   lifecycle-flag *",
            "         no recovery: 1/2 after 60 s",
            "report: *",
        ]
    )
    assert "DrillNotPassed" not in result.stdout.str(), "no stack of frames for a drill that was not passed"


def test_a_run_whose_results_cannot_be_written_does_not_end_well(
    session: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All passed, and nobody could read it later: that is said, without a traceback, and the exit code is not 0."""
    assert not fakes.log
    record = Run.record

    def full(_path: Path, _text: str) -> None:
        raise OSError(28, "No space left on device")

    def recorded(run: Run, result: DrillResult) -> None:
        monkeypatch.setattr(store, "write_atomically", full)
        record(run, result)

    monkeypatch.setattr(Run, "record", recorded)
    result = session.runpytest_inprocess("-q", "--capture=no")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not written: *results.json: No space left on device; make room, and run it again"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(("code", "said"), [(28, True), (5, False)])
def test_a_disk_that_is_full_before_the_first_drill_is_told_in_a_line(
    session: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, code: int, *, said: bool
) -> None:
    """Found by chaos-self: results.json could not be begun. What is no full disk keeps its traceback."""

    def refuse(_self: Path, _text: str, **_options: Any) -> int:
        raise OSError(code, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    result = session.runpytest_inprocess("-q", "--capture=no", "-p", "no:cacheprovider")
    shown = result.stdout.str() + result.stderr.str()
    assert not fakes.log, "nothing was started"
    assert ("Traceback" not in shown) == said
    assert (result.ret == pytest.ExitCode.USAGE_ERROR) == said
    told = re.search(r"No space left on device: .*results\.json; make room, and run it again", shown)
    assert (told is not None) == said


def test_a_full_disk_is_a_reason_and_no_excerpt_of_the_code(
    session: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not fakes.log

    def full(*_args: Any, **_options: Any) -> Any:
        raise OSError(28, "No space left on device", "state/owner.json")

    monkeypatch.setattr(fulfil, "drill", full)
    result = session.runpytest_inprocess("-q", "--capture=no")
    assert {drill["reason"] for drill in stored(session)["drills"]} == {"No space left on device: state/owner.json"}
    assert "raise OSError" not in result.stdout.str()


@pytest.mark.parametrize(
    ("second", "known"), [(OSError(28, "No space left on device", "b"), True), (ValueError("bug"), False)]
)
def test_errors_that_come_together_are_told_like_single_ones(
    session: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, second: Exception, *, known: bool
) -> None:
    """As when neither cluster nor journal can be taken down. A bug among them keeps its traceback."""
    assert not fakes.log

    def both(*_args: Any, **_options: Any) -> Any:
        raise ExceptionGroup("errors during test teardown", [OSError(28, "No space left on device", "a"), second])

    monkeypatch.setattr(fulfil, "drill", both)
    result = session.runpytest_inprocess("-q", "--capture=no")
    assert {drill["reason"] for drill in stored(session)["drills"]} == {"No space left on device: a"}
    assert ("ExceptionGroup" not in result.stdout.str()) == known
    assert ("No space left on device: b" in result.stdout.str()) == known


def test_progress_is_seen_past_capturing(session: pytest.Pytester, fakes: Fakes) -> None:
    assert not fakes.log
    result = session.runpytest_inprocess()
    result.stdout.fnmatch_lines(["disk-full: recovery        15.5 s"])


def test_pytests_own_junit_carries_the_verdict(session: pytest.Pytester, fakes: Fakes) -> None:
    assert not fakes.log
    session.runpytest_inprocess("--junitxml=own.xml", "-k", "disk_full")
    root = ET.parse(session.path / "own.xml")  # noqa: S314  our own file
    values = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert values["verdict"] == "passed"
    assert values["gap_s"] == "24.0"


@pytest.mark.parametrize("error", [SupplyError("no etcd", hint="make doctor"), ClusterError("kind failed")])
def test_drills_that_never_began_are_aborted_with_the_reason(
    session: pytest.Pytester, fakes: Fakes, error: PromdrillError
) -> None:
    fakes.supply_error = error if isinstance(error, SupplyError) else None
    fakes.cluster_error = error if isinstance(error, ClusterError) else None
    result = session.runpytest_inprocess()
    result.assert_outcomes(errors=2)
    assert {(drill["scenario"], drill["verdict"], drill["reason"]) for drill in stored(session)["drills"]} == {
        (name, "aborted", error.message) for name in ("disk-full", "lifecycle-flag")
    }
    assert "Traceback" not in result.stdout.str()


def test_a_machine_that_cannot_run_drills_is_refused_before_anything_is_provided(
    session: pytest.Pytester, fakes: Fakes
) -> None:
    fakes.refusal = UsageError("this is podman", hint="unset DOCKER_HOST")
    result = session.runpytest_inprocess("--supply=registry")
    result.assert_outcomes(errors=2)
    assert {drill["reason"] for drill in stored(session)["drills"]} == {"this is podman"}
    assert list(fakes.asked) == ["required"]
    assert fakes.asked["required"][0] == "registry"
    assert "Traceback" not in result.stdout.str()


def test_what_is_wrong_in_a_scenarios_own_test_is_told_with_its_line(session: pytest.Pytester, fakes: Fakes) -> None:
    del fakes
    (session.path / "disk-full/test_disk_full.py").write_text(
        "from promdrill.core.errors import UsageError\ndef test_disk_full(drill):\n    raise UsageError('one of two')\n"
    )
    result = session.runpytest_inprocess("disk-full")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["test_disk_full.py:3: one of two"])


def test_an_error_in_a_scenario_shows_its_frames_and_is_recorded(session: pytest.Pytester, fakes: Fakes) -> None:
    assert not fakes.log
    (session.path / "disk-full/test_disk_full.py").write_text("def test_disk_full(drill):\n    assert 1 == 2\n")
    result = session.runpytest_inprocess("-k", "disk_full")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*", "*test_disk_full.py:2: AssertionError*"])
    (drill,) = stored(session)["drills"]
    assert drill["verdict"] == "aborted"
    assert "AssertionError" in drill["reason"]


def test_an_interrupted_run_stays_unfinished_and_deletes_its_cluster(session: pytest.Pytester, fakes: Fakes) -> None:
    fakes.verdicts["disk-full"] = Verdict.ABORTED
    with pytest.raises(KeyboardInterrupt):
        session.runpytest_inprocess()
    assert fakes.log == ["created", "deleted"]
    run = stored(session)
    assert run["finished"] is None
    assert [drill["verdict"] for drill in run["drills"]] == ["aborted"]


def test_collecting_starts_nothing(session: pytest.Pytester, fakes: Fakes) -> None:
    result = session.runpytest_inprocess("--collect-only", "-q")
    names = [line.split("::")[1] for line in result.outlines if "::" in line]
    assert names == ["test_disk_full", "test_lifecycle_flag"], "alphabetical"
    assert not (session.path / "reports").exists()
    assert fakes.log == []


def test_a_dependencys_warning_does_not_fail_a_drill(session: pytest.Pytester, fakes: Fakes) -> None:
    assert not fakes.log
    session.makeini("[pytest]\nfilterwarnings = error\n")
    text = (
        "import warnings\ndef test_disk_full(drill):\n    warnings.warn('old', DeprecationWarning)\n    drill.run()\n"
    )
    (session.path / "disk-full/test_disk_full.py").write_text(text)
    session.runpytest_inprocess("-k", "disk_full").assert_outcomes(passed=1, deselected=1, warnings=1)


def test_a_run_ends_with_its_page(session: pytest.Pytester, fakes: Fakes) -> None:
    session.runpytest_inprocess("-k", "disk_full").assert_outcomes(passed=1, deselected=1)
    assert [run.folder.name for run in fakes.pages] == [(session.path / "reports/latest").resolve().name]
    assert fakes.pages[0].results.run.finished, "the results are whole by then"


def test_a_named_report_folder_is_used(session: pytest.Pytester, fakes: Fakes) -> None:
    assert not fakes.log
    session.runpytest_inprocess("--report-dir=mine")
    assert (session.path / "mine/results.json").is_file()
    assert not (session.path / "reports").exists()
    result = session.runpytest_inprocess("--report-dir=mine")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_controls_run_in_one_session_on_one_cluster(session: pytest.Pytester, fakes: Fakes) -> None:
    result = session.runpytest_inprocess("--variants=controls", "--capture=no", "-q")
    result.assert_outcomes(passed=4)
    assert fakes.log == ["created", "deleted"]
    assert [(drill["scenario"], drill["control"], drill["verdict"]) for drill in stored(session)["drills"]] == [
        ("disk-full", "no-fault", "invalid"),
        ("disk-full", "no-remedy", "failed"),
        ("lifecycle-flag", "no-fault", "invalid"),
        ("lifecycle-flag", "no-remedy", "failed"),
    ]
    result.stdout.fnmatch_lines(
        [
            "disk-full[[]no-fault]: invalid, as expected: no recovery: 1/2 after 60 s",
            "invalid  disk-full (no-fault) *",
            "         as expected: no recovery: 1/2 after 60 s",
            "scenario        no-fault              no-remedy",
            "disk-full       invalid, as expected  failed, as expected",
            "lifecycle-flag  invalid, as expected  failed, as expected",
            "report: *",
        ]
    )
    latest = session.path / "reports/latest"
    folders = {path.name for path in latest.iterdir() if path.is_dir()}
    assert folders == {f"{s}.{c}" for s in ("disk-full", "lifecycle-flag") for c in ("no-fault", "no-remedy")}


def test_the_output_of_a_failed_step_stands_below_the_reason(session: pytest.Pytester, fakes: Fakes) -> None:
    fakes.verdicts["disk-full"] = Verdict.FAILED
    text = (
        "from promdrill.core.errors import PromdrillError\n"
        "def test_disk_full(drill):\n"
        "    try:\n"
        "        drill.run()\n"
        "    except AssertionError as error:\n"
        "        raise error from PromdrillError('kubectl lgos: unknown command')\n"
    )
    (session.path / "disk-full/test_disk_full.py").write_text(text)
    result = session.runpytest_inprocess("-k", "disk_full")
    result.stdout.fnmatch_lines(["*no recovery: 1/2 after 60 s*", "kubectl lgos: unknown command"])
    assert "Traceback" not in result.stdout.str()


def test_a_control_that_does_not_end_as_it_must_fails(session: pytest.Pytester, fakes: Fakes) -> None:
    fakes.verdicts["disk-full[no-fault]"] = Verdict.PASSED
    result = session.runpytest_inprocess("--variants=controls", "--capture=no", "-q")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "disk-full[[]no-fault]: passed, not as expected: disk-full: the control no-fault must end invalid *",
            "disk-full       passed, NOT AS EXPECTED  failed, as expected",
        ]
    )


def test_no_drill_follows_one_that_could_not_be_taken_back(session: pytest.Pytester, fakes: Fakes) -> None:
    fakes.not_undone["disk-full"] = ("make standard the default: refused",)
    result = session.runpytest_inprocess("--capture=no", "-q")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [(drill["scenario"], drill["verdict"]) for drill in stored(session)["drills"]] == [
        ("disk-full", "passed"),
        ("lifecycle-flag", "aborted"),
    ]
    result.stdout.fnmatch_lines(
        [
            "disk-full: passed: the cluster is not as it was; not done: make standard the default: refused",
            "lifecycle-flag: aborted: not run, as disk-full was not taken back: *",
        ]
    )
    assert fakes.log == ["created", "deleted"]


def test_variants_have_names_to_be_chosen_by(session: pytest.Pytester, fakes: Fakes) -> None:
    for scenario in ("disk-full", "lifecycle-flag"):
        (session.path / scenario / "runbook.md").write_text(RUNBOOK)
    result = session.runpytest_inprocess("--variants=ablate", "--collect-only", "-q")
    assert [line.split("::")[1] for line in result.outlines if "::" in line] == [
        "test_disk_full[without:runbook.md:11]",
        "test_disk_full[without:runbook.md:14]",
        "test_lifecycle_flag[without:runbook.md:11]",
        "test_lifecycle_flag[without:runbook.md:14]",
    ]
    assert fakes.log == []
    chosen = "disk-full/test_disk_full.py::test_disk_full[no-remedy]"
    session.runpytest_inprocess("--variants=controls", chosen).assert_outcomes(passed=1)
    assert [drill["control"] for drill in stored(session)["drills"]] == ["no-remedy"]


def test_an_ablation_leaves_out_one_step_after_the_other(session: pytest.Pytester, fakes: Fakes) -> None:
    (session.path / "disk-full/runbook.md").write_text(RUNBOOK)
    result = session.runpytest_inprocess("--variants=ablate", "--capture=no", "-q", "disk-full")
    result.assert_outcomes(passed=1, failed=1)
    assert fakes.log == ["created", "deleted"]
    assert fakes.asked["variant"] == Variant(
        "without:runbook.md:14", LeftOut("runbook.md", 14, "echo cure", optional=False), frozenset({1})
    )
    result.stdout.fnmatch_lines(
        [
            "disk-full[[]without:runbook.md:11]: passed, as expected, not needed",
            "disk-full: each step of its Mitigation left out once",
            "  11  echo warm                         not needed, optional",
            "  14  echo cure                         not needed",
            "      NOT AS EXPECTED: disk-full: the step at runbook.md:14 is not needed, and*",
        ]
    )
    assert [drill["left_out"]["optional"] for drill in stored(session)["drills"]] == [True, False]


def test_an_ablation_of_a_users_own_runbook(session: pytest.Pytester, fakes: Fakes) -> None:
    (session.path / "mine.md").write_text(RUNBOOK)
    session.runpytest_inprocess("--variants=ablate", "--runbook=mine.md", "disk-full")
    assert fakes.asked["variant"].control == "without:mine.md:14"


def test_a_runbook_that_is_none_is_told_and_nothing_is_started(session: pytest.Pytester, fakes: Fakes) -> None:
    (session.path / "disk-full/runbook.md").write_text("# none\n")
    result = session.runpytest_inprocess("--variants=ablate", "disk-full")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*runbook.md:1:1*"])
    assert "raise source.wrong" not in result.stdout.str(), "no stack of frames"
    assert fakes.log == []
    assert not (session.path / "reports").exists()


def test_controls_that_never_began_are_each_aborted(session: pytest.Pytester, fakes: Fakes) -> None:
    fakes.cluster_error = ClusterError("kind failed")
    result = session.runpytest_inprocess("--variants=controls")
    result.assert_outcomes(errors=4)
    drills = stored(session)["drills"]
    assert [(drill["verdict"], drill["control"]) for drill in drills] == [
        ("aborted", "no-fault"),
        ("aborted", "no-remedy"),
    ] * 2
    result.stdout.fnmatch_lines(["disk-full       aborted, NOT AS EXPECTED  aborted, NOT AS EXPECTED"])


@pytest.mark.parametrize("asked", ["--control=other-fault", "--variants=controls"])
def test_a_control_has_what_the_other_scenarios_fault_needs_however_it_is_asked_for(
    session: pytest.Pytester, fakes: Fakes, asked: str
) -> None:
    """Else a drill beside it would find the default storage class gone."""
    assert not fakes.log
    test = session.path / "disk-full/test_disk_full.py"
    marked = test.read_text().replace("def test_", "@pytest.mark.looks_like('no-provisioner')\ndef test_")
    test.write_text(f"import pytest\n{marked}")
    seen: list[tuple[str, list[str]]] = []

    class Look:
        @pytest.hookimpl(trylast=True)
        def pytest_runtest_setup(self, item: pytest.Item) -> None:
            seen.append((item.name, [str(mark.args[0]) for mark in item.iter_markers("alone")]))

    session.inline_run("disk-full", asked, plugins=[Look()])
    assert seen
    assert {alone[0] for name, alone in seen if alone} == {"all storage classes and the provisioner"}
    assert all(bool(alone) == (asked.startswith("--control") or "other-fault" in name) for name, alone in seen)

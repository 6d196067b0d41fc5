"""Sessions with --jobs, with --join, and markers: pytest within pytest; supply, cluster and children are fakes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.cluster_world import IDENTITY

from promdrill import doctor
from promdrill.cluster import owners
from promdrill.core import paths
from promdrill.core.errors import ClusterError, SupplyError
from promdrill.core.events import TurnCame
from promdrill.core.model import DrillResult, PhaseName, PhaseRecord, RunResult, Variant, Verdict
from promdrill.parallel import child
from promdrill.parallel.joining import Address, Joined
from promdrill.parallel.messages import Line, Message, Reached, State
from promdrill.parallel.turn import TURN
from promdrill.plugin import session
from promdrill.request import fulfil
from promdrill.request.options import OPTIONS
from promdrill.request.request import KindOptions, Request, make
from promdrill.results.expected import as_expected
from promdrill.results.run import Run
from promdrill.supply import choose
from promdrill.supply.choose import Choice
from promdrill.supply.supplied import Supplied, Tools


def supplied(folder: Path, shared: Mapping[str, tuple[str, ...]] | None = None) -> Supplied:
    tools = Tools(folder / "kind", folder / "kubectl", folder / "helm")
    (folder / "chart").mkdir(exist_ok=True)
    (folder / "chart" / "Chart.yaml").write_text("name: prometheus\nversion: 25.8.0\n")
    chart, provisioner, crds = (folder / name for name in ("chart", "p.yaml", "bundle.yaml"))
    return Supplied("source", "told", tools, "1.34.4", "node:1", chart, provisioner, crds, shared=shared or {})


def address(folder: Path) -> Address:
    place = paths.clusters_dir() / "mine"
    return Address("mine", place, place / "kubeconfig", "node:1", folder / "kind", folder / "kubectl", IDENTITY)


def has_turn(outbox: Path, tell: Callable[[Message], None], stop: threading.Event) -> bool:
    """Say that it is ready and wait as a child does; False when asked to end: no thread can be killed."""
    tell(Reached(State.READY))
    with (outbox / TURN).open("rb") as file:
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return True
            stop.wait(0.01)
    return False


class Fakes:
    """What the parent calls, replaced: children pass at once unless `verdicts` says otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: list[str] = []
        self.children: list[tuple[str, Sequence[str]]] = []
        self.requests: list[Request] = []
        self.lasts_s: list[float] = []
        self.verdicts: dict[str, Verdict] = {}
        self.not_undone: dict[str, tuple[str, ...]] = {}
        self.errors: dict[str, Exception] = {}
        self.shared: dict[str, tuple[str, ...]] = {}

    def _may_fail(self, where: str) -> None:
        if where in self.errors:
            raise self.errors[where]

    def provide(self, _request: Any, _folders: Any, *, say: Any, found: Any) -> Supplied:
        assert say
        assert found == fulfil.Preflight()
        self._may_fail("provide")
        return supplied(self.folder, self.shared)

    @contextlib.contextmanager
    def cluster(self, _supplied: Any, _options: Any, *, profile: str, say: Any) -> Iterator[Any]:
        assert (profile, bool(say)) == ("fast", True)
        self._may_fail("create")
        self.log.append("created")
        yield address(self.folder).cluster()
        self.log.append("deleted")
        self._may_fail("delete")

    def run(
        self,
        test: str,
        options: Sequence[str],
        *,
        join: Path,
        cwd: Path,
        on_message: Callable[[Message], None],
        stop: threading.Event,
        lasts_s: float,
    ) -> child.Left:
        assert cwd == self.folder
        self.lasts_s.append(lasts_s)
        if not has_turn(join.parent, on_message, stop):
            return child.Left((), (), "interrupted", stopped=True)
        joined = Joined.read(join)
        assert (joined.supplied, joined.address) == (supplied(self.folder, self.shared), address(self.folder))
        assert joined.reports == (self.folder / "reports/latest").resolve()
        self.children.append((test, options))
        self.requests.append(joined.request)
        scenario = Path(test.partition("::")[0]).parent.name
        on_message(Line(f"{scenario}: passed"))
        verdict = self.verdicts.get(scenario, Verdict.PASSED)
        drill = DrillResult(scenario, None, None, None, "fast", None, verdict, None)
        drill = replace(drill, not_undone=self.not_undone.get(scenario, ()))
        outcome: Any = "passed" if as_expected(drill) else "failed"
        nodeid = str(Path(test).relative_to(self.folder))
        reports = (
            pytest.TestReport(nodeid, ("f", 1, "t"), {}, outcome, None, "call"),
            pytest.TestReport(nodeid, ("f", 1, "t"), {}, "passed", None, "teardown"),
        )
        data = tuple({**report._to_json(), "$report_type": "TestReport"} for report in reports)
        return child.Left((drill,), data, None)


@pytest.fixture
def fakes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    made = Fakes(pytester.path)
    monkeypatch.setenv(paths.STATE_VARIABLE, str(pytester.path / "state"))
    owners.claim(paths.clusters_dir() / "mine", kept=False, identity=IDENTITY)
    monkeypatch.setattr(session, "write_page", lambda _run: None)  # it takes seconds to import what draws
    monkeypatch.setattr(doctor, "require", lambda **_: None)
    monkeypatch.setattr(choose, "chosen", lambda wanted, _mirror: Choice(wanted.replace("auto", "source"), "told"))
    monkeypatch.setattr(fulfil, "provide", made.provide)
    monkeypatch.setattr(fulfil, "cluster", made.cluster)
    monkeypatch.setattr(fulfil, "witness", lambda *_, **__: None)
    monkeypatch.setattr(child, "run", made.run)
    for name in ("disk-full", "flag"):
        function = name.replace("-", "_")
        (pytester.mkdir(name) / f"test_{function}.py").write_text(f"def test_{function}(drill):\n    drill.run()\n")
    return made


def stored(pytester: pytest.Pytester) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((pytester.path / "reports/latest/results.json").read_text())
    return loaded


def verdicts(pytester: pytest.Pytester) -> list[tuple[str, str, str | None]]:
    return [(drill["scenario"], drill["verdict"], drill["reason"]) for drill in stored(pytester)["drills"]]


def test_each_drill_is_given_to_a_child(pytester: pytest.Pytester, fakes: Fakes) -> None:
    result = pytester.runpytest_inprocess("--jobs=2", "--values=v.yaml", "--keep-cluster", "-q", "--capture=no")
    assert result.ret == pytest.ExitCode.USAGE_ERROR, "options are checked as ever"
    pytester.makefile(".yaml", v="server: {}")
    result = pytester.runpytest_inprocess("--jobs=2", "--values=v.yaml", "--keep-cluster", "-q", "--capture=no")
    result.assert_outcomes(passed=2)
    assert fakes.log == ["created", "deleted"]
    assert sorted(test for test, _ in fakes.children) == [
        f"{pytester.path}/disk-full/test_disk_full.py::test_disk_full",
        f"{pytester.path}/flag/test_flag.py::test_flag",
    ]
    options, request = fakes.children[0][1], fakes.requests[0]
    assert (request.settings.values, request.cluster.keep) == ((pytester.path / "v.yaml",), True)
    assert request.values is not None, "its values are not read again"
    assert options == [f"--rootdir={pytester.path}", "-p", "no:cacheprovider", "--capture=no"]
    assert stored(pytester)["supply"] == "source"
    result.stdout.fnmatch_lines(["passed   disk-full*", "report: *"])


def test_what_does_not_apply_is_skipped_and_nothing_else(pytester: pytest.Pytester, fakes: Fakes) -> None:
    for name in ("a", "b", "c"):
        mark = "@pytest.mark.charts('<1')\n" if name in {"a", "b"} else ""
        text = f"import pytest\n{mark}def test_{name}(drill):\n    drill.run()\n"
        (pytester.mkdir(name) / f"test_{name}.py").write_text(text)
    result = pytester.runpytest_inprocess("--jobs=2", "a", "b", "c", "flag", "-q", "--capture=no")
    result.assert_outcomes(passed=2, skipped=2)
    assert sorted(Path(test.partition("::")[0]).parent.name for test, _ in fakes.children) == ["c", "flag"]
    assert [skipped["scenario"] for skipped in stored(pytester)["skipped"]] == ["a", "b"]
    assert "<1" in stored(pytester)["skipped"][0]["reason"]


def test_what_the_options_ask_for_reaches_children_whole(pytester: pytest.Pytester, fakes: Fakes) -> None:
    """By the file: there is no option that a child would have to be given again."""
    pytester.makefile(".yaml", own="server: {retention: 1d}")
    pytester.makefile(".yaml", am="route: {receiver: a}\nreceivers: [{name: a}]")
    pytester.makefile(".toml", alerts='[[expect]]\nscenario = "disk-full"\nalert = "X"')
    pytester.makefile(".txt", login="drill:a long password")
    runbook = pytester.path / "mine.md"
    runbook.write_text((paths.scenarios_dir() / "disk-full/runbook.md").read_text())
    given = {
        "CHART": "any/prometheus",
        "CHART_VERSION": "25.8.0",
        "REPO": "https://charts.example",
        "SUBCHARTS": "off",
        "VALUES": "own.yaml",
        "SET": "b.c=2",
        "SCRAPES": "yours",
        "LOGIN": "login.txt",
        "APP_VERSION": "3.14.0",
        "IMAGES": "exact",
        "KUBE_VERSION": "1.34.4",
        "HELM_VERSION": "3",
        "SUPPLY": "source",
        "REGISTRY_MIRROR": "mirror.example:5000",
        "CONTROL": "no-fault",
        "RUNBOOK": "mine.md",
        "REPEAT": "2",
        "EVIDENCE": "always",
        "RULES": "own",
        "ALERTMANAGER": "am.yaml",
        "ALERT_SPEED": "30",
        "HOLD": "20m",
        "GROWTH": "40m",
        "ALERTS": "alerts.toml",
    }
    assert {*given, "PROFILE", "BUNDLE", "BIND"} == {option.variable for option in OPTIONS}
    flags = [f"{option.flag}={given[option.variable]}" for option in OPTIONS if option.variable in given]
    pytester.runpytest_inprocess("--jobs=2", "--keep-cluster", *flags, "flag").assert_outcomes(passed=2)
    made = make(given, folder=pytester.path, cluster=KindOptions(keep=True))
    assert fakes.requests == [replace(made, jobs=2)] * 2
    assert fakes.lasts_s == [1200.0 + 2400.0] * 2, "for as long as that, nothing else is to happen"


def test_variants_are_given_to_children_by_their_names(pytester: pytest.Pytester, fakes: Fakes) -> None:
    pytester.runpytest_inprocess("--jobs=1", "--variants=controls", "--collect-only")
    pytester.runpytest_inprocess("--jobs=2", "--variants=controls", "-k", "flag")
    assert sorted(test for test, _ in fakes.children) == [
        f"{pytester.path}/flag/test_flag.py::test_flag[{control}]" for control in ("no-fault", "no-remedy")
    ]
    assert fakes.requests[0].variants == "controls"


def test_the_exit_code_is_that_of_the_drills(pytester: pytest.Pytester, fakes: Fakes) -> None:
    fakes.verdicts["flag"] = Verdict.FAILED
    result = pytester.runpytest_inprocess("--jobs=3")
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert stored(pytester)["finished"] is not None


def test_no_more_are_started_after_the_failure_that_is_one_too_many(pytester: pytest.Pytester, fakes: Fakes) -> None:
    fakes.verdicts["disk-full"] = Verdict.FAILED
    for name in ("disk-full", "flag"):
        scenario(pytester, name, "exclusive('metrics API')")
    result = pytester.runpytest_inprocess("--jobs=2", "-x")
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])
    assert [Path(test).name for test, _ in fakes.children] == ["test_disk_full.py::test_disk_full"]
    assert fakes.log == ["created", "deleted"]


def test_all_workers_stop_taking_drills_in_a_cluster_that_is_not_as_it_was(
    pytester: pytest.Pytester, fakes: Fakes
) -> None:
    fakes.not_undone["disk-full"] = ("make standard the default: refused",)
    for name in ("disk-full", "flag"):
        scenario(pytester, name, "exclusive('metrics API')")
    result = pytester.runpytest_inprocess("--jobs=2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [Path(test).name for test, _ in fakes.children] == ["test_disk_full.py::test_disk_full"]
    assert fakes.log == ["created", "deleted"]
    why = "the cluster is not as it was; not done: make standard the default: refused"
    assert verdicts(pytester) == [
        ("disk-full", "passed", None),
        ("flag", "aborted", f"not run, as disk-full was not taken back: {why}"),
    ]
    assert stored(pytester)["finished"] is not None


def test_those_alone_come_last_and_say_why(pytester: pytest.Pytester, fakes: Fakes) -> None:
    (pytester.path / "disk-full/test_disk_full.py").write_text(
        "import pytest\n@pytest.mark.alone('all classes')\ndef test_disk_full(drill): pass\n"
    )
    result = pytester.runpytest_inprocess("--jobs=2", "--strict-markers")
    result.assert_outcomes(passed=2)
    assert sorted(Path(test).name for test, _ in fakes.children) == [
        "test_disk_full.py::test_disk_full",
        "test_flag.py::test_flag",
    ]
    result.stdout.fnmatch_lines(
        [
            "flag: passed",
            "disk-full: now runs alone, because it changes what drills share (all classes)",
            "disk-full: passed",
        ]
    )


def scenario(pytester: pytest.Pytester, name: str, mark: str) -> None:
    """A scenario, new or in place of one that is there."""
    function = name.replace("-", "_")
    (pytester.path / name).mkdir(exist_ok=True)
    text = f"import pytest\n@pytest.mark.{mark}\ndef test_{function}(drill): pass\n"
    (pytester.path / name / f"test_{function}.py").write_text(text)


def earlier(pytester: pytest.Pytester, **took_s: float) -> None:
    """An earlier run, in which drills passed within that time."""
    drills = [
        DrillResult(
            name, None, None, None, "fast", None, Verdict.PASSED, None, (PhaseRecord(PhaseName.UNDO, "", took),)
        )
        for name, took in took_s.items()
    ]
    folder = pytester.path / "reports/2026-01-01T00-00-00Z"
    folder.mkdir(parents=True)
    data = RunResult("2026-01-01T00:00:00Z", None, "source", "1.36.3", tuple(drills)).to_json()
    (folder / "results.json").write_text(json.dumps(data))


class InTurn:
    """Stands in for the children: each ends when as many as told have begun, and none ends before."""

    def __init__(self, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, *, at_once: int) -> None:
        self.begun: list[str] = []
        self.most = self._running = 0
        self._fakes = fakes
        self._barrier = threading.Barrier(at_once)
        self._lock = threading.Lock()
        monkeypatch.setattr(child, "run", self.run)

    def run(self, test: str, options: Sequence[str], **rest: Any) -> child.Left:
        assert has_turn(rest["join"].parent, rest["on_message"], rest["stop"])
        with self._lock:
            self.begun.append(Path(test.partition("::")[0]).parent.name)
            self._running += 1
            self.most = max(self.most, self._running)
        self._barrier.wait(10)
        left = self._fakes.run(test, options, **rest)
        with self._lock:
            self._running -= 1
        return left


def test_what_took_longest_is_started_first(
    pytester: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("fresh", "oom"):
        scenario(pytester, name, "touches('x')")
    earlier(pytester, **{"disk-full": 40.0, "flag": 60.0, "oom": 50.0})
    turns = InTurn(fakes, monkeypatch, at_once=2)
    pytester.runpytest_inprocess("--jobs=2").assert_outcomes(passed=4)
    assert set(turns.begun[:2]) == {"fresh", "flag"}
    assert set(turns.begun[2:]) == {"oom", "disk-full"}
    assert {(verdict, reason) for _, verdict, reason in verdicts(pytester)} == {("passed", None)}


def test_where_nothing_ran_yet_those_said_to_be_long_are_started_first(
    pytester: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("oom", "wal"):
        scenario(pytester, name, "long('a minute passes')")
    turns = InTurn(fakes, monkeypatch, at_once=2)
    pytester.runpytest_inprocess("--jobs=2", "--strict-markers").assert_outcomes(passed=4)
    assert set(turns.begun[:2]) == {"oom", "wal"}


@pytest.mark.parametrize("arguments", [[], ["--variants=controls", "-k", "flag"]])
def test_those_that_use_the_same_do_not_meet(
    pytester: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    for name in ("disk-full", "flag"):
        scenario(pytester, name, "exclusive('metrics API')")
    turns = InTurn(fakes, monkeypatch, at_once=1)
    pytester.runpytest_inprocess("--jobs=3", "--strict-markers", *arguments).assert_outcomes(
        passed=2, deselected=2 if arguments else 0
    )
    assert (len(turns.begun), turns.most) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "drills"), [([], 2), (["--variants=controls", "-k", "flag"], 2), (["--repeat=2", "flag"], 2)]
)
def test_those_whose_installs_take_the_same_do_not_meet(
    pytester: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, arguments: list[str], drills: int
) -> None:
    """Such as the ClusterRole that the user's values name, whatever the release is called."""
    fakes.shared = {"disk-full": ("ClusterRole mon", "port 9100 of the node"), "flag": ("ClusterRole mon",)}
    turns = InTurn(fakes, monkeypatch, at_once=1)
    result = pytester.runpytest_inprocess("--jobs=3", "--capture=no", *arguments)
    assert (len(turns.begun), turns.most) == (drills, 1)
    said = "2 drills run one after the other: each takes ClusterRole mon, which there is once."
    assert said in result.stdout.str()


def test_those_that_share_nothing_do_meet(
    pytester: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.shared = {"disk-full": ("ClusterRole a",), "flag": ("ClusterRole b",)}
    turns = InTurn(fakes, monkeypatch, at_once=2)
    result = pytester.runpytest_inprocess("--jobs=2", "--capture=no")
    assert (len(turns.begun), turns.most) == (2, 2)
    assert "one after the other" not in result.stdout.str()


@pytest.mark.parametrize(("where", "error"), [("provide", SupplyError("no etcd")), ("create", ClusterError("no kind"))])
def test_without_a_cluster_all_are_aborted(
    pytester: pytest.Pytester, fakes: Fakes, where: str, error: Exception
) -> None:
    fakes.errors[where] = error
    result = pytester.runpytest_inprocess("--jobs=2")
    result.assert_outcomes(errors=2)
    assert verdicts(pytester) == [("disk-full", "aborted", str(error)), ("flag", "aborted", str(error))]
    assert "Traceback" not in result.stdout.str()
    assert fakes.children == []


def test_a_cluster_that_cannot_be_deleted_is_told_and_changes_no_verdict(
    pytester: pytest.Pytester, fakes: Fakes
) -> None:
    fakes.errors["delete"] = ClusterError("kind failed")
    result = pytester.runpytest_inprocess("--jobs=2")
    result.assert_outcomes(passed=2, errors=1)
    assert [verdict for _, verdict, _ in verdicts(pytester)] == ["passed", "passed"]
    result.stdout.fnmatch_lines(["kind failed"])


@pytest.mark.parametrize("arguments", [["--collect-only"], ["-k", "none"]])
def test_with_nothing_to_run_nothing_is_started(pytester: pytest.Pytester, fakes: Fakes, arguments: list[str]) -> None:
    pytester.runpytest_inprocess("--jobs=2", *arguments)
    assert (fakes.log, fakes.children) == ([], [])
    assert not (pytester.path / "reports").exists()


def test_an_error_of_collection_starts_nothing(pytester: pytest.Pytester, fakes: Fakes) -> None:
    (pytester.path / "flag/test_flag.py").write_text("import nothing_of_that_name\n")
    assert pytester.runpytest_inprocess("--jobs=2").ret == pytest.ExitCode.INTERRUPTED
    assert (fakes.log, fakes.children) == ([], [])


def test_tests_that_are_no_drills_are_refused(pytester: pytest.Pytester, fakes: Fakes) -> None:
    pytester.makepyfile(test_own="def test_own(kind_cluster): pass\n")
    result = pytester.runpytest_inprocess("--jobs=2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--jobs: test_own.py::test_own is not a drill*"])
    assert fakes.log == []


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("name", ["alone", "exclusive"])
def test_a_marker_without_its_text_is_refused_whatever_jobs_is(
    pytester: pytest.Pytester, fakes: Fakes, jobs: str, name: str
) -> None:
    scenario(pytester, "flag", name)
    result = pytester.runpytest_inprocess(f"--jobs={jobs}", "--strict-markers")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*test_flag: the marker {name} takes one text*"])
    assert fakes.log == []


def test_a_width_that_is_none_is_refused(pytester: pytest.Pytester, fakes: Fakes) -> None:
    result = pytester.runpytest_inprocess("--jobs=many")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*JOBS=many: not a whole number from 1 to 16*"])
    assert fakes.log == []


@pytest.fixture
def join(pytester: pytest.Pytester, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to join by; a drill that is run in this session passes."""

    @contextlib.contextmanager
    def drill(scenario: Path, found: Supplied, made: Any, *, run: Run, **_: Any) -> Iterator[Any]:
        assert found == supplied(pytester.path)
        assert Address.of(made) == address(pytester.path)
        with run.journal(scenario.name, Variant()) as journal:
            journal.write(TurnCame(waited_s=1.5))
        passed = DrillResult(scenario.name, None, None, None, "fast", None, Verdict.PASSED, None)
        yield SimpleNamespace(run=lambda: run.record(passed))

    monkeypatch.setattr(fulfil, "drill", drill)
    fakes.errors = {name: AssertionError(f"{name} in a session that joins") for name in ("provide", "create")}
    reports, outbox = pytester.mkdir("parents-reports"), pytester.path / "outbox"
    return Joined(Request(), supplied(pytester.path), address(pytester.path), reports, outbox).write()


def test_a_session_that_joins_makes_nothing_and_tells_its_parent(pytester: pytest.Pytester, join: Path) -> None:
    result = pytester.runpytest_inprocess(f"--join={join}", "-k", "disk_full")
    assert result.ret == pytest.ExitCode.OK
    assert result.outlines == ["disk-full: passed"], "and nothing of pytest's own"
    told = json.loads((join.parent / "results.json").read_text())
    assert [drill["scenario"] for drill in told["drills"]] == ["disk-full"]
    reports = [json.loads(line) for line in (join.parent / child.REPORTS).read_text().splitlines()]
    assert [report["when"] for report in reports] == ["setup", "call", "teardown"]
    parents = pytester.path / "parents-reports"
    assert [str(path.relative_to(parents)) for path in parents.rglob("*") if path.is_file()] == [
        "disk-full/journal.jsonl"
    ], "the results are the parent's to write"
    assert not (pytester.path / "reports").exists()


def test_a_session_that_joins_says_why_it_collects_nothing(pytester: pytest.Pytester, join: Path) -> None:
    (pytester.path / "flag/test_flag.py").write_text("import nothing_of_that_name\n")
    result = pytester.runpytest_inprocess(f"--join={join}", "flag")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*No module named 'nothing_of_that_name'*"])


def test_nothing_to_join(pytester: pytest.Pytester, fakes: Fakes) -> None:
    result = pytester.runpytest_inprocess("--join=nowhere.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*nowhere.json: not written by a session with --jobs*"])
    assert fakes.log == []

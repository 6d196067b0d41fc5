"""The command line: what is refused, what is passed on, how it ends."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import filelock
import pytest
from tests.unit.cluster_world import Engine, engine

from promdrill import doctor
from promdrill.artefacts.cache import TAG, TAG_TEXT, Cache
from promdrill.cli import clean_cache, listing, main, run
from promdrill.cluster import lease, owners, sweep
from promdrill.core import background, docker_target, paths, shell
from promdrill.core.errors import SupplyError, UsageError
from promdrill.core.model import DrillResult, PhaseName, PhaseRecord, RunResult, Verdict
from promdrill.plugin.session import DrillSession
from promdrill.request import fulfil, request, scenarios
from promdrill.request.request import Request
from promdrill.results.store import Results
from promdrill.supply import choose
from promdrill.supply.choose import Choice
from promdrill.supply.engine import lifecycle

__all__ = ["engine"]

GOOD_VALUES = "server: {retention: 1d}\n"
OPEN = (
    "---\nid: open\ntitle: A quote is open\n---\n"
    "## Meaning\n## Impact\n## Diagnosis\n```sh\necho 'open\n```\n## Mitigation\n```sh\ntrue\n```\n## Verification\n"
)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is read or written, no variable of the outside comes in, and no drill is ever started."""
    monkeypatch.setattr(pytest, "main", lambda *_, **_k: pytest.fail("a real session was about to start"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMDRILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PROMDRILL_CACHE_DIR", str(tmp_path / "cache"))
    for variable in run.OPTIONS:
        monkeypatch.delenv(variable, raising=False)


class FakePytest:
    """Stands in for `pytest.main`: takes its arguments and writes results as the plugin would."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.requests: list[Request] = []
        self.code = pytest.ExitCode.OK
        self.verdicts: Sequence[Verdict] = (Verdict.PASSED, Verdict.PASSED)
        self.interrupted = False
        self.refusal: Exception | None = None
        self.looked_at: list[str] = []

    def preflight(self, asked: Request, *, say: Any) -> fulfil.Preflight:
        assert say
        self.looked_at = [folder.name for folder in asked.scenarios]
        if self.refusal is not None:
            raise self.refusal
        return fulfil.Preflight()

    def __call__(self, arguments: list[str], plugins: list[Any]) -> pytest.ExitCode:
        self.calls.append(arguments)
        (session, interruption) = plugins
        assert isinstance(session, DrillSession)
        self.requests.append(session.request)
        assert session.request.reports is not None
        results = Results(session.request.reports, supply="source", kubernetes="1.36.3")
        for number, verdict in enumerate(self.verdicts):
            results.add(DrillResult(f"drill-{number}", None, None, None, "fast", None, verdict, None))
        if self.interrupted:
            interruption.pytest_keyboard_interrupt(SimpleNamespace(value=KeyboardInterrupt()))
        return self.code


@pytest.fixture
def fake_pytest(monkeypatch: pytest.MonkeyPatch) -> FakePytest:
    fake = FakePytest()
    monkeypatch.setattr(pytest, "main", fake)

    def chosen(wanted: str, mirror: str | None) -> Choice:
        assert mirror is None
        return Choice("source" if wanted == "auto" else wanted, "It was tried.")

    monkeypatch.setattr(choose, "chosen", chosen)
    monkeypatch.setattr(fulfil, "preflight", fake.preflight)
    monkeypatch.setattr(doctor, "require", lambda **_: None)
    return fake


def test_all_scenarios_with_defaults(fake_pytest: FakePytest, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["run"]) == 0
    (arguments,) = fake_pytest.calls
    assert [Path(a) for a in arguments if a.endswith(".py")] == [found.test for found in scenarios.find_all()]
    (asked,) = fake_pytest.requests
    shipped = tuple(found.folder for found in scenarios.find_all())
    choice = Choice("source", "It was tried.")
    assert asked == Request(scenarios=shipped, reports=asked.reports, choice=choice), "defaults, and nothing else"
    assert Path("reports/latest/results.json").is_file()
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"


def test_variables_of_the_environment_reach_pytest_word_for_word(
    fake_pytest: FakePytest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    odd = tmp_path / "my \"own\" 'values' $HOME;.yaml"
    odd.write_text(GOOD_VALUES)
    given = {"SCENARIO": " disk-full ,", "VALUES": str(odd), "KEEP": "1", "JOBS": "3", "CONTROL": "no-fault"}
    given["EVIDENCE"] = "always"
    empty = {"CHART": "", "HELM_VERSION": "", "RUNBOOK": ""}
    for name, value in {**given, **empty}.items():
        monkeypatch.setenv(name, value)
    assert main.main(["run", "--kube-version", "1.34.4"]) == 0
    (arguments,), (asked,) = fake_pytest.calls, fake_pytest.requests
    settings = asked.settings
    assert (settings.values, settings.control, settings.evidence) == ((odd,), "no-fault", "always")
    assert (asked.jobs, asked.cluster.keep) == (3, True)
    assert (settings.kubernetes, settings.helm, settings.chart) == ("1.34.4", "4", None)
    assert [Path(a).name for a in arguments if a.endswith(".py")] == ["test_disk_full.py"]


@pytest.fixture
def kept(engine: Engine) -> Path:
    """The folder of a kept cluster promdrill-2, which the engine has."""
    engine.record("promdrill-2")
    engine.add("somebody-elses")
    return paths.clusters_dir() / "promdrill-2"


@pytest.mark.usefixtures("kept")
def test_drills_run_again_in_a_kept_cluster(fake_pytest: FakePytest) -> None:
    assert main.main(["run", "--cluster=promdrill-2", "--scenario=disk-full"]) == 0
    (asked,) = fake_pytest.requests
    assert asked.cluster.name == "promdrill-2"
    assert not asked.cluster.keep, "what the drill makes is removed; the cluster stays all the same"


def test_no_drill_runs_in_a_kept_cluster_that_is_not_as_it_was(
    fake_pytest: FakePytest, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owners.note_not_undone(kept, ["restore the class:\n  timed out"])
    owners.note_not_undone(kept, ["restore the class: timed out", "remove the quota: 409"])
    assert main.main(["run", "--cluster=promdrill-2", "--scenario=disk-full"]) == 2
    wrong = capsys.readouterr().err
    left = "restore the class: timed out; remove the quota: 409"
    assert f"CLUSTER=promdrill-2: it is not as it was; an earlier drill could not undo: {left}\n" in wrong
    assert "clean promdrill-2, then leave CLUSTER out" in wrong
    assert fake_pytest.calls == []
    owners.forget(kept)
    assert not kept.exists()


def test_without_a_cluster_to_run_in_pytest_is_told_of_none(fake_pytest: FakePytest) -> None:
    assert main.main(["run", "--scenario=disk-full"]) == 0
    assert fake_pytest.requests[0].cluster.name is None


def test_a_cluster_that_is_not_ours_or_not_kept_is_refused_by_name(
    engine: Engine,
    fake_pytest: FakePytest,
    kept: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hint = "\nHint: leave CLUSTER out for a new cluster\n"

    def refused(name: str) -> str:
        monkeypatch.setenv("CLUSTER", name)
        assert main.main(["run", "--scenario=disk-full"]) == 2
        wrong = capsys.readouterr().err
        assert wrong.startswith(f"promdrill: CLUSTER={name}: ")
        assert wrong.endswith(hint)
        return wrong.removeprefix(f"promdrill: CLUSTER={name}: ").removesuffix(hint)

    kept_one = "promdrill-2 (kept)"
    there = f"the only cluster is {kept_one}"
    assert refused("nobodys") == f"promdrill has no cluster of that name; {there}"
    with lease.this_name("promdrill-2"):
        assert refused("promdrill-2") == f"in use by another run; {there}"
    left = engine.record("promdrill-3", kept=False)
    also = f"the clusters are {kept_one}, promdrill-3 (left by a killed run)"
    assert refused("promdrill-3") == f"left by a killed run, not kept; {also}"
    engine.containers = {left: engine.containers[left]}
    assert refused("promdrill-2") == (
        "it is gone, and its record was removed; the only cluster is promdrill-3 (left by a killed run)"
    )
    assert not kept.exists()
    owners.forget(paths.clusters_dir() / "promdrill-3")
    assert refused("promdrill-2") == "promdrill has no cluster of that name; there are no clusters"
    assert (fake_pytest.calls, fake_pytest.looked_at) == ([], [])
    assert not Path("reports").exists()


def test_a_request_that_another_process_wrote_is_run_as_it_is(
    fake_pytest: FakePytest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = request.make(
        {"SUPPLY": "source", "APP_VERSION": "3.14.0", "JOBS": "2"},
        drilled=scenarios.select(["oom"]),
        reports=tmp_path / "mine",
    )
    for name in ("SUPPLY", "JOBS", "SCENARIO"):
        monkeypatch.setenv(name, "moon")  # no variable is looked at
    assert main.main(["run", f"--request={written.write(tmp_path / 'request.json')}"]) == 0
    assert fake_pytest.requests == [written.with_supply()]
    assert fake_pytest.looked_at == ["oom"]


def test_what_cannot_be_drilled_is_refused_before_anything_starts(
    fake_pytest: FakePytest, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_pytest.refusal = UsageError("VALUES=v.yaml: server.extraFlags: a text, the chart takes a list")
    assert main.main(["run", "--scenario=disk-full"]) == 2
    assert fake_pytest.looked_at == ["disk-full"]
    assert fake_pytest.calls == []
    assert "server.extraFlags" in capsys.readouterr().err
    assert not Path("reports").exists()


def test_an_option_goes_before_the_environment(fake_pytest: FakePytest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_VERSION", "nonsense")
    assert main.main(["run", "--kube-version=1.34.4"]) == 0
    assert fake_pytest.requests[0].settings.kubernetes == "1.34.4"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["--scenario=disk-ful"],
            "--scenario disk-ful: no such scenario; the scenarios are ",
            "--scenario disk-full; or --scenarios FOLDER, if it is one of your own\n",
        ),
        (
            ["--scenario=disk-ful", "--scenarios=own"],
            "--scenario disk-ful: no such scenario; the scenarios are ",
            "--scenario disk-full\n",
        ),
        (["--supply=moon"], "SUPPLY=moon", "SUPPLY="),
        (["--chart=/nope"], "CHART=/nope: no such folder or .tgz file", "CHART="),
        (["--kube-version=1.36"], "KUBE_VERSION=1.36: not one of 1.37.0, 1.36.4, 1.36.3, ", "KUBE_VERSION=1.36."),
        (["--helm-version=4.3"], "HELM_VERSION=4.3: not one of 4, 3", "HELM_VERSION=4"),
        (["--keep=yes"], "KEEP=yes: not one of 0, 1", "KEEP="),
        (["--jobs=17"], "JOBS=17: not a whole number from 1 to 16", "JOBS=2"),
        (["--jobs=two"], "JOBS=two: not a whole number from 1 to 16", "JOBS=2"),
        (["--control=no-foult"], "CONTROL=no-foult: not one of", "CONTROL=no-fault"),
        (["--evidence=alway"], "EVIDENCE=alway: not one of failure, always", "EVIDENCE=always"),
        (["--values=value.yaml"], "VALUES=value.yaml: no such file", "VALUES=values.yaml"),
        (["--values=bad.yaml"], "bad.yaml:2:1: not YAML: ", ""),
        (["--values=list.yaml"], "list.yaml:1: must be a mapping of Helm values, not a list", ""),
        (["--runbook=values.yaml"], "values.yaml: no command of a remedy that could be run", ""),
        (["--runbook=none.md"], "RUNBOOK=", ""),
        (["--runbook=open.md"], "open.md:9:1: not a complete command: ", ""),
    ],
)
def test_bad_input_is_one_clear_message_and_starts_nothing(
    fake_pytest: FakePytest,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
    hint: str,
) -> None:
    Path("own/mine").mkdir(parents=True)
    Path("own/mine/test_mine.py").touch()
    Path("values.yaml").write_text(GOOD_VALUES)
    Path("bad.yaml").write_text("a: [")
    Path("list.yaml").write_text("- a")
    Path("open.md").write_text(OPEN)
    assert main.main(["run", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("promdrill: ")
    assert message in said.err
    assert f"Hint: {hint}" in said.err or not hint
    assert fake_pytest.calls == []
    assert not Path("reports").exists()


def test_controls_of_all_scenarios(fake_pytest: FakePytest) -> None:
    assert main.main(["controls"]) == 0
    (arguments,) = fake_pytest.calls
    assert [Path(a) for a in arguments if a.endswith(".py")] == [found.test for found in scenarios.find_all()]
    assert fake_pytest.requests[0].variants == "controls"


def test_ablations_of_the_scenarios_that_are_named(fake_pytest: FakePytest, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.md").write_text((paths.scenarios_dir() / "disk-full/runbook.md").read_text())
    monkeypatch.setenv("RUNBOOK", "mine.md")
    assert main.main(["ablate", "--scenario=disk-full,lifecycle-flag"]) == 0
    (arguments,) = fake_pytest.calls
    assert [Path(a).name for a in arguments if a.endswith(".py")] == ["test_disk_full.py", "test_lifecycle_flag.py"]
    (asked,) = fake_pytest.requests
    assert (asked.variants, asked.settings.runbook) == ("ablate", Path("mine.md"))


@pytest.mark.parametrize("command", ["controls", "ablate", "repairs"])
def test_controls_and_ablations_end_with_the_codes_of_run(
    fake_pytest: FakePytest, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    fake_pytest.code, fake_pytest.verdicts = pytest.ExitCode.TESTS_FAILED, (Verdict.PASSED, Verdict.INVALID)
    assert main.main([command, "--scenario=disk-full"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed"
    fake_pytest.code, fake_pytest.interrupted = pytest.ExitCode.INTERRUPTED, True
    assert main.main([command, "--scenario=disk-full"]) == 130


@pytest.mark.usefixtures("fake_pytest")
@pytest.mark.parametrize(
    ("command", "env", "answer"),
    [
        ("ablate", {}, ("SCENARIO is not set; an ablation runs one drill for each step", "SCENARIO=block-corrupt")),
        (
            "ablate",
            {"SCENARIO": "disk-ful"},
            (
                "SCENARIO=disk-ful: no such scenario",
                "SCENARIO=disk-full; or SCENARIOS=FOLDER, if it is one of your own",
            ),
        ),
        (
            "controls",
            {"CONTROL": "no-fault"},
            ("CONTROL=no-fault: not allowed with controls, which runs every control", "leave CONTROL out"),
        ),
        (
            "controls",
            {"RUNBOOK": "mine.md"},
            ("RUNBOOK=mine.md: not allowed with controls, which runs no runbook", "leave RUNBOOK out"),
        ),
        (
            "repairs",
            {"RUNBOOK": "mine.md"},
            ("RUNBOOK=mine.md: not allowed with repairs, which runs those of the scenario", "leave RUNBOOK out"),
        ),
        (
            "repairs",
            {"CONTROL": "no-fault"},
            (
                "CONTROL=no-fault: not allowed with repairs, which carries out each of the other repairs",
                "leave CONTROL out",
            ),
        ),
        (
            "ablate",
            {"SCENARIO": "disk-full", "CONTROL": "no-fault"},
            ("CONTROL=no-fault: not allowed with ablate, which leaves out one step at a time", "leave CONTROL out"),
        ),
    ],
)
def test_what_controls_and_ablations_do_not_take(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    env: dict[str, str],
    answer: tuple[str, str],
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert main.main([command]) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message.startswith(f"promdrill: {answer[0]}")
    assert hint == f"Hint: {answer[1]}"
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("command", "option"), [("controls", "--runbook"), ("ablate", "--control"), ("repairs", "--runbook")]
)
def test_options_that_mean_nothing_are_not_there(command: str, option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main([command, option, "x"])
    assert caught.value.code == 2


def test_a_machine_that_cannot_run_drills_is_bad_input(
    fake_pytest: FakePytest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def require(*, supply: str, cached: doctor.Cached) -> None:
        assert (supply, cached) == ("source", doctor.Cached.NOTHING)
        raise UsageError("disk: 1.0 GiB free", hint="make clean-cache")

    monkeypatch.setattr(doctor, "require", require)
    assert main.main(["run"]) == 2
    assert capsys.readouterr().err == "promdrill: disk: 1.0 GiB free\nHint: make clean-cache\n"
    assert fake_pytest.calls == []


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (pytest.ExitCode.OK, 0),
        (pytest.ExitCode.TESTS_FAILED, 1),
        (pytest.ExitCode.INTERNAL_ERROR, 70),
        (pytest.ExitCode.INTERRUPTED, 2),
        (pytest.ExitCode.USAGE_ERROR, 2),
        (pytest.ExitCode.NO_TESTS_COLLECTED, 2),
    ],
)
def test_exit_codes(fake_pytest: FakePytest, ended: pytest.ExitCode, expected: int) -> None:
    fake_pytest.code = ended
    assert main.main(["run"]) == expected


def test_an_answer_that_is_read_no_further_is_no_error() -> None:
    said = shell.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; '{sys.executable}' -m promdrill.cli.main list | true; echo ${{PIPESTATUS[0]}}",
        ],
        timeout_s=30,
    )
    assert (said.stdout, said.stderr) == ("141\n", "")


def test_ctrl_c_is_told_from_an_error_of_collection(fake_pytest: FakePytest) -> None:
    fake_pytest.code, fake_pytest.interrupted = pytest.ExitCode.INTERRUPTED, True
    assert main.main(["run"]) == 130


def test_the_last_line_counts(fake_pytest: FakePytest, capsys: pytest.CaptureFixture[str]) -> None:
    fake_pytest.verdicts = (Verdict.PASSED, Verdict.INVALID, Verdict.FAILED)
    main.main(["run"])
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 2 failed"


def test_sigterm_ends_like_ctrl_c(fake_pytest: FakePytest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fake_pytest.calls == []
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(doctor, "require", lambda **_: os.kill(os.getpid(), signal.SIGTERM))
    assert main.main(["run"]) == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["drill"]) == 2
    assert capsys.readouterr().err.startswith("promdrill: drill: no such command; the commands are run, ")


@pytest.mark.parametrize(
    "command",
    [
        *(
            "run",
            "controls",
            "ablate",
            "repairs",
            "compare",
            "list",
            "new",
            "doctor",
            "clean",
            "clean-cache",
            "runbook check",
        ),
        *("matrix", "merge", "report", "bundle", "watch", "reproduce", "remedy", "verify", "shell"),
    ],
)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main([*command.split(), "--help"])
    assert caught.value.code == 0
    assert f"Example:\n  promdrill {command}" in capsys.readouterr().out


TRAITS = (
    "import pytest\n@pytest.mark.charts('>=15')\n@pytest.mark.touches('volume', 'claim')\ndef test_it(drill): ...\n"
)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for scenarios of a test's own, with one that passed two days running."""
    shipped = (paths.scenarios_dir() / "disk-full/runbook.md").read_text()
    folder = tmp_path / "scenarios"
    monkeypatch.setattr(paths, "scenarios_dir", lambda: folder)
    (folder / "it").mkdir(parents=True)
    (folder / "it/test_it.py").write_text(TRAITS)
    (folder / "it/runbook.md").write_text(shipped.replace("its volume is full", "it is"))
    for day, took_s in ((1, 100.0), (2, 41.7)):
        place = tmp_path / f"reports/{day}"
        place.mkdir(parents=True)
        phases = (PhaseRecord(PhaseName.BASELINE, "", took_s),)
        drill = DrillResult("it", None, None, None, "fast", None, Verdict.PASSED, None, phases)
        data = RunResult(f"2026-01-0{day}", None, "source", "1.36.3", (drill,)).to_json()
        (place / "results.json").write_text(json.dumps(data))
    return folder


TITLE = "prometheus-server is 1/2 CrashLoopBackOff, it is"


def test_list_in_a_pipe_has_one_line_a_scenario(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (book / "never-ran").mkdir()
    (book / "never-ran/test_never_ran.py").write_text("def test_never_ran(drill): ...\n")
    assert main.main(["list", "--reports=reports"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "id         charts  touches        took   title",
        f"it         >=15    volume, claim  42 s   {TITLE}",
        "never-ran  any                    never",
    ]


def test_list_as_json_has_the_same(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert book.is_dir()
    assert main.main(["list", "--json", "--reports=reports"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"id": "it", "title": TITLE, "charts": ">=15", "touches": ["volume", "claim"], "took_last_s": 41.7}
    ]


def test_list_puts_titles_below_where_they_do_not_fit(
    book: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert book.is_dir()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    wide = ["id  charts  touches        took  title", f"it  >=15    volume, claim  42 s  {TITLE}"]
    monkeypatch.setenv("COLUMNS", str(len(wide[1])))
    main.main(["list", "--reports=reports"])
    assert capsys.readouterr().out.splitlines() == wide
    monkeypatch.setenv("COLUMNS", str(len(wide[1]) - 1))
    main.main(["list", "--reports=reports"])
    head = ["id  charts  touches        took", "  title", "it  >=15    volume, claim  42 s"]
    assert capsys.readouterr().out.splitlines() == [*head, f"  {TITLE}"]
    monkeypatch.setenv("COLUMNS", "40")
    main.main(["list", "--reports=reports"])
    folded = ["  prometheus-server is 1/2", "  CrashLoopBackOff, it is"]
    assert capsys.readouterr().out.splitlines() == [*head, *folded]


def test_list_fits_a_terminal_whatever_is_shipped() -> None:
    rows = []
    for scenario in scenarios.find_all():
        traits = scenarios.traits(scenario.test)
        rows.append(listing.Listed(scenario.id, scenario.title, traits.chart_range, traits.touches, 100.0).cells())
    assert max(map(len, listing.table(rows, 80))) <= 80


def test_list_shows_the_others_when_one_cannot_be_read(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (book / "bad").mkdir()
    (book / "bad/test_bad.py").write_text("def test_bad(\n")
    (book / "bad/runbook.md").write_text("# none\n")
    (book / "no-scenario").mkdir()
    assert main.main(["list"]) == 1
    said = capsys.readouterr()
    assert [line.split()[:3] for line in said.out.splitlines()[1:]] == [["bad", "?", "?"], ["it", ">=15", "volume,"]]
    assert said.err.startswith(f"promdrill: {book}/bad/test_bad.py:1: not Python: ")
    main.main(["list", "--json"])
    assert json.loads(capsys.readouterr().out)[0] == {
        "id": "bad",
        "title": "",
        "charts": None,
        "touches": None,
        "took_last_s": None,
    }


def test_runbook_check_names_the_place_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    bad = Path("bad.md")
    bad.write_text("no front matter\n")
    good = Path(__file__).parents[2] / "scenarios/disk-full/runbook.md"
    assert main.main(["runbook", "check", str(bad), str(good)]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[-2:] == [
        "bad.md: cannot be drilled (no commands): no command of a remedy that could be run",
        f"{good}: ok",
    ]


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No container engine; what is asked of it is listed."""
    asked: list[str] = []
    monkeypatch.setattr(lifecycle, "ask", lambda: lifecycle.Answer(None, "not installed"))

    def stop(**_: Any) -> bool:
        asked.append("stop")
        return False

    monkeypatch.setattr(lifecycle, "stop", stop)
    monkeypatch.setattr(lifecycle, "forget", lambda **_: asked.append("forget"))
    return asked


def test_clean_with_nothing_running(no_engine: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["clean"]) == 0
    assert capsys.readouterr().out == "nothing was running\n"
    assert no_engine == ["stop"]


def hanging(monkeypatch: pytest.MonkeyPatch, asked: list[str], *, ours: bool) -> None:
    """An engine that listens and does not answer."""

    def ask() -> Any:
        raise SupplyError("Docker does not answer within 10 s", hint="docker version")

    monkeypatch.setattr(lifecycle, "ask", ask)
    monkeypatch.setattr(docker_target, "ours", lambda: ours)
    monkeypatch.setattr(lifecycle, "ensure", lambda **_: asked.append("ensure"))


def test_clean_starts_its_own_engine_anew_if_it_hangs(
    engine: Engine, no_engine: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is in it could not be removed otherwise, and the next command would find the same."""
    engine.record("promdrill")
    hanging(monkeypatch, no_engine, ours=True)
    assert main.main(["clean"]) == 0
    assert no_engine == ["stop", "ensure", "stop"]
    assert not engine.containers
    assert "does not answer; starting it anew\n" in capsys.readouterr().out


def test_clean_does_nothing_to_another_engine_that_hangs(
    no_engine: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hanging(monkeypatch, no_engine, ours=False)
    assert main.main(["clean"]) == 1
    assert no_engine == []
    assert "Docker does not answer within 10 s\nHint: docker version" in capsys.readouterr().err


def test_clean_does_nothing_to_an_engine_that_a_run_uses(
    no_engine: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    owners.claim(paths.clusters_dir() / "promdrill", kept=False)
    hanging(monkeypatch, no_engine, ours=True)
    assert main.main(["clean"]) == 1
    assert no_engine == []
    assert "used by a run that is still going" in capsys.readouterr().err


def test_clean_leaves_a_run_that_goes_on_alone(no_engine: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    owners.claim(paths.clusters_dir() / "promdrill", kept=False)
    assert main.main(["clean"]) == 1
    assert f"used by a run that is still going, process {os.getpid()}" in capsys.readouterr().err
    assert no_engine == [], "its engine is not stopped either"
    assert (paths.clusters_dir() / "promdrill").is_dir()


def test_clean_without_an_engine_deletes_no_cluster_and_says_so(
    engine: Engine, no_engine: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    engine.record("promdrill")
    left = paths.clusters_dir() / "promdrill"
    assert main.main(["clean"]) == 1
    said = f"cluster promdrill is not deleted: no container engine answers; its record stays in {left}\n"
    assert capsys.readouterr().out == said
    assert main.main(["clean", "promdrill"]) == 1
    assert capsys.readouterr().out == said
    assert (left / owners.FILE_NAME).exists()
    assert no_engine == ["stop"]


def test_clean_leaves_what_may_be_somebodys_and_says_what_to_look_at(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lifecycle, "ask", lambda: lifecycle.Answer(cast(Any, "an engine")))
    monkeypatch.setattr(lifecycle, "stop", lambda **_: False)
    engine.record("promdrill")
    theirs = engine.add("promdrill-2")
    unreadable = paths.clusters_dir() / "promdrill-2"
    unreadable.mkdir()
    (unreadable / owners.FILE_NAME).write_text("{")
    assert main.main(["clean"]) == 1
    said = capsys.readouterr().out
    assert "deleted cluster promdrill\n" in said
    assert f"cluster promdrill-2 was left alone: {unreadable}/owner.json is missing or cannot be read" in said
    assert list(engine.containers) == [theirs]


def test_clean_cache_deletes_read_only_folders_too(no_engine: list[str], tmp_path: Path) -> None:
    module = tmp_path / "cache/go/mod/example.org@v1"
    module.mkdir(parents=True)
    (module / "main.go").write_text("package main\n")
    module.chmod(0o555)
    assert main.main(["clean-cache"]) == 0
    assert not (tmp_path / "cache").exists()
    assert no_engine == ["forget"]
    assert clean_cache.empty(tmp_path / "cache") == 0


THEIRS = {
    "a home": [".ssh/id_ed25519", "notes.txt"],
    "a home with a folder of that name": [".bashrc", "go/src/main.go", "scratch/x"],
    "another program's cache": ["CACHEDIR.TAG", "wheels/a.whl"],
    "a tag of another program alone": ["CACHEDIR.TAG", "go/mod/x"],
}


@pytest.mark.parametrize("held", THEIRS.values(), ids=THEIRS)
def test_clean_cache_refuses_a_folder_that_is_no_cache_of_promdrills(
    no_engine: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], held: list[str]
) -> None:
    for name in held:
        (tmp_path / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / name).write_text("theirs")
    assert main.main(["clean-cache"]) == 2
    assert f"promdrill: {tmp_path}/cache is no cache of promdrill's: it holds " in capsys.readouterr().err
    assert all((tmp_path / "cache" / name).read_text() == "theirs" for name in held)
    assert no_engine == [], "nothing else is cleaned either"
    with pytest.raises(UsageError, match="no cache of promdrill's"), Cache(tmp_path / "cache").scratch():
        pass
    assert all((tmp_path / "cache" / name).exists() for name in held)


def test_clean_cache_deletes_what_promdrill_made_in_a_marked_folder_and_leaves_the_rest(
    no_engine: list[str], tmp_path: Path
) -> None:
    cache, elsewhere = tmp_path / "cache", tmp_path / "elsewhere"
    with Cache(cache).scratch():
        assert (cache / TAG).read_text() == TAG_TEXT
    (cache / "mine.txt").write_text("put there later")
    elsewhere.mkdir()
    (elsewhere / "x").touch()
    (cache / "artefacts").symlink_to(elsewhere)
    assert main.main(["clean-cache"]) == 0
    assert [path.name for path in cache.iterdir()] == ["mine.txt"]
    assert (elsewhere / "x").exists(), "a link is not followed"
    assert no_engine == ["forget"]


def test_a_cache_from_before_there_were_marks_goes_on_working_and_is_cleaned(
    no_engine: list[str], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    for name in ("artefacts", "engine", "go", "locks", "matplotlib", "mypy", "scratch", "lost+found"):
        (cache / name).mkdir(parents=True)
    with Cache(cache).scratch():
        assert (cache / TAG).exists()
    (cache / TAG).unlink()
    assert main.main(["clean-cache"]) == 0
    assert [path.name for path in cache.iterdir()] == ["lost+found"]
    assert no_engine == ["forget"]


@pytest.mark.usefixtures("no_engine")
def test_clusters_go_with_the_engine_whose_data_clean_cache_deletes_and_no_others(
    engine: Engine, tmp_path: Path
) -> None:
    engine.record("promdrill")
    engine.id = "engine-2"
    engine.record("promdrill-2")
    (tmp_path / "cache/engine").mkdir(parents=True)
    (tmp_path / "cache/engine/engine-id").write_text("engine-1")
    assert main.main(["clean-cache"]) == 0
    assert [folder.name for folder in owners.recorded()] == ["promdrill-2"]


def test_clean_cache_waits_for_nobody(no_engine: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locks = tmp_path / "cache/locks"
    locks.mkdir(parents=True)
    with filelock.FileLock(locks / "etcd-abc.lock"):
        assert main.main(["clean-cache"]) == 1
    assert "another run is building etcd-abc" in capsys.readouterr().err
    assert no_engine == []
    assert locks.is_dir()


def test_clean_cache_leaves_the_caches_of_a_run_that_downloads_modules(
    no_engine: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "cache/go/mod/example.org@v1"
    with Cache(tmp_path / "cache").building_with_go():
        module.mkdir(parents=True)
        assert main.main(["clean-cache"]) == 1
    assert capsys.readouterr().err.startswith("promdrill: another run is building\n")
    assert no_engine == []
    assert module.is_dir()


def test_clean_cache_leaves_a_temporary_folder_that_is_in_use(
    no_engine: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cache(tmp_path / "cache").scratch() as folder:
        assert main.main(["clean-cache"]) == 1
        assert f"promdrill: another run is using {folder}\n" in capsys.readouterr().err
        assert folder.is_dir()
    assert no_engine == []
    assert main.main(["clean-cache"]) == 0


@pytest.mark.usefixtures("no_engine")
def test_clean_deletes_what_a_killed_run_left_in_the_cache_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cache(tmp_path / "cache").scratch() as held:
        left = held.with_name("go-0a1b")
        left.mkdir()
        assert main.main(["clean"]) == 0
        assert not left.exists()
        assert held.is_dir(), "somebody uses it"
    assert capsys.readouterr().out == "deleted what killed runs had left in the cache\n"


def test_a_command_says_what_it_waits_for_and_an_interrupt_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits, goes_on = threading.Event(), threading.Event()

    def work() -> None:
        waits.wait()
        if not goes_on.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
        goes_on.wait()

    def execute(_: Any) -> int:
        background.begin("the end of time", work)
        return 0

    def aside(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        waits.set()

    monkeypatch.setattr(listing, "_execute", execute)
    monkeypatch.setattr(main, "aside", aside)
    try:
        assert main.main(["list"]) == 130
    finally:
        goes_on.set()
        waits.set()
        background.wait()
    assert capsys.readouterr().err == "waiting for the end of time\npromdrill: interrupted\n"


def test_only_our_clusters_are_deleted(engine: Engine) -> None:
    said: list[str] = []
    engine.record("promdrill-2")
    theirs = engine.add("somebody-elses"), engine.add("promdrill-3")
    assert sweep.delete_clusters(engine=True, say=said.append) == sweep.Swept(("promdrill-2",))
    assert tuple(engine.containers) == theirs
    assert engine.network, "somebody else's cluster is on it"
    assert said == ["deleted cluster promdrill-2"]


def test_one_cluster_is_deleted_with_its_nodes_and_no_other(engine: Engine) -> None:
    said: list[str] = []
    engine.record("promdrill-2")
    stays = engine.record("promdrill-4"), engine.add("somebody-elses")
    assert sweep.delete_cluster("promdrill-2", engine=True, say=said.append) == sweep.Swept(("promdrill-2",))
    assert tuple(engine.containers) == stays
    assert [folder.name for folder in owners.recorded()] == ["promdrill-4"]
    assert said == ["deleted cluster promdrill-2"]

"""No credential of a user's reaches what is uploaded or shown: every way in is given one, and every way out is read."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drill_toy import drill_in, run_toy
from tests.unit.drill_world import World, world

from promdrill.core import login, redact
from promdrill.core.events import ConditionChanged, EndedEarly, Entry
from promdrill.core.journal import Journal
from promdrill.core.model import DrillResult, RunResult, Skipped, StepRecord, Variant, Verdict
from promdrill.drill import Drill
from promdrill.helm.source.find import ChartRequest
from promdrill.helm.values.user import Conflict
from promdrill.matrix.cells import Cell
from promdrill.report.html.page import write as write_page
from promdrill.report.markdown import to_markdown
from promdrill.request.options import OPTIONS, Option
from promdrill.request.settings import DURATIONS, Settings
from promdrill.results.run import Run

__all__ = ["world"]

CANARY = "Hunter2xCanary"
LOGIN = f"https://user:{CANARY}@charts.example/x"
OUTPUT = f"""connecting to {LOGIN}
DB_PASS={CANARY}
> Authorization: Bearer {CANARY}
msg password: {CANARY}
"""


def leaks(folder: Path) -> list[str]:
    """The files below a folder that have it."""
    return [str(file) for file in folder.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]


def settings() -> Settings:
    """Settings with a login in every address."""
    return Settings(
        chart=f"oci://user:{CANARY}@charts.example/prometheus",
        repo=f"https://{CANARY}@charts.example",
        mirror=f"user:{CANARY}@mirror.example:5000",
        values=(Path("values.yaml"),),
    )


def test_a_recorded_setting_has_no_login_and_the_one_that_is_used_has() -> None:
    changed = settings().changed()
    assert changed == {
        "CHART": "oci://charts.example/prometheus",
        "REPO": "https://charts.example",
        "REGISTRY_MIRROR": "mirror.example:5000",
        "VALUES": "values.yaml",
    }
    assert CANARY in str(settings().repo)


@pytest.mark.parametrize(
    "option", [each for each in OPTIONS if each.field not in DURATIONS], ids=lambda option: option.variable
)
def test_no_setting_is_recorded_with_a_login(option: Option) -> None:
    given: dict[str, Any] = {option.field: LOGIN}
    assert CANARY not in str(Settings(**given).changed())


def test_a_report_has_no_credential_of_what_was_said_and_done(tmp_path: Path) -> None:
    said: list[str] = []
    run = Run(tmp_path, supply="source", kubernetes="1.36.3", say=said.append, options=settings().changed())
    step = StepRecord("runbook.md", 3, "Mitigation", f"curl -u u:{CANARY} {LOGIN}", 1, 0.1, OUTPUT)
    told = DrillResult(
        "toy", "prometheus", "25.8.0", "2.48.0", "fast", None, Verdict.FAILED, f"no recovery: {OUTPUT}", steps=(step,),
        remarks=(OUTPUT,),
    )  # fmt: skip
    run.folder_of("toy", Variant())
    with run.journal("toy", Variant()) as journal:
        journal.write(ConditionChanged(condition=LOGIN, kind="probe", holds=False, text=OUTPUT))
        journal.write(EndedEarly(verdict=Verdict.FAILED, reason=OUTPUT, detail=OUTPUT, traceback=(OUTPUT,)))
    run.record(told)
    run.skip("other", OUTPUT)
    run.aborted("third", Variant(), profile="fast", reason=f"password: {CANARY}")
    run.results.finish()
    write_page(tmp_path)
    (tmp_path / "summary.md").write_text(to_markdown([tmp_path]))
    assert (tmp_path / "report.html").is_file()
    assert leaks(tmp_path) == []
    assert CANARY not in "".join(said)


def test_a_page_of_an_older_report_has_no_login_in_what_is_to_be_pasted(tmp_path: Path) -> None:
    told = DrillResult("toy", None, None, None, "fast", None, Verdict.FAILED, OUTPUT)
    old = RunResult("2026-01-01", "2026-01-02", "source", "1.36.3", (told,), options={"REPO": LOGIN})
    (tmp_path / "results.json").write_text(json.dumps(old.to_json()))
    shown = to_markdown([tmp_path])
    assert "charts.example/x" in shown
    assert CANARY not in shown


def test_a_drill_leaves_no_credential_of_its_values_steps_and_runbook_in_the_report(world: World) -> None:
    step = f"echo DB_PASS={CANARY}; echo adminPassword: {CANARY} >>$VALUES; sed -i s/small/large/ $VALUES"
    drill = drill_in(world, remedy=step)
    result = run_toy(drill, world)
    report, own = world.folder / "report", drill.site.values_file
    assert CANARY in result.steps[-2].output, "what the runbook expects is compared with what was said"
    assert CANARY in own.read_text()
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert "adminPassword: REDACTED" in (report / "values.yaml").read_text()
    assert stat.S_IMODE((report / "values.yaml").stat().st_mode) == 0o600
    assert (report / "runbook.md").is_file()
    assert leaks(report) == []


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered during a test is not registered after it."""
    monkeypatch.setattr(redact, "_KNOWN", {})


@pytest.mark.usefixtures("forgotten")
def test_a_drill_leaves_no_login_of_its_prometheus_in_the_report(world: World) -> None:
    """Neither the addresses with it, nor the bare value, nor the header, nor the password of a scrape job."""
    file = world.folder / "login.txt"
    file.write_text(f"drill:{CANARY} é\n")
    given = login.read(file)
    remedy = f"""echo "$PROMETHEUS_LOGIN"
echo "wget: http://$PROMETHEUS_LOGIN@localhost:9090/metrics: 401"
env | grep LOGIN
echo 'drill:{CANARY} é'
echo 'sent {given.header}'
echo 'job: {{basic_auth: {{username: drill, password: {CANARY}}}}}' >>"$VALUES"
sed -i s/small/large/ "$VALUES\""""
    drill = drill_in(world, remedy=remedy)
    site = replace(drill.site, drilled=replace(drill.site.drilled, login=given))
    result = run_toy(Drill(site), world)
    report = world.folder / "report"
    output = next(each.output for each in result.steps if each.section == "Mitigation")
    assert output.count(given.in_address) == 3, "the steps have it"
    assert CANARY in site.values_file.read_text()
    assert CANARY in (site.scenario_dir / "runbook.md").read_text()
    (world.folder / "run").mkdir()
    run = Run(world.folder / "run", supply="source", kubernetes="1.36.3", say=lambda _: None)
    run.record(result)
    write_page(run.folder)
    assert leaks(report) == []
    assert leaks(run.folder) == []
    told = (run.folder / "results.json").read_text()
    assert "http://REDACTED@localhost:9090/metrics" in told
    assert "PROMETHEUS_LOGIN=REDACTED" in told


@pytest.mark.usefixtures("forgotten")
def test_a_login_that_was_read_is_in_no_text_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("a:b")
    login.read(tmp_path / "login")
    assert redact.redact_lines("a:b (a:b) http://a:b@x") == "REDACTED (REDACTED) http://REDACTED@x"
    for text in ("data:bar", "http://$PROMETHEUS_LOGIN@localhost:9090", "1a:b"):
        assert redact.redact_lines(text) == text
    assert redact.redact_yaml("x: 1  # a:b\n") == "x: 1  # REDACTED\n"
    assert redact.redact({"x": ["a:b"]}) == {"x": ["REDACTED"]}


def test_a_journal_hands_its_listener_what_it_wrote(tmp_path: Path) -> None:
    heard: list[Entry] = []
    with Journal(tmp_path / "journal.jsonl", listener=heard.append) as journal:
        journal.write(EndedEarly(verdict=Verdict.FAILED, reason=OUTPUT, detail=OUTPUT))
    assert heard
    assert CANARY not in str(heard)
    assert leaks(tmp_path) == []


def test_a_skipped_scenario_is_recorded_once_whatever_is_left_out_of_its_reason(tmp_path: Path) -> None:
    run = Run(tmp_path, supply="source", kubernetes="1.36.3", say=lambda _: None)
    for _ in range(2):
        run.results.skip(Skipped("toy", OUTPUT))
    assert len(run.results.run.skipped) == 1


def test_a_cell_and_a_bundle_are_recorded_without_logins() -> None:
    cell = Cell("a", "A", {"REPO": LOGIN})
    assert CANARY not in json.dumps(cell.to_json())
    assert ChartRequest("x", "1.0.0", LOGIN).recorded == ("x", "1.0.0", "https://charts.example/x")


def test_a_value_that_is_not_used_is_named_but_not_shown() -> None:
    assert CANARY not in str(Conflict("server.adminPassword", CANARY, "x"))
    assert "yours is 3, the" in str(Conflict("server.replicas", 3, "1"))

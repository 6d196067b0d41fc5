"""The site of docs/: what is generated says all that there is, and each of its checks finds what it looks for."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shlex
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import jsonschema
import pytest
from promdrill_site import (
    benchmarks,
    built,
    commands,
    docstrings,
    incidents,
    layers,
    links,
    own_alerts,
    parts,
    public,
    references,
    tables,
)
from promdrill_site import schema as results_schema
from sphinx.application import Sphinx
from tests.unit import alerts_world
from tests.unit.alerts_world import alerted

from promdrill.cli import main
from promdrill.cli import parser as cli_parser
from promdrill.cli.run import OPTIONS
from promdrill.core import model, paths, shell
from promdrill.core.alerts import Alert, AlertAccount, AlertMoments, AlertRule, Expected
from promdrill.core.model import DrillResult, JobSamples, LeftOut, ObserverFigures, PhaseName, RunResult, Verdict
from promdrill.request import scenarios
from promdrill.results import store
from promdrill.runbook.front import RunbookAlert
from promdrill.runbook.parse import parse

DOCS = paths.project_dir() / "docs"
WRITTEN = [
    *sorted((DOCS / "reference").glob("*.md")),
    DOCS / "incidents" / "index.md",
    DOCS / "incidents" / "alerts.md",
]
"""Pages that say little besides what is generated. The pages that people write have a test of their own."""


# --- what is generated ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", parts.PARTS)
def test_every_part_says_something(name: str) -> None:
    text = parts.made(name)
    pages = {"harness": benchmarks.HARNESS, "drills": benchmarks.DRILLS, "bare": benchmarks.BARE}
    pages |= {"cores": benchmarks.CORES, "warm": benchmarks.WARM, "jobs": benchmarks.JOBS}
    unmeasured = name in pages and not pages[name].is_file()
    assert re.search(r"\| --[-:] \|", text) or unmeasured or name in {"layers", "own-alerts", "phases"}


def test_what_is_none_in_python_is_null_in_json() -> None:
    assert "null while running" in results_schema.readable()
    assert "None" not in results_schema.readable()


def test_pages_ask_for_parts_that_there_are_and_for_each_once() -> None:
    pages = [path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")]
    asked = [name for text in pages for name in parts.FENCE.findall(text)]
    assert sorted(asked) == sorted(parts.PARTS)


def test_a_part_that_there_is_not_is_named() -> None:
    with pytest.raises(LookupError, match=r"'fautls'.*faults"):
        parts.made("fautls")


def test_every_command_has_a_section_with_each_of_its_options() -> None:
    text = commands.all_commands()
    listed = main.build_parser().format_help().partition("  COMMAND\n")[2].partition("\n\n")[0]
    names = re.findall(r"^    ([a-z-]+)", listed, re.MULTILINE)
    assert len(names) > 20
    for name in names:
        assert re.search(rf"^## promdrill {name}\b", text, re.MULTILINE), name
    assert all(f"`--{name.lower().replace('_', '-')} {name}`" in text for name in OPTIONS)
    assert "```sh\npromdrill run --scenario disk-full --keep 1\n```" in text
    assert re.findall(r"\[\$[A-Z_]+\]", text) == [], "they are said in words"


def test_every_variable_exit_code_and_verdict_is_told() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", tables.variables(), re.MULTILINE)) == set(OPTIONS)
    codes = [value for name, value in vars(cli_parser).items() if name.startswith("EXIT_")]
    assert re.findall(r"^\| `(\d+)` \|", tables.exit_codes(), re.MULTILINE) == [str(code) for code in sorted(codes)]
    assert re.findall(r"^\| `(\w+)` \| \S", tables.verdicts(), re.MULTILINE) == [*Verdict]


def test_what_promdrill_sets_itself_is_told_apart() -> None:
    read, _, ours = tables.environment().partition("## What promdrill sets itself")
    assert {"PROMDRILL_CACHE_DIR", "PROMDRILL_PINS"} <= set(re.findall(r"`(PROMDRILL_\w+)`", read))
    assert set(re.findall(r"^\| `(\w+)`", ours, re.MULTILINE)) >= {"PROMDRILL_DRILL", "PROMDRILL_COMMAND"}


def test_a_variable_without_a_docstring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text('NEW = "PROMDRILL_NEW"\nOTHER = "PROMDRILL_OTHER"\n"""It."""\n')
    with pytest.raises(LookupError, match=r"new\.py:1: PROMDRILL_NEW has no docstring"):
        list(docstrings.text_constants(tmp_path, tables.OWN))
    (tmp_path / "new.py").write_text('NEW = "PROMDRILL_NEW"\n"""It, in\ntwo lines."""\n')
    assert [*docstrings.text_constants(tmp_path, tables.OWN)] == [("PROMDRILL_NEW", "It, in two lines.", "new.py:1")]


def test_all_layers_are_drawn() -> None:
    data = tomllib.loads((paths.project_dir() / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(each for each in data["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    wanted = [name for layer in contract["layers"] for name in re.findall(r"[a-z_]+", layer)]
    text = layers.drawing()
    assert re.findall(r"<text [^>]*>([a-z_]+)</text>", text) == wanted
    assert text.count('class="layer"') == len(contract["layers"])
    assert max(float(x) for x in re.findall(r'<rect class="module" x="([\d.]+)"', text)) < layers.WIDTH


def test_docstrings_are_read_by_section() -> None:
    text = "One.\n\nArgs:\n    a: The first, of\n        two lines.\n    **rest: Others.\n\nRaises:\n    E: When.\n"
    assert docstrings.fields(text) == {"a": "The first, of two lines.", "rest": "Others."}


# --- results.json --------------------------------------------------------------------------------------------------


def drill(**fields: Any) -> DrillResult:
    named: dict[str, Any] = {"scenario": "oom", "control": None, "verdict": Verdict.PASSED, "reason": None}
    named |= {"chart": "prometheus", "chart_version": "25.8.0", "app_version": "2.48.0", "profile": "fast"}
    return DrillResult(**{**named, **fields})


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """results.json as a run writes it, with every record that it can hold."""
    run = store.Results(tmp_path, supply="auto", kubernetes="1.36.3", options={"JOBS": "2"})
    samples = model.SampleAccount(1.5, 2, (JobSamples("prometheus", 1.5, 10, 8, 2),))
    phases = (model.PhaseRecord(PhaseName.BASELINE, "2026-11-22T06:33:27Z"),)
    steps = (
        model.StepRecord(
            file="runbook.md", line=12, section="Mitigation", command="true", exit_code=None, took_s=0.5, output=""
        ),
    )
    run.add(drill(samples=samples, phases=phases, steps=steps, observer=ObserverFigures(0.1, 3, 4, 5, 0)))
    run.add(alerted("quota", alerts_world.alert(), expected=(Expected(text="fires", met=False, why="no"),)))
    left_out = LeftOut("runbook.md", 9, "kubectl get pod", optional=False)
    run.add(drill(verdict=Verdict.FAILED, reason="no", control="without:runbook.md:9", left_out=left_out))
    run.skip(model.Skipped("quota", "another chart"))
    run.finish()
    return json.loads((tmp_path / store.RESULTS).read_text(encoding="utf-8"))


def test_a_real_results_json_follows_the_schema(written: Any) -> None:
    made = results_schema.results()
    jsonschema.Draft202012Validator.check_schema(made)
    jsonschema.validate(written, made)
    told = {name for definition in made["$defs"].values() for name in definition.get("properties", {})}
    kinds = (RunResult, DrillResult, AlertAccount, Alert, AlertRule, AlertMoments)
    assert {field.name for kind in kinds for field in dataclasses.fields(kind)} <= told


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("drills", 0, "verdict"), "passedd"),
        (("drills", 0, "phases", 0, "name"), "lunch"),
        (("drills", 0, "samples", "jobs", 0, "lost"), "2"),
        (("drills", 1, "alerts", "alerts", 0, "evaluator"), "nobody"),
        (("drills", 1, "alerts", "rules", 0, "for_s"), "1m"),
        (("kubernetes",), None),
    ],
)
def test_another_results_json_does_not(written: Any, path: tuple[Any, ...], value: Any) -> None:
    inner = written
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, results_schema.results())


def test_a_field_without_a_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.Skipped, "__doc__", "Skipped.\n\nAttributes:\n    scenario: Its id.\n")
    with pytest.raises(LookupError, match="Skipped: its docstring does not say what reason is"):
        results_schema.results()


# --- the incident book ---------------------------------------------------------------------------------------------


STACKED = [each.scenario for each in incidents.read_all() if each.scenario.stack_runbook.exists()]


@pytest.mark.parametrize("scenario", STACKED, ids=lambda each: each.id)
def test_each_runbook_for_the_stack_has_a_page(scenario: scenarios.ScenarioFolder) -> None:
    text = incidents.stack_page(scenario)
    assert text.startswith(incidents.GENERATED)
    for heading in ("## Cause", "### Diagnosis", "### Mitigation", "### Verification"):
        assert text.count(f"\n{heading}\n") == 1
    assert f"]({scenario.id}.md)" in text


@pytest.mark.parametrize("incident", incidents.read_all(), ids=lambda each: each.scenario.id)
def test_each_incident_has_a_whole_page(incident: incidents.Incident) -> None:
    text = incidents.page(incident, benchmarks.measured())
    found = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert found == ["Symptom", "Cause", "Alerts", "Remedy", "How long it takes", "Try it"]
    assert incident.stages
    runbook = incident.scenario.runbook.read_text(encoding="utf-8")
    assert text.count("```sh") == len(re.findall("^ *```sh", runbook, re.MULTILINE)) + 1
    assert ("Not measured yet." in text) == (incident.scenario.id not in benchmarks.measured())
    for line in text.rpartition("```sh\n")[2].partition("```")[0].splitlines():
        assert_can_be_typed(line)


def test_each_alert_of_ours_has_an_entry_that_leads_to_its_incidents() -> None:
    text = parts.made("own-alerts")
    assert re.findall("^### (.*)$", text, re.MULTILINE) == [alert.name for alert in own_alerts.own()]
    assert (
        "### PrometheusWalRepaired\n\nPrometheus cut off a part of its WAL when it started. Severity warning, fires at "
        "once. Leads to [wal-corrupt](wal-corrupt.md).\n\n### VolumeAlmostFull\n\nA volume is almost full. Severity "
        "critical, pending for 30 s. Leads to [disk-full](disk-full.md), [disk-full-cooldown](disk-full-cooldown.md), "
        "[retention-size](retention-size.md).\n\n"
    ) in text


def test_an_incidents_page_links_to_the_alerts_that_lead_to_it() -> None:
    (incident,) = (each for each in incidents.read_all() if each.scenario.id == "quota")
    said = "\n## Alerts\n\nAlerts that lead here: [`PodsNotCreated`](alerts.md#podsnotcreated).\n\n"
    assert f"{said}:First alert: " in incidents.page(incident, {})
    assert f"{said}## Remedy\n" in incidents.stack_page(incident.scenario)


def test_the_sections_of_a_runbook_are_not_divided_by_its_commands(tmp_path: Path) -> None:
    file = tmp_path / "runbook.md"
    one = "```sh name=x\n## no heading\n```\n### In it"
    file.write_text(f"---\nid: a\n---\n\n```sh\n# before\n```\n\n# Title\n\n## One\n\n{one}\n## Two\nb\n")
    assert incidents.runbook_sections(file) == {
        "": "```sh\n# before\n```",
        "One": "```sh\n## no heading\n```\n### In it",
        "Two": "b",
    }


def test_alerts_that_are_not_ours_lead_to_an_incident_without_a_link() -> None:
    named = (RunbookAlert("Theirs", 5), RunbookAlert("ClaimPending", 6, 300.0))
    assert own_alerts.leading(named) == "Alerts that lead here: `Theirs`, [`ClaimPending`](alerts.md#claimpending)."
    assert own_alerts.leading(()) == ""


def test_a_runbook_for_the_stack_without_alerts_has_no_place_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    (scenario,) = (each for each in STACKED if each.id == "quota")
    book = dataclasses.replace(parse(scenario.stack_runbook), alerts=())
    monkeypatch.setattr(incidents, "parse", lambda _: book)
    assert "## Alerts" not in incidents.stack_page(scenario)


def test_an_incident_without_alerts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = incidents.ALERTS.read_text(encoding="utf-8")
    monkeypatch.setattr(incidents, "ALERTS", tmp_path / "alerts.toml")
    incidents.ALERTS.write_text(text.replace("[oom]", "[oomm]"), encoding="utf-8")
    with pytest.raises(LookupError, match="no scenario is called oomm"):
        incidents.read_all()
    incidents.ALERTS.write_text(re.sub(r"\[oom\]\n(.+\n)+", "", text), encoding="utf-8")
    with pytest.raises(LookupError, match=r"no \[oom\]"):
        incidents.read_all()


def test_what_was_measured_is_of_scenarios_that_there_are() -> None:
    measured = list(benchmarks.measured())
    assert len(measured) >= 24
    assert set(measured) <= {each.id for each in scenarios.find_all()}


def test_what_the_harness_takes_is_part_of_the_page_once_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks, "HARNESS", tmp_path / "benchmarks" / "harness.md")
    assert parts.made("harness") == "Not measured yet."
    benchmarks.HARNESS.parent.mkdir()
    text = "# The harness\n\n<!-- made -->\n\nA #1.\n\n## Growth\n\n### A\n\n![A: time](a.svg)\n"
    benchmarks.HARNESS.write_text(text, encoding="utf-8")
    assert parts.made("harness") == "A #1.\n\n### Growth\n\n#### A\n\n![A: time](benchmarks/a.svg)\n"


# --- commands ------------------------------------------------------------------------------------------------------


def assert_can_be_typed(line: str) -> None:
    command, *arguments = shlex.split(line, comments=True)
    if command == "make":
        (target, *given) = arguments
        assert re.search(rf"^{target}:", (paths.project_dir() / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert {word.partition("=")[0] for word in given} <= {*OPTIONS, "RUNS"}
    else:
        assert command in {".venv/bin/promdrill", "promdrill"}
        main.build_parser().parse_args(arguments)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_command_can_be_typed(page: Path) -> None:
    for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            assert_can_be_typed(line)


# --- the checks ----------------------------------------------------------------------------------------------------


def test_a_site_that_is_whole_has_no_problems(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<h1 id="a">A</h1><a href="other.html#b">b</a><a href="#a">a</a>')
    (tmp_path / "other.html").write_text('<p id="b"><img src="x.png"><a href="https://example.com/">out</a></p>')
    (tmp_path / "x.png").touch()
    assert list(built.problems(tmp_path)) == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ('<a href="gone.html">x</a>', "index.html: no such page: gone.html"),
        ('<a href="#gone">x</a>', "index.html: no such anchor: #gone"),
        ('<img src="gone.png">', "index.html: is not there: gone.png"),
        ('<script src="https://cdn.example.com/x.js"></script>', "is loaded from elsewhere: https://cdn.example.com"),
        ('<link rel="stylesheet" href="//fonts.example.com/f.css">', "is loaded from elsewhere: //fonts.example.com"),
    ],
)
def test_what_is_wrong_with_a_site_is_told(tmp_path: Path, page: str, said: str) -> None:
    (tmp_path / "index.html").write_text(page)
    (line,) = built.problems(tmp_path)
    assert said in line


def test_a_style_sheet_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("b { background: url('https://example.com/x.png') } i { background: url(x.png) }")
    assert list(built.problems(tmp_path)) == ["a.css: is loaded from elsewhere: https://example.com/x.png"]


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://kind.sigs.k8s.io", None),
        ("http://localhost:9090/graph", None),
        ("page.html#there", None),
        ("http://example.com", "without https"),
        ("https://example", "host name"),
        ("https://example.com/x.", "full stop"),
        ("htps://example.com", "without https"),
        ("https://[example.com", "not an address"),
    ],
)
def test_addresses_of_other_sites_are_checked_for_their_form(address: str, wrong: str | None) -> None:
    found = links.malformed(address)
    assert found is None if wrong is None else wrong in (found or "")


def test_files_of_the_repository_are_linked_there() -> None:
    assert links.in_repository(paths.project_dir() / "LICENSE").endswith("/blob/main/LICENSE")
    assert links.in_repository(paths.project_dir() / "scenarios" / "oom").endswith("/tree/main/scenarios/oom")
    with pytest.raises(LookupError, match="no such file"):
        links.in_repository(paths.project_dir() / "LICENCE")


def site(folder: Path, text: str) -> shell.Completed:
    """Build a site of one page as `make docs` does."""
    source = folder / "docs"
    source.mkdir()
    (source / "index.md").write_text(text, encoding="utf-8")
    options = ["--fail-on-warning", "--nitpicky", "--quiet", "--conf-dir", str(DOCS)]
    argv = [sys.executable, "-m", "sphinx", *options, str(source), str(folder / "build")]
    return shell.run(argv, timeout_s=120, ok=(0, 1))


def test_what_is_wrong_with_a_page_ends_the_build(tmp_path: Path) -> None:
    wrong = (
        "[b](gone.md)",
        "[b](#nothing)",
        "[b](http://example.com/)",
        "![b](gone.png)",
        "```{from-code} fautls\n```",
    )
    done = site(tmp_path, "# A\n\n" + "\n\n".join(wrong) + "\n")
    assert done.exit_code == 1
    for said in ("gone.md", "nothing", "without https", "gone.png", "no part is called 'fautls'"):
        assert re.search(rf"WARNING: .*{re.escape(said)}", done.stderr), said


def test_a_page_that_is_well_does_not(tmp_path: Path) -> None:
    done = site(tmp_path, "# A\n\n[a](#a) and [kind](https://kind.sigs.k8s.io)\n\n```{from-code} verdicts\n```\n")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "the remedy carried out" in (tmp_path / "build" / "index.html").read_text(encoding="utf-8")


def test_a_default_that_is_no_python_is_left_out_of_a_signature() -> None:
    shown = references.signature(cast("Sphinx", None), "class", "Plan", object, None, "(a: int = <factory>)", "None")
    assert shown == ("(a: int = ...)", "None")


# --- the public API ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", public.MODULES, ids=lambda module: module.__name__)
def test_all_of_the_public_api_is_documented(module: ModuleType) -> None:
    assert list(public.undocumented(module)) == []


BARE = '''
"""A module that documents little."""

import dataclasses

__all__ = ["LIMIT", "Bare", "documented", "told"]

LIMIT = 3


@dataclasses.dataclass
class Bare:
    field: int = 0

    def method(self): ...

    @property
    def seen(self): ...


def documented(a, b):
    """Documented.

    Args:
        a: One.
    """


told = ()
"""Nothing."""
'''


def test_what_is_not_documented_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "little_said.py").write_text(BARE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(public.undocumented(importlib.import_module("little_said"))) == [
        "little_said.LIMIT has no docstring below it",
        "little_said.Bare has no docstring",
        "little_said.Bare: its docstring does not say what field is",
        "little_said.Bare.method has no docstring",
        "little_said.Bare.seen has no docstring",
        "little_said.documented: its docstring does not say what b is",
    ]

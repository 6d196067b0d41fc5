"""The incident book: a page for each scenario, made of its test, its runbook and what was measured."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promdrill.core.model import PhaseName
from promdrill.request import scenarios
from promdrill.request.scenarios import ScenarioFolder, Traits
from promdrill.runbook import source
from promdrill.runbook.parse import parse
from promdrill.runbook.published import document
from promdrill.runbook.repairs import repairs
from promdrill_site import benchmarks, own_alerts
from promdrill_site.links import in_repository
from promdrill_site.markdown import code, prose, sentence, table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = Path(__file__).resolve().parents[2] / "incidents"
ALERTS = FOLDER / "alerts.toml"
"""Which alerts tell of each incident: facts that no code knows."""

GENERATED = "<!-- Made by docs/_ext/promdrill_site/incidents.py: not to be edited, and not committed. -->"

ALONE = ("alone", "exclusive", "long")
"""Markers that say how a drill runs beside others."""


@dataclass(frozen=True, slots=True)
class Incident:
    """All that a page tells of a scenario.

    Attributes:
        scenario: Its folder.
        traits: What its markers say.
        lead: What is wrong, in a sentence: its test file's docstring, without the id.
        story: What the drill does: the test's docstring.
        stages: What must be seen, in this order: the names of the signature's stages.
        beside_others: Texts of the markers in `ALONE`.
        alerts: Its entry in alerts.toml.
    """

    scenario: ScenarioFolder
    traits: Traits
    lead: str
    story: str
    stages: tuple[str, ...]
    beside_others: Mapping[str, str]
    alerts: Mapping[str, Any]


def read_all() -> tuple[Incident, ...]:
    """The scenarios that promdrill ships, by id.

    Raises:
        LookupError: A scenario has no docstring or no entry in alerts.toml, or an entry has no scenario.
    """
    alerts = tomllib.loads(ALERTS.read_text(encoding="utf-8"))
    found = scenarios.find_all()
    spare = sorted(alerts.keys() - {each.id for each in found})
    if spare:
        raise LookupError(f"{ALERTS.name}: no scenario is called {', '.join(spare)}")
    return tuple(_read(each, alerts) for each in found)


def index() -> str:
    """All incidents in one table."""
    times = benchmarks.measured()
    rows = [
        (
            f"[{each.scenario.id}]({each.scenario.id}.md)",
            sentence(prose(each.lead)),
            prose(each.alerts["first"]),
            _seconds(times, each.scenario.id),
        )
        for each in read_all()
    ]
    return table(("incident", "what is wrong", "first alert", "drill"), rows)


def write_pages(app: Sphinx) -> None:
    """Write the pages into the site's folder incidents, where git ignores them; those of scenarios that are gone go."""
    folder = Path(app.srcdir) / FOLDER.name
    if not folder.is_dir():
        return
    times = benchmarks.measured()
    every = read_all()
    pages = {folder / f"{each.scenario.id}.md": page(each, times) for each in every}
    stacked = [each.scenario for each in every if each.scenario.stack_runbook.exists()]
    pages |= {folder / f"{each.id}-on-the-stack.md": stack_page(each) for each in stacked}
    for old in folder.glob("*.md"):
        if old not in pages and old.read_text(encoding="utf-8").startswith(GENERATED):
            old.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # Sphinx reads again what is newer
            path.write_text(text, encoding="utf-8")


def page(incident: Incident, times: Mapping[str, Mapping[str, Any]]) -> str:
    """One page, in Markdown."""
    return "\n\n".join(part.rstrip() for part in _page(incident, times)) + "\n"


def stack_page(scenario: ScenarioFolder) -> str:
    """The page of a scenario's runbook for kube-prometheus-stack, in Markdown."""
    book, sections = parse(scenario.stack_runbook), runbook_sections(scenario.stack_runbook)
    link = f"[runbook.stack.md]({in_repository(scenario.stack_runbook)})"
    there = f"[{scenario.id}]({scenario.id}.md)"
    said = f"What {there} is, how long it takes and how to try it are on its own page. Here is {link}."
    parts = [GENERATED, f"# {scenario.id} on the stack", f"**{prose(book.title)}.** {said}"]
    parts += [sections["Impact"], f"## Cause\n\n{sections['Meaning']}"]
    parts += [f"## Alerts\n\n{own_alerts.leading(book.alerts)}"] if book.alerts else []
    parts += [f"## Remedy\n\n{sections['']}"]
    parts += [f"### {name}\n\n{sections[name]}" for name in ("Diagnosis", "Mitigation", "Verification")]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _page(incident: Incident, times: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    scenario = incident.scenario
    book = parse(scenario.runbook)
    sections = runbook_sections(scenario.runbook)
    yield GENERATED
    yield f"# {scenario.id}"
    yield sentence(prose(incident.lead))
    yield _named(_facts(incident, book.data_loss_reason))
    yield f"## Symptom\n\n**{prose(book.title)}.** The drill takes the incident as proven once it has seen, in order:"
    yield "\n".join(f"{number}. {sentence(prose(stage))}" for number, stage in enumerate(incident.stages, 1))
    yield sections["Impact"]
    yield f"## Cause\n\n{sections['Meaning']}"
    yield "## Alerts"
    yield from filter(None, [own_alerts.leading(book.alerts)])
    yield _alerts(incident.alerts)
    yield f"## Remedy\n\n{sections['']}"
    for name in ("Diagnosis", "Mitigation", "Verification"):
        yield f"### {name}\n\n{sections[name]}"
    if scenario.as_written.exists():
        yield _as_written(scenario)
    if scenario.repairs.exists():
        yield _other_repairs(scenario)
    yield "## How long it takes"
    yield from _measured(scenario.id, times)
    yield f"## Try it\n\n{sentence(prose(incident.story))}"
    yield _commands(scenario.id)
    yield f"The scenario is [scenarios/{scenario.id}]({in_repository(scenario.folder)})."


def _facts(incident: Incident, data_loss: str) -> Iterator[tuple[str, str]]:
    traits = incident.traits
    scenario = incident.scenario
    yield "Runbook", f"[runbook.md]({in_repository(scenario.runbook)})"
    if scenario.stack_runbook.exists():
        yield "On kube-prometheus-stack", f"[a runbook of its own]({scenario.id}-on-the-stack.md)"
    if traits.install:
        yield "Prometheus comes from", f"{traits.chart_range}, not from a chart"
    else:
        yield "Charts", _charts(traits)
    yield "Changes", prose(", ".join(traits.touches))
    yield "Loses data", prose(data_loss) if data_loss else "no"
    if traits.beside:
        yield "Needs beside it", prose(", ".join(traits.beside))
    named = {"alone": "Runs alone", "exclusive": "One at a time", "long": "Takes long"}
    for marker, text in incident.beside_others.items():
        yield named[marker], prose(text)


def _charts(traits: Traits) -> str:
    named = [f"prometheus-community/prometheus {code(traits.charts) if traits.charts else 'of any version'}"]
    named += [f"kube-prometheus-stack {code(traits.stack)}"] if traits.stack else []
    return ", ".join(named)


def _alerts(entry: Mapping[str, Any]) -> str:
    rows = [("First alert", prose(entry["first"]))]
    rows += [("Seen by", prose(entry["seen_by"]))] if "seen_by" in entry else []
    rows += [("After", prose(entry["after"]))] if "after" in entry else []
    text = _named(rows)
    text += f"\n\n{prose(entry['note'])}" if "note" in entry else ""
    return f"{text}\n\nThese are kube-prometheus-stack's default alerts: [which alerts tell](alerts.md)."


def _named(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f":{name}: {meaning}" for name, meaning in rows)


def _as_written(scenario: ScenarioFolder) -> str:
    fails = parse(scenario.as_written).fails_because
    link = f"[runbook.as-written.md]({in_repository(scenario.as_written)})"
    return f"### What does not work\n\nThe remedy as it was once written down is kept as {link}. {prose(fails)}"


def _other_repairs(scenario: ScenarioFolder) -> str:
    found = repairs(scenario.repairs)
    link = f"[repairs.md]({in_repository(scenario.repairs)})"
    parts = [f"### Other repairs\n\n{link} has their commands, and what recovery says to each."]
    for accepted, said in ((False, "They hide the symptom and fix nothing"), (True, "As good as the remedy")):
        listed = [f"- {sentence(prose(repair.what))}" for repair in found if repair.accepted is accepted]
        parts += [f"{said}:\n\n" + "\n".join(listed)] if listed else []
    return "\n\n".join(parts)


def _measured(scenario: str, times: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if scenario in times:
        row = times[scenario]
        head = (*map(str, PhaseName), "in\N{NO-BREAK SPACE}all")
        yield f"Medians in seconds, over {row['all_s']['count']} drills ([benchmarks](../benchmarks.md)):"
        yield table(head, [benchmarks.phase_row(row)], figures=True)
    else:
        yield "Not measured yet."


def _commands(scenario: str) -> str:
    return (
        "```sh\n"
        f"make test-scenarios SCENARIO={scenario}   # the whole drill\n"
        f"make reproduce SCENARIO={scenario}        # make it happen, and leave it there\n"
        ".venv/bin/promdrill shell                # look around, repair it by hand\n"
        ".venv/bin/promdrill verify               # is it repaired?\n"
        ".venv/bin/promdrill remedy --step        # or run the runbook, step by step\n"
        "```"
    )


def _seconds(times: Mapping[str, Mapping[str, Any]], scenario: str) -> str:
    return f"{times[scenario]['all_s']['median']:.0f}\N{NO-BREAK SPACE}s" if scenario in times else benchmarks.UNKNOWN


def runbook_sections(file: Path) -> dict[str, str]:
    """The text under each level-2 heading; under the empty name what stands before the first, without the title."""
    read = document.read(source.read(file))
    headings = {heading.line: heading for heading in read.headings if heading.level in {1, 2}}
    length = document.front_length(read.source)
    name, found = "", {"": ""}
    for number, line in enumerate(read.source.lines[length:], length + 1):
        if number not in headings:
            found[name] += f"{line}\n"
        elif headings[number].level > 1:
            name = headings[number].text
            found[name] = ""
    return {name: re.sub(r"^```sh .*$", "```sh", body, flags=re.MULTILINE).strip() for name, body in found.items()}


def _read(scenario: ScenarioFolder, alerts: Mapping[str, Any]) -> Incident:
    tree = ast.parse(scenario.test.read_text(encoding="utf-8"))
    (function,) = (each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"))
    lead, story = ast.get_docstring(tree), ast.get_docstring(function)
    if not lead or not story:
        raise LookupError(f"{scenario.test}: no docstring of the file, or of its test")
    if scenario.id not in alerts or "first" not in alerts[scenario.id]:
        raise LookupError(f"{ALERTS.name}: no [{scenario.id}] with first = ...")
    return Incident(
        scenario,
        scenarios.traits(scenario.test),
        lead.partition("\n\n")[0].removeprefix(f"{scenario.id}: "),
        story.partition("\n\n")[0],
        tuple(_stages(function)),
        dict(_beside_others(function)),
        alerts[scenario.id],
    )


def _stages(function: ast.FunctionDef) -> Iterator[str]:
    """The names of the stages of the signature, in the order in which they are written."""
    for node in ast.walk(function):
        match node:
            case ast.keyword(arg="signature", value=value):
                calls = [each for each in ast.walk(value) if isinstance(each, ast.Call)]
                named = [
                    (each.lineno, each.args[0].value)
                    for each in calls
                    if getattr(each.func, "id", "") == "Stage" and each.args and isinstance(each.args[0], ast.Constant)
                ]
                yield from (str(name) for _, name in sorted(named))


def _beside_others(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    for node in function.decorator_list:
        match node:
            case ast.Call(ast.Attribute(attr=name), [ast.Constant(value=str(text))]) if name in ALONE:
                yield name, text

"""One drill for the page: everything that its template shows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from promdrill.core.model import Verdict
from promdrill.evidence.redact import redact_lines
from promdrill.report.html import charts, lanes, sightings
from promdrill.report.html.commands import reproduce
from promdrill.report.html.draw import Canvas
from promdrill.report.html.lanes import Group
from promdrill.report.html.limits import Limits
from promdrill.report.html.load import Column, Drill
from promdrill.report.html.story import Story, tell
from promdrill.report.html.words import (
    between,
    count,
    cut,
    delay,
    offset,
    seconds,
)
from promdrill.results.outcome import outcome

UNFINISHED = "unfinished"
"""In place of a verdict, where a drill has no result."""

MARKS: Mapping[str, str] = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
    Verdict.INVALID: "?",
    Verdict.ABORTED: "!",
    UNFINISHED: "…",
}


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of the log: when, what kind, what, more about it, how long after the change it was known."""

    at: str
    kind: str
    what: str
    detail: str
    late: str = ""


@dataclass(frozen=True, slots=True)
class Badge:
    """How a drill ended: its verdict, its mark, whether that was due, and the class of its colour."""

    verdict: str
    mark: str
    due: bool
    colour: str


def badge(drill: Drill) -> Badge:
    """How it ended; a control that ended as it must is as good as passed."""
    verdict = str(drill.result.verdict) if drill.result else UNFINISHED
    control = drill.result is not None and drill.result.control is not None
    colour = ("passed" if drill.due else "failed") if control else verdict
    return Badge(verdict, MARKS[verdict], drill.due, colour)


def said(drill: Drill, story: Story) -> str:
    """What is said of how it ended; of a drill without a result how far it came."""
    if drill.result is not None:
        return outcome(drill.result)
    if not story.entries:
        return "No result, and no journal that could be read."
    phase = story.phases[-1] if story.phases else None
    where = "before its first phase" if phase is None else f"{'in' if phase.ended == 'open' else 'after'} {phase.name}"
    return (
        f"No result: interrupted, or still running. The journal ends {where}, {seconds(story.length_s)} into the drill."
    )


def length_s(drill: Drill, story: Story) -> float | None:
    """Seconds from its first phase to its end."""
    if drill.result and drill.result.phases and all(phase.took_s is not None for phase in drill.result.phases):
        last = drill.result.phases[-1]
        return (between(drill.result.phases[0].started, last.started) or 0.0) + (last.took_s or 0.0)
    return story.length_s if story.entries else None


def context(drill: Drill, column: Column, *, beside: Path, most: Limits) -> dict[str, Any]:
    """What the template needs of one drill.

    Args:
        drill: Which.
        column: Its run.
        beside: The folder of the page, which links are relative to.
        most: How much is shown.
    """
    story = tell(drill.entries)
    return {
        "drill": drill,
        "column": column,
        "story": story,
        "badge": badge(drill),
        "said": redact_lines(said(drill, story)),
        "length_s": length_s(drill, story),
        "groups": timeline(story),
        "ticks": lanes.ticks(story.length_s),
        "boundaries": [lanes.percent(phase.start_s, story.length_s) for phase in story.phases[1:]],
        "fault_at": lanes.percent(story.faults[0].start_s, story.length_s) if story.faults else None,
        "log": list(log(story, most)),
        "facts": list(facts(drill, column, story)),
        "images": _images(drill, story),
        "chart_values": _values(drill.folder / "values.yaml", most),
        "links": list(_links(drill.folder, beside)),
        "command": reproduce(drill, column),
    }


def timeline(story: Story) -> list[Group]:
    """All rows with their pictures; none without a journal."""
    if not story.entries:
        return []
    canvas = Canvas(story.length_s)
    groups = [part(story, canvas) for part in (lanes.course, lanes.conditions, lanes.pods, charts.charts)]
    for row, svg in zip((row for group in groups for row in group.rows), canvas.render(), strict=True):
        row.svg = svg
    return [group for group in groups if group.rows or group.note]


def facts(drill: Drill, column: Column, story: Story) -> Iterator[tuple[str, str]]:
    """Versions and what else tells this drill from others."""
    result, supplied = drill.result, story.first("supplied")
    if result is not None and result.chart:
        yield "Chart", f"{result.chart} {result.chart_version or ''}".strip()
    if result is not None and result.app_version:
        yield "Prometheus", result.app_version
    kubernetes = supplied.text("kubernetes") if supplied else column.run.kubernetes if column.run else ""
    if kubernetes:
        yield "Kubernetes", kubernetes
    if column.options.get("HELM_VERSION"):
        yield "Helm", column.options["HELM_VERSION"]
    if result is not None:
        yield "Profile", result.profile
    if supplied is not None:
        yield "Supply", f"{supplied.text('supply')}: {supplied.text('why')}"
    observed = result.observer if result else None
    if observed is not None and observed.detect_p95_s is not None:
        yield (
            "Observer",
            (
                f"95 % of {observed.detections or 0} changes known within {delay(observed.detect_p95_s)}; "
                f"{count(observed.api_requests or 0, 'API request')}, {count(observed.relists or 0, 'relist')}"
            ),
        )
    if drill.broken:
        yield "Journal", f"{count(drill.broken, 'line')} could not be read: the writer was killed in the middle of it"


def log(story: Story, most: Limits) -> Iterator[LogRow]:
    """The journal for people: what was done and what changed; what only did not hold yet is left out."""
    rows = 0
    for entry in story.entries:
        make = _SHOWN.get(entry.event)
        found = make(entry.fields) if make else None
        if found is None:
            continue
        rows += 1
        if rows > most.rows:
            yield LogRow("", "more", "The log is cut here", "journal.jsonl has the rest")
            return
        kind, what, detail = found
        late = entry.number("detected_after_s")
        detail = cut(redact_lines(detail), most.detail)
        yield LogRow(offset(story.time(entry)), kind, what, detail, "" if late is None else delay(late))


def _condition(fields: Mapping[str, Any]) -> tuple[str, str, str] | None:
    holds = fields.get("holds") is True
    if not holds and not fields.get("changed"):
        return None
    return ("holds" if holds else "ceased"), str(fields.get("name")), str(fields.get("text"))


def _of(kind: str, what: str, detail: str = "") -> Any:
    return lambda fields: (kind, _text(fields.get(what)), _text(fields.get(detail)) if detail else "")


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _step(fields: Mapping[str, Any]) -> tuple[str, str, str]:
    code = fields.get("exit_code")
    first = _text(fields.get("command")).split("\n", 1)[0]
    return "step", f"line {fields.get('line')}: {first}", "deadline" if code is None else f"exit code {code}"


_SHOWN: Mapping[str, Any] = {
    "alone": lambda _fields: ("alone", "nothing runs beside the drill any more", ""),
    "condition": _condition,
    "control": _of("control", "control", "left_out"),
    "ended-early": _of("end", "verdict", "reason"),
    "evidence-missing": _of("no evidence", "collector", "error"),
    "fault": _of("fault", "fault", "blast_radius"),
    "fault-confirmed": _of("confirmed", "fault", "by"),
    "leftover": _of("leftover", "namespace"),
    "observer-broken": _of("observer", "thread", "error"),
    "phase-begin": _of("phase", "phase"),
    "samples-unknown": _of("samples", "error"),
    "stage-begin": _of("stage", "stage"),
    "stage-seen": _of("seen", "stage"),
    "step": _step,
    "undo": _of("undo", "what", "error"),
    "verdict": _of("verdict", "verdict", "reason"),
    "wait-failed": _of("failed", "failure", "text"),
    "wait-timeout": _of("timeout", "missing", "last_seen"),
}
"""How each event is told; others are for machines."""


def _images(drill: Drill, story: Story) -> list[str]:
    """Images that containers ran; where the journal does not say, those that the values name."""
    told = sorted(set(sightings.images(story).values()))
    return told or sorted(set(_named(_yaml(drill.folder / "values.yaml"))))


def _named(value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    if value.get("enabled") is False:
        return
    repository, tag = value.get("repository"), value.get("tag")
    if isinstance(repository, str) and tag is not None:
        registry = f"{value['registry']}/" if value.get("registry") else ""
        yield f"{registry}{repository}:{tag}"
    for item in value.values():
        yield from _named(item)


def _yaml(file: Path) -> object:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(file.read_text(encoding="utf-8"), loader)  # noqa: S506  a safe one, in C where there is one
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None


def _values(file: Path, most: Limits) -> str:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return cut(redact_lines(text), most.values)


def _links(folder: Path, beside: Path) -> Iterator[tuple[str, str]]:
    """(name, relative address) of what lies in the drill's folder, and in its evidence."""
    names: Sequence[str] = ("journal.jsonl", "values.yaml")
    for name in names:
        if (folder / name).is_file():
            yield name, _address(folder / name, beside)
    for evidence in sorted(folder.glob("evidence*")):
        for file in sorted(path for path in evidence.rglob("*") if path.is_file()):
            yield str(file.relative_to(folder)), _address(file, beside)


def _address(file: Path, beside: Path) -> str:
    return quote(os.path.relpath(file, beside).replace(os.sep, "/"))

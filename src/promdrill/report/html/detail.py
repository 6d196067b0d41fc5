"""One drill for the page: everything that its template shows."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from promdrill.core import reading, yaml_read
from promdrill.core.errors import UsageError
from promdrill.core.model import Verdict
from promdrill.core.reading import Unreadable
from promdrill.core.redact import redact_lines
from promdrill.report.html import alerts, charts, lanes
from promdrill.report.html.commands import reproduce
from promdrill.report.html.draw import Canvas
from promdrill.report.html.lanes import Group
from promdrill.report.html.limits import Limits
from promdrill.report.html.load import Column, Drill, opened
from promdrill.results.expected import outcome
from promdrill.results.timeline.drill import Timeline
from promdrill.results.timeline.lines import row_of
from promdrill.results.words import between, count, cut, delay, offset, seconds

UNFINISHED = "unfinished"
"""Stands for the verdict of a drill without a result."""

MARKS: Mapping[str, str] = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
    Verdict.INVALID: "?",
    Verdict.ABORTED: "!",
    UNFINISHED: "…",
}


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of the log: when, what kind, what, details, and how late after the change it was known."""

    at: str
    kind: str
    what: str
    detail: str
    late: str = ""


@dataclass(frozen=True, slots=True)
class Badge:
    """How a drill ended: its verdict, its mark, whether that was expected, and the class of its colour."""

    verdict: str
    mark: str
    as_expected: bool
    colour: str


def badge(drill: Drill) -> Badge:
    """How it ended; a control that ended as expected is as good as passed."""
    verdict = str(drill.result.verdict) if drill.result else UNFINISHED
    control = drill.result is not None and drill.result.control is not None
    colour = ("passed" if drill.as_expected else "failed") if control else verdict
    return Badge(verdict, MARKS[verdict], drill.as_expected, colour)


def said(drill: Drill) -> str:
    """How it ended, in words; for a drill without a result, how far it got."""
    if drill.result is not None:
        return outcome(drill.result)
    told = drill.timeline
    if not told.entries:
        return "No result, and no journal that could be read."
    phase = told.phases[-1] if told.phases else None
    where = "before its first phase" if phase is None else f"{'in' if phase.ended is None else 'after'} {phase.name}"
    return (
        f"No result: interrupted, or still running. The journal ends {where}, {seconds(told.length_s)} into the drill."
    )


def length_s(drill: Drill) -> float | None:
    """Seconds from its first phase to its end."""
    if drill.result and drill.result.phases and all(phase.took_s is not None for phase in drill.result.phases):
        last = drill.result.phases[-1]
        return (between(drill.result.phases[0].started, last.started) or 0.0) + (last.took_s or 0.0)
    told = opened(drill).timeline
    return told.length_s if told.entries else None


def context(drill: Drill, column: Column, *, beside: Path, most: Limits) -> dict[str, Any]:
    """What the template needs of one drill.

    Args:
        drill: The drill, opened.
        column: Its run.
        beside: The folder of the page, which links are relative to.
        most: How much is shown.
    """
    told = drill.timeline
    return {
        "drill": drill,
        "column": column,
        "told": told,
        "badge": badge(drill),
        "said": redact_lines(said(drill)),
        "length_s": length_s(drill),
        "groups": timeline(told, most),
        "ticks": lanes.ticks(told.length_s),
        "boundaries": [lanes.percent(phase.began.s, told.length_s) for phase in told.phases[1:]],
        "fault_at": lanes.percent(told.faults[0].began.s, told.length_s) if told.faults else None,
        "log": list(log(told, most)),
        "facts": list(facts(drill, column)),
        "images": _images(drill),
        "chart_values": _values(drill.folder / "values.yaml", most),
        "links": list(_links(drill.folder, beside)),
        "command": reproduce(drill, column),
    }


def timeline(drill: Timeline, most: Limits) -> list[Group]:
    """All rows with their drawings; none without a journal."""
    if not drill.entries:
        return []
    canvas = Canvas(drill.length_s)
    groups = [lanes.course(drill, canvas), alerts.group(drill, canvas, most)]
    groups += [part(drill, canvas) for part in (lanes.conditions, lanes.pods, charts.charts)]
    for row, svg in zip((row for group in groups for row in group.rows), canvas.render(), strict=True):
        row.svg = svg
    return [group for group in groups if group.rows or group.note]


def facts(drill: Drill, column: Column) -> Iterator[tuple[str, str]]:
    """Versions, and whatever else distinguishes this drill from others."""
    result, supplied = drill.result, drill.timeline.supplied
    if result is not None and result.chart:
        yield "Chart", f"{result.chart} {result.chart_version or ''}".strip()
    if result is not None and result.app_version:
        yield "Prometheus", result.app_version
    kubernetes = supplied.kubernetes if supplied else column.run.kubernetes if column.run else ""
    if kubernetes:
        yield "Kubernetes", kubernetes
    if column.options.get("HELM_VERSION"):
        yield "Helm", column.options["HELM_VERSION"]
    if result is not None:
        yield "Profile", result.profile
    if supplied is not None:
        yield "Supply", f"{supplied.supply}: {supplied.why}"
    observed = result.observer if result else None
    if observed is not None and observed.detect_p95_s is not None:
        yield (
            "Observer",
            (
                f"95 % of {observed.detections or 0} changes known within {delay(observed.detect_p95_s)}; "
                f"{count(observed.api_requests or 0, 'API request')}, {count(observed.relists or 0, 'relist')}"
            ),
        )
    if drill.skipped.broken:
        lines = count(drill.skipped.broken, "line")
        yield "Journal", f"{lines} could not be read: the writer was killed while writing"
    if drill.skipped.unknown:
        yield "Journal", f"{count(drill.skipped.unknown, 'event')} from another version of promdrill left out"


def log(drill: Timeline, most: Limits) -> Iterator[LogRow]:
    """The journal for people: what was done and what changed, without what merely did not hold yet."""
    told = ((when, row) for when, event in drill.entries if (row := row_of(event)) is not None)
    for when, row in itertools.islice(told, most.rows):
        late = "" if row.late_s is None else delay(row.late_s)
        yield LogRow(offset(when.s), row.kind, row.what, cut(redact_lines(row.detail), most.detail), late)
    if next(told, None) is not None:
        yield LogRow("", "more", "The log ends here", "journal.jsonl has the rest")


def _images(drill: Drill) -> list[str]:
    """Images that containers ran; if the journal does not have them, those in the values."""
    told = sorted(set(drill.timeline.images.values()))
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
    try:
        return yaml_read.value_of(reading.text_of(file), said=str(file))
    except UsageError:
        return None


def _values(file: Path, most: Limits) -> str:
    try:
        content = reading.bytes_of(file, limit_bytes=reading.LARGEST_TEXT_BYTES)
    except Unreadable:
        return ""
    return cut(redact_lines(content.decode("utf-8", "replace")), most.values)


def _links(folder: Path, beside: Path) -> Iterator[tuple[str, str]]:
    """(name, relative address) of the files in the drill's folder, and in its evidence."""
    names: Sequence[str] = ("journal.jsonl", "values.yaml")
    for name in names:
        if (folder / name).is_file():
            yield name, _address(folder / name, beside)
    for evidence in sorted(folder.glob("evidence*")):
        for file in sorted(path for path in evidence.rglob("*") if path.is_file()):
            yield str(file.relative_to(folder)), _address(file, beside)


def _address(file: Path, beside: Path) -> str:
    return quote(os.path.relpath(file, beside).replace(os.sep, "/"))

"""Runs as Markdown, for the summary page of a CI job: the same columns, verdicts and words as on the HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from promdrill.core.model import Verdict
from promdrill.core.redact import redact_lines
from promdrill.core.terminal import one_line
from promdrill.report.html.commands import reproduce
from promdrill.report.html.load import Column, Drill, load, previous
from promdrill.results.expected import outcome
from promdrill.results.store import read
from promdrill.results.table import Table, escape
from promdrill.results.words import NOTHING, between, count, cut, seconds

REASON_CHARS = 300
"""Characters of a reason: a summary page is for a glance; the journal and the HTML page have the rest."""

_MARKS = {Verdict.PASSED: "✅", Verdict.FAILED: "❌", Verdict.INVALID: "⚠️", Verdict.ABORTED: "🛑", None: "⏳"}

_HEAD = ("drill", "verdict", "detected", "recovered", "gap", "lost")


def to_markdown(folders: Sequence[Path], *, earlier: Path | None = None) -> str:
    """A headline, what did not end as expected, and a table of each run's drills, folded if all is well.

    Args:
        folders: Each is a run, or holds runs.
        earlier: The run to compare recovery times with; for a single run, by default the one before it.

    Raises:
        UsageError: A folder holds no run, or a results.json is not one.
    """
    columns = load(folders)
    if earlier is None and len(columns) == 1:
        earlier = previous(columns[0])
    before = _before(earlier)
    drills = [drill for column in columns for drill in column.drills]
    wrong = [(column, drill) for column in columns for drill in column.drills if not drill.as_expected]
    out = [f"## promdrill: {_headline(len(drills), len(wrong))}"]
    out += [f"\n> {escape(column.name)} did not finish." for column in columns if not column.finished]
    if wrong:
        out += ["", *(line for column, drill in wrong for line in _wrong(column, drill))]
    for column in columns:
        out += [
            "",
            *_table(column, before, folded=len(columns) > 1 and all(drill.as_expected for drill in column.drills)),
        ]
    return "\n".join(out) + "\n"


def _headline(drills: int, wrong: int) -> str:
    if not drills:
        return "no drill was run"
    return (
        f"{wrong} of {count(drills, 'drill')} did not end as expected"
        if wrong
        else f"{count(drills, 'drill')}, all as expected"
    )


def _wrong(column: Column, drill: Drill) -> Iterable[str]:
    said = outcome(drill.result) if drill.result else "no result: interrupted, or still running"
    reason = escape(cut(one_line(redact_lines(said)), REASON_CHARS))
    yield f"- {_verdict(drill)} **{escape(drill.name)}** ({escape(column.name)}): {reason}"
    yield f"  <br>`{reproduce(drill, column).replace('`', '')}`"


def _table(column: Column, before: dict[str, float], *, folded: bool) -> list[str]:
    title = escape(f"{column.name}: {count(len(column.drills), 'drill')}{_took(column)}")
    skipped = column.run.skipped if column.run else ()
    told = [_cells(drill, before) for drill in column.drills]
    told += [(skip.scenario, "skipped", skip.reason, "", "", "") for skip in skipped]
    rows = Table(_HEAD, told).markdown()
    if folded:  # Markdown inside HTML needs an empty line before it
        return ["<details>", f"<summary>{title}</summary>", "", *rows, "", "</details>"]
    return [f"### {title}", "", *rows]


def _cells(drill: Drill, before: dict[str, float]) -> tuple[str, ...]:
    result = drill.result
    if result is None:
        return (drill.name, _verdict(drill), *[NOTHING] * 4)
    recovered = seconds(result.recovered_after_s)
    was = before.get(drill.name)
    if was is not None and result.recovered_after_s is not None:
        recovered += f" (was {seconds(was)})"
    lost = NOTHING if result.samples.lost is None else str(result.samples.lost)
    figures = (seconds(result.detected_after_s), recovered, seconds(result.samples.gap_s), lost)
    return (drill.name, _verdict(drill), *figures)


def _verdict(drill: Drill) -> str:
    verdict = drill.result.verdict if drill.result else None
    due = ", as expected" if drill.as_expected and drill.control is not None else ""
    mark = _MARKS[Verdict.PASSED] if drill.as_expected else _MARKS[verdict]
    return f"{mark} {verdict or 'unfinished'}{due}"


def _took(column: Column) -> str:
    took_s = between(column.run.started, column.run.finished) if column.run else None
    return f", {seconds(took_s)}" if took_s is not None else ""


def _before(earlier: Path | None) -> dict[str, float]:
    drills = read(earlier).drills if earlier else ()
    return {drill.name: drill.recovered_after_s for drill in drills if drill.recovered_after_s is not None}

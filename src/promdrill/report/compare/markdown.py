"""A comparison as Markdown, for the summary page of a CI job or the text of an issue."""

from __future__ import annotations

from collections.abc import Iterable

from promdrill.core.model import drill_name
from promdrill.report.compare.regressions import Compared, Comparison, Finding
from promdrill.report.compare.text import (
    NOTHING,
    PROPOSAL,
    aborted_lines,
    across_line,
    alert_lines,
    cell_line,
    command,
    nothing_compared,
    recovery_line,
    side_words,
    source_line,
    title,
)
from promdrill.results.table import Table, escape

_HEAD = ("finding", "drill", "cell", "old", "new", "recovery")
_ALERTS = "alerts"
"""A further column, where alerts do not fire as they did."""


def to_markdown(comparison: Comparison, old: str, new: str) -> str:
    """Regressions in a table, aborted drills in a list, all other cells in a folded table.

    Arguments as in `promdrill.report.compare.text.to_text`.
    """
    regressions = comparison.of(Finding.REGRESSION)
    others = [finding for finding in Finding if finding is not Finding.REGRESSION]
    out = [f"## promdrill compare: {title(Finding.REGRESSION, len(regressions))}", ""]
    out += [f"- {escape(source_line('OLD', old, comparison.old))}"]
    out += [f"- {escape(source_line('NEW', new, comparison.new))}"]
    if comparison.across:
        out += [f"- {across_line(comparison)}"]
    if nothing_compared(comparison):
        out += ["", f"**{NOTHING}**"]
    if comparison.proposal:
        out += ["", PROPOSAL, "", f"    {command(comparison, old, new)}"]
    if regressions:
        out += ["", *_table(regressions)]
    aborted = aborted_lines(comparison)
    if aborted:
        out += ["", "Aborted, which says nothing about the runbook:", "", *(f"- {escape(line)}" for line in aborted)]
    rest = comparison.of(*others)
    if rest:
        counts = ", ".join(title(finding, len(rows)) for finding in others if (rows := comparison.of(finding)))
        # Markdown inside HTML needs an empty line before it.
        out += ["", "<details>", f"<summary>{counts}</summary>", "", *_table(rest), "", "</details>"]
    return "\n".join(out)


def _table(rows: Iterable[Compared]) -> list[str]:
    told = [_columns(row) for row in rows]
    shown = [*_HEAD, _ALERTS] if any(row[-1] for row in told) else _HEAD
    return Table(shown, [row[: len(shown)] for row in told]).markdown()


def _columns(row: Compared) -> tuple[str, ...]:
    name = drill_name(row.cell.scenario, row.cell.control)
    return (
        str(row.finding),
        name,
        cell_line(row.cell, row.old, row.new),
        side_words(row.old, row.finding),
        side_words(row.new, row.finding),
        recovery_line(row),
        "; ".join(alert_lines(row)),
    )

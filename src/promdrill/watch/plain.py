"""Events as lines of plain text, for a pipe, a file or a dumb terminal: one for each important event."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC

from promdrill.core.events import Entry
from promdrill.results.timeline.lines import line_of
from promdrill.watch.rows import DrillRow, Status

INDENT = " " * 9
"""Indent of continuation lines, as in the summary of a run."""


def line(name: str, entry: Entry) -> str | None:
    """An entry of the drill `name` as a line, with its time of day in UTC; None for one that is not shown."""
    said = line_of(entry.event)
    return None if said is None else f"{entry.at.astimezone(UTC):%H:%M:%S} {name}: {said}"


def wrapped(text: str, width: int) -> Iterator[str]:
    """The text in as many lines as it needs; a word longer than a line stays whole, so that it can be copied."""
    yield from textwrap.wrap(
        text, max(20, width), subsequent_indent=INDENT, break_on_hyphens=False, break_long_words=False
    ) or [""]


def table(listed: Sequence[DrillRow]) -> Iterator[str]:
    """The rows as lines, not shortened."""
    wide = max((len(row.name) for row in listed), default=0)
    for row in listed:
        took = "" if row.took_s is None else f"{row.took_s:.0f} s"
        mark = " (not as expected)" if row.status is Status.ENDED and row.good is False and "[" in row.name else ""
        yield f"{row.word:<11} {row.name:<{wide}} {took:>7}  {row.said}{mark}".rstrip()
